"""A network as a file to take away: weights as safetensors, their card, an ONNX model, or a PyTorch script."""

from __future__ import annotations

import hashlib
import re
from importlib.util import find_spec
from typing import Literal

from explorer import codegen, networks, weights, zoo
from explorer.errors import ExplorerError
from explorer.networks import Known

Format = Literal["safetensors", "card", "onnx", "python"]

SUFFIXES: dict[Format, str] = {"safetensors": ".safetensors", "card": ".json", "onnx": ".onnx", "python": ".py"}

MIME: dict[Format, str] = {
    "safetensors": "application/octet-stream",
    "card": "application/json",
    "onnx": "application/octet-stream",
    "python": "text/x-python",
}

_ONNX_PACKAGES = ("onnx", "onnxscript")


def packed(known: Known, file_format: Format) -> bytes:
    """The file's bytes.

    Raises ExplorerError with the sentence of :func:`fault`, and, except for the script, which holds no weights,
    WeightsError where they are damaged.
    """
    said = fault(known, file_format)
    if said:
        raise ExplorerError(said)
    card = networks.data_card(known)
    if file_format == "card":
        return (_card(known).model_dump_json(indent=2) + "\n").encode()
    if file_format == "python":
        return codegen.script(known.spec, card).encode()
    network = networks.load(known.id, snapshot=known.snapshot)
    if file_format == "safetensors":
        return weights.pack(network, known.spec)
    from explorer.onnx_file import to_onnx  # torch, and the optional packages

    return to_onnx(network, known.spec, card)


def file_name(known: Known, file_format: Format) -> str:
    """A name that every file system takes: ``lenet5.onnx``, ``my_network_3f2a.py``, and for a moment of the training
    ``lenet5-step-64.onnx``. Weights and card have the same but for the suffix."""
    stem = _stem(known)
    moment = "" if known.snapshot is None or file_format == "python" else f"-step-{known.snapshot}"
    return stem + moment + SUFFIXES[file_format]


def fault(known: Known, file_format: Format) -> str | None:
    """Why the network can't be had in this format, as a sentence; None: it can."""
    if file_format != "python" and not known.usable:
        return "The network has no weights yet."
    if file_format == "card" and known.snapshot is not None:
        return "A card tells how a training ended: choose its end."
    if file_format == "card" and (known.edited or known.imported):
        return f"A card tells of a training: this network was {'changed by hand' if known.edited else 'brought in'}."
    if file_format == "card" and known.state not in ("bundled", "finished"):
        return "A card tells how a training ended: this one has not finished."
    return missing(file_format)


def missing(file_format: Format) -> str | None:
    """Which packages this format lacks here and the line that installs them, as a sentence; None: it lacks nothing.
    Imports none of them."""
    absent = [name for name in _ONNX_PACKAGES if file_format == "onnx" and find_spec(name) is None]
    if not absent:
        return None
    return f"ONNX files need {' and '.join(absent)}, not installed here: pip install -r requirements-cluster.txt"


def _stem(known: Known) -> str:
    """What the bundled networks' names look like, too, so that a card and its weights can lie among theirs."""
    if known.kind == "zoo":
        return known.id
    words = re.sub(r"[^a-z0-9]+", "_", known.title.lower())[:30].strip("_")
    if not words[:1].isalpha():
        words = f"network_{words}"[:30].strip("_")
    return f"{words}_{known.id[:4]}"


def _card(known: Known) -> zoo.ZooCard:
    """A bundled network's own card; of a finished run one like it, which fits the weights in safetensors."""
    if known.kind == "zoo":
        return zoo.card(known.id)
    from explorer.analysis import wilson  # torch

    result = networks.run(known.id).result or {}
    data, images, correct = result["data"], result["test_images"], result["test_correct"]
    return zoo.ZooCard(
        name=_stem(known),
        title=known.title,
        about="",
        spec=known.spec,
        data=zoo.TrainingData(
            dataset=data["dataset"],
            complete=data["complete"],
            images=data["train_images"],
            fingerprint=data["fingerprint"],
        ),
        test=zoo.TestResult(
            images=images, correct=correct, accuracy=correct / images, interval=wilson(correct, images)
        ),
        parameters=known.parameters,
        seconds=round(result["seconds"], 1),
        device=result["device"],
        threads=result.get("threads"),
        sha256=hashlib.sha256(packed(known, "safetensors")).hexdigest(),
        chosen_by="Not known: the recipe was set by whoever trained it. The test images were counted once, at the end.",
        created_by=f"Kernelscope, run {known.id}",
    )
