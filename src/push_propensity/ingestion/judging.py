"""Each order line typed, and why it cannot be taken in, if it cannot."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import ibis
import ibis.expr.types as ir
from ibis import _

from push_propensity.ingestion.options import IngestionOptions
from push_propensity.ingestion.personal_data import looks_personal
from push_propensity.ingestion.pseudonyms import pseudonymise, read_key
from push_propensity.ingestion.sources import ID, KINDS, NUMBER, TIME, mapped
from push_propensity.ingestion.values import (
    has_zone,
    read_id,
    read_number,
    read_seen,
    read_text,
    read_time,
    shape,
)

IDS = ("order_id", "user_id", "variant_id")
MEASURES = ("quantity", "price")
CATEGORIES = ("vendor", "product_type")
READ = ("created_at", *MEASURES)  # what text may fail to hold
FIELDS = (*IDS, "created_at", *MEASURES, *CATEGORIES)

UNREADABLE_LINE = "unreadable line"
PERSONAL_ID = "personal data in an id"
ZONED_TIME = "created_at has a time zone and ingestion.time_zone is not set"
FUTURE = "created_at in the future"
NOT_BOUGHT = "quantity not above 0"
NEGATIVE_PRICE = "negative price"
UNKNOWN_PRODUCT = "product not in products"
OTHER_USER = "order of another user"

_LATEST_ZONE = timedelta(hours=14)  # no place is further ahead of UTC


def judge_order_lines(
    lines: ir.Table,
    products: ir.Table,
    unparsed: ir.Table | None,
    options: IngestionOptions,
    now: datetime | None = None,
) -> ir.Table:
    """Return each row of the source typed, with the reason for which it is put aside.

    Args:
        lines: The mapped columns of the source, as `sources.select_columns` gives them.
        products: Those of the products, as `reading.read_sources` gives them.
        unparsed: One row per line of the source that could not be parsed: its number, `line`.
        options: How the values are written, and what is put aside.
        now: The time of the run in UTC; None: the clock's.

    Returns:
        The columns of `FIELDS`; `unreadable`: the shape of the value that could not be read;
        `reason`: the first one that holds, null where the row is taken in; `line`: the number of
        a line that could not be parsed.

    Raises:
        DataError: Pseudonyms are asked for and there is no key.
    """
    typed = read_values(lines, options)
    products = products.select(variant_id=read_id(products.variant_id))
    if products.variant_id.type().is_string():
        typed = typed.mutate(variant_id=_.variant_id.cast("string"))
    judged = typed.mutate(
        reason=_first_reason(typed, options, now or datetime.now(UTC)),
        unreadable=ibis.cases(
            *((_unreadable(typed, field), shape(typed[f"{field}_text"])) for field in READ),
            else_=ibis.null("string"),
        ),
        line=ibis.null("int64"),
    )
    if options.unknown_products == "put_aside":
        judged = _put_unknown_products_aside(judged, products)
    judged = _put_other_users_aside(judged).select(*FIELDS, "unreadable", "reason", "line")
    return judged if unparsed is None else judged.union(_unparsed_rows(judged, unparsed))


def read_values(lines: ir.Table, options: IngestionOptions) -> ir.Table:
    """Return `FIELDS` typed, and for each of `READ` the text it was read from: `<field>_text`."""
    typed: dict[str, ir.Value] = {}
    for field in FIELDS:
        if field not in lines.columns:
            typed[field] = ibis.null("string" if field in CATEGORIES else "float64")
        elif KINDS[field] == ID:
            typed[field] = read_id(lines[field])
        elif KINDS[field] == NUMBER:
            typed[field] = read_number(lines[field])
        elif KINDS[field] == TIME:
            typed[field] = read_time(lines[field], options.time_format, options.time_zone)
        else:
            typed[field] = read_text(lines[field])
    texts = {
        f"{field}_text": read_seen(lines[field]) if field in lines.columns else ibis.null("string")
        for field in READ
    }
    return lines.select(**typed | _pseudonyms(typed, options), **texts)


def _pseudonyms(typed: dict[str, ir.Value], options: IngestionOptions) -> dict[str, ir.Value]:
    columns = mapped(options.columns)
    replaced = [field for field in IDS if columns[field] in options.personal_data.pseudonymise]
    key = read_key() if replaced else b""
    return {field: pseudonymise(typed[field].cast("string"), key) for field in replaced}


def _unreadable(typed: ir.Table, field: str) -> ir.BooleanColumn:
    return typed[f"{field}_text"].notnull() & typed[field].isnull()


def _first_reason(typed: ir.Table, options: IngestionOptions, now: datetime) -> ir.StringColumn:
    ids = [typed[field] for field in IDS]
    columns, allowed = mapped(options.columns), options.personal_data.allow
    watched = [typed[field] for field in IDS if columns[field] not in allowed]
    time, time_text = typed.created_at, typed.created_at_text
    no_zone = options.time_zone is None and options.time_format is None
    rules = [
        (ibis.and_(*(column.isnull() for column in (*ids, time_text))), UNREADABLE_LINE),
        *((typed[field].isnull(), f"missing {field}") for field in IDS),
        *((looks_personal(column), PERSONAL_ID) for column in watched if column.type().is_string()),
        (time_text.isnull(), "missing created_at"),
        (time.isnull() & has_zone(time_text) & no_zone, ZONED_TIME),
        *((_unreadable(typed, field), f"unreadable {field}") for field in READ),
        (time > ibis.literal(_latest_time(options, now)), FUTURE),
        (typed.quantity <= 0, NOT_BOUGHT),
        (typed.price < 0, NEGATIVE_PRICE),
    ]
    return ibis.cases(*rules, else_=ibis.null("string"))


def _latest_time(options: IngestionOptions, now: datetime) -> datetime:
    if options.latest_time is not None:
        return options.latest_time
    if options.time_zone is not None:
        return now.astimezone(ZoneInfo(options.time_zone)).replace(tzinfo=None)
    return now.replace(tzinfo=None) + _LATEST_ZONE


def _put_unknown_products_aside(judged: ir.Table, products: ir.Table) -> ir.Table:
    known = products.select(known_id=_.variant_id.cast(judged.variant_id.type())).distinct()
    unknown = _.reason.isnull() & _.known_id.isnull()
    return judged.left_join(known, judged.variant_id == known.known_id).mutate(
        reason=unknown.ifelse(UNKNOWN_PRODUCT, _.reason)
    )


def _put_other_users_aside(judged: ir.Table) -> ir.Table:
    """An order belongs to the user of its first line."""
    owners = (
        judged.filter(_.reason.isnull())
        .group_by(owned_id=_.order_id)
        .aggregate(owner=_.user_id.first(order_by=[_.created_at, _.user_id]))
    )
    other = _.reason.isnull() & (_.user_id != _.owner)
    return judged.left_join(owners, judged.order_id == owners.owned_id).mutate(
        reason=other.ifelse(OTHER_USER, _.reason)
    )


def _unparsed_rows(judged: ir.Table, unparsed: ir.Table) -> ir.Table:
    nothing = {name: ibis.null(kind) for name, kind in judged.schema().items()}
    given = {"reason": ibis.literal(UNREADABLE_LINE), "line": unparsed.line.cast("int64")}
    return unparsed.select(**nothing | given)
