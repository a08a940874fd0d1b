"""Single photons, neutral hadrons and muons: the shapes of their showers, and what they leave."""

from __future__ import annotations

from typing import Any

import awkward as ak
import numpy as np
from numpy.typing import NDArray

from jetchain.core.errors import EmptySampleError, samples_of
from jetchain.core.io.events import read_event_chunks
from jetchain.core.io.tables import write_result
from jetchain.core.kinematics import delta_phi
from jetchain.core.schema.detector import DETECTED
from jetchain.core.schema.particleflow import HadronCurve, MuonTable, ShapeTable, ShowerTable
from jetchain.core.verbs import Inputs, Output, Resource
from jetchain.particleflow.calibration_settings import CalibrationSettings
from jetchain.particleflow.detected import (
    COLUMNS,
    Clusters,
    Tracks,
    flatten_clusters,
    flatten_tracks,
)
from jetchain.particleflow.layers import N_LAYERS, Layers, read_layers
from jetchain.particleflow.robust import bounded_moments
from jetchain.particleflow.shapes import Described, count_shapes, describe
from jetchain.particleflow.subtraction import (
    MATCH_LAYER,
    MUON_REACH,
    clusters_near,
    crossed_clusters,
)

MEV_PER_GEV = 1000.0
PHOTON, MUON = 22, 13
ITERATIONS = 6
"""Of the response: each corrects the closure of the one before."""

Floats = NDArray[np.float64]


def calibrate_showers(
    *, detected: Inputs, geometry: Resource, calibration: Output, settings: CalibrationSettings
) -> None:
    """Measure shapes of photons and neutral hadrons, response of these, energy of muons; JSON.

    Args:
        detected: detector files of single photons, neutral hadrons and muons.
        geometry: the detector's geometry file.
        calibration: the tables, see `ShowerTable`.
        settings: bins and cuts.

    Raises:
        EmptySampleError: there are too few isolated particles of one kind.
    """
    layers = read_layers(geometry)
    shapes: dict[str, list[Described]] = {"photon": [], "hadron": []}
    hadrons: list[Floats] = []
    muons: list[Floats] = []
    columns = {**COLUMNS, "particle": ["pdgid", "charge", "pt", "eta", "e", "eta_extrap_calo",
                                       "phi_extrap_calo"]}  # fmt: skip
    for path in detected:
        for data in read_event_chunks(path, DETECTED, columns):
            clusters = flatten_clusters(data, layers, path)
            muons.append(_muons(flatten_tracks(data["track"], path), clusters, layers))
            seen, rows = _neutrals(data, settings.radius)
            hadrons.append(rows)
            described = describe(clusters)
            for kind, chosen in seen.items():
                shapes[kind].append(Described(*(column[chosen] for column in described)))
    joined = {kind: Described(*map(np.concatenate, zip(*parts, strict=True)))
              for kind, parts in shapes.items()}  # fmt: skip
    counts = {"photon": len(joined["photon"].ecal), "hadron": len(joined["hadron"].ecal),
              "muon": sum(map(len, muons))}  # fmt: skip
    for kind, count in counts.items():
        if count < settings.minimum_entries:
            raise EmptySampleError(
                f"particleflow.calibrate_showers: {count} isolated {kind}s with a cluster in "
                f"{samples_of(detected)}, fewer than particleflow.shower_calibration."
                f"minimum_entries = {settings.minimum_entries}.",
                "particleflow.shower_calibration.samples must name guns of single photons (22), "
                "neutral hadrons (130, 2112) and muons (13), of enough events.",
            )
    write_result(
        calibration,
        ShowerTable(
            eta_edges=settings.eta_edges,
            shapes=ShapeTable(
                photon=count_shapes(joined["photon"]), hadron=count_shapes(joined["hadron"])
            ),
            hadrons=hadron_curves(*np.concatenate(hadrons).T, settings=settings),
            muons=muon_table(np.concatenate(muons), settings),
        ),
    )


def _neutrals(data: Any, radius: float) -> tuple[dict[str, NDArray[np.int64]], Floats]:
    """Isolated photons and neutral hadrons of some events.

    Returns:
        by kind, the most energetic cluster of each; for each neutral hadron with a cluster, its
        energy, |eta| and the energy of its clusters, GeV: (hadrons, 3).
    """
    particle, topo = data["particle"], data["topo"]
    apart = np.hypot(
        particle["eta_extrap_calo"][:, :, None] - particle["eta_extrap_calo"][:, None],
        delta_phi(particle["phi_extrap_calo"][:, :, None], particle["phi_extrap_calo"][:, None]),
    )
    alone = ak.sum(apart < 2 * radius, axis=2) == 1
    near = np.hypot(
        particle["eta_extrap_calo"][:, :, None] - topo["bary_eta"][:, None],
        delta_phi(particle["phi_extrap_calo"][:, :, None], topo["bary_phi"][:, None]),
    ) < radius  # fmt: skip
    energy = ak.where(near, topo["e"][:, None], 0.0)
    total = ak.sum(energy, axis=2)
    first = np.cumsum([0, *ak.num(topo["e"])])[:-1]
    main = ak.fill_none(ak.argmax(energy, axis=2), 0) + first
    seen = alone & (total > 0) & (particle["charge"] == 0)
    photon = particle["pdgid"] == PHOTON
    chosen = {
        kind: np.asarray(ak.flatten(main[seen & mask]), np.int64)
        for kind, mask in (("photon", photon), ("hadron", ~photon))
    }
    columns = (particle["e"] / MEV_PER_GEV, np.abs(particle["eta"]), total / MEV_PER_GEV)
    hadron = seen & ~photon
    return chosen, np.stack(
        [np.asarray(ak.flatten(column[hadron]), np.float64) for column in columns], axis=-1
    )


