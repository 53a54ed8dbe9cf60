"""Confident learning against its definition written out, and on labels that were made wrong on purpose."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from explorer import zoo
from explorer.analysis import evaluate
from explorer.analysis.label_errors import suspects
from explorer.data import load
from explorer.errors import DataError


@given(st.integers(1, 3), st.integers(1, 40), st.integers(2, 5), st.integers(0, 2**16))
def test_the_suspects_are_those_of_the_papers_definition(networks: int, images: int, classes: int, seed: int) -> None:
    generator = np.random.default_rng(seed)
    probabilities = generator.dirichlet(np.full(classes, 0.4), size=(networks, images))
    labels = generator.integers(0, classes, images)
    found = suspects(labels, probabilities)

    mean = probabilities.mean(0)
    expected, confident = {}, set()
    for i in range(images):
        reached = []
        for k in range(classes):
            of_class = [mean[j, k] for j in range(images) if labels[j] == k]
            if of_class and mean[i, k] >= np.mean(of_class):
                reached.append((mean[i, k], k))
        if reached and max(reached)[1] != labels[i]:
            expected[i] = max(reached)[1]
            confident.add(i)
        elif mean[i].argmax() != labels[i]:
            expected[i] = int(mean[i].argmax())
    assert set(found.numbers[found.confident].tolist()) == confident
    assert dict(zip(found.numbers.tolist(), found.suggested.tolist(), strict=True)) == expected
    for place, (number, other) in enumerate(zip(found.numbers, found.suggested, strict=True)):
        assert found.confidence[place] == pytest.approx(mean[number, labels[number]])
        assert found.margin[place] == pytest.approx(mean[number, labels[number]] - mean[number, other])
        assert found.agreeing[place] == sum(shares[number].argmax() == other for shares in probabilities)
    assert found.margin.tolist() == sorted(found.margin.tolist())


def test_labels_made_wrong_are_found() -> None:
    data = load("mnist")
    generator = np.random.default_rng(0)
    labels = np.array(data.test.labels[:600])
    planted = generator.choice(600, 12, replace=False)
    labels[planted] = (labels[planted] + generator.integers(1, 10, 12)) % 10
    pixels, models = data.test.pixels[:600], [zoo.load(name)[1] for name in ("mlp", "softmax")]
    found = suspects(labels, np.stack([evaluate(model, pixels, labels, data.card).probabilities for model in models]))
    places = {number: place for place, number in enumerate(found.numbers.tolist())}
    caught = [number for number in planted.tolist() if number in places]
    assert len(caught) >= 11
    assert sorted(places[number] for number in caught)[-3] < 14  # nearly all before anything else
    assert sum(found.suggested[places[number]] == data.test.labels[number] for number in caught) >= 11


def test_what_does_not_fit_is_refused() -> None:
    for shape in ((0, 3, 2), (2, 4, 2), (3, 2)):
        with pytest.raises(DataError, match="don't fit"):
            suspects(np.zeros(3, np.int64), np.zeros(shape))
