"""The catalog entry of published models."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from kedro.io import AbstractDataset
from kedro_datasets._typing import JSONPreview

from push_propensity.errors import ParameterError
from push_propensity.scoring.bundle import (
    Bundle,
    PublishedBundle,
    bundle_path,
    newest_name,
    publish,
    published_names,
    read_bundle,
)

_SHOWN = (
    "name",
    "created_at",
    "environment",
    "candidate",
    "parameters",
    "metrics",
    "training_window",
    "calibration_window",
    "fingerprint",
    "libraries",
)


class BundleDataset(AbstractDataset[Bundle, Bundle]):
    """The model bundles under a models root.

    Loading reads one bundle and checks it; saving publishes one under a new name and never
    overwrites another. After saving, `published` tells the name and that bundle is loaded.

    Args:
        filepath: The models root.
        model: The bundle to load, by default the newest one.
        publish_as: The name to publish under, by default `push_yyyy_mm_dd` of today in UTC.
        keep: How many bundles remain when another one is published: the older ones are deleted
            unless they are served. By default all remain.
        metadata: Anything that plugins want to know.

    Raises:
        ParameterError: `keep` is not a number of bundles.
    """

    def __init__(
        self,
        *,
        filepath: str,
        model: str | None = None,
        publish_as: str | None = None,
        keep: int | None = None,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        if keep is not None and keep < 1:
            raise ParameterError("'keep' must be 1 or more, or null to keep all bundles.")
        self._root = Path(filepath)
        self._model = model
        self._publish_as = publish_as
        self.keep = keep
        self.metadata = metadata
        self.published: PublishedBundle | None = None

    def load(self) -> Bundle:
        """Read the bundle that was saved, else the configured or the newest one."""
        saved = self.published.name if self.published else None
        name = saved or self._model or newest_name(self._root)
        return read_bundle(bundle_path(self._root, name))

    def save(self, data: Bundle) -> None:
        """Publish the bundle, then delete the oldest ones beyond those to keep."""
        self.published = publish(data, self._root, self._publish_as, self.keep)

    def preview(self) -> JSONPreview:
        """Return what Kedro-Viz shows: the manifest, less what is for machines."""
        manifest = asdict(self.load().manifest)
        return JSONPreview(json.dumps({name: manifest[name] for name in _SHOWN}))

    def _exists(self) -> bool:
        return bool(published_names(self._root))

    def _describe(self) -> dict[str, Any]:
        return {"filepath": self._root.as_posix(), "model": self._model}
