"""Parametric particle flow: tracks as they are, and what they leave of the calorimeter clusters.

The six steps of COCOA's algorithm (arXiv 2303.02101, section 5; cocoa-hep/cocoa-hep:
`Particle_flow_func.cc`), with the expected response measured on our own single pions
(`particleflow.calibrate`). The loops are in `subtraction.py`. Where COCOA leaves a choice:

- Tracks are worked through in falling pT, electrons first, and each looks for its cluster among
  what the tracks before it left. Energies of clusters are measured once, of remnants as the sum
  of what is left in their cells.
- Lepton identification is perfect: a track carries the PDG code of the particle that made it, as
  in COCOA, and tracks of muons and electrons are known by it.
- An electron takes the energy of its cluster and the direction of its track. Where the cluster
  holds more than `electron_maximum_ep` times the track's momentum, other particles share it: then
  the electron keeps its track's momentum, and that is subtracted from the cluster.
- A neutral cluster or remnant is a photon if more than `photon_fraction` of its energy lies in
  the electromagnetic layers, else a neutral hadron.
- COCOA leaves neutral hadrons at the scale of the cells. `calibrate_neutral_hadrons` divides
  those that no track touched by the response of single pions of the same pT.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jetchain.core.errors import DataError
from jetchain.core.io.atomic import REMAKE
from jetchain.core.io.tables import read_result
from jetchain.core.kinematics import cartesian, delta_phi
from jetchain.core.schema.particleflow import PARTICLE_CLASSES, ResponseTable
from jetchain.core.settings import Settings, key
from jetchain.particleflow.calibrate_photons import photon_response, read_photon_calibration
from jetchain.particleflow.detected import Clusters, Tracks
from jetchain.particleflow.layers import N_LAYERS, Layers
from jetchain.particleflow.subtraction import ELECTRON, HADRON, MUON, Cuts, Response, Seeds, link

MEV_PER_GEV = 1000.0
MASS = {HADRON: 139.57039, ELECTRON: 0.51099895, MUON: 105.6583755}  # MeV, PDG 2024
CHARGED_HADRON, NEUTRAL_HADRON, PHOTON, ELECTRON_LABEL, MUON_LABEL = (
    PARTICLE_CLASSES.index(name)
    for name in ("charged_hadron", "neutral_hadron", "photon", "electron", "muon")
)
LABEL_OF_KIND = np.array([CHARGED_HADRON, ELECTRON_LABEL, MUON_LABEL])

Floats = NDArray[np.float64]


class ParametricSettings(Settings):
    """Constants of the parametric particle flow (COCOA's Particle_flow_func.cc)."""

    minimum_ep: float = key(
        0.1, "a cluster matches a track only if its E/p is above this", ge=0, lt=1
    )
    match_distance: list[float] = key(
        [2.4, 1.25, 0.8],
        "largest R' between track and cluster for p < 2, p < 5 and p >= 5 GeV",
        min_length=3,
        max_length=3,
    )
    recover_below: float = key(
        -1.0, "S = (E - <E>) / sigma under which more clusters are added to a track"
    )
    recover_radius: float = key(0.4, "the clusters added lie within this dR", gt=0, le=1)
    remove_below: float = key(
        1.25, "a remnant up to this many sigma_E after subtraction is removed", ge=0
    )
    electron_maximum_ep: float = key(
        1.2, "up to this E/p an electron takes its cluster; above, its momentum is subtracted", gt=1
    )
    calibrate_neutral_hadrons: bool = key(
        True, "scale neutral hadrons that no track touched by the response of single pions"
    )
    photon_fraction: float = key(
        0.9,
        "a neutral cluster with more than this share of its energy in the ECAL is a photon",
        ge=0,
        le=1,
    )


def parametric(
    tracks: Tracks,
    clusters: Clusters,
    layers: Layers,
    calibrations: Mapping[str, Path],
    settings: ParametricSettings,
) -> dict[str, Any]:
    """Particles from tracks and clusters.

    Args:
        tracks, clusters: of all events of a file.
        layers: of the calorimeter.
        calibrations: files of the expected response of charged hadrons (`calibration`) and of
            photons (`photon_calibration`).
        settings: constants of the algorithm.

    Returns:
        see `reconstruct`.
    """
    table = read_calibration(calibrations["calibration"])
    photons = read_photon_calibration(calibrations["photon_calibration"])
    return reconstruct(tracks, clusters, layers, table | {"photons": photons}, settings)


def read_calibration(path: Path) -> dict[str, Any]:
    """Read the table of expected responses, and check that it is one.

    Raises:
        DataError: an entry is missing, of the wrong shape, or not positive.
    """
    read = read_result(path, ResponseTable)
    table = {
        name: np.array(values, dtype=np.float64)
        for name, values in (
            ("pt_edges", read.pt_edges), ("eta_edges", read.eta_edges), ("mean", read.mean),
            ("sigma", read.sigma), ("curve_pt", read.curve.pt), ("curve_mean", read.curve.mean),
        )
    }  # fmt: skip
    shape = (len(table["pt_edges"]), len(table["eta_edges"]), N_LAYERS)
    for name in ("mean", "sigma"):
        if table[name].shape != shape or not np.all(table[name] > 0):
            raise DataError(f"{path}: '{name}' is not a positive array of shape {shape}.", REMAKE)
    return table


def reconstruct(
    tracks: Tracks,
    clusters: Clusters,
    layers: Layers,
    table: dict[str, Any],
    settings: ParametricSettings,
) -> dict[str, Any]:
    """Particles from tracks and clusters.

    Args:
        tracks, clusters: of all events.
        layers: of the calorimeter.
        table: the calibrations; `photons` holds that of photons and electrons.
        settings: constants of the algorithm.

    Returns:
        flat columns of the collection pflow (GeV), event by event, in each event the tracks before
        the neutral clusters; and `counts` (events,), the number of particles of each event.
    """
    kind = np.where(
        np.abs(tracks.pdgid) == 13, MUON, np.where(np.abs(tracks.pdgid) == 11, ELECTRON, HADRON)
    )
    event_of_track = _event_of(tracks.offset)
    order = np.lexsort((-tracks.pt, kind != ELECTRON, event_of_track))
    seeds = Seeds(
        tracks.offset, order, kind, tracks.p, tracks.pt, np.abs(tracks.eta),
        tracks.layer_eta, tracks.layer_phi,
    )  # fmt: skip
    response = Response(
        MEV_PER_GEV * table["pt_edges"], table["eta_edges"], table["mean"], table["sigma"]
    )
    cuts = Cuts(
        np.array(settings.match_distance), settings.minimum_ep, settings.recover_below,
        settings.recover_radius, settings.remove_below, settings.electron_maximum_ep,
    )  # fmt: skip
    energy, cell_e = clusters.e.copy(), clusters.cell_e.copy()
    match, taken = link(seeds, clusters._replace(e=energy, cell_e=cell_e), layers, response, cuts)
    charged = _charged(tracks, clusters, kind, match, taken, table)
    neutral, event_of_neutral = _neutral(clusters, layers, energy, cell_e, table, settings)
    events = np.concatenate([event_of_track, event_of_neutral])
    arrangement = np.argsort(events, kind="stable")
    columns = {
        name: np.concatenate([charged[name], neutral[name]])[arrangement] for name in charged
    }
    counts = np.bincount(events, minlength=len(tracks.offset) - 1)
    return columns | {"counts": counts}


def _event_of(offset: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.repeat(np.arange(len(offset) - 1), np.diff(offset))


def _charged(
    tracks: Tracks,
    clusters: Clusters,
    kind: NDArray[np.int64],
    match: NDArray[np.int64],
    taken: Floats,
    table: dict[str, Any],
) -> dict[str, Floats]:
    """One particle a track; electrons with the energy of the cluster that they took, scaled."""
    taken = taken / photon_response(
        taken * np.sin(tracks.theta) / MEV_PER_GEV, tracks.eta, table["photons"]
    )
    mass = np.array([MASS[HADRON], MASS[ELECTRON], MASS[MUON]])[kind]
    p = np.where(taken > 0, np.sqrt(np.maximum(taken**2 - mass**2, 0.0)), tracks.p)
    px, py, pz, e = cartesian(p * np.sin(tracks.theta), tracks.eta, tracks.phi, mass)
    d0, z0, d0_err, z0_err = tracks.impact.T
    return {
        "px": px / MEV_PER_GEV,
        "py": py / MEV_PER_GEV,
        "pz": pz / MEV_PER_GEV,
        "e": e / MEV_PER_GEV,
        "label": LABEL_OF_KIND[kind],
        "charge": tracks.charge,
        "d0": d0,
        "z0": z0,
        "d0_err": d0_err,
        "z0_err": z0_err,
        "track_idx": tracks.index,
        "origin": tracks.truth[:, 0],
        "vertex": tracks.truth[:, 1],
        "topo_idx": np.where(match >= 0, np.append(clusters.idx, -1)[match], -1),
    }


def _neutral(
    clusters: Clusters,
    layers: Layers,
    energy: Floats,
    cell_e: Floats,
    table: dict[str, Any],
    settings: ParametricSettings,
) -> tuple[dict[str, Floats], NDArray[np.int64]]:
    """One massless particle a cluster or remnant, and the event of each."""
    cluster_of_cell = np.repeat(np.arange(len(energy)), np.diff(clusters.cell_offset))
    wrapped = delta_phi(clusters.cell_phi, clusters.phi[cluster_of_cell])

    def summed(weights: Floats) -> Floats:
        return np.bincount(cluster_of_cell, weights, minlength=len(energy)).astype(np.float64)

    total = np.where((in_cells := summed(cell_e)) > 0, in_cells, 1.0)
    # What no track touched stays where the detector put it; a remnant moves to its cells. Sums
    # over cells differ by rounding from the cluster's energy.
    touched = energy < (1 - 1e-6) * clusters.e
    eta = np.where(touched, summed(cell_e * clusters.cell_eta) / total, clusters.eta)
    phi = np.where(touched, clusters.phi + summed(cell_e * wrapped) / total, clusters.phi)
    em_fraction = summed(cell_e * layers.electromagnetic[clusters.cell_layer]) / total
    is_photon = em_fraction > settings.photon_fraction
    if settings.calibrate_neutral_hadrons:
        hadron = ~is_photon & ~touched & (energy > 0)
        pt = energy / np.cosh(eta) / MEV_PER_GEV
        energy = np.where(hadron, energy / pion_response(pt, table), energy)
    pt = energy / np.cosh(eta) / MEV_PER_GEV
    energy = np.where(is_photon, energy / photon_response(pt, eta, table["photons"]), energy)
    kept = energy > 0
    eta, phi, energy = eta[kept], phi[kept], energy[kept]
    px, py, pz, e = cartesian(energy / np.cosh(eta) / MEV_PER_GEV, eta, phi)
    zero, none = np.zeros(len(energy)), np.full(len(energy), -1)
    columns = {
        "px": px,
        "py": py,
        "pz": pz,
        "e": e,
        "label": np.where(is_photon[kept], PHOTON, NEUTRAL_HADRON),
        "charge": zero,
        "d0": zero,
        "z0": zero,
        "d0_err": zero,
        "z0_err": zero,
        "track_idx": none,
        "origin": none,
        "vertex": none,
        "topo_idx": clusters.idx[kept],
    }
    return columns, _event_of(clusters.offset)[kept]


def pion_response(measured_pt: Floats, table: dict[str, Any]) -> Floats:
    """Response of single pions as a function of the pT that the calorimeter measured.

    The curve E/p(pT) is read at the pT for which pT * E/p is the measured one, by interpolation
    in log pT; outside the measured range it is constant.
    """
    seen = table["curve_pt"] * table["curve_mean"]
    order = np.argsort(seen)
    tiny = np.finfo(np.float64).tiny
    return np.interp(
        np.log(np.maximum(measured_pt, tiny)), np.log(seen[order]), table["curve_mean"][order]
    )
