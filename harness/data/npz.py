"""Datasets in numpy archives (.npz): plain arrays, or JPEG files in one array.

Plain arrays: ``images`` and ``labels``, or ``train_images``, ``train_labels``,
``test_images``, ``test_labels`` (Keras' ``x_train``, ``y_train``, ``x_test``, ``y_test``
too).  Images are uint8 [n, h, w], [n, h, w, c] or [n, c, h, w] with 1 or 3 channels.

JPEG files: ``train_jpeg`` and ``test_jpeg`` (uint8, all files one behind the other),
``train_offsets`` and ``test_offsets`` (int64 [n + 1]), ``train_labels`` and ``test_labels``.

Either may have ``classes``, the class names.  Sizes are checked against the archive's
directory before anything is allocated, and nothing is ever unpickled.
"""

from __future__ import annotations

import math
import re
import zipfile
import zlib
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from harness.budget import ARCHIVE_DIRECTORY_BYTES, CLASSES, DATASET_BYTES
from harness.data.images import (
    ArrayStore,
    Dataset,
    Indices,
    JpegStore,
    LabelledImages,
    Pixels,
    checked_labels,
    decode_jpeg,
)
from harness.digest import sha256_file
from harness.errors import DataError
from harness.reading import open_regular

_LONGEST_HEADER = 1 << 12  # bytes
_PIECE_BYTES = 1 << 20
_LONGEST_TAIL = 66_000  # bytes: the end of an archive's directory and the longest comment
_END_OF_DIRECTORY = b"PK\5\6"
_LARGE_DIRECTORY = b"PK\6\7"  # of more than 4 GiB or 65,535 members
_MAGIC = b"\x93NUMPY"
_HEADER = re.compile(  # as numpy writes it, for truth values, integers, floats and text
    rb"\{ *'descr': *'(?P<type>[<>|=]?(?:b1|[iu][1248]|f[248]|U[1-9][0-9]{0,4}))', *"
    rb"'fortran_order': *(?P<order>True|False), *"
    rb"'shape': *\((?P<shape>(?:[0-9]{1,15}, *)*(?:[0-9]{1,15})?)\),? *\} *\n?"
)
_OBJECTS = re.compile(rb"\{ *'descr': *'\|O'")
_PLAIN_LAYOUTS = (  # images, labels, test images, test labels
    ("train_images", "train_labels", "test_images", "test_labels"),
    ("x_train", "y_train", "x_test", "y_test"),
    ("images", "labels", "", ""),
)

Arrays = dict[str, npt.NDArray[np.generic]]


def read_npz_arrays(path: Path) -> Arrays:
    """All arrays of the archive ``path``.

    Raises:
        DataError: It cannot be read, is malformed, or holds Python objects.
    """
    try:
        with open_regular(path) as stream:
            _check_directory(stream, path)
            with zipfile.ZipFile(stream) as archive:
                members = [m for m in archive.infolist() if m.filename.endswith(".npy")]
                _check_sizes(members, path)
                return {
                    member.filename.removesuffix(".npy"): _read_member(archive, member, path)
                    for member in members
                }
    except OSError as error:
        raise DataError(
            f"cannot read the dataset: {error.strerror or error}",
            where=str(path),
            hint="check the path and its permissions",
        ) from error
    except (
        zipfile.BadZipFile,
        zlib.error,
        EOFError,
        NotImplementedError,  # a compression or encryption that zipfile lacks
        RuntimeError,
        ValueError,
        OverflowError,
        MemoryError,
    ) as error:
        raise _malformed(path, str(error)) from error


def _malformed(path: Path, reason: str) -> DataError:
    return DataError(
        f"not a readable numpy archive: {reason}",
        where=str(path),
        hint="it may be truncated; make or fetch it again",
    )


def _check_directory(stream: BinaryIO, path: Path) -> None:
    """Bound the list of members before zipfile makes objects of it."""
    end = stream.seek(0, 2)
    stream.seek(max(0, end - _LONGEST_TAIL))
    tail = stream.read()
    place = tail.rfind(_END_OF_DIRECTORY)
    size = int.from_bytes(tail[place + 12 : place + 16], "little") if place >= 0 else 0
    if size > ARCHIVE_DIRECTORY_BYTES or _LARGE_DIRECTORY in tail:
        raise _malformed(path, "it lists too many members")
    stream.seek(0)


