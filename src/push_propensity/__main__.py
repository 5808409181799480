"""Entry point of `python -m push_propensity` and of the installed command."""

import sys
from pathlib import Path
from typing import Any

from kedro.framework.project import configure_project


def main(*args: Any, **kwargs: Any) -> Any:
    """Call a command of the installed package, by default `run` with the options of `kedro run`."""
    configure_project(Path(__file__).parent.name)
    from push_propensity.cli import cli  # after the project is known

    interactive = hasattr(sys, "ps1")
    kwargs["standalone_mode"] = not interactive
    return cli(*args, **kwargs)


if __name__ == "__main__":
    main()
