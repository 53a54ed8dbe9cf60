"""A job on a page: its button, its progress, its error, its result, in AppTest with real processes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import fake_jobs
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from explorer.jobs import files, registry, service
from explorer.jobs.request import Request
from explorer.jobs.service import Look
from explorer.ui import jobs as page

FOLDER = Path(__file__).parents[1] / "jobs"
Start = Callable[..., AppTest]


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    """``start(kind, **params)`` opens a session whose page asks for that job."""
    monkeypatch.setenv("KERNELSCOPE_HOME", str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", str(FOLDER))
    for name, kind in fake_jobs.FAKES.items():
        monkeypatch.setitem(registry.KINDS, name, kind)
    monkeypatch.setattr(service, "local", fake_jobs.jobs)
    st.cache_resource.clear()

    def begin(kind: str, **params: object) -> AppTest:
        request = Request(kind=kind, params=params)
        monkeypatch.setenv("FAKE_REQUEST", request.model_dump_json())
        return AppTest.from_file(str(Path(__file__).with_name("jobs_app.py")), default_timeout=60).run()

    yield begin
    jobs = fake_jobs.jobs()
    for job in files.active(jobs.root):
        jobs.cancel(job.key)


def button(tested: AppTest, label: str) -> AppTest:
    return next(item for item in tested.button if item.label == label).click().run()


def until(tested: AppTest, met: Callable[[], bool]) -> None:
    """Runs the page again, as the browser's timer does, until it shows what is waited for."""
    for _ in range(2000):
        if met():
            return
        tested.run()
    raise AssertionError([item.value for item in tested.markdown])


def shown(tested: AppTest) -> list[str]:
    return [item.value for item in tested.markdown]


def test_a_button_starts_it_and_another_session_sees_the_same(start: Start, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    tested = start("gate", file=str(gate))
    assert [item.value for item in tested.caption] == ["What will be here."]
    assert [item.label for item in tested.button] == ["Find them"]
    button(tested, "Find them")
    other = start("gate", file=str(gate))
    for session in (tested, other):
        assert [item.label for item in session.button] == ["Cancel"]
    until(other, lambda: "Half way · 50%" in str(other.get("progress")[0].proto.text))
    button(other, "Cancel")
    assert "It was cancelled." in [item.value for item in other.caption]
    tested.run()
    button(tested, "Find them")
    gate.touch()
    until(tested, lambda: "found ['done']" in shown(tested))
    assert not tested.button
    assert "found ['done']" in shown(other.run())
    assert not tested.exception
    assert not other.exception


def test_what_takes_no_time_starts_by_itself(start: Start) -> None:
    tested = start("squares", n=3)
    until(tested, lambda: "found ['names', 'squares']" in shown(tested))


def test_what_fails_shows_its_sentence_and_can_be_tried_again(start: Start) -> None:
    tested = start("faulty")
    button(tested, "Find them")
    until(tested, lambda: bool(tested.error))
    assert [item.value for item in tested.error] == ["The digits are gone: fetch them again."]
    button(tested, "Try again")
    assert [item.label for item in tested.button] == ["Cancel"]
    until(tested, lambda: bool(tested.error))


def test_a_damaged_result_is_told_and_computed_again(start: Start) -> None:
    tested = start("squares", n=4)
    until(tested, lambda: "found ['names', 'squares']" in shown(tested))
    jobs = fake_jobs.jobs()
    path = jobs.files(Request(kind="squares", params={"n": 4}).key).result
    path.write_bytes(path.read_bytes()[:100])
    st.cache_resource.clear()
    tested.run()
    assert ["was damaged" in item.value for item in tested.error] == [True]
    button(tested, "Try again")
    until(tested, lambda: "found ['names', 'squares']" in shown(tested))


@pytest.mark.parametrize(
    ("look", "text"),
    [
        (Look("waiting"), "Waiting for a free core"),
        (Look("waiting", ahead=1), "Waiting for a free core behind one other"),
        (Look("waiting", ahead=3), "Waiting for a free core behind 3 others"),
        (Look("starting"), "Starting"),
        (Look("running", 0.0, "loading", seconds=0.1), "Loading · 0%"),
        (Look("running", 0.25, "patches", seconds=30.0), "Patches · 25% · 1 min 30 s left"),
    ],
)
def test_how_far_it_is_in_words(look: Look, text: str) -> None:
    assert page.words(look) == text
