"""Compiling programs: cache, determinism, failures, interrupts, concurrent runs."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from harness.cache.sealed import copy_out, publish
from harness.errors import ToolchainError
from harness.toolchain import build, compile_program, find_compiler
from harness.toolchain.build import remove_abandoned_builds

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = '#include "aimc_runtime.h"\nint main(void) { return VALUE; }\n'


@pytest.fixture(scope="module")
def cache_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


def source(folder: Path, text: str = PROGRAM) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "main.c"
    path.write_text(text)
    return path


def compiled(folder: Path, cache_dir: Path, value: str = "0", text: str = PROGRAM) -> bytes:
    out = folder / "out" / "a.elf"
    main = source(folder, text)
    assert compile_program([main], [], out, defines={"VALUE": value}, cache_dir=cache_dir) == out
    return out.read_bytes()


def test_equal_sources_give_equal_bytes_anywhere(tmp_path: Path, cache_dir: Path) -> None:
    first = compiled(tmp_path / "a", cache_dir)
    elsewhere = compiled(tmp_path / "some" / "other folder", tmp_path / "fresh cache")
    assert first == elsewhere
    assert str(tmp_path).encode() not in first
    assert compiled(tmp_path / "a", cache_dir, value="1") != first


def test_a_program_seen_before_is_not_compiled(
    tmp_path: Path, cache_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = compiled(tmp_path / "a", cache_dir)

    def refuse(*_: object) -> None:
        raise AssertionError("compiled again")

    monkeypatch.setattr(build, "_compile_all", refuse)
    assert compiled(tmp_path / "b", cache_dir) == first
    with pytest.raises(AssertionError, match="compiled again"):
        compiled(tmp_path / "b", cache_dir, text=PROGRAM + "int more;\n")


def test_a_changed_embedded_file_changes_the_program(tmp_path: Path, cache_dir: Path) -> None:
    main = source(
        tmp_path,
        "#include <stdint.h>\nextern const uint8_t blob[];\nint main(void) { return blob[0]; }\n",
    )
    weights = tmp_path / "weights.S"
    weights.write_text('  .section .rodata\n  .globl blob\nblob:\n  .incbin "weights.bin"\n')
    programs = []
    for content in (b"\1", b"\2"):
        (tmp_path / "weights.bin").write_bytes(content)
        out = tmp_path / "a.elf"
        compile_program([main, weights], [], out, defines={}, cache_dir=cache_dir)
        programs.append(out.read_bytes())
    assert programs[0] != programs[1]


def test_a_rejected_source_names_itself_and_leaves_the_old_program(
    tmp_path: Path, cache_dir: Path
) -> None:
    good = compiled(tmp_path, cache_dir)
    with pytest.raises(ToolchainError) as failure:
        compiled(tmp_path, cache_dir, text="int main(void) { return undeclared; }\n")
    assert failure.value.where == "main.c"
    assert "undeclared" in str(failure.value)
    assert (tmp_path / "out" / "a.elf").read_bytes() == good
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["a.elf"]
    assert list((cache_dir / "tmp").iterdir()) == []


def test_a_program_without_main_is_an_error(tmp_path: Path, cache_dir: Path) -> None:
    with pytest.raises(ToolchainError, match="main"):
        compiled(tmp_path, cache_dir, text="extern int nothing;\n")


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (["/nowhere/zig"], "cannot be started"),
        ([sys.executable, "-c", "raise SystemExit('no such module')"], "no such module"),
        ([sys.executable, "-c", "pass"], "printed nothing"),
    ],
)
def test_a_missing_compiler_says_how_to_get_it(
    tmp_path: Path, command: list[str], message: str
) -> None:
    with pytest.raises(ToolchainError, match=message) as failure:
        find_compiler(tmp_path, command=command)
    assert failure.value.hint


def test_a_cache_that_cannot_be_written_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ToolchainError) as failure:
        compiled(tmp_path / "a", tmp_path / "file")
    assert failure.value.hint


def test_an_output_folder_that_cannot_be_made_is_one_clear_error(
    tmp_path: Path, cache_dir: Path
) -> None:
    (tmp_path / "out").write_text("")
    with pytest.raises(ToolchainError, match="cannot be stored"):
        compiled(tmp_path, cache_dir)


SCRIPT = """
import sys
from pathlib import Path
from harness import interrupts
from harness.toolchain import compile_program
interrupts.install()
compile_program([Path(sys.argv[1])], [], Path(sys.argv[2]), defines={"VALUE": "0"},
                cache_dir=Path(sys.argv[3]))
