"""A result as HTML for notebooks: the report's figures in one small table."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from pathlib import Path
from typing import Final

from harness.quantities import format_energy, format_ratio, format_time
from harness.report.comparison import Comparison, accuracy_statement, outputs_statement
from harness.report.layer_row import LayerRow, layer_rows, total_row

_ROWS: Final = 30
_LEFT: Final = ' style="text-align: left"'


def result_html(comparison: Comparison, folder: Path) -> str:
    """A heading, at most 30 layers, totals and the report's statements about them.

    Everything that may come from a file is escaped.
    """
    config, mapped = comparison.config, comparison.mapped
    shown = layer_rows(comparison, comparison.digital if mapped is None else mapped)
    heading = f"{comparison.model.name} on {config.system.name}"
    if mapped is not None:
        heading += f", mapping {Path(config.run.mapping).name}"
    titles = ["layer", "operator", "runs on", "digital time", "digital energy"]
    if mapped is not None:
        titles += ["mapped time", "mapped energy", "speed-up", "energy gain"]
    digital = {row.layer: row for row in layer_rows(comparison, comparison.digital)}
    rows = [
        [row.layer, row.operator, row.runs_on, *_figures(digital.get(row.layer), row, mapped)]
        for row in shown[:_ROWS]
    ]
    if len(shown) > _ROWS:
        rows.append([f"{len(shown) - _ROWS} more: see .layers"])
    total = total_row(comparison, comparison.digital if mapped is None else mapped)
    without = total_row(comparison, comparison.digital)
    rows.append(["total", "", "", *_figures(without, total, mapped)])
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


def _figures(digital: LayerRow | None, row: LayerRow, mapped: object) -> list[str]:
    """Time and energy of the digital program, and where there is a ``mapped`` one of that, too."""
    figures = ["-", "-"] if digital is None else _time_and_energy(digital)
    if mapped is None:
        return figures
    gains = [
        "-" if ratio is None else format_ratio(ratio) for ratio in (row.speed_up, row.energy_gain)
    ]
    return [*figures, *_time_and_energy(row), *gains]


def _time_and_energy(row: LayerRow) -> list[str]:
    return [format_time(row.time_ns), format_energy(row.energy_pj)]
