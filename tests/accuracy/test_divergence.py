"""The divergence that orders layers: against scipy, and what it must not depend on."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import rel_entr, softmax

from harness.accuracy.divergence import divergence_nats
from harness.accuracy.evaluate import Evaluator
from harness.accuracy.noise import with_noise
from harness.accuracy.task import load_task
from harness.config.load import load_loop_config
from harness.mapping.mapping import matrix_layers
from harness.quant.quantize import quantize_input
from harness.quant.reference import infer
from tests.accuracy.searches import run_config

LOGITS = np.random.default_rng(3).normal(0, 4, (2, 5, 7, 10)).astype(np.float32)


def test_against_scipy() -> None:
    reference, others = LOGITS[0, 0], LOGITS[1]
    exact = reference.astype(float), others.astype(float)
    expected = rel_entr(softmax(exact[0], axis=-1), softmax(exact[1], axis=-1))
    found = divergence_nats(reference, others)
    assert found.shape == (5, 7)
    np.testing.assert_allclose(found, expected.sum(axis=-1), rtol=1e-5)


def test_nothing_changes_nothing() -> None:
    assert np.all(divergence_nats(LOGITS[0, 0], LOGITS[0, 0] + 3.0) < 1e-6)
    huge = np.array([[0.0, 1e4]], np.float32)
    assert divergence_nats(huge, huge) == 0.0
    assert divergence_nats(huge, -huge) == pytest.approx(1e4)


def test_an_evaluation_compares_with_the_integer_network() -> None:
    """mlp with one layer analog: both numbers from the outputs of the integer references."""
    config, noise = run_config("mlp"), load_loop_config(noise="pcm").noise
    task = load_task(config)
    network, data = task.quantized(task.graph), task.validation.first(90)
    evaluator = Evaluator(
        network,
        data.images,
        data.labels,
        system=with_noise(config.system, noise),
        noise=noise,
        exact=True,
    )
    how = {"t_s": noise.t_eval_s, "repetitions": 3, "seed": 5}
    scale = network.tensors[network.output].scale
    digital = infer(network, quantize_input(data.images, network.tensors[network.input].scale))
    divergences = []
    for layer in matrix_layers(network):
        correct, nats = evaluator.compared([layer], **how)  # type: ignore[arg-type]
        assert np.array_equal(correct, evaluator.correct([layer], **how))  # type: ignore[arg-type]
        silent = evaluator.compared([], **how)[1]  # type: ignore[arg-type]
        assert np.all(silent == 0.0)
        first = evaluator.conductances([layer], t_s=noise.t_eval_s, seed=5, repetition=0)
        outputs = evaluator.outputs(first, seed=5)
        terms = rel_entr(softmax(digital * scale, axis=-1), softmax(outputs * scale, axis=-1))
        np.testing.assert_allclose(nats[0], terms.sum(axis=-1), rtol=1e-4, atol=1e-9)
        divergences.append(nats.mean())
    assert min(divergences) > 0
