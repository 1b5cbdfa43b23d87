"""What is read of an ELF file."""

from __future__ import annotations

from pathlib import Path

from harness.engines.embedded.elf import read_program
from harness.toolchain.build import compile_program

MAIN = "int main(void) {{ return {result}; }}\n"


def test_the_digest_is_of_what_is_loaded(tmp_path: Path) -> None:
    def program(name: str, result: int) -> Path:
        source = tmp_path / f"{name}.c"
        source.write_text(MAIN.format(result=result), encoding="utf-8")
        return compile_program(
            [source], [], tmp_path / f"{name}.elf", defines={}, cache_dir=tmp_path
        )

    one, same, other = program("one", 1), program("same", 1), program("other", 2)
    assert one.read_bytes() != same.read_bytes()  # the name of the source is a symbol
    assert read_program(one).sha256 == read_program(same).sha256
    assert read_program(one).sha256 != read_program(other).sha256
