"""A process with mounts of its own that hosts the handlers: real full disks, read-only places.

As a program it does what it is told by lines of JSON, `[what, argument]`, and says what came of
each in one line.
"""

import functools
import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NAMESPACE = ("unshare", "--user", "--map-root-user", "--mount")
PATIENCE = 120


class Host:
    """Starts at once; ends with the block that it was opened for."""

    def __init__(self, models, **variables):
        paths = os.pathsep.join(map(str, (ROOT, ROOT / "src")))
        settings = {"PYTHONPATH": paths, "PUSH_PROPENSITY_MODELS": str(models), **variables}
        self._process = subprocess.Popen(
            [*NAMESPACE, sys.executable, "-m", "tests.predict.host"],
            env=os.environ | settings,
            cwd=models.parent,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._process.kill()
        self._process.communicate()

    def predict(self, **event):
        return self._tell("predict", event)

    def fit(self, **event):
        return self._tell("fit", event)

    def run(self, command):
        """What a command of the shell says, in the folder that holds the models root."""
        status, said = self._tell("run", command)
        assert status == 0, (command, said)
        return said

    def _tell(self, what, argument):
        watchdog = threading.Timer(PATIENCE, self._process.kill)
        watchdog.start()
        try:
            self._process.stdin.write(json.dumps([what, argument]) + "\n")
            self._process.stdin.flush()
            said = self._process.stdout.readline()
        finally:
            watchdog.cancel()
        assert said, "the host hung or died"
        return json.loads(said)


@functools.cache
def lends_namespaces():
    """Tell whether this system lets anyone have mounts of their own."""
    try:
        return subprocess.run([*NAMESPACE, "true"], capture_output=True).returncode == 0
    except FileNotFoundError:
        return False


needs_namespaces = pytest.mark.skipif(
    not lends_namespaces(), reason="needs a system where anyone may have mounts of their own"
)


def _run(command):
    done = subprocess.run(command, shell=True, stdout=-1, stderr=subprocess.STDOUT, text=True)
    return done.returncode, done.stdout


def _serve(lines, answers):
    from push_propensity.handler import handler_fit, handler_predict

    doing = {
        "run": _run,
        "fit": lambda event: handler_fit(event, None),
        "predict": lambda event: handler_predict(event, None),
    }
    for line in lines:
        what, argument = json.loads(line)
        print(json.dumps(doing[what](argument)), file=answers, flush=True)


if __name__ == "__main__":
    said = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever else is printed
    _serve(sys.stdin, said)
