"""From a point's settings to its whole configuration, checked."""

from __future__ import annotations

import functools
import importlib.util
import os
from collections.abc import Callable
from pathlib import Path
from typing import Final

from harness.config import defaults
from harness.config.defaults import is_tile_key
from harness.config.load import load_config, load_loop_config
from harness.config.loop_schema import LoopConfig
from harness.config.overrides import Override
from harness.config.preset_files import SYSTEM, PresetFinder, find_preset
from harness.config.schema import Config
from harness.data.digits import BUNDLED
from harness.data.workloads import FOLDER_VARIABLE, workload_for
from harness.engines.protocol import NO_OPTIONS, EngineOptions
from harness.engines.registry import check_config
from harness.errors import ConfigError, HarnessError
from harness.mapping.file_format import check_model, read_mapping_file
from harness.model.builtin import chosen_size
from harness.model.onnx_path import is_onnx_path, refused_checkpoint
from harness.sweep.enough import network_size
from harness.sweep.keys import (
    CHECKPOINT,
    DROP,
    ENOUGH,
    IMAGES,
    INPUT_SIZE,
    MAPPING,
    MODEL,
    PRESET_KEYS,
    TILES,
    Settings,
    is_loop_key,
    override_of,
)

_SEARCH_NEEDS: Final = ("torch", "aihwkit")


class ImpossibleError(ConfigError):
    """Settings that exclude one another; ``key`` is the one that the message names."""

    def __init__(self, what: str, key: str, *, hint: str | None = None) -> None:
        super().__init__(what, where=key, hint=hint)
        self.key = key


class ConfigMaker:
    """Makes configurations as `aimc run` does; presets and workloads are read once."""

    def __init__(self, engine_options: EngineOptions = NO_OPTIONS) -> None:
        self._engine_options = engine_options
        self._find: PresetFinder = functools.cache(find_preset)
        self._images: Callable[[str], int | None] = functools.cache(_workload_images)
        self._has_images = functools.cache(_has_images)
        self._check_mapping = functools.cache(_check_mapping)
        self._loops: dict[tuple[tuple[str, object], ...], LoopConfig] = {}

    def config(self, settings: Settings) -> Config:
        """The configuration; ``enough`` tiles count as 1.

        Raises:
            HarnessError: A value is impossible, or values exclude one another.
        """
        _check_together(settings)
        model = settings.get(MODEL)
        if model is None:
            raise ConfigError("no network is named", hint="add model: vgg16 under base")
        images = None if is_onnx_path(str(model)) else self._images(str(model))
        config = load_config(
            system=str(settings.get(SYSTEM, defaults.SYSTEM)),
            overrides=_overrides(settings, ("run.", "system.")),
            run={} if images is None or IMAGES in settings else {"images": images},
            find=self._find,
        )
        check_config(config, self._engine_options)
        run = config.run
        if is_onnx_path(run.model):
            _check_file(run.model, run.input_size)
        else:
            _check_builtin(run.model, run.input_size)
        if run.mapping not in ("analog", "digital"):
            self._check_mapping(run.mapping, run.model)
        return config

    def search(self, settings: Settings, config: Config) -> LoopConfig | None:
        """How the mapping of ``config`` is searched; None without a bound.

        Raises:
            HarnessError: A value is impossible, a package is not installed, or there are no
                labelled images.
        """
        if DROP not in settings:
            return None
        if not self._has_images(config.run.model, config.run.dataset):
            raise ImpossibleError(
                f"finding a mapping of {config.run.model} needs labelled images",
                DROP,
                hint=f"name a dataset under base, or set {FOLDER_VARIABLE}",
            )
        mark = tuple(item for item in settings.items() if is_loop_key(item[0]))
        if mark not in self._loops:
            self._loops[mark] = self._loop(settings)
        return self._loops[mark]

    def _loop(self, settings: Settings) -> LoopConfig:
        missing = [name for name in _SEARCH_NEEDS if importlib.util.find_spec(name) is None]
        if missing:
            raise ImpossibleError(
                f"finding a mapping needs {' and '.join(missing)}, not installed here",
                DROP,
                hint="pip install 'aimc-harness[train]', or leave drop out",
            )
        loop = load_loop_config(
            noise=str(settings.get("noise", defaults.NOISE)),
            search=str(settings.get("search", defaults.SEARCH)),
            overrides=_overrides(settings, ("noise.", "search.")),
            find=self._find,
        )
        from harness.accuracy.strategies import strategy_named

        strategy_named(loop.search.strategy)
        return loop


def _overrides(settings: Settings, prefixes: tuple[str, ...]) -> list[Override]:
    return [
        override_of(path, 1 if path == TILES and value == ENOUGH else value)
        for path, value in settings.items()
        if path not in PRESET_KEYS and path.startswith(prefixes)
    ]


def _check_together(settings: Settings) -> None:
    if settings.get(MAPPING) == "digital":
        for key in settings:
            if is_tile_key(key):
                raise ImpossibleError(
                    "the mapping is digital, which uses no tiles",
                    key,
                    hint="every point has the all-digital program beside its own: leave the "
                    "mapping digital out",
                )
    if DROP in settings:
        if MAPPING in settings:
            raise ImpossibleError(
                "the mapping is found under a bound (drop), so none can be named",
                MAPPING,
                hint="leave mapping or drop out",
            )
    else:
        for key in settings:
            if is_loop_key(key):
                raise ImpossibleError(
                    "this is about finding a mapping, which needs a bound on accuracy",
                    key,
                    hint="add drop: 1.0 under base, or leave it out",
                )
    if reason := refused_checkpoint(str(settings.get(MODEL)), settings.get(CHECKPOINT)):
        raise ImpossibleError(reason, CHECKPOINT, hint="leave the checkpoint out")


def _workload_images(model: str) -> int | None:
    workload = workload_for(model)
    return None if workload is None else workload.simulated_images


def _has_images(model: str, dataset: str | None) -> bool:
    if dataset is not None or os.environ.get(FOLDER_VARIABLE):
        return True
    workload = None if is_onnx_path(model) else workload_for(model)
    return workload is not None and workload.dataset == BUNDLED


def _check_builtin(model: str, input_size: int | None) -> None:
    try:
        chosen_size(model, None)
    except HarnessError as error:
        raise ImpossibleError(error.what, MODEL, hint=error.hint) from error
    try:
        chosen_size(model, input_size)
    except HarnessError as error:
        raise ImpossibleError(f"{model}: {error.what}", INPUT_SIZE, hint=error.hint) from error


def _check_file(model: str, input_size: int | None) -> None:
    try:
        network_size(model, input_size)
    except HarnessError as error:
        raise ImpossibleError(f"{model}: {error.what}", MODEL, hint=error.hint) from error


def _check_mapping(mapping: str, model: str) -> None:
    try:
        content = read_mapping_file(Path(mapping))
        if not is_onnx_path(model):
            check_model(content, model, mapping)
    except HarnessError as error:
        raise ImpossibleError(f"{error.where}: {error.what}", MAPPING, hint=error.hint) from error
