"""`import`: a network that was trained elsewhere, or exported here, becomes a run."""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import Progress

from explorer import imported, networks
from explorer.commands.options import DataDirOption, DatasetOption, one_of, use_data_dir
from explorer.commands.output import JsonOption, console, reporting
from explorer.errors import SpecError, WeightsError
from explorer.presets import PRESETS
from explorer.spec import DataSpec, RunSpec, from_text

MOST_TEXT = 1_000_000


def import_(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A .safetensors file, or a PyTorch state dict.")],
    spec: Annotated[
        str | None,
        typer.Option(
            "--spec",
            "--card",
            metavar="FILE|LINK",
            help="Which network it holds: a spec or a card as JSON, or a link to the builder.",
        ),
    ] = None,
    preset: Annotated[str | None, one_of(PRESETS, "Or a ready-made network.")] = None,
    run: Annotated[
        str | None, typer.Option("--run", metavar="RUN|NETWORK", help="Or one like that of a run, or a bundled one.")
    ] = None,
    name: Annotated[str | None, typer.Option(help="What the network is called.")] = None,
    dataset: DatasetOption = None,
    data_dir: DataDirOption = None,
    json: JsonOption = False,
) -> None:
    """Bring in weights that were exported here or trained elsewhere. The network appears in the app, too.

    A file that was exported here says itself which network it holds, and any other may have its spec beside it, as
    JSON of the same name; else one of --spec, --preset and --run says it. The file is read in a process of its own;
    nothing in it is ever run. Names, shapes, types and numbers are checked, and test images are counted.
    """
    if sum(option is not None for option in (spec, preset, run)) > 1:
        raise typer.BadParameter("give one of them", param_hint="--spec / --preset / --run")
    use_data_dir(data_dir)
    with reporting(json) as out:
        described = _described(file, spec, preset, run)
        if dataset is not None:
            described = described.model_copy(update={"data": DataSpec(dataset=dataset)})
        if name is not None:
            described = described.renamed(name)
        with Progress(console=console, disable=json, transient=True) as bar:
            task = bar.add_task("", total=1.0)

            def show(share: float, phase: str) -> None:
                bar.update(task, completed=share, description=phase)

            added = imported.add(file, described, data_dir=data_dir, progress=show)
        out.notice(added.notice)
        known = networks.find(added.id)
        values = {
            "run": added.id,
            "name": known.title,
            "parameters": known.parameters,
            "dataset": added.spec.data.dataset,
            "test_accuracy": added.test_accuracy,
            "test_correct": added.correct,
            "test_images": added.images,
            "recognised_by": added.read.matching.by,
            "tensors": [{"file": its, "network": ours} for its, ours in added.read.matching.pairs],
            "converted": list(added.read.converted),
        }
        out.result(values, _in_words(added, known))


def _described(file: Path, spec: str | None, preset: str | None, run: str | None) -> RunSpec:
    """What the user says that the file holds, else what it says itself."""
    if spec is not None:
        return from_text(_text(spec))
    if preset is not None:
        return imported.described(PRESETS[preset].model, DataSpec(), file.name)
    if run is not None:
        like = networks.find(run).spec
        return imported.described(like.model, like.data, file.name)
    try:
        return networks.spec_of_file(file)
    except WeightsError as error:
        raise WeightsError(f"{error}; or give --spec, --preset or --run") from None


def _text(spec: str) -> str:
    """What is in the file of that name; where there is none, it is the text itself."""
    with suppress(OSError):  # a link may be too long for a file's name
        path = Path(spec)
        if path.is_file():
            with path.open(encoding="utf-8", errors="replace") as file:
                return file.read(MOST_TEXT)
        if not re.fullmatch(r"[\w-]+|.*[?&]spec=.*|\s*\{.*", spec, re.DOTALL):
            raise SpecError(f"there is no file {spec:.80}: check its name")
    return spec


def _in_words(added: imported.Added, known: networks.Known) -> str:
    counted = ""
    if added.correct is not None and added.images is not None:
        counted = f", {added.correct:,} of {added.images:,} test images right ({added.test_accuracy:.2%})"
    lines = [f"Run {added.id} is {known.title}: {known.parameters:,} parameters{counted}."]
    lines.append(imported.in_words(added.read.matching.by, added.read.converted))
    if added.read.matching.by == "layer":
        lines += [f"  {its or '(no name)'} → {ours}" for its, ours in imported.layers(added.read.matching.pairs)]
    return "\n".join(lines)
