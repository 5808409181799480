"""Bundles that an earlier version published go on serving, with the scores that they gave then."""

import json
import shutil
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from push_propensity.scoring.bundle import published_names, read_bundle
from push_propensity.service.app import create_app
from tests.predict.conftest import ask
from tests.service.conftest import KEY, make_settings

KEPT = Path(__file__).with_name("kept_bundles")
USUAL = {
    "product_type": "vitamins",
    "user_order_seq": 3,
    "ordered_before": 1,
    "abandoned_before": 0,
    "active_snoozed": 0,
    "set_as_regular": 0,
    "normalised_price": 0.43,
    "discount_pct": 0.05,
    "vendor": "bupia",
    "global_popularity": 0.28,
    "count_adults": 2,
    "count_children": 0,
    "count_babies": 0,
    "count_pets": 0,
    "people_ex_baby": 2,
    "days_since_purchase_variant_id": 24,
    "avg_days_to_buy_variant_id": 23,
    "std_days_to_buy_variant_id": 14.6,
    "days_since_purchase_product_type": 24,
    "avg_days_to_buy_product_type": 29,
    "std_days_to_buy_product_type": 22.3,
}
USERS = {
    "usual": USUAL,
    "never bought": USUAL | {"ordered_before": 0},
    "long gone": USUAL | {"days_since_purchase_variant_id": 400},
    "unheard-of vendor": USUAL | {"vendor": "unheard-of"},
}
SCORES = {
    "push_kept_linear": {
        "usual": 0.544498205,
        "never bought": 0.155442476,
        "long gone": 0.998894453,
        "unheard-of vendor": 0.540329874,
    },
    "push_kept_boosted": {
        "usual": 0.607418954,
        "never bought": 0.173413754,
        "long gone": 0.718148351,
        "unheard-of vendor": 0.607418954,
    },
}


@pytest.fixture
def kept(root):
    """A models root with copies of the kept bundles."""
    shutil.copytree(KEPT, root, dirs_exist_ok=True)
    return root


def test_there_are_no_others(kept):
    assert published_names(kept) == sorted(SCORES)


@pytest.mark.parametrize("name", SCORES)
def test_it_passes_its_own_checks(kept, name):
    """Every file is as published, and the golden rows score as recorded."""
    assert read_bundle(kept / name).model.schema.features


@pytest.mark.parametrize("name", SCORES)
def test_the_handler_scores_by_it(kept, name):
    status, body = ask({"users": USERS, "model_path": name})
    assert status == "200"
    assert body == {"prediction": pytest.approx(SCORES[name], abs=1e-6), "model_name": name}


@pytest.mark.parametrize("name", SCORES)
def test_it_counts_nothing_beyond_its_training(kept, name, caplog):
    caplog.set_level("INFO", "push_propensity")
    assert all(f.lowest is f.highest is None for f in read_bundle(kept / name).manifest.features)
    ask({"users": USERS, "model_path": name})
    assert '"scored":4' in caplog.records[-1].getMessage()
    assert "beyond_training" not in caplog.records[-1].getMessage()


def test_the_service_scores_by_the_one_published_last(kept):
    app = create_app(make_settings())
    with TestClient(app, headers={"X-API-Key": KEY}) as client:
        assert client.get("/readyz").json()["model_name"] == "push_kept_boosted"
        answer = client.post("/predict", json={"users": USERS})
    assert answer.status_code == 200
    expected = pytest.approx(SCORES["push_kept_boosted"], abs=1e-6)
    assert json.loads(answer.text)["prediction"] == expected
