"""Kedro settings: only what differs from Kedro's defaults."""

import os

from push_propensity.hooks import RunHooks

# Kedro would report runs and write an id into pyproject.toml where no file .telemetry says no.
os.environ.setdefault("KEDRO_DISABLE_TELEMETRY", "1")

CONFIG_LOADER_ARGS = {
    "base_env": "base",
    "default_run_env": "local",
    "merge_strategy": {"parameters": "soft"},
}

HOOKS = (RunHooks(),)
