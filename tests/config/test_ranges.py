"""Every number of a configuration has a range, and at its ends a whole run gives finite numbers."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from pydantic.fields import FieldInfo

from harness.config.fields import Section, number_range
from harness.config.load import load_config, load_loop_config
from harness.config.loop_schema import LoopConfig
from harness.config.schema import Config
from harness.errors import ConfigError, HarnessError
from harness.model.export import to_onnx
from harness.operators.reshape import Reshape
from harness.pipeline.job import run_job
from harness.progress import Silent
from harness.report.picture import draw_report
from harness.stats.summary import ProgramSummary
from tests.quant.networks import conv, dense, graph_of, relu
from tests.report.comparisons import comparison


def numbers(root: type[Section], path: tuple[str, ...] = ()) -> Iterator[tuple[str, FieldInfo]]:
    """Every field of ``root`` that takes a number, by its key."""
    for name, field in root.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, Section):
            yield from numbers(kind, (*path, name))
        elif {int, float} & {getattr(k, "__origin__", k) for k in (kind, *get_args(kind))}:
            yield ".".join((*path, name)), field


NUMBERS = {key: field for root in (Config, LoopConfig) for key, field in numbers(root)}


def beyond(field: FieldInfo) -> tuple[float, float]:
    low, high = number_range(field)
    assert low is not None
    assert high is not None
    if isinstance(low, int):
        return low - 1, high + 1
    return math.nextafter(low, -math.inf), math.nextafter(high, math.inf)


def refusal(override: str) -> str:
    load = load_config if override.startswith(("system", "run")) else load_loop_config
    with pytest.raises(ConfigError) as caught:
        load(overrides=[override], **({"system": "alpine-hp"} if load is load_config else {}))
    return str(caught.value)


def test_there_are_as_many_numbers_as_there_are() -> None:
    assert len(NUMBERS) > 100
    for key in ("system.energy.core_leakage_mw", "search.confidence", "run.input_size"):
        assert key in NUMBERS


@pytest.mark.parametrize("key", NUMBERS)
def test_every_number_has_a_range(key: str) -> None:
    low, high = number_range(NUMBERS[key])
    assert low is not None
    assert high is not None
    assert -math.inf < low < high < math.inf


@pytest.mark.parametrize("key", NUMBERS)
def test_beyond_its_range_a_number_is_refused_with_it(key: str) -> None:
    for value in beyond(NUMBERS[key]):
        message = refusal(f"{key}={value!r}")
        assert key in message
        assert "is not in the range" in message


@pytest.mark.parametrize("text", [".inf", "-.inf", ".nan"])
@pytest.mark.parametrize("key", ["system.energy.l2_leakage_mw", "noise.drift_scale", "run.images"])
def test_numbers_are_finite(key: str, text: str) -> None:
    assert key in refusal(f"{key}={text}")


@pytest.mark.parametrize(
    ("override", "says"),
    [
        ("system.memory.refresh_ns=3901", "exceeds half of refresh_interval_ns"),
        ("system.memory.activate_ns=1000", "exceeds latency_ns"),
        ("system.energy.core_leakage_mw=1e308", "is not in the range 0 to 1e+09"),
        ("system.tile.crossbar_latency_ns=1e10", "is not in the range 0 to 1e+09"),
    ],
)
def test_what_is_impossible_says_why(override: str, says: str) -> None:
    assert says in refusal(override)


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Path:
    rng = np.random.default_rng(0)
    nodes = [
        conv(rng, "features", "x", (1, 4), (3, 3), pads=(0, 0, 0, 0)),
        relu("features_relu", "features"),
        Reshape("flat", ("features_relu",), "flat"),
        dense(rng, "logits", "flat", 16, 3),
    ]
    graph = graph_of(nodes, (1, 1, 4, 4), {"flat": (1, 16)})
    path = tmp_path_factory.mktemp("network") / "tiny.onnx"
    path.write_bytes(to_onnx(graph).SerializeToString())
    return path


def energies(value: float) -> list[str]:
    return [f"{key}={value!r}" for key in NUMBERS if key.startswith("system.energy.")]


LATENCIES = [
    f"system.tile.{part}_latency_ns=1e9" for part in ("dac", "crossbar", "adc", "program_row")
]
SLOW_MEMORY = [
    *("system.memory.latency_ns=1e6", "system.memory.bandwidth_gb_per_s=1e-3"),
    *("system.memory.same_bank_ns=1e6", "system.memory.turnaround_ns=1e6"),
]


@pytest.mark.parametrize(
    "overrides",
    [
        energies(1e9),
        energies(5e-324),
        [*LATENCIES, "system.tile.io=pio"],
        [*LATENCIES, "system.tile.io=dma", "system.attach.dma_bandwidth_gb_per_s=1e-3"],
        [*SLOW_MEMORY, "system.core.clock_ghz=10", "system.attach.load_latency_ns=1e4"],
    ],
    ids=["energies", "no energy", "latencies", "latencies by DMA", "memory"],
)
def test_a_run_at_the_ends_of_the_ranges_gives_finite_numbers(
    overrides: list[str], network: Path, tmp_path: Path
) -> None:
    config = load_config(system="alpine-hp", overrides=overrides, run={"model": str(network)})
    finished = run_job(config, tmp_path, command=("test",), progress=Silent())

    def refuse(constant: str) -> float:
        raise AssertionError(constant)

    json.loads((finished.folder / "result.json").read_text(), parse_constant=refuse)
    for name in ("layers.csv", "roofline.csv"):
        cells = [
            cell
            for row in csv.reader(io.StringIO((finished.folder / name).read_text()))
            for cell in row
        ]
        assert not {"nan", "inf", "-inf"} & set(cells)
    assert (finished.folder / "report.png").read_bytes().startswith(b"\x89PNG")


def test_without_any_energy_there_is_no_gain(network: Path, tmp_path: Path) -> None:
    run = {"model": str(network)}
    config = load_config(system="alpine-hp", overrides=energies(0.0), run=run)
    with pytest.raises(HarnessError, match="no ratio can be formed"):
        run_job(config, tmp_path, command=("test",), progress=Silent())
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


@pytest.mark.parametrize("factor", [1e-320, 1e290])
def test_energies_of_any_size_are_drawn(factor: float) -> None:
    def scaled(program: ProgramSummary) -> ProgramSummary:
        layers = [replace(layer, energy=layer.energy.scaled(factor)) for layer in program.layers]
        return replace(program, layers=tuple(layers))

    original = comparison()
    assert original.mapped is not None
    drawn = replace(original, digital=scaled(original.digital), mapped=scaled(original.mapped))
    assert draw_report(drawn).startswith(b"\x89PNG")
