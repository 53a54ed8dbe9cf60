"""Files of labelled pictures, made here: shapes in folders, arrays, tables, IDX."""

from __future__ import annotations

import gzip
import io
import zipfile
from collections.abc import Callable, Mapping

import numpy as np
from PIL import Image, ImageDraw

KINDS = ("circle", "square", "triangle")


def shape(kind: str, seed: int, *, size: tuple[int, int] = (64, 48), ink: str = "black", paper: str = "white") -> bytes:
    """A PNG of one outlined shape somewhere on paper."""
    rng = np.random.default_rng([KINDS.index(kind), seed])
    side = int(rng.integers(14, 24))
    left, top = int(rng.integers(3, size[0] - side - 3)), int(rng.integers(3, size[1] - side - 3))
    image = Image.new("RGB", size, paper)
    pen = ImageDraw.Draw(image)
    if kind == "circle":
        pen.ellipse((left, top, left + side, top + side), outline=ink, width=3)
    elif kind == "square":
        pen.rectangle((left, top, left + side, top + side), outline=ink, width=3)
    else:
        pen.polygon([(left, top + side), (left + side, top + side), (left + side // 2, top)], outline=ink, width=3)
    return png(image)


def png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def packed(files: Mapping[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def shapes(each: int = 10, place: Callable[[str, int], str] = "{0}/{1}.png".format) -> dict[str, bytes]:
    """``each`` shapes of a kind by the path that ``place`` gives to (kind, number)."""
    return {place(kind, number): shape(kind, number) for kind in KINDS for number in range(each)}


def npz(**arrays: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    return buffer.getvalue()


def idx(array: np.ndarray, *, zipped: bool = False) -> bytes:
    """An uint8 array in the IDX format, as http://yann.lecun.com/exdb/mnist/ describes it."""
    header = bytes([0, 0, 8, array.ndim]) + b"".join(size.to_bytes(4, "big") for size in array.shape)
    data = header + array.astype(np.uint8).tobytes()
    return gzip.compress(data) if zipped else data


def table(pixels: np.ndarray, labels: np.ndarray) -> bytes:
    """A CSV with a header, as Kaggle has them."""
    head = "label," + ",".join(f"pixel{number}" for number in range(784))
    rows = (",".join(map(str, [label, *image.ravel()])) for label, image in zip(labels, pixels, strict=True))
    return "\n".join([head, *rows]).encode()
