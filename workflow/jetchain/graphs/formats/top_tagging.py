"""Top-tagging reference data set: a pandas table in HDF5, one row a jet (arXiv 1902.09914).

Columns E_0, PX_0, PY_0, PZ_0, ... of up to 200 particles in GeV, padded with zeros, and
is_signal_new: 1 for a top jet, 0 for a QCD jet. The files (doi 10.5281/zenodo.2603256) hold it
under the key `table`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from jetchain.graphs.imported import (
    Chunk,
    JetFormat,
    Rows,
    other_layout,
    padded,
    reading,
    require_names,
    steps,
    whole_labels,
)

KEY, LABEL = "table", "is_signal_new"
COLUMNS = ("PX", "PY", "PZ", "E")  # in the order of MOMENTUM


class TopTagging(JetFormat):
    """Anti-kT jets, R = 0.8, of 550 to 650 GeV; momenta only."""

    labels = ("QCD", "top")
    feature_set = "kinematics"
    kinds = ("HDF5",)
    radius = 0.8

    def chunks(self, path: Path, rows: Rows) -> Iterator[Chunk]:
        """See `JetFormat`."""
        import pandas as pd

        with reading(path, "a pandas table in HDF5"), pd.HDFStore(path, mode="r") as store:
            if KEY not in store:
                raise other_layout(path, f"has no pandas table '{KEY}'")
            table = store.get_storer(KEY)
            number = table.nrows if table.is_table else table.shape[0]
            for some in steps(rows(path, number)):
                frame = store.select(KEY, start=some.start, stop=some.stop)
                places = max(map(_place, frame.columns), default=-1) + 1
                names = [f"{name}_{i}" for i in range(max(places, 1)) for name in COLUMNS]
                require_names(path, "columns", [*names, LABEL], frame.columns)
                values = frame[names].to_numpy(np.float64)
                yield padded(
                    values.reshape(len(frame), max(places, 1), len(COLUMNS)),
                    whole_labels(path, frame[LABEL].to_numpy()),
                )


def _place(column: str) -> int:
    """The particle that a column belongs to, -1 for others."""
    match = re.fullmatch(rf"(?:{'|'.join(COLUMNS)})_(\d+)", str(column))
    return int(match[1]) if match else -1
