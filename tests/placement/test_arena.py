"""Offsets in the arena by hand."""

from __future__ import annotations

from harness.operators.clip import QClip
from harness.operators.integer_node import QTensor
from harness.placement.memory import ALIGN, BufferPlan, plan_buffers
from harness.quant.program import QNetwork


def network(inputs: dict[str, tuple[str, ...]], sizes: dict[str, int]) -> QNetwork:
    """Nodes in the order of ``inputs``, each named like its output; the last is the network's."""
    nodes = tuple(QClip(name, read, name, low=0, high=1) for name, read in inputs.items())
    tensors = {name: QTensor(name, (size,), 1.0) for name, size in sizes.items()}
    return QNetwork("net", "x", nodes[-1].output, nodes, tensors, True, None)  # type: ignore[arg-type]


def test_each_size_takes_whole_lines_and_the_slack() -> None:
    for size, taken in ((1, 128), (64, 128), (65, 192), (128, 192)):
        plan = plan_buffers(network({"y": ("x",)}, {"x": 1, "y": size}))
        assert plan == BufferPlan({"y": 0}, taken)
    assert plan_buffers(network({"y": ("x",)}, {"x": 1, "y": 65}), 4).arena_bytes == 384


def test_the_largest_goes_first_and_others_into_the_lowest_gap() -> None:
    sizes = {"x": 1, "a": 64, "b": 640, "c": 64, "d": 64, "e": 1}
    # a lives until c is written, b until d, c until e, d until e.
    inputs = {"a": ("x",), "b": ("a",), "c": ("a", "b"), "d": ("b",), "e": ("c", "d")}
    plan = plan_buffers(network(inputs, sizes))
    assert plan.offsets == {"b": 0, "a": 704, "c": 832, "d": 704, "e": 0}
    assert plan.arena_bytes == 960


def test_a_gap_that_just_fits_is_used() -> None:
    # While d lives a, b and c do not; e and f do, one of them above the gap.
    inputs = {"a": ("x",), "b": ("a",), "c": ("a", "b"), "d": ("c",), "e": ("b", "c", "d")}
    sizes = {"x": 1, "a": 192, "b": 128, "c": 64, "d": 192, "e": 1}
    plan = plan_buffers(network(inputs, sizes))
    assert plan.offsets == {"a": 0, "d": 0, "b": 256, "c": 448, "e": 576}
    assert plan.arena_bytes == 704


def test_a_tensor_that_nothing_reads_lives_while_it_is_written() -> None:
    inputs = {"a": ("x",), "unused": ("a",), "b": ("a",), "y": ("b",)}
    plan = plan_buffers(network(inputs, {"x": 1, "a": 1, "unused": 1, "b": 1, "y": 1}))
    assert plan.offsets == {"a": 0, "unused": 128, "b": 128, "y": 0}
    assert plan.arena_bytes == 256


def test_what_a_node_reads_is_apart_from_what_it_writes() -> None:
    for sizes, offsets in (((1, 640), {"b": 0, "a": 704}), ((640, 1), {"a": 0, "b": 704})):
        inputs = {"a": ("x",), "b": ("a",)}
        plan = plan_buffers(network(inputs, {"x": 1, "a": sizes[0], "b": sizes[1]}))
        assert plan == BufferPlan(offsets, 832)


def test_the_output_lives_to_the_end() -> None:
    inputs = {"y": ("x",), "a": ("y",), "b": ("a",)}
    kept = network(inputs, dict.fromkeys("xyab", 1))
    plan = plan_buffers(QNetwork("net", "x", "y", kept.nodes, kept.tensors, True, None))  # type: ignore[arg-type]
    assert plan.offsets == {"y": 0, "a": 128, "b": 256}


def test_a_network_without_nodes_has_an_arena() -> None:
    empty = QNetwork("net", "x", "x", (), {"x": QTensor("x", (3,), 1.0)}, True, None)  # type: ignore[arg-type]
    assert plan_buffers(empty) == BufferPlan({}, ALIGN)
