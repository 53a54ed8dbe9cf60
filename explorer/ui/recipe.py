"""The recipe: how the network is trained, and on what. Every widget edits the draft in its callback."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import streamlit as st

from explorer.data.cards import all_cards, find_card
from explorer.draft import Draft
from explorer.ui import cache, drafting
from explorer.ui.cache import devices
from explorer.ui.components import wall
from explorer.ui.redraw import edit
from explorer.ui.summaries import OPTIMIZERS

LEARNING_RATES = (0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
BATCH_SIZES = (1, 8, 16, 32, 64, 128, 256, 512, 1024)
EPOCHS = (1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 20, 30, 40, 50, 75, 100)
DECAYS = (0.0, 0.00001, 0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1)
SMOOTHINGS = (0.0, 0.02, 0.05, 0.1, 0.2)
SIZES = (100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000)
PATIENCES = (1, 2, 3, 5, 10)
SCHEDULES = {"constant": "constant", "cosine": "cosine", "one_cycle": "one cycle"}
INITIALIZATIONS = {
    "default": "PyTorch's default",
    "kaiming_normal": "Kaiming normal",
    "kaiming_uniform": "Kaiming uniform",
    "xavier_normal": "Xavier normal",
    "xavier_uniform": "Xavier uniform",
    "orthogonal": "orthogonal",
}
PRECISIONS = {"auto": "auto", "float32": "float32", "bfloat16": "bfloat16"}
MEMORY_FORMATS = {"auto": "auto", "channels_last": "channels last", "channels_first": "channels first"}

HELP = {
    "dataset": "Which images are learned from. Bring your own on the page Data.",
    "train_size": "Hyperparameter, you choose it: how many training images the parameters are learned from. "
    "Few images make overfitting visible.",
    "validation_share": "You choose it: the share of the training images held back. Nothing is learned from them; "
    "they tell how training goes. The test set is kept out of it.",
    "optimizer": "Hyperparameter, you choose it: the rule by which every step changes the learned parameters.",
    "learning_rate": "Hyperparameter, you choose it: how far one step moves the learned parameters.",
    "schedule": "Hyperparameter, you choose it: how the learning rate changes during training.",
    "batch_size": "Hyperparameter, you choose it: how many images one step looks at before it moves the parameters.",
    "epochs": "Hyperparameter, you choose it: how often all training images are gone through.",
    "weight_decay": "Hyperparameter, you choose it: pulls the learned weights towards zero at each step.",
    "label_smoothing": "Hyperparameter, you choose it: the share of the target probability that is spread over all "
    "classes, so that the network grows less sure of itself.",
    "augmentation": "Hyperparameter, you choose it: random changes to each training image, new each time.",
    "initialization": "Hyperparameter, you choose it: where the learned parameters start from.",
    "patience": "Hyperparameter, you choose it: stop when the validation loss has not improved for so many epochs, "
    "and keep the best parameters.",
    "seed": "You choose it: the start of all random numbers. The same seed gives the same parameters again.",
    "device": "Where the arithmetic is done. It changes the time, not what is learned.",
    "precision": "How many bits a number has while training. bfloat16 is less exact, on some devices faster, on others "
    "far slower; auto tries both and takes the faster.",
    "memory_format": "Whether the numbers of all maps at one pixel lie side by side in memory (channels last), or all "
    "those of one map (channels first). It changes the time, not what is learned; auto tries both and takes the "
    "faster.",
}


def show() -> None:
    """All controls of the recipe for the current draft."""
    draft = drafting.current()
    with st.container(border=True, key="recipe-data"):
        _images(draft)
    with st.container(border=True, key="recipe-steps"):
        _steps(draft)
    augmentation(draft)
    with st.expander("Regularisation, start, device", key="recipe-more", on_change="rerun") as folder:
        if folder.open:
            _more(draft)


def _images(draft: Draft) -> None:
    data = draft.data
    st.header("Images", anchor=False)
    _select("Data set", _titles(), data.dataset, "dataset", lambda d, name: with_dataset(name)(d))
    card = find_card(data.dataset)
    every = "all"
    sizes = [size for size in SIZES if size < card.train_images]
    if sizes or data.train_size:
        _slide(
            "Training images",
            [*sizes, every],
            data.train_size or every,
            "train_size",
            lambda d, v: d.with_data(train_size=None if v == every else v),
            format_func=_count,
        )
    _slide(
        "Validation share",
        [0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5],
        data.validation_share,
        "validation_share",
        _data("validation_share"),
        format_func=lambda share: f"{share:.0%}",
    )


def _steps(draft: Draft) -> None:
    train = draft.train
    st.header("Steps", anchor=False)
    _select("Optimiser", OPTIMIZERS, train.optimizer, "optimizer", _train("optimizer"))
    left, right = st.columns(2, gap="medium", wrap=False)
    with left:
        _slide(
            "Learning rate",
            LEARNING_RATES,
            train.learning_rate,
            "learning_rate",
            _train("learning_rate"),
            format_func=lambda rate: f"{rate:g}",
        )
        _slide("Epochs", EPOCHS, train.epochs, "epochs", _train("epochs"))
    with right:
        _slide("Batch size", BATCH_SIZES, train.batch_size, "batch_size", _train("batch_size"))
        _slide(
            "Weight decay",
            DECAYS,
            train.weight_decay,
            "weight_decay",
            _train("weight_decay"),
            format_func=lambda rate: f"{rate:g}",
        )
    _pick("Schedule", SCHEDULES, train.schedule, "schedule", _train("schedule"))


def _more(draft: Draft) -> None:
    train = draft.train
    _slide(
        "Label smoothing",
        SMOOTHINGS,
        train.label_smoothing,
        "label_smoothing",
        _train("label_smoothing"),
        format_func=lambda share: f"{share:.0%}",
    )
    never = "never"
    _slide(
        "Early stopping after",
        [never, *PATIENCES],
        train.patience or never,
        "patience",
        lambda d, v: d.with_train(patience=None if v == never else v),
        format_func=lambda epochs: never if epochs == never else f"{epochs} epochs",
    )
    _select("Weight initialisation", INITIALIZATIONS, train.initialization, "initialization", _train("initialization"))
    _number("Seed", train.seed, "seed", _train("seed"))
    _select("Device", devices(), train.device, "device", _train("device"))
    _pick("Precision", PRECISIONS, train.precision, "precision", _train("precision"))
    _pick("Order in memory", MEMORY_FORMATS, train.memory_format, "memory_format", _train("memory_format"))


def augmentation(draft: Draft) -> None:
    """The controls of the augmentation, and training images changed by it."""
    with st.container(border=True, key="recipe-augmentation"):
        st.header("Augmentation", anchor=False, help=HELP["augmentation"])
        changes = draft.train.augmentation
        left, right = st.columns(2, gap="medium", wrap=False)
        with left:
            _augment("Shift, pixels", "shift", 0.0, 6.0, 0.5, changes.shift)
            _augment("Scale, ±", "scale", 0.0, 0.5, 0.05, changes.scale)
            _augment("Slant, degrees", "slant", 0.0, 45.0, 1.0, changes.slant)
        with right:
            _augment("Rotate, degrees", "rotate", 0.0, 45.0, 1.0, changes.rotate)
            _augment("Elastic, pixels", "elastic", 0.0, 3.0, 0.1, changes.elastic)
            _augment("Thickness, ± pixels", "thickness", 0.0, 1.0, 0.1, changes.thickness)
        if changes:
            wall(
                cache.augmented(draft.data.dataset, changes),
                key="augmented",
                scale="brightness",
                tile=40,
                label="Changed images",
            )


Setter = Callable[[Draft, Any], Draft]


def _train(name: str) -> Setter:
    return lambda draft, value: draft.with_train(**{name: value})


def with_dataset(name: str) -> Callable[[Draft], Draft]:
    """The change of a draft to another data set."""

    def change(draft: Draft) -> Draft:
        images, before = (
            round(find_card(one).train_images * (1 - draft.data.validation_share)) for one in (name, draft.data.dataset)
        )
        return draft if name == draft.data.dataset else draft.with_dataset(name, images=images, before=before)

    return change


def _titles() -> dict[str, str]:
    """The data sets' titles by their names; what tells alike ones apart is added."""
    cards = all_cards()
    titles = [card.title for card in cards.values()]
    return {
        name: card.title if titles.count(card.title) == 1 else f"{card.title} · {name[-4:]}"
        for name, card in cards.items()
    }


