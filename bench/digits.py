"""How well a network reads digits as people send them, and what it makes of pictures that show none.

MNIST's test digits drawn with pens, photographed and scanned; digits drawn stroke by stroke on the app's paper; the
digits of the fonts that are installed; scikit-learn's small scans of 43 people's digits. Then letters, scribbles,
boxes, faces and other things, of which none should be accepted. All are made with one seed, and nothing was tuned to
them: recipes and thresholds come from MNIST's training and validation digits, from other fonts and other scribbles.

What is rejected and accepted stands beside what the network's own score of strangeness would do, which was all that
there was before the network that tells digits from others.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import hands
import nondigits
import numpy as np
import pictures
import torch
from report import report
from sklearn.datasets import load_digits

from explorer import calibration, networks, rejection
from explorer.analysis import trust
from explorer.data import load
from explorer.data.cards import CARDS
from explorer.digits import decode, prepare
from explorer.digits.plausible import fault
from explorer.errors import DataError, PictureError

CARD = CARDS["mnist"]
SEED = 7
Labelled = Iterator[tuple[int, bytes]]


class Answer(NamedTuple):
    """Of one picture: the class that is read, None where no ink is found; whether the picture is rejected, and whether
    it would be by the network's own score."""

    guess: int | None
    rejected: bool
    strange: bool


class Reader:
    """A network with its calibration, who answers to files."""

    def __init__(self, name: str) -> None:
        known = networks.find(name)
        self.network = networks.load(name)
        self.trust = calibration.find(known) or calibration.make(self.network, known.spec)
        found = calibration.pictures(load(known.spec.data.dataset), known.spec.data)
        self.strangeness = trust.fit(self.network, found.reference, found.pixels, found.labels, CARD)

    def __call__(self, data: bytes) -> Answer:
        try:
            found = prepare(decode(data), shape=CARD.shape)
        except PictureError:
            return Answer(None, True, True)
        pixels = found.pixels[None, None]
        verdict = rejection.judge(self.network, self.trust, pixels, CARD, [found.box])
        alone = bool(trust.judge(self.network, self.strangeness, pixels, CARD).rejected[0])
        return Answer(
            int(verdict.probabilities[0].argmax()),
            bool(verdict.rejected[0]),
            alone or fault(found.pixels, found.box) != "",
        )


def scenes(count: int) -> Iterator[tuple[str, Labelled]]:
    """Sets of pictures of digits by name."""
    test = load("mnist").test
    chosen = np.random.default_rng(SEED).permutation(len(test.labels))[:count]
    for name, scene in pictures.SCENES.items():
        rng = np.random.default_rng(SEED)
        yield (
            name.replace("_", " "),
            (
                (int(test.labels[place]), scene(pictures.glyph(np.asarray(test.pixels[place, 0])), rng))
                for place in chosen
            ),
        )
    rng = np.random.default_rng(SEED)
    yield "drawn stroke by stroke", ((n % 10, hands.drawing(n % 10, rng)) for n in range(2 * count))
    glyphs = list(pictures.font_glyphs())
    some = rng.permutation(len(glyphs))[: 2 * count]
    yield (
        "fonts' digits, photographed",
        ((glyphs[n][1], pictures.as_written(glyphs[n][2], rng)) for n in some),
    )
    scans = load_digits()
    some = rng.permutation(len(scans.target))[: 2 * count]
    yield (
        "scans of 8 × 8 pixels by 43 people",
        ((int(scans.target[n]), _scan(scans.images[n])) for n in some),
    )


def _scan(pixels: np.ndarray) -> bytes:
    """Scikit-learn's digit, 0 to 16 on 8 × 8, enlarged smoothly."""
    from PIL import Image

    large = Image.fromarray((pixels * 255 / 16).astype(np.uint8)).resize((160, 160), Image.Resampling.BICUBIC)
    framed = np.pad(np.asarray(large, dtype=float) / 255, 40)
    return pictures.saved(np.repeat(1 - framed[..., None], 3, axis=2))


def digits(model: str, read: Reader, count: int) -> None:
    """What is read right, and what is rejected, of pictures that show a digit."""
    right: list[float] = []
    rejected: list[tuple[float, float]] = []
    for name, labelled in scenes(count):
        answers, seconds = [], []
        for label, data in labelled:
            began = time.perf_counter()
            guess, odd, strange = read(data)
            seconds.append(time.perf_counter() - began)
            answers.append((guess == label, odd, strange))
        shares = np.mean(answers, axis=0).tolist()
        right.append(shares[0])
        rejected.append((shares[1], shares[2]))
        report(
            f"{model} reads {len(answers)} digits: {name}",
            [right[-1]],
            "share right",
            higher_is_better=True,
            rejected=round(rejected[-1][0], 3),
            rejected_by_own_score=round(rejected[-1][1], 3),
            milliseconds=round(1_000 * float(np.median(seconds)), 1),
        )
    report(
        f"{model} reads pictures, mean of all sets",
        [float(np.mean(right))],
        "share right",
        limit=0.95,
        higher_is_better=True,
    )
    now, before = np.mean(rejected, axis=0).tolist()
    report(
        f"{model} rejects pictures of digits, mean of all sets",
        [now],
        "share rejected",
        baseline=[before],
        limit=0.02,
    )


def others(model: str, read: Reader, count: int) -> None:
    """What is accepted of pictures that show none."""
    accepted: list[tuple[float, float]] = []
    for number, (name, kind) in enumerate(nondigits.KINDS.items()):
        rng = np.random.default_rng(SEED + number)
        try:
            answers = [read(kind(rng)) for _ in range(count)]
        except DataError as error:
            print(f"{name} are left out: {error}", file=sys.stderr)
            continue
        taken = (
            float(np.mean([not one.rejected for one in answers])),
            float(np.mean([not one.strange for one in answers])),
        )
        accepted.append(taken)
        report(
            f"{model} accepts {count} pictures of no digit: {name.replace('_', ' ')}",
            taken[:1],
            "share accepted",
            baseline=taken[1:],
        )
    now, before = np.mean(accepted, axis=0).tolist()
    report(
        f"{model} accepts pictures of no digit, mean of all kinds",
        [now],
        "share accepted",
        baseline=[before],
        limit=0.05,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer digits")
    parser.add_argument("--model", default=networks.for_pictures(), help="a bundled network or a run")
    options = parser.parse_args()
    count = 20 if options.quick else 100
    torch.set_num_threads(1)
    read = Reader(options.model)
    digits(options.model, read, count)
    others(options.model, read, count)


if __name__ == "__main__":
    main()
