"""A network's calibration: made from the digits that are here, and kept in a file beside a bundled network's weights.

A file belongs to weights of one version; for others it counts as missing. Reading is cheap; making one takes seconds.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from explorer import data as datasets
from explorer import zoo
from explorer.data.cards import DataCard, find_card
from explorer.digits import prepare
from explorer.errors import DataError, PictureError
from explorer.rejection import DIGITS
from explorer.spec import Augmentation, DataSpec, RunSpec

if TYPE_CHECKING:
    from explorer.analysis.trust import Trust
    from explorer.data import Dataset
    from explorer.models import Network
    from explorer.networks import Known

SUFFIX = ".trust.safetensors"
PICTURES = 1_000
"""Validation images that are looked at."""
AS_WRITTEN = Augmentation(rotate=10, elastic=0.5, slant=10, thickness=0.4)
"""How they are changed before they are prepared: as hands and pens differ more than MNIST's do."""

log = logging.getLogger(__name__)

_VERSION = "kernelscope.weights"
_MOST_BYTES = 50_000_000
_SEED = 0


class Pictures(NamedTuple):
    """What a network is calibrated by: images that it learned from, and validation images prepared as pictures are."""

    card: DataCard
    reference: np.ndarray  # uint8 (R, C, H, W)
    pixels: np.ndarray  # uint8 (N, C, H, W)
    labels: np.ndarray  # (N,)


def make(
    network: Network, spec: RunSpec, *, dataset: Dataset | None = None, progress: Callable[[float], None] | None = None
) -> Trust:
    """Calibrates a network by its own validation images, changed as hands differ and prepared as pictures are.

    ``progress`` is called with the share done, 0 to 1, and may raise. Raises DataError where the data set is missing or
    too small.
    """
    tell = progress or (lambda _share: None)
    found = pictures(dataset or datasets.load(spec.data.dataset), spec.data, progress=lambda share: tell(0.7 * share))
    return fit(network, found, progress=lambda share: tell(0.7 + 0.3 * share))


def fit(network: Network, found: Pictures, *, progress: Callable[[float], None] = lambda _share: None) -> Trust:
    """Calibrates a network by these pictures: what is strange only where no other means tells (see
    :mod:`explorer.rejection`). Raises DataError where they are too few."""
    from explorer.analysis import trust

    reference = None if found.card.name == DIGITS.name else found.reference
    return trust.fit(network, reference, found.pixels, found.labels, found.card, progress=progress)


def pictures(found: Dataset, spec: DataSpec, *, progress: Callable[[float], None] = lambda _share: None) -> Pictures:
    """What networks that learned from these data are calibrated by: always the same pictures."""
    import torch

    from explorer.analysis.trust import REFERENCE
    from explorer.data.augment import augment

    card, splits = found.card, datasets.split(found, spec)
    chosen = splits.validation[:PICTURES]
    images = torch.tensor(np.asarray(found.train.pixels[chosen])).float()
    changed = augment(images, AS_WRITTEN, torch.Generator().manual_seed(_SEED), fill=0.0)
    pixels, kept = [], []
    for number, image in enumerate(changed.round().clamp(0, 255).byte().numpy()):
        progress(number / len(chosen))
        picture = image[0] if card.shape[0] == 1 else np.moveaxis(image, 0, -1)
        try:
            prepared = prepare(np.ascontiguousarray(picture), shape=card.shape).pixels
        except PictureError:  # nothing but paper was left of it
            continue
        pixels.append(np.broadcast_to(prepared, card.shape))
        kept.append(number)
    if not kept:
        raise DataError(f"no validation image of {card.title} can be prepared: nothing to calibrate by")
    reference = np.asarray(found.train.pixels[splits.train[:REFERENCE]])
    return Pictures(card, reference, np.stack(pixels), np.asarray(found.train.labels[chosen[kept]]))


def find(known: Known) -> Trust | None:
    """A bundled network's calibration, None where there is none for its weights, or it is damaged, and for runs."""
    if known.kind != "zoo":
        return None
    try:
        return unpack(_path(known.id).read_bytes(), known)
    except (OSError, DataError) as error:
        log.warning("the bundled network %s has no calibration: %s", known.id, error)
        return None


def keep(name: str, found: Trust, version: str, *, directory: Path | None = None) -> Path:
    """Writes a bundled network's calibration beside its weights, at once or not at all."""
    from explorer.runs.artifacts import atomic_write

    path = _path(name, directory)
    atomic_write(path, pack(found, version))
    return path


def pack(found: Trust, version: str) -> bytes:
    """A calibration as a safetensors file, which says to what version of weights it belongs."""
    from safetensors.numpy import save

    from explorer.analysis.trust import arrays

    plain = {name: np.array(values, order="C") for name, values in arrays(found).items()}
    return save(plain, metadata={_VERSION: version})


def unpack(data: bytes, known: Known) -> Trust:
    """The inverse of :func:`pack`. Raises DataError for a damaged file and one of other weights."""
    from safetensors import SafetensorError
    from safetensors.numpy import load

    from explorer.weights import metadata

    if len(data) > _MOST_BYTES:
        raise DataError("this calibration is larger than any: make it again")
    try:
        version = metadata(data).get(_VERSION)
        arrays = load(data)
    except (SafetensorError, KeyError, ValueError, RecursionError, AttributeError):
        raise DataError("this calibration is damaged: make it again") from None
    if version != known.version:
        raise DataError("this calibration belongs to other weights: make it again")
    return of_arrays(arrays, known)


def of_arrays(arrays: Mapping[str, np.ndarray], known: Known) -> Trust:
    """A network's calibration from its arrays by name. Raises DataError where they don't fit the network."""
    from explorer.analysis.trust import from_arrays

    return from_arrays(arrays, _features(known.spec), find_card(known.spec.data.dataset))


def _features(spec: RunSpec) -> int:
    """How many numbers the last layer weighs."""
    from explorer.shapes import trace

    card = find_card(spec.data.dataset)
    return int(np.prod(trace(spec.model, card.shape, len(card.classes))[-1].input))


def _path(name: str, directory: Path | None = None) -> Path:
    return (directory or zoo.DIRECTORY) / f"{name}{SUFFIX}"
