"""Share of the modelled core's int8 dot-product peak that VGG-16's convolutions reach."""

from __future__ import annotations

import tempfile
from pathlib import Path

from harness.config.load import load_config
from harness.pipeline.job import Silent, run_job

TARGET = 0.60
MIDDLE = ("conv2_", "conv3_", "conv4_")


def main() -> None:
    config = load_config(system="alpine-hp", run={"model": "vgg16", "mapping": "digital"})
    with tempfile.TemporaryDirectory() as name:
        finished = run_job(config, Path(name), command=("conv_peak",), reporter=Silent())
    middle_macs, middle_cycles = 0, 0.0
    digital = finished.comparison.digital
    for layer in digital.layers:
        if layer.utilisation is None:
            continue
        share = layer.utilisation
        is_middle = layer.name.startswith(MIDDLE)
        verdict = f"  {share / TARGET:.2f} of the target" if is_middle else ""
        print(f"{layer.name:10} {layer.cycles:12,.0f} cycles  {share:6.1%} of peak{verdict}")
        if is_middle:
            middle_macs += layer.macs
            middle_cycles += layer.cycles
    together = middle_macs / (middle_cycles * digital.peak_macs_per_cycle)
    print(f"middle layers together: {together:.1%} of peak, {together / TARGET:.2f} of the target")


if __name__ == "__main__":
    main()
