"""Files of labelled pictures to a data set: a ZIP of folders, NumPy arrays, tables, IDX files. No torch."""

from __future__ import annotations

from explorer.labelled.fit import FITS, Fit
from explorer.labelled.found import Found
from explorer.labelled.kept import as_npz, keep, learners, remove
from explorer.labelled.reading import Reading

__all__ = ["FITS", "Fit", "Found", "Reading", "as_npz", "keep", "learners", "remove"]
