"""The strict YAML reader: what it reads, what it refuses, and that nothing else escapes it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.budget import YAML_BYTES, YAML_DEPTH
from harness.config.yaml_reader import parse_scalar, parse_yaml, parse_yaml_document, read_yaml
from harness.errors import ConfigError


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None),
        ("~", None),
        ("null", None),
        ("true", True),
        ("False", False),
        ("-12", -12),
        ("007", 7),
        ("0x1F", 31),
        ("1e3", 1000.0),
        (".5", 0.5),
        ("2.", 2.0),
        ("on", "on"),
        ("no", "no"),
        ("12:30:00", "12:30:00"),
        ("2026-01-02", "2026-01-02"),
        ("1_000", "1_000"),
        (".inf", ".inf"),
        (".nan", ".nan"),
        ("9" * 26, 10**26 - 1),
        ("9" * 65, "9" * 65),
    ],
)
def test_scalars_follow_yaml_1_2_core(text: str, value: object) -> None:
    parsed = parse_scalar(text)
    assert parsed == value
    assert type(parsed) is type(value)


def test_structure_and_quoting() -> None:
    text = "a: {b: 1, c: '1'}\nd: [x, 2.5, null]\ne: |\n  two\n  lines\n"
    assert parse_yaml(text, where="t") == {
        "a": {"b": 1, "c": "1"},
        "d": ["x", 2.5, None],
        "e": "two\nlines\n",
    }


def test_lines_of_keys_and_items() -> None:
    document = parse_yaml_document(
        "# head\na:\n  b: [1,\n    2]\n\n  c: {d: 3}\ne:\n- f: 4\n", where="t"
    )
    assert document.value == {"a": {"b": [1, 2], "c": {"d": 3}}, "e": [{"f": 4}]}
    assert document.lines == {
        ("a",): 2,
        ("a", "b"): 3,
        ("a", "b", 0): 3,
        ("a", "b", 1): 4,
        ("a", "c"): 6,
        ("a", "c", "d"): 6,
        ("e",): 7,
        ("e", 0): 8,
        ("e", 0, "f"): 8,
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\nb: 2\na: 3\n", "'a' stands twice (line 3)"),
        ("a: &x 1\nb: *x\n", "anchors"),
        ("b: *x\n", "aliases"),
        ("a: !!python/object:os.system x", "tags"),
        ("a: !local x", "tags"),
        ("!x {a: 1}", "tags"),
        ("a: 1\n---\nb: 2\n", "more than one document"),
        ("1: x\n", "'1' is not a name"),
        ("{a: 1}: x\n", "a key must be plain text"),
        ('a: "\\ud800"', "surrogate"),
        ("a: [1, 2\n", "not valid YAML"),
        ("a:\tb: c\n", "not valid YAML"),
        ("a: \x07", "not valid YAML"),
        ('a: "\\UFFFFFFFF"', "not valid YAML"),
        ("[" * 5000, f"nested deeper than {YAML_DEPTH} levels"),
        ("a: " + "x" * YAML_BYTES, "larger than 64 KiB"),
    ],
)
def test_refusals_name_the_place(text: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_yaml(text, where="some.yaml")
    assert message in caught.value.what
    assert caught.value.where == "some.yaml"


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such file"):
        read_yaml(tmp_path / "missing.yaml")
    with pytest.raises(ConfigError, match="a folder, not a regular file"):
        read_yaml(tmp_path)
    latin = tmp_path / "latin.yaml"
    latin.write_bytes(b"a: \xe9\n")
    with pytest.raises(ConfigError, match="not UTF-8"):
        read_yaml(latin)
    big = tmp_path / "big.yaml"
    big.write_bytes("é".encode() * YAML_BYTES)
    with pytest.raises(ConfigError, match="bytes are more than"):
        read_yaml(big)


_YAML_PIECES = st.sampled_from(
    [*"{}[]:,-?&*!|>'\"%@`#\n\t ~a1.", "\n  ", ": ", "- ", "---\n", "<<", "\\x", "\\U", "é"]
)


@settings(max_examples=400, deadline=None)
@given(st.one_of(st.text(max_size=80), st.lists(_YAML_PIECES, max_size=40).map("".join)))
def test_any_text_gives_data_or_a_config_error(text: str) -> None:
    try:
        value = parse_yaml(text, where="fuzz")
    except ConfigError:
        return
    assert value is None or isinstance(value, bool | int | float | str | list | dict)


# Beyond the basic plane JSON escapes in surrogate pairs, which YAML does not know.
_TEXT = st.text(st.characters(max_codepoint=0xD7FF), max_size=10)
_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**20), 10**20) | _TEXT,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.from_regex(r"[a-z]{1,5}", fullmatch=True), inner, max_size=3)
    ),
    max_leaves=10,
)


@settings(max_examples=150, deadline=None)
@given(_VALUES)
def test_json_reads_back_as_itself(value: object) -> None:
    assert parse_yaml(json.dumps(value), where="json") == value
