"""The pipelines: thin Kedro glue around the domain modules."""
