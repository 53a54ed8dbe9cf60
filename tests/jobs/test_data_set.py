"""The jobs behind the page Data, against the analyses that they call."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from explorer import data, networks
from explorer.analysis import evaluate
from explorer.analysis.collection import oddness
from explorer.analysis.features import features, penultimate
from explorer.data import Dataset, Images
from explorer.jobs import registry
from explorer.jobs.context import Context
from explorer.jobs.kinds.collection import MOST_APART
from explorer.jobs.request import ask


@pytest.fixture
def small(home: Path, monkeypatch: pytest.MonkeyPatch) -> Dataset:
    """A hundred training and sixty test digits, one of them twice and one nearly."""
    whole = data.load("mnist")
    train, test = (
        Images(np.array(part.pixels[:count]), np.array(part.labels[:count]))
        for part, count in ((whole.train, 100), (whole.test, 60))
    )
    test.pixels[3] = train.pixels[7]
    test.pixels[4] = np.clip(train.pixels[8].astype(int) + 5, 0, 255)
    made = replace(whole, train=train, test=test)
    monkeypatch.setattr(data, "load", lambda _name: made)
    return made


def compute(request) -> dict[str, np.ndarray]:
    shares: list[float] = []
    found = registry.function(request.kind)(
        Context(request), dict(request.params), lambda share, _phase="": shares.append(share)
    )
    assert shares == sorted(shares)
    assert all(not array.dtype.hasobject for array in found.values())
    return found


@pytest.mark.parametrize("images", ["train", "test"])
def test_ranks_are_losses_and_distances(small: Dataset, images: str) -> None:
    known, network = networks.find("softmax"), networks.load("softmax")
    found = compute(ask("data-ranks", network=known, data=small, images=images))
    part = small.train if images == "train" else small.test
    answers = evaluate(network, part.pixels, part.labels, small.card)
    np.testing.assert_array_equal(found["losses"], answers.losses)
    np.testing.assert_array_equal(found["predictions"], answers.predictions)
    rows = features(network, part.pixels, small.card, penultimate(network), most=512)
    np.testing.assert_array_equal(found["oddness"], oddness(rows, part.labels))


def test_duplicates_are_between_splits_and_numbered_through(small: Dataset) -> None:
    found = compute(ask("data-duplicates", data=small, validation_share=0.2, split_seed=0))
    splits = found["splits"]
    assert np.bincount(splits).tolist() == [80, 20, 60]
    assert (splits[100:] == 2).all()
    assert [7, 103] in found["exact"].tolist()
    place = found["near"].tolist().index([8, 104])
    away = small.test.pixels[4].astype(float) - small.train.pixels[8]
    assert found["apart"][place] == pytest.approx(np.sqrt(np.mean(away**2)))
    assert (found["apart"] > 0).all()
    assert (found["apart"] <= MOST_APART).all()
    for pairs in (found["exact"], found["near"]):
        assert (splits[pairs[:, 0]] != splits[pairs[:, 1]]).all()
