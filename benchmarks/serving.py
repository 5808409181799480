"""How fast the handler predicts, starts and what it keeps in memory, as Markdown tables.

    python benchmarks/serving.py --output tables.md

`handler_fit` trains candidates on the shipped sample into a temporary models root. Then
`handler_predict` takes turns with the plain way: json.loads, a pandas DataFrame, a scikit-learn
pipeline of the same encoder and estimator, json.dumps; no check of what came, no calibration.
Both run in one process with one thread; then the handler alone, call after call, as in a service
that does nothing else. Of several sizes the last is given as an object, the others
as JSON text. Cold starts and memory are of processes of their own. A whole run takes three minutes.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from feature_engineering import to_markdown

ROOT = Path(__file__).parents[1]
ONE_STEP = Path(__file__).with_name("one_serving_step.py")
# Both families as configured, and boosting as large as the winner in docs/results.md.
MODELS: dict[str, tuple[str, dict[str, Any]]] = {
    "logistic_l2": ("logistic_l2", {}),
    "xgboost": ("xgboost", {}),
    "xgboost_216": ("xgboost", {"max_depth": 5, "n_estimators": 216}),
}
ROUNDS = {1: 1_500, 100: 500, 1_000: 200, 10_000: 20}  # by users
WARM_UP_CALLS, CALLS = 300, 10_000
THREAD_VARIABLES = (
    "MKL_NUM_THREADS",
    "OMP_NUM_THREADS",
    "OMP_THREAD_LIMIT",
    "OPENBLAS_NUM_THREADS",
)
HEAVY = {"duckdb", "ibis", "matplotlib", "pandas", "plotly", "sklearn", "xgboost"}

REFERENCE = "import numpy, onnxruntime, kedro.runner"
ANSWER_ONE = """
import sys
from push_propensity.handler import handler_predict
answer = handler_predict({"users": sys.argv[1]}, None)
assert answer["statusCode"] == "200", answer
print(*{name.partition(".")[0] for name in sys.modules})
"""


@dataclass(frozen=True)
class Goal:
    """A figure and the most that it may be."""

    what: str
    candidate: str
    figure: float
    most: float
    unit: str

    def cells(self) -> list[str]:
        shown = [f"{value:.3g}{self.unit}" for value in (self.figure, self.most)]
        return [self.what, self.candidate, *shown, "met" if self.figure <= self.most else "missed"]


@dataclass(frozen=True)
class Candidate:
    """A published candidate: family, parameters, and the folder that steps share."""

    name: str
    family: str
    parameters: dict[str, Any]
    folder: Path

    def environment(self, **variables: str) -> dict[str, str]:
        """Return what a process needs to serve it."""
        known = {name: value for name, value in os.environ.items() if name != "KEDRO_ENV"}
        own = {
            "PUSH_PROPENSITY_MODELS": str(self.folder / "models"),
            "PUSH_PROPENSITY_PROJECT": str(ROOT),
            "KEDRO_LOGGING_CONFIG": str(ROOT / "src/push_propensity/handler/logging.yml"),
        }
        return known | own | variables

    def one_thread(self) -> dict[str, str]:
        return self.environment(**dict.fromkeys(THREAD_VARIABLES, "1"))

    def run_step(self, step: str, **arguments: Any) -> dict[str, Any]:
        """Run a step of `one_serving_step.py` in a fresh process; return what it measured."""
        command = [sys.executable, str(ONE_STEP), step, json.dumps(arguments)]
        printed = run(command, self.one_thread())
        measured: dict[str, Any] = json.loads(printed.splitlines()[-1])
        print(f"{self.name}, {step}: {measured}", file=sys.stderr)
        return measured

    def prepare(self) -> None:
        """Publish it, and write users and the plain pipeline."""
        asked = {"candidate": self.family, "parameters": self.parameters}
        self.run_step("publish", **asked)
        self.run_step("prepare", **asked, folder=str(self.folder))

    def users(self, count: int) -> dict[str, Any]:
        users = json.loads((self.folder / "users.json").read_text(encoding="utf-8"))
        return dict(list(users.items())[:count])


def run(
    command: Sequence[str | Path],
    environment: Mapping[str, str] | None = None,
    folder: Path | None = None,
) -> str:
    """Run a process that must succeed, in a folder if one is given; return what it printed."""
    done = subprocess.run(
        command, env=environment, cwd=folder, capture_output=True, text=True, check=False
    )
    if done.returncode:
        sys.exit(f"{' '.join(map(str, command[1:3]))} failed:\n{done.stdout}{done.stderr}")
    return done.stdout


# ------------------------------------------------------------------ calls


def compare(candidate: Candidate, effort: float) -> dict[str, Any]:
    """Time handler and plain way by number of users."""
    rounds = {size: max(2, round(count * effort)) for size, count in ROUNDS.items()}
    return candidate.run_step("compare", folder=str(candidate.folder), rounds=rounds)


def describe_calls(compared: Mapping[str, dict[str, Any]]) -> str:
    """Return one line per candidate and number of users."""
    measured = ("p50", "p99", "least")
    lines = []
    for candidate, sizes in compared.items():
        for size, of in sizes.items():
            both = of["handler"], of["plain"]
            times = [f"{times[name]:.2f}" for times in both for name in measured]
            calls = f"{of['handler']['calls']:,}"
            ratios = [f"{_ratio(of, 'plain', name):.2f}" for name in ("p50", "least")]
            alone = f"{of['alone']['p50']:.2f}"
            lines.append([candidate, f"{int(size):,}", calls, *times, *ratios, alone])
    header = [f"{who} {name}, ms" for who in ("handler", "plain") for name in measured]
    header += ["ratio of p50", "ratio of least", "handler alone p50, ms"]
    return to_markdown(["model", "users", "calls", *header], lines)


def describe_parsing(compared: Mapping[str, dict[str, Any]]) -> str:
    """Return how the handler's time for 1,000 users compares with parsing them alone."""
    lines = []
    for candidate, sizes in compared.items():
        of = sizes["1000"]
        times = [f"{of[name]['p50']:.2f}" for name in ("handler", "json.loads")]
        ratios = [f"{_ratio(of, 'json.loads', name):.2f}" for name in ("p50", "least")]
        lines.append([candidate, *times, *ratios])
    header = ["handler p50, ms", "json.loads p50, ms", "ratio of p50", "ratio of least"]
    return "Of 1,000 users:\n\n" + to_markdown(["model", *header], lines)


