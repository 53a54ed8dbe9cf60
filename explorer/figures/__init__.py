"""Arrays in, Plotly figures out. Pure: no torch, no Streamlit; each figure's values can be had as a table, too."""
