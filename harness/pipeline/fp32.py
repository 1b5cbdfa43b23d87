"""The fp32 baseline: the float network that the integer one was quantized from, on the core."""

from __future__ import annotations

from pathlib import Path

from harness.codegen.fp32_program import generate_fp32
from harness.codegen.program import GeneratedProgram
from harness.config.schema import Config
from harness.pipeline.prepare import Prepared
from harness.quant.float_reference import run_float, to_nhwc
from harness.quant.lower import lower


def build_fp32(prepared: Prepared, config: Config, folder: Path) -> GeneratedProgram:
    """Write the sources of the fp32 program with its images and the float reference's outputs.

    Raises:
        CodegenError: A layer has no fp32 kernel.
    """
    graph = prepared.model.graph
    lowered = lower(graph)
    samples = prepared.samples.images[: config.run.images]
    expected = run_float(graph, samples, keep=[graph.output])[graph.output]
    return generate_fp32(
        prepared.network,
        {step.node.name: (step.low, step.high) for step in lowered.steps},
        images=to_nhwc(samples),
        expected=to_nhwc(expected),
        warmup=config.run.warmup,
        out_dir=folder / "src",
    )
