"""``report.png``: totals by cause and by component, and every layer's time by cause."""

from __future__ import annotations

import io
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import matplotlib
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from harness.quantities import energy_unit, format_energy, format_ratio, format_time, time_unit
from harness.report.comparison import Comparison, accuracy_statement
from harness.report.time_by_cause import CAUSES, cause_names, times_by_cause
from harness.safe_text import printable
from harness.stats.energy import ENERGY_GROUPS
from harness.stats.summary import LayerSummary, ProgramSummary

MAX_LAYERS: Final = 80
"""Number of layers drawn; if there are more, the fastest are drawn as one."""

_WIDTH_IN: Final = 11.0
_DPI: Final = 130
_NAME_WIDTH: Final = 26
_LINE: Final = 165  # characters

# Okabe and Ito's colour-blind-safe palette; hatches carry the same for grey prints.
_CAUSE_STYLE: Final = {
    "compute": ("#0072B2", ""),
    "memory": ("#E69F00", "////"),
    "tile_transfer": ("#CC79A7", "...."),
    "tile_mvm": ("#009E73", "xxxx"),
}
_GROUP_STYLE: Final = {
    "core": ("#0072B2", ""),
    "caches": ("#56B4E9", "\\\\\\\\"),
    "DRAM": ("#E69F00", "////"),
    "tile transfer": ("#CC79A7", "...."),
    "tile": ("#009E73", "xxxx"),
}


@dataclass(frozen=True)
class _Row:
    """One layer's pair of bars, times in ns by cause; None where a program lacks it."""

    label: str
    analog: bool
    bars: tuple[Mapping[str, float] | None, ...]


def draw_report(comparison: Comparison) -> bytes:
    """The picture as PNG bytes, the same for the same comparison."""
    rows = _rows(comparison)
    bars = len(comparison.programs)
    subtitle = textwrap.wrap(_subtitle(comparison), _LINE)
    statement = accuracy_statement(comparison).replace(" %", "\N{NO-BREAK SPACE}%")
    footer = textwrap.wrap(statement, _LINE)
    bar_in = 0.19 if len(rows) <= 30 else 0.145
    layers_in = len(rows) * (bar_in * bars + 0.08)
    totals_in = 0.15 + 0.42 * bars
    header_in = 0.42 + 0.18 * len(subtitle) + 0.3
    between_in = 0.95  # axis, legend and the next title
    footer_in = 0.45 + 0.18 * len(footer)
    height = header_in + totals_in + between_in + layers_in + footer_in
    with matplotlib.rc_context():
        matplotlib.rcdefaults()  # independent of the user's own style
        matplotlib.rcParams.update(
            {"text.parse_math": False, "font.size": 9.0, "hatch.linewidth": 0.5}
        )
        figure = Figure(figsize=(_WIDTH_IN, height), dpi=_DPI, facecolor="white")
        FigureCanvasAgg(figure)

        def axes(left: float, right: float, top_in: float, size_in: float) -> Axes:
            bottom = 1 - (top_in + size_in) / height
            return figure.add_axes((left, bottom, right - left, size_in / height))

        figure.text(0.02, 1 - 0.28 / height, _title(comparison), fontsize=13, fontweight="bold")
        for number, line in enumerate(subtitle):
            figure.text(0.02, 1 - (0.52 + 0.18 * number) / height, line, color="#333333")
        _draw_total_time(axes(0.11, 0.51, header_in, totals_in), comparison)
        _draw_total_energy(axes(0.58, 0.98, header_in, totals_in), comparison)
        widest = max((len(row.label) for row in rows), default=0)
        left = max(0.07, 0.02 + 0.0072 * widest)
        _draw_layers(
            axes(left, 0.98, header_in + totals_in + between_in, layers_in), comparison, rows
        )
        for number, line in enumerate(reversed(footer)):
            weight = "bold" if comparison.model.random_weights else "normal"
            figure.text(0.02, (0.1 + 0.18 * number) / height, line, fontsize=8.5, fontweight=weight)
        data = io.BytesIO()
        figure.savefig(data, format="png", metadata={"Software": None})
    return data.getvalue()


def _title(comparison: Comparison) -> str:
    title = printable(comparison.model.name, 50)
    gain = comparison.gain
    if gain is None:
        return title
    return (
        f"{title}: speed-up {format_ratio(gain.speed_up)}, "
        f"energy gain {format_ratio(gain.energy_gain)}"
    )


def _subtitle(comparison: Comparison) -> str:
    system, plan = comparison.config.system, comparison.plan
    text = (
        f"{system.name}, {system.core.name} at {system.core.clock_ghz:g} GHz"
        f", engine {comparison.manifest.engine}, one inference"
    )
    if plan is not None:
        text += (
            f"; mapping {printable(plan.mapping, 30)}, {plan.tiles_used} of "
            f"{plan.tiles_available} tiles {system.tile.name}"
        )
    return printable(text)


def _draw_total_time(axes: Axes, comparison: Comparison) -> None:
    programs = comparison.programs
    splits = [times_by_cause(program.causes, program.clock_ghz) for program in programs]
    divisor, unit = time_unit(max(sum(split.values()) for split in splits))
    labels = [format_time(program.time_ns) for program in programs]
    _draw_totals(axes, programs, splits, divisor, labels, _CAUSE_STYLE)
    axes.set_title(f"Time [{unit}]", loc="left", fontsize=10)
    _legend(axes, _CAUSE_STYLE, cause_names(comparison.config.system.core))


