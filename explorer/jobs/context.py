"""What a computation works on, opened when it is first asked for. Only then are the run store and torch loaded."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from explorer.errors import DataError, SpecError, StoreError
from explorer.jobs.request import Request

if TYPE_CHECKING:
    from explorer.data import Dataset
    from explorer.models import Network
    from explorer.networks import Known


class Context:
    """The network and the data set of a request. What is opened is exactly what was asked for: where weights or images
    have changed since, the computation ends with a sentence and nothing wrong is kept."""

    def __init__(self, request: Request) -> None:
        self.request = request

    @cached_property
    def known(self) -> Known:
        """What is known of the network without its weights. Raises StoreError where there is none (any more)."""
        if self.request.network is None:
            raise SpecError(f"{self.request.kind} was asked for without a network: name one")
        from explorer import networks

        return networks.find(self.request.network)

    @cached_property
    def network(self) -> Network:
        """The network in evaluation mode, without gradients. Raises StoreError where its weights are others by now."""
        return self.load(self.known.id, self.request.version, self.request.snapshot)

    @cached_property
    def data(self) -> Dataset:
        """The data set. Raises DataError where it holds other images by now."""
        from explorer import data

        if self.request.dataset is None:
            raise SpecError(f"{self.request.kind} was asked for without a data set: name one")
        opened = data.load(self.request.dataset)
        if opened.fingerprint != self.request.fingerprint:
            raise DataError(
                f"{opened.card.title} has changed since this was asked for: reload the page and start again"
            )
        return opened

    @staticmethod
    def load(network: str, version: str | None, snapshot: int | None = None) -> Network:
        """Any network whose weights are of that version (None: whichever it has), for computations that compare
        several."""
        from explorer import networks

        loaded = networks.load(network, snapshot=snapshot)
        # Only afterwards: what was loaded can't be newer than what is then known.
        if version is not None and networks.find(network).version != version:
            raise StoreError(f"{network} has learned on since this was asked for: start again with its new weights")
        return loaded
