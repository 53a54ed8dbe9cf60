"""The chart and the wall in a real browser: what is drawn, what stays, what arrives in Python."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from playwright.sync_api import Page, WebSocket, expect
from plotly.colors import sample_colorscale, unlabel_rgb
from settling import standing

from explorer.figures import theme

if TYPE_CHECKING:  # another folder's conftest may be the one of that name while this runs
    from conftest import OpenPage, Serve

pytestmark = pytest.mark.browser
APP = Path(__file__).parent / "apps" / "components.py"


@pytest.fixture(scope="module")
def app(serve: Serve, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The address of the small app, which lies in a folder of its own because the static folder is made beside it."""
    folder = tmp_path_factory.mktemp("app")
    return serve(Path(shutil.copy(APP, folder))).url


@pytest.fixture
def charts(page: Page, app: str) -> Page:
    page.goto(f"{app}/?part=charts")
    for key in ("curve", "matrix"):
        expect(page.locator(f".st-key-{key} .ks-chart[data-drawn]")).to_be_visible()
    return page


@pytest.fixture
def walls(page: Page, app: str) -> Page:
    return _open_walls(page, app)


def _open_walls(page: Page, app: str) -> Page:
    page.goto(f"{app}/?part=walls")
    expect(page.locator(".st-key-wide .tile")).to_be_visible()
    return page


def _plot(page: Page, key: str, script: str) -> Any:
    """Evaluates JavaScript with ``plot``, the element that plotly.js draws into."""
    return page.locator(f".st-key-{key} .ks-plot").evaluate(f"(plot) => {script}")


def _turn(page: Page, turn: int) -> None:
    field = page.get_by_label("turn")
    field.fill(str(turn))
    field.press("Enter")
    expect(page.locator("#turn")).to_have_text(str(turn))


# --- chart ----------------------------------------------------------------------------------------------------------


def test_new_data_keep_element_and_zoom(charts: Page):
    _plot(charts, "curve", "plot.mark = plot.querySelector('svg').mark = 'mine'")
    area = standing(charts.locator(".st-key-curve .nsewdrag"))
    charts.mouse.move(area["x"] + 200, area["y"] + 30)
    charts.mouse.down()
    charts.mouse.move(area["x"] + 600, area["y"] + 130, steps=4)
    charts.mouse.up()
    zoomed = _plot(charts, "curve", "[...plot._fullLayout.xaxis.range, ...plot._fullLayout.yaxis.range]")
    assert 0 < zoomed[0] < zoomed[1] < 3000
    for turn in (1, 2):
        _turn(charts, turn)
        _until(charts, "curve", f"plot.calcdata[0].length === {4000 + turn}")
    assert _plot(charts, "curve", "[...plot._fullLayout.xaxis.range, ...plot._fullLayout.yaxis.range]") == zoomed
    assert _plot(charts, "curve", "[plot.mark, plot.querySelector('svg').mark]") == ["mine", "mine"]


def _until(page: Page, key: str, condition: str) -> None:
    page.wait_for_function(
        f"() => {{ const plot = document.querySelector('.st-key-{key} .ks-plot'); return {condition} }}"
    )


def test_a_clicked_cell_arrives_in_python(charts: Page):
    _click_matrix(charts, 2, 0)
    expect(charts.locator("#clicked")).to_have_text(
        str({"x": "c", "y": "p", "z": -2, "curve": 0, "point": [0, 2], "customdata": 102})
    )
    _click_matrix(charts, 0, 2)
    expect(charts.locator("#clicked")).to_contain_text("'x': 'a', 'y': 'r', 'z': 2")


def _click_matrix(page: Page, column: int, row: int) -> None:
    area = standing(page.locator(".st-key-matrix .nsewdrag"))
    x = area["x"] + area["width"] * (column + 0.5) / 3
    y = area["y"] + area["height"] * (1 - (row + 0.5) / 3)
    page.mouse.move(x - 3, y)
    page.mouse.move(x, y)
    # While the chart of the click before is still being drawn, nothing is pointed at yet.
    expect(page.locator(".st-key-matrix .hoverlayer .hovertext").first).to_be_visible()
    page.mouse.click(x, y)


