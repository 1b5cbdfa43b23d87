"""From a configuration to plans: model, samples, quantization, mapping and placement."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from harness.config.schema import Config
from harness.data.workloads import Workload, workload_for
from harness.mapping.resolve import resolve_mapping
from harness.mapping.weights import checkpoint_file
from harness.model.builtin import input_sizes
from harness.model.graph import Graph
from harness.model.load import load_model
from harness.model.names import is_onnx_path
from harness.model.summary import ModelSummary, summarize_model
from harness.pipeline.samples import Samples, load_samples
from harness.placement.footprint import check_memory
from harness.placement.place import place
from harness.placement.plan import Plan
from harness.quant.program import Int8Array, QNetwork
from harness.quant.quantize import quantize, quantize_input

_REFERENCE_MACS: Final = 20_000_000_000
"""Work spent on the reference's accuracy; about half a minute of one core."""


@dataclass(frozen=True, eq=False)
class LoadedModel:
    """The network as it came in."""

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
    run = config.run
    is_file = is_onnx_path(run.model)
    workload = None if is_file else workload_for(run.model)
    checkpoint = Path(run.checkpoint) if run.checkpoint is not None else None
    if checkpoint is None and run.mapping.endswith(".json"):
        checkpoint = checkpoint_file(Path(run.mapping), run.model)
    if checkpoint is None and workload is not None:
        own_size = input_sizes(run.model)[0]
        if run.input_size in (None, own_size):
            checkpoint = workload.checkpoint_path()
    graph = load_model(run.model, input_size=run.input_size, checkpoint=checkpoint, seed=run.seed)
    source = run.model if is_file else "built-in"
    return LoadedModel(graph, summarize_model(graph), workload, source, checkpoint)


def draw_samples(config: Config, model: LoadedModel) -> Samples:
    """Calibration samples and images; see `harness.pipeline.samples`."""
    affordable = _REFERENCE_MACS // max(1, model.summary.macs)
    samples = load_samples(
        model.graph, config.run, model.workload, reference_images=max(1, affordable)
    )
    batch = model.graph.file_batch
    if batch == 1:
        return samples
    note = f"one at a time, not {batch} as the network's file says"
    return replace(samples, statement=f"{samples.statement}; {note}")


def all_digital(network: QNetwork) -> Plan:
    """The plan without tiles."""
    return Plan(network=network, analog={}, tiles_used=0, kept_digital={})


def prepare(config: Config) -> Prepared:
    """Run every stage up to placement."""
    model = load(config)
    samples = draw_samples(config, model)
    network = quantize(model.graph, samples.calibration)
    digital = all_digital(network)
    check_memory(digital, config.system)
    mapped = map_network(config, network)
    return Prepared(
        model=model,
        samples=samples,
        network=network,
        images=quantize_input(samples.images, network.tensors[network.input].scale),
        digital=digital,
        mapped=mapped,
    )


def map_network(config: Config, network: QNetwork) -> Plan | None:
    """The mapped plan, or None if the mapping is all-digital."""
    if config.run.mapping == "digital":
        return None
    mapping = resolve_mapping(config.run.mapping, network)
    return place(network, mapping, config.system, config.run.placement)
