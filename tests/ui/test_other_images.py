"""What is computed from a data set's images is forgotten when other images are there."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace

import numpy as np
import pytest

from explorer import data
from explorer.ui import cache


@pytest.fixture(autouse=True)
def _empty() -> Iterator[None]:
    for cached in (cache.dataset, cache.test_sample):
        cached.clear()
    yield
    for cached in (cache.dataset, cache.test_sample):
        cached.clear()


def test_other_images_are_looked_at_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    def there(fingerprint: str, count: int) -> None:
        found = SimpleNamespace(fingerprint=fingerprint, test=SimpleNamespace(labels=np.arange(count) % 10))
        monkeypatch.setattr(data, "load", lambda _name: found)
        cache.dataset.clear()  # as after a download, and each hour
        cache.dataset("mnist")

    there("subset", 1_000)
    before = cache.test_sample("mnist", 2_000)
    assert len(before) == 1_000
    there("subset", 1_000)
    assert len(cache.test_sample("mnist", 2_000)) == 1_000
    there("all of them", 10_000)
    assert len(cache.test_sample("mnist", 2_000)) == 2_000
    there("subset", 1_000)  # and back, for what comes after this test
    assert len(cache.test_sample("mnist", 2_000)) == 1_000
