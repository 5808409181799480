"""A PostgreSQL server for the tests: the one that is named, or one of their own."""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from psycopg.conninfo import conninfo_to_dict

DSN = "PUSH_PROPENSITY_TEST_POSTGRES"
PASSWORD = "a password for the tests"
BINARIES = sorted(Path("/usr/lib/postgresql").glob("*/bin")) + [
    Path(found).parent for found in [shutil.which("initdb")] if found
]


def missing_server() -> str | None:
    """Why there is no server to test against, None where there is one."""
    if DSN in os.environ or BINARIES:
        return None
    return f"there is no PostgreSQL server: install postgresql, or name one in {DSN}"


@contextmanager
def running_server() -> Iterator[dict[str, str]]:
    """Yield how to connect to a server: host, port, user, password, dbname."""
    if DSN in os.environ:
        yield {name: str(value) for name, value in conninfo_to_dict(os.environ[DSN]).items()}
        return
    # Not below pytest's own folder, which another user cannot enter; a socket's path is short.
    folder = Path(tempfile.mkdtemp(prefix="pg-"))
    try:
        with _own_server(folder):
            yield {
                "host": str(folder),
                "port": "5432",
                "user": "shop",
                "password": PASSWORD,
                "dbname": "postgres",
            }
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _own_server(folder: Path) -> Iterator[None]:
    """A server that listens on a socket in the folder alone."""
    data, secret = folder / "data", folder / "password"
    secret.write_text(PASSWORD)
    if os.getuid() == 0:  # the server refuses to run as root
        account = pwd.getpwnam("postgres")
        for path in (folder, secret):
            os.chown(path, account.pw_uid, account.pw_gid)
    _command("initdb", "-D", data, "-U", "shop", "-A", "scram-sha-256", "--pwfile", secret, "-N")
    settings = f"-k {folder} -c listen_addresses='' -c fsync=off"
    log = folder / "log"
    _command("pg_ctl", "-D", data, "-l", log, "-o", settings, "-w", "-t", "60", "start")
    try:
        yield
    finally:
        _command("pg_ctl", "-D", data, "-m", "immediate", "-w", "stop")


def _command(name: str, *arguments: object) -> None:
    command = [str(BINARIES[-1] / name), *map(str, arguments)]
    if os.getuid() == 0:
        command = ["runuser", "-u", "postgres", "--", *command]
    ran = subprocess.run(command, cwd="/", capture_output=True, text=True, timeout=120)
    assert ran.returncode == 0, ran.stdout + ran.stderr


def write_table(server: dict[str, str], table: str, columns: dict[str, str], rows: list) -> None:
    """Make a table of these columns, {name: type}, anew and fill it."""
    names = ", ".join(f"{name} {kind}" for name, kind in columns.items())
    with psycopg.connect(**server) as connection, connection.cursor() as cursor:
        cursor.execute(f"DROP TABLE IF EXISTS {table}")
        cursor.execute(f"CREATE TABLE {table} ({names})")
        with cursor.copy(f"COPY {table} FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)
