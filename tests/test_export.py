"""Files to take away: ONNX models in onnxruntime beside PyTorch, what they say of themselves, and what is missing."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import safetensors.torch
import torch
from hypothesis import given, settings
from strategies import working_models

from explorer import codegen, export, networks, onnx_file, weights, zoo
from explorer.data import normalise
from explorer.data.cards import CARDS, DataCard
from explorer.errors import ExplorerError
from explorer.models import Network, build
from explorer.onnx_file import to_onnx
from explorer.spec import ModelSpec, RunSpec

MNIST = CARDS["mnist"]


def by_onnxruntime(model: bytes, images: np.ndarray) -> np.ndarray:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    (logits,) = session.run(["logits"], {"images": images})
    return np.asarray(logits)


def compare(model: bytes, network: Network, card: DataCard, *, batches: tuple[int, ...] = (1, 5)) -> None:
    for batch in batches:
        pixels = torch.randint(0, 256, (batch, *card.shape), dtype=torch.uint8)
        with torch.inference_mode():
            expected = network(normalise(pixels, card)).numpy()
        np.testing.assert_allclose(by_onnxruntime(model, pixels.numpy() / np.float32(255)), expected, atol=1e-4)


@pytest.mark.parametrize("name", zoo.names())
def test_bundled_networks_give_the_same_logits_in_onnxruntime(name: str) -> None:
    known = networks.find(name)
    network = networks.load(name)
    before = {key: value.clone() for key, value in network.state_dict().items()}
    card = networks.data_card(known)
    model = to_onnx(network, known.spec, card)
    compare(model, network, card, batches=(1, 7))
    assert not network.training
    assert all(torch.equal(value, before[key]) for key, value in network.state_dict().items())
    read = onnx.load_from_string(model)
    notes = {note.key: note.value for note in read.metadata_props}
    assert RunSpec.model_validate_json(notes["kernelscope.run"]) == known.spec
    assert json.loads(notes["classes"]) == list(card.classes)
    assert [(used.domain, used.version) for used in read.opset_import] == [("", int(notes["opset"]))]
    assert f"Opset {onnx_file.OPSET}" in read.doc_string


@settings(max_examples=8)
@given(working_models())
def test_random_networks_give_the_same_logits_in_onnxruntime(working: tuple[ModelSpec, tuple[int, int, int]]) -> None:
    model, shape = working
    card = replace(MNIST, shape=shape, classes=("a", "b"))
    network = build(model, shape, 2, seed=0).eval()
    compare(to_onnx(network, RunSpec(model=model), card), network, card)


def test_colour_images_are_normalised_channel_by_channel() -> None:
    card = replace(MNIST, shape=(3, 6, 5), classes=("a", "b", "c"), mean=(0.1, 0.2, 0.3), std=(0.4, 0.5, 0.6))
    model = zoo.card("softmax").spec.model
    network = build(model, card.shape, 3, seed=0).eval()
    compare(to_onnx(network, RunSpec(model=model), card), network, card)


def test_nothing_of_this_machine_s_folders_is_in_the_file() -> None:
    model = export.packed(networks.find("tiny"), "onnx")
    for folder in (Path(__file__).parents[1], Path(torch.__file__).parents[1], Path.home()):
        assert str(folder).encode() not in model


def test_safetensors_and_script_are_the_weights_and_the_spec() -> None:
    known = networks.find("softmax")
    data = export.packed(known, "safetensors")
    assert weights.spec_of(data) == known.spec
    assert export.packed(known, "python").decode() == codegen.script(known.spec, MNIST)


@pytest.mark.parametrize("name", ["softmax", "tiny"])
def test_a_network_s_weights_are_one_file_however_often_they_are_written(name: str) -> None:
    """The library writes its metadata in another order each time; whoever compares checksums would think the weights
    had changed. ``tiny`` has batch normalisation's counters too, of another type."""
    known, network = networks.find(name), networks.load(name)
    assert len({weights.pack(network, known.spec) for _ in range(12)}) == 1
    data = weights.pack(network, known.spec)
    assert int.from_bytes(data[:8], "little") % 8 == 0, "tensors begin where processors read them fastest"
    back = safetensors.torch.load(data)
    assert all(torch.equal(back[key], tensor) for key, tensor in network.state_dict().items())
    assert len(back) == len(network.state_dict())


def test_file_names_are_plain() -> None:
    bundled = networks.find("lenet5")
    assert export.file_name(bundled, "onnx") == "lenet5.onnx"
    run = replace(bundled, id="3f2a99aa", kind="run", title=" Ä/..\\My first: 5×5! ")
    assert export.file_name(run, "python") == "my_first_5_5_3f2a.py"
    assert export.file_name(replace(run, title="数字"), "safetensors") == "network_3f2a.safetensors"
    assert export.file_name(bundled.at(64), "onnx") == "lenet5-step-64.onnx"
    assert export.file_name(bundled.at(64), "python") == "lenet5.py"


@pytest.mark.parametrize("name", zoo.names())
def test_a_bundled_network_s_card_fits_its_exported_weights(name: str) -> None:
    known = networks.find(name)
    card = zoo.ZooCard.model_validate_json(export.packed(known, "card"))
    assert card == zoo.card(name)
    assert card.sha256 == hashlib.sha256(export.packed(known, "safetensors")).hexdigest()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"usable": False}, "no weights yet"),
        ({"snapshot": 64}, "choose its end"),
        ({"edited": True}, "changed by hand"),
        ({"imported": True}, "brought in"),
        ({"state": "running"}, "has not finished"),
    ],
)
def test_without_an_end_of_a_training_there_is_no_card(changes: dict[str, Any], said: str) -> None:
    known = replace(networks.find("softmax"), **changes)
    assert said in (export.fault(known, "card") or "")
    with pytest.raises(ExplorerError, match=said):
        export.packed(known, "card")
    assert export.fault(known, "python") is None


def test_a_missing_package_is_one_sentence_with_the_line_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    find = importlib.util.find_spec

    def without(name: str, *more: Any) -> Any:
        return None if name == "onnxscript" else find(name, *more)

    monkeypatch.setattr(export, "find_spec", without)
    known = networks.find("softmax")
    with pytest.raises(ExplorerError, match=r"need onnxscript.*pip install -r requirements-cluster\.txt"):
        export.packed(known, "onnx")
    assert export.missing("safetensors") is None
    assert export.missing("python") is None
    assert export.packed(known, "python")


def test_looking_for_what_is_missing_imports_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "onnxscript"]:
        monkeypatch.delitem(sys.modules, name)
    assert export.missing("onnx") is None
    assert "onnxscript" not in sys.modules
