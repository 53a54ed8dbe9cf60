"""What can go wrong, said so that a reader can mend it: what is wrong, where, what to do.

Every error that the project raises on purpose is an :class:`ExplorerError`; pages and the command line
catch that one class and show its sentence. Anything else is a bug, logged with an id.
"""

from __future__ import annotations


def sentence(text: str) -> str:
    """An error's text with a capital at its beginning and a full stop at its end."""
    text = text[:1].upper() + text[1:]
    return text if text.endswith((".", "!", "?")) else f"{text}."


class ExplorerError(Exception):
    """The root of all errors that carry a sentence for the user."""


class SpecError(ExplorerError):
    """A network or recipe that cannot work.

    ``layer`` is the index in ``ModelSpec.layers`` where it goes wrong, or None where no single layer is at fault.
    """

    def __init__(self, message: str, *, layer: int | None = None) -> None:
        super().__init__(message)
        self.layer = layer


class DataError(ExplorerError):
    """A data set that is missing, incomplete or damaged."""


class PictureError(ExplorerError):
    """A picture that cannot be read as a digit, or is refused."""


class WeightsError(ExplorerError):
    """Weights that do not belong to their network, or a damaged file of them."""


class TrainingError(ExplorerError):
    """A training run that cannot go on: diverged, out of memory, no such device."""


class StoreError(ExplorerError):
    """A run that does not exist, or a request that its state does not allow."""
