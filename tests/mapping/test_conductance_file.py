"""Conductance files: what they hold reaches the tile unchanged, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from safetensors import safe_open
from safetensors.numpy import save

from harness.errors import MappingError
from harness.mapping import conductance_file as module
from harness.mapping.conductance import conductances_of
from harness.mapping.conductance_file import read_conductances, write_conductances
from harness.operators.tensor import FloatArray

MATRICES = {"a": (6, 3), "b": (4, 2)}


def weights(seed: int = 0) -> dict[str, FloatArray]:
    rng = np.random.default_rng(seed)
    return {name: rng.normal(size=shape).astype(np.float32) for name, shape in MATRICES.items()}


def as_steps(**changes: object) -> dict[str, np.ndarray]:
    """The content of a good file of steps, with arrays replaced, or left out if None."""
    content: dict[str, np.ndarray] = {}
    for name, values in weights().items():
        steps, unit = conductances_of(values)
        content |= {name: steps, f"{name}.scale": unit.astype(np.float32)}
    content |= changes  # type: ignore[arg-type]
    return {name: values for name, values in content.items() if values is not None}


FINITE = st.floats(-(2.0**60), 2.0**60, width=32, allow_subnormal=False)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.tuples(st.integers(1, 40), st.integers(1, 6)).flatmap(
        lambda shape: arrays.arrays(np.float32, shape, elements=FINITE)
    )
)
def test_any_weights_keep_their_steps(tmp_path: Path, values: FloatArray) -> None:
    path = tmp_path / "g.safetensors"
    try:
        assert write_conductances(path, {"layer": values}) == [path]
    except MappingError as error:
        largest = np.abs(values).max(axis=0)
        assert "cannot be programmed" in str(error)
        assert ((largest > 0) & (largest < 1e-33)).any()  # their scale has no full float32
        return
    back = read_conductances([path], {"layer": values.shape})["layer"]
    steps, unit = conductances_of(values)
    assert np.array_equal(conductances_of(back)[0], steps)
    full = unit >= np.finfo(np.float32).tiny  # smaller scales have fewer digits
    assert (np.abs(back.astype(np.float64) - values) <= 0.501 * unit)[:, full].all()


def test_a_file_holds_steps_and_scales(tmp_path: Path) -> None:
    path = tmp_path / "g.safetensors"
    write_conductances(path, weights())
    with safe_open(path, framework="numpy") as tensors:
        kinds = {name: str(tensors.get_slice(name).get_dtype()) for name in tensors.keys()}  # noqa: SIM118
    assert kinds == {"a": "I16", "a.scale": "F32", "b": "I16", "b.scale": "F32"}


def test_steps_are_half_the_size_of_floats(tmp_path: Path) -> None:
    values = {"layer": np.random.default_rng(0).normal(size=(500, 100)).astype(np.float32)}
    (path,) = write_conductances(tmp_path / "g.safetensors", values)
    assert path.stat().st_size < 0.51 * len(save(values))


def test_float_matrices_are_read_as_they_are(tmp_path: Path) -> None:
    path = tmp_path / "g.safetensors"
    mixed = as_steps() | {"b": weights()["b"]}
    del mixed["b.scale"]
    path.write_bytes(save(mixed))
    back = read_conductances([path], MATRICES)
    assert np.array_equal(back["b"], weights()["b"])
    assert np.array_equal(conductances_of(back["a"])[0], as_steps()["a"])


def test_large_matrices_go_to_several_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LARGEST_FILE", 60)
    path = tmp_path / "deep" / "net.safetensors"
    files = write_conductances(path, weights())
    assert [file.name for file in files] == ["net-1.safetensors", "net-2.safetensors"]
    assert all(file.parent == path.parent for file in files)
    back = read_conductances(files, MATRICES)
    for name, values in weights().items():
        assert np.array_equal(conductances_of(back[name])[0], conductances_of(values)[0])
    with pytest.raises(MappingError, match=r"missing for \['b', 'b.scale'\]|missing for \['b'\]"):
        read_conductances(files[:1], MATRICES)
    with pytest.raises(MappingError, match="another file too"):
        read_conductances([*files, files[0]], MATRICES)


STEPS = as_steps()["a"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (as_steps(**{"a.scale": None}), "missing for \\['a.scale'\\]"),
        (
            as_steps(**{"a.scale": np.ones(4, np.float32)}),
            "a.scale is F32 \\[4\\], not F32 \\[3\\]",
        ),
        (as_steps(**{"a.scale": np.ones(3, np.float64)}), "a.scale is F64"),
        (as_steps(**{"a.scale": np.full(3, np.nan, np.float32)}), "not finite"),
        (as_steps(**{"a.scale": np.full(3, np.inf, np.float32)}), "not finite"),
        (as_steps(**{"a.scale": np.full(3, 3e38, np.float32)}), "not finite"),
        (as_steps(**{"a.scale": np.zeros(3, np.float32)}), "cannot be programmed"),
        (as_steps(**{"a.scale": np.full(3, -1, np.float32)}), "cannot be programmed"),
        (as_steps(a=STEPS // 2), "cannot be programmed"),
        (as_steps(a=np.full_like(STEPS, -32768)), "cannot be programmed"),
        (as_steps(a=STEPS.astype(np.int32)), "a is I32"),
        (as_steps(a=STEPS.T.copy()), "a is I16 \\[3, 6\\], not F32 or I16 \\[6, 3\\]"),
        (as_steps(a=weights()["a"]), "not wanted for \\['a.scale'\\]"),
        (as_steps(c=STEPS), "not wanted for \\['c'\\]"),
        (as_steps(**{"c.scale": STEPS}), "not wanted for \\['c.scale'\\]"),
    ],
)
def test_bad_files(tmp_path: Path, content: dict[str, np.ndarray], message: str) -> None:
    path = tmp_path / "g.safetensors"
    path.write_bytes(save(content))
    with pytest.raises(MappingError, match=message):
        read_conductances([path], MATRICES)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_values_that_are_not_finite_are_not_written(tmp_path: Path, value: float) -> None:
    values = weights()
    values["b"][1, 1] = value
    with pytest.raises(MappingError, match="b has values that are not finite"):
        write_conductances(tmp_path / "g.safetensors", values)
    assert not list(tmp_path.iterdir())


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_damaged_files_give_an_error_or_what_a_tile_takes(
    tmp_path: Path, data: st.DataObject
) -> None:
    content = bytearray(save(as_steps()))
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path / "g.safetensors"
    path.write_bytes(content[: data.draw(st.integers(0, len(content)))])
    try:
        back = read_conductances([path], MATRICES)
    except MappingError as error:
        assert str(error)
        return
    assert {name: values.shape for name, values in back.items()} == MATRICES
    assert all(np.isfinite(values).all() for values in back.values())