def _muons(tracks: Tracks, clusters: Clusters, layers: Layers) -> Floats:
    """|eta| and the energies by layer (MeV) of the clusters that each muon alone crosses."""
    rows = []
    for event in range(len(tracks.offset) - 1):
        for t in range(tracks.offset[event], tracks.offset[event + 1]):
            if abs(tracks.pdgid[t]) != MUON:
                continue
            eta, phi = tracks.layer_eta[t], tracks.layer_phi[t]
            near = clusters_near(
                clusters.offset[event], clusters.offset[event + 1], clusters,
                eta[MATCH_LAYER], phi[MATCH_LAYER], MUON_REACH,
            )  # fmt: skip
            by_layer = np.zeros(N_LAYERS)
            for cluster in crossed_clusters(near, clusters, eta, phi, layers.delta_eta):
                cells = slice(clusters.cell_offset[cluster], clusters.cell_offset[cluster + 1])
                np.add.at(by_layer, clusters.cell_layer[cells], clusters.cell_e[cells])
            rows.append([abs(tracks.eta[t]), *by_layer])
    return np.array(rows).reshape(-1, 1 + N_LAYERS)


def muon_table(rows: Floats, settings: CalibrationSettings) -> MuonTable:
    """Mean and spread of the energy of muons in bins of |eta|, and the layers' shares.

    Muons that cross no cluster count with 0. A bin with too few takes those of all |eta|.

    Args:
        rows: (muons, 1 + layers), |eta| and the energy in each layer, MeV.
        settings: edges and the least number of entries.
    """
    j = np.searchsorted(settings.eta_edges, rows[:, 0], side="right") - 1
    mean, sigma, shares = [], [], []
    for k in range(len(settings.eta_edges)):
        mine = rows[j == k, 1:]
        if len(mine) < settings.minimum_entries:
            mine = rows[:, 1:]
        total = mine.sum(axis=1)
        moments = bounded_moments(total)
        mean.append(moments[0])
        sigma.append(moments[1])
        share = (mine[total > 0] / total[total > 0, None]).sum(axis=0)
        shares.append(share / max(share.sum(), np.finfo(np.float64).tiny))
    return MuonTable(mean=mean, sigma=sigma, share=shares)


def hadron_curves(
    energy: Floats, eta: Floats, measured: Floats, *, settings: CalibrationSettings
) -> list[HadronCurve]:
    """Factors that bring the measured energy of neutral hadrons to the true one, on average.

    In each bin of |eta| the factor is a function of the measured energy, constant in its logarithm
    beyond the first and last node and linear between. It starts as the ratio of the means in bins
    of true energy, and each iteration divides it by the closure that is left: the mean of the
    calibrated energy over the true one, in bins of the true energy, as one sees a particle in the
    validation. Hadrons without a cluster are lost, and have no part in it.

    Args:
        energy: (hadrons,) true, GeV.
        eta: (hadrons,) absolute.
        measured: (hadrons,) GeV, positive.
        settings: edges (those of pT are edges of the energy here) and least number of entries.
    """
    j = np.searchsorted(settings.eta_edges, eta, side="right") - 1
    curves = []
    for k in range(len(settings.eta_edges)):
        mine = np.flatnonzero(j == k)
        if len(mine) < settings.minimum_entries:
            mine = np.arange(len(energy))
        true, seen = energy[mine], measured[mine]
        i = np.searchsorted(settings.pt_edges, true, side="right") - 1
        groups = [np.flatnonzero(i == n) for n in range(len(settings.pt_edges))]
        groups = [g for g in groups if len(g) >= settings.minimum_entries]
        groups = groups or [np.arange(len(mine))]
        nodes = np.maximum.accumulate([bounded_moments(seen[g])[0] for g in groups])
        factor = np.array([true[g].mean() / bounded_moments(seen[g])[0] for g in groups])
        for _ in range(ITERATIONS):
            calibrated = seen * np.interp(np.log(seen), np.log(nodes), factor)
            factor /= [bounded_moments(calibrated[g] / true[g])[0] for g in groups]
        curves.append(HadronCurve(measured=nodes, factor=factor, hadrons=[len(g) for g in groups]))
    return curves
