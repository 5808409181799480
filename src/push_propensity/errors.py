"""The errors that this project raises itself.

Each message says what was expected, what came and what to do, and never holds a value of a
user's data nor an absolute path. `code` is the short name under which the handler reports it.
"""

_LONGEST_NAME = 60


class PushPropensityError(Exception):
    """Anything that this project reports to its users."""

    code = "INTERNAL"


class DataError(PushPropensityError):
    """The data cannot be used as they are."""

    code = "UNUSABLE_DATA"


class UsersError(DataError):
    """The users to score are not a JSON object of users, or are too many."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class ParameterError(PushPropensityError):
    """A parameter has a value that is not allowed."""

    code = "BAD_PARAMETER"


class ModelPathError(ParameterError):
    """A model's name or path could lead out of the models root."""

    code = "FORBIDDEN_PATH"


class BundleError(PushPropensityError):
    """A model bundle is damaged or is not one."""

    code = "MODEL_DAMAGED"


class BundleNotFoundError(BundleError):
    """There is no such model bundle."""

    code = "MODEL_NOT_FOUND"


class ExportError(PushPropensityError):
    """A model cannot be exported faithfully."""


class EngineError(PushPropensityError):
    """What computes the features cannot be started."""


class StorageError(PushPropensityError):
    """Something could not be written: the disk is full or the place is read-only."""

    code = "STORAGE"


def shorten_name(name: str) -> str:
    """A name that a caller made up, fit for a message: plain characters, and not many."""
    plain = name.encode("ascii", "backslashreplace").decode()
    return plain if len(plain) <= _LONGEST_NAME else plain[:_LONGEST_NAME] + "..."