def test_a_click_is_returned_in_one_run_only(charts: Page):
    expect(charts.locator("#returned")).to_have_text("None")
    area = standing(charts.locator(".st-key-curve .nsewdrag"))
    charts.mouse.move(area["x"] + 3, area["y"] + 6)
    charts.mouse.move(area["x"] + 1, area["y"] + 8)
    expect(charts.locator(".st-key-curve .hoverlayer .hovertext")).to_be_visible()
    charts.mouse.click(area["x"] + 1, area["y"] + 8)
    expect(charts.locator("#returned")).to_contain_text("'curve': 0")
    expect(charts.locator("#clicked")).to_have_text("None")
    charts.get_by_role("button", name="again").click()
    expect(charts.locator("#returned")).to_have_text("None")


def test_the_library_is_fetched_once_and_kept_by_the_browser(charts: Page):
    resources = "performance.getEntriesByType('resource').filter((item) => /app.static/.test(item.name))"
    first = charts.evaluate(f"{resources}.map((item) => [item.name.split('/').pop(), item.transferSize > 0])")
    assert sorted(name.partition("-")[0] for name, _ in first) == ["chart", "plotly"]
    assert all(fetched for _, fetched in first)
    charts.reload()
    expect(charts.locator(".st-key-matrix .ks-chart[data-drawn]")).to_be_visible()
    again = charts.evaluate(f"{resources}.map((item) => [item.name.split('/').pop(), item.transferSize])")
    assert sorted(again) == sorted([name, 0] for name, _ in first)


def test_an_unchanged_figure_is_neither_sent_nor_drawn_again(page: Page, app: str):
    received: list[int] = []

    def listen(socket: WebSocket) -> None:
        socket.on("framereceived", lambda data: received.append(len(data)))

    page.on("websocket", listen)
    page.goto(f"{app}/?part=charts")
    expect(page.locator(".st-key-curve .ks-chart[data-drawn]")).to_be_visible()
    figure = 2 * 4000 * 4 * 4 / 3  # two arrays of float32 in base64
    assert sum(received) > figure
    _plot(page, "curve", "{ plot.drawn = 0; plot.on('plotly_afterplot', () => plot.drawn++) }")
    expect(page.locator("#runs")).to_have_text("1")
    received.clear()
    page.get_by_role("button", name="again").click()
    expect(page.locator("#runs")).to_have_text("2")
    page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    assert 0 < sum(received) < figure / 2
    assert _plot(page, "curve", "plot.drawn") == 0


def test_the_theme_is_followed_without_python(charts: Page):
    ask = (
        "[plot._fullLayout.font.color, plot._fullLayout.paper_bgcolor, plot._fullLayout.xaxis.gridcolor, "
        "plot._fullData[0].line?.color, plot._fullData[0].colorscale?.map((stop) => stop[1])]"
    )
    for palette, scheme in ((theme.LIGHT, "light"), (theme.DARK, "dark"), (theme.LIGHT, "light")):
        charts.emulate_media(color_scheme=scheme)
        _until(charts, "curve", f"plot._fullLayout.paper_bgcolor === '{palette.background}'")
        _until(charts, "matrix", f"plot._fullLayout.paper_bgcolor === '{palette.background}'")
        assert _plot(charts, "curve", ask)[:4] == [palette.text, palette.background, palette.grid, palette.validation]
        assert _plot(charts, "matrix", ask)[4] == list(palette.signed)
    shown = charts.evaluate("getComputedStyle(document.querySelector('.stApp')).backgroundColor")
    assert shown == "rgb(255, 255, 255)"


def test_a_chart_in_a_hidden_tab_is_drawn_when_it_shows(charts: Page):
    assert charts.locator(".st-key-bars .ks-chart[data-drawn]").count() == 0
    charts.get_by_role("tab", name="two").click()
    expect(charts.locator(".st-key-bars .ks-chart[data-drawn]")).to_be_visible()
    assert _plot(charts, "bars", "plot._fullLayout.width === plot.parentElement.clientWidth")


def test_the_chart_follows_its_containers_width(charts: Page):
    charts.set_viewport_size({"width": 390, "height": 800})
    _until(charts, "curve", "plot._fullLayout.width < 390 && plot._fullLayout.width === plot.parentElement.clientWidth")
    assert charts.evaluate("document.documentElement.scrollWidth") == 390


