"""The integer reference of a mapped network, which its program must reproduce byte for byte."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import TypeAlias

import numpy as np

from harness.config.schema import SystemConfig, TileConfig
from harness.errors import PlacementError
from harness.operators.backend.numpy_backend import NumpyInteger
from harness.operators.matrix import WeightedNode
from harness.operators.tensor import Int8Array, Int32Array
from harness.placement.analog import layer_patches
from harness.placement.plan import AnalogLayer, Block, Int16Array, Plan
from harness.quant.reference import Override, run_integer

MvmBatch: TypeAlias = Callable[..., Int16Array]
"""`harness._tile.mvm_batch`, or `harness.placement.tile_arithmetic.mvm`."""


def run_plan(
    plan: Plan,
    system: SystemConfig,
    inputs: Int8Array,
    *,
    first_epoch: int = 0,
    keep: Collection[str] | None = None,
    mvm: MvmBatch | None = None,
) -> dict[str, Int8Array]:
    """Run ``plan`` on ``inputs`` int8 [n, h, w, c] or [n, c].

    Image i runs in noise epoch ``first_epoch + i``.  On each tile, MVMs are numbered from 0 in the
    epoch, through all layers that the tile holds in it.  A layer's MVMs are in raster order of its
    output pixels, or of the pixels that the tile's copy computes.

    Args:
        keep: Tensors to return; None: all.
        mvm: The tile's arithmetic; None: the native module.

    Returns:
        Tensor name to int8 [n, ...].

    Raises:
        QuantError: The inputs have the wrong type or shape.
        PlacementError: The native module is missing.
    """
    overrides: dict[str, Override] = {}
    if plan.analog:
        convert = mvm or native_mvm()
        for node in plan.network.nodes:
            if node.name in plan.analog and isinstance(node, WeightedNode):
                layer = plan.analog[node.name]
                overrides[node.name] = _override(
                    node, layer, system.tile, first_epoch, convert, plan
                )
    return run_integer(plan.network, inputs, overrides, keep=keep)


def infer_plan(
    plan: Plan,
    system: SystemConfig,
    inputs: Int8Array,
    *,
    first_epoch: int = 0,
    batch: int = 16,
    tensor: str | None = None,
) -> Int8Array:
    """The outputs [n, ...] alone of `run_plan`, in batches of bounded memory.

    Args:
        tensor: Return this one instead of the output.
    """
    output = tensor or plan.network.output
    outputs = [
        run_plan(
            plan,
            system,
            inputs[start : start + batch],
            first_epoch=first_epoch + start,
            keep={output},
        )[output]
        for start in range(0, len(inputs), batch)
    ]
    if not outputs:
        return np.empty((0, *plan.network.tensors[output].shape), np.int8)
    return np.concatenate(outputs)


def native_mvm() -> MvmBatch:
    """The tile's arithmetic in C++.

    Raises:
        PlacementError: The package was installed without its native modules.
    """
    try:
        from harness._tile import mvm_batch
    except ImportError as error:
        raise PlacementError(
            "the native tile module cannot be loaded",
            where="harness._tile",
            hint="install the package with `pip install .`",
        ) from error
    return mvm_batch


def _override(
    node: WeightedNode,
    layer: AnalogLayer,
    tile: TileConfig,
    first_epoch: int,
    mvm: MvmBatch,
    plan: Plan,
) -> Override:
    shape = plan.network.tensors[node.output].shape

    def run(inputs: Int8Array) -> Int8Array:
        out = np.empty((len(inputs), *shape), np.int8)
        for index in range(len(inputs)):
            patches = layer_patches(node, inputs[index : index + 1])[0]
            acc = accumulate(layer, tile, patches, first_epoch + index, mvm)
            out[index] = NumpyInteger().requantize(acc, layer.requant).reshape(shape)
        return out

    return run


def accumulate(
    layer: AnalogLayer, tile: TileConfig, patches: Int8Array, epoch: int, mvm: MvmBatch
) -> Int32Array:
    """Summed codes and bias of one image's patches [pixels, K], int32 [pixels, N]."""
    total = np.zeros((len(patches), layer.columns), np.int32)
    for taken, blocks in layer.placed():
        for block in blocks:
            codes = _block_codes(block, tile, patches[taken], epoch, mvm)
            total[taken, block.n0 : block.n0 + block.columns] += codes
    return (total << 8) + layer.bias


def _block_codes(
    block: Block, tile: TileConfig, patches: Int8Array, epoch: int, mvm: MvmBatch
) -> Int16Array:
    rows = np.ascontiguousarray(patches[:, block.k0 : block.k0 + block.rows])
    return mvm(
        rows,
        block.conductance,
        block.adc_multiplier,
        block.adc_shift,
        epoch=epoch,
        first_mvm=block.first_mvm,
        adc_bits=tile.adc_bits,
        dac_bits=tile.dac_bits,
        noise=tile.noise,
        output_noise_lsb=tile.output_noise_lsb,
        read_noise_lsb=tile.read_noise_lsb,
        seed=tile.seed,
        tile=block.tile,
    )
