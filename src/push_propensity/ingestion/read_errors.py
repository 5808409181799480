"""What to tell a user whose input file cannot be read or used."""

import re
from collections.abc import Iterator
from pathlib import Path

import duckdb
from ibis.common.exceptions import TableNotFound
from pandas.errors import EmptyDataError, ParserError
from pyarrow import ArrowInvalid

from push_propensity.errors import DataError, PushPropensityError

MISSING = (
    "there is no such file. If a pipeline makes it, run that one first; else put or link the data "
    "there, or name another file in the catalog of your environment (conf/local/catalog.yml "
    "unless you pass --env)."
)
NO_PARQUET = (
    "it is not a complete Parquet file: damaged, or of another format. Write it and run again."
)

# Tried in this order: a reader may chain errors of several libraries.
REASONS: tuple[tuple[type[BaseException], str], ...] = (
    (FileNotFoundError, MISSING),
    (duckdb.IOException, MISSING),
    (TableNotFound, "there is no such table. Correct table_name of the catalog entry."),
    (duckdb.InvalidInputException, NO_PARQUET),
    (IsADirectoryError, "it is a folder, expected a file. Name the file itself in the catalog."),
    (PermissionError, "reading it is not permitted. Give yourself the right to read it."),
    (
        EmptyDataError,
        "the file is empty, expected a header line and rows. Export it again and run again.",
    ),
    (
        ParserError,
        "its lines have different numbers of fields, expected comma-separated values with one "
        "header line. Quote values that hold commas, export it again and run again.",
    ),
    (
        UnicodeDecodeError,
        "it is not UTF-8 text. Save it as UTF-8, or set load_args.encoding of its catalog entry.",
    ),
    (ArrowInvalid, NO_PARQUET),
)
# Known by what the message says; Spark's errors name a condition.
MESSAGES: dict[str, str] = {
    "Malformed JSON": "a line is not a JSON object. Let the catalog entry count and put aside such "
    "lines (load_args: ignore_errors: true), or export it again.",
    "does not support the encoding": "DuckDB does not read its encoding, only utf-8, utf-16 and "
    "latin-1. Set load_args.encoding of its catalog entry to one of them (latin-1 for "
    "Windows-1252), or save the file as UTF-8.",
    "connection to server": "the database server does not answer or does not let you in. Check "
    "host, port, database and credentials of the catalog entry.",
    "[PATH_NOT_FOUND]": MISSING,
    "[FAILED_READ_FILE": NO_PARQUET,
}


def explain_read_error(error: BaseException, file: str | None = None) -> PushPropensityError | None:
    """Say in one message why a file cannot be read or used and what to do.

    Args:
        error: What was raised while loading, with its causes attached.
        file: The file's path as the user knows it; if not given, as the error's messages name it.

    Returns:
        The error to show, or None where the cause is not the file. An error of this project
        passes as it is.
    """
    chain = list(_chain(error))
    for cause in chain:
        if isinstance(cause, PushPropensityError):
            return cause
    if reason := _find_reason(chain):
        return DataError(f"Cannot read {file or _named_file(chain)}: {reason}")
    return None


def _find_reason(chain: list[BaseException]) -> str | None:
    for said, reason in MESSAGES.items():
        if any(said in str(cause) for cause in chain):
            return reason
    for kind, reason in REASONS:
        if any(isinstance(cause, kind) for cause in chain):
            return reason
    return None


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an error and what caused it, back to the first."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _named_file(chain: list[BaseException]) -> str:
    """Return the path in a message of the catalog, relative if it is below this folder."""
    for error in chain:
        if named := re.search(r"filepath=\w*\(?'([^']+)'", str(error)):
            path = Path(named[1])
            return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)
        if named := re.search(r"table_name='([^']+)'", str(error)):
            return f"the table {named[1]}"
    return "the input file"
