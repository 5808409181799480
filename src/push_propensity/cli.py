"""`kedro run` with errors on one screen and the leaderboard at the end."""

import os
import pkgutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

# Threads that wait for work sleep instead of spinning: on a busy machine spinning makes boosting
# many times slower. It has to be known before the libraries of the models are loaded.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import click
import pandas as pd
from kedro.config import MissingConfigException
from kedro.framework.cli.project import run as kedro_run
from kedro.framework.project import settings
from kedro.io import DatasetError
from kedro.validation.exceptions import ParameterValidationError
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table
from yaml import YAMLError

from push_propensity import pipelines
from push_propensity.errors import ParameterError, PushPropensityError
from push_propensity.evaluation.metrics import HEADLINE
from push_propensity.ingestion.read_errors import explain_read_error

LAST_RESULTS = {"report", "winner"}
WRITTEN = {  # what a run ends in, to be opened or read on
    "built_feature_frame": "Feature frame",
    "updated_feature_frame": "Feature frame",
    "current_frame": "Current frame",
    "feature_study_page": "Feature study",
    "report": "Report",
}
RUNTIME_PARAMETERS = ("model",)  # the catalog reads it
FROM_RAW_TABLES = (("feature_engineering",), ("__default__", "lag_study"))
FROM_START = {  # what a plain run does, run after run, by the parameter start_from
    "feature_frame": (("__default__",),),
    "raw_tables": FROM_RAW_TABLES,
    "order_lines": (("ingestion",), *FROM_RAW_TABLES),
}
# Entries of one file under two names tell Kedro no order: these make files that others read.
STAGES = (
    {"ingestion", "sample_data"},
    {"feature_engineering", "feature_update", "current_frame", "point_in_time_check"},
)
SAME_FILES = {  # by start_from: what one step writes and the next one reads
    "feature_frame": (),
    "raw_tables": (("built_feature_frame", "feature_frame"),),
    "order_lines": (("ingested_orders", "orders"), ("built_feature_frame", "feature_frame")),
}
SLICES = ("from_nodes", "to_nodes", "from_inputs", "to_outputs")
SHOWN = {
    f"{HEADLINE}_repeat": "repeat",
    f"{HEADLINE}_explore": "explore",
    "average_precision": "pooled AP",
    "log_loss": "log loss",
}


@click.group(name="push-propensity")
def cli() -> None:
    """Commands of this project."""


def run_pipelines(**arguments: Any) -> Mapping[str, Any]:
    """Run pipelines, then show the leaderboard and where the report is."""
    _check_pipelines([*(arguments["pipelines"] or []), *filter(None, [arguments["pipeline"]])])
    invoke = click.get_current_context().invoke
    with errors_on_one_screen():
        known = _known_names(arguments["conf_source"])
        config = _load_context(arguments["env"], arguments["conf_source"]).config_loader
        parameters = config["parameters"]
        _check_configuration(config, known)
        _check_parameters(arguments["params"], parameters)
        for chosen in _runs(arguments, parameters.get("start_from"), config):
            results: Mapping[str, Any] = invoke(kedro_run, **arguments | {"pipelines": chosen})
    if "model_bundle" in results:
        _show_published(results["model_bundle"])
    if LAST_RESULTS & set(results):
        _show_leaderboard(arguments["env"], arguments["conf_source"])
    for name, title in WRITTEN.items():
        if name in results:
            path = os.path.relpath(results[name]._filepath)
            Console().print(f"{title}: {path}", soft_wrap=True)
    return results


# Both `kedro run` and `python -m push_propensity` look for a command of this name.
run = click.Command(
    "run", callback=run_pipelines, params=kedro_run.params, help=run_pipelines.__doc__
)
cli.add_command(run)


def _runs(
    arguments: Mapping[str, Any], start: str | None, config: Mapping[str, Any]
) -> Iterator[list[str] | None]:
    """The pipelines of each run of Kedro, one after the other."""
    narrowed = ("pipeline", "pipelines", "namespaces", "tags", "node_names", *SLICES)
    if any(arguments[option] for option in narrowed):
        yield from _in_stages(arguments["pipelines"])
        return
    if start not in FROM_START:
        raise ParameterError(f"start_from is none of {', '.join(FROM_START)}. Correct it.")
    _check_same_files(config["catalog"], start)
    yield from map(list, FROM_START[start])


def _in_stages(chosen: list[str] | None) -> Iterator[list[str] | None]:
    """The pipelines that make files before those that read them."""
    left = list(chosen or [])
    for stage in STAGES:
        if set(left) & stage and not set(left) <= stage:
            yield [name for name in left if name in stage]
            left = [name for name in left if name not in stage]
    yield left or chosen


