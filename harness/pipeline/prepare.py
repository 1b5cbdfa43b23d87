"""From a configuration to plans: model, samples, quantization, mapping and placement."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from harness.config.schema import Config, RunConfig
from harness.content import array_bytes, content_digest
from harness.data.workloads import FOLDER_VARIABLE, Workload, workload_for
from harness.file_digests import file_digest
from harness.mapping.checkpoint import checkpoint_file
from harness.mapping.resolve import resolve_mapping
from harness.model.builtin import input_sizes
from harness.model.graph import Graph
from harness.model.load import load_model
from harness.model.onnx_path import is_onnx_path
from harness.model.summary import ModelSummary, summarize_model
from harness.operators.tensor import Int8Array
from harness.pipeline.identity import inputs_of
from harness.pipeline.samples import Samples, load_samples
from harness.pipeline.savings import layer_savings, savings_key
from harness.pipeline.simulator import Simulator
from harness.placement.footprint import check_memory
from harness.placement.place import place
from harness.placement.plan import AnalogLayer, Plan
from harness.placement.saving import LayerSaving
from harness.quant.program import QNetwork
from harness.quant.quantize import quantize, quantize_input
from harness.recent import Recent

_REFERENCE_MACS: Final = 20_000_000_000
"""Work spent on the reference's accuracy; about half a minute of one core."""
_NETWORKS_BYTES: Final = 512 << 20
"""Arrays of the networks that a process remembers; of one that is larger, that one alone."""
_LAYERS_BYTES: Final = 256 << 20
"""The same for the analog layers of one network."""
_SAVINGS: Final = 64
"""Systems for which what the layers of one network save is remembered."""


@dataclass(frozen=True, eq=False)
class LoadedModel:
    """The network as read."""

    graph: Graph
    summary: ModelSummary
    workload: Workload | None
    source: str  # "built-in" or the file
    checkpoint: Path | None


@dataclass(frozen=True, eq=False)
class Prepared:
    """Everything before code generation."""

    model: LoadedModel
    samples: Samples
    network: QNetwork
    images: Int8Array  # quantized samples.images
    digital: Plan
    mapped: Plan | None  # None for the all-digital mapping


def load(config: Config) -> LoadedModel:
    """Read the network with its weights.

    A checkpoint that is named is used, else the one that the mapping names; both must fit.
    Without either, a built-in network of its own input size has the shipped one.
    """
    return _load(_seen_by_quantization(config.run))


def draw_samples(config: Config, model: LoadedModel) -> Samples:
    """Calibration samples and images; see `harness.pipeline.samples`."""
    return _draw_samples(_seen_by_quantization(config.run), model)


def _load(run: RunConfig) -> LoadedModel:
    is_file = is_onnx_path(run.model)
    workload = None if is_file else workload_for(run.model)
    checkpoint = Path(run.checkpoint) if run.checkpoint is not None else None
    if checkpoint is None and workload is not None:
        own_size = input_sizes(run.model)[0]
        if run.input_size in (None, own_size):
            checkpoint = workload.checkpoint_path()
    graph = load_model(run.model, input_size=run.input_size, checkpoint=checkpoint, seed=run.seed)
    source = run.model if is_file else "built-in"
    return LoadedModel(graph, summarize_model(graph), workload, source, checkpoint)


def _draw_samples(run: RunConfig, model: LoadedModel) -> Samples:
    affordable = _REFERENCE_MACS // max(1, model.summary.macs)
    samples = load_samples(model.graph, run, model.workload, reference_images=max(1, affordable))
    batch = model.graph.file_batch
    if batch == 1:
        return samples
    note = f"one at a time, not {batch} as the network's file says"
    return replace(samples, statement=f"{samples.statement}; {note}")


def all_digital(network: QNetwork) -> Plan:
    """The plan without tiles."""
    return Plan(network=network, analog={}, tiles_used=0, kept_digital={})


def prepare(config: Config, simulator: Simulator | None = None) -> Prepared:
    """Run every stage up to placement.

    Networks that this process has quantized lately are remembered, by the content of what they
    are made from; so are their analog layers.

    Args:
        simulator: Simulates what layers save, if there are too few tiles for all.
    """
    quantized = _quantized(config.run)
    check_memory(quantized.digital, config.system)
    return Prepared(
        model=quantized.model,
        samples=quantized.samples,
        network=quantized.digital.network,
        images=quantized.images,
        digital=quantized.digital,
        mapped=_map_network(config, quantized, simulator or Simulator()),
    )


@dataclass(frozen=True, eq=False)
class _Quantized:
    """A network with what was made of it: analog layers, and what they save, each by its key."""

    model: LoadedModel
    samples: Samples
    images: Int8Array
    digital: Plan
    layers: Recent[AnalogLayer]
    savings: Recent[Mapping[str, LayerSaving]]


_QUANTIZED: Final[Recent[_Quantized]] = Recent(
    _NETWORKS_BYTES,
    lambda made: array_bytes(made.model.graph, made.samples, made.digital, made.images),
)


def _quantized(run: RunConfig) -> _Quantized:
    """The quantized network of ``run``, made now or earlier in this process."""
    seen = _seen_by_quantization(run)
    workload = None if is_onnx_path(run.model) else workload_for(run.model)
    shipped = None if workload is None else workload.checkpoint_path()
    key = content_digest(
        seen.model_dump(mode="json"),
        inputs_of(seen),
        None if shipped is None else file_digest(shipped),
        os.environ.get(FOLDER_VARIABLE),
    )
    return _QUANTIZED.get(key, lambda: _quantize(seen))


def _seen_by_quantization(run: RunConfig) -> RunConfig:
    """``run`` with fixed values for all settings that quantization does not depend on.

    The network is loaded and quantized for the result, so that no other setting can influence it.
    """
    checkpoint = run.checkpoint
    if checkpoint is None and run.mapping.endswith(".json"):
        named = checkpoint_file(Path(run.mapping), run.model)
        checkpoint = None if named is None else str(named)
    unseen = {
        "mapping": "digital",
        "warmup": 0,
        "kernels": "neon",
        "fp32_baseline": False,
        "timeout_s": 1.0,
        "engine": "embedded",
        "fast_forward": None,
        "placement": "resident",
    }
    return run.model_copy(update={**unseen, "checkpoint": checkpoint})


def _quantize(run: RunConfig) -> _Quantized:
    model = _load(run)
    samples = _draw_samples(run, model)
    network = quantize(model.graph, samples.calibration)
    return _Quantized(
        model=model,
        samples=samples,
        images=quantize_input(samples.images, network.tensors[network.input].scale),
        digital=all_digital(network),
        layers=Recent(_LAYERS_BYTES, array_bytes),
        savings=Recent(_SAVINGS),
    )


def _map_network(config: Config, quantized: _Quantized, simulator: Simulator) -> Plan | None:
    """The mapped plan, or None if the mapping is all-digital."""
    if config.run.mapping == "digital":
        return None
    digital = quantized.digital
    mapping = resolve_mapping(config.run.mapping, digital.network)
    stage = simulator.progress.stage

    def simulated() -> Mapping[str, LayerSaving]:
        stage("too few tiles for all layers: simulating what each saves")
        return layer_savings(
            digital,
            mapping,
            config,
            quantized.images[:1],
            simulator,
            lambda what: stage(f"simulating {what}"),
            quantized.layers.get,
        )

    def savings() -> Mapping[str, LayerSaving]:
        return quantized.savings.get(savings_key(mapping, config, simulator), simulated)

    return place(
        digital.network,
        mapping,
        config.system,
        savings,
        quantized.layers.get,
        policy=config.run.placement,
    )
