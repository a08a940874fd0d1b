"""Hand-made generated events: tables GENERATED from arrays of particles.

events = generated_events(pdgid=211, pt=[10.0, 20.0], eta=0.3, phi=0.1)   # one particle an event
"""

from __future__ import annotations

from typing import Any

import awkward as ak
import numpy as np
import numpy.typing as npt

from jetchain.core.schema.base import ORIGINS
from jetchain.core.schema.generate import GENERATED, UNSEEN, VARIATIONS
from jetchain.detector.flight.decays import DECAYS
from jetchain.detector.flight.particles import Primaries, select_primaries
from jetchain.detector.flight.pileup import overlay
from jetchain.detector.settings import SimulationSettings

# PDG code of the particle: mass in GeV (PDG 2024), charge in e. Antiparticles have the opposite.
PARTICLES = {
    11: (0.000511, -1), 13: (0.105658, -1), 22: (0.0, 0), 130: (0.497611, 0), 211: (0.139570, 1),
    321: (0.493677, 1), 2112: (0.939565, 0), 2212: (0.938272, 1), 12: (0.0, 0), 14: (0.0, 0),
    310: (0.497611, 0), 3122: (1.115683, 0),
}  # fmt: skip
UNSEEN_CODES = (12, 14)


def generated_events(
    pdgid: npt.ArrayLike,
    pt: npt.ArrayLike,
    eta: npt.ArrayLike,
    phi: npt.ArrayLike,
    vertex: npt.ArrayLike = (0.0, 0.0, 0.0),
    per_event: int = 1,
    first_number: int = 0,
) -> dict[str, Any]:
    """A table GENERATED with `per_event` particles in each event and nothing else.

    Args:
        pdgid, pt (GeV), eta, phi: scalars or (particles,), broadcast against each other.
        vertex: (3,) or (particles, 3), mm.
        per_event: particles an event; divides the number of particles.
        first_number: number of the first event.
    """
    codes, pt, eta, phi = (
        np.atleast_1d(column) for column in np.broadcast_arrays(pdgid, pt, eta, phi)
    )
    n = len(codes)
    mass = np.array([PARTICLES[abs(int(code))][0] for code in codes])
    charge = np.array([np.sign(code) * PARTICLES[abs(int(code))][1] for code in codes])
    vertex = np.broadcast_to(np.asarray(vertex, float), (n, 3))
    momentum = np.stack([pt * np.cos(phi), pt * np.sin(phi), pt * np.sinh(eta)], axis=1)
    columns = {
        "pdgid": codes.astype(np.int32),
        "px": momentum[:, 0],
        "py": momentum[:, 1],
        "pz": momentum[:, 2],
        "e": np.sqrt(np.sum(momentum**2, axis=1) + mass**2),
        "charge": charge,
        "seen_as": np.where(np.isin(np.abs(codes), UNSEEN_CODES), UNSEEN, codes),
        "ctau": np.array([DECAYS.get(abs(int(code)), (np.inf,))[0] for code in codes]),
        "x": vertex[:, 0],
        "y": vertex[:, 1],
        "z": vertex[:, 2],
        "origin": np.full(n, ORIGINS.index("primary")),
        "vertex": np.zeros(n, int),
    }
    events = n // per_event
    counts = np.full(events, per_event)
    empty = ak.unflatten(np.empty(0), np.zeros(events, int))
    return {
        "event": ak.zip(
            {
                "number": first_number + np.arange(events),
                **dict.fromkeys(("weight", *VARIATIONS), np.ones(events)),
                "process": np.zeros(events, np.int32),
                "pthat": np.zeros(events, np.float32),
            }
        ),
        "particle": ak.zip(
            {name: ak.unflatten(values, counts) for name, values in columns.items()}
        ),
        **{
            name: ak.zip(dict.fromkeys(GENERATED.collections[name], empty))
            for name in ("parton", "hadron")
        },
    }


def selected(events: dict[str, Any], settings: SimulationSettings) -> Primaries:
    """The primaries that the detector simulates."""
    numbers = np.asarray(events["event"]["number"])
    particle = overlay(numbers, events["particle"], None, settings.pileup, 0)
    return select_primaries(particle, settings)
