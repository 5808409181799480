"""What holds for the files in git."""

import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import PurePosixPath

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from tests.project.environments import ROOT

NAME = "push-propensity"
LOCK = "requirements.lock"
FOREIGN_PATHS = re.compile(r"(?<![\w.:/-])/(?:home|root|tmp|Users|mnt|workspace)/")


@pytest.fixture(scope="module")
def committed():
    """The text files in git and their content."""
    if shutil.which("git") is None or not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    listing = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    texts = {}
    for name in filter(None, listing.stdout.split("\0")):
        path = ROOT / name
        content = path.read_bytes() if path.is_file() else b"\0"
        if b"\0" not in content:
            texts[name] = content.decode("utf-8")
    return texts


@pytest.fixture(scope="module")
def pyproject():
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def locked():
    """Each locked requirement with its hashes; a name may be there once per platform."""
    text = (ROOT / LOCK).read_text(encoding="utf-8")
    lines = text.replace("\\\n", " ").splitlines()
    entries = [line for line in lines if line.strip() and not line.startswith("#")]
    pairs = []
    for entry in entries:
        requirement, *hashes = entry.split("--hash=")
        pairs.append((Requirement(requirement.strip()), [text.strip() for text in hashes]))
    return pairs


def requirements_of(pyproject):
    """Every dependency, those of the extras and of the build included."""
    project = pyproject["project"]
    groups = [project["dependencies"], *project["optional-dependencies"].values()]
    groups.append(pyproject["build-system"]["requires"])
    parsed = [Requirement(line) for group in groups for line in group]
    return [requirement for requirement in parsed if requirement.name != NAME]


def test_every_dependency_is_locked_within_its_range(pyproject, locked):
    versions = {}
    for requirement, _ in locked:
        (pin,) = requirement.specifier
        assert pin.operator == "==", requirement.name
        versions.setdefault(canonicalize_name(requirement.name), []).append(Version(pin.version))
    for requirement in requirements_of(pyproject):
        found = versions.get(canonicalize_name(requirement.name), [])
        assert found, f"{requirement.name}: run `make lock`"
        for version in found:
            assert requirement.specifier.contains(version), f"{requirement}: run `make lock`"


def test_every_locked_file_is_known_by_its_hash(locked):
    assert len(locked) > 50
    for requirement, hashes in locked:
        assert hashes, requirement.name
        assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", text) for text in hashes)


def test_what_serves_is_what_was_tested(pyproject):
    assert (
        "push-propensity[api,pipelines,postgres,spark,viz]"
        in (pyproject["project"]["optional-dependencies"]["dev"])
    )
    built = (ROOT / "Containerfile").read_text(encoding="utf-8")
    assert "--require-hashes --constraint requirements.lock" in built


def test_a_deleted_module_does_not_come_back_in_the_wheel(tmp_path):
    copied = ("pyproject.toml", "README.md", "LICENSE")
    shutil.copytree(ROOT / "src", tmp_path / "src", ignore=shutil.ignore_patterns("*.egg-info"))
    for name in copied:
        shutil.copy(ROOT / name, tmp_path)
    build = "import sys; from flit_core import buildapi; buildapi.build_wheel(sys.argv[1])"
    gone = tmp_path / "src" / "push_propensity" / "gone.py"
    held = []
    for number in range(2):
        gone.write_text("x = 1\n", encoding="utf-8") if number == 0 else gone.unlink()
        wheels = tmp_path / f"wheels {number}"
        wheels.mkdir()
        subprocess.run([sys.executable, "-c", build, wheels], cwd=tmp_path, check=True)
        (wheel,) = wheels.iterdir()
        held.append(set(zipfile.ZipFile(wheel).namelist()))
    assert held[0] - held[1] == {"push_propensity/gone.py"}


def test_the_image_is_given_what_it_copies():
    built = (ROOT / "Containerfile").read_text(encoding="utf-8")
    ignore = (ROOT / ".dockerignore").read_text(encoding="utf-8")
    kept = {line[1:] for line in ignore.splitlines() if line.startswith("!")}
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", built, re.MULTILINE)
    assert {name for names in copied for name in names.split()} == kept
    assert all((ROOT / name).exists() for name in kept)


def test_the_lock_names_no_index_and_no_host(locked):
    text = (ROOT / LOCK).read_text(encoding="utf-8")
    assert "://" not in text
    assert not re.search(r"^\s*-", re.sub(r"^ +--hash=", "", text, flags=re.M), flags=re.M)
    assert all(requirement.url is None for requirement, _ in locked)


def test_telemetry_is_off_for_everyone_who_clones(committed):
    assert yaml.safe_load(committed[".telemetry"]) == {"consent": False}


def test_no_file_holds_a_path_of_a_machine(committed):
    found = {
        name: FOREIGN_PATHS.findall(text)
        for name, text in committed.items()
        if name != "LICENSE" and FOREIGN_PATHS.search(text)
    }
    assert not found


def test_the_configuration_holds_no_absolute_path(committed):
    for name, text in committed.items():
        if name.startswith("conf/") and name.endswith(".yml"):
            for value in scalars(yaml.safe_load(text)):
                assert not PurePosixPath(str(value)).is_absolute(), name
                assert "://" not in str(value), name
                assert ".." not in PurePosixPath(str(value)).parts, name


def scalars(value):
    if isinstance(value, dict):
        value = [*value.keys(), *value.values()]
    if isinstance(value, list):
        for entry in value:
            yield from scalars(entry)
    else:
        yield value


def test_credentials_and_local_settings_are_not_in_git(committed):
    local = {name for name in committed if name.startswith("conf/local/")}
    assert local <= {"conf/local/.gitkeep"}
    assert not [name for name in committed if "credentials" in name]


@pytest.mark.parametrize("folder", ["local", "tea", "tea/ingestion"])
def test_credentials_are_kept_from_git_in_every_environment(folder):
    asked = subprocess.run(
        ["git", "check-ignore", f"conf/{folder}/credentials.yml"], cwd=ROOT, capture_output=True
    )
    assert asked.returncode == 0


def test_prose_is_no_wider_than_a_screen(committed):
    wide = []
    for name, text in committed.items():
        if name.endswith(".md"):
            prose = re.sub(r"^```.*?^```$|^\s*[|!].*?$", "", text, flags=re.M | re.S)
            wide += [f"{name}: {line}" for line in prose.splitlines() if len(line) > 110]
    assert not wide
