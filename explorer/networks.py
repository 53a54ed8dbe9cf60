"""All networks that a user can choose, in one place: the bundled ones and the trained runs.

Listing reads cards and the run store; torch is imported only where weights are loaded.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal, cast

from explorer import weights, zoo
from explorer.data.cards import DataCard, find_card
from explorer.errors import ExplorerError, StoreError, WeightsError
from explorer.runs import service
from explorer.runs.artifacts import run_folder
from explorer.runs.records import RunRecord
from explorer.shapes import totals, trace
from explorer.spec import ModelSpec, RunSpec, from_text

if TYPE_CHECKING:
    from explorer.data import Dataset
    from explorer.models import Network
    from explorer.training.snapshots import Moment

ID_DIGITS, SHORTEST_PREFIX = 8, 4
_MOMENT = "@"
VERSION_DIGITS = 16

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Known:
    """A network to choose. ``state`` is 'bundled' or its run's; ``version`` changes whenever its weights do, so that
    (id, version) is a cache's key; ``usable``: it has weights, which a run gets with its first checkpoint.
    ``edited``: its weights were changed by hand, not trained (see :mod:`explorer.edited`), ``imported``: they were
    trained elsewhere (see :mod:`explorer.imported`).
    ``snapshot``: not as it is now, but as it was after that step of its training (see :meth:`at`)."""

    id: str
    title: str
    spec: RunSpec
    kind: Literal["zoo", "run"]
    state: str
    test_accuracy: float | None
    parameters: int
    version: str
    usable: bool
    edited: bool = False
    imported: bool = False
    snapshot: int | None = None

    @property
    def trained_here(self) -> bool:
        """Whether it is a run that this server trained: it has curves, and its recipe made it."""
        return self.kind == "run" and not self.edited and not self.imported

    @property
    def label(self) -> str:
        """A name that tells it from others of the same title, and at which moment it is looked at."""
        title = self.title if self.kind == "zoo" else f"{self.title} · {self.id[:4]}"
        return title if self.snapshot is None else f"{title}, step {self.snapshot:,}"

    @property
    def latest_version(self) -> str:
        """The version of its latest weights, at whatever moment it is looked at."""
        return self.version.partition(_MOMENT)[0]

    @property
    def busy(self) -> bool:
        """Whether its training waits for its turn, or runs."""
        return self.state in ("queued", "running")

    def at(self, step: int | None) -> Known:
        """The network as it was after an optimiser step, of which there must be a snapshot; None: as it is now.

        It has a version of its own, which :func:`load_version` understands, so that whatever takes (id, version)
        follows. How it did on the test images then is not known.
        """
        if step is None:
            return self if self.snapshot is None else replace(find(self.id), usable=self.usable)
        return replace(self, version=f"{self.latest_version}{_MOMENT}{step}", snapshot=step, test_accuracy=None)


def known(owner: str | None = None) -> tuple[Known, ...]:
    """The bundled networks, then all runs, or one owner's, the newest first.

    What can't be read is left out, and the log says why. Raises StoreError where the run store can't be opened.
    """
    found = [_bundled(card) for card in zoo.entries()]
    for record in service.local().store.list(owner):
        try:
            found.append(_trained(record))
        except ExplorerError as error:
            log.warning("run %s is left out: %s", record.id, error)
    return tuple(found)


def for_pictures() -> str:
    """The bundled network that reads drawn and photographed digits where none was chosen."""
    return "robust" if "robust" in zoo.names() else "article"


def find(id: str) -> Known:  # noqa: A002 (what users call it)
    """A bundled network by name, or a run by its id or the beginning of it.

    Raises StoreError, with what there is, where nothing or more than one run fits, and SpecError or WeightsError for
    a damaged card or spec.
    """
    return _bundled(zoo.card(id)) if id in zoo.names() else _trained(run(id))


def run(id: str) -> RunRecord:  # noqa: A002
    """A run by its id or the beginning of it, at least four digits. Raises StoreError like :func:`find`."""
    store = service.local().store
    if len(id) == ID_DIGITS:
        with suppress(StoreError):
            return store.get(id)
    records = store.list()
    fitting = [record for record in records if len(id) >= SHORTEST_PREFIX and record.id.startswith(id)]
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        raise StoreError(f"{id!r:.40} fits {_some(fitting)}: give more digits of the run's id")
    there = f"; runs: {_some(records)}" if records else "; there are no runs yet"
    raise StoreError(f"there is no network {id!r:.40}. Bundled: {', '.join(zoo.names()) or 'none'}{there}")


def load(id: str, *, snapshot: int | None = None) -> Network:  # noqa: A002
    """The trained network, in evaluation mode and without gradients: a run's latest weights, or those of the snapshot
    with that number.

    Raises StoreError where there is no such network, or it has no weights (yet), or no such snapshot, and
    WeightsError where they are damaged.
    """
    chosen = find(id)
    if chosen.kind == "zoo":
        if snapshot is None:
            return zoo.load(id)[1]
        from explorer.training.trained import load_snapshot

        return load_snapshot(chosen.spec, zoo.snapshot(id, snapshot))
    if not chosen.usable:
        raise StoreError(f"run {chosen.id} has no weights yet: wait for its first checkpoint")
    from explorer.training.trained import load_trained

    return load_trained(chosen.id, snapshot=snapshot)


def load_version(id: str, version: str) -> Network:  # noqa: A002
    """The network that (id, version) of a :class:`Known` stands for: now, or at a moment of its training. Raises what
    :func:`load` raises."""
    _, moment, step = version.partition(_MOMENT)
    return load(id, snapshot=int(step) if moment else None)


def moments(known: Known) -> tuple[Moment, ...]:
    """The snapshots of a network's training, by step, without one of its end, which is the network itself.

    An unreadable one is left out, and the log says why. Raises SpecError or WeightsError for a damaged card.
    """
    from explorer.training.snapshots import Moment, list_snapshots, read_moment

    if known.kind == "zoo":
        return tuple(Moment(kept.step, kept.epoch, True) for kept in zoo.card(known.id).snapshots)
    found = []
    end = (run(known.id).result or {}).get("weights_step")
    for step, path in list_snapshots(run_folder(known.id).snapshots).items():
        try:
            if step != end:
                found.append(read_moment(path))
        except WeightsError as error:
            log.warning("run %s: %s", known.id, error)
    return tuple(found)


def data_card(known: Known) -> DataCard:
    """The card of the data set that a network was trained on. Raises DataError where it is unknown here."""
    return find_card(known.spec.data.dataset)


def learned_from(id: str, data: Dataset, split: str = "test") -> str | None:  # noqa: A002
    """The sentence to show beside figures on the test or validation images where the network has learned from these
    very images: the bundled ones on the subset that is cut from their training images. None where it has not."""
    bundled = bundled_origin(id) if data.test_is_known else None
    if bundled is None or bundled not in zoo.names() or zoo.card(bundled).spec.data.dataset != data.card.name:
        return None
    which = "this bundled network" if bundled == id else "the bundled network that this one was edited or imported from"
    return (
        f"These {split} images are some of {data.card.title}'s training images, and {which} "
        "has learned from them: on images that are new to it, it makes more mistakes."
    )


def bundled_origin(id: str) -> str | None:  # noqa: A002
    """The bundled network that this one is, or was edited or brought in from; None where it is another one."""
    if id in zoo.names():
        return id
    try:
        result = run(id).result or {}
    except StoreError:  # it was deleted meanwhile
        return None
    origin = result.get("edited") or result.get("imported") or {}
    return cast("str | None", origin.get("bundled"))


def from_file(path: Path) -> tuple[RunSpec, Network]:
    """Spec and network of a safetensors file of ours: exported, or one of model_zoo. Raises WeightsError and SpecError
    as :func:`spec_of_file`, and WeightsError where the weights don't fit the spec."""
    data = weights.read(path)
    spec = spec_of_file(path)
    return spec, weights.unpack(data, spec)


