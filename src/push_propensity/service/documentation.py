"""What the service says of itself in OpenAPI: bodies, answers, examples."""

from typing import Any

from pydantic import BaseModel, Field

DESCRIPTION = """
The probability that a user would buy a product if ordering now, from the features of the user and
the product. Every answer is that of `handler_predict` or `handler_fit`, with its status.
"""

_NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$"
_ROW = {
    "product_type": "fruitveg",
    "user_order_seq": 5,
    "ordered_before": 1,
    "abandoned_before": 0,
    "active_snoozed": 0,
    "set_as_regular": 0,
    "normalised_price": 0.08,
    "discount_pct": 0.1,
    "vendor": "greengrocer",
    "global_popularity": 0.03,
    "count_adults": 2,
    "count_children": 1,
    "count_babies": 0,
    "count_pets": 0,
    "people_ex_baby": 3,
    "days_since_purchase_variant_id": 21,
    "avg_days_to_buy_variant_id": 30,
    "std_days_to_buy_variant_id": 12.5,
    "days_since_purchase_product_type": 7,
    "avg_days_to_buy_product_type": 14,
    "std_days_to_buy_product_type": 6,
}


class Rejection(BaseModel):
    """Why a user could not be scored."""

    code: str = Field(description="EMPTY_ID, NOT_AN_OBJECT, MISSING_FEATURE, TYPE or OUT_OF_RANGE.")
    feature: str | None = Field(description="The feature to blame, if it is one.")


class Prediction(BaseModel):
    """Probabilities in the order of the users."""

    prediction: dict[str, float] = Field(description="The calibrated probability by user id.")
    model_name: str
    rejected: dict[str, Rejection] | None = Field(
        None, description="Users who could not be scored; absent when there are none."
    )


class Fitted(BaseModel):
    """A published model."""

    model_name: str
    model_path: str = Field(description="What `POST /predict` takes to use this model.")
    candidate: str
    parameters: dict[str, Any]
    training_window: dict[str, Any]
    metrics: dict[str, Any]


class Problem(BaseModel):
    """What went wrong."""

    code: str
    message: str
    retryable: bool = Field(description="Whether the same request may succeed later.")


class Failure(BaseModel):
    """An answer of any other status than 200."""

    error: Problem
    rejected: dict[str, Rejection] | None = Field(None, description="With status 422.")


class Health(BaseModel):
    """The process answers."""

    status: str = "alive"


class Readiness(BaseModel):
    """The model that is served by default."""

    status: str = "ready"
    model_name: str


_REASONS = {
    400: "Not JSON, another structure than this, or a model path that is not allowed.",
    401: "The key is missing or wrong.",
    404: "There is no such model.",
    408: "The body did not come in time.",
    409: "The same fit is running in another process; try again later.",
    413: "The body is too large, or there are too many users.",
    422: "No user can be scored, or with `strict` not every one; for a fit: unusable data.",
    500: "Something unexpected went wrong, or nothing could be written.",
    503: "The model failed its integrity check, or there was no time left (retryable).",
}
_STATUSES = {
    "predict": (400, 401, 404, 408, 413, 422, 500, 503),
    "fit": (400, 401, 404, 408, 409, 413, 422, 500, 503),
}


def _responses(statuses: tuple[int, ...]) -> dict[int | str, dict[str, Any]]:
    return {status: {"model": Failure, "description": _REASONS[status]} for status in statuses}


def _body(schema: dict[str, Any], examples: dict[str, Any]) -> dict[str, Any]:
    named = {name: {"value": value} for name, value in examples.items()}
    content = {"application/json": {"schema": schema, "examples": named}}
    return {"requestBody": {"required": True, "content": content}}


_USERS = {
    "description": "Features by user id, of at most 20,000 users; which features, says the "
    "`manifest.json` of the model.",
    "type": "object",
    "additionalProperties": {
        "description": "The value of each feature. What is not an object rejects that user."
    },
}
_PREDICT_SCHEMA = {
    "type": "object",
    "required": ["users"],
    "properties": {
        "users": _USERS,
        "model_path": {
            "description": "A published model; by default the newest.",
            "type": ["string", "null"],
            "pattern": _NAME,
        },
        "strict": {
            "description": "One user who cannot be scored fails the whole call.",
            "type": ["boolean", "null"],
            "default": False,
        },
    },
}
_FIT_SCHEMA = {
    "type": "object",
    "properties": {
        "model_parametrisation": {
            "description": "By default the winner of the last selection.",
            "type": ["object", "null"],
            "properties": {
                "candidate": {"type": ["string", "null"]},
                "parameters": {"type": ["object", "null"]},
            },
            "additionalProperties": False,
        },
        "model_name": {"type": ["string", "null"], "pattern": _NAME},
        "force": {"type": ["boolean", "null"], "default": False},
    },
}

HEALTH: dict[str, Any] = {"summary": "Is the process alive?", "response_model": Health}
READINESS: dict[str, Any] = {
    "summary": "Is there a model that can be served?",
    "response_model": Readiness,
    "responses": {503: {"model": Failure, "description": "No model passed its checks."}},
}
METRICS: dict[str, Any] = {
    "summary": "Metrics for Prometheus",
    "responses": {200: {"content": {"text/plain": {}}}, **_responses((401,))},
}
PREDICT: dict[str, Any] = {
    "summary": "Score users",
    "response_model": Prediction,
    "responses": _responses(_STATUSES["predict"]),
    "openapi_extra": _body(
        _PREDICT_SCHEMA,
        {
            "two users": {"users": {"007": _ROW, "7": {**_ROW, "ordered_before": 0}}},
            "strict, by a named model": {
                "users": {"007": _ROW},
                "model_path": "push_2021_03_04",
                "strict": True,
            },
        },
    ),
}
FIT: dict[str, Any] = {
    "summary": "Train and publish a model",
    "response_model": Fitted,
    "responses": _responses(_STATUSES["fit"]),
    "openapi_extra": _body(
        _FIT_SCHEMA,
        {
            "the winner of the last selection": {},
            "a candidate": {
                "model_parametrisation": {
                    "candidate": "logistic_l2",
                    "parameters": {"C": 0.1},
                },
                "model_name": "push_after_easter",
            },
        },
    ),
}
