"""What `handler_fit` trains, publishes and refuses."""

import copy
import errno
import json
import os
import re
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from push_propensity.frame.columns import COLUMNS, EXTENDED_NAMES, FEATURE_NAMES
from push_propensity.handler import handler_fit, handler_predict
from push_propensity.scoring.bundle import newest_name, publishing, read_bundle
from push_propensity.training import assembly as training
from tests.fit.conftest import ROOT, frame_file, published
from tests.predict.answers import read_answer

LOGISTIC = {"candidate": "logistic_l2", "parameters": {"C": 0.1}}
EVENT = {"model_parametrisation": LOGISTIC}
ALL_PARAMETERS = {
    "logistic_l2": {"C": 0.3},
    "logistic_elastic_net": {"C": 0.3, "l1_ratio": 0.25},
    "xgboost": {
        "max_depth": 2,
        "learning_rate": 0.5,
        "n_estimators": 7,
        "reg_lambda": 2.5,
        "reg_alpha": 0.5,
        "min_child_weight": 3.0,
        "subsample": 0.75,
        "colsample_bytree": 0.5,
    },
}
CATEGORIES = {"product_type", "vendor"}
_COUNTS = ["user_order_seq", "count_adults", "count_children", "count_babies", "count_pets"]
_SHARES = ["ordered_before", "abandoned_before", "active_snoozed", "set_as_regular"]
BOUNDS = {
    **dict.fromkeys([*_COUNTS, "people_ex_baby"], (0.0, 1_000.0)),
    **dict.fromkeys([*_SHARES, "global_popularity"], (0.0, 1.0)),
    **{
        f"{name}_{unit}": (0.0, 36_500.0)
        for name in ("days_since_purchase", "avg_days_to_buy", "std_days_to_buy")
        for unit in ("variant_id", "product_type")
    },
    "normalised_price": (1e-9, 1_000.0),  # above 0
    "discount_pct": (-1.0, 1_000.0),  # below 0 where a price rose
}
NUMBERS = dict.fromkeys(BOUNDS, "float64")


def read(project):
    return pd.read_csv(frame_file(project))


def write(project, frame):
    frame.to_csv(frame_file(project), index=False)


