"""What a chapter is made of, and how a question is put together. Nothing here draws."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from explorer.ui.lessons.scene import Scene

Gallery = Callable[[], tuple[np.ndarray, tuple[str, ...]]]
"""Pictures uint8 (N, H, W) with their captions, made only when they are shown."""


@dataclass(frozen=True)
class Choice:
    """One answer to choose. ``why`` says why it is right, or what it mixes up; ``rank`` is its place among the others,
    usually the number that it stands for."""

    text: str
    why: str
    rank: float


@dataclass(frozen=True, eq=False)
class Question:
    """``right`` is the index of the right one of ``choices``. ``picture`` uint8 (C, H, W) is what is asked about, where
    that is not the current digit; ``after`` is shown with the answer."""

    text: str
    choices: tuple[Choice, ...]
    right: int
    picture: np.ndarray | None = None
    after: Gallery | None = None


@dataclass(frozen=True)
class Chapter:
    """``name`` stands in the URL, ``title`` in the row of chapters, ``text`` (Markdown) has at most 80 words.

    The widget is drawn in a fragment, unless it is ``steady``: then it makes its own, for fragments don't nest well.
    """

    name: str
    title: str
    text: str
    widget: Callable[[Scene], None]
    question: Callable[[Scene], Question]
    steady: bool = False


def ask(
    text: str, right: Choice, *wrong: Choice, picture: np.ndarray | None = None, after: Gallery | None = None
) -> Question:
    """A question with its choices in the order of their ranks.

    The numbers are computed, so a wrong choice may happen to be the right answer, or another one's twin; it is
    left out then.
    """
    choices = {right.text: right}
    for choice in wrong:
        choices.setdefault(choice.text, choice)
    ordered = tuple(sorted(choices.values(), key=lambda choice: choice.rank))
    return Question(text, ordered, ordered.index(right), picture, after)
