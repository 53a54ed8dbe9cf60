"""How one layer of a network separates the classes: a sample of labelled images on a map, as arrays for a page."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from explorer.analysis.embedding import Plane, tsne_map
from explorer.analysis.evaluate import evaluate
from explorer.analysis.features import features
from explorer.data.cards import DataCard
from explorer.models import Network

Progress = Callable[[float], None]


def pca_points(
    network: Network,
    pixels: np.ndarray,
    labels: np.ndarray,
    card: DataCard,
    layer: str,
    *,
    reference: Network | None = None,
    progress: Progress | None = None,
) -> dict[str, np.ndarray]:
    """Images uint8 (N, C, H, W) with labels (N,) by what ``layer`` says of them: ``positions`` (N, 2) on the
    :class:`~explorer.analysis.embedding.Plane` of ``mean`` and ``axes``, the share of the variance ``seen`` there (),
    and the network's ``predictions`` (N,).

    The plane is that of ``reference``'s answers to the same images, where one is given: the trained network's, to show
    it at earlier moments.
    """
    tell = progress or (lambda _share: None)
    answers = evaluate(network, pixels, labels, card, progress=lambda share: tell(0.4 * share))
    rows = features(network, pixels, card, layer, progress=lambda share: tell(0.4 + 0.3 * share))
    basis = rows if reference is None else features(reference, pixels, card, layer)
    tell(0.9)
    plane = Plane.of(basis)
    tell(1.0)
    return {
        "positions": plane.place(rows),
        "predictions": answers.predictions,
        "mean": plane.mean,
        "axes": plane.axes,
        "seen": np.array(plane.seen(rows)),
    }


def tsne_points(
    network: Network,
    pixels: np.ndarray,
    labels: np.ndarray,
    card: DataCard,
    layer: str,
    *,
    reference: Network | None = None,
    progress: Progress | None = None,
) -> dict[str, np.ndarray]:
    """The same images as a t-SNE map, turned like that of :func:`pca_points`: ``positions`` (N, 2) and ``predictions``
    (N,). For a process of its own: see :func:`~explorer.analysis.embedding.tsne_map`."""
    tell = progress or (lambda _share: None)
    start = pca_points(
        network, pixels, labels, card, layer, reference=reference, progress=lambda share: tell(0.1 * share)
    )
    rows = features(network, pixels, card, layer)
    positions = tsne_map(rows, start["positions"], progress=lambda share: tell(0.1 + 0.9 * share))
    return {"positions": positions, "predictions": start["predictions"]}
