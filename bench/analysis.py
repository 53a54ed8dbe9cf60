"""What the analyses cost: times on one core for LeNet-5 and other networks, and the bytes that the browser gets.

Each part is a function of the number of runs in :data:`PARTS`; ``--part NAME`` runs one alone.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import mistakes
import numpy as np
import separation
import torch
from report import report
from subjects import networks

from explorer import zoo
from explorer.analysis import alike, change
from explorer.analysis.attribution import attribute, available
from explorer.analysis.exciting import exciting
from explorer.analysis.maximize import maximize
from explorer.data import load
from explorer.data.cards import find_card
from explorer.edits import Edits, Off
from explorer.models import Network
from explorer.shapes import trace
from explorer.ui.components.wall import Payload


def measured(figure: str, work: Callable[[], object], runs: int, **more: object) -> None:
    """Reports the seconds that ``work`` takes, after one run that doesn't count."""
    taken = []
    for _ in range(runs + 1):
        began = time.perf_counter()
        work()
        taken.append(time.perf_counter() - began)
    report(figure, taken[1:], "s", **more)


def attribution(runs: int) -> None:
    """Each attribution method for one digit."""
    began = time.perf_counter()
    import captum.attr  # noqa: F401

    report("captum's import, once a server", [time.perf_counter() - began], "s")
    card = find_card("mnist")
    for name, network in {**networks(), "article": zoo.load("article")[1]}.items():
        images = np.random.default_rng(0).normal(size=(runs + 1, *card.shape)).astype(np.float32)
        methods = available(network)
        times: dict[str, list[float]] = {method: [] for method in methods}
        for number, image in enumerate(images):
            for method in methods:  # in turn
                began = time.perf_counter()
                attribute(network, image, number % len(card.classes), method, card)
                times[method].append(1_000 * (time.perf_counter() - began))
        parameters = sum(parameter.numel() for parameter in network.parameters())
        for method, taken in times.items():
            report(f"{name}: {method}", taken[1:], "ms", parameters=parameters)
        whole = [sum(taken) for taken in zip(*(taken[1:] for taken in times.values()), strict=True)]
        report(f"{name}: all methods", whole, "ms", parameters=parameters)


def kernels(runs: int) -> None:
    """What kernels look for: the nine best patches of all layers over the test set, and 32 inputs made for one."""
    data = load("mnist")
    for name, network in networks().items():
        parameters = sum(parameter.numel() for parameter in network.parameters())
        about = {"parameters": parameters, "images": len(data.test)}
        measured(
            f"{name}: what excites every kernel and unit",
            lambda network=network: exciting(network, data.test.pixels, data.test.labels, data.card),
            max(1, runs // 5),
            **about,
        )
        weights = network.get_parameter("conv2.weight").numpy()
        measured(f"{name}: conv2's likeness", lambda weights=weights: alike.grouped(alike.cosines(weights)), runs)
        numbers = range(min(32, len(weights)))
        measured(
            f"{name}: inputs made for {len(numbers)} kernels of conv2",
            lambda network=network, numbers=numbers: maximize(network, "conv2", numbers, data.card),
            max(1, runs // 5),
            parameters=parameters,
        )


def browser(runs: int) -> None:  # noqa: ARG001
    """The bytes of a wall of 64 maps."""
    for side in (8, 24):
        header = {"captions": [str(number) for number in range(64)]}
        payload = Payload.of(np.zeros((64, side, side), np.float32), "signed", None, header)
        report(f"64 maps of {side} × {side} to the browser", [len(payload.pack())], "bytes")


def changes(runs: int) -> None:
    """From an edit to the edited network's answers to all test digits: of one kernel or unit of each
    layer, with what comes before it kept where that is small enough, as in the tab 'Change it'."""
    data = load("mnist")
    pixels, labels, card = data.test.pixels, data.test.labels, data.card
    for name, network in networks().items():
        layers = trace(network.spec, network.input_shape, network.classes)
        for layer in change.editable(network):
            edits = (Off(layer=layer, number=0),)
            place = change.place_to_keep(layers, change.first_layer(network, edits), len(pixels))
            kept = change.keep(network, pixels, card, place) if place else None

            def work(
                network: Network = network,
                edits: Edits = edits,
                kept: torch.Tensor | None = kept,
                place: int = place,
            ) -> object:
                edited = change.changed(network, edits)
                return change.answers(edited, labels, pixels=pixels, card=card, kept=kept, place=place)

            measured(f"{name}: {layer} edited, {len(pixels):,} digits", work, min(runs, 5))


PARTS: dict[str, Callable[[int], None]] = {
    "attribution": attribution,
    "changes": changes,
    "kernels": kernels,
    "mistakes": lambda runs: mistakes.measure(min(runs, 3)),
    "separation": lambda runs: separation.measure(min(runs, 5)),
    "browser": browser,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer runs")
    parser.add_argument("--part", choices=PARTS, help="only this part")
    chosen = parser.parse_args()
    torch.set_num_threads(1)  # as in the app's server and in jobs
    for name, part in PARTS.items():
        if chosen.part in (None, name):
            part(3 if chosen.quick else 15)


if __name__ == "__main__":
    main()
