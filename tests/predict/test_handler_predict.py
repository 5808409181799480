"""What the handler answers to events of every kind."""

import copy
import json
import math
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from push_propensity.frame.columns import CATEGORICAL_FEATURES, FEATURE_NAMES, NUMERIC_FEATURES
from push_propensity.handler import handler_predict
from push_propensity.handler import predict as predict_module
from push_propensity.scoring.bundle import ModelStore
from tests.faults import times
from tests.predict.conftest import ask
from tests.predict.tiny_bundle import SCHEMA, expected_scores, make_rows

fixture_is_constant = settings(
    deadline=None,
    max_examples=times(40),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def code(body):
    return body["error"]["code"]


def reject(predict, row, form=json.dumps):
    """The one rejection of a call with that user and a good one."""
    status, body = predict(form({"good": make_rows(1)[0], "bad": row}))
    assert status == "200"
    assert list(body["prediction"]) == ["good"]
    assert list(body["rejected"]) == ["bad"]
    return body["rejected"]["bad"]


def test_scores_are_those_of_the_model(predict, rows):
    status, body = predict(json.dumps({f"u{i}": row for i, row in enumerate(rows)}))
    assert status == "200"
    assert list(body) == ["prediction", "model_name"]
    assert body["model_name"] == "push_shared"
    assert list(body["prediction"].values()) == pytest.approx(expected_scores(rows), abs=1e-6)


# ------------------------------------------------------------------ envelope


@pytest.mark.parametrize("event", [None, [], "text", "{}", 3, 2.5, True, (), b"{}", object()])
def test_an_event_that_is_no_object(predict, event):
    status, body = ask(event)
    assert (status, code(body)) == ("400", "INVALID_EVENT")


@pytest.mark.parametrize(
    ("users", "expected"),
    [
        (None, "INVALID_USERS"),
        ("", "INVALID_JSON"),
        ("  \n", "INVALID_JSON"),
        ("{", "INVALID_JSON"),
        ('{"u": {}} tail', "INVALID_JSON"),
        ('{"u": {}}{}', "INVALID_JSON"),
        ("{'u': {}}", "INVALID_JSON"),
        ('{"u": {},}', "INVALID_JSON"),
        ('{"u": NaN}', "INVALID_JSON"),
        ('{"u": Infinity}', "INVALID_JSON"),
        ('{"u": -Infinity}', "INVALID_JSON"),
        ('{"u": {"extra": [Infinity]}}', "INVALID_JSON"),
        ('{"u": {"normalised_price": NaN}}', "INVALID_JSON"),
        ('{"u": 01}', "INVALID_JSON"),
        ('{"a\tb": {}}', "INVALID_JSON"),
        ("[]", "INVALID_USERS"),
        ('"text"', "INVALID_USERS"),
        ("3", "INVALID_USERS"),
        ("null", "INVALID_USERS"),
        ("true", "INVALID_USERS"),
        (3.5, "INVALID_USERS"),
        ([1], "INVALID_USERS"),
        (object(), "INVALID_USERS"),
        (b"\xff\xfe", "INVALID_JSON"),
        ("{}".encode("utf-16"), "INVALID_JSON"),
        ("\ufeff{}", "INVALID_JSON"),
        ('{"\\ud800": {}}', "INVALID_USERS"),
        ('{"good": {}, "\\udfff": {}}', "INVALID_USERS"),
        ({"\ud800": {}}, "INVALID_USERS"),
        ("{'\ud800': {}}", "INVALID_JSON"),
        ({1: {}}, "INVALID_USERS"),
        ({None: {}}, "INVALID_USERS"),
    ],
)
def test_malformed_users(predict, users, expected):
    status, body = predict(users)
    assert (status, code(body)) == ("400", expected)


def test_users_left_out(predict):
    status, body = ask({})
    assert (status, code(body)) == ("400", "INVALID_USERS")


def test_no_users(predict):
    for users in ("{}", " {} ", {}, b"{}"):
        assert predict(users) == ("200", {"prediction": {}, "model_name": "push_shared"})


def test_users_as_text_bytes_or_object(predict, rows):
    text = json.dumps({"u": rows[0]})
    forms = (text, text.encode(), bytearray(text.encode()), {"u": rows[0]}, f" \n{text}\t")
    assert len({json.dumps(predict(users)) for users in forms}) == 1


@pytest.mark.parametrize(
    "users",
    [
        '{"u": {"normalised_price": ' + "9" * 5000 + "}}",
        '{"u": ' + "[" * 2000 + "]" * 2000 + "}",
        "[" * 100_000,
        '{"u":' * 100_000,
        "[" * 100_000 + "]" * 100_000,
        '{"u":' * 100_000 + "{}" + "}" * 100_000,
        '{"u": ' + '{"a":' * 900 + "1" + "}" * 900 + "}",
    ],
    ids=range(7),
)
def test_monstrous_json(predict, users):
    assert predict(users)[0] in {"400", "422"}


def nest(depth):
    value = 1
    for _ in range(depth):
        value = [value]
    return value


def endless():
    value = {}
    value["again"] = value
    return value


def test_objects_nested_without_end(predict, rows):
    good = predict({"u": rows[0]})
    for value in (nest(100_000), endless()):
        assert predict({"u": rows[0] | {"extra": value}}) == good
        expected = {"code": "TYPE", "feature": "count_pets"}
        assert reject(predict, rows[1] | {"count_pets": value}, form=dict) == expected
    expected = {"code": "NOT_AN_OBJECT", "feature": None}
    assert reject(predict, nest(100_000), form=dict) == expected
    assert reject(predict, endless(), form=dict)["code"] == "MISSING_FEATURE"


@pytest.mark.parametrize(
    "text",
    [
        '{"u": %(row)s, "v": %(row)s, "u": %(row)s}',
        '{"u": %(row)s, "v": %(row)s, "\\u0075": %(row)s}',
        '{"u": 3, "u": %(row)s}',
        '{"u": %(row)s, "u": null}',
        '{"\\u003a": {}, "a": {}, "a": {}}',
        '{":": {}, "a": {}, "a": {}}',
        '{"a:b": {"vendor": "x"}, "a:b": {}}',
        '{"u": {"a": {"b": 1}}, "u": {}}',
    ],
)
def test_a_user_twice(predict, rows, text):
    status, body = predict(text % {"row": json.dumps(rows[0])})
    assert (status, code(body)) == ("400", "DUPLICATE_USER")


def test_colons_and_inner_objects_are_no_users_twice(predict, rows):
    users = {"a:b": rows[0], "\u003a:": rows[1] | {"vendor": "x:y", "more": {"a": {"a": 1}}}}
    status, body = predict(json.dumps(users))
    assert status == "200"
    assert list(body["prediction"]) == list(users)


def test_too_large(predict, rows, monkeypatch):
    limit = 6 * 2**20
    for text in ("x" * (limit + 1), "é" * (limit // 2 + 1), b"\xff" * (limit + 1)):
        status, body = predict(text)  # that it is not JSON is not looked at
        assert (status, code(body)) == ("413", "TOO_LARGE")
    assert predict(json.dumps({"u": rows[0]}).ljust(limit))[0] == "200"
    assert predict(json.dumps({"u": rows[0]}).ljust(limit + 1))[0] == "413"
    monkeypatch.setenv("PUSH_PROPENSITY_MAX_BYTES", "9")
    assert predict('{"éé": 3}')[0] == "413"  # 9 characters, 11 bytes
    assert predict('{"é": 3}')[0] == "422"


def test_too_many_users(predict):
    users = {str(i): None for i in range(20_001)}
    for form in (users, json.dumps(users)):
        status, body = predict(form)
        assert (status, code(body)) == ("413", "TOO_MANY_USERS")
    del users["0"]
    for form in (users, json.dumps(users)):
        status, body = predict(form)
        assert (status, len(body["rejected"])) == ("422", 20_000)


def test_fewer_users_where_the_environment_says_so(predict, monkeypatch):
    monkeypatch.setenv("PUSH_PROPENSITY_MAX_USERS", "2")
    assert predict({"a": {}, "b": {}})[0] == "422"
    assert predict({"a": {}, "b": {}, "c": {}})[0] == "413"
    monkeypatch.setenv("PUSH_PROPENSITY_MAX_USERS", "")
    assert predict({"a": {}, "b": {}, "c": {}})[0] == "422"


@pytest.mark.parametrize("name", ["PUSH_PROPENSITY_MAX_BYTES", "PUSH_PROPENSITY_MAX_USERS"])
@pytest.mark.parametrize("limit", ["0", "-1", "many", "1.5", "1e3", " 7", "9" * 20])
def test_limits_that_are_none(predict, monkeypatch, name, limit):
    monkeypatch.setenv(name, limit)
    status, body = predict({})
    assert (status, code(body)) == ("400", "BAD_PARAMETER")
    assert f"{name} must be a whole number above 0" in body["error"]["message"]


def test_unknown_keys_of_the_event(predict, rows):
    users = json.dumps({"u": rows[0]})
    assert predict(users) == predict(users, headers={"a": "b"}, requestContext={}, body="x")


class Context:
    def __init__(self, left):
        self.left = left

    def get_remaining_time_in_millis(self):
        return self.left


@pytest.mark.parametrize("left", [5, 0, -3, 5.0])
def test_no_time_left(predict, rows, left):
    status, body = ask({"users": {"u": rows[0]}}, Context(left))
    assert (status, code(body)) == ("503", "NO_TIME_LEFT")


@pytest.mark.parametrize("context", [Context(60_000), Context("soon"), object(), "context", 7, {}])
def test_any_other_context(predict, rows, context):
    assert ask({"users": {"u": rows[0]}}, context)[0] == "200"


class Hostile(dict):
    """An object that fails with a secret wherever it is touched."""

    def __getattribute__(self, name):
        raise ValueError("sEcReT /root")

    __len__ = __iter__ = __getitem__ = lambda *_: Hostile.__getattribute__(None, "")


def test_what_fails_where_it_is_touched(predict, rows, caplog):
    fine = predict({"u": rows[0]})
    assert ask({"users": {"u": rows[0]}}, Hostile()) == fine
    for event in (Hostile(), {"users": Hostile()}, {"users": {"u": Hostile()}}):
        status, body = ask(event)
        assert (status, code(body)) == ("500", "INTERNAL")
        assert "sEcReT" not in json.dumps(body) + caplog.text


@pytest.mark.parametrize("strict", ["yes", 1, 0, [], {}])
def test_strict_is_true_or_false(predict, strict):
    assert predict("{}", strict=strict)[0] == "400"


@pytest.mark.parametrize("error", [RecursionError, MemoryError, KeyError, ZeroDivisionError])
def test_the_unexpected(predict, rows, monkeypatch, caplog, error):
    def fail(*_):
        raise error("sEcReT /root")

    monkeypatch.setattr("push_propensity.handler.predict._score", fail)
    status, body = predict({"u": rows[0]})
    assert (status, code(body)) == ("500", "INTERNAL")
    assert "sEcReT" not in json.dumps(body) + caplog.text
    assert error.__name__ in caplog.text


# ------------------------------------------------------------------ ids

IDS = ["007", "7", "07", "9007199254740993", "9007199254740992", "1e5", "NaN", "null", "true"]
IDS += ["2021-01-01", "-0", "é", "e\u0301", "🛒", "שלום", "a b", "a\nb", 'a"b', "a\\b", "</script>"]
IDS += ["__proto__", "A", "a", "\x00", "\x7f", "\u2028", " ", "a:b"]


@pytest.mark.parametrize("ascii_only", [True, False])
def test_ids_come_back_byte_for_byte_and_in_order(predict, rows, ascii_only):
    text = json.dumps(dict.fromkeys(IDS, rows[0]), ensure_ascii=ascii_only)
    status, body = predict(text)
    assert status == "200"
    assert list(body["prediction"]) == IDS
    assert "rejected" not in body


@pytest.mark.parametrize("form", [json.dumps, dict])
def test_ids_of_rejected_users_come_back_byte_for_byte_and_in_order(predict, rows, form):
    status, body = predict(form({user: {} for user in IDS} | {"good": rows[0]}))
    assert (status, list(body["prediction"])) == ("200", ["good"])
    assert list(body["rejected"]) == IDS
    assert list(predict(form({user: {} for user in IDS}))[1]["rejected"]) == IDS


def test_an_empty_id(predict, rows):
    status, body = predict(json.dumps({"": rows[0], "good": rows[1]}))
    assert status == "200"
    assert list(body["prediction"]) == ["good"]
    assert body["rejected"] == {"": {"code": "EMPTY_ID", "feature": None}}


# ------------------------------------------------------------------ features


@pytest.mark.parametrize("feature", FEATURE_NAMES)
def test_a_feature_missing_or_null(predict, rows, feature):
    expected = {"code": "MISSING_FEATURE", "feature": feature}
    assert reject(predict, {k: v for k, v in rows[1].items() if k != feature}) == expected
    assert reject(predict, rows[1] | {feature: None}) == expected


@pytest.mark.parametrize("feature", NUMERIC_FEATURES)
@pytest.mark.parametrize("value", ["1.5", "abc", "", True, False, [], [1.0], {}])
def test_no_number(predict, rows, feature, value):
    assert reject(predict, rows[1] | {feature: value}) == {"code": "TYPE", "feature": feature}


@pytest.mark.parametrize("feature", CATEGORICAL_FEATURES)
@pytest.mark.parametrize("value", [1, 1.5, True, [], {}, "\ud800"])
def test_no_text(predict, rows, feature, value):
    assert reject(predict, rows[1] | {feature: value}) == {"code": "TYPE", "feature": feature}


@pytest.mark.parametrize("feature", NUMERIC_FEATURES)
@pytest.mark.parametrize("value", [1e300, 2**70, 10**350, -5.0, -(2**70), 36_500.1])
def test_out_of_range(predict, rows, feature, value):
    expected = {"code": "OUT_OF_RANGE", "feature": feature}
    assert reject(predict, rows[1] | {feature: value}) == expected


def test_the_bounds_themselves(predict, rows):
    lowest = rows[0] | {f.name: f.minimum for f in SCHEMA if f.kind == "number"}
    highest = rows[0] | {f.name: f.maximum for f in SCHEMA if f.kind == "number"}
    status, body = predict(json.dumps({"lowest": lowest, "highest": highest}))
    assert status == "200"
    assert "rejected" not in body


@pytest.mark.parametrize("literal", ["1e999", "-1e999", "9" * 5000])
def test_numbers_beyond_floats(predict, rows, literal):
    text = json.dumps({"good": rows[0], "bad": rows[1] | {"normalised_price": "@"}})
    status, body = predict(text.replace('"@"', literal))
    assert status == "200"
    expected = {"code": "OUT_OF_RANGE", "feature": "normalised_price"}
    assert body["rejected"] == {"bad": expected}


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf, np.float64("nan")])
def test_numbers_that_are_not_finite_in_an_object(predict, rows, number):
    status, body = predict({"good": rows[0], "bad": rows[1] | {"count_pets": number}})
    assert status == "200"
    assert body["rejected"] == {"bad": {"code": "OUT_OF_RANGE", "feature": "count_pets"}}


@pytest.mark.parametrize("user", [None, 3, 2.5, "text", True, [1, 2]])
def test_a_user_that_is_no_object(predict, user):
    assert reject(predict, user) == {"code": "NOT_AN_OBJECT", "feature": None}


def test_a_user_without_features(predict):
    assert reject(predict, {}) == {"code": "MISSING_FEATURE", "feature": FEATURE_NAMES[0]}


def test_integers_score_like_floats(predict, rows):
    whole = rows[0] | {"user_order_seq": 3, "count_adults": 2, "ordered_before": 1}
    decimal = rows[0] | {"user_order_seq": 3.0, "count_adults": 2.0, "ordered_before": 1.0}
    numpy = {k: v if isinstance(v, str) else np.float64(v) for k, v in whole.items()}
    answers = [predict({"u": row})[1]["prediction"] for row in (whole, decimal, numpy)]
    assert answers[0] == answers[1] == answers[2]


def test_unknown_categories(predict, rows):
    unknown = rows[0] | {"vendor": "never seen", "product_type": "nor this"}
    alone = predict({"u": unknown})[1]["prediction"]["u"]
    other = predict({"u": rows[0] | {"vendor": "", "product_type": "💥" * 999}})
    together = predict({"v": rows[1], "u": unknown})[1]["prediction"]["u"]
    assert alone == together == other[1]["prediction"]["u"]
    assert alone == pytest.approx(expected_scores([unknown])[0], abs=1e-6)


def test_what_is_no_feature_is_ignored(predict, rows):
    more = rows[0] | {"outcome": "1", "order_id": [], "user_id": None, "extra": {"a": [1e300]}}
    assert predict({"u": rows[0]}) == predict({"u": more}) == predict(json.dumps({"u": more}))


def test_one_bad_user_among_many(predict, rows):
    users = {f"u{i}": rows[i % len(rows)] for i in range(5000)}
    status, body = predict({**users, "u2500": rows[0] | {"normalised_price": "x"}})
    assert status == "200"
    assert body["rejected"] == {"u2500": {"code": "TYPE", "feature": "normalised_price"}}
    del users["u2500"]
    assert len(body["prediction"]) == 4999
    assert list(body["prediction"].items()) == list(predict(users)[1]["prediction"].items())


def test_nothing_can_be_scored(predict, rows):
    status, body = predict({"a": rows[0] | {"vendor": None}, "": rows[0], "c": 7})
    assert (status, code(body), set(body)) == (
        "422",
        "NOTHING_TO_SCORE",
        {"error", "rejected"},
    )
    assert body["rejected"] == {
        "a": {"code": "MISSING_FEATURE", "feature": "vendor"},
        "": {"code": "EMPTY_ID", "feature": None},
        "c": {"code": "NOT_AN_OBJECT", "feature": None},
    }
    assert list(body["rejected"]) == ["a", "", "c"]


def test_strict(predict, rows):
    mixed = {"good": rows[0], "bad": {}}
    status, body = predict(mixed, strict=True)
    assert (status, code(body), list(body["rejected"])) == ("422", "USERS_REJECTED", ["bad"])
    assert predict(mixed, strict=False)[0] == predict(mixed, strict=None)[0] == "200"
    assert predict({"good": rows[0]}, strict=True)[0] == "200"
    assert predict({}, strict=True)[0] == "200"


# ------------------------------------------------------------------ what holds for every input

values = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-5, 2000),
    st.integers(),
    st.floats(),
    st.text(max_size=5),
    st.lists(st.integers(), max_size=2),
)
changed_rows = st.tuples(
    st.integers(0, 299),
    st.dictionaries(st.sampled_from([*FEATURE_NAMES, "extra"]), values, max_size=2),
)
ids = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
user_objects = st.dictionaries(ids, st.one_of(changed_rows, values), max_size=12)


