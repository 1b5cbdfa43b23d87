"""A reader of each kind with what it accepts: valid inputs, how to damage them, how to read them.

`reader` makes the inputs; each call of a reader damages one and reads it, which may raise
`HarnessError` only.
"""

from __future__ import annotations

import contextlib
import importlib.util
import io
import json
import pickle
import random
import struct
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import onnx
from onnx import TensorProto
from PIL import Image
from pydantic import ValidationError
from safetensors.numpy import save as save_tensors

from aimc.cli.stage_commands import _read_regions
from harness.accuracy.accuracy_drop import Measured
from harness.accuracy.state import (
    STATE_FILE,
    Attempt,
    FloatCorrect,
    Measurement,
    Saving,
    SearchState,
    StateFolder,
    Trial,
    Weights,
)
from harness.budget import YAML_BYTES
from harness.checksums import CHECKSUMS_FILE, damage
from harness.config.load import config_from_yaml, config_to_yaml, load_config
from harness.config.overrides import parse_overrides
from harness.config.preset_files import PRESETS, read_preset
from harness.data.cifar import open_binary, open_python
from harness.data.images import Dataset
from harness.data.npz import open_npz, read_npz_arrays
from harness.engines.embedded.elf import read_program
from harness.mapping.checkpoint import checkpoint_file
from harness.mapping.conductance_file import (
    conductance_files,
    read_conductances,
    write_conductances,
)
from harness.mapping.file_format import read_mapping_file
from harness.model.builtin import build
from harness.model.checkpoint import checkpoint_metadata, load_checkpoint, save_checkpoint
from harness.model.fold import fold
from harness.model.onnx_external import external_files
from harness.model.onnx_reader import read_onnx
from harness.report.result_file import digest, read_result, result_text
from tests.model.fuzz import corpus as onnx_corpus
from tests.model.fuzz import mutate as damage_onnx
from tests.report.comparisons import comparison
from tests.stress.mutate import damage_bytes, damage_document, damage_json, damage_text, json_bytes

_CIFAR_FILES = (*(f"data_batch_{index}" for index in range(1, 6)), "test_batch")


Reader: TypeAlias = Callable[[random.Random], None]
"""Damages an input and reads it."""


def shares() -> dict[str, int]:
    """The readers' names, each with its share of all inputs."""
    return {name: share for name, (_, share) in _readers().items()}


def reader(name: str, folder: Path) -> Reader:
    """The reader ``name``, with its valid inputs in ``folder``."""
    make, _ = _readers()[name]
    folder.mkdir(parents=True)
    return make(folder)


def _readers() -> Mapping[str, tuple[Callable[[Path], Reader], int]]:
    makers: dict[str, tuple[Callable[[Path], Reader], int]] = {
        "onnx": (_onnx, 2),
        "onnx external data": (_external, 1),
        "npz": (_npz, 3),
        "jpeg": (_jpeg, 1),
        "cifar binary": (_cifar_binary, 1),
        "cifar python": (_cifar_python, 3),
        "checkpoint": (_checkpoint, 2),
        "conductances": (_conductances, 2),
        "mapping": (_mapping, 2),
        "configuration": (_configuration, 1),
        "preset": (_preset, 1),
        "override": (_override, 1),
        "search state": (_state, 2),
        "result": (_result, 2),
        "regions": (_regions, 1),
        "checksums": (_checksums, 1),
        "elf": (_elf, 3),
    }
    if importlib.util.find_spec("torch") is not None:
        makers["search summary"] = (_summary, 1)
    return makers


def _use(dataset: Dataset) -> None:
    for images in (dataset.train, dataset.test):
        if images is not None and len(images):
            images.store.read(np.arange(min(2, len(images)), dtype=np.int64))


def _onnx(folder: Path) -> Reader:
    models, path = onnx_corpus(), folder / "net.onnx"

    def attempt(rng: random.Random) -> None:
        path.write_bytes(damage_onnx(rng, models))
        fold(read_onnx(path, input_size=rng.choice((None, None, None, 8))))

    return attempt


def _external(folder: Path) -> Reader:
    models, path = onnx_corpus(), folder / "net.onnx"
    content = b""
    for proto in models:
        for tensor in proto.graph.initializer:
            data = tensor.raw_data
            tensor.ClearField("raw_data")
            tensor.ClearField("float_data")
            tensor.data_location = TensorProto.EXTERNAL
            entries = {"location": "w.bin", "offset": str(len(content)), "length": str(len(data))}
            for key, value in entries.items():
                tensor.external_data.add(key=key, value=value)
            content += data

    def attempt(rng: random.Random) -> None:
        data = content if rng.random() < 0.5 else damage_bytes(rng, content)
        (folder / "w.bin").write_bytes(data)
        proto = onnx.ModelProto()
        proto.CopyFrom(rng.choice(models))
        entries = [e for t in proto.graph.initializer for e in t.external_data]
        for entry in rng.sample(entries, rng.randint(0, 2)):
            entry.value = damage_text(rng, entry.value)
        encoded = proto.SerializeToString()
        path.write_bytes(damage_bytes(rng, encoded) if rng.random() < 0.4 else encoded)
        external_files(path, path.read_bytes())
        fold(read_onnx(path))

    return attempt


