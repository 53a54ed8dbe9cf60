"""How commands speak: for people, or one JSON object a line on standard output and nothing else there."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import Progress

from explorer.errors import ExplorerError

JsonOption = Annotated[bool, typer.Option("--json", help="One JSON object a line on standard output, nothing else.")]

console = Console(stderr=True, highlight=False, soft_wrap=True)
"""For progress and notices: standard output is for results."""


class Output:
    """Where a command's results go."""

    def __init__(self, as_json: bool) -> None:
        self.json = as_json

    def result(self, values: Mapping[str, Any], text: str = "") -> None:
        """One result: ``values`` as a line of JSON, or ``text`` for people, who see nothing where it is empty."""
        if self.json:
            typer.echo(json.dumps({key: _finite(value) for key, value in values.items()}, allow_nan=False))
        elif text:
            typer.echo(text)

    def notice(self, text: str | None) -> None:
        """What people should know beside the results; standard error, and not with ``--json``."""
        if text and not self.json:
            typer.echo(text, err=True)


@contextmanager
def reporting(as_json: bool) -> Iterator[Output]:
    """A command's body: an error of ours ends it with its sentence and exit status 1."""
    out = Output(as_json)
    try:
        yield out
    except ExplorerError as error:
        if as_json:
            out.result({"error": str(error)})
        else:
            typer.echo(f"Error: {error}", err=True)
        raise typer.Exit(1) from None


def _finite(value: Any) -> Any:
    """JSON has no NaN and no infinity."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


@contextmanager
def progressing(json: bool, name: str = "") -> Iterator[Callable[[float, str], None]]:
    """A bar for one piece of work, named where there are several; what it gives takes the share done, 0 to 1, and a few
    words. With --json nothing is shown."""
    with Progress(console=console, disable=json, transient=True) as bar:
        task = bar.add_task(name, total=1.0)

        def show(share: float, words: str) -> None:
            bar.update(task, completed=share, description=f"{name} {words}".strip())

        yield show
