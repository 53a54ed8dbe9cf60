"""`runs`: what `train` and the app have started; ids may be cut to their first four digits or more."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from explorer import export as files
from explorer import networks
from explorer.commands.options import DataDirOption, use_data_dir
from explorer.commands.output import JsonOption, reporting
from explorer.runs import service
from explorer.runs.artifacts import atomic_write
from explorer.runs.records import RunRecord

app = typer.Typer(no_args_is_help=True, help="List, show, stop, resume, delete and export training runs.")

RunArgument = Annotated[str, typer.Argument(metavar="RUN", help="A run's id, or its beginning.")]


class Format(StrEnum):
    safetensors = "safetensors"
    card = "card"
    onnx = "onnx"
    python = "python"


@app.command("list")
def list_runs(json: JsonOption = False) -> None:
    """All runs, the newest first."""
    with reporting(json) as out:
        service.recover()
        runs = service.local().store.list()
        for run in runs:
            out.result(_facts(run), _line(run))
        if not runs:
            out.notice("There are no runs yet: start one with train, or in the app.")


@app.command()
def show(run: RunArgument, json: JsonOption = False) -> None:
    """One run: state, progress, result, spec, and the end of its log."""
    with reporting(json) as out:
        service.recover()
        record = networks.run(run)
        spec = record.spec
        log = service.read_log(record.id, tail=2_000)
        facts = _facts(record) | {"step": record.progress.step, "steps": record.progress.steps_total}
        text = [_line(record), f"spec  {spec.model_dump_json()}"]
        text += [f"error {record.error}"] if record.error else []
        text += [log.rstrip()] if log else []
        out.result(facts | {"spec": spec.model_dump(mode="json"), "log": log}, "\n".join(text))


@app.command()
def stop(run: RunArgument, json: JsonOption = False) -> None:
    """Ask a run to stop; it keeps its last checkpoint."""
    _ask(run, service.stop, "is asked to stop", json)


@app.command()
def resume(run: RunArgument, data_dir: DataDirOption = None, json: JsonOption = False) -> None:
    """Let a paused, stopped or failed run go on from its last checkpoint."""
    use_data_dir(data_dir)
    _ask(run, service.resume, "goes on", json)


@app.command()
def delete(run: RunArgument, json: JsonOption = False) -> None:
    """Delete a run with its weights and metrics, without asking; a running one is stopped first."""
    with reporting(json) as out:
        record = networks.run(run)
        service.delete(record.id)
        out.result({"run": record.id, "deleted": True}, f"Run {record.id} ({record.name}) is deleted.")


@app.command()
def export(
    run: Annotated[str, typer.Argument(metavar="RUN", help="A run's id, or its beginning, or a bundled network.")],
    out_file: Annotated[Path, typer.Option("--out", dir_okay=False, help="The file to write; one there is replaced.")],
    file_format: Annotated[
        Format,
        typer.Option(
            "--format",
            help="safetensors: the weights, with the spec in the header. card: what was trained how, and how good it "
            "is, as JSON. onnx: a model for ONNX runtimes. python: a PyTorch script that trains and tests the network, "
            "or tests the weights of the safetensors file.",
        ),
    ] = Format.safetensors,
    json: JsonOption = False,
) -> None:
    """Write a network to a file; `evaluate` and `predict` read safetensors again."""
    with reporting(json) as out:
        known = networks.find(run)
        packed = files.packed(known, file_format.value)
        atomic_write(out_file, packed)
        values = {"run": known.id, "format": file_format.value, "file": str(out_file), "bytes": len(packed)}
        out.result(values, f"{out_file} holds {known.title}, {known.parameters:,} parameters ({file_format.value}).")


def _ask(run: str, request: Callable[[str], Any], answer: str, as_json: bool) -> None:
    with reporting(as_json) as out:
        record = networks.run(run)
        request(record.id)
        state = service.local().store.get(record.id).state
        out.result({"run": record.id, "state": state}, f"Run {record.id} ({record.name}) {answer}.")


def _facts(run: RunRecord) -> dict[str, Any]:
    result = run.result or {}
    return {
        "run": run.id,
        "name": run.name,
        "owner": run.owner,
        "state": run.state,
        "created": datetime.fromtimestamp(run.created).astimezone().isoformat(timespec="seconds"),
        "epoch": run.progress.epoch,
        "seconds": run.progress.elapsed,
        "device": run.progress.device,
        "test_accuracy": result.get("test_accuracy"),
        "error": run.error,
    }


def _line(run: RunRecord) -> str:
    facts = _facts(run)
    accuracy = "" if facts["test_accuracy"] is None else f"{facts['test_accuracy']:.2%}"
    return f"{run.id}  {run.state:<8}  {facts['created'][:16]}  {accuracy:>7}  {run.name}"
