"""The accuracy loop's part of the configuration schema: devices, and the search of a mapping."""

from __future__ import annotations

from typing import Annotated, Literal, Self, TypeAlias

from pydantic import Field, model_validator

from harness.config.fields import Name, Section, described, preset_name

NoiseScale: TypeAlias = Annotated[float, Field(ge=0.0, le=1e3)]  # times what was measured
Images: TypeAlias = Annotated[int, Field(ge=1, le=10_000_000)]  # more than any split has


class NoiseConfig(Section):
    """Devices of the analog tiles: how programmed weights deviate, and what training assumes.

    The device model and its coefficients are aihwkit's (`PCMLikeNoiseModel`).  Converter widths
    are the tile's own; `harness.accuracy.noise.with_noise` puts ``output_noise`` on a tile.
    """

    name: Name = preset_name()
    model: Literal["pcm", "none"] = described(
        "pcm: phase-change memory, aihwkit's PCMLikeNoiseModel; none: weights stay as they were"
    )
    g_max_microsiemens: Annotated[float, Field(ge=1e-3, le=1e6)] = described(
        "Conductance of a column's largest weight"
    )
    prog_noise_scale: NoiseScale = described("Programming noise, times what was measured; 0: off")
    read_noise_scale: NoiseScale = described(
        "1/f noise since programming, fixed at the evaluation, times what was measured; 0: off"
    )
    drift_scale: NoiseScale = described("Conductance drift, times what was measured; 0: off")
    drift_compensation: Literal["none", "global"] = described(
        "none: outputs drift; global: one factor per layer corrects them"
    )
    t_eval_s: Annotated[float, Field(ge=0.0, le=1e10)] = described(
        "Time of the evaluation since programming ended"
    )
    output_noise: Annotated[float, Field(ge=0.0, le=1e3)] = described(
        "Standard deviation at the converter, where inputs reach 1 and weights 1"
    )
    output_bound: Annotated[float, Field(ge=1e-3, le=1e6)] = described(
        "Range of the converter, where inputs reach 1 and weights 1"
    )
    cell_read_noise_lsb: Annotated[float, Field(ge=0.0, le=4096.0)] = described(
        "Standard deviation of a cell at each multiplication, in conductance steps"
    )
    training_weight_noise: Annotated[float, Field(ge=0.0, le=10.0)] = described(
        "Standard deviation of the weights while retraining, in shares of a column's largest weight"
    )


class SearchConfig(Section):
    """How a mapping is searched, and how its network is retrained meanwhile."""

    name: Name = preset_name()
    strategy: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_.-]*$", max_length=64)] = described(
        "Which layer is converted next; `aimc map --help` names the strategies"
    )
    drop_points: Annotated[float, Field(ge=0.0, le=100.0)] = described(
        "Accuracy that may be lost against the float network, in percentage points"
    )
    confidence: Annotated[float, Field(ge=0.5, lt=1.0)] | None = described(
        "One-sided confidence of the bound beyond these images and devices; null: in the mean"
    )
    repetitions: Annotated[int, Field(ge=1, le=1000)] = described(
        "Programmings of the devices that a mean is taken over"
    )
    survey_repetitions: Annotated[int, Field(ge=1, le=1000)] = described(
        "Programmings when each layer is evaluated alone"
    )
    survey_images: Images = described("Validation images when each layer is evaluated alone")
    confirm_repetitions: Annotated[int, Field(ge=0, le=1000)] = described(
        "Programmings of other devices that confirm what was found; 0: none"
    )
    validation_images: Images = described(
        "First images of the validation split that are used, at most"
    )
    warmup_epochs: Annotated[float, Field(ge=0.0, le=1000.0)] = described(
        "Epochs of retraining with all candidates noisy, before the first conversion"
    )
    retrain_epochs: Annotated[float, Field(ge=0.0, le=1000.0)] = described(
        "Epochs of retraining after each conversion; 0: none"
    )
    retrain_rate: Annotated[float, Field(ge=1e-9, le=1.0)] = described(
        "Learning rate of retraining, in shares of the recipe's peak rate"
    )
    costly_layers: bool = described(
        "Whether the benefit strategies may convert layers that save nothing"
    )
    seed: Annotated[int, Field(ge=0, le=(1 << 31) - 1)] = described(
        "Seed of devices and retraining"
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        few = min(self.repetitions, self.validation_images) < 2 or self.confirm_repetitions == 1
        if few and self.confidence not in (None, 0.5):
            raise ValueError(
                "a confidence needs two repetitions (also confirm_repetitions, unless 0)"
                " and two validation images"
            )
        return self


class LoopConfig(Section):
    """The configuration of the accuracy loop."""

    noise: NoiseConfig = described("Devices of the analog tiles")
    search: SearchConfig = described("How a mapping is searched")
