"""What a decision rests on: one number for each pixel, for or against a class, by captum's methods.

Integrated gradients, occlusion, DeepLIFT and CAM are in logits; saliency, guided backpropagation and deconvolution in
logits per unit of normalised brightness. Positive speaks for the class, negative against; Grad-CAM shows only what
speaks for it. What a method's map is worth shows beside the same method on the same architecture with random weights
(Adebayo et al. 2018, "Sanity Checks for Saliency Maps"): a map that stays the same does not come from what was learned.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn

from explorer.analysis.attribution_methods import METHODS, PATCH
from explorer.data.cards import DataCard
from explorer.data.tensors import black
from explorer.errors import SpecError
from explorer.models import Network, build, twin
from explorer.modules import ChannelAffine, GlobalAveragePool2d, ScaledTanh
from explorer.shapes import trace

STEPS = 64
"""Points on integrated gradients' way from black to the image."""
STRIDE = 2
"""How far occlusion's square moves, in pixels; a smaller image gets a smaller square."""
SEED = 0
"""Of the random weights."""
ACTIVATIONS = nn.ReLU | nn.LeakyReLU | nn.GELU | nn.Tanh | ScaledTanh | nn.Sigmoid
_BATCH_NUMBERS = 2**23  # as many of the largest layer's outputs at once, 34 MB of them


@dataclass(frozen=True)
class Completeness:
    """The sum of all attributions, and the difference of logits that it should equal."""

    total: float
    expected: float


@dataclass(frozen=True, eq=False)
class Attribution:
    """A map float32 (H, W), or a layer's own (h, w), in the units that the module's text tells: for the class above 0,
    against it below. Where the method promises a sum, ``completeness`` holds it, else None."""

    values: np.ndarray
    completeness: Completeness | None = None


def available(network: Network) -> list[str]:
    """The names of the methods that this network has, in the order of :data:`METHODS`.

    Guided backpropagation and deconvolution change ReLUs and nothing else, so they need that all activations are.
    DeepLIFT has no rule for GELU and LeCun's tanh nor (in captum) for overlapping max pooling; it needs every module to
    work once, which all do here. Grad-CAM needs a convolution, class activation maps a head of global average pooling
    and the output layer alone.
    """
    kinds = [type(module) for module in network]
    activations = {kind for kind in kinds if issubclass(kind, ACTIVATIONS)}
    rectified = activations == {nn.ReLU}
    wanting = {
        "guided-backpropagation": not rectified,
        "deconvolution": not rectified,
        "deeplift": bool(activations & {nn.GELU, ScaledTanh}) or any(_overlaps(module) for module in network),
        "grad-cam": not convolutions(network),
        "cam": _head(network) is None,
    }
    return [name for name in METHODS if not wanting.get(name, False)]


def convolutions(network: Network) -> list[str]:
    """The names of the layers that Grad-CAM can look at."""
    return [name for name, module in network.named_children() if isinstance(module, nn.Conv2d)]


def attribute(
    network: Network, image: np.ndarray, target: int, method: str, card: DataCard, *, layer: str | None = None
) -> Attribution:
    """What the logit of class ``target`` rests on for one image, float (C, H, W), normalised as the network gets it.

    Several channels are added up. ``layer`` is the convolution whose maps Grad-CAM looks at, normalised and activated
    as in the network (None: the last one). The network comes back untouched, also after an error: all work is done on
    one that shares its weights and nothing else, so several threads may ask at once. Black is brightness 0, normalised.

    Raises SpecError for a method, class or layer that the network doesn't have, and an image of another shape.
    """
    if method not in (names := available(network)):
        raise SpecError(f"this network has no attribution {method!r}; it has: {', '.join(names)}")
    if tuple(image.shape) != network.input_shape:
        raise SpecError(f"this network reads images of {network.input_shape}, not {tuple(image.shape)}")
    if not 0 <= target < network.classes:
        raise SpecError(f"there is no class {target}: there are {network.classes}, from 0")
    if layer is not None and layer not in (names := convolutions(network)):
        raise SpecError(f"there is no convolution {layer!r}; there are: {', '.join(names)}")
    # Filters are entered once, whoever else asks; a context manager's would race between threads.
    warnings.filterwarnings("ignore", message="Setting (forward, )?backward hooks", category=UserWarning)
    lent = twin(network).requires_grad_(False)
    place = next(lent.parameters())
    inputs = torch.as_tensor(image)[None].to(place).requires_grad_()
    baseline = torch.tensor(black(card)).to(place).view(1, -1, 1, 1).expand_as(inputs).contiguous()
    with torch.enable_grad():
        if method == "grad-cam":
            return _grad_cam(lent, inputs, target, layer or convolutions(network)[-1])
        return _WAYS[method](lent, inputs, baseline, target)


def random_weights(network: Network) -> Network:
    """The same architecture with PyTorch's own random weights, always the same ones, in evaluation mode."""
    return build(network.spec, network.input_shape, network.classes, seed=SEED).eval().requires_grad_(False)


def rank_correlation(one: np.ndarray, other: np.ndarray, *, without_zeros: bool = False) -> float | None:
    """Spearman's rank correlation of the sizes (absolute values) in two maps, −1 to 1; None where one is constant.

    Methods that multiply with the image give 0 wherever it is black, and these ties alone make maps alike:
    ``without_zeros`` leaves out the places where both are 0.
    """
    from scipy.stats import spearmanr

    sizes = np.abs(np.stack([one.ravel(), other.ravel()]))
    if without_zeros:
        sizes = sizes[:, sizes.any(axis=0)]
    if sizes.shape[1] < 2 or (sizes.min(axis=1) == sizes.max(axis=1)).any():
        return None
    return float(spearmanr(*sizes).statistic)