def _ratio(measured: Mapping[str, Any], against: str, what: str = "p50") -> float:
    return float(measured["handler"][what] / measured[against][what])


def call_goals(candidate: str, sizes: Mapping[str, Any]) -> list[Goal]:
    one, thousand = sizes["1"], sizes["1000"]
    parsing = "1,000 users, p50 against json.loads"
    return [
        Goal("1 user, p50 against the plain way", candidate, _ratio(one, "plain"), 0.25, "x"),
        Goal("1 user, p50, call after call", candidate, one["alone"]["p50"], 1.0, " ms"),
        Goal(parsing, candidate, _ratio(thousand, "json.loads"), 2.0, "x"),
    ]


# ------------------------------------------------------------------ cold starts


def start(code: str, candidate: Candidate) -> tuple[float, str]:
    """Run code in a fresh process; return its seconds and what it printed."""
    user = json.dumps(candidate.users(1))
    started = time.perf_counter()
    printed = run([sys.executable, "-c", code, user], candidate.one_thread())
    return time.perf_counter() - started, printed


def start_in_turns(candidates: Sequence[Candidate], starts: int) -> dict[str, list[float]]:
    """Start the reference and each candidate's first answer in turns; the first turn is for free.

    A heavy library that an answer imports ends the benchmark.
    """
    turns = {"reference": (REFERENCE, candidates[0])}
    turns |= {candidate.name: (ANSWER_ONE, candidate) for candidate in candidates}
    seconds: dict[str, list[float]] = {name: [] for name in turns}
    for _ in range(starts + 1):
        for name, turn in turns.items():
            taken, printed = start(*turn)
            seconds[name].append(taken)
            if heavy := HEAVY & set(printed.split()):
                sys.exit(f"Predicting imports {', '.join(sorted(heavy))}.")
    return {name: taken[1:] for name, taken in seconds.items()}


