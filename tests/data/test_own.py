"""Own data sets: kept once under a name that their content decides, found, opened, removed; what makes none."""

from __future__ import annotations

import json
import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from explorer.data import CARDS, DataCard, find_card, load, own, split
from explorer.data.cards import all_cards
from explorer.data.own import Labelled
from explorer.errors import DataError
from explorer.spec import DataSpec


def some(count: int, classes: int = 2, seed: int = 0) -> Labelled:
    rng = np.random.default_rng(seed)
    return Labelled(
        rng.integers(0, 256, (count, 1, 28, 28), dtype=np.uint8), np.arange(count, dtype=np.int64) % classes
    )


def kept(title: str = "Two kinds", classes: tuple[str, ...] = ("a", "b"), seed: int = 0) -> DataCard:
    return own.keep(
        some(12, len(classes), seed), some(4, len(classes), seed + 1), classes, title=title, source="two.zip"
    )


def test_what_is_kept_is_found_and_opened() -> None:
    card = kept()
    train = some(12)
    assert (card.title, card.classes, card.shape, card.own) == ("Two kinds", ("a", "b"), (1, 28, 28), True)
    assert (card.train_images, card.test_images, card.thing) == (12, 4, "picture")
    assert card.mean == pytest.approx((train.pixels / 255).mean(), abs=1e-4)
    assert card.std == pytest.approx((train.pixels / 255).std(), abs=1e-4)
    assert find_card(card.name) == card
    assert all_cards() == CARDS | {card.name: card}
    data = load(card.name)
    assert (data.card, data.complete, data.notice, data.test_is_known) == (card, True, None, False)
    np.testing.assert_array_equal(data.train.pixels, train.pixels)
    np.testing.assert_array_equal(data.test.labels, some(4, seed=1).labels)
    assert not data.train.pixels.flags.writeable
    assert len(split(data, DataSpec(dataset=card.name)).validation) == 1
    assert own.size(card) >= 16 * 784


def test_the_content_decides_the_name(home: Path) -> None:
    first = kept()
    assert first.name.startswith("two_kinds_")
    again = kept(title="Another title")
    assert again == first, "the same images are kept once"
    others = [kept(seed=5), kept(classes=("a", "c"))]
    assert len({first.name, *(card.name for card in others)}) == 3, "other images and other classes are another one"
    own.delete(first)
    assert find_or_none(first.name) is None
    assert kept().name == first.name, "and a link to it holds again"
    assert len(folders(home)) == 3


def folders(home: Path) -> list[Path]:
    return [one for one in (home / "datasets").iterdir() if one.name != ".lock"]


def find_or_none(name: str) -> DataCard | None:
    return all_cards().get(name)


