"""Response of the calorimeter to photons, measured on single photons, and its inverse.

What lies in front of the calorimeter takes a share of a photon's shower that depends on its energy
and direction; the energies of photon clusters are divided by the response. Photons that convert and
leave a track are measured by it, and have no part in this.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
from numpy.typing import NDArray

from jetchain.core.errors import DataError, EmptySampleError, samples_of
from jetchain.core.io.atomic import REMAKE
from jetchain.core.io.events import read_events
from jetchain.core.io.tables import read_result, write_result
from jetchain.core.kinematics import delta_phi
from jetchain.core.schema.detector import DETECTED
from jetchain.core.schema.particleflow import PhotonCurve, PhotonTable
from jetchain.core.verbs import Inputs, Output
from jetchain.particleflow.calibration_settings import CalibrationSettings
from jetchain.particleflow.robust import GAUSSIAN_68, closing_factors

MEV_PER_GEV = 1000.0
PHOTON_CODE = 22
COLUMNS: dict[str, list[str] | None] = {
    "particle": ["pdgid", "pt", "eta", "e", "eta_extrap_calo", "phi_extrap_calo"],
    "topo": ["bary_eta", "bary_phi", "e"],
    "track": ["parent_idx", "reconstructed"],
}

Floats = NDArray[np.float64]


def calibrate_photons(
    *, detected: Inputs, calibration: Output, settings: CalibrationSettings
) -> None:
    """Measure the response to photons in bins of pT and |eta|; write JSON.

    Args:
        detected: detector files of single photons.
        calibration: the table, see `photon_table`.
        settings: bins and cuts.

    Raises:
        EmptySampleError: there is no isolated photon, or there are too few for any bin.
    """
    measured = [photon_responses(read_events(path, DETECTED, COLUMNS), settings.radius)
                for path in detected]  # fmt: skip
    pt, eta, ratio = (np.concatenate(column) for column in zip(*measured, strict=True))
    if len(pt) == 0:
        raise EmptySampleError(
            f"particleflow.calibrate_photons: no isolated photon in {samples_of(detected)}.",
            "particleflow.photon_calibration.samples must name guns of single photons.",
        )
    write_result(calibration, photon_table(pt, eta, ratio, settings))


def photon_responses(data: Any, radius: float) -> tuple[Floats, Floats, Floats]:
    """pT (GeV), |eta| and sum E(clusters) / E of photons without tracks or other particles near.

    Args:
        data: collections `particle`, `topo` and `track` of DETECTED.
        radius: clusters within it count, particles within twice as much exclude.
    """
    particle, topo = data["particle"], data["topo"]
    photon = particle["pdgid"] == PHOTON_CODE
    others = ak.sum(_distance(particle, particle, "_extrap_calo") < 2 * radius, axis=2)
    track = data["track"]["parent_idx"][data["track"]["reconstructed"] == 1]
    tracked = ak.any(ak.local_index(particle["pdgid"])[:, :, None] == track[:, None], axis=2)
    kept = photon & (others == 1) & ~tracked
    near = _distance(particle, topo) < radius
    energy = ak.sum(ak.where(near, topo["e"][:, None], 0.0), axis=2)
    pt, eta, ratio = (
        np.asarray(ak.flatten(column[kept]), np.float64)
        for column in (particle["pt"], np.abs(particle["eta"]), energy / particle["e"])
    )
    return pt / MEV_PER_GEV, eta, ratio


def _distance(particle: Any, other: Any, suffix: str | None = None) -> Any:
    """dR of every particle to every other object of its event (events, particles, others)."""
    eta, phi = ("eta" + suffix, "phi" + suffix) if suffix else ("bary_eta", "bary_phi")
    d_eta = particle["eta_extrap_calo"][:, :, None] - other[eta][:, None]
    d_phi = delta_phi(particle["phi_extrap_calo"][:, :, None], other[phi][:, None])
    return np.hypot(d_eta, d_phi)


def photon_table(
    pt: Floats, eta: Floats, ratio: Floats, settings: CalibrationSettings
) -> PhotonTable:
    """Response against the measured pT, in bins of |eta|: of `closing_factors`, with medians of pT.

    Args:
        pt: (photons,) true, GeV.
        eta: (photons,) absolute.
        ratio: (photons,) measured over true energy.
        settings: edges and the least number of entries.

    Returns:
        The curves, of the bins of true pT that have enough photons; where none has, of all photons
        together, marked as such.

    Raises:
        EmptySampleError: no bin has enough photons.
    """
    i = np.searchsorted(settings.pt_edges, pt, side="right") - 1
    j = np.searchsorted(settings.eta_edges, eta, side="right") - 1
    filled = []
    for k in range(len(settings.eta_edges)):
        bins = [(i == m) & (j == k) for m in range(len(settings.pt_edges))]
        filled.append(
            [b for b in bins if b.sum() >= settings.minimum_entries and np.median(ratio[b]) > 0]
        )
    if not any(filled):
        raise EmptySampleError(
            f"particleflow.calibrate_photons: no bin of the calibration is filled: {len(pt)} "
            "isolated photons, and no bin of pT and |eta| has "
            f"particleflow.photon_calibration.minimum_entries = {settings.minimum_entries} with a "
            "median response above zero.",
            "Generate more single photons (particleflow.photon_calibration.samples), or take fewer "
            "bins or entries.",
        )
    everything = [np.ones(len(pt), bool)]
    curves = [
        _curve(pt, ratio, bins or everything).model_copy(update={"of_all": not bins})
        for bins in filled
    ]
    return PhotonTable(eta_edges=settings.eta_edges, curves=curves)


def _curve(pt: Floats, ratio: Floats, bins: list[NDArray[np.bool_]]) -> PhotonCurve:
    """The points of some bins, (photons,) each; see `photon_table`.

    The spread is half the width of the central 68 %, the fluctuation of a shower's energy.
    """
    measured = [float(np.median((pt * ratio)[b])) for b in bins]
    bins = [bins[n] for n in np.argsort(measured, kind="stable")]
    seen = np.flatnonzero(ratio > 0)
    response = 1 / closing_factors(
        pt, np.zeros(len(pt)), seen, (pt * ratio)[seen],
        [np.flatnonzero(b & (ratio > 0)) for b in bins], np.sort(measured),
    )  # fmt: skip
    low, high = np.array([np.quantile(ratio[b], [GAUSSIAN_68[0], GAUSSIAN_68[2]]) for b in bins]).T
    photons = np.array([b.sum() for b in bins])
    sigma = (high - low) / 2
    return PhotonCurve(
        measured_pt=np.sort(measured), response=response, error=sigma / np.sqrt(photons),
        spread=sigma / response, photons=photons,
    )  # fmt: skip


def read_photon_calibration(path: Path) -> PhotonTable:
    """Read the table of `photon_table`, and check that it is one.

    Raises:
        DataError: it is not.
    """
    table = read_result(path, PhotonTable)
    if not len(table.eta_edges) == len(table.curves) > 0 or not all(
        len(curve.response) == len(curve.measured_pt) > 0 and min(curve.response) > 0
        for curve in table.curves
    ):
        raise DataError(f"{path}: a response is missing or not positive.", REMAKE)
    return table


def photon_response(measured_pt: Floats, eta: Floats, table: PhotonTable) -> Floats:
    """Response to photons of a measured pT (GeV) and pseudorapidity, (n,).

    By interpolation in log pT; outside the measured range it is constant.
    """
    return _interpolated(measured_pt, eta, table, "response")


def photon_spread(measured_pt: Floats, eta: Floats, table: PhotonTable) -> Floats:
    """Relative spread of the response, likewise."""
    return _interpolated(measured_pt, eta, table, "spread")


def _interpolated(measured_pt: Floats, eta: Floats, table: PhotonTable, column: str) -> Floats:
    j = np.maximum(np.searchsorted(table.eta_edges, np.abs(eta), side="right") - 1, 0)
    log_pt = np.log(np.maximum(measured_pt, np.finfo(np.float64).tiny))
    result = np.ones(len(measured_pt))
    for k, curve in enumerate(table.curves):
        mine = j == k
        result[mine] = np.interp(log_pt[mine], np.log(curve.measured_pt), getattr(curve, column))
    return result
