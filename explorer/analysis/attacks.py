"""Pictures changed on purpose so that a network errs, by no more than ε in any pixel.

Brightness in and out: float32 (N, C, H, W), black 0, white 1; ε in the same unit. The network comes back untouched.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from explorer.analysis.capture import borrow
from explorer.data.cards import DataCard
from explorer.data.tensors import standardise

STEPS = 20
"""Of projected gradient descent; each is 2.5 · ε / steps, so that any point within ε can be reached from any other."""
STRIDE = 2.5
SEED = 0


def fgsm(model: nn.Module, brightness: Tensor, labels: Tensor, epsilon: float, card: DataCard) -> Tensor:
    """One step of ε up the loss in every pixel, by the sign of its gradient (Goodfellow, Shlens & Szegedy 2015,
    'Explaining and harnessing adversarial examples'), kept within black and white. Labels int64 (N,)."""
    with borrow(model):
        uphill = _gradient(model, brightness, labels, card)[0].sign()
    return (brightness + epsilon * uphill).clamp_(0, 1)


def pgd(
    model: nn.Module,
    brightness: Tensor,
    labels: Tensor,
    epsilon: float,
    card: DataCard,
    *,
    steps: int = STEPS,
    seed: int = SEED,
) -> Tensor:
    """Projected gradient descent (Madry et al. 2018, 'Towards deep learning models resistant to adversarial attacks'):
    from a random start within ε, ``steps`` steps up the loss, each time brought back within ε and black and white.

    An image goes no further once it is answered wrongly (at the very start, too); of the others the one of the highest
    loss on the way comes back, which is never below the original's.
    """
    generator = torch.Generator().manual_seed(seed)
    start = torch.rand(brightness.shape, generator=generator).to(brightness).mul_(2).sub_(1).mul_(epsilon)
    best = brightness.clone()
    active = torch.arange(len(brightness), device=brightness.device)
    with borrow(model):
        _, highest, right = _gradient(model, brightness, labels, card)
        active = active[right]
        images = (brightness + start).clamp_(0, 1)[active]
        for step in range(steps + 1):
            if not len(active):
                break
            slope, loss, right = _gradient(model, images, labels[active], card)
            better = (loss > highest[active]) | ~right
            best[active[better]] = images[better]
            highest[active[better]] = loss[better]
            active, images, slope = active[right], images[right], slope[right]
            if step == steps:
                break
            original = brightness[active]
            images = images + STRIDE * epsilon / steps * slope.sign()
            images = torch.minimum(torch.maximum(images, original - epsilon), original + epsilon).clamp_(0, 1)
    return best


def _gradient(model: nn.Module, brightness: Tensor, labels: Tensor, card: DataCard) -> tuple[Tensor, Tensor, Tensor]:
    """The loss's gradient by brightness (N, C, H, W), each image's loss (N,), and whether it is answered rightly."""
    with torch.enable_grad():
        inputs = brightness.detach().clone().requires_grad_()
        logits = model(standardise(inputs, card)).float()
        losses = F.cross_entropy(logits, labels, reduction="none")
        (slope,) = torch.autograd.grad(losses.sum(), inputs)
    return slope, losses.detach(), logits.detach().argmax(1) == labels
