"""Text from files and libraries, made safe to print: no control characters, bounded length."""

from __future__ import annotations

from typing import Final

_SHOWN_LENGTH: Final = 80


def escaped(text: str, *, keep: str = "") -> str:
    """``text`` with every character that is not printable, and not in ``keep``, escaped."""
    if text.isprintable():
        return text
    return "".join(
        c if c.isprintable() or c in keep else c.encode("unicode_escape").decode("ascii")
        for c in text
    )


def shown(text: object, length: int = _SHOWN_LENGTH) -> str:
    """``text`` on one line, without control characters, at most ``length`` characters long.

    Names from a file go through this before they reach a terminal or a log.
    """
    if isinstance(text, bytes):
        text = text[: 2 * length].decode("ascii", "backslashreplace")
    safe = escaped(str(text)[: length + 1])
    return safe if len(safe) <= length else f"{safe[: length - 3]}..."


def printable(text: str, width: int = 0) -> str:
    """ASCII without control characters, shortened in the middle to ``width`` (0: not).

    For tables and pictures, whose columns count characters and whose fonts lack some.
    """
    clean = "".join(char if " " <= char <= "~" else "?" for char in text)
    if width <= 0 or len(clean) <= width:
        return clean
    tail = (width - 2) // 2
    return f"{clean[: width - 2 - tail]}..{clean[len(clean) - tail :]}"
