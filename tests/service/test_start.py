"""The command starts the service, or says in one line what it lacks."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

import pytest
from click.testing import CliRunner

from push_propensity import service
from push_propensity.scoring.bundle import publish
from push_propensity.service import command
from push_propensity.service.settings import ServiceSettings
from tests.predict.test_publishing import environment
from tests.predict.tiny_bundle import make_bundle, make_rows
from tests.service.conftest import KEY


@pytest.fixture
def variables(monkeypatch):
    """Set the variables of the service, and no others."""
    for name in ServiceSettings.model_fields:
        monkeypatch.delenv(f"PUSH_PROPENSITY_{name.upper()}", raising=False)

    def set_variables(**given):
        for name, value in given.items():
            monkeypatch.setenv(f"PUSH_PROPENSITY_{name.upper()}", value)

    return set_variables


def test_settings_come_from_the_environment(variables):
    variables(api_key=KEY, port="9000", allow_fit="true", workers="", timeout_seconds="2.5")
    settings = ServiceSettings()
    assert settings.api_keys == (KEY.encode(),)
    assert (settings.port, settings.allow_fit, settings.workers) == (9000, True, 1)
    assert settings.timeout_seconds == 2.5
    assert KEY not in repr(settings)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "PUSH_PROPENSITY_API_KEY: Field required"),
        ({"api_key": "sEcReT"}, "PUSH_PROPENSITY_API_KEY: each key must have at least 16"),
        ({"api_key": f"{KEY},sEcReT"}, "PUSH_PROPENSITY_API_KEY: each key must have"),
        ({"api_key": f"{KEY},"}, "PUSH_PROPENSITY_API_KEY: each key must have"),
        ({"api_key": "ü" * 20}, "PUSH_PROPENSITY_API_KEY: each key must have"),
        ({"api_key": KEY, "port": "70000"}, "PUSH_PROPENSITY_PORT: Input should be less than"),
        ({"api_key": KEY, "allow_fit": "maybe"}, "PUSH_PROPENSITY_ALLOW_FIT: Input should be"),
        ({"api_key": KEY, "workers": "0"}, "PUSH_PROPENSITY_WORKERS: Input should be greater"),
    ],
)
def test_what_is_wrong_is_said(variables, given, said):
    variables(**given)
    result = CliRunner().invoke(command.serve)
    assert result.exit_code == 2
    assert said in result.output
    assert "sEcReT" not in result.output
    assert "Traceback" not in result.output


def test_help_names_every_variable():
    output = CliRunner().invoke(command.serve, ["--help"]).output
    for name in (*ServiceSettings.model_fields, "models", "project"):
        assert f"PUSH_PROPENSITY_{name.upper()} " in output


@pytest.mark.parametrize("workers", [1, 2])
def test_several_workers_have_a_place_for_their_metrics(variables, monkeypatch, workers):
    started = []
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", "")  # so that it is put back
    monkeypatch.delenv("PROMETHEUS_MULTIPROC_DIR")

    def run(*arguments, **options):
        folder = os.environ.get("PROMETHEUS_MULTIPROC_DIR")
        started.append((options["workers"], folder is not None and os.path.isdir(folder)))

    monkeypatch.setattr(command.uvicorn, "run", run)
    variables(api_key=KEY, workers=str(workers))
    assert CliRunner().invoke(command.serve).exit_code == 0
    assert started == [(workers, workers > 1)]


def test_a_worker_makes_the_application(variables):
    variables(api_key=KEY, allow_fit="yes")
    assert "/fit" in command.make_app().openapi()["paths"]


# ------------------------------------------------------------------ a real server


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


@pytest.fixture
def server(tmp_path):
    """A server with two workers on a free port; its address and its process."""
    publish(make_bundle(), tmp_path / "models", "push_1")
    port = free_port()
    settings = {
        "PUSH_PROPENSITY_MODELS": str(tmp_path / "models"),
        "PUSH_PROPENSITY_API_KEY": KEY,
        "PUSH_PROPENSITY_PORT": str(port),
        "PUSH_PROPENSITY_WORKERS": "2",
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "push_propensity.service"],
        env=environment() | settings,
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    yield f"http://127.0.0.1:{port}", process
    process.kill()
    process.communicate()


def call(url, body=None):
    request = urllib.request.Request(url, body, {"X-API-Key": KEY})
    with urllib.request.urlopen(request, timeout=30) as response:
        return response.read().decode()


def wait_until_ready(address, process):
    for _ in range(600):
        try:
            return call(f"{address}/readyz")
        except (urllib.error.URLError, ConnectionError):
            assert process.poll() is None, process.communicate()[0]
            time.sleep(0.1)
    process.kill()
    raise AssertionError(f"not ready in a minute: {process.communicate()[0]}")


@pytest.mark.slow
def test_a_server_answers_counts_and_ends(server):
    address, process = server
    assert json.loads(wait_until_ready(address, process))["model_name"] == "push_1"
    body = json.dumps({"users": {"sEcReT": make_rows(1)[0]}}).encode()
    for _ in range(20):
        assert list(json.loads(call(f"{address}/predict", body))["prediction"]) == ["sEcReT"]
    counted = 'push_propensity_calls_total{handler="handler_predict",status="200"} 20.0'
    assert counted in call(f"{address}/metrics").splitlines()
    process.send_signal(signal.SIGTERM)
    output, _ = process.communicate(timeout=40)
    assert process.returncode in {0, -signal.SIGTERM}
    assert output.count('"handler":"handler_predict","status":"200"') == 20
    assert "sEcReT" not in output
    assert "127.0.0.1:" not in output.replace(address, "")
    assert "Traceback" not in output


def test_what_is_not_installed_is_said(monkeypatch):
    monkeypatch.setitem(sys.modules, "push_propensity.service.command", None)
    with pytest.raises(SystemExit, match="Install the extra `api`"):
        service.main()


def test_the_key_may_be_a_secret(variables, monkeypatch, tmp_path):
    (tmp_path / "push_propensity_api_key").write_text(f"{KEY}\n")
    monkeypatch.setitem(ServiceSettings.model_config, "secrets_dir", tmp_path)
    assert ServiceSettings().api_keys == (KEY.encode(),)
