"""Conditions that select combinations of a sweep.

    condition  = all { "or" all }
    all        = not { "and" not }
    not        = "not" not | "(" condition ")" | comparison
    comparison = key ("==" | "!=" | "<" | "<=" | ">" | ">=") operand
               | key ["not"] "in" "[" value { "," value } "]"
    operand    = key | value

A key is one of the sweep's axes.  A value is a number, ``true``, ``false``, ``null`` or text, which
needs quotes only where it has spaces or the signs above.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from harness.budget import CONDITION_CHARACTERS, CONDITION_DEPTH
from harness.config.preset_files import closest
from harness.config.yaml_reader import parse_scalar
from harness.errors import ConfigError
from harness.sweep.points import AxisValue

Condition: TypeAlias = Callable[[Mapping[str, AxisValue]], bool]
AxisValues: TypeAlias = Mapping[str, Sequence[AxisValue] | None]
"""The values of each axis; None where they depend on the configuration."""

_TOKEN: Final = re.compile(r"""\s*(==|!=|<=|>=|[<>()\[\],]|"[^"]*"|'[^']*'|[^\s()\[\],<>=!"']+)""")
_EQUAL: Final = {"==": operator.eq, "!=": operator.ne}
_ORDER: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_WORDS: Final = ("and", "or", "not", "in")
_HINT: Final = "for instance: system.tiles <= 64 or model in [vgg16, alexnet]"


def parse_condition(text: str, axes: AxisValues) -> Condition:
    """Read one condition.

    Raises:
        ConfigError: It does not follow the grammar, names a key that is no axis, or compares an
            axis with a value that it does not have.
    """
    if len(text) > CONDITION_CHARACTERS:
        raise ConfigError(f"the condition has more than {CONDITION_CHARACTERS} characters")
    parser = _Parser(_tokens(text), axes)
    condition = parser.condition(0)
    parser.end()
    return condition


@dataclass(frozen=True)
class _Token:
    text: str
    column: int

    @property
    def quoted(self) -> bool:
        return self.text[:1] in "\"'" and len(self.text) > 1


def _tokens(text: str) -> list[_Token]:
    tokens, start, end = [], 0, len(text.rstrip())
    while start < end:
        match = _TOKEN.match(text, start)
        if match is None:
            rest = text[start:].strip()
            raise _refusal(f"{rest[:20]!r} is not understood", start + 1)
        tokens.append(_Token(match[1], match.start(1) + 1))
        start = match.end()
    return tokens


class _Parser:
    def __init__(self, tokens: list[_Token], axes: AxisValues) -> None:
        self._tokens = tokens
        self._axes = axes
        self._next = 0

    def condition(self, depth: int) -> Condition:
        terms = [self._all(depth)]
        while self._take("or"):
            terms.append(self._all(depth))
        return terms[0] if len(terms) == 1 else lambda point: any(term(point) for term in terms)

    def end(self) -> None:
        if (token := self._peek()) is not None:
            raise _refusal(f"'and' or 'or' is expected before {token.text[:64]!r}", token.column)

    def _all(self, depth: int) -> Condition:
        terms = [self._not(depth)]
        while self._take("and"):
            terms.append(self._not(depth))
        return terms[0] if len(terms) == 1 else lambda point: all(term(point) for term in terms)

    def _not(self, depth: int) -> Condition:
        if depth > CONDITION_DEPTH:
            raise ConfigError(f"the condition is nested deeper than {CONDITION_DEPTH} levels")
        if self._take("not"):
            inner = self._not(depth + 1)
            return lambda point: not inner(point)
        if self._take("("):
            inner = self.condition(depth + 1)
            self._expect(")")
            return inner
        return self._comparison()

    def _comparison(self) -> Condition:
        key = self._key()
        token = self._peek()
        if self._take("not"):
            self._expect("in")
            among = self._list(key)
            return lambda point: point[key] not in among
        if self._take("in"):
            among = self._list(key)
            return lambda point: point[key] in among
        sign = None if token is None else token.text
        if sign not in _EQUAL and sign not in _ORDER:
            column = None if token is None else token.column
            raise _refusal(f"a comparison such as == or <= is expected after {key}", column)
        self._next += 1
        return self._compare(key, sign)

    def _compare(self, key: str, sign: str) -> Condition:
        token = self._operand()
        other = None if token.quoted else self._axis(token.text)
        ordered = sign in _ORDER
        compare = _ORDER[sign] if ordered else _EQUAL[sign]
        if ordered:
            self._check_numbers(key, token)
        if other is not None:
            if ordered:
                self._check_numbers(other, token)
            return lambda point: compare(point[key], point[other])
        value = _value(token)
        if not ordered:
            self._check_possible(key, value, token)
        elif isinstance(value, bool) or not isinstance(value, int | float):
            raise _refusal(f"{token.text[:64]!r} is not a number", token.column)
        return lambda point: compare(point[key], value)

    def _list(self, key: str) -> list[AxisValue]:
        self._expect("[")
        values: list[AxisValue] = []
        while True:
            token = self._operand()
            values.append(_value(token))
            self._check_possible(key, values[-1], token)
            if not self._take(","):
                break
        self._expect("]")
        return values

    def _key(self) -> str:
        token = self._operand()
        found = None if token.quoted else self._axis(token.text)
        if found is None:
            raise _refusal(
                f"{token.text[:64]!r} is no axis of this sweep",
                token.column,
                closest(token.text, tuple(self._axes)),
            )
        return found

    def _axis(self, text: str) -> str | None:
        return text if text in self._axes else None

    def _operand(self) -> _Token:
        token = self._peek()
        if token is None:
            raise _refusal("the condition ends too early", None)
        if token.text in _WORDS or _TOKEN_SIGN.fullmatch(token.text):
            raise _refusal(f"a key or a value is expected, not {token.text!r}", token.column)
        self._next += 1
        return token

    def _check_numbers(self, key: str, token: _Token) -> None:
        values = self._axes[key]
        for value in values or ():
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise _refusal(
                    f"{key} is {value!r} in places, and only numbers have an order",
                    token.column,
                )

    def _check_possible(self, key: str, value: AxisValue, token: _Token) -> None:
        values = self._axes[key]
        if values is not None and value not in values:
            shown = ", ".join(str(item) for item in values[:12])
            raise _refusal(f"{key} never is {token.text[:64]}", token.column, f"it is {shown}")

    def _peek(self) -> _Token | None:
        return self._tokens[self._next] if self._next < len(self._tokens) else None

    def _take(self, text: str) -> bool:
        token = self._peek()
        if token is None or token.text != text:
            return False
        self._next += 1
        return True

    def _expect(self, text: str) -> None:
        if not self._take(text):
            token = self._peek()
            found = "the end" if token is None else repr(token.text[:64])
            column = None if token is None else token.column
            raise _refusal(f"{text!r} is expected, not {found}", column)


_TOKEN_SIGN: Final = re.compile(r"==|!=|<=|>=|[<>()\[\],]")


def _value(token: _Token) -> AxisValue:
    if token.quoted:
        return token.text[1:-1]
    value = parse_scalar(token.text)
    assert not isinstance(value, list | dict)
    return value


def _refusal(what: str, column: int | None, hint: str = _HINT) -> ConfigError:
    place = "" if column is None else f" (character {column} of the condition)"
    return ConfigError(f"{what}{place}", hint=hint)
