"""The fp32 baseline program against the float reference, on a functional core."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from harness.codegen.fp32_program import generate_fp32
from harness.codegen.program import GeneratedProgram
from harness.errors import CodegenError
from harness.model.graph import Graph
from harness.operators.tensor import FloatArray
from harness.quant.float_reference import run_float, to_nhwc
from harness.quant.lower import lower
from harness.quant.quantize import quantize
from harness.toolchain import compile_program
from tests.kernels.machine import Machine, Outcome
from tests.quant.networks import branching, plain, samples


def without_softmax() -> Graph:
    graph = branching()
    return replace(graph, nodes=graph.nodes[:-1], output=graph.nodes[-2].output)


def expected_of(graph: Graph, images: FloatArray) -> FloatArray:
    return to_nhwc(run_float(graph, images, keep=[graph.output])[graph.output])


def generate(
    graph: Graph, images: FloatArray, expected: FloatArray, folder: Path
) -> GeneratedProgram:
    return generate_fp32(
        quantize(graph, images),
        {step.node.name: (step.low, step.high) for step in lower(graph).steps},
        images=to_nhwc(images),
        expected=expected,
        warmup=1,
        out_dir=folder,
    )


@pytest.fixture(scope="module", name="cache")
def _cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("toolchain")


def run(program: GeneratedProgram, folder: Path, cache: Path) -> Outcome:
    elf = compile_program(
        program.sources,
        program.include_dirs,
        folder / "program.elf",
        defines=program.defines,
        cache_dir=cache,
    )
    return Machine(elf).run()


@pytest.mark.parametrize(
    "graph",
    [without_softmax(), plain(), plain(channels=19, size=12), plain(channels=128, size=16)],
    ids=["branching", "plain", "odd_channels", "chunks"],
)
def test_outputs_agree_with_the_float_reference(graph: Graph, tmp_path: Path, cache: Path) -> None:
    images = samples(graph, 2)
    expected = expected_of(graph, images)
    program = generate(graph, images, expected, tmp_path / "src")
    outcome = run(program, tmp_path, cache)
    assert outcome.exit_code == 0, outcome.console
    assert f"prediction 1 {expected[1].argmax()}" in outcome.console
    # Rounding leaves less than a hundredth of the tolerance.
    largest = [line.split()[3] for line in outcome.console.splitlines() if "fp32:" in line]
    assert len(largest) == 2
    assert max(map(int, largest)) < 1000
    marked = [region for event, region in outcome.regions if event == "begin"]
    assert marked == 2 * list(program.regions)


def test_a_wrong_output_is_counted(tmp_path: Path, cache: Path) -> None:
    graph = plain()
    images = samples(graph, 1)
    expected = expected_of(graph, images)
    largest = np.abs(expected).max()
    expected[0, 3] += 0.0002 * largest
    expected[0, 5] -= 0.00005 * largest  # within the tolerance
    expected[0, 7] = np.nan
    outcome = run(generate(graph, images, expected, tmp_path / "src"), tmp_path, cache)
    assert outcome.exit_code == 2


def test_an_operator_without_a_kernel_is_refused(tmp_path: Path) -> None:
    graph = branching()
    images = samples(graph, 1)
    with pytest.raises(CodegenError, match="QSoftmax"):
        generate(graph, images, expected_of(graph, images), tmp_path / "src")


def test_images_of_another_shape_are_refused(tmp_path: Path) -> None:
    graph = plain()
    images = samples(graph, 2)
    with pytest.raises(CodegenError, match="do not fit"):
        generate(graph, images, expected_of(graph, images)[:1], tmp_path / "src")
