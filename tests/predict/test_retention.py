"""Old bundles are deleted, never one that is served, and no name is given twice."""

import subprocess
import sys
import threading

import pytest

from push_propensity.errors import BundleError, BundleNotFoundError, ParameterError, StorageError
from push_propensity.scoring.bundle import (
    ModelStore,
    newest_name,
    publish,
    published_names,
    read_bundle,
    retention,
)
from push_propensity.scoring.bundle.retention import delete_old
from tests.faults import times
from tests.predict.conftest import ask, settle
from tests.predict.test_publishing import environment
from tests.predict.tiny_bundle import expected_scores, make_bundle, make_rows

BUNDLE = make_bundle()
ROW = make_rows(1)[0]


@pytest.fixture
def five(root):
    """A root with the bundles push_1 to push_5."""
    for number in range(1, 6):
        publish(BUNDLE, root, f"push_{number}")
    return root


@pytest.mark.parametrize("keep", [1, 2, 4, 5, 9])
def test_the_latest_remain(five, keep):
    deleted = delete_old(five, keep)
    names = [f"push_{number}" for number in range(1, 6)]
    assert deleted == names[: max(5 - keep, 0)]
    assert published_names(five) == names[max(5 - keep, 0) :]
    assert ask({"users": {"u": ROW}})[1]["model_name"] == "push_5"
    assert [path.name for path in five.glob(".tmp-*")] == []


def test_publishing_keeps_as_many_as_it_is_told(root):
    for number in range(1, 6):
        publish(BUNDLE, root, f"push_{number}", keep=2)
        assert len(published_names(root)) == min(number, 2)
    publish(BUNDLE, root, "push_only", keep=1)  # and what was the default before
    assert published_names(root) == ["push_5", "push_only"]
    publish(BUNDLE, root, "push_6")
    assert published_names(root) == ["push_5", "push_6", "push_only"]


def test_what_was_rolled_back_to_outlives_the_next_publication(five, caplog):
    caplog.set_level("INFO", "push_propensity")
    (five / "latest").write_text("push_1\n")
    publish(BUNDLE, five, "push_6", keep=2)
    assert published_names(five) == ["push_1", "push_5", "push_6"]
    assert "Deleted old models: push_2, push_3, push_4" in caplog.text


def test_the_default_remains_however_old(five):
    (five / "latest").write_text("push_2\n")  # a rollback
    assert delete_old(five, 1) == ["push_1", "push_3", "push_4"]
    assert newest_name(five) == "push_2"
    read_bundle(five / "push_2")


def test_what_is_loaded_remains_until_it_is_no_more(five):
    settle(five)
    store = ModelStore(capacity=1)
    store.get(five / "push_2")
    assert delete_old(five, 1) == ["push_1", "push_3", "push_4"]
    store.get(five / "push_5")
    assert delete_old(five, 1) == ["push_2"]


SERVE = """
import sys, time
from pathlib import Path
from push_propensity.scoring.bundle import ModelStore
store = ModelStore()
store.get(Path(sys.argv[1]))
print(len(store), flush=True)
sys.stdin.read()
"""


def test_what_another_process_serves_remains_until_it_ends(five):
    settle(five)
    command = [sys.executable, "-c", SERVE, str(five / "push_1")]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, env=environment(), **pipes) as process:
        assert process.stdout.readline() == "1\n"
        assert delete_old(five, 2) == ["push_2", "push_3"]
        process.kill()
    assert delete_old(five, 2) == ["push_1"]


def test_what_is_being_deleted_is_not_found(five, monkeypatch):
    """A reader that comes between the lock and the removal, or just after it."""
    seen = []

    def look(root, name):
        with pytest.raises(BundleNotFoundError):
            read_bundle(root / name)
        seen.append(name)

    monkeypatch.setattr(retention, "_retire", look)
    assert delete_old(five, 3) == seen == ["push_1", "push_2"]
    with pytest.raises(BundleNotFoundError):
        read_bundle(five / "push_1")


def test_a_deleted_name_is_never_given_again(root):
    assert [publish(BUNDLE, root, "push_x", keep=1).name for _ in range(3)] == [
        "push_x",
        "push_x_2",
        "push_x_3",
    ]
    assert published_names(root) == ["push_x_2", "push_x_3"]
    assert ask({"users": {"u": ROW}, "model_path": "push_x"})[0] == "404"


def test_a_damaged_bundle_is_left_alone(five):
    (five / "push_1" / "manifest.json").write_bytes(b"")
    (five / "push_2" / "model.onnx").write_bytes(b"")
    assert delete_old(five, 1) == ["push_2", "push_3", "push_4"]
    assert published_names(five) == ["push_1", "push_5"]


def test_nothing_goes_while_the_default_is_unknown(five, caplog):
    (five / "latest").write_text("../up\n")
    with pytest.raises(BundleError):
        delete_old(five, 1)
    assert len(published_names(five)) == 5


def test_publishing_succeeds_where_deleting_fails(five, monkeypatch, caplog):
    def fail(*_):
        raise PermissionError(13, "Permission denied", "/an/absolute/path")

    monkeypatch.setattr(retention, "_delete", fail)
    with pytest.raises(StorageError, match="Permission denied"):
        delete_old(five, 1)
    assert publish(BUNDLE, five, "push_6", keep=1).name == "push_6"
    assert len(published_names(five)) == 6
    assert "Old models cannot be deleted" in caplog.text
    assert "/an/absolute" not in caplog.text


def test_without_locks_nothing_is_deleted_and_serving_goes_on(five, monkeypatch):
    def fail(*_):
        raise OSError(95, "Operation not supported")

    real = retention.lock_root
    monkeypatch.setattr("push_propensity.scoring.bundle.locks.fcntl.flock", fail)
    monkeypatch.setattr(retention, "lock_root", lambda root: real(root.parent))
    assert ask({"users": {"u": ROW}, "model_path": "push_1"})[0] == "200"
    with pytest.raises(StorageError):
        delete_old(five, 1)
    assert len(published_names(five)) == 5


@pytest.mark.fault
def test_predicting_while_old_bundles_go(root):
    """Whoever asks for the default is always answered, by the model that is named."""
    publish(make_bundle(seed=0), root, "push_0")
    expected = {f"push_{seed}": expected_scores([ROW], seed)[0] for seed in range(1 + times(10))}
    stop, wrong, answered = threading.Event(), [], []

    def ask_on():
        while not stop.is_set():
            status, body = ask({"users": {"u": ROW}})
            answered.append(body.get("model_name"))
            if status != "200" or abs(body["prediction"]["u"] - expected[answered[-1]]) > 1e-6:
                wrong.append(body)

    threads = [threading.Thread(target=ask_on) for _ in range(4)]
    for thread in threads:
        thread.start()
    for seed in range(1, len(expected)):
        publish(make_bundle(seed=seed), root, f"push_{seed}", keep=2)
    stop.set()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert len(set(answered)) > 3


@pytest.mark.parametrize("keep", [0, -1])
def test_at_least_one_is_kept(root, keep):
    from push_propensity.datasets import BundleDataset

    with pytest.raises(ParameterError, match="'keep' must be 1 or more"):
        BundleDataset(filepath=str(root), keep=keep)


def test_the_catalog_entry_keeps_the_latest(root):
    from push_propensity.datasets import BundleDataset

    for name in ("push_a", "push_b", "push_c"):
        BundleDataset(filepath=str(root), publish_as=name, keep=2).save(BUNDLE)
    assert published_names(root) == ["push_b", "push_c"]
