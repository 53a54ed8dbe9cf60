"""Scores against scikit-learn, SciPy and one image at a time."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest
from sklearn.metrics import accuracy_score, precision_recall_fscore_support
from torch import nn

from explorer.analysis.evaluate import Evaluation, confusion, evaluate, mistakes, per_class, wilson
from explorer.data.cards import CARDS
from explorer.errors import DataError

CARD = CARDS["mnist"]
LABELLED = st.integers(1, 6).flatmap(
    lambda classes: st.tuples(
        st.just(classes),
        st.lists(st.tuples(st.integers(0, classes - 1), st.integers(0, classes - 1)), min_size=1, max_size=60),
    )
)


@pytest.fixture(scope="module")
def model() -> nn.Sequential:
    torch.manual_seed(1)
    return nn.Sequential(nn.Conv2d(1, 3, 5), nn.ReLU(), nn.Dropout(0.5), nn.Flatten(), nn.Linear(3 * 24 * 24, 10))


@pytest.fixture(scope="module")
def images() -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(0)
    pixels = generator.integers(0, 256, (57, 1, 28, 28), dtype=np.uint8)
    pixels.setflags(write=False)  # as a memory map is
    return pixels, generator.integers(0, 10, 57)


def answers(probabilities: np.ndarray, labels: np.ndarray) -> Evaluation:
    shares = probabilities.astype(np.float32)
    return Evaluation(labels, shares.argmax(1), shares, np.zeros(len(labels), np.float32))


def test_answers_are_those_of_the_network_one_image_at_a_time(
    model: nn.Sequential, images: tuple[np.ndarray, np.ndarray]
) -> None:
    pixels, labels = images
    model.train()
    found = evaluate(model, pixels, labels, CARD, batch=10)
    assert model.training
    model.eval()
    for index in range(len(pixels)):
        value = (torch.tensor(pixels[index : index + 1]).float() / 255 - CARD.mean) / CARD.std
        with torch.no_grad():
            logits = model(value)
        loss = nn.functional.cross_entropy(logits, torch.tensor(labels[index : index + 1]))
        np.testing.assert_allclose(found.probabilities[index], logits.softmax(1)[0], rtol=1e-4, atol=1e-6)
        assert found.losses[index] == pytest.approx(loss.item(), rel=1e-4, abs=1e-6)
        assert found.predictions[index] == logits.argmax()
    np.testing.assert_array_equal(found.labels, labels)
    assert found.probabilities.dtype == found.losses.dtype == np.float32
    assert found.accuracy == accuracy_score(labels, found.predictions)
    assert found.correct == accuracy_score(labels, found.predictions, normalize=False)
    assert found.loss == pytest.approx(found.losses.mean())
    np.testing.assert_array_equal(found.confidences, found.probabilities[np.arange(57), found.predictions])


@pytest.mark.parametrize("batch", [1, 7, 57, 1000])
def test_the_batch_size_does_not_matter(
    model: nn.Sequential, images: tuple[np.ndarray, np.ndarray], batch: int
) -> None:
    reference, found = (evaluate(model, *images, CARD, batch=size) for size in (19, batch))
    np.testing.assert_allclose(found.probabilities, reference.probabilities, rtol=1e-4, atol=1e-6)
    np.testing.assert_array_equal(found.predictions, reference.predictions)


def test_progress_rises_to_one(model: nn.Sequential, images: tuple[np.ndarray, np.ndarray]) -> None:
    told: list[float] = []
    evaluate(model, *images, CARD, batch=20, progress=told.append)
    assert told == [20 / 57, 40 / 57, 1.0]


def test_images_and_labels_must_match(model: nn.Sequential, images: tuple[np.ndarray, np.ndarray]) -> None:
    pixels, labels = images
    with pytest.raises(DataError, match="57 images with 56 labels"):
        evaluate(model, pixels, labels[1:], CARD)
    with pytest.raises(DataError, match="0 images"):
        evaluate(model, pixels[:0], labels[:0], CARD)


@given(LABELLED)
def test_confusion_counts_pairs_and_scores_are_scikit_learns(drawn: tuple[int, list[tuple[int, int]]]) -> None:
    classes, pairs = drawn
    labels, predictions = np.array(pairs).T
    matrix = confusion(labels, predictions, classes)
    assert matrix.dtype == np.int64
    assert matrix.tolist() == [[pairs.count((true, called)) for called in range(classes)] for true in range(classes)]
    expected = precision_recall_fscore_support(labels, predictions, labels=range(classes), zero_division=np.nan)
    scores = per_class(matrix)
    for found, wanted in zip((scores.precision, scores.recall, scores.f1, scores.support), expected, strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-12)


def test_a_class_without_images_or_predictions_has_no_score() -> None:
    scores = per_class(np.array([[3, 1, 0], [0, 0, 0], [2, 0, 0]]))
    np.testing.assert_array_equal(np.isnan(scores.recall), [False, True, False])
    np.testing.assert_array_equal(np.isnan(scores.precision), [False, False, True])
    assert scores.f1[2] == 0


@given(st.integers(1, 20_000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))), st.floats(0.5, 0.999))
def test_the_interval_is_scipys(drawn: tuple[int, int], confidence: float) -> None:
    correct, n = drawn
    expected = binomtest(correct, n).proportion_ci(confidence_level=confidence, method="wilson")
    low, high = wilson(correct, n, confidence)
    assert (low, high) == pytest.approx((expected.low, expected.high), rel=1e-9, abs=1e-12)
    assert 0 <= low <= correct / n <= high <= 1


def test_nothing_is_known_of_no_images() -> None:
    assert wilson(0, 0) == (0.0, 1.0)


def test_mistakes_are_the_wrong_ones_most_confident_first() -> None:
    shares = np.array([[0.9, 0.1, 0], [0.2, 0.7, 0.1], [0.2, 0.2, 0.6], [0.1, 0.8, 0.1], [0.05, 0.8, 0.15]])
    found = answers(shares, np.array([0, 0, 1, 2, 0]))
    np.testing.assert_array_equal(mistakes(found), [3, 4, 1, 2])  # 3 and 4 are tied
    np.testing.assert_array_equal(mistakes(found, cell=(0, 1)), [4, 1])
    np.testing.assert_array_equal(mistakes(found, cell=(0, 0)), [0])
    assert mistakes(found, cell=(2, 0)).size == 0


@given(st.integers(0, 2**32 - 1), st.integers(1, 80))
def test_every_cell_of_the_matrix_finds_as_many_as_it_counts(seed: int, count: int) -> None:
    generator = np.random.default_rng(seed)
    found = answers(generator.dirichlet(np.ones(4), count), generator.integers(0, 4, count))
    matrix = confusion(found.labels, found.predictions, 4)
    wrong = mistakes(found)
    assert len(wrong) == matrix.sum() - np.trace(matrix)
    assert (np.diff(found.confidences[wrong]) <= 0).all()
    for true, predicted in np.ndindex(4, 4):
        chosen = mistakes(found, cell=(true, predicted))
        assert len(chosen) == matrix[true, predicted]
        assert true == predicted or set(chosen) <= set(wrong)
