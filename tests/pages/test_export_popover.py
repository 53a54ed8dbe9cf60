"""The sidebar's Export without a browser: what it offers, and what it says where something is missing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from streamlit.testing.v1 import AppTest

from explorer import export, networks

FORMATS = ("safetensors", "card", "python", "onnx")


def offered(network: networks.Known) -> dict[str, tuple[bool, str]]:
    """Of each download whether it is enabled, and the caption under it."""

    def body(network):  # runs as a script of its own, where no name from here is known
        from explorer.ui import export as page

        page._downloads(network)

    tested = AppTest.from_function(body, args=(network,), default_timeout=120).run()
    assert not tested.exception
    buttons = tested.get("download_button")
    captions = [caption.value for caption in tested.caption]
    return {
        file_format: (not button.proto.disabled, caption)
        for file_format, button, caption in zip(FORMATS, buttons, captions, strict=True)
    }


def test_a_trained_network_has_all_four() -> None:
    found = offered(networks.find("article"))
    assert all(enabled for enabled, _ in found.values())
    assert "(N, 1, 28, 28)" in found["onnx"][1]


def test_without_weights_there_is_the_script() -> None:
    found = offered(replace(networks.find("article"), usable=False))
    assert [enabled for enabled, _ in found.values()] == [False, False, True, False]
    assert found["card"][1] == found["onnx"][1] == found["safetensors"][1] == "The network has no weights yet."


def test_a_missing_package_is_named_with_the_line_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export, "find_spec", lambda name: None if name == "onnx" else object())
    found = offered(networks.find("article"))
    assert [enabled for enabled, _ in found.values()] == [True, True, True, False]
    assert "pip install -r requirements-cluster.txt" in found["onnx"][1]


def test_nothing_is_made_or_sent_before_it_is_opened(
    open_app: Callable[..., AppTest], monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: object) -> bytes:
        raise AssertionError("made before it was asked for")

    monkeypatch.setattr(export, "packed", never)
    tested = open_app("mistakes", network="softmax")
    assert not tested.exception
    assert not tested.error
    assert not tested.get("download_button")
    offered(networks.find("softmax"))
