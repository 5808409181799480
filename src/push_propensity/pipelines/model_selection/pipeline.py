"""Model selection: one template pipeline per entry, then the leaderboard and the winner."""

from kedro.pipeline import Node, Pipeline

from push_propensity.models import families
from push_propensity.pipelines.development import JOIN
from push_propensity.selection.choice import (
    build_leaderboard,
    choose_trial,
    choose_winner,
    combine_trials,
)
from push_propensity.selection.contender import fingerprint_selection, fit_contender
from push_propensity.selection.sweep import sweep_candidate

OPTIONS = "params:model_selection"
ROWS = ["development", "calibration"]
SHARED = ["folds", "selection_fingerprint", "studies"]


def create_pipeline() -> Pipeline:
    """From the split's parts and folds to the leaderboard and the winner."""
    entries = families.ENTRIES
    choices = [f"{name}_choice" for name in entries]
    selection = Pipeline(
        [
            JOIN,
            Node(
                fingerprint_selection,
                [*ROWS, "folds", "params:candidates", OPTIONS],
                "selection_fingerprint",
                name="fingerprint_selection",
            ),
            Node(
                combine_trials,
                [f"{name}_trials" for name in entries],
                "trials",
                name="combine_trials",
            ),
            Node(build_leaderboard, ["trials", *choices], "leaderboard", name="build_leaderboard"),
            Node(
                choose_winner,
                ["leaderboard", "trials", "selection_fingerprint", *choices],
                "winner",
                name="choose_winner",
            ),
        ]
    )
    return sum((_entry(name) for name in entries), start=selection)


def _entry(name: str) -> Pipeline:
    return Pipeline(
        _template(),
        namespace=name,
        inputs={*ROWS, *SHARED},
        outputs={part: f"{name}_{part}" for part in ("trials", "choice", "model")},
        parameters={OPTIONS: OPTIONS, "params:candidate": f"params:candidates.{name}"},
    )


def _template() -> list[Node]:
    return [
        Node(
            sweep_candidate,
            [
                "development",
                "folds",
                "params:candidate",
                OPTIONS,
                "selection_fingerprint",
                "studies",
            ],
            "trials",
            name="sweep_candidate",
        ),
        Node(
            choose_trial,
            ["trials", "params:candidate", OPTIONS],
            "choice",
            name="choose_trial",
        ),
        Node(
            fit_contender,
            [*ROWS, "choice", "params:candidate", OPTIONS],
            "model",
            name="fit_contender",
        ),
    ]
