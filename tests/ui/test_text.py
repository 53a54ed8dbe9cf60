"""Words and small HTML, against what a reader must not be able to break."""

from __future__ import annotations

import base64
import io
import re
from html import unescape

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from PIL import Image

from explorer.ui import html
from explorer.ui.text import (
    cell,
    duration,
    factor,
    number,
    precise_probability,
    probability,
    short_probability,
    sure,
)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 s"),
        (59.4, "59 s"),
        (59.6, "1 min 00 s"),
        (200, "3 min 20 s"),
        (3_599.7, "1 h 00 min"),
        (3_900, "1 h 05 min"),
    ],
)
def test_durations_read_as_people_say_them(seconds: float, words: str) -> None:
    assert duration(seconds) == words


@given(st.text())
def test_a_table_shows_text_and_never_runs_it(text: str) -> None:
    made = html.table((text,), [(text,)], caption=text)
    begin = re.match(r'<div class="ks-table" role="region" aria-label="([^"]*)" tabindex="0">', made)
    assert begin is not None
    assert unescape(begin[1]) == text
    inner = re.sub(r"</?(div|table|caption|span|thead|tbody|tr|th|td)>", "", made[begin.end() :])
    assert "<" not in inner


def test_an_empty_corner_of_a_table_is_no_heading() -> None:
    assert "<tr><td></td><th>a</th></tr>" in html.table(("", "a"), [("b", "c")], caption="x")
    assert "<tr><td></td><th>a</th></tr>" in html.table(("", "a"), [("b", "c")], caption="x", row_heads=True)


@given(st.text())
def test_no_text_in_a_csv_is_a_formula(text: str) -> None:
    made = cell(text)
    assert made.removeprefix("'") == text.removeprefix("'")
    assert not made.startswith(("=", "+", "-", "@", "\t", "\r"))


@given(st.text(min_size=1))
def test_a_files_name_is_shown_as_it_is(name: str) -> None:
    shown = html.escape_markdown(name)
    assert re.sub(r"\\(.)", r"\1", shown) == "".join(letter for letter in name if letter.isprintable())
    assert not re.search(r"(?<!\\)[`*_\[\]<>#$]", re.sub(r"\\\\", "", shown))


SHARES = np.array([0.25, 0.7, 0.05])


def rows(made: str) -> list[tuple[str, ...]]:
    """Of each row: its class, its exact text, its name, the bar's width, the text in the bar and behind it."""
    pattern = (
        r'<tr class="(\w*)"(?: title="([^"]*)")?><th scope="row">(.*?)</th>'
        r'<td><div><span style="width:([\d.]+)%">(.*?)</span>(.*?)</div></td></tr>'
    )
    return re.findall(pattern, made)


def test_bars_are_as_long_as_their_shares_and_exact_on_hover() -> None:
    assert rows(html.probabilities(SHARES, ("cat", "dog", "bird"), label="Shares")) == [
        ("", "cat: 0.25", "cat", "25.00", "", "25.0%"),
        ("read", "dog: 0.7", "dog", "70.00", "70.0%", ""),  # a long bar has its number in it
        ("", "bird: 0.05", "bird", "5.00", "", "5.0%"),
    ]


@pytest.mark.parametrize(("true", "kinds", "marks"), [(1, ["", "right", ""], " ✓"), (0, ["true", "wrong", ""], " ✗")])
def test_right_and_wrong_have_a_mark_beside_their_colour(true: int, kinds: list[str], marks: str) -> None:
    found = rows(html.probabilities(SHARES, ("cat", "dog", "bird"), label="Shares", true=true))
    assert [kind for kind, *_ in found] == kinds
    assert found[1][4] == f"70.0%{marks}"
    assert found[true][4 if true == 1 else 5].endswith(" ✓")


def test_bars_stand_empty_until_there_is_an_answer() -> None:
    assert rows(html.probabilities(None, ("a", "b"), label="None")) == [
        ("", "", "a", "0.00", "", ""),
        ("", "", "b", "0.00", "", ""),
    ]


@given(st.text(), st.floats(0, 1))
def test_bars_show_a_classes_name_and_never_run_it(name: str, share: float) -> None:
    made = html.probabilities(np.array([share, 1 - share]), (name, name), label=name)
    assert not re.search(r"<(?!/?(table|tbody|tr|th|td|div|span)\b)", made)
    # Every quotation mark is one of the attributes' own.
    assert made.count('"') == 2 * len(re.findall(r' (?:class|aria-label|title|scope|style)="', made))


@pytest.mark.parametrize("channels", [1, 3])
def test_a_picture_keeps_every_pixel(channels: int) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (channels, 5, 7), dtype=np.uint8)
    made = html.picture(pixels, size=70, alt='a "seven"')
    data = re.search(r"base64,([^\"]+)\"", made)
    assert data
    back = np.asarray(Image.open(io.BytesIO(base64.b64decode(data[1]))))
    np.testing.assert_array_equal(html.thumbnail(back), pixels)
    assert 'alt="a &quot;seven&quot;"' in made


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.9, "0.9"),
        (1.0, "1"),
        (0.006, "0.006"),
        (1e-8, "1 × 10⁻⁸"),
        (1_600.0, "1,600"),
        (12.34567, "12.35"),
        (0.50000001, "0.5000"),
        (-0.25, "−0.25"),
        (0.0, "0"),
        (float("nan"), "not a number"),
    ],
)
def test_a_number_has_zeros_at_its_end_only_where_it_was_rounded(value: float, text: str) -> None:
    assert number(value) == text
    assert factor(value) == (f"({text})" if value < 0 else text)


@pytest.mark.parametrize(
    ("share", "words"),
    [(1.0, "> 99.9% sure"), (0.99999, "> 99.9% sure"), (0.9994, "99.9% sure"), (0.123, "12.3% sure"),
     (0.0004, "< 0.1% sure"), (0.0, "< 0.1% sure")],
)  # fmt: skip
def test_nobody_is_said_to_be_surer_than_they_are(share: float, words: str) -> None:
    assert sure(share) == words


@given(st.floats(0, 1))
@example(0.005)
@example(0.995)
@example(0.0005)
@example(0.9995)
@example(0.999)
def test_no_probability_reads_as_all_or_nothing(share: float) -> None:
    for said, apart in (
        (probability(share), 0.0005001),
        (short_probability(share), 0.005001),
        (precise_probability(share), min(0.0051 * share, 0.00051)),
    ):
        digits = said.removesuffix("%")
        assert float(re.sub(r" × 10.*", "", digits.lstrip("<> "))) not in (0, 100)
        if digits[0] not in "<>" and "×" not in digits:
            assert float(digits) / 100 == pytest.approx(share, abs=apart)


@pytest.mark.parametrize(
    ("share", "words"),
    [(0.000335, "0.0335%"), (0.5, "50.0%"), (0.99967, "99.97%"), (1 - 2e-6, "99.9998%"), (1.0, "> 99.9999%"),
     (0.0, "< 0.1%"), (1e-9, "1.00 × 10⁻⁷%")],
)  # fmt: skip
def test_a_probability_to_calculate_with_has_the_digits_for_it(share: float, words: str) -> None:
    assert precise_probability(share) == words
