"""How many requests the service answers, and how fast, as a Markdown table.

    python benchmarks/service_load.py --output tables.md

The handler publishes a candidate into a temporary models root, which the service serves in a
process of its own on loopback. This process is the client: each connection is kept alive and sends
one request after another. It writes and reads HTTP/1.1 by itself on asyncio's streams, because that
costs least, 0.1 to 0.2 ms of a processor per request; what it did cost is in the table. An error is
any status but 200, or a connection that broke; after one, the connection is made anew. The
service's settings come from the environment, for instance PUSH_PROPENSITY_WORKERS=2.
"""

import argparse
import asyncio
import http.client
import json
import os
import re
import secrets
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from feature_engineering import to_markdown
from serving import MODELS, Candidate

HOST = "127.0.0.1"
SERVICE = (sys.executable, "-m", "push_propensity.service")
WARM_UP = 50
SECONDS_TO_START = 60
LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
HEADER = (
    "connections",
    "users per request",
    "requests",
    "errors",
    "requests per second",
    "p50, ms",
    "p99, ms",
    "client, ms of processor per request",
)


@dataclass
class Load:
    """What some connections sent and how long each request took."""

    connections: int
    users: int
    most: int
    seconds: float = 0.0
    client_seconds: float = 0.0
    sent: int = 0
    errors: int = 0
    milliseconds: list[float] = field(default_factory=list)

    def goes_on(self, end: float) -> bool:
        return self.sent < self.most and time.perf_counter() < end

    def cells(self) -> list[str]:
        p50, p99 = np.quantile(self.milliseconds, [0.5, 0.99])
        answered = len(self.milliseconds)
        return [
            f"{self.connections}",
            f"{self.users}",
            f"{answered:,}",
            f"{self.errors:,}",
            f"{answered / self.seconds:,.0f}",
            f"{p50:.2f}",
            f"{p99:.2f}",
            f"{self.client_seconds / answered * 1e3:.2f}",
        ]


def request(port: int, key: str, users: object) -> bytes:
    """Return a request of `POST /predict` as it goes over the wire."""
    body = json.dumps({"users": users}).encode()
    head = (
        f"POST /predict HTTP/1.1\r\nHost: {HOST}:{port}\r\nX-API-Key: {key}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def exchange(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, content: bytes
) -> int:
    """Send one request and read its answer; return the status, 0 if the connection broke."""
    try:
        writer.write(content)
        head = await reader.readuntil(b"\r\n\r\n")
        if length := LENGTH.search(head):
            await reader.readexactly(int(length[1]))
    except (OSError, EOFError):
        return 0
    return int(head.split(maxsplit=2)[1])


async def send(load: Load, port: int, content: bytes, end: float) -> None:
    """Send requests on one connection after another until time or count is up."""
    while load.goes_on(end):
        reader, writer = await asyncio.open_connection(HOST, port)
        status = 200
        while status == 200 and load.goes_on(end):
            load.sent += 1
            started = time.perf_counter()
            status = await exchange(reader, writer, content)
            load.milliseconds.append((time.perf_counter() - started) * 1e3)
            load.errors += status != 200
        writer.close()


async def send_all(load: Load, port: int, content: bytes, seconds: float) -> Load:
    """Let all connections send at once."""
    started, client = time.perf_counter(), time.process_time()
    end = started + seconds
    await asyncio.gather(*(send(load, port, content, end) for _ in range(load.connections)))
    load.seconds = time.perf_counter() - started
    load.client_seconds = time.process_time() - client
    return load


@contextmanager
def serve(candidate: Candidate, key: str, command: Sequence[str] = SERVICE) -> Iterator[int]:
    """Run the service until the block ends; give its port."""
    with socket.socket() as free:
        free.bind((HOST, 0))
        port = free.getsockname()[1]
    environment = candidate.environment(
        PUSH_PROPENSITY_API_KEY=key, PUSH_PROPENSITY_HOST=HOST, PUSH_PROPENSITY_PORT=str(port)
    )
    with tempfile.TemporaryFile("w+") as log:
        service = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        try:
            if not wait_until_ready(service, port):
                log.seek(0)
                sys.exit(f"The service does not get ready:\n{log.read()}")
            yield port
        finally:
            service.terminate()
            service.wait(timeout=30)


def wait_until_ready(service: "subprocess.Popen[bytes]", port: int) -> bool:
    """Tell whether the service gets ready in time."""
    end = time.monotonic() + SECONDS_TO_START
    while service.poll() is None and time.monotonic() < end:
        connection = http.client.HTTPConnection(HOST, port, timeout=5)
        with suppress(OSError):
            connection.request("GET", "/readyz")
            if connection.getresponse().status == 200:
                return True
        connection.close()
        time.sleep(0.05)
    return False


def measure(candidate: Candidate, chosen: argparse.Namespace) -> list[Load]:
    """Load a service with every number of users and connections."""
    key = secrets.token_hex(16)
    loads = []
    with serve(candidate, key) as port:
        for count in chosen.users:
            content = request(port, key, candidate.users(count))
            asyncio.run(send_all(Load(1, count, WARM_UP), port, content, chosen.seconds))
            for connections in chosen.connections:
                load = Load(connections, count, chosen.requests)
                loads.append(asyncio.run(send_all(load, port, content, chosen.seconds)))
                print(load.cells(), file=sys.stderr)
    return loads


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", choices=list(MODELS), default="xgboost")
    parser.add_argument("--connections", type=int, nargs="+", default=[1, 8, 64])
    parser.add_argument("--users", type=int, nargs="+", default=[1, 100], help="per request")
    parser.add_argument("--seconds", type=float, default=10.0, help="the most time of a line")
    parser.add_argument("--requests", type=int, default=20_000, help="the most of a line")
    parser.add_argument("--output", type=Path, help="a file for the table too")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table and write it to a file if asked for."""
    chosen = parse(arguments)
    with tempfile.TemporaryDirectory() as folder:
        candidate = Candidate(chosen.model, *MODELS[chosen.model], Path(folder))
        candidate.prepare()
        lines = [load.cells() for load in measure(candidate, chosen)]
    workers = os.environ.get("PUSH_PROPENSITY_WORKERS", "1")
    about = f"{os.cpu_count()} processors; {candidate.name}; workers of the service: {workers}."
    text = f"{about}\n\n{to_markdown(HEADER, lines)}"
    print(text)
    if chosen.output is not None:
        chosen.output.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
