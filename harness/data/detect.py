"""Detects and opens the dataset in a folder or file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from harness.data.cifar import is_binary_folder, is_python_folder, open_binary, open_python
from harness.data.digits import BUNDLED, open_digits
from harness.data.images import Dataset
from harness.data.npz import dataset_name, is_npz_path, open_npz
from harness.errors import DataError

_FORMATS = (
    "the python or binary version of CIFAR-10 (the extracted folder), an .npz archive, "
    "or the word digits"
)


@dataclass(frozen=True)
class _Candidate:
    name: str
    path: Path
    open: Callable[[Path], Dataset]


def _candidates(path: Path) -> Iterator[_Candidate]:
    if path.is_file():
        if is_npz_path(path):
            yield _Candidate(dataset_name(path), path, open_npz)
        return
    for folder in (path, *sorted(child for child in path.iterdir() if child.is_dir())):
        if is_python_folder(folder):
            yield _Candidate("cifar10", folder, open_python)
        if is_binary_folder(folder):
            yield _Candidate("cifar10", folder, open_binary)
    for archive in sorted(child for child in path.iterdir() if is_npz_path(child)):
        yield _Candidate(dataset_name(archive), archive, open_npz)


def open_dataset(path: Path, accepted: tuple[str, ...]) -> Dataset:
    """The dataset that the file or folder ``path`` holds.

    Args:
        path: A file, the folder of a dataset, or a folder with datasets.
        accepted: Names of datasets that will do.  An .npz archive is named by its file,
            unless it is the one thing that ``path`` is: then it is taken at its word.

    Raises:
        DataError: Nothing there is a dataset that will do, or more than one is.
    """
    if str(path) == BUNDLED and BUNDLED in accepted:
        return open_digits()
    try:
        if path.exists() and not path.is_file() and not path.is_dir():
            raise DataError("not a regular file or a folder", where=str(path))
        found = list(_candidates(path)) if path.exists() else None
    except OSError as error:
        raise DataError(f"cannot read: {error.strerror}", where=str(path)) from error
    if found is None:
        raise DataError("there is no such file or folder", where=str(path))
    fitting = [candidate for candidate in found if candidate.name in accepted]
    if path.is_file() and found:
        fitting = found
    if not fitting:
        names = ", ".join(sorted({candidate.name for candidate in found})) or "none"
        raise DataError(
            f"no dataset here that will do; wanted {' or '.join(accepted)}, found {names}",
            where=str(path),
            hint=f"formats that are read: {_FORMATS}; an .npz archive may be named itself",
        )
    # What stands first in `accepted` is preferred; of one name there must be only one.
    best = min(accepted.index(c.name) if c.name in accepted else 0 for c in fitting)
    fitting = [c for c in fitting if c.name not in accepted or accepted.index(c.name) == best]
    if len(fitting) > 1:
        raise DataError(
            "more than one dataset here: " + ", ".join(str(c.path) for c in fitting),
            where=str(path),
            hint="name the one to use",
        )
    return fitting[0].open(fitting[0].path)
