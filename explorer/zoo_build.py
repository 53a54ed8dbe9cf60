"""How the bundled networks are made: one function that follows a recipe, by the same engine as every run, and others
that add to the network's card. The test images are counted once, at the end, for the card.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from explorer import calibration, rejection, zoo
from explorer import data as datasets
from explorer.errors import TrainingError
from explorer.networks import VERSION_DIGITS
from explorer.recipes import RECIPES
from explorer.spec import DataSpec, RunSpec

if TYPE_CHECKING:
    from explorer.analysis.trust import Trust
    from explorer.data import Dataset
    from explorer.training.events import Finished, Started

Progress = Callable[[float, str], None]
SNAPSHOTS = 5
"""How many of a training's snapshots are kept, without the end, which is the network itself."""
SNAPSHOT_BYTES = 1_850_000
"""What they may take together: a large network keeps fewer, but at least two."""


def build(name: str, *, progress: Progress | None = None, directory: Path | None = None) -> zoo.ZooCard:
    """Trains the network of a recipe on the data that is here, and writes its card and weights.

    ``progress`` gets the share done, 0 to 1, and a few words. Raises what loading data and training raise.
    """
    from explorer.analysis import wilson
    from explorer.models import build, load_weights

    recipe = RECIPES[name]
    spec = RunSpec(name=recipe.title, model=recipe.model, data=recipe.data, train=recipe.train)
    data = datasets.load(spec.data.dataset)
    trained = _trained(spec, data, progress or (lambda _share, _words: None))
    finished = trained.finished
    network = build(spec.model, data.card.shape, len(data.card.classes))
    load_weights(network, finished.weights)
    images, correct = finished.test_images, finished.test_correct
    made = zoo.save(
        name,
        network,
        title=recipe.title,
        about=recipe.about,
        spec=spec,
        data=zoo.TrainingData(
            dataset=data.card.name,
            complete=data.complete,
            images=trained.started.train_images,
            fingerprint=data.fingerprint,
        ),
        test=zoo.TestResult(
            images=images, correct=correct, accuracy=correct / images, interval=wilson(correct, images)
        ),
        seconds=round(finished.seconds, 1),
        device=trained.started.device,
        threads=trained.started.threads,
        chosen_by=recipe.chosen_by,
        created_by=f"python -m explorer zoo build {name}",
        snapshots=_some(trained.moments),
        directory=directory,
    )
    list(calibrate(name, directory=directory))
    return made


class Trained(NamedTuple):
    """A training's first and last event, and its snapshots, packed, by step and epoch."""

    started: Started
    finished: Finished
    moments: dict[tuple[int, float], bytes]


def _trained(spec: RunSpec, data: Dataset, tell: Progress) -> Trained:
    from explorer.training.engine import train
    from explorer.training.events import Evaluated, Finished, Snapshot, Started, Step
    from explorer.training.snapshots import pack_snapshot

    started: Started | None = None
    finished: Finished | None = None
    moments: dict[tuple[int, float], bytes] = {}
    words = ""
    for event in train(spec, data):
        match event:
            case Started():
                started = event
            case Step() if started is not None:
                tell(event.step / started.steps_total, f"{event.images_per_second:,.0f} images/s {words}")
            case Evaluated():
                words = f"validation {event.accuracy:.2%}"
            case Snapshot(complete=True):
                moments[event.step, event.epoch] = pack_snapshot(event, half=True)
            case Finished():
                finished = event
    if started is None or finished is None:
        raise TrainingError(f"the training of {spec.name} ended without a result: run it again")
    return Trained(started, finished, moments)


def calibrate(*names: str, directory: Path | None = None) -> Iterator[tuple[str, Trust]]:
    """Calibrates bundled networks on the images that they did not learn from, one after the other, and writes that
    beside their weights.

    Raises DataError where other images are here, and what loading the networks and the data raises.
    """
    pictures: dict[DataSpec, calibration.Pictures] = {}
    for name in names:
        card, network = zoo.load(name, directory=directory)
        learned = card.spec.data
        found = datasets.load(learned.dataset)
        zoo.check_images(card, found)
        if learned not in pictures:
            pictures[learned] = calibration.pictures(found, learned)
        trust = calibration.fit(network, pictures[learned])
        calibration.keep(name, trust, card.sha256[:VERSION_DIGITS], directory=directory)
        yield name, trust


class Counted(NamedTuple):
    """What is counted of a network that tells digits from others, on validation pictures: the threshold, and the shares
    of MNIST's digits and of pictured ones that are rejected, and of others that are accepted, by kind."""

    threshold: float
    rejected: float
    pictured_rejected: float
    accepted: dict[str, float]


