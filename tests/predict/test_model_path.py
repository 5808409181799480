"""Which models the handler serves, and what it does about damaged ones."""

import functools
import os
import pickle
import random
import shutil
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace

import pytest

from push_propensity.handler import predict as predict_module
from push_propensity.scoring.bundle import Manifest, publish, read_bundle
from push_propensity.scoring.bundle.manifest import digest_file, encode_manifest
from tests.faults import times
from tests.predict.answers import read_answer
from tests.predict.conftest import ask, settle
from tests.predict.host import Host, needs_namespaces
from tests.predict.tiny_bundle import SCHEMA, expected_scores, make_bundle, make_rows

ROW = make_rows(1)[0]
FILES = ["manifest.json", "model.onnx", "model_card.md"]


def status_of(**event):
    return ask({"users": {"u": ROW}, **event})[0]


def served(**event):
    status, body = ask({"users": {"u": ROW}, **event})
    assert status == "200", body
    return body["model_name"]


FORBIDDEN = ["", " ", "../../etc/passwd", "/etc/passwd", "/etc", "/", "..", ".", "push/../../etc"]
FORBIDDEN += ["file:///etc/passwd", "http://127.0.0.1/x", "//proc/self/root", "s3://bucket/key"]
FORBIDDEN += ["a\0b", "x" * 10_000, "%2e%2e/%2e%2e/etc", "%2e%2e%2fetc", "..\\..\\etc", "push_1\n"]
FORBIDDEN += [".lock", ".tmp-1", "push_1/", "./push_1", "\ud800", "é", "x" * 101, "-x", "_x", "~"]
FORBIDDEN += ["${HOME}", "push_shared\0", 0, 5, 1.5, True, False, ["a"], {"a": 1}, b"push_shared"]
_LOOKS = {"open", "os.listdir", "os.scandir", "os.chdir", "socket.connect", "socket.getaddrinfo"}
_LISTENERS = []


def _listen(event, arguments):
    if event in _LOOKS:
        for heard in _LISTENERS:
            heard.append((event, arguments[0]))


@functools.cache  # there is no taking a hook away
def _listen_from_now_on():
    sys.addaudithook(_listen)


@contextmanager
def what_is_opened():
    """Every file, folder and address that is opened in the block."""
    _listen_from_now_on()
    _LISTENERS.append([])
    yield _LISTENERS[-1]
    _LISTENERS.pop()


@pytest.mark.parametrize("path", FORBIDDEN, ids=range(len(FORBIDDEN)))
def test_a_path_out_of_the_root(predict, path):
    with what_is_opened() as opened:
        status, body = predict({"u": ROW}, model_path=path)
    assert (status, body["error"]["code"]) == ("400", "FORBIDDEN_PATH")
    assert opened == []
    assert body == predict({"u": ROW}, model_path="/no/such")[1]


def test_a_bundle_out_of_the_root_is_not_opened(root, tmp_path):
    publish(make_bundle(), tmp_path / "outside", "push_1")
    publish(make_bundle(), root, "push_1")
    (root / "push_2").symlink_to(tmp_path / "outside" / "push_1")
    for path in (str(tmp_path / "outside" / "push_1"), "../outside/push_1", "push_2"):
        with what_is_opened() as opened:
            assert status_of(model_path=path) == "400"
        assert opened == []
    with what_is_opened() as opened:
        assert status_of(model_path="push_1") == "200"
    assert ("open", "model.onnx") in opened  # so it would have been heard


def test_an_unknown_model(predict):
    for name in ("push_1999_01_01", "latest_2", "a"):
        status, body = predict({"u": ROW}, model_path=name)
        assert (status, body["error"]["code"]) == ("404", "MODEL_NOT_FOUND")


def test_no_model_at_all(root):
    assert status_of() == "404"
    root.rmdir()
    assert status_of() == "404"
    root.write_text("a file")
    assert status_of() == "503"


def test_what_is_no_directory(root):
    publish(make_bundle(), root)
    os.mkfifo(root / "push_fifo")
    (root / "push_file").write_bytes(b"PK")
    (root / "push_empty").mkdir()
    assert status_of(model_path="push_fifo") == status_of(model_path="push_file") == "404"
    assert status_of(model_path="push_empty") == "404"
    assert status_of(model_path="latest") == "404"


@pytest.mark.slow
@needs_namespaces
def test_devices_are_refused(root):
    publish(make_bundle(), root, "push_1")
    (root / "push_device").touch()
    asked = {"users": {"u": ROW}}
    with Host(root) as host:
        expected = host.predict(**asked)
        host.run("mount --bind /dev/zero models/push_device")
        assert read_answer(host.predict(**asked, model_path="push_device"))[0] == "404"
        for name in FILES:
            host.run(f"mount --bind /dev/zero models/push_1/{name}")
            assert read_answer(host.predict(**asked))[0] == "503"
            host.run(f"umount models/push_1/{name}")
            assert host.predict(**asked) == expected
        host.run("mount --bind /dev/zero models/latest")
        assert read_answer(host.predict(**asked))[0] == "503"


