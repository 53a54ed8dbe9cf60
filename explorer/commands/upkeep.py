"""`doctor`, `data` and `zoo`: what a machine has, and what it needs."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import Progress

from explorer import data as datasets
from explorer import doctor as clinic
from explorer import votes, zoo, zoo_build
from explorer.commands.options import DataDirOption, one_of, use_data_dir
from explorer.commands.output import JsonOption, console, progressing, reporting
from explorer.data.cards import CARDS
from explorer.recipes import RECIPES

zoo_app = typer.Typer(no_args_is_help=True, help="The bundled networks.")


def doctor(json: JsonOption = False) -> None:
    """Check that everything is here that the project needs; exit status 1 where something is broken."""
    broken = False
    with reporting(json) as out:
        for check in clinic.checks():
            broken = broken or not check.ok
            remedy = f" → {check.remedy}" if check.remedy else ""
            values = {"check": check.name, "ok": check.ok, "detail": check.detail, "remedy": check.remedy}
            out.result(values, f"{'✓' if check.ok else '✗'} {check.name}: {check.detail}{remedy}")
    if broken:
        raise typer.Exit(1)


def data(
    dataset: Annotated[str, one_of(CARDS, "Which one to get.")] = "mnist",
    json: JsonOption = False,
) -> None:
    """Download a data set (where it is not here yet), checksums included."""
    with reporting(json) as out, Progress(console=console, disable=json, transient=True) as bar:
        task = bar.add_task("", total=1.0)

        def show(message: str, share: float) -> None:
            bar.update(task, description=message, completed=share)

        found = datasets.load(dataset, download=True, progress=show)
        values = {
            "dataset": dataset,
            "complete": found.complete,
            "train_images": len(found.train),
            "test_images": len(found.test),
        }
        out.result(values, f"{found.card.title}: {len(found.train):,} training and {len(found.test):,} test images.")


@zoo_app.command()
def calibrate(
    names: Annotated[list[str] | None, typer.Argument(metavar="NAME…", help="Which ones.")] = None,
    every: Annotated[bool, typer.Option("--all", help="All bundled networks.")] = False,
    data_dir: DataDirOption = None,
    json: JsonOption = False,
) -> None:
    """Fit a temperature to bundled networks and write it beside the weights."""
    chosen = _chosen(names, every, zoo.names(), "network")
    use_data_dir(data_dir)
    with reporting(json) as out:
        for name, found in zoo_build.calibrate(*chosen):
            values = {
                "model": name,
                "temperature": found.temperature,
                "calibration_error_before": found.error_before,
                "calibration_error_after": found.error_after,
                "pictures": found.validated,
            }
            out.result(
                values,
                f"{name}: temperature {found.temperature:.2f}, expected calibration error {found.error_before:.2%} → "
                f"{found.error_after:.2%}.",
            )


@zoo_app.command("digit-or-not")
def digit_or_not(
    fonts: Annotated[
        list[Path],
        typer.Option("--fonts", exists=True, file_okay=False, help="Holds a folder for each family of fonts."),
    ],
    out_dir: Annotated[
        Path | None, typer.Option("--out", file_okay=False, help="The folder to write to; default: model_zoo.")
    ] = None,
    data_dir: DataDirOption = None,
    json: JsonOption = False,
) -> None:
    """Fit the network that tells digits from anything else, for all networks, and write it beside their weights.

    The bundled one has seen the fonts of Debian's packages averia-sans-gwf, breip, bwht, cabin, cantarell, comic-neue,
    courier-prime, crosextra-carlito, dancingscript, dkg-handwriting, dosis, ebgaramond, ecolier-court, femkeklaver,
    humor-sans, inconsolata, jura, karla, kaushanscript, klee, kristi, lato, okolaks, opendyslexic, rufscript, sjfonts
    and tomsontalks, each unpacked into a folder named as it is, with fonts- before (apt-get download, dpkg -x).
    """
    use_data_dir(data_dir)
    with reporting(json) as out, progressing(json) as show:
        found = zoo_build.digit_or_not(*fonts, progress=show, directory=out_dir)
        out.result(
            found._asdict(),
            f"Rejected beyond log odds of {found.threshold:.2f}: {found.rejected:.2%} of MNIST's validation digits, "
            f"{found.pictured_rejected:.2%} of pictured ones; accepted of others: "
            + ", ".join(f"{kind} {share:.1%}" for kind, share in found.accepted.items()),
        )


@zoo_app.command()
def build(
    names: Annotated[list[str] | None, typer.Argument(metavar="NAME…", help="Which ones.")] = None,
    every: Annotated[bool, typer.Option("--all", help="All that there are recipes for.")] = False,
    out_dir: Annotated[
        Path | None, typer.Option("--out", file_okay=False, help="The folder to write to; default: model_zoo.")
    ] = None,
    data_dir: DataDirOption = None,
    json: JsonOption = False,
) -> None:
    """Train bundled networks by their recipes and write their cards and weights."""
    chosen = _chosen(names, every, RECIPES, "recipe for")
    use_data_dir(data_dir)
    with reporting(json) as out:
        for name in chosen:
            with progressing(json, name) as show:
                card = zoo_build.build(name, progress=show, directory=out_dir)
            values = {
                "model": name,
                "test_accuracy": card.test.accuracy,
                "parameters": card.parameters,
                "seconds": card.seconds,
                "device": card.device,
                "threads": card.threads,
            }
            out.result(values, f"{name}: test accuracy {card.test.accuracy:.2%} after {card.seconds:,.0f} s")


@zoo_app.command()
def vote(
    out_dir: Annotated[
        Path | None, typer.Option("--in", file_okay=False, help="The folder of the cards; default: model_zoo.")
    ] = None,
    data_dir: DataDirOption = None,
    json: JsonOption = False,
) -> None:
    """Choose the three bundled networks that answer best together, by validation images, and count them on the test
    images."""
    use_data_dir(data_dir)
    with reporting(json) as out, progressing(json) as show:
        made = votes.make(progress=show, directory=out_dir)
        members = [voter.name for voter in made.members]
        values = {"vote": made.name, "members": members, "test_accuracy": made.test.accuracy}
        low, high = made.test.interval
        out.result(values, f"{', '.join(members)}: {made.test.accuracy:.2%} (95 %: {low:.2%} to {high:.2%}) together.")


@zoo_app.command()
def corruptions(
    names: Annotated[list[str] | None, typer.Argument(metavar="NAME…", help="Which ones.")] = None,
    every: Annotated[bool, typer.Option("--all", help="All bundled networks.")] = False,
    out_dir: Annotated[
        Path | None, typer.Option("--in", file_okay=False, help="The folder of the cards; default: model_zoo.")
    ] = None,
    data_dir: DataDirOption = None,
    json: JsonOption = False,
) -> None:
    """Count bundled networks' right answers on shifted, turned, scaled, noisy, blurred … test images, from the shipped
    weights, and write them into their cards. What is there already is not counted again."""
    chosen = _chosen(names, every, zoo.names(directory=out_dir), "bundled network")
    use_data_dir(data_dir)
    with reporting(json) as out:
        for name in chosen:
            with progressing(json, name) as show:
                found = zoo_build.count_corrupted(name, progress=show, directory=out_dir).corrupted
            if found is None:
                continue
            means = {curve.name: sum(curve.correct) / len(curve.correct) / found.images for curve in found.curves}
            text = ", ".join(f"{kind} {share:.1%}" for kind, share in means.items())
            values = {"model": name, "images": found.images, "mean_accuracy": means}
            out.result(values, f"{name}: mean accuracy over the amounts: {text}")


def _chosen(names: list[str] | None, every: bool, there: Collection[str], what: str) -> list[str]:
    """The names that a command is for. Raises BadParameter, with those that there are, unless it is some or --all."""
    chosen = list(there) if every else names or []
    unknown = [name for name in chosen if name not in there]
    if unknown or not chosen or (every and names):
        fault = f"no {what} {', '.join(unknown)}" if unknown else "name networks, or give --all"
        raise typer.BadParameter(f"{fault}; there are: {', '.join(there)}", param_hint="NAME")
    return chosen
