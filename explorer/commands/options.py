"""Options that several commands share."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

import typer

from explorer.data.cards import find_card
from explorer.errors import DataError


def one_of(names: Iterable[str], text: str) -> Any:
    """An option whose value is one of ``names``; anything else is wrong use."""
    names = list(names)

    def check(value: str | None) -> str | None:
        if value is not None and value not in names:
            raise typer.BadParameter(f"{value!r} is none of {', '.join(names)}")
        return value

    return typer.Option(metavar="|".join(names), callback=check, help=text)


def _known(name: str | None) -> str | None:
    if name is not None:
        try:
            find_card(name)
        except DataError as error:
            raise typer.BadParameter(str(error)) from None
    return name


DatasetOption = Annotated[
    str | None,
    typer.Option(metavar="NAME", callback=_known, help="The data set (see datasets list); default: the network's."),
]
DataDirOption = Annotated[
    Path | None,
    typer.Option(
        "--data-dir",
        exists=True,
        file_okay=False,
        resolve_path=True,
        help="Folder of data sets in torchvision's layout (MNIST/raw/…); default: KERNELSCOPE_DATA.",
    ),
]


def use_data_dir(folder: Path | None) -> None:
    """Makes ``--data-dir`` hold for this process and for the training process that it starts."""
    if folder is not None:
        os.environ["KERNELSCOPE_DATA"] = str(folder)
