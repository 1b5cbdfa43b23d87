"""Share of the modelled core's peak that VGG-16 reaches, in int8 (SDOT) and in fp32 (FMLA).

    python benchmarks/conv_peak.py [--engine gem5] [--fp32]

For each convolution it also prints the share of the attainable rate. That is the peak, or less for
a small map whose weights are read from memory at the rate of the L1's misses in flight.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from harness.config.load import load_config
from harness.pipeline.job import run_job
from harness.progress import Silent
from harness.report.comparison import Comparison
from harness.report.roofline import points
from harness.stats.summary import ProgramSummary

CONV_TARGET, NETWORK_TARGET, FP32_TARGET = 0.80, 0.65, 0.75
FEW_CHANNELS = "conv1_1"  # the only one with fewer than 64


def show(comparison: Comparison, program: ProgramSummary, target: float) -> None:
    attainable = {p.layer: p.share for p in points(comparison) if p.program == program.name}
    print(f"program {program.name}, peak {program.peak_macs_per_cycle} MACs a cycle")
    macs, cycles = 0, 0.0
    for layer in program.layers:
        if layer.utilisation is None:
            continue
        counts = layer.kind == "conv" and layer.name != FEW_CHANNELS
        verdict = f"  {layer.utilisation / target:.2f} of the target" if counts else ""
        print(
            f"{layer.name:10} {layer.cycles:12,.0f} cycles  {layer.utilisation:6.1%} of peak  "
            f"{attainable[layer.name]:6.1%} of attainable{verdict}"
        )
        if counts:
            macs += layer.macs
            cycles += layer.cycles
    together = macs / (cycles * program.peak_macs_per_cycle)
    print(f"3 x 3 layers of 64 channels or more together: {together:.1%} of peak")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--engine", choices=("embedded", "gem5"), default="embedded")
    parser.add_argument("--fp32", action="store_true", help="the float network too")
    arguments = parser.parse_args()
    config = load_config(
        system="alpine-hp",
        run={
            "model": "vgg16",
            "mapping": "digital",
            "engine": arguments.engine,
            "fp32_baseline": arguments.fp32,
            "timeout_s": 7200.0,
        },
    )
    with tempfile.TemporaryDirectory() as name:
        finished = run_job(config, Path(name), command=("conv_peak",), progress=Silent())
    comparison = finished.comparison
    show(comparison, comparison.digital, CONV_TARGET)
    digital = comparison.digital
    whole = digital.macs / (digital.cycles * digital.peak_macs_per_cycle)
    print(
        f"VGG-16 from end to end: {whole:.1%} of peak, {whole / NETWORK_TARGET:.2f} of the target"
    )
    if comparison.fp32 is not None:
        show(comparison, comparison.fp32, FP32_TARGET)


if __name__ == "__main__":
    main()