@pytest.mark.slow
class TestSuccess:
    def test_the_answer_and_the_bundle(self, fit, models, project):
        status, body = fit(EVENT)
        assert status == "200"
        today = [time.strftime("push_%Y_%m_%d", time.gmtime(time.time() - s)) for s in (0, 60)]
        assert body["model_name"] in today
        assert body["model_path"] == body["model_name"]
        assert body["candidate"] == "logistic_l2"
        assert body["parameters"] == {"C": 0.1}
        assert body["training_window"]["refit"] == "none"
        assert body["metrics"]["purchases"] > 0
        bundle = read_bundle(models / body["model_path"])
        assert set(bundle.files) == {"model.onnx", "model_card.md"}
        assert bundle.manifest.environment == "base"
        assert (models / "latest").read_text().strip() == body["model_name"]

    def test_writes_nothing_but_the_bundle(self, fit, project, models):
        before = {path for path in project.rglob("*") if path.is_file()}
        fit(EVENT)
        assert {path for path in project.rglob("*") if path.is_file()} == before

    def test_what_was_fitted_predicts(self, fit, project):
        _, body = fit(EVENT)
        row = read(project)[list(FEATURE_NAMES)].astype(NUMBERS).iloc[0].to_dict()
        answer = handler_predict({"users": {"u1": row}, "model_path": body["model_path"]}, None)
        assert answer["statusCode"] == "200"
        assert 0 < json.loads(answer["body"])["prediction"]["u1"] < 1

    def test_left_out_is_the_configured_default(self, fit):
        for event in (
            {},
            {"model_parametrisation": None},
            {"model_parametrisation": {}},
            {"model_parametrisation": {"candidate": None, "parameters": None}},
            {"model_name": None, "force": None, "something": "else"},
        ):
            _, body = fit(event)
            assert body["candidate"] == "xgboost", event
            assert body["parameters"]["n_estimators"] == 12, event
            assert body["parameters"]["max_depth"] == 3, event

    def test_the_winner_of_the_last_selection(self, fit, project):
        winner = {"candidate": "logistic_elastic_net", "parameters": {"C": 0.02, "l1_ratio": 0.9}}
        path = project / "data/06_models/selection/winner.json"
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps({**winner, "kind": "candidate", "runner_up": None}))
        _, body = fit({})
        assert (body["candidate"], body["parameters"]) == tuple(winner.values())
        _, body = fit({"model_parametrisation": {"parameters": {"C": 0.01}}})
        assert (body["candidate"], body["parameters"]["l1_ratio"]) == ("logistic_elastic_net", 0.9)
        assert body["parameters"]["C"] == 0.01
        _, body = fit({"model_parametrisation": {"candidate": "xgboost"}})
        assert body["parameters"]["n_estimators"] == 12

    def test_parameters_that_are_left_out_have_their_configured_value(self, fit):
        asked = {"candidate": "xgboost", "parameters": {"max_depth": 2}}
        _, body = fit({"model_parametrisation": asked})
        assert body["parameters"]["max_depth"] == 2
        assert body["parameters"]["n_estimators"] == 12

    @pytest.mark.parametrize("candidate", ALL_PARAMETERS)
    def test_every_candidate_takes_its_library_s_parameters(self, fit, candidate):
        parameters = ALL_PARAMETERS[candidate]
        asked = {"candidate": candidate, "parameters": parameters}
        status, body = fit({"model_parametrisation": asked})
        assert (status, body["candidate"], body["parameters"]) == ("200", candidate, parameters)

    def test_probabilities_are_calibrated(self, fit, models, project):
        """On the calibration window their mean is the share of purchases."""
        window = read_bundle(models / fit({})[1]["model_path"]).manifest.calibration_window
        frame = read(project)
        items = frame.groupby("order_id")["outcome"].transform("sum")
        days = frame["order_date"].between(window["first_day"], window["last_day"])
        rows = frame[days & (items >= 5)]
        assert len(rows) == window["rows"]
        users = rows[list(FEATURE_NAMES)].astype(NUMBERS).set_index(rows.index.astype(str))
        _, body = read_answer(handler_predict({"users": users.to_dict("index")}, None))
        scores = list(body["prediction"].values())
        assert np.mean(scores) == pytest.approx(rows["outcome"].mean(), abs=1e-4)
        assert np.std(scores) > 0.05

    def test_the_schema_is_every_feature_column_with_physical_bounds(self, fit, models):
        manifest = read_bundle(models / fit(EVENT)[1]["model_path"]).manifest
        assert {f.name for f in manifest.features if f.kind == "category"} == CATEGORIES
        bounds = {f.name: (f.minimum, f.maximum) for f in manifest.features if f.kind == "number"}
        assert bounds == BOUNDS
        assert all(feature.required for feature in manifest.features)
        others = {"variant_id", "order_id", "user_id", "created_at", "order_date", "outcome"}
        assert {*bounds, *CATEGORIES} == set(COLUMNS) - others

    def test_the_event_stays_as_it_is(self, fit):
        event = {"model_parametrisation": {"parameters": {"max_depth": 2}}, "extra": [1, {}]}
        before = copy.deepcopy(event)
        assert fit(event)[0] == "200"
        assert event == before

    def test_nothing_leaks_into_the_next_call(self, fit, trainings):
        _, first = fit({})
        fit({"model_parametrisation": {"candidate": "logistic_l2", "parameters": {"C": 3.0}}})
        _, again = fit({})
        assert again == first
        assert trainings == ["xgboost", "logistic_l2"]

    def test_in_the_environment_of_the_variable(self, fit, project, models, monkeypatch):
        frame = project / "data/01_raw/box_builder/feature_frame.parquet"
        frame.parent.mkdir(parents=True)
        read(project).to_parquet(frame)
        monkeypatch.setenv("KEDRO_ENV", "box_builder_frame")
        _, body = fit(EVENT)
        assert read_bundle(models / body["model_path"]).manifest.environment == "box_builder_frame"
        monkeypatch.delenv("PUSH_PROPENSITY_MODELS")
        _, body = fit(EVENT)
        root = project / "data/environments/box_builder_frame/06_models"
        assert (root / body["model_path"] / "model.onnx").is_file()


