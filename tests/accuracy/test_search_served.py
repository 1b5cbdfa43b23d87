"""What a search does with a result that is there already, and with neighbours at work on it."""

from __future__ import annotations

import json
import multiprocessing
import shutil
import time
from collections.abc import Callable
from multiprocessing.context import ForkServerContext
from pathlib import Path

import numpy as np
import pytest

from harness.accuracy import identity as identity_module
from harness.accuracy.earlier import read_summary, served
from harness.accuracy.identity import search_identity
from harness.accuracy.run import Found
from harness.accuracy.strategies import ByMacs, register
from harness.accuracy.task import load_task
from harness.checksums import damage, seal
from harness.config.schema import Config
from harness.errors import HarnessError
from harness.model.export import to_onnx
from harness.model.fold import fold
from tests.accuracy.searches import files, loop_config, run_config, search, search_several
from tests.heard import Heard

QUICK = ("search.warmup_epochs=0", "search.retrain_epochs=0", "search.drop_points=3")


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Found:
    return search(tmp_path_factory.mktemp("served") / "m", *QUICK)


@pytest.fixture
def out(found: Found, tmp_path: Path) -> Path:
    return Path(shutil.copytree(found.folder, tmp_path / "m"))


def fingerprint(found: Found) -> str:
    return str(found.summary["provenance"]["fingerprint"])


def edited(path: Path) -> None:
    path.write_bytes(path.read_bytes().replace(b"e", b"f", 1))


def truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


FILES = (
    "mapping.json",
    "mapping.safetensors",
    "mlp.safetensors",
    "accuracy.csv",
    "accuracy.png",
    "summary.json",
)


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize(
    ("change", "said"),
    [(edited, "changed"), (truncated, "changed"), (Path.unlink, "missing")],
)
def test_a_result_that_has_changed_is_neither_served_nor_replaced(
    found: Found, out: Path, name: str, change: Callable[[Path], None], said: str
) -> None:
    change(out / name)
    before = files(out)
    for of in (fingerprint(found), "another search"):
        with pytest.raises(HarnessError, match=f"{name} (has|is) {said}") as error:
            served(out, of, fresh=False)
        assert "--fresh searches again and replaces it" in str(error.value)
    assert files(out) == before
    assert served(out, fingerprint(found), fresh=True) is None


def test_an_edited_mapping_stays_until_it_is_asked_to_go(found: Found, out: Path) -> None:
    edited(out / "mapping.json")
    with pytest.raises(HarnessError, match=r"mapping\.json has changed"):
        search(out, *QUICK)
    assert not out.with_name("m.search").exists()
    again = search(out, *QUICK, fresh=True)
    assert not again.earlier
    assert files(out) == files(found.folder)
    assert search(out, *QUICK).earlier


def test_a_result_without_checksums_is_not_served(found: Found, out: Path) -> None:
    (out / "checksums.json").unlink()
    with pytest.raises(HarnessError, match=r"checksums\.json is missing"):
        served(out, fingerprint(found), fresh=False)
    assert served(out, fingerprint(found), fresh=True) is None
    (out / "checksums.json").write_text('{"summary.json": "0"}')
    with pytest.raises(HarnessError, match=r"mapping\.json has no checksum"):
        served(out, fingerprint(found), fresh=False)


def test_a_users_files_are_not_replaced_with_the_result(found: Found, out: Path) -> None:
    (out / "notes").mkdir()
    (out / "notes" / "why.txt").write_text("keep")
    assert served(out, fingerprint(found), fresh=False) == read_summary(out)
    for of, fresh in (("another search", False), (fingerprint(found), True)):
        with pytest.raises(HarnessError, match=r"notes/why\.txt"):
            served(out, of, fresh=fresh)
    shutil.rmtree(out / "notes")
    assert served(out, "another search", fresh=False) is None
    (out / "checksums.json").unlink()
    (out / "mine.csv").touch()
    with pytest.raises(HarnessError, match=r"mine\.csv"):
        served(out, fingerprint(found), fresh=True)


