"""Model selection: one template pipeline per entry, then the leaderboard and the winner."""

from kedro.pipeline import Node, Pipeline

from push_propensity.models.families import ENTRIES
from push_propensity.pipelines.model_selection.nodes import (
    build_leaderboard,
    choose_trial,
    choose_winner,
    combine_trials,
    fit_contender,
    sweep_candidate,
)

OPTIONS = "params:model_selection"


def create_pipeline() -> Pipeline:
    """From the split's parts and folds to the leaderboard and the winner."""
    choices = [f"{name}_choice" for name in ENTRIES]
    selection = Pipeline(
        [
            Node(
                combine_trials,
                [f"{name}_trials" for name in ENTRIES],
                "trials",
                name="combine_trials",
            ),
            Node(build_leaderboard, ["trials", *choices], "leaderboard", name="build_leaderboard"),
            Node(
                choose_winner, ["leaderboard", "trials", *choices], "winner", name="choose_winner"
            ),
        ]
    )
    return sum((_entry(name) for name in ENTRIES), start=selection)


def _entry(name: str) -> Pipeline:
    return Pipeline(
        _template(),
        namespace=name,
        inputs={"train", "validation", "calibration", "folds"},
        outputs={part: f"{name}_{part}" for part in ("trials", "choice", "model")},
        parameters={OPTIONS},
    )


def _template() -> list[Node]:
    return [
        Node(
            sweep_candidate,
            ["train", "validation", "folds", "params:candidate", OPTIONS],
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
            ["train", "validation", "calibration", "choice", "params:candidate", OPTIONS],
            "model",
            name="fit_contender",
        ),
    ]
