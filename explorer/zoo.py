"""The bundled trained networks: a JSON card and a safetensors file each in ``model_zoo/``, checked before use, and, of
most, a folder ``NAME/`` of snapshots from their training.

Listing reads the cards alone and needs no torch; it is imported where weights are read or written.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Self

from pydantic import Field, ValidationError, model_validator

from explorer import weights
from explorer.errors import DataError, SpecError, WeightsError
from explorer.presets import PRESETS
from explorer.shapes import totals, trace
from explorer.spec import FrozenSpec, RunSpec, from_json, sentence

if TYPE_CHECKING:
    from explorer.data import Dataset
    from explorer.models import Network

DIRECTORY = Path(__file__).resolve().parents[1] / "model_zoo"

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Share = Annotated[float, Field(ge=0.0, le=1.0)]

log = logging.getLogger(__name__)


class TestResult(FrozenSpec):
    """How the network does on its data set's test images; ``interval`` is the accuracy's 95 % one (Wilson 1927)."""

    __test__ = False  # not for pytest to collect

    images: int = Field(ge=1)
    correct: int = Field(ge=0)
    accuracy: Share
    interval: tuple[Share, Share]

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        low, high = self.interval
        if self.correct > self.images or abs(self.accuracy - self.correct / self.images) > 1e-9:
            raise ValueError("accuracy is not correct / images")
        if not low <= self.accuracy <= high:
            raise ValueError("the interval doesn't hold the accuracy")
        return self


class TrainingData(FrozenSpec):
    """What was learned from: ``images`` after the validation share was taken; ``fingerprint`` identifies the files."""

    dataset: str
    complete: bool
    images: int = Field(ge=1)
    fingerprint: str


class Kept(FrozenSpec):
    """A snapshot of the training, which is a file: after which optimiser step it was taken, and at which epoch."""

    step: int = Field(ge=0, le=99_999_999)
    epoch: float = Field(ge=0.0)
    sha256: Digest


class CorruptionCurve(FrozenSpec):
    """Right answers at each amount of the corruption ``name``, of those in ``explorer.analysis.corruptions``."""

    name: str
    levels: tuple[float, ...] = Field(min_length=1)
    correct: tuple[Annotated[int, Field(ge=0)], ...]

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if len(self.levels) != len(self.correct):
            raise ValueError("a curve has one count of right answers for each amount")
        return self


class Corrupted(FrozenSpec):
    """How the network does on its test images made harder; ``fingerprint`` identifies the files."""

    images: int = Field(ge=1)
    fingerprint: str
    curves: tuple[CorruptionCurve, ...]

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if any(correct > self.images for curve in self.curves for correct in curve.correct):
            raise ValueError("more right answers than images")
        return self


class ZooCard(FrozenSpec):
    """What is known of a bundled network. ``spec`` holds network, recipe and seed; ``seconds`` is the training's time,
    ``chosen_by`` what its hyperparameters were chosen by, ``created_by`` the command that makes it again. Of its
    ``snapshots``, by step, none is of the end: that is the network itself. ``corrupted`` is None where that was not
    counted yet (``python -m explorer zoo corruptions``). The same bits come out with the same number of
    ``threads``; it is None where that was not written down."""

    name: Name
    title: str = Field(min_length=1, max_length=80)
    about: str
    spec: RunSpec
    data: TrainingData
    test: TestResult
    parameters: int = Field(ge=1)
    seconds: float = Field(ge=0.0)
    device: str
    threads: int | None = Field(default=None, ge=1, exclude_if=lambda threads: threads is None)
    sha256: Digest
    chosen_by: str
    created_by: str
    snapshots: tuple[Kept, ...] = Field(default=(), exclude_if=lambda kept: not kept)
    corrupted: Corrupted | None = Field(default=None, exclude_if=lambda counted: counted is None)


def names(*, directory: Path | None = None) -> tuple[str, ...]:
    """The bundled networks' names, in the presets' order, others after them; the cards are not read."""
    order = {name: number for number, name in enumerate(PRESETS)}
    found = [path.stem for path in (directory or DIRECTORY).glob("*.json")]
    return tuple(sorted(found, key=lambda name: (order.get(name, len(order)), name)))


def entries(*, directory: Path | None = None) -> tuple[ZooCard, ...]:
    """All bundled networks in the order of :func:`names`. Cheap: no weights, no torch.

    A network whose card is damaged, or whose weights are missing, is left out, and the log says why.
    """
    cards = []
    for name in names(directory=directory):
        try:
            cards.append(card(name, directory=directory))
        except (SpecError, WeightsError) as error:
            log.warning("the bundled network %s is left out: %s", name, error)
    return tuple(cards)


def card(name: str, *, directory: Path | None = None) -> ZooCard:
    """The card of one bundled network. Raises SpecError where there is none of that name, or it is damaged, and
    WeightsError where its weights are missing."""
    # Only a name that stands in the folder is read: whatever else ``name`` holds never becomes a path.
    there = names(directory=directory)
    if name not in there:
        raise SpecError(f"there is no bundled network named {name!r:.60}; there are: {', '.join(there) or 'none'}")
    path = _file(name, ".json", directory)
    try:
        found = from_json(ZooCard, path.read_bytes())
    except OSError as error:
        raise SpecError(f"the card {path.name} can't be read ({error.strerror}): check its rights") from None
    if found.name != name:
        raise SpecError(f"the card {path.name} is of another network, {found.name}: fetch model_zoo again")
    if not _file(name, ".safetensors", directory).is_file():
        raise WeightsError(f"the weights of {name} are missing: fetch model_zoo/{name}.safetensors again")
    return found


def load(name: str, *, directory: Path | None = None) -> tuple[ZooCard, Network]:
    """Card and network, in evaluation mode and without gradients.

    Raises what :func:`card` raises, and WeightsError where the file is not, byte for byte, the card's.
    """
    found = card(name, directory=directory)
    data = verified(found, directory=directory)
    return found, weights.unpack(data, found.spec)


def verified(card: ZooCard, *, directory: Path | None = None) -> bytes:
    """The bytes of a network's weights file. Raises WeightsError where their SHA-256 is not the card's."""
    data = weights.read(_file(card.name, ".safetensors", directory))
    if hashlib.sha256(data).hexdigest() != card.sha256:
        raise WeightsError(
            f"the weights of {card.name} are not the ones that its card describes: "
            f"fetch model_zoo/{card.name}.json and .safetensors again"
        )
    return data


def snapshot(name: str, step: int, *, directory: Path | None = None) -> Path:
    """The file of a network's snapshot. Raises what :func:`card` raises, and WeightsError where there is none of this
    step, or it is not, byte for byte, the card's."""
    found = card(name, directory=directory)
    kept = next((kept for kept in found.snapshots if kept.step == step), None)
    if kept is None:
        steps = ", ".join(f"{kept.step:,}" for kept in found.snapshots) or "none"
        raise WeightsError(f"the bundled network {name} has no snapshot of step {step:,}; there are: {steps}")
    path = _snapshot_file(name, step, directory)
    if hashlib.sha256(weights.read(path)).hexdigest() != kept.sha256:
        raise WeightsError(
            f"the snapshot {name}/{path.name} is not the one that its card describes: fetch model_zoo again"
        )
    return path