def test_an_edit_during_a_search_is_not_lost(out: Path) -> None:
    class Editing(Heard):
        def stage(self, text: str) -> None:
            if text == "writing the mapping":
                (out / "mapping.json").write_text("mine")

    with pytest.raises(HarnessError, match=r"mapping\.json has changed"):
        search(out, *QUICK, "search.seed=2", progress=Editing())
    assert (out / "mapping.json").read_text() == "mine"
    shutil.rmtree(out)
    progress = Heard()
    assert not search(out, *QUICK, "search.seed=2", progress=progress).earlier
    assert all("measured before" in text for text in progress.notes[1:])


@pytest.mark.parametrize(
    "summary",
    [
        b"",
        b"\xff",
        b"[]",
        b'{"format": "aimc-search"}',
        b"[" * 100_000,
        b'{"format": NaN}',
        b"9" * 10_000,
        b"x" * (5 << 20),
    ],
)
def test_made_up_summaries_give_one_error(found: Found, out: Path, summary: bytes) -> None:
    (out / "summary.json").write_bytes(summary)
    seal(out)
    with pytest.raises(HarnessError, match="summary"):
        served(out, fingerprint(found), fresh=False)


def test_summaries_with_one_value_of_another_kind_give_one_error(found: Found, out: Path) -> None:
    content = json.loads((out / "summary.json").read_text())
    rows = content["accuracy"]
    changed = [content | {key: [{}]} for key in content if key != "provenance"]
    changed += [content | {"accuracy": [*rows[1:], rows[0] | {key: "x"}]} for key in rows[0]]
    changed += [{k: v for k, v in content.items() if k != key} for key in content]
    for document in changed:
        if {"format", "version"} & (content.keys() - document.keys()):
            continue  # they have only one value
        (out / "summary.json").write_text(json.dumps(document))
        seal(out)
        with pytest.raises(HarnessError, match="summary"):
            served(out, fingerprint(found), fresh=False)


def test_bounds_that_share_a_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(HarnessError, match="have the same folder"):
        search_several(
            {1.0: tmp_path / "m", 1.0000001: tmp_path / "x" / ".." / "m"}, state=tmp_path / "s"
        )


# Identities


def parts(config: Config, *overrides: str, threads: int = 1) -> dict[str, str]:
    task = load_task(config)
    return dict(search_identity(task, config, loop_config(*overrides), [3.0], threads))


def differing(a: dict[str, str], b: dict[str, str]) -> set[str]:
    return {part for part in a | b if a.get(part) != b.get(part)}


