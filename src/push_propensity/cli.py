"""The commands of `push-propensity` and `kedro run`, with errors on one screen."""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from difflib import get_close_matches
from pathlib import Path
from typing import Any

# Threads that wait for work sleep instead of spinning: on a busy machine spinning makes boosting
# many times slower. It has to be known before the libraries of the models are loaded.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import click
from kedro.config import MissingConfigException
from kedro.framework.cli.project import run as kedro_run
from kedro.framework.project import pipelines, settings
from kedro.io import DatasetError
from kedro.pipeline import Pipeline
from kedro.pipeline.pipeline import OutputNotUniqueError
from kedro.utils import load_obj
from kedro.validation.exceptions import ParameterValidationError
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from push_propensity.errors import ParameterError, PushPropensityError
from push_propensity.hooks import plain_run

RUNTIME_PARAMETERS = {"engine", "model", "start_from"}  # the catalog reads them
SELECTIONS = {  # Kedro's arguments of a selection of nodes, by the options of `kedro run`
    "tags": "tags",
    "node_names": "node_names",
    "from_nodes": "from_nodes",
    "to_nodes": "to_nodes",
    "from_inputs": "from_inputs",
    "to_outputs": "to_outputs",
    "namespaces": "node_namespaces",
}


class CommandGroup(click.Group):
    """Commands by their names; options alone are those of `run`, as Kedro calls a package."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the arguments of a command, which is `run` if none is named."""
        if not args or (args[0].startswith("-") and args[0] not in ctx.help_option_names):
            args = ["run", *args]
        return super().parse_args(ctx, args)


@click.group(name="push-propensity", cls=CommandGroup)
def cli() -> None:
    """Whom to send a push notification: from data to a published model and its report.

    Without a command it is `run`, with all its options such as --pipelines and --env.
    """


def run_pipelines(**arguments: Any) -> Mapping[str, Any]:
    """Run pipelines, then show the leaderboard and where the report is."""
    with errors_on_one_screen(arguments["conf_source"]):
        chosen = _choose_pipelines(arguments)
        _check_selection(arguments, chosen)
        _check_runner(arguments["runner"])
        results: Mapping[str, Any] = click.get_current_context().invoke(
            kedro_run, **arguments | {"pipeline": None, "pipelines": chosen}
        )
    return results


# Both `kedro run` and `python -m push_propensity` look for a command of this name.
run = click.Command(
    "run", callback=run_pipelines, params=kedro_run.params, help=run_pipelines.__doc__
)
cli.add_command(run)


def _choose_pipelines(arguments: Mapping[str, Any]) -> list[str]:
    """The pipelines that were asked for, else those of a plain run in the environment."""
    chosen = [*(arguments["pipelines"] or []), *filter(None, [arguments["pipeline"]])]
    _check_names("pipeline", chosen, list(pipelines), "--pipelines")
    conf_source, given = arguments["conf_source"], arguments["params"]
    known = _known_names(conf_source)
    _check_names("parameter", given, sorted(known["parameters"] | RUNTIME_PARAMETERS), "--params")
    config = _read_configuration(arguments["env"], conf_source, given)
    _check_configuration(config, known | {"parameters": known["parameters"] | given.keys()})
    plain = plain_run(config["globals"] | given)
    return chosen or [plain]


def _check_names(kind: str, given: Iterable[str], known: Sequence[str], option: str) -> None:
    """Refuse unknown names: an unknown parameter would change nothing."""
    unknown = [name for name in given if name not in known]
    if unknown:
        raise click.BadParameter(
            f"no {kind} is called {', '.join(unknown)}. There are: {', '.join(known)}.",
            param_hint=option,
        )


def _check_selection(arguments: Mapping[str, Any], chosen: list[str]) -> None:
    """Refuse a selection of nodes that leaves none or names what there is not."""
    try:
        pipeline = sum((pipelines[name] for name in chosen), start=Pipeline([]))
        pipeline.filter(**{ours: arguments[name] for name, ours in SELECTIONS.items()})
    except OutputNotUniqueError as error:
        raise click.UsageError(
            f"{', '.join(chosen)} make the same: {error} Run them one after the other."
        ) from error
    except ValueError as error:
        options = {name: arguments[name] for name in SELECTIONS if arguments[name]}
        there = [node.name for node in pipeline.nodes] + sorted(pipeline.datasets())
        asked = [word for words in options.values() for word in words]
        alike = [match for word in asked for match in get_close_matches(word, there, n=2)]
        hint = f" Did you mean {', '.join(alike)}?" if alike else ""
        raise click.UsageError(
            f"Nothing is left to run of {', '.join(chosen)} with {', '.join(asked)}. "
            f"{str(error).partition('. ')[0].rstrip('.')}.{hint} `kedro registry describe NAME` "
            "names the nodes."
        ) from error


