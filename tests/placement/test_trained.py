"""Trained networks on real test images: what quantization and tiles cost in accuracy."""

from __future__ import annotations

import pytest

from harness.data.workloads import workload_for
from harness.mapping.resolve import resolve_mapping
from harness.model.load import load_model
from harness.placement.place import place
from harness.placement.reference import infer_plan
from harness.quant.float_reference import run_float
from harness.quant.quantize import quantize, quantize_input
from harness.quant.reference import infer, top1
from tests.placement.systems import system_with


@pytest.mark.parametrize("name", ["lenet5", "mlp"])
def test_digits(name: str) -> None:
    workload = workload_for(name)
    assert workload is not None
    graph = load_model(name, checkpoint=workload.checkpoint_path())
    assert not graph.random_weights
    splits = workload.load_splits()
    network = quantize(graph, splits.calibration.images()[:64])
    images, labels = splits.test.images(), splits.test.labels
    logits = run_float(graph, images, keep={graph.output})[graph.output]
    exact = logits.reshape(len(images), -1).argmax(axis=1)
    accuracy = (exact == labels).mean()
    assert accuracy > 0.9
    inputs = quantize_input(images, network.tensors[network.input].scale)
    assert (top1(infer(network, inputs)) == exact).mean() > 0.985
    mapping = resolve_mapping("analog", network)
    for tile, loss in (
        ({"adc_bits": 8}, 0.01),
        ({"adc_bits": 8, "noise": True, "output_noise_lsb": 0.635}, 0.02),
    ):
        system = system_with(rows=256, columns=256, **tile)
        plan = place(network, mapping, system)
        assert not plan.kept_digital
        predicted = top1(infer_plan(plan, system, inputs))
        assert (predicted == labels).mean() > accuracy - loss
    # With two bits of converter the network must fail: the tiles do compute it.
    system = system_with(rows=256, columns=256, adc_bits=2)
    predicted = top1(infer_plan(place(network, mapping, system), system, inputs))
    assert (predicted == labels).mean() < accuracy - 0.03
