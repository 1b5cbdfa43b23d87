"""Digests of content: equal for equal content, and for nothing else."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest

from harness.content import array_bytes, content_digest


@dataclass(frozen=True, eq=False)
class Pair:
    name: str
    values: np.ndarray  # type: ignore[type-arg]


@dataclass(frozen=True, eq=False)
class OtherPair:
    name: str
    values: np.ndarray  # type: ignore[type-arg]


ARRAY = np.arange(6, dtype=np.int16)
DIFFERENT = [
    (),
    (None,),
    (None, None),
    ("",),
    ("1",),
    (1,),
    (1.0,),
    (True,),
    (b"1",),
    (("a", "b"),),
    ("a", "b"),
    (("ab",),),
    ((),),
    ({},),
    ({"a": 1, "b": 2},),
    ({"b": 2, "a": 1},),
    (ARRAY,),
    (ARRAY.astype(np.int32),),
    (ARRAY.astype(">i2"),),
    (ARRAY.reshape(2, 3),),
    (ARRAY.reshape(3, 2),),
    (ARRAY[:5],),
    (ARRAY + 1,),
    (Pair("a", ARRAY),),
    (OtherPair("a", ARRAY),),
    (Pair("b", ARRAY),),
    (Pair("a", ARRAY[::-1]),),
    ([Pair("a", ARRAY)],),
    (np.float32(1),),
]


def test_other_content_has_another_digest() -> None:
    assert len({content_digest(*values) for values in DIFFERENT}) == len(DIFFERENT)


def test_equal_content_has_one_digest_wherever_it_lies() -> None:
    pair = Pair("a", ARRAY.reshape(2, 3))
    transposed = np.ascontiguousarray(pair.values.T).T
    assert not transposed.flags.c_contiguous
    assert content_digest(replace(pair, values=transposed)) == content_digest(pair)
    assert content_digest(ARRAY[::2]) == content_digest(ARRAY[::2].copy())


@pytest.mark.parametrize("value", [{1, 2}, object(), 1j, Pair])
def test_what_has_no_digest_is_an_error(value: object) -> None:
    with pytest.raises(TypeError, match="has no digest"):
        content_digest(["a", {"b": value}])


def test_the_size_is_that_of_the_arrays() -> None:
    assert array_bytes({"a": [ARRAY, Pair("b", ARRAY)]}, "text") == 24
