"""Columns that look like people's names, e-mail addresses or phone numbers."""

import re
from collections.abc import Callable, Collection, Mapping

import ibis.expr.types as ir
import phonenumbers

from push_propensity.errors import DataError
from push_propensity.ingestion.options import PersonalData
from push_propensity.ingestion.pseudonyms import KEY_VARIABLE
from push_propensity.ingestion.values import plain

NAME, EMAIL, PHONE = "a person's name or address", "an e-mail address", "a phone number"

EMAIL_PATTERN = r"[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+\.[A-Za-z0-9.-]*[A-Za-z]"
INTERNATIONAL_PATTERN = r"^(\+|00)[0-9][0-9 ()./-]{6,}$"

_PHONE_SHAPE = re.compile(r"\+?[\d\s().\-/]{7,24}")
_PHONE_PUNCTUATION = re.compile(r"^[+0(]|[\s().\-/]")
_DATE = re.compile(r"\d{4}-\d{1,2}-\d{1,2}|\d{1,2}[./]\d{1,2}[./]\d{2,4}|\d+\.\d+")
# What a value must hold for its column's name to be believed: `email_opt_in` may hold yes and no.
_COULD_BE = {
    NAME: re.compile(r"[^\W\d_]{2}"),
    EMAIL: re.compile("@"),
    PHONE: re.compile(r"(\d[\s().\-/]*){7}"),
}
_WORD_BREAK = re.compile(r"[^0-9A-Za-z]+|(?<=[a-z0-9])(?=[A-Z])")

_NAME_WORDS = {
    "surname", "forename", "firstname", "lastname", "fullname", "givenname", "familyname",
    "middlename", "nickname", "username", "vorname", "nachname", "address",
}  # fmt: skip
_WHOSE_NAME = {
    "first", "last", "full", "given", "family", "middle", "maiden", "user", "customer", "client",
    "buyer", "person", "contact", "recipient", "member", "shopper", "billing", "shipping",
    "account", "holder", "delivery", "employee", "cashier",
}  # fmt: skip
_PHONE_WORDS = {"phone", "telephone", "telefon", "msisdn", "fax", "tel", "cellphone", "phonenumber"}
_EMAIL_WORDS = {"email", "mail", "emailaddress"}

_MOST = 0.5  # of a column's values, for what an opaque id can look like by chance


def check_personal_data(
    name: str, source: ir.Table, options: PersonalData, people: Collection[str] = ()
) -> None:
    """Refuse a source with columns that look personal and that nobody has decided about.

    All columns of the source are looked at, their names and a sample of their values. A column's
    name counts where a value could be what it says. An e-mail address in any value counts; phone
    numbers and names of people must be in most values, because opaque ids may look like them by
    chance.

    Args:
        name: What the source is called in messages.
        source: The table as it came.
        options: Which columns are dropped, pseudonymised or allowed.
        people: The columns whose values may be names of people.

    Raises:
        DataError: Names the columns, why each looks personal, and what can be done; no values.
    """
    decided = {*options.drop, *options.pseudonymise, *options.allow}
    findings = {}
    for column in source.columns:
        if column not in decided:
            values = _sample(source, column, options.sample_rows)
            if finding := inspect_column(column, values, options.phone_regions, column in people):
                findings[column] = finding
    if findings:
        raise DataError(_refusal(name, findings))


def check_decisions(options: PersonalData, found: set[str], ids: set[str], used: set[str]) -> None:
    """Refuse decisions about personal data that cannot be carried out.

    Args:
        options: The decisions.
        found: All columns of the sources.
        ids: The mapped columns that hold ids of orders and users.
        used: All mapped columns.

    Raises:
        DataError: A column is in no source, is to be dropped and is mapped, or is to be
            pseudonymised and is not an id of an order or a user.
    """
    drop, replace, allow = {*options.drop}, {*options.pseudonymise}, {*options.allow}
    problems = {
        "are in no source": (drop | replace | allow) - found,
        "are to be dropped and are mapped to what is read": drop & used,
        "are to be pseudonymised and hold no id of an order or a user; drop them": (replace & found)
        - ids,
    }
    if any(problems.values()):
        raise DataError(
            "The parameter ingestion.personal_data cannot be followed: "
            + "; ".join(
                f"{', '.join(sorted(columns))} {problem}"
                for problem, columns in problems.items()
                if columns
            )
            + f". The sources have: {', '.join(sorted(found))}."
        )


