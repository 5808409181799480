"""Reading bundles: every byte is checked before anything is used.

Files are opened relative to an open directory, without following links and without waiting, so
that neither a link nor a pipe put in a file's place does harm.
"""

import errno
import os
import re
import stat
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from push_propensity.errors import (
    BundleError,
    BundleNotFoundError,
    ModelPathError,
    shorten_name,
)
from push_propensity.scoring.bundle.locks import share
from push_propensity.scoring.bundle.manifest import MANIFEST, Manifest, decode_manifest, digest_file
from push_propensity.scoring.bundle.model import LoadedModel, load_model

MODEL = "model.onnx"
POINTER = "latest"
TEMPORARY = ".tmp-"  # begins the name of what is half written or half deleted
SIZE_LIMIT = 256 * 2**20
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_POINTER_BYTES = 200
_MOST_FILES = 16
_OPEN_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


@dataclass(frozen=True)
class Bundle:
    """A model with all that belongs to it: the manifest and the content of every other file."""

    manifest: Manifest
    files: Mapping[str, bytes]

    @cached_property
    def model(self) -> LoadedModel:
        """The model, loaded and checked at first use.

        Raises:
            BundleError: The model cannot be used; see `load_model`.
        """
        return load_model(self.files[MODEL], self.manifest.features, self.manifest.golden_rows)


def check_name(name: object) -> str:
    """Return the name if it is one that a bundle may have.

    Raises:
        ModelPathError: It is not; the message does not repeat it.

    Examples:
        >>> check_name("push_2024_01_31")
        'push_2024_01_31'
    """
    if isinstance(name, str) and NAME.fullmatch(name):
        return name
    raise ModelPathError(
        "A model's name or path must be 1 to 100 letters, digits, '.', '_' or '-', beginning with "
        "a letter or digit; something else came. Give the model_path that handler_fit returned."
    )


def bundle_path(root: Path, name: object) -> Path:
    """Return where the bundle of that name lies, which is always directly under the root.

    Raises:
        ModelPathError: The name could leave the root, or a link of that name may.
        BundleNotFoundError: There is no directory of that name.
    """
    path = root / check_name(name)
    if not _is_directory(path):
        if path.is_symlink():
            raise ModelPathError("The model path is a link; give the path of the bundle itself.")
        raise _not_found()
    return path


def newest_name(root: Path) -> str:
    """Return the name of the bundle to serve by default.

    It is the one that the pointer file names; without a pointer, the one published last. A
    bundle that is named and gone, or that cannot be told to be older, is an error: an older
    model is never served in silence.

    Raises:
        BundleNotFoundError: Nothing was published.
        BundleError: The pointer or a manifest is damaged, or the bundle that it names is gone.
    """
    name = _read_pointer(root)
    if name is None:
        return _published_last(root)
    if _is_directory(root / name):
        return name
    if _read_pointer(root) != name:  # another one was published and this one deleted meanwhile
        return newest_name(root)
    raise BundleError(f"The model that '{POINTER}' names is gone. Restore it or name another one.")


def published_names(root: Path) -> list[str]:
    """Return the names of the bundles under the root, damaged ones too, sorted.

    A directory without manifest and model is something else, such as the results of a selection.
    """
    try:
        names = [name for name in os.listdir(root) if NAME.fullmatch(name)]
    except FileNotFoundError:
        return []
    return sorted(name for name in names if _may_be_bundle(root / name))


def read_manifest(path: Path) -> Manifest:
    """Read the manifest of the bundle at `path`, without its other files.

    Raises:
        BundleError: It is damaged or belongs to another bundle.
    """
    with _naming(path), _open_directory(path) as directory:
        return _check_owner(decode_manifest(_read_file(directory, MANIFEST, SIZE_LIMIT)), path)


