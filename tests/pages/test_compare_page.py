"""The page Compare: its tables, charts and digits against the networks asked directly."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import json
import re
from collections.abc import Callable
from html import unescape

import numpy as np
import pytest
from conftest_pages import component, digit_field, elements, network_picker, shown_wall, sound, stopped_run, texts
from scipy.stats import ttest_ind
from streamlit.testing.v1 import AppTest

from explorer import networks, weights, zoo
from explorer.analysis import evaluate
from explorer.data import load
from explorer.models import build
from explorer.runs import artifacts, service
from explorer.runs.records import Metric
from explorer.runs.store import SqlRunStore
from explorer.spec import Activation, Conv, DataSpec, Flatten, ModelSpec, Output, Pool, RunSpec, TrainSpec
from explorer.ui import cache, compare_curves, compare_seeds, compare_table
from explorer.ui.compare import MOST
from explorer.ui.compare_seeds import Family
from explorer.ui.differences import facts

Open = Callable[..., AppTest]
WHOLE = DataSpec()
MODEL, WIDE = (
    ModelSpec(layers=(Conv(kernels=kernels, kernel_size=5), Activation(), Pool(), Flatten(), Output()))
    for kernels in (2, 3)
)


def tables(tested: AppTest) -> dict[str, dict[str, list[str]]]:
    """The tables of the page: by caption, each row's cells by its first one."""
    found = {}
    for item in elements(tested):
        if getattr(item, "type", "") != "html" or 'class="ks-table"' not in item.proto.body:
            continue
        text = item.proto.body
        caption = unescape(re.findall(r"<caption><span>(.*?)</span>", text)[0])
        rows = [re.findall(r"<t[dh][^>]*>(.*?)</t[dh]>", row) for row in re.findall(r"<tr>(.*?)</tr>", text)]
        found[caption] = {unescape(name): [unescape(cell) for cell in cells] for name, *cells in rows}
    return found


def chart(tested: AppTest, key: str) -> dict:
    return json.loads(json.loads(component(tested, key).json)["figure"])


def trained(
    name: str,
    seed: int,
    *,
    finished: bool = True,
    model: ModelSpec = MODEL,
    data: DataSpec = WHOLE,
    images: str = "",
    result: dict[str, float] | None = None,
) -> str:
    """A run in the store with curves, and weights that chance gave it unless it is still running. ``images``: the
    fingerprint of those that it learned from, by default those that are here."""
    spec = RunSpec(name=name, model=model, data=data, train=TrainSpec(seed=seed, epochs=2))
    store = service.local().store
    run = store.create(spec)
    lease = store.claim_run(run, "a test", 600)
    assert lease is not None
    rows = [
        Metric(key, step, step / 10, value / (step + 1) + seed / 100, 0.0)
        for key, value in (("loss/validation", 2.0), ("loss/train", 3.0))
        for step in range(0, 20, 5)
    ]
    rows += [Metric("accuracy/validation", step, step / 10, 0.5 + step / 100, 0.0) for step in range(0, 20, 5)]
    store.append(lease, rows)
    if finished:
        file = weights.pack(build(model, (1, 28, 28), 10, seed=seed), spec)
        artifacts.atomic_write(artifacts.run_folder(run).create().weights, file)
        known = {
            "weights_sha256": hashlib.sha256(file).hexdigest(),
            "test_accuracy": 0.9,
            "test_correct": 900,
            "test_images": 1000,
            "validation_accuracy": 0.91,
            "data": {"fingerprint": images or load("mnist").fingerprint, "complete": False, "train_images": 3_600},
        }
        store.finish(lease, "finished", result=known | (result or {}))
    return run


