"""Summarise the detector's output of one sample: response, layers, clusters, tracks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import awkward as ak
import numpy as np

from jetchain.core.errors import no_event
from jetchain.core.histograms import save_histograms, weighted
from jetchain.core.io.events import read_events
from jetchain.core.io.tables import read_result, write_result
from jetchain.core.schema.detector import DETECTED, DetectorAccount, DetectorSummary, ResponseSums
from jetchain.core.verbs import Inputs, Output
from jetchain.detector.table import KINDS
from jetchain.detector.validation.distributions import (
    COLUMNS,
    HISTOGRAMS,
    attribute,
    distributions,
    offsets,
    spectrum_weights,
)

ENERGY_EDGES = np.geomspace(1.0, 1000.0, 13)
"""GeV, bins of the response."""


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

    Raises:
        EmptySampleError: no shard holds an event.
    """
    values: dict[str, list[np.ndarray]] = {name: [] for name in HISTOGRAMS}
    weights: dict[str, list[np.ndarray]] = {name: [] for name in HISTOGRAMS}
    response = {kind: np.zeros((3, len(ENERGY_EDGES) - 1)) for kind in KINDS}
    noise_clusters = n_events = 0
    for path in events:
        data = read_events(path, DETECTED, COLUMNS)
        n_events += len(data["event"])
        noise_clusters += count_noise_clusters(data)
        weight = spectrum_weights(data)
        for name, column in distributions(data).items():
            values[name].append(column)
            weights[name].append(weight.get(name, np.ones(len(column))))
        for kind, sums in response_sums(data).items():
            response[kind] += sums
    if not n_events:
        raise no_event(events)
    save_histograms(
        histograms,
        {
            name: weighted(
                name,
                np.concatenate(values[name]),
                edges,
                np.concatenate(weights[name]),
                label=label,
            )
            for name, (edges, label) in HISTOGRAMS.items()
        },
    )
    read = [read_result(path, DetectorAccount).model_dump() for path in accounts]
    write_result(
        summary,
        DetectorSummary(
            events=n_events,
            energy_edges=ENERGY_EDGES.tolist(),
            response={
                kind: ResponseSums(
                    n=n.tolist(), sum=total.tolist(), sum_of_squares=squares.tolist()
                )
                for kind, (n, total, squares) in response.items()
            },
            account=DetectorAccount(**add_accounts(read)),
            noise_clusters_per_event=noise_clusters / n_events,
        ),
    )


def response_sums(data: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """Number, sum and sum of squares of E(clusters) / E(true), by kind, (3, energy bins) each."""
    found = attribute(data)
    ratio = found.seen / found.energy
    result = {}
    for code, name in enumerate(KINDS):
        mine = found.kind == code
        result[name] = np.stack(
            [
                np.histogram(found.energy[mine], ENERGY_EDGES, weights=ratio[mine] ** power)[0]
                for power in range(3)
            ]
        )
    return result


def count_noise_clusters(data: Mapping[str, Any]) -> int:
    """Clusters to which no particle contributed."""
    n_tracks = ak.num(data["track"]["d0"])
    link = data["particle_to_node"]["idx"]
    first = offsets(data["topo"]["e"])
    node = np.asarray(ak.flatten(link - n_tracks))
    cluster = node + np.repeat(first[:-1], np.asarray(ak.num(link)))
    return int(first[-1] - len(np.unique(cluster[node >= 0])))


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
