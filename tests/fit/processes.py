"""Fits in processes of their own, which start fast: what a fit imports is loaded once for all."""

import multiprocessing
import os
import signal
from itertools import count

PATIENCE = 120
CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["tests.fit.warm"])


class Fitting:
    """A process that fits at a word, and may be made to kill itself at a step of publishing.

    Args:
        event: What it is to fit.
        dies_at: The function of `os` and the number of the call of it at which it dies.
    """

    def __init__(self, event, dies_at=None):
        self._ours, theirs = CONTEXT.Pipe()
        arguments = (dict(os.environ), os.getcwd(), event, dies_at, theirs)
        self._process = CONTEXT.Process(target=_fit, args=arguments)
        self._process.start()
        theirs.close()
        assert self._receive() == "ready"

    def go(self):
        self._ours.send("go")

    def kill(self):
        """Kill it like `kill -9` does and tell whether it was not done yet."""
        self._process.kill()
        return self.ended() == -signal.SIGKILL

    def ended(self):
        """How it ended."""
        self._process.join(PATIENCE)
        return self._process.exitcode

    def answer(self):
        try:
            return self._receive()
        finally:
            self._process.join(PATIENCE)

    def _receive(self):
        assert self._ours.poll(PATIENCE), "the process hangs"
        return self._ours.recv()


def _fit(variables, folder, event, dies_at, ours):
    os.environ.clear()
    os.environ.update(variables)
    os.chdir(folder)
    from push_propensity.handler import handler_fit

    if dies_at is not None:
        _die_at(*dies_at)
    ours.send("ready")
    ours.recv()
    ours.send(handler_fit(event, None))


def _die_at(function, number):
    real, calls = getattr(os, function), count()

    def call(*arguments, **named):
        if next(calls) == number:
            os.kill(os.getpid(), signal.SIGKILL)
        return real(*arguments, **named)

    setattr(os, function, call)


def answer_together(events):
    """The answers of processes that begin to fit at the same moment."""
    fitting = [Fitting(event) for event in events]
    for each in fitting:
        each.go()
    return [each.answer() for each in fitting]
