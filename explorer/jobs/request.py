"""What is asked for: a computation of a network, on a data set, with parameters. Equal requests have one result."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, JsonValue

from explorer.jobs import registry

if TYPE_CHECKING:
    from explorer.data import Dataset
    from explorer.networks import Known


def _canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)


def _finite(params: dict[str, JsonValue]) -> dict[str, JsonValue]:
    _canonical(params)  # ValueError for NaN and infinity, which JSON doesn't have
    return params


class Request(BaseModel):
    """A frozen value. ``version`` is that of the network's weights and ``fingerprint`` the data set's content, so that
    a result never outlives what it was computed from; None where the computation needs no network or no data set.
    ``snapshot`` is a moment in a run's training, by its optimiser step, and None its latest weights.

    Raises SpecError for an unknown kind, pydantic's ValidationError for what is no JSON.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: str
    network: str | None = None
    version: str | None = None
    snapshot: int | None = None
    dataset: str | None = None
    fingerprint: str | None = None
    params: Annotated[dict[str, JsonValue], AfterValidator(_finite)] = {}

    def model_post_init(self, _context: Any, /) -> None:
        registry.find(self.kind)

    @property
    def key(self) -> str:
        """64 hexadecimal digits: the SHA-256 of the request as canonical JSON, with its computation's version."""
        content = {**self.model_dump(mode="json"), "computation": registry.find(self.kind).version}
        return hashlib.sha256(_canonical(content).encode()).hexdigest()


def ask(
    kind: str,
    *,
    network: Known | None = None,
    data: Dataset | None = None,
    snapshot: int | None = None,
    **params: JsonValue,
) -> Request:
    """The request for a computation of ``network`` on ``data``. A run's snapshot stays what it is while the run goes
    on: with one, the version of the latest weights is no part of the request. Those of a bundled network are replaced
    together with its weights. A network at a moment of its training (see :meth:`explorer.networks.Known.at`) brings its
    snapshot along. Raises as :class:`Request`."""
    if network is not None and snapshot is None:
        snapshot = network.snapshot
    lasting = network is not None and network.kind == "run" and snapshot is not None
    return Request(
        kind=kind,
        network=network.id if network else None,
        version=network.latest_version if network and not lasting else None,
        snapshot=snapshot,
        dataset=data.card.name if data else None,
        fingerprint=data.fingerprint if data else None,
        params=params,
    )
