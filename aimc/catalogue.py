"""The built-in networks and presets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class ModelEntry:
    """A built-in network at its own input size.

    Attributes:
        input_shape: [1, channels, height, width] or [1, features].
        other_sizes: Further heights (= widths) of the input.
        macs: Multiply-accumulates of one inference.
        trained_on: The dataset of the shipped checkpoint; None: weights are random.
        test_accuracy_percent: Of the checkpoint in float32; None if it is not known.
    """

    name: str
    input_shape: tuple[int, ...]
    other_sizes: tuple[int, ...]
    parameters: int
    macs: int
    trained_on: str | None
    test_accuracy_percent: float | None


def model_entries() -> tuple[ModelEntry, ...]:
    """Every built-in network."""
    from harness.model.builtin import NAMES

    return tuple(_model_entry(name) for name in NAMES)


def models() -> pd.DataFrame:
    """The built-in networks.

    Returns:
        One row per network, by name.  ``input_shape`` is [1, channels, height, width] or
        [1, features], ``other_sizes`` further heights in pixels; ``parameters`` and ``macs``
        (multiply-accumulates of one inference) are of the first.  ``trained_on`` is the dataset of
        the shipped checkpoint, None where weights are random, and ``test_accuracy_percent`` what
        it reaches in float32.

    Raises:
        HarnessError: The installation is broken.

    Example:
        aimc.models().loc["vgg16", "macs"]
    """
    import pandas as pd

    return pd.DataFrame(model_entries()).set_index("name")


def presets(section: str | None = None, name: str | None = None) -> pd.DataFrame:
    """Every value of the presets with its unit and source, one row each.

    Args:
        section: Only of this section, for instance ``tile``.
        name: Only of the section's preset of this name.

    Returns:
        Columns ``section``, ``preset``, ``key``, ``value``, ``unit`` and ``source``.

    Raises:
        HarnessError: There is no such section or preset.

    Example:
        aimc.presets("tile", "hermes-256")[["key", "value", "unit"]]
    """
    import pandas as pd

    from harness.config.preset_files import closest, describe_preset, list_presets
    from harness.errors import ConfigError

    known = list_presets()
    if section is None and name is not None:
        raise ConfigError("name= needs section=", hint=f"valid sections: {', '.join(known)}")
    if section is not None and section not in known:
        raise ConfigError(f"there is no section {section!r}", hint=closest(section, tuple(known)))
    chosen = known if section is None else {section: known[section]}
    found = [
        describe_preset(each, preset)
        for each, names in chosen.items()
        for preset in (names if name is None else (name,))
    ]
    rows = [
        (preset.section, preset.name, value.key, value.value, value.unit, value.source)
        for preset in found
        for value in preset.values
    ]
    return pd.DataFrame(rows, columns=["section", "preset", "key", "value", "unit", "source"])


def _model_entry(name: str) -> ModelEntry:
    from harness.data.workloads import workload_for
    from harness.model.builtin import build, input_sizes
    from harness.model.fold import fold
    from harness.model.summary import summarize_model

    summary = summarize_model(fold(build(name)))
    workload = workload_for(name)
    results = None if workload is None else workload.results
    trained = workload is not None and workload.checkpoint is not None
    return ModelEntry(
        name=name,
        input_shape=summary.input_shape,
        other_sizes=input_sizes(name)[1:],
        parameters=summary.parameters,
        macs=summary.macs,
        trained_on=workload.dataset if workload is not None and trained else None,
        test_accuracy_percent=100 * results.test_accuracy
        if results is not None and trained
        else None,
    )
