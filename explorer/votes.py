"""The bundled votes: which bundled networks answer together, and how that does, a JSON card each in
``model_zoo/votes/``."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import reduce
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from pydantic import Field

from explorer import data as datasets
from explorer import zoo
from explorer.data.cards import find_card
from explorer.errors import DataError, SpecError, WeightsError
from explorer.spec import FrozenSpec, from_json

if TYPE_CHECKING:
    from explorer.analysis import Evaluation
    from explorer.data import Dataset, Images

FOLDER = "votes"
THREE, SIZE = "three", 3

log = logging.getLogger(__name__)


class Voter(FrozenSpec):
    """A bundled network, with the digest of the weights that it voted with."""

    name: zoo.Name
    sha256: zoo.Digest


class VoteCard(FrozenSpec):
    """What is known of a bundled vote. ``candidates``: all networks that its members were chosen from; ``chosen_by``:
    by what; ``fingerprint`` identifies the files of the data set; ``created_by`` is the command that makes it again."""

    name: zoo.Name
    title: str = Field(min_length=1, max_length=80)
    about: str
    dataset: str
    fingerprint: str
    members: tuple[Voter, ...] = Field(min_length=2)
    candidates: tuple[Voter, ...] = Field(min_length=2)
    test: zoo.TestResult
    chosen_by: str
    created_by: str


def names(*, directory: Path | None = None) -> tuple[str, ...]:
    """The bundled votes' names, sorted; the cards are not read."""
    return tuple(sorted(path.stem for path in ((directory or zoo.DIRECTORY) / FOLDER).glob("*.json")))


def card(name: str, *, directory: Path | None = None) -> VoteCard:
    """A bundled vote's card. Raises WeightsError where there is none of that name, it is damaged, or a member has gone
    or has other weights by now."""
    # Only a name that stands in the folder is read: whatever else ``name`` holds never becomes a path.
    there = names(directory=directory)
    if name not in there:
        raise WeightsError(f"there is no bundled vote {name!r:.40}; there are: {', '.join(there) or 'none'}")
    again = "count it again: python -m explorer zoo vote"
    try:
        found = from_json(VoteCard, _file(name, directory).read_bytes())
    except (OSError, SpecError) as error:
        raise WeightsError(f"the card of the vote {name} can't be read ({error}): {again}") from None
    for voter in found.members:
        try:
            known = zoo.card(voter.name, directory=directory)
        except SpecError as error:
            raise WeightsError(f"the vote {name} lacks a member ({error}): {again}") from None
        if known.sha256 != voter.sha256:
            raise WeightsError(f"{voter.name} has other weights than it voted with in {name}: {again}")
    return found


def of_data_set(dataset: str, *, directory: Path | None = None) -> VoteCard | None:
    """The first bundled vote on a data set; None, and the log says why, where there is none that can be used."""
    for name in names(directory=directory):
        try:
            found = card(name, directory=directory)
        except WeightsError as error:
            log.warning("%s", error)
            continue
        if found.dataset == dataset:
            return found
    return None


def write(made: VoteCard, *, directory: Path | None = None) -> None:
    """Writes a card at once or not at all; one of the same name is replaced."""
    from explorer.runs.artifacts import atomic_write

    path = _file(made.name, directory)
    path.parent.mkdir(parents=True, exist_ok=True)
    atomic_write(path, (made.model_dump_json(indent=2) + "\n").encode())


def make(
    *,
    dataset: str = "mnist",
    progress: Callable[[float, str], None] = lambda _share, _words: None,
    directory: Path | None = None,
) -> VoteCard:
    """Chooses the three bundled networks of a data set whose vote does best on validation images, counts them on the
    test images, and writes the card. What is best is said by the vote's cross-entropy at its best temperature (see
    :func:`~explorer.analysis.vote.calibrated_loss`), on the images from which none of all candidates has learned.

    ``progress`` gets the share done, 0 to 1, and a few words. Raises DataError where there are too few candidates or no
    such images, or other images are here than they were made with, and what loading data and networks raises.
    """
    from explorer.analysis import vote, wilson

    found = datasets.load(dataset)
    cards = [one for one in zoo.entries(directory=directory) if one.spec.data.dataset == dataset]
    if len(cards) < SIZE:
        raise DataError(f"a vote needs {SIZE} bundled networks for {find_card(dataset).title}; there are {len(cards)}")
    for one in cards:
        zoo.check_images(one, found)
    held_out = reduce(np.intersect1d, [datasets.split(found, one.spec.data).validation for one in cards])
    if not len(held_out):
        raise DataError("the bundled networks have no validation images in common: nothing to choose a vote by")
    answers: dict[str, Evaluation] = {}
    for place, one in enumerate(cards):
        progress(0.8 * place / len(cards), one.name)
        answers[one.name] = _answers(one, found.train, found, held_out, directory)
    together = {some: vote.vote([answers[name] for name in some]) for some in combinations(answers, SIZE)}
    losses = {some: vote.calibrated_loss(answer) for some, answer in together.items()}
    chosen = min(losses, key=losses.__getitem__)
    tested = []
    for place, name in enumerate(chosen):
        progress(0.8 + 0.2 * place / SIZE, f"{name}, test images")
        tested.append(_answers(zoo.card(name, directory=directory), found.test, found, None, directory))
    counted = vote.vote(tested)
    images, correct = len(counted.labels), counted.correct
    titles = {one.name: one.title for one in cards}
    candidates = tuple(Voter(name=one.name, sha256=one.sha256) for one in cards)
    made = VoteCard(
        name=THREE,
        title="Vote of three",
        about=f"{', '.join(titles[name] for name in chosen)}: the mean of their probabilities.",
        dataset=dataset,
        fingerprint=found.fingerprint,
        members=tuple(voter for voter in candidates if voter.name in chosen),
        candidates=candidates,
        test=zoo.TestResult(
            images=images, correct=correct, accuracy=correct / images, interval=wilson(correct, images)
        ),
        chosen_by=f"Of all votes of three among {len(cards)} bundled networks, the lowest cross-entropy at its best "
        f"temperature, on the {len(held_out):,} validation images that none of them learned from "
        f"({losses[chosen]:.4f}; {together[chosen].accuracy:.2%} right). The test images were counted once, after "
        "that.",
        created_by="python -m explorer zoo vote",
    )
    write(made, directory=directory)
    return made


def _answers(
    card: zoo.ZooCard, images: Images, found: Dataset, chosen: np.ndarray | None, directory: Path | None
) -> Evaluation:
    from explorer.analysis import evaluate

    _, network = zoo.load(card.name, directory=directory)
    some = slice(None) if chosen is None else chosen
    return evaluate(network, images.pixels[some], images.labels[some], found.card)


def _file(name: str, directory: Path | None) -> Path:
    return (directory or zoo.DIRECTORY) / FOLDER / f"{name}.json"
