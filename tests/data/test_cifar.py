"""CIFAR-10's two formats, against files that Python itself writes, and hostile ones."""

from __future__ import annotations

import os
import pickle
import pickletools
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.data.cifar import CLASS_NAMES, open_binary, open_python
from harness.data.cifar_pickle import parse_python_batch
from harness.data.images import Dataset
from harness.errors import DataError

FILES = [*(f"data_batch_{index}" for index in range(1, 6)), "test_batch"]
PER_FILE = 4

fuzzed = settings(deadline=None, max_examples=400)
fuzzed_on_disk = settings(
    deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def batch(seed: int) -> tuple[np.ndarray, list[int]]:
    generator = np.random.default_rng(seed)
    pixels = generator.integers(0, 256, (PER_FILE, 3072), dtype=np.uint8)
    return pixels, [int(label) for label in generator.integers(0, 10, PER_FILE)]


def python2_bytes(value: bytes) -> bytes:
    return b"T" + len(value).to_bytes(4, "little") + value


def python2_pickle(pixels: np.ndarray, labels: list[int]) -> bytes:
    """What Python 2's cPickle wrote, byte for byte but for memo numbers."""
    shape = b"".join(b"M" + extent.to_bytes(2, "little") for extent in pixels.shape)
    dtype = (
        b"cnumpy\ndtype\nq\x05(U\x02u1K\x00K\x01tRq\x06"
        b"(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
    )
    array = (
        b"cnumpy.core.multiarray\n_reconstruct\nq\x03(cnumpy\nndarray\nq\x04K\x00\x85U\x01btR"
        b"(K\x01(" + shape + b"t" + dtype + b"\x89" + python2_bytes(pixels.tobytes()) + b"tb"
    )
    items = b"".join(b"K" + bytes([label]) for label in labels)
    return (
        b"\x80\x02}q\x01(U\x0bbatch_labelq\x02U\x15training batch 1 of 5"
        b"U\x06labels](" + items + b"eU\x04data" + array + b"U\tfilenames](U\x05a.pngeu."
    )


def python3_pickle(pixels: np.ndarray, labels: list[int], protocol: int) -> bytes:
    content = {b"batch_label": b"x", b"labels": labels, b"data": pixels, b"filenames": [b"a.png"]}
    return pickle.dumps(content, protocol=protocol)


def check(dataset: Dataset) -> None:
    expected = [batch(seed) for seed in range(len(FILES))]
    pixels = np.concatenate([p for p, _ in expected[:5]]).reshape(-1, 3, 32, 32)
    every = np.arange(5 * PER_FILE)
    assert np.array_equal(dataset.train.store.read(every), pixels)
    assert dataset.train.labels.tolist() == [label for _, part in expected[:5] for label in part]
    assert dataset.test is not None
    assert np.array_equal(
        dataset.test.store.read(np.array([2, 0])),
        expected[5][0].reshape(-1, 3, 32, 32)[[2, 0]],
    )
    assert dataset.test.labels.tolist() == expected[5][1]
    assert (dataset.name, dataset.class_names) == ("cifar10", CLASS_NAMES)


@pytest.mark.parametrize("protocol", [0, 1, 2, 3, 4])
def test_python_batches_as_python3_writes_them(protocol: int) -> None:
    pixels, labels = batch(1)
    read, read_labels = parse_python_batch(python3_pickle(pixels, labels, protocol), "here")
    assert np.array_equal(read, pixels)
    assert read_labels == labels


def test_python_batches_as_python2_wrote_them() -> None:
    pixels, labels = batch(1)
    data = python2_pickle(pixels, labels)
    # The bytes are a pickle that Python accepts, so the test tests what it says.
    assert pickle.loads(data, encoding="bytes")[b"labels"] == labels  # noqa: S301
    read, read_labels = parse_python_batch(data, "here")
    assert np.array_equal(read, pixels)
    assert read_labels == labels


def test_python_folder(tmp_path: Path) -> None:
    for seed, name in enumerate(FILES):
        (tmp_path / name).write_bytes(python2_pickle(*batch(seed)))
    check(open_python(tmp_path))


def test_binary_folder(tmp_path: Path) -> None:
    for seed, name in enumerate(FILES):
        pixels, labels = batch(seed)
        records = np.concatenate([np.array(labels, np.uint8)[:, None], pixels], axis=1)
        (tmp_path / f"{name}.bin").write_bytes(records.tobytes())
    check(open_binary(tmp_path))


def test_missing_truncated_and_wrong_binary_files(tmp_path: Path) -> None:
    record = bytes([3]) + bytes(3072)
    for name in FILES:
        (tmp_path / f"{name}.bin").write_bytes(record * 2)
    assert len(open_binary(tmp_path).train) == 10
    bad = tmp_path / "data_batch_3.bin"
    for content, message in (
        (record[:-1], "not a multiple of 3073"),
        (b"", "not a multiple of 3073"),
        (bytes([10]) + record[1:], "label 0 is 10, the classes are 0 to 9"),
    ):
        bad.write_bytes(content)
        with pytest.raises(DataError, match=message) as error:
            open_binary(tmp_path)
        assert str(bad) in str(error.value)
    bad.unlink()
    with pytest.raises(DataError, match="cannot read"):
        open_binary(tmp_path)


class Evil:
    def __init__(self, marker: Path) -> None:
        self._marker = marker

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self._marker),)


