"""What small files ask for: each is refused within the budget, and ImageNet networks are not.

Every group of inputs is read in a process of its own, under limits on its memory and time.
"""

from __future__ import annotations

import io
import json
import os
import pickle
import struct
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from PIL import Image

from harness.budget import (
    ARCHIVE_DIRECTORY_BYTES,
    CLASSES,
    MEMORY_BYTES,
    NODES,
    PICKLE_OPCODES,
    SECONDS,
)
from tests.model.onnx_models import model, node, save, weights
from tests.stress.corpus import elf_file

_LIGHT = Path(onnx.__file__).parent / "backend" / "test" / "data" / "light"

_READ = """
import json, resource, sys, time
from pathlib import Path
from aimc.cli.stage_commands import _read_regions
from harness.config.yaml_reader import read_yaml
from harness.data.cifar import open_python
from harness.data.images import decode_jpeg
from harness.data.npz import open_npz
from harness.engines.embedded.elf import read_program
from harness.errors import HarnessError
from harness.mapping.conductance_file import read_conductances
from harness.mapping.file_format import read_mapping_file
from harness.model.builtin import build
from harness.model.checkpoint import checkpoint_metadata, load_checkpoint
from harness.model.load import load_model
from harness.report.result_file import read_result
graph = build("mlp")
readers = {
    "onnx": lambda p: load_model(str(p)),
    "npz": open_npz,
    "cifar": open_python,
    "jpeg": lambda p: decode_jpeg(p.read_bytes(), str(p)),
    "checkpoint": lambda p: load_checkpoint(graph, p),
    "metadata": checkpoint_metadata,
    "conductances": lambda p: read_conductances([p], {"a": (2, 2)}),
    "mapping": read_mapping_file,
    "yaml": read_yaml,
    "result": read_result,
    "regions": _read_regions,
    "elf": read_program,
}
used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
limit = used + int(sys.argv[1])
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
for line in sys.stdin:
    reader, path = json.loads(line)
    end = int(time.process_time()) + 1 + int(sys.argv[2])
    resource.setrlimit(resource.RLIMIT_CPU, (end, resource.RLIM_INFINITY))
    try:
        readers[reader](Path(path))
        outcome = "read"
    except HarnessError as error:
        outcome = str(error)
    # Not ru_maxrss, which begins with that of the process that started this one.
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    peak = int(status["VmHWM"].split()[0]) * 1024
    print(json.dumps([outcome, peak]), flush=True)
"""


def read_all(inputs: list[tuple[str, Path]]) -> list[str]:
    """What reading each of ``inputs`` (reader, file) came to, within the budget."""
    done = subprocess.run(
        [sys.executable, "-c", _READ, str(MEMORY_BYTES), str(SECONDS)],
        input="".join(json.dumps([reader, str(path)]) + "\n" for reader, path in inputs),
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]  # -SIGXCPU: out of time
    outcomes = []
    for (reader, path), line in zip(inputs, done.stdout.splitlines(), strict=True):
        outcome, peak = json.loads(line)
        assert peak < MEMORY_BYTES, (reader, path, peak)
        outcomes.append(outcome)
    return outcomes


def _relus(count: int) -> onnx.ModelProto:
    nodes = [node("Relu", [f"a{i}" if i else "x"], f"a{i + 1}") for i in range(count)]
    return model(nodes, [1, 4], output=f"a{count}")


def _wide_initializer() -> onnx.ModelProto:
    proto = model([node("Conv", ["x", "w"])], [1, 3, 8, 8])
    tensor = TensorProto(name="w", data_type=1, dims=[0, 1 << 62, 3, 3], raw_data=b"")
    proto.graph.initializer.append(tensor)
    return proto


