"""A lasso around points, and a click on a training digit, in the browser."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect
from settling import standing

pytestmark = pytest.mark.browser


@pytest.mark.long
def test_what_the_pointer_draws_around_is_the_gallery(page: Page, app: str) -> None:
    page.set_viewport_size({"width": 1280, "height": 1200})  # the pointer reaches what is in the window
    page.goto(f"{app}/inside?network=softmax&digit=7")
    page.get_by_role("tab", name="Where classes separate").click()
    plot = page.locator(".st-key-separation .ks-plot")
    expect(page.locator(".st-key-separation .ks-chart[data-drawn]")).to_be_visible()
    # On a busy machine Plotly tells while it draws a selection that nothing is selected any more. Here it always does.
    page.evaluate(
        """() => {
          const { react } = Plotly;
          Plotly.react = (plot, ...more) => {
            const drawn = react(plot, ...more);
            plot.emit("plotly_selected", { points: [] });
            window.told = (window.told ?? 0) + 1;
            return drawn;
          };
        }"""
    )
    area = standing(page.locator(".st-key-separation .nsewdrag"))
    x, y, wide, high = area["x"], area["y"], area["width"], area["height"]
    # Whole pixels, as the browser tells them: a point may lie in the fraction that it would cut off.
    left, right = round(x + 0.45 * wide), round(x + 0.55 * wide)
    top, bottom = round(y + 0.4 * high), round(y + 0.5 * high)
    corners = [(left, top), (right, top), (right, bottom), (left, bottom), (left, top)]
    for step, (across, down) in enumerate(corners):
        page.mouse.move(across, down, steps=4)
        if step == 0:
            page.mouse.down()
    page.mouse.up()
    inside = plot.evaluate(
        """(plot, [left, right, top, bottom]) => {
          const { xaxis, yaxis } = plot._fullLayout;
          const [wide, high] = [xaxis._length, yaxis._length];
          return plot.calcdata.flatMap((points, curve) => {
            const { customdata } = plot._fullData[curve];
            return customdata ? [...points].flatMap((point, at) => {
              const [x, y] = [xaxis.c2p(point.x) / wide, yaxis.c2p(point.y) / high];
              return x > left && x < right && y > top && y < bottom ? [customdata[at]] : [];
            }) : [];
          });
        }""",
        [(left - x) / wide, (right - x) / wide, (top - y) / high, (bottom - y) / high],
    )
    assert inside
    expect(page.get_by_text(f"{len(inside):,} images selected")).to_be_visible()
    chosen = plot.evaluate(
        "(plot) => plot._fullData.flatMap((t) => [...(t.selectedpoints ?? [])].map((at) => t.customdata?.[at]))"
    )
    assert sorted(each for each in chosen if each is not None) == sorted(inside)
    expect(page.locator(".st-key-separation-gallery .tile")).to_have_count(min(48, len(inside)))
    page.wait_for_function("() => window.told > 0")
    page.wait_for_timeout(2_000)  # for the run that would follow
    expect(page.locator(".st-key-separation-gallery .tile")).to_have_count(min(48, len(inside)))


def test_a_training_digit_becomes_the_current_one_and_is_in_the_address(page: Page, app: str) -> None:
    page.goto(f"{app}/data?network=softmax&digit=7")
    page.get_by_role("tab", name="Samples").click()
    tile = page.locator(".st-key-data-wall .tile").nth(4)
    expect(tile).to_be_visible()
    label = (tile.text_content() or "").strip()
    number = label.rpartition("· ")[2]
    tile.click()
    expect(page).to_have_url(f"{app}/data?network=softmax&digit=train-{number}")
    sidebar = page.locator("section[data-testid=stSidebar]")
    expect(sidebar.get_by_text(f"true: {label.partition(' ·')[0]}")).to_be_visible()
    expect(sidebar.get_by_placeholder(f"training {number}")).to_be_visible()
