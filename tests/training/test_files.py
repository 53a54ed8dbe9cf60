"""Snapshots and checkpoints as files: what is written is read again, and what is damaged is refused in words."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from training_helpers import run

from explorer.data import Dataset
from explorer.errors import WeightsError
from explorer.training.checkpoints import read_checkpoint, write_checkpoint
from explorer.training.engine import train
from explorer.training.events import Checkpoint, Snapshot
from explorer.training.snapshots import (
    Moment,
    list_snapshots,
    pack_snapshot,
    read_moment,
    read_snapshot,
    snapshot_path,
    write_snapshot,
)


@pytest.fixture(scope="module")
def told(digits: Dataset) -> tuple[Snapshot, Checkpoint]:
    spec = run(images=60, share=0.02, batch_size=20, epochs=1, optimizer="adam", patience=1)
    events = list(train(spec, digits))
    snapshot = [event for event in events if isinstance(event, Snapshot)][-1]
    return snapshot, next(event for event in events if isinstance(event, Checkpoint))


def test_a_snapshot_survives_its_file(told: tuple[Snapshot, Checkpoint], tmp_path: Path) -> None:
    snapshot = told[0]
    path = write_snapshot(tmp_path, snapshot)
    assert path == snapshot_path(tmp_path, snapshot.step)
    again = read_snapshot(path)
    for name in Snapshot.__slots__:
        one, other = getattr(snapshot, name), getattr(again, name)
        if name == "weights":
            assert list(one) == list(other)
            assert all(np.array_equal(one[key], other[key]) and one[key].dtype == other[key].dtype for key in one)
        elif isinstance(one, np.ndarray):
            assert np.array_equal(one, other)
            assert one.dtype == other.dtype
        else:
            assert one == other
    assert again.kernels is not None
    assert again.kernels.shape == (6, 1, 3, 3)


def test_half_a_snapshot_has_its_weights_to_float16(told: tuple[Snapshot, Checkpoint], tmp_path: Path) -> None:
    snapshot = told[0]
    path = snapshot_path(tmp_path, snapshot.step)
    path.write_bytes(pack_snapshot(snapshot, half=True))
    assert path.stat().st_size < len(pack_snapshot(snapshot))
    again = read_snapshot(path)
    assert list(again.weights) == list(snapshot.weights)
    for name, values in snapshot.weights.items():
        assert again.weights[name].dtype == values.dtype
        wanted = values.astype(np.float16).astype(np.float32) if values.ndim >= 2 else values
        np.testing.assert_array_equal(again.weights[name], wanted)
    assert read_moment(path) == Moment(snapshot.step, snapshot.epoch, True)


@pytest.mark.parametrize("content", [b"", b"no safetensors", b"\x08" + bytes(7) + b"{}      "])
def test_the_moment_of_no_snapshot_is_refused_in_words(tmp_path: Path, content: bytes) -> None:
    path = snapshot_path(tmp_path, 4)
    path.write_bytes(content)
    with pytest.raises(WeightsError, match=r"00000004.* can't be read"):
        read_moment(path)


def test_snapshots_are_listed_by_step_and_other_files_are_not(tmp_path: Path) -> None:
    assert list_snapshots(tmp_path / "missing") == {}
    for step in (1000, 2, 30):
        snapshot_path(tmp_path, step).touch()
    (tmp_path / ".00000004.safetensors.0a.part").touch()
    (tmp_path / "other.safetensors").touch()
    assert list_snapshots(tmp_path) == {step: snapshot_path(tmp_path, step) for step in (2, 30, 1000)}
    assert list(list_snapshots(tmp_path)) == [2, 30, 1000]


def test_a_checkpoint_survives_its_file(told: tuple[Snapshot, Checkpoint], tmp_path: Path) -> None:
    checkpoint = told[1]
    path = tmp_path / "one.safetensors"
    again = read_checkpoint(path, write_checkpoint(path, checkpoint))
    assert again.state == checkpoint.state
    assert checkpoint.best
    assert len(checkpoint.optimizer) == 3 * 8  # step, exp_avg, exp_avg_sq
    for part in ("weights", "optimizer", "best"):
        one, other = getattr(checkpoint, part), getattr(again, part)
        assert one.keys() == other.keys()
        assert all(torch.equal(one[name], other[name]) for name in one)
    assert torch.equal(again.unread, checkpoint.unread)


@given(st.data())
def test_a_damaged_file_is_refused_in_words(
    told: tuple[Snapshot, Checkpoint], tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("damaged")
    path = write_snapshot(folder, told[0])
    whole = path.read_bytes()
    place = data.draw(st.integers(0, len(whole) - 1) | st.integers(0, 1500))
    if data.draw(st.booleans()):
        damaged = whole[:place]
    else:
        damaged = whole[:place] + bytes([whole[place] ^ data.draw(st.integers(1, 255))]) + whole[place + 1 :]
    path.write_bytes(damaged)
    with suppress(WeightsError):  # and nothing else; a damaged number still is a number
        read_snapshot(path)

    kept = folder / "checkpoint.safetensors"
    digest = write_checkpoint(kept, told[1])
    whole = kept.read_bytes()
    place = data.draw(st.integers(0, len(whole) - 1))
    kept.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
    with pytest.raises(WeightsError, match="is damaged"):
        read_checkpoint(kept, digest)


def test_a_missing_file_and_another_kind_of_file_are_refused(told: tuple[Snapshot, Checkpoint], tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="can't be read"):
        read_snapshot(tmp_path / "none.safetensors")
    with pytest.raises(WeightsError, match="can't be read"):
        read_checkpoint(tmp_path / "none.safetensors", "0" * 64)
    path = tmp_path / "checkpoint.safetensors"
    write_checkpoint(path, told[1])
    with pytest.raises(WeightsError, match="can't be read"):
        read_snapshot(path)