def read_bundle(path: Path, size_limit: int = SIZE_LIMIT) -> Bundle:
    """Read the bundle at `path` and check every byte of it against its manifest.

    Args:
        path: The bundle's directory.
        size_limit: The most bytes that its files may have together.

    Raises:
        BundleNotFoundError: There is no such directory.
        BundleError: A file was changed, added or removed, is too large or is not a plain file, or
            the bundle bears another name than its directory.
    """
    files: dict[str, bytes] = {}
    with _naming(path), _open_directory(path) as directory:
        for name in _list_files(directory):
            left = size_limit - sum(map(len, files.values()))
            files[name] = _read_file(directory, name, left)
        manifest = _check_owner(decode_manifest(files.pop(MANIFEST)), path)
        _check_digests(manifest, files)
    return Bundle(manifest, files)


def _check_digests(manifest: Manifest, files: Mapping[str, bytes]) -> None:
    found = {name: digest_file(content) for name, content in files.items()}
    names = sorted({*found, *manifest.files})
    wrong = [shorten_name(n) for n in names if found.get(n) != manifest.files.get(n)]
    if wrong:
        raise BundleError(f"Not as published: {', '.join(wrong)}. Restore the model.")
    if MODEL not in files:
        raise BundleError(f"The model has no {MODEL}. Train it anew.")


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Say of which bundle it is that a check fails."""
    try:
        yield
    except BundleNotFoundError:
        raise
    except BundleError as error:
        raise BundleError(f"{path.name}: {error}") from error


def _is_directory(path: Path) -> bool:
    """Tell whether there is a directory itself, no link to one."""
    try:
        return stat.S_ISDIR(os.lstat(path).st_mode)
    except (OSError, ValueError):
        return False


def _may_be_bundle(path: Path) -> bool:
    return _is_directory(path) and any(os.path.lexists(path / name) for name in (MANIFEST, MODEL))


def _check_owner(manifest: Manifest, path: Path) -> Manifest:
    if manifest.name != path.name:
        raise BundleError(f"{MANIFEST} belongs to another model than the directory's. Restore it.")
    return manifest


def _list_files(directory: int) -> list[str]:
    names = sorted(os.listdir(directory))
    if MANIFEST not in names and MODEL not in names:
        raise _not_found()
    if MANIFEST not in names or len(names) > _MOST_FILES:
        raise BundleError(f"The model has no {MANIFEST} or too many files. Restore it.")
    return names


@contextmanager
def _open_directory(path: Path) -> Iterator[int]:
    with ExitStack() as opened:
        try:
            directory = os.open(path, _OPEN_FLAGS | os.O_DIRECTORY)
            opened.callback(os.close, directory)
            share(directory)
        except OSError as error:
            if error.errno in {errno.ENOENT, errno.ENOTDIR, errno.ELOOP}:
                raise _not_found() from error
            raise BundleError(f"The model cannot be opened: {error.strerror}.") from error
        yield directory


def _read_file(directory: int, name: str, size_limit: int) -> bytes:
    try:
        descriptor = os.open(name, _OPEN_FLAGS, dir_fd=directory)
        with os.fdopen(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise BundleError("A file of the model is not a plain file. Restore it.")
            content = file.read(size_limit + 1)
    except OSError as error:
        raise BundleError(f"A file of the model cannot be read: {error.strerror}.") from error
    if len(content) > size_limit:
        raise BundleError("The model is larger than what may be loaded. Raise the limit.")
    return content


def _read_pointer(root: Path) -> str | None:
    try:
        descriptor = os.open(root / POINTER, _OPEN_FLAGS)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise BundleError(f"The file '{POINTER}' cannot be read: {error.strerror}.") from error
    with os.fdopen(descriptor, "rb") as file:
        plain = stat.S_ISREG(os.fstat(descriptor).st_mode)
        content = file.read(_POINTER_BYTES).decode("ascii", "replace").strip() if plain else ""
    if not NAME.fullmatch(content):
        raise BundleError(f"The file '{POINTER}' names no model. Write a bundle's name into it.")
    return content


def _published_last(root: Path) -> str:
    names = published_names(root)
    if not names:
        raise BundleNotFoundError(
            "There is no model under the models root. Publish one, or say where models are."
        )
    return max(names, key=lambda name: read_manifest(root / name).sequence)


def _not_found() -> BundleNotFoundError:
    return BundleNotFoundError("There is no model of that name. Give the name of a published one.")
