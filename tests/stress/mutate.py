"""Damages bytes, text and JSON documents, reproducibly."""

from __future__ import annotations

import copy
import json
import random
from typing import Any

_NUMBERS = (0, 1, -1, 2, 7, 64, 127, 255, 256, 32767, 65535, 1 << 20, 1 << 31, (1 << 32) - 1)
_LARGE = (1 << 40, 1 << 62, (1 << 63) - 1, (1 << 64) - 1)
_VALUES: tuple[Any, ...] = (
    *_NUMBERS,
    *_LARGE,
    10**30,
    0.5,
    -0.0,
    1e308,
    float("inf"),
    float("nan"),
    True,
    None,
    "",
    "x",
    "../x",
    "/dev/zero",
    "\0",
    "\ud800",
    "é" * 300,
    "9" * 5000,
    [],
    {},
    [[]],
    {"a": 1},
)
_TOKENS = (
    *"{}[]:,-?&*!|>'\"%@`#\n\t ~.=/\\",
    "\n  ",
    ": ",
    "- ",
    "---\n",
    "<<",
    "&a ",
    "*a",
    "!!python/object:os.system ",
    "NaN",
    "1e999",
    "null",
    "9" * 400,
    "\\ud800",
    "[" * 200,
    "{a: " * 30,
)


def damage_bytes(rng: random.Random, data: bytes) -> bytes:
    """``data`` with one to four changes: bits, numbers, lengths, order."""
    damaged = bytearray(data)
    for _ in range(rng.randint(1, 4)):
        _change(rng, damaged)
    return bytes(damaged)


def _change(rng: random.Random, data: bytearray) -> None:
    if not data:
        data += rng.randbytes(8)
        return
    place, length = rng.randrange(len(data)), rng.randint(1, 32)
    match rng.randrange(8):
        case 0:
            data[place] ^= 1 << rng.randrange(8)
        case 1:
            data[place] = rng.choice((0, 1, 0x7F, 0x80, 0xFF))
        case 2:
            del data[place : place + length]
        case 3:
            data[place:place] = data[place : place + length] * rng.choice((1, 2, 50))
        case 4:
            data[place:place] = rng.randbytes(length)
        case 5:
            del data[place:]
        case 6:
            size = rng.choice((1, 2, 4, 8))
            number = rng.choice((*_NUMBERS, *_LARGE)) % (1 << (8 * size))
            data[place : place + size] = number.to_bytes(size, rng.choice(("little", "big")))
        case _:
            other = rng.randrange(len(data))
            data[place : place + length] = data[other : other + length]


def damage_text(rng: random.Random, text: str) -> str:
    """``text`` with pieces removed, doubled, or put in."""
    for _ in range(rng.randint(1, 4)):
        place, length = rng.randrange(len(text) + 1), rng.randint(1, 40)
        match rng.randrange(4):
            case 0:
                text = text[:place] + text[place + length :]
            case 1:
                text = text[:place] + rng.choice(_TOKENS) + text[place:]
            case 2:
                text = text[:place] + rng.choice(_TOKENS) + text[place + length :]
            case _:
                text = text[:place] + text[place : place + length] * 2 + text[place:]
    return text


def damage_document(rng: random.Random, document: Any) -> Any:  # noqa: ANN401
    """A copy of a JSON ``document`` in which one to three values are others."""
    document = copy.deepcopy(document)
    for _ in range(rng.randint(1, 3)):
        places = list(_places(document))
        if not places:
            return rng.choice(_VALUES)
        holder, key = rng.choice(places)
        match rng.randrange(5):
            case 0:
                del holder[key]
            case 1 if isinstance(holder, dict):
                holder[rng.choice(("", "x", "\ud800", "a.b", "__metadata__"))] = holder.pop(key)
            case 1 | 2:
                other_holder, other_key = rng.choice(places)
                try:
                    holder[key] = copy.deepcopy(other_holder[other_key])
                except (KeyError, IndexError):
                    holder[key] = None
            case _:
                holder[key] = copy.deepcopy(rng.choice(_VALUES))
    return document


def _places(document: Any) -> list[tuple[Any, Any]]:  # noqa: ANN401
    """Every value's holder (a dictionary or list) and key."""
    found: list[tuple[Any, Any]] = []
    pending = [document]
    while pending:
        holder = pending.pop()
        keys = list(holder) if isinstance(holder, dict) else range(len(holder))
        for key in keys:
            found.append((holder, key))
            if isinstance(holder[key], dict | list):
                pending.append(holder[key])
    return found


def json_bytes(document: Any) -> bytes:  # noqa: ANN401
    """The document as a file may have it, with what JSON does not allow."""
    return json.dumps(document).encode("utf-8", "surrogatepass")


def damage_json(rng: random.Random, document: Any) -> bytes:  # noqa: ANN401
    """The bytes of a damaged ``document``: its values, its text or both."""
    damaged = damage_document(rng, document) if rng.random() < 0.8 else document
    data = json_bytes(damaged)
    if rng.random() < 0.3:
        text = damage_text(rng, data.decode("utf-8", "surrogatepass"))
        data = text.encode("utf-8", "surrogatepass")
    return damage_bytes(rng, data) if rng.random() < 0.1 else data
