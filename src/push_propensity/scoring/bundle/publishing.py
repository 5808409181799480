"""Publishing bundles: all or nothing, even if the process dies or the disk is full.

Under the lock of the models root, a bundle is written to a hidden directory, flushed, and
renamed to its name; then the pointer file follows. Before the first rename the pointer's next
content is on disk too, so that whoever comes after a crash between the two finishes the job.
"""

import logging
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Set
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from itertools import count, takewhile
from pathlib import Path

from push_propensity.errors import BundleError, PushPropensityError, StorageError
from push_propensity.scoring.bundle.locks import lock_root
from push_propensity.scoring.bundle.manifest import (
    MANIFEST,
    Fingerprint,
    Manifest,
    digest_file,
    encode_manifest,
)
from push_propensity.scoring.bundle.reading import (
    MODEL,
    NAME,
    POINTER,
    TEMPORARY,
    Bundle,
    check_name,
    newest_name,
    published_names,
    read_bundle,
    read_manifest,
)
from push_propensity.scoring.bundle.retention import delete_old, retired_names

logger = logging.getLogger(__name__)

_NEXT_POINTER = ".latest.next"
_CARD = "model_card.md"


@dataclass(frozen=True)
class PublishedBundle:
    """The name of a published bundle and its path relative to the models root."""

    name: str
    path: str


def publish(
    bundle: Bundle, root: Path, name: str | None = None, keep: int | None = None
) -> PublishedBundle:
    """Write the bundle under the models root and make it the newest one.

    Args:
        bundle: What training made; publishing sets the manifest's name, time, sequence and files.
        root: The models root; made if it is missing.
        name: The wished name, by default `push_yyyy_mm_dd` of today in UTC. If it is taken, the
            bundle gets `_2`, `_3` ... appended: nothing is ever overwritten.
        keep: How many bundles remain, see `delete_old`, besides the one that was the default
            until now; a failure to delete is logged and no more. By default all remain.

    Raises:
        ModelPathError: The name is not allowed.
        BundleError: The manifest or a file's name is not allowed.
        StorageError: The root cannot be written; nothing was published.
    """
    now = datetime.now(UTC)
    wished = check_name(name if name is not None else f"push_{now:%Y_%m_%d}")
    _check_files(bundle.files)
    try:
        root.mkdir(parents=True, exist_ok=True)
        with lock_root(root):
            _finish_interrupted(root)
            before = _read_default(root)
            chosen = _free_name(root, wished)
            files = _title_card(bundle.files, chosen)
            manifest = _complete(replace(bundle, files=files), root, chosen, now)
            _write(root, chosen, {**files, MANIFEST: encode_manifest(manifest)})
    except OSError as error:
        raise StorageError(
            f"The models root cannot be written ({error.strerror}); nothing was published. Free "
            "space or make it writable, then try again."
        ) from error
    if keep is not None:
        _delete_old(root, keep, before)
    return PublishedBundle(chosen, chosen)


def find_published(
    root: Path, fingerprint: Fingerprint, name: str | None = None
) -> PublishedBundle | None:
    """Return an intact bundle that was made from the same things, or None.

    Args:
        root: The models root.
        fingerprint: What it was made from.
        name: Consider only bundles that were published under this name, with `_2`, `_3` ...
            appended where it was taken. By default all are considered.

    Returns:
        The last published one of them.
    """
    if (root / _NEXT_POINTER).exists():
        with suppress(OSError), lock_root(root):
            _finish_interrupted(root)
    names = None if name is None else set(_taken_names(root, name))
    for manifest in sorted(_intact_manifests(root), key=lambda m: m.sequence, reverse=True):
        considered = names is None or manifest.name in names
        if considered and manifest.fingerprint == fingerprint and _is_intact(root / manifest.name):
            return PublishedBundle(manifest.name, manifest.name)
    return None


def _read_default(root: Path) -> str | None:
    with suppress(BundleError):
        return newest_name(root)
    return None


