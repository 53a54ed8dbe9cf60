"""Orders and batches: every image has its turn, and random numbers follow from seed and step alone."""

from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st

from explorer.training.batches import bounds, order, seed_of


@given(st.integers(1, 500), st.integers(1, 600), st.booleans())
def test_batches_cover_every_image_once_and_only_the_last_one_differs(images: int, size: int, pairs: bool) -> None:
    batches = bounds(images, size, pairs=pairs)
    assert [place for start, stop in batches for place in range(start, stop)] == list(range(images))
    sizes = [stop - start for start, stop in batches]
    assert all(one == size for one in sizes[:-1])
    alone = pairs and images > 1 and size > 1
    assert 1 <= sizes[-1] <= size + alone
    if alone:
        assert sizes[-1] > 1


@given(st.integers(1, 300), st.integers(0, 2**31 - 1), st.integers(0, 1000))
def test_an_order_is_a_permutation_that_follows_from_seed_and_epoch(images: int, seed: int, epoch: int) -> None:
    first = order(images, seed, epoch)
    assert sorted(first.tolist()) == list(range(images))
    torch.rand(3)  # a draw from the global generator changes nothing
    assert torch.equal(order(images, seed, epoch), first)


def test_neighbouring_seeds_epochs_and_streams_have_nothing_in_common() -> None:
    orders = [order(1000, seed, epoch) for seed in range(3) for epoch in range(3)]
    same = [float((one == other).float().mean()) for i, one in enumerate(orders) for other in orders[:i]]
    assert max(same) < 0.01
    seeds = {
        seed_of(seed, stream, step) for seed in (0, 1) for stream in ("augmentation", "dropout") for step in range(99)
    }
    assert len(seeds) == 2 * 2 * 99
    assert all(0 <= seed < 2**32 for seed in seeds)
