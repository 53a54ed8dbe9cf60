"""The network that tells digits from others: its score against SciPy, its fit on what is easily told."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.special import logsumexp

from explorer.analysis import digit_or_not
from explorer.data.cards import CARDS

CARD = CARDS["mnist"]


def easy(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Upright bars, class 1, and lying ones, which are a letter or a sign: (N, 1, 28, 28), (N,)."""
    rng = np.random.default_rng(seed)
    pixels = np.zeros((count, 1, 28, 28), np.uint8)
    lying = rng.random(count) < 0.5
    for image, flat in zip(pixels[:, 0], lying, strict=True):
        at = int(rng.integers(11, 16))
        (image if flat else image.T)[at : at + 3, 4:24] = 255
    return pixels, np.where(lying, 10, 1)


def test_the_score_is_the_log_odds_of_all_others_against_all_digits() -> None:
    network = digit_or_not.untrained(CARD).eval()
    pixels = np.random.default_rng(0).integers(0, 256, (7, 1, 28, 28), dtype=np.uint8)
    with torch.no_grad():
        logits = network((torch.tensor(pixels).float() / 255 - CARD.mean) / CARD.std).double().numpy()
    assert logits.shape == (7, 10 + len(digit_or_not.OTHERS))
    shares = np.exp(logits - logsumexp(logits, axis=1, keepdims=True))
    found = digit_or_not.look(network, pixels, CARD)
    none = shares[:, 10:].sum(1)
    np.testing.assert_allclose(found.log_odds, np.log(none / (1 - none)), rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(found.like, shares[:, 10:].argmax(1))
    assert digit_or_not.look(network, pixels[:0], CARD).log_odds.shape == (0,)


def test_of_each_set_of_digits_no_more_than_the_given_share_is_beyond_the_threshold() -> None:
    rng = np.random.default_rng(0)
    sets = [rng.normal(0, 1, 3_000), rng.normal(1, 2, 500)]
    most = digit_or_not.threshold(*sets)
    shares = [(one > most).mean() for one in sets]
    assert all(share <= digit_or_not.REJECTED for share in shares)
    assert max(shares) == pytest.approx(digit_or_not.REJECTED, abs=0.002)


@pytest.mark.long
def test_it_learns_to_tell_and_does_so_again() -> None:
    pixels, classes = easy(200, seed=0)
    parts = [(pixels[classes == 1], classes[classes == 1], 0.5), (pixels[classes == 10], classes[classes == 10], 0.5)]
    told: list[float] = []
    network = digit_or_not.fit(parts, CARD, steps=60, progress=told.append)
    assert told == sorted(told)
    assert told[-1] == pytest.approx(1.0)
    assert not network.training
    others, truth = easy(60, seed=1)
    found = digit_or_not.look(network, others, CARD)
    assert ((found.log_odds > 0) == (truth == 10)).mean() > 0.95
    again = digit_or_not.fit(parts, CARD, steps=60)
    np.testing.assert_array_equal(digit_or_not.look(again, others, CARD).log_odds, found.log_odds)