def _npy(array: np.ndarray[Any, Any]) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def _zipped(members: Mapping[str, bytes], method: int) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as archive:
        for name, data in members.items():
            archive.writestr(f"{name}.npy", data)
    return stream.getvalue()


def _jpegs() -> list[bytes]:
    found = []
    for progressive in (False, True):
        stream = io.BytesIO()
        pixels = np.random.default_rng(1).integers(0, 256, (16, 16, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(stream, "JPEG", progressive=progressive)
        found.append(stream.getvalue())
    return found


def _npz(folder: Path) -> Reader:
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (4, 6, 6, 3), dtype=np.uint8)
    labels = np.arange(4, dtype=np.int64)
    files = _jpegs()
    offsets = np.cumsum([0, *map(len, files)]).astype(np.int64)
    packed = np.frombuffer(b"".join(files), np.uint8)
    corpus = [
        {"images": _npy(images), "labels": _npy(labels)},
        {"x_train": _npy(images), "y_train": _npy(labels[:, None])},
        {"images": _npy(rng.normal(size=(4, 1, 6, 6)).astype(np.float32)), "labels": _npy(labels)},
        {
            "train_jpeg": _npy(packed),
            "train_offsets": _npy(offsets),
            "train_labels": _npy(labels[:2]),
            "classes": _npy(np.array(["a", "b"])),
        },
    ]
    path = folder / "data.npz"

    def attempt(rng: random.Random) -> None:
        members = dict(rng.choice(corpus))
        if rng.random() < 0.6:
            name = rng.choice(list(members))
            members[name] = damage_bytes(rng, members[name])
        method = rng.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED))
        data = _zipped(members, method)
        path.write_bytes(damage_bytes(rng, data) if rng.random() < 0.5 else data)
        read_npz_arrays(path)
        _use(open_npz(path))

    return attempt


def _jpeg(folder: Path) -> Reader:
    from harness.data.images import decode_jpeg

    files = _jpegs()

    def attempt(rng: random.Random) -> None:
        decode_jpeg(damage_bytes(rng, rng.choice(files)), str(folder))

    return attempt


def _batches() -> list[tuple[np.ndarray[Any, Any], list[int]]]:
    rng = np.random.default_rng(0)
    return [(rng.integers(0, 256, (2, 3072), dtype=np.uint8), [0, 9]) for _ in _CIFAR_FILES]


def _cifar_binary(folder: Path) -> Reader:
    files = {
        f"{name}.bin": b"".join(
            bytes([label]) + image.tobytes() for label, image in zip(labels, pixels, strict=True)
        )
        for name, (pixels, labels) in zip(_CIFAR_FILES, _batches(), strict=True)
    }
    return _cifar(folder, files, open_binary)


def _cifar_python(folder: Path) -> Reader:
    files = {}
    for index, (name, (pixels, labels)) in enumerate(zip(_CIFAR_FILES, _batches(), strict=True)):
        content = {b"batch_label": b"x", b"labels": labels, b"data": pixels, b"filenames": [b"a"]}
        files[name] = pickle.dumps(content, protocol=index % 5)
    opcodes = [opcode.code.encode("latin-1") for opcode in _opcodes()]
    return _cifar(folder, files, open_python, opcodes)


def _opcodes() -> list[Any]:
    import pickletools

    return list(pickletools.opcodes)


def _cifar(
    folder: Path,
    files: Mapping[str, bytes],
    open_: Callable[[Path], Dataset],
    pieces: list[bytes] | None = None,
) -> Reader:
    for name, data in files.items():
        (folder / name).write_bytes(data)

    def attempt(rng: random.Random) -> None:
        name = rng.choice(list(files))
        data = bytearray(files[name])
        for _ in range(rng.randint(0, 3) if pieces else 0):  # in the structure, not the pixels
            place = rng.choice((rng.randrange(200), len(data) - rng.randrange(200)))
            data[place:place] = rng.choice(pieces or [b""]) * rng.choice((1, 1, 3, 40))
        (folder / name).write_bytes(damage_bytes(rng, bytes(data)))
        try:
            _use(open_(folder))
        finally:
            (folder / name).write_bytes(files[name])

    return attempt


