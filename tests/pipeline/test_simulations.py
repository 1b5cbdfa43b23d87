"""A program is simulated once; nothing that its result depends on is ever forgotten."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from harness.cache.sealed import publish_bytes, read_entry
from harness.config.load import load_config
from harness.config.schema import SystemConfig
from harness.engines.gem5 import engine as gem5_engine
from harness.engines.gem5.installation import Installation
from harness.engines.protocol import RunResult
from harness.errors import EngineError, StatsError
from harness.pipeline import identity, simulations
from harness.pipeline.prepare import prepare
from harness.pipeline.programs import build, compile_generated
from harness.pipeline.simulations import Order, simulate_once

OVERRIDES = ("system.memory.latency_ns=70", "system.caches.l2.size_kib=256")


def system_of(*overrides: str) -> SystemConfig:
    return load_config(system="alpine-hp", overrides=overrides, run={"model": "lenet5"}).system


@pytest.fixture(scope="module")
def orders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Order]:
    """Simulations of a program without tiles and of one with them."""
    folder = tmp_path_factory.mktemp("programs")
    config = load_config(system="alpine-hp", run={"model": "lenet5", "warmup": 0})
    prepared = prepare(config)
    assert prepared.mapped is not None
    found = {}
    for name, plan in (("digital", prepared.digital), ("mapped", prepared.mapped)):
        generated = build(plan, config, prepared.images[:1], folder / name)
        elf = compile_generated(generated, folder / name)
        found[name] = Order(
            elf, generated.regions, config.system, plan.tiles_used, "embedded", timeout_s=60
        )
    return found


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("AIMC_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "simulations"


def whole(result: RunResult) -> RunResult:
    """What a caller makes of a result: here, all of it."""
    assert result.exit_code == 0
    return result


def had(order: Order, note: Callable[[str], None] = print) -> tuple[RunResult, bool]:
    """The result of ``order``, and whether it was there before."""
    began_s = time.time()
    result, made_s = simulate_once(order, whole, note=note)
    assert made_s <= time.time()
    return result, made_s < began_s


def had_before(order: Order) -> bool:
    return had(order)[1]


def entry_of(cache: Path) -> Path:
    (entry,) = cache.iterdir()
    return entry


@pytest.mark.parametrize("name", ["digital", "mapped"])
def test_the_second_time_the_first_result_is_given(
    name: str, orders: dict[str, Order], cache: Path, tmp_path: Path
) -> None:
    first, before = had(orders[name])
    assert not before
    elsewhere = tmp_path / "elsewhere.elf"
    elsewhere.write_bytes(orders[name].elf.read_bytes())
    order = replace(orders[name], elf=elsewhere, timeout_s=1e9)
    assert had(order) == (first, True)
    assert {path.suffix for path in cache.iterdir()} == {".sealed"}


@pytest.mark.usefixtures("cache")
def test_all_digital_programs_share_a_result_whatever_the_tiles_are(
    orders: dict[str, Order],
) -> None:
    digital, mapped = orders["digital"], orders["mapped"]
    assert not had_before(digital) and not had_before(mapped)
    invisible = ("system.tiles=7", "system.energy.int_op_pj=5", "system.energy=lp-14nm")
    tiles = ("system.tile.rows=64", "system.tile.adc_latency_ns=1", "system.attach=bus")
    for override in (*invisible, *tiles, "system.tile.seed=9"):
        assert had_before(replace(digital, system=system_of(override))), override
    for override in invisible:
        assert had_before(replace(mapped, system=system_of(override))), override
    for override in ("system.tile.adc_latency_ns=1", "system.attach=bus", "system.tile.seed=9"):
        assert not had_before(replace(mapped, system=system_of(override))), override


@pytest.mark.usefixtures("cache")
def test_whatever_the_program_sees_makes_another_simulation(
    orders: dict[str, Order], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = orders["digital"]
    assert not had_before(order)
    for override in OVERRIDES:
        assert not had_before(replace(order, system=system_of(override)))
    regions = dict(reversed(order.regions.items()))
    assert not had_before(replace(order, regions=regions))
    assert not had_before(replace(order, regions={**order.regions, 1: "another name"}))
    assert not had_before(replace(order, tiles_used=1))
    other = tmp_path / "other.elf"
    other.write_bytes(order.elf.read_bytes() + b"\0")
    assert not had_before(replace(order, elf=other))
    module = tmp_path / "module.so"
    module.write_bytes(b"another engine")
    monkeypatch.setattr(identity, "_module_file", lambda _: module)
    monkeypatch.setattr(simulations, "_LOADED", identity.engine_sources())
    assert not had_before(order)
    assert had_before(order)


def test_a_process_whose_sources_have_changed_reads_and_keeps_nothing(
    orders: dict[str, Order], cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not had_before(orders["digital"])
    entry = entry_of(cache)
    content = entry.read_bytes()
    monkeypatch.setattr(simulations, "engine_sources", lambda: "rebuilt meanwhile")
    notes: list[str] = []
    for order in orders.values():
        assert not had(order, notes.append)[1]
    assert len(notes) == 2 and "keeping nothing" in notes[0]
    assert entry_of(cache).read_bytes() == content


def test_sources_of_the_engines_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("engines/any.py", "engines/gem5/any.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("as it was")
    (tmp_path / "gem5_configs").mkdir()
    monkeypatch.setattr(identity, "_PACKAGE", tmp_path)
    monkeypatch.setattr(gem5_engine, "resource", lambda name: tmp_path / name)
    monkeypatch.setattr(gem5_engine, "describe", lambda binary: Installation(binary, "24.0"))
    gem5 = tmp_path / "gem5.opt"
    gem5.touch(mode=0o755)

    def on_gem5() -> dict[str, object]:
        return identity.simulator_identity("gem5", {"gem5": str(gem5)})

    seen = [identity.simulator_identity("embedded"), on_gem5()]
    for path in sorted(tmp_path.rglob("*.py")):
        path.write_text("changed")
        seen.append(identity.simulator_identity("embedded"))
    (tmp_path / "gem5_configs" / "board.py").write_text("new")
    assert identity.simulator_identity("embedded") == seen[-1]
    seen.append(on_gem5())
    assert len({json.dumps(each) for each in seen}) == 5


def test_what_a_check_refuses_is_not_kept(orders: dict[str, Order], cache: Path) -> None:
    def refuse(result: RunResult) -> None:
        raise StatsError(f"{result.exit_code} is not enough")

    with pytest.raises(StatsError, match="0 is not enough"):
        simulate_once(orders["digital"], refuse)
    with pytest.raises(EngineError, match="did not end within"):
        simulate_once(replace(orders["digital"], timeout_s=1e-6), whole)
    with pytest.raises(EngineError, match="cannot read the program"):
        simulate_once(replace(orders["digital"], elf=cache / "missing.elf"), whole)
    assert list(cache.iterdir()) == []
    assert not had_before(orders["digital"])


def test_fresh_simulates_and_replaces(orders: dict[str, Order], cache: Path) -> None:
    order = orders["digital"]
    simulate_once(order, whole)
    made = entry_of(cache).stat().st_ino
    began_s = time.time()
    first, made_s = simulate_once(order, whole, not_before_s=began_s)
    assert made_s >= began_s
    assert entry_of(cache).stat().st_ino != made
    # What was simulated since then counts: a command simulates each program once.
    assert simulate_once(order, whole, not_before_s=began_s) == (first, made_s)
    assert simulate_once(order, whole) == (first, made_s)


def flip(data: bytes) -> bytes:
    return data[:-9] + bytes([data[-9] ^ 1]) + data[-8:]


@pytest.mark.parametrize("damage", [flip, lambda data: data[:-9], lambda _: b""])
def test_a_damaged_entry_is_told_and_replaced(
    damage: Callable[[bytes], bytes], orders: dict[str, Order], cache: Path
) -> None:
    simulate_once(orders["digital"], whole)
    entry = entry_of(cache)
    entry.write_bytes(damage(entry.read_bytes()))
    notes: list[str] = []
    assert not had(orders["digital"], notes.append)[1]
    assert f"{entry} is damaged; making again what it held" in notes
    assert had_before(orders["digital"])


@pytest.mark.parametrize("part", ["of", "result", "format"])
def test_an_entry_of_something_else_is_not_believed(
    part: str, orders: dict[str, Order], cache: Path
) -> None:
    simulate_once(orders["digital"], whole)
    entry = entry_of(cache)
    document = json.loads(read_entry(entry, note=print) or b"")
    if part == "of":
        document["of"]["elf_sha256"] = "0" * 64
    elif part == "result":
        document["kept"]["result"]["regions"][0]["visits"] = "1"
    else:
        document["more"] = 1
    publish_bytes(json.dumps(document).encode(), entry, cache.parent / "tmp")
    notes: list[str] = []
    assert not had(orders["digital"], notes.append)[1]
    assert f"{entry} is not of this program; simulating again" in notes
    assert had_before(orders["digital"])


@pytest.mark.usefixtures("cache")
def test_a_second_process_waits_for_the_first(orders: dict[str, Order]) -> None:
    waits = threading.Event()
    notes: list[str] = []
    served: list[tuple[RunResult, float]] = []

    def wait(text: str) -> None:
        notes.append(text)
        waits.set()

    second = threading.Thread(
        target=lambda: served.append(simulate_once(orders["mapped"], whole, note=wait))
    )

    def slow(result: RunResult) -> RunResult:
        second.start()
        assert waits.wait(60)
        return result

    first = simulate_once(orders["mapped"], slow)
    second.join()
    assert served == [first]
    assert len(notes) == 1 and notes[0].startswith("another process (host ")


def test_a_cache_that_cannot_be_written_costs_only_the_result(
    orders: dict[str, Order], cache: Path
) -> None:
    cache.parent.mkdir()
    cache.write_text("in the way")
    notes: list[str] = []
    result, before = had(orders["digital"], notes.append)
    assert result.exit_code == 0 and not before
    assert len(notes) == 2
    assert all("kept" in note and str(cache) in note for note in notes)


def test_a_cache_without_room_keeps_nothing(
    orders: dict[str, Order], cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIMC_CACHE_GIB", "0")
    assert not had_before(orders["digital"])
    assert not had_before(orders["digital"])
    assert list(cache.iterdir()) == []
