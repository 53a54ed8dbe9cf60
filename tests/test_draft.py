"""The draft that the builder edits: every edit against the same change made on the bare specs."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from explorer.blocks import MAX_BLOCKS, MAX_DENSE, ConvBlock, to_model
from explorer.draft import Draft, History
from explorer.errors import SpecError
from explorer.presets import PRESETS
from explorer.spec import Conv, DataSpec, Flatten, ModelSpec, Output, Pool, RunSpec, TrainSpec, from_link, to_link


def article() -> Draft:
    return Draft.from_preset("article")


def test_a_draft_from_a_preset_is_that_preset() -> None:
    for name, preset in PRESETS.items():
        draft = Draft.from_preset(name)
        assert draft.model == preset.model
        assert draft.preset_name == name
        assert draft.title == preset.title


def test_a_change_reaches_its_block_and_no_other() -> None:
    draft = article()
    changed = draft.with_block("convs", draft.conv_ids[1], kernels=7, stride=2)
    assert changed.blocks.convs[0] == draft.blocks.convs[0]
    assert (changed.blocks.convs[1].kernels, changed.blocks.convs[1].stride) == (7, 2)
    assert changed.conv_ids == draft.conv_ids  # widgets stay with their blocks
    assert changed.preset_name is None
    assert changed.title == "conv 32-7 · dense 128"


@pytest.mark.parametrize(
    "bad", [{"kernels": 0}, {"kernels": 10_000}, {"stride": 0}, {"padding": "diagonal"}, {"colour": "red"}]
)
def test_a_value_out_of_range_is_refused_with_its_name(bad: dict[str, object]) -> None:
    draft = article()
    with pytest.raises(SpecError, match=next(iter(bad))):
        draft.with_block("convs", draft.conv_ids[0], **bad)


def test_blocks_are_added_up_to_the_limit() -> None:
    draft = article()
    while len(draft.blocks.convs) < MAX_BLOCKS:
        draft = draft.added("convs")
    with pytest.raises(SpecError, match="at most 6"):
        draft.added("convs")
    while len(draft.blocks.dense) < MAX_DENSE:
        draft = draft.added("dense")
    with pytest.raises(SpecError, match="at most 3"):
        draft.added("dense")
    assert len(set(draft.conv_ids) | set(draft.dense_ids)) == MAX_BLOCKS + MAX_DENSE


def test_an_added_block_does_not_pool_again() -> None:
    assert article().added("convs").blocks.convs[-1] == ConvBlock(kernels=64, pool="none")


def test_a_block_that_is_gone_cannot_be_changed() -> None:
    draft = article()
    gone = draft.conv_ids[0]
    with pytest.raises(SpecError, match="no longer there"):
        draft.removed("convs", gone).with_block("convs", gone, kernels=3)


@given(
    st.lists(st.tuples(st.sampled_from(["move", "remove", "add"]), st.integers(0, 5), st.integers(-6, 6)), max_size=12)
)
def test_ids_stay_with_their_blocks_however_they_are_rearranged(acts: list[tuple[str, int, int]]) -> None:
    draft = article()
    for number, block_id in enumerate(draft.conv_ids):
        draft = draft.with_block("convs", block_id, kernels=number + 1)
    owner = dict(zip(draft.conv_ids, (block.kernels for block in draft.blocks.convs), strict=True))
    for act, number, step in acts:
        if act == "add" and len(draft.conv_ids) < MAX_BLOCKS:
            draft = draft.added("convs")
            owner[draft.conv_ids[-1]] = draft.blocks.convs[-1].kernels
        elif act == "move" and number < len(draft.conv_ids):
            before = draft.conv_ids
            draft = draft.moved("convs", before[number], step)
            assert draft.conv_ids.index(before[number]) == max(0, min(len(before) - 1, number + step))
        elif act == "remove" and number < len(draft.conv_ids):
            draft = draft.removed("convs", draft.conv_ids[number])
        assert [owner[block_id] for block_id in draft.conv_ids] == [block.kernels for block in draft.blocks.convs]


def test_recipe_and_data_change_apart_from_the_network() -> None:
    draft = article().with_train(epochs=7).with_augmentation(shift=2.0).with_data(train_size=500).with_name(" mine\n")
    assert draft.train == TrainSpec(epochs=7, augmentation={"shift": 2.0})
    assert draft.data == DataSpec(train_size=500)
    assert draft.blocks == PRESETS["article"].blocks
    assert draft.run_spec().name == "mine"
    with pytest.raises(SpecError, match="learning_rate"):
        draft.with_train(learning_rate=-1)


def test_a_link_opens_the_same_draft() -> None:
    draft = article().with_train(optimizer="sgd").with_data(dataset="fashion_mnist")
    opened = Draft.from_run(from_link(RunSpec, to_link(draft.run_spec())))
    assert (opened.blocks, opened.train, opened.data, opened.name) == (draft.blocks, draft.train, draft.data, "")
    named = draft.with_name("class 4b")
    assert Draft.from_run(named.run_spec()).name == "class 4b"


def test_a_network_without_block_form_is_refused_in_words() -> None:
    odd = ModelSpec(layers=(Pool(), Conv(kernels=2, kernel_size=3), Flatten(), Output()))
    with pytest.raises(SpecError, match="no sliders"):
        Draft.from_run(RunSpec(model=odd))
    with pytest.raises(SpecError, match="no sliders"):
        article().with_model(odd)


def test_a_repaired_network_gets_fresh_widgets() -> None:
    draft = article()
    mended = draft.with_model(PRESETS["lenet5"].model)
    assert to_model(mended.blocks) == PRESETS["lenet5"].model
    assert not set(mended.conv_ids) & set(draft.conv_ids)


def test_undo_and_redo_walk_the_same_path() -> None:
    history = History(article())
    for epochs in (11, 12, 13):
        history = history.then(history.now.with_train(epochs=epochs))
    default = TrainSpec().epochs
    seen = [history.now.train.epochs]
    for _ in range(4):
        history = history.undo()
        seen.append(history.now.train.epochs)
    assert seen == [13, 12, 11, default, default]
    assert not history.past
    for _ in range(4):
        history = history.redo()
    assert history.now.train.epochs == 13
    assert not history.future


def test_a_change_after_undo_forgets_what_was_undone() -> None:
    history = History(article())
    history = history.then(history.now.with_train(epochs=9)).undo()
    history = history.then(history.now.with_train(epochs=11))
    assert history.future == ()
    assert history.redo() is history


def test_a_change_that_changes_nothing_is_no_step() -> None:
    history = History(article())
    assert history.then(history.now.with_train(epochs=history.now.train.epochs)) is history


# --- frozen kernels -------------------------------------------------------------------------------------------------

EDGE = ((-1.0, 0.0, 1.0), (-2.0, 0.0, 2.0), (-1.0, 0.0, 1.0))


def square(size: int, value: float = 0.125) -> tuple[tuple[float, ...], ...]:
    return tuple(tuple(value for _ in range(size)) for _ in range(size))


def test_a_frozen_kernel_gives_the_first_convolution_its_size() -> None:
    draft = article()
    frozen = draft.with_frozen(square(5))
    assert [block.kernel_size for block in frozen.blocks.convs] == [5, 3]
    assert frozen.run_spec().train.frozen_kernels == (square(5),)
    assert not set(frozen.conv_ids) & set(draft.conv_ids)  # the slider for the kernel size must not keep the old one
    assert Draft.from_run(from_link(RunSpec, to_link(frozen.run_spec()))).train == frozen.train
    more = frozen.with_frozen(square(5, 0.5))
    assert more.train.frozen_kernels == (square(5), square(5, 0.5))
    assert more.with_frozen(square(5)) is more  # it is there already
    assert more.with_frozen(EDGE).train.frozen_kernels == (EDGE,)  # others of another size make way
    assert more.without_frozen().run_spec().train == draft.train
    assert frozen.title == "conv 32-64 of 5-3 · dense 128 · 1 frozen"
    assert draft.with_frozen(EDGE).title == "Article's network · 1 frozen"
    assert Draft.from_run(draft.with_frozen(EDGE).run_spec()).name == ""


def test_kernels_without_their_place_wait_and_are_not_trained_with() -> None:
    frozen = article().with_frozen(EDGE)
    first = frozen.conv_ids[0]
    for change in ({"kernel_size": 5}, {"kernel_size": 2}):
        other = frozen.with_block("convs", first, **change)
        assert "first convolution's" in str(other.frozen_fault)
        assert other.run_spec().train.frozen_kernels == ()
        assert "frozen" not in other.title
        again = other.with_block("convs", first, kernel_size=3)
        assert again.frozen_fault is None
        assert again.run_spec() == frozen.run_spec()
    both = frozen.with_frozen(square(3))
    narrow = both.with_block("convs", both.conv_ids[0], kernels=1)
    assert "has 1 in all: give it 2 or more" in str(narrow.frozen_fault)
    assert narrow.run_spec().train.frozen_kernels == ()
    none = both
    for block_id in both.conv_ids:
        none = none.removed("convs", block_id)
    assert "this network has none" in str(none.frozen_fault)
    assert none.run_spec().train.frozen_kernels == ()


def test_what_can_not_be_frozen_is_refused_in_words() -> None:
    with pytest.raises(SpecError, match="no convolution: add a convolution block"):
        Draft.from_preset("mlp").with_frozen(EDGE)
    small = article()
    small = small.with_block("convs", small.conv_ids[0], kernels=1).with_frozen(EDGE)
    with pytest.raises(SpecError, match="all 1 kernels"):
        small.with_frozen(square(3))
    with pytest.raises(SpecError, match="square"):
        article().with_frozen(((1.0, 2.0),))
    full = article()
    for number in range(12):
        full = full.with_frozen(square(3, number / 8))
    with pytest.raises(SpecError, match="at most 12"):
        full.with_frozen(square(3, 7.0))


@pytest.mark.parametrize(("places", "least"), [(3, 12), (16, 3)])
def test_there_is_always_a_link(places: int, least: int) -> None:
    """As many as may be with what can be painted; with more digits than that, as many as a link can hold."""
    draft = article()
    numbers = np.random.default_rng(0).uniform(-1, 1, (12, 11, 11)).round(places)
    for count, kernel in enumerate(numbers.tolist()):
        try:
            draft = draft.with_frozen(tuple(map(tuple, kernel)))
        except SpecError as error:
            assert "a link can't hold so many" in str(error)
            assert count >= least
            break
        assert Draft.from_run(from_link(RunSpec, to_link(draft.run_spec()))).train == draft.train
    assert len(draft.train.frozen_kernels) >= least


def test_runs_that_differ_in_their_recipe_have_names_that_tell_it() -> None:
    draft = article()
    assert draft.with_train(learning_rate=0.02).title == "Article's network · rate 0.02"
    assert draft.with_data(train_size=500).with_train(optimizer="momentum").title == (
        "Article's network · 500 images · momentum"
    )
    many = draft.with_train(learning_rate=0.02, batch_size=64, epochs=1, seed=4, label_smoothing=0.1)
    assert many.title == "Article's network · rate 0.02 · batch 64 · 1 epoch · 2 more"
    assert many.network_title == "Article's network"
    assert many.with_name("mine").title == "mine"
    assert Draft.from_run(many.run_spec()).name == "", "it is not taken for one that somebody gave"


def test_names_tell_kernel_sizes_and_batch_normalisation() -> None:
    draft = article()
    first, second = draft.conv_ids
    assert draft.with_block("convs", first, kernel_size=5).title == "conv 32-64 of 5-3 · dense 128"
    large = draft.with_block("convs", first, kernel_size=5).with_block("convs", second, kernel_size=5, batch_norm=True)
    assert large.title == "conv 32-64 of 5×5 · batch norm · dense 128"


def test_a_long_name_loses_whole_words_and_is_nobodys_after_a_link() -> None:
    draft = article()
    for block in draft.conv_ids:
        draft = draft.with_block("convs", block, kernel_size=5, batch_norm=True, padding="same")
    draft = (
        draft.added("convs")
        .added("convs")
        .with_data(train_size=5_000)
        .with_train(optimizer="momentum", learning_rate=0.05, schedule="cosine", epochs=20)
    )
    assert len(draft.title) <= 80
    assert draft.title.endswith("momentum")
    opened = Draft.from_run(from_link(RunSpec, to_link(draft.run_spec())))
    assert opened.name == ""
    assert opened.with_train(optimizer="adam").title != draft.title


@pytest.mark.parametrize("name", ["Article's network", "Article's network · rate 0.02"])
def test_what_an_earlier_version_called_a_run_is_nobodys_name(name: str) -> None:
    spec = RunSpec(name=name, model=PRESETS["article"].model, train=TrainSpec(learning_rate=0.02))
    assert Draft.from_run(spec).name == ""
    blocks = PRESETS["tiny"].blocks
    changed = blocks.model_copy(update={"bridge": "flatten"})
    assert Draft.from_run(RunSpec(name="conv 8-12-16-16-16", model=to_model(changed))).name == ""
    assert Draft.from_run(spec.renamed("mine")).name == "mine"
