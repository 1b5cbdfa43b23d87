"""Every option of every command is used or refused: a value that is nothing gets a message."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from aimc.cli.app import app
from harness.errors import HarnessError
from harness.model.builtin import build
from harness.model.export import to_onnx
from harness.model.fold import fold

NO = "nowhere"
# By command: its arguments, the options that mean something with them, and for each a value that is
# nothing.  Options of no value that can be wrong (--out names what is written) have a test below.
DROP = ("map", "lenet5", "--drop", "1")
STAGE = ("--system", "--dataset", "--checkpoint", "--input", "--mapping", "--set")
CASES: dict[tuple[str, ...], tuple[str, ...]] = {
    ("run", "lenet5"): (*STAGE, "--images", "--engine", "--gem5"),
    ("run", "lenet5", "--engine", "gem5"): ("--gem5",),
    ("place", "lenet5"): STAGE,
    ("codegen", "lenet5"): (*STAGE, "--images"),
    ("compile", "lenet5"): (*STAGE, "--images"),
    ("quantize", "lenet5"): ("--dataset", "--checkpoint", "--input"),
    ("model", "lenet5"): ("--checkpoint", "--input"),
    ("map", "lenet5"): (
        *STAGE,
        *("--strategy", "--repetitions", "--confidence", "--t-eval", "--noise", "--search"),
        *("--gem5", "--threads", "--drop"),
    ),
    DROP: (
        *STAGE,
        *("--strategy", "--repetitions", "--confidence", "--t-eval", "--noise", "--search"),
        *("--gem5", "--threads"),
    ),
    ("train", "lenet5"): ("--dataset", "--weights", "--threads"),
}
PAIRS = [(arguments, option) for arguments, options in CASES.items() for option in options]
WRONG = {
    "--images": "0",
    "--input": "9",
    "--set": "system.tile.nowhere=1",
    "--threads": "0",
    "--repetitions": "0",
    "--confidence": "2",
    "--t-eval": "-1",
    "--drop": "101",
}


def refusal(*arguments: str) -> str:
    """What a command says as it refuses; it must."""
    result = CliRunner().invoke(app, list(arguments))
    assert result.exit_code != 0, arguments
    if isinstance(result.exception, HarnessError):
        return str(result.exception)
    assert isinstance(result.exception, SystemExit), result.exception  # typer's own message
    return result.output


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("AIMC_DATA", raising=False)
    monkeypatch.setenv("GEM5", "")  # so that it is unset again afterwards: --gem5 sets it
    monkeypatch.delenv("GEM5")
    return tmp_path


@pytest.mark.parametrize(("arguments", "option"), PAIRS, ids=lambda part: "".join(part[:14]))
def test_a_value_that_is_nothing_is_refused(
    arguments: tuple[str, ...], option: str, empty_folder: Path
) -> None:
    message = refusal(*arguments, option, WRONG.get(option, NO))
    assert message
    assert [path for path in empty_folder.rglob("*") if path.is_file()] == []


def test_every_option_has_its_case() -> None:
    """An option that is new must be put into the table above."""
    import typer.main

    no_wrong_value = {"--out", "--export", "--fresh", "--help", "--explain"}
    group = typer.main.get_command(app)
    commands = group.commands  # type: ignore[attr-defined]
    for name, command in commands.items():
        options = {option for parameter in command.params for option in parameter.opts}
        named = {option for option in options if option.startswith("--")} - no_wrong_value
        tried = {option for arguments, option in PAIRS if arguments[0] == name and option in named}
        assert named == tried, name


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("map", "lenet5", "--noise", "pcm"), "--noise: only with --drop"),
        (("map", "lenet5", "--system", "alpine-hp"), "--system: only with --drop"),
        (("map", "lenet5", "--threads", "2"), "--threads: only with --drop"),
        (("map", "lenet5", "--fresh"), "--fresh: only with --drop"),
        (("map", "lenet5", "--dataset", NO), "--dataset: only with --drop"),
        (
            ("map", "lenet5", "--checkpoint", NO),
            "--checkpoint: only with --drop or a mapping .json",
        ),
        ((*DROP, "--set", "search.drop_points=2"), "an option says it already"),
        ((*DROP, "--set", "run.images=2"), "run.images: this command does not use it"),
        ((*DROP, "--set", "run.mapping=digital"), "run.mapping: this command does not use it"),
        (("run", "lenet5", "--gem5", NO), "the engine is embedded, which uses no gem5"),
        (("run", "lenet5", "--set", "run.model=mlp"), "the argument says it already"),
        (
            ("run", "lenet5", "--images", "2", "--set", "run.images=3"),
            "--set run.images: --images says it already",
        ),
        (
            ("run", "lenet5", "--input", "32", "--set", "run.input_size=32"),
            "--set run.input_size: --input says it already",
        ),
        (
            ("run", "lenet5", "--mapping", "digital", "--set", "system.tile.adc_bits=6"),
            "the mapping is digital, which uses no tiles",
        ),
        (
            ("run", "lenet5", "--mapping", "digital", "--set", "system.attach=bus"),
            "the mapping is digital, which uses no tiles",
        ),
        (
            ("run", "lenet5", "--mapping", "digital", "--set", "run.placement=reload"),
            "the mapping is digital, which uses no tiles",
        ),
        ((*DROP, "--set", "run.placement=reload"), "run.placement: this command does not use it"),
        (("place", "lenet5", "--set", "run.images=2"), "this command does not use it"),
        (("compile", "lenet5", "--set", "run.fp32_baseline=true"), "this command does not use it"),
        (("presets", NO), "there is no section"),
        (("presets", "tile", NO), "no tile preset"),
        (("presets", NO, "--explain"), "there is no section or key"),
        (("presets", "tile", "alpine", "--explain"), "takes a section or a key, no preset"),
        (("simulate", NO), "cannot be read"),
        (("report", NO), NO),
        (("train", NO), "nothing to train"),
    ],
    ids=lambda part: "-".join(part)[:40] if isinstance(part, tuple) else "",
)
def test_what_has_no_effect_is_said(arguments: tuple[str, ...], says: str) -> None:
    assert says in refusal(*arguments)


@pytest.mark.parametrize("command", ["run", "place", "map", "model", "quantize"])
def test_a_file_takes_no_checkpoint_and_its_own_size_only(command: str, tmp_path: Path) -> None:
    graph = fold(build("mlp"))
    file = tmp_path / "net.onnx"
    file.write_bytes(to_onnx(graph).SerializeToString())
    drop = ("--drop", "1") if command == "map" else ()
    message = refusal(command, str(file), *drop, "--checkpoint", NO)
    assert "brings its own weights" in message
    data = ("--dataset", NO) if command == "map" else ()
    assert "9" in refusal(command, str(file), *drop, *data, "--input", "9")


def test_an_override_that_replaces_a_default_is_used() -> None:
    result = CliRunner().invoke(app, ["place", "mlp", "--set", "run.mapping=digital"])
    assert result.exit_code == 0, result.exception
    assert "0 analog layers" in result.output
