"""Real digits in a few milliseconds: the bundled subset, cached once a session, and small runs on it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from training_helpers import SMALL  # noqa: F401  (asserts early that the helpers can be imported)

from explorer.data import Dataset, load


@pytest.fixture(scope="session")
def shared_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A home folder for the whole session, and no complete data set in sight."""
    with pytest.MonkeyPatch.context() as patch:
        home = str(tmp_path_factory.mktemp("home"))
        patch.setenv("KERNELSCOPE_HOME", home)
        patch.delenv("KERNELSCOPE_DATA", raising=False)
        # One thread: on a machine with other work, two that wait for each other are slower than one.
        patch.setenv("OMP_NUM_THREADS", "1")
        yield home


@pytest.fixture(scope="session")
def digits(shared_home: str) -> Dataset:
    return load("mnist")


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