def describe_starts(seconds: Mapping[str, list[float]]) -> str:
    reference = seconds["reference"]
    lines = [
        [
            f"`{REFERENCE}`" if name == "reference" else f"one user, {name}",
            f"{min(taken):.2f}",
            f"{median(taken):.2f}",
            f"{min(taken) / min(reference):.2f}",
            f"{median(taken) / median(reference):.2f}",
        ]
        for name, taken in seconds.items()
    ]
    header = ["cold start", "least, s", "median, s", "ratio of least", "ratio of median"]
    none = f"No answer imports any of {', '.join(sorted(HEAVY))}."
    return f"{to_markdown(header, lines)}\n\n{none}"


def start_goals(seconds: Mapping[str, list[float]]) -> list[Goal]:
    reference = median(seconds["reference"])
    return [
        Goal("cold start, median against the imports", name, median(taken) / reference, 1.5, "x")
        for name, taken in seconds.items()
        if name != "reference"
    ]


# ------------------------------------------------------------------ memory


def remember(candidate: Candidate, effort: float) -> list[float]:
    """Return the resident megabytes after a warm-up and after many more calls."""
    calls = round(CALLS * effort)
    users = candidate.users(20)
    measured = candidate.run_step("remember", users=users, warm_up=WARM_UP_CALLS, calls=calls)
    return [measured[name] / 1e6 for name in ("before", "after")]


def describe_memory(megabytes: Mapping[str, list[float]], effort: float) -> str:
    lines = [
        [name, f"{before:.1f}", f"{after:.1f}", f"{after - before:.2f}"]
        for name, (before, after) in megabytes.items()
    ]
    more = f"after {round(CALLS * effort):,} more"
    header = ["resident memory, MB", f"after {WARM_UP_CALLS} calls", more, "difference"]
    return to_markdown(header, lines)


def memory_goals(megabytes: Mapping[str, list[float]]) -> list[Goal]:
    return [
        Goal("memory after many calls", name, after - before, 5.0, " MB")
        for name, (before, after) in megabytes.items()
    ]


# ------------------------------------------------------------------ the whole


def measure(candidates: Sequence[Candidate], effort: float, starts: int) -> str:
    """Measure everything and return it as text."""
    compared = {candidate.name: compare(candidate, effort) for candidate in candidates}
    seconds = start_in_turns(candidates, starts)
    megabytes = {candidate.name: remember(candidate, effort) for candidate in candidates}
    goals = [goal for name, sizes in compared.items() for goal in call_goals(name, sizes)]
    goals += [*start_goals(seconds), *memory_goals(megabytes)]
    tables = [
        f"{os.cpu_count()} processors, one thread.",
        describe_calls(compared),
        describe_parsing(compared),
        describe_starts(seconds),
        describe_memory(megabytes, effort),
        to_markdown(["goal", "model", "figure", "at most", ""], [g.cells() for g in goals]),
    ]
    return "\n\n".join(tables)


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--models", nargs="+", choices=list(MODELS), default=list(MODELS), help="(default: all)"
    )
    parser.add_argument(
        "--effort", type=float, default=1.0, help="factor on how many calls are measured"
    )
    parser.add_argument("--starts", type=int, default=7, help="cold starts of each kind")
    parser.add_argument("--output", type=Path, help="a file for the tables too")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the tables and write them to a file if asked for."""
    chosen = parse(arguments)
    with tempfile.TemporaryDirectory() as folder:
        candidates = [Candidate(name, *MODELS[name], Path(folder) / name) for name in chosen.models]
        for candidate in candidates:
            candidate.prepare()
        text = measure(candidates, chosen.effort, chosen.starts)
    print(text)
    if chosen.output is not None:
        chosen.output.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
