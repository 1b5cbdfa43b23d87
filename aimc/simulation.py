"""`aimc.run`: the main job."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from aimc.calls import call_text, given_arguments
from aimc.configuration import Setting, configure, given_options, optional_path, setting_texts
from aimc.defaults import DEFAULT_ENGINE, DEFAULT_MAPPING, DEFAULT_OUT, DEFAULT_SYSTEM, MODELS
from aimc.networks import name_network
from aimc.result import Result
from harness.engines.protocol import NO_OPTIONS

if TYPE_CHECKING:
    from aimc.networks import Network
    from harness.config.schema import Config
    from harness.engines.protocol import EngineOptions
    from harness.progress import Progress


def run(
    model: Network,
    *,
    mapping: str | os.PathLike[str] = DEFAULT_MAPPING,
    system: str | os.PathLike[str] = DEFAULT_SYSTEM,
    images: int | None = None,
    set: Mapping[str, Setting] | None = None,
    engine: str = DEFAULT_ENGINE,
    dataset: str | os.PathLike[str] | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
    input_size: int | None = None,
    example_inputs: object = None,
    out: str | os.PathLike[str] = DEFAULT_OUT,
    fresh: bool = False,
    progress: bool = False,
    **engine_options: str | os.PathLike[str] | None,
) -> Result:
    """Simulate a network, all-digital and mapped, and compare time and energy.

    An equal run, of this function or of ``aimc run``, is served from its folder.  An interrupt
    raises KeyboardInterrupt, and nothing of the run is kept.

    Args:
        model: A built-in network's name, the path of an .onnx file, an `onnx.ModelProto` or a
            `torch.nn.Module`.  The latter two become files below ``<out>/models``.
        mapping: ``digital``, ``analog`` (all layers that can) or the path of a mapping .json.
        system: A system preset's name (`aimc.presets`) or the path of a YAML file.
        images: How many images are simulated; None: the workload's own number.
        set: Values of the configuration by key, e.g. ``{"system.tile.adc_bits": 6}``.
        engine: ``embedded``, ``gem5`` or one that another package adds (docs/engines.md).
        dataset: Folder or file of the dataset; None: AIMC_DATA.
        checkpoint: Weights (.safetensors) of a built-in network.
        input_size: Height and width of the input, in pixels; None: the network's own.
        example_inputs: Of a torch module: one float tensor [1, channels, height, width] or
            [1, features], or a tuple of it.
        out: Folder that the run's folder goes to.
        fresh: Simulate again even if the result is there.
        progress: Tell on stderr how far the run is.
        engine_options: What the engine takes.  Of gem5 ``gem5=``: its program; without it the
            variable GEM5 names it, then PATH.

    Returns:
        Both programs' times (ns), energies (pJ) and cycles for one inference, per layer and in
        total, and their accuracies.

    Raises:
        HarnessError: An argument is impossible, or a stage failed; nothing of the run is kept.
        TypeError: Neither this function nor an engine has an argument of a name.

    Example:
        result = aimc.run("lenet5", images=2, set={"system.tile.io": "dma"})
        result.speed_up, result.energy_gain
        result.layers[["digital_time_ns", "mapped_time_ns", "speed_up"]]
    """
    given = given_arguments(run, locals())
    told_engine = given_options(engine_options)
    network = name_network(model, Path(out) / MODELS, example_inputs)
    config = configure(
        network.name,
        mapping=os.fspath(mapping),
        system=os.fspath(system),
        settings=setting_texts(set),
        images=images,
        input_size=input_size,
        dataset=optional_path(dataset),
        checkpoint=optional_path(checkpoint),
        engine=engine,
        engine_options=told_engine,
        given=given,
    )
    from aimc.progress import shown_progress

    with shown_progress(shown=progress) as told:
        network.store()
        return run_configuration(
            config,
            Path(out),
            command=[call_text("aimc.run", network.name, given)],
            progress=told,
            fresh=fresh,
            engine_options=told_engine,
        )


def run_configuration(
    config: Config,
    out: Path,
    *,
    command: Sequence[str],
    progress: Progress,
    fresh: bool = False,
    engine_options: EngineOptions = NO_OPTIONS,
) -> Result:
    """The run of a whole configuration; the command line and `run` end up here.

    Args:
        command: The command line or call, for the manifest.
        progress: Gets the progress.

    Raises:
        HarnessError: A stage failed; nothing of the run is kept.
    """
    from harness.pipeline.job import run_job

    finished = run_job(
        config, out, command=command, progress=progress, fresh=fresh, engine_options=engine_options
    )
    return Result(finished.comparison, finished.folder, finished.cached)