@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_nothing_in_a_pickle_is_executed(tmp_path: Path, protocol: int) -> None:
    marker = tmp_path / "executed"
    pixels, labels = batch(0)
    for content in (
        Evil(marker),
        {"data": Evil(marker), "labels": labels},
        {"data": pixels, "labels": labels, "extra": [Evil(marker)]},
    ):
        with pytest.raises(DataError, match="refers to"):
            parse_python_batch(pickle.dumps(content, protocol=protocol), "here")
        assert not marker.exists()


@pytest.mark.parametrize(
    "content",
    [
        [],
        {},
        {"data": np.zeros((2, 3072), np.uint8)},
        {"data": np.zeros((2, 3072), np.float32), "labels": [1, 2]},
        {"data": np.zeros((2, 3072), np.uint8), "labels": [1]},
        {"data": np.zeros((2, 3072), np.uint8), "labels": [1, "2"]},
        {"data": np.zeros((2, 3072), np.uint8), "labels": [1, -2]},
        {"data": np.zeros((2, 3072), np.uint8), "labels": [1, True]},
        {"data": np.zeros((2, 3072), np.uint8), "labels": np.array([1, 2])},
        {"data": b"abc", "labels": [1]},
        {"data": np.zeros((), np.uint8), "labels": [1]},
        {1: 2},
    ],
)
def test_other_content_is_refused(content: object) -> None:
    with pytest.raises(DataError, match="not a batch of CIFAR-10"):
        parse_python_batch(pickle.dumps(content, protocol=2), "here")


VALID = [python2_pickle(*batch(0)), *(python3_pickle(*batch(0), protocol=p) for p in (0, 2, 4))]


@fuzzed
@given(data=st.sampled_from(VALID), cut=st.floats(0.0, 1.0, exclude_max=True))
def test_truncated_pickles_are_refused(data: bytes, cut: float) -> None:
    with pytest.raises(DataError):
        parse_python_batch(data[: int(cut * len(data))], "here")


@fuzzed
@given(
    data=st.sampled_from(VALID),
    damage=st.lists(st.tuples(st.integers(-400, 400), st.integers(0, 255)), min_size=1, max_size=4),
)
def test_damaged_pickles_give_an_error_or_a_batch(
    data: bytes, damage: list[tuple[int, int]]
) -> None:
    changed = bytearray(data)
    for position, value in damage:
        changed[position] = value
    try:
        pixels, labels = parse_python_batch(bytes(changed), "here")
    except DataError as error:
        assert str(error).startswith("here: ")
    else:
        assert pixels.dtype == np.uint8
        assert pixels.ndim == 2
        assert len(labels) == len(pixels)


OPCODES = [opcode.code.encode("latin-1") for opcode in pickletools.opcodes]


@fuzzed
@given(
    parts=st.lists(
        st.one_of(
            st.sampled_from(OPCODES),
            st.binary(max_size=6),
            st.sampled_from(
                [b"cnumpy\ndtype\n", b"cnumpy\nndarray\n", b"K\x05", b"(K\x01K\x02t", b"U\x02u1"]
            ),
        ),
        max_size=30,
    )
)
def test_any_program_of_opcodes_is_refused_or_read(parts: list[bytes]) -> None:
    with pytest.raises(DataError):  # too short to be a batch by chance
        parse_python_batch(b"".join(parts) + b".", "here")


def test_a_program_that_grows_is_bounded_by_its_length() -> None:
    nested = b"]q\x00" + b"h\x00a" * 10_000 + b"."  # a list that holds itself
    with pytest.raises(DataError, match="not a batch"):
        parse_python_batch(nested, "here")
