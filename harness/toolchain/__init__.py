"""The cross-compiler: C sources to one bare-metal ELF, cached by content."""

from harness.toolchain.build import compile_program
from harness.toolchain.compiler import Compiler, find_compiler

__all__ = ["Compiler", "compile_program", "find_compiler"]
