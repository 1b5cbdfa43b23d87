"""``accuracy.png``: accuracy against the share of analog work, and against time."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any, Final

import matplotlib
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from harness.accuracy.result import Row, SearchResult
from harness.safe_text import printable

_SIZE_IN: Final = (11.0, 4.9)
_DPI: Final = 130
_MARGIN_POINTS: Final = 0.25
# Okabe and Ito's colour-blind-safe palette; markers carry the same for grey prints.
_KEPT, _ROLLED_BACK, _TEST, _BOUND, _FLOAT = "#0072B2", "#D55E00", "#009E73", "#D55E00", "#333333"
_CONFIRMED: Final = "#CC79A7"
_TIMES: Final = (
    (1.0, "1 s"),
    (60.0, "1 min"),
    (3600.0, "1 h"),
    (86400.0, "1 day"),
    (30 * 86400.0, "1 month"),
    (365 * 86400.0, "1 year"),
)


def draw_search(result: SearchResult) -> bytes:
    """The picture as PNG bytes, the same for the same result."""
    with matplotlib.rc_context():
        matplotlib.rcdefaults()  # independent of the user's own style
        matplotlib.rcParams.update({"text.parse_math": False, "font.size": 9.0})
        figure = Figure(figsize=_SIZE_IN, dpi=_DPI, facecolor="white")
        FigureCanvasAgg(figure)
        figure.text(0.02, 0.945, _title(result), fontsize=13, fontweight="bold")
        figure.text(0.02, 0.895, _subtitle(result), color="#333333")
        left = figure.add_axes((0.065, 0.12, 0.425, 0.68))
        right = figure.add_axes((0.56, 0.12, 0.425, 0.68))
        _draw_steps(left, result)
        _draw_time(right, result)
        data = io.BytesIO()
        figure.savefig(data, format="png", metadata={"Software": None})
    return data.getvalue()


def _title(result: SearchResult) -> str:
    return (
        f"{printable(result.model, 50)}: {100 * result.analog_share:.1f} % of the multiply-"
        f"accumulates analog within {_points(result)}"
    )


def _subtitle(result: SearchResult) -> str:
    return (
        f"{printable(result.dataset, 40)}; {len(result.analog)} of {len(result.macs)} layers; "
        f"strategy {printable(result.strategy, 30)}; bars are 95 % intervals of the mean over "
        "sets of devices"
    )


def _draw_steps(axes: Axes, result: SearchResult) -> None:
    steps = [row for row in result.rows if row.phase in ("warm-up", "search") and row.values]
    confirmed = [row for row in result.rows if row.phase == "confirmation"]
    kept = [row for row in steps if row.accepted]
    high = max([100 * result.baseline, *(_high(row) for row in (*steps, *confirmed))])
    low = min([100 * result.bound, *(_low(row) for row in (*kept, *confirmed))])
    # Rolled-back trials may lie far below; only part of that range is drawn to scale.
    lowest = min([low, *(_low(row) for row in steps)])
    low = max(lowest, low - 1.5 * (high - low) - _MARGIN_POINTS)
    refused = [row for row in steps if not row.accepted]
    shown = [row for row in refused if _mean(row) >= low]
    shares = [100 * row.analog_share for row in shown]
    _errorbars(axes, kept, [100 * row.analog_share for row in kept], _KEPT, "o-", "kept")
    _errorbars(axes, shown, shares, _ROLLED_BACK, "x", "rolled back")
    confirmed_shares = [100 * row.analog_share for row in confirmed]
    _errorbars(axes, confirmed, confirmed_shares, _CONFIRMED, "D", "on other devices")
    _lines(axes, result)
    images = steps[0].images if steps else 0
    axes.set_title(f"Step by step: validation, {images:,} images", fontsize=10)
    axes.set_xlabel("multiply-accumulates on analog tiles, %")
    axes.set_ylabel("accuracy, %")
    axes.set_xlim(-3, 103)
    span = max(high - low, _MARGIN_POINTS)
    axes.set_ylim(low - 0.45 * span, high + 0.1 * span)  # below: room for the legend
    _mark_below(axes, [row for row in refused if _mean(row) < low], low - 0.1 * span)
    axes.legend(loc="lower left", fontsize=7, ncols=2, columnspacing=1.0)


def _draw_time(axes: Axes, result: SearchResult) -> None:
    for split, phase, color, style in (
        ("validation", "time", _KEPT, "o-"),
        ("test", "test", _TEST, "s--"),
    ):
        rows = sorted(
            (row for row in result.rows if row.phase == phase), key=lambda row: row.time_s or 0.0
        )
        label = f"{split}, {rows[0].images:,} images" if rows else split
        _errorbars(axes, rows, [row.time_s or 0.0 for row in rows], color, style, label)
    axes.set_xscale("log")
    axes.set_xticks([t for t, _ in _TIMES], [name for _, name in _TIMES])
    axes.minorticks_off()
    axes.axvline(result.t_eval_s, color="#999999", linewidth=0.8, linestyle=":")
    _lines(axes, result)
    test = [row for row in result.rows if row.phase == "baseline" and row.split == "test"]
    for row in test:
        axes.axhline(_mean(row), color=_TEST, linewidth=1, linestyle="-.", label="float, test")
    axes.set_title("The mapping found, against time since programming", fontsize=10)
    axes.set_xlabel("time since programming (dotted: where the bound was applied)")
    axes.set_ylabel("accuracy, %")
    low, high = axes.get_ylim()
    axes.set_ylim(low - 0.3 * (high - low), high)
    axes.legend(loc="lower left", fontsize=7, ncols=2, columnspacing=1.0)


def _points(result: SearchResult) -> str:
    return f"{result.drop_points:g} point{'' if result.drop_points == 1 else 's'}"


def _lines(axes: Axes, result: SearchResult) -> None:
    common: dict[str, Any] = {"linewidth": 1.0}
    axes.axhline(100 * result.baseline, color=_FLOAT, label="float, validation", **common)
    label = f"bound, {_points(result)} below"
    if result.confidence not in (None, 0.5):
        label += f" (must hold with {100 * result.confidence:g} %)"
    axes.axhline(100 * result.bound, color=_BOUND, linestyle="--", label=label, **common)
    axes.grid(alpha=0.25)


def _errorbars(
    axes: Axes, rows: Sequence[Row], x: Sequence[float], color: str, style: str, label: str
) -> None:
    if not rows:
        return
    axes.errorbar(
        x,
        [_mean(row) for row in rows],
        yerr=[row.statistics["ci95_points"] or 0.0 for row in rows],
        fmt=style,
        color=color,
        markersize=4,
        linewidth=1,
        capsize=2,
        label=label,
    )


def _mark_below(axes: Axes, rows: Sequence[Row], edge: float) -> None:
    """Mark values that are too far below at ``edge``, with their numbers."""
    for row in rows:
        axes.plot(100 * row.analog_share, edge, "v", color=_ROLLED_BACK, markersize=5)
        axes.annotate(
            f"{_mean(row):.1f}",
            (100 * row.analog_share, edge),
            (0, 6),
            textcoords="offset points",
            ha="center",
            fontsize=7,
            color=_ROLLED_BACK,
        )


def _mean(row: Row) -> float:
    return row.statistics["mean_percent"] or 0.0


def _low(row: Row) -> float:
    return _mean(row) - (row.statistics["ci95_points"] or 0.0)


def _high(row: Row) -> float:
    return _mean(row) + (row.statistics["ci95_points"] or 0.0)