def build(users, rows):
    return {
        user: rows[value[0]] | value[1] if isinstance(value, tuple) else value
        for user, value in users.items()
    }


@fixture_is_constant
@given(users=user_objects)
def test_every_user_is_scored_or_rejected_and_the_same_alone(predict, rows, users):
    users = build(users, rows)
    status, body = predict(users)
    assert status == ("200" if not users or body.get("prediction") else "422")
    predicted, rejected = body.get("prediction", {}), body.get("rejected", {})
    assert [user for user in users if user in predicted] == list(predicted)
    assert [user for user in users if user in rejected] == list(rejected)
    assert set(predicted) | set(rejected) == set(users)
    assert not set(predicted) & set(rejected)
    assert all(0 <= score <= 1 for score in predicted.values())
    for user, row in users.items():
        alone = predict({user: row})[1]
        assert alone.get("prediction", {}).get(user) == predicted.get(user)
        assert alone.get("rejected", {}).get(user) == rejected.get(user)


events = st.fixed_dictionaries(
    {"users": user_objects},
    optional={
        "model_path": st.sampled_from([None, "push_shared", "push_none", "../push_shared", 7]),
        "strict": st.sampled_from([None, True, False, "yes"]),
        "extra": values,
    },
)


@fixture_is_constant
@given(events=st.lists(events, min_size=1, max_size=4), data=st.data())
def test_the_same_call_gives_the_same_bytes_whatever_was_asked_before(
    predict, rows, monkeypatch, events, data
):
    asked = [{**event, "users": build(event["users"], rows)} for event in events]
    before = repr(asked), copy.deepcopy(asked)
    answers = []
    for event in asked:
        monkeypatch.setattr(predict_module, "_STORE", ModelStore())  # as in a new process
        answers.append(handler_predict(event, None))
    for position in data.draw(st.lists(st.sampled_from(range(len(asked))), max_size=8)):
        assert handler_predict(asked[position], None) == answers[position]
        assert handler_predict(before[1][position], None) == answers[position]
    assert (repr(asked), repr(before[1])) == (before[0], before[0])


