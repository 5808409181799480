"""What predicting costs: modules, logging, memory, open files."""

import json
import os
import shutil
import subprocess
import sys
from importlib.metadata import distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import push_propensity
from push_propensity.errors import BundleError
from push_propensity.handler import places
from push_propensity.scoring.bundle import ModelStore, publish
from tests.predict.answers import read_answer
from tests.predict.conftest import settle
from tests.predict.tiny_bundle import expected_scores, make_bundle, make_rows

SOURCE = Path(push_propensity.__file__).parents[1]
PROJECT = SOURCE.parent
HEAVY = {
    "pandas",
    "sklearn",
    "xgboost",
    "matplotlib",
    "plotly",
    "ibis",
    "duckdb",
    "onnx",
    "scipy",
    "pydantic",
}


def run_fresh(code, root, cwd, **variables):
    """Run code in a process of its own, with nothing but the package on its path."""
    known = {key: value for key, value in os.environ.items() if not key.startswith("KEDRO")}
    settings = {"PYTHONPATH": str(SOURCE), "PUSH_PROPENSITY_MODELS": str(root)} | variables
    command = [sys.executable, "-W", "error::ResourceWarning", "-c", code]
    done = subprocess.run(
        command, env=known | settings, cwd=cwd, input=json.dumps({"u": make_rows(1)[0]}),
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done


PREDICT = """
import json, sys
from push_propensity.handler import handler_predict
answer = handler_predict({"users": sys.stdin.read()}, None)
assert answer["statusCode"] == "200", answer
print(json.dumps(sorted(module.partition(".")[0] for module in sys.modules)))
"""


def test_predicting_imports_nothing_heavy(shared_root, tmp_path):
    done = run_fresh(PREDICT, shared_root, tmp_path)
    assert not HEAVY & set(json.loads(done.stdout))
    assert done.stderr == ""


LOGGING = """
import logging, os, sys, warnings
host = logging.StreamHandler(sys.stdout)
logging.basicConfig(level="DEBUG", handlers=[host])
logging.getLogger("kedro").setLevel("WARNING")
def state():
    root = logging.getLogger()
    return (root.handlers, root.level, logging.getLogger("kedro").level, sys.excepthook,
            warnings.showwarning, dict(os.environ), logging.getLogger("kedro").handlers)
before = state()
import push_propensity.handler
assert state() == before, (before, state())
"""


@pytest.mark.parametrize("variables", [{}, {"KEDRO_LOGGING_CONFIG": "logging.yml"}])
def test_importing_changes_no_logging(shared_root, tmp_path, variables):
    (tmp_path / "logging.yml").write_text("version: 1\nincremental: true\n")
    done = run_fresh(LOGGING, shared_root, tmp_path, **variables)
    assert str(tmp_path) not in done.stdout + done.stderr or variables


MANY_CALLS = """
import gc, json, os, sys
from pathlib import Path
from push_propensity.handler import handler_predict

row = json.load(sys.stdin)["u"]
event = {"users": json.dumps({"u": row})}

def measure(calls):
    for _ in range(calls):
        assert handler_predict(event, None)["statusCode"] == "200"
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGESIZE"), len(os.listdir("/proc/self/fd"))

print(json.dumps([measure(300), measure(10_000)]))
"""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs Linux's /proc")
def test_calls_do_not_add_up(shared_root, tmp_path):
    done = run_fresh(MANY_CALLS, shared_root, tmp_path)
    (memory, files), (later_memory, later_files) = json.loads(done.stdout)
    assert later_memory - memory < 5_000_000
    assert later_files == files


# ------------------------------------------------------------------ what is installed


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """A folder with the package as its wheel installs it, made from a copy of the source."""
    folder = tmp_path_factory.mktemp("wheel")
    hidden = shutil.ignore_patterns("*.egg-info", "__pycache__")
    shutil.copytree(SOURCE, folder / "copy" / "src", ignore=hidden)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(PROJECT / name, folder / "copy" / name)
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index"]
    command += ["--no-build-isolation", "--target", str(folder / "site"), str(folder / "copy")]
    subprocess.run(command, check=True, capture_output=True)
    shutil.rmtree(folder / "copy")
    return folder / "site"


PREDICT_AND_FIT = """
import json, sys
from pathlib import Path
import push_propensity
from push_propensity.handler import handler_fit, handler_predict
answers = [handler_predict({"users": sys.stdin.read()}, None), handler_fit({}, None)]
print(json.dumps([str(Path(push_propensity.__file__).parent), *answers]))
"""


@pytest.mark.slow
def test_the_installed_package_predicts_without_a_checkout(installed, shared_root, tmp_path):
    done = run_fresh(PREDICT_AND_FIT, shared_root, tmp_path, PYTHONPATH=str(installed))
    package, predicted, fitted = json.loads(done.stdout)
    assert package == str(installed / "push_propensity")
    status, body = read_answer(predicted)
    assert (status, body["model_name"]) == ("200", "push_shared")
    assert body["prediction"]["u"] == pytest.approx(expected_scores(make_rows(1))[0], abs=1e-6)
    status, body = read_answer(fitted)
    assert (status, body["error"]["code"]) == ("422", "UNUSABLE_DATA")
    assert "PUSH_PROPENSITY_PROJECT" in body["error"]["message"]


def needed(name, extras=frozenset(), found=None):
    """The installed distributions that one needs, itself included, by name."""
    found = {} if found is None else found
    known = canonicalize_name(name)
    if (known, extras) in found:
        return found
    found[known, extras] = distribution(known)
    for text in found[known, extras].requires or []:
        requirement = Requirement(text)
        marker = requirement.marker
        if marker is None or any(marker.evaluate({"extra": e}) for e in extras | {""}):
            needed(requirement.name, frozenset(requirement.extras), found)
    return found


@pytest.mark.slow
def test_what_predicting_needs_fits_into_a_lambda(installed):
    others = {name: each for (name, _), each in needed("push-propensity").items()}
    assert {"numpy", "onnxruntime", "kedro", "orjson"} < set(others)
    assert not {"pandas", "scikit-learn", "xgboost", "xgboost-cpu"} & set(others)
    del others["push-propensity"]
    paths = {each.locate_file(file) for each in others.values() for file in each.files}
    paths |= set(installed.rglob("*"))
    plain = {os.path.realpath(path) for path in paths if path.is_file()}
    assert sum(os.path.getsize(path) for path in plain) < 250_000_000


# ------------------------------------------------------------------ the loaded models


def test_few_bundles_are_kept(root):
    store = ModelStore(capacity=2)
    paths = [root / publish(make_bundle(seed=seed), root, f"push_{seed}").path for seed in range(3)]
    settle(root)
    first, second = store.get(paths[0]), store.get(paths[1])
    assert store.get(paths[0]) is first
    store.get(paths[2])
    assert len(store) == 2
    assert store.get(paths[0]) is first
    assert store.get(paths[1]) is not second


def test_a_bundle_that_changed_just_now_is_not_kept(root):
    store = ModelStore()
    path = root / publish(make_bundle(), root).path
    os.utime(path / "model_card.md")
    store.get(path)
    assert len(store) == 0
    settle(root)
    assert store.get(path) is store.get(path)


def test_a_changed_bundle_is_forgotten(root):
    store = ModelStore()
    path = root / publish(make_bundle(), root).path
    settle(root)
    store.get(path)
    (path / "model_card.md").write_text("changed")
    with pytest.raises(BundleError):
        store.get(path)
    assert len(store) == 0


# ------------------------------------------------------------------ where the models are


@pytest.fixture
def places_unset(monkeypatch):
    for name in ("PUSH_PROPENSITY_MODELS", "PUSH_PROPENSITY_PROJECT", "KEDRO_ENV"):
        monkeypatch.delenv(name, raising=False)


BUNDLES = "model_bundle: {type: kept.Elsewhere, filepath: '${globals:output_root}/06_models'}"


@pytest.fixture
def project(places_unset, monkeypatch, tmp_path):
    """A project with an environment `tea`, of which nothing but the configuration is there."""
    for name in ("base/training", "local", "tea"):
        (tmp_path / "conf" / name).mkdir(parents=True)
    (tmp_path / "conf/base/training/catalog.yml").write_text(BUNDLES)
    (tmp_path / "conf/base/globals.yml").write_text("output_root: data")
    (tmp_path / "conf/tea/globals.yml").write_text("output_root: data/environments/tea")
    monkeypatch.setenv("PUSH_PROPENSITY_PROJECT", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        (None, "data/06_models"),
        ("", "data/06_models"),
        ("base", "data/06_models"),
        ("local", "data/06_models"),
        ("tea", "data/environments/tea/06_models"),
    ],
)
def test_the_models_of_the_environment(project, monkeypatch, environment, expected):
    if environment is not None:
        monkeypatch.setenv("KEDRO_ENV", environment)
    assert places.models_root() == project / expected
    monkeypatch.delenv("PUSH_PROPENSITY_PROJECT")
    (project / "pyproject.toml").write_text('[tool.kedro]\npackage_name = "x"\n')
    (project / "deep/er").mkdir(parents=True)
    monkeypatch.chdir(project / "deep/er")
    assert places.models_root() == project / expected
    monkeypatch.setenv("PUSH_PROPENSITY_MODELS", "elsewhere")
    assert places.models_root() == Path("elsewhere")


