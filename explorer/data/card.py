"""What is known about a data set before a single image is read."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class DataCard:
    """A data set's facts. ``shape`` is (C, H, W); ``mean`` and ``std`` are of its training images' brightness, 0 to 1,
    one number for all channels or one a channel; the image counts are those of the complete data set. ``thing``: what
    one image shows, as sentences call it. ``own``: a user brought it. ``marks``: each
    image is a mark alone, light on black and centred by its mass, as pictures of users' own are prepared."""

    name: str
    title: str
    shape: tuple[int, int, int]
    classes: tuple[str, ...]
    mean: float | tuple[float, ...]
    std: float | tuple[float, ...]
    source: str
    licence: str
    train_images: int
    test_images: int
    thing: str = "picture"
    own: bool = False
    marks: bool = False

    @property
    def things(self) -> str:
        """What several of its images show, as one would call them in a sentence."""
        return f"{self.thing}s"

    @property
    def images(self) -> int:
        """Training and test images together."""
        return self.train_images + self.test_images
