"""Programmed conductances beside a mapping file: safetensors, one matrix per analog layer.

A layer's matrix is float32 [K, N] under its name, or int16 steps [K, N] under its name and a
float32 scale per column [N] under ``<name>.scale``. Steps take half the size and are exactly a
tile's content.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from harness.atomic import atomic_write_bytes
from harness.errors import MappingError
from harness.mapping.conductance import LARGEST_CONDUCTANCE, conductances_of, weights_of
from harness.mapping.file_format import read_mapping_file
from harness.operators.tensor import FloatArray
from harness.reading import check_safetensors

LARGEST_FILE: Final = 15 << 20  # bytes of matrices in one file, unless one layer needs more
SCALE: Final = ".scale"

Arrays = dict[str, npt.NDArray[Any]]


def resolve_inside(folder: Path, relative: str, where: str, what: str = "conductance file") -> Path:
    """``relative`` as a file in ``folder`` or below; ``what`` it is, for the message.

    Raises:
        MappingError: It is absolute, leaves the folder (also by a link), or is not a file.
    """
    pure = PurePosixPath(relative)
    bad = "\0" in relative or "\\" in relative or pure.is_absolute() or ".." in pure.parts
    if not bad:
        path = folder / pure
        try:
            bad = not path.resolve().is_relative_to(folder.resolve())
            if not bad and path.is_file():
                return path
        except (OSError, RuntimeError) as error:
            raise MappingError(f"cannot find the {what}: {error}", where=where) from error
    problem = "leaves the mapping's folder" if bad else "does not exist"
    raise MappingError(
        f"the {what} {relative[:120]!r} {problem}",
        where=where,
        hint="name a .safetensors file beside the mapping file",
    )


def conductance_files(mapping: Path) -> list[Path]:
    """The files of conductances that the mapping file ``mapping`` names, in its order.

    Raises:
        MappingError: The mapping file is malformed, or a file is missing, outside its folder or
            named twice.
    """
    named = read_mapping_file(mapping).conductances
    names = [named] if isinstance(named, str) else named or []
    if len(set(names)) < len(names):
        raise MappingError("a conductance file is named twice", where=str(mapping))
    return [resolve_inside(mapping.parent, name, str(mapping)) for name in names]


def read_conductances(
    paths: Sequence[Path], matrices: Mapping[str, tuple[int, int]]
) -> dict[str, FloatArray]:
    """Effective weights float32 [K, N] of each layer of ``matrices`` (layer to (K, N)).

    Raises:
        MappingError: A file is malformed, or a layer is missing, surplus, duplicate, of another
        shape or type, or has conductances that no tile can have.
    """
    found: Arrays = {}
    for path in paths:
        arrays = _read(path, matrices)
        twice = sorted(found.keys() & arrays.keys())
        if twice:
            raise MappingError(f"{twice[:8]} stand in another file too", where=str(path))
        found |= arrays
    where = ", ".join(str(path) for path in paths)
    wanted = set(matrices)
    wanted |= {n + SCALE for n in matrices if n in found and found[n].dtype == np.int16}
    if found.keys() != wanted:
        missing = sorted(wanted - found.keys())[:8]
        surplus = sorted(found.keys() - wanted)[:8]
        raise MappingError(
            f"conductances missing for {missing}, and not wanted for {surplus}",
            where=where,
            hint="there is one matrix for each analog layer",
        )
    return {name: _weights(name, found, where) for name in matrices}


def write_conductances(path: Path, matrices: Mapping[str, FloatArray]) -> list[Path]:
    """Write what `read_conductances` reads, as int16 steps, each file atomically.

    One file is ``path``; matrices beyond 15 MiB go to ``<stem>-1``, ``<stem>-2`` and so on.

    Returns:
        The files.

    Raises:
        MappingError: Values are not finite, or too small for a float32 scale.
    """
    groups: list[Arrays] = [{}]
    used = 0
    for name, weights in matrices.items():
        if not np.isfinite(weights).all():
            raise MappingError(f"{name} has values that are not finite", where=str(path))
        steps, unit = conductances_of(weights)
        scale = unit.astype("<f4")
        arrays = {name: np.ascontiguousarray(steps, "<i2"), name + SCALE: scale}
        _check_steps(name, steps, weights_of(steps, scale), str(path))
        size = steps.nbytes + scale.nbytes
        if groups[-1] and used + size > LARGEST_FILE:
            groups.append({})
            used = 0
        groups[-1] |= arrays
        used += size
    several = len(groups) > 1
    files = [
        path.with_name(f"{path.stem}-{index}{path.suffix}") if several else path
        for index in range(1, len(groups) + 1)
    ]
    for file, group in zip(files, groups, strict=True):
        atomic_write_bytes(file, save(group))
    return files


def _read(path: Path, matrices: Mapping[str, tuple[int, int]]) -> Arrays:
    """The arrays of one file; shapes and types are checked before anything is read."""
    where = str(path)
    try:
        check_safetensors(path)
        with safe_open(path, framework="numpy") as tensors:
            names = list(tensors.keys())
            for name in names:
                piece = tensors.get_slice(name)
                shape, kind = tuple(piece.get_shape()), piece.get_dtype()
                owner = name.removesuffix(SCALE)
                if name in matrices:
                    fits = shape == matrices[name] and kind in ("F32", "I16")
                    expected = f"F32 or I16 {list(matrices[name])}"
                elif name != owner and owner in matrices:
                    fits = shape == matrices[owner][1:] and kind == "F32"
                    expected = f"F32 {list(matrices[owner][1:])}"
                else:
                    continue
                if not fits:
                    raise MappingError(
                        f"{name} is {kind} {list(shape)}, not {expected}", where=where
                    )
            known = {n for n in names if n in matrices or n.removesuffix(SCALE) in matrices}
            return {
                name: np.asarray(tensors.get_tensor(name)) if name in known else np.empty(0)
                for name in names
            }
    except (SafetensorError, OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise MappingError(f"not a safetensors file: {reason}", where=where) from error


def _weights(name: str, arrays: Arrays, where: str) -> FloatArray:
    values = arrays[name]
    if values.dtype != np.int16:
        if not np.isfinite(values).all():
            raise MappingError(f"{name} has values that are not finite", where=where)
        return np.asarray(values, np.float32)
    scale = np.asarray(arrays[name + SCALE], np.float32)
    if not np.isfinite(scale).all():
        raise MappingError(f"{name + SCALE} has values that are not finite", where=where)
    weights = weights_of(values, scale)
    _check_steps(name, values, weights, where)
    return weights


def _check_steps(name: str, steps: npt.NDArray[Any], weights: FloatArray, where: str) -> None:
    """Check that a tile programmed with ``weights`` holds ``steps``."""
    if not np.isfinite(weights).all():
        raise MappingError(f"{name} has values that are not finite", where=where)
    if not np.array_equal(conductances_of(weights)[0], steps):
        raise MappingError(
            f"{name} has columns whose steps a tile cannot be programmed to",
            where=where,
            hint=f"a column is 0, or its largest step is {LARGEST_CONDUCTANCE}",
        )
