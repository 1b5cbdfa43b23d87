"""Mutates valid ONNX files, as bytes and as messages, and reads what comes of it.

    python -m tests.model.fuzz FIRST_SEED COUNT

Only ModelError may come out.  A file that is read after all must fold, and where
onnxruntime runs it too, give the same numbers.  Prints the seeds that fail; runs in bounded
memory.
"""

from __future__ import annotations

import random
import resource
import sys
import tempfile
import traceback
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from harness.errors import ModelError
from harness.model.export import to_onnx
from harness.model.fold import fold
from harness.model.onnx_constants import FOLDERS
from harness.model.onnx_reader import read_onnx
from harness.model.summary import summarize_model
from harness.operators.registry import onnx_readers
from tests.model.interpreter import evaluate
from tests.model.onnx_models import model, node, run_onnx, weights

MEMORY_BYTES = 6 << 30
_CHEAP_MACS = 10_000_000
_INTEGERS = [0, 1, -1, 2, 3, 5, 7, 13, 17, 255, 65536, 1 << 31, (1 << 31) - 1, 1 << 40, 1 << 62]
_REALS = [0.0, -1.0, 1e-30, 1e38, float("nan"), float("inf"), float("-inf"), 6.0]
_STRINGS = ["", "x", "y", "w", "../x", 'a"b', "\n", "\0", "SAME_UPPER", "VALID", "group", "axis"]
_OPERATORS = [*onnx_readers(), *FOLDERS, "Shape", "Tanh", "If", "QuantizeLinear"]


def corpus() -> list[onnx.ModelProto]:
    """Valid networks that between them use every operator."""
    image = model(
        [
            node("Sub", ["x", "mean"], "x0"),
            node("Pad", ["x0", "p"], "x1"),
            node("Conv", ["x1", "w", "b"], "c", kernel_shape=[3, 3], pads=[1, 0, 1, 0], group=2),
            node("BatchNormalization", ["c", "b", "b", "b", "v"], "n", epsilon=1e-3),
            node("Clip", ["n", "low", "high"], "r"),
            node("MaxPool", ["r"], "m", kernel_shape=[2, 2], strides=[2, 1], ceil_mode=1),
            node("AveragePool", ["r"], "a", kernel_shape=[2, 2], strides=[2, 1], pads=[0, 0, 1, 0]),
            node("Concat", ["m", "a"], "k", axis=1),
            node("Add", ["k", "k"], "s"),
            node("GlobalAveragePool", ["s"], "g"),
            node("Flatten", ["g"], "f", axis=1),
            node("Gemm", ["f", "h", "one"], "l", alpha=0.5, transB=1),
            node("Softmax", ["l"], axis=1),
        ],
        ["N", 4, 6, 5],
        {
            "mean": weights(4, 1, 1),
            "p": np.array([0, 0, 0, 1, 0, 0, 1, 1]),
            "w": weights(6, 2, 3, 3),
            "b": weights(6),
            "v": np.abs(weights(6)),
            "low": np.array(0.0, np.float32),
            "high": np.array(6.0, np.float32),
            "h": weights(3, 12),
            "one": weights(3),
        },
        opset=13,
    )
    chain = model(
        [
            node("Relu", ["x"], "r"),
            node("Shape", ["r"], "shape"),
            node("Constant", [], "zero", value_int=0),
            node("Gather", ["shape", "zero"], "batch", axis=0),
            node("Unsqueeze", ["batch", "axes"], "n"),
            node("Slice", ["shape", "one", "four"], "rest"),
            node("ReduceProd", ["rest"], "features", keepdims=1),
            node("Mul", ["features", "one"], "same"),
            node("Concat", ["n", "same"], "target", axis=0),
            node("Reshape", ["r", "target"], "f"),
            node("MatMul", ["f", "w"], "m"),
            node("Add", ["m", "b"], "s"),
            node("Unsqueeze", ["s", "axes"], "u"),
            node("Squeeze", ["u", "axes"], "q"),
            node("Dropout", ["q"], "d"),
            node("Identity", ["d"]),
        ],
        ["N", 2, 3, 4],
        {
            "one": np.array([1]),
            "four": np.array([4]),
            "axes": np.array([0]),
            "w": weights(24, 3),
            "b": weights(3),
        },
        opset=13,
    )
    old = model(
        [
            node("Conv", ["x", "w"], "c", auto_pad="SAME_LOWER", strides=[2, 2], dilations=[1, 1]),
            node("Clip", ["c"], "r", min=0.0, max=6.0),
            node("Sum", ["r", "c", "r"], "s"),
            node("ReduceMean", ["s"], "m", axes=[2, 3], keepdims=1),
            node("Transpose", ["m"], "t", perm=[0, 2, 3, 1]),
            node("Softmax", ["t"], axis=1),
        ],
        [1, 3, 7, 7],
        {"w": weights(4, 3, 2, 3)},
        opset=9,
    )
    # Weights as numbers of their own, not as raw bytes: another way into the decoder.
    tensor = old.graph.initializer[0]
    values = np.frombuffer(tensor.raw_data, np.float32)
    tensor.ClearField("raw_data")
    tensor.float_data.extend(values.tolist())
    return [image, chain, old]


def mutate(rng: random.Random, models: list[onnx.ModelProto]) -> bytes:
    """The bytes of a damaged model."""
    proto = onnx.ModelProto()
    proto.CopyFrom(rng.choice(models))
    if rng.random() < 0.7:
        for _ in range(rng.randint(1, 3)):
            _mutate_message(rng, proto)
    data = bytearray(proto.SerializeToString())
    if rng.random() < 0.4:
        for _ in range(rng.randint(1, 4)):
            _mutate_bytes(rng, data)
    return bytes(data)


