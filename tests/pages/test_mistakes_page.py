"""The tabs of the page Mistakes against the analysis called directly, and against PyTorch."""

from __future__ import annotations

import base64
import csv
import io
import json
import re
from collections.abc import Callable
from html import unescape

import numpy as np
import pytest
import torch
from conftest_pages import component, elements, shown_wall, sound, texts
from scipy.spatial.distance import cdist
from streamlit.testing.v1 import AppTest
from torch import nn

from explorer import networks, votes, zoo
from explorer.analysis import evaluate, mistakes, wilson
from explorer.analysis.flips import CHANGES, smallest
from explorer.analysis.label_errors import suspects
from explorer.analysis.robust import TRIALS, examples, robustness
from explorer.data import load, normalise
from explorer.data.splits import stratified_sample
from explorer.digits.link import to_text
from explorer.jobs import registry, service
from explorer.jobs.context import Context
from explorer.jobs.request import Request, ask
from explorer.ui import flips, label_errors, robust_counts
from explorer.ui import mistakes as page
from explorer.ui.text import number, probability, sure

Open = Callable[..., AppTest]


@pytest.fixture
def opened(open_app: Open) -> Callable[..., AppTest]:
    def start(tab: str, network: str, digit: str = "0") -> AppTest:
        tested = open_app("mistakes", network=network, digit=digit)
        tested.session_state["mistakes-tab"] = tab
        return sound(tested.run())

    return start


def html(tested: AppTest) -> str:
    return unescape("\n".join(item.proto.body for item in elements(tested) if getattr(item, "type", "") == "html"))


def figure(tested: AppTest, key: str) -> dict:
    return json.loads(json.loads(component(tested, key).json)["figure"])


def shares_of(network: nn.Module, index: int) -> np.ndarray:
    data = load("mnist")
    with torch.no_grad():
        return network(normalise(torch.tensor(data.test.pixels[index : index + 1]), data.card))[0].softmax(0).numpy()


def done(request: Request) -> dict[str, np.ndarray]:
    """Does a job in this process, and keeps its result where the page looks for it."""
    arrays = registry.function(request.kind)(Context(request), dict(request.params), lambda *_: None)
    jobs = service.local()
    jobs.files(request.key).begin({"request": request.model_dump(mode="json"), "asked": 0.0})
    jobs.finish(request.key, arrays, 1.0)
    return arrays


def first_mistake(name: str) -> int:
    data = load("mnist")
    return int(mistakes(evaluate(zoo.load(name)[1], data.test.pixels, data.test.labels, data.card))[0])


# --- this digit explained ---


def test_a_misread_digit_is_explained(opened: Callable[..., AppTest]) -> None:
    data, network, index = load("mnist"), zoo.load("softmax")[1], first_mistake("softmax")
    tested = opened(page.EXPLAINED, "softmax", str(index))
    shares, label = shares_of(network, index), int(data.test.labels[index])
    said = texts(tested)
    how = sure(float(shares.max()))
    assert f"True class {label}, read as {shares.argmax()}** ✗, {how} · test image {index}" in said
    assert "The smallest change that makes it right" in said
    for name in CHANGES:
        found = smallest(network, np.asarray(data.test.pixels[index]), label, data.card, name)
        if found.turning is None:
            assert "None makes it right." in said
        else:
            assert re.search(rf"{re.escape(number(abs(found.turning.amount), 3))}\b.*: read as \*\*{label}\*\*", said)
        lines = figure(tested, f"flip-chart-{name}")["data"]
        assert [line["name"] for line in lines] == [f"true {label}", f"read {shares.argmax()}"]
        assert len(figure(tested, f"flip-chart-{name}")["layout"]["shapes"]) == (found.turning is not None)

    answers = evaluate(network, data.test.pixels, data.test.labels, data.card)
    right = np.flatnonzero(answers.predictions == answers.labels)
    flat = data.test.pixels.reshape(len(data.test), -1) / 255
    nearest = right[np.argsort(cdist(flat[index : index + 1], flat[right])[0], kind="stable")[:12]]
    wall = shown_wall(tested, "alike-wall")
    np.testing.assert_array_equal(wall.pixels, data.test.pixels[nearest][:, 0])

    table, agreeing = html(tested), 0
    others = [one for one in networks.known() if one.spec.data.dataset == data.card.name]
    for known in others:
        other = shares_of(zoo.load(known.id)[1], index)
        mark = "✓" if other.argmax() == label else "✗"
        row = f"<td>{known.title}</td><td>{other.argmax()}</td>"
        assert row in table
        assert f"{probability(other.max())}</td>" in table.split(row)[1].split("</tr>")[0]
        assert table.split(row)[1].split("</tr>")[0].endswith(f"<td>{mark}</td>")
        agreeing += known.id != "softmax" and other.argmax() == shares.argmax()
    assert f"{agreeing} of {len(others) - 1} others answer {shares.argmax()}, too" in said

    tested.button(key="next-mistake").click().run()
    sound(tested)
    second = mistakes(answers)[1]
    assert tested.query_params["digit"] == str(second)
    assert f"test image {second}" in texts(tested)


