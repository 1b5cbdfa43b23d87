"""From the harness's configuration to aihwkit's: the device model and the RPU configuration."""

from __future__ import annotations

from typing import Any

from aihwkit.inference.compensation.drift import GlobalDriftCompensation
from aihwkit.inference.converter.conductance import SinglePairConductanceConverter
from aihwkit.inference.noise.pcm import PCMLikeNoiseModel
from aihwkit.simulator.configs import TorchInferenceRPUConfig
from aihwkit.simulator.parameters.enums import (
    BoundManagementType,
    NoiseManagementType,
    WeightModifierType,
)

from harness.config.loop_schema import NoiseConfig
from harness.config.schema import TileConfig


def device_model(noise: NoiseConfig) -> Any:  # noqa: ANN401
    """aihwkit's `PCMLikeNoiseModel` with the scales of ``noise``; one device pair per weight."""
    return PCMLikeNoiseModel(
        g_converter=SinglePairConductanceConverter(g_max=noise.g_max_microsiemens),
        prog_noise_scale=noise.prog_noise_scale,
        read_noise_scale=noise.read_noise_scale,
        drift_scale=noise.drift_scale,
    )


def rpu_config(tile: TileConfig, noise: NoiseConfig) -> Any:  # noqa: ANN401
    """aihwkit's own form of tiles like ``tile`` with the devices of ``noise``.

    Convert a float network with it (`aihwkit.nn.conversion.convert_to_analog`), program and drift.

    An aihwkit converter of ``res`` steps over [-bound, bound] has its outermost codes at
    +-bound, as the tile's ADC of b bits has them at +-(2**(b-1) - 1): ``res`` is 2**b - 2.
    Weights are normalised per column, so that its largest one becomes the largest conductance.
    Inputs are normalised by each vector's largest |input|; the harness has one calibrated scale per
    tensor.  The output range is ``noise.output_bound`` for all columns; a tile's is calibrated per
    column.

    The tile's output noise is used if its noise is on.
    """
    config = _converters(tile)
    forward = config.forward
    forward.out_bound = noise.output_bound
    forward.out_noise *= 2 * noise.output_bound / _steps(tile.adc_bits)
    forward.noise_management = NoiseManagementType.ABS_MAX
    config.mapping.weight_scaling_omega = 1.0
    config.mapping.weight_scaling_columnwise = True
    config.noise_model = device_model(noise)
    compensated = noise.drift_compensation == "global"
    config.drift_compensation = GlobalDriftCompensation() if compensated else None
    if noise.training_weight_noise > 0:
        config.modifier.type = WeightModifierType.ADD_NORMAL
        config.modifier.std_dev = noise.training_weight_noise
    return config


def calibrated_rpu_config(tile: TileConfig) -> Any:  # noqa: ANN401
    """aihwkit's form of tiles like ``tile`` with the harness's own converter ranges.

    One step of the ADC is 1, so output codes are whole numbers and noise is in ADC steps.
    Inputs are scaled by a fixed range.  `harness.accuracy.aihwkit_network.set_layer` gives the
    weights, the input range and the value of a code.  The given weights already contain device
    noise.
    """
    config = _converters(tile)
    config.forward.out_bound = float((1 << (tile.adc_bits - 1)) - 1)
    config.forward.noise_management = NoiseManagementType.NONE
    config.pre_post.input_range.enable = True
    config.mapping.weight_scaling_omega = 0.0
    config.drift_compensation = None
    return config


def _converters(tile: TileConfig) -> Any:  # noqa: ANN401
    """The settings that both forms share; output noise in ADC steps."""
    config = TorchInferenceRPUConfig()
    config.forward.inp_bound = 1.0
    config.forward.inp_res = _steps(tile.dac_bits)
    config.forward.out_res = _steps(tile.adc_bits)
    config.forward.out_noise = tile.output_noise_lsb if tile.noise else 0.0
    config.forward.bound_management = BoundManagementType.NONE
    config.mapping.digital_bias = True
    config.mapping.max_input_size = tile.rows
    config.mapping.max_output_size = tile.columns
    return config


def _steps(bits: int) -> int:
    return (1 << bits) - 2