def test_its_height_is_reserved_before_anything_is_drawn(page: Page, app: str):
    held: list[Any] = []
    page.route("**/app/static/plotly-*", lambda route: held.append(route))
    page.goto(f"{app}/?part=charts")
    expect(page.locator("#turn")).to_be_visible()
    expect(page.locator(".st-key-matrix .ks-chart")).to_have_css("height", "300px")
    assert page.locator(".ks-chart[data-drawn]").count() == 0
    before = standing(page.locator("#turn"))
    held[0].continue_()
    expect(page.locator(".st-key-matrix .ks-chart[data-drawn]")).to_be_visible()
    assert standing(page.locator("#turn")) == before
    assert standing(page.locator(".st-key-curve .ks-chart"))["height"] == 240


@pytest.mark.parametrize("missing", ["plotly", "chart"])
def test_a_missing_script_is_said_and_breaks_nothing_else(page: Page, app: str, missing: str):
    page.route(f"**/app/static/{missing}-*", lambda route: route.abort())
    page.goto(f"{app}/?part=charts")
    expect(page.locator(".st-key-curve .ks-fault")).to_contain_text("could not be loaded")
    expect(page.locator("#turn")).to_be_visible()


def test_buttons_and_text_alternative(charts: Page):
    plot = charts.locator(".st-key-curve .ks-plot")
    plot.hover()
    names = plot.locator(".modebar-btn").evaluate_all("(all) => all.map((button) => button.dataset.title)")
    assert names == ["Download plot as a PNG", "Zoom", "Pan", "Reset axes"]
    expect(charts.get_by_role("img", name="A wave")).to_be_visible()
    with charts.expect_download() as download:
        plot.locator(".modebar-btn").first.click()
    assert download.value.suggested_filename == "curve.png"


@pytest.mark.parametrize("key", ["loss", "norms"])
def test_the_buttons_stand_beside_a_legend_not_on_it(page: Page, app: str, key: str):
    page.goto(f"{app}/?part=legends")
    plot = page.locator(f".st-key-{key} .ks-plot")
    legend = plot.locator(".infolayer > .legend")  # what is pointed at has one, too
    expect(legend).to_be_visible()
    plot.hover()
    expect(plot.locator(".modebar-btn").first).to_be_visible()
    area, frame = standing(legend), standing(plot)
    for button in plot.locator(".modebar-btn").all():
        box = standing(button)
        assert box["x"] >= area["x"] + area["width"]
        assert box["x"] + box["width"] <= frame["x"] + frame["width"]
        assert box["y"] + box["height"] <= frame["y"] + frame["height"]


def test_a_legend_of_several_rows_takes_nothing_from_the_plot(page: Page, app: str):
    page.goto(f"{app}/?part=legends")
    for key in ("loss", "norms"):
        expect(page.locator(f".st-key-{key} .ks-chart[data-drawn]")).to_be_visible()
    rows = "new Set([...plot.querySelectorAll('.legend .traces')].map((row) => row.getBoundingClientRect().top)).size"
    assert (_plot(page, "loss", rows), _plot(page, "norms", rows)) == (1, 3)
    _until(page, "norms", "plot._fullLayout.height > 300")
    high = [_plot(page, key, "plot._fullLayout._size.h") for key in ("loss", "norms")]
    assert high[1] == pytest.approx(high[0], abs=4)
    assert page.locator(".st-key-loss").evaluate("(one) => one.clientHeight") == 280
    assert page.locator(".st-key-norms").evaluate("(one) => one.scrollHeight <= one.clientHeight")
    # What was added is given back.
    before = _plot(page, "norms", "plot._fullLayout.height")
    page.set_viewport_size({"width": 300, "height": 800})
    _until(page, "norms", f"plot._fullLayout.height > {before}")
    page.set_viewport_size({"width": 1440, "height": 900})
    _until(page, "norms", f"plot._fullLayout.height === {before}")


def _point(page: Page, row: int, column: int) -> tuple[float, float]:
    """The middle of a point of the grid, on the screen."""
    marks = page.locator(".st-key-points .scatterlayer .trace").nth(row).locator("path.point")
    area = standing(marks.nth(column))
    return area["x"] + area["width"] / 2, area["y"] + area["height"] / 2