def test_two_bundled_networks_digit_by_digit(open_app: Open) -> None:
    tested = sound(open_app("compare", network="lenet5", **{"with": "softmax"}))
    data = load("mnist")
    one, other = (
        evaluate(networks.load(name), data.test.pixels, data.test.labels, data.card) for name in ("lenet5", "softmax")
    )
    right, beside = one.predictions == one.labels, other.predictions == other.labels
    found = tables(tested)
    reached = found["What they reached"]
    for place, name in enumerate(("lenet5", "softmax")):
        card = zoo.card(name)
        assert reached["Test accuracy"][place] == f"{card.test.accuracy:.2%}"
        assert reached["Parameters"][place] == f"{card.parameters:,}"
        assert reached["Wrong"][place] == f"{card.test.images - card.test.correct:,} of {card.test.images:,}"
    (row,) = (rows for caption, rows in found.items() if caption.startswith("Each beside LeNet-5"))
    cells = row["Softmax regression"]
    assert cells[0] == f"{other.accuracy:.2%}"
    points = 100 * (beside.mean() - right.mean())
    assert cells[1] == f"{points:+.2f}".replace("-", "−")
    assert cells[3:6] == [
        f"{count:,}" for count in ((beside & ~right).sum(), (right & ~beside).sum(), (~right & ~beside).sum())
    ]
    assert cells[6] == "< 0.0001"
    assert f"reads {-points:.2f} points more right than **Softmax regression**" in texts(tested)
    # The digits that only the current one reads right, and one that is clicked.
    numbers = np.flatnonzero(right & ~beside)[:60]
    wall = shown_wall(tested, "compare-wall")
    np.testing.assert_array_equal(wall.pixels, np.asarray(data.test.pixels[numbers])[:, 0])
    first = int(numbers[0])
    assert wall.header["captions"][0] == f"{one.labels[first]} → {other.predictions[first]}"
    tested.session_state["compare-group"] = "neither"
    wall = shown_wall(sound(tested.run()), "compare-wall")
    both = int(np.flatnonzero(~right & ~beside)[0])
    assert wall.header["captions"][0] == f"{one.labels[both]} → {one.predictions[both]}, {other.predictions[both]}"
    assert texts(tested).count("None of these was trained by you") == 1


def test_only_the_seed_differs_and_curves_are_those_of_the_runs(open_app: Open) -> None:
    open_app("build")
    one, other = trained("mine", 0), trained("yours", 3)
    tested = sound(open_app("compare", network=one, **{"with": other}))
    found = tables(tested)
    assert found["Only the seed differs: what separates their results is chance"] == {
        "": [f"mine · {one[:4]}", f"yours · {other[:4]}"],
        "Seed": ["0", "3"],
    }
    assert found["What they reached"]["Validation accuracy"] == ["91.00%"] * 2
    assert found["What they reached"]["95% interval"][0] == "87.98% to 91.71%"
    assert found["What they reached"]["Images"] == ["3,600 of the subset"] * 2
    for axis in ("epoch", "step"):
        tested.session_state["compare-axis"] = axis
        sound(tested.run())
        for quantity, key in (("accuracy", "accuracy/validation"), ("loss", "loss/validation")):
            lines = {line["name"]: line for line in chart(tested, f"compare-{quantity}")["data"]}
            for run, name in ((one, "mine"), (other, "yours")):
                kept = service.local().store.metrics_since(run, key, -1)
                line = lines[f"{name} · {run[:4]}"]
                np.testing.assert_allclose(numbers(line["x"]), [getattr(row, axis) for row in kept], rtol=1e-6)
                np.testing.assert_allclose(numbers(line["y"]), [row.value for row in kept], rtol=1e-6)


def numbers(values: list[float] | dict[str, str]) -> np.ndarray:
    """A line's numbers, which Plotly writes as they are, or packed."""
    if isinstance(values, list):
        return np.array(values)
    return np.frombuffer(base64.b64decode(values["bdata"]), values["dtype"])


def test_the_curves_as_a_file_are_all_that_was_written_down(open_app: Open) -> None:
    open_app("build")
    runs = [networks.find(trained("=mine", 0)), networks.find(trained("yours", 3))]
    rows = list(csv.DictReader(io.StringIO(compare_curves.as_csv(runs))))
    for run in runs:
        own = [row for row in rows if row["run"] == run.id]
        assert {row["network"] for row in own} == {"'=mine" if run is runs[0] else "yours"}
        for key in ("loss/train", "loss/validation", "accuracy/validation"):
            kept = service.local().store.metrics_since(run.id, key, -1)
            told = [(int(row["step"]), float(row["epoch"]), float(row["value"])) for row in own if row["metric"] == key]
            assert told == [(row.step, row.epoch, row.value) for row in kept]


