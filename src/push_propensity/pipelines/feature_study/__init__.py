"""What feature groups and encodings are worth; run on demand."""

from push_propensity.pipelines.feature_study.pipeline import create_pipeline

__all__ = ["create_pipeline"]
