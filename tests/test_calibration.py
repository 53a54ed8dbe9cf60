"""Calibrations: the shipped ones are their networks', and a file of other weights or a damaged one is none."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from explorer import calibration, data, networks, zoo, zoo_build
from explorer.analysis import trust
from explorer.data import Dataset, Images
from explorer.digits.plausible import fault
from explorer.errors import DataError
from explorer.spec import DataSpec

LENET = networks.find("lenet5")
PACKED = (zoo.DIRECTORY / f"lenet5{calibration.SUFFIX}").read_bytes()


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KERNELSCOPE_HOME", str(tmp_path_factory.mktemp("home")))
        return data.load("mnist")


@pytest.fixture(scope="module")
def few(whole: Dataset) -> Dataset:
    """MNIST with 400 training digits."""
    return replace(whole, train=Images(whole.train.pixels[:400], whole.train.labels[:400]))


@pytest.mark.parametrize("name", [card.name for card in zoo.entries() if card.spec.data.dataset == "mnist"])
def test_every_bundled_network_is_calibrated(name: str) -> None:
    found = calibration.find(networks.find(name))
    assert found is not None, f"python -m explorer zoo calibrate {name}"
    assert 0.3 < found.temperature < 3
    # A linear network on bent digits is wrong often enough for chance to be seen in 500 of them.
    assert 0 <= found.error_after < (0.06 if name == "softmax" else 0.02)
    assert found.validated > 900
    assert found.strangeness is None  # for digits there is better


def test_the_bundled_network_for_clothes_is_calibrated_and_knows_what_is_strange() -> None:
    """Prepared as a digit is, a shirt is not what the network learned from: it is far too sure of it before."""
    found = calibration.find(networks.find("fashion_lenet5"))
    assert found is not None, "python -m explorer zoo calibrate fashion_lenet5"
    assert found.temperature > 1
    assert found.error_after < found.error_before / 2
    assert found.strangeness is not None


def test_none_is_calibrated_on_other_images_than_it_was_made_with(tmp_path: Path) -> None:
    for file in zoo.DIRECTORY.glob("softmax.*"):
        shutil.copy(file, tmp_path)
    card = zoo.card("softmax")
    zoo.write(
        card.model_copy(update={"data": card.data.model_copy(update={"fingerprint": "others"})}), directory=tmp_path
    )
    with pytest.raises(DataError, match="softmax was made with other images of MNIST"):
        list(zoo_build.calibrate("softmax", directory=tmp_path))
    # Nor after one of the same recipe that was made with those that are here.
    here = card.data.model_copy(update={"fingerprint": data.load("mnist").fingerprint})
    shutil.copy(tmp_path / "softmax.safetensors", tmp_path / "first.safetensors")
    zoo.write(card.model_copy(update={"name": "first", "data": here}), directory=tmp_path)
    calibrated = zoo_build.calibrate("first", "softmax", directory=tmp_path)
    assert next(calibrated)[0] == "first"
    with pytest.raises(DataError, match="softmax was made with other images of MNIST"):
        next(calibrated)
    assert (tmp_path / f"softmax{calibration.SUFFIX}").read_bytes() == (
        zoo.DIRECTORY / f"softmax{calibration.SUFFIX}"
    ).read_bytes()


def test_validation_pictures_are_prepared_held_out_and_always_the_same(few: Dataset) -> None:
    spec = DataSpec(validation_share=0.1)
    found = calibration.pictures(few, spec)
    again = calibration.pictures(few, spec)
    np.testing.assert_array_equal(found.pixels, again.pixels)
    held_out = data.split(few, spec).validation
    np.testing.assert_array_equal(found.labels, few.train.labels[held_out])
    assert found.pixels.shape == (40, 1, 28, 28)
    for pixels in found.pixels[:, 0]:
        rows, columns = np.nonzero(pixels > 25)
        assert max(np.ptp(rows), np.ptp(columns)) + 1 in range(17, 23)  # in its box, as a picture's digit is
        assert fault(pixels) == ""
    learned = few.train.pixels[data.split(few, spec).train]
    assert all((learned == image).all(axis=(1, 2, 3)).any() for image in found.reference[:5])


def test_progress_is_told_and_cancels(few: Dataset) -> None:
    told: list[float] = []
    network = zoo.load("lenet5")[1]
    made = calibration.make(network, LENET.spec, dataset=few, progress=told.append)
    assert told == sorted(told)
    assert told[-1] == pytest.approx(1.0)
    assert made.validated == 40

    def stop(share: float) -> None:
        if share > 0.2:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        calibration.make(network, LENET.spec, dataset=few, progress=stop)


def test_a_file_of_other_weights_counts_as_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert calibration.find(LENET) is not None
    assert calibration.find(replace(LENET, version="0" * 16)) is None
    assert calibration.find(replace(LENET, kind="run")) is None
    monkeypatch.setattr(zoo, "DIRECTORY", tmp_path)
    assert calibration.find(LENET) is None
    found = calibration.unpack(PACKED, LENET)
    assert calibration.keep("lenet5", found, LENET.version).parent == tmp_path
    again = calibration.find(LENET)
    assert again is not None
    assert trust.arrays(again).keys() == trust.arrays(found).keys()
    assert again.temperature == found.temperature


@given(st.data())
def test_damaged_bytes_are_a_calibration_of_this_form_or_refused_in_words(draws: st.DataObject) -> None:
    damaged = bytearray(PACKED)
    for _ in range(draws.draw(st.integers(1, 3))):
        damaged[draws.draw(st.integers(0, len(damaged) - 1))] = draws.draw(st.integers(0, 255))
    if draws.draw(st.booleans()):
        damaged = damaged[: draws.draw(st.integers(0, len(damaged)))]
    try:
        found = calibration.unpack(bytes(damaged), LENET)
    except DataError as error:
        assert "make it again" in str(error)
    else:
        assert np.isfinite(found.temperature)


def test_specks_and_filled_pictures_need_no_network(few: Dataset) -> None:
    digits = np.asarray(few.train.pixels)
    assert not any(fault(digit) for digit in digits)
    assert "speck" in fault(digits[0], (3, 3, 9, 8))
    assert "ink" in fault(np.full((28, 28), 255, np.uint8))
    assert "no ink" in fault(np.zeros((1, 28, 28), np.uint8))
