"""The only part that knows Streamlit: widgets in, pure functions called, figures out."""
