"""The rules that hold for every answer of both handlers, whatever was asked."""

import json

STATUSES = {"200", "400", "404", "409", "413", "422", "500", "503"}
WORTH_ANOTHER_TRY = {("409", "FIT_RUNNING"), ("503", "NO_TIME_LEFT")}


def read_answer(answer):
    """Status and body of an answer that keeps the rules."""
    assert set(answer) == {"statusCode", "body"}
    status, text = answer["statusCode"], answer["body"]
    assert isinstance(status, str)
    assert status in STATUSES
    assert "Traceback" not in text
    body = read_strictly(text)
    if status == "200":
        assert not {"error"} & set(body)
        assert body.get("rejected") != {}
    else:
        assert set(body) - {"rejected"} == {"error"}
        assert "rejected" not in body or status == "422"
        _check_error(status, body["error"])
    return status, body


def _check_error(status, error):
    assert set(error) == {"code", "message", "retryable"}
    assert error["code"]
    assert error["message"]
    assert error["retryable"] is ((status, error["code"]) in WORTH_ANOTHER_TRY)


def read_strictly(text):
    """Read JSON as RFC 8259 has it: in UTF-8, without NaN and infinity, no name twice."""
    text.encode()
    return json.loads(text, parse_constant=_refuse, object_pairs_hook=_take_once)


def _refuse(literal):
    raise AssertionError(f"{literal} in a body")


def _take_once(pairs):
    taken = dict(pairs)
    assert len(taken) == len(pairs)
    return taken
