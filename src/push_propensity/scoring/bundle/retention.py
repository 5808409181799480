"""Deleting old bundles, never one that is served, and never so that a name is used again."""

import logging
import os
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

from push_propensity.errors import BundleError, StorageError
from push_propensity.scoring.bundle.locks import have_alone, lock_root
from push_propensity.scoring.bundle.reading import (
    TEMPORARY,
    newest_name,
    published_names,
    read_manifest,
)

_RETIRED = ".retired"

logger = logging.getLogger(__name__)


def delete_old(root: Path, keep: int, besides: str | None = None) -> list[str]:
    """Delete all bundles but the `keep` that were published last and those that are served.

    Served are the one that is the default and every bundle that a process has loaded. A bundle
    whose manifest cannot be read is left alone. Names of deleted bundles are never given again.

    Args:
        root: The models root.
        keep: How many bundles remain at least.
        besides: The name of another one that remains.

    Returns:
        The names of the deleted bundles, sorted.

    Raises:
        BundleError: It cannot be told which bundle is the default; nothing was deleted.
        StorageError: The root cannot be written.
    """
    if len(published_names(root)) <= keep:
        return []
    try:
        with lock_root(root):
            old = [name for name in _find_old(root, keep) if name != besides]
            deleted = [name for name in old if _delete(root, name)]
    except OSError as error:
        raise StorageError(
            f"Old models cannot be deleted ({error.strerror}). Make the models root writable."
        ) from error
    if deleted:
        logger.info("Deleted old models: %s", ", ".join(deleted))
    return deleted


def retired_names(root: Path) -> set[str]:
    """Return the names of bundles that were deleted."""
    try:
        return set((root / _RETIRED).read_text(encoding="ascii").split())
    except FileNotFoundError:
        return set()


def _find_old(root: Path, keep: int) -> list[str]:
    ages = {}
    for name in published_names(root):
        with suppress(BundleError):
            ages[name] = read_manifest(root / name).sequence
    latest = sorted(ages, key=lambda name: ages[name], reverse=True)[:keep]
    return sorted(set(ages) - {*latest, newest_name(root)})


def _delete(root: Path, name: str) -> bool:
    """Delete a bundle in one step to whoever looks, unless somebody holds it."""
    with have_alone(root / name) as alone:
        if alone:
            _retire(root, name)
            temporary = Path(tempfile.mkdtemp(prefix=TEMPORARY, dir=root))
            (root / name).rename(temporary / name)
            shutil.rmtree(temporary, ignore_errors=True)
        return alone


def _retire(root: Path, name: str) -> None:
    with (root / _RETIRED).open("a", encoding="ascii") as file:
        file.write(f"{name}\n")
        file.flush()
        os.fsync(file.fileno())
