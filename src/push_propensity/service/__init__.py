"""A reference service: the handlers behind HTTP and no more. It needs the extra `api`.

Start it with `push-propensity-api`; `docs/serving.md` says how to set it up.
"""

import sys


def main() -> None:
    """Start the service, or say what it lacks."""
    try:
        from push_propensity.service.command import serve
    except ModuleNotFoundError as error:
        sys.exit(
            f"push-propensity-api: {error.name} is not installed. Install the extra `api`, as in "
            "pip install 'push-propensity[api]'."
        )
    serve(prog_name="push-propensity-api")
