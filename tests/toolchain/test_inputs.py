"""Which files belong to a source, and when the hash changes."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.errors import ToolchainError
from harness.toolchain.inputs import digest_files, source_files


def test_includes_and_embedded_files_are_found_recursively(tmp_path: Path) -> None:
    headers = tmp_path / "include"
    headers.mkdir()
    (headers / "a.h").write_text('#pragma once\n  #  include "b.h"\n')
    (headers / "b.h").write_text('#include "a.h"\n#include <stdint.h>\n')
    (tmp_path / "blob.bin").write_bytes(b'#include "never.h"\n')
    source = tmp_path / "main.S"
    source.write_text('#include "a.h"\n#include "missing.h"\n  .incbin "blob.bin"\n')
    found = source_files(source, [headers])
    assert set(found) == {
        source,
        headers / "a.h",
        headers / "b.h",
        tmp_path / "blob.bin",
    }


def test_a_missing_source_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ToolchainError, match="cannot be read"):
        source_files(tmp_path / "main.c", [])


def test_digest_depends_on_content_name_and_settings_but_not_on_the_folder(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    for folder in (one, two):
        folder.mkdir()
        (folder / "a.c").write_text("int a;\n")
        (folder / "b.c").write_text("int a;\n")
    base = digest_files([one / "a.c"], ["-O3"])
    assert digest_files([two / "a.c"], ["-O3"]) == base
    assert digest_files([one / "b.c"], ["-O3"]) != base
    assert digest_files([one / "a.c"], ["-O2"]) != base
    assert digest_files([one / "a.c"], ["-O", "3"]) != base
    (one / "a.c").write_text("int b;\n")
    assert digest_files([one / "a.c"], ["-O3"]) != base
