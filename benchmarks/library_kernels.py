"""Our int8 convolutions beside XNNPACK's, on the same engine: cycles of every VGG-16 layer.

XNNPACK's kernel for this very core (4 pixels by 16 channels, dot products, scheduled for the
Cortex-A55) is from Debian's arm64 package, which is fetched once.  It runs on one thread in
XNNPACK's order (4 pixels at a time, all channels), and in an order that suits small caches (16
channels at a time, all pixels).  It requantizes with one float32 factor per layer, ours with an
integer factor per channel.  Its outputs are checked against numpy as well.

    python benchmarks/library_kernels.py [--engine gem5] [--model vgg16] [--csv FILE]
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import io
import lzma
import tarfile
import tempfile
import urllib.request
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection

from harness.atomic import atomic_write_bytes
from harness.cache.folder import cache_dir
from harness.codegen.blob import Blob
from harness.config.load import load_config
from harness.config.schema import Config
from harness.engines.registry import engine
from harness.operators.backend.im2col import window_view
from harness.operators.backend.numpy_backend import exact_matmul
from harness.operators.conv import QConv
from harness.pipeline.job import run_job
from harness.pipeline.prepare import prepare
from harness.progress import Silent
from harness.quant.macs import node_macs
from harness.quant.program import QNetwork
from harness.toolchain.build import compile_program

PACKAGE = "libxnnpack0_0.0~git20220216.ae108ef-2_arm64.deb"
URL = f"http://deb.debian.org/debian/pool/main/x/xnnpack/{PACKAGE}"
SHA256 = "18775e6618ef6464f36c051af45e22d32ffb26eca1afe95d4a6f35ef7d778652"
SYMBOL = "xnn_qs8_igemm_minmax_fp32_ukernel_4x16c4__aarch64_neondot_cortex_a55"
PIXELS, CHANNELS, DEPTH = 4, 16, 4  # the kernel's tile, and its step along the input channels
SLACK = 64  # bytes that the kernel may read beyond a pixel

Int8Array = npt.NDArray[np.int8]


@dataclass(frozen=True)
class LibraryLayer:
    """One convolution in the form of `library_driver.c`; offsets into the data."""

    name: str
    declaration: str
    macs: int
    indirection: int  # entries
    output_bytes: int


def fetch_package() -> bytes:
    """The package, from the cache folder or from Debian's archive."""
    cached = cache_dir() / "downloads" / PACKAGE
    if not cached.is_file():
        with urllib.request.urlopen(URL, timeout=60) as response:
            atomic_write_bytes(cached, response.read())
    data = cached.read_bytes()
    if hashlib.sha256(data).hexdigest() != SHA256:
        cached.unlink()
        raise SystemExit(f"{URL} is not the package that this benchmark knows")
    return data


def kernel_code(package: bytes) -> bytes:
    """The machine code of `SYMBOL`: a leaf function without references to other code or data."""
    position = 8  # of the ar archive's first member
    while package[position : position + 16].rstrip() != b"data.tar.xz":
        size = int(package[position + 48 : position + 58])
        position += 60 + size + size % 2
    size = int(package[position + 48 : position + 58])
    archive = lzma.decompress(package[position + 60 : position + 60 + size])
    with tarfile.open(fileobj=io.BytesIO(archive)) as members:
        name = next(m for m in members.getmembers() if m.isfile() and "libXNNPACK.so" in m.name)
        library = members.extractfile(name)
        assert library is not None
        elf = ELFFile(io.BytesIO(library.read()))
    symbols = elf.get_section_by_name(".dynsym")
    assert isinstance(symbols, SymbolTableSection)
    found = symbols.get_symbol_by_name(SYMBOL)
    assert found is not None
    (symbol,) = found
    (offset,) = elf.address_offsets(symbol["st_value"], symbol["st_size"])
    elf.stream.seek(offset)
    code: bytes = elf.stream.read(symbol["st_size"])
    return code


