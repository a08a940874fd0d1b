"""Toy dijet events whose medians are those of the LHC Olympics files.

The features of the background do not depend on its mass, as CWoLa assumes. The medians are those
of the signal region of the R&D data set, arXiv 2101.08320.
"""

from __future__ import annotations

import awkward as ak
import numpy as np
from numpy.typing import NDArray

from helpers.raw import for_collections
from jetchain.anomaly.features import inject
from jetchain.core.io.events import write_events
from jetchain.core.schema.jets import JET, jets_table

Array = NDArray[np.float64]
Table = dict[str, NDArray]

SIGNAL_REGION = [3.3, 3.7]
MASS_RANGE = [2.8, 6.0]
ALONE: dict[str, list[str]] = {"background_test": [], "background_scores": []}
"""For the verb of a search: no background beside the data."""


def _beta(median: float, sharpness: float, number: int, random: np.random.Generator) -> Array:
    return random.beta(sharpness * median, sharpness * (1 - median), number)


def background_dijets(number: int, random: np.random.Generator) -> tuple[Array, Array]:
    """Masses (number,) in TeV, falling as QCD's, and features (number, 4)."""
    m_jj = 2.6 + random.exponential(0.5, number)
    features = np.stack(
        [
            0.11 * np.exp(0.45 * random.standard_normal(number)),
            random.exponential(0.19, number),
            _beta(0.60, 12, number, random),
            _beta(0.49, 8, number, random),
        ],
        axis=1,
    )
    return m_jj, features


def signal_dijets(number: int, random: np.random.Generator) -> tuple[Array, Array]:
    """Masses (number,) in TeV about 3.5, and features (number, 4) of two resonances."""
    m_jj = 3.5 + 0.08 * random.standard_normal(number)
    features = np.stack(
        [
            0.11 + 0.01 * random.standard_normal(number),
            0.384 + 0.03 * random.standard_normal(number),
            _beta(0.37, 15, number, random),
            _beta(0.19, 15, number, random),
        ],
        axis=1,
    )
    return m_jj, features


def dijet_tables(
    background: int = 6000, injected: int = 150, test: int = 400, folds: int = 2, seed: int = 1
) -> tuple[Table, Table, Table]:
    """Data, truth and signal test tables of toy events."""
    random = np.random.default_rng(seed)
    return inject(
        background_dijets(background, random),
        signal_dijets(injected + test, random),
        injected,
        folds,
        random,
    )


def write_dijet_file(path, number, seed, pt=1300.0, radius=1.0, weight=1.0):
    """Write a file of jets: so many events of two, one on each side of the pT."""
    random = np.random.default_rng(seed)
    pts = np.stack([pt + random.exponential(80, number), pt - random.exponential(80, number)], 1)
    columns = {
        "pt": pts, "eta": random.normal(0, 0.5, (number, 2)),
        "phi": random.uniform(-3, 3, (number, 1)) + np.array([0, np.pi]),
        "m": random.uniform(50, 300, (number, 2)), "msd": np.full((number, 2), 80.0),
        "tau1": np.full((number, 2), 0.2), "tau2": random.uniform(0.02, 0.18, (number, 2)),
        "tau3": np.full((number, 2), 0.05), "label": np.full((number, 2), -1),
        **{name: np.full((number, 2), 0.3) for name in ("zg", "rg", "reach")},
        "constituents": np.zeros((number, 2, 1)),
    }  # fmt: skip
    assert set(columns) == set(JET)
    jets = {name: ak.from_regular(ak.Array(values), axis=None) for name, values in columns.items()}
    event = {"number": np.arange(number), "weight": weight * np.ones(number)}
    table = jets_table((radius,))
    write_events(path, table, {"event": event, **for_collections(table, jets)})
