"""`evaluate`, `compare` and `predict`: what a trained network makes of test images and of your own."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from explorer import calibration, networks
from explorer.commands.options import DataDirOption, DatasetOption, use_data_dir
from explorer.commands.output import JsonOption, Output, reporting
from explorer.data.cards import DataCard, find_card
from explorer.errors import DataError, PictureError

if TYPE_CHECKING:
    from explorer.analysis.trust import Trust
    from explorer.data import Dataset, Images
    from explorer.digits import Prepared
    from explorer.models import Network
    from explorer.networks import Known
    from explorer.spec import DataSpec, RunSpec

ModelOption = Annotated[
    str,
    typer.Option("--model", metavar="NETWORK|RUN|FILE", help="A bundled network, a run, or an exported .safetensors."),
]
SplitOption = Annotated[Literal["test", "validation", "train"], typer.Option(help="Which images.")]


@dataclass(frozen=True, eq=False)
class Opened:
    """A network that was named on the command line."""

    name: str
    spec: RunSpec
    network: Network
    known: Known | None = None

    @property
    def card(self) -> DataCard:
        return find_card(self.spec.data.dataset)


def evaluate(
    model: ModelOption,
    dataset: DatasetOption = None,
    split: SplitOption = "test",
    data_dir: DataDirOption = None,
    json: JsonOption = False,
) -> None:
    """Count a network's right answers on a data set."""
    use_data_dir(data_dir)
    with reporting(json) as out:
        from explorer import data
        from explorer.analysis import evaluate, wilson

        opened = _open(model)
        found = data.load(dataset or opened.card.name, data_dir=data_dir)
        out.notice(found.notice)
        images = _images(opened, found, split, out)
        result = evaluate(opened.network, images.pixels, images.labels, found.card)
        low, high = wilson(result.correct, len(images))
        values = {
            "model": opened.name,
            "dataset": found.card.name,
            "split": split,
            "images": len(images),
            "correct": result.correct,
            "accuracy": result.accuracy,
            "interval": [low, high],
            "complete": found.complete,
        }
        right = f"{result.correct:,} of {len(images):,} {split} images right"
        out.result(values, f"{opened.name}: {right}, {result.accuracy:.2%} (95 %: {low:.2%} to {high:.2%}).")


def compare(
    model: Annotated[
        list[str],
        typer.Argument(metavar="NETWORK|RUN|FILE…", help="Two or more; the others are held against the first."),
    ],
    dataset: DatasetOption = None,
    split: SplitOption = "test",
    data_dir: DataDirOption = None,
    json: JsonOption = False,
) -> None:
    """Say whether networks read more images right than the first one, and how sure that is."""
    if len(model) < 2:
        raise typer.BadParameter("name two networks or more")
    use_data_dir(data_dir)
    with reporting(json) as out:
        from explorer import data
        from explorer.analysis import evaluate
        from explorer.analysis.paired import paired

        opened = [_open(one) for one in model]
        titles = {one.card.title: one.name for one in opened}
        if dataset is None and len(titles) > 1:
            made = ", ".join(f"{name} for {title}" for title, name in titles.items())
            raise DataError(f"they were made for different data sets ({made}): choose one with --dataset")
        found = data.load(dataset or opened[0].card.name, data_dir=data_dir)
        out.notice(found.notice)
        other = next((one.name for one in opened if one.spec.data != opened[0].spec.data), None)
        if split != "test" and other is not None:
            raise DataError(f"{other} has other {split} images than {opened[0].name}: compare them on the test images")
        parts = [_images(one, found, split, out) for one in opened]
        first, *others = (
            evaluate(one.network, images.pixels, images.labels, found.card)
            for one, images in zip(opened, parts, strict=True)
        )
        for one, answers in zip(opened[1:], others, strict=True):
            pair = paired(answers, first)
            values = {
                "model": one.name,
                "beside": opened[0].name,
                "dataset": found.card.name,
                "split": split,
                "images": len(answers.labels),
                "accuracy": answers.accuracy,
                "difference": pair.difference,
                "interval": list(pair.interval),
                "right_alone": pair.first,
                "wrong_alone": pair.second,
                "both_wrong": pair.neither,
                "p_value": pair.p_value,
            }
            low, high = pair.interval
            out.result(
                values,
                f"{one.name} beside {opened[0].name}: {100 * pair.difference:+.2f} points of {len(answers.labels):,} "
                f"{split} images (95 %: {100 * low:+.2f} to {100 * high:+.2f}; p = {pair.p_value:.2g}), right alone on "
                f"{pair.first:,}, wrong alone on {pair.second:,}, both wrong on {pair.neither:,}.",
            )


