"""Sweep files that are refused: each with one message that has the line, the key and the reason."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness.errors import HarnessError
from harness.sweep.sweep_file import read_sweep

HEAD = "base: {model: lenet5}\n"
TILES = "grid: {system.tiles: [1, 2]}\n"

# Text, line, key, and a part of the message.
WRONG = {
    "empty": ("", None, "", "a sweep is a mapping"),
    "a list": ("- a\n", None, "", "a sweep is a mapping"),
    "no YAML": ("base: [\n", None, "", "not valid YAML"),
    "twice": ("base: {}\nbase: {}\n", None, "", "'base' stands twice (line 2)"),
    "unknown section": (HEAD + "grids: {}\n", 2, "grids", "did you mean 'grid'?"),
    "base is no mapping": ("base: vgg16\n" + TILES, 1, "base", "keys with values are needed"),
    "base is empty": ("base:\n" + TILES, 1, "base", "keys with values are needed, not nothing"),
    "unknown base key": ("base: {modle: a}\n" + TILES, 1, "base.modle", "mean 'model'?"),
    "unknown key": (
        HEAD + "grid:\n  system.tile.row: [1]\n",
        3,
        "grid.system.tile.row",
        "unknown key 'row'\n  hint: did you mean 'rows'?",
    ),
    "too deep": (
        HEAD + "grid:\n  system.tiles.rows: [1]\n",
        3,
        "grid.system.tiles.rows",
        "system.tiles is one value",
    ),
    "a group": (HEAD + "grid: {system.caches.l1d: [1]}\n", 2, "grid.system.caches.l1d", "a group"),
    "set unknown": (
        "base:\n  model: mlp\n  set:\n    system.tile.bits: 3\n" + TILES,
        4,
        "base.set.system.tile.bits",
        "unknown key 'bits'",
    ),
    "set is no mapping": ("base: {model: mlp, set: 3}\n" + TILES, 1, "base.set", "keys with"),
    "a list in base": ("base: {model: [mlp]}\n" + TILES, 1, "base.model", "one value is needed"),
    "no axes": (HEAD, None, "", "nothing varies"),
    "no values": (HEAD + "grid:\n  images: []\n", 3, "grid.images", "the axis has no values"),
    "one scalar": (HEAD + "grid:\n  images: 3\n", 3, "grid.images", "an axis needs several values"),
    "a nested list": (HEAD + "grid:\n  images: [[1]]\n", 3, "grid.images", "one value is needed"),
    "a repeated value": (
        HEAD + "grid:\n  images:\n    - 1\n    - 2\n    - 1\n",
        6,
        "grid.images",
        "the value 1 stands twice",
    ),
    "out of range": (
        HEAD + "grid:\n  system.tile.rows:\n    - 64\n    - 100000\n",
        5,
        "grid.system.tile.rows",
        "100000 is not in the range 1 to 16384",
    ),
    "out of range in base": (
        "base:\n  model: mlp\n  system.tile.rows: 0\n" + TILES,
        3,
        "base.system.tile.rows",
        "0 is not in the range",
    ),
    "no whole number": (
        HEAD + "grid: {system.tiles: [1.5]}\n",
        2,
        "grid.system.tiles",
        "1.5 is not a valid integer",
    ),
    "text for a number": (HEAD + "grid: {images: [many]}\n", 2, "grid.images", "'many' is not"),
    "unknown engine": (
        HEAD + "grid: {engine: [embedded, gem6]}\n",
        2,
        "grid.engine",
        "'gem6' is not 'embedded' or 'gem5'",
    ),
    "unknown model": (
        "grid:\n  model: [lenet5, lenet]\n",
        2,
        "grid.model",
        "there is no built-in network 'lenet'",
    ),
    "no model": ("base: {images: 1}\n" + TILES, 2, "grid", "no network is named"),
    "unknown system": (HEAD + "grid: {system: [alpine]}\n", 2, "grid.system", "no system preset"),
    "unknown section preset": (
        HEAD + "grid:\n  system.tile: [alpine, hermes]\n",
        3,
        "grid.system.tile",
        "there is no tile preset 'hermes'",
    ),
    "a number for a preset": (HEAD + "grid: {system: [1]}\n", 2, "grid.system", "name is text"),
    "a number for a section": (HEAD + "grid: {system.tile: [1]}\n", 2, "grid.system.tile", "text"),
    "a validator": (
        HEAD + "grid:\n  system.caches.l1d.ways: [4, 7]\n",
        3,
        "grid.system.caches.l1d.ways",
        "not a power of two",
    ),
    "input size": (
        HEAD + "grid: {input_size: [null, 224]}\n",
        2,
        "grid.input_size",
        "lenet5: there is no variant for inputs of 224x224",
    ),
    "digital with tiles": (
        HEAD + "grid:\n  system.tiles: [1]\n  mapping: [digital]\n",
        3,
        "grid.system.tiles",
        "the mapping is digital, which uses no tiles",
    ),
    "digital with a tile key in base": (
        "base:\n  model: mlp\n  set: {system.tile.io: dma}\ngrid: {mapping: [analog, digital]}\n",
        3,
        "base.set.system.tile.io",
        "which uses no tiles",
    ),
    "core and engine": (
        HEAD + "grid:\n  system.core: [alpine-high-power, o3-high-power]\n",
        2,
        "grid",
        "choose run.engine=gem5 or an in-order core (at system.core o3-high-power)",
    ),
    "both names": (
        HEAD + "grid:\n  images: [1]\n  run.images: [2]\n",
        4,
        "grid.run.images",
        "line 3, grid.images is this axis already",
    ),
    "axis and base": (
        HEAD + "grid:\n  run.model: [mlp]\n",
        3,
        "grid.run.model",
        "line 1, base.model gives it one value already",
    ),
    "axis and set": (
        "base: {model: mlp, set: {system.tiles: 3}}\n" + TILES,
        2,
        "grid.system.tiles",
        "line 1, base.set.system.tiles gives it one value already",
    ),
    "base twice": (
        "base: {model: mlp, set: {run.model: mlp}}\n" + TILES,
        1,
        "base.set.run.model",
        "line 1, base.model says it already",
    ),
    "grid and zip": (
        HEAD + TILES + "zip: {system.tiles: [1]}\n",
        3,
        "zip.system.tiles",
        "line 2, grid.system.tiles is this axis already",
    ),
    "unequal zip": (
        HEAD + "zip:\n  images: [1, 2]\n  run.warmup: [1, 2, 3]\n",
        4,
        "zip.run.warmup",
        "3 values go together with the 2 of images",
    ),
    "unequal second zip": (
        HEAD + "zip:\n- images: [1]\n- run.warmup: [1]\n  run.seed: [1, 2]\n",
        5,
        "zip[1].run.seed",
        "2 values go together with the 1 of run.warmup",
    ),
    "a repeated pair": (
        HEAD + "zip:\n  images: [1, 2, 1]\n  run.warmup: [0, 0, 0]\n",
        3,
        "zip.images",
        "the value 1 with 0 stands twice",
    ),
    "empty zip": (HEAD + "zip: {}\n", 2, "zip", "the zip has no axes"),
    "range without to": (
        HEAD + "grid: {images: {from: 1, factor: 2}}\n",
        2,
        "grid.images",
        "a range needs from, to, and either factor or step",
    ),
    "range with both": (
        HEAD + "grid: {images: {from: 1, to: 2, factor: 2, step: 1}}\n",
        2,
        "grid.images",
        "a range needs from, to, and either",
    ),
    "unknown range key": (
        HEAD + "grid: {images: {from: 1, to: 2, by: 2}}\n",
        2,
        "grid.images.by",
        "unknown key 'by' of a range",
    ),
    "range downwards": (
        HEAD + "grid: {images: {from: 4, to: 2, step: 1}}\n",
        2,
        "grid.images.to",
        "to is 2, below from, which is 4",
    ),
    "range of text": (
        HEAD + "grid: {images: {from: a, to: 2, step: 1}}\n",
        2,
        "grid.images.from",
        "from is 'a', not a number",
    ),
    "factor 1": (
        HEAD + "grid: {images: {from: 1, to: 2, factor: 1}}\n",
        2,
        "grid.images.factor",
        "factor must be above 1",
    ),
    "enough of something else": (
        HEAD + "grid: {images: [enough]}\n",
        2,
        "grid.images",
        "'enough' is not a valid integer",
    ),
    "too many": (
        HEAD
        + "grid:\n  run.seed: {from: 1, to: 1000, step: 1}\n"
        + "  run.warmup: {from: 0, to: 100, step: 1}\n",
        2,
        "grid",
        "the axes have 101,000 combinations, more than 100,000",
    ),
    "a long range": (
        HEAD + "grid: {run.seed: {from: 0, to: 1000000, step: 1}}\n",
        2,
        "grid.run.seed.step",
        "the range has more than 100,000 values",
    ),
    "name with a slash": ("name: ../x\n" + HEAD + TILES, 1, "name", "cannot be that of a folder"),
    "name is a number": ("name: 3\n" + HEAD + TILES, 1, "name", "cannot be that of a folder"),
    "where is a number": (HEAD + TILES + "where: 3\n", 3, "where", "a condition is text, not 3"),
    "where names no axis": (
        HEAD + TILES + "where: model == vgg16\n",
        3,
        "where",
        "'model' is no axis of this sweep",
    ),
    "where ends": (HEAD + TILES + "where: system.tiles <\n", 3, "where", "ends too early"),
    "where goes on": (
        HEAD + TILES + "where: system.tiles < 2 system.tiles\n",
        3,
        "where",
        "'and' or 'or' is expected before 'system.tiles' (character 18",
    ),
    "where never": (
        HEAD + TILES + "where: system.tiles == 3\n",
        3,
        "where",
        "system.tiles never is 3",
    ),
    "where orders text": (
        "grid:\n  model: [mlp]\nwhere:\n- model == mlp\n- model < 3\n",
        5,
        "where",
        "only numbers have an order",
    ),
    "where leaves none": (
        HEAD + TILES + "where: system.tiles > 2\n",
        3,
        "where",
        "leaves none of the 2 combinations",
    ),
    "where is Python": (
        HEAD + TILES + "where: __import__('os').system('x')\n",
        3,
        "where",
        "'__import__' is no axis",
    ),
    "no such network file": (
        "grid:\n  model: [lenet5, nets/none.onnx]\n",
        2,
        "grid.model",
        "nets/none.onnx: cannot read the model: No such file or directory",
    ),
    "no such mapping": (
        HEAD + "grid:\n  mapping:\n  - analog\n  - none.json\n",
        5,
        "grid.mapping",
        "none.json: no such mapping",
    ),
    "a mapping of another network": (
        HEAD + "grid:\n  mapping: [other.json]\n",
        3,
        "grid.mapping",
        "the mapping is for the network 'mlp', this is 'lenet5'",
    ),
    "no such dataset": (
        "base:\n  model: lenet5\n  dataset: nowhere\n" + TILES,
        3,
        "base.dataset",
        "nowhere: the dataset cannot be read",
    ),
    "no such checkpoint": (
        "base:\n  model: lenet5\n  checkpoint: none.safetensors\n" + TILES,
        3,
        "base.checkpoint",
        "none.safetensors: the file cannot be read",
    ),
    "no such preset file": (
        HEAD + "grid: {system.tile: [mine.yaml]}\n",
        2,
        "grid.system.tile",
        "there is no preset file",
    ),
    "checkpoint of a file": (
        "base: {model: a.onnx, checkpoint: b.safetensors}\n" + TILES,
        1,
        "base.checkpoint",
        "a checkpoint is for built-in networks",
    ),
    "noise without a bound": (
        HEAD + "grid: {noise.t_eval_s: [1, 2]}\n",
        2,
        "grid.noise.t_eval_s",
        "needs a bound on accuracy",
    ),
    "strategy without a bound": (
        "base: {model: mlp, strategy: macs}\n" + TILES,
        1,
        "base.strategy",
        "needs a bound on accuracy",
    ),
    "a bound and a mapping": (
        "base: {model: mlp, mapping: analog}\ngrid: {drop: [1, 2]}\n",
        1,
        "base.mapping",
        "the mapping is found under a bound",
    ),
}
OTHER = {"format": "aimc-mapping", "version": 1, "model": "mlp", "layers": {}}


@pytest.mark.parametrize("name", WRONG)
def test_each_is_refused_with_its_place(name: str, tmp_path: Path) -> None:
    text, line, key, message = WRONG[name]
    path = tmp_path / "tiles.yaml"
    path.write_text(text)
    (tmp_path / "other.json").write_text(json.dumps(OTHER))
    with pytest.raises(HarnessError) as caught:
        read_sweep(path)
    error = caught.value
    assert message in f"{error.what}\n  hint: {error.hint}"
    where = "".join((str(path), f", line {line}" if line else "", f", {key}" if key else ""))
    assert error.where == where


def test_gem5_that_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GEM5", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    path = tmp_path / "s.yaml"
    path.write_text("base: {model: mlp}\ngrid:\n  engine: [gem5]\n")
    with pytest.raises(HarnessError, match=r"s\.yaml, line 3, grid\.engine: "):
        read_sweep(path)


def test_a_folder_named_by_its_stem(tmp_path: Path) -> None:
    path = tmp_path / "a b.yaml"
    path.write_text(HEAD + TILES)
    with pytest.raises(HarnessError, match="'a b' cannot be that of a folder"):
        read_sweep(path)
