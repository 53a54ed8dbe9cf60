"""The sidebar's Import without a browser: what a file is taken for, what comes of it, a sentence for each fault."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from foreign_files import saved, with_payload
from streamlit.testing.v1 import AppTest

from explorer import export, imported, networks
from explorer.models import build
from explorer.presets import PRESETS
from explorer.spec import RunSpec

Open = Callable[..., AppTest]
OCTETS = "application/octet-stream"


def opened(open_app: Open, page: str = "build") -> AppTest:
    return go(open_app(page))


def go(tested: AppTest) -> AppTest:
    """Runs the page with the popover open: a browser says so each time, AppTest doesn't know of it."""
    tested.session_state["import"] = True
    return sound(tested.run())


def sound(tested: AppTest) -> AppTest:
    assert not tested.exception
    return tested


def give(tested: AppTest, *files: tuple[str, bytes]) -> AppTest:
    turn = tested.session_state["import-turn"]
    given = [(name, content, OCTETS) for name, content in files]
    tested.file_uploader(key=f"import-files-{turn}").set_value(given)
    return go(tested)


def text(tested: AppTest) -> str:
    kinds = (tested.markdown, tested.caption, tested.error, tested.success)
    return " ".join(item.value for kind in kinds for item in kind).replace("\\", "")


def test_closed_it_sends_nothing(open_app: Open) -> None:
    assert not sound(open_app("mistakes")).get("file_uploader")


def test_our_own_file_says_itself_what_it_is(open_app: Open) -> None:
    tested = opened(open_app, "mistakes")
    assert "A file from Export says itself which network it holds" in text(tested)
    give(tested, ("tiny.safetensors", export.packed(networks.find("tiny"), "safetensors")))
    assert "Taken for **Tiny, as the file says itself**, 7,646 parameters, MNIST." in text(tested)
    name = next(item for item in tested.text_input if item.label == "Name")
    assert name.value == "Tiny"
    name.set_value("tiny again")
    tested.button(key="import-it").click()
    go(tested)
    known = networks.find(tested.session_state["network"])
    assert (known.title, known.imported) == ("tiny again", True)
    back, there = networks.load(known.id).state_dict(), networks.load("tiny").state_dict()
    assert all(torch.equal(back[one], there[one]) for one in there)
    assert not tested.error
    assert "tiny again** is the current network now. It reads" in text(tested)
    assert any("imported" in item.value for item in tested.sidebar.caption)

    tested.switch_page("pages/build.py")
    sound(tested.run())
    assert "Not trained here but imported from **tiny.safetensors**" in text(tested)
    assert "Its tensors were recognised by their names." in text(tested)


def test_a_bare_state_dict_is_taken_for_the_draft(open_app: Open) -> None:
    tested = opened(open_app)
    state = build(PRESETS["article"].model, (1, 28, 28), 10, seed=2).state_dict()
    give(tested, ("mine [1].pt", saved({f"net.{name}": tensor for name, tensor in state.items()})))
    assert "Taken for **Article's network, as in Build & train**, 225,034 parameters" in text(tested)
    tested.button(key="import-it").click()
    go(tested)
    made = networks.run(tested.session_state["network"])
    assert made.name == "mine [1]"
    origin = imported.origin(made)
    assert origin is not None
    assert origin["pairs"][0] == ["net.conv1.weight", "conv1.weight"]
    loaded = networks.load(made.id).state_dict()
    assert all(torch.equal(loaded[one], state[one]) for one in state)


def test_a_card_says_it_where_it_comes_along(open_app: Open) -> None:
    tested = opened(open_app)
    spec = RunSpec(name="by its card", model=PRESETS["softmax"].model)
    content = saved(build(spec.model, (1, 28, 28), 10).state_dict())
    give(tested, ("card.json", spec.model_dump_json().encode()), ("w.pt", content))
    assert "Taken for **by its card, as card.json says**, 7,850 parameters" in text(tested)
    tested.button(key="import-it").click()
    go(tested)
    assert networks.find(tested.session_state["network"]).title == "by its card"


@pytest.mark.parametrize(
    ("files", "told"),
    [
        ([("a.pt", b"x"), ("b.pt", b"x")], "Bring one file of weights at a time"),
        ([("a.json", b"{}")], "Bring one file of weights at a time"),
        ([("a.pt", b"x"), ("a.json", b"{")], "no JSON, or is cut off"),
        ([("a.pt", b"x"), ("a.json", b"{}")], "Model: Field required"),
        ([("a.pt", b"x"), ("a.json", b" " * 1_000_001)], "larger than any card"),
    ],
)
def test_what_is_unclear_is_said_before_anything_is_read(
    open_app: Open, files: list[tuple[str, bytes]], told: str
) -> None:
    tested = give(opened(open_app), *files)
    assert [told in error.value for error in tested.error] == [True]
    assert not [button for button in tested.button if button.key == "import-it"]


def test_a_refused_file_is_a_sentence_and_changes_nothing(open_app: Open, tmp_path: Path) -> None:
    mark = tmp_path / "was here"
    tested = opened(open_app)
    before = tested.session_state["network"]
    give(tested, ("bad.pt", with_payload(build(PRESETS["article"].model, (1, 28, 28), 10).state_dict(), mark)))
    tested.button(key="import-it").click()
    go(tested)
    assert ["asks for posix.system, and nothing but tensors" in error.value for error in tested.error] == [True]
    assert not mark.exists()
    assert tested.session_state["network"] == before
    give(tested, ("empty.safetensors", b""))
    tested.button(key="import-it").click()
    go(tested)
    assert ["empty" in error.value for error in tested.error] == [True]
    assert [known.kind for known in networks.known()] == ["zoo"] * len(networks.known())
