"""What becomes of a models root when processes die, disks fill up and others fit too."""

import random
import signal
import time

import pytest

from push_propensity.frame.columns import FEATURE_NAMES
from push_propensity.handler import handler_predict
from push_propensity.scoring.bundle import newest_name, published_names, read_bundle
from tests.faults import times
from tests.fit.conftest import published
from tests.fit.processes import Fitting, answer_together
from tests.fit.test_handler_fit import NUMBERS, read
from tests.predict.answers import read_answer
from tests.predict.host import Host, needs_namespaces

LEFT = {".fits", ".lock", "latest"}  # beside the bundles
INTERRUPTED = {".latest.next"}
# The calls that publishing makes after the first file of the bundle, in order: what is renamed
# first is the bundle, then the file that names the one that is served.
SERVED = ("fsync", 7)
RENAMED = [("fsync", 6), ("rename", 1), SERVED]
STEPS = [("fsync", 0), ("fsync", 3), ("fsync", 4), ("fsync", 5), ("rename", 0), *RENAMED]


def logistic(number):
    """An event that asks for another model than any other number does."""
    return {
        "model_parametrisation": {
            "candidate": "logistic_l2",
            "parameters": {"C": 0.01 * (1 + number)},
        }
    }


@pytest.fixture
def users(project):
    rows = read(project)[list(FEATURE_NAMES)].astype(NUMBERS)
    return {f"u{number}": row for number, row in enumerate(rows.head(20).to_dict("records"))}


def names_in(root):
    return {path.name for path in root.iterdir()}


class Killed:
    """Fits in processes that are killed, each followed by a look at what is left."""

    def __init__(self, fit, models, users):
        self.fit, self.models, self.users = fit, models, users
        self.known = {}
        self.fit(logistic(-0.5))
        self.look()

    def predict(self, **event):
        status, body = read_answer(handler_predict({"users": self.users, **event}, None))
        assert (status, len(body["prediction"])) == ("200", len(self.users))
        return body

    def look(self, latest=10):
        """What can be served is whole, and what was served before is as it was."""
        names = published_names(self.models)
        assert set(self.known) <= set(names)
        for name in names[-latest:]:
            read_bundle(self.models / name)
            body = self.predict(model_path=name)
            assert body["model_name"] == name
            assert self.known.setdefault(name, body) == body
        before = newest_name(self.models)
        assert self.predict() == self.known[before]
        return before

    def fit_again(self, event):
        """The same fit after a kill: its claim is free, and what was left is cleared away."""
        allowed = LEFT | INTERRUPTED | set(published_names(self.models))
        assert {n for n in names_in(self.models) - allowed if not n.startswith(".tmp-")} == set()
        status, body = self.fit(event)
        assert status == "200", body
        assert self.look() == body["model_name"]
        assert names_in(self.models) == LEFT | set(published_names(self.models))
        return body


@pytest.fixture
def killed(fit, models, users):
    return Killed(fit, models, users)


@pytest.mark.fault
@pytest.mark.slow
def test_killed_at_any_moment(killed, models):
    """Moments spread at random over a whole fit, the first of which tells how long one takes."""
    dice, whole = random.Random(5), Fitting(logistic(0))
    started = time.monotonic()
    whole.go()
    assert whole.answer()["statusCode"] == "200"
    duration, died, kills = time.monotonic() - started, [], times(7)
    for number in range(1, kills + 1):
        before, fitting = killed.look(), Fitting(logistic(number))
        fitting.go()
        time.sleep(dice.uniform(number - 1, number) * duration / kills)
        died.append(fitting.kill())
        if died[-1]:
            assert killed.look() in {before, newest_name(models)}
        killed.fit_again(logistic(number))
    assert any(died)  # how many depends on how busy the machine is
    assert len(killed.known) == kills + 2
    killed.look(latest=kills + 2)


@pytest.mark.slow
def test_killed_at_any_step_of_publishing(killed, models):
    for number, step in enumerate(STEPS):
        before, names = killed.look(), published_names(models)
        fitting = Fitting(logistic(number), dies_at=step)
        fitting.go()
        assert fitting.ended() == -signal.SIGKILL, step
        assert len(published_names(models)) == len(names) + (step in RENAMED), step
        assert (killed.look() == before) is (step != SERVED), step
        name = killed.fit_again(logistic(number))["model_name"]
        assert sorted([*names, name]) == published_names(models), step


# ------------------------------------------------------------------ at the same time