def _check_runner(name: str | None) -> None:
    """Refuse runners that there are not, or that hand tables and models to other processes."""
    known = "There are: SequentialRunner (the default) and ThreadRunner."
    try:
        runner = load_obj(name or "SequentialRunner", "kedro.runner").__name__
    except (ImportError, AttributeError, ValueError) as error:
        raise click.BadParameter(
            f"{name} is not a runner. {known}", param_hint="--runner"
        ) from error
    if runner == "ParallelRunner":
        raise click.BadParameter(
            f"tables of an engine and figures cannot go from process to process. {known}",
            param_hint="--runner",
        )


def _known_names(conf_source: str | None) -> dict[str, set[str]]:
    """The names in conf/base; to be read before the environment, as resolvers are of the last."""
    return {kind: set(names) for kind, names in _read_configuration("base", conf_source).items()}


def _check_configuration(config: Mapping[str, Any], known: Mapping[str, set[str]]) -> None:
    """Refuse names in an environment's or your own files that conf/base does not have."""
    for kind, names in known.items():
        unknown = sorted(set(config[kind]) - names)
        if unknown:
            raise ParameterError(
                f"{kind}.yml of the environment or of conf/local sets {', '.join(unknown)}, which "
                f"nothing reads. There are: {', '.join(sorted(names))}. Correct the name."
            )


def _read_configuration(
    env: str | None, conf_source: str | None, given: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Parameters and globals of an environment, with the parameters given for this run.

    Raises:
        ParameterError: A key stands in two files.
    """
    try:
        create = settings.SESSION_CLASS.create
        with create(env=env, conf_source=conf_source, runtime_params=given) as session:
            config = session.load_context().config_loader
        return {kind: config[kind] for kind in ("parameters", "globals")}
    except OmegaConfBaseException:
        raise
    except ValueError as error:
        said = str(error).replace(f"{Path.cwd()}{os.sep}", "")
        raise ParameterError(f"The configuration cannot be read. {said}. Keep one.") from error


@contextmanager
def errors_on_one_screen(conf_source: str | None = None) -> Iterator[None]:
    """Turn what a user can mend into one message; anything else keeps its traceback.

    Args:
        conf_source: The folder of the configuration, by default `conf`.
    """
    try:
        yield
    except (PushPropensityError, ParameterValidationError) as error:
        raise click.ClickException(str(error)) from error
    except MissingConfigException as error:
        raise click.ClickException(_explain_missing(Path(conf_source or "conf"))) from error
    except OmegaConfBaseException as error:
        raise click.ClickException(_explain_interpolation(error)) from error
    except KeyError as error:
        if "Unable to find credentials" not in str(error):
            raise
        said = str(error.args[0]).partition(":")[0]
        raise click.ClickException(
            f"{said}. Add them to credentials.yml of the environment (conf/local unless you pass "
            "--env)."
        ) from error
    except DatasetError as error:
        from push_propensity.ingestion.read_errors import explain_read_error

        raise click.ClickException(str(explain_read_error(error) or error)) from error
    except YAMLError as error:
        raise click.ClickException(f"The configuration cannot be read. {error}") from error


def _explain_missing(conf: Path) -> str:
    if not (conf / "base").is_dir():
        return (
            "There is no project here, as there is no folder conf/base. Go to the project's "
            "folder, or name its configuration with --conf-source."
        )
    there = sorted(path.name for path in conf.iterdir() if path.is_dir())
    return (
        "There is no configuration for this environment. Give --env one of the folders of "
        f"conf/, or leave it out. There are: {', '.join(there)}."
    )


def _explain_interpolation(error: OmegaConfBaseException) -> str:
    """Say where a name in ${…} leads nowhere, and which names there are."""
    said = str(error).partition("\n")[0].rstrip(".")
    place = f", at {error.full_key}" if error.full_key else ""
    message = f"The configuration cannot be read{place}: {said}."
    _, _, path = said.partition("'")
    group = path.partition("'")[0].rpartition(".")[0]
    if group and error.parent_node is not None:
        names = OmegaConf.select(error.parent_node._get_root(), group)
        message += f" There are: {', '.join(map(str, names))}." if names else ""
    return message
