"""Parametric particle flow: tracks as they are, and what they leave of the calorimeter clusters.

The six steps of COCOA's algorithm (arXiv 2303.02101, section 5; cocoa-hep/cocoa-hep:
`Particle_flow_func.cc`), with the expected response measured on our own single particles
(`particleflow.calibrate`, `.calibrate_photons`, `.calibrate_showers`). The loops are in
`linking.py` and `subtraction.py`. Where COCOA leaves a choice, or counts energy twice:

- Tracks are worked through in falling pT, electrons first, and each looks for its cluster among
  what the tracks before it left. Energies of clusters are measured once, of remnants as the sum
  of what is left in their cells.
- Lepton identification is perfect: a track carries the PDG code of the particle that made it, as
  in COCOA, and tracks of muons and electrons are known by it.
- Charged hadrons take the energy of the calorimeter too where it agrees (`combination.py`): a track
  of 300 GeV is as good as its shower, one of 1 TeV far worse.
- A hadron around which there is no more than it may leave takes all of that; one that no cluster's
  barycentre matches takes from the cluster that it enters. Each layer gives its expected share.
- A muon takes what muons leave out of the clusters that it crosses. The field lets soft ones in at
  a slant, so they are followed from where they enter a layer to where they leave it.
- An electron takes its cluster and those of the photons that it radiated on its way, or of the
  electrons that these convert to (`linking.py`), and has the direction of its track. Its energy is
  the mean of both, weighted by their errors, where they agree within 3 sigma (as CMS combines them:
  arXiv 1706.04965, section 4.4), else the track's. Where the cluster holds more than
  `electron_maximum_ep` times the track's momentum, other particles share it: the electron keeps its
  track's momentum, and that is subtracted.
- Two electrons of a conversion are one photon (`conversions.py`).
- A cluster that no track touched is a photon if its shape is more that of a photon than that of a
  neutral hadron (`shapes.py`). Of a remnant, what is left in the ECAL is a photon, and what is left
  behind it a neutral hadron: a jet's neutral energy in the ECAL is that of photons but for a few
  percent (CMS: the same section). Where it looks like a neutral hadron by far, all of it is one.
- Photons and neutral hadrons are scaled so that single ones come out right on average, with those
  among them that are taken for the other.
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
from jetchain.core.kinematics import cartesian
from jetchain.core.schema.particleflow import PARTICLE_CLASSES, ResponseTable, ShowerTable
from jetchain.core.settings import Settings, key
from jetchain.particleflow.calibrate_photons import (
    photon_response,
    photon_spread,
    read_photon_calibration,
)
from jetchain.particleflow.combination import fitted_momenta
from jetchain.particleflow.conversions import merge_conversions
from jetchain.particleflow.detected import Clusters, Tracks, exits
from jetchain.particleflow.layers import N_LAYERS, Layers
from jetchain.particleflow.linking import link
from jetchain.particleflow.shapes import (
    HADRON_BELOW,
    PHOTON_ABOVE,
    centres,
    describe,
    photon_likelihood,
)
from jetchain.particleflow.subtraction import ELECTRON, HADRON, MUON, Cuts, Response, Seeds

MEV_PER_GEV = 1000.0
MASS = {HADRON: 139.57039, ELECTRON: 0.51099895, MUON: 105.6583755}  # MeV, PDG 2024
CHARGED_HADRON, NEUTRAL_HADRON, PHOTON, ELECTRON_LABEL, MUON_LABEL = (
    PARTICLE_CLASSES.index(name)
    for name in ("charged_hadron", "neutral_hadron", "photon", "electron", "muon")
)
AGREEMENT = 3.0
"""Sigma within which an electron's track and clusters are averaged. Our choice."""
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
    isolated_below: float = key(
        2.5,
        "all around a hadron or muon is its own up to this many sigma above what it should leave",
        ge=0,
    )
    remove_below: float = key(
        1.25, "a remnant up to this many sigma_E after subtraction is removed", ge=0
    )
    electron_maximum_ep: float = key(
        1.2, "up to this E/p an electron takes its cluster; above, its momentum is subtracted", gt=1
    )
    calibrate_neutral_hadrons: bool = key(
        True, "scale neutral hadrons by the response of single ones"
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
        calibrations: files of the expected response of charged hadrons (`calibration`), of photons
            (`photon_calibration`), and of showers (`shower_calibration`).
        settings: constants of the algorithm.

    Returns:
        see `reconstruct`.
    """
    table = read_calibration(calibrations["calibration"])
    photons = read_photon_calibration(calibrations["photon_calibration"])
    showers = read_shower_calibration(calibrations["shower_calibration"])
    return reconstruct(
        tracks, clusters, layers, table | {"photons": photons, "showers": showers}, settings
    )


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
            ("sigma", read.sigma), ("share", read.share),
        )
    }  # fmt: skip
    shape = (len(table["pt_edges"]), len(table["eta_edges"]), N_LAYERS)
    for name in ("mean", "sigma"):
        if table[name].shape != shape or not np.all(table[name] > 0):
            raise DataError(f"{path}: '{name}' is not a positive array of shape {shape}.", REMAKE)
    if table["share"].shape != (*shape, N_LAYERS) or not np.all(table["share"] >= 0):
        raise DataError(f"{path}: 'share' is not a share of {N_LAYERS} layers per bin.", REMAKE)
    return table


def read_shower_calibration(path: Path) -> ShowerTable:
    """Read the table of showers, and check that it has its bins.

    Raises:
        DataError: an entry is missing, of the wrong shape, or not positive.
    """
    table = read_result(path, ShowerTable)
    bins = len(table.eta_edges)
    muons = (len(table.muons.mean), len(table.muons.sigma), len(table.muons.share))
    if not bins or len(table.hadrons) != bins or muons != (bins,) * 3:
        raise DataError(f"{path}: has not an entry for each of its {bins} bins in eta.", REMAKE)
    for curve in table.hadrons:
        if not 0 < len(curve.factor) == len(curve.measured) or not min(curve.factor) > 0:
            raise DataError(f"{path}: a factor is missing or not positive.", REMAKE)
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
        table: the calibrations; `photons` holds that of photons and electrons, `showers` that of
            neutral hadrons and muons, and the shapes.
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
        tracks.offset, order, kind, tracks.p, tracks.p_error, tracks.pt, tracks.phi,
        tracks.eta, tracks.layer_eta, tracks.layer_phi, *_muon_exits(tracks, kind, layers),
    )  # fmt: skip
    muons = table["showers"].muons
    response = Response(
        MEV_PER_GEV * table["pt_edges"], table["eta_edges"], table["mean"], table["sigma"],
        table["share"], *map(np.array, (table["showers"].eta_edges, muons.mean, muons.sigma,
                                        muons.share)),
    )  # fmt: skip
    cuts = Cuts(
        np.array(settings.match_distance), settings.minimum_ep, settings.recover_below,
        settings.recover_radius, settings.isolated_below, settings.remove_below,
        settings.electron_maximum_ep,
    )  # fmt: skip
    left = clusters._replace(e=clusters.e.copy(), cell_e=clusters.cell_e.copy())
    match, taken, shares = link(seeds, left, layers, response, cuts)
    momenta = fitted_momenta(tracks.p, tracks.p_error, shares)
    charged = _charged(tracks, clusters, kind, match, taken, momenta, table)
    charged = {name: values.copy() for name, values in charged.items()}  # not the tracks' own
    merge_conversions(tracks, charged, layers)
    kept = charged["e"] > 0
    charged = {name: values[kept] for name, values in charged.items()}
    event_of_track = event_of_track[kept]
    neutral, event_of_neutral = _neutral(clusters, left, table, settings)
    events = np.concatenate([event_of_track, event_of_neutral])
    arrangement = np.argsort(events, kind="stable")
    columns = {
        name: np.concatenate([charged[name], neutral[name]])[arrangement] for name in charged
    }
    counts = np.bincount(events, minlength=len(tracks.offset) - 1)
    return columns | {"counts": counts}


def _muon_exits(tracks: Tracks, kind: NDArray[np.int64], layers: Layers) -> tuple[Floats, Floats]:
    """Where muons leave the layers, (tracks, layers) of eta and phi; other tracks: zeros."""
    eta, phi = np.zeros((2, *tracks.layer_eta.shape))
    muon = kind == MUON
    eta[muon], phi[muon] = exits(tracks.position[muon], layers)
    return eta, phi


def _event_of(offset: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.repeat(np.arange(len(offset) - 1), np.diff(offset))


def _charged(
    tracks: Tracks,
    clusters: Clusters,
    kind: NDArray[np.int64],
    match: NDArray[np.int64],
    taken: Floats,
    momenta: Floats,
    table: dict[str, Any],
) -> dict[str, Floats]:
    """One particle a track; electrons with the mean of their track and their clusters."""
    pt = taken * np.sin(tracks.theta) / MEV_PER_GEV
    energy = taken / photon_response(pt, tracks.eta, table["photons"])
    mass = np.array([MASS[HADRON], MASS[ELECTRON], MASS[MUON]])[kind]
    track_error = tracks.p * tracks.p_error
    error = np.where(taken > 0, energy * photon_spread(pt, tracks.eta, table["photons"]), np.inf)
    agree = np.abs(energy - tracks.p) < AGREEMENT * np.hypot(error, track_error)
    weight = np.where(agree, track_error**2 / (track_error**2 + error**2), 0.0)
    p = momenta + weight * (energy - momenta)  # an electron's energy is its momentum
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
    clusters: Clusters, left: Clusters, table: dict[str, Any], settings: ParametricSettings
) -> tuple[dict[str, Floats], NDArray[np.int64]]:
    """Massless particles, one a cluster and up to two a remnant, and the event of each.

    Args:
        clusters: as measured.
        left: the same after the tracks.
        table: the calibrations.
        settings: of the algorithm.
    """
    described = describe(left)
    # Sums over cells differ by rounding from the cluster's energy.
    touched = left.e < (1 - 1e-6) * clusters.e
    likelihood = photon_likelihood(described, table["showers"].shapes)
    photon = likelihood > PHOTON_ABOVE
    whole = ~touched & (left.e > 0)
    hadron = touched & (likelihood < HADRON_BELOW)
    touched &= ~hadron
    parts = [  # clusters, energy, eta, phi, label
        (whole & photon, left.e, clusters.eta, clusters.phi, PHOTON),
        (whole & ~photon, left.e, clusters.eta, clusters.phi, NEUTRAL_HADRON),
        (hadron, described.ecal + described.hcal, *centres(described), NEUTRAL_HADRON),
        (touched, described.ecal, described.ecal_eta, described.ecal_phi, PHOTON),
        (touched, described.hcal, described.hcal_eta, described.hcal_phi, NEUTRAL_HADRON),
    ]
    kept = [mask & (energy > 0) for mask, energy, *_ in parts]
    energy, eta, phi, label = (
        np.concatenate([np.broadcast_to(part[n], touched.shape)[mask]
                        for part, mask in zip(parts, kept, strict=True)])
        for n in (1, 2, 3, 4)
    )  # fmt: skip
    of = np.concatenate([np.flatnonzero(mask) for mask in kept])
    pt = energy / np.cosh(eta) / MEV_PER_GEV
    # A remnant has passed the thresholds with the cluster that it is left of.
    measured = clusters.e[of] / MEV_PER_GEV
    energy = np.where(
        label == PHOTON,
        energy / photon_response(pt, eta, table["photons"]),
        energy * hadron_factor(measured, eta, table["showers"])
        if settings.calibrate_neutral_hadrons
        else energy,
    )
    order = np.argsort(of, kind="stable")
    energy, eta, phi, label, of = (column[order] for column in (energy, eta, phi, label, of))
    px, py, pz, e = cartesian(energy / np.cosh(eta) / MEV_PER_GEV, eta, phi)
    zero, none = np.zeros(len(energy)), np.full(len(energy), -1)
    columns = {
        "px": px,
        "py": py,
        "pz": pz,
        "e": e,
        "label": label,
        "charge": zero,
        "d0": zero,
        "z0": zero,
        "d0_err": zero,
        "z0_err": zero,
        "track_idx": none,
        "origin": none,
        "vertex": none,
        "topo_idx": clusters.idx[of],
    }
    return columns, _event_of(clusters.offset)[of]


def hadron_factor(measured: Floats, eta: Floats, table: ShowerTable) -> Floats:
    """Factor that calibrates neutral hadrons of a measured energy (GeV) and pseudorapidity, (n,).

    By interpolation in the logarithm; outside the measured range it is constant.
    """
    j = np.maximum(np.searchsorted(table.eta_edges, np.abs(eta), side="right") - 1, 0)
    logs = np.log(np.maximum(measured, np.finfo(np.float64).tiny))
    factor = np.ones(len(measured))
    for k, curve in enumerate(table.hadrons):
        mine = j == k
        factor[mine] = np.interp(logs[mine], np.log(curve.measured), curve.factor)
    return factor
