"""`train`: starts a run, exactly as the app does, and follows it."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import ValidationError
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from explorer import data
from explorer.commands.options import DataDirOption, DatasetOption, one_of, use_data_dir
from explorer.commands.output import JsonOption, Output, console, reporting
from explorer.presets import PRESETS
from explorer.recipes import with_steps
from explorer.runs import service
from explorer.runs.records import Cursor, RunRecord
from explorer.shapes import trace
from explorer.spec import DeviceName, MemoryFormatName, PrecisionName, RunSpec, from_json, sentence
from explorer.training.choice import on_threads

POLL_SECONDS = 0.2
DISPATCH_SECONDS = 2.0


def train(
    preset: Annotated[str | None, one_of(PRESETS, "A ready-made network.")] = None,
    spec: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="A run's spec as JSON: network, data and recipe.")
    ] = None,
    dataset: DatasetOption = None,
    epochs: Annotated[int | None, typer.Option(min=1, help="Passes over the training images.")] = None,
    batch_size: Annotated[int | None, typer.Option(min=1, help="Images a step.")] = None,
    learning_rate: Annotated[float | None, typer.Option(help="The schedule's highest learning rate.")] = None,
    subset: Annotated[int | None, typer.Option(min=10, help="Number of training images; default: all.")] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Of weights, order and augmentation.")] = None,
    device: Annotated[
        DeviceName | None, typer.Option(help="Where to compute; default: auto, the fastest.", show_default=False)
    ] = None,
    precision: Annotated[
        PrecisionName | None, typer.Option(help="Of numbers; default: auto, the fastest here.", show_default=False)
    ] = None,
    memory_format: Annotated[
        MemoryFormatName | None,
        typer.Option(help="Order of a map's numbers in memory; default: auto, the fastest here.", show_default=False),
    ] = None,
    name: Annotated[str | None, typer.Option(help="What the run is called.")] = None,
    data_dir: DataDirOption = None,
    detach: Annotated[bool, typer.Option("--detach", help="Return at once; the run goes on by itself.")] = False,
    json: JsonOption = False,
) -> None:
    """Train a network. The run appears in the app, too.

    Ctrl-C stops the run and keeps its last checkpoint; a second Ctrl-C leaves without waiting for that. With --json
    there is a line for the start, one for each validation, and last the result.
    """
    with reporting(json) as out:
        base = _base(preset, spec)
        changes = {
            "name": name,
            "data": {"dataset": dataset, "train_size": subset},
            "train": {
                "epochs": epochs,
                "batch_size": batch_size,
                "learning_rate": learning_rate,
                "seed": seed,
                "device": device,
                "precision": precision,
                "memory_format": memory_format,
            },
        }
        run = _changed(base, changes)
        card = data.find_card(run.data.dataset)
        if card.own and spec is None and epochs is None and batch_size is None:
            images = min(subset or card.train_images, round(card.train_images * (1 - run.data.validation_share)))
            run = run.model_copy(update={"train": with_steps(run.train, images)})
        trace(run.model, card.shape, len(card.classes))
        out.notice(data.load(card.name, data_dir=data_dir).notice)
        use_data_dir(data_dir)
        run_id = service.start(run)
        out.result({"run": run_id, "state": service.local().store.get(run_id).state}, run_id if detach else "")
        if not detach:
            record = _followed_to_its_end(run_id, out)
            out.result(_result(record), _in_words(record))
            if record.state != "finished":
                raise typer.Exit(1)


def _base(preset: str | None, path: Path | None) -> RunSpec:
    if preset is not None and path is None:
        return RunSpec(name=PRESETS[preset].title, model=PRESETS[preset].model)
    if path is not None and preset is None:
        return from_json(RunSpec, path.read_bytes())
    raise typer.BadParameter("give one of them", param_hint="--preset / --spec")


def _changed(spec: RunSpec, changes: dict[str, Any]) -> RunSpec:
    """The spec with what the options say; None and what isn't named stay. A value out of range is wrong use."""
    values = spec.model_dump()
    for key, value in changes.items():
        if isinstance(value, dict):
            values[key] |= {inner: new for inner, new in value.items() if new is not None}
        elif value is not None:
            values[key] = value
    try:
        return RunSpec.model_validate(values)
    except ValidationError as error:
        raise typer.BadParameter(sentence(error)) from None


def _followed_to_its_end(run_id: str, out: Output) -> RunRecord:
    try:
        return _follow(run_id, out)
    except KeyboardInterrupt:
        console.print(f"Stopping run {run_id} (Ctrl-C again: leave without waiting) …")
        service.stop(run_id)
        return _follow(run_id, out)


def _follow(run_id: str, out: Output) -> RunRecord:
    """Shows a run's progress until no process works on it any more."""
    store = service.local().store
    cursor: Cursor | None = None
    validated: dict[int, dict[str, Any]] = {}
    told: set[int] = set()  # steps; a run that is taken up again can come by twice
    dispatched = time.monotonic()
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=out.json, transient=True) as bar:
        task = bar.add_task("starting", total=None)
        while True:
            record = store.get(run_id)
            batch = store.all_metrics_since(run_id, cursor)
            cursor = batch.cursor
            for metric in batch.rows:
                kind, _, part = metric.key.partition("/")
                if part == "validation" and metric.step not in told:
                    line = validated.setdefault(
                        metric.step, {"run": run_id, "step": metric.step, "epoch": metric.epoch}
                    )
                    line[f"validation_{kind}"] = metric.value
                    if {"validation_loss", "validation_accuracy"} <= line.keys():
                        told.add(metric.step)
                        out.result(line)
            progress = record.progress
            bar.update(task, total=progress.steps_total, completed=progress.step, description=_doing(record, validated))
            if not record.active:
                return record
            if time.monotonic() - dispatched > DISPATCH_SECONDS:
                service.dispatch()  # a run that died is noticed, and one that waits for room gets it
                dispatched = time.monotonic()
            time.sleep(POLL_SECONDS)


def _doing(record: RunRecord, validated: dict[int, dict[str, Any]]) -> str:
    if record.state == "queued":
        return "waiting"
    rate = record.progress.images_per_second
    parts = [f"epoch {record.progress.epoch:.1f}", f"{rate:,.0f} images/s" if rate else ""]
    if validated and (accuracy := validated[max(validated)].get("validation_accuracy")) is not None:
        parts.append(f"validation {accuracy:.2%}")
    return " · ".join(part for part in parts if part)


def _result(record: RunRecord) -> dict[str, Any]:
    found = record.result or {}
    values = {
        "run": record.id,
        "state": record.state,
        "test_accuracy": found.get("test_accuracy"),
        "epochs": found.get("epochs", record.progress.epoch),
        "images_per_second": found.get("images_per_second", record.progress.images_per_second),
        "seconds": found.get("seconds", record.progress.elapsed),
        "device": found.get("device", record.progress.device),
    }
    values |= {name: found[name] for name in ("precision", "memory_format", "threads", "choice") if name in found}
    return values | ({"error": record.error} if record.error else {})


def _in_words(record: RunRecord) -> str:
    values = _result(record)
    accuracy = "" if values["test_accuracy"] is None else f", test accuracy {values['test_accuracy']:.2%}"
    parts = [f"Run {record.id} {record.state} after {values['seconds']:,.1f} s{accuracy}."]
    if "choice" in values:
        parts.append(f"Computed in {values['precision']} {on_threads(values['threads'])}; {values['choice']}.")
    return " ".join([*parts, record.error] if record.error else parts)
