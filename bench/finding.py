"""How many digits of photographed sheets are found and read right, family by family; and how long a sheet of 12
megapixels takes. A digit counts as found where a box overlaps it by half (intersection over union)."""

from __future__ import annotations

import argparse
import io
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
import pictures
import sheets
import torch
from PIL import Image
from report import report

from explorer import networks
from explorer.analysis.capture import to_input
from explorer.data import load
from explorer.data.cards import CARDS
from explorer.digits import Sheet, decode, prepare_box, survey
from explorer.errors import PictureError

CARD = CARDS["mnist"]
SEED = 7


def made(name: str, number: int, test: object) -> tuple[sheets.Sheet, list[int]]:
    """A family's sheet by its number, and its digits' labels in reading order."""
    rng = np.random.default_rng([SEED, number, list(sheets.FAMILIES).index(name)])
    chosen = rng.permutation(len(test.labels))[: int(rng.integers(4, 30))]
    glyphs = [pictures.glyph(np.asarray(test.pixels[place, 0])) for place in chosen]
    sheet = sheets.FAMILIES[name](glyphs, rng)
    return sheet, [int(test.labels[chosen[place]]) for place in sheet.numbers]


def matched(found: np.ndarray, true: np.ndarray) -> list[int | None]:
    """For each true box (N, 4) the number of the found one (M, 4) that overlaps it by at least half, or None."""
    out: list[int | None] = []
    for box in true:
        if not len(found):
            out.append(None)
            continue
        shared = np.clip(np.minimum(found[:, 2:], box[2:]) - np.maximum(found[:, :2], box[:2]), 0, None).prod(axis=1)
        union = (found[:, 2:] - found[:, :2]).prod(axis=1) + (box[2:] - box[:2]).prod() - shared
        best = int(np.argmax(shared / union))
        out.append(best if shared[best] >= 0.5 * union[best] and best not in out else None)
    return out


def answers(network: torch.nn.Module, sheet: Sheet) -> list[int]:
    pixels = np.zeros((len(sheet.boxes), *CARD.shape), dtype=np.uint8)
    for number, box in enumerate(sheet.boxes):
        try:
            pixels[number] = prepare_box(sheet, box, CARD.shape).pixels
        except PictureError:
            continue
    with torch.inference_mode():
        return network(to_input(network, pixels, CARD)).argmax(1).tolist() if len(pixels) else []


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer sheets")
    parser.add_argument("--model", default="article", help="a bundled network or a run")
    options = parser.parse_args()
    torch.set_num_threads(1)
    network, test = networks.load(options.model), load("mnist").test
    every = np.zeros(3)
    large = b""
    for name in sheets.FAMILIES:
        total, found, right, boxes = 0, 0, 0, 0
        for number in range(2 if options.quick else 8):
            sheet, labels = made(name, number, test)
            seen = survey(decode(sheet.data))
            read = answers(network, seen)
            places = matched(np.array(seen.boxes, dtype=float).reshape(-1, 4), sheet.boxes)
            total, boxes = total + len(labels), boxes + len(seen.boxes)
            found += sum(place is not None for place in places)
            right += sum(
                place is not None and read[place] == label for place, label in zip(places, labels, strict=True)
            )
            large = large or sheet.data
        every += (total, found, right)
        report(
            f"{options.model} reads sheets: {name.replace('_', ' ')}",
            [right / total],
            "share found and right",
            higher_is_better=True,
            digits=total,
            found=round(found / total, 4),
            boxes_without_a_digit=boxes - found,
        )
    report(
        f"{options.model} reads sheets, all digits",
        [every[2] / every[0]],
        "share found and right",
        higher_is_better=True,
        digits=int(every[0]),
        found=round(every[1] / every[0], 4),
    )
    photo = io.BytesIO()
    Image.open(io.BytesIO(large)).resize((4000, 3000)).save(photo, "JPEG", quality=90)
    seconds = []
    for _ in range(2 if options.quick else 5):
        began = time.perf_counter()
        answers(network, survey(decode(photo.getvalue())))
        seconds.append(time.perf_counter() - began)
    report("a sheet of 12 megapixels, file to answers", seconds, "s")


if __name__ == "__main__":
    main()