def test_another_title_changes_nothing_else(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    card = kept()
    fingerprint = load(card.name).fingerprint
    renamed = own.rename(card, "  <b>Better  ")
    assert renamed == own.card(card.name) == replace(card, title="b Better")
    assert load(card.name).fingerprint == fingerprint
    np.testing.assert_array_equal(load(card.name).train.pixels, some(12).pixels)
    with pytest.raises(DataError, match="needs a letter or a digit"):
        own.rename(card, "<>")

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(DataError, match=r"No space left on device.*check the folder"):
        own.rename(card, "Third")
    assert own.cards() == [renamed]
    assert [folder.name for folder in folders(home)] == [card.name]


def test_a_name_fits_into_a_spec_whatever_the_title() -> None:
    for number, title in enumerate(("Größe & Maß", "数字", "a" * 200, "  ", "<b>x</b> *y* [z](u) `c` $m$")):
        card = kept(title=title, seed=10 * number)
        assert DataSpec(dataset=card.name).dataset == card.name
        assert card.title == own.plain(title, own.LONGEST_TITLE) or (card.title == "Own images" and not title.strip())


@given(st.text(max_size=60), st.integers(1, 30))
def test_plain_text_means_nothing_to_markdown_or_html(text: str, longest: int) -> None:
    made = own.plain(text, longest)
    assert len(made) <= longest
    assert not set(made) & set('<>*_`[]{}|~#$\\:"!\n\t')
    assert made == made.strip()
    assert own.plain(made, longest) == made


@pytest.mark.parametrize(
    ("train", "test", "classes", "said"),
    [
        (some(12, 1), some(4, 1), ("a",), "there is 1 class"),
        (some(400, 37), some(40, 37), tuple(map(str, range(37))), "there are 37 classes"),
        (some(12), some(4), ("a", "a"), "two classes have the same name"),
        (some(12), some(4), ("a", "*"), "or one has none"),
        (Labelled(some(12).pixels[:1].repeat(12, axis=0), some(12).labels), some(4), ("a", "b"), "are the same"),
        (some(6), some(4), ("a", "b"), "class a has 3 training images, and needs 4"),
        (some(12), some(1), ("a", "b"), "class b has 0 test images, and needs 1"),
    ],
)
def test_what_makes_no_data_set_is_refused(
    train: Labelled, test: Labelled, classes: tuple[str, ...], said: str
) -> None:
    with pytest.raises(DataError, match=said):
        own.keep(train, test, classes, title="x", source="x")
    assert own.cards() == []


def test_too_many_images_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(own, "MOST_IMAGES", 15)
    with pytest.raises(DataError, match="there are 16 images: at most 15"):
        kept()


def test_a_damaged_one_is_left_out_or_says_so(home: Path) -> None:
    whole, broken, headless = kept(), kept(seed=5), kept(seed=6)
    (home / "datasets" / broken.name / "test_labels.npy").unlink()
    (home / "datasets" / headless.name / "index.json").write_text("{")
    assert own.cards() == sorted([whole, broken], key=lambda card: card.name)
    with pytest.raises(DataError, match=r"damaged: delete this folder and bring the images again"):
        load(broken.name)
    with pytest.raises(DataError, match="no data set named"):
        load(headless.name)


def test_a_card_that_is_not_its_folder_s_is_no_card(home: Path) -> None:
    card = kept()
    shutil.copytree(home / "datasets" / card.name, home / "datasets" / "copied")
    index = json.loads((home / "datasets" / card.name / "index.json").read_text())
    index["about"]["classes"] = "none"
    (home / "datasets" / card.name / "index.json").write_text(json.dumps(index))
    assert own.cards() == []
    assert own.card("../home") is None


def test_a_full_disk_is_told_and_leaves_nothing(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "save", full)
    with pytest.raises(DataError, match=r"No space left on device.*make room there"):
        kept()
    assert folders(home) == []


def test_many_who_keep_the_same_at_once_keep_it_once(home: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda number: kept(title=f"Title {number}"), range(24)))
    assert len({card.name for card in made}) == 1
    assert len(folders(home)) == 1
    assert len(load(made[0].name).train) == 12


def test_a_damaged_one_is_kept_anew(home: Path) -> None:
    card = kept()
    (home / "datasets" / card.name / "test_labels.npy").unlink()
    assert kept() == card
    assert len(load(card.name).test) == 4


def test_there_is_room_for_so_much_and_what_was_left_half_done_goes(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    card = kept()
    for name in (f".{card.name}-0123", ".other-deleted"):
        (home / "datasets" / name).mkdir()
    monkeypatch.setattr(own, "MOST_BYTES", own.size(card) + 100)
    with pytest.raises(DataError, match=r"own data sets take .* is the most: remove one"):
        kept(seed=5)
    assert folders(home) == [home / "datasets" / card.name]
    assert kept() == card, "what is there already needs no room"


def test_what_somebody_needs_is_not_removed() -> None:
    card = kept()
    with pytest.raises(DataError, match=r"a, b, c and 1 more learned from Two kinds.*delete these runs first"):
        own.delete(card, users=lambda: ["a", "b", "c", "d"])
    assert own.cards() == [card]
    own.delete(card)
    own.delete(card)
    assert own.cards() == []
    assert own.size(card) == 0