def predict(
    image: Annotated[
        list[Path], typer.Argument(metavar="IMAGE…", help="Pictures of what the network reads, one or many each.")
    ],
    model: Annotated[
        str | None,
        typer.Option(
            "--model", metavar="NETWORK|RUN|FILE", help="As in evaluate; by default the bundled one for pictures."
        ),
    ] = None,
    data_dir: DataDirOption = None,
    json: JsonOption = False,
) -> None:
    """Say what each picture shows, and what looks unknown; exit status 1 where a file could not be read."""
    use_data_dir(data_dir)
    failed = False
    with reporting(json) as out:
        opened = _open(model or networks.for_pictures())
        trust, notice = _calibrated(opened)
        out.notice(notice)
        for path in image:
            try:
                digits = _digits(path, opened, trust)
            except PictureError as error:
                failed = True
                if json:
                    out.result({"file": str(path), "error": str(error)})
                else:
                    typer.echo(f"{path}: {error}", err=True)
            else:
                text = ", ".join(_in_words(digit, opened.card) for digit in digits)
                out.result({"file": str(path), "digits": digits}, f"{path}: {text}")
    if failed:
        raise typer.Exit(1)


def _open(model: str) -> Opened:
    """A network's name or run id, or a file: what is in a folder can be nothing else."""
    path = Path(model)
    if path.suffix == ".safetensors" or path.name != model:
        spec, network = networks.from_file(path)
        return Opened(model, spec, network)
    known = networks.find(model)
    return Opened(known.id, known.spec, networks.load(known.id), known)


def _calibrated(opened: Opened) -> tuple[Trust | None, str]:
    """The network's calibration, made now where it has none; None, and why, where that can't be done here."""
    found = None if opened.known is None else calibration.find(opened.known)
    if found is not None:
        return found, ""
    try:
        return calibration.make(opened.network, opened.spec), ""
    except DataError as error:
        return None, f"The network is not calibrated: {error}"


def _images(opened: Opened, found: Dataset, split: str, out: Output) -> Images:
    """The images that a network is asked about. Raises DataError where it was made for others."""
    if (found.card.shape, len(found.card.classes)) != (opened.card.shape, len(opened.card.classes)):
        raise DataError(f"{opened.name} was made for {opened.card.title}: {found.card.title} has another form")
    known = networks.learned_from(opened.name, found, split) if split != "train" else None
    out.notice(known and f"{opened.name}: {known}")
    return _part(found, split, opened.spec.data)


def _part(data: Dataset, name: str, spec: DataSpec) -> Images:
    from explorer.data import Images, split

    if name == "test":
        return data.test
    chosen = getattr(split(data, spec), name)
    return Images(data.train.pixels[chosen], data.train.labels[chosen])


def _prepared(content: bytes, name: str, shape: tuple[int, int, int]) -> list[Prepared]:
    """The digits of a picture, at least one, in reading order. Raises PictureError."""
    from explorer import digits

    return digits.read(content, name, shape=shape)


def _in_words(digit: dict[str, Any], card: DataCard) -> str:
    said = f"{digit['name']} ({digit['probability']:.1%})"
    none = "no digit" if card.thing == "digit" else "unknown"
    return f"{none} (raw answer {said})" if digit["rejected"] else said


def _digits(path: Path, opened: Opened, trust: Trust | None) -> list[dict[str, Any]]:
    """The digits of a picture, in reading order. Raises PictureError, also for a file that can't be read."""
    import numpy as np

    from explorer.digits.decode import MAX_BYTES
    from explorer.rejection import judge

    try:
        # One byte more than is ever decoded, so that a larger file is refused without being read.
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise PictureError(f"can't be read ({error.strerror or error}): check its name and rights") from None
    prepared = _prepared(content, path.name, opened.card.shape)
    pixels = np.stack([np.broadcast_to(digit.pixels, opened.card.shape) for digit in prepared])  # (N, C, H, W)
    verdict = judge(opened.network, trust, pixels, opened.card, [digit.box for digit in prepared])
    return [
        {
            "box": list(digit.box),
            "label": int(row.argmax()),
            "name": opened.card.classes[int(row.argmax())],
            "probability": float(row.max()),
            "probabilities": [float(share) for share in row],
            "rejected": reason != "",
            "reason": reason,
        }
        for digit, row, reason in zip(prepared, verdict.probabilities, verdict.reasons, strict=True)
    ]
