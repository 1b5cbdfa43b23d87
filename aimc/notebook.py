"""A result as HTML for notebooks: the report's figures in one small table."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from pathlib import Path
from typing import Final

from harness.quantities import format_energy, format_ratio, format_time
from harness.report.comparison import Comparison, accuracy_statement, outputs_statement
from harness.report.terminal import runs_on
from harness.stats.summary import Gain, LayerSummary, ProgramSummary, layer_gain

_ROWS: Final = 30
_LEFT: Final = ' style="text-align: left"'


def result_html(comparison: Comparison, folder: Path) -> str:
    """A heading, at most 30 layers, totals and the report's statements about them.

    Everything that may come from a file is escaped.
    """
    config, mapped = comparison.config, comparison.mapped
    shown = comparison.digital if mapped is None else mapped
    heading = f"{comparison.model.name} on {config.system.name}"
    if mapped is not None:
        heading += f", mapping {Path(config.run.mapping).name}"
    titles = ["layer", "operator", "runs on", "digital time", "digital energy"]
    if mapped is not None:
        titles += ["mapped time", "mapped energy", "speed-up", "energy gain"]
    rows = [_layer_row(comparison, layer) for layer in shown.layers[:_ROWS]]
    if len(shown.layers) > _ROWS:
        rows.append([f"{len(shown.layers) - _ROWS} more: see .layers"])
    rows.append(_total_row(comparison))
    statements = (accuracy_statement(comparison), outputs_statement(comparison), str(folder))
    return (
        f"<div><p><b>{escape(heading)}</b></p><table><thead>{_row(titles, 'th')}</thead>"
        f"<tbody>{''.join(_row(row, 'td') for row in rows)}</tbody></table>"
        f"<p>{'<br>'.join(map(escape, statements))}</p></div>"
    )


def _row(cells: Iterable[str], tag: str) -> str:
    texts = (
        f"<{tag}{_LEFT if index < 3 else ''}>{escape(cell)}</{tag}>"
        for index, cell in enumerate(cells)
    )
    return f"<tr>{''.join(texts)}</tr>"


def _layer_row(comparison: Comparison, layer: LayerSummary) -> list[str]:
    digital = comparison.digital.layer(layer.name)
    row = [layer.name, layer.kind, runs_on(layer), *_figures(digital)]
    if comparison.mapped is None:
        return row
    gain = None if digital is None else layer_gain(digital, layer)
    return [*row, *_figures(layer), *_gains(gain)]


def _total_row(comparison: Comparison) -> list[str]:
    row = ["total", "", "", *_figures(comparison.digital)]
    if comparison.mapped is None:
        return row
    return [*row, *_figures(comparison.mapped), *_gains(comparison.gain)]


def _figures(part: LayerSummary | ProgramSummary | None) -> list[str]:
    if part is None:
        return ["-", "-"]
    return [format_time(part.time_ns), format_energy(part.energy.total_pj)]


def _gains(gain: Gain | None) -> list[str]:
    return (
        ["-", "-"]
        if gain is None
        else [format_ratio(gain.speed_up), format_ratio(gain.energy_gain)]
    )
