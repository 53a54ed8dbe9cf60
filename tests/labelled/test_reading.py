"""Files to data sets: what is read, how classes and parts are told, what becomes of a picture, what is refused."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from labelled_files import KINDS, idx, npz, packed, png, shape, shapes, table
from PIL import Image

from explorer._torchvision import torchvision
from explorer.data import own
from explorer.digits import archive, decode, prepare
from explorer.digits.collection import Kept, to_zip
from explorer.errors import DataError, PictureError
from explorer.labelled import FITS, Fit, Found, Reading
from explorer.labelled import reading as reading_module
from explorer.labelled.fit import grey, scaled
from explorer.labelled.found import part_of, placed, settle


def read(*files: tuple[str, bytes], fit: Fit = "whole") -> tuple[Found, list[tuple[str, str]]]:
    reading = Reading(files, fit)
    while not reading.go_on(0.01):
        assert 0 <= reading.share <= 1
    assert reading.share == pytest.approx(1)
    return reading.found, reading.faults


def fault(name: str, data: bytes) -> str:
    """What is said of the one file that is not read."""
    reading = Reading([(name, data)])
    while not reading.go_on(1):
        pass
    ((_, text),) = reading.faults
    with pytest.raises(DataError, match="no labelled images"):
        _ = reading.found
    return text


def images(count: int, side: int = 28, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, side, side), dtype=np.uint8)


# --- archives ---


def test_folders_are_classes_and_a_fifth_of_each_tests() -> None:
    found, faults = read(("shapes.zip", packed(shapes(10))))
    assert found.classes == KINDS
    assert not faults
    assert not found.told
    assert found.dark
    assert found.train.pixels.shape == (24, 1, 28, 28)
    assert found.train.pixels.dtype == np.uint8
    assert np.bincount(found.train.labels).tolist() == [8, 8, 8]
    assert np.bincount(found.test.labels).tolist() == [2, 2, 2]
    assert found.images == 30
    again, _ = read(("shapes.zip", packed(shapes(10))))
    np.testing.assert_array_equal(again.test.pixels, found.test.pixels)


def test_every_picture_is_in_its_class_and_once() -> None:
    given_files = shapes(7)
    found, _ = read(("shapes.zip", packed(given_files)))
    wanted = sorted(
        (KINDS.index(name.split("/")[0]), scaled(grey(decode(data).rgb)).tobytes())
        for name, data in given_files.items()
    )
    got = sorted(
        (int(label), image.tobytes())
        for some in (found.train, found.test)
        for image, label in zip(some.pixels, some.labels, strict=True)
    )
    assert got == wanted


def test_folders_may_say_what_tests() -> None:
    files = shapes(6, lambda kind, number: f"set/{'test' if number < 2 else 'train'}/{kind}/{number}.png")
    found, faults = read(("set.zip", packed(files)))
    assert (found.classes, found.told, faults) == (KINDS, True, [])
    assert np.bincount(found.test.labels).tolist() == [2, 2, 2]
    assert np.bincount(found.train.labels).tolist() == [4, 4, 4]


@pytest.mark.parametrize(
    ("names", "wanted"),
    [
        (["a/1.png", "b/1.png"], [("a", ""), ("b", "")]),
        (["x/a/1.png", "x/b/1.png", "x/README.md", "NOTES"], [("a", ""), ("b", ""), ("", ""), ("", "")]),
        (["x\\a\\1.png", "x\\b\\1.png"], [("a", ""), ("b", "")]),
        (["a/old/1.png", "b/2.png"], [("a", ""), ("b", "")]),
        (["train/a/1.png", "test/a/1.png", "val/b/1.png"], [("a", "train"), ("a", "test"), ("b", "train")]),
        (["x/Training/a/1.png", "x/Testing/b/1.png"], [("a", "train"), ("b", "test")]),
        (["a/train/1.png", "b/test/1.png"], [("a", "train"), ("b", "test")]),
        (["valid/1.png", "invalid/1.png"], [("valid", ""), ("invalid", "")]),
        (["test/1.png", "control/1.png", "other/1.png"], [("test", ""), ("control", ""), ("other", "")]),
        (["1.png"], [("", "")]),
        (["a/1.png"], [("a", "")]),
        (["test/a/1.png"], [("a", "test")]),
        ([f"{'a' * 600}/1.png", "b/1.png"], [("", ""), ("b", "")]),
    ],
)
def test_a_path_tells_class_and_part(names: list[str], wanted: list[tuple[str, str]]) -> None:
    assert placed(names) == wanted


def test_what_is_no_picture_or_in_no_folder_is_named_and_the_rest_is_read() -> None:
    files = shapes(5) | {
        "loose.png": shape("circle", 1),
        "circle/broken.png": b"\x89PNG\r\n\x1a\nno",
        "circle/a.pdf": b"%PDF-",
    }
    found, faults = read(("shapes.zip", packed(files)))
    assert found.images == 15
    said = dict(faults)
    assert set(said) == {"loose.png", "circle/broken.png", "circle/a.pdf"}
    assert said["loose.png"] == "It has no class: it lies in no folder of a class's name, and no labels.csv names it."
    assert "damaged or cut off" in said["circle/broken.png"]
    assert "PDF" in said["circle/a.pdf"]


def test_a_picture_alone_has_no_class() -> None:
    assert "A picture alone has no class" in fault("one.png", shape("circle", 1))
    assert "damaged or cut off" in fault("half.zip", packed(shapes(2))[:100])
    assert "pictures are read" in fault("text.bin", b"nothing of the kind")


def test_what_nobody_foresaw_ends_one_file_and_not_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = iter([RuntimeError("a bug")])

    def broken(data: bytes, name: str = "") -> object:
        for error in calls:
            raise error
        return decode(data, name)

    monkeypatch.setattr(reading_module, "decode", broken)
    found, faults = read(("shapes.zip", packed(shapes(5))))
    assert found.images == 14
    assert [text for _, text in faults] == ["It could not be read; the server's log says why."]


def test_a_table_in_the_archive_says_which_file_is_what() -> None:
    files = {
        f"set/pictures/{k}.png": shape(kind, number)
        for k, (kind, number) in enumerate((kind, number) for kind in KINDS for number in range(6))
    }
    rows = [f"pictures/{k}.png,{KINDS[k // 6]},{'test' if k % 6 == 0 else 'train'}" for k in range(18)]
    table_of_files = "\n".join(["File,label,split", *rows]).encode()
    found, faults = read(
        ("set.zip", packed(files | {"set/labels.csv": table_of_files, "set/more.png": shape("circle", 99)}))
    )
    assert (found.classes, found.told) == (KINDS, True)
    assert np.bincount(found.test.labels).tolist() == [1, 1, 1]
    assert [name for name, _ in faults] == ["set/more.png"]


def test_ones_own_test_set_can_be_learned() -> None:
    rng = np.random.default_rng(3)
    digits = [Kept(rng.integers(0, 256, (1, 28, 28), dtype=np.uint8), number % 3, "drawn") for number in range(30)]
    found, faults = read(("my-test-set.zip", to_zip(digits, ("zero", "one", "two"))))
    assert (found.classes, found.images, faults) == (("one", "two", "zero"), 30, [])
    for some in (found.train, found.test):
        for image, label in zip(some.pixels, some.labels, strict=True):
            (kept,) = (digit for digit in digits if (digit.pixels == image).all())
            assert ("zero", "one", "two")[kept.label] == found.classes[label]


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"", b"name,kind\na,b\n", b'file,label\n"' + b"x" * 200_000])
def test_a_table_of_files_that_is_none_leaves_it_to_the_folders(content: bytes) -> None:
    found, faults = read(("shapes.zip", packed(shapes(5) | {"labels.csv": content})))
    assert found.images == 15
    assert [name for name, _ in faults] in ([], ["labels.csv"])


# --- what becomes of a picture ---


@given(st.integers(1, 90), st.integers(1, 90), st.integers(0, 2**31))
def test_a_picture_is_resized_as_torchvision_does_and_its_border_goes_on(height: int, width: int, seed: int) -> None:
    image = np.random.default_rng(seed).integers(0, 256, (height, width), dtype=np.uint8)
    image[0], image[-1], image[:, 0], image[:, -1] = 17, 17, 17, 17
    made = scaled(image)
    assert made.shape == (28, 28)
    if (height, width) == (28, 28):
        np.testing.assert_array_equal(made, image)
        return
    ratio = 28 / max(height, width)
    sides = [max(1, round(height * ratio)), max(1, round(width * ratio))]
    resize = torchvision.transforms.Resize(sides, antialias=True)
    wanted = np.asarray(resize(Image.fromarray(image)))
    top, left = (28 - sides[0]) // 2, (28 - sides[1]) // 2
    np.testing.assert_array_equal(made[top : top + sides[0], left : left + sides[1]], wanted)
    outside = np.ones((28, 28), dtype=bool)
    outside[top : top + sides[0], left : left + sides[1]] = False
    edge = np.concatenate([wanted[0], wanted[-1], wanted[:, 0], wanted[:, -1]])
    assert set(made[outside]) <= {np.bincount(edge).argmax()}


def test_transparent_paper_is_filled_and_colours_become_luminance() -> None:
    drawing = Image.new("RGBA", (28, 28), (0, 0, 0, 0))
    drawing.paste((200, 30, 30, 255), (8, 8, 20, 20))
    found, _ = read(("a.zip", packed({f"{kind}/{n}.png": png(drawing) for kind in "ab" for n in range(5)})))
    image = found.train.pixels[0, 0]
    assert image[0, 0] == 255
    assert image[14, 14] == round(0.299 * 200 + 0.587 * 30 + 0.114 * 30)


def test_its_mark_alone_is_what_your_digits_makes_of_it() -> None:
    found, _ = read(("shapes.zip", packed(shapes(5))), fit="mark")
    assert not found.dark
    wanted = sorted(prepare(decode(data)).pixels.tobytes() for data in shapes(5).values())
    got = sorted(image.tobytes() for some in (found.train, found.test) for image in some.pixels)
    assert got == wanted
    assert set(FITS) == {"whole", "mark"}


def test_where_a_mark_is_wanted_and_there_is_none_the_picture_is_named() -> None:
    files = shapes(5) | {"circle/blank.png": png(Image.new("L", (40, 40), 255))}
    found, faults = read(("shapes.zip", packed(files)), fit="mark")
    assert found.images == 15
    ((name, text),) = faults
    assert name == "circle/blank.png"
    assert "No ink" in text


def test_classes_are_called_as_one_likes() -> None:
    found, _ = read(("shapes.zip", packed(shapes(5))))
    named = found.named(["ring", " box <b>", "tri_angle"])
    assert named.classes == ("ring", "box b", "tri angle")
    np.testing.assert_array_equal(named.train.labels, found.train.labels)
    with pytest.raises(DataError, match="3 classes and 2 names: give one for each"):
        found.named(["ring", "box"])
    twice = found.named(["ring", "ring", "box"])
    assert "same name" in str(own.fault(twice.train, twice.test, twice.classes))


def test_turned_round_dark_is_light() -> None:
    found, _ = read(("shapes.zip", packed(shapes(5))))
    turned = found.turned()
    assert (found.dark, turned.dark) == (True, False)
    np.testing.assert_array_equal(turned.train.pixels, 255 - found.train.pixels)
    np.testing.assert_array_equal(turned.turned().test.pixels, found.test.pixels)


# --- arrays ---


def test_arrays_as_keras_names_them() -> None:
    x, y = images(20), np.arange(20) % 4
    found, faults = read(("data.npz", npz(x_train=x[:12], y_train=y[:12], x_test=x[12:], y_test=y[12:])))
    assert (found.classes, found.told, faults) == (("0", "1", "2", "3"), True, [])
    np.testing.assert_array_equal(found.train.pixels[:, 0], x[:12])
    np.testing.assert_array_equal(found.test.pixels[:, 0], x[12:])
    np.testing.assert_array_equal(found.train.labels, y[:12])


def test_arrays_as_medmnist_names_them_with_colour_and_validation() -> None:
    rng = np.random.default_rng(1)
    colours = rng.integers(0, 256, (18, 28, 28, 3), dtype=np.uint8)
    labels = (np.arange(18) % 3)[:, None]
    arrays = {f"{part}_images": colours[k::3] for k, part in enumerate(("train", "val", "test"))}
    arrays |= {f"{part}_labels": labels[k::3] for k, part in enumerate(("train", "val", "test"))}
    arrays["train_labels"], arrays["val_labels"], arrays["test_labels"] = (np.arange(6)[:, None] % 3,) * 3
    found, _ = read(("pathmnist.npz", npz(**arrays)))
    assert len(found.train.labels) == 12
    assert len(found.test.labels) == 6
    wanted = [np.asarray(Image.fromarray(image).convert("L")) for image in colours[2::3]]
    np.testing.assert_array_equal(found.test.pixels[:, 0], wanted)


@pytest.mark.parametrize(
    "form",
    [
        lambda x: x[..., None],
        lambda x: x[:, None],
        lambda x: np.repeat(x[..., None], 3, axis=3),
        lambda x: x.astype(np.int64),
        lambda x: x / 255,
        lambda x: (x / 255).astype(np.float32),
        lambda x: x.astype(np.float64),
        lambda x: np.asfortranarray(x),
    ],
    ids=("N H W 1", "N 1 H W", "N H W 3", "int64", "0 to 1", "float32", "0 to 255", "fortran"),
)
def test_arrays_of_any_usual_form_are_the_same_images(form: Callable[[np.ndarray], np.ndarray]) -> None:
    x = images(10)
    found, _ = read(("data.npz", npz(images=form(x), labels=np.arange(10) % 2)))
    got = sorted(image.tobytes() for some in (found.train, found.test) for image in some.pixels)
    assert got == sorted(image.tobytes() for image in x)


def test_labels_may_be_text_names_or_one_hot() -> None:
    x, numbers = images(9), np.arange(9) % 3
    names = np.array(["ant", "bee", "cat"])
    for labels, more in (
        (names[numbers], {}),
        (numbers, {"classes": names}),
        (np.eye(3)[numbers], {"class_names": names}),
    ):
        found, _ = read(("data.npz", npz(x=x, y=labels, **more)))
        assert found.classes == ("ant", "bee", "cat")
        for some in (found.train, found.test):
            for image, label in zip(some.pixels, some.labels, strict=True):
                place = next(k for k in range(9) if (x[k] == image[0]).all())
                assert numbers[place] == label


def test_larger_images_of_an_array_are_scaled() -> None:
    x = images(10, side=64)
    found, _ = read(("data.npz", npz(x=x, y=np.arange(10) % 2)))
    got = sorted(image.tobytes() for some in (found.train, found.test) for image in some.pixels)
    assert got == sorted(scaled(image).tobytes() for image in x)


def _claims(shape_there: tuple[int, ...]) -> bytes:
    """An .npz whose images claim a shape that they have not."""
    good = npz(images=np.zeros((2, 4, 4), dtype=np.uint8), labels=np.zeros(2))
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(good)) as source, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as target:
        for member in source.namelist():
            data = source.read(member)
            if member == "images.npy":
                header = io.BytesIO()
                np.lib.format.write_array_header_1_0(
                    header, {"descr": "|u1", "fortran_order": False, "shape": shape_there}
                )
                data = header.getvalue() + b"\x00" * 32
            target.writestr(member, data)
    return out.getvalue()


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (npz(a=images(2), b=np.arange(2)), "It holds a, b: name the arrays"),
        (npz(x=images(3), y=np.arange(2)), "2 labels for 3 images"),
        (npz(x=np.zeros((2, 3)), y=np.arange(2)), "x is 2 × 3: images are"),
        (npz(x=np.zeros((2, 600, 5)), y=np.arange(2)), "5 × 600 pixels: 1 to 512"),
        (npz(x=np.zeros((0, 28, 28)), y=np.zeros(0)), "There is no image in x"),
        (npz(x=np.zeros((100_001, 1, 1), np.uint8), y=np.zeros(100_001)), "100,001 rows: at most 100,000"),
        (npz(x=images(40), y=np.arange(40)), "40 different labels: there are at most 36"),
        (npz(x=images(2), y=np.array([np.inf, 1])), "whole numbers, or text"),
        (npz(x=images(2), y=np.array([1e300, 1])), "whole numbers, or text"),
        (npz(x=images(2), y=np.array(["a" * 200, "b"])), "text of at most 100 characters"),
        (npz(x=images(2), y=np.array([-1, 0]), classes=np.array(["a", "b"])), "has label -1, and there are 2 names"),
        (npz(x=images(2), y=np.arange(2), classes=np.array(["a", "a"])), "the same name twice"),
        (npz(x=images(2), y=np.arange(2), classes=np.array(["a" * 5_000, "b"])), "at most 100 characters"),
        (npz(x=images(2) - 300.0, y=np.arange(2)), "they go from 0 to 255, or from 0 to 1"),
        (npz(x=np.full((2, 4, 4), np.nan), y=np.arange(2)), "they go from 0 to 255, or from 0 to 1"),
        (npz(x=np.full((2, 4, 4), "a"), y=np.arange(2)), "no numbers"),
        (npz(x=images(2), y=np.ones((2, 3))), "several labels"),
        (npz(x=images(2), y=np.array([0.5, 1])), "whole numbers, or text"),
        (npz(x=images(2), y=np.array([0, 7]), classes=np.array(["a", "b"])), "has label 7, and there are 2 names"),
        (npz(x=images(2), y=np.array([None, None])), "Python objects, which are not read"),
        (_claims((40_000, 40_000)), "unpacks to 1,600 MB"),
        (_claims((50_000, 28, 28)), "claims more than it holds"),
    ],
    ids=lambda value: value[:30] if isinstance(value, str) else "",
)
def test_faulty_arrays_are_refused_by_a_sentence(data: bytes, said: str) -> None:
    assert said in fault("data.npz", data)


# --- tables and IDX ---


def test_tables_in_two_files_say_by_their_names_what_tests() -> None:
    x, y = images(20), np.arange(20) % 5
    found, faults = read(("sign_train.csv", table(x[:15], y[:15])), ("sign_test.csv", table(x[15:], y[15:])))
    assert (found.classes, found.told, faults) == (("0", "1", "2", "3", "4"), True, [])
    np.testing.assert_array_equal(found.train.pixels[:, 0], x[:15])
    np.testing.assert_array_equal(found.test.pixels[:, 0], x[15:])


def test_a_table_may_be_in_an_archive_and_needs_labels() -> None:
    x, y = images(10), np.arange(10) % 2
    found, _ = read(("kaggle.zip", packed({"data/all.csv": table(x, y)})))
    assert found.images == 10
    bare = "\n".join(",".join(map(str, image.ravel())) for image in x).encode()
    assert "has no labels" in fault("bare.csv", bare)


@pytest.mark.parametrize("zipped", [False, True])
def test_idx_files_are_paired_by_their_names(zipped: bool) -> None:
    x, y = images(20), np.arange(20) % 4
    ending = ".gz" if zipped else ""
    files = [
        (f"t10k-labels-idx1-ubyte{ending}", idx(y[15:], zipped=zipped)),
        (f"train-images-idx3-ubyte{ending}", idx(x[:15], zipped=zipped)),
        (f"t10k-images-idx3-ubyte{ending}", idx(x[15:], zipped=zipped)),
        (f"train-labels-idx1-ubyte{ending}", idx(y[:15], zipped=zipped)),
    ]
    found, faults = read(*files)
    assert (found.told, faults) == (True, [])
    np.testing.assert_array_equal(found.train.pixels[:, 0], x[:15])
    np.testing.assert_array_equal(found.test.labels, y[15:])


def test_an_idx_file_alone_or_cut_off_is_refused() -> None:
    assert "bring a file of images and its file of labels" in fault("train-images-idx3-ubyte", idx(images(5)))
    assert "cut off or damaged" in fault("train-images-idx3-ubyte", idx(images(5))[:-1])


# --- what a data set of it is ---


@given(
    st.lists(st.sampled_from(["10", "9", "b", "A", "07", "B", "nan", "-1"]), min_size=2, max_size=60),
    st.integers(0, 2**31),
)
def test_classes_come_in_order_and_every_image_keeps_its_own(labels: list[str], seed: int) -> None:
    pixels = np.random.default_rng(seed).integers(0, 256, (len(labels), 28, 28), dtype=np.uint8)
    pixels[:, 0, 0] = np.arange(len(labels))
    names = list(dict.fromkeys(labels))
    numbers = np.array([names.index(label) for label in labels])
    found = settle(pixels, numbers, np.zeros(len(labels), int), names)
    assert list(found.classes) == [name for name in ("-1", "07", "9", "10", "A", "B", "b", "nan") if name in labels]
    seen = []
    for some in (found.train, found.test):
        for image, label in zip(some.pixels, some.labels, strict=True):
            assert labels[image[0, 0, 0]] == found.classes[label]
            seen.append(int(image[0, 0, 0]))
    assert sorted(seen) == list(range(len(labels)))
    for number, name in enumerate(found.classes):
        assert (found.test.labels == number).sum() == max(1, labels.count(name) // 5)


def test_classes_with_numbers_come_as_people_count() -> None:
    names = ["c10", "c2", "c1", "b", "2", "10"]
    found = settle(images(6), np.arange(6), np.zeros(6, int), names)
    assert found.classes == ("2", "10", "b", "c1", "c2", "c10")


@pytest.mark.parametrize(
    ("name", "part"), [("sign_test.csv", "test"), ("Train.csv", "train"), ("latest.csv", ""), ("x-val-1.csv", "train")]
)
def test_a_file_s_name_tells_its_part(name: str, part: str) -> None:
    assert part_of(name) == part


def test_too_many_images_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading_module, "MOST_IMAGES", 12)
    reading = Reading([("shapes.zip", packed(shapes(5)))])
    for _ in range(3):  # also whoever asks again
        with pytest.raises(DataError, match="more than 12 images"):
            reading.go_on(60)
    with pytest.raises(DataError, match="more than 12 images"):
        _ = reading.found
    assert reading.finished, "nobody needs to ask again"


def test_it_goes_on_a_little_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(range(10_000))
    monkeypatch.setattr(reading_module.time, "monotonic", lambda: next(clock))
    reading = Reading([("shapes.zip", packed(shapes(5)))])
    seen = [0]
    while not reading.go_on(3):
        assert reading.images - seen[-1] <= 2
        seen.append(reading.images)
    assert reading.images == 15
    assert len(seen) > 7


def test_nothing_is_no_data_set() -> None:
    reading = Reading([])
    while not reading.go_on(1):
        pass
    with pytest.raises(DataError, match="no labelled images"):
        _ = reading.found


# --- what files may do to the server ---


def test_names_that_become_one_or_none_or_too_many_end_the_reading() -> None:
    def end(*names: str) -> str:
        files = {f"{name}/1.png": shape("circle", number) for number, name in enumerate(names)}
        with pytest.raises(DataError) as told:
            read(("names.zip", packed(files)))
        return str(told.value)

    assert end("a*", "a") == "the classes 'a*' and 'a' would both be called a: rename one of them"
    assert "has a name without a letter, a digit or a sign" in end("a", "***")
    assert "more than 36 classes" in end(*map(str, range(37)))


def test_what_is_shown_is_what_is_kept_and_comes_back() -> None:
    names = ("_z", "a", "-1", "1", "कि", "का", "+", "×", "A very long name of a class that is cut somewhere")
    files = {f"{name}/{n}.png": shape("circle", 10 * k + n) for k, name in enumerate(names) for n in range(6)}
    found, _ = read(("names.zip", packed(files)))
    assert found.classes == tuple(own.plain(name, own.LONGEST_CLASS) for name in found.classes)
    assert {"z", "-1", "1", "कि", "का", "+", "×"} < set(found.classes)
    arrays = {
        "train_images": found.train.pixels[:, 0],
        "train_labels": found.train.labels,
        "test_images": found.test.pixels[:, 0],
        "test_labels": found.test.labels,
        "classes": np.array(found.classes),
    }
    back, _ = read(("back.npz", npz(**arrays)))
    assert back.classes == found.classes
    np.testing.assert_array_equal(back.train.pixels, found.train.pixels)
    np.testing.assert_array_equal(back.train.labels, found.train.labels)
    np.testing.assert_array_equal(back.test.labels, found.test.labels)


def test_the_order_of_classes_is_the_same_in_every_process() -> None:
    code = (
        "from explorer.labelled.found import settle; import numpy as np; "
        "pixels, numbers, parts = np.zeros((4, 28, 28), np.uint8), np.arange(4), np.zeros(4, int); "
        "print(settle(pixels, numbers, parts, list({'b', 'B', 'a', 'nan'})).classes)"
    )
    said = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in "012"
    }
    assert said == {"('a', 'B', 'b', 'nan')\n"}


def test_what_tests_is_not_learned_from_where_a_file_has_everything_too() -> None:
    x, y = images(20), np.arange(20) % 2
    arrays = {"x_train": x[:12], "y_train": y[:12], "x_test": x[12:], "y_test": y[12:], "x": x, "y": y}
    found, _ = read(("data.npz", npz(**arrays)))
    assert found.images == 20
    assert not {image.tobytes() for image in found.test.pixels} & {image.tobytes() for image in found.train.pixels}


def test_arrays_and_idx_files_say_by_their_names_what_they_are() -> None:
    x, y = images(20), np.arange(20) % 2
    found, _ = read(("train.npz", npz(x=x[:14], y=y[:14])), ("test.npz", npz(x=x[14:], y=y[14:])))
    assert (found.told, len(found.test.labels)) == (True, 6)
    found, _ = read(("latest-images-idx3-ubyte", idx(x)), ("latest-labels-idx1-ubyte", idx(y)))
    assert not found.told
    zipped = packed({"raw/train-images-idx3-ubyte": idx(x), "raw/train-labels-idx1-ubyte": idx(y)})
    assert read(("kmnist.zip", zipped))[0].images == 20


def test_pixels_of_0_and_1_are_black_and_white() -> None:
    bits = (images(10) > 127).astype(np.uint8)
    found, _ = read(("bits.npz", npz(x=bits, y=np.arange(10) % 2)))
    got = sorted(image.tobytes() for some in (found.train, found.test) for image in some.pixels)
    assert got == sorted((image * 255).tobytes() for image in bits)


def test_a_long_table_is_read_in_parts_and_its_rows_are_counted_through(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading_module, "_ROWS", 3)
    x, y = images(10), np.arange(10) % 2
    found, _ = read(("all.csv", table(x, y)))
    got = sorted(image.tobytes() for some in (found.train, found.test) for image in some.pixels)
    assert got == sorted(image.tobytes() for image in x)
    lines = table(x, y).split(b"\n")
    lines[8] = lines[8].replace(b",", b",999,", 1).rsplit(b",", 1)[0]
    reading = Reading([("bad.csv", b"\n".join(lines))])
    while not reading.go_on(1):
        pass
    assert reading.faults == [("bad.csv", "Row 8 has a pixel outside 0 to 255.")]


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("wide.csv", b"1," * 2_000_000 + b"1\n", "2,000,001 columns"),
        ("words.csv", table(images(2), np.array(["ant", "bee"])), "a label, too, is a number"),
        ("train-images-idx3-ubyte.gz", b"\x1f\x8b\x08\x00" + b"\x00" * 20, "read"),
    ],
)
def test_hostile_and_damaged_files_are_refused_by_a_sentence(name: str, data: bytes, said: str) -> None:
    assert said in fault(name, data)


def test_a_directory_that_lies_about_its_length_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    data = bytearray(packed({f"{number}.png": b"" for number in range(6_500)}))
    end = data.rfind(b"PK\x05\x06")
    data[end + 8 : end + 12] = b"\x05\x00\x05\x00"
    monkeypatch.setattr(archive.zipfile, "ZipFile", lambda *_: pytest.fail("it was opened"))
    with pytest.raises(PictureError, match="holds 6,500 files"):
        list(archive.files_in(bytes(data)))


def test_unpacked_idx_files_have_a_limit_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading_module.arrays, "MOST_BYTES", 10 * 784 + 16)
    names = [f"part{number}-images-idx3-ubyte" for number in range(3)]
    reading = Reading([(name, idx(images(10), zipped=True)) for name in names])
    while not reading.go_on(1):
        pass
    assert "hold more together than is read" in dict(reading.faults)[names[2]]


def test_what_is_told_of_files_is_short_and_can_be_printed() -> None:
    bad = {f"a/\x1b[31m{'x' * 300}{number}.png": b"no" for number in range(5)}
    _, faults = read(("shapes.zip", packed(shapes(5) | bad)))
    assert len(faults) == 5
    for name, _ in faults:
        assert name.isprintable()
        assert len(name) <= 121
