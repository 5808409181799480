"""How fast feature engineering is and how much memory it takes, as Markdown tables.

    python benchmarks/feature_engineering.py --scales 1 4 16

First the pipeline takes turns with one hand-written DuckDB SQL statement for the same 27 columns,
on the raw tables in data/01_raw/box_builder or, where there are none, on a simulated shop; both
frames must be equal. Then it builds the frames of simulated shops that grow. Each measurement is a
process of its own, and its peak memory is the largest resident set of that process.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from push_propensity.frame.columns import EXTENDED_GROUPS

ONE_RUN = Path(__file__).with_name("one_run.py")
REAL_TABLES = Path(__file__).parents[1] / "data" / "01_raw" / "box_builder"
USERS = 4_983  # of the real shop
NO_LIMIT = "none"
GOAL = 1.5
# Options of feature_engineering: the 27 columns, and with all extended features but `text`, for
# which these shops have no names.
FEATURES: dict[str, dict[str, Any]] = {
    "frame": {"extended": {"groups": []}},
    "extended": {"extended": {"groups": [name for name in EXTENDED_GROUPS if name != "text"]}},
}


@dataclass(frozen=True)
class Shop:
    """Raw tables of an environment, below a folder if they are simulated."""

    name: str
    environment: str
    folder: Path
    parameters: dict[str, Any]


@dataclass(frozen=True)
class Measurement:
    """Several runs of the same build."""

    names: tuple[str, ...]
    runs: tuple[dict[str, Any], ...]

    @property
    def rows(self) -> int:
        return int(self.runs[0]["rows"])

    def least(self, what: str = "seconds") -> float:
        return min(float(run[what]) for run in self.runs)

    def median(self, what: str = "seconds") -> float:
        return median(float(run[what]) for run in self.runs)

    def gigabytes(self, what: str) -> float:
        """Return the largest peak memory or spill of the runs in 10^9 bytes."""
        return max(float(run[what]) for run in self.runs) / 1e9

    def cells(self) -> list[str]:
        return [
            *self.names,
            f"{self.rows:,}",
            f"{self.least():.1f}",
            f"{self.median():.1f}",
            f"{self.least('processor_seconds'):.1f}",
            f"{self.rows / self.least():,.0f}",
            f"{self.gigabytes('peak_memory'):.2f}",
            f"{self.gigabytes('spilled'):.2f}",
        ]


MEASURED = (
    "rows",
    "seconds, least",
    "seconds, median",
    "processor seconds, least",
    "rows per second",
    "peak memory, GB",
    "spilled to disk, GB",
)


def run_step(step: str, **arguments: Any) -> dict[str, Any]:
    """Run a step of `one_run.py` in a fresh process and return what it measured."""
    command = [sys.executable, str(ONE_RUN), step, json.dumps(arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{step} failed:\n{done.stderr}")
    measured: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    figures = ", ".join(f"{name} {value}" for name, value in measured.items())
    print(f"{step}: {figures}", file=sys.stderr)
    return measured


def real_shop(cache: Path) -> Shop:
    return Shop("box_builder", "box_builder", cache / "box_builder", {})


def simulated_shop(scale: int, users: int, cache: Path) -> Shop:
    """Simulate a shop of `scale` times as many users, unless its tables are in the cache."""
    parameters = {
        "simulation": {"users": {"users": scale * users}},
        "feature_options": {"first_order_date": None},
    }
    shop = Shop(f"simulated, {scale}x", "simulation", cache / str(scale * users), parameters)
    run_step(
        "simulate",
        environment=shop.environment,
        folder=str(shop.folder),
        parameters=shop.parameters,
    )
    return shop


def build(
    shop: Shop,
    features: str = "frame",
    memory_limit: str = NO_LIMIT,
    by_hand: bool = False,
) -> dict[str, Any]:
    """Build the frame of a shop once."""
    options = {**shop.parameters.get("feature_options", {}), **FEATURES[features]}
    frame = frame_path(shop, by_hand)
    frame.parent.mkdir(parents=True, exist_ok=True)
    return run_step(
        "build",
        environment=shop.environment,
        folder=str(shop.folder),
        parameters={**shop.parameters, "feature_options": options},
        frame=str(frame),
        memory_limit=None if memory_limit == NO_LIMIT else memory_limit,
        by_hand=by_hand,
    )


def frame_path(shop: Shop, by_hand: bool = False) -> Path:
    return shop.folder / ("by_hand.parquet" if by_hand else "built.parquet")


def compare_with_sql(shop: Shop, repetitions: int) -> str:
    """Measure pipeline and SQL statement in turns and check that their frames are equal."""
    turns = [(build(shop), build(shop, by_hand=True)) for _ in range(repetitions)]
    built, by_hand = (tuple(runs) for runs in zip(*turns, strict=True))
    ours = Measurement((shop.name, "feature_engineering"), built)
    sql = Measurement((shop.name, "feature_frame.sql"), by_hand)
    frames = {"built": str(frame_path(shop)), "reference": str(frame_path(shop, by_hand=True))}
    different = run_step("compare", **frames)["different"]
    if different:
        sys.exit(f"The frames differ in {', '.join(different)}, so times cannot be compared.")
    processor = ours.least("processor_seconds") / sql.least("processor_seconds")
    return "\n".join(
        [
            to_markdown(["shop", "built by", *MEASURED], [ours.cells(), sql.cells()]),
            "",
            f"Both frames are equal. feature_engineering takes {ours.least() / sql.least():.2f} "
            f"times as long by the least seconds, {ours.median() / sql.median():.2f} times by the "
            f"medians and {processor:.2f} times by the least processor seconds; the goal is at "
            f"most {GOAL}.",
        ]
    )


def measure_growth(shops: Sequence[Shop], arguments: argparse.Namespace) -> str:
    """Measure shops that grow; time is compared with that of the first, by rows."""
    lines = []
    for features in arguments.features:
        for limit in arguments.memory_limits:
            measured = [
                Measurement(
                    (shop.name, features, limit),
                    tuple(build(shop, features, limit) for _ in range(arguments.repetitions)),
                )
                for shop in shops
            ]
            pace = measured[0].least() / measured[0].rows
            lines += [[*one.cells(), f"{one.least() / one.rows / pace:.2f}"] for one in measured]
    return to_markdown(["shop", "features", "memory limit", *MEASURED, "against linear"], lines)


def to_markdown(header: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    rule = ["---"] * len(header)
    return "\n".join(f"| {' | '.join(line)} |" for line in (header, rule, *lines))


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--scales", type=int, nargs="*", default=[1, 4, 16])
    parser.add_argument("--users", type=int, default=USERS, help="users at 1x")
    parser.add_argument("--features", nargs="+", choices=FEATURES, default=list(FEATURES))
    parser.add_argument(
        "--memory-limits",
        nargs="+",
        default=[NO_LIMIT, "2GB"],
        help=f"DuckDB's memory_limit as shops grow; {NO_LIMIT} is the project's own setting",
    )
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--no-sql", action="store_true", help="leave out the comparison with SQL")
    parser.add_argument("--no-real", action="store_true", help="never read data/01_raw/box_builder")
    parser.add_argument("--output", type=Path, help="a file for the tables too")
    parser.add_argument(
        "--cache",
        type=Path,
        default=Path(tempfile.gettempdir()) / "push_propensity_benchmarks",
        help="folder for simulated raw tables and built frames",
    )
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the tables and write them to a file if asked for."""
    chosen = parse(arguments)
    real = [] if chosen.no_real or not REAL_TABLES.is_dir() else [real_shop(chosen.cache)]
    simulated = [simulated_shop(scale, chosen.users, chosen.cache) for scale in chosen.scales]
    tables = [f"{os.cpu_count()} processors, {chosen.repetitions} repetitions."]
    if not chosen.no_sql:
        tables.append(compare_with_sql([*real, *simulated][0], chosen.repetitions))
    if simulated:
        tables.append(measure_growth(simulated, chosen))
    text = "\n\n".join(tables)
    print(text)
    if chosen.output is not None:
        chosen.output.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