def pack_weights(weight: Int8Array, bias: npt.NDArray[np.int32]) -> bytes:
    """``weight`` [out, kh, kw, in] as the kernel reads it: 16 channels with bias at a time."""
    out, kh, kw, depth = weight.shape
    padded = np.zeros(
        (-(-out // CHANNELS) * CHANNELS, kh * kw, -(-depth // DEPTH) * DEPTH), np.int8
    )
    padded[:out, :, :depth] = weight.reshape(out, kh * kw, depth)
    biases = np.zeros(len(padded), "<i4")
    biases[:out] = bias
    parts = []
    for first in range(0, len(padded), CHANNELS):
        block = padded[first : first + CHANNELS]
        steps = block.reshape(CHANNELS, kh * kw, -1, DEPTH).transpose(1, 2, 0, 3)
        parts += [biases[first : first + CHANNELS].tobytes(), steps.tobytes()]
    return b"".join(parts)


def library_layer(network: QNetwork, node: QConv, blob: Blob, seed: int) -> LibraryLayer:
    """Lay weights, a random input and the expected output of ``node`` into ``blob``."""
    h, w, depth = network.tensors[node.inputs[0]].shape
    oh, ow, out = network.tensors[node.output].shape
    generator = np.random.Generator(np.random.Philox(seed))
    inputs = generator.integers(-128, 128, (1, h, w, depth), np.int8)
    patches = window_view(inputs, node.window).reshape(oh * ow, -1)
    sums = exact_matmul(patches, node.weight.reshape(out, -1).T) + node.bias
    scale = np.float32(40 / sums.std())
    expected = np.clip(np.rint(sums.astype(np.float32) * scale), -128, 127).astype(np.int8)
    kernel = node.weight.shape[1]
    fields = {
        "height": h,
        "width": w,
        "input_channels": depth,
        "output_width": ow,
        "output_channels": out,
        "pixels": oh * ow,
        "kernel": kernel,
        "stride": node.stride[0],
        "pad": node.pads[0],
        "input": blob.add(inputs.tobytes() + bytes(SLACK)),
        "weights": blob.add(pack_weights(node.weight, node.bias)),
        "expected": blob.add(expected.tobytes()),
        "scale": f"{float(scale).hex()}f",
    }
    declaration = ", ".join(f".{key} = {value}" for key, value in fields.items())
    tiles = -(-oh * ow // PIXELS)
    return LibraryLayer(
        node.name,
        f"{{{declaration}}}",
        node_macs(network, node),
        tiles * PIXELS * kernel * kernel,
        expected.size,
    )


def write_program(layers: list[LibraryLayer], data: bytes, code: bytes, folder: Path) -> list[Path]:
    """The sources of the library's program, in ``folder``."""
    (folder / "kernel.bin").write_bytes(code)
    (folder / "data.bin").write_bytes(data)
    (folder / "library.S").write_text(
        "    .text\n    .balign 64\n    .global library_igemm\n"
        'library_igemm:\n    .incbin "kernel.bin"\n'
        '    .section .rodata.program_data, "a"\n    .balign 64\n    .global program_data\n'
        'program_data:\n    .incbin "data.bin"\n'
    )
    integers = "height, width, input_channels, output_width, output_channels, pixels, kernel, "
    listed = ",\n".join(layer.declaration for layer in layers)
    (folder / "layers.h").write_text(
        f"#include <stdint.h>\ntypedef struct {{ int32_t {integers}stride, pad; "
        "int64_t input, weights, expected; float scale; } Layer;\n"
        "extern const int8_t program_data[];\n"
        f"enum {{ LAYERS = {len(layers)}, ZERO_BYTES = 4096 + {SLACK}, "
        f"INDIRECTION_ENTRIES = {max(layer.indirection for layer in layers)}, "
        f"OUTPUT_BYTES = {max(layer.output_bytes for layer in layers)} + {SLACK} }};\n"
        f"static const Layer layers[LAYERS] = {{\n{listed}}};\n"
    )
    driver = folder / "library_driver.c"
    driver.write_bytes(Path(__file__).with_name("library_driver.c").read_bytes())
    return [driver, folder / "library.S"]


def library_layers(network: QNetwork, blob: Blob) -> list[LibraryLayer]:
    """Every convolution that the driver knows how to walk."""
    return [
        library_layer(network, node, blob, index)
        for index, node in enumerate(network.nodes)
        if isinstance(node, QConv)
        and node.groups == 1
        and node.dilation == (1, 1)
        and len(set(node.pads)) == 1
        and node.stride[0] == node.stride[1]
        and node.weight.shape[1] == node.weight.shape[2]
    ]


def library_cycles(
    config: Config, layers: list[LibraryLayer], sources: list[Path], defines: dict[str, str]
) -> list[float]:
    """Cycles of every layer in the library's program."""
    folder = sources[0].parent
    elf = compile_program(
        sources, [folder], folder / "program.elf", defines=defines, cache_dir=cache_dir()
    )
    regions = {index: layer.name for index, layer in enumerate(layers, start=1)}
    result = engine(config.run.engine).run(
        elf, config.system, regions, timeout_s=config.run.timeout_s
    )
    if result.exit_code != 0:
        raise SystemExit(f"the library's outputs differ from numpy's: {result.exit_code} bytes")
    return [region.time_ns * config.system.core.clock_ghz for region in result.regions]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--engine", default="embedded", choices=("embedded", "gem5"))
    parser.add_argument("--model", default="vgg16")
    parser.add_argument("--csv", type=Path)
    options = parser.parse_args()
    try:
        code = kernel_code(fetch_package())
    except OSError as error:
        raise SystemExit(f"not measured: cannot fetch {URL}: {error}") from error
    config = load_config(
        system="alpine-hp",
        run={
            "model": options.model,
            "mapping": "digital",
            "engine": options.engine,
            "timeout_s": 3000.0,
        },
    )
    with tempfile.TemporaryDirectory() as name:
        blob = Blob()
        layers = library_layers(prepare(config).network, blob)
        sources = write_program(layers, blob.data(), code, Path(name))
        own_order = library_cycles(config, layers, sources, {})
        best_order = library_cycles(config, layers, sources, {"CHANNELS_OUTERMOST": ""})
        job = run_job(config, Path(name), command=("library_kernels",), progress=Silent())
    digital = job.comparison.digital
    ours = {layer.name: layer.cycles for layer in digital.layers}
    rows = [
        (layer.name, layer.macs, ours[layer.name], own, best)
        for layer, own, best in zip(layers, own_order, best_order, strict=True)
    ]
    rows.append(
        (
            "all",
            sum(row[1] for row in rows),
            sum(row[2] for row in rows),
            sum(row[3] for row in rows),
            sum(row[4] for row in rows),
        )
    )
    peak = digital.peak_macs_per_cycle
    print(f"cycles and share of the dot-product peak, {job.comparison.manifest.engine_version}")
    print(f"{'layer':10} {'ours':>20} {'XNNPACK':>20} {'channels outermost':>20}")
    for name, macs, *cycles in rows:
        cells = [f"{count:12,.0f} {macs / peak / count:7.1%}" for count in cycles]
        print(f"{name:10} " + " ".join(cells))
    if options.csv is not None:
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(
            ("layer", "macs", "our_cycles", "xnnpack_cycles", "xnnpack_channels_outermost_cycles")
        )
        writer.writerows((name, macs, *map(round, cycles)) for name, macs, *cycles in rows)
        atomic_write_bytes(options.csv, text.getvalue().encode())


if __name__ == "__main__":
    main()
