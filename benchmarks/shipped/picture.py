"""Speed-up against accuracy lost, one panel for each network."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Final

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from .folders import Row

_STYLES: Final = {"macs": ("#0072B2", "o"), "benefit": ("#D55E00", "s")}
_OTHER: Final = ("#009E73", "^")


def draw_speed(rows: Sequence[Row]) -> bytes:
    """The picture as PNG bytes: tiles fed by DMA, points labelled with their bounds."""
    networks = list(dict.fromkeys(row["model"] for row in rows))
    figure = Figure(figsize=(3.3 * len(networks), 3.6), layout="constrained")
    figure.suptitle("Speed-up over the digital program (tiles fed by DMA) against accuracy lost")
    for network, axes in zip(
        networks, figure.subplots(1, len(networks), squeeze=False)[0], strict=True
    ):
        _draw_network(axes, [row for row in rows if row["model"] == network])
        axes.set_title(network, fontsize=10)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=130, metadata={"Software": None})
    return buffer.getvalue()


def _draw_network(axes: Axes, rows: Sequence[Row]) -> None:
    for strategy in dict.fromkeys(row["strategy"] for row in rows):
        shown = [row for row in rows if row["strategy"] == strategy]
        colour, marker = _STYLES.get(strategy, _OTHER)
        axes.errorbar(
            [_point(row)[0] for row in shown],
            [_point(row)[1] for row in shown],
            xerr=[row["day_lost_error"] or 0.0 for row in shown],
            fmt=marker,
            color=colour,
            capsize=2,
            markersize=5,
            linewidth=1,
            label=strategy,
        )
    axes.axhline(1.0, color="#999999", linewidth=0.8, linestyle=":")
    axes.margins(x=0.25, y=0.25)
    _label_bounds(axes, rows)
    axes.set_xlabel("accuracy lost after a day, points (test)\nbars: standard error", fontsize=8)
    axes.set_ylabel("speed-up", fontsize=8)
    axes.grid(alpha=0.25)
    axes.legend(fontsize=7, loc="lower right")


def _label_bounds(axes: Axes, rows: Sequence[Row]) -> None:
    """The bounds of each mapping; several bounds may share one.

    A label is above its point, or below where another point is in the way.
    """
    bounds: dict[str, list[Row]] = {}
    for row in rows:
        bounds.setdefault(row["mapping"], []).append(row)
    points = {name: _point(sharing[0]) for name, sharing in bounds.items()}
    (left, right), (low, high) = axes.get_xlim(), axes.get_ylim()
    for name, sharing in bounds.items():
        x, y = points[name]
        crowded = any(
            abs(other_x - x) < 0.2 * (right - left) and 0 < other_y - y < 0.15 * (high - low)
            for other_x, other_y in points.values()
        )
        axes.annotate(
            "≤ " + ", ".join(f"{row['drop_points']:g}" for row in sharing),
            (x, y),
            (0, -13 if crowded else 7),
            textcoords="offset points",
            fontsize=7,
            color=_STYLES.get(sharing[0]["strategy"], _OTHER)[0],
            ha="center",
        )


def _point(row: Row) -> tuple[float, float]:
    return row["day_lost_points"], float(row["dma_speed_up"])
