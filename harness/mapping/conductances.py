"""Programmed conductances beside a mapping file: safetensors, one matrix an analog layer."""

from __future__ import annotations

from collections import abc
from pathlib import Path, PurePosixPath

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from harness.artifacts import atomic_write_bytes
from harness.errors import MappingError
from harness.mapping.file_format import read_mapping_file
from harness.quant.program import FloatArray


def resolve_inside(folder: Path, relative: str, where: str, what: str = "conductance file") -> Path:
    """``relative`` as a file in ``folder`` or below; ``what`` it is, for the message.

    Raises:
        MappingError: It is absolute, leaves the folder (also by a link), or is no file.
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


def conductance_file(mapping: Path) -> Path | None:
    """The file of conductances that the mapping file ``mapping`` names; None if it names none.

    Raises:
        MappingError: The mapping file is malformed, or the file is missing or outside its folder.
    """
    relative = read_mapping_file(mapping).conductances
    return None if relative is None else resolve_inside(mapping.parent, relative, str(mapping))


def read_conductances(
    path: Path, matrices: abc.Mapping[str, tuple[int, int]]
) -> dict[str, FloatArray]:
    """One float32 [K, N] for each layer of ``matrices`` (layer to (K, N)), no more and no less.

    Raises:
        MappingError: The file is malformed, or a layer is missing, surplus, of another shape or
            type, or holds values that are not finite.
    """
    where = str(path)
    try:
        with safe_open(path, framework="numpy") as tensors:
            names = set(tensors.keys())
            if names != set(matrices):
                missing = sorted(set(matrices) - names)[:8]
                surplus = sorted(names - set(matrices))[:8]
                raise MappingError(
                    f"conductances missing for {missing}, and not wanted for {surplus}",
                    where=where,
                    hint="the file has one matrix for each analog layer",
                )
            for name, shape in matrices.items():
                piece = tensors.get_slice(name)
                if tuple(piece.get_shape()) != shape or piece.get_dtype() != "F32":
                    raise MappingError(
                        f"{name} is {piece.get_dtype()} {piece.get_shape()}, not F32 {list(shape)}",
                        where=where,
                    )
            loaded: dict[str, FloatArray] = {
                name: np.asarray(tensors.get_tensor(name), np.float32) for name in matrices
            }
    except (SafetensorError, OSError, ValueError) as error:
        raise MappingError(f"not a safetensors file: {error}", where=where) from error
    for name, values in loaded.items():
        if not np.isfinite(values).all():
            raise MappingError(f"{name} has values that are not finite", where=where)
    return loaded


def write_conductances(path: Path, matrices: abc.Mapping[str, FloatArray]) -> None:
    """Write what `read_conductances` reads, atomically."""
    arrays = {name: np.ascontiguousarray(values, "<f4") for name, values in matrices.items()}
    atomic_write_bytes(path, save(arrays))
