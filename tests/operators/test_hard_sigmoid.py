"""HardSigmoid and HardSwish: against onnxruntime, fractions, torch, and as programs."""

from __future__ import annotations

import math
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from harness.codegen.fp32_program import generate_fp32
from harness.codegen.program import GeneratedProgram, generate
from harness.config.load import load_config
from harness.errors import ModelError
from harness.model.graph import Graph
from harness.operators.backend.numpy_backend import NumpyFloat, NumpyInteger
from harness.operators.backend.torch_backend import Arithmetic, TorchFloat, TorchInteger
from harness.operators.hard_sigmoid import HardSigmoid, HardSwish, QHardSigmoid
from harness.operators.quantization.step import Step, Surroundings
from harness.placement.plan import Plan
from harness.quant.float_reference import run_float, to_nhwc
from harness.quant.lower import lower
from harness.quant.quantize import quantize
from harness.quant.reference import infer
from harness.toolchain import compile_program
from tests.kernels.machine import Machine
from tests.model.onnx_models import check, model, node
from tests.quant.networks import graph_of, plain, samples

INT8 = np.arange(-128, 128)
SCALES = st.floats(1e-4, 10.0)
KINDS = (HardSigmoid("y", ("x",), "y", 0.3, -0.25), HardSwish("y", ("x",), "y"))


@pytest.mark.parametrize("shape", [["N", 3, 5, 7], ["N", 11]], ids=["map", "row"])
@pytest.mark.parametrize(
    ("op", "attributes", "kind"),
    [
        ("HardSigmoid", {}, HardSigmoid),
        ("HardSigmoid", {"alpha": 0.3, "beta": -0.25}, HardSigmoid),
        ("HardSwish", {}, HardSwish),
    ],
    ids=["default", "alpha_beta", "swish"],
)
def test_onnx(
    shape: list[str | int],
    op: str,
    attributes: dict[str, float],
    kind: type[HardSigmoid],
    tmp_path: Path,
) -> None:
    proto = model([node(op, ["x"], **attributes)], shape, opset=14)
    assert [type(found) for found in check(proto, tmp_path).nodes] == [kind]


def integer_form(float_node: HardSigmoid, scale: float, output_scale: float) -> QHardSigmoid:
    step = Step(float_node, ("x",), "y", "y", (1, 256))
    made = float_node.integer_form(step, Surroundings(((1, 256),), (scale,), output_scale))
    assert isinstance(made, QHardSigmoid)
    return made


@pytest.mark.parametrize("float_node", KINDS, ids=lambda made: made.kind)
@given(scale=SCALES, output_scale=SCALES)
def test_table_is_the_nearest(float_node: HardSigmoid, scale: float, output_scale: float) -> None:
    table = integer_form(float_node, scale, output_scale).table
    alpha, beta = Fraction(float_node.alpha), Fraction(float_node.beta)
    for value, entry in zip(INT8.tolist(), table.tolist(), strict=True):
        x = Fraction(scale) * value
        gate = max(Fraction(0), min(Fraction(1), alpha * x + beta))
        exact = (x * gate if float_node.kind == "HardSwish" else gate) / Fraction(output_scale)
        steps = max(Fraction(-128), min(Fraction(127), exact))
        # Half a step, and what doubles round.
        assert abs(entry - steps) <= Fraction(1, 2) + abs(exact) / 2**40 + Fraction(1, 2**40)


@pytest.mark.parametrize("float_node", KINDS, ids=lambda made: made.kind)
def test_numpy_and_torch(float_node: HardSigmoid) -> None:
    x = np.random.default_rng(1).normal(0, 4, (3, 5, 7, 2)).astype(np.float32)
    expected = float_node.compute(NumpyFloat(), [x], (1, 2, 5, 7), {})
    result = float_node.compute(TorchFloat(), [torch.from_numpy(x)], (1, 2, 5, 7), {})
    np.testing.assert_allclose(result.numpy(), expected, rtol=1e-6, atol=1e-7)
    made = integer_form(float_node, 0.05, 0.02)
    inputs = np.broadcast_to(INT8.astype(np.int8), (2, 256))
    how = Arithmetic(torch.device("cpu"), exact=True)
    in_numpy = made.compute(NumpyInteger(), [inputs], (256,))
    in_torch = made.compute(TorchInteger(how), [how.tensor(inputs)], (256,))
    assert in_numpy.dtype == np.int8
    assert in_numpy.tolist() == [made.table.tolist()] * 2
    assert np.array_equal(in_torch.numpy(), in_numpy)


def network() -> Graph:
    """`plain` with both in place of its ReLUs, on maps of odd sizes."""
    graph = plain(channels=19, size=13)
    swapped = {
        "first_relu": HardSwish("first_relu", ("first",), "first_relu"),
        "second_relu": HardSigmoid("second_relu", ("second",), "second_relu", 0.2, 0.5),
    }
    nodes = [swapped.get(found.name, found) for found in graph.nodes]
    views = {name: shape for name, shape in graph.shapes.items() if name == "flat"}
    return graph_of(nodes, graph.shapes[graph.input], views)


def exit_code(program: GeneratedProgram, folder: Path) -> int:
    """Of the program, which compares its own outputs with those it was made with."""
    elf = compile_program(
        program.sources,
        program.include_dirs,
        folder / "program.elf",
        defines=program.defines,
        cache_dir=folder / "cache",
    )
    return Machine(elf).run().exit_code


@pytest.mark.parametrize("kernels", ["ref", "neon"])
@pytest.mark.parametrize("wrong", [False, True], ids=["right", "wrong"])
def test_int8_program(kernels: Literal["ref", "neon"], wrong: bool, tmp_path: Path) -> None:
    graph = network()
    integer = quantize(graph, samples(graph, 4))
    images = integer.calibration_inputs[:2]
    program = generate(
        Plan(integer, {}, 0, {}),
        load_config(system="alpine-hp").system.tile,
        images=images,
        expected=infer(integer, images) + np.int8(wrong),
        warmup=0,
        kernels=kernels,
        out_dir=tmp_path / "src",
    )
    assert (exit_code(program, tmp_path) != 0) == wrong


def test_fp32_program(tmp_path: Path) -> None:
    graph = network()
    images = samples(graph, 2)
    program = generate_fp32(
        quantize(graph, images),
        {step.node.name: (step.low, step.high) for step in lower(graph).steps},
        images=to_nhwc(images),
        expected=to_nhwc(run_float(graph, images, keep=[graph.output])[graph.output]),
        warmup=1,
        out_dir=tmp_path / "src",
    )
    assert exit_code(program, tmp_path) == 0


@pytest.mark.parametrize("alpha", [math.inf, math.nan])
def test_infinite_parameters_are_refused(alpha: float) -> None:
    with pytest.raises(ModelError, match="must be finite"):
        replace(KINDS[0], alpha=alpha).output_shape([(1, 4)])
