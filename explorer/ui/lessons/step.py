"""One step of gradient descent on one image, with each of several learning rates. Tensors in, numbers out."""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from explorer.data.cards import DataCard
    from explorer.models import Network


@dataclass(frozen=True, eq=False)
class Descent:
    """Cross-entropy in nats and the true class's probability, before the step and after it with each rate (R,);
    ``others`` are mean losses on digits that had no part in the step. ``gradient`` is the L2 norm over all parameters,
    ``largest`` the largest single change at rate 1."""

    loss: float
    probability: float
    gradient: float
    largest: float
    losses: np.ndarray
    probabilities: np.ndarray
    others_before: float
    others: np.ndarray


def descend(
    network: Network,
    pixels: np.ndarray,
    label: int,
    card: DataCard,
    rates: Sequence[float],
    others: tuple[np.ndarray, np.ndarray],
) -> Descent:
    """Plain gradient descent, w ← w − rate · ∂loss/∂w, in float64, for an image uint8 (C, H, W) of class ``label``.

    ``others`` are images uint8 (N, C, H, W) and their classes (N,), to see what the step does to them.

    The network is copied; the one that was given stays as it is.
    """
    import torch
    from torch.nn import functional as F

    from explorer.data.tensors import as_tensor, normalise

    image = normalise(as_tensor(pixels[None]), card).double()
    truth = torch.tensor([label])
    model = copy.deepcopy(network).double().eval()
    weights = [parameter.requires_grad_(True) for parameter in model.parameters()]
    loss = F.cross_entropy(model(image), truth)
    gradients = torch.autograd.grad(loss, weights)
    before = float(loss.detach())
    start = [weight.detach().clone() for weight in weights]
    strangers = normalise(as_tensor(others[0]), card).double()
    classes = torch.tensor(np.asarray(others[1], np.int64))
    losses, elsewhere = [], []
    with torch.no_grad():
        others_before = float(F.cross_entropy(model(strangers), classes))
        for rate in rates:
            for weight, first, gradient in zip(weights, start, gradients, strict=True):
                weight.copy_(first - rate * gradient)
            losses.append(float(F.cross_entropy(model(image), truth)))
            elsewhere.append(float(F.cross_entropy(model(strangers), classes)))
    after = np.array(losses)
    return Descent(
        loss=before,
        probability=math.exp(-before),
        gradient=math.hypot(*(float(gradient.norm()) for gradient in gradients)),
        largest=max(float(gradient.abs().max()) for gradient in gradients),
        losses=after,
        probabilities=np.exp(-after),
        others_before=others_before,
        others=np.array(elsewhere),
    )
