"""The files and tables: right figures, right words, nothing half-written."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from harness.engines.events import ALL_EVENTS
from harness.errors import HarnessError, StatsError
from harness.report.comparison import Comparison, accuracy_statement
from harness.report.layers_csv import layers_csv
from harness.report.picture import MAX_LAYERS, draw_report
from harness.report.result_file import read_result
from harness.report.terminal import PLAIN_WIDTH, format_report, make_console, print_report
from harness.report.write import report_files, write_report
from tests.report.comparisons import comparison, names, renamed, with_fp32


def rows(original: Comparison) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(layers_csv(original))))


def test_csv_has_every_layer_and_a_total() -> None:
    original = comparison(5)
    table = rows(original)
    assert len(table) == 2 * (5 + 1)
    assert [row["layer"] for row in table[:6]] == [*names(5), "TOTAL"]
    for program in ("digital", "analog"):
        *layers, total = (row for row in table if row["program"] == program)
        for column in ("time_ns", "cycles", "energy_pj", "macs", "event_loads", "time_share"):
            found = sum(float(row[column]) for row in layers)
            assert found == pytest.approx(float(total[column])), column
        for row in (*layers, total):
            energies = [float(v) for k, v in row.items() if k.startswith("energy_") and "_pj" in k]
            assert sum(energies) == pytest.approx(2 * float(row["energy_pj"]))
            causes = ("compute", "memory", "tile_transfer", "tile_mvm")
            cycles = sum(float(row[f"cycles_{cause}"]) for cause in causes)
            assert cycles == pytest.approx(float(row["cycles"]))
    assert {f"event_{name}" for name in ALL_EVENTS} <= set(table[0])


def test_csv_gains_are_ratios_of_the_rows() -> None:
    digital, analog = rows(comparison(1))[0], rows(comparison(1))[2]
    speed_up = float(digital["time_ns"]) / float(analog["time_ns"])
    assert float(analog["speed_up"]) == pytest.approx(speed_up)
    assert digital["speed_up"] == ""
    assert {row["speed_up"] for row in rows(comparison(3, mapped=False))} == {""}


def test_csv_says_that_weights_are_random() -> None:
    assert {row["weights"] for row in rows(comparison(random=True))} == {
        "random, no accuracy is given"
    }
    assert {row["weights"] for row in rows(comparison())} == {"trained"}


@pytest.mark.parametrize("mapped", [True, False])
@pytest.mark.parametrize("random", [True, False])
def test_terminal_text(mapped: bool, random: bool) -> None:
    text = format_report(comparison(60, long_names=True, mapped=mapped, random=random))
    assert all(len(line) <= PLAIN_WIDTH for line in text.splitlines())
    assert "\x1b" not in text
    for index in range(60):
        assert names(60)[index] in text
    assert ("Weights are random" in text) == random
    assert ("98.00 %" in text) == (not random)
    assert ("Speed-up" in text) == mapped
    assert ("stays digital: needs 12 tiles" in text) == mapped
    assert "\u2026" not in text, "a figure is cut"


def test_terminal_figures() -> None:
    text = format_report(comparison(1))
    # conv0: (200000 + 30000) / 2 images / 2 GHz = 57.5 us; 1.2 M MACs in 115 k cycles of 16
    assert "57.5 us" in text
    assert "65.2 %" in text
    # on tiles: 33000 / 2 / 2 = 8.25 us, so 57.5 / 8.25
    assert "8.25 us" in text
    assert "Speed-up 6.97x" in text


def test_earlier_simulations_are_said() -> None:
    original = comparison()
    assert "earlier simulation" not in format_report(original)
    kept = {"digital": "2026-01-02T03:04:05Z"}
    served = replace(original, manifest=replace(original.manifest, earlier_simulations=kept))
    assert (
        "from an earlier simulation of an equal program: digital (2026-01-02T03:04:05Z)"
        in format_report(served)
    )


@pytest.mark.parametrize("mapping", ["analog", "found/mapping.json"])
def test_a_mapping_file_that_is_cut_has_no_bound(mapping: str) -> None:
    original = comparison()
    assert original.plan is not None
    cut = replace(original.plan, mapping=mapping, kept_digital={"fc": "needs 2 tiles"})
    statement = accuracy_statement(replace(original, plan=cut))
    layers = len(cut.analog_layers)
    said = f"Only {layers} of the {layers + 1} layers that the mapping makes analog are"
    assert (said in statement) == (mapping != "analog")
    assert "layers that the mapping makes analog" not in accuracy_statement(original)


def test_terminal_text_is_safe_for_hostile_names() -> None:
    text = format_report(renamed(comparison(), "[bold]x[/bold]\x1b[31m\x07\n☃"))
    assert "[bold]x[/bold]?[31m???" in text
    assert "\x1b" not in text


def test_a_pipe_that_is_ascii_only_gets_ascii(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii")
    monkeypatch.setenv("FORCE_COLOR", "1")
    print_report(comparison(random=True), make_console(stream))
    stream.flush()
    assert b"Weights are random" in raw.getvalue()
    assert b"\x1b" not in raw.getvalue()


def png(
    original: Comparison,
) -> tuple[tuple[int, int], npt.NDArray[np.uint8]]:
    image = Image.open(io.BytesIO(draw_report(original)))
    image.load()
    return image.size, np.asarray(image.convert("RGB"))


def test_pictures_grow_with_layers_up_to_a_limit() -> None:
    heights = [png(comparison(count))[0][1] for count in (1, 4, 60, MAX_LAYERS, MAX_LAYERS + 40)]
    assert heights == sorted(heights)
    assert heights[-1] == heights[-2]
    assert heights[-1] < 6000


def test_pictures_show_the_causes_that_there_are() -> None:
    """The transfer's and the conversion's colours are in the bars of a mapped program only."""
    transfer, mvm = (204, 121, 167), (0, 158, 115)

    def pixels(original: Comparison, colour: tuple[int, int, int]) -> int:
        return int((png(original)[1] == colour).all(axis=2).sum())

    for colour in (transfer, mvm):
        assert pixels(comparison(4), colour) > 2 * pixels(comparison(4, mapped=False), colour)


def test_nothing_is_cut_off_at_the_edges() -> None:
    for original in (comparison(1), comparison(40, long_names=True, random=True)):
        image = png(original)[1]
        edges = (image[:6], image[-6:], image[:, :6], image[:, -6:])
        assert all((edge == 255).all() for edge in edges)


def test_pictures_are_reproducible_and_take_hostile_names() -> None:
    hostile = renamed(comparison(), "$\\frac{1}{0$ \x1b [b]\n☃")
    assert draw_report(hostile) == draw_report(hostile)


def test_written_files(tmp_path: Path) -> None:
    original = comparison(6, random=True)
    files = write_report(original, tmp_path / "run")
    assert files == report_files(tmp_path / "run")
    assert sorted(path.name for path in (tmp_path / "run").iterdir()) == [
        "layers.csv",
        "manifest.json",
        "report.png",
        "result.json",
        "roofline.csv",
        "roofline.png",
    ]
    assert read_result(files.result) == original
    manifest = json.loads(files.manifest.read_text())
    assert manifest["weights"] == "random"
    assert manifest["config_hash"] == original.manifest.config_hash
    assert manifest["command"] == ["aimc", "run", "--model", "lenet5"]
    assert manifest["inputs"][0]["sha256"] == "0" * 64
    for name, digest in manifest["outputs_sha256"].items():
        data = (tmp_path / "run" / name).read_bytes()
        assert hashlib.sha256(data).hexdigest() == digest
    assert len(manifest["outputs_sha256"]) == 5
    for path in (files.layers, files.manifest, files.result):
        assert "random" in path.read_text()


def test_writing_again_gives_the_same_bytes(tmp_path: Path) -> None:
    def contents(folder: Path) -> Iterator[bytes]:
        for path in sorted(folder.iterdir()):
            yield path.read_bytes()

    write_report(comparison(), tmp_path)
    first = list(contents(tmp_path))
    write_report(comparison(), tmp_path)
    assert list(contents(tmp_path)) == first


def test_a_failing_report_leaves_the_earlier_one(tmp_path: Path) -> None:
    original = comparison()
    files = write_report(original, tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    broken = replace(original.digital, simulated_ns=float("inf"))
    with pytest.raises(StatsError):
        write_report(replace(original, digital=broken), tmp_path)
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before
    assert read_result(files.result) == original


def test_a_folder_that_cannot_be_written_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(HarnessError, match="cannot write"):
        write_report(comparison(), tmp_path / "file" / "run")
    assert (tmp_path / "file").read_text() == "x"


def test_reading_a_result_does_not_load_matplotlib(tmp_path: Path) -> None:
    """A run that is served from its folder must not pay for drawing."""
    files = write_report(comparison(), tmp_path)
    program = (
        "import sys; from pathlib import Path;"
        "from harness.report.result_file import read_result;"
        "from harness.report.terminal import format_report;"
        "from harness.report.write import report_files;"
        "print(format_report(read_result(Path(sys.argv[1]))));"
        "assert 'matplotlib' not in sys.modules and 'torch' not in sys.modules"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(files.result)],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[2],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )
    assert done.returncode == 0, done.stderr
    assert "Speed-up" in done.stdout


def test_a_third_program_stands_beside_the_others() -> None:
    original = with_fp32(comparison())
    text = format_report(original)
    total = next(line for line in text.splitlines() if line.startswith("fp32 "))
    assert "0.25x" in total
    assert "1.00x" in total
    assert "Within tolerance of the float reference: fp32 80 bytes" in " ".join(text.split())
    assert {row["program"] for row in rows(original)} == {"digital", "analog", "fp32"}
    assert draw_report(original) != draw_report(comparison())
