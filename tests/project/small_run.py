"""A copy of the project in which a plain run is over in seconds."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import yaml

from tests.project.environments import ROOT

CODE = ("src", "conf", "notebooks")
FILES = ("pyproject.toml", ".telemetry", "data/01_raw/feature_frame_20210304.csv")
SMALL = {
    "folds": {"n_windows": 2},
    "candidates": {
        "logistic_l2": {"sweep": {"C": [0.01, 0.1]}},
        "logistic_elastic_net": {"sweep": {"C": [0.01], "l1_ratio": [0.5]}},
        "xgboost": {"sweep": {"max_depth": [3]}, "search": {"early_stopping_rounds": 5}},
    },
    "training_options": {"parity_rows": 500, "resamples": 20},
    "report_options": {
        "resamples": 20,
        "curve_points": 21,
        "importance_orders": 10,
        "importance_repeats": 1,
    },
}


def copy_project(target: Path) -> None:
    """Copy code, configuration and the shipped sample, with small sweeps as local settings."""
    ignored = shutil.ignore_patterns("__pycache__", "*.egg-info", "local", ".ipynb_checkpoints")
    for folder in CODE:
        shutil.copytree(ROOT / folder, target / folder, ignore=ignored)
    for name in FILES:
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, target / name)
    (target / "conf/local").mkdir()
    (target / "conf/local/parameters.yml").write_text(yaml.safe_dump(SMALL))


def run(project: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """`kedro run` in a project."""
    environment = os.environ | {
        "PYTHONPATH": str(project / "src"),
        "OMP_WAIT_POLICY": "PASSIVE",
        "COLUMNS": "80",
    }
    return subprocess.run(
        [sys.executable, "-m", "kedro", "run", *arguments],
        cwd=project,
        env=environment,
        capture_output=True,
        text=True,
        timeout=600,
    )
