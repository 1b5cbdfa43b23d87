"""The fp32 baseline: the float network that the integer one was quantized from, on the core."""

from __future__ import annotations

from pathlib import Path

from harness.codegen.fp32_context import FLOAT_BYTES
from harness.codegen.fp32_program import generate_fp32
from harness.codegen.program import GeneratedProgram
from harness.config.schema import Config
from harness.errors import PlacementError
from harness.model.classes import program_graph
from harness.operators.matrix import WeightedNode
from harness.pipeline.prepare import Prepared
from harness.placement.memory import plan_buffers
from harness.quant.float_reference import run_float, to_nhwc
from harness.quant.lower import lower


def build_fp32(prepared: Prepared, config: Config, folder: Path) -> GeneratedProgram:
    """Write the sources of the fp32 program with its images and the float reference's outputs.

    Raises:
        CodegenError: A layer has no fp32 kernel.
        PlacementError: The system's memory is too small for the float weights.
    """
    _check_memory(prepared, config)
    graph = program_graph(prepared.model.graph)
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


def _check_memory(prepared: Prepared, config: Config) -> None:
    network, memory = prepared.network, config.system.memory
    needed = plan_buffers(network, FLOAT_BYTES).arena_bytes + sum(
        node.weight_float.nbytes for node in network.nodes if isinstance(node, WeightedNode)
    )
    if needed > memory.size_mib << 20:
        raise PlacementError(
            f"fp32 weights and activations take {needed / 2**20:.0f} MiB, the memory has "
            f"{memory.size_mib} MiB",
            where=f"{network.name} on {config.system.name}",
            hint="raise system.memory.size_mib, or leave out run.fp32_baseline",
        )
