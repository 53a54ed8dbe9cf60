"""Results of jobs."""

from __future__ import annotations

import numpy as np
import streamlit as st

from explorer.jobs import service as jobs


@st.cache_resource(show_spinner=False, max_entries=32)
def job_result(key: str) -> dict[str, np.ndarray]:
    """The result of the job with that key, read-only: see :mod:`explorer.ui.jobs`."""
    return jobs.local().result(key)