def _drag(page: Page, *corners: tuple[float, float]) -> None:
    page.mouse.move(*corners[0])
    page.mouse.down()
    for corner in (*corners[1:], corners[0]):
        page.mouse.move(*corner, steps=4)
    page.mouse.up()


def test_points_are_selected_by_lasso_shown_with_their_pictures_and_clicked(page: Page, app: str):
    page.goto(f"{app}/?part=points")
    expect(page.locator(".st-key-points .ks-chart[data-drawn]")).to_be_visible()
    x, y = _point(page, 1, 2)
    page.mouse.move(x + 1, y + 1)
    picture = page.locator(".st-key-points .ks-sprite")
    expect(picture).to_be_visible()
    assert picture.get_attribute("data-number") == "7"
    middle = picture.evaluate(
        """async (element) => {
          const style = getComputedStyle(element);
          const image = new Image();
          image.src = style.backgroundImage.slice(5, -2);
          await image.decode();
          const canvas = document.createElement("canvas");
          [canvas.width, canvas.height] = [image.width, image.height];
          const context = canvas.getContext("2d");
          context.drawImage(image, 0, 0);
          const scale = parseFloat(style.backgroundSize) / image.width;
          const at = style.backgroundPosition.split(" ").map((each) => -parseFloat(each) / scale + 14);
          return context.getImageData(...at, 1, 1).data[0];
        }"""
    )
    assert middle == 70
    page.mouse.click(x + 1, y + 1)
    expect(page.locator("#returned")).to_contain_text("'curve': 1")
    expect(page.locator("#returned")).to_contain_text("'customdata': 7")

    left, top = _point(page, 1, 1)
    right, _ = _point(page, 0, 3)
    _drag(page, (left - 15, top - 15), (right + 15, top - 15), (right + 15, top + 15), (left - 15, top + 15))
    expect(page.locator("#points")).to_have_text("[(1, 1), (1, 2), (1, 3)]")
    assert _plot(page, "points", "plot._fullData.map((trace) => trace.selectedpoints)") == [[], [1, 2, 3]]

    _turn(page, 1)  # what Python selects
    _until(page, "points", "String(plot._fullData.map((trace) => trace.selectedpoints)) === '0,0'")
    _plot(page, "points", "plot.emit('plotly_deselect')")  # two clicks, however slow the machine is
    expect(page.locator("#points")).to_have_text("[]")


# --- wall -----------------------------------------------------------------------------------------------------------


def _pixels(page: Page, key: str, index: int, shape: tuple[int, int]) -> np.ndarray:
    """What is drawn in the middle of each of a map's (H, W) squares: (H, W, 4)."""
    found = (
        page.locator(f".st-key-{key} .tile")
        .nth(index)
        .evaluate(
            """(tile, [height, width]) => {
          const frame = tile.querySelector('.pixels').getBoundingClientRect();
          const canvases = [...tile.parentElement.querySelectorAll('.bands canvas')];
          const at = (x, y) => {
            for (const canvas of canvases) {
              const bounds = canvas.getBoundingClientRect();
              if (y < bounds.top || y > bounds.bottom) continue;
              const ratio = canvas.width / bounds.width;
              const place = [(x - bounds.left) * ratio, (y - bounds.top) * ratio].map(Math.floor);
              return [...canvas.getContext('2d').getImageData(...place, 1, 1).data];
            }
          };
          return Array.from({ length: height }, (_, row) => Array.from({ length: width }, (_, column) =>
            at(frame.left + frame.width * (column + 0.5) / width, frame.top + frame.height * (row + 0.5) / height)));
        }""",
            [*shape],
        )
    )
    return np.array(found)


def _expected(stops: tuple[str, ...], values: np.ndarray) -> np.ndarray:
    """The scale at ``values`` of 0 to 1 by Plotly's own interpolation, (…, 3)."""
    scale = [[index / (len(stops) - 1), stop] for index, stop in enumerate(stops)]
    colours = sample_colorscale(scale, values.ravel().tolist())
    return np.array([unlabel_rgb(colour) for colour in colours]).reshape(*values.shape, 3)


