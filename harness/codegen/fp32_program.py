"""The fp32 baseline of a network as a C program."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness.codegen.blob import Blob
from harness.codegen.fp32_layers import FLOAT_BYTES, Fp32Context, translate_fp32
from harness.codegen.program import (
    GeneratedProgram,
    buffer_rows,
    comment_name,
    sample_rows,
    write_sources,
)
from harness.errors import CodegenError
from harness.placement.memory import ALIGN, plan_buffers
from harness.quant.program import FloatArray, QNetwork


def generate_fp32(
    network: QNetwork,
    bounds: Mapping[str, tuple[float, float]],
    *,
    images: FloatArray,
    expected: FloatArray,
    warmup: int,
    out_dir: Path,
) -> GeneratedProgram:
    """Write the program that runs ``images`` through the float network behind ``network``.

    The program counts an output as different if it is further from ``expected`` than the
    tolerance of `aimc_compare_fp32` (kernels/include/aimc_fp32_ops.h).

    Args:
        network: The integer network; its float weights are taken.
        bounds: The real bounds of every node's fused activation (`Step` of harness/quant/lower.py).
        images: float32 [n, h, w, c] or [n, c].
        expected: float32 [n, ...], the float reference's outputs, NHWC.
        warmup: Unmeasured inferences of the first image before the measured ones.
        out_dir: Folder of the sources; created.

    Raises:
        CodegenError: A layer has no fp32 kernel, or shapes do not fit.
    """
    count = images.shape[0]
    wanted = (network.tensors[network.input].shape, network.tensors[network.output].shape)
    if (images.shape[1:], expected.shape) != (wanted[0], (count, *wanted[1])):
        raise CodegenError(
            f"images {images.shape} and expected outputs {expected.shape} do not fit the "
            f"network's {wanted[0]} to {wanted[1]}",
            where=network.name,
        )
    blob = Blob()
    buffers = {network.input: "image"} | {n.output: f"{n.name}_out" for n in network.nodes}
    context = Fp32Context(network, bounds, blob, buffers)
    layers = [translate_fp32(node, context) for node in network.nodes]
    buffer_plan = plan_buffers(network, FLOAT_BYTES)
    image_data, image_stride = sample_rows(images.astype("<f4"))
    expected_data, output_stride = sample_rows(expected.astype("<f4"))
    values: dict[str, Any] = {
        "model": comment_name(network.name),
        "header": "aimc_fp32_ops.h",
        "layers": layers,
        "images": count,
        "warmup": warmup,
        "image_stride": image_stride,
        "output_count": expected[0].size,
        "output_stride": output_stride,
        "arena_bytes": buffer_plan.arena_bytes,
        "scratch_bytes": max([layer.scratch_bytes for layer in layers] + [ALIGN]),
        "uses_scratch": any(", scratch)" in layer.call for layer in layers),
        "buffers": buffer_rows(network, buffer_plan, buffers),
        "output": buffers[network.output],
    }
    regions = {index + 1: layer.name for index, layer in enumerate(layers)}
    write_sources(out_dir, "main_fp32.c.j2", values, blob, image_data, expected_data, regions)
    return GeneratedProgram(
        sources=(out_dir / "main.c", out_dir / "weights.S"),
        include_dirs=(out_dir,),
        defines={},
        regions=regions,
        images=count,
        compared_bytes=expected.size * FLOAT_BYTES,
    )
