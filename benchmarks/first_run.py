"""The first minutes on a fresh machine: what `make run` downloads, installs and takes.

    python benchmarks/first_run.py --output tables.md

Clones the committed state of this checkout into a temporary folder and runs it there with empty
caches: the set-up of `make run`, the main job, and the set-up once more with a warm cache. Beside
them, in the same run, the bare download of the same files by pip. It needs a package index. Each
time is the median of the repetitions with the least and the most; a MB is 10⁶ bytes.
"""

import argparse
import os
import re
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from feature_engineering import to_markdown
from serving import run

ROOT = Path(__file__).parents[1]
SET_UP = "the set-up of make run"
STEPS = ("bare download of its files", f"{SET_UP}, cold", "the main job", f"{SET_UP}, warm")


def seconds(action: Callable[[], object]) -> float:
    """Return how long an action takes."""
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def megabytes(folder: Path) -> float:
    """Return what the files of a folder hold; a file with several names counts once."""
    found = (path.lstat() for path in folder.rglob("*"))
    return sum({(entry.st_dev, entry.st_ino): entry.st_size for entry in found}.values()) / 1e6


def installed_requirements(checkout: Path) -> str:
    """Return the lines of the lock, hashes included, for what is installed from wheels."""
    python = checkout / ".venv" / "bin" / "python"
    listed = run([python.with_name("uv"), "pip", "freeze", "--python", python])
    names = set(re.findall(r"^([\w.-]+)==", listed, re.MULTILINE)) | {"uv"}
    lock = (checkout / "requirements.lock").read_text(encoding="utf-8")
    blocks = re.finditer(r"^([\w.-]+)==.*(?:\n    --hash.*)+", lock, re.MULTILINE)
    kept = [block[0] for block in blocks if block[1] in names]
    return "\n".join(kept) + "\n"


def download(requirements: str, folder: Path) -> None:
    """Fetch the wheels and nothing else, without a cache."""
    folder.mkdir()
    listing = folder / "requirements.txt"
    listing.write_text(requirements, encoding="utf-8")
    options = ("--quiet", "--no-cache-dir", "--no-deps", "--require-hashes", "--dest", folder)
    run([sys.executable, "-m", "pip", "download", *options, "--requirement", listing])


def measure(folder: Path) -> tuple[dict[str, float], dict[str, float]]:
    """Return the seconds of each step, and the megabytes of what it leaves."""
    checkout = folder / "checkout"
    run(["git", "clone", "--quiet", ROOT, checkout])
    caches = {"UV_CACHE_DIR": folder / "uv", "PIP_CACHE_DIR": folder / "pip"}
    environment = os.environ | {name: str(value) for name, value in caches.items()}

    def make(target: str) -> None:
        run(["make", "--silent", target], environment, checkout)

    cold = seconds(lambda: make(".venv/.pipelines"))
    size = megabytes(checkout / ".venv")
    job = seconds(lambda: make("run"))
    shutil.rmtree(checkout / ".venv")
    warm = seconds(lambda: make(".venv/.pipelines"))
    fetched = folder / "download"
    requirements = installed_requirements(checkout)
    bare = seconds(lambda: download(requirements, fetched))
    taken = dict(zip(STEPS, (bare, cold, job, warm), strict=True))
    return taken, {STEPS[0]: megabytes(fetched), STEPS[1]: size}


def spread(times: Sequence[float]) -> str:
    """Return the median of some seconds with the least and the most, as text."""
    return f"{statistics.median(times):.0f} ({min(times):.0f} to {max(times):.0f})"


def describe(runs: Sequence[tuple[dict[str, float], dict[str, float]]]) -> str:
    """Return the steps as a Markdown table."""
    rows = []
    for step in STEPS:
        left = runs[-1][1].get(step)
        times = spread([taken[step] for taken, _ in runs])
        rows.append([step, times, "" if left is None else f"{left:.0f}"])
    return to_markdown(["step", "seconds", "MB"], rows)


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--output", type=Path, help="a file for the table too")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table."""
    chosen = parse(arguments)
    runs = []
    for repetition in range(chosen.repetitions):
        print(f"repetition {repetition + 1} of {chosen.repetitions}", file=sys.stderr)
        with tempfile.TemporaryDirectory() as folder:
            runs.append(measure(Path(folder)))
    table = describe(runs)
    print(table)
    if chosen.output is not None:
        chosen.output.write_text(table + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