def test_networks_that_ask_for_too_much(tmp_path: Path) -> None:
    shape = np.array([1 << 14, 1 << 15])
    grown = [node("ConstantOfShape", ["s"], "k0")]
    grown += [node("Sqrt", [f"k{i}"], f"k{i + 1}") for i in range(40)]
    field = b"\x0a\x00" * (1 << 20)  # a million nodes of two bytes each
    length = helper.make_graph([], "", [], []).SerializeToString()
    graph = field + length
    header = b"\x08\x08\x3a" + _varint(len(graph))
    (tmp_path / "nodes.onnx").write_bytes(header + graph)
    numbers = b"\x3a" + _varint(20 << 20) + bytes(20 << 20)  # a list of 20 Mi int64 of 0
    tensor = b"\x2a" + _varint(len(numbers)) + numbers
    (tmp_path / "integers.onnx").write_bytes(b"\x08\x08\x3a" + _varint(len(tensor)) + tensor)
    cases = {
        "zero": (_wide_initializer(), "dimensions 0x4611686018427387904x3x3 take more than"),
        "image": (
            model([node("Relu", ["x"])], [1, 1, 20_000, 20_000]),
            "input x: shape 1x1x20000x20000 takes 1600000000 bytes as float32, more than",
        ),
        "inside": (
            model([node("Conv", ["x", "w"])], [1, 1, 512, 512], {"w": weights(4096, 1, 1, 1)}),
            "shape 1x4096x512x512 takes 4294967296 bytes as float32, more than",
        ),
        "together": (
            model(
                [
                    node("Concat", ["x"] * 16, "c0", axis=1),
                    *(node("Relu", [f"c{i}"], f"c{i + 1}") for i in range(40)),
                ],
                [1, 1, 1000, 1000],
                output="c40",
            ),
            "all tensors together take",
        ),
        "grown": (
            model([*grown, node("Gemm", ["x", "k40"])], [1, 1 << 14], {"s": shape}),
            "file and constants take more than",
        ),
        "chain": (_relus(NODES + 1), f"{NODES + 1} nodes are more than {NODES}"),
    }
    inputs = [("onnx", save(proto, tmp_path, f"{k}.onnx")) for k, (proto, _) in cases.items()]
    inputs += [("onnx", tmp_path / "nodes.onnx"), ("onnx", tmp_path / "integers.onnx")]
    expected = [message for _, message in cases.values()] + ["structure takes more than"] * 2
    for outcome, message in zip(read_all(inputs), expected, strict=True):
        assert message in outcome


def _varint(value: int) -> bytes:
    data = bytearray()
    while value > 0x7F:
        data.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*data, value])


def test_as_many_nodes_as_the_budget_has_are_read_in_time(tmp_path: Path) -> None:
    assert read_all([("onnx", save(_relus(NODES), tmp_path))]) == ["read"]


@pytest.mark.skipif(not _LIGHT.is_dir(), reason="this onnx comes without its test data")
def test_imagenet_networks_are_within_the_budget() -> None:
    """Those whose operators are known are read; of the others nothing but operators is said."""
    unknown = {"bvlc_alexnet": "LRN", "inception_v1": "LRN", "zfnet512": "LRN"}
    unknown["shufflenet"] = "Transpose"
    paths = sorted(_LIGHT.glob("light_*.onnx"))
    assert len(paths) == 9
    for path, outcome in zip(paths, read_all([("onnx", path) for path in paths]), strict=True):
        operator = unknown.get(path.stem.removeprefix("light_"))
        if operator is None:
            assert outcome == "read"
            continue
        nodes = [line for line in outcome.splitlines()[1:] if "hint:" not in line]
        assert nodes
        assert all(f"({operator}, " in line for line in nodes)


def _zip_bomb(path: Path) -> None:
    """One compressed member of 32 MiB that the archive lists 160 times: 5 GiB."""
    stream = io.BytesIO()
    array = io.BytesIO()
    np.save(array, np.zeros((32 << 20,), np.uint8))
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("images.npy", array.getvalue())
    data = stream.getvalue()
    start = data.index(b"PK\x01\x02")
    end = data.index(b"PK\x05\x06")
    entries = data[start:end] * 160
    counts = struct.pack("<HHI", 160, 160, len(entries))
    path.write_bytes(data[:start] + entries + data[end : end + 8] + counts + data[end + 16 :])


