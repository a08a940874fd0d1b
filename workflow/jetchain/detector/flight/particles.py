"""The primaries of events: which are simulated."""

from __future__ import annotations

from dataclasses import dataclass

import awkward as ak
import numpy as np

from jetchain.core.schema.generate import UNSEEN
from jetchain.detector.flight.states import (
    CHARGE,
    CODE,
    COLUMNS,
    CTAU,
    PX,
    PY,
    PZ,
    SOURCE,
    E,
    X,
    Y,
    Z,
)
from jetchain.detector.settings import SimulationSettings

GEV = 1e3


@dataclass(frozen=True)
class Primaries:
    """The simulated particles of some events."""

    offset: np.ndarray  # (events + 1,)
    truth_idx: np.ndarray  # (n,) index among the event's generated particles
    rows: np.ndarray  # (n, states.COLUMNS); SOURCE counts within the event
    truth: np.ndarray  # (n, 2) int64 origin and vertex, see GENERATED and `pileup.overlay`
    vertices: np.ndarray  # (events,) vertices of the event's particles, simulated or not
    cutflow: dict[str, int]
    cut_energy: dict[str, float]  # GeV


def select_primaries(particle: ak.Array, settings: SimulationSettings) -> Primaries:
    """Choose the primaries as COCOA does (HepMCG4Interface.cc).

    Args:
        particle: collection `particle` of GENERATED, with `truth_idx` (see `pileup.overlay`).
        settings: the cuts.
    """
    counts = np.asarray(ak.num(particle))
    flat = {name: np.asarray(ak.flatten(particle[name])) for name in particle.fields}
    momentum = np.stack([flat[f"p{axis}"].astype(float) for axis in "xyz"], axis=1)
    energy = flat["e"].astype(float)
    pt = np.hypot(momentum[:, 0], momentum[:, 1])
    eta = np.arcsinh(momentum[:, 2] / np.maximum(pt, 1e-12))

    cuts = {
        "invisible": flat["seen_as"] == UNSEEN,
        "below_pt": pt < settings.particle_pt_min,
        "beyond_eta": np.abs(eta) > settings.particle_eta_max,
    }
    keep = np.ones(len(pt), bool)
    cutflow, cut_energy = {"generated": len(pt)}, {"generated": float(energy.sum())}
    for name, cut in cuts.items():
        cutflow[name] = int((keep & cut).sum())
        cut_energy[name] = float(energy[keep & cut].sum())
        keep &= ~cut

    event = np.repeat(np.arange(len(counts)), counts)[keep]
    offset = np.concatenate([[0], np.cumsum(np.bincount(event, minlength=len(counts)))])
    rows = np.zeros((int(keep.sum()), COLUMNS))
    rows[:, [PX, PY, PZ]] = GEV * momentum[keep]
    rows[:, E] = GEV * energy[keep]
    for column, name in (
        (X, "x"), (Y, "y"), (Z, "z"), (CHARGE, "charge"), (CODE, "seen_as"), (CTAU, "ctau"),
    ):  # fmt: skip
        rows[:, column] = flat[name][keep]
    rows[:, SOURCE] = np.arange(len(event)) - offset[event]
    cutflow["simulated"] = len(rows)
    cutflow["charged"] = int((rows[:, CHARGE] != 0).sum())
    cut_energy["simulated"] = float(energy[keep].sum())
    truth = np.stack([flat["origin"], flat["vertex"]], axis=1).astype(np.int64)
    vertices = number_of_vertices(truth[:, 1], np.concatenate([[0], np.cumsum(counts)]))
    return Primaries(
        offset, flat["truth_idx"][keep], rows, truth[keep], vertices, cutflow, cut_energy
    )


def number_of_vertices(vertex: np.ndarray, offset: np.ndarray) -> np.ndarray:
    """Numbers of vertices from 0 to the largest of some events, (events,): 1 at least.

    Args:
        vertex: (n,) their number in the event; -1 counts as the primary one.
        offset: (events + 1,) first of each event.
    """
    result = np.ones(len(offset) - 1, np.int64)
    event = np.repeat(np.arange(len(result)), np.diff(offset))
    np.maximum.at(result, event, vertex + 1)
    return result
