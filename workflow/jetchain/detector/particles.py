"""The primaries of events: which are simulated, how they behave, where they go."""

from __future__ import annotations

from dataclasses import dataclass

import awkward as ak
import numpy as np

from jetchain.detector import tracker
from jetchain.detector.geometry import Geometry
from jetchain.detector.settings import SimulationSettings
from jetchain.detector.showers import CHARGED_HADRON, ELECTRON, MUON, NEUTRAL_HADRON, PHOTON

GEV = 1e3
NEUTRINOS = (12, 14, 16)
NUCLEON_MASS = 938.9187
"""Mean mass of the nucleons, MeV (PDG 2024)."""


@dataclass(frozen=True)
class Primaries:
    """The simulated particles of some events, flat; MeV and mm."""

    offset: np.ndarray  # (events + 1,)
    truth_idx: np.ndarray  # (n,) index among the event's generated particles
    pdgid: np.ndarray  # (n,)
    kind: np.ndarray  # (n,) int8, see showers
    charge: np.ndarray  # (n,)
    momentum: np.ndarray  # (n, 3) MeV
    energy: np.ndarray  # (n,) MeV
    available: np.ndarray  # (n,) MeV, what a calorimeter can see
    vertex: np.ndarray  # (n, 3) mm
    pt: np.ndarray  # (n,) MeV
    eta: np.ndarray  # (n,)
    phi: np.ndarray  # (n,)
    arrival: tracker.Arrival
    tracker_exit: np.ndarray  # (n, 3) mm
    path: np.ndarray  # (n, slabs + 1) mm
    border: np.ndarray  # (n, slabs + 1, 3) mm
    border_eta: np.ndarray  # (n, slabs + 1)
    border_phi: np.ndarray  # (n, slabs + 1) rad
    border_rho: np.ndarray  # (n, slabs + 1) mm from the beam axis
    has_track: np.ndarray  # (n,) bool
    tracks: np.ndarray  # (tracks, 5) true tracker.PARAMETERS
    track_errors: np.ndarray  # (tracks, 5)
    cutflow: dict[str, int]
    cut_energy: dict[str, float]  # GeV


def behaviour(pdgid: np.ndarray, charge: np.ndarray) -> np.ndarray:
    """How particles behave in the calorimeter, (n,) int8."""
    kind = np.where(charge != 0, CHARGED_HADRON, NEUTRAL_HADRON)
    for code, value in ((11, ELECTRON), (22, PHOTON), (13, MUON)):
        kind = np.where(np.abs(pdgid) == code, value, kind)
    return kind.astype(np.int8)


def baryon_number(pdgid: np.ndarray) -> np.ndarray:
    """Baryon number from PDG codes: four digits, all three quarks given; (n,)."""
    code = np.abs(pdgid)
    baryon = (code >= 1000) & (code < 10000) & (code // 10 % 10 != 0)
    return np.where(baryon, np.sign(pdgid), 0)


def select_primaries(
    particle: ak.Array, geometry: Geometry, settings: SimulationSettings
) -> Primaries:
    """Choose the primaries as COCOA does (HepMCG4Interface.cc), and follow them to the calorimeter.

    What a baryon can deposit is its energy less a nucleon's mass, an antibaryon's more.

    Args:
        particle: collection `particle` of GENERATED.
        geometry: the detector.
        settings: the cuts.
    """
    counts = np.asarray(ak.num(particle))
    index = np.asarray(ak.flatten(ak.local_index(particle)))
    flat = {name: np.asarray(ak.flatten(particle[name])) for name in particle.fields}
    momentum = np.stack([flat[f"p{axis}"].astype(float) for axis in "xyz"], axis=1)
    energy = flat["e"].astype(float)
    pt = np.hypot(momentum[:, 0], momentum[:, 1])
    eta = np.arcsinh(momentum[:, 2] / np.maximum(pt, 1e-12))

    cuts = {
        "neutrino": np.isin(np.abs(flat["pdgid"]), NEUTRINOS),
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
    pdgid, charge = flat["pdgid"][keep], flat["charge"][keep].astype(float)
    momentum, energy, pt, eta = momentum[keep], energy[keep], pt[keep], eta[keep]
    vertex = np.stack([flat[axis][keep].astype(float) for axis in "xyz"], axis=1)
    table = geometry.table
    arrival = tracker.propagate(
        vertex,
        momentum,
        charge,
        field=table.magnetic_field,
        radius=table.inner_radius,
        half_length=geometry.half_length,
        eta_max=table.eta_max,
    )
    exits = tracker.propagate(
        vertex,
        momentum,
        charge,
        field=table.magnetic_field,
        radius=table.tracker_radius,
        half_length=geometry.half_length * table.tracker_radius / table.inner_radius,
        eta_max=table.eta_max,
    )
    path, border = tracker.slab_positions(geometry, arrival)
    has_track = (
        (charge != 0)
        & (np.abs(eta) < settings.track_eta_max)
        & (np.hypot(vertex[:, 0], vertex[:, 1]) < table.vertex_radius)
        & (np.abs(vertex[:, 2]) < table.vertex_z)
        & (arrival.status == tracker.REACHED)
    )
    tracks, track_errors = tracker.true_tracks(
        vertex[has_track], momentum[has_track], charge[has_track], table.magnetic_field
    )
    rho = np.maximum(np.hypot(border[..., 0], border[..., 1]), 1.0)
    status = {
        "curled_up": tracker.CURLED,
        "beside_calorimeter": tracker.OUTSIDE,
        "born_behind_face": tracker.BEHIND,
    }
    cutflow |= {name: int((arrival.status == code).sum()) for name, code in status.items()}
    cutflow |= {"simulated": len(pt), "charged": int((charge != 0).sum())}
    cutflow["tracks"] = int(has_track.sum())
    cut_energy["simulated"] = float(energy.sum())
    available = GEV * energy - NUCLEON_MASS * baryon_number(pdgid)
    return Primaries(
        offset=np.concatenate([[0], np.cumsum(np.bincount(event, minlength=len(counts)))]),
        truth_idx=index[keep],
        pdgid=pdgid,
        kind=behaviour(pdgid, charge),
        charge=charge,
        momentum=GEV * momentum,
        energy=GEV * energy,
        available=np.maximum(available, 0.0),
        vertex=vertex,
        pt=GEV * pt,
        eta=eta,
        phi=np.arctan2(momentum[:, 1], momentum[:, 0]),
        arrival=arrival,
        tracker_exit=exits.position,
        path=path,
        border=border,
        border_eta=np.arcsinh(border[..., 2] / rho),
        border_phi=np.arctan2(border[..., 1], border[..., 0]),
        border_rho=rho,
        has_track=has_track,
        tracks=tracks,
        track_errors=track_errors,
        cutflow=cutflow,
        cut_energy=cut_energy,
    )
