"""Engines by name, what they are told, and what they refuse of a configuration."""

from __future__ import annotations

import pytest

from harness.config.load import load_config
from harness.config.schema import Config
from harness.engines.registry import (
    check_config,
    check_engine,
    engine,
    engine_options,
    engine_with_option,
)
from harness.errors import ConfigError, EngineError, HarnessError


def config(*overrides: str) -> Config:
    return load_config(system="alpine-hp", overrides=overrides)


def test_engine_names() -> None:
    assert engine("embedded").name == "embedded"
    assert engine("gem5").name == "gem5"
    for name in ("embedded", "gem5"):
        check_engine(name)
    for refuse in (engine, check_engine):
        with pytest.raises(EngineError, match="unknown engine 'spike'") as caught:
            refuse("spike")
        assert caught.value.hint == "valid engines: embedded, gem5"


def test_an_engine_takes_its_own_options_only() -> None:
    assert set(engine_options()) == set(engine_options(["gem5"])) == {"gem5"}
    assert engine_options(["embedded"]) == {}
    assert (engine_with_option("gem5"), engine_with_option("spike")) == ("gem5", None)
    told = {"gem5": "/no/such/gem5"}
    assert engine("embedded", told).identity() == {}
    with pytest.raises(EngineError, match="no such file"):
        engine("gem5", told).identity()


@pytest.mark.parametrize(
    ("override", "says"),
    [
        ("run.engine=qemu", ["run.engine", "'qemu' is not 'embedded' or 'gem5'"]),
        ("system.core.kind=out_of_order", ["the embedded engine", "run.engine=gem5"]),
        ("system.cores=2", ["system.cores", "one core, not 2"]),
    ],
)
def test_what_an_engine_cannot_simulate_is_refused(override: str, says: list[str]) -> None:
    with pytest.raises(HarnessError) as caught:
        check_config(config(override))
    assert all(text in str(caught.value) for text in says)


def test_gem5_takes_what_the_embedded_engine_cannot() -> None:
    check_config(config("system.core.kind=out_of_order", "run.engine=gem5"))


def test_a_name_is_no_path() -> None:
    with pytest.raises(ConfigError, match=r"run\.engine"):
        config("run.engine=../gem5")