"""


def start(main: Path, out: Path, cache: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(main), str(out), str(cache)],
        cwd=ROOT,
        stderr=subprocess.PIPE,
    )


def test_concurrent_runs_share_a_cache(tmp_path: Path, cache_dir: Path) -> None:
    main = source(tmp_path)
    expected = compiled(tmp_path / "alone", cache_dir)
    runs = [start(main, tmp_path / f"{i}.elf", tmp_path / "cache") for i in range(3)]
    for run in runs:
        _, errors = run.communicate()
        assert run.returncode == 0, errors.decode()
    assert {(tmp_path / f"{i}.elf").read_bytes() for i in range(3)} == {expected}
    assert list((tmp_path / "cache" / "tmp").iterdir()) == []


def processes_that_mention(text: str) -> list[str]:
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit() and int(folder.name) != os.getpid():
            try:
                command = (folder / "cmdline").read_bytes().decode(errors="replace")
            except OSError:
                continue
            if text in command:
                found.append(command.replace("\0", " "))
    return found


def test_an_interrupt_leaves_nothing_behind(tmp_path: Path) -> None:
    cache = tmp_path / "interrupted-cache"
    run = start(source(tmp_path), tmp_path / "a.elf", cache)
    deadline = time.monotonic() + 60
    while not list(cache.glob("tmp/build-*")):  # until it compiles
        assert run.poll() is None and time.monotonic() < deadline
        time.sleep(0.005)
    run.send_signal(signal.SIGINT)
    _, errors = run.communicate(timeout=60)
    assert run.returncode != 0
    assert b"InterruptedRunError" in errors
    assert processes_that_mention(str(cache)) == []
    assert not (tmp_path / "a.elf").exists()
    assert list((cache / "tmp").iterdir()) == []
    assert not list(cache.glob("objects/.*")) and not list(cache.glob("programs/*"))


def damaged(path: Path, how: str) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 4
    path.write_bytes({"flipped": bytes(data), "truncated": bytes(data[:-9]), "empty": b""}[how])


@pytest.mark.parametrize("how", ["flipped", "truncated", "empty"])
@pytest.mark.parametrize("kind", ["objects", "programs"])
def test_damaged_entries_are_replaced_and_told(
    tmp_path: Path, cache_dir: Path, kind: str, how: str
) -> None:
    expected = compiled(tmp_path / "a", cache_dir)
    cache = tmp_path / "cache"
    shutil.copytree(cache_dir, cache)
    if kind == "objects":
        shutil.rmtree(cache / "programs")
    sound = {path: path.read_bytes() for path in (cache / kind).iterdir()}
    hit = [path for path in sound if kind == "programs" or path == min(sound)]
    for path in hit:
        damaged(path, how)
    notes: list[str] = []
    out = tmp_path / "out.elf"
    main = tmp_path / "a" / "main.c"
    compile_program([main], [], out, defines={"VALUE": "0"}, cache_dir=cache, note=notes.append)
    assert out.read_bytes() == expected
    (replaced,) = (path for path in hit if path.read_bytes() == sound[path])
    assert notes == [f"{replaced} is damaged; making again what it held"]
    notes.clear()
    compile_program([main], [], out, defines={"VALUE": "0"}, cache_dir=cache, note=notes.append)
    assert notes == []


def test_a_damaged_entry_is_never_copied_out(tmp_path: Path) -> None:
    made = tmp_path / "made"
    made.write_bytes(bytes(3 << 20))
    entry = tmp_path / "cache" / "entry"
    publish(made, entry)
    out = tmp_path / "out"
    out.write_text("earlier")
    for position in (0, 31, 32, 1 << 20, (3 << 20) + 31):
        data = bytearray(entry.read_bytes())
        data[position] ^= 1
        entry.write_bytes(data)
        notes: list[str] = []
        assert not copy_out(entry, out, note=notes.append)
        assert len(notes) == 1
        assert out.read_text() == "earlier"
        data[position] ^= 1
        entry.write_bytes(data)
    assert copy_out(entry, out, note=notes.append)
    assert out.read_bytes() == bytes(3 << 20)
    assert {path.name for path in tmp_path.iterdir()} == {"made", "cache", "out"}


def test_what_a_killed_compilation_left_is_removed_and_a_living_one_is_not(tmp_path: Path) -> None:
    killed = start(source(tmp_path), tmp_path / "a.elf", tmp_path / "cache")
    builds = tmp_path / "cache" / "tmp"
    deadline = time.monotonic() + 60
    while not list(builds.glob("build-*")):
        assert killed.poll() is None and time.monotonic() < deadline
        time.sleep(0.005)
    remove_abandoned_builds(tmp_path / "cache")
    assert list(builds.glob("build-*"))
    killed.kill()
    killed.communicate()
    while list(builds.iterdir()):  # until its compilers have ended, which may still write there
        assert time.monotonic() < deadline
        remove_abandoned_builds(tmp_path / "cache")