def _tensors_file(rng: random.Random, data: bytes) -> bytes:
    """A damaged safetensors file: its list of tensors, its bytes, or both."""
    length = int.from_bytes(data[:8], "little")
    if rng.random() < 0.6:
        header = damage_json(rng, json.loads(data[8 : 8 + length]))
        data = len(header).to_bytes(8, "little") + header + data[8 + length :]
    return damage_bytes(rng, data) if rng.random() < 0.5 else data


def _checkpoint(folder: Path) -> Reader:
    graph = build("lenet5")
    path = folder / "weights.safetensors"
    corpus = []
    for dtype in ("int8", "float16"):
        save_checkpoint(graph, path, dtype=dtype, metadata={"dataset": "digits"})
        corpus.append(path.read_bytes())

    def attempt(rng: random.Random) -> None:
        path.write_bytes(_tensors_file(rng, rng.choice(corpus)))
        checkpoint_metadata(path)
        load_checkpoint(graph, path)

    return attempt


def _conductances(folder: Path) -> Reader:
    rng = np.random.default_rng(0)
    matrices = {"a": (6, 4), "b": (3, 5)}
    weights = {name: rng.normal(size=s).astype(np.float32) for name, s in matrices.items()}
    path = folder / "c.safetensors"
    write_conductances(path, weights)
    corpus = [path.read_bytes(), save_tensors(weights)]

    def attempt(rng: random.Random) -> None:
        path.write_bytes(_tensors_file(rng, rng.choice(corpus)))
        read_conductances([path], matrices)

    return attempt


def _mapping(folder: Path) -> Reader:
    path = folder / "mapping.json"
    (folder / "c.safetensors").write_bytes(b"")
    document = {
        "format": "aimc-mapping",
        "version": 1,
        "model": "lenet5",
        "graph_sha256": "0" * 64,
        "layers": {"conv1": "analog", "fc1": "digital"},
        "conductances": ["c.safetensors"],
        "checkpoint": "c.safetensors",
        "provenance": {"a": [1, 2.5, {"b": None}]},
    }

    def attempt(rng: random.Random) -> None:
        path.write_bytes(damage_json(rng, document))
        read_mapping_file(path)
        conductance_files(path)
        checkpoint_file(path, "lenet5")

    return attempt


def _configuration(folder: Path) -> Reader:
    text = config_to_yaml(load_config(system="alpine-hp"))

    def attempt(rng: random.Random) -> None:
        config_from_yaml(damage_text(rng, text)[: 2 * YAML_BYTES], where=str(folder))

    return attempt


def _preset(folder: Path) -> Reader:
    sources = [(path.parent.name, path.read_bytes()) for path in sorted(PRESETS.glob("*/*.yaml"))]
    path = folder / "preset.yaml"

    def attempt(rng: random.Random) -> None:
        section, data = rng.choice(sources)
        if rng.random() < 0.7:
            data = damage_text(rng, data.decode()).encode("utf-8", "surrogatepass")
        else:
            data = damage_bytes(rng, data)
        path.write_bytes(data)
        read_preset(section, path)

    return attempt


def _override(folder: Path) -> Reader:
    del folder
    texts = ("system.core.clock_ghz=2", "run.images=3", "system.tiles=4", "run.mapping=analog")

    def attempt(rng: random.Random) -> None:
        load_config(
            system="alpine-hp", overrides=[damage_text(rng, rng.choice(texts)) for _ in range(2)]
        )
        parse_overrides([damage_text(rng, rng.choice(texts))])

    return attempt


def _state(folder: Path) -> Reader:
    states = StateFolder(folder, {"inputs": "0" * 64})
    measured = Measured(
        values=(0.5, 0.25), images=3, reference=0.75, image_variance=0.25, residual_variance=0.0
    )
    weights = Weights(file=f"{'0' * 16}.safetensors", sha256="0" * 64)
    full = states.load().with_(
        float_correct={"test": FloatCorrect.of(np.ones(9, np.bool_))},
        attempt=Attempt(route=(None,), layer="fc1", passages=1, weights=weights),
        trials=(Trial(route=(), layer="fc1", measured=measured, weights=weights),),
        measurements=(Measurement(route=(), name="digital", measured=measured),),
        savings={"fc1": Saving(digital_ns=1, analog_ns=1, digital_pj=1, analog_pj=1)},
    )
    states.save(full)
    document = json.loads((folder / STATE_FILE).read_bytes())

    def attempt(rng: random.Random) -> None:
        if rng.random() < 0.5:
            (folder / STATE_FILE).write_bytes(damage_json(rng, document))
        else:  # under a checksum that is right, if a search could have written it
            search = damage_document(rng, document["search"])
            with contextlib.suppress(ValidationError):
                states.save(SearchState.model_validate_json(json_bytes(search)))
        states.load().weights(("fc1",))

    return attempt


