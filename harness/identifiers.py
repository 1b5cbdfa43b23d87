"""Identifiers that are safe in C, in paths and in a shell, made of any name in a file."""

from __future__ import annotations

import re

MAX_NAME_LENGTH = 48
_LONGEST_PATH = 1024  # characters; a longer name is nothing that an exporter made

_IDENTIFIER = re.compile(r"[a-z][a-z0-9_]*")

# C11 and C23 keywords that match the pattern, the common extensions, and names that a
# hosted or freestanding C program may not redefine.
_RESERVED_WORDS = (
    "alignas alignof and_eq and asm auto bitand bitor bool break case char compl const constexpr "
    "continue default do double else enum errno extern false float for fortran goto if inline "
    "int linux long main not not_eq nullptr or or_eq register restrict return short signed "
    "sizeof static static_assert stderr stdin stdout struct switch thread_local true typedef "
    "typeof typeof_unqual union unix unsigned void volatile while xor xor_eq"
)
RESERVED = frozenset(_RESERVED_WORDS.split())


def is_identifier(name: str) -> bool:
    """Whether ``name`` is ``[a-z][a-z0-9_]*``, at most 48 characters and no C keyword."""
    return (
        len(name) <= MAX_NAME_LENGTH
        and _IDENTIFIER.fullmatch(name) is not None
        and name not in RESERVED
    )


def sanitise(text: str, fallback: str) -> str:
    """The identifier nearest to ``text``; ``fallback`` (an identifier) if nothing is left.

    >>> sanitise("/layer1/layer1.0/conv1/Conv", "conv")
    'layer1_layer1_0_conv1_conv'
    """
    # Names of many megabytes are legal in ONNX: cut before the regular expressions see them.
    head = text[: 4 * MAX_NAME_LENGTH].lower()
    name = re.sub(r"[^a-z0-9]+", "_", head).strip("_")
    if not name:
        return fallback
    if not name[0].isalpha():
        name = f"n{name}"
    name = name[:MAX_NAME_LENGTH].rstrip("_")
    return f"{name}_" if name in RESERVED else name


def without_repeats(path: str) -> str:
    """``path`` without the segments that the next one repeats, as torch's exporter writes them.

    >>> without_repeats("/features/features.0/features.0.1/Conv")
    'features.0.1/Conv'
    """
    if len(path) > _LONGEST_PATH:
        return path
    segments = [segment for segment in path.split("/") if segment]
    following = [*segments, ""][1:]
    return "/".join(
        segment
        for segment, after in zip(segments, following, strict=True)
        if not after.startswith(f"{segment}.")
    )


class NameTable:
    """Hands out identifiers, each only once."""

    def __init__(self) -> None:
        self._taken: set[str] = set()
        self._next: dict[str, int] = {}

    def reserve(self, name: str) -> None:
        """Never hand out ``name``."""
        self._taken.add(name)

    def unique(self, text: str, fallback: str) -> str:
        """An identifier near ``text`` that no earlier call returned."""
        base = sanitise(text, fallback)
        name = base
        while name in self._taken:
            number = self._next.get(base, 2)
            self._next[base] = number + 1
            suffix = f"_{number}"
            name = base[: MAX_NAME_LENGTH - len(suffix)].rstrip("_") + suffix
        self._taken.add(name)
        return name
