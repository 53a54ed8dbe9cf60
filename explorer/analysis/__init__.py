"""What a trained network does with images: models and tensors in, arrays out. A borrowed model comes back untouched."""

from explorer.analysis.capture import activations, borrow, capture
from explorer.analysis.evaluate import Evaluation, PerClass, confusion, evaluate, mistakes, per_class, wilson
from explorer.analysis.statistics import Statistics, statistics, strongest

__all__ = [
    "Evaluation",
    "PerClass",
    "Statistics",
    "activations",
    "borrow",
    "capture",
    "confusion",
    "evaluate",
    "mistakes",
    "per_class",
    "statistics",
    "strongest",
    "wilson",
]
