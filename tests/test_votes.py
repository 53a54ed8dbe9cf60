"""The bundled vote counted again from the shipped weights, its making, and what becomes of a damaged card."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from explorer import data, votes, zoo
from explorer.analysis import Evaluation
from explorer.cli import app
from explorer.data.tensors import as_tensor, normalise
from explorer.errors import DataError, WeightsError


@pytest.fixture(scope="module", autouse=True)
def _home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KERNELSCOPE_HOME", str(tmp_path_factory.mktemp("home")))
        yield


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A folder with three quick networks, made with the images that are here as their cards say, and nothing else."""
    for name in ("softmax", "tiny", "lenet5"):
        _copy(name, tmp_path, data.load("mnist").fingerprint)
    return tmp_path


def _copy(name: str, folder: Path, fingerprint: str) -> None:
    shutil.copy(zoo.DIRECTORY / f"{name}.safetensors", folder)
    card = zoo.card(name)
    made_with = card.data.model_copy(update={"fingerprint": fingerprint})
    zoo.write(card.model_copy(update={"data": made_with}), directory=folder)


def test_the_bundled_vote_is_recounted_from_the_shipped_weights() -> None:
    card = votes.card(votes.THREE)
    found = data.load(card.dataset)
    mean = torch.zeros(len(found.test), len(found.card.classes), dtype=torch.float64)
    for voter in card.members:
        _, network = zoo.load(voter.name)
        with torch.no_grad():
            for first in range(0, len(found.test), 500):
                pixels = normalise(as_tensor(found.test.pixels[first : first + 500]), found.card)
                mean[first : first + 500] += network(pixels).double().softmax(1) / len(card.members)
    right = int((mean.argmax(1).numpy() == found.test.labels).sum())
    if found.fingerprint == card.fingerprint:
        assert abs(right - card.test.correct) <= 1  # a tie in the last bit
        assert len(found.test) == card.test.images
    else:  # the subset's images are among those that were learned from
        assert right / len(found.test) > 0.995


def test_the_command_chooses_by_validation_images_alone(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    from explorer import analysis

    evaluate = analysis.evaluate

    def count(model: torch.nn.Module, pixels: np.ndarray, labels: np.ndarray, card: object) -> object:
        asked.append(len(pixels))
        return evaluate(model, pixels, labels, card)  # type: ignore[arg-type]

    monkeypatch.setattr(analysis, "evaluate", count)
    result = CliRunner().invoke(app, ["zoo", "vote", "--in", str(small), "--json"])
    assert result.exit_code == 0, result.output
    line = json.loads(result.output.splitlines()[-1])
    card = votes.card(votes.THREE, directory=small)
    assert line == {"vote": "three", "members": [v.name for v in card.members], "test_accuracy": card.test.accuracy}
    assert {voter.name for voter in card.members} == {"softmax", "tiny", "lenet5"}
    found = data.load("mnist")
    held_out = len(data.split(found, zoo.card("tiny").spec.data).validation)
    assert asked == [held_out] * 3 + [len(found.test)] * 3
    assert votes.of_data_set("mnist", directory=small) == card
    assert votes.of_data_set("fashion_mnist", directory=small) is None


def test_what_is_best_is_told_whatever_the_confidence(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _copy("mlp", small, data.load("mnist").fingerprint)
    rng = np.random.default_rng(0)
    # How clearly a network tells the classes apart, and how sure it is of it: the best of all is the least sure.
    skill = {"softmax": (2.0, 1.0), "lenet5": (3.0, 1.0), "tiny": (3.0, 1.0), "mlp": (4.0, 0.3)}

    def answer(card: zoo.ZooCard, images: data.Images, *_: object) -> Evaluation:
        clear, sure = skill[card.name]
        labels = np.asarray(images.labels[:3_000])
        logits = rng.normal(size=(len(labels), 10)) + clear * np.eye(10)[labels]
        shares = torch.tensor(sure * logits).softmax(1).numpy()
        losses = -np.log(shares[np.arange(len(labels)), labels])
        return Evaluation(labels, shares.argmax(1), shares.astype(np.float32), losses.astype(np.float32))

    monkeypatch.setattr(votes, "_answers", answer)
    made = votes.make(directory=small)
    assert {voter.name for voter in made.members} == {"mlp", "tiny", "lenet5"}
    assert {voter.name for voter in made.candidates} == set(skill)


def test_the_bundled_vote_was_chosen_among_all_that_are_bundled() -> None:
    card = votes.card(votes.THREE)
    known = {one.name: one.sha256 for one in zoo.entries() if one.spec.data.dataset == card.dataset}
    assert {voter.name: voter.sha256 for voter in card.candidates} == known


def test_a_vote_needs_three_networks(small: Path) -> None:
    (small / "tiny.json").unlink()
    with pytest.raises(DataError, match="a vote needs 3 bundled networks for MNIST; there are 2"):
        votes.make(directory=small)


def test_no_vote_is_chosen_by_other_images_than_the_networks_were_made_with(small: Path) -> None:
    _copy("tiny", small, "others")
    with pytest.raises(DataError, match="tiny was made with other images of MNIST than are here: get all of them"):
        votes.make(directory=small)
    assert not (small / votes.FOLDER).exists()


def test_what_is_missing_or_damaged_gets_a_sentence(tmp_path: Path, small: Path) -> None:
    with pytest.raises(WeightsError, match=r"no bundled vote 'three'; there are: none"):
        votes.card("three", directory=tmp_path)
    shutil.copytree(zoo.DIRECTORY / votes.FOLDER, small / votes.FOLDER)
    path = small / votes.FOLDER / "three.json"
    content = json.loads(path.read_text())
    with pytest.raises(WeightsError, match="lacks a member"):
        votes.card("three", directory=small)
    sha = zoo.card("tiny").sha256
    path.write_text(json.dumps(content | {"members": [{"name": "tiny", "sha256": sha}] * 2}))
    assert votes.card("three", directory=small).members[0].name == "tiny"
    path.write_text(json.dumps(content | {"members": [{"name": "tiny", "sha256": sha[::-1]}] * 2}))
    with pytest.raises(WeightsError, match="tiny has other weights than it voted with in three: count it again"):
        votes.card("three", directory=small)
    path.write_text("{")
    with pytest.raises(WeightsError, match="can't be read"):
        votes.card("three", directory=small)
    assert votes.of_data_set("mnist", directory=small) is None
    with pytest.raises(WeightsError, match=r"no bundled vote '\.\./tiny'"):
        votes.card("../tiny", directory=small)
