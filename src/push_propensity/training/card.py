"""The model card: what a published model is, how good it is and what it is not for."""

from jinja2 import Environment, PackageLoader, StrictUndefined

from push_propensity.frame.columns import describe_features
from push_propensity.models.families import FAMILIES
from push_propensity.scoring.bundle import Manifest


def write_model_card(manifest: Manifest) -> str:
    """Fill in the card (after Mitchell et al., Model Cards for Model Reporting, 2019).

    Args:
        manifest: The manifest as training made it; a name is given only when it is published.

    Returns:
        The card as Markdown.
    """
    environment = Environment(
        loader=PackageLoader("push_propensity.training"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,
    )
    features = describe_features(feature.name for feature in manifest.features)
    template = environment.get_template("model_card.md.j2")
    label = FAMILIES[manifest.candidate].label
    return template.render(manifest=manifest, label=label, features=features)
