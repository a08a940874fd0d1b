"""Summarise the detector's output of one sample: response, layers, clusters, tracks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import awkward as ak
import numpy as np

from jetchain.core.histograms import save_histograms, weighted
from jetchain.core.io import read_events, read_json, write_json
from jetchain.core.schema import DETECTED
from jetchain.core.verbs import Inputs, Output
from jetchain.detector.particles import GEV
from jetchain.detector.table import KINDS
from jetchain.detector.transport import behaviour

ENERGY_EDGES = np.geomspace(1.0, 1000.0, 13)
"""GeV, bins of the response."""
COLUMNS: dict[str, list[str] | None] = {
    "particle": ["pdgid", "e"],
    "topo": ["e"],
    "track": ["reconstructed", "d0", "d0_err", "theta", "qoverp"],
    "particle_to_node": None,
}
HISTOGRAMS = {
    "clusters_per_event": (np.arange(0, 601, 20), "topological clusters per event"),
    "tracks_per_event": (np.arange(0, 201, 5), "tracks per event"),
    "cluster_energy": (np.geomspace(0.1, 1000, 41), "cluster energy (GeV)"),
    "track_pt": (np.geomspace(0.5, 1000, 41), "track $p_T$ (GeV)"),
    "d0_significance": (np.linspace(-20, 20, 81), r"$d_0/\sigma(d_0)$"),
}


def summarise(
    *,
    events: Inputs,
    accounts: Inputs,
    histograms: Output,
    summary: Output,
) -> None:
    """Summarise all shards of a sample.

    Args:
        events: tables DETECTED.
        accounts: the accounts of the same shards.
        histograms: written, see `HISTOGRAMS`.
        summary: written: response by kind and energy, account, noise clusters.
    """
    values: dict[str, list[np.ndarray]] = {name: [] for name in HISTOGRAMS}
    response = {kind: np.zeros((3, len(ENERGY_EDGES) - 1)) for kind in KINDS}
    noise_clusters = n_events = 0
    for path in events:
        data = read_events(path, DETECTED, COLUMNS)
        n_events += len(data["event"])
        noise_clusters += count_noise_clusters(data)
        for name, column in distributions(data).items():
            values[name].append(column)
        for kind, sums in response_sums(data).items():
            response[kind] += sums
    save_histograms(
        histograms,
        {
            name: weighted(name, np.concatenate(values[name]), edges, label=label)
            for name, (edges, label) in HISTOGRAMS.items()
        },
    )
    write_json(
        summary,
        {
            "events": n_events,
            "energy_edges": ENERGY_EDGES,
            "response": {
                kind: dict(zip(("n", "sum", "sum_of_squares"), sums, strict=True))
                for kind, sums in response.items()
            },
            "account": add_accounts([read_json(path) for path in accounts]),
            "noise_clusters_per_event": noise_clusters / n_events,
        },
    )


def distributions(data: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """The flat values of `HISTOGRAMS`."""
    track = reconstructed(data["track"])
    return {
        "clusters_per_event": np.asarray(ak.num(data["topo"]["e"])),
        "tracks_per_event": np.asarray(ak.num(track["d0"])),
        "cluster_energy": np.asarray(ak.flatten(data["topo"]["e"])) / GEV,
        "track_pt": np.asarray(ak.flatten(np.abs(np.sin(track["theta"]) / track["qoverp"]))) / GEV,
        "d0_significance": np.asarray(ak.flatten(track["d0"] / track["d0_err"])),
    }


def reconstructed(track: ak.Array) -> ak.Array:
    """The tracks that were found."""
    return track[track["reconstructed"] == 1]


def response_sums(data: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """Number, sum and sum of squares of E(clusters) / E(true), by kind, (3, energy bins) each.

    A particle's cluster energy is what the truth incidence gives it of each cluster's energy.
    """
    particle, topo, link = data["particle"], data["topo"], data["particle_to_node"]
    energy = np.asarray(ak.flatten(particle["e"])) / GEV
    first_particle = _offsets(particle["e"])
    first_cluster = _offsets(topo["e"])
    n_tracks = np.asarray(ak.num(data["track"]["d0"]))
    links = np.asarray(ak.num(link["idx"]))
    node = np.asarray(ak.flatten(link["idx"])) - np.repeat(n_tracks, links)
    owner = np.asarray(ak.flatten(link["particle"])) + np.repeat(first_particle[:-1], links)
    cluster = node + np.repeat(first_cluster[:-1], links)
    to_cluster = node >= 0
    share = np.asarray(ak.flatten(link["weight"]))[to_cluster]
    seen = np.bincount(
        owner[to_cluster],
        weights=share * np.asarray(ak.flatten(topo["e"]))[cluster[to_cluster]] / GEV,
        minlength=len(energy),
    )
    pdgid = np.asarray(ak.flatten(particle["pdgid"]))
    kind = behaviour(pdgid, charge_of(pdgid))
    ratio = seen / energy
    result = {}
    for code, name in enumerate(KINDS):
        mine = kind == code
        result[name] = np.stack(
            [
                np.histogram(energy[mine], ENERGY_EDGES, weights=ratio[mine] ** power)[0]
                for power in range(3)
            ]
        )
    return result


def charge_of(pdgid: np.ndarray) -> np.ndarray:
    """Whether final-state particles are charged, from their PDG codes, (n,): 0 or 1."""
    neutral = (22, 130, 310, 311, 2112, 3122, 3212, 3322, 421, 511, 531)
    return np.where(np.isin(np.abs(pdgid), neutral), 0, 1)


def count_noise_clusters(data: Mapping[str, Any]) -> int:
    """Clusters to which no particle contributed."""
    n_tracks = ak.num(data["track"]["d0"])
    link = data["particle_to_node"]["idx"]
    first = _offsets(data["topo"]["e"])
    node = np.asarray(ak.flatten(link - n_tracks))
    cluster = node + np.repeat(first[:-1], np.asarray(ak.num(link)))
    return int(first[-1] - len(np.unique(cluster[node >= 0])))


def _offsets(jagged: ak.Array) -> np.ndarray:
    return np.concatenate([[0], np.cumsum(np.asarray(ak.num(jagged)))])


def add_accounts(accounts: list[dict[str, Any]]) -> dict[str, Any]:
    """Sum accounts of shards, key by key."""
    total: dict[str, Any] = {}
    for account in accounts:
        for name, value in account.items():
            if isinstance(value, dict):
                total[name] = add_accounts([total.get(name, {}), value])
            else:
                total[name] = total.get(name, 0) + value
    return total
