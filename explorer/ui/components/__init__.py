"""The two parts of every page that Streamlit does not have: a chart that keeps its place, and a wall of small maps."""

from explorer.ui.components.chart import Click, Drawn, Points, chart, drawn
from explorer.ui.components.sprites import Sprites, sprites
from explorer.ui.components.wall import wall

__all__ = ["Click", "Drawn", "Points", "Sprites", "chart", "drawn", "sprites", "wall"]
