"""The report as tables for a terminal, or as plain text of a fixed width for a pipe."""

from __future__ import annotations

import io
import sys
from collections.abc import Mapping
from typing import Final, TextIO

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from harness.quantities import format_count, format_energy, format_ratio, format_share, format_time
from harness.report.bounds import bound_ratios
from harness.report.comparison import (
    Comparison,
    PlanInfo,
    accuracy_statement,
    outputs_statement,
)
from harness.report.layer_row import LayerRow, layer_rows, total_row
from harness.report.programming import programming_statement
from harness.report.time_by_cause import cause_names
from harness.safe_text import printable
from harness.stats.energy import ENERGY_GROUPS
from harness.stats.summary import ProgramSummary, gain

PLAIN_WIDTH: Final = 100


def make_console(stream: TextIO | None = None) -> Console:
    """A console for ``stream`` (standard output if None): colour and full width on a
    terminal, else plain text of 100 columns."""
    target = sys.stdout if stream is None else stream
    if target.isatty():
        return Console(file=target, highlight=False)
    return Console(
        file=target, width=PLAIN_WIDTH, no_color=True, color_system=None, highlight=False
    )


def format_report(comparison: Comparison) -> str:
    """The report as plain text of 100 columns."""
    text = io.StringIO()
    print_report(comparison, make_console(text))
    return text.getvalue()


def print_report(comparison: Comparison, console: Console) -> None:
    """Print header, layers of each program, totals, and where time and energy go.

    In a pipe, lines have no blanks at their ends.
    """
    if console.is_terminal:
        _print_all(comparison, console)
        return
    with console.capture() as capture:
        _print_all(comparison, console)
    console.file.writelines(f"{line.rstrip()}\n" for line in capture.get().splitlines())


def _print_all(comparison: Comparison, console: Console) -> None:
    _print_header(comparison, console)
    tables = [_layers_table(comparison, program) for program in comparison.programs]
    for table in (*tables, _totals_table(comparison), _split_table(comparison)):
        console.print()
        console.print(table)
    console.print()
    gain = comparison.gain
    if gain is not None:
        console.print(
            Text(
                f"Speed-up {format_ratio(gain.speed_up)}, energy gain "
                f"{format_ratio(gain.energy_gain)} over the all-digital program.",
                style="bold",
            )
        )
    programming = programming_statement(comparison)
    if programming is not None:
        console.print(Text(programming))
    console.print(Text(outputs_statement(comparison)))
    accuracy = comparison.accuracy
    doubtful = accuracy is not None and accuracy.is_no_better_than_chance
    style = "bold yellow" if doubtful or comparison.model.random_weights else ""
    console.print(Text(accuracy_statement(comparison), style=style))


def _print_header(comparison: Comparison, console: Console) -> None:
    model, system = comparison.model, comparison.config.system
    shape = " x ".join(map(str, model.input_shape))
    tile, cores = system.tile, system.cores
    network = (
        f"{printable(model.name, 60)}: input {shape}, {format_count(model.macs)} MACs, "
        f"{format_count(model.parameters)} parameters"
    )
    machine = (
        f"{system.name}: {cores} core{'s' if cores != 1 else ''} {system.core.name} at "
        f"{system.core.clock_ghz:g} GHz, {system.caches.l2.size_kib} KiB L2, "
        f"{system.memory.name}; {system.tiles} tiles {tile.name} "
        f"({tile.rows} x {tile.columns}, {tile.io}, noise {'on' if tile.noise else 'off'})"
    )
    lines = [network, machine]
    images = comparison.manifest.samples.get("images")
    if images is not None:
        lines.append(f"images: {printable(images, 200)}")
    plan = comparison.plan
    if plan is not None:
        lines.append(
            f"mapping {printable(plan.mapping, 60)}: {len(plan.analog_layers)} analog layers on "
            f"{plan.tiles_used} of {plan.tiles_available} tiles"
        )
        lines += _placement_lines(comparison.config.run.placement, plan)
        lines += [
            f"  {printable(name, 30)} stays digital: {printable(reason)}"
            for name, reason in plan.kept_digital.items()
        ]
    earlier = comparison.manifest.earlier_simulations
    if earlier:
        said = ", ".join(f"{printable(name, 40)} ({made})" for name, made in earlier.items())
        lines.append(f"from an earlier simulation of an equal program: {said}")
    for line in lines:
        console.print(Text(line))


