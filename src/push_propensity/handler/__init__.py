"""What an API or AWS Lambda calls: two functions that never raise and answer in JSON.

Importing this is light and leaves the host's logging as it is. What fitting needs is imported at
the first fit.
"""

from push_propensity.handler.answers import Answer
from push_propensity.handler.predict import handler_predict

__all__ = ["handler_fit", "handler_predict"]


def handler_fit(event: object, context: object) -> Answer:
    """Train and publish a model; see `push_propensity.handler.fit`."""
    from push_propensity.handler.fit import fit

    return fit(event, context)
