"""Small changes of C++ sources that tests have to notice: one operator, constant or statement."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

# clang-format puts spaces around binary operators and none around template brackets.
REPLACEMENTS = {
    "<": ("<=", ">="),
    "<=": ("<", ">"),
    ">": (">=", "<="),
    ">=": (">", "<"),
    "==": ("!=",),
    "!=": ("==",),
    "+": ("-",),
    "-": ("+",),
    "*": ("+",),
    "/": ("*",),
    "%": ("/",),
    "&": ("|",),
    "|": ("&",),
    "&&": ("||",),
    "||": ("&&",),
    "<<": (">>",),
    ">>": ("<<",),
    "+=": ("-=",),
    "-=": ("+=",),
    "|=": ("&=",),
    "&=": ("|=",),
    ">>=": ("<<=",),
}
BINARY = re.compile(r"(?<= )(?:[<>=!+\-|&]=|>>=|&&|\|\||<<|>>|[<>+\-*/%&|])(?= )")
CONSTANT = re.compile(r"(?<![\w.])(0[xX][0-9a-fA-F]+|\d+)(u?)(?![\w.])")
WORDS = {"true": "false", "false": "true", "std::min": "std::max", "std::max": "std::min"}
WORD = re.compile(r"\b(?:true|false|std::min|std::max)\b")
STEP = re.compile(r"\+\+|--")
UNARY = re.compile(r"(?<=[ (])[!~](?=[\w(:])")
DECLARATION = re.compile(r"^\s*(?:(?:const|static|constexpr) )*[\w:<>]+[&*]* \w+(?:;|\[|\(|\{| = )")
STATEMENT = re.compile(r"^\s*(?:if \(.*\) |for \(.*\) |[\w+\-(*]).*;\s*$")
COMMENT = re.compile(r"//.*$")
TEXT = re.compile(r'"[^"]*"')


@dataclass(frozen=True)
class Mutant:
    """Columns [start, end) of one line, counted from 1, replaced by ``text``."""

    line: int
    start: int
    end: int
    text: str

    def apply(self, source: str) -> str:
        lines = source.split("\n")
        lines[self.line - 1] = self.changed(lines[self.line - 1])
        return "\n".join(lines)

    def changed(self, line: str) -> str:
        return line[: self.start] + self.text + line[self.end :]


def mutants(source: str) -> Iterator[Mutant]:
    """All mutants of ``source``, in its order."""
    for number, text in enumerate(source.split("\n"), 1):
        code = TEXT.sub(lambda found: "_" * len(found[0]), COMMENT.sub("", text))
        if code.lstrip().startswith(("#", "namespace", "using")):
            continue
        for start, end, replacement in _changes(code):
            yield Mutant(number, start, end, replacement)


def _changes(code: str) -> Iterator[tuple[int, int, str]]:
    for found in BINARY.finditer(code):
        for other in REPLACEMENTS[found[0]]:
            yield *found.span(), other
    for found in CONSTANT.finditer(code):
        value = int(found[1], 0)
        for other in (value + 1, value - 1):
            if other >= 0:
                yield *found.span(), f"{other}{found[2]}"
    for found in WORD.finditer(code):
        yield *found.span(), WORDS[found[0]]
    for found in STEP.finditer(code):
        yield *found.span(), "--" if found[0] == "++" else "++"
    for found in UNARY.finditer(code):
        yield *found.span(), ""
    if _is_statement(code):
        yield len(code) - len(code.lstrip()), len(code.rstrip()), ";"


def _is_statement(code: str) -> bool:
    """It does something when it runs, and can be left out of a program that still compiles."""
    if DECLARATION.match(code) or code.lstrip().startswith(("return", "virtual", "explicit")):
        return False
    balanced = code.count("(") == code.count(")")
    return balanced and STATEMENT.match(code) is not None
