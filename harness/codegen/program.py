"""The C program of a plan: readable sources, linked-in arrays, expected outputs."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import jinja2
import numpy as np

from harness.atomic import atomic_write_bytes, atomic_write_text
from harness.codegen.blob import Blob
from harness.codegen.context import PlanContext
from harness.codegen.layers import translate
from harness.codegen.packing import Kernels
from harness.config.schema import TileConfig
from harness.errors import CodegenError
from harness.operators.kernel.layer import Layer
from harness.operators.tensor import FloatArray, Int8Array
from harness.placement.memory import ALIGN, SLACK, BufferPlan, plan_buffers
from harness.placement.plan import Plan
from harness.quant.program import QNetwork
from harness.resources import resource

PROGRAMMING_REGION: Final = 0
"""Region of the tiles' programming, before the first inference."""

_PROGRAMMING_PREFIX: Final = "program "  # no layer's name has a space
_FEATURE_NAMES: Final = {"dma": "AIMC_FEATURE_DMA", "pio": "0"}


@dataclass(frozen=True)
class GeneratedProgram:
    """Sources on disk and what the later stages must know of them.

    ``regions`` names every region; region i + 1 is node i of the network, and those after the last
    node are `reload_regions`.
    """

    sources: tuple[Path, ...]
    include_dirs: tuple[Path, ...]
    defines: Mapping[str, str]
    regions: Mapping[int, str]
    images: int
    compared_bytes: int


def reload_regions(plan: Plan) -> dict[str, tuple[int, str]]:
    """Of each reloaded layer number and name of the region in which its tiles are programmed."""
    first = len(plan.network.nodes) + 1
    reloaded = [layer.name for layer in plan.analog.values() if layer.reloaded]
    return {name: (first + i, f"{_PROGRAMMING_PREFIX}{name}") for i, name in enumerate(reloaded)}


def _sample_rows(values: Int8Array | FloatArray) -> tuple[bytes, int]:
    """Each sample on a cache line of its own with readable slack; data and stride in bytes."""
    count = values.shape[0]
    flat = np.ascontiguousarray(values).reshape(count, -1).view(np.int8)
    stride = -(-(flat.shape[1] + SLACK) // ALIGN) * ALIGN
    padded = np.zeros((count, stride), dtype=np.int8)
    padded[:, : flat.shape[1]] = flat
    return padded.tobytes(), stride


def _environment() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(resource("kernels/templates")),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,
    )


def _comment_name(name: str) -> str:
    """``name`` as it may stand in a C comment."""
    return re.sub(r"[^A-Za-z0-9_.-]", "_", name)


def _buffer_rows(
    network: QNetwork, plan: BufferPlan, names: Mapping[str, str]
) -> list[dict[str, object]]:
    """Name, offset and shape of every activation, in the order in which they are written."""
    order = {node.output: step for step, node in enumerate(network.nodes)}
    return [
        {
            "name": names[tensor],
            "offset": offset,
            "shape": " x ".join(str(size) for size in network.tensors[tensor].shape),
        }
        for tensor, offset in sorted(plan.offsets.items(), key=lambda item: order[item[0]])
    ]


def check_shapes(
    network: QNetwork, images: Int8Array | FloatArray, expected: Int8Array | FloatArray
) -> None:
    """Refuse images and outputs that are not the network's.

    Raises:
        CodegenError: Shapes do not fit.
    """
    wanted_in = network.tensors[network.input].shape
    wanted_out = network.tensors[network.output].shape
    if images.shape[1:] != wanted_in or expected.shape != (images.shape[0], *wanted_out):
        raise CodegenError(
            f"images {images.shape} and expected outputs {expected.shape} do not fit the "
            f"network's {wanted_in} to {wanted_out}",
            where=network.name,
        )


def buffer_names(network: QNetwork) -> dict[str, str]:
    """The C name of every activation, by tensor; inputs are read where they are linked in."""
    return {network.input: "image"} | {node.output: f"{node.name}_out" for node in network.nodes}


