"""The errors that this project raises itself.

Each message says what was expected, what came and what to do, and never holds a value of a
user's data.
"""


class PushPropensityError(Exception):
    """Anything that this project reports to its users."""


class DataError(PushPropensityError):
    """The data cannot be used as they are."""


class ParameterError(PushPropensityError):
    """A parameter has a value that is not allowed."""


class BundleError(PushPropensityError):
    """A model bundle is damaged or is no bundle."""


class BundleNotFoundError(BundleError):
    """There is no such model bundle."""


class ExportError(PushPropensityError):
    """A model cannot be exported faithfully."""


class StorageError(PushPropensityError):
    """Something could not be written: the disk is full or the place is read-only."""
