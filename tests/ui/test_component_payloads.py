"""What the components send, without a browser: payloads against NumPy, the files, and both through Streamlit."""

from __future__ import annotations

import base64
import io
import json
import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import plotly.graph_objects as go
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image
from streamlit.testing.v1 import AppTest

from explorer.figures import theme
from explorer.ui.components import assets
from explorer.ui.components.chart import _click, _points, figure_json
from explorer.ui.components.sprites import sprites
from explorer.ui.components.strip import Column, _chosen, pack, unpack
from explorer.ui.components.wall import Payload, index_of, tiles

SIZES = hnp.array_shapes(min_dims=3, max_dims=3, min_side=0, max_side=5)
MAPS = hnp.arrays(np.uint8, SIZES) | hnp.arrays(
    np.float32, SIZES, elements=st.floats(allow_nan=False, allow_infinity=False, width=32)
)
SCALES = st.sampled_from(["brightness", "signed", "sequential"])


def _read(array: dict[str, str]) -> np.ndarray:
    return np.frombuffer(base64.b64decode(array["bdata"]), array["dtype"].replace("u1", "uint8"))


# --- walls ----------------------------------------------------------------------------------------------------------


@given(MAPS, SCALES, st.text())
def test_a_payload_arrives_as_it_was(maps: np.ndarray, scale: theme.Scale, caption: str):
    packed = Payload.of(maps, scale, None, {"captions": [caption]}).pack()
    back = Payload.unpack(packed)
    assert (len(packed) - maps.nbytes) % 4 == 0  # the browser reads float32 in place
    assert back.pixels.dtype == maps.dtype
    np.testing.assert_array_equal(back.pixels, maps)
    assert back.header["captions"] == [caption]


@given(MAPS, SCALES)
def test_limits_hold_every_value(maps: np.ndarray, scale: theme.Scale):
    low, high = Payload.of(maps, scale, None, {}).header["limits"]
    assert low <= 0 <= high
    assert ((maps >= low) & (maps <= high)).all()
    if scale == "signed":
        assert low == -high


def test_given_limits():
    maps = np.zeros((2, 3, 3), np.float32)
    assert Payload.of(maps, "sequential", (1, 2), {}).header["limits"] == [1, 2]
    assert Payload.of(maps, "signed", (-1, 2), {}).header["limits"] == [-2, 2]
    each = np.array([[-3, 1], [0, 5]])
    assert Payload.of(maps, "signed", each, {}).header["limits"] == [[-3, 3], [-5, 5]]
    assert Payload.of(maps + np.nan, "brightness", None, {}).header["limits"] == [0, 0]


def test_other_numbers_travel_as_float32():
    payload = Payload.of(np.ones((1, 2, 2), np.float64)[:, ::-1], "signed", None, {})
    assert payload.header["type"] == "float32"
    assert payload.pixels.nbytes == 16


@pytest.mark.parametrize(
    ("maps", "limits", "said"),
    [
        (np.zeros((3, 3)), None, "shape"),
        (np.zeros((2, 3, 3)), (1, 2, 3), "limits"),
        (np.zeros((2, 3, 3)), np.zeros((3, 2)), "limits"),
        (np.zeros((2, 3, 3)), (0, np.inf), "finite"),
    ],
)
def test_what_does_not_fit_is_refused(maps: np.ndarray, limits: Any, said: str):
    with pytest.raises(ValueError, match=said):
        Payload.of(maps, "sequential", limits, {})


# --- charts ---------------------------------------------------------------------------------------------------------


def test_a_figure_travels_as_float32_without_its_template():
    x, y = np.arange(500.0), np.linspace(-1, 1, 500)
    figure = go.Figure(go.Scatter(x=x, y=y, customdata=np.arange(500)), layout={"template": theme.template()})
    figure.add_bar(x=["a", "b"], y=np.array([1e300, 2.0]), text=["1", "2"])
    sent = json.loads(figure_json(figure))
    assert "template" not in sent["layout"]
    curve, bars = sent["data"]
    assert (curve["x"]["dtype"], curve["y"]["dtype"]) == ("f4", "f4")
    np.testing.assert_array_equal(_read(curve["y"]), y.astype(np.float32))
    np.testing.assert_array_equal(_read(curve["customdata"]), np.arange(500))
    assert _read(bars["y"]).tolist() == [np.inf, 2]
    assert bars["x"] == ["a", "b"]
    assert figure.data[0].y.dtype == np.float64  # the caller's figure is left alone


def test_matrices_keep_their_shape():
    sent = json.loads(figure_json(go.Figure(go.Heatmap(z=np.arange(6.0).reshape(2, 3)))))
    z = sent["data"][0]["z"]
    assert (z["dtype"], z["shape"]) == ("f4", "2, 3")
    assert _read(z).tolist() == [0, 1, 2, 3, 4, 5]


# --- what a browser says need not be true ---------------------------------------------------------------------------


@pytest.mark.parametrize("said", [None, "3", True, -1, 5, 2.5, math.nan, math.inf, [1], {"index": 1}])
def test_only_an_index_of_a_map_counts_as_a_click(said: Any):
    assert index_of(said, 5) is None
    assert [index_of(value, 5) for value in (0, 4, 3.0)] == [0, 4, 3]


@given(
    st.dictionaries(st.text(max_size=5), st.tuples(MAPS, st.text(max_size=5), st.integers(1, 500)), max_size=4),
)
def test_a_strip_arrives_as_it_was_sent(given_columns: dict[str, tuple[np.ndarray, str, int]]):
    columns = [
        Column(name, f"{text} title", f"{text} about", tiles(maps, label=name, scale="sequential"), width, text)
        for name, (maps, text, width) in given_columns.items()
    ]
    back = unpack(pack(columns))
    assert list(back) == list(given_columns)
    for column in columns:
        entry, wall = back[column.name]
        said = [entry[each] for each in ("title", "about", "after", "width")]
        assert said == [column.title, column.about, column.after, column.width]
        assert wall.header == column.wall.header
        assert wall.pixels.dtype == column.wall.pixels.dtype
        np.testing.assert_array_equal(wall.pixels, column.wall.pixels)