def test_what_else_lies_under_the_root_is_no_bundle(root):
    publish(make_bundle(), root, "push_1")
    (root / "selection").mkdir()
    (root / "selection" / "leaderboard.csv").write_text("")
    (root / "latest").unlink()
    assert served() == "push_1"
    assert status_of(model_path="selection") == "404"


def test_links_are_refused(root, tmp_path):
    name = publish(make_bundle(), root).path
    (root / "alias").symlink_to(name)
    (root / "nowhere").symlink_to("no_such")
    assert status_of(model_path="alias") == status_of(model_path="nowhere") == "400"
    (root / name).rename(tmp_path / name)
    (root / name).symlink_to(tmp_path / name, target_is_directory=True)
    assert status_of(model_path=name) == "400"
    assert status_of() == "503"


def test_the_newest_is_served_and_an_earlier_one_on_request(root):
    first = publish(make_bundle(seed=1), root, "push_b")
    second = publish(make_bundle(seed=2), root, "push_a")
    assert served() == "push_a"
    assert served(model_path=first.path) == "push_b"
    assert served(model_path=None) == served(model_path=second.path) == "push_a"
    scores = [ask({"users": {"u": ROW}, "model_path": p})[1] for p in ("push_b", "push_a")]
    assert [s["prediction"]["u"] for s in scores] == pytest.approx(
        [expected_scores([ROW], seed)[0] for seed in (1, 2)], abs=1e-6
    )
    (root / "latest").write_text("push_b\n")  # a rollback
    assert served() == "push_b"


def test_without_the_pointer_the_one_published_last_is_served(root):
    for name in ("push_c", "push_a", "push_b"):
        publish(make_bundle(), root, name)
    (root / "latest").unlink()
    assert served() == "push_b"
    (root / "push_a" / "manifest.json").write_bytes(b"")
    assert status_of() == "503"  # it may be the newest


@pytest.mark.parametrize(
    "content", [b"", b"../up\n", b"push_1 push_2", b"\xff", b"no_such\n", b"x" * 999]
)
def test_a_damaged_pointer(root, content):
    publish(make_bundle(), root)
    (root / "latest").write_bytes(content)
    assert status_of() == "503"
    (root / "latest").unlink()
    os.mkfifo(root / "latest")
    assert status_of() == "503"


def test_a_pointer_that_is_a_link(root, tmp_path):
    name = publish(make_bundle(), root).name
    (root / "latest").rename(tmp_path / "latest")
    (root / "latest").symlink_to(tmp_path / "latest")
    assert status_of() == "503"
    assert status_of(model_path=name) == "200"


# ------------------------------------------------------------------ damage


class Touch:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (self.path, "w")


@pytest.fixture
def bundle(root):
    """A bundle that is served from memory, with an older one beside it."""
    publish(make_bundle(seed=2), root, "push_old")
    path = root / publish(make_bundle(), root, "push_new").path
    settle(root)
    assert served() == "push_new"
    return path


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize(
    "damage", ["empty", "truncated", "longer", "pickle", "gone", "fifo", "link", "directory"]
)
def test_a_damaged_file_is_noticed_and_its_repair_too(bundle, name, damage, tmp_path):
    file, canary = bundle / name, tmp_path / "canary"
    content = file.read_bytes()
    file.unlink()
    if damage == "fifo":
        os.mkfifo(file)
    elif damage == "directory":
        file.mkdir()
    elif damage == "link":
        (tmp_path / name).write_bytes(content)
        file.symlink_to(tmp_path / name)
    elif damage != "gone":
        pickled = pickle.dumps(Touch(str(canary)))
        damaged = {
            "empty": b"",
            "truncated": content[:-9],
            "longer": content + b" ",
            "pickle": pickled,
        }
        file.write_bytes(damaged[damage])
    for event in ({}, {"model_path": "push_new"}):
        status, body = ask({"users": {"u": ROW}, **event})
        assert (status, body["error"]["code"], body["error"]["retryable"]) == (
            "503",
            "MODEL_DAMAGED",
            False,
        )
    assert served(model_path="push_old") == "push_old"
    assert not canary.exists()
    file.rmdir() if damage == "directory" else file.unlink(missing_ok=True)
    file.write_bytes(content)
    assert served() == "push_new"


@pytest.mark.fault
def test_every_flipped_bit_is_noticed(bundle):
    """Among them those that leave a JSON number or a digest's value alike."""
    dice = random.Random(3)
    contents = {name: (bundle / name).read_bytes() for name in FILES}
    names = dice.choices(FILES, k=times(90))
    flips = [(name, dice.randrange(len(contents[name])), dice.randrange(8)) for name in names]
    letters = [i for i, c in enumerate(contents["manifest.json"]) if chr(c) in "abcdefABCDEF"]
    flips += [("manifest.json", position, 5) for position in dice.choices(letters, k=times(9))]
    flips.append(("manifest.json", contents["manifest.json"].index(b"1e-06") + 1, 5))
    for name, position, bit in flips:
        with (bundle / name).open("r+b") as file:
            file.seek(position)
            file.write(bytes([contents[name][position] ^ 1 << bit]))
            file.flush()
            status, body = ask({"users": {"u": ROW}})
            assert (status, body["error"]["code"]) == ("503", "MODEL_DAMAGED"), (name, position)
            file.seek(position)
            file.write(contents[name][position : position + 1])
    assert served() == "push_new"