def _check_sizes(members: list[zipfile.ZipInfo], path: Path) -> None:
    """Refuse what would unpack to more than the budget, and what numpy never writes."""
    total = sum(member.file_size for member in members)
    if total > DATASET_BYTES:
        raise _malformed(path, f"its arrays would take {total} bytes, more than {DATASET_BYTES}")
    for member in members:
        if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise _malformed(path, f"{member.filename} is compressed otherwise than by deflate")


def _read_member(
    archive: zipfile.ZipFile, member: zipfile.ZipInfo, path: Path
) -> npt.NDArray[np.generic]:
    with archive.open(member) as stream:
        prefix = stream.read(len(_MAGIC) + 2)
        if prefix[: len(_MAGIC)] != _MAGIC or prefix[len(_MAGIC) :] not in (b"\1\0", b"\2\0"):
            raise _malformed(path, f"{member.filename} is no array")
        length_bytes = stream.read(2 if prefix[-2] == 1 else 4)
        length = int.from_bytes(length_bytes, "little")
        header = stream.read(min(length, _LONGEST_HEADER))
        shape, fortran_order, dtype = _parse_header(header, member.filename, path)
        size = math.prod(shape) * dtype.itemsize
        if size != member.file_size - len(prefix) - len(length_bytes) - length:
            raise _malformed(path, f"{member.filename} has not the {size} bytes it announces")
        data = np.empty(size, np.uint8)
        filled = 0
        while piece := stream.read(min(_PIECE_BYTES, size - filled)):
            data[filled : filled + len(piece)] = np.frombuffer(piece, np.uint8)
            filled += len(piece)
        if filled != size:
            raise _malformed(path, f"{member.filename} is truncated")
    if dtype.kind == "U" and not _is_text(data.view(dtype)):
        raise _malformed(path, f"{member.filename} holds text with numbers that are no characters")
    return data.view(dtype).reshape(shape, order="F" if fortran_order else "C")


def _is_text(values: npt.NDArray[np.generic]) -> bool:
    """Whether all characters of ``values`` are ones; numpy fails on others when it is too late."""
    codes = values.reshape(-1).view(np.dtype(np.uint32).newbyteorder(values.dtype.byteorder))
    surrogates = (codes >= 0xD800) & (codes < 0xE000)
    return not (surrogates | (codes > 0x10FFFF)).any()


def _parse_header(
    header: bytes, name: str, path: Path
) -> tuple[tuple[int, ...], bool, np.dtype[np.generic]]:
    """Shape, Fortran order and type; Python's own parser is never let near the text."""
    match = _HEADER.fullmatch(header)
    if match is None and _OBJECTS.match(header):
        raise DataError(
            f"{name.removesuffix('.npy')} holds Python objects, which are never unpickled",
            where=str(path),
            hint="store plain numbers, e.g. labels.astype(numpy.int64)",
        )
    if match is None:
        raise _malformed(path, f"{name} holds neither numbers nor text, or its header is damaged")
    shape = tuple(int(extent) for extent in match["shape"].split(b",") if extent.strip())
    return shape, match["order"] == b"True", np.dtype(match["type"].decode())


def is_npz_path(path: Path) -> bool:
    """Whether the name ends in ``.npz``, in capitals or not."""
    return path.suffix.lower() == ".npz"


def dataset_name(path: Path) -> str:
    """What the archive's dataset is called: the file's name, without suffix, sanitised."""
    return re.sub(r"[^a-z0-9_.-]+", "-", path.stem.lower()).strip("-.") or "npz"