def test_what_a_recipe_did_not_make_is_not_told_by_it(open_app: Open) -> None:
    """Runs on other images, and one that was brought in."""
    open_app("build")
    one, other = trained("mine", 0), trained("yours", 3, images="others")
    tested = sound(open_app("compare", network=one, **{"with": other}))
    assert tables(tested)["What differs, 2 things"]["Learned from"] == ["set A", "set B"]
    same = trained("mine", 0, images="others")
    tested = sound(open_app("compare", network=one, **{"with": same}))
    assert tables(tested)["Only this differs"] == {
        "": [f"mine · {one[:4]}", f"mine · {same[:4]}"],
        "Learned from": ["set A", "set B"],
    }
    file = weights.pack(build(MODEL, (1, 28, 28), 10, seed=5), RunSpec(name="file", model=MODEL))
    origin = {"file": "theirs.pt", "by": "name", "converted": [], "pairs": []}
    brought = service.add(RunSpec(name="theirs", model=MODEL), file, {"imported": origin})
    tested = sound(open_app("compare", network=one, **{"with": brought}))
    (differs,) = (rows for caption, rows in tables(tested).items() if caption.startswith("What differs"))
    assert differs["Seed"] == ["0", "–"]
    assert differs["Optimiser"] == ["AdamW", "–"]
    assert tables(tested)["What they reached"]["State"] == ["trained", "imported"]


def test_the_file_has_every_fact_and_runs_no_formula(open_app: Open) -> None:
    open_app("build")
    one, other = networks.find(trained("=1+1", 0)), networks.find(trained("yours", 3))
    found = facts([one.spec, other.spec])
    rows = list(csv.reader(io.StringIO(compare_table.as_csv([one, other], found))))
    assert rows[0] == ["", f"'=1+1 · {one.id[:4]}", f"yours · {other.id[:4]}"]
    assert ["Seed", "0", "3"] in rows
    assert [row[0] for row in rows[1:]] == [fact.name for fact in found]


def test_a_run_without_weights_stands_in_the_tables_alone(open_app: Open) -> None:
    open_app("build")
    run = trained("young", 0, finished=False)
    tested = sound(open_app("compare", network="softmax", **{"with": run}))
    assert tables(tested)["What they reached"]["State"] == ["bundled", "training"]
    assert f"Without weights yet: **young · {run[:4]}**" in texts(tested)


def test_a_stopped_run_was_not_tested_and_is_compared_all_the_same(open_app: Open) -> None:
    open_app("build")
    run, _ = stopped_run()
    tested = sound(open_app("build", network=run))
    links = [item.proto.label for item in tested.get("page_link")]
    assert "Not tested: count what its latest weights read right" in links
    tested = sound(open_app("compare", network="softmax", **{"with": run}))
    assert tables(tested)["What they reached"]["Test accuracy"][1] == "–"
    (row,) = (rows for caption, rows in tables(tested).items() if caption.startswith("Each beside Softmax"))
    data = load("mnist")
    found = evaluate(networks.load(run), data.test.pixels, data.test.labels, data.card)
    assert row[f"small · {run[:4]}"][0] == f"{found.accuracy:.2%}"


def chosen(tested: AppTest) -> list[str]:
    (found,) = (box for box in sound(tested).multiselect if box.label == "Compare with")
    assert tested.query_params.get("with", "") == ",".join(found.value), "the address says which"
    return found.value


def test_the_list_is_in_the_address_and_what_is_not_here_is_told(open_app: Open) -> None:
    tested = open_app("compare", network="lenet5", **{"with": "tiny,feedbeef,lenet5,,tiny,fashion_lenet5,softmax"})
    assert chosen(tested) == ["tiny", "softmax"]
    assert [toast.value for toast in tested.toast] == [
        "Left out, for not here (any more) or of another data set: feedbeef, fashion\\_lenet5."
    ]
    (box,) = (box for box in tested.multiselect if box.label == "Compare with")
    assert chosen(box.set_value(["softmax"]).run()) == ["softmax"]
    # The network that becomes the current one changes places with the one before.
    assert chosen(network_picker(tested).set_value("softmax").run()) == ["lenet5"]
    (box,) = (box for box in tested.multiselect if box.label == "Compare with")
    assert chosen(box.set_value([]).run()) == []
    assert "Choose one network or more" in tested.info[0].value
    tested.switch_page("pages/mistakes.py").run()
    assert "with" not in tested.query_params


def test_at_first_it_is_the_last_run_that_learned_otherwise(open_app: Open) -> None:
    open_app("build")
    assert chosen(open_app("compare", network="lenet5")) == ["article"]
    one, other = trained("mine", 0), trained("wide", 0, model=WIDE)
    trained("mine", 1)
    trained("young", 2, model=WIDE, finished=False)
    assert chosen(open_app("compare", network=one)) == [other]
    service.delete(other)
    cache.known_networks.clear()  # as the page does that deletes it
    assert chosen(open_app("compare", network=one, **{"with": other})) != [other]


