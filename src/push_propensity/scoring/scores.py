"""Scoring users: reading them strictly, rejecting whom the model cannot score, the rest's scores.

JSON as RFC 8259 has it: no NaN, no infinity, UTF-8, and no user twice.
"""

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson

from push_propensity.errors import UsersError
from push_propensity.scoring.inputs import Columns, Fault, FeatureSchema, is_unicode

_LONGEST_INTEGER = 400


@dataclass(frozen=True)
class ScoringLimits:
    """How much may be scored at once: bytes of JSON text and users."""

    byte_limit: int = sys.maxsize
    user_limit: int = sys.maxsize


UNLIMITED = ScoringLimits()


@dataclass(frozen=True)
class CheckedUsers:
    """Users who can be scored, with a column per feature in their order, and those who cannot."""

    ids: tuple[str, ...]
    columns: Columns
    rejected: Mapping[str, Fault]


def parse_users(users: object, limits: ScoringLimits = UNLIMITED) -> dict[str, Any]:
    """Return the users as an object `{user id: {feature: value}}`; their values may be anything.

    Args:
        users: JSON text, its bytes in UTF-8, or the object itself (which is not copied).
        limits: How much is accepted.

    Raises:
        UsersError: Not JSON, no object, a user twice, an id that is not Unicode text, too large
            or too many. `code` tells which.

    Examples:
        >>> parse_users('{"anna": {"count_pets": 2}}')
        {'anna': {'count_pets': 2}}
        >>> parse_users('{"anna": {}, "anna": {}}')
        Traceback (most recent call last):
        ...
        push_propensity.errors.UsersError: A user id stands there twice; give each user once.
    """
    if isinstance(users, str | bytes | bytearray):
        users = _parse_json(_encode(users, limits.byte_limit))
    if not isinstance(users, dict):
        raise UsersError(
            "INVALID_USERS",
            "'users' must be an object {user id: {feature: value}} or its JSON text.",
        )
    if len(users) > limits.user_limit:
        raise UsersError(
            "TOO_MANY_USERS", f"At most {limits.user_limit} users can be scored at once."
        )
    if not {str}.issuperset(map(type, users)) or not is_unicode("".join(users)):
        raise UsersError("INVALID_USERS", "User ids must be Unicode text without lone surrogates.")
    return users


def check_users(users: Mapping[str, Any], schema: FeatureSchema) -> CheckedUsers:
    """Sort out the users whom the model cannot score.

    Args:
        users: Per user id the values by feature. Features that the model does not know are ignored.
        schema: The features of the model.

    Examples:
        >>> from push_propensity.scoring.inputs import ModelFeature
        >>> schema = FeatureSchema([ModelFeature("count_pets", "number")])
        >>> checked = check_users({"anna": {"count_pets": 2}, "ben": {}}, schema)
        >>> checked.ids, checked.rejected
        (('anna',), {'ben': Fault(code='MISSING_FEATURE', feature='count_pets')})
    """
    faults = {user: _find_user_fault(user, row) for user, row in users.items()}
    ids = [user for user, fault in faults.items() if fault is None]
    columns, row_faults = schema.tabulate([users[user] for user in ids])
    faults.update({ids[position]: fault for position, fault in row_faults.items()})
    return CheckedUsers(
        ids=tuple(user for position, user in enumerate(ids) if position not in row_faults),
        columns=columns,
        rejected={user: fault for user, fault in faults.items() if fault is not None},
    )


def report_scores(
    users: CheckedUsers, scores: npt.NDArray[np.float64], model_name: str
) -> dict[str, Any]:
    """Return the scores by user id, the model's name and, if there are any, the rejected users.

    Everything is in the order in which the users came and of types that JSON knows.

    Examples:
        >>> users = CheckedUsers(("anna",), {}, {"ben": Fault("TYPE", "vendor")})
        >>> report = report_scores(users, np.array([0.25]), "push_2024_01_31")
        >>> report["prediction"], report["rejected"]
        ({'anna': 0.25}, {'ben': {'code': 'TYPE', 'feature': 'vendor'}})
    """
    report: dict[str, Any] = {
        "prediction": dict(zip(users.ids, scores.tolist(), strict=True)),
        "model_name": model_name,
    }
    if users.rejected:
        report["rejected"] = {
            user: {"code": fault.code, "feature": fault.feature}
            for user, fault in users.rejected.items()
        }
    return report


def _find_user_fault(user: str, row: object) -> Fault | None:
    if not user:
        return Fault("EMPTY_ID")
    return None if isinstance(row, dict) else Fault("NOT_AN_OBJECT")


def _encode(users: str | bytes | bytearray, byte_limit: int) -> bytes:
    if len(users) <= byte_limit:
        try:
            content = users.encode() if isinstance(users, str) else bytes(users)
        except UnicodeEncodeError as error:
            raise _not_json("it holds lone surrogates") from error
        if len(content) <= byte_limit:
            return content
    raise UsersError("TOO_LARGE", f"'users' may have at most {byte_limit} bytes. Send fewer users.")


def _parse_json(content: bytes) -> object:
    try:
        users = orjson.loads(content)
    except orjson.JSONDecodeError:
        return _parse_slowly(content)
    return users if _has_no_name_twice(content, users) else _parse_slowly(content)


def _has_no_name_twice(content: bytes, users: object) -> bool:
    """Tell whether the text surely has no name twice in one object.

    The colons of the text are one per member, and those within strings. orjson keeps one member
    of each name; if there are just as many members as colons, none was dropped.
    """
    if not isinstance(users, dict):
        return True
    members = len(users) + sum(len(row) for row in users.values() if isinstance(row, dict))
    if b"\\" not in content:  # a colon of an id is one in the text, unless it is escaped there
        members += "".join(users).count(":")
    return content.count(b":") == members


def _parse_slowly(content: bytes) -> object:
    """Read what orjson does not: numbers of any size; and find out who is there twice."""
    last_object: list[tuple[str, Any]] = []

    def keep(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        nonlocal last_object
        last_object = pairs
        return dict(pairs)

    try:
        users = json.loads(
            content.decode(),
            object_pairs_hook=keep,
            parse_int=_parse_integer,
            parse_constant=_refuse_constant,
        )
    except UnicodeDecodeError as error:
        raise _not_json("it is not UTF-8") from error
    except RecursionError as error:
        raise _not_json("it is nested too deeply") from error
    except json.JSONDecodeError as error:
        raise _not_json(f"see line {error.lineno}, column {error.colno}") from error
    if isinstance(users, dict) and len(users) < len(last_object):
        raise UsersError("DUPLICATE_USER", "A user id stands there twice; give each user once.")
    return users


def _parse_integer(digits: str) -> float:
    return int(digits) if len(digits) < _LONGEST_INTEGER else float(digits)


def _refuse_constant(_: str) -> None:
    raise _not_json("NaN and infinity are not JSON")


def _not_json(reason: str) -> UsersError:
    return UsersError("INVALID_JSON", f"'users' must be JSON (RFC 8259) in UTF-8; {reason}.")