def open_npz(path: Path) -> Dataset:
    """The dataset in the archive ``path``, named by the file's name without suffix.

    Raises:
        DataError: The archive is malformed or holds none of the layouts above.
    """
    arrays = read_npz_arrays(path)
    class_names = _class_names(arrays, path)
    keys = arrays.keys()
    if {"train_jpeg", "train_offsets", "train_labels"} <= keys:
        train = _jpeg_images(arrays, "train", len(class_names), path)
        test = _jpeg_images(arrays, "test", len(class_names), path) if "test_jpeg" in keys else None
    else:
        layout = next((layout for layout in _PLAIN_LAYOUTS if layout[0] in keys), None)
        if layout is None:
            raise DataError(
                f"no images in the archive; it has: {', '.join(sorted(keys)) or 'nothing'}",
                where=str(path),
                hint="name the arrays images and labels, or train_images, train_labels, "
                "test_images and test_labels",
            )
        image_key, label_key, test_image_key, test_label_key = layout
        train = _plain_images(arrays, image_key, label_key, len(class_names), path)
        test = None
        if test_image_key in keys:
            test = _plain_images(arrays, test_image_key, test_label_key, len(class_names), path)
    if test is not None and test.store.image_shape != train.store.image_shape:
        raise DataError("training and test images differ in shape", where=str(path))
    return Dataset(dataset_name(path), str(path), sha256_file(path), class_names, train, test)


def _class_names(arrays: Arrays, path: Path) -> tuple[str, ...]:
    if "classes" in arrays:
        classes = arrays["classes"]
        if classes.dtype.kind != "U" or classes.ndim != 1 or len(classes) > CLASSES:
            raise DataError(
                f"classes are not a list of text but {classes.dtype} {list(classes.shape)}",
                where=f"{path}: classes",
                hint=f"give one name per class, at most {CLASSES}",
            )
        return tuple(str(name) for name in classes)
    labels = [
        arrays[key]
        for key in ("train_labels", "test_labels", "y_train", "y_test", "labels")
        if key in arrays
    ]
    found = [int(a.max()) for a in labels if a.size and a.dtype.kind in "iu"]
    highest = min(max([0, *found]), CLASSES - 1)
    return tuple(str(index) for index in range(highest + 1))


def _array(arrays: Arrays, key: str, path: Path) -> npt.NDArray[np.generic]:
    if key not in arrays:
        raise DataError(f"the array {key} is missing", where=str(path))
    return arrays[key]


def _jpeg_images(arrays: Arrays, split: str, classes: int, path: Path) -> LabelledImages:
    data = _array(arrays, f"{split}_jpeg", path)
    offsets = _array(arrays, f"{split}_offsets", path)
    if data.dtype != np.uint8 or data.ndim != 1:
        raise DataError("JPEG files must be a uint8 vector", where=f"{path}: {split}_jpeg")
    ends: Indices = (
        offsets.astype(np.int64) if offsets.dtype.kind in "iu" else np.empty(0, np.int64)
    )
    ascending = ends.ndim == 1 and len(ends) > 1 and bool((np.diff(ends) > 0).all())
    if not (ascending and ends[0] >= 0 and ends[-1] <= len(data)):
        raise DataError(
            "offsets must ascend and lie within the JPEG files",
            where=f"{path}: {split}_offsets",
            hint="the file is damaged; fetch it again",
        )
    label_array = _array(arrays, f"{split}_labels", path)
    labels = checked_labels(label_array, len(ends) - 1, classes, f"{path}: {split}_labels")
    pixels: Pixels = data.astype(np.uint8, copy=False)
    first = decode_jpeg(pixels[ends[0] : ends[1]].tobytes(), f"{path}: image 0")
    _, height, width = first.shape
    return LabelledImages(JpegStore(pixels, ends, height, width, path), labels)


def _plain_images(
    arrays: Arrays, image_key: str, label_key: str, classes: int, path: Path
) -> LabelledImages:
    where = f"{path}: {image_key}"
    images = _array(arrays, image_key, path)
    if images.dtype != np.uint8:
        raise DataError(f"images are {images.dtype}", where=where, hint="they must be uint8")
    if images.ndim == 3:
        images = images[:, None]
    elif images.ndim == 4 and images.shape[3] in (1, 3):
        images = images.transpose(0, 3, 1, 2)
    if images.ndim != 4 or images.shape[1] not in (1, 3) or 0 in images.shape:
        raise DataError(
            f"images have shape {list(images.shape)}",
            where=where,
            hint="use [n, h, w], [n, h, w, c] or [n, c, h, w] with 1 or 3 channels",
        )
    label_array = _array(arrays, label_key, path)
    labels = checked_labels(label_array, len(images), classes, f"{path}: {label_key}")
    return LabelledImages(ArrayStore(np.ascontiguousarray(images, dtype=np.uint8)), labels)