def _summary(folder: Path) -> Reader:
    from harness.accuracy.earlier import SUMMARY_FILE, read_summary  # which import torch
    from harness.accuracy.result import Summary, SummaryRow

    row = {
        "phase": "test",
        "split": "test",
        "images": 9,
        "time_s": None,
        "repetitions": 1,
        "mean_percent": 90.0,
        "deviation_points": None,
        "ci95_points": None,
        "lost_points": 0.5,
        "lost_error_points": 0.1,
    }
    summary = Summary(
        model="lenet5",
        dataset="digits",
        strategy="benefit",
        drop_points=1.0,
        confidence=None,
        baseline_percent=99.0,
        bound_percent=98.0,
        time_of_evaluation_s=25.0,
        graph_sha256="0" * 64,
        analog_layers=["fc1"],
        analog_layers_percent=50.0,
        analog_macs_percent=10.0,
        accuracy=[SummaryRow.model_validate(row)],
        seconds=1.0,
        provenance={"fingerprint": "0" * 64},
    )
    document = json.loads(summary.model_dump_json())

    def attempt(rng: random.Random) -> None:
        (folder / SUMMARY_FILE).write_bytes(damage_json(rng, document))
        read_summary(folder)

    return attempt


def _result(folder: Path) -> Reader:
    path = folder / "result.json"
    document = json.loads(result_text(comparison(3)))

    def attempt(rng: random.Random) -> None:
        if rng.random() < 0.5:
            path.write_bytes(damage_json(rng, document))
        else:  # under a checksum that is right
            damaged = damage_document(rng, document)
            with contextlib.suppress(ValueError, TypeError, AttributeError):
                damaged["sha256"] = digest({k: v for k, v in damaged.items() if k != "sha256"})
            path.write_bytes(json_bytes(damaged))
        read_result(path)

    return attempt


def _regions(folder: Path) -> Reader:
    path = folder / "regions.json"

    def attempt(rng: random.Random) -> None:
        path.write_bytes(damage_json(rng, {"0": "setup", "1": "conv1", "2": "fc1"}))
        _read_regions(path)

    return attempt


def _checksums(folder: Path) -> Reader:
    path = folder / CHECKSUMS_FILE

    def attempt(rng: random.Random) -> None:
        path.write_bytes(damage_json(rng, {"a.json": "0" * 64, "b/c.png": "1" * 64}))
        damage(folder)

    return attempt


def elf_file() -> bytes:
    """A small executable for AArch64: one segment, two symbols."""
    code = struct.pack("<2I", 0xD503201F, 0xD65F03C0)
    names = b"\0main\0data\0"
    section_names = b"\0.text\0.symtab\0.strtab\0.shstrtab\0"
    symbol = struct.Struct("<IBBHQQ")
    symbols = b"".join(
        symbol.pack(*fields)
        for fields in (
            (0, 0, 0, 0, 0, 0),
            (1, 0x12, 0, 1, 0x80000000, 8),
            (6, 0x11, 0, 1, 0x80000004, 4),
        )
    )
    start = 64 + 56
    places, body = [], b""
    for part in (code, symbols, names, section_names):
        places.append(start + len(body))
        body += part + bytes(-len(part) % 8)
    header = struct.pack(
        "<16sHHIQQQIHHHHHH",
        b"\x7fELF\2\1\1" + bytes(9),
        *(2, 183, 1, 0x80000000, 64, start + len(body), 0, 64, 56, 1, 64, 5, 4),
    )
    segment = struct.pack("<IIQQQQQQ", 1, 7, places[0], 0x80000000, 0x80000000, 8, 16, 8)
    section = struct.Struct("<IIQQQQIIQQ")
    sections = b"".join(
        section.pack(*fields)
        for fields in (
            (0, 0, 0, 0, 0, 0, 0, 0, 0, 0),
            (1, 1, 6, 0x80000000, places[0], 8, 0, 0, 8, 0),
            (7, 2, 0, 0, places[1], len(symbols), 3, 1, 8, 24),
            (15, 3, 0, 0, places[2], len(names), 0, 0, 1, 0),
            (23, 3, 0, 0, places[3], len(section_names), 0, 0, 1, 0),
        )
    )
    return header + segment + body + sections


def _elf(folder: Path) -> Reader:
    data, path = elf_file(), folder / "program.elf"

    def attempt(rng: random.Random) -> None:
        path.write_bytes(damage_bytes(rng, data))
        program = read_program(path)
        program.symbol_at(0x80000005)

    return attempt