def _mutate_bytes(rng: random.Random, data: bytearray) -> None:
    if not data:
        return
    place, length = rng.randrange(len(data)), rng.randint(1, 16)
    match rng.randrange(6):
        case 0:
            data[place] ^= 1 << rng.randrange(8)
        case 1:
            data[place] = rng.choice([0, 1, 0x7F, 0x80, 0xFF])
        case 2:
            del data[place : place + length]
        case 3:
            data[place:place] = data[place : place + length]
        case 4:
            data[place:place] = rng.randbytes(length)
        case 5:
            del data[place:]


def _messages(message: Message) -> list[Message]:
    found = [message]
    for field, value in message.ListFields():
        if field.message_type is not None:
            for part in value if field.is_repeated else [value]:
                found += _messages(part)
    return found


def _mutate_message(rng: random.Random, proto: onnx.ModelProto) -> None:
    every = _messages(proto)
    # Tensors' contents are large and dull: prefer nodes, attributes and shapes.
    message = rng.choice([m for m in every if not isinstance(m, onnx.TensorProto)] or every)
    if rng.random() < 0.2:
        message = rng.choice(every)
    fields = [field for field, _ in message.ListFields()]
    if not fields:
        fields = list(message.DESCRIPTOR.fields)
    field = rng.choice(fields)
    if isinstance(message, onnx.NodeProto) and rng.random() < 0.3:
        message.op_type = rng.choice(_OPERATORS)
    elif rng.random() < 0.1:
        message.ClearField(field.name)
    elif field.is_repeated:
        _mutate_repeated(rng, getattr(message, field.name), field, proto)
    elif field.message_type is None:
        old = getattr(message, field.name)
        setattr(message, field.name, _value(rng, field, old, proto))


def _mutate_repeated(
    rng: random.Random, values: list[object], field: FieldDescriptor, proto: onnx.ModelProto
) -> None:
    if not values:
        return
    place = rng.randrange(len(values))
    choice = rng.randrange(4)
    if choice == 0:
        del values[place]
    elif choice == 1:
        values.append(values[place])
    elif field.message_type is None and choice == 2:
        values[place] = _value(rng, field, values[place], proto)
    else:
        taken = list(values)
        rng.shuffle(taken)
        copies = [
            type(t).FromString(t.SerializeToString()) for t in taken if isinstance(t, Message)
        ]
        del values[:]
        values.extend(copies or taken)


def _value(
    rng: random.Random, field: FieldDescriptor, old: object, proto: onnx.ModelProto
) -> object:
    kinds = FieldDescriptor
    if field.cpp_type == kinds.CPPTYPE_STRING:
        names = [*_STRINGS, *(name for n in proto.graph.node for name in n.output)]
        text = rng.choice(names)
        return text.encode() if field.type == kinds.TYPE_BYTES else text
    if field.cpp_type in (kinds.CPPTYPE_FLOAT, kinds.CPPTYPE_DOUBLE):
        return rng.choice(_REALS)
    if field.cpp_type == kinds.CPPTYPE_ENUM:
        return rng.choice([value.number for value in field.enum_type.values])
    number = rng.choice([*_INTEGERS, int(old) + 1, int(old) - 1])  # type: ignore[call-overload]
    narrow = field.cpp_type in (kinds.CPPTYPE_INT32, kinds.CPPTYPE_UINT32)
    number = number % (1 << 31) if narrow else number
    return abs(number) if field.cpp_type == kinds.CPPTYPE_UINT64 else number


def read_one(data: bytes, folder: Path, *, compare: bool) -> str:
    """Read ``data``; returns "refused", "read" or "compared".

    Raises:
        AssertionError: The network that was read computes something else than onnxruntime.
    """
    path = folder / "net.onnx"
    path.write_bytes(data)
    try:
        graph = read_onnx(path)
        folded = fold(graph)
    except ModelError as error:
        text = str(error)
        assert len(text) < 100_000, "the message has no bounds"
        assert all(line.isprintable() for line in text.splitlines()), "the message is unsafe"
        return "refused"
    onnx.checker.check_model(to_onnx(folded))
    if not compare or summarize_model(graph).macs > _CHEAP_MACS:
        return "read"
    x = weights(*graph.shapes[graph.input], seed=1)
    try:
        expected = run_onnx(onnx.ModelProto.FromString(data), x)
    except Exception:  # noqa: BLE001  (whatever onnxruntime refuses is not ours to judge)
        return "read"
    scale = max(1.0, float(np.abs(expected).max()))
    for candidate in (graph, folded):
        with np.errstate(all="ignore"):
            actual = evaluate(candidate, x)
        if np.isfinite(actual).all() and np.isfinite(expected).all():
            difference = np.abs(actual.reshape(-1) - expected.reshape(-1)).max()
            assert difference <= 1e-4 * scale, f"differs from onnxruntime by {difference}"
    return "compared"


def main(first: int, count: int, report: Callable[[str], None] = print) -> int:
    """Fuzz with the seeds from ``first`` on; returns how many failed."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    models = corpus()
    tally: dict[str, int] = {}
    failures = 0
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(first, first + count):
            try:
                kind = read_one(mutate(random.Random(seed), models), Path(folder), compare=True)
                tally[kind] = tally.get(kind, 0) + 1
            except Exception:  # noqa: BLE001  (to be found and printed is what this is for)
                failures += 1
                report(f"seed {seed}:\n{traceback.format_exc()}")
    report(f"{count} cases: {failures} failed, {tally}")
    return failures


if __name__ == "__main__":
    sys.exit(1 if main(int(sys.argv[1]), int(sys.argv[2])) else 0)
