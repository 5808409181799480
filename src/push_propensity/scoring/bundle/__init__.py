"""The model bundle: a published model as a directory, how it is written, read and served.

```
<models root>/
  latest                 the name of the bundle that is served by default
  push_2021_03_04/
    model.onnx           preprocessing, model and calibration in one graph
    manifest.json        what the model is, what it takes and how to check it
    model_card.md
```
A bundle is written under a temporary name, flushed to disk and renamed, so that nobody ever
reads half of one. Nothing here unpickles.
"""

from push_propensity.scoring.bundle.claims import claim_fit
from push_propensity.scoring.bundle.manifest import (
    Fingerprint,
    GoldenRows,
    Manifest,
)
from push_propensity.scoring.bundle.publishing import PublishedBundle, find_published, publish
from push_propensity.scoring.bundle.reading import (
    Bundle,
    bundle_path,
    check_name,
    newest_name,
    published_names,
    read_bundle,
)
from push_propensity.scoring.bundle.store import ModelStore
from push_propensity.scoring.inputs import ModelFeature

__all__ = [
    "Bundle",
    "Fingerprint",
    "GoldenRows",
    "Manifest",
    "ModelFeature",
    "ModelStore",
    "PublishedBundle",
    "bundle_path",
    "check_name",
    "claim_fit",
    "find_published",
    "newest_name",
    "publish",
    "published_names",
    "read_bundle",
]
