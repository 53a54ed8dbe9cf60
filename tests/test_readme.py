"""What the README says of the bundled networks is what their cards say, and its pictures are there."""

from __future__ import annotations

import re
from pathlib import Path

from explorer import votes, zoo

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_table_of_networks_is_the_cards() -> None:
    for card in zoo.entries():
        test = card.test
        low, high = test.interval
        row = f"| {card.title} (`{card.name}`) | {card.parameters:,} | {test.accuracy:.2%} ({low:.2%} to {high:.2%}) |"
        assert row in README


def test_the_vote_is_its_card() -> None:
    vote = votes.card(votes.THREE)
    names = [voter.name for voter in vote.members]
    parameters, (low, high) = sum(zoo.card(name).parameters for name in names), vote.test.interval
    members = ", ".join(f"`{name}`" for name in names)
    result = f"{vote.test.accuracy:.2%} ({low:.2%} to {high:.2%})"
    assert f"| {vote.title} ({members}) | {parameters:,} | {result} |" in README


def test_every_picture_and_command_exists() -> None:
    pictures = re.findall(r"!\[[^\]]*\]\(([^)]+)\)", README)
    assert len(pictures) >= 5
    for picture in pictures:
        assert (ROOT / picture).is_file(), picture
    for script in re.findall(r"python (bench/\w+\.py)", README):
        assert (ROOT / script).is_file(), script
