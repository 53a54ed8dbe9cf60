"""The runs of the overfitting lab, and what their curves amount to. Nothing here draws or starts anything."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from explorer.blocks import Blocks, ConvBlock, DenseBlock, to_model
from explorer.figures.theme import count
from explorer.runs.follower import Curve
from explorer.spec import Augmentation, DataSpec, RunSpec, TrainSpec

FEW, MORE = 100, 500
VALIDATED = 600
"""How many validation digits: enough to tell 80 % from 85 %, few enough that they don't take longer than training."""

EPOCHS = 40
RECIPE = TrainSpec(
    epochs=EPOCHS, batch_size=25, learning_rate=0.003, schedule="constant", weight_decay=0.0, device="cpu"
)


@dataclass(frozen=True)
class Trial:
    """One run of the lab: what it is called, what differs from the first one, and its spec."""

    name: str
    about: str
    spec: RunSpec


@lru_cache(maxsize=8)
def trials(train_images: int) -> tuple[Trial, ...]:
    """The runs, for a data set with so many training images. The first one has no remedy."""
    share = min(0.5, max(0.01, VALIDATED / train_images))

    def trial(name: str, about: str, *, dropout: bool = False, digits: int = FEW, **recipe: object) -> Trial:
        spec = RunSpec(
            name=f"Lesson: {name}",
            model=to_model(_blocks(dropout=dropout)),
            data=DataSpec(train_size=digits, validation_share=share),
            train=RECIPE.model_copy(update=recipe),
        )
        return Trial(name, about, spec)

    return (
        trial(f"{FEW} digits", "nothing against overfitting"),
        trial("dropout", "a quarter of the maps' numbers, half of the units silenced", dropout=True),
        trial("weight decay", "each step pulls all weights towards 0", weight_decay=1.0),
        trial(
            "augmentation",
            "each digit shifted, turned and scaled anew",
            augmentation=Augmentation(shift=2.0, rotate=12.0, scale=0.1),
        ),
        trial(f"{count(MORE)} digits", "five times the data", digits=MORE),
    )


def _blocks(*, dropout: bool) -> Blocks:
    """Small enough for seconds, with far more weights than 100 digits can hold down."""
    return Blocks(
        convs=(
            ConvBlock(kernels=8, pool="max", dropout=0.25 if dropout else 0.0),
            ConvBlock(kernels=16, pool="max", dropout=0.25 if dropout else 0.0),
        ),
        dense=(DenseBlock(units=64, dropout=0.5 if dropout else 0.0),),
    )


# --- what came out ---


@dataclass(frozen=True)
class Outcome:
    """Means over the last epoch on the training digits as they were seen, and the last validation; shares 0 to 1."""

    train_accuracy: float
    validation_accuracy: float
    train_loss: float
    validation_loss: float

    @property
    def gap(self) -> float:
        """In percentage points."""
        return 100 * (self.train_accuracy - self.validation_accuracy)


def by_epoch(curve: Curve) -> tuple[np.ndarray, np.ndarray]:
    """A curve of many steps as epochs (N,) and the mean over each (N,)."""
    numbers = np.maximum(1, np.ceil(curve.epochs - 1e-9)).astype(np.int64)
    epochs, place = np.unique(numbers, return_inverse=True)
    return epochs.astype(np.float64), np.bincount(place, curve.values) / np.bincount(place)


def outcome(curves: Mapping[str, Curve]) -> Outcome | None:
    """None before the first epoch has ended."""
    keys = ("accuracy/train", "accuracy/validation", "loss/train", "loss/validation")
    if any(key not in curves or not len(curves[key].values) for key in keys):
        return None
    last = [float(by_epoch(curves[key])[1][-1] if "train" in key else curves[key].values[-1]) for key in keys]
    return Outcome(*last)
