"""What the environment tells the handlers: where project and models are, how much is taken."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
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
        ParameterError: The environment's name is not allowed, or its configuration cannot be read.
    """
    configured = os.environ.get(MODELS)
    if configured:
        return Path(configured)
    project = find_project()
    if project is None:
        raise BundleNotFoundError(f"There are no models here: set {MODELS} to the models' folder.")
    # Each call pays for this; rglob takes twice as long.
    files = (f"{folder}/{name}" for folder, _, names in os.walk(project / "conf") for name in names)
    changed = frozenset((path, os.stat(path).st_mtime_ns) for path in files)
    return _read_models_root(project, environment(), changed)


@lru_cache(maxsize=1)
def _read_models_root(project: Path, name: str, _: frozenset[tuple[str, int]]) -> Path:
    """Where the catalog of an environment publishes models, read anew when a file has changed."""
    from kedro.config import OmegaConfigLoader

    with readable_configuration(project):
        loader = OmegaConfigLoader(
            str(project / "conf"),
            env=None if name == "base" else name,
            base_env="base",
            default_run_env="local",
        )
        filepath: str = loader["catalog"]["model_bundle"]["filepath"]
    return project / filepath


@contextmanager
def readable_configuration(project: Path) -> Iterator[None]:
    """Turn what is wrong with the project's configuration into one message, without its path.

    Raises:
        ParameterError: The environment has none, or it cannot be read or used.
    """
    from kedro.config import MissingConfigException
    from kedro.validation.exceptions import ParameterValidationError
    from omegaconf.errors import OmegaConfBaseException
    from yaml import YAMLError

    try:
        yield
    except MissingConfigException:
        raise ParameterError(
            f"The project has no configuration for the environment that {ENVIRONMENT} names. Set "
            "it to one of the folders of conf/."
        ) from None
    except ParameterValidationError as error:
        raise ParameterError(f"The project's configuration cannot be used. {error}") from None
    except (OmegaConfBaseException, YAMLError, ValueError) as error:
        said = str(error).partition("\n")[0].replace(f"{project}{os.sep}", "").rstrip(".")
        raise ParameterError(f"The project's configuration cannot be read. {said}.") from None


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
