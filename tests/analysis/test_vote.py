"""A vote against the mean written out, and its members against counting by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from explorer.analysis import Evaluation
from explorer.analysis.vote import Member, calibrated_loss, members, vote
from explorer.errors import DataError

CLASSES = 4


def answers(logits: np.ndarray, labels: np.ndarray) -> Evaluation:
    shares = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    losses = -np.log(shares[np.arange(len(labels)), labels])
    return Evaluation(labels, shares.argmax(1), shares.astype(np.float32), losses.astype(np.float32))


@st.composite
def several(draw: st.DrawFn) -> list[Evaluation]:
    count, images = draw(st.integers(1, 5)), draw(st.integers(1, 12))
    labels = draw(arrays.arrays(np.int64, images, elements=st.integers(0, CLASSES - 1)))
    logits = arrays.arrays(np.float64, (images, CLASSES), elements=st.floats(-5, 5))
    return [answers(draw(logits), labels) for _ in range(count)]


@given(several())
def test_a_vote_is_the_mean_of_all_probabilities(found: list[Evaluation]) -> None:
    together = vote(found)
    for image, label in enumerate(found[0].labels):
        mean = [sum(float(one.probabilities[image, k]) for one in found) / len(found) for k in range(CLASSES)]
        np.testing.assert_allclose(together.probabilities[image], mean, rtol=1e-6)
        assert mean[together.predictions[image]] == pytest.approx(max(mean))
        assert together.losses[image] == pytest.approx(-np.log(mean[label]), rel=1e-4)
    # The cross-entropy of a mean is at most the mean of the cross-entropies (Jensen).
    assert together.loss <= np.mean([one.loss for one in found]) + 1e-5


def test_confidence_alone_changes_nothing_about_the_calibrated_loss() -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, CLASSES, 500)
    logits = rng.normal(size=(500, CLASSES)) + 2 * np.eye(CLASSES)[labels]
    temperatures = np.geomspace(0.2, 5, 400)
    lowest = min(answers(logits / temperature, labels).losses.mean() for temperature in temperatures)
    for sharpness in (0.3, 1.0, 3.0):
        found = answers(sharpness * logits, labels)
        assert calibrated_loss(found) == pytest.approx(lowest, rel=1e-4)
        assert calibrated_loss(found) <= found.loss
    impossible = Evaluation(labels, labels, np.eye(CLASSES, dtype=np.float32)[labels], np.zeros(500, np.float32))
    assert calibrated_loss(impossible) == pytest.approx(0, abs=1e-6)


@given(several())
def test_members_are_counted_as_by_hand(found: list[Evaluation]) -> None:
    together = vote(found)
    for number, counted in enumerate(members(found)):
        expected = Member(0, 0, 0, 0).__dict__.copy()
        for image, label in enumerate(together.labels):
            right = [one.predictions[image] == label for one in found]
            others = right[:number] + right[number + 1 :]
            expected["wrong"] += not right[number]
            expected["alone"] += not right[number] and all(others)
            expected["mended"] += not right[number] and together.predictions[image] == label
            expected["spoiled"] += right[number] and together.predictions[image] != label
        assert counted.__dict__ == expected
        # From a member's mistakes to the vote's.
        wrong = len(together.labels) - together.correct
        assert wrong == counted.wrong - counted.mended + counted.spoiled


def test_one_alone_and_copies_of_one_vote_as_it_does() -> None:
    one = answers(np.random.default_rng(0).normal(size=(30, CLASSES)), np.arange(30) % CLASSES)
    for together in (vote([one]), vote([one, one, one])):
        np.testing.assert_array_equal(together.predictions, one.predictions)
        np.testing.assert_allclose(together.probabilities, one.probabilities, rtol=1e-6)


def test_a_class_that_nobody_thinks_possible_costs_infinitely_much() -> None:
    sure = Evaluation(np.array([1]), np.array([0]), np.array([[1, 0]], np.float32), np.array([np.inf], np.float32))
    assert np.isinf(vote([sure, sure]).losses[0])


def test_who_cannot_vote_together_is_told() -> None:
    labels = np.zeros(3, np.int64)
    one = answers(np.zeros((3, CLASSES)), labels)
    with pytest.raises(DataError, match="nobody votes"):
        vote([])
    for other in (answers(np.zeros((2, CLASSES)), labels[:2]), answers(np.zeros((3, CLASSES)), labels + 1)):
        with pytest.raises(DataError, match="not answered to the same images"):
            vote([one, other])
