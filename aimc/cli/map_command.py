"""`aimc map`: write a mapping, or find one under a bound on accuracy."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from aimc.cli import options
from aimc.cli.engine_options import with_engine_options
from aimc.configuration import configure
from aimc.defaults import (
    DEFAULT_MAPPING,
    DEFAULT_NOISE,
    DEFAULT_SEARCH,
    DEFAULT_SYSTEM,
    DEFAULT_THREADS,
    MAX_THREADS,
)
from aimc.search_plan import SearchPlan, check_bounds, find, plan_search
from harness.engines.protocol import NO_OPTIONS, EngineOptions
from harness.engines.registry import engine_options as options_of
from harness.errors import HarnessError
from harness.interrupts import interrupted_says

_HELP = """Write the mapping of every layer as a file to edit, or find one under an accuracy bound.

Without --drop: a JSON file with every layer's unit.  Only MODEL, --mapping, --input and --out go
with it, and --checkpoint where --mapping names a file.

With --drop: which layers may be analog so that accuracy, after programming noise and drift, stays
within DROP percentage points of the float network.  Layers are converted one by one, the network
is retrained with noise, and a layer whose conversion breaks the bound is rolled back.  What remains
is measured on devices that no decision has seen, and more is rolled back until the bound holds
there.  The folder --out then has mapping.json, the retrained checkpoint, the programmed
conductances, accuracy.csv, accuracy.png and summary.json.  Several --drop give a folder each in the
time of little more than one.  Interrupted, the same command goes on.

Examples:

    aimc map lenet5 --mapping analog --out mapping.json

    aimc map lenet5 --drop 1.0

    aimc map lenet5 --drop 0.5 --drop 1 --drop 2 --confidence 0.9

    aimc map resnet20 --drop 1.0 --dataset data --strategy benefit --set system.tile.io=dma

    aimc run resnet20 --dataset data --mapping mappings/resnet20-benefit-1/mapping.json
