"""The graph of one event and of one jet as a small table, for the figures."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from typing import Any

import numpy as np
from torch_geometric.data import Data

from jetchain.core.errors import EmptySampleError, samples_of
from jetchain.core.graphs import EventGraph, read_event_graphs, read_jet_graphs
from jetchain.core.io.tables import write_result
from jetchain.core.schema.graphs import (
    CONSTITUENT_COLUMNS,
    EVENT_GRAPH_FEATURES,
    JET_COLUMNS,
    EventGraphDisplay,
    GraphDisplay,
    JetGraphDisplay,
)
from jetchain.core.schema.jets import JET_CLASSES
from jetchain.core.schema.particleflow import PARTICLE_CLASSES
from jetchain.core.verbs import Inputs, Output


def display(*, events: Inputs, jets: Inputs, table: Output) -> None:
    """Write the first event with nodes and the first jet of a sample that matches a parton.

    Args:
        events: event graphs (EVENT_GRAPHS) of its shards.
        jets: jet graphs (JET_GRAPHS) of its shards.
        table: JSON with the nodes' positions and energies and the edges of both.

    Raises:
        EmptySampleError: there is no such event or jet.
    """
    event_graphs = itertools.chain.from_iterable(map(read_event_graphs, events))
    event = next((graph for graph in event_graphs if graph.num_nodes), None)
    jet = first_matched(itertools.chain.from_iterable(map(read_jet_graphs, jets)))
    if event is None or jet is None:
        raise EmptySampleError(
            f"There is no graph to draw of an event or of a jet in {samples_of(events)}.",
            "Choose another sample in graphs.display.sample, or widen graphs.jets.pt_min, pt_max "
            "or eta_max.",
        )
    write_result(table, GraphDisplay(event=event_table(event), jet=jet_table(jet)))


def first_matched(graphs: Iterable[Data]) -> Data | None:
    """The first jet with a label; where none has one, the first; None of no jet."""
    first = None
    for graph in graphs:
        if int(graph.y) >= 0:
            return graph
        first = graph if first is None else first
    return first


def event_table(graph: EventGraph) -> EventGraphDisplay:
    """Nodes (eta, phi at the calorimeter, energy in GeV), edges and true particles of an event."""
    x = dict(zip(EVENT_GRAPH_FEATURES, graph.x.numpy().T, strict=True))
    pt, eta, phi, _ = graph.particle.numpy().T
    return EventGraphDisplay(
        number=int(graph.number),
        is_track=x["is_track"].astype(int),
        eta=_short(x["eta_calo"]),
        phi=_short(np.arctan2(x["sin_phi_calo"], x["cos_phi_calo"])),
        energy=_short(np.exp(x["log_energy_gev"])),
        pt=_short(np.exp(x["log_pt_gev"])),
        edges=graph.edge_index.numpy().T,
        particle_pt=_short(pt),
        particle_eta=_short(eta),
        particle_phi=_short(phi),
        particle_class=[PARTICLE_CLASSES[label] for label in graph.particle_label.tolist()],
    )


def jet_table(graph: Data) -> JetGraphDisplay:
    """Constituents (relative to the axis, pT in GeV) and edges of a jet."""
    x = dict(zip(CONSTITUENT_COLUMNS, graph.x.numpy().T, strict=True))
    flags = np.stack([x[f"is_{name}"] for name in PARTICLE_CLASSES])
    label = int(graph.y)
    return JetGraphDisplay(
        label=JET_CLASSES[label] if label >= 0 else "unmatched",
        **{name: _short(value) for name, value in zip(JET_COLUMNS, graph.jet[0], strict=True)},
        delta_eta=_short(x["delta_eta"]),
        delta_phi=_short(x["delta_phi"]),
        constituent_pt=_short(np.hypot(x["px"], x["py"])),
        constituent_class=[PARTICLE_CLASSES[index] for index in flags.argmax(axis=0)],
        edges=graph.edge_index.numpy().T,
    )


def _short(values: Any) -> Any:
    """Five digits: enough to draw, and a table that a person can read."""
    return np.round(np.asarray(values, dtype=np.float64), 5)