def spec_of_file(path: Path) -> RunSpec:
    """What a weights file says that it holds: a safetensors file in its header, any file by a JSON of the same name
    beside it, bare or as the ``spec`` of a card.

    Raises WeightsError where there is no spec, or the file is not what its name says, and SpecError where the spec is
    unreadable.
    """
    try:
        with path.open("rb") as file:
            head = file.read(weights.HEAD_BYTES)
    except OSError as error:
        raise WeightsError(f"{path} can't be read ({error.strerror or error}): check its name and rights") from None
    safetensors = path.suffix == ".safetensors" or weights.is_safetensors(head)
    return (weights.spec_of(head) if safetensors else None) or _spec_beside(path)


def _spec_beside(path: Path) -> RunSpec:
    beside = path.with_suffix(".json")
    try:
        text = beside.read_text(encoding="utf-8")
    except (OSError, ValueError):
        raise WeightsError(
            f"{path.name} doesn't say which network it holds: put its spec beside it, as {beside.name}"
        ) from None
    return from_text(text)


def _bundled(card: zoo.ZooCard) -> Known:
    return Known(
        id=card.name,
        title=card.title,
        spec=card.spec,
        kind="zoo",
        state="bundled",
        test_accuracy=card.test.accuracy,
        parameters=card.parameters,
        version=card.sha256[:VERSION_DIGITS],
        usable=True,
    )


def _trained(record: RunRecord) -> Known:
    result = record.result or {}
    digest = result.get("weights_sha256") or _newest_digest(record.id)
    return Known(
        id=record.id,
        title=record.name,
        spec=record.spec,
        kind="run",
        state=record.state,
        test_accuracy=result.get("test_accuracy"),
        parameters=_parameters(record.spec.model, record.spec.data.dataset),
        version=digest[:VERSION_DIGITS],
        usable=digest != "",
        edited="edited" in result,
        imported="imported" in result,
    )


def _newest_digest(run_id: str) -> str:
    """The SHA-256 of a run's newest checkpoint, "" where there is none."""
    checkpoints = service.local().store.latest_checkpoints(run_id)
    return checkpoints[0].sha256 if checkpoints else ""


@lru_cache(maxsize=1024)
def _parameters(model: ModelSpec, dataset: str) -> int:
    card = find_card(dataset)
    return totals(trace(model, card.shape, len(card.classes))).parameters


def _some(records: Sequence[RunRecord]) -> str:
    """The first few runs by id and name, and how many more there are."""
    shown = ", ".join(f"{record.id} ({record.name})" for record in records[:5])
    return shown + (f" and {len(records) - 5} more" if len(records) > 5 else "")
