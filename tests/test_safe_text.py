"""Text from any input, safe to print."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from harness.errors import HarnessError
from harness.safe_text import printable, shown


@settings(deadline=None, derandomize=True)
@given(
    text=st.one_of(st.text(max_size=200), st.binary(max_size=200)),
    length=st.sampled_from((80, 120)),
)
def test_shown_text_is_one_printable_line(text: str | bytes, length: int) -> None:
    safe = shown(text, length)
    assert len(safe) <= length
    assert safe.isprintable()


def test_printable_text_is_shown_as_it_is() -> None:
    assert shown("conv1 é") == "conv1 é"
    assert shown("x" * 80) == "x" * 80
    assert shown("x" * 81) == "x" * 77 + "..."
    assert shown(b"a\x00\xff") == "a\\x00\\xff"


@given(st.text(max_size=60), st.integers(5, 40))
def test_printable_text_is_short_ascii(text: str, width: int) -> None:
    short = printable(text, width)
    assert len(short) <= width
    assert all(" " <= character <= "~" for character in short)
    assert len(printable(text)) == len(text)


def test_errors_keep_their_lines() -> None:
    error = HarnessError("a\x1b[2J\nb", where="c\x07", hint="d\u200b")
    assert str(error) == "c\\x07: a\\x1b[2J\nb\n  hint: d\\u200b"
