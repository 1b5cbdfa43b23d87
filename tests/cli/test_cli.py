"""The command line as a user meets it: a process, its streams and its exit code."""

from __future__ import annotations

import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from harness.checksums import damage

AIMC = (sys.executable, "-m", "aimc.cli.main")
COMMANDS = (
    "run",
    "model",
    "quantize",
    "map",
    "sweep",
    "place",
    "codegen",
    "compile",
    "simulate",
    "report",
    "train",
    "models",
    "presets",
    "doctor",
    "cache",
)


def aimc(*arguments: str, cwd: Path, **options: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # type: ignore[call-overload,no-any-return]
        [*AIMC, *arguments],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        **options,
    )


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_an_example(command: str, tmp_path: Path) -> None:
    result = aimc(command, "--help", cwd=tmp_path)
    assert result.returncode == 0
    assert "Example" in result.stdout
    assert f"aimc {command}" in result.stdout


def test_help_lists_every_command(tmp_path: Path) -> None:
    result = aimc("--help", cwd=tmp_path)
    assert all(command in result.stdout for command in COMMANDS)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("run", "vgg61"), ("vgg61", "vgg16", "resnet20")),
        (("run", "lenet5", "--system", "no-such"), ("no-such", "alpine-hp")),
        (("run", "lenet5", "--set", "system.tile.adc_bit=8"), ("adc_bit", "adc_bits")),
        (("run", "lenet5", "--set", "system.tile.adc_bits=99"), ("adc_bits", "99", "16")),
        (("run", "lenet5", "--set", "nonsense"), ("nonsense",)),
        (("run", "lenet5", "--engine", "gem6"), ("gem6", "embedded")),
        (("run", "lenet5", "--mapping", "missing.json"), ("missing.json",)),
        (("run", "missing.onnx"), ("missing.onnx",)),
        (("run", "lenet5", "--images", "100000"), ("images",)),
        (("run", "lenet5", "--input", "33"), ("33", "32")),
        (("run", "lenet5", "--checkpoint", "no.safetensors"), ("no.safetensors",)),
        (("run", "lenet5", "--dataset", "nowhere"), ("nowhere",)),
        (("run", "lenet5", "--set", "system.tiles=-1"), ("tiles", "-1")),
        (("report", "nowhere"), ("nowhere",)),
        (("simulate", "nowhere/program.elf"), ("nowhere",)),
        (("presets", "tile", "gold"), ("gold", "alpine")),
        (("presets", "tyle"), ("tyle", "tile")),
        (("train", "vgg61"), ("vgg61",)),
    ],
)
def test_bad_input_gives_one_clear_message(
    arguments: tuple[str, ...], says: tuple[str, ...], tmp_path: Path
) -> None:
    result = aimc(*arguments, cwd=tmp_path)
    assert result.returncode not in (0, 1), result.stderr
    assert "Traceback" not in result.stderr
    assert result.stderr.count("error:") == 1
    for word in says:
        assert word in result.stderr
    runs = tmp_path / "runs"
    assert not runs.exists() or not list(runs.iterdir())


def test_a_truncated_model_is_one_message(tmp_path: Path) -> None:
    made = aimc("model", "lenet5", "--export", "net.onnx", cwd=tmp_path)
    assert made.returncode == 0, made.stderr
    data = (tmp_path / "net.onnx").read_bytes()
    (tmp_path / "net.onnx").write_bytes(data[: len(data) // 2])
    result = aimc("run", "net.onnx", cwd=tmp_path)
    assert result.returncode == 2
    assert result.stderr.count("error:") == 1
    assert "Traceback" not in result.stderr


def test_a_disk_that_takes_no_more_leaves_nothing(tmp_path: Path) -> None:
    def limit_file_size() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))

    result = aimc("run", "lenet5", cwd=tmp_path, preexec_fn=limit_file_size)
    assert result.returncode not in (0, 1)
    assert result.stderr.count("error:") == 1
    assert "Traceback" not in result.stderr
    assert list((tmp_path / "runs").iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_ends_at_once_and_leaves_nothing(number: int, tmp_path: Path) -> None:
    process = subprocess.Popen(
        [*AIMC, "run", "resnet20", "--images", "1", "--set", "run.warmup=100"],
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )
    assert process.stderr is not None
    for line in process.stderr:
        if "simulating" in line:
            break
    time.sleep(0.3)
    process.send_signal(number)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 128 + number
    assert "interrupted; nothing of this run was kept" in errors
    assert "Traceback" not in errors
    assert list((tmp_path / "runs").iterdir()) == []


def test_the_stages_leave_artifacts(tmp_path: Path) -> None:
    steps = (
        ("quantize", "mlp", "--out", "network.json"),
        ("map", "mlp", "--out", "mapping.json"),
        ("place", "mlp", "--mapping", "mapping.json", "--out", "plan.json"),
        ("codegen", "mlp", "--mapping", "mapping.json", "--images", "2", "--out", "program"),
        ("compile", "mlp", "--mapping", "mapping.json", "--images", "2", "--out", "program"),
        ("simulate", "program/program.elf", "--out", "events.json"),
    )
    for step in steps:
        result = aimc(*step, cwd=tmp_path)
        assert result.returncode == 0, result.stderr
    for name in ("network.json", "mapping.json", "plan.json", "program/src/main.c", "events.json"):
        assert (tmp_path / name).stat().st_size > 0


def report_without_write_access(folder: Path, shown: str) -> None:
    drop = [
        "setpriv",
        "--bounding-set",
        "-dac_override,-dac_read_search",
    ]  # root may write anywhere
    if os.geteuid() == 0 and shutil.which(drop[0]) is None:
        return
    before = {path: path.stat().st_mtime_ns for path in folder.parent.rglob("*")}
    try:
        for path in (folder, folder.parent):
            path.chmod(0o555)
        result = subprocess.run(
            [*(drop if os.geteuid() == 0 else []), *AIMC, "report", str(folder)],
            capture_output=True,
            text=True,
            check=False,
        )
    finally:
        for path in (folder, folder.parent):
            path.chmod(0o755)
    assert result.returncode == 0, result.stderr
    assert result.stdout == shown
    assert result.stderr == f"Tables and pictures were not written: {folder}: Permission denied\n"
    assert {path: path.stat().st_mtime_ns for path in folder.parent.rglob("*")} == before


def test_run_report_and_doctor(tmp_path: Path) -> None:
    result = aimc("run", "mlp", "--images", "5", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert "speed-up" in result.stdout.lower()
    (folder,) = (tmp_path / "runs").iterdir()
    (folder / "layers.csv").unlink()
    again = aimc("report", str(folder), cwd=tmp_path)
    assert again.returncode == 0, again.stderr
    assert again.stdout.strip() in result.stdout
    assert damage(folder) == []
    console = folder / "mapped" / "console.txt"
    console.write_text("edited")
    (folder / "report.png").write_text("edited")
    assert aimc("report", ".", cwd=folder).returncode == 0
    assert damage(folder) == ["mapped/console.txt has changed"]
    report_without_write_access(folder, again.stdout)
    doctor = aimc("doctor", cwd=tmp_path)
    assert doctor.returncode == 0, doctor.stdout + doctor.stderr
    assert "embedded engine" in doctor.stdout
