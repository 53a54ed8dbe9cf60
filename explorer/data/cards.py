"""The data sets that there are: those that everybody knows, and the users' own. Nothing outside knows 28 or 10."""

from __future__ import annotations

from explorer.data import own
from explorer.data.card import DataCard
from explorer.errors import DataError

__all__ = ["CARDS", "DataCard", "all_cards", "find_card"]

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
            marks=True,
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


def all_cards() -> dict[str, DataCard]:
    """The known ones, then those that were brought here, by title."""
    return CARDS | {card.name: card for card in own.cards()}


def find_card(name: str) -> DataCard:
    """The card of that name. Raises DataError with the names that exist."""
    card = CARDS.get(name) or own.card(name)
    if card is None:
        raise DataError(
            f"there is no data set named {name!r:.50} here: choose one of {', '.join(CARDS)}, or bring its files, on "
            "the page Data or by python -m explorer datasets add"
        )
    return card