@pytest.mark.fault
@settings(fixture_is_constant, max_examples=times(10))
@given(events=st.lists(events, min_size=1, max_size=5))
def test_eight_threads_give_what_one_gives(predict, rows, events):
    asked = [{**event, "users": build(event["users"], rows)} for event in events]
    expected = [handler_predict(event, None) for event in asked]
    together = threading.Barrier(8)

    def work(number):
        together.wait()
        order = asked[number % len(asked) :] + asked[: number % len(asked)]
        return [handler_predict(event, None) for event in order]

    with ThreadPoolExecutor(8) as threads:
        for number, answers in enumerate(threads.map(work, range(8))):
            start = number % len(asked)
            assert answers == expected[start:] + expected[:start]


@fixture_is_constant
@given(users=user_objects)
def test_text_and_object_are_answered_alike(predict, rows, users):
    users = build(users, rows)
    try:
        text = json.dumps(users, allow_nan=False)
    except ValueError:  # no JSON
        return
    assert predict(text) == predict(users)


@fixture_is_constant
@given(data=st.data())
def test_the_order_of_users_and_features_does_not_matter(predict, rows, data):
    users = {f"u{i}": row for i, row in enumerate(rows[:20])}
    order = data.draw(st.permutations(list(users)))
    names = data.draw(st.permutations(FEATURE_NAMES))
    shuffled = {user: {name: users[user][name] for name in names} for user in order}
    body = predict(json.dumps(shuffled))[1]
    assert list(body["prediction"]) == order
    assert body["prediction"] == predict(json.dumps(users))[1]["prediction"]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 15, 16, 17, 33, 100, 4096])