def _placement_lines(policy: str, plan: PlanInfo) -> list[str]:
    """The result of the placement policy, if it is not the default."""
    if policy == "replicate":
        copied = [layer for layer in plan.analog_layers if layer.copies > 1]
        extra = sum(layer.tiles - layer.tiles // layer.copies for layer in copied)
        return [f"placement replicate: layers with copies: {len(copied)}, on {extra} of the tiles"]
    if policy == "reload":
        reloaded = sum(layer.reloaded for layer in plan.analog_layers)
        return [f"placement reload: layers that are programmed at each inference: {reloaded}"]
    return []


def _layers_table(comparison: Comparison, program: ProgramSummary) -> Table:
    is_mapped = program is comparison.mapped
    images = f"average of {program.images} images" if program.images > 1 else "1 image"
    table = _table(f"Program {printable(program.name, 40)}, per layer ({images})")
    table.add_column("layer", no_wrap=True, overflow="ellipsis", max_width=24)
    table.add_column("op", no_wrap=True, overflow="ellipsis", max_width=8)
    table.add_column("runs on", no_wrap=True)
    for name in ("time", "share", "cycles", "energy"):
        table.add_column(name, justify="right", no_wrap=True)
    last = ("speed-up", "energy\ngain", "x bound") if is_mapped else ("MACs", "of peak")
    for name in last:
        table.add_column(name, justify="right", no_wrap=True)
    for row in layer_rows(comparison, program):
        table.add_row(
            printable(row.layer, 24),
            printable(row.operator, 8),
            row.runs_on,
            format_time(row.time_ns),
            format_share(row.time_ns, program.time_ns),
            format_count(row.cycles),
            format_energy(row.energy_pj),
            *(_gains(row) if is_mapped else _work(row)),
            style="bold" if row.unit == "analog" else "",
        )
    ratios = bound_ratios(comparison) if is_mapped else None
    if ratios is not None:
        table.caption = (
            "x bound: time over the largest of tile, transfer and SIMD time;\n"
            f"mean of the layers {ratios.mean:.2f}, all of them together {ratios.overall:.2f};\n"
            f"mean {ratios.serial_mean:.2f} if the first codes and the last outputs are waited for"
        )
    return table


def _work(row: LayerRow) -> tuple[str, str]:
    macs = format_count(row.macs) if row.macs else "-"
    return macs, "-" if row.utilisation is None else f"{100 * row.utilisation:.1f} %"


def _gains(row: LayerRow) -> tuple[str, str, str]:
    return (
        "-" if row.speed_up is None else format_ratio(row.speed_up),
        "-" if row.energy_gain is None else format_ratio(row.energy_gain),
        "-" if row.time_over_bound is None else f"{row.time_over_bound:.2f}",
    )


def _totals_table(comparison: Comparison) -> Table:
    table = _table("Total for one inference")
    table.add_column("program", no_wrap=True)
    columns = ["time", "cycles", "energy", "of peak", "speed-up", "energy\ngain"]
    if comparison.fp32 is not None:
        columns += ["speed-up\nover fp32", "energy gain\nover fp32"]
    for name in columns:
        table.add_column(name, justify="right", no_wrap=True)
    for program in comparison.programs:
        shown = gain(comparison.digital, program)
        over_fp32 = comparison.fp32_gain(program)
        row = total_row(comparison, program)
        table.add_row(
            printable(row.program, 30),
            format_time(row.time_ns),
            format_count(row.cycles),
            format_energy(row.energy_pj),
            "-" if row.utilisation is None else f"{100 * row.utilisation:.1f} %",
            format_ratio(shown.speed_up),
            format_ratio(shown.energy_gain),
            *(
                (format_ratio(over_fp32.speed_up), format_ratio(over_fp32.energy_gain))
                if over_fp32 is not None
                else ()
            ),
        )
    table.caption = "of peak: MACs of digital layers / what the SIMD units could do meanwhile"
    return table


def _split_table(comparison: Comparison) -> Table:
    table = _table("Where time and energy go")
    table.add_column("", no_wrap=True)
    for program in comparison.programs:
        table.add_column(printable(program.name, 20), justify="right", no_wrap=True)
        table.add_column("share", justify="right", no_wrap=True)
    totals = [total_row(comparison, program) for program in comparison.programs]
    times = [total.causes_ns for total in totals]
    energies = [total.energy.groups() for total in totals]
    for cause, label in cause_names(comparison.config.system.core).items():
        table.add_row(f"time: {label}", *_cells(cause, times, is_time=True))
    table.add_section()
    for group in ENERGY_GROUPS:
        table.add_row(f"energy: {group}", *_cells(group, energies, is_time=False))
    return table


def _cells(key: str, splits: list[dict[str, float]], *, is_time: bool) -> list[str]:
    cells = []
    for split in splits:
        value = split[key]
        cells.append(format_time(value) if is_time else format_energy(value))
        cells.append(format_share(value, _sum(split)))
    return cells


def _sum(split: Mapping[str, float]) -> float:
    return sum(split.values())


def _table(title: str) -> Table:
    return Table(
        title=Text(title),
        title_justify="left",
        title_style="bold",
        caption_justify="left",
        box=box.SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
        pad_edge=False,
        show_edge=False,
    )