@pytest.mark.parametrize(("scheme", "palette"), [("light", theme.LIGHT), ("dark", theme.DARK)])
def test_the_wall_draws_the_scale_of_the_theme(open_page: OpenPage, app: str, scheme: str, palette: theme.Palette):
    page = _open_walls(open_page(color_scheme=scheme), app)
    values = np.linspace(-1, 1, 16).reshape(4, 4)
    values[0, 1] = 0
    for index in (0, 2):
        drawn = _pixels(page, "signed", index, (4, 4))
        share = np.clip(values * (index + 1), -2, 2) / 4 + 0.5
        assert np.abs(drawn[..., :3] - _expected(palette.signed, share)).max() <= 2
        background = [int(palette.background[at : at + 2], 16) for at in (1, 3, 5)]
        assert drawn[0, 1].tolist() == [*background, 255]  # zero is the page itself
    brightness = _pixels(page, "digits", 1, (28, 28))
    expected = np.arange(28 * 28).astype(np.uint8).reshape(28, 28)
    assert np.abs(brightness[..., 0] - expected.astype(int)).max() <= 1
    first, second = (_pixels(page, "own", index, (2, 2)) for index in (0, 1))
    assert first[1, 0, 3] == 0  # NaN is left empty
    assert np.abs(first[0, :, :3] - _expected(palette.sequential, np.array([0, 0.5]))).max() <= 2
    np.testing.assert_array_equal(first[0], second[0])  # each by its own limits


def test_the_wall_follows_a_change_of_theme(walls: Page):
    assert _pixels(walls, "signed", 0, (4, 4))[0, 1].tolist() == [255, 255, 255, 255]
    for scheme, palette in (("dark", theme.DARK), ("light", theme.LIGHT)):
        walls.emulate_media(color_scheme=scheme)
        background = [int(palette.background[at : at + 2], 16) for at in (1, 3, 5)]
        expect(walls.locator(".stApp")).to_have_css("background-color", f"rgb({', '.join(map(str, background))})")
        walls.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
        assert _pixels(walls, "signed", 0, (4, 4))[0, 1].tolist() == [*background, 255]


@pytest.mark.parametrize("grow", [1, 1.35, 1.7])
@pytest.mark.parametrize("ratio", [1, 1.25, 2])
def test_pixels_are_squares_of_whole_screen_pixels(open_page: OpenPage, app: str, ratio: float, grow: float):
    page = _open_walls(open_page(device_scale_factor=ratio), app)
    before = standing(page.locator(".st-key-signed .pixels").first)
    page.add_style_tag(content=f":root {{ --ks-grow: {grow}; }}")
    page.set_viewport_size({"width": 1300, "height": 900})
    page.wait_for_function("document.querySelector('.st-key-signed').clientWidth < 1300")
    page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    after = standing(page.locator(".st-key-signed .pixels").first)
    # Where a row has room left, they grow into it.
    assert 0.95 * grow <= after["width"] / before["width"] <= 1.15 * grow
    for key, side in (("signed", 4), ("digits", 28), ("own", 2)):
        box = standing(page.locator(f".st-key-{key} .pixels").first)
        assert box["width"] == pytest.approx(box["height"], abs=0.02)
        cell = box["width"] * ratio / side
        assert cell == pytest.approx(round(cell), abs=0.02)
        scale = page.locator(f".st-key-{key} .bands canvas").first.evaluate(
            "(canvas) => canvas.width / canvas.getBoundingClientRect().width"
        )
        assert scale == pytest.approx(ratio, rel=1e-3)


def test_many_maps_are_drawn_in_place_on_few_canvases(open_page: OpenPage, app: str):
    """Each map of a tall wall shows its own values, wherever the canvases behind the tiles part."""
    page = open_page(device_scale_factor=2)
    page.goto(f"{app}/?part=many")
    tiles = page.locator(".st-key-many .tile")
    expect(tiles).to_have_count(512)
    canvases = page.locator(".st-key-many .bands canvas")
    assert 2 <= canvases.count() <= 8
    for index in (0, 1, 100, 255, 256, 300, 511):
        drawn = _pixels(page, "many", index, (2, 3))
        assert drawn[..., 0].ravel().tolist() == [index % 256, 255 - index % 256, 10, 20, 30, 40]