def test_what_computes_and_what_is_asked_make_another_search(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    config = run_config()
    plain = parts(config)
    assert parts(config, "search.drop_points=7") == plain  # the bounds are given apart
    assert differing(plain, parts(config, threads=2)) == {"threads"}
    assert differing(plain, parts(config, "search.seed=2")) == {"settings"}
    assert differing(plain, parts(config, "noise.prog_noise_scale=2")) == {"settings"}
    assert differing(plain, parts(run_config("mlp", "system.tiles=2"))) == {"settings"}
    assert differing(plain, parts(run_config("mlp", kernels="reference"))) == {"settings"}
    version = identity_module.metadata.version
    for name in ("aihwkit", "numpy", "pillow", "scikit-learn", "scipy", "torch", "unicorn"):
        monkeypatch.setattr(
            "importlib.metadata.version", lambda n, name=name: version(n) + "x" * (n == name)
        )
        assert differing(plain, parts(config)) == {"libraries"}, name
    monkeypatch.undo()
    own = identity_module.harness_identity
    for changed, part in (("sources", "sources"), ("version", "sources"), ("engine", "engine")):
        monkeypatch.setattr(
            identity_module,
            "harness_identity",
            lambda e, changed=changed, **kw: own(e, **kw) | {changed: "x"},
        )
        assert differing(plain, parts(config)) == {part}


def test_a_strategy_of_the_users_is_part_of_the_sources(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    source = tmp_path / "own_strategy.py"
    source.write_text(
        "from harness.accuracy.strategies import ByMacs\n"
        "class Own(ByMacs):\n    name = 'own-strategy'\n"
    )
    import own_strategy  # type: ignore[import-not-found]

    register(own_strategy.Own)
    first = parts(run_config(), "search.strategy=own-strategy")
    source.write_text(source.read_text() + "# changed\n")
    assert differing(first, parts(run_config(), "search.strategy=own-strategy")) == {"sources"}
    assert ByMacs.name == "macs"


def test_a_network_of_the_same_weights_is_another(tmp_path: Path) -> None:
    """Two .onnx files that differ in an activation alone."""
    labelled = load_task(run_config()).validation
    np.savez(tmp_path / "own.npz", images=labelled.images, labels=labelled.labels)
    path = tmp_path / "own.onnx"
    model = to_onnx(fold(load_task(run_config()).graph))
    path.write_bytes(model.SerializeToString())
    config = run_config(str(path), dataset=str(tmp_path / "own.npz"))
    first, weights = parts(config), load_task(config).checksums["weights"]
    (relu, *_) = (node for node in model.graph.node if node.op_type == "Relu")
    model.graph.node.remove(relu)
    for node in model.graph.node:
        node.input[:] = [relu.input[0] if name == relu.output[0] else name for name in node.input]
    path.write_bytes(model.SerializeToString())
    assert load_task(config).checksums["weights"] == weights
    assert "network" in differing(first, parts(config))


# Neighbours


class Meeting(Heard):
    """Makes the first search wait at work until the second one says that it waits for it."""

    def __init__(self, folder: Path, *, first: bool) -> None:
        super().__init__()
        self._folder, self._first = folder, first

    def stage(self, text: str) -> None:
        if self._first and text.startswith("measuring the float network"):
            (self._folder / "at work").touch()
            while not (self._folder / "waits").exists():
                time.sleep(0.01)

    def note(self, text: str) -> None:
        super().note(text)
        if "waiting for it" in text:
            (self._folder / "waits").touch()


def search_first(folder: Path, out: Path, bounds: tuple[float, ...]) -> None:
    progress = Meeting(folder, first=True)
    outs = {drop: out.with_name(f"m-{drop:g}") for drop in bounds}
    search_several(outs, *QUICK, state=out.with_name("m.search"), progress=progress)


@pytest.fixture(scope="module")
def server() -> ForkServerContext:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__, "harness.accuracy.run"])
    return context


@pytest.mark.parametrize("bounds", [(3.0,), (3.0, 30.0)])
def test_two_searches_at_once_share_what_the_first_finds(
    tmp_path: Path, bounds: tuple[float, ...], server: ForkServerContext
) -> None:
    """The same one, and one with a further bound: each on the same state and result folder."""
    meeting, out = tmp_path / "meeting", tmp_path / "out" / "m"
    meeting.mkdir()
    process = server.Process(target=search_first, args=(meeting, out, (3.0,)))
    process.start()
    while not (meeting / "at work").exists():
        assert process.is_alive()
        time.sleep(0.01)
    progress = Meeting(meeting, first=False)
    outs = {drop: out.with_name(f"m-{drop:g}") for drop in bounds}
    second = search_several(outs, *QUICK, state=out.with_name("m.search"), progress=progress)
    process.join(60)
    assert process.exitcode == 0
    assert [found.earlier for found in second] == [True, False][: len(bounds)]
    told = progress.notes[0]
    assert told.startswith(str(out.with_name("m-3.search")))
    assert f"process {process.pid}" in told
    assert {path.name for path in out.parent.iterdir()} == {path.name for path in outs.values()}
    for found in second:
        assert not damage(found.folder)
