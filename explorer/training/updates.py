"""What an optimiser makes of one weight's gradient, term by term, in plain arithmetic.

The formulas are those of ``torch.optim`` (Adam: Kingma & Ba 2015; AdamW: Loshchilov & Hutter 2019; momentum as PyTorch
has it, without dampening), and give what it gives.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from explorer.spec import TrainSpec
from explorer.training.schedule import Rate

BETA2, EPSILON = 0.999, 1e-8
"""PyTorch's defaults, with which the recipes' Adam and AdamW are built."""

SYMBOLS = {
    "w": "w",
    "g": "g",
    "rate": "η",
    "decay": "λ",
    "momentum": "μ",
    "beta1": "β₁",
    "beta2": "β₂",
    "epsilon": "ε",
    "step": "t",
    "decayed": "w′",
    "total": "g′",
    "buffer": "b",
    "first": "m",
    "second": "v",
    "first_hat": "m̂",
    "second_hat": "v̂",
}


class Line(NamedTuple):
    """One equation: ``name`` = ``formula`` with ``values`` in the places of its {names} gives ``result``. The formula
    is written with · × − / √( ) ² and ^."""

    name: str
    formula: str
    values: Mapping[str, float]
    result: float
    about: str

    def symbols(self) -> str:
        """The formula as one writes it."""
        return _raised(self.formula.format_map(SYMBOLS))

    def numbers(self, number: Callable[[float], str]) -> str:
        """The formula with its numbers, each written by ``number``; in brackets the negative ones, and a power of ten
        that is squared. The number of the step is whole."""
        texts = {name: number(value) for name, value in self.values.items()}
        for name, text in texts.items():
            if text[0] in "−-" or ("×" in text and f"{{{name}}}²" in self.formula):
                texts[name] = f"({text})"
        if "step" in self.values:
            texts["step"] = f"{self.values['step']:.0f}"
        return _raised(self.formula.format_map(texts))


def _raised(formula: str) -> str:
    """What stands behind a ^ as an exponent: a number, or t."""
    return re.sub(r"\^(\d+|t)", lambda found: found[1].translate(_RAISED), formula)


_RAISED = str.maketrans("0123456789t", "⁰¹²³⁴⁵⁶⁷⁸⁹ᵗ")


@dataclass(frozen=True, eq=False)
class Update:
    """One weight's step. ``before`` and ``after`` are the optimiser's memory of it, ``lines`` the way to ``new``."""

    value: float
    gradient: float
    before: Mapping[str, float]
    after: Mapping[str, float]
    lines: tuple[Line, ...]
    new: float


def update(recipe: TrainSpec, rate: Rate, *, value: float, gradient: float, memory: Mapping[str, float]) -> Update:
    """What the recipe's optimiser makes of one weight at its next step, line by line, in float64.

    ``memory`` is :meth:`Memory.at`; empty for an optimiser that has taken no step.
    """
    start = {"w": value, "g": gradient, "rate": rate.learning_rate, "decay": recipe.weight_decay}
    lines = _Lines(start)
    if recipe.optimizer in ("sgd", "momentum"):
        after = _momentum(lines, rate, memory, decay=recipe.weight_decay)
    else:
        after = _adam(lines, rate, memory, decay=recipe.weight_decay, apart=recipe.optimizer == "adamw")
    return Update(value, gradient, dict(memory), after, tuple(lines.found), lines.found[-1].result)


class _Lines:
    """Equations one after the other; each may use the results of those before."""

    def __init__(self, values: Mapping[str, float]) -> None:
        self.values = dict(values)
        self.found: list[Line] = []

    def add(self, name: str, formula: str, result: float, about: str) -> float:
        used = {key: value for key, value in self.values.items() if f"{{{key}}}" in formula}
        self.found.append(Line(name, formula, used, result, about))
        return result


def _momentum(lines: _Lines, rate: Rate, memory: Mapping[str, float], *, decay: float) -> dict[str, float]:
    values = lines.values
    direction = _with_decay(lines, decay)
    after: dict[str, float] = {}
    if rate.momentum:
        values |= {"momentum": rate.momentum, "buffer": memory.get("momentum_buffer", 0.0)}
        moved = values["momentum"] * values["buffer"] + values[direction]
        formula, about = f"{{momentum}} · {{buffer}} + {{{direction}}}", "the steps so far, fading, and this one"
        values["buffer"] = lines.add(SYMBOLS["buffer"], formula, moved, about)
        after["momentum_buffer"], direction = moved, "buffer"
    new = values["w"] - values["rate"] * values[direction]
    lines.add("new w", f"{{w}} − {{rate}} · {{{direction}}}", new, "one step downhill")
    return after


def _adam(lines: _Lines, rate: Rate, memory: Mapping[str, float], *, decay: float, apart: bool) -> dict[str, float]:
    values = lines.values
    direction, weight = "g", "w"
    if not apart:
        direction = _with_decay(lines, decay)
    elif decay:
        shrunk = values["w"] * (1 - values["rate"] * decay)
        formula, about = "{w} · (1 − {rate} · {decay})", "weight decay, apart from the gradient"
        values["decayed"], weight = lines.add(SYMBOLS["decayed"], formula, shrunk, about), "decayed"
    values |= {
        "beta1": rate.momentum,
        "beta2": BETA2,
        "epsilon": EPSILON,
        "step": memory.get("step", 0.0) + 1,
        "first": memory.get("exp_avg", 0.0),
        "second": memory.get("exp_avg_sq", 0.0),
    }
    slope = values[direction]
    first = values["beta1"] * values["first"] + (1 - values["beta1"]) * slope
    formula = f"{{beta1}} · {{first}} + (1 − {{beta1}}) · {{{direction}}}"
    values["first"] = lines.add(SYMBOLS["first"], formula, first, "the gradients' running mean")
    second = values["beta2"] * values["second"] + (1 - values["beta2"]) * slope**2
    formula = f"{{beta2}} · {{second}} + (1 − {{beta2}}) · {{{direction}}}²"
    values["second"] = lines.add(SYMBOLS["second"], formula, second, "the running mean of their squares")
    for name, beta, about in (
        ("first", "beta1", f"both began at 0: this is step {int(values['step']):,}"),
        ("second", "beta2", "corrected likewise"),
    ):
        corrected = values[name] / (1 - values[beta] ** values["step"])
        hat = f"{name}_hat"
        values[hat] = lines.add(SYMBOLS[hat], f"{{{name}}} / (1 − {{{beta}}}^{{step}})", corrected, about)
    new = values[weight] - values["rate"] * values["first_hat"] / (math.sqrt(values["second_hat"]) + EPSILON)
    formula = f"{{{weight}}} − {{rate}} · {{first_hat}} / (√({{second_hat}}) + {{epsilon}})"
    lines.add("new w", formula, new, "a step in units of the gradient's usual size")
    return {"exp_avg": first, "exp_avg_sq": second, "step": values["step"]}


def _with_decay(lines: _Lines, decay: float) -> str:
    """Adds weight decay to the gradient, if there is any; returns the name of what the step goes by."""
    if not decay:
        return "g"
    values = lines.values
    pulled = values["g"] + decay * values["w"]
    about = "weight decay, added to the gradient"
    values["total"] = lines.add(SYMBOLS["total"], "{g} + {decay} · {w}", pulled, about)
    return "total"
