"""The fp32 baseline of a network as a C program."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from harness.codegen.blob import Blob
from harness.codegen.fp32_context import NetworkFp32Context
from harness.codegen.layers import translate_fp32
from harness.codegen.program import GeneratedProgram, buffer_names, check_shapes, write_program
from harness.operators.tensor import FloatArray
from harness.quant.program import QNetwork


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
        bounds: The real bounds of every node's fused activation.
        images: float32 [n, h, w, c] or [n, c].
        expected: float32 [n, ...], the float reference's outputs, NHWC.
        warmup: Unmeasured inferences of the first image before the measured ones.
        out_dir: Folder of the sources; created.

    Raises:
        CodegenError: A layer has no fp32 kernel, or shapes do not fit.
    """
    check_shapes(network, images, expected)
    blob = Blob()
    context = NetworkFp32Context(network.tensors, buffer_names(network), bounds, blob)
    layers = [translate_fp32(node, context) for node in network.nodes]
    return write_program(
        network,
        layers,
        blob,
        images=images.astype("<f4"),
        expected=expected.astype("<f4"),
        warmup=warmup,
        main_template="main_fp32.c.j2",
        values={"header": "aimc_fp32_ops.h"},
        regions={},
        defines={},
        out_dir=out_dir,
    )
