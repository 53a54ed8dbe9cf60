"""A network as a file to take away: weights as safetensors, an ONNX model, or a PyTorch script."""

from __future__ import annotations

import re
from importlib.util import find_spec
from typing import Literal

from explorer import codegen, networks, weights
from explorer.errors import ExplorerError
from explorer.networks import Known

Format = Literal["safetensors", "onnx", "python"]

SUFFIXES: dict[Format, str] = {"safetensors": ".safetensors", "onnx": ".onnx", "python": ".py"}

MIME: dict[Format, str] = {
    "safetensors": "application/octet-stream",
    "onnx": "application/octet-stream",
    "python": "text/x-python",
}

_ONNX_PACKAGES = ("onnx", "onnxscript")


def packed(known: Known, file_format: Format) -> bytes:
    """The file's bytes.

    Raises ExplorerError where a package is missing, and, except for the script, which holds no weights, StoreError
    where the network has none yet and WeightsError where they are damaged.
    """
    fault = missing(file_format)
    if fault:
        raise ExplorerError(fault)
    card = networks.data_card(known)
    if file_format == "python":
        return codegen.script(known.spec, card).encode()
    network = networks.load(known.id, snapshot=known.snapshot)
    if file_format == "safetensors":
        return weights.pack(network, known.spec)
    from explorer.onnx_file import to_onnx  # torch, and the optional packages

    return to_onnx(network, known.spec, card)


def file_name(known: Known, file_format: Format) -> str:
    """A name that every file system takes: ``lenet5.onnx``, ``my-network-3f2a.py``, and for a moment of the training
    ``lenet5-step-64.onnx``."""
    words = re.sub(r"[^a-z0-9]+", "-", known.title.lower()).strip("-")
    stem = known.id if known.kind == "zoo" else f"{words or 'network'}-{known.id[:4]}"
    moment = "" if known.snapshot is None or file_format == "python" else f"-step-{known.snapshot}"
    return stem + moment + SUFFIXES[file_format]


def missing(file_format: Format) -> str | None:
    """Which packages this format lacks here and the line that installs them, as a sentence; None: it lacks nothing.
    Imports none of them."""
    absent = [name for name in _ONNX_PACKAGES if file_format == "onnx" and find_spec(name) is None]
    if not absent:
        return None
    return f"ONNX files need {' and '.join(absent)}, not installed here: pip install -r requirements-cluster.txt"
