"""Speed of the accuracy evaluation against aihwkit's own forward pass, and whether they agree.

    python benchmarks/accuracy_speed.py [--dataset cifar10-jpeg.npz] [--threads 2]

ResNet-20 with every layer analog, a day after programming. Three implementations run in turn, each
over all images of a repetition, from programming the devices to the classes:

- ours: `harness.accuracy.evaluate.Evaluator`;
- aihwkit: the float network converted with `rpu_config`, programmed, drifted, evaluated;
- aihwkit, calibrated: its layers with our devices and converter ranges. Each layer is on one tile,
  since aihwkit divides rows at other places. It must give our accuracies on such tiles.

Without a dataset images are random, and labels are the digital network's classes.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from scipy import stats

from harness.accuracy.aihwkit_bridge import calibrated_rpu_config, rpu_config
from harness.accuracy.aihwkit_network import aihwkit_network, set_layers
from harness.accuracy.evaluate import Evaluator
from harness.accuracy.noise import with_noise
from harness.config.load import load_config, load_loop_config
from harness.data.workloads import workload_for
from harness.errors import DataError
from harness.mapping.mapping import matrix_layers
from harness.mapping.resolve import resolve_mapping
from harness.model.graph import Graph
from harness.model.load import load_model
from harness.operators.tensor import FloatArray
from harness.placement.place import place
from harness.quant.quantize import quantize, quantize_input
from harness.quant.reference import infer, top1
from harness.training.module import GraphModule

GOAL = 8.0
AIHWKIT_BATCH = 16  # none of 4, 8, 16 and 32 is faster by more than the noise of measuring
TALL_ROWS = 1024  # ResNet-20's largest matrix has 576
SEED = 1


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dataset", type=Path)
    parser.add_argument("--system", default="alpine-hp")
    parser.add_argument("--images", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=3, help="repetitions of each side")
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    return measure(
        arguments.dataset,
        arguments.system,
        arguments.images,
        arguments.rounds,
        arguments.threads,
    )


def measure(dataset: Path | None, system_name: str, images: int, rounds: int, threads: int) -> int:
    """Print speeds and agreement; 1 if the goal is missed or the sides disagree."""
    graph, calibration, inputs, labels = load(dataset, images)
    network = quantize(graph, calibration)
    if labels is None:
        codes = quantize_input(inputs, network.tensors[network.input].scale)
        labels = top1(infer(network, codes)).astype(np.int64)
    noise = load_loop_config(noise="pcm").noise
    system = with_noise(load_config(system=system_name).system, noise)
    analog = list(matrix_layers(network))
    ours = Evaluator(
        network, inputs, labels, system=system, noise=noise, threads=threads, device="cpu"
    )
    converted = aihwkit_network(graph, analog, rpu_config(system.tile, noise))
    tall = system.model_copy(update={"tile": system.tile.model_copy(update={"rows": TALL_ROWS})})
    uncut = Evaluator(network, inputs, labels, system=tall, noise=noise, threads=threads)
    calibrated = aihwkit_network(graph, analog, calibrated_rpu_config(tall.tile))
    mapping = resolve_mapping("analog", network)
    t_s = noise.t_eval_s

    def run_ours(seed: int) -> list[float]:
        return list(ours.accuracies(analog, t_s=t_s, repetitions=2, seed=seed).values)

    def run_converted(seed: int) -> list[float]:
        torch.manual_seed(seed)
        for module in converted.layers.values():
            for tile in module.analog_tiles() if hasattr(module, "analog_tiles") else ():
                tile.program_weights()
                tile.drift_weights(t_s)
        return [accuracy(converted, inputs, labels)]

    def run_calibrated(seed: int) -> list[float]:
        torch.manual_seed(seed)
        held = ours.conductances(analog, t_s=t_s, seed=seed, repetition=0)
        plan = place(network, replace(mapping, conductances=held), tall)
        set_layers(calibrated, network, plan.analog)
        return [accuracy(calibrated, inputs, labels)]

    sides: dict[str, Callable[[int], list[float]]] = {
        "ours": run_ours,
        "aihwkit": run_converted,
        "aihwkit, calibrated": run_calibrated,
    }
    torch.set_num_threads(threads)
    run_ours(0)  # the digital calibration is done once per network
    expected: list[float] = []
    rates: dict[str, list[float]] = {name: [] for name in sides}
    found: dict[str, list[float]] = {name: [] for name in sides}
    for seed in range(1, rounds + 1):  # in turn, so that other load affects all alike
        for name, run in sides.items():
            began = time.perf_counter()
            values = run(seed)
            rates[name].append(len(values) * len(inputs) / (time.perf_counter() - began))
            found[name] += values
        again = uncut.accuracies(analog, t_s=t_s, repetitions=1, seed=seed)
        expected += again.values
    print(f"{network.name}, {len(analog)} analog layers, {len(inputs)} images, {threads} threads")
    for name in sides:
        mean, deviation = np.mean(found[name]), np.std(found[name], ddof=1)
        print(
            f"  {name:20} {max(rates[name]):7.1f} images x repetitions/s (median "
            f"{np.median(rates[name]):.1f}), accuracy {100 * mean:.2f} +- {100 * deviation:.2f} %"
        )
    ratio = max(rates["ours"]) / max(rates["aihwkit"])
    print(f"  ours / aihwkit: {ratio:.1f} (goal {GOAL:g})")
    pairs = np.array(expected) - np.array(found["aihwkit, calibrated"])
    p = float(stats.ttest_1samp(pairs, 0.0).pvalue) if np.ptp(pairs) else float(not pairs.any())
    print(
        f"  ours on uncut tiles - aihwkit, calibrated, on the same devices: "
        f"{100 * pairs.mean():+.2f} points, p {p:.2f} (t test of {rounds} pairs; goal above 0.01)"
    )
    return 0 if ratio >= GOAL and p > 0.01 else 1


def load(
    dataset: Path | None, images: int
) -> tuple[Graph, FloatArray, FloatArray, np.ndarray | None]:
    """The trained network, calibration samples, images and, of a dataset, labels."""
    workload = workload_for("resnet20")
    assert workload is not None
    graph = load_model("resnet20", checkpoint=workload.checkpoint_path())
    try:
        splits = workload.load_splits(dataset)
    except DataError:
        if dataset is not None:
            raise
        rng = np.random.default_rng(SEED)
        drawn = rng.standard_normal((64 + images, 3, 32, 32), dtype=np.float32)
        return graph, drawn[:64], drawn[64:], None
    labels = splits.test.labels[:images].astype(np.int64)
    return graph, splits.calibration.images(0, 64), splits.test.images(0, images), labels


def accuracy(module: GraphModule, images: FloatArray, labels: np.ndarray) -> float:
    """Share of ``images`` that ``module`` classifies as labelled."""
    correct = 0
    with torch.inference_mode():
        for start in range(0, len(images), AIHWKIT_BATCH):
            part = slice(start, start + AIHWKIT_BATCH)
            classes = module(torch.from_numpy(images[part])).argmax(dim=1).numpy()
            correct += int((classes == labels[part]).sum())
    return correct / len(images)


if __name__ == "__main__":
    raise SystemExit(main())
