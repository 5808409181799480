"""Publishing is all or nothing, whoever else publishes and whenever it ends."""

import copy
import errno
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from push_propensity.errors import (
    BundleError,
    BundleNotFoundError,
    ParameterError,
    StorageError,
)
from push_propensity.scoring.bundle import (
    Bundle,
    Fingerprint,
    PublishedBundle,
    find_published,
    newest_name,
    publish,
    publishing,
    read_bundle,
)
from tests.faults import times
from tests.predict.tiny_bundle import make_bundle, tree


def environment() -> dict[str, str]:
    paths = [Path(__file__).parent, Path(publishing.__file__).parents[2]]
    return os.environ | {"PYTHONPATH": os.pathsep.join(map(str, paths))}


def test_what_was_published_is_read_back(tmp_path):
    bundle = make_bundle()
    published = publish(bundle, tmp_path / "new" / "root", "push_x")
    assert published == PublishedBundle("push_x", "push_x")
    read = read_bundle(tmp_path / "new" / "root" / "push_x")
    assert read.files == {**bundle.files, "model_card.md": b"# Model card: push_x\n"}
    unset = {"name": "", "created_at": "", "sequence": 0, "files": {}}
    assert replace(read.manifest, **unset) == bundle.manifest
    assert read.manifest.name == "push_x"
    assert abs(datetime.fromisoformat(read.manifest.created_at) - datetime.now(UTC)).seconds < 60
    assert {name: entry.size for name, entry in read.manifest.files.items()} == {
        name: len(content) for name, content in read.files.items()
    }


def test_the_bundle_itself_is_left_alone(tmp_path):
    bundle = make_bundle()
    before = copy.deepcopy(bundle)
    publish(bundle, tmp_path)
    assert bundle == before


def test_names_are_dates_and_never_used_twice(tmp_path):
    stamp = f"push_{datetime.now(UTC):%Y_%m_%d}"
    names = [publish(make_bundle(), tmp_path).name for _ in range(3)]
    assert names == [stamp, f"{stamp}_2", f"{stamp}_3"]
    assert newest_name(tmp_path) == names[-1]
    long = [publish(make_bundle(), tmp_path, "x" * 100).name for _ in range(2)]
    assert long == ["x" * 100, "x" * 98 + "_2"]
    assert publish(make_bundle(), tmp_path, "latest").name == "latest_2"


@pytest.mark.parametrize(
    "name", ["", "../out", "/out", "a/b", "a\0b", "..", ".hidden", "x" * 101, 5, ["a"], "a\n"]
)
def test_names_that_are_not_allowed(tmp_path, name):
    with pytest.raises(ParameterError):
        publish(make_bundle(), tmp_path, name)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "files",
    [{}, {"model.onnx": b"", "manifest.json": b""}, {"model.onnx": b"", "a/b": b""}, {"x": b""}],
)
def test_files_that_are_not_allowed(tmp_path, files):
    with pytest.raises(BundleError):
        publish(Bundle(make_bundle().manifest, files), tmp_path)
    assert tree(tmp_path) == {}


@pytest.mark.parametrize("value", [float("nan"), float("inf"), {1, 2}, b""])
def test_a_manifest_with_what_is_no_json(tmp_path, value):
    with pytest.raises(BundleError, match="finite"):
        publish(make_bundle(metrics={"roc_auc": value}), tmp_path)
    assert tree(tmp_path) == {}


def test_clock_jumps_do_not_matter(tmp_path, monkeypatch):
    class Clock(datetime):
        year_now = 2031

        @classmethod
        def now(cls, tz=None):
            return datetime(cls.year_now, 1, 1, tzinfo=tz)

    monkeypatch.setattr(publishing, "datetime", Clock)
    assert publish(make_bundle(), tmp_path).name == "push_2031_01_01"
    Clock.year_now = 2001
    assert publish(make_bundle(), tmp_path).name == "push_2001_01_01"
    assert newest_name(tmp_path) == "push_2001_01_01"
    (tmp_path / "latest").unlink()
    assert newest_name(tmp_path) == "push_2001_01_01"


def test_a_copied_root_serves_the_same(tmp_path):
    for name in ("push_b", "push_a"):
        publish(make_bundle(), tmp_path / "one", name)
    shutil.copytree(tmp_path / "one", tmp_path / "two")
    assert newest_name(tmp_path / "two") == "push_a"
    read_bundle(tmp_path / "two" / "push_a")


def test_reading_what_is_not_there(tmp_path):
    with pytest.raises(BundleNotFoundError):
        read_bundle(tmp_path / "no_such")
    with pytest.raises(BundleNotFoundError):
        newest_name(tmp_path)


def test_the_size_limit(tmp_path):
    name = publish(make_bundle(), tmp_path).name
    size = sum(map(len, tree(tmp_path / name).values()))
    read_bundle(tmp_path / name, size)
    with pytest.raises(BundleError, match="larger"):
        read_bundle(tmp_path / name, size - 1)


# ------------------------------------------------------------------ what was published already


def test_find_published(tmp_path):
    assert (
        find_published(tmp_path / "no_such", Fingerprint(data="a", parameters="p", code="c"))
        is None
    )
    for name, data in (("push_1", "a"), ("push_2", "b"), ("push_0", "a"), ("push_3", "c")):
        publish(make_bundle(data=data), tmp_path, name)

    def find(data):
        found = find_published(tmp_path, Fingerprint(data=data, parameters="p", code="c"))
        return found and found.name

    assert [find(data) for data in "abcd"] == ["push_0", "push_2", "push_3", None]
    (tmp_path / "push_0" / "model.onnx").write_bytes(b"damaged")
    assert find("a") == "push_1"
    (tmp_path / "push_1" / "manifest.json").unlink()
    assert find("a") is None
    assert find_published(tmp_path, Fingerprint(data="b", parameters="p", code="other")) is None


