"""Constructed comparisons of any number of layers."""

from __future__ import annotations

from dataclasses import astuple, replace

from harness.config.load import config_hash, load_config
from harness.report.comparison import (
    AccuracyEntry,
    AccuracyInfo,
    AnalogLayerInfo,
    Comparison,
    InputFile,
    Manifest,
    ModelInfo,
    OutputCheck,
    PlanInfo,
)
from harness.stats.summary import CycleSplit, LayerInfo, ProgramSummary, summarize
from tests.stats.runs import region, run

CONFIG = load_config(system="alpine-hp", overrides=["system.core.clock_ghz=2"])
RANDOM = "Weights are random"
ACCURACY = AccuracyInfo(
    dataset="digits",
    split="test split",
    classes=10,
    first_label=0,
    last_label=9,
    softmax=None,
    float_network=AccuracyEntry("float network", 980, 1000, 0),
    entries=(
        AccuracyEntry("int8 reference", 978, 1000, 0),
        AccuracyEntry("analog, simulated", 2, 2, 0),
    ),
)


def names(layers: int, long_names: bool = False) -> list[str]:
    suffix = "_of_the_bottleneck_block_with_a_rather_long_name" if long_names else ""
    kinds = ["conv", "add", "conv", "pool"]
    return [f"{kinds[i % 4]}{i}{suffix}" for i in range(layers)]


def digital_program(layers: int, long_names: bool = False) -> ProgramSummary:
    regions, infos = [], []
    for i, name in enumerate(names(layers, long_names)):
        is_conv = name.startswith("conv")
        size = 1 + (i * 7) % 11
        regions.append(
            region(
                i + 1,
                name,
                visits=2,
                cycles_compute=(200_000 if is_conv else 9_000) * size,
                cycles_memory=30_000 * size,
                instructions=250_000 * size,
                int_ops=20_000 * size,
                simd_ops=160_000 * size,
                dot_ops=150_000 * size,
                loads=60_000 * size,
                l1d_accesses=60_000 * size,
                l1d_misses=900 * size,
                l2_accesses=900 * size,
                dram_read_bytes=64 * 90 * size,
            )
        )
        macs = 1_200_000 * size if is_conv else 0
        infos.append(LayerInfo(i + 1, name, "conv" if is_conv else "add", "digital", macs))
    return summarize("digital", run(*regions), CONFIG.system, infos, images=2, tiles_used=0)


def mapped_program(layers: int, long_names: bool = False) -> ProgramSummary:
    regions, infos = [], []
    for i, name in enumerate(names(layers, long_names)):
        size = 1 + (i * 7) % 11
        if name.startswith("conv"):
            regions.append(
                region(
                    i + 1,
                    name,
                    visits=2,
                    cycles_compute=4_000 * size,
                    cycles_memory=3_000 * size,
                    cycles_tile_transfer=20_000 * size,
                    cycles_tile_mvm=6_000 * size,
                    instructions=12_000 * size,
                    stores=4_000 * size,
                    tile_mvms=128 * size,
                    tile_dac_conversions=128 * 256 * size,
                    tile_adc_conversions=128 * 64 * size,
                    tile_cell_reads=128 * 256 * 64 * size,
                    tile_bytes_in=128 * 256 * size,
                    tile_bytes_out=128 * 64 * size,
                    tile_device_writes=128 * 16 * size,
                )
            )
            infos.append(LayerInfo(i + 1, name, "conv", "analog", 1_200_000 * size, tiles=size))
        else:
            regions.append(
                region(
                    i + 1,
                    name,
                    visits=2,
                    cycles_compute=9_000 * size,
                    cycles_memory=30_000 * size,
                    instructions=12_000 * size,
                )
            )
            infos.append(LayerInfo(i + 1, name, "add", "digital", 0))
    return summarize("analog", run(*regions), CONFIG.system, infos, images=2, tiles_used=40)


def with_fp32(original: Comparison) -> Comparison:
    """``original`` with an fp32 program that takes four times as long as the digital one."""
    digital = original.digital
    layers = tuple(
        replace(
            layer,
            time_ns=4 * layer.time_ns,
            cycles=4 * layer.cycles,
            causes=CycleSplit(*(4 * cycles for cycles in astuple(layer.causes))),
        )
        for layer in digital.layers
    )
    fp32 = replace(digital, name="fp32", peak_macs_per_cycle=4, layers=layers)
    check = OutputCheck("fp32", fp32.images, 80, 0)
    return replace(original, fp32=fp32, outputs=(*original.outputs, check))


def comparison(
    layers: int = 4, *, long_names: bool = False, mapped: bool = True, random: bool = False
) -> Comparison:
    digital = digital_program(layers, long_names)
    program = mapped_program(layers, long_names) if mapped else None
    analog = [layer for layer in program.layers if layer.unit == "analog"] if program else []
    plan = PlanInfo(
        mapping="analog",
        analog_layers=tuple(AnalogLayerInfo(n.name, 256 * n.tiles, 64, n.tiles) for n in analog),
        tiles_used=40,
        tiles_available=288,
        kept_digital={"conv9": "needs 12 tiles, 3 are left"},
    )
    return Comparison(
        config=CONFIG,
        model=ModelInfo("lenet5", "built-in", (1, 28, 28), 61706, digital.macs, random),
        digital=digital,
        mapped=program,
        plan=plan if mapped else None,
        accuracy=None if random else ACCURACY,
        outputs=tuple(OutputCheck(p, 2, 20, 0) for p in ("digital", "analog")[: 1 + mapped]),
        manifest=Manifest(
            created_utc="2026-01-02T03:04:05Z",
            command=("aimc", "run", "--model", "lenet5"),
            harness_version="0.1.0",
            git_commit=None,
            config_hash=config_hash(CONFIG),
            engine="constructed",
            engine_version="1",
            seeds={"run": 1},
            packages={"numpy": "2"},
            host={"machine": "x86_64"},
            inputs=(InputFile("a/b.onnx", 12, "0" * 64),),
            samples={"images": "test images of digits", "dataset": "digits"},
            earlier_simulations={},
        ),
    )


def renamed(original: Comparison, name: str) -> Comparison:
    return replace(original, model=replace(original.model, name=name))
