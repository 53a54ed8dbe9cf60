"""The current digit in a link: one of the test set, a training digit, the reader's own, and what is none of these."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from conftest_pages import digit_field, network_picker
from streamlit.testing.v1 import AppTest

from explorer import zoo
from explorer.data import load, normalise
from explorer.digits.link import from_text, to_text
from explorer.ui import cache
from explorer.ui.components import history

Open = Callable[..., AppTest]
SHAPE = (1, 28, 28)


def own() -> np.ndarray:
    """A digit that no data set has."""
    return np.asarray(load("mnist").test.pixels[3])[:, ::-1, ::-1].copy()


def html(tested: AppTest) -> str:
    return "\n".join(item.proto.body for item in tested.get("html"))


@pytest.mark.parametrize("page", ["build", "inside", "mistakes", "digits", "compare", "learn", "data"])
def test_a_link_carries_an_own_digit_to_every_page(open_app: Open, page: str) -> None:
    tested = open_app(page, network="tiny", digit="own", own=to_text(own()))
    assert not tested.exception
    assert [item.value for item in tested.error] == []
    np.testing.assert_array_equal(tested.session_state["own_digit"], own())
    assert digit_field(tested).value is None
    assert digit_field(tested).placeholder == "your own"
    assert tested.query_params["digit"] == "own"
    np.testing.assert_array_equal(from_text(tested.query_params["own"], SHAPE), own())
    _, network = zoo.load("tiny")
    data = load("mnist")
    with torch.no_grad():
        read = int(network(normalise(torch.tensor(own()[None]), data.card)).argmax())
    assert f"reads <b>{read}</b>" in html(tested)
    # Another digit takes its place, and the link no longer carries it.
    digit_field(tested).set_value(4).run()
    assert tested.query_params["digit"] == "4"
    assert "own" not in tested.query_params


def test_a_link_opens_a_training_digit(open_app: Open) -> None:
    tested = open_app("inside", network="tiny", digit="train-11")
    assert not tested.exception
    assert f"true: {load('mnist').train.labels[11]}" in html(tested)
    assert digit_field(tested).placeholder == "training 11"
    assert tested.query_params["digit"] == "train-11"


@pytest.mark.parametrize("page", ["build", "inside", "data"])
def test_a_digit_that_the_data_set_does_not_have_is_told_and_the_last_one_takes_its_place(
    open_app: Open, page: str
) -> None:
    data = load("mnist")
    for link, kind, images in (("99999", "test", data.test), ("train-99999", "training", data.train)):
        last = len(images) - 1
        tested = open_app(page, network="tiny", digit=link)
        assert not tested.exception
        toasts = [toast.value for toast in tested.toast]
        # Of a page that is no start page AppTest takes the link at both.
        assert set(toasts) == {f"There is no {kind} image 99,999 here. The last one, {last:,}, is shown."}
        assert tested.query_params["digit"] == link.replace("99999", str(last))
        assert tested.session_state["digit_number"] == last
        assert f"true: {images.labels[last]}" in html(tested)
        tested.run()
        assert not tested.toast, "it is told once"


def test_a_number_outlives_a_network_whose_data_set_has_fewer_images(
    open_app: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = load("mnist")
    last = len(data.test) - 1
    tested = open_app("inside", network="tiny", digit=str(last))
    assert not tested.toast
    small = replace(data, test=replace(data.test, pixels=data.test.pixels[:5], labels=data.test.labels[:5]))
    with monkeypatch.context() as patch:
        patch.setattr(cache, "dataset", lambda _: small)
        tested.run()
        assert not tested.exception
        assert not tested.toast
        assert digit_field(tested).value == 4
    tested.run()
    assert digit_field(tested).value == last
    assert tested.query_params["digit"] == str(last)


@pytest.mark.parametrize("text", ["", "AAAA", "⛔", "A" * 9_000, to_text(np.zeros((1, 5, 5), np.uint8))])
def test_a_damaged_own_digit_is_refused_with_a_sentence(open_app: Open, text: str) -> None:
    tested = open_app("inside", digit="own", own=text)
    assert not tested.exception
    assert not tested.error
    assert all("could not be opened: the picture in the link" in toast.value for toast in tested.toast)
    assert bool(tested.toast) == bool(text)
    assert "own_digit" not in tested.session_state
    assert tested.query_params["digit"] == "0"
    assert "own" not in tested.query_params


def test_a_page_that_is_opened_by_an_earlier_address_takes_it(open_app: Open) -> None:
    """As the browser's back button does it: the page changes, and the address names what was current then."""
    tested = open_app("inside", network="tiny", digit="7")
    digit_field(tested).set_value(9).run()
    assert tested.query_params["digit"] == "9"
    tested.query_params["digit"] = "5"  # on the same page an old address means nothing: a click was quicker
    tested.run()
    assert tested.query_params["digit"] == "9"
    tested.switch_page("pages/mistakes.py")
    tested.query_params["digit"], tested.query_params["network"] = "7", "lenet5"
    tested.run()
    assert tested.query_params["digit"] == "7"
    assert network_picker(tested).value == "lenet5"


def test_the_way_back_within_a_page_takes_the_address(open_app: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    def go_back(tested: AppTest, **params: str) -> None:
        for name in [name for name in tested.query_params if name not in params]:
            del tested.query_params[name]
        for name, value in params.items():
            tested.query_params[name] = value
        with monkeypatch.context() as patch:  # Streamlit says of a run what brought it about
            patch.setattr(history, "get_script_run_ctx", lambda **_: SimpleNamespace(is_history_navigation=True))
            tested.run()
        assert not tested.exception

    tested = open_app("inside", network="tiny", digit="7")
    digit_field(tested).set_value(9).run()
    go_back(tested, network="lenet5", digit="7")
    assert (network_picker(tested).value, digit_field(tested).value) == ("lenet5", 7)
    tested.query_params["digit"] = "9"  # and what a click brings along after it means nothing again
    tested.run()
    assert tested.query_params["digit"] == "7"
    go_back(tested, network="tiny", digit="99999")
    assert tested.query_params["digit"] == str(len(load("mnist").test) - 1)

    lessons = open_app("learn", network="tiny", digit="7", chapter="stride")
    lessons.button(key="lesson-next").click().run()
    assert lessons.query_params["chapter"] == "activation"
    go_back(lessons, network="tiny", digit="7", chapter="stride")
    assert lessons.header[0].value == "4. Stride and padding"

    compared = open_app("compare", network="tiny", digit="7")
    assert "with" in compared.query_params
    go_back(compared, network="tiny", digit="7")
    assert "with" not in compared.query_params
