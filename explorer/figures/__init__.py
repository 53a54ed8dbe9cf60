"""Arrays in, Plotly figures out. Pure: no torch, no Streamlit."""
