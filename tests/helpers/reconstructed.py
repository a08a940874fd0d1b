"""Files of reconstructed particles, from rows."""

from __future__ import annotations

import itertools

import awkward as ak
import numpy as np

from helpers.detected import FakeEvent
from jetchain.core.io.events import write_events
from jetchain.core.kinematics import cartesian
from jetchain.core.schema.particleflow import RECONSTRUCTED


def write_reco(path, events: list[FakeEvent], rows: list[list[dict]]):
    counts = np.array([len(r) for r in rows], dtype=np.int64)
    flat = list(itertools.chain.from_iterable(rows))
    pt, eta, phi = (np.array([r[n] for r in flat], dtype=float) for n in ("pt", "eta", "phi"))
    px, py, pz, _ = cartesian(pt, eta, phi)
    columns = dict.fromkeys(RECONSTRUCTED.collections["pflow"], np.zeros(len(flat)))
    columns |= {"px": px, "py": py, "pz": pz, "e": np.array([r["e"] for r in flat])}
    columns["label"] = np.array([r["label"] for r in flat], dtype=np.int64)
    write_events(
        path,
        RECONSTRUCTED,
        {
            "event": {"number": [e.number for e in events], "weight": [1.0] * len(events)},
            "pflow": {name: ak.unflatten(values, counts) for name, values in columns.items()},
        },
    )
    return path