"""


_EITHER: Final = "aimc map --help tells what each option is for"
_ONLY_WITH_DROP: Final = {
    "strategy": "--strategy",
    "repetitions": "--repetitions",
    "confidence": "--confidence",
    "t_eval": "--t-eval",
    "noise": "--noise",
    "search": "--search",
    "system": "--system",
    "overrides": "--set",
    **{name: f"--{name}" for name in options_of()},
    "dataset": "--dataset",
    "threads": "--threads",
    "fresh": "--fresh",
}
# The weights that a mapping file may require.
_OF_THE_WEIGHTS: Final = {"checkpoint": "--checkpoint"}


def register(app: typer.Typer) -> None:
    """Add the command to ``app``."""
    app.command("map", help=_HELP)(map_layers)


@with_engine_options("run.engine={}")
def map_layers(
    context: typer.Context,
    model: options.Model,
    drop: Annotated[
        list[float] | None,
        typer.Option(
            "--drop", help="Find a mapping: percentage points that may be lost; may be repeated."
        ),
    ] = None,
    mapping: Annotated[
        str | None,
        typer.Option("--mapping", help="Without --drop: `digital`, `analog` or a mapping .json."),
    ] = None,
    strategy: Annotated[
        str | None,
        typer.Option(
            "--strategy",
            help="macs (LionHeart's order), sensitivity, benefit (time) or energy-benefit.",
        ),
    ] = None,
    repetitions: Annotated[
        int | None, typer.Option("--repetitions", help="Sets of devices a mean is taken over.")
    ] = None,
    confidence: Annotated[
        float | None,
        typer.Option(
            "--confidence",
            help="One-sided, with which the bound must hold on other images and devices, e.g. "
            "0.9; by default the mean must hold it.",
        ),
    ] = None,
    t_eval: Annotated[
        float | None, typer.Option("--t-eval", help="Seconds of drift at which the bound holds.")
    ] = None,
    noise: Annotated[
        str, typer.Option("--noise", help="Noise preset (see `aimc presets`) or a YAML file.")
    ] = DEFAULT_NOISE,
    search: Annotated[
        str, typer.Option("--search", help="Search preset (see `aimc presets`) or a YAML file.")
    ] = DEFAULT_SEARCH,
    system: options.System = DEFAULT_SYSTEM,
    overrides: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            help="key.path=value of search, noise or system, e.g. search.retrain_epochs=0.",
        ),
    ] = None,
    input_size: options.Input = None,
    dataset: options.Dataset = None,
    checkpoint: options.Checkpoint = None,
    threads: Annotated[
        int,
        typer.Option("--threads", min=1, max=MAX_THREADS, help="Threads of torch."),
    ] = DEFAULT_THREADS,
    fresh: Annotated[
        bool,
        typer.Option(
            "--fresh", help="Search again even if the result is there, or one that has changed."
        ),
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            help="File to write; with --drop a folder, by default mappings/MODEL-STRATEGY-DROP; "
            "with several the folder that they are put in, by default mappings.",
        ),
    ] = None,
    engine_options: EngineOptions = NO_OPTIONS,
) -> None:
    """See _HELP."""
    if not drop:
        _refuse_given(context, _ONLY_WITH_DROP, "only with --drop")
        if mapping is None or not mapping.endswith(".json"):
            _refuse_given(context, _OF_THE_WEIGHTS, "only with --drop or a mapping .json")
        target = out or Path("mapping.json")
        _write(model, mapping or DEFAULT_MAPPING, input_size, checkpoint, target)
        return
    if mapping is not None:
        raise HarnessError("--mapping says which layers are analog, --drop finds out", hint=_EITHER)
    plan = plan_search(
        model,
        drop,
        strategy=strategy,
        repetitions=repetitions,
        confidence=confidence,
        t_eval_s=t_eval,
        noise=noise,
        preset=search,
        system=system,
        settings=overrides or (),
        input_size=input_size,
        dataset=dataset,
        checkpoint=checkpoint,
        engine_options=engine_options,
        threads=threads,
        out=out,
        given=options.given_options(context),
        spelling=options.COMMAND_LINE,
    )
    _find(plan, fresh=fresh)


def _refuse_given(context: typer.Context, names: dict[str, str], when: str) -> None:
    """Refuse the options in ``names`` (parameter: option) that the command line has."""
    given = [option for name, option in names.items() if options.is_given(context, name)]
    if given:
        raise HarnessError(f"{', '.join(given)}: {when}", hint=_EITHER)


def _write(
    model: str,
    mapping: str,
    input_size: int | None,
    checkpoint: Path | None,
    out: Path,
) -> None:
    from harness.mapping.resolve import resolve_mapping
    from harness.mapping.write import write_mapping
    from harness.pipeline.prepare import draw_samples, load
    from harness.quant.quantize import quantize

    config = configure(
        model,
        mapping=mapping,
        input_size=input_size,
        checkpoint=checkpoint,
        spelling=options.COMMAND_LINE,
    )
    loaded = load(config)
    network = quantize(loaded.graph, draw_samples(config, loaded).calibration)
    write_mapping(resolve_mapping(mapping, network), out)
    typer.echo(f"Wrote {out}")


def _find(plan: SearchPlan, *, fresh: bool) -> None:
    from aimc.progress import shown_progress

    kept = interrupted_says("interrupted; the same command goes on from the last decision")
    with kept, shown_progress(stages=False) as progress:
        found = find(plan, command=("aimc", *sys.argv[1:]), progress=progress, fresh=fresh)
    model = plan.config.run.model
    for result in found.values():
        _tell(result.summary)
        served = " (found earlier; --fresh searches again)" if result.served else ""
        typer.echo(f"Wrote {shlex.quote(str(result.folder))}{served}")
        mapping = shlex.quote(str(result.mapping))
        typer.echo(f"Simulate it: aimc run {shlex.quote(model)} --mapping {mapping}")
    check_bounds(found.values(), model, options.COMMAND_LINE)


def _tell(summary: Mapping[str, Any]) -> None:
    analog = summary["analog_layers"]
    typer.echo(
        f"{summary['model']} on {summary['dataset']}: {len(analog)} analog layers, "
        f"{summary['analog_macs_percent']:.1f} % of the multiply-accumulates"
    )
    for row in summary["accuracy"]:
        time_s, spread = row["time_s"], row["deviation_points"]
        shown = row["phase"] == "baseline" or time_s == summary["time_of_evaluation_s"]
        if row["split"] != "test" and not shown:
            continue
        what = {"baseline": "float", "digital": "int8, all digital"}.get(row["phase"], "mapped")
        if row["phase"] == "confirmation":
            what += " on other devices"
        when = "" if time_s is None else f", {time_s:g} s after programming"
        deviation = "" if spread is None else f" +- {spread:.2f} (n = {row['repetitions']})"
        lost, error = row["lost_points"], row["lost_error_points"]
        change = "" if lost is None else f", lost {lost:.2f}"
        change += "" if error is None else f" +- {error:.2f} (standard error)"
        typer.echo(
            f"  {row['split']} ({row['images']} images), {what}{when}: "
            f"{row['mean_percent']:.2f} %{deviation}{change}"
        )
    confidence = summary["confidence"]
    held = "" if confidence is None else f", held with confidence {confidence:g}"
    typer.echo(
        f"  bound on validation: {summary['bound_percent']:.2f} %, "
        f"{summary['time_of_evaluation_s']:g} s after programming{held}"
    )