@pytest.mark.slow
class TestExtendedFeatures:
    @pytest.fixture
    def extended(self, project, extended_frame):
        """The project with a frame of extended features, all of which are used."""
        write(project, extended_frame)
        with (project / "conf/local/parameters.yml").open("a") as parameters:
            parameters.write("model_selection: {features: extended}\n")
        return extended_frame

    def test_are_required_of_whoever_predicts(self, fit, models, extended):
        status, body = fit(EVENT)
        assert status == "200"
        manifest = read_bundle(models / body["model_path"]).manifest
        names = [feature.name for feature in manifest.features]
        assert names == [*FEATURE_NAMES, *EXTENDED_NAMES]
        row = {name: extended[name].tolist()[0] for name in names}
        users = {"whole": row, "partly": {n: v for n, v in row.items() if n != "due_ratio_vendor"}}
        answer = json.loads(handler_predict({"users": users}, None)["body"])
        assert set(answer["prediction"]) == {"whole"}
        missing = {"code": "MISSING_FEATURE", "feature": "due_ratio_vendor"}
        assert answer["rejected"] == {"partly": missing}

    def test_may_be_missing_where_the_model_does_not_use_them(self, fit, project, extended):
        (project / "conf/local/parameters.yml").write_text("model_selection: {features: frame}\n")
        assert fit(EVENT)[0] == "200"
        row = {name: extended[name].tolist()[0] for name in FEATURE_NAMES}
        users = {"plain": row, "more": row | {"due_ratio_vendor": "no number"}}
        answer = json.loads(handler_predict({"users": users}, None)["body"])
        assert answer["prediction"]["plain"] == answer["prediction"]["more"]

    def test_that_the_frame_lacks(self, fit, models, project, extended, trainings):
        write(project, extended[list(COLUMNS)])
        status, body = fit(EVENT)
        assert (status, trainings) == ("422", [])
        assert "the feature frame has no extended feature" in body["error"]["message"]
        assert not published(models)

    def test_choosing_them_is_another_fit(self, fit, project, extended, trainings):
        first = fit(EVENT)[1]
        assert fit(EVENT)[1] == first
        (project / "conf/local/parameters.yml").write_text("model_selection: {features: frame}\n")
        assert fit(EVENT)[1]["model_path"] != first["model_path"]
        assert len(trainings) == 2

    def test_a_sample_after_train_is_refused(self, fit, models, project, extended):
        later = extended["order_date"] > extended["order_date"].quantile(0.8)
        weight = extended["sampling_weight"].mask(later & (extended["outcome"] == 0), 3.0)
        write(project, extended.assign(sampling_weight=weight))
        status, body = fit(EVENT)
        assert status == "422"
        assert "Rows may be sampled in train only" in body["error"]["message"]
        assert not published(models)


