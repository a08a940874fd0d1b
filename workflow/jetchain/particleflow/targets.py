"""What the networks should answer: the assignment of true particles to nodes.

A particle with a track belongs to its track. Any other belongs to the
topocluster in which it left most of its energy; a charged hadron without a track counts as a
neutral hadron and such an electron as a photon, since nothing can tell them apart. Particles that
share a topocluster beyond the number that a network answers there are merged: the target is the sum
of their four-momenta with the class of the most energetic one. So no energy is lost, but particles
are: `true_objects` counts them.

Reference: MLPF, arXiv 2101.08578; merging as in jpata/particleflow:
mlpf/data/cms/postprocessing2.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jetchain.core.kinematics import cartesian, pt_eta_phi
from jetchain.core.schema.graphs import EVENT_GRAPH_FEATURES
from jetchain.core.schema.particleflow import PARTICLE_CLASSES

NONE = 0  # the class of a node without a particle; PARTICLE_CLASSES follow from 1
CLASSES = ("none", *PARTICLE_CLASSES)
REGRESSION = ("log_pt_ratio", "log_energy_ratio", "eta", "sin_phi", "cos_phi")

_WITHOUT_TRACK = np.array(
    [
        {"charged_hadron": CLASSES.index("neutral_hadron"), "electron": CLASSES.index("photon"),
         "muon": NONE}.get(name, 1 + index)
        for index, name in enumerate(PARTICLE_CLASSES)
    ]
)  # fmt: skip


@dataclass(frozen=True)
class Objects:
    """What a network can answer at best: true particles, and those merged that share a node's last.

    Attributes:
        node: that it belongs to; (objects,), rising.
        rank: its place in the falling energies of the node's; (objects,).
        label: index into CLASSES, of the most energetic particle in it; (objects,).
        momentum: px, py, pz, e in GeV; (objects, 4).
        of: the object of each particle, -1 without one; (particles,).
        counts: where the true particles went.
    """

    node: NDArray[np.int64]
    rank: NDArray[np.int64]
    label: NDArray[np.int64]
    momentum: NDArray[np.float64]
    of: NDArray[np.int64]
    counts: dict[str, int]


def true_objects(arrays: dict[str, NDArray[Any]], per_node: int) -> Objects:
    """Assign the true particles of event graphs to their nodes.

    Args:
        arrays: of EVENT_GRAPHS.
        per_node: objects a node has at most: the softer particles are merged into the last.
    """
    is_track = arrays["node_features"][:, EVENT_GRAPH_FEATURES.index("is_track")] > 0
    momentum = arrays["node_momentum"].astype(np.float64)
    label = 1 + arrays["particle_label"]
    charged = arrays["particle_charge"] != 0
    particle, node = flat_incidence(arrays)

    on_track = is_track[node] & charged[particle]
    owner = np.full(len(label), -1)
    owner[particle[on_track]] = node[on_track]
    tracked = owner >= 0

    on_topo = ~is_track[node] & ~tracked[particle]
    deposit = arrays["incidence_weight"][on_topo] * momentum[node[on_topo], 3]
    particle, node = particle[on_topo], node[on_topo]
    order = np.lexsort((node, -deposit, particle))
    particle, first = np.unique(particle[order], return_index=True)
    owner[particle] = node[order][first]

    kind = np.where(tracked, label, _WITHOUT_TRACK[label - 1])
    without_node = owner < 0
    lost_muon = ~without_node & (kind == NONE)
    assigned = np.flatnonzero(~without_node & ~lost_muon)
    truth = arrays["particle"].astype(np.float64)
    order = assigned[np.lexsort((assigned, -truth[assigned, 3], owner[assigned]))]
    _, leading, of_node = np.unique(owner[order], return_index=True, return_inverse=True)
    rank = np.arange(len(order)) - leading[of_node]
    first = np.flatnonzero(rank < per_node)
    merged = np.zeros((0, 4))
    if len(first):
        merged = np.add.reduceat(_four_momentum(truth)[order], first, axis=0)
    of = np.full(len(label), -1)
    of[order] = np.cumsum(rank < per_node) - 1
    neutral = ~tracked & ~without_node & ~lost_muon
    return Objects(
        node=owner[order[first]],
        rank=rank[first],
        label=kind[order[first]],
        momentum=merged,
        of=of,
        counts={
            "particles": len(label),
            "on their track": int(tracked.sum()),
            "on a topocluster": int(neutral.sum()),
            "charged without a track, on a topocluster": int((neutral & charged).sum()),
            "merged into a more energetic one": len(assigned) - len(first),
            "without a node": int(without_node.sum()),
            "muons without a track": int(lost_muon.sum()),
        },
    )


@dataclass(frozen=True)
class Targets:
    """Targets of all nodes of a file, of `per_node` candidates each.

    Attributes:
        label: index into CLASSES; (nodes,), or (nodes, per_node) of more than one.
        regression: see REGRESSION, 0 where there is no particle; (..., 5) likewise.
        counts: where the true particles went.
    """

    label: NDArray[np.int64]
    regression: NDArray[np.float32]
    counts: dict[str, int]


def node_targets(arrays: dict[str, NDArray[Any]], per_node: int = 1) -> Targets:
    """Class and momentum of each node's particles, in falling energy; see `true_objects`."""
    objects = true_objects(arrays, per_node)
    nodes, at = len(arrays["node_features"]), (objects.node, objects.rank)
    label = np.zeros((nodes, per_node), dtype=np.int64)
    label[at] = objects.label
    regression = np.zeros((nodes, per_node, len(REGRESSION)), dtype=np.float32)
    if len(objects.node):
        element = arrays["node_momentum"].astype(np.float64)[objects.node]
        regression[at] = regression_of(objects.momentum, element)
    if per_node == 1:
        label, regression = label[:, 0], regression[:, 0]
    return Targets(label, regression, objects.counts)


def flat_incidence(arrays: dict[str, NDArray[Any]]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Particle and node of each incidence, counted through the file."""
    counts = np.diff(arrays["incidence_offset"])
    particle, node = arrays["incidence_index"]
    return (
        particle + np.repeat(arrays["particle_offset"][:-1], counts),
        node + np.repeat(arrays["node_offset"][:-1], counts),
    )


def _four_momentum(truth: NDArray[np.float64]) -> NDArray[np.float64]:
    """px, py, pz, e from pt, eta, phi, e; (particles, 4)."""
    pt, eta, phi, energy = truth.T
    px, py, pz, _ = cartesian(pt, eta, phi)
    return np.stack([px, py, pz, energy], axis=1)


def regression_of(truth: NDArray[np.float64], element: NDArray[np.float64]) -> NDArray[np.float64]:
    """The five numbers of REGRESSION from px, py, pz, e of particle and node; (nodes, 5)."""
    pt, eta, phi = pt_eta_phi(*truth[:, :3].T)
    element_pt = np.hypot(element[:, 0], element[:, 1])
    return np.stack(
        [
            np.log(pt / element_pt),
            np.log(truth[:, 3] / element[:, 3]),
            eta,
            np.sin(phi),
            np.cos(phi),
        ],
        axis=1,
    )
