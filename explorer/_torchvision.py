"""torchvision, also beside a torch that its compiled operators were not built for.

The package index serves torchvision built for CUDA. Beside a CPU-only torch its operator library cannot be loaded,
and ``import torchvision`` stops with "operator torchvision::nms does not exist", because it describes two operators
that nobody defined. Defined here, by their schema alone, they let the import through; data sets and transforms work,
only calling those two (``torchvision.ops.nms``) does not. With a matching pair nothing is defined.

Use: ``from explorer._torchvision import torchvision``.
"""

from __future__ import annotations

import importlib
from types import ModuleType

import torch

_SCHEMA = "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"


def _import() -> ModuleType:
    try:
        return importlib.import_module("torchvision")
    except RuntimeError as error:
        if "operator torchvision::nms does not exist" not in str(error):
            raise
    for operator in ("nms", "qnms"):
        torch.library.define(f"torchvision::{operator}", _SCHEMA)
    return importlib.import_module("torchvision")


torchvision = _import()