# ------------------------------------------------------------------ failures


def fail_at(monkeypatch, function, number):
    """Let the call of that number of a function of `os` fail, as on a full disk."""
    real, calls = getattr(os, function), iter(range(number))

    def call(*arguments, **named):
        if next(calls, None) is None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/an/absolute/path")
        return real(*arguments, **named)

    monkeypatch.setattr(os, function, call)


@pytest.mark.parametrize(
    ("function", "number"),
    [("fsync", n) for n in range(6)]
    + [("rename", n) for n in range(2)]
    + [("open", 0), ("mkdir", 0)],
)
def test_a_full_disk_leaves_everything_as_it_was(tmp_path, monkeypatch, function, number):
    publish(make_bundle(), tmp_path, "push_old")
    before = tree(tmp_path)
    with monkeypatch.context() as patch:
        fail_at(patch, function, number)
        with pytest.raises(StorageError, match="No space left") as raised:
            publish(make_bundle(seed=2), tmp_path, "push_new")
    assert "/an/absolute" not in str(raised.value)
    assert tree(tmp_path) == before
    assert sorted(path.name for path in tmp_path.iterdir()) == [".lock", "latest", "push_old"]
    assert publish(make_bundle(seed=2), tmp_path, "push_new").name == "push_new"
    assert newest_name(tmp_path) == "push_new"


def test_a_failure_after_the_last_rename_is_none(tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        fail_at(patch, "fsync", 7)
        publish(make_bundle(), tmp_path, "push_new")
    assert newest_name(tmp_path) == "push_new"


def test_a_root_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError):
        publish(make_bundle(), tmp_path / "file" / "root")


def interrupt(monkeypatch, root, after_rename):
    """Die between the two renames: nothing is cleared away."""
    with monkeypatch.context() as patch:
        patch.setattr(publishing, "_withdraw", lambda *_: None)
        fail_at(patch, "rename", 1 if after_rename else 0)
        with pytest.raises(StorageError):
            publish(make_bundle(seed=2, data="new"), root, "push_new")


def test_publishing_clears_away_what_was_interrupted(tmp_path, monkeypatch):
    publish(make_bundle(), tmp_path, "push_old")
    interrupt(monkeypatch, tmp_path, after_rename=False)
    assert newest_name(tmp_path) == "push_old"
    assert find_published(tmp_path, Fingerprint(data="new", parameters="p", code="c")) is None
    assert publish(make_bundle(seed=3), tmp_path, "push_new").name == "push_new"
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == [".lock", "latest", "push_new", "push_old"]


def test_finding_finishes_what_was_interrupted(tmp_path, monkeypatch):
    publish(make_bundle(), tmp_path, "push_old")
    interrupt(monkeypatch, tmp_path, after_rename=True)
    assert newest_name(tmp_path) == "push_old"
    found = find_published(tmp_path, Fingerprint(data="new", parameters="p", code="c"))
    assert found == PublishedBundle("push_new", "push_new")
    assert newest_name(tmp_path) == "push_new"


# ------------------------------------------------------------------ at the same time


def test_threads_get_names_of_their_own(tmp_path):
    published = []

    def work(seed):
        published.extend(publish(make_bundle(seed=seed), tmp_path, "push_x").name for _ in range(5))

    threads = [threading.Thread(target=work, args=[seed]) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(published) == sorted(["push_x", *(f"push_x_{n}" for n in range(2, 21))])
    manifests = [read_bundle(tmp_path / name).manifest for name in published]
    assert sorted(manifest.sequence for manifest in manifests) == list(range(1, 21))
    newest = max(manifests, key=lambda manifest: manifest.sequence)
    assert newest_name(tmp_path) == newest.name


PUBLISH = """
import sys
from pathlib import Path
from tests.predict.tiny_bundle import make_bundle
from push_propensity.scoring.bundle import publish
bundle = make_bundle(seed=int(sys.argv[2]))
for _ in range(int(sys.argv[3])):
    print(publish(bundle, Path(sys.argv[1]), "push_x").name, flush=True)
"""


def start(root, seed, count):
    command = [sys.executable, "-c", PUBLISH, str(root), str(seed), str(count)]
    return subprocess.Popen(command, env=environment(), stdout=subprocess.PIPE, text=True)


def test_processes_get_names_of_their_own(tmp_path):
    processes = [start(tmp_path, seed, 10) for seed in (1, 2)]
    names = [name for process in processes for name in process.communicate()[0].split()]
    assert len(set(names)) == 20
    assert {read_bundle(tmp_path / name).manifest.sequence for name in names} == set(range(1, 21))


@pytest.mark.fault
def test_a_killed_publisher_leaves_no_half_bundle(tmp_path):
    dice = random.Random(1)
    publish(make_bundle(), tmp_path, "push_old")
    for seed in range(times(4)):
        process = start(tmp_path, seed, 10_000)
        process.stdout.readline()
        time.sleep(dice.uniform(0.0, 0.05))
        process.send_signal(signal.SIGKILL)
        process.communicate()
        read_bundle(tmp_path / newest_name(tmp_path)).model.score  # noqa: B018
        for path in tmp_path.glob("push_*"):
            read_bundle(path)
    assert publish(make_bundle(), tmp_path, "push_last").name == newest_name(tmp_path)
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == [".lock"]