def _npz(path: Path, **arrays: np.ndarray) -> Path:
    np.savez_compressed(path, **arrays)
    return path


def _jpeg(scans: int, side: int = 16) -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (side, side)).save(stream, "JPEG", progressive=True)
    data = stream.getvalue()
    last = data.rindex(b"\xff\xda")
    return data[:last] + data[last:-2] * scans + data[-2:]


def test_datasets_that_unpack_to_too_much(tmp_path: Path) -> None:
    _zip_bomb(tmp_path / "bomb.npz")
    labels = np.zeros(2, np.int64)
    images = np.zeros((2, 4, 4), np.uint8)
    _npz(tmp_path / "classes.npz", images=images, labels=labels, classes=["a"] * 70_000)
    with zipfile.ZipFile(tmp_path / "members.npz", "w") as archive:
        for index in range(ARCHIVE_DIRECTORY_BYTES // 46 // 2):
            archive.writestr(f"{index:050}", b"")
    with zipfile.ZipFile(tmp_path / "bz2.npz", "w", zipfile.ZIP_BZIP2) as archive:
        archive.writestr("images.npy", b"x")
    (tmp_path / "scans.jpeg").write_bytes(_jpeg(100))
    wide = bytearray(_jpeg(1))
    place = wide.index(b"\xff\xc2") + 5
    wide[place : place + 4] = struct.pack(">HH", 9000, 9000)
    (tmp_path / "wide.jpeg").write_bytes(wide)
    expected = {
        "bomb.npz": "its arrays would take 5368",
        "classes.npz": f"classes are not a list of text but <U1 [70000]\n  hint: give one name per "
        f"class, at most {CLASSES}",
        "members.npz": "it lists too many members",
        "bz2.npz": "compressed otherwise than by deflate",
        "scans.jpeg": "the JPEG file passes over its image",
        "wide.jpeg": "the image is 9000x9000",
    }
    inputs = [("jpeg" if name.endswith("jpeg") else "npz", tmp_path / name) for name in expected]
    for outcome, message in zip(read_all(inputs), expected.values(), strict=True):
        assert message in outcome


def test_images_that_decode_to_too_much(tmp_path: Path) -> None:
    from harness.data.npz import open_npz
    from harness.errors import DataError

    one = _jpeg(1, side=2000)
    path = _npz(
        tmp_path / "jpegs.npz",
        train_jpeg=np.frombuffer(one * 80, np.uint8),
        train_offsets=np.arange(81, dtype=np.int64) * len(one),
        train_labels=np.zeros(80, np.int64),
    )
    with pytest.raises(DataError, match="80 images of 2000x2000 take 960000000 bytes decoded"):
        open_npz(path).train.store.read(np.arange(80))


def test_pickles_that_copy_and_collect(tmp_path: Path) -> None:
    """A text of a megabyte that is encoded thousands of times, and millions of containers."""
    text = b"X" + struct.pack("<I", 1 << 20) + b"a" * (1 << 20) + b"q\x00"
    encode = b"c_codecs\nencode\nq\x01"
    call = b"h\x01(h\x00X\x06\x00\x00\x00latin1tR"
    names = [*(f"data_batch_{index}" for index in range(1, 6)), "test_batch"]
    folders = {
        "copies": b"\x80\x02(" + text + encode + call * 9000 + b"l.",
        "containers": b"\x80\x02(" + b"}" * (PICKLE_OPCODES + 10) + b"l.",
    }
    for name, data in folders.items():
        (tmp_path / name).mkdir()
        for file in names:
            (tmp_path / name / file).write_bytes(data)
    copies, containers = read_all([("cifar", tmp_path / name) for name in folders])
    assert "it makes more than" in copies
    assert f"it has more than {PICKLE_OPCODES} steps" in containers


def test_real_batches_are_within_the_budget(tmp_path: Path) -> None:
    pixels = np.zeros((10_000, 3072), np.uint8)
    names = [b"a_file_name_of_cifar_%06d.png" % index for index in range(10_000)]
    labels = [index % 10 for index in range(10_000)]
    content = {b"data": pixels, b"labels": labels, b"filenames": names, b"batch_label": b"x"}
    data = pickle.dumps(content, protocol=2)
    for file in [*(f"data_batch_{index}" for index in range(1, 6)), "test_batch"]:
        (tmp_path / file).write_bytes(data)
    assert read_all([("cifar", tmp_path)]) == ["read"]


def test_text_that_nests_or_lists_too_much(tmp_path: Path) -> None:
    deep = "[" * 100_000
    aliases = "a: &a [x, x]\n" + "".join(
        f"{chr(98 + i)}: &{chr(98 + i)} [*{chr(97 + i)}, *{chr(97 + i)}]\n" for i in range(20)
    )
    header = json.dumps({f"t{i}": {} for i in range(200_000)}).encode()
    cases: list[tuple[str, str, bytes, str]] = [
        ("mapping", "deep", deep.encode(), "nested too deeply"),
        ("mapping", "object", b'{"a":' * 50_000, "nested too deeply"),
        ("mapping", "large", b" " * (5 << 20), "bytes are more than"),
        ("result", "deep", deep.encode(), "not valid JSON"),
        ("result", "lists", b"[" + b"[]," * (8 << 20), "bytes are more than"),
        ("regions", "deep", deep.encode(), "not a list of regions"),
        ("yaml", "deep", (" " + deep[:60_000]).encode(), "nested deeper than"),
        ("yaml", "aliases", aliases.encode(), "anchors"),
        ("yaml", "large", b"a" * (1 << 20), "bytes are more than"),
        ("checkpoint", "length", struct.pack("<Q", 1 << 50) + b"{}", "a list of tensors of"),
        ("checkpoint", "list", struct.pack("<Q", len(header)) + header, "a list of tensors of"),
        ("conductances", "list", struct.pack("<Q", len(header)) + header, "a list of tensors of"),
        ("metadata", "length", struct.pack("<Q", 1 << 62), "a list of tensors of"),
    ]
    inputs = []
    for reader, name, data, _ in cases:
        path = tmp_path / f"{reader}-{name}"
        path.write_bytes(data)
        inputs.append((reader, path))
    for outcome, (reader, name, _, message) in zip(read_all(inputs), cases, strict=True):
        assert message in outcome, (reader, name)


def _changed(data: bytes, place: int, layout: str, *values: int) -> bytes:
    return data[:place] + struct.pack(layout, *values) + data[place + struct.calcsize(layout) :]


def test_programs_that_load_too_much(tmp_path: Path) -> None:
    data = elf_file()
    sections = struct.unpack_from("<Q", data, 40)[0]
    segment = data[64:120]
    body = bytes(8 << 20)
    copies = 4000  # of one segment that loads all of the file
    whole = segment[:8] + struct.pack("<Q", 0) + segment[16:32]
    whole += struct.pack("<QQQ", len(body), len(body), 8)
    moved = _changed(data, 32, "<Q", len(data) + len(body))
    moved = _changed(moved, 56, "<H", copies)
    large = sections + 3 * 64  # the section with the names of symbols
    invented = _changed(data, large + 4, "<I", 8)  # of a type that has no bytes in the file
    cases = {
        "segments": (moved + body + whole * copies, "the file is truncated"),
        "invented names": (_changed(invented, large + 32, "<Q", 1 << 60), ""),
        "symbols": (_changed(data, sections + 2 * 64 + 32, "<Q", 24 << 40), "symbols"),
        "many sections": (_changed(data, 60, "<H", 60_000), "more than"),
    }
    inputs = []
    for name, (content, _) in cases.items():
        (tmp_path / name).write_bytes(content)
        inputs.append(("elf", tmp_path / name))
    for outcome, (_, message) in zip(read_all(inputs), cases.values(), strict=True):
        assert message in outcome
