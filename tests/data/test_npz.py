"""Numpy archives: plain arrays, JPEG files, and damaged or hostile ones."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from harness.data.npz import dataset_name, open_npz, read_npz_arrays
from harness.errors import DataError

fuzzed = settings(
    deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def picture(seed: int, height: int = 10, width: int = 12) -> np.ndarray:
    low = np.random.default_rng(seed).integers(0, 256, (3, 3, 3), dtype=np.uint8)
    return np.asarray(Image.fromarray(low).resize((width, height), Image.Resampling.BICUBIC))


def encode(image: np.ndarray) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(image).save(stream, "JPEG", quality=90)
    return stream.getvalue()


def jpeg_arrays(split: str, images: list[np.ndarray]) -> dict[str, np.ndarray]:
    files = [encode(image) for image in images]
    return {
        f"{split}_jpeg": np.frombuffer(b"".join(files), np.uint8),
        f"{split}_offsets": np.cumsum([0, *map(len, files)]).astype(np.int64),
        f"{split}_labels": (np.arange(len(files)) % 3).astype(np.uint8),
    }


@pytest.fixture
def jpegs(tmp_path: Path) -> Path:
    path = tmp_path / "cifar10-jpeg.npz"
    np.savez(
        path,
        **jpeg_arrays("train", [picture(seed) for seed in range(6)]),
        **jpeg_arrays("test", [picture(seed) for seed in range(6, 9)]),
        classes=np.array(["cat", "dog", "deer"]),
    )
    return path


def test_jpeg_archive_decodes_as_pillow_does(jpegs: Path) -> None:
    dataset = open_npz(jpegs)
    assert dataset.name == "cifar10-jpeg"
    assert dataset.class_names == ("cat", "dog", "deer")
    assert dataset.train.store.image_shape == (3, 10, 12)
    assert dataset.test is not None
    assert (len(dataset.train), len(dataset.test)) == (6, 3)
    read = dataset.train.store.read(np.array([4, 1]))
    for row, seed in enumerate((4, 1)):
        with Image.open(io.BytesIO(encode(picture(seed)))) as image:
            assert np.array_equal(read[row], np.asarray(image).transpose(2, 0, 1))
    # JPEG is lossy, but these are the pictures that went in.
    assert np.abs(read[0].transpose(1, 2, 0).astype(int) - picture(4)).mean() < 20


@pytest.mark.parametrize("layout", ["nhwc", "nchw", "nhw"])
def test_plain_arrays_become_nchw(tmp_path: Path, layout: str) -> None:
    nchw = np.random.default_rng(0).integers(0, 256, (5, 3, 7, 6), dtype=np.uint8)
    if layout == "nhw":
        nchw = nchw[:, :1]
    stored = {"nchw": nchw, "nhwc": nchw.transpose(0, 2, 3, 1), "nhw": nchw[:, 0]}[layout]
    path = tmp_path / "My Data.npz"
    np.savez_compressed(path, images=stored, labels=np.array([0, 1, 2, 3, 1]))
    dataset = open_npz(path)
    assert dataset.name == "my-data"
    assert dataset.test is None
    assert np.array_equal(dataset.train.store.read(np.arange(5)), nchw)
    assert dataset.train.labels.tolist() == [0, 1, 2, 3, 1]
    assert dataset.class_names == ("0", "1", "2", "3")


def test_keras_names_and_label_shape(tmp_path: Path) -> None:
    path = tmp_path / "keras.npz"
    images = np.zeros((4, 8, 8, 3), np.uint8)
    labels = np.array([[0], [1], [2], [0]], np.uint8)
    np.savez(path, x_train=images, y_train=labels, x_test=images[:2], y_test=labels[:2])
    dataset = open_npz(path)
    assert dataset.train.labels.tolist() == [0, 1, 2, 0]
    assert dataset.test is not None
    assert dataset.test.labels.tolist() == [0, 1]


def test_arrays_are_read_exactly(tmp_path: Path) -> None:
    path = tmp_path / "arrays.npz"
    arrays = {
        "big": np.arange(12, dtype=">i4").reshape(3, 4),
        "fortran": np.asfortranarray(np.arange(12.0).reshape(3, 4)),
        "scalar": np.array(5),
        "empty": np.zeros((0, 3), np.float32),
        "text": np.array(["a", "bcd"]),
    }
    np.savez_compressed(path, **arrays)
    read = read_npz_arrays(path)
    assert read.keys() == arrays.keys()
    for key, value in arrays.items():
        assert np.array_equal(read[key], value)
        assert read[key].dtype == value.dtype


def test_names_of_datasets() -> None:
    assert dataset_name(Path("/a/CIFAR10 JPEG.npz")) == "cifar10-jpeg"
    assert dataset_name(Path("/a/--.npz")) == "npz"


GOOD = {"images": np.zeros((4, 8, 8, 3), np.uint8), "labels": np.array([0, 1, 2, 3])}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"images": None}, "no images in the archive"),
        ({"labels": None}, "the array labels is missing"),
        ({"images": np.zeros((4, 8, 8, 3), np.float32)}, "images are float32"),
        ({"images": np.zeros((4, 8, 8, 5), np.uint8)}, "images have shape"),
        ({"images": np.zeros((4, 0, 8, 3), np.uint8)}, "images have shape"),
        ({"images": np.zeros(4, np.uint8)}, "images have shape"),
        ({"labels": np.array([0, 1, 2])}, "labels are int64"),
        ({"labels": np.array([0, 1, 2, -1])}, "label 3 is -1, the classes are 0 to 2"),
        ({"labels": np.array([0.0, 1, 2, 3])}, "labels are float64"),
        ({"labels": np.array([0, 1, 2, 1 << 40])}, "label 3 is 1099511627776"),
        ({"labels": np.array([True, False, True, True])}, "labels are bool"),
        ({"labels": np.array([0, 1, 2, None], object)}, "Python objects"),
        ({"labels": np.eye(4, dtype=np.int64)}, r"labels are int64 \[4, 4\]"),
        ({"classes": np.array(["only"])}, "label 1 is 1, the classes are 0 to 0"),
        ({"classes": np.array([1, 2])}, "classes are not"),
    ],
)
def test_wrong_arrays_are_refused(
    tmp_path: Path, change: dict[str, np.ndarray | None], message: str
) -> None:
    path = tmp_path / "wrong.npz"
    np.savez(path, **{k: v for k, v in (GOOD | change).items() if v is not None})
    with pytest.raises(DataError, match=message) as error:
        open_npz(path)
    assert str(path) in str(error.value)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("train_offsets", np.array([0, 10, 5, 20, 30, 40, 50]), "offsets must ascend"),
        ("train_offsets", np.array([0, 1 << 40]), "offsets must ascend"),
        ("train_offsets", np.array([-5, 10]), "offsets must ascend"),
        ("train_offsets", np.array([0.0, 10.0]), "offsets must ascend"),
        ("train_offsets", np.array([], np.int64), "offsets must ascend"),
        ("train_jpeg", np.zeros((4, 4), np.uint8), "uint8 vector"),
        ("train_labels", np.zeros(3, np.uint8), "labels are"),
    ],
)
def test_wrong_jpeg_arrays_are_refused(
    jpegs: Path, key: str, value: np.ndarray, message: str
) -> None:
    with np.load(jpegs) as archive:
        arrays = {name: archive[name] for name in archive.files}
    np.savez(jpegs, **(arrays | {key: value}))
    with pytest.raises(DataError, match=message):
        open_npz(jpegs)


def test_damaged_and_odd_sized_jpegs_are_named(tmp_path: Path) -> None:
    path = tmp_path / "odd.npz"
    images = [picture(0), picture(1, height=11), picture(2)]
    arrays = jpeg_arrays("train", images)
    data = arrays["train_jpeg"].copy()
    data[arrays["train_offsets"][2] :] = 0
    np.savez(path, **(arrays | {"train_jpeg": data}))
    store = open_npz(path).train.store
    assert store.read(np.array([0])).shape == (1, 3, 10, 12)
    with pytest.raises(DataError, match="image 1: the image is 11x12, the first one 10x12"):
        store.read(np.array([0, 1]))
    with pytest.raises(DataError, match="image 2: not a readable JPEG"):
        store.read(np.array([2]))


def test_other_picture_formats_are_not_decoded(tmp_path: Path) -> None:
    stream = io.BytesIO()
    Image.fromarray(picture(0)).save(stream, "PNG")
    data = np.frombuffer(stream.getvalue(), np.uint8)
    path = tmp_path / "png.npz"
    np.savez(
        path,
        train_jpeg=data,
        train_offsets=np.array([0, len(data)]),
        train_labels=np.zeros(1, np.uint8),
    )
    with pytest.raises(DataError, match="not a readable JPEG"):
        open_npz(path)


def npy(header: str, data: bytes) -> bytes:
    text = header.encode("latin-1")
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text + data


@pytest.mark.parametrize(
    "member",
    [
        npy("{'descr': '|u1', 'fortran_order': False, 'shape': (1000000000000,)}", bytes(8)),
        npy("{'descr': '|u1', 'fortran_order': False, 'shape': (-8,)}", bytes(8)),
        npy("{'descr': '|u1', 'fortran_order': False, 'shape': (4, -2, -1)}", bytes(8)),
        npy("{'descr': '|V8', 'fortran_order': False, 'shape': (1,)}", bytes(8)),
        npy("{'descr': '|U0', 'fortran_order': False, 'shape': (9,)}", b""),
        npy("__import__('os').getcwd()", bytes(8)),
        npy("[" * 4000, bytes(8)),
        npy("-" * 4000 + "1", bytes(8)),
        npy("{[]: 1}", bytes(8)),
        npy("{'descr': '|u1', 1: 2}", bytes(8)),
        npy("{'descr': '|u1', 'fortran_order': False, 'shape': (8,)", bytes(8)),
        npy("{'descr': '<f8', 'fortran_order': 1, 'shape': (1,)}", bytes(8)),
        npy("{'descr': [('a', '<f8')], 'fortran_order': False, 'shape': (1,)}", bytes(8)),
        npy("{'descr': ('<f4', (2,)), 'fortran_order': False, 'shape': (1,)}", bytes(8)),
        npy("{'descr': '<m8[s]', 'fortran_order': False, 'shape': (1,)}", bytes(8)),
        npy("{'descr': '<c8', 'fortran_order': False, 'shape': (1,)}", bytes(8)),
        b"\x93NUMPY\x02\x00\xff\xff\xff\xff{'descr': '|u1'" + bytes(8192),
        npy("{'descr': '|u1', 'fortran_order': False, 'shape': (" + "1" * 3000, bytes(8)),
        npy("{'descr': '|u1', 'fortran_order': False, 'shape': (" + "1, " * 1000, bytes(8)),
        npy("{'descr': '|u1', 'fortran_order': False, 'shape': (7,)}", bytes(8)),
        b"\x93NUMPY\x03\x00",
        b"garbage",
        b"",
    ],
)
def test_hostile_members_are_refused_before_allocating(tmp_path: Path, member: bytes) -> None:
    path = tmp_path / "hostile.npz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("images.npy", member)
    with pytest.raises(DataError, match="not a readable numpy archive"):
        read_npz_arrays(path)


def test_pickled_arrays_are_not_loaded(tmp_path: Path) -> None:
    path = tmp_path / "objects.npz"
    np.savez(path, images=np.array([{"a": 1}, None], dtype=object))
    with pytest.raises(DataError, match="images holds Python objects"):
        read_npz_arrays(path)


def test_missing_files_folders_and_other_files(tmp_path: Path) -> None:
    other = tmp_path / "text.npz"
    other.write_text("hello")
    for path in (tmp_path / "none.npz", tmp_path, other):
        with pytest.raises(DataError) as error:
            read_npz_arrays(path)
        assert str(path) in str(error.value)


@fuzzed
@given(cut=st.floats(0.0, 1.0, exclude_max=True))
def test_truncated_archives_are_refused(jpegs: Path, cut: float) -> None:
    data = jpegs.read_bytes()
    path = jpegs.with_name("cut.npz")
    path.write_bytes(data[: int(cut * len(data))])
    with pytest.raises(DataError):
        open_npz(path)


@fuzzed
@given(data=st.data())
def test_damaged_archives_give_an_error_or_a_dataset(jpegs: Path, data: st.DataObject) -> None:
    content = bytearray(jpegs.read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path = jpegs.with_name("damaged.npz")
    path.write_bytes(content)
    try:
        dataset = open_npz(path)
        pixels = dataset.train.store.read(np.arange(len(dataset.train)))
    except DataError as error:
        assert str(path) in str(error)
    else:
        assert pixels.dtype == np.uint8


@pytest.mark.parametrize(("code", "order"), [(0x110000, "<"), (0xD800, "<"), (0x00D80000, ">")])
def test_text_of_numbers_that_are_no_characters(code: int, order: str, tmp_path: Path) -> None:
    classes = np.array([65, code], f"{order}u4").view(f"{order}U1")
    path = tmp_path / "text.npz"
    np.savez(path, images=np.zeros((2, 4, 4), np.uint8), labels=np.arange(2), classes=classes)
    with pytest.raises(DataError, match="numbers that are no characters"):
        open_npz(path)
