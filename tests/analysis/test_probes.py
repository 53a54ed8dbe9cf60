"""The probes against scikit-learn on the raw arrays, and the map's arrays against the parts they are made of."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier

from explorer import zoo
from explorer.analysis import evaluate
from explorer.analysis.features import features, readable_layers
from explorer.analysis.probes import probe_curve
from explorer.analysis.separation import pca_points, tsne_points
from explorer.data import load
from explorer.errors import DataError
from explorer.models import build
from explorer.presets import PRESETS

DATA = load("mnist")
LEARN = DATA.train.pixels[:300], DATA.train.labels[:300]
SCORE = DATA.train.pixels[300:400], DATA.train.labels[300:400]


def test_the_curve_is_scikit_learns_layer_by_layer() -> None:
    network = zoo.load("tiny")[1]
    shares: list[float] = []
    names = ["input", "conv5", *readable_layers(network)[-2:]]
    found = probe_curve(network, DATA.card, LEARN, SCORE, layers=names, progress=shares.append)
    assert found.layers == tuple(names)
    assert all(before <= after for before, after in pairwise(shares))
    assert shares[-1] == pytest.approx(1)
    for index, layer in enumerate(found.layers):
        learn, score = (features(network, each[0], DATA.card, layer) for each in (LEARN, SCORE))
        if layer == "input":
            assert found.numbers[index] == 784
        if learn.shape[1] > 256:
            reduced = PCA(256, random_state=0).fit(learn)
            learn, score = reduced.transform(learn), reduced.transform(score)
            assert found.variance[index] == pytest.approx(reduced.explained_variance_ratio_.sum(), abs=1e-4)
        else:
            assert found.variance[index] == 1
        assert found.kept[index] == learn.shape[1]
        spread = np.sqrt(learn.var(0).mean())
        linear = LogisticRegression(max_iter=1000).fit(learn / spread, LEARN[1])
        near = KNeighborsClassifier(5).fit(learn, LEARN[1])
        assert found.linear[index] == pytest.approx(linear.score(score / spread, SCORE[1]), abs=0.015)
        assert found.neighbours[index] == pytest.approx(near.score(score, SCORE[1]), abs=0.015)
    assert found.linear[-1] > found.linear[0]  # the trained network's logits against bare pixels


def test_a_dead_layer_tells_no_more_than_the_most_frequent_class() -> None:
    network = build(PRESETS["softmax"].model, DATA.card.shape, 10, seed=0)
    with torch.no_grad():
        network.get_parameter("output.weight").zero_()
    found = probe_curve(network, DATA.card, LEARN, SCORE, layers=["output"])
    most = np.bincount(LEARN[1]).argmax()
    assert found.linear[0] == found.neighbours[0] == (SCORE[1] == most).mean()
    assert found.kept[0] == 0


def test_too_few_digits_are_refused() -> None:
    network = zoo.load("softmax")[1]
    one = LEARN[0][:10], np.zeros(10, np.int64)
    nothing = SCORE[0][:0], SCORE[1][:0]
    for learn, score in (((LEARN[0][:4], LEARN[1][:4]), SCORE), (one, SCORE), (LEARN, nothing)):
        with pytest.raises(DataError, match="too few"):
            probe_curve(network, DATA.card, learn, score)


def test_points_are_the_parts_put_together_and_a_reference_fixes_the_axes() -> None:
    trained = zoo.load("tiny")[1]
    early = build(trained.spec, DATA.card.shape, 10, seed=3).eval()
    pixels, labels = DATA.test.pixels[:60], DATA.test.labels[:60]
    rows = features(trained, pixels, DATA.card, "conv2")
    expected = PCA(2, random_state=0).fit(rows)
    found = pca_points(trained, pixels, labels, DATA.card, "conv2")
    np.testing.assert_allclose(found["positions"], expected.transform(rows), rtol=1e-3, atol=1e-3)
    np.testing.assert_array_equal(found["predictions"], evaluate(trained, pixels, labels, DATA.card).predictions)
    assert float(found["seen"]) == pytest.approx(expected.explained_variance_ratio_.sum(), rel=1e-3)

    before = pca_points(early, pixels, labels, DATA.card, "conv2", reference=trained)
    early_rows = features(early, pixels, DATA.card, "conv2")
    np.testing.assert_allclose(before["positions"], expected.transform(early_rows), rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(before["axes"], found["axes"])
    np.testing.assert_array_equal(before["predictions"], evaluate(early, pixels, labels, DATA.card).predictions)


def test_neighbours_stay_neighbours_on_the_t_sne_map() -> None:
    network = zoo.load("tiny")[1]
    pixels, labels = DATA.test.pixels[:120], DATA.test.labels[:120]
    shares: list[float] = []
    found = tsne_points(network, pixels, labels, DATA.card, readable_layers(network)[-2], progress=shares.append)
    assert found["positions"].shape == (120, 2)
    assert shares[-1] <= 1
    near = np.linalg.norm(found["positions"][:, None] - found["positions"][None], axis=2)
    np.fill_diagonal(near, np.inf)
    assert (labels[near.argmin(1)] == labels).mean() > 0.85
