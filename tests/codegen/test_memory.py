"""The activation arena: no two tensors that live together share a byte."""

from __future__ import annotations

from math import prod

from hypothesis import given
from hypothesis import strategies as st

from harness.operators.clip import QClip
from harness.operators.integer_node import QNode, QTensor
from harness.placement.memory import ALIGN, SLACK, plan_buffers
from harness.quant.program import QNetwork


@st.composite
def networks(draw: st.DrawFn) -> QNetwork:
    """Random graphs: each node reads one or two earlier tensors."""
    tensors = {"image": QTensor("image", (4, 4, 3), 1.0)}
    nodes: list[QNode] = []
    for index in range(draw(st.integers(1, 12))):
        earlier = list(tensors)
        inputs = tuple(draw(st.lists(st.sampled_from(earlier), min_size=1, max_size=2)))
        name = f"t{index}"
        shape = (draw(st.integers(1, 9)), draw(st.integers(1, 9)), draw(st.integers(1, 40)))
        tensors[name] = QTensor(name, shape, 1.0)
        nodes.append(QClip(f"n{index}", inputs, name, low=-128, high=127))
    output = nodes[-1].output
    return QNetwork("random", "image", output, tuple(nodes), tensors, True, None)  # type: ignore[arg-type]


def lifetimes(network: QNetwork) -> dict[str, tuple[int, int]]:
    """First writing and last reading step of each tensor, written out naively."""
    result = {}
    for step, node in enumerate(network.nodes):
        readers = [s for s, other in enumerate(network.nodes) if node.output in other.inputs]
        last = max([step, *readers])
        result[node.output] = (step, len(network.nodes) if node.output == network.output else last)
    return result


@given(networks())
def test_tensors_that_live_together_do_not_overlap(network: QNetwork) -> None:
    plan = plan_buffers(network)
    lives = lifetimes(network)
    assert set(plan.offsets) == set(lives)
    spans = {
        name: (offset, offset + prod(network.tensors[name].shape) + SLACK)
        for name, offset in plan.offsets.items()
    }
    for name, (begin, end) in spans.items():
        assert begin % ALIGN == 0
        assert end <= plan.arena_bytes
        for other, (other_begin, other_end) in spans.items():
            if other == name:
                continue
            together = lives[name][0] <= lives[other][1] and lives[other][0] <= lives[name][1]
            assert not together or end <= other_begin or other_end <= begin


def test_a_chain_needs_two_buffers() -> None:
    tensors = {f"t{i}": QTensor(f"t{i}", (64,), 1.0) for i in range(9)}
    nodes = tuple(QClip(f"n{i}", (f"t{i}",), f"t{i + 1}", low=0, high=1) for i in range(8))
    network = QNetwork("chain", "t0", "t8", nodes, tensors, True, None)  # type: ignore[arg-type]
    assert plan_buffers(network).arena_bytes == 2 * (64 + SLACK)