def test_the_nearest_training_digits_are_those_in_the_features(
    opened: Callable[..., AppTest], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("KERNELSCOPE_DATA", raising=False)  # the subset is enough
    data, known = load("mnist"), networks.find("tiny")
    network = networks.load("tiny")
    index = 7
    tested = opened(page.EXPLAINED, "tiny", str(index))
    assert tested.button(key="neighbours-start").label == "Find them"
    done(ask("neighbours", network=known, data=data, count=12))
    sound(tested.run())
    with torch.no_grad():
        seen = [
            network[:-1](normalise(torch.tensor(np.asarray(part.pixels)), data.card)).flatten(1)
            for part in (data.train, data.test)
        ]
    away = cdist(seen[1][index : index + 1], seen[0])[0]
    wall = shown_wall(tested, "neighbour-wall")
    np.testing.assert_array_equal(wall.pixels, data.train.pixels[np.argsort(away, kind="stable")[:12]][:, 0])
    assert wall.header["captions"][0].endswith(f"· {number(float(np.sort(away)[0]), 3)}")


def test_a_right_one_an_own_one_and_a_training_digit_are_explained_as_what_they_are(
    opened: Callable[..., AppTest],
) -> None:
    network = zoo.load("softmax")[1]
    data = load("mnist")
    answers = evaluate(network, data.test.pixels[:20], data.test.labels[:20], data.card)
    right = int(np.flatnonzero(answers.predictions == answers.labels)[0])
    tested = opened(page.EXPLAINED, "softmax", str(right))
    assert "The smallest change that makes it wrong" in texts(tested)
    tested.session_state["own_digit"] = np.asarray(data.test.pixels[right])
    tested.session_state["digit_number"] = None
    said = texts(sound(tested.run()))
    assert "Your own digit, read as" in said
    assert "The smallest change that changes the answer" in said
    assert "Shown for images of the test set" in said
    tested.session_state["digit_number"], tested.session_state["digit_split"] = 3, "train"
    said = texts(sound(tested.run()))
    assert f"True class {data.train.labels[3]}, read as" in said
    assert tested.query_params["digit"] == "train-3"


def test_a_large_network_is_asked_by_a_job_and_the_page_shows_the_same(
    opened: Callable[..., AppTest], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("KERNELSCOPE_DATA", raising=False)  # the subset is enough
    data, network = load("mnist"), zoo.load("softmax")[1]
    index = first_mistake("softmax")
    label, pixels = int(data.test.labels[index]), np.asarray(data.test.pixels[index])
    monkeypatch.setattr(flips, "LARGEST", 0)
    request = ask("flips", network=networks.find("softmax"), data=data, pixels=to_text(pixels), wanted=label)

    tested = opened(page.ALL, "softmax", str(index))
    done(request)
    tested.session_state["mistakes-tab"] = page.EXPLAINED
    sound(tested.run())
    for name in CHANGES:
        found = smallest(network, pixels, label, data.card, name)
        true, read_as = figure(tested, f"flip-chart-{name}")["data"]
        np.testing.assert_allclose(read(true["y"]), found.probabilities[:, label], atol=1e-5)
        np.testing.assert_allclose(read(read_as["x"]), found.amounts, rtol=1e-5)
        marks = figure(tested, f"flip-chart-{name}")["layout"]["shapes"]
        assert [mark["x0"] for mark in marks] == pytest.approx([found.turning.amount] if found.turning else [])


# --- how robust is it ---


def test_the_chart_the_table_and_the_file_hold_the_counts(opened: Callable[..., AppTest]) -> None:
    data, trial = load("mnist"), TRIALS["fgsm"]
    tested = opened(page.ROBUST, "softmax", "4")
    choose(tested, "fgsm")
    assert "appears here" in tested.info[0].value
    count = min(1_000, len(data.test))
    known = networks.find("softmax")
    done(ask("robustness", network=known, data=data, trial="fgsm", images=count))
    sound(tested.run())
    chosen = stratified_sample(data.test.labels, count)
    network = zoo.load("softmax")[1]
    expected = robustness(
        network, data.test.pixels[chosen], data.test.labels[chosen], data.card, "fgsm", numbers=chosen
    )
    (line,) = figure(tested, "robust-chart")["data"]
    np.testing.assert_allclose(read(line["y"]), expected["correct"] / count, atol=1e-6)
    np.testing.assert_allclose(read(line["x"]), trial.levels, atol=1e-6)
    low = wilson(int(expected["correct"][0]), count)[0]
    assert read(line["error_y"]["arrayminus"])[0] == pytest.approx(expected["correct"][0] / count - low, abs=1e-6)
    for correct in expected["correct"]:
        assert f"{correct / count:.2%}" in html(tested)
    rows = list(csv.DictReader(io.StringIO(robust_counts.as_csv([robust_counts.curve(known, data.card, "fgsm")]))))
    assert [int(row["correct"]) for row in rows] == expected["correct"].tolist()
    assert [float(row["amount"]) for row in rows] == list(trial.levels)
    assert {row["network"] for row in rows} == {"Softmax regression"}

    images, shares = examples(network, np.asarray(data.test.pixels[4]), int(data.test.labels[4]), data.card, "fgsm", 4)
    wall = shown_wall(tested, "robust-wall")
    np.testing.assert_allclose(wall.pixels, images[:, 0], atol=1e-6)
    assert wall.header["captions"] == [
        f"{level:g}: {read_as}" for level, read_as in zip(trial.levels, shares.argmax(1), strict=True)
    ]


def choose(tested: AppTest, trial: str) -> None:
    pills = next(item for item in tested.button_group if item.label == "What makes the images harder")
    sound(pills.set_value(trial).run())


def read(array: dict[str, str]) -> np.ndarray:
    return np.frombuffer(base64.b64decode(array["bdata"]), array["dtype"])


def test_a_bundled_networks_card_fills_the_chart_on_its_own_images(
    opened: Callable[..., AppTest], monkeypatch: pytest.MonkeyPatch
) -> None:
    data = load("mnist")
    card = zoo.card("tiny")
    levels = tuple(map(float, TRIALS["blur"].levels))
    correct = tuple(range(100, 100 + len(levels)))
    curves = (zoo.CorruptionCurve(name="blur", levels=levels, correct=correct),)

    def with_counts(name: str, **_: object) -> zoo.ZooCard:
        counted = zoo.Corrupted(images=1_000, fingerprint=data.fingerprint, curves=curves)
        return card.model_copy(update={"corrupted": counted if name == "tiny" else None})

    monkeypatch.setattr(zoo, "card", with_counts)
    tested = opened(page.ROBUST, "tiny")
    choose(tested, "blur")
    (line,) = figure(tested, "robust-chart")["data"]
    np.testing.assert_allclose(read(line["y"]), np.array(correct) / 1_000, atol=1e-6)
    assert not [button for button in tested.button if button.key == "robust-count"]
    assert "The bundled networks at a glance" in texts(tested)
    place = levels.index(1.5)
    assert f'<td class="number">{correct[place] / 1_000:.1%}</td>' in html(tested)


# --- likely label errors ---


def test_the_ranking_is_confident_learnings(opened: Callable[..., AppTest], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KERNELSCOPE_DATA", raising=False)  # the subset is enough
    data = load("mnist")
    tested = opened(page.LABELS, "softmax")
    jury = label_errors.judges(data.card)
    assert [one.test_accuracy for one in jury] == sorted(
        (card.test.accuracy for card in zoo.entries() if card.spec.data.dataset == data.card.name), reverse=True
    )[:5]
    done(ask("label-errors", data=data, networks=[[one.id, one.version] for one in jury]))
    sound(tested.run())
    votes = [
        evaluate(networks.load(one.id), data.test.pixels, data.test.labels, data.card).probabilities for one in jury
    ]
    found = suspects(data.test.labels, np.stack(votes))
    if not len(found.numbers):
        assert "No label is doubted" in texts(tested)
        return
    assert re.search(
        rf"\*\*{len(found.numbers):,} labels? (is|are) doubted\*\*, {found.confident.sum()} of", texts(tested)
    )
    wall = shown_wall(tested, "label-errors-wall")
    np.testing.assert_array_equal(wall.pixels, data.test.pixels[found.numbers[:60]][:, 0])
    assert wall.header["captions"][0] == f"{data.test.labels[found.numbers[0]]}, rather {found.suggested[0]}?"
    assert f"{found.agreeing[0]} of 5 read" in wall.header["details"][0]
    assert [mark == "wrong" for mark in wall.header["marks"]] == found.confident[:60].tolist()


# --- a vote of several ---


def test_the_vote_is_counted_as_by_hand_and_its_digits_are_shown(opened: Callable[..., AppTest]) -> None:
    data = load("mnist")
    tested = opened(page.VOTE, "softmax")
    tested.multiselect(key="vote-members-mnist").set_value(["softmax", "tiny", "mlp"])
    tested = sound(tested.run())
    answers = [
        evaluate(networks.load(one), data.test.pixels, data.test.labels, data.card)
        for one in ("softmax", "tiny", "mlp")
    ]
    mean = np.mean([one.probabilities.astype(np.float64) for one in answers], axis=0)
    wrong = mean.argmax(1) != data.test.labels
    low, high = wilson(int((~wrong).sum()), len(wrong))
    said = texts(tested)
    assert f"**{(~wrong).mean():.2%}** of the test images are read right together" in said
    assert f"{low:.2%} to {high:.2%}" in said
    table = html(tested)
    for one in answers:
        assert f"{one.accuracy:.2%}" in table
    alone = answers[0].predictions != data.test.labels  # the current network's
    pills = next(item for item in tested.button_group if item.label == "Images shown")
    wall = shown_wall(sound(pills.set_value("Mended by the vote").run()), "vote-wall")
    mended = np.flatnonzero(alone & ~wrong)[:60]
    np.testing.assert_array_equal(wall.pixels, data.test.pixels[mended][:, 0])
    first = int(mended[0])
    names = ("Softmax regression", "Tiny", "Multilayer perceptron")
    said = ", ".join(f"{name} {one.predictions[first]}" for name, one in zip(names, answers, strict=True))
    assert wall.header["details"][0] == f"Test image {first}: {said}"


def test_the_vote_begins_with_the_bundled_one_and_needs_two(opened: Callable[..., AppTest]) -> None:
    tested = opened(page.VOTE, "tiny")
    card = votes.card(votes.THREE)
    assert tested.multiselect(key="vote-members-mnist").value == [voter.name for voter in card.members]
    assert f"The bundled vote. {card.chosen_by}" in texts(tested)
    tested.multiselect(key="vote-members-mnist").set_value(["tiny"])
    tested = sound(tested.run())
    assert any("Choose two networks or more" in item.value for item in tested.info)
