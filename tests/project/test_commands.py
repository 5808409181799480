"""What the commands answer, as a user starts them."""

import os
import subprocess
import sys
import tomllib

import pytest

from push_propensity import __version__
from tests.project.environments import ROOT

KEDRO = [sys.executable, "-m", "kedro"]
PACKAGE = [sys.executable, "-m", "push_propensity"]
ENTRIES = {"kedro run": [*KEDRO, "run"], "package": PACKAGE, "command": [*PACKAGE, "run"]}


def answer(command):
    """Exit status and output of a command in the project's folder."""
    environment = os.environ | {"PYTHONPATH": str(ROOT / "src"), "COLUMNS": "100"}
    ran = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120
    )
    return ran.returncode, ran.stdout + ran.stderr


@pytest.fixture(params=ENTRIES.values(), ids=ENTRIES.keys())
def entry(request):
    return request.param


def test_help(entry):
    status, output = answer([*entry, "--help"])
    assert status == 0
    assert "Run pipelines" in output
    assert "--pipelines" in output


def test_the_help_of_all_commands_loads_no_data_library():
    loaded = "import sys; print(*sorted({'pandas', 'ibis', 'sklearn', 'plotly'} & {*sys.modules}))"
    code = f"from push_propensity.__main__ import main\ntry: main(['--help'])\nfinally: {loaded}"
    status, output = answer([sys.executable, "-c", code])
    assert status == 0
    assert "Commands:" in output
    assert output.splitlines()[-1] == ""


@pytest.mark.slow
def test_an_unknown_pipeline_is_named_with_those_that_there_are(entry):
    status, output = answer([*entry, "--pipelines", "typo"])
    assert status == 2
    assert "no pipeline is called typo" in output
    assert "model_selection" in output
    assert "Traceback" not in output
    assert len(output.splitlines()) < 10


@pytest.mark.slow
def test_a_parameter_that_is_not_allowed_is_named(entry):
    command = [*entry, "--pipelines", "data_processing", "--params", "split.minimum_items=none"]
    status, output = answer(command)
    assert status == 1
    assert "minimum_items" in output
    assert "Traceback" not in output
    assert len(output.splitlines()) < 15


def test_the_installed_command_and_version():
    with (ROOT / "pyproject.toml").open("rb") as file:
        settings = tomllib.load(file)
    assert settings["project"]["scripts"] == {
        "push-propensity": "push_propensity.__main__:main",
        "push-propensity-api": "push_propensity.service:main",
    }
    assert settings["tool"]["kedro"]["package_name"] == "push_propensity"
    assert __version__
