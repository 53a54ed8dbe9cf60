"""A network as an ONNX model, written by PyTorch's exporter, whose optional packages are imported only when used."""

from __future__ import annotations

import json
import threading
import warnings
from typing import Any

import torch
from torch import Tensor, nn

from explorer.data.cards import DataCard
from explorer.errors import WeightsError
from explorer.models import Network
from explorer.spec import RunSpec
from explorer.weights import SPEC_KEY

OPSET = 20
"""ONNX's operators of 2023, which any runtime of today knows."""

_exporting = threading.Lock()  # the exporter's state and the filters of warnings are the whole process's


class _FromBrightness(nn.Module):
    """Images (N, C, H, W) of brightness 0 to 1 → the network's logits."""

    mean: Tensor
    std: Tensor

    def __init__(self, network: Network, card: DataCard) -> None:
        super().__init__()
        self.network = network
        self.register_buffer("mean", torch.tensor(card.mean).view(-1, 1, 1))
        self.register_buffer("std", torch.tensor(card.std).view(-1, 1, 1))

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.network((images - self.mean) / self.std)
        return logits


def to_onnx(network: Network, run: RunSpec, card: DataCard) -> bytes:
    """A network in evaluation mode as a model with input ``images``, float32 (batch, C, H, W), 0 black to 1 white, and
    output ``logits``, float32 (batch, classes). Normalisation is part of it, and any batch size will do.

    Its metadata has the run's spec (``kernelscope.run``), the class names (``classes``), both JSON, and ``opset``; its
    ``doc_string`` says what goes in and comes out. Needs the packages onnx and onnxscript. Raises WeightsError where
    PyTorch's exporter fails.
    """
    import onnx

    example = (torch.zeros(2, *card.shape),)
    with _exporting, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PyTorch deprecates parts of its own that it uses here
        try:
            program = torch.onnx.export(
                _FromBrightness(network, card).eval(),
                example,
                dynamo=True,
                verbose=False,
                opset_version=OPSET,
                input_names=["images"],
                output_names=["logits"],
                dynamic_shapes={"images": {0: torch.export.Dim("batch")}},
                external_data=False,
            )
        except torch.onnx.OnnxExporterError as error:
            raise WeightsError(f"PyTorch can't write this network as ONNX: {str(error).splitlines()[0]}") from error
    model = program.model_proto  # type: ignore[union-attr]
    _forget_origins(model)
    shape = ", ".join(map(str, card.shape))
    model.doc_string = (
        f"{run.name}: a network for {card.title}. Input images: float32 (batch, {shape}), brightness from 0, black, to "
        "1, white; what is to be seen is bright on black. The model normalises it. Output logits: float32 (batch, "
        f"{len(card.classes)}), one a class; softmax makes probabilities of them. Opset {OPSET}."
    )
    notes = {SPEC_KEY: run.model_dump_json(), "classes": json.dumps(card.classes), "opset": str(OPSET)}
    onnx.helper.set_model_props(model, notes)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


def _forget_origins(model: Any) -> None:
    """The exporter notes for every node which line of which file of this machine it comes from: that stays here."""
    graph = model.graph
    for item in (graph, *graph.node, *graph.input, *graph.output, *graph.value_info, *graph.initializer):
        item.ClearField("metadata_props")
