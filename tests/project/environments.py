"""The project's environments, each read once."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kedro.framework.session import KedroSession
from kedro.io import DataCatalog

ROOT = Path(__file__).parents[2]
ENVIRONMENTS = sorted(
    path.name for path in (ROOT / "conf").iterdir() if path.is_dir() and path.name != "local"
)


def is_parameter(name: str) -> bool:
    return name == "parameters" or name.startswith("params:")


@dataclass(frozen=True)
class Environment:
    """What the configuration of an environment comes to, without a user's conf/local."""

    name: str
    output_root: Path
    start_from: str
    parameters: dict[str, Any]
    catalog: DataCatalog

    def entry(self, name: str) -> dict[str, Any]:
        """The configuration of a dataset, empty where it is a parameter or not in the catalog."""
        if is_parameter(name):
            return {}
        return self.catalog.config_resolver.resolve_pattern(name)

    def path(self, name: str) -> Path | None:
        """The path of a dataset relative to the project, None where it has none."""
        path = self.entry(name).get("filepath")
        return Path(path).relative_to(ROOT) if path else None

    def layer(self, name: str) -> str | None:
        return self.entry(name).get("metadata", {}).get("kedro-viz", {}).get("layer")


def open_environment(name: str) -> Environment:
    # Kedro's resolvers belong to the process: all is read before the next environment is opened.
    context = KedroSession.create(ROOT, env=name).load_context()
    chosen = context.config_loader["globals"]
    return Environment(
        name,
        Path(chosen["output_root"]),
        chosen["start_from"],
        context.config_loader["parameters"],
        context.catalog,
    )