def _data(name: str) -> Setter:
    return lambda draft, value: draft.with_data(**{name: value})


def _key(name: str) -> str:
    return f"{name}-{drafting.current().head_id}"


def _on_change(name: str, setter: Setter) -> Callable[[], None]:
    key, head = _key(name), drafting.current().head_id

    def change() -> None:
        # A widget of a draft that was replaced meanwhile has nothing to say.
        if drafting.current().head_id == head:
            edit(lambda draft: setter(draft, st.session_state[key]))

    return change


def _count(value: int | str) -> str:
    return value if isinstance(value, str) else f"{value:,}"


def _slide(label: str, options: Any, value: Any, name: str, setter: Setter, **more: Any) -> None:
    """A slider over fixed steps; a value from a link that is no step becomes one."""
    options = list(options)
    if value not in options:
        place = next(
            (i for i, option in enumerate(options) if not isinstance(option, str) and option > value), len(options)
        )
        options.insert(place, value)
    st.select_slider(
        label, options, value=value, key=_key(name), help=HELP[name], on_change=_on_change(name, setter), **more
    )


def _select(label: str, options: dict[str, str], value: str, name: str, setter: Setter) -> None:
    options = {**options, value: options.get(value, value)}
    st.selectbox(
        label,
        list(options),
        index=list(options).index(value),
        key=_key(name),
        format_func=options.__getitem__,
        help=HELP[name],
        on_change=_on_change(name, setter),
    )


def _pick(label: str, options: dict[str, str], value: str, name: str, setter: Setter) -> None:
    st.segmented_control(
        label,
        list(options),
        default=value,
        required=True,
        key=_key(name),
        format_func=options.__getitem__,
        help=HELP[name],
        on_change=_on_change(name, setter),
    )


def _number(label: str, value: int, name: str, setter: Setter) -> None:
    st.number_input(
        label,
        min_value=0,
        max_value=2**31 - 1,
        value=value,
        step=1,
        key=_key(name),
        help=HELP[name],
        on_change=_on_change(name, setter),
    )


def _augment(label: str, name: str, low: float, high: float, step: float, value: float) -> None:
    st.slider(
        label,
        low,
        max(high, value),
        value,
        step,
        key=_key(name),
        help=HELP["augmentation"],
        on_change=_on_change(name, lambda draft, chosen: draft.with_augmentation(**{name: chosen})),
    )
