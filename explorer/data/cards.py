"""What is known about each data set before a single image is read. Nothing outside this module knows 28 or 10."""

from __future__ import annotations

from dataclasses import dataclass

from explorer.errors import DataError


@dataclass(frozen=True)
class DataCard:
    """A data set's facts. ``shape`` is (C, H, W); ``mean`` and ``std`` are of its training images' brightness, 0 to 1,
    one number for all channels or one a channel; the image counts are those of the complete data set. ``thing``: what
    one image shows, as sentences call it."""

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

    @property
    def things(self) -> str:
        """What several of its images show, as one would call them in a sentence."""
        return f"{self.thing}s"

    @property
    def images(self) -> int:
        """Training and test images together."""
        return self.train_images + self.test_images


# Means and standard deviations: computed from the training images, and the ones in common use (PyTorch's examples).
CARDS: dict[str, DataCard] = {
    card.name: card
    for card in (
        DataCard(
            name="mnist",
            title="MNIST",
            shape=(1, 28, 28),
            classes=tuple("0123456789"),
            mean=0.1307,
            std=0.3081,
            source="Yann LeCun, Corinna Cortes and Christopher J. C. Burges: http://yann.lecun.com/exdb/mnist/",
            licence="CC BY-SA 3.0",
            train_images=60_000,
            test_images=10_000,
            thing="digit",
        ),
        DataCard(
            name="fashion_mnist",
            title="Fashion-MNIST",
            shape=(1, 28, 28),
            classes=(
                "T-shirt/top",
                "Trouser",
                "Pullover",
                "Dress",
                "Coat",
                "Sandal",
                "Shirt",
                "Sneaker",
                "Bag",
                "Ankle boot",
            ),
            mean=0.2860,
            std=0.3530,
            source="Han Xiao, Kashif Rasul and Roland Vollgraf (Zalando Research, 2017): "
            "https://github.com/zalandoresearch/fashion-mnist",
            licence="MIT",
            train_images=60_000,
            test_images=10_000,
        ),
    )
}


def find_card(name: str) -> DataCard:
    """The card of that name. Raises DataError with the names that exist."""
    try:
        return CARDS[name]
    except KeyError:
        raise DataError(f"there is no data set named {name!r}: choose one of {', '.join(CARDS)}") from None
