"""The entry point of the app: `streamlit run streamlit_app.py`.

Streamlit uses this file twice. Its web server imports it for ``app``, which adds an address of ours to Streamlit's own
and the app's style to its document (:mod:`explorer.ui.server`), and each run of a page runs it as a script.
"""

if __name__ == "__main__":
    from explorer.ui import shell

    shell.run()
else:
    from streamlit.starlette import App

    from explorer.ui import server

    app = App(__file__, routes=server.routes(), middleware=server.middleware(), lifespan=server.lifespan)