def _check_same_files(catalog: Mapping[str, Any], start: str) -> None:
    """Refuse an environment whose next step would read another file than was written."""
    for written, read in SAME_FILES[start]:
        paths = [catalog[name].get("filepath") for name in (written, read)]
        if paths[0] != paths[1]:
            raise ParameterError(
                f"A run from {start} writes {written} to {paths[0]} and would go on with {read} "
                f"from {paths[1]}. Give both entries of the catalog one path: raw_root is "
                "<output_root>/02_intermediate after ingestion, and feature_frame the file of "
                "built_feature_frame."
            )


def _check_parameters(given: Mapping[str, Any], parameters: Mapping[str, Any]) -> None:
    """Refuse --params whose first name is none of the project's: they would change nothing."""
    known = {*parameters, *RUNTIME_PARAMETERS}
    unknown = [name for name in given if name not in known]
    if unknown:
        raise click.BadParameter(
            f"no parameter is called {', '.join(unknown)}. There are: {', '.join(sorted(known))}.",
            param_hint="--params",
        )


def _known_names(conf_source: str | None) -> dict[str, set[str]]:
    """The names in conf/base; to be read before the environment, as resolvers are of the last."""
    base = _load_context("base", conf_source).config_loader
    return {kind: set(base[kind]) for kind in ("parameters", "globals")}


def _check_configuration(config: Mapping[str, Any], known: Mapping[str, set[str]]) -> None:
    """Refuse names in an environment's or your own files that conf/base does not have."""
    for kind, names in known.items():
        unknown = sorted(set(config[kind]) - names)
        if unknown:
            raise ParameterError(
                f"{kind}.yml of the environment or of conf/local sets {', '.join(unknown)}, which "
                f"nothing reads. There are: {', '.join(sorted(names))}. Correct the name."
            )


def _load_context(env: str | None, conf_source: str | None) -> Any:
    with settings.SESSION_CLASS.create(env=env, conf_source=conf_source) as session:
        return session.load_context()


def _check_pipelines(names: list[str]) -> None:
    known = ["__default__", *(module.name for module in pkgutil.iter_modules(pipelines.__path__))]
    unknown = [name for name in names if name not in known]
    if unknown:
        raise click.BadParameter(
            f"no pipeline is called {', '.join(unknown)}. There are: {', '.join(known)}.",
            param_hint="--pipelines",
        )


@contextmanager
def errors_on_one_screen() -> Iterator[None]:
    """Turn what a user can mend into one message; anything else keeps its traceback."""
    try:
        yield
    except (PushPropensityError, ParameterValidationError) as error:
        raise click.ClickException(str(error)) from error
    except MissingConfigException as error:
        raise click.ClickException(
            "There is no configuration for this environment. Give --env one of the folders of "
            "conf/, or leave it out."
        ) from error
    except DatasetError as error:
        raise click.ClickException(str(explain_read_error(error) or error)) from error
    except YAMLError as error:
        raise click.ClickException(f"The configuration cannot be read. {error}") from error


def _show_leaderboard(env: str | None, conf_source: str | None) -> None:
    leaderboard = _load_context(env, conf_source).catalog["leaderboard"].load()
    Console().print(draw_leaderboard(leaderboard))


def _show_published(model_bundle: Any) -> None:
    """Say which model is served from now on."""
    manifest = model_bundle.load().manifest
    values = ", ".join(f"{name} {value}" for name, value in manifest.parameters.items())
    Console().print(
        f"Published: {manifest.name}, now the latest ({manifest.candidate}: {values})",
        soft_wrap=True,
    )


def draw_leaderboard(leaderboard: pd.DataFrame) -> Table:
    """The leaderboard as a table for the terminal, the winner marked."""
    table = Table(
        title="Leaderboard: means over the folds, * the winner",
        caption="product AP: average precision within a product and its standard error;\n"
        "repeat, explore: the same where the user bought it before, or never",
        box=SIMPLE,
        padding=(0, 1, 0, 0),
        pad_edge=False,
    )
    table.add_column("", no_wrap=True)
    table.add_column("product AP", justify="right", no_wrap=True)
    for heading in SHOWN.values():
        table.add_column(heading, justify="right", no_wrap=True)
    for row in leaderboard.to_dict("records"):
        error = row[f"{HEADLINE}_standard_error"]
        spread = "" if pd.isna(error) else f" ± {error:.3f}"  # one fold has none
        values = [f"{row[column]:.3f}" for column in SHOWN]
        style = "bold" if row["is_winner"] else ""
        name = f"{row['candidate']} *" if row["is_winner"] else str(row["candidate"])
        table.add_row(name, f"{row[HEADLINE]:.3f}{spread}", *values, style=style)
    return table