def _draw_total_energy(axes: Axes, comparison: Comparison) -> None:
    programs = comparison.programs
    splits = [program.energy.groups() for program in programs]
    divisor, unit = energy_unit(max(sum(split.values()) for split in splits))
    labels = [format_energy(program.energy.total_pj) for program in programs]
    _draw_totals(axes, programs, splits, divisor, labels, _GROUP_STYLE)
    axes.set_title(f"Energy [{unit}]", loc="left", fontsize=10)
    _legend(axes, _GROUP_STYLE, {group: group for group in ENERGY_GROUPS})


def _draw_totals(
    axes: Axes,
    programs: Sequence[ProgramSummary],
    splits: Sequence[Mapping[str, float]],
    divisor: float,
    labels: Sequence[str],
    style: Mapping[str, tuple[str, str]],
) -> None:
    for position, (split, label) in enumerate(zip(splits, labels, strict=True)):
        _bar(axes, position, 0.62, split, divisor, style)
        _annotate(axes, position, sum(split.values()) / divisor, label, 9.0)
    axes.set_yticks(
        range(len(programs)), [printable(program.name, 12) for program in programs], fontsize=9
    )
    axes.set_ylim(len(programs) - 0.5, -0.5)
    _finish(axes, max(sum(split.values()) for split in splits) / divisor)


def _draw_layers(axes: Axes, comparison: Comparison, rows: Sequence[_Row]) -> None:
    bars = len(comparison.programs)
    longest = max((sum(bar.values()) for row in rows for bar in row.bars if bar), default=0.0)
    divisor, unit = time_unit(longest)
    size = 0.78 / bars
    for index, row in enumerate(rows):
        for number, bar in enumerate(row.bars):
            if bar is None:
                continue
            position = index + (number - (bars - 1) / 2) * size
            _bar(axes, position, size * 0.88, bar, divisor, _CAUSE_STYLE)
            total = sum(bar.values())
            _annotate(axes, position, total / divisor, format_time(total), 7.0)
    axes.set_yticks(range(len(rows)), [row.label for row in rows], fontsize=8)
    for tick, row in zip(axes.get_yticklabels(), rows, strict=True):
        tick.set_fontweight("bold" if row.analog else "normal")
    axes.set_ylim(len(rows) - 0.4, -0.6)
    which = ""
    if bars > 1:
        names = [printable(program.name, 24) for program in comparison.programs]
        which = f"; bars from above: {', '.join(names)}; bold: on tiles"
    axes.set_title(f"Time by layer [{unit}]{which}", loc="left", fontsize=10)
    _finish(axes, longest / divisor)


def _bar(
    axes: Axes,
    position: float,
    size: float,
    split: Mapping[str, float],
    divisor: float,
    style: Mapping[str, tuple[str, str]],
) -> None:
    left = 0.0
    for key, (colour, hatch) in style.items():
        width = split[key] / divisor
        if width > 0:
            axes.barh(
                position,
                width,
                size,
                left=left,
                color=colour,
                hatch=hatch,
                edgecolor="white",
                linewidth=0.0,
            )
            left += width


def _annotate(axes: Axes, position: float, end: float, label: str, size: float) -> None:
    axes.annotate(
        label,
        (end, position),
        xytext=(3, 0),
        textcoords="offset points",
        va="center",
        fontsize=size,
        color="#222222",
    )


def _finish(axes: Axes, longest: float) -> None:
    axes.set_xlim(0, longest * 1.14 if longest > 0 else 1.0)
    axes.grid(axis="x", color="#dddddd", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.tick_params(axis="y", length=0)
    axes.tick_params(axis="x", labelsize=8)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)


def _legend(axes: Axes, style: Mapping[str, tuple[str, str]], labels: Mapping[str, str]) -> None:
    patches = [
        Patch(facecolor=colour, hatch=hatch, edgecolor="white", linewidth=0, label=labels[key])
        for key, (colour, hatch) in style.items()
        if key in labels
    ]
    below_in = 0.24  # under the axis' numbers
    size = axes.get_window_extent().height / _DPI
    axes.legend(
        handles=patches,
        loc="upper left",
        bbox_to_anchor=(-0.01, -below_in / size),
        borderaxespad=0.0,
        ncols=len(patches),
        frameon=False,
        fontsize=8,
        handlelength=1.4,
        columnspacing=1.0,
        handletextpad=0.4,
    )


def _rows(comparison: Comparison) -> list[_Row]:
    programs = comparison.programs
    names = list(dict.fromkeys(layer.name for program in programs for layer in program.layers))
    layers = {name: tuple(program.layer(name) for program in programs) for name in names}
    rows = [_row(name, found, programs) for name, found in layers.items()]
    if len(rows) <= MAX_LAYERS:
        return rows
    by_time = sorted(rows, key=_row_time, reverse=True)
    kept, rest = by_time[: MAX_LAYERS - 1], by_time[MAX_LAYERS - 1 :]
    others = tuple(
        {cause: sum(bar[cause] for row in rest if (bar := row.bars[index])) for cause in CAUSES}
        for index in range(len(programs))
    )
    shown = {id(row) for row in kept}
    label = f"{len(rest)} faster layers"
    return [*(row for row in rows if id(row) in shown), _Row(label, False, others)]


def _row(
    name: str, layers: Sequence[LayerSummary | None], programs: Sequence[ProgramSummary]
) -> _Row:
    bars = tuple(
        None if layer is None else times_by_cause(layer.causes, program.clock_ghz)
        for layer, program in zip(layers, programs, strict=True)
    )
    analog = any(layer is not None and layer.unit == "analog" for layer in layers)
    return _Row(printable(name, _NAME_WIDTH), analog, bars)


def _row_time(row: _Row) -> float:
    return max((sum(bar.values()) for bar in row.bars if bar), default=0.0)