def _delete_old(root: Path, keep: int, before: str | None) -> None:
    try:
        delete_old(root, keep, before)
    except PushPropensityError as error:
        logger.warning("%s", error)


def _check_files(files: Mapping[str, bytes]) -> None:
    if MODEL not in files or any(name == MANIFEST or not NAME.fullmatch(name) for name in files):
        raise BundleError(f"A bundle needs {MODEL} and files with plain names, no manifest.")


def _title_card(files: Mapping[str, bytes], name: str) -> dict[str, bytes]:
    """The files, with the model's name in the first line of the model card."""
    titled = dict(files)
    if _CARD in files:
        _, _, text = files[_CARD].partition(b"\n")
        titled[_CARD] = f"# Model card: {name}\n".encode() + text
    return titled


def _complete(bundle: Bundle, root: Path, name: str, now: datetime) -> Manifest:
    return replace(
        bundle.manifest,
        name=name,
        created_at=now.isoformat(timespec="microseconds"),
        sequence=max((m.sequence for m in _intact_manifests(root)), default=0) + 1,
        files={file: digest_file(content) for file, content in bundle.files.items()},
    )


def _intact_manifests(root: Path) -> Iterator[Manifest]:
    for name in published_names(root):
        with suppress(BundleError):
            yield read_manifest(root / name)


def _is_intact(path: Path) -> bool:
    try:
        read_bundle(path)
    except BundleError:
        return False
    return True


def _free_name(root: Path, wished: str) -> str:
    retired = retired_names(root)
    return next(name for name in _numbered(wished) if not _is_taken(root, name, retired))


def _taken_names(root: Path, wished: str) -> Iterator[str]:
    """The names before the free one."""
    return takewhile(partial(_is_taken, root, retired=retired_names(root)), _numbered(wished))


def _is_taken(root: Path, name: str, retired: Set[str]) -> bool:
    return name == POINTER or name in retired or os.path.lexists(root / name)


def _numbered(wished: str) -> Iterator[str]:
    """The wished name, then the same with `_2`, `_3` ... within the length that is allowed."""
    yield wished
    for number in count(2):
        suffix = f"_{number}"
        yield wished[: 100 - len(suffix)] + suffix


def _write(root: Path, name: str, files: Mapping[str, bytes]) -> None:
    """Publish the files as the directory `name`, or leave the root as it was."""
    temporary = Path(tempfile.mkdtemp(prefix=TEMPORARY, dir=root))
    try:
        temporary.chmod(0o755)
        for file, content in files.items():
            _write_file(temporary / file, content)
        _flush_directory(temporary)
        _write_file(root / _NEXT_POINTER, f"{name}\n".encode())
        _flush_directory(root)
        temporary.rename(root / name)
        _flush_directory(root)
        (root / _NEXT_POINTER).rename(root / POINTER)
    except BaseException:
        _withdraw(root, name, temporary)
        raise
    with suppress(OSError):  # both renames are done: readers see the bundle
        _flush_directory(root)


def _withdraw(root: Path, name: str, temporary: Path) -> None:
    with suppress(OSError):
        (root / _NEXT_POINTER).unlink(missing_ok=True)
    if not temporary.exists():
        with suppress(OSError):  # in one step if that is still possible
            (root / name).rename(temporary)
        shutil.rmtree(root / name, ignore_errors=True)
    shutil.rmtree(temporary, ignore_errors=True)


def _finish_interrupted(root: Path) -> None:
    """Finish or clear away what a publisher that died has left; call it under the lock."""
    for path in root.glob(f"{TEMPORARY}*"):
        shutil.rmtree(path, ignore_errors=True)
    pointer = root / _NEXT_POINTER
    if not pointer.exists():
        return
    name = pointer.read_text(encoding="ascii", errors="replace").strip()
    if NAME.fullmatch(name) and _is_intact(root / name):
        pointer.rename(root / POINTER)
    else:
        pointer.unlink()


def _write_file(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _flush_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