def test_a_file_too_many(bundle):
    (bundle / "added.txt").write_text("one file too many")
    assert status_of() == "503"
    (bundle / "added.txt").unlink()
    assert served() == "push_new"
    for number in range(40):
        (bundle / f"{number}").write_text("")
    assert status_of() == "503"


def test_the_manifest_of_another_model(bundle):
    content = (bundle / "manifest.json").read_bytes()
    shutil.copy(bundle.with_name("push_old") / "manifest.json", bundle / "manifest.json")
    assert status_of() == "503"
    (bundle / "manifest.json").write_bytes(content)
    assert served() == "push_new"


def test_a_renamed_bundle(bundle):
    bundle.rename(bundle.with_name("push_other"))
    assert status_of(model_path="push_other") == "503"
    assert status_of() == "503"


def rewrite(path, files=None, **manifest):
    """Change a published bundle and sign it anew, as training with a fault would."""
    bundle = read_bundle(path)
    files = {**bundle.files, **(files or {})}
    digests = {name: digest_file(content) for name, content in files.items()}
    changed = replace(bundle.manifest, files=digests, **manifest)
    for name, content in files.items():
        (path / name).write_bytes(content)
    (path / "manifest.json").write_bytes(encode_manifest(changed))


def test_features_in_another_order_than_the_graphs(bundle):
    rewrite(bundle, features=SCHEMA[::-1])
    assert status_of() == "503"
    rewrite(bundle, features=SCHEMA)
    assert served() == "push_new"


def test_golden_rows_that_score_otherwise(bundle):
    golden = make_bundle().manifest.golden_rows
    other = replace(golden, probabilities=tuple(p + 2e-6 for p in golden.probabilities))
    rewrite(bundle, golden_rows=other)
    assert status_of() == "503"
    rewrite(bundle, golden_rows=golden)
    assert served() == "push_new"


@pytest.mark.parametrize("graph", [b"", b"no graph", pickle.dumps({"a": 1})])
def test_a_model_that_is_no_graph(bundle, graph):
    rewrite(bundle, files={"model.onnx": graph})
    assert status_of() == "503"


@dataclass(frozen=True)
class OtherManifest(Manifest):
    unknown: int = 1


def test_a_manifest_of_another_form(bundle):
    manifest = read_bundle(bundle).manifest
    other = OtherManifest(**{f.name: getattr(manifest, f.name) for f in fields(manifest)})
    for written in (
        other,
        replace(manifest, features=[{"name": "a"}]),
        replace(manifest, files=[]),
    ):
        (bundle / "manifest.json").write_bytes(encode_manifest(written))
        assert status_of() == "503"
    (bundle / "manifest.json").write_bytes(encode_manifest(manifest))
    assert served() == "push_new"


@pytest.mark.fault
def test_predicting_while_bundles_are_published(root):
    """With eight threads that ask: each score is that of the model that is named."""
    bundles = {f"push_{seed}": make_bundle(seed=seed) for seed in range(1 + times(10))}
    expected = {name: expected_scores([ROW], seed)[0] for seed, name in enumerate(bundles)}
    publish(bundles["push_0"], root, "push_0")
    stop, named = threading.Event(), []

    def ask_on():
        while not stop.is_set():
            status, body = ask({"users": {"u": ROW}})
            assert status == "200", body
            assert body["prediction"]["u"] == pytest.approx(expected[body["model_name"]], abs=1e-6)
            named.append(body["model_name"])

    with ThreadPoolExecutor(8) as threads:
        asking = [threads.submit(ask_on) for _ in range(8)]
        for name in list(bundles)[1:]:
            publish(bundles[name], root, name)
            while named[-1:] != [name] and not any(each.done() for each in asking):
                time.sleep(0.001)
        stop.set()
        for each in asking:
            each.result()
    assert set(bundles) - set(named) <= {"push_0"}
    assert len(predict_module._STORE) <= 4


def test_a_rollback_is_served_at_the_next_call(root):
    for seed in range(3):
        publish(make_bundle(seed=seed), root, f"push_{seed}")
    settle(root)
    for name in ("push_2", "push_0", "push_1", "push_2", "push_1"):
        assert served(model_path=name) == name
        (root / "latest").write_text(f"{name}\n")
        assert served() == name


def test_few_models_stay_in_memory(root):
    names = [publish(make_bundle(seed=seed), root).path for seed in range(9)]
    settle(root)
    for name in names * 2:
        assert served(model_path=name) == name
        assert 1 <= len(predict_module._STORE) <= 4
