"""Commands that inform: models, presets, doctor."""

from __future__ import annotations

from typing import Annotated

import typer

from harness.errors import HarnessError

_MODELS_HELP = """List the built-in networks.

Example:

    aimc models
"""
_PRESETS_HELP = """List the presets, show one with the source of every value, or explain their keys.

Examples:

    aimc presets

    aimc presets tile hermes-256

    aimc presets --explain tile
"""
_DOCTOR_HELP = """Check that this machine has what the harness needs, by using it.

Example:

    aimc doctor
"""


def register(app: typer.Typer) -> None:
    """Add the commands to ``app``."""
    app.command("models", help=_MODELS_HELP)(models)
    app.command("presets", help=_PRESETS_HELP)(presets)
    app.command("doctor", help=_DOCTOR_HELP)(doctor)


def models() -> None:
    """See _MODELS_HELP."""
    from aimc.catalogue import model_entries
    from aimc.cli.tables import plain_table
    from harness.quantities import shape_text
    from harness.report.terminal import make_console

    table = plain_table(
        "Built-in networks",
        "name",
        "input",
        "other sizes",
        "parameters",
        "MACs",
        "weights",
        right=("parameters", "MACs"),
    )
    for entry in model_entries():
        weights = "random" if entry.trained_on is None else f"trained on {entry.trained_on}"
        if entry.test_accuracy_percent is not None:
            weights += f", {entry.test_accuracy_percent:.1f} % (float32, test)"
        table.add_row(
            entry.name,
            shape_text(entry.input_shape),
            ", ".join(str(size) for size in entry.other_sizes),
            f"{entry.parameters:,}",
            f"{entry.macs:,}",
            weights,
        )
    console = make_console()
    console.print(table)
    console.print("Any other network: give the path of an .onnx file.", markup=False)


def presets(
    section: Annotated[str | None, typer.Argument(help="For instance tile.")] = None,
    name: Annotated[str | None, typer.Argument(help="For instance hermes-256.")] = None,
    explain: Annotated[
        bool,
        typer.Option(
            "--explain",
            help="Show unit, range and meaning of every key, or of SECTION, which can be a key.",
        ),
    ] = False,
) -> None:
    """See _PRESETS_HELP."""
    from aimc.cli.tables import plain_table
    from harness.config.preset_files import describe_preset, list_presets
    from harness.report.terminal import make_console

    console = make_console()
    if explain:
        if name is not None:
            raise HarnessError("--explain takes a section or a key, no preset")
        _explain(section)
        return
    known = list_presets()
    if section is not None and section not in known:
        raise HarnessError(
            f"there is no section {section!r}", hint="valid sections: " + ", ".join(known)
        )
    if section is not None and name is not None:
        preset = describe_preset(section, name)
        table = plain_table(f"{section} {name}: {preset.title}", "key", "value", "unit", "source")
        for value in preset.values:
            table.add_row(value.key, str(value.value), value.unit, value.source)
        for value in preset.gem5:
            table.add_row(f"gem5: {value.key}", str(value.value), value.unit, value.source)
        console.print(preset.description, markup=False)
        console.print(table)
        for deviation in preset.deviations:
            console.print(f"deviation: {deviation}", markup=False)
        return
    table = plain_table("Presets", "section", "name", "what it is")
    for each in known if section is None else (section,):
        for preset_name in known[each]:
            table.add_row(each, preset_name, describe_preset(each, preset_name).title)
    console.print(table)


def _explain(which: str | None) -> None:
    from aimc.cli.tables import plain_table
    from harness.config.explain import COLUMNS, explain
    from harness.report.terminal import make_console

    table = plain_table("Keys of a configuration", *COLUMNS)
    for row in explain(which):
        table.add_row(row.key, row.unit, row.range, row.description, row.only)
    make_console().print(table)


def doctor() -> None:
    """See _DOCTOR_HELP."""
    from aimc.cli.doctor import check_machine
    from aimc.cli.tables import plain_table
    from harness.report.terminal import make_console

    findings = check_machine()
    table = plain_table("This machine", "check", "result", "detail")
    for finding in findings:
        table.add_row(finding.what, finding.verdict, finding.detail)
    make_console().print(table)
    missing = [finding for finding in findings if finding.verdict == "missing"]
    if missing:
        raise HarnessError(
            f"{len(missing)} needed part{'s are' if len(missing) > 1 else ' is'} missing: "
            + ", ".join(finding.what for finding in missing),
            hint="make setup installs what pip can install",
        )
