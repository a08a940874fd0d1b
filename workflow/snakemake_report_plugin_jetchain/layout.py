"""A layered layout of a directed graph, left to right, without graphviz.

Reference: Sugiyama, Tagawa, Toda, IEEE Trans. SMC 11 (1981) 109: layers, then sweeps that put each
node at the mean place of its neighbours; edges over several layers get a place in each.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import networkx as nx

SWEEPS = 12
NODE_PITCH, BEND_PITCH = 30.0, 9.0  # of the rows, in px
GAP = 48.0  # between layers, for the edges
Edge = tuple[str, str]


@dataclass(frozen=True)
class Layout:
    """Where everything stands, in px.

    Attributes:
        nodes: left edge and middle of each node.
        edges: the points that each edge runs through, from its source to its target.
        width, height: of the whole.
    """

    nodes: Mapping[str, tuple[float, float]]
    edges: Mapping[Edge, list[tuple[float, float]]]
    width: float
    height: float


def acyclic(nodes: Iterable[str], edges: Iterable[Edge]) -> tuple[nx.DiGraph, list[Edge]]:
    """The graph without the edges that close cycles, and these edges.

    Of each cycle the edge goes that leads farthest back in the order of the nodes.
    """
    graph = nx.DiGraph()
    graph.add_nodes_from(nodes)
    graph.add_edges_from(sorted(edges))
    place = {node: index for index, node in enumerate(graph)}
    removed = []
    while not nx.is_directed_acyclic_graph(graph):
        cycle = [(edge[0], edge[1]) for edge in nx.find_cycle(graph)]
        back = max(cycle, key=lambda edge: place[edge[0]] - place[edge[1]])
        graph.remove_edge(*back)
        removed.append(back)
    return graph, removed


def layered(nodes: Mapping[str, float], edges: Iterable[Edge]) -> Layout:
    """Lay a graph out, with no more edges than its order needs (transitive reduction).

    Args:
        nodes: width of each, in px, in an order that is kept where nothing else decides.
        edges: from source to target; those that close cycles are left out.
    """
    graph, _ = acyclic(nodes, edges)
    reduced = nx.transitive_reduction(graph)
    layer_of = {
        node: layer
        for layer, members in enumerate(nx.topological_generations(reduced))
        for node in members
    }
    layers: list[list[Hashable]] = [[] for _ in range(max(layer_of.values(), default=-1) + 1)]
    for node in nodes:
        layers[layer_of[node]].append(node)
    chains = {}
    for edge in sorted(reduced.edges):
        first, last = layer_of[edge[0]], layer_of[edge[1]]
        bends: list[Hashable] = [(*edge, layer) for layer in range(first + 1, last)]
        for layer, bend in enumerate(bends, first + 1):
            layers[layer].append(bend)
        chains[edge] = [edge[0], *bends, edge[1]]
    _sweep(layers, chains.values())
    return _place(nodes, layers, chains)


def _sweep(layers: list[list[Hashable]], chains: Iterable[Sequence[Hashable]]) -> None:
    """Sort each layer by the mean place of its neighbours, to and fro."""
    left: dict[Hashable, list[Hashable]] = {each: [] for layer in layers for each in layer}
    right: dict[Hashable, list[Hashable]] = {each: [] for layer in layers for each in layer}
    for chain in chains:
        for source, target in pairwise(chain):
            right[source].append(target)
            left[target].append(source)
    for sweep in range(SWEEPS):
        forward = sweep % 2 == 0
        for layer in layers if forward else layers[::-1]:
            places = {
                each: index / max(len(members), 1)
                for members in layers
                for index, each in enumerate(members)
            }
            near = left if forward else right
            mean = {
                each: sum(places[other] for other in near[each]) / len(near[each])
                if near[each]
                else places[each]
                for each in layer
            }
            layer.sort(key=mean.__getitem__)


def _place(
    nodes: Mapping[str, float],
    layers: list[list[Hashable]],
    chains: Mapping[Edge, Sequence[Hashable]],
) -> Layout:
    """Coordinates: layers side by side, each centred."""
    pitch = [[NODE_PITCH if each in nodes else BEND_PITCH for each in layer] for layer in layers]
    height = max((sum(each) for each in pitch), default=0.0)
    widths = [max((nodes.get(str(each), 0.0) for each in layer), default=0.0) for layer in layers]
    spot: dict[Hashable, tuple[float, float]] = {}
    x = 0.0
    for layer, rows, width in zip(layers, pitch, widths, strict=True):
        y = (height - sum(rows)) / 2
        for each, row in zip(layer, rows, strict=True):
            spot[each] = (x, y + row / 2)
            y += row
        x += width + GAP
    lines = {}
    for edge, chain in chains.items():
        points = [(spot[edge[0]][0] + nodes[edge[0]], spot[edge[0]][1])]
        for bend in chain[1:-1]:
            layer_width = widths[bend[2]]  # type: ignore[index]
            points += [spot[bend], (spot[bend][0] + layer_width, spot[bend][1])]
        lines[edge] = [*points, spot[edge[1]]]
    return Layout({node: spot[node] for node in nodes}, lines, max(x - GAP, 0.0), height)
