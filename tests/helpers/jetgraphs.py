"""Toy jet graphs: jets of one, two or three prongs, some with displaced tracks.

Not physics: a stand-in with enough structure to tell the classes apart, made in milliseconds.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from jetchain.core.io.tensors import write_tensors
from jetchain.core.schema.graphs import CONSTITUENT_COLUMNS, JET_GRAPHS
from jetchain.core.schema.jets import JET_CLASSES

# Mass in GeV and prongs of each class, and the impact parameter of its displaced tracks in mm.
MASS = {
    "quark": 40.0,
    "gluon": 60.0,
    "W": 80.4,
    "Z": 91.2,
    "top": 173.0,
    "Hbb": 125.0,
    "Hcc": 125.0,
}
PRONGS = {"quark": 1, "gluon": 1, "W": 2, "Z": 2, "top": 3, "Hbb": 2, "Hcc": 2}
DISPLACED = {"top": 0.4, "Hbb": 0.6, "Hcc": 0.2}
MULTIPLICITY = {"gluon": 45}


def toy_jets(name: str, jets: int, seed: int, *, neighbours: int = 2) -> dict[str, np.ndarray]:
    """A JET_GRAPHS table of a class, two jets an event; a tenth of the jets is unmatched."""
    random = np.random.default_rng([seed, JET_CLASSES.index(name)])
    pt = random.uniform(480.0, 1020.0, jets)
    eta, phi = random.uniform(-1.5, 1.5, jets), random.uniform(-np.pi, np.pi, jets)
    rows, lengths = [], []
    for jet in range(jets):
        n = max(3, random.poisson(MULTIPLICITY.get(name, 30)))
        prongs = PRONGS[name]
        centres = random.normal(0.0, MASS[name] / pt[jet], (prongs, 2))
        centres -= centres.mean(axis=0)
        delta = centres[random.integers(0, prongs, n)] + random.normal(0, 0.05, (n, 2))
        share = np.sort(random.dirichlet(np.full(n, 0.5)))[::-1] + 1e-6
        pti = pt[jet] * share / share.sum()
        kind = random.choice(5, n, p=[0.55, 0.12, 0.29, 0.02, 0.02])  # PARTICLE_CLASSES
        charged = np.isin(kind, (0, 3, 4))
        shift = random.normal(0, 0.02, n)
        shift += (random.random(n) < 0.3) * random.exponential(DISPLACED.get(name, 0.01), n)
        etas, phis = eta[jet] + delta[:, 0], phi[jet] + delta[:, 1]
        columns = {
            "px": pti * np.cos(phis),
            "py": pti * np.sin(phis),
            "pz": pti * np.sinh(etas),
            "e": pti * np.cosh(etas),
            "charge": charged * random.choice([-1, 1], n),
            "is_electron": kind == 3,
            "is_muon": kind == 4,
            "is_photon": kind == 2,
            "is_charged_hadron": kind == 0,
            "is_neutral_hadron": kind == 1,
            "d0": charged * shift,
            "z0": charged * shift * random.choice([-1, 1], n),
            "d0_err": charged * 0.02,
            "z0_err": charged * 0.04,
            "delta_eta": delta[:, 0],
            "delta_phi": delta[:, 1],
        }
        rows.append(np.stack([columns[c] for c in CONSTITUENT_COLUMNS], axis=1))
        lengths.append(n)
    zero = np.zeros(jets)
    mass = random.normal(MASS[name], 10.0, jets).clip(5)
    edges = np.tile([[1, 2], [0, 0]], (1, jets))[:, : neighbours * jets]
    return {
        "event_number": np.arange(jets) // 2,
        "jet_index": np.arange(jets) % 2,
        "weight": np.ones(jets),
        "label": np.where(random.random(jets) < 0.1, -1, JET_CLASSES.index(name)),
        "jet": np.stack([pt, eta, phi, mass, mass, zero, zero, zero], axis=1).astype("f4"),
        "multiplicity": np.array(lengths),
        "constituent_offset": np.concatenate([[0], np.cumsum(lengths)]),
        "constituents": np.concatenate(rows).astype("f4"),
        "constituent_truth": np.full((sum(lengths), 2), -1),
        "edge_offset": np.arange(jets + 1) * neighbours,
        "edge_index": edges,
    }


def write_toy_samples(
    folder: Path, jets: int, seed: int = 1, names: tuple[str, ...] = JET_CLASSES
) -> list[Path]:
    """Write one shard of every class, ``<folder>/<class>/0000.safetensors``."""
    paths = []
    for name in names:
        path = folder / name / "0000.safetensors"
        write_tensors(path, JET_GRAPHS, toy_jets(name, jets, seed))
        paths.append(path)
    return paths
