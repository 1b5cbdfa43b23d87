"""Configurations from presets, files and overrides; their hash; what is refused and how."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.config.fields import Section
from harness.config.load import (
    config_from_yaml,
    config_hash,
    config_to_yaml,
    list_presets,
    load_config,
    short_hash,
)
from harness.config.schema import Config
from harness.errors import ConfigError


def load(*overrides: str, **run: object) -> Config:
    return load_config(system="alpine-hp", overrides=overrides, run=run)


def refusal(*overrides: str, **run: object) -> str:
    with pytest.raises(ConfigError) as caught:
        load(*overrides, **run)
    return str(caught.value)


def test_defaults() -> None:
    config = load()
    assert config.system.core.clock_ghz == 2.3
    assert config.system.caches.l1d.sets == 256
    assert config.run.mapping == "analog"
    assert config.run.engine == "embedded"


def test_precedence_run_then_overrides() -> None:
    config = load("run.images=7", images=3, model="vgg16")
    assert config.run.images == 7
    assert config.run.model == "vgg16"
    assert load("run.images=1", "run.images=2").run.images == 2


def test_a_swap_comes_before_single_values_in_any_order() -> None:
    one = load("system.tile.adc_latency_ns=50", "system.tile=hermes-256")
    other = load("system.tile=hermes-256", "system.tile.adc_latency_ns=50")
    assert one == other
    assert one.system.tile.adc_latency_ns == 50.0
    assert one.system.tile.crossbar_latency_ns == 133.0


def test_a_changed_preset_does_not_keep_its_name() -> None:
    assert load("system.tile.rows=128").system.tile.name == "alpine.modified"
    assert load("system.tile.rows=128").system.name == "alpine-hp.modified"
    assert load("system.tile=hermes-256").system.name == "alpine-hp.modified"
    assert load("system.tile=hermes-256").system.tile.name == "hermes-256"
    assert load("system.tile.rows=256") == load()
    assert load("system.tile.rows=128", "system.tile.name=mine").system.tile.name == "mine"


def test_switches_and_texts() -> None:
    assert load("system.tile.noise=on").system.tile.noise is True
    assert load("system.tile.noise=off").system.tile.noise is False
    assert load("run.checkpoint=null").run.checkpoint is None
    assert load("run.checkpoint=on").run.checkpoint == "on"
    assert load("run.model=a=b.onnx").run.model == "a=b.onnx"
    assert load("run.model=123").run.model == "123"
    assert load("system.tile.seed=18446744073709551615").system.tile.seed == 2**64 - 1


@pytest.mark.parametrize(
    ("override", "parts"),
    [
        ("system.tyle.rows=3", ["system.tyle", "did you mean 'tile'"]),
        ("system.tile.rowz=3", ["system.tile.rowz", "did you mean 'rows'"]),
        ("system.tile=foo", ["system.tile", "hermes-256"]),
        ("system.tile.io=spi", ["system.tile.io", "'spi' is not 'pio' or 'dma'"]),
        ("system.tile.rows=0", ["system.tile.rows", "range 1 to 16384"]),
        ("system.tile.rows=1.5", ["system.tile.rows", "1.5"]),
        ("system.tile.rows=true", ["system.tile.rows", "True is not a valid integer"]),
        ("system.tile.rows=", ["system.tile.rows", "None"]),
        ("system.core.clock_ghz=1e999", ["system.core.clock_ghz", "inf"]),
        ("system.core.clock_ghz=-1", ["system.core.clock_ghz", "range 0.001 to 10"]),
        ("system.core.clock_ghz=fast", ["system.core.clock_ghz", "'fast'"]),
        ("system.tile.noise=maybe", ["system.tile.noise", "boolean"]),
        ("system.name=a b", ["system.name"]),
        ("run.placement=spread", ["run.placement", "'resident', 'replicate' or 'reload'"]),
        ("run.model.x=3", ["run.model", "one value"]),
        ("run.imges=3", ["did you mean 'images'"]),
        ("system=x", ["group of values", "system.tile"]),
        ("system.caches.l1d=x", ["group of values", "system.caches.l1d.ways"]),
        ("images=3", ["unknown key 'images'", "valid: system, run"]),
        ("nonsense", ["not an override"]),
        ("=3", ["not an override"]),
        ("system..x=3", ["unknown key ''"]),
        ("system.caches.l1d.ways=3", ["system.caches.l1d", "170.667 sets"]),
        ("system.caches.l2.size_kib=16", ["system.caches", "l1i.size_kib 32 exceeds"]),
        ("system.caches.l2.line_bytes=128", ["line_bytes differ"]),
        ("system.core.branch_predictor_entries=1000", ["1000, not a power of two"]),
        ("system.core.dot_accumulate_latency=9", ["dot_accumulate_latency 9 exceeds"]),
        ("system.core.load_to_use_latency=1", ["load_to_use_latency 1 is below"]),
    ],
)
def test_refusals_name_the_key_and_the_way_out(override: str, parts: list[str]) -> None:
    message = refusal(override)
    for part in parts:
        assert part in message


def test_all_impossible_values_are_named_at_once() -> None:
    message = refusal("system.tile.rows=0", "run.images=-1")
    assert "system.tile.rows" in message
    assert "run.images" in message


def test_unknown_run_key_and_system() -> None:
    assert "did you mean 'mapping'" in refusal(maping="analog")
    with pytest.raises(ConfigError, match="no system preset"):
        load_config(system="../../etc/passwd")
    with pytest.raises(ConfigError, match="no preset file"):
        load_config(system="missing.yaml")


def test_names_that_are_not_text_are_refused() -> None:
    assert "run.model" in refusal(model="\udcff.onnx")  # an argument that is not UTF-8
    assert "run.model" in refusal("run.model=\udcff.onnx")
    assert "run.images" in refusal(images="3")
    assert "run.images" in refusal(images=True)


def test_stored_configurations_without_a_placement_are_resident() -> None:
    text = config_to_yaml(load("run.placement=resident"))
    assert text.count("  placement: resident\n") == 1
    assert config_from_yaml(text.replace("  placement: resident\n", "")) == load()
    with pytest.raises(ConfigError, match="2 impossible values"):
        config_from_yaml("system: 3\nrun: 4\n")


def test_yaml_round_trip_and_hash() -> None:
    config = load("system.tile=hermes-256", "system.tile.noise=on", model="a: 'b'\n#c.onnx")
    text = config_to_yaml(config)
    assert config_from_yaml(text) == config
    assert short_hash(config) in text
    assert config_hash(config).startswith(short_hash(config))
    assert len(short_hash(config)) == 12
    assert config_hash(config) == config_hash(config_from_yaml(text))


def test_the_hash_depends_on_values_and_on_nothing_else() -> None:
    base = config_hash(load())
    assert config_hash(load("system.tile.rows=256", "run.images=1")) == base
    assert config_hash(load("system.core.clock_ghz=2.30")) == base
    seen = {base}
    for override in ("run.seed=2", "system.tile.seed=2", "system.tiles=1", "run.mapping=digital"):
        seen.add(config_hash(load(override)))
    assert len(seen) == 5


def test_the_hash_is_the_same_in_another_process() -> None:
    program = (
        "from harness.config.load import *;"
        "print(config_hash(load_config(system='alpine-hp', overrides=['run.images=3'], run={})))"
    )
    for seed in ("0", "1"):
        output = subprocess.run(
            [sys.executable, "-c", program],
            capture_output=True,
            text=True,
            check=True,
            cwd=Path(__file__).parents[2],
            env={"PYTHONHASHSEED": seed, "PATH": "/usr/bin:/bin"},
        ).stdout
        assert output.strip() == config_hash(load("run.images=3"))


def _leaves(section: Section, prefix: str = "") -> list[tuple[str, object]]:
    result: list[tuple[str, object]] = []
    for key in type(section).model_fields:
        value = getattr(section, key)
        nested = isinstance(value, Section)
        result += _leaves(value, f"{prefix}{key}.") if nested else [(prefix + key, value)]
    return result


@pytest.mark.parametrize(("key", "value"), _leaves(load_config(system="alpine-hp")))
def test_every_value_can_be_overridden_by_itself(key: str, value: object) -> None:
    text = "null" if value is None else json.dumps(value).strip('"')
    assert load(f"{key}={text}") == load()


def test_own_system_file_with_own_section_beside_it(tmp_path: Path) -> None:
    source = "source: measured in our lab"
    memory = load_config(system="alpine-hp").system.memory.model_dump(exclude={"name"})
    memory |= {"size_mib": 64, "latency_ns": 500, "bandwidth_gb_per_s": 1}
    values = "".join(f"  {key}: {{value: {value}, {source}}}\n" for key, value in memory.items())
    (tmp_path / "slow.yaml").write_text(
        f"title: t\ndescription: d\nvalues:\n{values}", encoding="utf-8"
    )
    sections = {"core": "cortex-a55-like", "caches": "alpine", "memory": "slow.yaml"}
    sections |= {"attach": "bus", "tile": "alpine", "energy": "hp-14nm"}
    lines = [f"  {key}: {{value: {value}, {source}}}" for key, value in sections.items()]
    system = tmp_path / "lab.yaml"
    system.write_text(
        "title: t\ndescription: d\nvalues:\n"
        f"  cores: {{value: 2, {source}}}\n  tiles: {{value: 4, {source}}}\n" + "\n".join(lines),
        encoding="utf-8",
    )
    config = load_config(system=str(system), overrides=["system.core.clock_ghz=1"])
    assert config.system.name == "lab.modified"
    assert config.system.memory.latency_ns == 500.0
    assert config.system.memory.name == "slow"
    assert config.system.core.name == "cortex-a55-like.modified"


_KEYS = st.sampled_from([key for key, _ in _leaves(load_config(system="alpine-hp"))])
_SECTION_NAMES = st.sampled_from([f"system.{key}" for key in list_presets()])


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.one_of(
            st.tuples(_KEYS | _SECTION_NAMES, st.text(max_size=12)).map("=".join),
            st.tuples(_KEYS, st.integers(-(2**70), 2**70).map(str)).map("=".join),
            st.tuples(_KEYS, st.floats().map(repr)).map("=".join),
            st.text(max_size=30),
        ),
        max_size=4,
    )
)
def test_any_override_gives_a_configuration_or_a_config_error(overrides: list[str]) -> None:
    try:
        config = load(*overrides)
    except ConfigError as error:
        assert error.what
        return
    json.dumps(config.model_dump(mode="json"), allow_nan=False)
    assert config_from_yaml(config_to_yaml(config)) == config


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_damaged_configuration_files_are_refused_or_equal(data: st.DataObject) -> None:
    config = load()
    text = config_to_yaml(config)
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, min(len(text), start + 40)))
    damaged = text[:start] + data.draw(st.text(max_size=8)) + text[end:]
    try:
        read = config_from_yaml(damaged)
    except ConfigError:
        return
    assert isinstance(read, Config)
    assert config_hash(read)
