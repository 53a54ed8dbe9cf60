"""Small data sets in torchvision's layout, and a home of its own for each test."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

Arrays = dict[str, np.ndarray]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KERNELSCOPE_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("KERNELSCOPE_DATA", raising=False)
    return tmp_path / "home"


def idx(array: np.ndarray) -> bytes:
    """An uint8 array in the IDX format, as http://yann.lecun.com/exdb/mnist/ describes it."""
    header = bytes([0, 0, 8, array.ndim]) + b"".join(size.to_bytes(4, "big") for size in array.shape)
    return header + array.astype(np.uint8).tobytes()


@pytest.fixture
def tiny() -> Callable[..., Arrays]:
    """tiny(root, folder="MNIST", seed=0) writes 60 training and 20 test images there and returns them by file name."""

    def write(root: Path, folder: str = "MNIST", seed: int = 0) -> Arrays:
        rng = np.random.default_rng(seed)
        arrays = {}
        for part, count in (("train", 60), ("t10k", 20)):
            arrays[f"{part}-images-idx3-ubyte"] = rng.integers(0, 256, (count, 28, 28), dtype=np.uint8)
            arrays[f"{part}-labels-idx1-ubyte"] = rng.permutation(np.arange(count) % 10).astype(np.uint8)
        raw = root / folder / "raw"
        raw.mkdir(parents=True, exist_ok=True)
        for name, array in arrays.items():
            (raw / name).write_bytes(idx(array))
        return arrays

    return write