def test_a_score_has_the_same_bits_in_every_batch(predict, size):
    rows = make_rows(4096, seed=5)
    users = {str(i): row for i, row in enumerate(rows)}
    expected = predict(users)[1]["prediction"]
    for start in range(0, min(len(rows), 60 * size), size):
        part = {user: users[user] for user in list(users)[start : start + size]}
        scores = predict(part)[1]["prediction"]
        assert scores == {user: expected[user] for user in part}


@pytest.mark.fault
@fixture_is_constant
@given(event=st.dictionaries(st.sampled_from(["users", "model_path", "strict", "x"]), values))
def test_any_event_is_answered(predict, event):
    assert ask(event)[0] in {"200", "400", "404", "422"}


@pytest.mark.fault
@fixture_is_constant
@given(text=st.one_of(st.text(), st.binary(), st.from_regex(r'\{("[ab]": ?[0-9{}",]*,?)*\}')))
def test_any_text_is_answered(predict, text):
    assert predict(text)[0] in {"200", "400", "422"}


def test_eight_threads_score_large_batches_like_one(predict):
    batches = [{str(i): row for i, row in enumerate(make_rows(400, seed))} for seed in range(8)]
    events = [{"users": json.dumps({**users, "bad": 3})} for users in batches]
    expected = [handler_predict(event, None) for event in events]
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda event: handler_predict(event, None), events * 8))
    assert answers == expected * 8


def test_no_value_and_no_path_gets_out(predict, rows, caplog, capfd, shared_root):
    caplog.set_level("DEBUG")
    caplog.set_level("DEBUG", "kedro")
    caplog.set_level("DEBUG", "push_propensity")
    secret = {"vendor": "sEcReT", "normalised_price": "sEcReT", "sEcReT": 1}
    bodies = [
        predict(json.dumps({"good": rows[0], "bad": rows[1] | secret, "worse": ["sEcReT"]})),
        predict('{"sEcReT'),
        predict({"u": rows[0] | secret}),
        predict({"u": rows[0]}, model_path="../sEcReT"),
        predict({"u": rows[0]}, model_path="push_sEcReT"),
        predict({"u": rows[0]}, strict="sEcReT"),
    ]
    shown = json.dumps(bodies) + caplog.text + "".join(capfd.readouterr())
    assert "sEcReT" not in shown
    assert str(shared_root) not in shown
    lines = [json.loads(r.message) for r in caplog.records if r.name == "push_propensity.handler"]
    assert [line["status"] for line in lines] == [status for status, _ in bodies]
    assert [r.name for r in caplog.records if r.name.startswith("kedro")] == []
