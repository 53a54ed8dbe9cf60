"""Data › Your own without a browser: what is brought is shown, kept, learned, removed; links to what is not here."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from conftest_pages import shown_wall, sound, texts
from labelled_files import KINDS, packed, shapes
from streamlit.testing.v1 import AppTest

from explorer import labelled
from explorer.data import DataCard, load, own, split
from explorer.draft import Draft
from explorer.labelled import Found, Reading
from explorer.recipes import FEWEST_STEPS, with_steps
from explorer.runs import service
from explorer.spec import DataSpec, RunSpec, TrainSpec, to_link
from explorer.ui import cache

Open = Callable[..., AppTest]
ARCHIVE = packed(shapes(10))


def opened(open_app: Open) -> AppTest:
    tested = open_app("data")
    tested.session_state["data-tab"] = "Your own"
    return sound(tested.run())


def give(tested: AppTest, name: str = "my shapes.zip", data: bytes = ARCHIVE) -> AppTest:
    """Uploads a file and waits until it is read."""
    key = f"own-data-files-{tested.session_state['own-data-turn']}"
    tested.file_uploader(key=key).set_value((name, data, "application/zip")).run()
    for _ in range(100):
        if tested.error or any(button.key == "own-data-keep" for button in tested.button):
            return tested
        tested.run()
    raise AssertionError("it is never read")


def found() -> Found:
    reading = Reading([("my shapes.zip", ARCHIVE)])
    while not reading.go_on(1):
        pass
    return reading.found


def kept() -> DataCard:
    return labelled.keep(found().turned(), title="my shapes", source="my shapes.zip")


def chosen(tested: AppTest) -> str:
    return str(tested.session_state["history"].now.data.dataset)


def test_what_is_brought_is_shown_then_kept_and_in_the_recipe(open_app: Open) -> None:
    tested = sound(give(opened(open_app)))
    table = "\n".join(item.proto.body for item in tested.get("html"))
    for name in KINDS:
        assert f'<td>{name}</td><td class="number">8</td><td class="number">2</td>' in table
    images = found().turned().train
    shown = shown_wall(tested, "own-data-samples")
    first = np.concatenate([np.flatnonzero(images.labels == number)[:8] for number in range(3)])
    np.testing.assert_array_equal(shown.pixels, images.pixels[first][:, 0])
    assert shown.header["captions"] == [KINDS[images.labels[number]] for number in first]

    next(field for field in tested.text_input if field.label == "Name").set_value("Three shapes").run()
    sound(tested.button(key="own-data-keep").click().run())
    (card,) = own.cards()
    assert (card.title, card.classes, card.source) == ("Three shapes", KINDS, "Brought here as my shapes.zip")
    np.testing.assert_array_equal(load(card.name).train.pixels, images.pixels)
    assert "**Three shapes** is kept: 3 classes, 24 images to learn from and 6 to test." in tested.success[0].value
    assert chosen(tested) == card.name
    assert tested.session_state["history"].now.train == with_steps(Draft.from_preset("article").train, 22)
    assert "with batches of 8 and 100 epochs for so many images" in tested.success[0].value
    assert "no network has learned from it yet" in texts(tested)

    sound(tested.switch_page("pages/build.py").run())
    sound(tested.button(key="train").click().run())
    run = service.local().store.list()[0]
    assert run.spec.data.dataset == card.name
    assert "three shapes" in run.name


def test_classes_are_renamed_before_they_are_kept(open_app: Open) -> None:
    tested = give(opened(open_app))
    (names,) = tested.text_area
    assert names.value == "\n".join(KINDS)
    names.set_value("ring\nbox").run()
    assert "There are 3 classes and 2 names: give one for each" in tested.error[0].value
    assert tested.button(key="own-data-keep").disabled
    tested.text_area[0].set_value("ring\nbox\nbox").run()
    assert "Two classes have the same name" in tested.error[0].value
    sound(tested.text_area[0].set_value("ring\nbox\nroof\n").run())
    captions = shown_wall(tested, "own-data-samples").header["captions"]
    assert list(dict.fromkeys(captions)) == ["ring", "box", "roof"]
    sound(tested.button(key="own-data-keep").click().run())
    (card,) = own.cards()
    assert card.classes == ("ring", "box", "roof")
    np.testing.assert_array_equal(load(card.name).train.labels, found().train.labels)


def test_other_files_are_not_called_as_those_before(open_app: Open) -> None:
    tested = give(opened(open_app))
    tested.text_area[0].set_value("ring\nbox\nroof").run()
    two = {name: data for name, data in shapes(10).items() if not name.startswith(KINDS[0])}
    tested = sound(give(tested, "two.zip", packed(two)))
    assert tested.text_area[0].value == "\n".join(KINDS[1:])
    tested = sound(give(tested))  # the first again
    captions = shown_wall(tested, "own-data-samples").header["captions"]
    assert set(captions) == set(KINDS)
    assert not tested.button(key="own-data-keep").disabled


def test_another_title_is_on_every_page(open_app: Open) -> None:
    card = kept()
    tested = opened(open_app)
    field = tested.text_input(key=f"own-data-title-{card.name}")
    sound(field.set_value("Better shapes").run())
    assert own.card(card.name).title == "Better shapes"
    assert [box.label for box in tested.expander if "images" in box.label] == ["Better shapes · 3 classes, 30 images"]
    assert "Better shapes" in tested.selectbox(key="data-shown").options
    tested.selectbox(key="data-shown").set_value(card.name)
    assert "**Better shapes**: 24 training" in texts(sound(tested.run()))


def test_brightness_as_it_is(open_app: Open) -> None:
    tested = give(opened(open_app))
    (turn,) = (group for group in tested.button_group if group.label == "Brightness")
    assert turn.value is True
    turn.set_value(False).run()
    sound(tested.button(key="own-data-keep").click().run())
    (card,) = own.cards()
    np.testing.assert_array_equal(load(card.name).test.pixels, found().test.pixels)


def test_marks_are_light_on_black_and_kept_so(open_app: Open) -> None:
    tested = give(opened(open_app))
    (fit,) = (group for group in tested.button_group if group.label == "What of each picture")
    fit.set_value("mark").run()
    for _ in range(100):
        if any(button.key == "own-data-keep" for button in tested.button):
            break
        tested.run()
    assert "Brightness" not in [group.label for group in tested.button_group]
    shown = shown_wall(tested, "own-data-samples").pixels
    assert np.median(shown) == 0
    sound(tested.button(key="own-data-keep").click().run())
    (card,) = own.cards()
    assert card.marks
    assert np.median(load(card.name).train.pixels) == 0
    again = give(tested)
    (fit,) = (group for group in again.button_group if group.label == "What of each picture")
    assert fit.value == "whole"


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"PK\x05\x06" + b"\x00" * 18, "There is no file in this ZIP archive"),
        (b"no such thing", "There are no labelled images"),
    ],
)
def test_a_file_that_can_t_be_read_is_told(open_app: Open, data: bytes, said: str) -> None:
    tested = give(opened(open_app), data=data)
    assert said in " ".join(item.value for kind in (tested.error, tested.warning) for item in kind)
    assert not tested.exception


def test_what_makes_no_data_set_is_told_before_it_is_to_be_kept(open_app: Open) -> None:
    tested = give(opened(open_app), data=packed({name: data for name, data in shapes(6).items() if "circle" in name}))
    assert tested.button(key="own-data-keep").disabled
    assert "There is 1 class" in tested.error[0].value
    assert own.cards() == []


def test_it_is_learned_again_and_removed_with_what_names_it(open_app: Open) -> None:
    tested = open_app()
    card = kept()
    tested = opened(open_app)
    sound(tested.button(key=f"own-data-learn-{card.name}").click().run())
    assert chosen(tested) == card.name
    assert tested.button(key=f"own-data-learn-{card.name}").disabled
    sound(tested.button(key=f"own-data-gone-{card.name}").click().run())
    assert own.cards() == []
    assert chosen(tested) == "mnist"


def test_what_a_network_learned_from_stays(open_app: Open) -> None:
    tested = open_app()
    card = kept()
    run = service.local().store.create(
        RunSpec(name="learner", model=Draft.from_preset("softmax").model, data=DataSpec(dataset=card.name))
    )
    cache.known_networks.clear()
    tested = opened(open_app)
    gone = tested.button(key=f"own-data-gone-{card.name}")
    assert gone.disabled
    assert "learner" in texts(tested)
    assert "1 learned from it" in texts(tested)
    service.delete(run)
    cache.known_networks.clear()
    assert not opened(open_app).button(key=f"own-data-gone-{card.name}").disabled


def test_a_link_to_a_data_set_that_is_not_here_opens_with_mnist(open_app: Open) -> None:
    spec = RunSpec(
        name="elsewhere",
        model=Draft.from_preset("tiny").model,
        data=DataSpec(dataset="cats_0123456789ab"),
        train=TrainSpec(),
    )
    tested = sound(open_app(spec=to_link(spec)))
    assert chosen(tested) == "mnist"
    assert "“cats\\_0123456789ab” is not on this server" in tested.toast[0].value
    assert tested.session_state["history"].now.model == spec.model
    own_card = kept()
    here = spec.model_copy(update={"data": DataSpec(dataset=own_card.name)})
    assert chosen(sound(open_app(spec=to_link(here)))) == own_card.name


@pytest.mark.parametrize("images", [8, 24, 65, 1_000, 5_000, 20_000])
def test_a_recipe_gets_enough_steps_and_else_stays(images: int) -> None:
    train = TrainSpec(epochs=3, batch_size=128)
    made = with_steps(train, images)
    taken = -(-images // made.batch_size) * made.epochs
    assert taken >= FEWEST_STEPS or made.epochs == 100
    assert made.epochs <= 100
    assert made.batch_size >= 8
    if -(-images // 128) * 3 >= FEWEST_STEPS:
        assert made == train
    changed = made.model_copy(update={"epochs": train.epochs, "batch_size": train.batch_size})
    assert changed == train, "nothing else is changed"


def test_who_shapes_a_network_while_its_data_set_is_removed_goes_on_with_mnist(open_app: Open) -> None:
    tested = open_app()
    card = kept()
    tested = opened(open_app)
    sound(tested.button(key=f"own-data-learn-{card.name}").click().run())
    sound(tested.switch_page("pages/build.py").run())
    sound(tested.button(key="add-conv").click().run())
    few = tested.session_state["history"].now.train
    own.delete(card)
    sound(tested.button(key="train").click().run())
    assert service.local().store.list() == [], "nobody asked for a run on MNIST"
    assert chosen(tested) == "mnist"
    assert "is not on this server" in tested.toast[0].value
    now = tested.session_state["history"].now.train
    assert (now.batch_size, now.epochs) == (TrainSpec().batch_size, TrainSpec().epochs) != (few.batch_size, few.epochs)
    for key in ("undo", "undo", "redo"):
        sound(tested.button(key=key).click().run())
        assert chosen(tested) == "mnist"
    sound(tested.button(key="train").click().run())
    assert [run.spec.data.dataset for run in service.local().store.list()] == ["mnist"]


def test_the_recipe_is_for_the_images_that_are_chosen() -> None:
    plain = Draft.from_preset("tiny")
    few = plain.with_dataset("few", images=60, before=54_000)
    assert (few.train.batch_size, few.train.epochs) == (8, 40)
    assert few.with_dataset("mnist", images=54_000, before=60) == plain.with_data(dataset="mnist")
    some = plain.with_data(train_size=500)
    assert some.with_dataset("other", images=54_000, before=54_000).data.train_size == 500
    assert some.with_dataset("few", images=60, before=54_000).data.train_size is None
    chosen_by_hand = few.with_train(epochs=75)
    assert chosen_by_hand.with_dataset("mnist", images=54_000, before=60).train == chosen_by_hand.train


def test_alike_titles_can_be_told_apart_and_a_damaged_set_be_removed(open_app: Open) -> None:
    tested = open_app()
    first = kept()
    second = labelled.keep(found(), title="my shapes", source="x")
    tested = opened(open_app)
    assert [box.label for box in tested.expander if "my shapes" in box.label] == [
        "my shapes · 3 classes, 30 images"
    ] * 2
    (own._root() / first.name / "train_pixels.npy").unlink()
    tested.session_state[f"own-data-{first.name}"] = True
    tested.session_state[f"own-data-{second.name}"] = True
    tested.run()
    assert "damaged" in tested.error[0].value
    tested.button(key=f"own-data-gone-{first.name}").click().run()
    assert own.cards() == [second]
    tested.switch_page("pages/build.py")
    tested.session_state["controls-tab"] = "Recipe"
    third = kept()
    tested.run()
    (box,) = (box for box in tested.selectbox if box.label == "Data set")
    assert sorted(box.options)[-2:] == sorted(f"my shapes · {card.name[-4:]}" for card in (second, third))


def test_what_can_t_be_read_does_not_hide_what_is_here(open_app: Open) -> None:
    open_app()
    card = kept()
    tested = give(opened(open_app), data=b"no such thing")
    assert len(tested.error) == 1
    assert tested.button(key=f"own-data-learn-{card.name}")


def test_too_many_images_are_told_once_and_nobody_goes_on_asking(
    open_app: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("explorer.labelled.reading.MOST_IMAGES", 12)
    tested = give(opened(open_app))
    for _ in range(2):
        assert [error.value for error in tested.error] == ["There are more than 12 images: bring a part of them."]
        assert not any(button.key == "own-data-keep" for button in tested.button)
        tested.run()


def test_it_is_looked_at_before_a_network_has_learned_from_it(open_app: Open) -> None:
    card = kept()
    tested = opened(open_app)
    assert tested.selectbox(key="data-shown").value == "mnist"
    sound(tested.button(key=f"own-data-look-{card.name}").click().run())
    assert tested.selectbox(key="data-shown").value == card.name
    data = load(card.name)
    train = np.sort(split(data, DataSpec(dataset=card.name)).train)
    shown = shown_wall(tested, "data-wall")
    np.testing.assert_array_equal(shown.pixels, data.train.pixels[train][:, 0])
    assert shown.header["captions"] == [f"{KINDS[data.train.labels[number]]} · {number}" for number in train]
    # The current digit is one of MNIST's: none of these is it, nor can be.
    assert shown.header["selected"] is None
    assert not shown.header["clickable"]
    said = texts(tested)
    assert f"**{card.title}**: 24 training and 6 test images" in said
    assert "to learn from" in next(group for group in tested.button_group if group.label == "Images").options
    for tab, words in (
        ("Classes", "As the recipe of Build &amp; train splits them"),
        ("Hardest and oddest", "train one on my shapes"),
        ("Duplicates", "Equal pairs are found by their bytes"),
    ):
        tested.session_state["data-tab"] = tab
        sound(tested.run())
        told = [item.value for item in tested.info] + [item.proto.body for item in tested.get("html")]
        assert words in "\n".join([texts(tested), *map(str, told)])


def test_another_network_brings_its_own_data_set_along(open_app: Open) -> None:
    card = kept()
    tested = opened(open_app)
    tested.selectbox(key="data-shown").set_value(card.name).run()
    sound(tested.switch_page("pages/mistakes.py").run())
    sound(tested.switch_page("pages/data.py").run())
    assert tested.selectbox(key="data-shown").value == card.name
    labelled.remove(card)
    sound(tested.run())
    assert tested.selectbox(key="data-shown").value == "mnist"

    other = kept()
    tested.session_state["network"] = service.local().store.create(
        RunSpec(model=Draft.from_preset("tiny").run_spec().model, data=DataSpec(dataset=other.name))
    )
    cache.known_networks.clear()
    sound(tested.run())
    assert tested.selectbox(key="data-shown").value == other.name


def test_a_data_set_whose_files_are_not_here_is_told_and_the_page_goes_on(
    open_app: Open, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("KERNELSCOPE_DATA", str(tmp_path))
    cache.dataset.clear()
    tested = opened(open_app)
    tested.selectbox(key="data-shown").set_value("fashion_mnist").run()
    assert not tested.exception
    assert "Fashion-MNIST" in tested.error[0].value
    assert [tab.label for tab in tested.tabs] == ["Augmentation", "Your own"]
    tested.session_state["data-tab"] = "Your own"
    tested.run()
    assert tested.file_uploader  # what is missing can be brought
