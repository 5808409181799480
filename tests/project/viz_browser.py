"""Kedro-Viz in a headless browser: what the tests look at, and the picture of the documentation.

After `kedro run`, this draws what that run did:

    python -m tests.project.viz_browser docs/images/kedro_viz.png
"""

import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, sync_playwright

from tests.project.environments import ROOT

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
CHROMIUM = next(filter(None, map(shutil.which, BROWSERS)), None)
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
PORTS = range(20_000, 30_000)  # Kedro-Viz refuses those that the system hands out
SECONDS_TO_START = 120
# What Kedro-Viz remembers of an earlier visit: no tour, and the room for the flowchart.
REMEMBERED = {
    "theme": "light",
    "showFeatureHints": False,
    "visible": {"graph": True, "sidebar": False, "miniMap": False, "code": False},
}


@contextmanager
def serve(project: Path, log: Path) -> Iterator[str]:
    """Run Kedro-Viz on a free port; yield its address."""
    port = _free_port()
    command = [sys.executable, "-m", "kedro", "viz", "run", "--no-browser", "--port", str(port)]
    environment = os.environ | {"DO_NOT_TRACK": "1", "PYTHONPATH": str(project / "src")}
    with log.open("w") as output:
        # It starts a server process, which lives on alone unless the whole group is ended.
        process = subprocess.Popen(
            command,
            cwd=project,
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        address = f"http://127.0.0.1:{port}"
        _wait_until_up(address, process, log)
        yield address
    finally:
        _end_group(process)


def _free_port() -> int:
    """A port that can be had now, in the range that Kedro-Viz accepts."""
    for port in random.sample(PORTS, 50):
        with closing(socket.socket()) as listener, suppress(OSError):
            listener.bind(("127.0.0.1", port))
            return port
    raise RuntimeError(f"No port is free from {PORTS.start} to {PORTS.stop}.")


def _wait_until_up(address: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + SECONDS_TO_START
    while process.poll() is None and time.monotonic() < deadline:
        with suppress(OSError), urllib.request.urlopen(f"{address}/api/main", timeout=10):
            return
        time.sleep(0.25)
    raise RuntimeError(f"Kedro-Viz did not start:\n{log.read_text()[-2_000:]}")


def _end_group(process: "subprocess.Popen[bytes]") -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with suppress(subprocess.TimeoutExpired):
            process.wait(10)


@contextmanager
def browse(height: int = 900) -> Iterator[Page]:
    """A page of a headless browser, 1400 pixels wide, with the look that is remembered."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = browser.new_page(viewport={"width": 1400, "height": height})
        remembered = json.dumps(json.dumps(REMEMBERED))
        page.add_init_script(f"localStorage.setItem('KedroViz', {remembered})")
        yield page
        browser.close()


def open_flowchart(page: Page, address: str, pipeline: str = "__default__") -> None:
    """Open a pipeline's flowchart and wait until it stands still."""
    page.goto(f"{address}/?pid={pipeline}")
    page.locator(".pipeline-node").first.wait_for(timeout=60_000)
    notice = page.get_by_text("Dismiss")
    if notice.count():
        notice.first.click()
    page.wait_for_timeout(1_500)


def find_nodes(address: str, pipeline: str = "__default__") -> dict[str, dict[str, Any]]:
    """The nodes and datasets of a pipeline by name, as the server gives them."""
    with urllib.request.urlopen(f"{address}/api/pipelines/{pipeline}", timeout=60) as answer:
        return {node["name"]: node for node in json.load(answer)["nodes"]}


def open_preview(page: Page, address: str, identifier: str) -> None:
    """Open a Plotly dataset's panel and enlarge its figure."""
    page.goto(f"{address}/?pid=__default__&sid={identifier}")
    page.locator(".pipeline-metadata .js-plotly-plot").wait_for(timeout=60_000)
    page.get_by_text("Expand preview").click()
    page.locator(".pipeline-metadata-modal .js-plotly-plot").wait_for(timeout=30_000)


def take_picture(path: Path) -> None:
    """Draw model selection, a box for each entry: the part that can be read at this size."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as folder,
        serve(ROOT, Path(folder, "viz.log")) as address,
        browse() as page,
    ):
        open_flowchart(page, address, "model_selection")
        page.screenshot(path=path)


if __name__ == "__main__":
    take_picture(Path(sys.argv[1]))