def generate(
    plan: Plan,
    tile: TileConfig,
    *,
    images: Int8Array,
    expected: Int8Array,
    warmup: int,
    kernels: Kernels,
    out_dir: Path,
) -> GeneratedProgram:
    """Write the program that runs ``images`` through ``plan`` and compares with ``expected``.

    Args:
        plan: The integer network and its analog layers; none of them: all-digital.
        tile: The tiles' geometry and how they are fed.
        images: int8 [n, h, w, c] or [n, c].
        expected: int8 [n, ...], the reference's outputs.
        warmup: Unmeasured inferences of the first image before the measured ones.
        kernels: Which implementation of the digital operators.
        out_dir: Folder of the sources; created.

    Raises:
        CodegenError: A layer has no kernel or no valid name, or shapes do not fit.
    """
    network = plan.network
    check_shapes(network, images, expected)
    blob = Blob()
    context = PlanContext(network.tensors, buffer_names(network), plan, tile, kernels, blob)
    layers = [translate(node, context) for node in network.nodes]
    values: dict[str, Any] = {
        "header": "aimc_ops.h",
        "analog_count": len(plan.analog),
        "tiles": plan.tiles_used,
        "tile": tile,
        "tile_features": _FEATURE_NAMES[tile.io],
        "reload_regions": {name: number for name, (number, _) in reload_regions(plan).items()},
    }
    regions = {PROGRAMMING_REGION: "programming"} if plan.tiles_used else {}
    return write_program(
        network,
        layers,
        blob,
        images=images,
        expected=expected,
        warmup=warmup,
        main_template="main.c.j2",
        values=values,
        regions=regions | dict(reload_regions(plan).values()),
        defines={"AIMC_REFERENCE_KERNELS": ""} if kernels == "reference" else {},
        out_dir=out_dir,
    )


def write_program(
    network: QNetwork,
    layers: Sequence[Layer],
    blob: Blob,
    *,
    images: Int8Array | FloatArray,
    expected: Int8Array | FloatArray,
    warmup: int,
    main_template: str,
    values: Mapping[str, Any],
    regions: Mapping[int, str],
    defines: Mapping[str, str],
    out_dir: Path,
) -> GeneratedProgram:
    """Write the sources of translated ``layers``, whatever the type of their activations.

    Args:
        layers: One a node, in order; their weights are in ``blob``.
        images, expected: Little-endian, of the activations' type.
        values: What the templates read beyond what every program has.
        regions: Beyond those of the layers.
    """
    buffer_plan = plan_buffers(network, images.itemsize)
    names = buffer_names(network)
    image_data, image_stride = _sample_rows(images)
    expected_data, output_stride = _sample_rows(expected)
    common = {
        "model": _comment_name(network.name),
        "layers": layers,
        "definitions": [part for layer in layers for part in layer.parts or (layer,)],
        "images": images.shape[0],
        "warmup": warmup,
        "image_stride": image_stride,
        "output_count": expected[0].size,
        "output_stride": output_stride,
        "arena_bytes": buffer_plan.arena_bytes,
        "scratch_bytes": max([layer.scratch_bytes for layer in layers] + [ALIGN]),
        "uses_scratch": any(", scratch)" in layer.call for layer in layers),
        "buffers": _buffer_rows(network, buffer_plan, names),
        "output": names[network.output],
    }
    all_regions = dict(regions) | {i: layer.name for i, layer in enumerate(layers, start=1)}
    _write_sources(
        out_dir, main_template, {**common, **values}, blob, image_data, expected_data, all_regions
    )
    return GeneratedProgram(
        sources=(out_dir / "main.c", out_dir / "weights.S"),
        include_dirs=(out_dir,),
        defines=defines,
        regions=all_regions,
        images=images.shape[0],
        compared_bytes=expected.nbytes,
    )


def _write_sources(
    out_dir: Path,
    main_template: str,
    values: Mapping[str, Any],
    blob: Blob,
    image_data: bytes,
    expected_data: bytes,
    regions: Mapping[int, str],
) -> None:
    """Write everything that `compile_program` and a reader of the program want."""
    environment = _environment()
    templates = {"main.c": main_template, "layers.h": "layers.h.j2", "weights.S": "weights.S.j2"}
    for name, template in templates.items():
        text = environment.get_template(template).render(values)
        atomic_write_text(out_dir / name, text)
    atomic_write_bytes(out_dir / "weights.bin", blob.data() or bytes(ALIGN))
    atomic_write_bytes(out_dir / "images.bin", image_data)
    atomic_write_bytes(out_dir / "expected.bin", expected_data)
    atomic_write_text(out_dir / "regions.json", json.dumps(regions, indent=2) + "\n")
