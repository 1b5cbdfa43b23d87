"""Identifiers from any input."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from harness.identifiers import RESERVED, NameTable, is_identifier, sanitise, without_repeats

_TEXT = st.one_of(
    st.text(max_size=80), st.sampled_from(sorted(RESERVED)), st.just("a/" * 40), st.just("_")
)


@settings(deadline=None, derandomize=True)
@given(texts=st.lists(_TEXT, max_size=12))
def test_names_are_identifiers_and_differ(texts: list[str]) -> None:
    table = NameTable()
    names = [table.unique(text, "layer") for text in (*texts, *texts)]
    assert len(set(names)) == len(names)
    assert all(is_identifier(name) for name in names)


def test_identifiers_stay_as_they_are() -> None:
    for name in ("conv1", "a", "layer_2_0", "x" * 48):
        assert sanitise(name, "layer") == name
    assert sanitise("float", "layer") == "float_"
    assert sanitise("x" * 99, "layer") == "x" * 48
    assert not is_identifier("a-b") and not is_identifier("") and not is_identifier("1a")
    assert not is_identifier("a\n")


def test_equal_names_are_numbered_within_the_length() -> None:
    table = NameTable()
    table.reserve("a_2")
    assert [table.unique("a", "layer") for _ in range(3)] == ["a", "a_3", "a_4"]
    names = [table.unique("y" * 60, "layer") for _ in range(12)]
    assert names[1] == "y" * 46 + "_2"
    assert all(len(name) == 48 for name in names)


def test_repeated_scopes_go() -> None:
    assert without_repeats("/layer1/layer1.0/conv1/Conv") == "layer1.0/conv1/Conv"
    assert without_repeats("/a/a.1/a.1.b/Relu") == "a.1.b/Relu"
    assert without_repeats("/a/ab/Relu") == "a/ab/Relu"
    assert without_repeats("///") == without_repeats("") == ""
    assert without_repeats("Conv_0") == "Conv_0"
