"""Reads the pickles of CIFAR-10's python version without unpickling.

A pickle is a program that can call anything.  This reader walks its opcodes (by
`pickletools`, which only lists them) on a stack of its own that knows plain values and
numpy's way to write a uint8 array.  Every other opcode, name or shape is refused.
"""

from __future__ import annotations

import io
import pickletools
from dataclasses import dataclass
from typing import TypeAlias, TypeVar

import numpy as np

from harness.budget import PICKLE_BYTES, PICKLE_OPCODES
from harness.data.images import Pixels
from harness.errors import DataError

_T = TypeVar("_T")
_Name: TypeAlias = tuple[str, str]  # module, attribute

_RECONSTRUCT: tuple[_Name, ...] = (
    ("numpy.core.multiarray", "_reconstruct"),
    ("numpy._core.multiarray", "_reconstruct"),
)
_ENCODE: _Name = ("_codecs", "encode")
_DTYPE: _Name = ("numpy", "dtype")
_NDARRAY: _Name = ("numpy", "ndarray")
_NAMES = (*_RECONSTRUCT, _ENCODE, _DTYPE, _NDARRAY)

_NUMBERS = ("INT", "LONG", "BININT", "BININT1", "BININT2", "LONG1", "LONG4")
_TEXTS = ("STRING", "BINSTRING", "SHORT_BINSTRING", "UNICODE", "BINUNICODE", "SHORT_BINUNICODE")
_PUSH = frozenset((*_NUMBERS, *_TEXTS, "BINBYTES", "SHORT_BINBYTES"))
_CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
_MEMO_PUT = frozenset(("PUT", "BINPUT", "LONG_BINPUT"))
_MEMO_GET = frozenset(("GET", "BINGET", "LONG_BINGET"))
_IGNORED = frozenset(("PROTO", "FRAME"))


class _Mark:
    """Where the items of a list, tuple or dictionary begin on the stack."""


@dataclass(frozen=True)
class _Global:
    """A name of the list above, as a value."""

    name: _Name


@dataclass
class _Array:
    """An array that is announced and, after its state has come, filled."""

    values: Pixels | None = None


@dataclass
class _Dtype:
    """The type of uint8 arrays."""


class _RefusedError(Exception):
    """The pickle is not one of these batches."""


def parse_python_batch(data: bytes, where: str) -> tuple[Pixels, list[int]]:
    """``data`` (uint8 [n, bytes]) and ``labels`` (n integers) of one batch file.

    Raises:
        DataError: The bytes are anything but such a batch.
    """
    try:
        return _content(_Machine().run(data))
    except _RefusedError as error:
        reason = str(error)
    except (ValueError, IndexError, KeyError, OverflowError, MemoryError) as error:
        # What pickletools, the stack and numpy raise on damaged bytes.
        reason = f"damaged ({str(error)[:80]})"
    raise DataError(
        f"not a batch of CIFAR-10's python version: {reason}",
        where=where,
        hint="it may be truncated; extract the archive again",
    )


def _content(batch: object) -> tuple[Pixels, list[int]]:
    content = {_text(key): value for key, value in _expect(batch, dict).items()}
    pixels = _expect(content.get("data"), _Array).values
    labels = _expect(content.get("labels"), list)
    if pixels is None or pixels.ndim != 2 or len(labels) != len(pixels):
        shape = "none" if pixels is None else list(pixels.shape)
        raise _RefusedError(f"{len(labels)} labels for data of shape {shape}")
    for index, label in enumerate(labels):
        if type(label) is not int or not 0 <= label < 256:
            raise _RefusedError(f"label {index} is {label!r:.40}, no integer from 0 to 255")
    return pixels, labels


def _text(value: object) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else _expect(value, str)


def _expect(value: object, kind: type[_T]) -> _T:
    if type(value) is not kind:
        raise _RefusedError(f"it has a {type(value).__name__} where a {kind.__name__} belongs")
    return value


