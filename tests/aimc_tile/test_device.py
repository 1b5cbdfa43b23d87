"""The whole device through its registers, against the numpy arithmetic."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from harness import _headers
from harness._tile import Tile
from harness.engines.events import TILE_EVENTS
from harness.placement.tile_arithmetic import mvm

FIELDS = {
    "in_base": "Q",
    "out_base": "Q",
    "in_channels": "I",
    "k0": "I",
    "k_len": "I",
    "columns": "I",
    "out_stride": "I",
    "in_height": "H",
    "in_width": "H",
    "oy": "H",
    "ox0": "H",
    "count": "H",
    "row_count": "H",
    "kernel_h": "B",
    "kernel_w": "B",
    "stride_y": "B",
    "stride_x": "B",
    "dilation_y": "B",
    "dilation_x": "B",
    "pad_top": "B",
    "pad_left": "B",
    "reserved0": "I",
    "reserved1": "I",
}


def descriptor_bytes(fields: Mapping[str, int]) -> bytes:
    """An `aimc_descriptor`; fields that are not given are 0."""
    unknown = set(fields) - set(FIELDS)
    assert not unknown, unknown
    return struct.pack("<" + "".join(FIELDS.values()), *(fields.get(name, 0) for name in FIELDS))


REG = {
    name.removeprefix("AIMC_"): value
    for name, value in vars(_headers).items()
    if name.startswith("AIMC_")
}
BASE = _headers.PLATFORM_DRAM_BASE
DESCRIPTOR = 0x8000
OUTPUT = 0x4000
IMAGE = 0x10000
ROWS, COLUMNS = 40, 21
NOISE: dict[str, Any] = {
    "dac_bits": 7,
    "noise": True,
    "output_noise_lsb": 1.5,
    "read_noise_lsb": 40.0,
    "seed": 0xFEDCBA9876543210,
    "tile": 5,
}


class Rig:
    """A tile with 128 KiB of memory and a clock, programmed with random cells by DMA."""

    def __init__(self, **params: float) -> None:
        rng = np.random.default_rng(1)
        self.memory = np.zeros(1 << 17, np.uint8)
        self.memory[:OUTPUT] = rng.integers(0, 256, OUTPUT)
        self.conductance = rng.integers(-32768, 32768, (ROWS, COLUMNS), dtype=np.int16)
        self.multiplier = rng.integers(32768, 65536, COLUMNS, dtype=np.uint16)
        self.shift = rng.integers(33, 37, COLUMNS, dtype=np.uint16)
        self.params: dict[str, Any] = {"adc_bits": 8, "dac_bits": 8, "noise": False} | params
        self.tile = Tile(
            rows=ROWS,
            columns=COLUMNS,
            adc_latency_ns=100.0,
            dma_latency_ns=30.0,
            io_bandwidth_gb_per_s=4.0,
            memory=self.memory,
            memory_base=BASE,
            **self.params,
        )
        self.now = 0
        scales = np.stack((self.multiplier, self.shift), axis=1)
        image = self.conductance.tobytes() + scales.tobytes()
        self.memory[IMAGE : IMAGE + len(image)] = np.frombuffer(image, np.uint8)
        self.put("REG_PROGRAM_ADDR", BASE + IMAGE, 8)
        self.put("REG_CONTROL", REG["CONTROL_PROGRAM"])
        self.settle()
        assert self.get("REG_ERROR") == 0

    def get(self, name: str) -> int:
        return int.from_bytes(self.tile.read(self.now, REG[name], 4)[0], "little")

    def put(self, name: str, value: int, size: int = 4) -> None:
        self.tile.write(self.now, REG[name], value.to_bytes(size, "little"))

    def settle(self) -> None:
        while (event := self.tile.next_event_ps()) is not None:
            self.now = max(self.now, event)
            self.tile.advance(self.now)

    def expect(self, x: npt.NDArray[np.int8], epoch: int, first_mvm: int) -> npt.NDArray[np.int16]:
        noise = {name: self.params.get(name, 0) for name in NOISE}
        return mvm(
            x,
            self.conductance[: x.shape[1]],
            self.multiplier,
            self.shift,
            adc_bits=self.params["adc_bits"],
            epoch=epoch,
            first_mvm=first_mvm,
            **noise,
        )


@pytest.mark.parametrize("params", [{}, {"adc_bits": 12}, NOISE], ids=["8", "12", "noise"])
@pytest.mark.parametrize("double_buffer", [False, True])
def test_programmed_io(params: dict[str, Any], double_buffer: bool) -> None:
    rig = Rig(double_buffer=double_buffer, **params)
    x = np.random.default_rng(2).integers(-128, 128, (5, ROWS), dtype=np.int8)
    rig.put("REG_NOISE_EPOCH", 9)
    width = 1 if rig.params["adc_bits"] <= 8 else 2
    codes = []
    for vector in x:
        for row in range(0, ROWS, 8):
            rig.now = rig.tile.write(
                rig.now, REG["WINDOW_IN"] + row, vector[row : row + 8].tobytes()
            )
        rig.put("REG_CONTROL", REG["CONTROL_START"])
        rig.settle()
        data = b"".join(
            rig.tile.read(rig.now, REG["WINDOW_OUT"] + width * c, width)[0] for c in range(COLUMNS)
        )
        codes.append(np.frombuffer(data, np.int8 if width == 1 else np.int16))
        rig.put("REG_CONTROL", REG["CONTROL_POP"])
    np.testing.assert_array_equal(np.stack(codes), rig.expect(x, epoch=9, first_mvm=0))
    assert rig.get("REG_ERROR") == 0
    assert rig.get("REG_MVM_COUNT") == 5


@pytest.mark.parametrize("params", [{}, {"adc_bits": 12}, NOISE], ids=["8", "12", "noise"])
@pytest.mark.parametrize("double_buffer", [False, True])
@pytest.mark.parametrize("rows", [1, 2, 5])
def test_convolution_by_dma(params: dict[str, Any], double_buffer: bool, rows: int) -> None:
    """A padded, strided 3 x 3 convolution, on 40 of its 45 elements, so many rows a descriptor."""
    rig = Rig(double_buffer=double_buffer, **params)
    height, width, channels, stride = 9, 8, 5, 2
    image = rig.memory[: height * width * channels].view(np.int8).reshape(height, width, channels)
    padded = np.pad(image, ((1, 1), (1, 1), (0, 0)))
    out_h, out_w = 5, 4
    patches = np.stack(
        [
            padded[stride * y : stride * y + 3, stride * x : stride * x + 3].reshape(-1)[:ROWS]
            for y in range(out_h)
            for x in range(out_w)
        ]
    )
    code_bytes = 1 if rig.params["adc_bits"] <= 8 else 2
    for y in range(0, out_h, rows):
        fields = {
            "in_base": BASE,
            "out_base": BASE + OUTPUT + y * out_w * 64,
            "in_channels": channels,
            "k_len": ROWS,
            "columns": COLUMNS,
            "out_stride": 64,
            "in_height": height,
            "in_width": width,
            "oy": y,
            "count": out_w,
            "row_count": min(rows, out_h - y),
            "kernel_h": 3,
            "kernel_w": 3,
            "stride_y": stride,
            "stride_x": stride,
            "dilation_y": 1,
            "dilation_x": 1,
            "pad_top": 1,
            "pad_left": 1,
        }
        at = DESCRIPTOR + 64 * y
        rig.memory[at : at + 64] = np.frombuffer(descriptor_bytes(fields), np.uint8)
        while not rig.get("REG_STATUS") & REG["STATUS_DMA_READY"]:
            rig.now += 10_000
        rig.put("REG_DESCRIPTOR", BASE + at, 8)
    rig.settle()
    assert rig.get("REG_ERROR") == 0
    assert rig.get("REG_DMA_DONE") == -(-out_h // rows)
    assert rig.get("REG_DMA_PIXELS") == out_h * out_w
    stored = rig.memory[OUTPUT : OUTPUT + len(patches) * 64].reshape(-1, 64)
    stored = stored[:, : COLUMNS * code_bytes].copy()
    codes = stored.view(np.int8 if code_bytes == 1 else np.int16)
    np.testing.assert_array_equal(codes, rig.expect(patches, epoch=0, first_mvm=0))


def test_checkpoint_goes_on_in_another_tile() -> None:
    rig = Rig(**NOISE)
    rig.put("REG_CONTROL", REG["CONTROL_START"])
    rig.now += 50_000
    rig.tile.advance(rig.now)
    other = Rig(**NOISE)
    other.tile.restore(rig.tile.save())
    other.now = rig.now
    for each in (rig, other):
        each.settle()
    assert rig.tile.save() == other.tile.save()
    assert rig.tile.statistics() == other.tile.statistics()
    with pytest.raises(ValueError, match="damaged"):
        rig.tile.restore(b"")
    with pytest.raises(ValueError, match="another geometry"):
        Tile(rows=1, columns=1).restore(rig.tile.save())


def test_statistics_cover_the_tile_events() -> None:
    counts = Tile(rows=4, columns=4).statistics()
    assert {name.removeprefix("tile_") for name in TILE_EVENTS} <= set(counts)
    assert len(counts["errors_by_kind"]) == REG["ERROR_KINDS"]


def test_a_guests_mistakes_are_counted_and_stop_nothing() -> None:
    tile = Tile(rows=4, columns=4)
    assert tile.read(0, 0x24, 4)[0] == bytes(4)
    tile.write(0, REG["WINDOW_IN"] + 16, b"x")
    tile.write(0, REG["REG_DESCRIPTOR"], (64).to_bytes(8, "little"))  # there is no memory
    tile.advance(10**9)
    counts = tile.statistics()
    assert counts["guest_errors"] == 3
    assert [bit for bit, count in enumerate(counts["errors_by_kind"]) if count] == [0, 1, 6]
    with pytest.raises(ValueError, match="1 to 16"):
        tile.read(0, 0, 17)
    with pytest.raises(ValueError, match="rows must be in"):
        Tile(rows=0, columns=4)