def test_a_data_set_without_others_leaves_the_list_to_be_made_anew(open_app: Open) -> None:
    tested = open_app("compare", network="fashion_lenet5")
    assert "There is no other network" in tested.info[0].value
    assert chosen(network_picker(tested).set_value("article").run()) == ["lenet5"]


def test_a_link_may_name_a_run_by_the_beginning_of_its_id(open_app: Open) -> None:
    open_app("build")
    run = trained("mine", 0)
    assert chosen(open_app("compare", network="softmax", **{"with": run[:5]})) == [run]
    tested = open_app("compare", network=run, **{"with": f"{run[:5]},tiny"})
    assert chosen(tested) == ["tiny"]
    assert not tested.toast


def test_no_more_than_can_be_told_apart(open_app: Open) -> None:
    every = [name for name in zoo.names() if name not in ("article", "fashion_lenet5")]
    tested = open_app("compare", network="fashion_lenet5")
    assert "There is no other network for Fashion-MNIST yet" in tested.info[0].value
    tested = open_app("compare", network="article", **{"with": ",".join(every)})
    assert chosen(tested) == every[:MOST]
    assert tested.toast[0].value == f"No more than {MOST} are compared: the last {len(every) - MOST} are left out."


def test_the_current_digit_is_read_by_all(open_app: Open) -> None:
    tested = sound(open_app("compare", network="lenet5", digit="8", **{"with": "tiny,softmax"}))
    bars = [item.proto.body for item in tested.get("html") if 'class="ks-bars"' in item.proto.body]
    assert [re.findall(r'aria-label="(.*?)"', text)[0] for text in bars] == [
        f"Probabilities by {name}" for name in ("LeNet-5", "Tiny", "Softmax regression")
    ]
    data = load("mnist")
    for text, name in zip(bars, ("lenet5", "tiny", "softmax"), strict=True):
        found = evaluate(networks.load(name), data.test.pixels[8:9], data.test.labels[8:9], data.card)
        shares = [float(value) for value in re.findall(r'title=".+?: ([^"]+)"', text)]
        np.testing.assert_allclose(shares, found.probabilities[0], rtol=1e-4, atol=1e-7)
    assert digit_field(tested).value == 8


# --- seeds ---


def test_runs_that_differ_in_the_seed_alone_are_one_family(open_app: Open) -> None:
    open_app("build")
    mine = [trained("mine", seed, result={"validation_accuracy": 0.90 + seed / 100}) for seed in (0, 1, 2)]
    trained("copy", 2, result={"validation_accuracy": 0.92})  # the same seed gives the same again
    trained("elsewhere", 3, images="others", result={"validation_accuracy": 0.99})
    others = [trained("wide", seed, model=WIDE, result={"validation_accuracy": 0.80 + seed / 50}) for seed in (0, 1)]
    tested = sound(open_app("compare", network=mine[1], **{"with": f"{others[0]},{mine[0]}"}))
    (seeds,) = (rows for caption, rows in tables(tested).items() if caption.startswith("Mean and standard deviation"))
    assert seeds[f"mine · {mine[1][:4]}"][:3] == ["3", "91.00% ± 1.00", "90.00% ± 0.00"]
    cells = seeds[f"wide · {others[0][:4]}"]
    assert cells[:3] == ["2", "81.00% ± 1.41", "90.00% ± 0.00"]
    wanted = ttest_ind([0.80, 0.82], [0.90, 0.91, 0.92], equal_var=False).confidence_interval(0.95)
    assert cells[3] == f"{100 * wanted.low:+.2f} to {100 * wanted.high:+.2f}".replace("-", "−")
    assert len(seeds) == 3  # with its head
    assert ("nothing can be told from chance yet" in texts(tested)) == (wanted.low < 0 < wanted.high)


def test_other_validation_digits_are_not_held_together(open_app: Open) -> None:
    open_app("build")
    split = DataSpec(split_seed=7)
    mine = [trained("mine", seed, result={"validation_accuracy": 0.90 + seed / 100}) for seed in (0, 1)]
    other = [trained("mine", seed, data=split, result={"validation_accuracy": 0.5 + seed / 100}) for seed in (0, 1)]
    tested = sound(open_app("compare", network=mine[0], **{"with": other[0]}))
    (seeds,) = (rows for caption, rows in tables(tested).items() if caption.startswith("Mean and standard deviation"))
    assert seeds[f"mine · {other[0][:4]}"][3] == "–"
    assert "have other training or validation images" in texts(tested)
    assert "is better than" not in texts(tested)
    elsewhere = [trained("mine", seed, images="others", model=WIDE) for seed in (0, 1)]
    tested = sound(open_app("compare", network=mine[0], **{"with": elsewhere[0]}))
    assert "have other training or validation images" in texts(tested)