def digit_or_not(
    *folders: Path, progress: Progress = lambda _share, _words: None, directory: Path | None = None
) -> Counted:
    """Fits the network that tells digits from others to MNIST and to the fonts in ``folders``, one folder a family, and
    writes it beside the bundled ones.

    Digits, fonts and pictures that choose the threshold are others than those that are learned from. Raises what
    loading data and fonts raises.
    """
    from explorer.analysis import digit_or_not as telling
    from explorer.outliers import draw
    from explorer.outliers.kinds import KINDS

    found = datasets.load(rejection.DIGITS.name)
    learned, held_out = (draw.sources(found, folders, part=part) for part in ("train", "validation"))
    kinds, classes = list(KINDS), len(found.card.classes)
    like = np.array([kind.like for kind in KINDS.values()])

    def part(begin: float, end: float, words: str) -> Callable[[float], None]:
        return lambda share: progress(begin + (end - begin) * share, words)

    digits = draw.digits(learned, draw.DIGITS, seed=1, progress=part(0.0, 0.2, "digits"))
    others = draw.others(learned, draw.OTHERS, seed=2, progress=part(0.2, 0.6, "others"))
    network = telling.fit(
        [
            (learned.pixels, learned.labels, 0.25),
            (digits.pixels, digits.shows, 0.25),
            (others.pixels, classes + like[others.shows], 0.5),
        ],
        found.card,
        progress=part(0.6, 0.9, "fitting"),
    )
    pictured = draw.digits(held_out, draw.VALIDATION, seed=3, progress=part(0.9, 0.95, "validation"))
    strange = draw.others(held_out, draw.VALIDATION, seed=4, progress=part(0.95, 1.0, "validation"))
    plain, drawn, none = (
        telling.look(network, pixels, found.card).log_odds
        for pixels in (held_out.pixels, pictured.pixels, strange.pixels)
    )
    most = telling.threshold(plain, drawn)
    about = (
        f"MNIST's training digits, fonts of {', '.join(sorted(folder.name for folder in draw.families(folders)))}; "
        "python -m explorer zoo digit-or-not"
    )
    rejection.keep(telling.DigitOrNot(network, most), about, directory=directory)
    accepted = {kind: float((none[strange.shows == number] <= most).mean()) for number, kind in enumerate(kinds)}
    return Counted(most, float((plain > most).mean()), float((drawn > most).mean()), accepted)


def _some(moments: Mapping[tuple[int, float], bytes]) -> dict[tuple[int, float], bytes]:
    """A few of the snapshots, as far apart as the engine takes them: close at first, from before the first step."""
    before_end = sorted(moments)[:-1]
    largest = max((len(moments[at]) for at in before_end), default=1)
    count = min(SNAPSHOTS, len(before_end), max(2, SNAPSHOT_BYTES // largest))
    places = [round(place * (len(before_end) - 1) / max(1, count - 1)) for place in range(count)]
    return {before_end[place]: moments[before_end[place]] for place in places}


def count_corrupted(name: str, *, progress: Progress | None = None, directory: Path | None = None) -> zoo.ZooCard:
    """Counts a bundled network's right answers under every corruption, on its test images, and writes them into its
    card. Where the card has them already, for these images and amounts, nothing is done.

    ``progress`` gets the share done, 0 to 1, and a few words. Raises DataError where other images are here, and what
    loading data and networks raises.
    """
    from explorer.analysis.corruptions import CORRUPTIONS
    from explorer.analysis.robust import robustness

    card, network = zoo.load(name, directory=directory)
    data = datasets.load(card.spec.data.dataset)
    zoo.check_images(card, data)
    levels = {corruption.name: tuple(map(float, corruption.levels)) for corruption in CORRUPTIONS.values()}
    known = card.corrupted
    if known and known.fingerprint == data.fingerprint and {c.name: c.levels for c in known.curves} == levels:
        return card
    tell = progress or (lambda _share, _words: None)
    curves = []
    for place, corruption in enumerate(CORRUPTIONS):

        def part(share: float, place: int = place, corruption: str = corruption) -> None:
            tell((place + share) / len(CORRUPTIONS), corruption)

        found = robustness(network, data.test.pixels, data.test.labels, data.card, corruption, progress=part)
        correct = tuple(found["correct"].tolist())
        curves.append(zoo.CorruptionCurve(name=corruption, levels=levels[corruption], correct=correct))
    counted = zoo.Corrupted(images=len(data.test), fingerprint=data.fingerprint, curves=tuple(curves))
    card = card.model_copy(update={"corrupted": counted})
    zoo.write(card, directory=directory)
    return card