def check_images(card: ZooCard, found: Dataset) -> None:
    """Raises DataError where these are not the images that the network was made with. What is counted on others says
    something else, and some of them it may have learned from."""
    if card.data.fingerprint != found.fingerprint:
        raise DataError(
            f"{card.name} was made with other images of {found.card.title} than are here: get all of them "
            f"(python -m explorer data --dataset {found.card.name}), or build it from these first"
        )


def save(
    name: str,
    network: Network,
    *,
    title: str,
    about: str,
    spec: RunSpec,
    data: TrainingData,
    test: TestResult,
    seconds: float,
    device: str,
    threads: int,
    chosen_by: str,
    created_by: str,
    snapshots: Mapping[tuple[int, float], bytes] | None = None,
    directory: Path | None = None,
) -> ZooCard:
    """Writes a network, its snapshots (files by step and epoch) and its card, each at once or not at all; one of the
    same name is replaced.

    Returns the card. Raises SpecError where a value of the card is out of its range.
    """
    from explorer.runs.artifacts import atomic_write, prune

    packed = weights.pack(network, spec)
    files = dict(sorted((snapshots or {}).items()))
    try:
        made = ZooCard(
            name=name,
            title=title,
            about=about,
            spec=spec,
            data=data,
            test=test,
            parameters=totals(trace(network.spec, network.input_shape, network.classes)).parameters,
            seconds=seconds,
            device=device,
            threads=threads,
            sha256=hashlib.sha256(packed).hexdigest(),
            chosen_by=chosen_by,
            created_by=created_by,
            snapshots=tuple(
                Kept(step=step, epoch=epoch, sha256=hashlib.sha256(file).hexdigest())
                for (step, epoch), file in files.items()
            ),
        )
    except ValidationError as error:
        raise SpecError(sentence(error)) from None
    (directory or DIRECTORY).mkdir(parents=True, exist_ok=True)
    # The card last: between the two, an older card doesn't fit and is refused, never believed.
    places = [_snapshot_file(name, step, directory) for step, _ in files]
    for path, file in zip(places, files.values(), strict=True):
        path.parent.mkdir(exist_ok=True)
        atomic_write(path, file)
    if _snapshot_folder(name, directory).is_dir():
        prune(_snapshot_folder(name, directory), keep=places)
    atomic_write(_file(name, ".safetensors", directory), packed)
    write(made, directory=directory)
    return made


def write(card: ZooCard, *, directory: Path | None = None) -> None:
    """Writes a card whose weights are there already, at once or not at all."""
    from explorer.runs.artifacts import atomic_write

    atomic_write(_file(card.name, ".json", directory), (card.model_dump_json(indent=2) + "\n").encode())


def _file(name: str, suffix: str, directory: Path | None) -> Path:
    return (directory or DIRECTORY) / f"{name}{suffix}"


def _snapshot_folder(name: str, directory: Path | None) -> Path:
    return (directory or DIRECTORY) / name


def _snapshot_file(name: str, step: int, directory: Path | None) -> Path:
    return _snapshot_folder(name, directory) / f"{step:08d}.safetensors"
