"""The noise is normal, independent, and made from the checked-in table."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import numpy as np
import numpy.typing as npt
import pytest
from scipy import stats

from harness._tile import mvm_batch
from harness.placement import tile_arithmetic
from harness.placement.tile_arithmetic import OUTPUT_NOISE, READ_NOISE, noise_q16, philox4x32_10

CORE = Path(__file__).resolve().parents[2] / "aimc_tile" / "core"


def draw(source: int, seed: int, mvms: int = 800, columns: int = 256) -> npt.NDArray[np.float64]:
    numbers = np.arange(mvms, dtype=np.uint32)
    z = noise_q16(source, columns, seed=seed, tile=3, epoch=1, mvms=numbers)
    return z.astype(np.float64) / 65536


def load_generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location(
        "make_normal_table", CORE / "make_normal_table.py"
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_checked_in_table_is_what_its_script_writes() -> None:
    generator = load_generator()
    assert (CORE / "normal_table.inc").read_text(encoding="ascii") == generator.table_text()
    quantiles = generator.normal_table()
    assert len(quantiles) == 32 * 64 + 1
    tails = np.append((1 + np.arange(2048) % 64 / 64) * 2.0 ** (np.arange(2048) // 64 - 33), 0.5)
    np.testing.assert_allclose(quantiles, 65536 * stats.norm.isf(tails), rtol=0, atol=0.5001)


def test_philox_known_answer() -> None:
    counter = np.array([[0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344]], dtype=np.uint32)
    words = philox4x32_10(counter, 0x299F31D0_A4093822)
    assert words[0].tolist() == [0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1]


@pytest.mark.parametrize("source", [READ_NOISE, OUTPUT_NOISE])
def test_z_is_standard_normal(source: int) -> None:
    z = draw(source, seed=20240601).ravel()
    assert z.size >= 200_000
    assert stats.kstest(z, stats.norm.cdf).pvalue > 0.01
    assert abs(z.mean()) < 4 / np.sqrt(z.size)
    assert abs(z.var() - 1) < 4 * np.sqrt(2 / z.size)
    assert abs(stats.kurtosis(z)) < 4 * np.sqrt(24 / z.size)


def test_z_follows_the_quantiles_far_into_the_tails() -> None:
    """Every tail probability from 1/2 down to 2**-32, on words spread over all octaves."""
    words = np.unique(np.geomspace(1, 2**31 - 1, 20000).astype(np.uint32))
    z = tile_arithmetic.normal_q16(words) / 65536
    exact = stats.norm.isf((words.astype(np.float64) + 0.5) / 2**32)
    np.testing.assert_allclose(z, exact, rtol=0, atol=3 / 65536)
    assert tile_arithmetic.normal_q16(np.zeros(1, np.uint32))[0] > 6 * 65536


def test_columns_mvms_and_sources_are_uncorrelated() -> None:
    read, output = draw(READ_NOISE, 7), draw(OUTPUT_NOISE, 7)
    limit = 5 / np.sqrt(read.size)
    pairs = (
        (read, output),
        (read[:, :-1], read[:, 1:]),
        (read[:-1], read[1:]),
        (read, draw(READ_NOISE, 8)),
    )
    for a, b in pairs:
        assert abs(np.corrcoef(a.ravel(), b.ravel())[0, 1]) < limit


def test_noise_of_the_model_is_normal_too() -> None:
    """The codes of zero inputs under output noise of 4096 steps, from the C++ model."""
    m, n = 500, 256
    codes = mvm_batch(
        np.zeros((m, 4), np.int8),
        np.zeros((4, n), np.int16),
        np.full(n, 32768, np.uint16),
        np.full(n, 17, np.uint16),
        epoch=0,
        first_mvm=0,
        adc_bits=16,
        noise=True,
        output_noise_lsb=4096.0,
        seed=123,
    )
    z = codes.ravel() / 4096
    assert z.size >= 100_000
    assert stats.kstest(z, stats.norm.cdf).pvalue > 0.01
