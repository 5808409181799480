"""What the environment tells the handlers: where project and models are, how much is taken."""

import os
import re
from functools import lru_cache
from pathlib import Path

from kedro.utils import find_kedro_project

from push_propensity.errors import BundleNotFoundError, ParameterError
from push_propensity.scoring.scores import ScoringLimits

MODELS = "PUSH_PROPENSITY_MODELS"
PROJECT = "PUSH_PROPENSITY_PROJECT"
ENVIRONMENT = "KEDRO_ENV"
MOST_BYTES = "PUSH_PROPENSITY_MAX_BYTES"
MOST_USERS = "PUSH_PROPENSITY_MAX_USERS"
_DEFAULT_LIMITS = {MOST_BYTES: 6 * 2**20, MOST_USERS: 20_000}
_ENVIRONMENT_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")


def environment() -> str:
    """Return the name of the Kedro environment, `base` if there is none.

    Raises:
        ParameterError: The name could be a path.
    """
    name = os.environ.get(ENVIRONMENT) or "base"
    if not _ENVIRONMENT_NAME.fullmatch(name):
        raise ParameterError(f"{ENVIRONMENT} must be the name of an environment.")
    return "base" if name == "local" else name


def find_project() -> Path | None:
    """Return the project's folder: the configured one, else the checkout around this folder."""
    configured = os.environ.get(PROJECT)
    if configured:
        return Path(configured)
    found = find_kedro_project(Path.cwd())
    return Path(found) if found else None


def models_root() -> Path:
    """Return the folder of the bundles.

    Raises:
        BundleNotFoundError: Neither it nor a project is configured or around this folder.
        ParameterError: The environment's name is not allowed, or its globals cannot be read.
    """
    configured = os.environ.get(MODELS)
    if configured:
        return Path(configured)
    project = find_project()
    if project is None:
        raise BundleNotFoundError(f"There are no models here: set {MODELS} to the models' folder.")
    return project / _output_root(project, environment()) / "06_models"


def _output_root(project: Path, name: str) -> str:
    """Where runs in an environment write, as its globals say; without any as those that ship."""
    chosen = "data" if name == "base" else f"data/environments/{name}"
    for folder in ("base", "local" if name == "base" else name):
        path = project / "conf" / folder / "globals.yml"
        if path.is_file():
            chosen = _read_output_root(path, path.stat().st_mtime_ns) or chosen
    return chosen


@lru_cache
def _read_output_root(path: Path, _: int) -> str | None:
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException
    from yaml import YAMLError

    try:
        found = OmegaConf.select(OmegaConf.load(path), "output_root")
    except (OmegaConfBaseException, YAMLError, OSError) as error:
        raise ParameterError(
            f"conf/{path.parent.name}/globals.yml cannot be read. Correct it, or set {MODELS} to "
            "the models' folder."
        ) from error
    return None if found is None else str(found)


def scoring_limits() -> ScoringLimits:
    """Return how much may be scored in one call.

    Raises:
        ParameterError: A limit is not a whole number above 0.
    """
    return ScoringLimits(byte_limit=_read_limit(MOST_BYTES), user_limit=_read_limit(MOST_USERS))


def _read_limit(name: str) -> int:
    configured = os.environ.get(name)
    if not configured:
        return _DEFAULT_LIMITS[name]
    if not re.fullmatch(r"[1-9][0-9]{0,11}", configured):
        raise ParameterError(f"{name} must be a whole number above 0.")
    return int(configured)
