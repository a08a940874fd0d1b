"""What the network should answer at each node: the assignment of true particles to nodes.

One answer a node. A particle with a track belongs to its track. Any other belongs to the
topocluster in which it left most of its energy; a charged hadron without a track counts as a
neutral hadron and such an electron as a photon, since nothing can tell them apart. Particles that
share a topocluster are merged: the target is the sum of their four-momenta with the class of the
most energetic one. So no energy is lost, but particles are: `node_targets` counts them.

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
class Targets:
    """Targets of all nodes of a file.

    Attributes:
        label: index into CLASSES; (nodes,).
        regression: see REGRESSION, 0 where there is no particle; (nodes, 5).
        counts: where the true particles went.
    """

    label: NDArray[np.int64]
    regression: NDArray[np.float32]
    counts: dict[str, int]


def node_targets(arrays: dict[str, NDArray[Any]]) -> Targets:
    """Assign the true particles of event graphs to their nodes.

    Args:
        arrays: of EVENT_GRAPHS.
    """
    is_track = arrays["node_features"][:, EVENT_GRAPH_FEATURES.index("is_track")] > 0
    momentum = arrays["node_momentum"].astype(np.float64)
    label = 1 + arrays["particle_label"]
    charged = arrays["particle_charge"] != 0
    particle, node = _flat_incidence(arrays)

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
    nodes, leading = np.unique(owner[order], return_index=True)

    node_label = np.zeros(len(is_track), dtype=np.int64)
    node_label[nodes] = kind[order[leading]]
    regression = np.zeros((len(is_track), len(REGRESSION)), dtype=np.float32)
    if len(nodes):
        merged = np.add.reduceat(_four_momentum(truth)[order], leading, axis=0)
        regression[nodes] = _regression(merged, momentum[nodes])
    neutral = ~tracked & ~without_node & ~lost_muon
    return Targets(
        node_label,
        regression,
        {
            "particles": len(label),
            "on their track": int(tracked.sum()),
            "on a topocluster": int(neutral.sum()),
            "charged without a track, on a topocluster": int((neutral & charged).sum()),
            "merged into a more energetic one": len(assigned) - len(nodes),
            "without a node": int(without_node.sum()),
            "muons without a track": int(lost_muon.sum()),
        },
    )


def _flat_incidence(arrays: dict[str, NDArray[Any]]) -> tuple[NDArray[Any], NDArray[Any]]:
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


def _regression(truth: NDArray[np.float64], element: NDArray[np.float64]) -> NDArray[np.float64]:
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
