"""What predicting takes of a disk: the wheel in an empty virtual environment, and that it works.

    python benchmarks/installed_size.py --output tables.md

Builds the wheel, installs it with the locked versions of what it needs and nothing else, copies a
published model beside it and scores a user in an empty folder, once with the core dependencies and
once with the extra of the service. Ends with an error if a prediction fails or the core is not
under the limit. It needs a package index. Sizes are of the environment's packages, without pip; a
MB is 10⁶ bytes.
"""

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from feature_engineering import to_markdown
from serving import MODELS, Candidate, run

ROOT = Path(__file__).parents[1]
LIMIT_MB = 250  # of an AWS Lambda function's unzipped files
LARGEST = 6
BIN = Path(sys.executable).parent
EXTRAS = {"core": "", "with the service": "[api]"}
PREDICT = """
import json, sys
from push_propensity.handler import handler_predict
answer = handler_predict({"users": sys.argv[1]}, None)
assert answer["statusCode"] == "200", answer
print(json.loads(answer["body"])["model_name"])
"""


def build_wheel(folder: Path) -> Path:
    """Build the project's wheel with the locked build backend."""
    locked = ("--build-constraint", ROOT / "requirements.lock")
    run([BIN / "uv", "build", "--wheel", *locked, "--out-dir", folder, ROOT])
    (wheel,) = folder.glob("*.whl")
    return wheel


def install(wheel: Path, extra: str, folder: Path) -> Path:
    """Install the wheel into a new environment; return the environment's Python."""
    run([sys.executable, "-m", "venv", "--without-pip", folder])
    python = folder / "bin" / "python"
    wanted = f"push-propensity{extra} @ {wheel.as_uri()}"
    constraint = ROOT / "requirements.lock"
    options = ("--compile-bytecode", "--python", python, "--constraint", constraint)
    run([BIN / "uv", "pip", "install", *options, wanted])
    return python


def sizes(python: Path, bytecode: bool) -> dict[str, float]:
    """Return megabytes by what lies in the environment's packages."""
    (packages,) = (python.parents[1] / "lib").glob("python*/site-packages")
    return {
        entry.name: sum(file.stat().st_size for file in _files(entry, bytecode)) / 1e6
        for entry in packages.iterdir()
    }


def _files(entry: Path, bytecode: bool) -> Iterator[Path]:
    found = entry.rglob("*") if entry.is_dir() else [entry]
    return (file for file in found if file.is_file() and (bytecode or file.suffix != ".pyc"))


def predict(python: Path, models: Path, user: str, folder: Path) -> str:
    """Score a user in an empty folder; return the name of the model that did."""
    folder.mkdir()
    environment = {"PUSH_PROPENSITY_MODELS": str(models), "PATH": os.environ["PATH"]}
    return run([python, "-c", PREDICT, user], environment, folder).strip()


def describe(name: str, python: Path) -> list[str]:
    sources, whole = sizes(python, bytecode=False), sizes(python, bytecode=True)
    largest = sorted(whole, key=lambda entry: whole[entry], reverse=True)[:LARGEST]
    parts = ", ".join(f"{entry} {whole[entry]:.0f}" for entry in largest)
    packages = sum(entry.endswith(".dist-info") for entry in whole)
    totals = [f"{sum(megabytes.values()):.0f}" for megabytes in (sources, whole)]
    return [name, f"{packages}", *totals, parts]


def measure(folder: Path) -> tuple[str, float]:
    """Return the table and the megabytes of the core."""
    candidate = Candidate("logistic_l2", *MODELS["logistic_l2"], folder / "candidate")
    candidate.prepare()
    user = json.dumps(candidate.users(1))
    wheel = build_wheel(folder / "build")
    installed = {}
    for name, extra in EXTRAS.items():
        installed[name] = install(wheel, extra, folder / name)
        empty = folder / f"empty folder, {name}"
        model = predict(installed[name], candidate.folder / "models", user, empty)
        print(f"{name}: {model} scored a user", file=sys.stderr)
    header = ["installed", "packages", "MB", "MB with bytecode", "the largest, MB"]
    table = to_markdown(header, [describe(name, python) for name, python in installed.items()])
    return table, sum(sizes(installed["core"], bytecode=True).values())


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--output", type=Path, help="a file for the table too")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table; end with an error if the core is not under the limit."""
    chosen = parse(arguments)
    with tempfile.TemporaryDirectory() as folder:
        table, core = measure(Path(folder))
    print(table)
    if chosen.output is not None:
        chosen.output.write_text(table + "\n", encoding="utf-8")
    if core >= LIMIT_MB:
        sys.exit(f"The core takes {core:.0f} MB; the limit is {LIMIT_MB} MB.")


if __name__ == "__main__":
    main()