def inspect_column(
    column: str, values: list[str], phone_regions: tuple[str, ...], people: bool
) -> str | None:
    """Say why a column looks personal, or None.

    Args:
        column: Its name.
        values: A sample of its values, as text.
        phone_regions: The countries whose national phone numbers are looked for.
        people: Whether its values may be names of people.
    """
    by_name = _kind_by_name(column)
    if by_name and any(_COULD_BE[by_name].search(value) for value in values):
        return f"{by_name}, by its name"
    if any(re.search(EMAIL_PATTERN, value) for value in values):
        return f"{EMAIL}, by its values"
    if _in_most(values, lambda value: looks_like_phone(value, phone_regions)):
        return f"{PHONE}, by its values"
    if people and _in_most(values, looks_like_name):
        return f"{NAME}, by its values"
    return None


def looks_like_phone(value: str, regions: tuple[str, ...]) -> bool:
    """Whether a text is a valid phone number, international or national in one of the regions.

    Plain digits without a leading 0 are taken for an id.
    """
    text = value.strip()
    if not _PHONE_SHAPE.fullmatch(text) or not _PHONE_PUNCTUATION.search(text):
        return False
    if _DATE.fullmatch(text):
        return False
    if text.startswith("00"):
        text = f"+{text[2:]}"
    return any(_is_valid(text, region) for region in ((None,) if text[0] == "+" else regions))


def looks_like_name(value: str) -> bool:
    """Whether a text is two to four capitalised words."""
    words = value.split()
    return 2 <= len(words) <= 4 and all(
        word[0].isupper() and re.fullmatch(r"[^\W\d_](?:[^\W\d_]|['’.-])*", word) for word in words
    )


def looks_personal(text: ir.StringColumn) -> ir.BooleanColumn:
    """Whether an id holds an e-mail address or is an international phone number."""
    return text.re_search(EMAIL_PATTERN) | (
        text.re_search(INTERNATIONAL_PATTERN) & ~text.re_search("^[0-9]+$")
    )


def _is_valid(text: str, region: str | None) -> bool:
    try:
        return phonenumbers.is_valid_number(phonenumbers.parse(text, region))
    except phonenumbers.NumberParseException:
        return False


def _words(column: str) -> list[str]:
    return [word.lower() for word in _WORD_BREAK.split(column) if word]


def _kind_by_name(column: str) -> str | None:
    words = _words(column)
    if _EMAIL_WORDS & set(words):
        return EMAIL
    if _PHONE_WORDS & set(words) or words == ["mobile"] or {"mobile", "number"} <= set(words):
        return PHONE
    if _NAME_WORDS & set(words) or ("name" in words and _WHOSE_NAME & set(words)):
        return NAME
    return None


def _in_most(values: list[str], test: Callable[[str], bool]) -> bool:
    return bool(values) and sum(map(test, values)) >= _MOST * len(values)


def _sample(source: ir.Table, column: str, rows: int) -> list[str]:
    """The first values of a column that are there, if it holds text or whole numbers."""
    kind = source[column].type()
    if not (kind.is_string() or kind.is_json() or kind.is_integer()):
        return []
    values = source.select(value=plain(source[column]).cast("string"))
    values = values.filter(values.value.notnull(), values.value != "").limit(rows)
    return [str(value) for value in values.to_pyarrow()["value"].to_pylist()]


def _refusal(name: str, findings: Mapping[str, str]) -> str:
    columns = "; ".join(f"{column} ({finding})" for column, finding in findings.items())
    return (
        f"{name} has columns that look like personal data: {columns}. Leave them out of the "
        "source, or name each in one list of the parameter ingestion.personal_data: drop (it is "
        "not read), pseudonymise (an id, replaced by a pseudonym made with the key in the "
        f"environment variable {KEY_VARIABLE}), or allow (you know that it is not personal)."
    )
