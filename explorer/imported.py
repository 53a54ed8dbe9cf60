"""A network that was trained elsewhere as a run of its own: its weights, and a record of the file that they came from.

It was not trained here: its result has no curves, no steps and no validation, but ``imported``, and its share of test
images right, counted as for all networks.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from explorer import foreign, networks, weights, zoo
from explorer.data import Dataset, load
from explorer.errors import DataError, WeightsError
from explorer.foreign import Converted
from explorer.runs import service
from explorer.runs.records import RunRecord
from explorer.spec import DataSpec, ModelSpec, RunSpec

if TYPE_CHECKING:
    from explorer.models import Network

UNNAMED = "imported network"

Progress = Callable[[float, str], None]
"""Called with the share done, 0 to 1, and what is being done, in a word or two."""


def _untold(_share: float, _phase: str) -> None:
    """Nobody watches."""


class Added(NamedTuple):
    """What was brought in. ``correct`` of ``images`` test images are right; both are None, and ``notice`` says why,
    where they could not be counted. ``notice`` may also say what the count is worth."""

    id: str
    spec: RunSpec
    read: Converted
    correct: int | None
    images: int | None
    notice: str | None

    @property
    def test_accuracy(self) -> float | None:
        return None if self.correct is None or self.images is None else self.correct / self.images


def described(model: ModelSpec, data: DataSpec, file_name: str) -> RunSpec:
    """The spec of a network of which only the form is known, not the recipe, named after its file."""
    plain = "".join(letter for letter in Path(file_name).stem if letter.isprintable()).strip()[:80]
    return RunSpec(name=plain.strip() or UNNAMED, model=model, data=data)


def add(
    path: Path,
    spec: RunSpec,
    *,
    file_name: str | None = None,
    data_dir: Path | None = None,
    progress: Progress = _untold,
) -> Added:
    """Keeps the network of ``spec`` with the weights in the file as a run, and counts its right answers.

    ``file_name`` is what the user calls the file. Raises what :func:`explorer.foreign.convert` raises, WeightsError
    also where the answers are not numbers, and StoreError where the run can't be written.
    """
    progress(0.0, "reading the file in a process of its own")
    read = foreign.convert(path, spec)
    network = weights.unpack(read.packed, spec)
    progress(0.2, "reading the test images")
    result: dict[str, Any] = {
        "imported": {
            "file": file_name or path.name,
            "sha256": _digest(path),
            "by": read.matching.by,
            "pairs": [list(pair) for pair in read.matching.pairs],
            "converted": list(read.converted),
            "bundled": _bundled(network, spec),
        }
    }
    try:
        data = load(spec.data.dataset, data_dir=data_dir)
    except DataError as error:
        notice = f"Its test images were not counted: {error}"
        return Added(service.add(spec, read.packed, result), spec, read, None, None, notice)
    counted = _counted(network, data, progress)
    run = service.add(spec, read.packed, result | counted)
    notices = [told for told in (data.notice, networks.learned_from(run, data)) if told]
    return Added(run, spec, read, counted["test_correct"], counted["test_images"], " ".join(notices) or None)


def origin(record: RunRecord) -> Mapping[str, Any] | None:
    """Where an imported run is from: the ``file`` and its ``sha256``, what its tensors were recognised ``by``, the
    ``pairs`` and the ``converted`` types (see :mod:`explorer.foreign`), and ``bundled``, the bundled network that it
    is. None of a run that was not imported."""
    found: Mapping[str, Any] | None = (record.result or {}).get("imported")
    return found


def in_words(by: str, converted: Sequence[str]) -> str:
    """How the tensors were recognised, in a sentence or two."""
    told = "their names" if by == "name" else "what each layer holds, and where that is the same, by order"
    rounded = f" Converted from {' and '.join(converted)} to float32." if converted else ""
    return f"Its tensors were recognised by {told}.{rounded}"


def layers(pairs: Iterable[Sequence[str]]) -> tuple[tuple[str, str], ...]:
    """The file's name and the network's for each layer, from those of its tensors."""
    named = ((its.rpartition(".")[0], ours.rpartition(".")[0]) for its, ours in pairs)
    return tuple(dict.fromkeys(named))


def _counted(network: Network, data: Dataset, progress: Progress) -> dict[str, Any]:
    from explorer.analysis import evaluate

    def tell(share: float) -> None:
        progress(0.2 + 0.8 * share, f"reading {len(data.test):,} test images")

    found = evaluate(network, data.test.pixels, data.test.labels, data.card, progress=tell)
    if not math.isfinite(found.loss):
        raise WeightsError("the network's answers are not finite numbers: its weights are too large, train it again")
    return {
        "test_accuracy": found.accuracy,
        "test_correct": found.correct,
        "test_images": len(found.labels),
        "test_loss": found.loss,
        "data": {"dataset": data.card.name, "complete": data.complete, "fingerprint": data.fingerprint},
    }


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _bundled(network: Network, spec: RunSpec) -> str | None:
    """The bundled network that this one is, weight by weight: what holds for the one holds for the other."""
    mine = network.state_dict()
    for card in zoo.entries():
        if (card.spec.model, card.spec.data.dataset) == (spec.model, spec.data.dataset):
            with suppress(WeightsError):  # a damaged one is none of this one's business
                theirs = zoo.load(card.name)[1].state_dict()
                if all(bool((theirs[name] == tensor).all()) for name, tensor in mine.items()):
                    return card.name
    return None
