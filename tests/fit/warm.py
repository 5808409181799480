"""Loads what a fit needs; imported by the process that forks those of `tests.fit.processes`."""

from importlib import import_module

for name in (
    "push_propensity.handler.fit",  # first, as in a host
    "kedro_datasets.pandas",
    "kedro_viz.integrations.kedro.hooks",
    "omegaconf.grammar_parser",
    "pandera.pandas",
    "push_propensity.frame.contract",
):
    import_module(name)

project = import_module("kedro.framework.project")
project.configure_project("push_propensity")
list(project.pipelines)
