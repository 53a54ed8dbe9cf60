"""Looking at a network's layers while it works, and leaving it as it was."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from explorer.data.cards import DataCard
from explorer.data.tensors import as_tensor, normalise
from explorer.errors import SpecError


@contextmanager
def borrow(model: nn.Module) -> Iterator[nn.Module]:
    """Lends ``model`` in evaluation mode and with empty gradients; afterwards every module's mode and every
    parameter's gradient and ``requires_grad`` are as before, also after an error."""
    modes = [(module, module.training) for module in model.modules()]
    gradients = [(parameter, parameter.grad, parameter.requires_grad) for parameter in model.parameters()]
    try:
        # Nothing is assigned that is so already: a shared, frozen model stays readable from other threads.
        if any(training for _, training in modes):
            model.eval()
        for parameter, gradient, _ in gradients:
            if gradient is not None:
                parameter.grad = None
        yield model
    finally:
        for module, training in modes:
            if module.training != training:
                module.training = training
        for parameter, gradient, wanted in gradients:
            if parameter.requires_grad != wanted:
                parameter.requires_grad_(wanted)
            if parameter.grad is not gradient:
                parameter.grad = gradient


@contextmanager
def capture(model: nn.Module, names: Iterable[str] | None = None) -> Iterator[dict[str, Tensor]]:
    """Gathers the outputs of the layers ``names`` (None: every layer without sub-layers) by name, detached, in the
    order of their work, while the block runs ``model``; a layer that works again overwrites its output.

    The model is in evaluation mode inside and untouched afterwards (see :func:`borrow`), without hooks. Several
    threads may capture from one shared model: each sees its own outputs only.

    Raises SpecError for a name that the model doesn't have.
    """
    modules = {name: module for name, module in model.named_modules() if name}
    if names is None:
        wanted = {name: module for name, module in modules.items() if not any(module.children())}
    else:
        wanted = {name: _find(modules, name) for name in names}
    # An in-place layer would overwrite what was seen before it, so such a network's outputs are copied.
    copies = any(getattr(module, "inplace", False) for module in modules.values())
    seen: dict[str, Tensor] = {}
    thread = threading.get_ident()
    handles = []
    with borrow(model):
        try:
            for name, module in wanted.items():

                def keep(_module: nn.Module, _inputs: Any, output: Tensor, name: str = name) -> None:
                    if threading.get_ident() == thread:
                        seen.pop(name, None)
                        seen[name] = output.detach().clone() if copies else output.detach()

                handles.append(module.register_forward_hook(keep))
            yield seen
        finally:
            for handle in handles:
                handle.remove()


def activations(model: nn.Module, image: np.ndarray, card: DataCard) -> dict[str, np.ndarray]:
    """Every layer's output for one image, uint8 (C, H, W) → by layer name float32 (C, H, W) for maps and (units,) for
    vectors, in the layers' order, and last ``probabilities`` (classes,), the softmax of the logits."""
    with torch.no_grad(), capture(model) as seen:
        logits = model(to_input(model, image[None], card))
    outputs = {name: _array(output[0]) for name, output in seen.items()}
    outputs["probabilities"] = _array(logits[0].double().softmax(0))
    return outputs


def to_input(model: nn.Module, pixels: np.ndarray, card: DataCard) -> Tensor:
    """Images, uint8 (N, C, H, W), which may be a read-only memory map → normalised float32 on the model's device."""
    parameter = next(model.parameters(), None)
    device = torch.device("cpu") if parameter is None else parameter.device
    return normalise(as_tensor(pixels).to(device), card)


def _find(modules: dict[str, nn.Module], name: str) -> nn.Module:
    try:
        return modules[name]
    except KeyError:
        raise SpecError(f"there is no layer named {name!r}; there are: {', '.join(modules)}") from None


def _array(tensor: Tensor) -> np.ndarray:
    array: np.ndarray = tensor.float().cpu().numpy()
    return array
