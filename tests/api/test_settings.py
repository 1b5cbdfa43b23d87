"""Settings given in Python are those of the command line: values, defaults and refusals."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import typer.main

import aimc
from aimc.cli.app import app
from aimc.configuration import Setting, configure, setting_texts
from harness.config.load import load_config
from harness.engines.registry import engine_options
from harness.errors import HarnessError

NO = "nowhere"


@pytest.mark.parametrize(
    ("key", "value", "text"),
    [
        ("system.tile.noise", True, "on"),
        ("system.tile.noise", np.False_, "false"),
        ("system.tile.adc_bits", 6, "6"),
        ("system.tile.adc_bits", np.int32(6), "6"),
        ("system.tile.adc_latency_ns", 0.1, "0.1"),
        ("system.tile.adc_latency_ns", np.float32(0.5), "0.5"),
        ("system.tile.adc_latency_ns", 1e-7, "1e-7"),
        ("system.tile.adc_latency_ns", 3, "3"),
        ("system.tile", "hermes-256", "hermes-256"),
        ("run.dataset", None, "null"),
        ("run.dataset", Path("a b"), "a b"),
        ("system.tile.io", "dma", "dma"),
    ],
)
def test_a_value_is_what_its_text_is(key: str, value: Setting, text: str) -> None:
    by_value = configure("mlp", mapping="analog", settings=setting_texts({key: value}))
    run = {"model": "mlp", "mapping": "analog", "images": by_value.run.images}
    assert by_value == load_config(system="alpine-hp", overrides=[f"{key}={text}"], run=run)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"images": 0}, "images"),
        ({"images": "many"}, "'many' is not"),
        ({"images": True}, "images"),
        ({"input_size": 9}, "9"),
        ({"engine": "gem6"}, "valid engines: embedded, gem5"),
        ({"gem5": NO}, "gem5=: the engine is embedded, which uses no gem5\n.*engine='gem5'"),
        ({"gem5": NO, "engine": "gem5"}, NO),
        ({"mapping": "most"}, "most"),
        ({"mapping": Path("missing.json")}, "missing.json"),
        ({"system": NO}, NO),
        ({"dataset": NO}, NO),
        ({"checkpoint": NO}, NO),
        ({"set": {"system.tile.adc_bit": 8}}, "unknown key 'adc_bit'"),
        ({"set": {"system.tile.adc_bits": 99}}, "99"),
        ({"set": {"system.tile.adc_bits": 6.5}}, "6.5"),
        ({"set": {"system.tile.adc_bits": True}}, "True"),
        ({"set": {"system.tile.adc_latency_ns": float("nan")}}, "nan"),
        ({"set": {"system.tile": 3}}, "no tile preset '3'"),
        ({"set": {"system.tile.adc_bits": [6]}}, r"set\['system.tile.adc_bits'\]: list is no kind"),
        ({"set": {"system.tile.adc_bits=6": 6}}, "not a key"),
        ({"set": {6: 6}}, "not a key: '6'"),
        ({"set": ["system.tile.adc_bits=6"]}, "a mapping of keys to values is needed, not list"),
        ({"set": {"run.model": "lenet5"}}, r"set\['run.model'\]: model= says it already"),
        (
            {"images": 2, "set": {"run.images": 3}},
            r"set\['run.images'\]: images= says it already",
        ),
        (
            {"mapping": "analog", "set": {"run.mapping": "digital"}},
            r"set\['run.mapping'\]: mapping= says it already",
        ),
        (
            {"mapping": "digital", "set": {"system.tile.adc_bits": 6}},
            r"set\['system.tile.adc_bits'\]: the mapping is digital.*choose another mapping=",
        ),
        (
            {"set": {"run.mapping": "digital", "system.tiles": 3}},
            r"set\['system.tiles'\]: the mapping is digital",
        ),
    ],
    ids=str,
)
def test_what_is_impossible_is_refused(
    arguments: dict[str, object], says: str, empty_folder: Path
) -> None:
    with pytest.raises(HarnessError, match=f"(?s){says}"):
        aimc.run("mlp", **arguments)  # type: ignore[arg-type]
    assert [path for path in empty_folder.rglob("*") if path.is_file()] == []


def test_a_checkpoint_is_no_file_networks() -> None:
    with pytest.raises(HarnessError, match="checkpoint='c': a checkpoint is for built-in networks"):
        aimc.run("net.onnx", checkpoint="c")


def test_a_default_gives_way_to_a_setting() -> None:
    result = aimc.run("mlp", images=1, set={"run.mapping": "digital"})
    assert result.comparison.config.run.mapping == "digital"
    assert result.speed_up is None


@pytest.mark.parametrize(
    ("command", "function", "renamed"),
    [
        ("run", aimc.run, {"overrides": "set"}),
        ("map", aimc.search, {"overrides": "set", "t_eval": "t_eval_s", "search": "preset"}),
    ],
)
def test_the_command_line_has_the_same_arguments_and_defaults(
    command: str, function: Callable[..., object], renamed: dict[str, str]
) -> None:
    group = typer.main.get_command(app)
    options = group.commands[command].params  # type: ignore[attr-defined]
    of_command = {renamed.get(option.name, option.name): option.default for option in options}
    of_function = {
        name: parameter.default
        for name, parameter in inspect.signature(function).parameters.items()
        if parameter.kind is not inspect.Parameter.VAR_KEYWORD
    }
    of_function |= dict.fromkeys(engine_options())
    in_memory = {"example_inputs", "progress"}
    without_drop = {"mapping"} if command == "map" else set()
    assert of_command.keys() - without_drop == of_function.keys() - in_memory
    for name in of_command.keys() - without_drop - {"model", "drop"}:
        said, default = of_command[name], of_function[name]
        assert (None if said is None else str(said)) == (
            None if default is None else str(default)
        ), name