class _Machine:
    """Runs the opcodes that such a batch consists of."""

    def __init__(self) -> None:
        self._stack: list[object] = []
        self._memo: dict[int, object] = {}
        self._bytes_left = PICKLE_BYTES

    def run(self, data: bytes) -> object:
        for step, (opcode, argument, _) in enumerate(pickletools.genops(io.BytesIO(data))):
            if step >= PICKLE_OPCODES:
                raise _RefusedError(f"it has more than {PICKLE_OPCODES} steps")
            if opcode.name == "STOP":
                return self._stack.pop()
            self._step(opcode.name, argument)
        raise _RefusedError("it does not end")

    def _step(self, name: str, argument: object) -> None:
        stack = self._stack
        if name in _PUSH:
            stack.append(argument)
        elif name in _CONSTANTS:
            stack.append(_CONSTANTS[name])
        elif name in _MEMO_PUT:
            self._memo[_expect(argument, int)] = stack[-1]
        elif name == "MEMOIZE":
            self._memo[len(self._memo)] = stack[-1]
        elif name in _MEMO_GET:
            stack.append(self._memo[_expect(argument, int)])
        elif name not in _IGNORED:
            self._build(name, argument)

    def _build(self, name: str, argument: object) -> None:
        stack = self._stack
        match name:
            case "MARK":
                stack.append(_Mark())
            case "EMPTY_DICT":
                stack.append({})
            case "EMPTY_LIST":
                stack.append([])
            case "EMPTY_TUPLE":
                stack.append(())
            case "DICT":
                stack.append(_pairs(self._since_mark()))
            case "LIST":
                stack.append(self._since_mark())
            case "TUPLE":
                stack.append(tuple(self._since_mark()))
            case "TUPLE1" | "TUPLE2" | "TUPLE3":
                stack.append(tuple(self._pop(int(name[-1]))))
            case "APPEND":
                items = self._pop(1)
                _expect(stack[-1], list).extend(items)
            case "APPENDS":
                items = self._since_mark()
                _expect(stack[-1], list).extend(items)
            case "SETITEM":
                items = self._pop(2)
                _expect(stack[-1], dict).update(_pairs(items))
            case "SETITEMS":
                items = self._since_mark()
                _expect(stack[-1], dict).update(_pairs(items))
            case "GLOBAL":
                module, _, attribute = _expect(argument, str).partition(" ")
                stack.append(_global(module, attribute))
            case "STACK_GLOBAL":
                stack.append(_global(*self._pop(2)))
            case "REDUCE":
                function, arguments = self._pop(2)
                self._charge(arguments)
                stack.append(_call(function, arguments))
            case "BUILD":
                state = stack.pop()
                self._charge(state)
                _set_state(stack[-1], state)
            case _:
                raise _RefusedError(f"opcode {name} does not belong there")

    def _charge(self, values: object) -> None:
        """Count what is copied of ``values``: a few opcodes may have it copied many times."""
        for value in values if isinstance(values, tuple) else ():
            if isinstance(value, str | bytes):
                self._bytes_left -= len(value)
        if self._bytes_left < 0:
            raise _RefusedError(f"it makes more than {PICKLE_BYTES} bytes")

    def _pop(self, count: int) -> list[object]:
        """The topmost ``count`` values, the lowest first."""
        return [self._stack.pop() for _ in range(count)][::-1]

    def _since_mark(self) -> list[object]:
        for index in range(len(self._stack) - 1, -1, -1):
            if isinstance(self._stack[index], _Mark):
                items = self._stack[index + 1 :]
                del self._stack[index:]
                return items
        raise _RefusedError("a mark is missing")


def _pairs(items: list[object]) -> dict[object, object]:
    keys, values = items[::2], items[1::2]
    if len(keys) != len(values) or any(type(key) not in (str, bytes) for key in keys):
        raise _RefusedError("the keys of a dictionary are not text")
    return dict(zip(keys, values, strict=True))


def _global(module: object, attribute: object) -> _Global:
    name = (_expect(module, str), _expect(attribute, str))
    if name not in _NAMES:
        raise _RefusedError(f"it refers to {name[0][:60]!r}, {name[1][:60]!r}")
    return _Global(name)


def _call(function: object, arguments: object) -> object:
    name = _expect(function, _Global).name
    first, *rest = _expect(arguments, tuple) or (None,)
    if name in _RECONSTRUCT and first == _Global(_NDARRAY):
        return _Array()
    if name == _DTYPE and first in ("u1", b"u1"):
        return _Dtype()
    # How Python 3 writes bytes for Python 2.
    if name == _ENCODE and isinstance(first, str) and rest == ["latin1"]:
        return first.encode("latin-1")
    if name == _ENCODE and not rest and first == "":
        return b""
    raise _RefusedError(f"it calls {name[0]}.{name[1]} with something else than a uint8 array")


def _set_state(target: object, state: object) -> None:
    """numpy's state of an array: (version, shape, type, Fortran order, bytes)."""
    if isinstance(target, _Dtype):
        return  # byte order and alignment, which bytes have none of
    array, values = _expect(target, _Array), _expect(state, tuple)
    if len(values) != 5:
        raise _RefusedError("the state of an array is incomplete")
    _, shape, dtype, fortran_order, content = values
    _expect(dtype, _Dtype)
    if isinstance(content, str):  # Python 2's text is bytes
        content = content.encode("latin-1")
    if any(type(extent) is not int or extent < 0 for extent in _expect(shape, tuple)):
        raise _RefusedError("the shape of an array is not one")
    flat = np.frombuffer(bytearray(_expect(content, bytes)), np.uint8)
    array.values = flat.reshape(shape, order="F" if fortran_order else "C")
