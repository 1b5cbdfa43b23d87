"""The one reader of JSON: what it refuses, and that it reads the rest as Python's does."""

from __future__ import annotations

import json

import pytest

from harness.strict_json import JsonError, parse_json, parse_json_object


def test_values_are_what_json_means() -> None:
    text = json.dumps({"a": [1.5, None, True, {"b": "c", "\u00e9": -(2**70)}], "d": {}})
    assert parse_json_object(text.encode()) == parse_json(text) == json.loads(text)
    assert parse_json("[1e300, 0]") == [1e300, 0]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"", "not JSON: Expecting value: line 1 column 1"),
        (b"{", "not JSON: Expecting property name"),
        (b"\xff{}", "not JSON: 'utf-8' codec can't decode"),
        (b'{"a": 1, "b": {"c": 1, "c": 2}}', "not JSON: the key c stands there twice"),
        (b'{"\\u001b": 1, "\\u001b": 2}', r"the key \x1b stands there twice"),
        (b'{"a": NaN}', "not JSON: NaN is not JSON"),
        (b"-Infinity", "not JSON: -Infinity is not JSON"),
        (b"[1e999]", "not JSON: 1e999 is out of range"),
        (b"9" * 5000, "not JSON: Exceeds the limit"),
        (b"[" * 100_000, "not JSON: nested too deeply"),
        (b'{"a":' * 100_000, "not JSON: nested too deeply"),
    ],
)
def test_anything_else_is_refused(text: bytes, message: str) -> None:
    with pytest.raises(JsonError) as refusal:
        parse_json(text)
    assert message in str(refusal.value)
    assert len(str(refusal.value)) < 150


@pytest.mark.parametrize("text", ["[]", "1", "null", '"{}"'])
def test_only_objects_are_objects(text: str) -> None:
    with pytest.raises(JsonError, match=r"^not a JSON object$"):
        parse_json_object(text)


def test_the_caller_says_what_is_refused() -> None:
    with pytest.raises(JsonError, match=r"^no list of regions: nested"):
        parse_json_object("[" * 100_000, "no list of regions")