# --- methods ---


def _saliency(network: Network, inputs: Tensor, _: Tensor, target: int) -> Attribution:
    from captum.attr import Saliency

    return Attribution(_map(Saliency(network).attribute(inputs, target=target, abs=False)))


def _integrated_gradients(network: Network, inputs: Tensor, baseline: Tensor, target: int) -> Attribution:
    from captum.attr import IntegratedGradients

    found = IntegratedGradients(network).attribute(
        inputs, baseline, target=target, n_steps=STEPS, internal_batch_size=_batch(network)
    )
    return Attribution(_map(found), _difference(network, found, inputs, baseline, target))


def _occlusion(network: Network, inputs: Tensor, baseline: Tensor, target: int) -> Attribution:
    from captum.attr import Occlusion

    channels, height, width = inputs.shape[1:]
    window = (channels, min(PATCH, height), min(PATCH, width))
    with torch.no_grad():
        found = Occlusion(network).attribute(
            inputs.detach(),
            sliding_window_shapes=window,
            strides=(channels, STRIDE, STRIDE),
            baselines=baseline,
            target=target,
            perturbations_per_eval=_batch(network),
        )
    return Attribution(_map(found) / channels)  # each channel has the square's whole effect


def _guided_backpropagation(network: Network, inputs: Tensor, _: Tensor, target: int) -> Attribution:
    from captum.attr import GuidedBackprop

    return Attribution(_map(GuidedBackprop(_apart(network)).attribute(inputs, target=target)))


def _deconvolution(network: Network, inputs: Tensor, _: Tensor, target: int) -> Attribution:
    from captum.attr import Deconvolution

    return Attribution(_map(Deconvolution(_apart(network)).attribute(inputs, target=target)))


def _deeplift(network: Network, inputs: Tensor, baseline: Tensor, target: int) -> Attribution:
    from captum.attr import DeepLift

    found = DeepLift(_apart(network)).attribute(inputs, baseline, target=target)
    return Attribution(_map(found), _difference(network, found, inputs, baseline, target))


def _grad_cam(network: Network, inputs: Tensor, target: int, layer: str) -> Attribution:
    from captum.attr import LayerGradCam

    method = LayerGradCam(network, network.get_submodule(_activated(network, layer)))
    return Attribution(_map(method.attribute(inputs, target=target, relu_attributions=True)))


def _cam(network: Network, inputs: Tensor, _: Tensor, target: int) -> Attribution:
    """The pooling's mean is shared out among the places, so that the map's sum is the logit less its bias."""
    place = _head(network)
    assert place is not None  # noqa: S101 available() has looked
    with torch.no_grad():
        maps = network[:place](inputs)  # (1, C, h, w)
        output = cast("nn.Linear", network[-1])
        weights, bias = output.weight[target], 0.0 if output.bias is None else float(output.bias[target])
        values = torch.einsum("c,nchw->nhw", weights, maps)[:, None] / maps[0, 0].numel()
        logit = network(inputs)[0, target]
    return Attribution(_map(values), Completeness(float(values.double().sum()), float(logit) - bias))


_WAYS: Mapping[str, Callable[[Network, Tensor, Tensor, int], Attribution]] = {
    "saliency": _saliency,
    "integrated-gradients": _integrated_gradients,
    "occlusion": _occlusion,
    "guided-backpropagation": _guided_backpropagation,
    "deconvolution": _deconvolution,
    "deeplift": _deeplift,
    "cam": _cam,
}


# --- what they share ---


class _Copy(nn.Module):
    def forward(self, values: Tensor) -> Tensor:
        return values.clone()


def _apart(network: Network) -> nn.Sequential:
    """The layers with a copy between each two. Where one of captum's rules follows another at once, the first is handed
    the plain gradient (its hook on the tensor between them runs first), and DeepLIFT loses a part of the sum."""
    return nn.Sequential(*(part for module in network for part in (module, _Copy())))


def _head(network: Network) -> int | None:
    """Where the global average pooling is, if the output layer follows it (dropout between them does nothing)."""
    below = [place for place, module in enumerate(network) if not isinstance(module, nn.Dropout)][:-1]
    return below[-1] if below and isinstance(network[below[-1]], GlobalAveragePool2d) else None


def _activated(network: Network, layer: str) -> str:
    """The last of the normalisation and activation that follow a convolution: its maps are the network's features."""
    names = [name for name, _ in network.named_children()]
    place = names.index(layer)
    while isinstance(network[place + 1], nn.BatchNorm2d | ChannelAffine | ACTIVATIONS):
        place += 1
    return names[place]


def _overlaps(module: nn.Module) -> bool:
    return isinstance(module, nn.MaxPool2d) and int(module.stride) < int(module.kernel_size)  # type: ignore[arg-type]


def _batch(network: Network) -> int:
    """How many images at once: as many as a wide network's maps leave room for."""
    layers = trace(network.spec, network.input_shape, network.classes)
    return max(1, min(256, _BATCH_NUMBERS // max(int(np.prod(layer.output)) for layer in layers)))


def _difference(network: Network, found: Tensor, inputs: Tensor, baseline: Tensor, target: int) -> Completeness:
    with torch.no_grad():
        logit, reference = network(torch.cat([inputs, baseline]))[:, target].double().tolist()
    return Completeness(float(found.detach().double().sum()), logit - reference)


def _map(found: Tensor) -> np.ndarray:
    """(1, C, h, w) → (h, w)."""
    values: np.ndarray = found.detach()[0].sum(0).float().cpu().numpy()
    return values
