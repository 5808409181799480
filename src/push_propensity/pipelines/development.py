"""The node that joins train and validation, for every pipeline that fits models to them."""

from kedro.pipeline import Node

from push_propensity.frame.split import join_development

JOIN = Node(join_development, ["train", "validation"], "development", name="join_development")