def test_hovering_tells_the_exact_value_and_moves_nothing(walls: Page):
    tile = walls.locator(".st-key-signed .tile").nth(3)
    pixels = tile.locator(".pixels")
    size = standing(pixels)
    before = standing(walls.locator(".st-key-own"))
    tip = walls.locator(".st-key-signed .tip")
    expect(tip).to_be_hidden()
    pixels.hover(position={"x": size["width"] * 0.375, "y": size["height"] * 0.625})
    value = 4 * np.linspace(-1, 1, 16)[2 * 4 + 1]
    expect(tip).to_be_visible()
    expect(tip).to_have_text(f"layer, map 3row 2, column 1: {theme.significant(value, 4)}")
    pixels.hover(position={"x": size["width"] * 0.9, "y": size["height"] * 0.9})
    expect(tip).to_contain_text("row 3, column 3: 4")
    assert standing(walls.locator(".st-key-own")) == before
    assert standing(pixels) == size
    walls.locator("#turn").hover()
    expect(tip).to_be_hidden()


def test_hovering_a_map_with_its_own_limits(walls: Page):
    pixels = walls.locator(".st-key-own .pixels")
    pixels.nth(1).hover(position={"x": 5, "y": 45})
    expect(walls.locator(".st-key-own .tip")).to_have_text("tworow 1, column 0: 100its scale: 0 to 100")
    pixels.nth(0).hover(position={"x": 5, "y": 45})
    expect(walls.locator(".st-key-own .tip")).to_contain_text("row 1, column 0: no value")


def test_a_click_selects_and_arrives_in_python(walls: Page):
    tiles = walls.locator(".st-key-signed .tile")
    tiles.nth(7).click()
    expect(walls.locator("#map")).to_have_text("7")
    expect(walls.locator("#returned")).to_have_text("7")
    expect(tiles.nth(7)).to_have_attribute("aria-selected", "true")
    assert walls.locator(".st-key-signed [aria-selected=true]").count() == 1
    walls.get_by_role("button", name="again").click()
    expect(walls.locator("#returned")).to_have_text("None")
    expect(tiles.nth(7)).to_have_attribute("aria-selected", "true")


def test_everything_by_keyboard(walls: Page):
    tiles = walls.locator(".st-key-signed .tile")
    standing(tiles.first)
    tops = tiles.evaluate_all("(tiles) => tiles.slice(0, 40).map((tile) => tile.getBoundingClientRect().y)")
    columns = tops.count(tops[0])
    assert 1 < columns < 40
    walls.get_by_role("button", name="again").focus()
    walls.keyboard.press("Tab")
    expect(tiles.nth(0)).to_be_focused()
    expect(tiles.nth(0).locator(".pixels")).to_have_css("outline-style", "solid")
    expect(walls.locator(".st-key-signed .tip")).to_have_text("layer, map 0")
    for key in ("ArrowRight", "ArrowRight", "ArrowDown", "ArrowLeft"):
        walls.keyboard.press(key)
    expect(tiles.nth(columns + 1)).to_be_focused()
    walls.keyboard.press("Enter")
    expect(walls.locator("#map")).to_have_text(str(columns + 1))
    expect(tiles.nth(columns + 1)).to_have_attribute("aria-selected", "true")  # the answer is here
    expect(tiles.nth(columns + 1)).to_be_focused()
    walls.keyboard.press("End")
    expect(tiles.nth(39)).to_be_focused()
    walls.keyboard.press("ArrowRight")
    walls.keyboard.press("ArrowDown")
    expect(tiles.nth(39)).to_be_focused()
    walls.keyboard.press("Home")
    expect(tiles.nth(0)).to_be_focused()
    assert walls.locator(".st-key-signed .tile[tabindex='0']").count() == 1


def test_in_one_row_there_is_nothing_above_or_below(walls: Page):
    tiles = walls.locator(".st-key-digits .tile")
    expect(tiles).to_have_count(3)
    assert len({standing(tiles.nth(index))["y"] for index in range(3)}) == 1
    tiles.nth(1).focus()
    for key in ("ArrowDown", "ArrowUp"):
        walls.keyboard.press(key)
        expect(tiles.nth(1)).to_be_focused()
    walls.keyboard.press("End")
    expect(tiles.nth(2)).to_be_focused()