@pytest.mark.slow
class TestOnce:
    def test_the_same_inputs_give_the_same_bundle(self, fit, models, trainings):
        first = fit(EVENT)
        before = published(models)
        assert fit(copy.deepcopy(EVENT)) == first
        assert published(models) == before
        assert trainings == ["logistic_l2"]

    def test_shuffled_rows_and_columns_are_the_same_inputs(self, fit, project, models, trainings):
        first = fit(EVENT)
        frame = read(project)
        write(project, frame.sample(frac=1.0, random_state=4)[frame.columns[::-1]])
        assert fit(EVENT) == first
        assert trainings == ["logistic_l2"]
        _, forced = fit({**EVENT, "force": True})
        graphs = [models / body["model_path"] / "model.onnx" for body in (first[1], forced)]
        assert graphs[0].read_bytes() == graphs[1].read_bytes()

    def test_other_data_or_parameters_are_trained(self, fit, project, models, trainings):
        names = [fit(EVENT)[1]["model_name"]]
        other = {"candidate": "logistic_l2", "parameters": {"C": 0.2}}
        names.append(fit({"model_parametrisation": other})[1]["model_name"])
        frame = read(project)
        frame.loc[0, "count_pets"] += 1
        write(project, frame)
        names.append(fit(EVENT)[1]["model_name"])
        assert names == [names[0], f"{names[0]}_2", f"{names[0]}_3"]
        assert len(trainings) == 3

    def test_force_trains_and_overwrites_nothing(self, fit, models, trainings):
        _, first = fit(EVENT)
        before = published(models)
        status, second = fit({**EVENT, "force": True})
        assert (status, second["model_name"]) == ("200", f"{first['model_name']}_2")
        assert trainings == ["logistic_l2"] * 2
        after = published(models)
        assert {name: after[name] for name in before if name != "latest"} == {
            name: content for name, content in before.items() if name != "latest"
        }

    def test_a_new_name_publishes_again_without_training(self, fit, models, trainings):
        _, first = fit(EVENT)
        status, named = fit({**EVENT, "model_name": "Release-1.0_a"})
        assert (status, named["model_name"]) == ("200", "Release-1.0_a")
        assert fit({**EVENT, "model_name": "Release-1.0_a"})[1] == named
        assert trainings == ["logistic_l2"]
        graphs = [
            (models / body["model_path"] / "model.onnx").read_bytes() for body in (first, named)
        ]
        assert graphs[0] == graphs[1]
        assert len(list(models.glob("*/manifest.json"))) == 2

    @pytest.mark.parametrize(
        ("name", "given"),
        [("A", "A"), ("0..-_", "0..-_"), ("x" * 100, "x" * 100), ("latest", "latest_2")],
    )
    def test_names_that_are_allowed(self, fit, models, name, given):
        assert fit({**EVENT, "model_name": name})[1]["model_name"] == given
        assert fit({**EVENT, "model_name": name})[1]["model_path"] == given
        assert [path.parent.name for path in models.glob("*/manifest.json")] == [given]

    def test_whole_numbers_are_numbers(self, fit, trainings):
        asked = [{"candidate": "logistic_l2", "parameters": {"C": value}} for value in (1, 1.0)]
        bodies = [fit({"model_parametrisation": each})[1] for each in asked]
        assert bodies[0] == bodies[1]
        assert trainings == ["logistic_l2"]

    def test_another_version_of_the_code_trains_anew(self, fit, monkeypatch, trainings):
        names = [fit(EVENT)[1]["model_name"]]
        monkeypatch.setattr("push_propensity.models.fingerprint.__version__", "999.0")
        names += [fit(EVENT)[1]["model_name"] for _ in range(2)]
        assert len(trainings) == 2
        assert names[0] != names[1] == names[2]

    @pytest.fixture
    def far_east(self, monkeypatch):
        """A time zone where it is tomorrow for most of the day."""
        with monkeypatch.context() as patch:
            patch.setenv("TZ", "Pacific/Kiritimati")
            time.tzset()
            yield
        time.tzset()

    def test_clock_jumps_do_not_matter(self, fit, models, monkeypatch, far_east, trainings):
        """Whatever the clock and its time zone say, the model fitted last is served."""

        class Clock(datetime):
            seconds = datetime(2031, 1, 1, 23, 30, tzinfo=UTC).timestamp()

            @classmethod
            def now(cls, tz=None):
                return datetime.fromtimestamp(cls.seconds, tz)

        monkeypatch.setattr(publishing, "datetime", Clock)
        later = fit(EVENT)[1]
        Clock.seconds = datetime(2001, 1, 1, 0, 30, tzinfo=UTC).timestamp()
        earlier = fit({})[1]
        names = [later["model_name"], earlier["model_name"]]
        assert names == ["push_2031_01_01", "push_2001_01_01"]
        assert newest_name(models) == "push_2001_01_01"
        assert fit(EVENT)[1] == later
        assert newest_name(models) == "push_2001_01_01"
        assert trainings == ["logistic_l2", "xgboost"]

    def test_a_name_that_is_taken_by_other_content(self, fit, models, trainings):
        fit({"model_name": "mine"})
        before = published(models)
        _, body = fit({**EVENT, "model_name": "mine"})
        assert body["model_name"] == "mine_2"
        assert fit({**EVENT, "model_name": "mine"})[1] == body  # a retry
        assert trainings == ["xgboost", "logistic_l2"]
        assert sorted(path.parent.name for path in models.glob("*/manifest.json")) == [
            "mine",
            "mine_2",
        ]
        after = published(models)
        assert after["mine/manifest.json"] == before["mine/manifest.json"]
        assert fit({"model_name": "mine"})[1]["model_name"] == "mine"
        # The number alone does not make it one of that name.
        assert fit({"model_name": "other"})[1]["model_name"] == "other"
        assert fit({**EVENT, "model_name": "other"})[1]["model_name"] == "other_2"
        assert len(trainings) == 2

    def test_a_damaged_bundle_is_trained_anew(self, fit, models, trainings):
        _, first = fit(EVENT)
        (models / first["model_path"] / "model.onnx").write_bytes(b"damaged")
        status, second = fit(EVENT)
        assert (status, second["model_name"]) == ("200", f"{first['model_name']}_2")
        assert len(trainings) == 2

    def test_threads_that_ask_for_the_same(self, project, models, trainings):
        answers = self.ask_at_once([EVENT] * 3)
        assert {answer["statusCode"] for answer in answers} == {"200"}
        assert len({answer["body"] for answer in answers}) == 1
        assert trainings == ["logistic_l2"]

    def test_threads_that_ask_for_different_things(self, project, models, trainings):
        other = {"model_parametrisation": {"candidate": "logistic_l2", "parameters": {"C": 1.0}}}
        answers = self.ask_at_once([EVENT, other])
        names = {json.loads(answer["body"])["model_name"] for answer in answers}
        assert len(names) == len(trainings) == 2

    @staticmethod
    def ask_at_once(events):
        answers = []
        threads = [
            threading.Thread(target=lambda event=event: answers.append(handler_fit(event, None)))
            for event in events
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return answers

    def test_the_same_fit_in_another_process(self, fit, models, trainings):
        _, first = fit(EVENT)
        fingerprint = read_bundle(models / first["model_path"]).manifest.fingerprint
        before = published(models)
        with other_process(models, fingerprint):
            status, body = fit({**EVENT, "force": True})
            assert (status, body["error"]["code"]) == ("409", "FIT_RUNNING")
            assert published(models) == before
            assert fit({})[0] == "200"  # another fit
        assert trainings == ["logistic_l2", "xgboost"]
        assert fit({**EVENT, "force": True})[0] == "200"


class other_process:  # noqa: N801
    """A process that claims a fit until the block ends."""

    CODE = """
import sys
from pathlib import Path
from push_propensity.scoring.bundle import Fingerprint, claim_fit
with claim_fit(Path(sys.argv[1]), Fingerprint(*sys.argv[2:])) as claimed:
    print(claimed, flush=True)
    sys.stdin.read()
"""

    def __init__(self, models, fingerprint):
        made_from = (fingerprint.data, fingerprint.parameters, fingerprint.code)
        self.process = subprocess.Popen(
            [sys.executable, "-c", self.CODE, str(models), *made_from],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=os.environ | {"PYTHONPATH": str(ROOT / "src")},
        )

    def __enter__(self):
        assert self.process.stdout.readline() == b"True\n"

    def __exit__(self, *_):
        self.process.communicate(timeout=30)


_SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4)
_VALUES = st.recursive(
    _SCALARS | st.sampled_from([0.5, 1, 3, "\ud800"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(), inner, max_size=2),
    max_leaves=4,
)
_NAMES = st.sampled_from(sorted({name for each in ALL_PARAMETERS.values() for name in each}))
_PARAMETRISATIONS = st.fixed_dictionaries(
    {},
    optional={
        "candidate": st.sampled_from([*ALL_PARAMETERS, "constant"]) | _VALUES,
        "parameters": st.dictionaries(_NAMES | _SCALARS, _VALUES, max_size=2) | _VALUES,
        "more": _VALUES,
    },
)
ANY_EVENT = _VALUES | st.fixed_dictionaries(
    {},
    optional={
        "model_parametrisation": _PARAMETRISATIONS | _VALUES,
        "model_name": st.sampled_from(["mine", "latest", "../up", None]) | _VALUES,
        "force": st.booleans() | _VALUES,
        "more": _VALUES,
    },
)

REFUSED = {
    "an unknown candidate": (
        {"candidate": "forest"},
        r"Allowed candidates: logistic_l2, logistic_elastic_net, xgboost",
    ),
    "a baseline": ({"candidate": "constant"}, r"Allowed candidates: logistic_l2,"),
    "a candidate that is no text": ({"candidate": 3}, r"model_parametrisation\.candidate"),
    "an unknown parameter": (
        {"candidate": "logistic_l2", "parameters": {"max_depth": 3}},
        r"max_depth: .*Allowed parameters: C\.",
    ),
    "an unknown parameter of the default": (
        {"parameters": {"C": 0.1}},
        r"C: .*Allowed parameters: max_depth, .*colsample_bytree\.",
    ),
    "C of 0": ({"candidate": "logistic_l2", "parameters": {"C": 0}}, "C: .*greater than 0"),
    "negative C": ({"candidate": "logistic_l2", "parameters": {"C": -1}}, "C: .*greater than 0"),
    "C as text": ({"candidate": "logistic_l2", "parameters": {"C": "alice"}}, "C: .*valid number"),
    "NaN": ({"candidate": "logistic_l2", "parameters": {"C": float("nan")}}, "C: .*finite number"),
    "a boolean": ({"parameters": {"max_depth": True}}, "max_depth: .*valid integer"),
    "depth -1": ({"parameters": {"max_depth": -1}}, "max_depth: .*greater than or equal to 1"),
    "too many trees": ({"parameters": {"n_estimators": 10**9}}, "n_estimators: .*less than"),
    "parameters as a list": ({"parameters": [1]}, r"model_parametrisation\.parameters"),
    "parameters as text": ({"parameters": "C=1"}, r"model_parametrisation\.parameters"),
    "an unknown key": ({"candidat": "xgboost"}, r"model_parametrisation\.candidat\b"),
    "a number": (7, "not as expected: model_parametrisation"),
    "a text": ("{}", "not as expected: model_parametrisation"),
    "a list": ([], "not as expected: model_parametrisation"),
    "a lone surrogate": ({"\ud800": 1}, "not as expected: model_parametrisation"),
    "a lone surrogate as a parameter": ({"parameters": {"\udfff": 1}}, "a name: .*valid string"),
    "negative infinity": (
        {"candidate": "logistic_l2", "parameters": {"C": float("-inf")}},
        r"C: .*Allowed parameters: C\.",
    ),
    "no value": ({"parameters": {"max_depth": None}}, "max_depth: .*valid integer"),
    "a share above 1": (
        {"candidate": "logistic_elastic_net", "parameters": {"l1_ratio": 1.5}},
        r"l1_ratio: .*less than or equal to 1\. Allowed parameters: C, l1_ratio\.",
    ),
    "a number as a name": ({"parameters": {1: 1}}, r"model_parametrisation\.parameters"),
    "a long name": ({"parameters": {"x" * 10**6: 1}}, "Allowed parameters"),
    "many names": ({f"name{n}": n for n in range(10_000)}, "not as expected"),
}


class TestRefusals:
    def test_parametrisation(self, fit, models, trainings):
        for case, (parametrisation, expected) in REFUSED.items():
            status, body = fit({"model_parametrisation": parametrisation})
            assert (status, body["error"]["code"]) == ("400", "BAD_PARAMETER"), case
            assert re.search(expected, body["error"]["message"]), case
            assert len(body["error"]["message"]) < 2_000, case
            assert "alice" not in body["error"]["message"], case
            assert trainings == [], case
            assert not models.exists(), case

    def test_a_refusal_names_all_that_is_allowed(self, fit):
        for candidate, parameters in ALL_PARAMETERS.items():
            asked = {"candidate": candidate, "parameters": {"no_such": 1}}
            _, body = fit({"model_parametrisation": asked})
            allowed = ", ".join(parameters)
            assert body["error"]["message"].endswith(f"Allowed parameters: {allowed}.")

    @settings(deadline=None, max_examples=40, suppress_health_check=list(HealthCheck))
    @given(event=ANY_EVENT)
    def test_any_event_is_answered_and_left_alone(self, fit, project, models, event):
        """Without data to train on: 422 is what may be trained."""
        frame_file(project).unlink(missing_ok=True)
        before = repr(event)
        status, body = fit(event)
        assert status in {"400", "422"}
        assert fit(event) == (status, body)
        assert repr(event) == before
        assert published(models) == {}

    def test_parameters_nested_without_end(self, fit):
        nested = []
        nested.append(nested)
        deep = []
        for _ in range(100_000):
            deep = [deep]
        for value in (nested, deep):
            assert fit({"model_parametrisation": {"parameters": {"max_depth": value}}})[0] == "400"

    def test_names_that_are_not_allowed(self, fit, models):
        for name in (
            "",
            ".",
            "..",
            "../x",
            "/etc",
            "a/b",
            "a\\b",
            ".hidden",
            "a b",
            "ü",
            "x" * 101,
            "-x",
            "_x",
            "a\ud800",
            "%2e%2e",
            "http://x",
            "a\n",
            "\0",
        ):
            status, body = fit({"model_name": name})
            assert status == "400", name
            assert not name.strip(".") or name not in body["error"]["message"]
            assert not models.exists(), name

    def test_events_that_are_no_object(self, fit):
        for event in (None, [], "{}", 3, True, b"{}"):
            status, body = fit(event)
            assert (status, body["error"]["code"]) == ("400", "INVALID_EVENT"), event

    def test_fields_of_another_type(self, fit):
        for event in ({"model_name": 3}, {"force": "true"}, {"force": 1}):
            status, body = fit(event)
            assert status == "400", event
            assert next(iter(event)) in body["error"]["message"]

    def test_no_time_left(self, fit, trainings):
        class Context:
            @staticmethod
            def get_remaining_time_in_millis():
                return 5

        status, body = fit(EVENT, Context())
        assert (status, body["error"]["code"]) == ("503", "NO_TIME_LEFT")
        assert trainings == []

    def test_no_time_left_after_waiting_for_another_fit(self, fit, trainings):
        class Context:
            left = iter([10_000, 5])

            def get_remaining_time_in_millis(self):
                return next(self.left)

        assert fit(EVENT, Context())[0] == "503"
        assert trainings == []

    def test_any_context(self, fit):
        for context in (object(), "context", 3, {"a": 1}):
            assert fit({"model_parametrisation": 7}, context)[0] == "400", context


def on_first_day(frame):
    return frame.assign(created_at=frame["created_at"].min(), order_date=frame["order_date"].min())


BAD_FRAMES = {
    "empty file": (lambda frame: "", "the file is empty"),
    "header only": (lambda frame: frame.head(0), "no rows"),
    "a missing column": (lambda frame: frame.drop(columns="vendor"), "missing: vendor"),
    "a surplus column": (lambda frame: frame.assign(size=1), "not expected: size"),
    "a doubled column": (
        lambda frame: pd.concat([frame, frame[["vendor"]]], axis="columns"),
        "doubled: vendor",
    ),
    "other columns": (lambda frame: "a,b\n1,2\n", "27 columns"),
    "text for numbers": (lambda frame: frame.assign(count_pets="alice"), "count_pets: expected"),
    "nothing bought": (lambda frame: frame.assign(outcome=0.0), "at least 5 purchases"),
    "everything bought": (lambda frame: frame.assign(outcome=1.0), "with and without a purchase"),
    "too few purchases": (lambda frame: frame.head(30 * 12), "at least 100"),
    "one day": (on_first_day, "No purchases for train"),
    "no text": (lambda frame: b"\xff\xfe\x00\x01" * 100, "UTF-8"),
}


@pytest.mark.slow
class TestUnusableData:
    @pytest.mark.parametrize("candidate", ["logistic_l2", "xgboost"])
    @pytest.mark.parametrize("case", BAD_FRAMES)
    def test_is_named(self, fit, project, models, case, candidate):
        spoil, expected = BAD_FRAMES[case]
        content = spoil(read(project))
        if isinstance(content, pd.DataFrame):
            write(project, content)
        else:
            encoded = content if isinstance(content, bytes) else content.encode()
            frame_file(project).write_bytes(encoded)
        status, body = fit({"model_parametrisation": {"candidate": candidate}})
        assert (status, body["error"]["code"]) == ("422", "UNUSABLE_DATA")
        assert expected in body["error"]["message"]
        assert "alice" not in body["error"]["message"]
        assert published(models) == {}

    def test_no_file(self, fit, project, models):
        frame_file(project).unlink()
        status, body = fit(EVENT)
        assert (status, body["error"]["code"]) == ("422", "UNUSABLE_DATA")
        assert "no such file" in body["error"]["message"]
        assert published(models) == {}

    def test_all_columns_are_named(self, fit, project):
        frame_file(project).write_text("a,b\n1,2\n")
        _, body = fit(EVENT)
        assert all(name in body["error"]["message"] for name in COLUMNS)

    def test_the_minimum_of_purchases_is_configured(self, fit, project):
        with (project / "conf/local/parameters.yml").open("a") as parameters:
            parameters.write("split: {minimum_purchases: 100000}\n")
        status, body = fit(EVENT)
        assert (status, body["error"]["code"]) == ("422", "UNUSABLE_DATA")
        assert "at least 100000" in body["error"]["message"].replace(",", "")

    def test_an_earlier_model_stays(self, fit, project, models):
        fit(EVENT)
        before = published(models)
        write(project, read(project).head(0))
        assert fit(EVENT)[0] == "422"
        assert published(models) == before


@pytest.mark.slow
class TestTheUnexpected:
    @pytest.mark.parametrize("error", [RuntimeError, MemoryError, RecursionError, KeyError])
    def test_is_answered_and_the_next_fit_is_not_harmed(
        self, fit, models, monkeypatch, caplog, error
    ):
        def fail(*_):
            raise error(f"sEcReT {ROOT}")

        fit({})
        before = published(models)
        with monkeypatch.context() as patch:
            patch.setattr(training, "fit_model", fail)
            status, body = fit(EVENT)
        assert (status, body["error"]["code"]) == ("500", "INTERNAL")
        assert "sEcReT" not in body["error"]["message"] + caplog.text
        assert f'"failure":"{error.__name__} at ' in caplog.text
        assert published(models) == before
        assert fit(EVENT)[0] == "200"

    @pytest.mark.parametrize("event", [{}, EVENT, {"model_name": "../sEcReT"}])
    @pytest.mark.parametrize("column", ["vendor", "count_pets", "order_date", "user_id"])
    def test_no_value_gets_out(self, fit, project, caplog, capfd, event, column):
        """Of a frame with one value that stands out, which is fitted or refused."""
        for name in ("", "kedro", "push_propensity"):
            caplog.set_level("DEBUG", name)
        frame = read(project).astype({"vendor": object, column: object})
        frame.loc[frame.index[7], column] = "sEcReT"
        write(project, frame)
        status, body = fit(event)
        expected = "200" if column in {"vendor", "user_id"} else "422"
        assert status == ("400" if "model_name" in event else expected)
        shown = json.dumps(body) + caplog.text + "".join(capfd.readouterr())
        assert "sEcReT" not in shown


@pytest.mark.slow
class TestPlaces:
    @pytest.mark.parametrize("environment", [None, "local", "box_builder_frame"])
    def test_what_was_fitted_is_served_without_variables(
        self, fit, project, monkeypatch, environment
    ):
        """From the environment's own models, to whoever stands in the checkout."""
        frame = project / "data/01_raw/box_builder/feature_frame.parquet"
        frame.parent.mkdir(parents=True)
        read(project).to_parquet(frame)
        for name in ("PUSH_PROPENSITY_PROJECT", "PUSH_PROPENSITY_MODELS"):
            monkeypatch.delenv(name)
        if environment:
            monkeypatch.setenv("KEDRO_ENV", environment)
        monkeypatch.chdir(project / "conf")
        _, fitted = fit(EVENT)
        row = read(project)[list(FEATURE_NAMES)].astype(NUMBERS).iloc[0].to_dict()
        for event in ({}, {"model_path": fitted["model_path"]}):
            status, body = read_answer(handler_predict({"users": {"u": row}, **event}, None))
            assert (status, body["model_name"]) == ("200", fitted["model_name"])
        monkeypatch.chdir(project.parent)
        assert handler_predict({"users": {"u": row}}, None)["statusCode"] == "404"

    def test_no_project(self, fit, tmp_path, monkeypatch):
        monkeypatch.setenv("PUSH_PROPENSITY_PROJECT", str(tmp_path / "nowhere"))
        status, body = fit(EVENT)
        assert status == "422"
        assert "PUSH_PROPENSITY_PROJECT" in body["error"]["message"]

    def test_no_project_around_this_folder(self, fit, tmp_path, monkeypatch):
        monkeypatch.delenv("PUSH_PROPENSITY_PROJECT")
        (tmp_path / "empty").mkdir()
        monkeypatch.chdir(tmp_path / "empty")
        assert fit(EVENT)[0] == "422"

    def test_the_project_around_this_folder(self, fit, project, models, monkeypatch):
        monkeypatch.delenv("PUSH_PROPENSITY_PROJECT")
        monkeypatch.delenv("PUSH_PROPENSITY_MODELS")
        monkeypatch.chdir(project / "data")
        _, body = fit(EVENT)
        assert (project / "data/06_models" / body["model_path"] / "model.onnx").is_file()

    @pytest.mark.parametrize("name", ["../base", "no_such"])
    def test_no_such_environment(self, fit, monkeypatch, name):
        monkeypatch.setenv("KEDRO_ENV", name)
        status, body = fit(EVENT)
        assert status == "400"
        assert "KEDRO_ENV" in body["error"]["message"]

    def test_a_configuration_that_is_not_allowed(self, fit, project):
        path = project / "conf/local/parameters.yml"
        path.write_text("training_options: {golden_rows: 0}\n")
        status, body = fit(EVENT)
        assert (status, body["error"]["code"]) == ("400", "BAD_PARAMETER")
        assert "golden_rows" in body["error"]["message"]

    def test_a_models_root_that_is_no_folder(self, fit, models, trainings):
        models.write_text("a file")
        status, body = fit(EVENT)
        assert (status, body["error"]["code"]) == ("500", "STORAGE")
        assert trainings == []

    @pytest.mark.parametrize("error", [errno.ENOSPC, errno.EROFS, errno.EACCES])
    def test_the_root_cannot_be_written(self, fit, models, monkeypatch, error):
        make = Path.mkdir

        def fail(path, *arguments, **options):
            if path == models:
                raise OSError(error, os.strerror(error))
            make(path, *arguments, **options)

        monkeypatch.setattr(Path, "mkdir", fail)
        status, body = fit(EVENT)
        assert (status, body["error"]["code"]) == ("500", "STORAGE")
        assert os.strerror(error) in body["error"]["message"]
        assert not models.exists()

    def test_the_disk_is_full_when_it_comes_to_publishing(self, fit, models, monkeypatch):
        fit({})
        before = published(models)

        def fail(*_):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        with monkeypatch.context() as patch:
            patch.setattr(publishing, "_write_file", fail)
            status, body = fit(EVENT)
        assert (status, body["error"]["code"]) == ("500", "STORAGE")
        assert published(models) == before
        assert fit(EVENT)[0] == "200"


def test_what_is_not_installed_is_said(fit, monkeypatch):
    def fail(*_):
        raise ModuleNotFoundError("No module named 'xgboost'", name="xgboost")

    monkeypatch.setattr("push_propensity.handler.fit._open_catalog", fail)
    status, body = fit(EVENT)
    assert (status, body["error"]["code"]) == ("500", "NOT_INSTALLED")
    assert body["error"]["message"] == "xgboost is not installed. Install the extra `pipelines`."
