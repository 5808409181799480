"""What holds for a run however it was started: what stops it before, and what it shows after."""

import logging
import os
from collections.abc import Iterator, Mapping
from pathlib import PurePath
from typing import Any

from kedro.framework.hooks import hook_impl
from kedro.io import MemoryDataset
from kedro.pipeline import Pipeline

from push_propensity.errors import ParameterError

STARTS = {  # what a plain run does, by the global start_from
    "feature_frame": "__default__",
    "raw_tables": "from_raw_tables",
    "order_lines": "from_order_lines",
}
TRAINS_WHAT_IS_NAMED = "choose_specification"  # the node that can do without a winner
RUNNERS = ("sequential_runner", "thread_runner")
LAST_RESULTS = {"report", "winner"}
WRITTEN = {  # what a run ends in, to be opened or read on
    "feature_frame@ibis": "Feature frame",
    "current_frame@ibis": "Current frame",
    "feature_study_page": "Feature study",
    "report": "Report",
}
FORMER_OPTIONS = {"n_trials", "early_stopping_rounds", "most_rounds"}
FORMER_ENTRIES = {
    "feature_frame": "feature_frame@pandas",
    "built_feature_frame": "feature_frame@ibis",
    "updated_feature_frame": "feature_frame@ibis",
    "ingested_orders": "orders",
    "ingested_inventory": "inventory",
    "ingested_prices": "prices",
}


class RunHooks:
    """Checks the configuration and the files of a run, and shows what came out of it."""

    @hook_impl
    def after_context_created(self, context: Any) -> None:
        """Refuse an unknown start, and names of an earlier version, which nothing would read."""
        config = context.config_loader
        plain_run(config["globals"] | config.runtime_params)
        check_former_names(config)

    @hook_impl
    def before_pipeline_run(self, pipeline: Pipeline, catalog: Any) -> None:
        """Refuse a run that lacks inputs, or makes files that it would not go on with."""
        check_inputs(pipeline, catalog)
        check_files(pipeline, catalog)
        for runner in RUNNERS:
            logging.getLogger(f"kedro.runner.{runner}").addFilter(can_help)

    @hook_impl
    def after_pipeline_run(self, run_result: Mapping[str, Any], catalog: Any) -> None:
        """Show the published model, the leaderboard and where the results are."""
        show_results(run_result, catalog)


def can_help(record: logging.LogRecord) -> bool:
    """Return whether advice can help: to repeat what failed at its first step cannot."""
    return not record.getMessage().startswith("No nodes ran")


def plain_run(chosen: Mapping[str, Any]) -> str:
    """Return the pipeline of a plain run by the chosen `start_from`.

    Raises:
        ParameterError: There is no such start.
    """
    start = chosen["start_from"]
    if start not in STARTS:
        raise ParameterError(f"start_from is {start}. Set it to one of {', '.join(STARTS)}.")
    return STARTS[start]


def check_former_names(config: Any) -> None:
    """Check an environment's and your own files for what has another name now.

    Raises:
        ParameterError: Names the former and the new ones.
    """
    if renamed := list(_renamed(config)):
        raise ParameterError(
            "The environment or conf/local uses names of an earlier version: "
            f"{'; '.join(renamed)}. Rename them there."
        )


def _renamed(config: Any) -> Iterator[str]:
    for name in FORMER_ENTRIES.keys() & config["catalog"].keys():
        yield f"the entry {name} of catalog.yml is now {FORMER_ENTRIES[name]}"
    parameters = config["parameters"]
    if "start_from" in parameters.keys() - config.runtime_params.keys():
        yield "start_from of parameters.yml now belongs into globals.yml"
    if "candidates" in parameters:
        for name, value in parameters.items():
            if isinstance(value, Mapping) and value.keys() == {"candidate"}:
                yield f"{name}: {{candidate: …}} is now candidates: {{{name}: …}}"
        entries = parameters["candidates"]
        for entry, options in entries.items() if isinstance(entries, Mapping) else ():
            known = options.keys() if isinstance(options, Mapping) else set()
            for name in sorted(FORMER_OPTIONS & known):
                yield f"candidates.{entry}.{name} is now candidates.{entry}.search.{name}"


