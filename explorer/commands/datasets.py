"""`datasets`: the data sets that there are, and users' own: brought in, taken along, removed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from explorer import labelled
from explorer.commands.output import JsonOption, console, progressing, reporting
from explorer.data import DataCard, find_card, own
from explorer.data.cards import all_cards
from explorer.errors import DataError
from explorer.runs.artifacts import atomic_write

app = typer.Typer(no_args_is_help=True, help="List data sets, bring your own, export and remove them.")

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="A data set's name, as list shows it.")]
_TURN = 0.2  # seconds between two looks at how far it is


@app.command("list")
def list_datasets(json: JsonOption = False) -> None:
    """All data sets, users' own included. Whether the known ones' files are here, doctor says."""
    with reporting(json) as out:
        for card in all_cards().values():
            out.result(_facts(card), _line(card))


@app.command()
def add(
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE…",
            exists=True,
            dir_okay=False,
            help="A ZIP of folders named by their class, an .npz, CSV tables, or IDX files.",
        ),
    ],
    title: Annotated[
        str | None, typer.Option("--title", help="What it is called; default: the first file's name.")
    ] = None,
    mark: Annotated[
        bool, typer.Option("--mark", help="Of each picture its mark alone, as MNIST's digits; default: the whole.")
    ] = False,
    turn: Annotated[
        bool | None,
        typer.Option("--invert/--no-invert", help="Turn dark and light round; default: where most are dark on light."),
    ] = None,
    classes: Annotated[
        str | None,
        typer.Option("--classes", help="Names of the classes in their order, between commas; default: the files'."),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Make a data set of labelled pictures, each 28 × 28 and grey, which train --dataset then takes."""
    with reporting(json) as out, progressing(json) as show:
        reading = labelled.Reading([(file.name, _bytes(file)) for file in files], "mark" if mark else "whole")
        while not reading.go_on(_TURN):
            show(reading.share, f"{reading.images:,} images read")
        for name, fault in reading.faults:
            console.print(f"{name}: {fault}", style="yellow", markup=False)
        found = reading.found
        found = found.turned() if (found.dark if turn is None else turn) else found
        found = found if classes is None else found.named(classes.split(","))
        source = ", ".join(file.name for file in files)
        card = labelled.keep(found, "mark" if mark else "whole", title=title or files[0].stem, source=source)
        out.result(_facts(card) | {"not_read": len(reading.faults)}, _line(card))


@app.command()
def export(
    name: NameArgument,
    out_file: Annotated[Path | None, typer.Option("--out", dir_okay=False, help="Default: NAME.npz here.")] = None,
    json: JsonOption = False,
) -> None:
    """Write a data set as NumPy arrays, which add takes again, and an exported PyTorch script reads."""
    with reporting(json) as out:
        card = find_card(name)
        target = out_file or Path(f"{card.name}.npz")
        data = labelled.as_npz(card)
        try:
            atomic_write(target, data)
        except OSError as error:
            raise DataError(f"{target} can't be written ({error.strerror or error}): choose another --out") from error
        out.result({"dataset": card.name, "file": str(target), "bytes": len(data)}, f"{card.title} is in {target}.")


@app.command()
def rename(
    name: NameArgument,
    title: Annotated[str, typer.Argument(help="What it is called from now on.")],
    json: JsonOption = False,
) -> None:
    """Give an own data set another title. Runs, links and commands know it by its name, which stays."""
    with reporting(json) as out:
        card = own.rename(_own_one(name), title)
        out.result(_facts(card), _line(card))


@app.command()
def remove(name: NameArgument, json: JsonOption = False) -> None:
    """Remove an own data set, without asking, unless networks are here that learned from it."""
    with reporting(json) as out:
        card = _own_one(name)
        labelled.remove(card)
        out.result({"dataset": card.name, "removed": True}, f"{card.title} is removed.")


def _bytes(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise DataError(f"{file} can't be read ({error.strerror or error}): check its name and rights") from error


def _own_one(name: str) -> DataCard:
    card = find_card(name)
    if not card.own:
        raise DataError(f"{card.title} is none that was brought here: only own data sets can be renamed and removed")
    return card


def _facts(card: DataCard) -> dict[str, Any]:
    return {
        "dataset": card.name,
        "title": card.title,
        "own": card.own,
        "classes": list(card.classes),
        "train_images": card.train_images,
        "test_images": card.test_images,
    }


def _line(card: DataCard) -> str:
    return (
        f"{card.name}  {card.title}: {len(card.classes)} classes, {card.train_images:,} training and "
        f"{card.test_images:,} test images"
    )
