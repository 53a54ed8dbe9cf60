"""`compare`: networks on the command line, digit by digit, against the networks asked directly."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from explorer import zoo
from explorer.analysis import evaluate
from explorer.analysis.paired import paired
from explorer.cli import app
from explorer.data import load, split
from explorer.spec import DataSpec


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERNELSCOPE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("KERNELSCOPE_DATA", "")


def explorer(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments)


def test_each_is_held_against_the_first() -> None:
    result = explorer("compare", "softmax", "mlp", "lenet5", "--json")
    assert result.exit_code == 0, result.output
    data = load("mnist")
    names = ("softmax", "mlp", "lenet5")
    first, *others = (evaluate(zoo.load(name)[1], data.test.pixels, data.test.labels, data.card) for name in names)
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert [line["model"] for line in lines] == ["mlp", "lenet5"]
    for line, answers in zip(lines, others, strict=True):
        pair = paired(answers, first)
        assert line["difference"] == pytest.approx(answers.accuracy - first.accuracy)
        assert (line["right_alone"], line["wrong_alone"], line["both_wrong"]) == (pair.first, pair.second, pair.neither)
        assert line["interval"] == pytest.approx(list(pair.interval))
        assert line["p_value"] == pytest.approx(pair.p_value)


def test_for_people_it_is_one_sentence_each_and_says_what_they_have_learned_from() -> None:
    result = explorer("compare", "lenet5", "softmax")
    assert result.exit_code == 0
    assert result.stdout.startswith("softmax beside lenet5: -")
    assert "of 1,000 test images (95 %: -" in result.stdout
    told = " ".join(result.stderr.split())
    assert "softmax: These test images are some of MNIST's training images" in told
    assert "lenet5: These" in told


def test_validation_images_are_those_of_both_or_none() -> None:
    _, network = zoo.load("softmax")
    data = load("mnist")
    validation = split(data, zoo.card("softmax").spec.data).validation
    assert zoo.card("softmax").spec.data == zoo.card("mlp").spec.data
    right = evaluate(network, data.train.pixels[validation], data.train.labels[validation], data.card)
    result = explorer("compare", "mlp", "softmax", "--split", "validation", "--json")
    assert json.loads(result.stdout)["accuracy"] == right.accuracy
    assert zoo.card("best").spec.data != DataSpec()
    result = explorer("compare", "softmax", "best", "--split", "validation")
    assert result.exit_code == 1
    assert "best has other validation images than softmax: compare them on the test images" in result.stderr


def test_one_network_is_compared_with_none() -> None:
    result = explorer("compare", "lenet5")
    assert result.exit_code == 2
    assert "two networks or more" in result.stderr


def test_networks_of_different_data_sets_are_compared_on_the_one_that_is_named() -> None:
    result = explorer("compare", "lenet5", "fashion_lenet5")
    assert result.exit_code == 1
    assert "lenet5 for MNIST, fashion_lenet5 for Fashion-MNIST" in result.stderr
    result = explorer("compare", "lenet5", "fashion_lenet5", "--dataset", "mnist", "--json")
    assert json.loads(result.stdout)["dataset"] == "mnist"