@pytest.mark.slow
def test_processes_that_fit_the_same_at_once(fit, models):
    """One bundle; who comes while it is made is told to try again."""
    for number in range(3):
        answers = [read_answer(answer) for answer in answer_together([logistic(number)] * 3)]
        bodies = [body for status, body in answers if status == "200"]
        refused = [body["error"]["code"] for status, body in answers if status != "200"]
        assert bodies == [bodies[0]] * len(bodies)
        assert refused == ["FIT_RUNNING"] * (3 - len(bodies))
        assert len(published_names(models)) == number + 1
        assert fit(logistic(number)) == ("200", bodies[0])


@pytest.mark.slow
def test_processes_that_fit_different_things_at_once(models):
    answers = [read_answer(answer) for answer in answer_together(map(logistic, range(3)))]
    assert [status for status, _ in answers] == ["200"] * 3
    assert [body["parameters"]["C"] for _, body in answers] == [0.01, 0.02, 0.03]
    names = [body["model_name"] for _, body in answers]
    assert sorted(names) == published_names(models)
    assert len(set(names)) == 3
    assert {read_bundle(models / name).manifest.sequence for name in names} == {1, 2, 3}
    assert read_bundle(models / newest_name(models)).manifest.sequence == 3


# ------------------------------------------------------------------ file systems


def tell(answer):
    """Status with the error's code or the model's name."""
    status, body = read_answer(answer)
    return status, body["error"]["code"] if "error" in body else body["model_name"]


FULL = ("500", "STORAGE")


@pytest.mark.slow
@needs_namespaces
def test_a_full_disk(models, users):
    """A small file system with ever more pages free, until what is published fits into it."""
    models.mkdir()
    listing = "cd models && find . -type f ! -name filler -exec sha256sum {} + | sort; ls -A"
    with Host(models) as host:
        host.run("mount -t tmpfs -o size=256k none models")
        host.run("touch models/filler")
        assert tell(host.fit(**logistic(0), model_name="old")) == ("200", "old")
        served, left, pages = host.predict(users=users), host.run(listing), 0
        while True:
            host.run("head -c 1M /dev/zero > models/filler 2>/dev/null; true")
            host.run(f"truncate -s -{4 * pages}K models/filler")
            if (answered := tell(host.fit(**logistic(1), model_name="new"))) != FULL:
                break
            assert host.run(listing) == left
            assert host.predict(users=users) == served
            assert host.predict(users=users, model_path="old") == served
            pages += 1
        assert answered == ("200", "new")
        assert pages >= 4
        assert tell(host.predict(users=users)) == ("200", "new")
        assert host.predict(users=users, model_path="old") == served


@pytest.mark.slow
@needs_namespaces
def test_no_room_for_more_files(models, users):
    models.mkdir()
    with Host(models) as host:
        host.run("mount -t tmpfs -o nr_inodes=16 none models")
        assert tell(host.fit(**logistic(0), model_name="old")) == ("200", "old")
        host.run("cd models; for n in $(seq 16); do touch filler_$n 2>/dev/null; done; true")
        for _ in range(2):
            assert tell(host.fit(**logistic(1), model_name="new")) == FULL
            assert tell(host.predict(users=users)) == ("200", "old")
            assert "new" not in host.run("ls -A models")
            host.run("rm models/$(ls models | grep filler | head -1)")
        host.run("rm models/filler_*")
        assert tell(host.fit(**logistic(1), model_name="new")) == ("200", "new")
        assert tell(host.predict(users=users)) == ("200", "new")


@pytest.mark.slow
@needs_namespaces
def test_a_read_only_root(fit, models, users):
    for number in range(2):
        fit({**logistic(number), "model_name": f"push_{number}"})
    before = published(models)
    with Host(models) as host:
        host.run("mount --bind models models && mount -o remount,bind,ro models models")
        for event in (logistic(2), {**logistic(0), "force": True}, {"model_name": "new"}):
            assert tell(host.fit(**event)) == FULL
        assert tell(host.predict(users=users)) == ("200", "push_1")
        for name in ("push_0", "push_1"):
            assert tell(host.predict(users=users, model_path=name)) == ("200", name)
        host.run("mount -o remount,bind,rw models")
        assert published(models) == before
        assert tell(host.fit(**logistic(2), model_name="new")) == ("200", "new")


@pytest.mark.slow
@needs_namespaces
def test_a_root_that_cannot_be_made(models, users):
    models.parent.joinpath("frozen").mkdir()
    with Host(models.parent / "frozen" / "models") as host:
        host.run("mount -t tmpfs -o ro none .")
        assert tell(host.fit(**logistic(0))) == FULL
        assert tell(host.predict(users=users)) == ("404", "MODEL_NOT_FOUND")
