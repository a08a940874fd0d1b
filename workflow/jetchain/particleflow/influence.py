"""What a network looks at: how a cluster's answer changes when another track or cluster is away.

MLPF has no attention whose weights could be drawn; its messages are sums. So the question is put
to the network directly, whatever it is: every node is removed from the graph, one at a time, and
the change of what is expected at the topoclusters is the influence of the node. It covers class and
momentum alike: of a network that answers at the nodes, the expected pT is that of the candidate
times the probability that there is one; of any other, that of the candidates it finds.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from jetchain.core.io.mapped import Mapped
from jetchain.core.io.tables import write_result
from jetchain.core.kinematics import delta_phi
from jetchain.core.progress import Progress
from jetchain.core.schema.graphs import EVENT_GRAPHS
from jetchain.core.schema.particleflow import (
    Influence,
    InfluenceByDistance,
    InfluenceExample,
    InfluenceProfile,
)
from jetchain.core.training import minibatches
from jetchain.core.verbs import Input, Inputs, Output
from jetchain.particleflow.batch import Batches, EventBatch
from jetchain.particleflow.network import COLUMN, Network
from jetchain.particleflow.network_settings import InfluenceJobSettings
from jetchain.particleflow.reconstruct import read_network

Float = NDArray[np.float64]

REMOVED_AT_ONCE = 16
DISTANCE_EDGES = np.array([0.0, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.6, 0.8, 1.2, 2.0])


def influence(
    *,
    graphs: Inputs,
    weights: Input,
    influence: Output,
    settings: InfluenceJobSettings,
    algorithm: str,
) -> None:
    """Write the influence of all nodes on the hard clusters of the first events of a sample.

    Args:
        graphs: event graphs (EVENT_GRAPHS) of its shards; the first that holds events serves.
        weights: of the trained network.
        influence: JSON: the cluster with the largest expected pT of the first event that has a
            hard one, with its neighbourhood, and the mean size of the influence on all hard ones
            against the distance. If none is hard, the example is the cluster with the largest
            expected pT of all events, and null if there is no cluster at all.
        settings: events and clusters, and the size of the network.
        algorithm: its key in ALGORITHMS.
    """
    model = read_network(algorithm, settings.model, weights)
    read = Mapped(graphs, EVENT_GRAPHS)
    # Of one shard, and cut before empty events are left out: no event beyond these is held out of
    # the training.
    end = next((end for end in read.offset.tolist() if end), 0)
    rows = np.arange(end)[: settings.influence.events]
    numbers = read.rows(rows, ["number"])["number"].tolist()
    pt_min = settings.influence.pt_min
    example, largest, by_distance = None, 0.0, []
    progress = Progress(len(rows), "events")
    for done, (number, graph) in enumerate(zip(numbers, Batches(read, rows, 1), strict=True), 1):
        if len(graph):
            pt, change = influences(model, graph)
            centre = int(np.argmax(pt))
            if largest <= pt_min and pt[centre] > largest:
                example = example_of(graph, number, pt, change, centre)
                largest = float(pt[centre])
            by_distance += [
                sums_by_distance(graph, pt[i], change[:, i], int(i))
                for i in np.flatnonzero(pt > pt_min)
            ]
        progress.report(done)
    write_result(
        influence,
        Influence(
            example=example,
            profile=profile(np.array(by_distance).reshape(-1, 2, 2, len(DISTANCE_EDGES) - 1)),
            events=len(rows),
            clusters=len(by_distance),
            pt_min=pt_min,
        ),
    )


@torch.no_grad()
def influences(model: Network, graph: EventBatch) -> tuple[Float, Float]:
    """The expected neutral pT at each node, and its change when another node is there.

    Args:
        model: in evaluation mode.
        graph: of one event.

    Returns:
        pT of the whole graph, 0 for tracks, GeV (nodes,); and pT with minus pT without each node,
        (removed nodes, nodes), 0 on the diagonal.
    """
    whole = model.expected_pt(graph)
    source, target = graph.edge_index
    nodes, change = len(graph), []
    for rows in minibatches(nodes, REMOVED_AT_ONCE):
        removed = torch.from_numpy(rows)
        copies = len(rows)
        # One copy of the graph a removed node, with the edges that do not touch it; it is alone in
        # an event of its own.
        kept = (source != removed[:, None]) & (target != removed[:, None])
        copy, edge = kept.nonzero(as_tuple=True)
        event = torch.arange(copies).repeat_interleave(nodes)
        event[torch.arange(copies) * nodes + removed] += copies
        without = EventBatch(
            x=graph.x.repeat(copies, 1),
            momentum=graph.momentum.repeat(copies, 1),
            edge_index=graph.edge_index[:, edge] + copy * nodes,
            event=event,
        )
        difference = whole - model.expected_pt(without).view(copies, nodes)
        difference[torch.arange(copies), removed] = 0.0
        change.append(difference.numpy())
    return whole.numpy(), np.concatenate(change)


def distances(graph: EventBatch, centre: int) -> tuple[Float, Float]:
    """Differences in eta and phi of all nodes to one of them, at the calorimeter, (nodes,) each."""
    x = graph.x.double().numpy()
    phi = np.arctan2(x[:, COLUMN["sin_phi_calo"]], x[:, COLUMN["cos_phi_calo"]])
    eta = x[:, COLUMN["eta_calo"]]
    return eta - eta[centre], delta_phi(phi, phi[centre]).astype(np.float64)


def example_of(
    graph: EventBatch, number: int, pt: Float, change: Float, centre: int
) -> InfluenceExample:
    """A cluster, and all nodes around it with their influence on it."""
    d_eta, d_phi = distances(graph, centre)
    x = graph.x.double().numpy()
    near = np.flatnonzero(np.hypot(d_eta, d_phi) < DISTANCE_EDGES[-1])
    place = np.full(len(x), -1)
    place[near] = np.arange(len(near))
    edges = place[graph.edge_index.numpy()]
    return InfluenceExample(
        number=number,
        centre=int(place[centre]),
        expected_pt=float(pt[centre]),
        delta_eta=d_eta[near],
        delta_phi=d_phi[near],
        pt=np.exp(x[near, COLUMN["log_pt_gev"]]),
        is_track=x[near, COLUMN["is_track"]].astype(int),
        influence=change[near, centre],
        edges=edges[:, (edges >= 0).all(axis=0)].T,
    )


def sums_by_distance(graph: EventBatch, pt: float, change: Float, centre: int) -> Float:
    """Number and sum of |influence| / pT in bins of distance, of tracks and of clusters.

    Args:
        graph: of the event.
        pt: expected at the cluster, GeV.
        change: influence of every node on it, GeV, (nodes,).
        centre: the cluster.

    Returns:
        (tracks or clusters, number or sum, bins).
    """
    distance = np.hypot(*distances(graph, centre))
    is_track = graph.x[:, COLUMN["is_track"]].numpy() > 0
    others = np.arange(len(change)) != centre
    return np.array(
        [
            [
                np.histogram(distance[kind], DISTANCE_EDGES, weights=weight[kind])[0]
                for weight in (np.ones(len(change)), np.abs(change) / pt)
            ]
            for kind in (is_track & others, ~is_track & others)
        ]
    )


def profile(sums: Float) -> InfluenceProfile:
    """Mean |influence| / pT a node against distance, with the error over the clusters.

    Args:
        sums: of every cluster, (clusters, tracks or clusters, number or sum, bins).

    Returns:
        edges, and for tracks and clusters number of pairs, mean and error: that of a ratio of
        sums, sqrt(sum (s_k - mean n_k)^2) / sum n_k over the clusters k; None where there are not
        two clusters with pairs, whose spread it could be.
    """
    kinds = []
    for number, size in zip(
        sums[:, :, 0].swapaxes(0, 1), sums[:, :, 1].swapaxes(0, 1), strict=True
    ):
        total = np.maximum(number.sum(axis=0), 1)
        mean = size.sum(axis=0) / total
        error = np.sqrt(((size - mean * number) ** 2).sum(axis=0)) / total
        kinds.append(
            InfluenceByDistance(
                pairs=number.sum(axis=0).astype(int),
                mean=mean,
                error=np.where((number > 0).sum(axis=0) > 1, error, None),
            )
        )
    return InfluenceProfile(edges=DISTANCE_EDGES, track=kinds[0], cluster=kinds[1])
