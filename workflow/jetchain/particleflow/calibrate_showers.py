"""Single photons, neutral hadrons and muons: the shapes of their showers, and what they leave.

Neutral hadrons whose clusters are taken for photons lose energy: the others make up for it, so that
the mean is right.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import awkward as ak
import numpy as np
from numpy.typing import NDArray

from jetchain.core.errors import EmptySampleError, samples_of
from jetchain.core.io.events import read_event_chunks
from jetchain.core.io.tables import write_result
from jetchain.core.kinematics import delta_phi
from jetchain.core.schema.detector import DETECTED
from jetchain.core.schema.particleflow import (
    HadronCurve,
    MuonTable,
    PhotonTable,
    ShapeTable,
    ShowerTable,
)
from jetchain.core.verbs import Input, Inputs, Output, Resource
from jetchain.particleflow.calibrate_photons import photon_response, read_photon_calibration
from jetchain.particleflow.calibration_settings import CalibrationSettings
from jetchain.particleflow.detected import (
    COLUMNS,
    Clusters,
    Tracks,
    exits,
    flatten_clusters,
    flatten_tracks,
)
from jetchain.particleflow.layers import N_LAYERS, Layers, read_layers
from jetchain.particleflow.robust import bounded_moments, closing_factors
from jetchain.particleflow.shapes import Described, count_shapes, describe, is_photon
from jetchain.particleflow.subtraction import Way, crossed_clusters

MEV_PER_GEV = 1000.0
PHOTON, MUON = 22, 13

Floats = NDArray[np.float64]


class Seen(NamedTuple):
    """Isolated neutral hadrons and their clusters."""

    energy: Floats  # (hadrons,) true, GeV
    eta: Floats  # (hadrons,) absolute
    owner: NDArray[np.int64]  # (clusters,) the hadron of each
    measured: Floats  # (clusters,) GeV
    direction: Floats  # (clusters,) pseudorapidity
    described: Described  # (clusters,) each


def calibrate_showers(
    *,
    detected: Inputs,
    photons: Input,
    geometry: Resource,
    calibration: Output,
    settings: CalibrationSettings,
) -> None:
    """Measure shapes of photons and neutral hadrons, response of these, energy of muons; JSON.

    Args:
        detected: detector files of single photons, neutral hadrons and muons.
        photons: response to photons, of `particleflow.calibrate_photons`.
        geometry: the detector's geometry file.
        calibration: the tables, see `ShowerTable`.
        settings: bins and cuts.

    Raises:
        EmptySampleError: there are too few isolated particles of one kind.
    """
    layers = read_layers(geometry)
    mains: dict[str, list[Described]] = {"photon": [], "hadron": []}
    hadrons: list[Seen] = []
    muons: list[Floats] = []
    columns = {**COLUMNS, "particle": ["pdgid", "charge", "pt", "eta", "e", "eta_extrap_calo",
                                       "phi_extrap_calo"],
               "particle_to_node": ["particle", "idx", "weight"]}  # fmt: skip
    for path in detected:
        for data in read_event_chunks(path, DETECTED, columns):
            clusters = flatten_clusters(data, layers, path)
            muons.append(_muons(flatten_tracks(data["track"], path), clusters, layers))
            described = describe(clusters)
            seen, rows = _neutrals(data, clusters, described, settings.radius)
            hadrons.append(rows)
            for kind, chosen in seen.items():
                mains[kind].append(Described(*(column[chosen] for column in described)))
    joined = {kind: Described(*map(np.concatenate, zip(*parts, strict=True)))
              for kind, parts in mains.items()}  # fmt: skip
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
    shapes = ShapeTable(
        photon=count_shapes(joined["photon"]), hadron=count_shapes(joined["hadron"])
    )
    write_result(
        calibration,
        ShowerTable(
            eta_edges=settings.eta_edges,
            shapes=shapes,
            hadrons=hadron_curves(
                *_identified(hadrons, shapes, read_photon_calibration(photons)), settings=settings
            ),
            muons=muon_table(np.concatenate(muons), settings),
        ),
    )


def _neutrals(
    data: Any, clusters: Clusters, described: Described, radius: float
) -> tuple[dict[str, NDArray[np.int64]], Seen]:
    """Isolated photons and neutral hadrons of some events.

    Returns:
        by kind, the most energetic cluster of each; the neutral hadrons with a cluster.
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
    main = ak.fill_none(ak.argmax(energy, axis=2), 0) + clusters.offset[:-1]
    seen = alone & (total > 0) & (particle["charge"] == 0)
    photon = particle["pdgid"] == PHOTON
    chosen = {
        kind: np.asarray(ak.flatten(main[seen & mask]), np.int64)
        for kind, mask in (("photon", photon), ("hadron", ~photon))
    }
    hadron = alone & (particle["charge"] == 0) & ~photon
    mine = np.asarray(ak.flatten(hadron), bool)
    owner, cluster = _clusters_of(data, clusters)
    cluster, owner = cluster[mine[owner]], np.cumsum(mine)[owner[mine[owner]]] - 1
    return chosen, Seen(
        energy=np.asarray(ak.flatten(particle["e"][hadron]), np.float64) / MEV_PER_GEV,
        eta=np.abs(np.asarray(ak.flatten(particle["eta"][hadron]), np.float64)),
        owner=owner,
        measured=clusters.e[cluster] / MEV_PER_GEV,
        direction=clusters.eta[cluster],
        described=Described(*(column[cluster] for column in described)),
    )


