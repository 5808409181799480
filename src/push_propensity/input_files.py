"""What to tell a user whose input file cannot be read at all."""

from collections.abc import Iterator

from pandas.errors import EmptyDataError, ParserError
from pyarrow import ArrowInvalid

from push_propensity.errors import DataError


def explain_read_error(error: BaseException, file: str) -> DataError | None:
    """Say in one message why a file cannot be read and what to do.

    Args:
        error: What was raised while reading, with its causes attached.
        file: The file's path as the user knows it.

    Returns:
        The error to show, or None where the cause is not the file.
    """
    for cause in _causes(error):
        if isinstance(cause, DataError):
            return cause
        for kind, reason in REASONS:
            if isinstance(cause, kind):
                return DataError(f"Cannot read {file}: {reason}")
    return None


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield the causes of an error from the first one on, the error itself last."""
    chain = [error]
    while (cause := chain[-1].__cause__ or chain[-1].__context__) is not None:
        chain.append(cause)
    yield from reversed(chain)


REASONS: tuple[tuple[type[BaseException], str], ...] = (
    (
        FileNotFoundError,
        "there is no such file. Put or link the data there, or name another file for this entry "
        "in conf/local/catalog.yml.",
    ),
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
    (
        ArrowInvalid,
        "it is no whole Parquet file: damaged, or of another format. Write it again and run again.",
    ),
)
