"""Build the graphs of a file: one a detector event, or one a reconstructed jet."""

from __future__ import annotations

import sys
from typing import Any

import awkward as ak
import numpy as np
from numpy.typing import NDArray

from jetchain.core.errors import DataError
from jetchain.core.io.events import read_events, require_same_events
from jetchain.core.io.tables import write_result
from jetchain.core.io.tensors import write_tensors
from jetchain.core.schema.detector import DETECTED
from jetchain.core.schema.graphs import (
    EVENT_GRAPH_FEATURES,
    EVENT_GRAPHS,
    JET_GRAPHS,
    MOST_NODES,
    TRACK_TRUTH,
    EventGraphCutflow,
    JetGraphCutflow,
)
from jetchain.core.schema.jets import jet_collection, jets_table
from jetchain.core.schema.particleflow import RECONSTRUCTED
from jetchain.core.verbs import Input, Output
from jetchain.graphs.edges import event_edges
from jetchain.graphs.jets import graphs_of_jets, jet_table
from jetchain.graphs.nodes import (
    LAYERS,
    event_nodes,
    flat_columns,
    incidence,
    offsets,
    particle_label,
    truth_momentum,
)
from jetchain.graphs.settings import EventGraphSettings, JetGraphSettings

DETECTOR_COLUMNS = {
    "track": [
        "pdgid", "reconstructed", "theta", "phi", "qoverp", "d0", "z0", "d0_err", "z0_err",
        *TRACK_TRUTH, "x_layer_1", "y_layer_1", "z_layer_1",
    ],
    "particle": ["pdgid", "charge", "pt", "eta", "phi", "e"],
    "topo": [
        "idx", "bary_eta", "bary_phi", "bary_sigma_eta", "bary_sigma_phi", "e",
        *(f"e_layer_{layer}" for layer in range(LAYERS)),
    ],
    "particle_to_node": ["particle", "idx", "weight"],
}  # fmt: skip


def events(
    *, detected: Input, graphs: Output, cutflow: Output, settings: EventGraphSettings
) -> None:
    """Graphs of tracks and topoclusters, with the truth and its incidence.

    Args:
        detected: detector events (DETECTED).
        graphs: one graph an event (EVENT_GRAPHS).
        cutflow: JSON: events, nodes of each kind, tracks that are not reconstructed, edges.
        settings: the edges.
    """
    read = read_events(detected, DETECTED, DETECTOR_COLUMNS)
    arrays = event_graphs(read, settings)
    is_track = arrays["node_features"][:, EVENT_GRAPH_FEATURES.index("is_track")] > 0
    counts = EventGraphCutflow(
        events=len(arrays["number"]),
        tracks=int(ak.count(read["track"].reconstructed)),
        track_nodes=int(is_track.sum()),
        topocluster_nodes=int((~is_track).sum()),
        edges=arrays["edge_index"].shape[1],
        true_particles=len(arrays["particle"]),
        incidences=len(arrays["incidence_weight"]),
    )
    write_result(cutflow, counts)
    write_tensors(graphs, EVENT_GRAPHS, arrays)
    print(f"event graphs: {counts.model_dump(by_alias=True)}", file=sys.stderr, flush=True)


def jets(
    *, jets: Input, particles: Input, graphs: Output, cutflow: Output, settings: JetGraphSettings
) -> None:
    """Graphs of the constituents of the selected jets.

    Args:
        jets: jets of the events (jets_table).
        particles: the reconstructed particles they are made of (RECONSTRUCTED).
        graphs: one graph a jet (JET_GRAPHS).
        cutflow: JSON: jets left after each cut, constituents before and after the truncation.
        settings: selection and edges.
    """
    collection = jet_collection(settings.radius)
    read = read_events(jets, jets_table((settings.radius,)), {collection: None})
    flow = read_events(particles, RECONSTRUCTED, {"pflow": None})
    require_same_events(read, flow, f"{jets} and {particles}")
    arrays, counts = jet_graphs(read["event"], read[collection], flow["pflow"], settings)
    write_result(cutflow, JetGraphCutflow.model_validate(counts))
    write_tensors(graphs, JET_GRAPHS, arrays)
    print(f"jet graphs: {counts}", file=sys.stderr, flush=True)


def event_graphs(read: dict[str, Any], settings: EventGraphSettings) -> dict[str, NDArray[Any]]:
    """The arrays of EVENT_GRAPHS from detector events; a pure function.

    Args:
        read: event, track, particle, topo and particle_to_node of DETECTED.
        settings: the edges.

    Raises:
        DataError: an event has too many nodes.
    """
    nodes = event_nodes(read["track"], read["topo"])
    edges = event_edges(
        nodes.position,
        nodes.is_track,
        nodes.event,
        track_neighbours=settings.track_neighbours,
        track_radius=settings.track_radius,
        topo_neighbours=settings.topo_neighbours,
        topo_radius=settings.topo_radius,
    )
    edge_event = nodes.event[edges[1]]
    largest = max([0, *np.diff(nodes.offset).tolist(), *ak.num(read["particle"]).tolist()])
    if largest > MOST_NODES:
        raise DataError(
            f"An event has {largest} nodes or particles; graphs hold {MOST_NODES} at most.",
            "Take fewer pile-up collisions (detector.simulation.pileup.mean), or higher thresholds "
            "of the clusters (detector.simulation.clustering).",
        )
    particle = flat_columns(read["particle"])
    entries = incidence(read["track"], read["topo"], read["particle_to_node"])
    flat = flat_columns(entries)
    return {
        "number": np.asarray(read["event"]["number"]),
        "weight": np.asarray(read["event"]["weight"]),
        "node_offset": nodes.offset,
        "edge_offset": offsets(np.bincount(edge_event, minlength=len(nodes.offset) - 1)),
        "particle_offset": offsets(ak.num(read["particle"])),
        "incidence_offset": offsets(ak.num(entries)),
        "node_features": nodes.features,
        "node_momentum": nodes.momentum,
        "node_track": nodes.track,
        "node_index": nodes.index,
        "node_truth": nodes.truth,
        "edge_index": edges - nodes.offset[edge_event],
        "particle": truth_momentum(particle),
        "particle_label": particle_label(particle["pdgid"], particle["charge"]),
        "particle_charge": particle["charge"],
        "incidence_index": np.stack([flat["particle"], flat["idx"]]),
        "incidence_weight": flat["weight"],
    }


def jet_graphs(
    event: Any, jets: Any, pflow: Any, settings: JetGraphSettings
) -> tuple[dict[str, NDArray[Any]], dict[str, int]]:
    """The arrays of JET_GRAPHS and the cutflow; a pure function.

    Args:
        event: number and weight (events,).
        jets: a collection of jets (events, var), GeV.
        pflow: the reconstructed particles (events, var), GeV.
        settings: selection and edges.

    Returns:
        The arrays, and the cutflow: jets left after each cut in turn, and constituents.
    """
    return graphs_of_jets(jet_table(event, jets, pflow), settings)
