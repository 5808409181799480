"""Keyed pseudonyms: the same id and key give the same pseudonym, in every table and run."""

import hashlib
import hmac
import os

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.types as ir
import pyarrow as pa

from push_propensity.errors import DataError

KEY_VARIABLE = "PUSH_PROPENSITY_PSEUDONYM_KEY"
SHORTEST_KEY = 32
LENGTH = 32  # of a pseudonym, in hexadecimal digits: 128 bits


def read_key() -> bytes:
    """Return the key from the environment.

    Raises:
        DataError: There is none, or it is shorter than `SHORTEST_KEY` characters.
    """
    key = os.environ.get(KEY_VARIABLE, "")
    if len(key) < SHORTEST_KEY:
        found = f"has {len(key)} characters" if key else "is not set"
        raise DataError(
            f"Pseudonyms need a secret key in the environment variable {KEY_VARIABLE} of at least "
            f"{SHORTEST_KEY} characters; it {found}. Make one with `openssl rand -hex 32` and keep "
            "it: another key gives other pseudonyms."
        )
    return key.encode()


def make_pseudonym(value: str, key: bytes) -> str:
    """Return the first 128 bits of HMAC-SHA256 (RFC 2104) of an id, as hexadecimal digits."""
    return hmac.new(key, value.encode(), hashlib.sha256).hexdigest()[:LENGTH]


def pseudonymise(column: ir.StringColumn, key: bytes) -> ir.StringColumn:
    """Return the pseudonyms of a column of ids on DuckDB; null stays null.

    The key stays in this process: it is in no query.
    """

    def pseudonyms(values: pa.ChunkedArray) -> pa.Array:
        return pa.array(
            [None if value is None else make_pseudonym(value, key) for value in values.to_pylist()],
            pa.string(),
        )

    function = ibis.udf.scalar.pyarrow(pseudonyms, signature=((dt.string,), dt.string))
    return function(column)
