"""The jobs behind 'Where classes separate', against the analyses that they call."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from explorer import networks
from explorer.analysis.probes import probe_curve
from explorer.analysis.separation import pca_points
from explorer.data import load, split
from explorer.data.splits import stratified_sample
from explorer.jobs import registry
from explorer.jobs.context import Context
from explorer.jobs.request import ask


@pytest.mark.parametrize("method", ["pca", "tsne"])
def test_points_are_of_a_stratified_sample_of_the_test_digits(home: Path, method: str) -> None:
    data, known = load("mnist"), networks.find("softmax")
    request = ask("separation-points", network=known, data=data, method=method, layer="output", count=60)
    shares: list[float] = []
    found = registry.function(request.kind)(
        Context(request), request.params, lambda share, _phase="": shares.append(share)
    )
    chosen = stratified_sample(data.test.labels, 60)
    expected = pca_points(
        networks.load("softmax"), data.test.pixels[chosen], data.test.labels[chosen], data.card, "output"
    )
    np.testing.assert_array_equal(found["predictions"], expected["predictions"])
    assert found["positions"].shape == (60, 2)
    if method == "pca":
        np.testing.assert_array_equal(found["positions"], expected["positions"])
    assert shares == sorted(shares)
    assert 0 < shares[-1] <= 1
    assert all(not array.dtype.hasobject for array in found.values())


def test_probes_learn_from_the_networks_own_training_digits_and_are_scored_on_validation(home: Path) -> None:
    data, known = load("mnist"), networks.find("softmax")
    request = ask("separation-probes", network=known, data=data, learn=150, score=80)
    found = registry.function(request.kind)(Context(request), request.params, lambda _share, _phase="": None)
    splits = split(data, known.spec.data)
    learn, score = splits.train[:150], splits.validation[:80]
    assert not set(learn) & set(score)
    pixels, labels = data.train.pixels, data.train.labels
    expected = probe_curve(
        networks.load("softmax"), data.card, (pixels[learn], labels[learn]), (pixels[score], labels[score])
    )
    assert found["layers"].tolist() == list(expected.layers) == ["input", "output"]
    np.testing.assert_array_equal(found["linear"], expected.linear)
    np.testing.assert_array_equal(found["neighbours"], expected.neighbours)
    assert (int(found["learned"]), int(found["scored"])) == (150, 80)
    assert all(not array.dtype.hasobject for array in found.values())