def _clusters_of(data: Any, clusters: Clusters) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Particles and the clusters that are mostly theirs, wherever these lie, as flat numbers.

    The fragments of a hadron's shower in the endcap lie farther apart than any useful radius.
    """
    link, tracks = data["particle_to_node"], ak.num(data["track"]["pdgid"])
    link = link[(link["idx"] >= tracks) & (link["weight"] > 0.5)]
    first = np.cumsum([0, *ak.num(data["particle"]["e"])])[:-1]
    owner = np.asarray(ak.flatten(link["particle"] + first), np.int64)
    cluster = np.asarray(ak.flatten(link["idx"] - tracks + clusters.offset[:-1]), np.int64)
    seen = clusters.e[cluster] > 0
    return owner[seen], cluster[seen]


def _identified(
    hadrons: list[Seen], shapes: ShapeTable, photons: PhotonTable
) -> tuple[Floats, Floats, Floats, NDArray[np.int64], Floats]:
    """True energy (GeV) and |eta| of all hadrons, what photons take of each, and the clusters left.

    Returns:
        (hadrons,) three times; the hadron of each cluster and its measured energy, (clusters,).
    """
    first = np.cumsum([0, *(len(part.energy) for part in hadrons)])
    owner = np.concatenate([part.owner + n for part, n in zip(hadrons, first, strict=False)])
    energy, eta, measured, direction = (
        np.concatenate([getattr(part, name) for part in hadrons])
        for name in ("energy", "eta", "measured", "direction")
    )
    described = (part.described for part in hadrons)
    photon = is_photon(Described(*map(np.concatenate, zip(*described, strict=True))), shapes)
    response = photon_response(measured / np.cosh(direction), direction, photons)
    taken: Floats = np.bincount(owner[photon], (measured / response)[photon], len(energy)).astype(
        np.float64
    )
    return energy, eta, taken, owner[~photon], measured[~photon]


def _muons(tracks: Tracks, clusters: Clusters, layers: Layers) -> Floats:
    """|eta| and the energies by layer (MeV) of the clusters that each muon alone crosses."""
    rows = []
    exit_eta, exit_phi = exits(tracks.position, layers)
    for event in range(len(tracks.offset) - 1):
        for t in range(tracks.offset[event], tracks.offset[event + 1]):
            if abs(tracks.pdgid[t]) != MUON:
                continue
            way = Way(tracks.layer_eta[t], tracks.layer_phi[t], exit_eta[t], exit_phi[t])
            by_layer = np.zeros(N_LAYERS)
            for cluster in crossed_clusters(
                clusters.offset[event], clusters.offset[event + 1], clusters, way, layers.delta_eta
            ):
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
    energy: Floats,
    eta: Floats,
    known: Floats,
    owner: NDArray[np.int64],
    measured: Floats,
    *,
    settings: CalibrationSettings,
) -> list[HadronCurve]:
    """Factors that bring the measured energy of neutral hadrons to the true one, on average.

    In each bin of |eta| a curve of `closing_factors` in bins of the true energy. Hadrons without a
    cluster are lost, and have no part in it.

    Args:
        energy: (hadrons,) true, GeV.
        eta: (hadrons,) absolute.
        known: (hadrons,) GeV, what is taken for photons, calibrated as such.
        owner: (clusters,) the hadron of each cluster that is not.
        measured: (clusters,) GeV, positive.
        settings: edges (those of pT are edges of the energy here) and least number of entries.
    """
    j = np.searchsorted(settings.eta_edges, eta, side="right") - 1
    i = np.searchsorted(settings.pt_edges, energy, side="right") - 1
    total: Floats = np.bincount(owner, measured, len(energy)).astype(np.float64)
    curves = []
    for k in range(len(settings.eta_edges)):
        mine = (j == k) & (total > 0)
        if mine.sum() < settings.minimum_entries:
            mine = total > 0
        groups = [np.flatnonzero(mine & (i == n)) for n in range(len(settings.pt_edges))]
        groups = [g for g in groups if len(g) >= settings.minimum_entries]
        groups = groups or [np.flatnonzero(mine)]
        nodes = np.maximum.accumulate([bounded_moments(total[g])[0] for g in groups])
        # All hadrons of the bin, those that were taken for photons alone too, have to come out.
        whole = [
            np.flatnonzero((np.isin(j, j[g])) & np.isin(i, i[g]) & (total + known > 0))
            for g in groups
        ]
        factor = closing_factors(energy, known, owner, measured, whole, nodes)
        curves.append(HadronCurve(measured=nodes, factor=factor, hadrons=[len(g) for g in whole]))
    return curves