def test_new_data_keep_the_elements(walls: Page):
    tile = walls.locator(".st-key-signed .tile").nth(2)
    tile.evaluate("(tile) => (tile.mark = tile.parentElement.querySelector('canvas').mark = 'mine')")
    first = _pixels(walls, "signed", 2, (4, 4))
    _turn(walls, 6)
    expect(walls.locator(".st-key-signed .tile")).to_have_count(30)
    second = _pixels(walls, "signed", 2, (4, 4))
    np.testing.assert_array_equal(second[0, 1], first[0, 1])
    assert np.abs(second[0, 0] - first[0, 0]).max() > 50
    marks = tile.evaluate("(tile) => [tile.mark, tile.parentElement.querySelector('canvas').mark]")
    assert marks == ["mine", "mine"]
    _turn(walls, 0)
    expect(walls.locator(".st-key-signed .tile")).to_have_count(40)


def test_names_roles_captions_marks_and_scale(walls: Page):
    wall = walls.locator(".st-key-signed")
    expect(walls.get_by_role("listbox", name="Kernels")).to_be_visible()
    option = walls.get_by_role("option", name="number 2, a caption too long for its map, layer, map 2, wrong")
    expect(option).to_be_visible()
    caption = option.locator(".caption")
    assert caption.get_attribute("title") == "number 2, a caption too long for its map"
    assert caption.evaluate("(caption) => caption.scrollHeight > caption.clientHeight")  # longer than three lines
    expect(caption.locator(".wrong")).to_have_text("✗")
    expect(wall.locator(".caption").nth(1).locator(".right")).to_have_text("✓")
    expect(wall.locator(".caption").first.locator("span")).to_have_count(0)
    expect(wall.locator(".scale")).to_have_text("−22")
    expect(walls.locator(".st-key-own .scale")).to_have_text("lowesthighest of each map")
    expect(walls.locator(".st-key-digits .scale")).to_be_hidden()
    expect(walls.locator(".st-key-own").get_by_role("img", name="two")).to_be_visible()
    assert walls.locator(".st-key-empty .tile").count() == 0


def test_long_captions_break_into_lines_of_which_all_tiles_get_as_many(walls: Page):
    lines = "(all) => all.map((one) => Math.round(one.clientHeight / parseFloat(getComputedStyle(one).lineHeight)))"
    for key, expected in (("digits", 1), ("clothes", 2), ("signed", 3)):
        captions = walls.locator(f".st-key-{key} .caption")
        assert set(captions.evaluate_all(lines)) == {expected}, key
    captions = walls.locator(".st-key-clothes .caption")
    fits = "(all) => all.every((one) => one.scrollHeight <= one.clientHeight && one.scrollWidth <= one.clientWidth)"
    assert captions.evaluate_all(fits)
    expect(walls.get_by_role("option", name="Ankle boot → Sneaker, > 99%")).to_be_visible()
    height = walls.locator(".st-key-clothes").evaluate("(one) => one.clientHeight")
    captions.nth(1).click()
    expect(captions.nth(1)).to_have_css("font-weight", "600")
    assert walls.locator(".st-key-clothes").evaluate("(one) => one.clientHeight") == height


def test_a_phone_gets_finger_sized_tiles_and_no_sideways_page(open_page: OpenPage, app: str):
    phone = open_page(viewport={"width": 390, "height": 800}, has_touch=True, is_mobile=True, device_scale_factor=2)
    page = _open_walls(phone, app)
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    for key in ("signed", "digits"):
        for box in page.locator(f".st-key-{key} .tile").evaluate_all(
            "(tiles) => tiles.map((tile) => [tile.offsetWidth, tile.offsetHeight])"
        ):
            assert min(box) >= 44
    wide = page.locator(".st-key-wide .box").evaluate("(box) => [box.scrollWidth, box.clientWidth]")
    assert wide[0] > 1500
    assert wide[1] < 390
    page.locator(".st-key-signed .tile").nth(1).tap()
    expect(page.locator("#map")).to_have_text("1")