def test_all_runs_of_all_families_are_had_with_one_question_to_the_store(
    open_app: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_app("build")
    mine, wide = ([trained("mine", seed, model=model) for seed in range(4)] for model in (MODEL, WIDE))
    alone = trained("mine", 9, images="other images")
    shown = [networks.find(run) for run in (mine[0], wide[2], alone)]
    asked: list[list[str]] = []

    def note(name: str) -> None:
        ask = getattr(SqlRunStore, name)

        def noting(store: SqlRunStore, wanted: str | tuple[str, ...]) -> object:
            asked.append([wanted] if isinstance(wanted, str) else list(wanted))
            return ask(store, wanted)

        monkeypatch.setattr(SqlRunStore, name, noting)

    compare_seeds._look_again()
    note("get")
    note("get_many")
    found = compare_seeds.families(shown)
    assert list(map(sorted, asked)) == [sorted([*mine, *wide, alone])]
    assert [family.first.id for family in found] == [mine[0], wide[2], alone]
    assert [{run.id for run in family.runs} for family in found] == [set(mine), set(wide), {alone}]


def test_the_next_seeds_are_those_that_nobody_has(open_app: Open) -> None:
    spec = RunSpec(name="mine · seed 1", model=MODEL, train=TrainSpec(seed=1, epochs=2))
    made = compare_seeds.next_seeds(spec, {1, 0, 3}, 3)
    assert [one.train.seed for one in made] == [2, 4, 5]
    assert [one.name for one in made] == ["mine · seed 2", "mine · seed 4", "mine · seed 5"]
    assert all(one.train.model_copy(update={"seed": 1}) == spec.train for one in made)
    longest = compare_seeds.next_seeds(spec.renamed("x" * 80), set(), 1)[0]
    assert RunSpec.model_validate_json(longest.model_dump_json()) == longest


def test_one_click_queues_them_and_another_stops_them(open_app: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "dispatch", lambda **_: [])  # nobody trains: they wait
    open_app("build")
    one, other = trained("mine", 0), trained("wide", 5, model=WIDE)
    tested = sound(open_app("compare", network=one, **{"with": other}))
    sound(tested.button(key="more-seeds").click().run())
    queued = [run for run in service.local().store.list() if run.state == "queued"]
    assert sorted((run.name, run.spec.train.seed) for run in queued) == [
        ("mine · seed 1", 1),
        ("mine · seed 2", 2),
        ("wide · seed 0", 0),
        ("wide · seed 1", 1),
    ]
    (seeds,) = (rows for caption, rows in tables(tested).items() if caption.startswith("Mean and standard deviation"))
    assert seeds[f"mine · {one[:4]}"][0] == "1 and 2 under way"
    # The same click again, or that of somebody who does not see them yet, adds none.
    store = service.local().store
    older = [Family(networks.find(run), "", (store.get(run),)) for run in (one, other)]
    compare_seeds._train(older)
    assert len(store.list()) == 6
    store.request(next(run.id for run in queued), "stop")
    sound(tested.button(key="more-seeds").click().run())
    seeds_of_mine = sorted(run.spec.train.seed for run in store.list() if run.name.startswith("mine · seed"))
    assert seeds_of_mine == [1, 2, 3, 4]
    sound(tested.button(key="stop-seeds").click().run())
    assert {run.state for run in service.local().store.list()} == {"finished", "stopped"}
    assert "stop-seeds" not in [button.key for button in tested.button]


def test_another_opinion_is_of_a_run_that_ended_and_of_each_kind_one(open_app: Open) -> None:
    """In *Mistakes*, where a digit is explained."""
    open_app("build")
    wide = trained("wide", 0, model=WIDE)
    trained("mine", 1)
    trained("young", 0, finished=False)
    stopped_run()
    bundled = len(zoo.names()) - 2  # without the current one and the one for clothes

    def others(network: str = "softmax") -> int:
        cache.known_networks.clear()
        tested = open_app("mistakes", network=network)
        tested.session_state["mistakes-tab"] = "This image explained"
        (count,) = re.findall(r" of (\d+) others answer", texts(sound(tested.run())))
        return int(count) - bundled

    assert others() == 2
    trained("mine", 2)  # one more of a kind
    assert others() == 2
    service.delete(wide)
    assert others() == 1
    assert others(trained("mine", 3)) == 1, "softmax, but none of its own kind"
