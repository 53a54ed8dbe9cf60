"""An edited network as a run of its own: with weights, and a record that says what it was made from and how.

It was not trained: its spec has network, data and recipe of the one that it was made from, and its result has no
curves, no steps and no validation, but ``edited``: the source and the edits.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from explorer import networks, weights
from explorer.analysis import Evaluation
from explorer.analysis.change import changed
from explorer.data import Dataset
from explorer.edits import Edits, to_json, words
from explorer.errors import SpecError
from explorer.networks import Known
from explorer.runs import service
from explorer.runs.records import RunRecord
from explorer.spec import Conv


def save(known: Known, edits: Edits, name: str, *, counted: tuple[Dataset, Evaluation] | None = None) -> str:
    """Keeps the network with the edits as a run called ``name``, and returns the run's id.

    ``counted``: a data set, and the edited network's answers to all of its test images. Raises SpecError where there
    are no edits, one doesn't fit, or the name can't be one, and StoreError where the run can't be written.
    """
    if not edits:
        raise SpecError("nothing is edited yet, so there is nothing to save")
    spec = known.spec.renamed(name)
    network = changed(networks.load_version(known.id, known.version), edits)
    result: dict[str, Any] = {
        "edited": {
            "from": known.id,
            "title": known.title,
            "version": known.version,
            "snapshot": known.snapshot,
            "bundled": networks.bundled_origin(known.id),
            "edits": to_json(edits),
            "words": in_words(known, edits),
        }
    }
    if counted is not None:
        data, found = counted
        result |= {
            "test_accuracy": found.accuracy,
            "test_correct": found.correct,
            "test_images": len(found.labels),
            "test_loss": found.loss,
            "data": {"dataset": data.card.name, "complete": data.complete, "fingerprint": data.fingerprint},
        }
    return service.add(spec, weights.pack(network, spec), result)


def in_words(known: Known, edits: Edits) -> list[str]:
    """The edits as a reader would say them."""
    model = known.spec.model
    convolutions = {name for layer, name in zip(model.layers, model.names, strict=True) if isinstance(layer, Conv)}
    return [words(edit, maps=edit.layer in convolutions) for edit in edits]


def origin(record: RunRecord) -> Mapping[str, Any] | None:
    """What an edited run was made from: ``from`` (a network's id), its ``title``, ``version`` and ``snapshot``, the
    ``edits`` as JSON and in ``words``, and ``bundled``, the bundled network that it all began with.
    None of a run that was trained."""
    found: Mapping[str, Any] | None = (record.result or {}).get("edited")
    return found