def check_inputs(pipeline: Pipeline, catalog: Any) -> None:
    """Check that a run does not start behind what is only handed on in memory, or to be chosen.

    Raises:
        ParameterError: Names what the run lacks.
    """
    if "winner" in pipeline.inputs() and not catalog.exists("winner"):
        readers = {node.name for node in pipeline.nodes if "winner" in node.inputs}
        trains_only = readers == {TRAINS_WHAT_IS_NAMED}
        if not trains_only or catalog.load("params:training_options").candidate is None:
            raise ParameterError(
                "No winner has been chosen yet. Run model_selection first, or train a candidate "
                "that you name: --params training_options.candidate=NAME."
            )
    lacking = [
        name
        for name in sorted(pipeline.inputs())
        if name not in catalog
        or (isinstance(catalog[name], MemoryDataset) and not catalog.exists(name))
    ]
    if lacking:
        raise ParameterError(
            f"The run lacks {', '.join(lacking)}, which is kept in no file: nodes hand it on in "
            "memory. Start from the nodes that make it."
        )


def check_files(pipeline: Pipeline, catalog: Any) -> None:
    """Check that what a run makes lies where it goes on from there, and replaces nothing else.

    Raises:
        ParameterError: The environment starts from something later than the run makes.
    """
    made = pipeline.all_outputs()
    if "orders" in made and _file(catalog, "orders").parent != (
        _file(catalog, "ingested_lines").parent
    ):
        raise ParameterError(
            "ingestion makes the raw tables, and would replace those that this environment has. "
            "Set start_from: order_lines in globals.yml of your environment (conf/local unless "
            "you pass --env), or give --params start_from=order_lines."
        )
    frames = {name for name in made | pipeline.all_inputs() if name.startswith("feature_frame@")}
    if made & frames and len({_file(catalog, name) for name in frames}) > 1:
        raise ParameterError(
            "The run builds a feature frame and would go on with another one, the ready frame of "
            "this environment. Set start_from: raw_tables or order_lines in globals.yml of your "
            "environment (conf/local unless you pass --env), or give --params "
            "start_from=raw_tables; an entry feature_frame@pandas of your own has to go."
        )


def _file(catalog: Any, name: str) -> PurePath:
    return PurePath(getattr(catalog[name], "_filepath", ""))


def show_results(results: Mapping[str, Any], catalog: Any) -> None:
    """Print what a run has published, chosen and written.

    Args:
        results: The run's free outputs by their names.
        catalog: The catalog of the run.
    """
    from rich.console import Console

    console = Console()
    if "model_bundle" in results:
        manifest = results["model_bundle"].load().manifest
        values = ", ".join(f"{name} {value}" for name, value in manifest.parameters.items())
        console.print(
            f"Published: {manifest.name}, now the latest ({manifest.candidate}: {values})",
            soft_wrap=True,
        )
    if LAST_RESULTS & set(results):
        from push_propensity.reports.leaderboard import draw_leaderboard

        console.print(draw_leaderboard(catalog["leaderboard"].load()))
    if "beyond_training" in results:
        beyond = _describe_beyond(results["beyond_training"].load())
        console.print(f"Numbers beyond training: {beyond}", soft_wrap=True)
    for name, title in WRITTEN.items():
        if name in results:
            path = os.path.relpath(results[name]._filepath)
            console.print(f"{title}: {path}", soft_wrap=True)


def _describe_beyond(counts: Mapping[str, int]) -> str:
    """Say how many numbers of the users lie beyond what the model learnt from, by feature."""
    if not counts:
        return "not counted, the model's bundle has no ranges"
    listed = ", ".join(f"{name} {count}" for name, count in counts.items() if count)
    return f"{sum(counts.values())} ({listed})" if listed else "none"
