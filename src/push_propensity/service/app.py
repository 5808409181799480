"""The service as an ASGI application."""

import logging
import os
import secrets
from collections.abc import Awaitable, Callable, Coroutine
from typing import Annotated, Any

import orjson
from anyio import CapacityLimiter, to_thread
from fastapi import Depends, FastAPI, Request, Response, Security
from fastapi.routing import APIRoute
from fastapi.security import APIKeyHeader
from prometheus_client import CONTENT_TYPE_LATEST, Counter
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

import push_propensity
from push_propensity.errors import PushPropensityError
from push_propensity.handler import handler_fit, handler_predict
from push_propensity.handler.answers import UNEXPECTED, Answer, Refusal, answer
from push_propensity.handler.metrics import expose_metrics, record_metrics
from push_propensity.handler.observation import locate
from push_propensity.handler.places import models_root
from push_propensity.handler.predict import load_newest
from push_propensity.service import documentation
from push_propensity.service.requests import Deadline, read_body, read_fit, read_prediction
from push_propensity.service.settings import ServiceSettings

logger = logging.getLogger(__name__)

_FITS_AT_ONCE = 4
_KEY = APIKeyHeader(
    name="X-API-Key", scheme_name="api_key", description="The service's key.", auto_error=False
)

_REFUSALS = Counter(
    "push_propensity_refusals", "Requests that reached no handler.", ["path", "status"]
)

Endpoint = Callable[[Request], Awaitable[Response]]


class AnsweringRoute(APIRoute):
    """A route that answers in the handlers' form whatever goes wrong."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return the route's handler, which never raises."""
        handle = super().get_route_handler()

        async def respond(request: Request) -> Response:
            try:
                return await handle(request)
            except Refusal as refusal:
                _note(request, refusal.answer["statusCode"], refusal.code)
                return _respond(refusal.answer)
            except ClientDisconnect:
                return Response(status_code=499)  # nobody reads it
            except Exception as error:  # nothing may get out
                _note(request, "500", locate(error), logging.WARNING)
                return _respond(Refusal("500", "INTERNAL", UNEXPECTED).answer)

        return respond


def create_app(settings: ServiceSettings) -> FastAPI:
    """Return the application.

    Args:
        settings: What the environment tells; `POST /fit` is there only if it is allowed.
    """
    record_metrics()
    app = FastAPI(
        title="Push Propensity",
        version=push_propensity.__version__,
        description=documentation.DESCRIPTION,
        docs_url=None,  # these pages load scripts from elsewhere
        redoc_url=None,
        redirect_slashes=False,
        exception_handlers={HTTPException: _answer_http_error},
    )
    app.router.route_class = AnsweringRoute
    guard = [Depends(_key_check(settings.api_keys))]
    app.get("/healthz", **documentation.HEALTH)(say_alive)
    app.get("/readyz", **documentation.READINESS)(say_ready)
    app.get("/metrics", dependencies=guard, **documentation.METRICS)(give_metrics)
    app.post("/predict", dependencies=guard, **documentation.PREDICT)(_predicting(settings))
    if settings.allow_fit:
        app.post("/fit", dependencies=guard, **documentation.FIT)(_fitting(settings))
    return app


async def say_alive() -> Response:
    """The process answers."""
    return _respond(answer("200", {"status": "alive"}))


async def say_ready(request: Request) -> Response:
    """The newest model is loaded and passed its checks."""
    try:
        bundle = await to_thread.run_sync(lambda: load_newest(models_root()))
    except PushPropensityError as error:
        _note(request, "503", str(error), logging.WARNING)
        return _respond(Refusal("503", error.code, str(error)).answer)
    return _respond(answer("200", {"status": "ready", "model_name": bundle.manifest.name}))


async def give_metrics() -> Response:
    """Metrics in Prometheus's text format."""
    return Response(expose_metrics(), media_type=CONTENT_TYPE_LATEST)


def _predicting(settings: ServiceSettings) -> Endpoint:
    """Scores users in as many threads as there are cores: more would only slow each other."""
    limiter = CapacityLimiter(os.cpu_count() or 1)

    async def predict(request: Request) -> Response:
        event = read_prediction(await read_body(request, settings.timeout_seconds))
        deadline = Deadline(settings.timeout_seconds)
        return _respond(await to_thread.run_sync(handler_predict, event, deadline, limiter=limiter))

    return predict


def _fitting(settings: ServiceSettings) -> Endpoint:
    """Fits beside the predictions; of several requests the handler makes one after the other."""
    limiter = CapacityLimiter(_FITS_AT_ONCE)

    async def fit(request: Request) -> Response:
        event = read_fit(await read_body(request, settings.timeout_seconds))
        return _respond(await to_thread.run_sync(handler_fit, event, None, limiter=limiter))

    return fit


def _key_check(keys: tuple[bytes, ...]) -> Callable[[str | None], Awaitable[None]]:
    async def check_key(given: Annotated[str | None, Security(_KEY)] = None) -> None:
        sent = (given or "").encode("latin-1")
        if not any([secrets.compare_digest(sent, key) for key in keys]):  # noqa: C419  # all of them
            raise Refusal("401", "UNAUTHORISED", "Send the service's key as the header X-API-Key.")

    return check_key


def _respond(given: Answer) -> Response:
    """An answer of a handler as a response."""
    status = int(given["statusCode"])
    retryable = status >= 400 and orjson.loads(given["body"])["error"]["retryable"]
    return Response(
        given["body"],
        status_code=status,
        headers={"Retry-After": "1"} if retryable else None,
        media_type="application/json",
    )


def _note(request: Request, status: str, reason: str, level: int = logging.INFO) -> None:
    """Log and count what the service refuses itself: of that the handlers know nothing."""
    path = getattr(request.scope.get("route"), "path", "elsewhere")
    _REFUSALS.labels(path, status).inc()
    line = {"service": f"{request.method} {path}", "status": status, "reason": reason}
    logger.log(level, "%s", orjson.dumps(line).decode())


async def _answer_http_error(request: Request, error: Exception) -> Response:
    """No such path or method, in the handlers' form."""
    assert isinstance(error, HTTPException)
    _note(request, str(error.status_code), error.detail)
    code = {404: "NO_SUCH_PATH", 405: "METHOD_NOT_ALLOWED"}.get(error.status_code, "HTTP_ERROR")
    response = _respond(Refusal(str(error.status_code), code, error.detail).answer)
    response.headers.update(error.headers or {})
    return response
