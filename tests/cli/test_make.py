"""`make`'s variables: each is used by the target or refused."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def make(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["make", "-s", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize(
    ("target", "variables", "unused"),
    [
        ("sim", ("DROP=1",), "DROP"),
        ("sim", ("STRATEGY=macs", "WORKLOAD=mlp"), "STRATEGY WORKLOAD"),
        ("sim", ("GEM5=nowhere",), "GEM5"),
        ("sim", ("GEM5=nowhere", "ENGINE=embedded"), "GEM5"),
        ("map", ("DROP=1", "IMAGES=2"), "IMAGES"),
        ("map", ("DROP=1", "MAPPING=digital", "ENGINE=gem5"), "MAPPING ENGINE"),
        ("train", ("MODEL=mlp",), "MODEL"),
        ("sweep", ("SWEEP=s.yaml", "MODEL=mlp", "IMAGES=2"), "MODEL IMAGES"),
        ("sim", ("WORKERS=2",), "WORKERS"),
    ],
    ids=str,
)
def test_variables_that_a_target_does_not_use(
    target: str, variables: tuple[str, ...], unused: str
) -> None:
    result = make(target, *variables)
    assert result.returncode == 2
    assert f"error: make {target} does not use {unused}; it uses" in result.stderr
    assert result.stdout == ""


@pytest.mark.parametrize(
    "variables", [(), ("MODEL=mlp", "GEM5=nowhere", "ENGINE=gem5", "OUT=x", "SET=run.seed=2")]
)
def test_variables_that_it_uses(variables: tuple[str, ...]) -> None:
    result = make("sim-variables", *variables)
    assert result.returncode == 0, result.stderr
