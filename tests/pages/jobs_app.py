"""A page with a job in it, inside a fragment as the tabs of the app are; its kinds are those of tests/jobs."""

from __future__ import annotations

import os

import streamlit as st

from explorer.jobs.request import Request
from explorer.ui import jobs as page
from explorer.ui import shell

with shell.sentences():
    request = Request.model_validate_json(os.environ["FAKE_REQUEST"])

    @shell.fragment()
    def tab() -> None:
        result = page.result(
            request, key="fake", label="Find them", about="What will be here.", auto=request.kind == "squares"
        )
        if result is not None:
            st.write(f"found {sorted(result)}")

    tab()