@pytest.mark.parametrize(
    ("environment", "files", "expected"),
    [
        (None, {"local/globals.yml": "output_root: elsewhere"}, "elsewhere/06_models"),
        (None, {"local/globals.yml": "engine: duckdb"}, "data/06_models"),
        (
            "tea",
            {"tea/globals.yml": "output_root: out/${environment}\nenvironment: tea"},
            "out/tea/06_models",
        ),
        (
            "tea",
            {"local/globals.yml": "output_root: elsewhere"},
            "data/environments/tea/06_models",
        ),
        ("tea", {"tea/globals.yml": "environment: tea"}, "data/06_models"),
        ("tea", {"tea/globals.yml": "output_root: /elsewhere/tea"}, "/elsewhere/tea/06_models"),
        (None, {"local/catalog.yml": BUNDLES.replace("06_models", "shared")}, "data/shared"),
        ("tea", {"tea/catalog.yml": "model_bundle: {filepath: /models}"}, "/models"),
    ],
)
def test_the_models_are_where_runs_publish(project, monkeypatch, environment, files, expected):
    monkeypatch.setenv("KEDRO_ENV", environment or "")
    places.models_root()
    for name, text in files.items():
        (project / "conf" / name).write_text(text)
    assert places.models_root() == project / expected


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("output_root: [", "conf/base/globals.yml"),
        ("output_root: ${nowhere}", "Interpolation key 'nowhere' not found"),
        ("output_rot: data", "'output_root' not found"),
    ],
)
def test_a_configuration_that_cannot_be_read(project, text, said):
    (project / "conf/base/globals.yml").write_text(text)
    status, body = _ask_without_root()
    assert (status, body["error"]["code"]) == ("400", "BAD_PARAMETER")
    assert "configuration cannot be read" in body["error"]["message"]
    assert said in body["error"]["message"]
    assert str(project) not in body["error"]["message"]


def test_an_environment_that_there_is_not(project, monkeypatch):
    monkeypatch.setenv("KEDRO_ENV", "coffee")
    status, body = _ask_without_root()
    assert (status, body["error"]["code"]) == ("400", "BAD_PARAMETER")
    assert "KEDRO_ENV" in body["error"]["message"]


def test_no_project_around(places_unset, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PUSH_PROPENSITY_MODELS", "")
    status, body = _ask_without_root()
    assert status == "404"
    assert "PUSH_PROPENSITY_MODELS" in body["error"]["message"]


def _ask_without_root():
    from push_propensity.handler import handler_predict

    answer = handler_predict({"users": "{}"}, None)
    return answer["statusCode"], json.loads(answer["body"])


def test_an_environment_that_is_a_path(places_unset, monkeypatch, tmp_path):
    monkeypatch.setenv("PUSH_PROPENSITY_PROJECT", str(tmp_path))
    monkeypatch.setenv("KEDRO_ENV", "../up")
    assert _ask_without_root()[0] == "400"
