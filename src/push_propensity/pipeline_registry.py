"""Which pipelines there are, and what a plain `kedro run` does by where it starts."""

import pkgutil
from collections.abc import Iterator, Mapping
from importlib import import_module

from kedro.pipeline import Pipeline

from push_propensity import pipelines

FROM_FEATURE_FRAME = ("data_processing", "model_selection", "training", "reporting")
FROM_RAW_TABLES = ("feature_engineering", *FROM_FEATURE_FRAME, "lag_study")
PLAIN_RUNS = {
    "__default__": FROM_FEATURE_FRAME,
    "from_raw_tables": FROM_RAW_TABLES,
    "from_order_lines": ("ingestion", *FROM_RAW_TABLES),
}


MODULES = tuple(pkgutil.iter_modules(pipelines.__path__))
NAMES = (*(module.name for module in MODULES if module.ispkg), *PLAIN_RUNS)


class Registry(Mapping[str, Pipeline]):
    """Every pipeline by its name, imported when it is asked for: a run loads what it needs."""

    def __init__(self) -> None:
        """Start with none made."""
        self._made: dict[str, Pipeline] = {}

    def __getitem__(self, name: str) -> Pipeline:
        if name not in NAMES:
            raise KeyError(name)
        if name not in self._made:
            self._made[name] = self._make(name)
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(NAMES)

    def __len__(self) -> int:
        return len(NAMES)

    def _make(self, name: str) -> Pipeline:
        if name in PLAIN_RUNS:
            return sum((self[part] for part in PLAIN_RUNS[name]), start=Pipeline([]))
        made: Pipeline = import_module(f"{pipelines.__name__}.{name}").create_pipeline()
        return made


def register_pipelines() -> Mapping[str, Pipeline]:
    """Return every pipeline by its name; `__default__` does the main job from a ready frame."""
    return Registry()
