"""The app without a browser: every page through streamlit_app.py, in a home of its own."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from explorer.data import load
from explorer.presets import PRESETS
from explorer.runs import service
from explorer.runs.artifacts import run_folder
from explorer.spec import DataSpec, RunSpec, TrainSpec
from explorer.training.checkpoints import write_checkpoint
from explorer.training.engine import train
from explorer.training.events import Checkpoint
from explorer.ui.components import frames, strip
from explorer.ui.components.wall import Payload

ROOT = Path(__file__).parents[2]
Open = Callable[..., AppTest]


@pytest.fixture
def open_app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Open]:
    """``open_app("inside", network="lenet5")`` opens a page as a link with these parameters would."""
    monkeypatch.setenv("KERNELSCOPE_HOME", str(tmp_path / "home"))
    st.cache_data.clear()
    st.cache_resource.clear()

    def start(page: str = "build", **params: str) -> AppTest:
        tested = AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=120)
        for name, value in params.items():
            tested.query_params[name] = value
        tested.run()
        if page != "build":
            tested.switch_page(f"pages/{page}.py")
            for name, value in params.items():
                tested.query_params[name] = value
            tested.run()
        return tested

    yield start
    st.cache_data.clear()
    st.cache_resource.clear()


def elements(tested: AppTest) -> Iterator[Any]:
    """Everything on the page, in order."""

    def walk(node: Any) -> Iterator[Any]:
        for child in getattr(node, "children", {}).values():
            yield child
            yield from walk(child)

    yield from walk(tested._tree)


def component(tested: AppTest, key: str) -> Any:
    """What Python sent to one of our components: its protobuf message."""
    found = [
        item.proto
        for item in elements(tested)
        if getattr(item, "type", "") == "bidi_component" and item.proto.id.endswith(f"-{key}")
    ]
    assert len(found) == 1, f"{len(found)} components with the key {key}"
    return found[0]


def shown_wall(tested: AppTest, key: str) -> Payload:
    return Payload.unpack(component(tested, key).bytes)


def shown_beside_paper(tested: AppTest) -> tuple[dict[str, str], Payload | None]:
    """What stands beside the paper of *Your digits*: its texts, and the wall of maps where there is one."""
    _, reply = frames.unpack(component(tested, "draw").bytes)
    texts, wall = frames.unpack(reply)
    return texts, Payload.unpack(wall) if wall else None


def shown_layer(tested: AppTest, layer: str) -> Payload:
    """The maps of a layer in *Look inside*."""
    return strip.unpack(component(tested, "flow").bytes)[layer][1]


def shown_shares(tested: AppTest) -> dict[str, float]:
    """The probabilities that the page's only bars show, by the class's name, as exact as their hover text has them."""
    (bars,) = (text for item in tested.get("html") if '<table class="ks-bars"' in (text := item.proto.body))
    return {name: float(value) for name, value in re.findall(r'title="(.+?): ([^"]+)"', bars)}


def digit_field(tested: AppTest) -> Any:
    """The sidebar's field for the current digit's number."""
    (found,) = (field for field in tested.number_input if field.label == "Number in the test set")
    return found


def network_picker(tested: AppTest) -> Any:
    """The sidebar's list of networks."""
    (found,) = (box for box in tested.selectbox if box.label == "Current network")
    return found


def stopped_run(**recipe: object) -> tuple[str, Checkpoint]:
    """A stopped run with one checkpoint, after three steps of an epoch."""
    spec = RunSpec(
        name="small",
        model=PRESETS["tiny"].model,
        data=DataSpec(train_size=60, validation_share=0.02),
        train=TrainSpec.model_validate({"batch_size": 20, "epochs": 2, **recipe}),
    )
    checkpoint = next(event for event in train(spec, load("mnist")) if isinstance(event, Checkpoint))
    store = service.local().store
    run = store.create(spec)
    lease = store.claim_run(run, "test", 30.0)
    assert lease is not None
    folder = run_folder(run).create()
    file = folder.checkpoints / "one.safetensors"
    store.commit_checkpoint(lease, folder.uri(file), write_checkpoint(file, checkpoint), checkpoint.step)
    store.finish(lease, "stopped")
    return run, checkpoint


def sound(tested: AppTest) -> AppTest:
    """The page, which shows no error."""
    assert not tested.exception
    assert [item.value for item in tested.error] == []
    return tested


def texts(tested: AppTest) -> str:
    """All that it says in Markdown, headings included."""
    kinds = (tested.header, tested.subheader, tested.markdown, tested.caption)
    return "\n".join(str(item.value) for kind in kinds for item in kind)
