"""Hand-made detector events: straight tracks and Gaussian clusters on COCOA's grid of cells.

event = FakeEvent()
pion = event.particle(211, pt=10.0, eta=0.2, phi=0.5)   # with its track
event.cluster(7000.0, 0.2, 0.5, fractions=[0, 0.3, 0, 0.7, 0, 0], parent=pion)
write_detected(path, [event])
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np

from jetchain.core.io.events import write_events
from jetchain.core.schema.detector import DETECTED

GEOMETRY = Path(__file__).parents[2] / "resources" / "geometry" / "cocoa.yaml"
CELLS = (256, 256, 128, 64, 64, 32)
RADIUS = (1500.0, 1594.1, 1970.6, 2097.6, 2496.2, 3585.6)  # mm, entrance of each layer
CENTRE = (1547.0, 1782.3, 1994.1, 2296.9, 3040.9, 3824.7)  # mm
CHARGE = {11: -1, -11: 1, 13: -1, -13: 1, 211: 1, -211: -1, 321: 1, -321: -1, 2212: 1, -2212: -1}
MASS = {11: 0.000511, 13: 0.10566, 211: 0.13957, 321: 0.49368, 2212: 0.93827, 130: 0.49761,
        2112: 0.93957}  # fmt: skip


@dataclass
class FakeEvent:
    """One event under construction: lists of rows, a row a dict of columns."""

    number: int = 0
    rows: dict[str, list[dict[str, Any]]] = field(
        default_factory=lambda: {name: [] for name in DETECTED.collections}
    )

    def particle(self, pdgid: int, pt: float, eta: float, phi: float, track: bool = True) -> int:
        """Add a true particle (pt in GeV), and its perfect, straight track if it is charged."""
        index = len(self.rows["particle"])
        charge = CHARGE.get(pdgid, 0)
        energy = float(np.hypot(pt * np.cosh(eta), MASS.get(abs(pdgid), 0.0)))
        self.rows["particle"].append({
            **_zeros("particle"), "pdgid": pdgid, "charge": charge, "truth_idx": index,
            "track_idx": len(self.rows["track"]) if charge and track else -1,
            "isIso": 1, "pt": 1e3 * pt, "eta": eta, "phi": phi, "e": 1e3 * energy,
            "eta_extrap_calo": eta, "phi_extrap_calo": phi,
            "eta_extrap_its": eta, "phi_extrap_its": phi,
        })  # fmt: skip
        if charge and track:
            positions = {
                f"{axis}_layer_{layer}": radius * value
                for layer, radius in enumerate(RADIUS)
                for axis, value in zip("xyz", (np.cos(phi), np.sin(phi), np.sinh(eta)), strict=True)
            }
            self.rows["track"].append({
                **_zeros("track"), "pdgid": pdgid, "parent_idx": index,
                "reconstructed": 1, "in_acceptance": 1,
                "d0": 0.01, "z0": 0.02, "theta": 2 * np.arctan(np.exp(-eta)), "phi": phi,
                "qoverp": charge / (1e3 * pt * np.cosh(eta)), "d0_err": 0.02, "z0_err": 0.06,
                **positions,
            })  # fmt: skip
        return index

    def cluster(
        self,
        energy: float,
        eta: float,
        phi: float,
        fractions: list[float],
        *,
        parent: int = -1,
        width: float = 0.02,
    ) -> None:
        """Add a cluster of an energy in MeV, with its share in each layer and a width in dR."""
        layer_e = energy * np.asarray(fractions, dtype=float) / np.sum(fractions)
        cells = [
            row for layer in range(6) for row in _cells(layer, layer_e[layer], eta, phi, width)
        ]
        idx = len(self.rows["topo"]) + 1
        for cell in cells:
            self.rows["cell"].append({
                **_zeros("cell"), **cell, "topo_idx": idx,
            })  # fmt: skip
        weight = np.array([cell["e"] for cell in cells])
        at = {n: np.average([cell[n] for cell in cells], weights=weight) for n in ("eta", "phi")}
        self.rows["topo"].append({
            **_zeros("topo"), "n_cells": len(cells), "idx": idx,
            "bary_eta": at["eta"], "bary_phi": at["phi"], "bary_rho": 2000.0,
            "bary_sigma_eta": 0.05, "bary_sigma_phi": 0.05, "e": weight.sum(),
            **{f"e_layer_{layer}": value for layer, value in enumerate(layer_e)},
        })  # fmt: skip
        if parent >= 0:
            self.rows["particle_to_node"].append({"particle": parent, "topo": idx, "weight": 1.0})


def _zeros(collection: str) -> dict[str, Any]:
    return dict.fromkeys(DETECTED.collections[collection], 0)


def _cells(layer: int, energy: float, eta: float, phi: float, width: float) -> list[dict[str, Any]]:
    """The 5 x 5 cells around a direction that hold at least 1 % of the energy."""
    if energy <= 0:
        return []
    d_eta, d_phi = 6.0 / CELLS[layer], 2 * np.pi / CELLS[layer]
    steps = np.arange(-2, 3)
    etas = (np.floor(eta / d_eta) + steps + 0.5) * d_eta
    phis = (np.floor(phi / d_phi) + steps + 0.5) * d_phi
    scale = np.hypot(width, d_eta / 3)
    profile = np.exp(-0.5 * np.add.outer((etas - eta) ** 2, (phis - phi) ** 2) / scale**2)
    profile[profile < 0.01 * profile.sum()] = 0.0
    share = energy * profile / profile.sum()
    return [
        {"layer": layer, "eta": etas[i], "phi": phis[j], "e": share[i, j],
         "rho": CENTRE[layer]}
        for i, j in np.argwhere(share > 0)
    ]  # fmt: skip


def detected_data(events: list[FakeEvent]) -> dict[str, Any]:
    """The events as the columns that `write_events` takes."""
    data: dict[str, Any] = {
        "event": {"number": [e.number for e in events], "weight": [1.0] * len(events)}
    }
    for collection, declared in DETECTED.collections.items():
        rows = [_finished(event, collection) for event in events]
        counts = [len(r) for r in rows]
        flat = [row for event_rows in rows for row in event_rows]
        data[collection] = {}
        for name, column in declared.items():
            values = [row[name] for row in flat]
            if column.nested:
                lengths = [len(v) for v in values]
                inner = np.array([x for v in values for x in v], dtype=column.dtype)
                content: Any = ak.unflatten(inner, np.array(lengths, dtype=np.int64))
            else:
                content = np.array(values, dtype=column.dtype)
            data[collection][name] = ak.unflatten(content, np.array(counts, dtype=np.int64))
    return data


def _finished(event: FakeEvent, collection: str) -> list[dict[str, Any]]:
    """The rows of a collection; of the incidence, with the nodes numbered tracks first."""
    if collection != "particle_to_node":
        return event.rows[collection]
    tracks = len(event.rows["track"])
    return [
        *(
            {"particle": track["parent_idx"], "idx": index, "weight": 1.0}
            for index, track in enumerate(event.rows["track"])
        ),
        *(
            {"particle": row["particle"], "idx": tracks + row["topo"] - 1, "weight": row["weight"]}
            for row in event.rows["particle_to_node"]
        ),
    ]


def write_detected(path: Path, events: list[FakeEvent]) -> Path:
    """Write events as a detector file; returns its path."""
    write_events(path, DETECTED, detected_data(events))
    return path
