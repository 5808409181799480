"""`push-propensity-api`: starts the service."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click
import uvicorn
from fastapi import FastAPI
from pydantic import ValidationError

from push_propensity.service.settings import ServiceSettings

_LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
    "handlers": {"out": {"class": "logging.StreamHandler", "formatter": "line"}},
    "loggers": {
        "push_propensity": {"level": "INFO"},
        "uvicorn": {"level": "INFO"},
        "uvicorn.access": {"level": "WARNING"},  # it would log the callers' addresses
    },
    "root": {"level": "WARNING", "handlers": ["out"]},
}
_SECONDS_TO_STOP = 20  # Kubernetes waits for 30
_OTHERS = {
    "MODELS": "The models root. Default: that of the project.",
    "MAX_BYTES": "The most bytes of users in a call. Default: 6291456.",
    "MAX_USERS": "The most users of a call. Default: 20000.",
    "PROJECT": "The project that fits are made in. Default: the one around this folder.",
}


def _describe_variables() -> str:
    described = {
        name.upper(): str(field.description) for name, field in ServiceSettings.model_fields.items()
    }
    lines = [f"  PUSH_PROPENSITY_{name:<16} {text}" for name, text in (described | _OTHERS).items()]
    lines.append(f"  {'KEDRO_ENV':<32} The environment of the project. Default: base.")
    return "\b\nEnvironment variables:\n" + "\n".join(lines)


def make_app() -> FastAPI:
    """Return the application of a worker process."""
    from push_propensity.service.app import create_app

    return create_app(_read_settings())


@click.command(epilog=_describe_variables())
def serve() -> None:
    """Serve predictions over HTTP; the environment says how."""
    settings = _read_settings()
    with _place_for_metrics(settings.workers):
        uvicorn.run(
            "push_propensity.service.command:make_app",
            factory=True,
            host=settings.host,
            port=settings.port,
            workers=settings.workers,
            log_config=_LOGGING,
            server_header=False,
            timeout_graceful_shutdown=_SECONDS_TO_STOP,
        )


@contextmanager
def _place_for_metrics(workers: int) -> Iterator[None]:
    """Give several workers a folder where they add up their metrics."""
    if workers == 1 or "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        yield
        return
    with tempfile.TemporaryDirectory(prefix="push-propensity-") as folder:
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder
        yield


def _read_settings() -> ServiceSettings:
    try:
        return ServiceSettings()
    except ValidationError as error:
        problems = error.errors(include_url=False, include_context=False, include_input=False)
        lines = [
            f"PUSH_PROPENSITY_{str(p['loc'][0]).upper()}: {p['msg'].removeprefix('Value error, ')}"
            for p in problems
        ]
        raise click.UsageError("\n".join(lines)) from None
