"""Tables of the commands that inform."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich import box
from rich.table import Table

from harness.quantities import shape_text

if TYPE_CHECKING:
    from harness.pipeline.prepare import LoadedModel


def plain_table(title: str, *columns: str, right: tuple[str, ...] = ()) -> Table:
    """A table in the house style; columns named in ``right`` are aligned right."""
    table = Table(title=title, box=box.SIMPLE, title_justify="left")
    for column in columns:
        table.add_column(column, justify="right" if column in right else "left")
    return table


def model_table(model: LoadedModel) -> Table:
    """Every layer of a network with its shape, parameters and multiply-accumulates."""
    summary = model.summary
    weights = "random weights" if model.graph.random_weights else "trained weights"
    batch = model.graph.file_batch
    note = "" if batch == 1 else f", run one image at a time, not {batch} as the file says"
    title = f"{model.graph.name} ({model.source}, {weights}{note})"
    table = plain_table(
        title, "layer", "operator", "output", "parameters", "MACs", right=("parameters", "MACs")
    )
    for layer in summary.layers:
        table.add_row(
            layer.name,
            layer.op,
            shape_text(layer.output_shape),
            f"{layer.parameters:,}",
            f"{layer.macs:,}",
        )
    table.add_section()
    table.add_row("total", "", "", f"{summary.parameters:,}", f"{summary.macs:,}")
    return table