@pytest.mark.parametrize(
    "said", [None, 0, "conv1", [], ["conv1"], ["conv1", 3], ["conv1", -1], ["conv1", "0"], ["other", 0], [None, 0]]
)
def test_only_a_map_of_a_strip_counts_as_a_click(said: Any):
    columns = [Column("conv1", "", "", tiles(np.zeros((3, 2, 2), np.uint8), label="Maps", scale="brightness"), 100)]
    assert _chosen(said, columns) is None
    assert [_chosen(["conv1", place], columns) for place in (0, 2.0)] == [("conv1", 0), ("conv1", 2)]


@pytest.mark.parametrize("said", [None, "x", [], {}, {"curve": "0"}, {"curve": math.nan}, {"curve": None}])
def test_only_a_point_counts_as_a_click(said: Any):
    assert _click(said) is None
    assert _click({"curve": 1.0, "x": 2, "more": 3}) == {
        **dict.fromkeys(["y", "z", "point", "customdata"]),
        "x": 2,
        "curve": 1,
    }


@pytest.mark.parametrize(
    "said", [None, "x", {}, 3, [1], [[1]], [[0, 1, 2]], [[0, -1]], [[2, 0]], [[0.5, 0]], [["0", 0]], [[True, 0]]]
)
def test_only_points_count_as_a_selection(said: Any):
    assert _points(said, 2) is None
    assert _points([[0, 3], [1.0, 0]], 2) == [(0, 3), (1, 0)]
    assert _points([], 2) == []
    assert _points([[0, math.nan]], 2) is None


# --- sprites --------------------------------------------------------------------------------------------------------


@given(st.integers(1, 40), st.sampled_from([1, 3]), st.integers(1, 6), st.integers(1, 6))
def test_each_picture_is_found_on_its_sheet(count: int, channels: int, height: int, width: int):
    pictures = np.random.default_rng(count).integers(0, 256, (count, channels, height, width), dtype=np.uint8)
    made = sprites(pictures)
    kind, _, data = made.sheet.partition(",")
    assert kind == "data:image/png;base64"
    sheet = np.asarray(Image.open(io.BytesIO(base64.b64decode(data))))
    sheet = sheet.reshape(made.rows * made.height, made.columns * made.width, channels)
    assert (made.height, made.width) == (height, width)
    for number, picture in enumerate(pictures):
        row, column = divmod(number, made.columns)
        found = sheet[row * height : (row + 1) * height, column * width : (column + 1) * width]
        np.testing.assert_array_equal(np.moveaxis(found, -1, 0), picture)


# --- files ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def app_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    context = SimpleNamespace(main_script_path=str(tmp_path / "app.py"))
    monkeypatch.setattr(assets, "get_script_run_ctx", lambda **_: context)
    return tmp_path


def test_a_file_is_written_once_and_looks_old(app_folder: Path):
    made = []

    def content() -> str:
        made.append(1)
        return "π"

    assets.publish("a-1.js", content)
    assets.publish("a-1.js", content)
    path = app_folder / "static" / "a-1.js"
    assert path.read_text("utf-8") == "π"
    assert len(made) == 1
    assert path.stat().st_mtime == assets.OLD
    assert path.stat().st_mode & 0o777 == 0o644
    assert [item.name for item in path.parent.iterdir()] == ["a-1.js"]


def test_a_failed_write_leaves_nothing_behind(app_folder: Path):
    def content() -> str:
        raise OSError("no space left")

    assets.publish("b.js", content)
    assert not list((app_folder / "static").iterdir())


def test_a_folder_that_cannot_be_written_is_no_error(app_folder: Path):
    (app_folder / "static").write_text("a file where the folder should be")
    assets.publish("c.js", lambda: "text")


def test_without_an_app_nothing_is_written(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(assets, "get_script_run_ctx", lambda **_: None)
    assets.publish("d.js", pytest.fail)


def test_a_scripts_name_follows_its_content():
    one, other = assets.script("wall.js", a=1), assets.script("wall.js", a=2)
    assert one.file != other.file
    assert one.file == assets.script("wall.js", a=1).file
    assert one.file in one.loader


# --- through Streamlit ----------------------------------------------------------------------------------------------


def test_components_show_and_return_nothing_without_a_click(tmp_path: Path):
    def app() -> None:
        import numpy as np
        import plotly.graph_objects as go
        import streamlit as st

        from explorer.ui.components import chart, wall

        st.write(chart(go.Figure(), key="chart", height=100, alt="Nothing", clickable=True) is None)
        st.write(wall(np.zeros((2, 3, 3)), key="wall", label="Maps", scale="signed", clickable=True) is None)

    tested = AppTest.from_function(app).run(timeout=30)
    assert not tested.exception
    assert [item.value for item in tested.markdown] == ["`True`", "`True`"]


def test_texts_must_be_as_many_as_maps():
    def app() -> None:
        import numpy as np
        import streamlit as st

        from explorer.ui.components import wall

        try:
            wall(np.zeros((2, 3, 3)), key="wall", label="Maps", scale="signed", captions=["one"])
        except ValueError as error:
            st.write(str(error))

    tested = AppTest.from_function(app).run(timeout=30)
    assert [item.value for item in tested.markdown] == ["1 texts for 2 maps"]
