"""The pipeline on an in-memory catalog, and how it ships."""

import logging
from pathlib import Path

import pytest
from kedro.config import OmegaConfigLoader
from kedro.runner import SequentialRunner

from push_propensity.ingestion import IngestionOptions
from push_propensity.pipelines.ingestion import create_pipeline
from tests.ingestion.small_shop import LINES, ingest, line, memory_catalog, text_table

CONF = Path(__file__).parents[2] / "conf"


def config(env):
    return OmegaConfigLoader(
        str(CONF),
        base_env="base",
        default_run_env="base",
        env=env,
        merge_strategy={"parameters": "soft"},
    )


def test_runs_on_an_in_memory_catalog_and_says_what_it_did(caplog):
    catalog = memory_catalog(text_table([*LINES, line(pieces="-1")]))
    with caplog.at_level(logging.INFO, "push_propensity"):
        outputs = SequentialRunner().run(create_pipeline(), catalog)
    said = [text for text in caplog.messages if text.startswith("Took in")]
    assert set(outputs) == {"prices", "intake_report"}
    expected = ingest([*LINES, line(pieces="-1")])
    assert outputs["intake_report"].load() == expected["report"]
    assert outputs["prices"].load().to_pyarrow().to_pylist() == expected["prices"]
    assert said == [
        "Took in 5 of 6 order lines: 4 orders of 2 users, 3 products, 2024-01-01 to 2024-01-05. "
        "Merged 0 duplicates; 0 lines came late. Put aside 1 (quantity not above 0: 1)."
    ]


def test_shipped_parameters_are_the_defaults():
    assert IngestionOptions(**config("base")["parameters"]["ingestion"]) == IngestionOptions()


@pytest.mark.parametrize("env", ["online_retail"])
def test_an_environment_of_order_lines_has_its_raw_tables_where_ingestion_writes(env):
    loaded = config(env)
    entries = loaded["catalog"]
    written = f"data/environments/{env}/02_intermediate"
    for name in ("orders", "inventory", "prices", "users", "regulars", "abandoned_carts"):
        assert entries[name]["filepath"] == f"{written}/{name}.parquet"
    assert entries["previous_lines"]["filepath"] == entries["ingested_lines"]["filepath"]
    assert entries["ingested_lines"]["filepath"].startswith(f"{written}/")
    assert loaded["globals"]["start_from"] == "order_lines"
    assert IngestionOptions(**loaded["parameters"]["ingestion"]).merge_orders == "same_day"


def test_what_holds_users_is_shown_in_no_preview():
    entries = config("base")["catalog"]
    written = create_pipeline().datasets() - {"params:ingestion", "intake_report"}
    for name in written:
        assert entries[name]["metadata"]["kedro-viz"]["preview"] is False, name
