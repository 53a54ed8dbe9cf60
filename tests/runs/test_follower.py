"""A follower that reads what is new, against one that reads everything at once."""

from __future__ import annotations

import math

import numpy as np
import pytest
from run_helpers import a_spec

from explorer.errors import StoreError
from explorer.runs.follower import Follower
from explorer.runs.records import Metric
from explorer.runs.store import SqlRunStore


def metric(key: str, step: int, value: float) -> Metric:
    return Metric(key, step, step / 10, value, 0.0)


def same(one: Follower, other: Follower) -> None:
    left, right = one.curves(), other.curves()
    assert left.keys() == right.keys()
    for key in left:
        for field in ("steps", "epochs", "values"):
            np.testing.assert_array_equal(getattr(left[key], field), getattr(right[key], field))


def test_following_gives_what_reading_at_once_gives(store: SqlRunStore) -> None:
    lease = store.claim_run(store.create(a_spec()), "worker", 60.0)
    assert lease
    follower = Follower(store, lease.run_id, rest=0.0)
    assert follower.curves() == {}
    generator = np.random.default_rng(0)
    for turn in range(12):
        steps = generator.integers(0, 40, 5)
        keys = generator.choice(["loss/train", "loss/validation", "learning_rate"], 5)
        store.append(
            lease, [metric(str(k), int(s), float(v)) for k, s, v in zip(keys, steps, generator.random(5), strict=True)]
        )
        if turn == 7:
            store.truncate_metrics(lease, 20)  # what a resumed run does
            assert all(curve.steps.max() <= 20 for curve in Follower(store, lease.run_id).curves().values())
        same(follower, Follower(store, lease.run_id, rest=0.0))
    assert all((np.diff(curve.steps) > 0).all() for curve in follower.curves().values())


def test_what_diverged_stays_visible(store: SqlRunStore) -> None:
    lease = store.claim_run(store.create(a_spec()), "worker", 60.0)
    assert lease
    store.append(lease, [metric("loss/train", 1, 2.0), metric("loss/train", 2, math.nan)])
    values = Follower(store, lease.run_id).curves()["loss/train"].values
    assert values[0] == 2.0
    assert math.isnan(values[1])


def test_watchers_share_an_answer_for_a_while(store: SqlRunStore) -> None:
    lease = store.claim_run(store.create(a_spec()), "worker", 60.0)
    assert lease
    patient, eager = Follower(store, lease.run_id, rest=3_600.0), Follower(store, lease.run_id, rest=0.0)
    assert patient.curves() == eager.curves() == {}
    store.append(lease, [metric("loss/train", 1, 2.0)])
    assert patient.curves() == {}
    assert eager.curves().keys() == {"loss/train"}


def test_an_unknown_run_is_named(store: SqlRunStore) -> None:
    with pytest.raises(StoreError, match="feedbeef"):
        Follower(store, "feedbeef").curves()
