"""Every key of a configuration is explained, on the command line and in the documentation."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, get_args, get_origin

import pytest

from harness.config.explain import explain, markdown_table
from harness.config.loop_schema import LoopConfig
from harness.config.overrides import find_field
from harness.config.schema import Config, Gem5Dram
from harness.errors import ConfigError

DOCS = Path(__file__).parents[2] / "docs" / "presets.md"
ROWS = {row.key: row for row in explain()}


def test_every_field_has_a_description_of_one_line() -> None:
    descriptions = {key: row.description for key, row in ROWS.items()}
    for name, field in Gem5Dram.model_fields.items():
        descriptions[name] = field.description or ""
    assert len(descriptions) > 100
    for key, description in descriptions.items():
        assert len(description) >= 5, key
        assert "\n" not in description and "|" not in description, key


@pytest.mark.parametrize("key", ROWS)
def test_every_choice_is_explained(key: str) -> None:
    root = Config if key.startswith(("system", "run")) else LoopConfig
    kind = find_field(key.split("."), root).annotation
    if get_origin(kind) is Literal and isinstance(get_args(kind)[0], str):
        for value in get_args(kind):
            assert f"{value}: " in ROWS[key].description


def test_the_documentation_has_the_table() -> None:
    assert markdown_table() in DOCS.read_text(encoding="utf-8"), (
        "replace the table of docs/presets.md by what `python -m harness.config.explain` prints"
    )


def test_a_section_and_a_key_are_found_by_both_names() -> None:
    assert explain("system.tile") == explain("tile")
    assert {row.key for row in explain("tile")} == {k for k in ROWS if k.startswith("system.tile.")}
    (row,) = explain("tile.adc_bits")
    assert (row.key, row.unit, row.range) == ("system.tile.adc_bits", "bit", "2 to 16")
    assert explain("energy.dram_open_mw")[0].only == "gem5"
    assert explain("attach.load_extra_beat_ns")[0].range.endswith(" or null")


@pytest.mark.parametrize(("which", "hint"), [("tyle", "tile"), ("tile.adc_bit", "tile.adc_bits")])
def test_an_unknown_one_is_refused_with_the_closest(which: str, hint: str) -> None:
    with pytest.raises(ConfigError, match=f"did you mean '{hint}'"):
        explain(which)
