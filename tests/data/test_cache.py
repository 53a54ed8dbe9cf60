import logging
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from explorer.data import _arrays, _cache
from explorer.data.tensors import as_tensor

ROOT = Path(__file__).parents[2]


def arrays(seed: int = 0) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    return {"pixels": rng.integers(0, 256, (50, 1, 4, 4), dtype=np.uint8), "labels": rng.integers(0, 10, 50)}


def cached(make: Callable[[], dict[str, np.ndarray]], stamp: object = 1) -> dict[str, np.ndarray]:
    return _cache.cached("things", "a source", stamp, make)[0]


def never() -> dict[str, np.ndarray]:
    raise AssertionError("made again")


def assert_same(left: dict[str, np.ndarray], right: dict[str, np.ndarray]) -> None:
    assert left.keys() == right.keys()
    for key, array in left.items():
        assert array.dtype == right[key].dtype
        assert np.array_equal(array, right[key])


def folders(home: Path) -> list[Path]:
    return sorted(path for path in (home / "cache/data").iterdir() if path.is_dir())


def test_arrays_are_made_once_and_then_mapped() -> None:
    assert_same(cached(arrays), arrays())
    again = cached(never)
    assert_same(again, arrays())
    base: object = again["pixels"]
    while isinstance(base, np.ndarray) and not isinstance(base, np.memmap):
        base = base.base
    assert isinstance(base, np.memmap)


def test_another_stamp_replaces_the_cache_and_another_source_does_not(home: Path) -> None:
    cached(arrays)
    _cache.cached("things", "another source", 1, arrays)
    assert len(folders(home)) == 2
    assert_same(cached(lambda: arrays(1), stamp=2), arrays(1))
    assert len(folders(home)) == 2
    assert_same(_cache.cached("things", "another source", 1, never)[0], arrays())


def cut(folder: Path) -> None:
    os.truncate(folder / "pixels.npy", 500)


def empty(folder: Path) -> None:
    (folder / "pixels.npy").write_bytes(b"")


def spoil(folder: Path) -> None:
    (folder / "labels.npy").write_bytes(b"\x93NUMPY\x01\x00nonsense")


def other_type(folder: Path) -> None:
    np.save(folder / "labels.npy", np.zeros(50))


def remove(folder: Path) -> None:
    (folder / "labels.npy").unlink()


def no_index(folder: Path) -> None:
    (folder / "index.json").unlink()


def spoilt_index(folder: Path) -> None:
    (folder / "index.json").write_text('{"arrays": [1')


def another_index(folder: Path) -> None:
    (folder / "index.json").write_text("[]")


@pytest.mark.parametrize("damage", [cut, empty, spoil, other_type, remove, no_index, spoilt_index, another_index])
def test_a_damaged_cache_is_written_again(home: Path, damage: Callable[[Path], None]) -> None:
    cached(arrays)
    damage(folders(home)[0])
    made = []
    assert_same(cached(lambda: made.append(1) or arrays()), arrays())  # type: ignore[func-returns-value]
    assert made == [1]
    assert_same(cached(never), arrays())
    assert len(folders(home)) == 1


def test_what_a_killed_writer_left_is_removed(home: Path) -> None:
    cached(arrays)
    half = folders(home)[0]
    left = half.with_name(f".{half.name}-0123")
    half.rename(left)
    cached(arrays)
    assert folders(home) == [half]


def test_where_nothing_can_be_written_arrays_stay_in_memory(home: Path, caplog: pytest.LogCaptureFixture) -> None:
    home.mkdir()
    (home / "cache").write_text("a file where the folder should be")
    with caplog.at_level(logging.WARNING):
        first = cached(arrays)
    assert "things stays in memory" in caplog.text
    assert_same(first, arrays())
    assert cached(never)["pixels"] is first["pixels"]
    with pytest.raises(ValueError, match="read-only"):
        first["pixels"][0] = 0
    assert as_tensor(first["pixels"]).data_ptr() == first["pixels"].ctypes.data


def test_a_fault_in_making_is_passed_on_and_leaves_nothing(home: Path) -> None:
    def fail() -> dict[str, np.ndarray]:
        raise LookupError("no such thing")

    with pytest.raises(LookupError):
        cached(fail)
    assert folders(home) == []
    assert_same(cached(arrays), arrays())


def test_a_tensor_shares_the_mapped_pages_and_writing_to_it_spares_the_file() -> None:
    cached(arrays)
    mapped = cached(never)["pixels"]
    tensor = as_tensor(mapped)
    assert tensor.data_ptr() == mapped.ctypes.data
    tensor.zero_()
    assert_same(cached(never), arrays())


def test_workers_that_start_at_once_write_once(home: Path, tmp_path: Path) -> None:
    code = """
import sys, time
from pathlib import Path
import numpy as np
from explorer.data import _arrays, _cache

def make():
    with open(sys.argv[1], "a") as file:
        file.write("made\\n")
    time.sleep(0.3)
    return {"numbers": np.arange(1000)}

Path(sys.argv[1] + sys.argv[2]).touch()
while len(list(Path(sys.argv[1]).parent.glob("log?*"))) < 4:  # all are up: now
    time.sleep(0.005)
print(_cache.cached("things", "a source", 1, make)[0]["numbers"].sum())
"""
    workers = [
        subprocess.Popen(
            [sys.executable, "-W", "error", "-c", code, str(tmp_path / "log"), str(number)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        )
        for number in range(4)
    ]
    answers = [worker.communicate(timeout=60)[0].strip() for worker in workers]
    assert answers == ["499500"] * 4
    assert (tmp_path / "log").read_text() == "made\n"


@pytest.mark.parametrize("change", ["value", "shape", "type", "name"])
def test_the_fingerprint_changes_with_anything(change: str) -> None:
    before, after = arrays(), arrays()
    if change == "value":
        after["pixels"][3, 0, 2, 1] ^= 1
    elif change == "shape":
        after["pixels"] = after["pixels"].reshape(50, 1, 2, 8)
    elif change == "type":
        after["labels"] = after["labels"].view(np.uint64)
    else:
        after["marks"] = after.pop("labels")
    assert _arrays.fingerprint(before) == _arrays.fingerprint(arrays())
    assert _arrays.fingerprint(before) != _arrays.fingerprint(after)
