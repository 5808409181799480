"""Workers that a host forks after it has predicted, as application servers do."""

import json
import subprocess
import sys

import pytest

from push_propensity.scoring.bundle import publish
from tests.predict.conftest import settle
from tests.predict.test_publishing import environment
from tests.predict.tiny_bundle import make_bundle, make_rows

FORK = """
import json, os, signal, sys, threading, time
from pathlib import Path
from push_propensity.handler import handler_predict

event = json.load(sys.stdin)
root = Path(os.environ["PUSH_PROPENSITY_MODELS"])
expected = handler_predict(event, None)
stop = threading.Event()

def ask_on():
    while not stop.is_set():
        handler_predict(event, None)
        handler_predict({**event, "model_path": "push_1"}, None)
        if sys.argv[1] == "touched":  # so that it is loaded anew every time
            os.utime(root / "push_2" / "model_card.md")

def fork():
    child = os.fork()
    if child == 0:
        same = all(handler_predict(event, None) == expected for _ in range(3))
        os._exit(0 if same else 3)
    return child

def wait(child):
    watchdog = threading.Timer(20, os.kill, (child, signal.SIGKILL))
    watchdog.start()
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    watchdog.cancel()
    return status

ended = [wait(fork())]
threads = [threading.Thread(target=ask_on) for _ in range(4)]
for thread in threads:
    thread.start()
for pause in range(20):
    time.sleep(0.001 * pause)
    ended.append(wait(fork()))
    if ended[-1] != 0:
        break
stop.set()
for thread in threads:
    thread.join()
after = handler_predict(event, None)
print(json.dumps([expected, after, ended]))
"""


@pytest.mark.slow
@pytest.mark.parametrize("bundle", ["kept", "touched"])
def test_children_answer_like_their_parent(root, bundle):
    """Also those that are forked while other threads predict or load a model."""
    for seed in (1, 2):
        publish(make_bundle(seed=seed), root, f"push_{seed}")
    settle(root)
    users = json.dumps({f"u{i}": row for i, row in enumerate(make_rows(30))} | {"bad": {}})
    done = subprocess.run(
        [sys.executable, "-c", FORK, bundle],
        env=environment(),
        input=json.dumps({"users": users}),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    expected, after, ended = json.loads(done.stdout)
    assert (expected["statusCode"], len(json.loads(expected["body"])["prediction"])) == ("200", 30)
    assert after == expected
    assert ended == [0] * 21


FORK_IN_A_FIT = """
import os
from push_propensity.handler import fit

with fit._LOCK:
    child = os.fork()
    if child == 0:
        os._exit(0 if fit._LOCK.acquire(timeout=10) else 3)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
"""


def test_a_child_may_fit_while_its_parent_does():
    done = subprocess.run(
        [sys.executable, "-c", FORK_IN_A_FIT], env=environment(), capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
