"""Which values of the integer network name the class, and ties of them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import QuantError
from harness.operators.log_softmax import LogSoftmax
from harness.operators.node import Node
from harness.operators.reshape import Reshape
from harness.operators.softmax import Softmax
from harness.quant.quantize import quantize, quantize_input
from harness.quant.reference import count_ties, infer, run_integer, score_tensor, top1
from tests.quant.networks import dense, graph_of

LOGITS = dense(np.random.default_rng(0), "logits", "x", 6, 5)
IMAGES = np.random.default_rng(1).normal(size=(4, 6)).astype(np.float32)


def test_the_values_before_a_final_softmax_decide() -> None:
    plain = quantize(graph_of([LOGITS], (1, 6)), IMAGES)
    assert score_tensor(plain) == plain.output == "logits"
    soft: list[Node] = [LOGITS, Softmax("soft", ("logits",), "soft")]
    view = Reshape("view", ("soft",), "view")
    for nodes, shapes in ((soft, {}), ([*soft, view], {"view": (1, 5, 1, 1)})):
        network = quantize(graph_of(nodes, (1, 6), shapes), IMAGES)
        assert score_tensor(network) == "logits"
        assert network.output == nodes[-1].name
        inputs = quantize_input(IMAGES, network.tensors["x"].scale)
        scores = run_integer(network, inputs)["logits"]
        np.testing.assert_array_equal(scores, infer(plain, inputs))


def test_a_final_log_softmax_is_left_out_and_another_is_refused() -> None:
    end = LogSoftmax("end", ("logits",), "end")
    network = quantize(graph_of([LOGITS, end], (1, 6)), IMAGES)
    plain = quantize(graph_of([LOGITS], (1, 6)), IMAGES)
    assert network.output == "logits"
    assert [node.name for node in network.nodes] == ["logits"]
    inputs = quantize_input(IMAGES, plain.tensors["x"].scale)
    np.testing.assert_array_equal(infer(network, inputs), infer(plain, inputs))
    inner = [LOGITS, end, Softmax("soft", ("end",), "soft")]
    with pytest.raises(QuantError, match="only as the last operator"):
        quantize(graph_of(inner, (1, 6)), IMAGES)


@given(st.lists(st.lists(st.integers(-128, 127), min_size=3, max_size=3), min_size=1, max_size=9))
def test_ties_are_counted_and_the_first_class_wins(rows: list[list[int]]) -> None:
    scores = np.array(rows, np.int8)
    assert count_ties(scores) == sum(row.count(max(row)) > 1 for row in rows)
    assert top1(scores).tolist() == [row.index(max(row)) for row in rows]
