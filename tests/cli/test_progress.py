"""Where there is no terminal, a long stage is heard of again and again."""

from __future__ import annotations

import io
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.console import Console

from aimc.progress import TerminalProgress
from harness.data.sizes import in_words, inputs_in_words
from harness.data.workloads import FOLDER_VARIABLE

PATIENCE_S = 20.0


def wait_for(text: Callable[[], str], wanted: str) -> None:
    end = time.monotonic() + PATIENCE_S
    while wanted not in text():
        assert time.monotonic() < end, f"{wanted!r} not in {text()!r}"
        time.sleep(0.005)


def test_a_silent_simulation_is_told_with_time_instructions_and_layer() -> None:
    stream = io.StringIO()
    with TerminalProgress(Console(file=stream), interval_s=0.01) as progress:
        progress.stage("simulating the mapped program")
        wait_for(stream.getvalue, "  simulating the mapped program; ")
        progress.simulated(41_000_000, 12_340_000.0, "conv3_1")
        wait_for(stream.getvalue, "12.34 ms simulated, 41 M instructions")
        wait_for(stream.getvalue, "in conv3_1; ")
    assert "simulating the mapped program ...\n" in stream.getvalue()
    said = stream.getvalue()
    time.sleep(0.05)
    assert stream.getvalue() == said  # nothing after the end


def test_a_short_job_says_its_stages_only() -> None:
    stream = io.StringIO()
    with TerminalProgress(Console(file=stream)) as progress:
        progress.stage("reading [net].onnx")
        progress.simulated(1, 1.0, None)
        progress.stage("simulating")
    assert stream.getvalue() == "reading [net].onnx ...\nsimulating ...\n"


def test_a_search_tells_what_it_measures_and_the_time_left() -> None:
    stream = io.StringIO()
    with TerminalProgress(Console(file=stream), interval_s=0.01, stages=False) as progress:
        progress.stage("retraining for conv1")
        progress.work(0.0, 2.0)
        progress.work(1.0, 2.0)
        wait_for(stream.getvalue, "  retraining for conv1 (about 1 min left); ")
        progress.note("conv1: stays")
    assert "conv1: stays (about 1 min left)\n" in stream.getvalue()
    assert "conv1 ..." not in stream.getvalue()


def test_a_sweep_tells_its_points_its_rate_and_the_time_left() -> None:
    stream = io.StringIO()
    with TerminalProgress(Console(file=stream), interval_s=0.01) as progress:
        progress.note("10 points, 4 of them there already")
        progress.stage("measuring points")
        progress.work(4, 10, "points", "2 running")
        wait_for(stream.getvalue, "  measuring points: 4 of 10 points done, 2 running; ")
        time.sleep(0.02)
        progress.work(7, 10, "points", "1 of them failed, 1 running")
        wait_for(stream.getvalue, ": 7 of 10 points done, 1 of them failed, 1 running; ")
        wait_for(stream.getvalue, " a minute, about 1 min left; ")
        progress.note("a batch is [damaged]")
    told = [line for line in stream.getvalue().splitlines() if not line.startswith("  ")]
    assert told == [
        "10 points, 4 of them there already",
        "measuring points ...",
        "a batch is [damaged]",
    ]


def test_training_tells_its_epochs() -> None:
    stream = io.StringIO()
    with TerminalProgress(Console(file=stream), interval_s=0.01) as progress:
        progress.stage("training lenet5 on 1137 images")
        progress.work(47, 60, "epochs", "loss 0.6")
        time.sleep(0.02)
        progress.work(48, 60, "epochs", "loss 0.5")
        wait_for(stream.getvalue, ": 48 of 60 epochs done, loss 0.5; ")
        wait_for(stream.getvalue, " a minute, about 1 min left; ")


def test_a_terminal_has_one_line() -> None:
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=True, width=200)
    with TerminalProgress(console, interval_s=0.01) as progress:
        progress.stage("simulating")
        progress.simulated(1_000_000, 1e6, "conv1")
        wait_for(stream.getvalue, "in conv1")
    assert "..." not in stream.getvalue()


def test_what_is_read_is_told_with_its_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    large = tmp_path / "images.npz"
    large.write_bytes(bytes(3_200_000))
    (tmp_path / "small.onnx").write_bytes(b"1")
    assert in_words(large) == "images.npz (3 MB)"
    assert in_words(tmp_path / "absent") == "absent"
    assert inputs_in_words(str(tmp_path / "small.onnx"), str(large)) == (
        "small.onnx and images.npz (3 MB)"
    )
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path))
    assert inputs_in_words("lenet5", None) == "lenet5"  # its digits are bundled
    assert inputs_in_words("resnet20", None) == f"resnet20 and {tmp_path.name} (3 MB)"
