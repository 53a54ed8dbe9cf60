"""The entry point of the app: `streamlit run streamlit_app.py`."""

from explorer.ui import shell

shell.run()
