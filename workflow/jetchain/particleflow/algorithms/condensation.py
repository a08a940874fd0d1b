"""Object condensation: nodes of one particle attract each other in a learned space.

Each node has a weight beta, a place in a space of few dimensions, and the particle that it would
be. The node of largest beta of a particle, or its track, is its condensation point: it attracts the
particle's other nodes and repels all others, and its answer is the particle's. A node is of one
particle, the one that left most in it, so a particle whose energy is the smaller part of every
cluster is no object. Where objects are found, points are taken in falling beta, tracks first, and
each takes the nodes around it.

Two things are ours. The space begins as the calorimeter, and displacements are learned: of places
that begin as one the hundreds of points of an event repel each other so much that every beta falls
to nothing, and a short training ends before they come apart. And the loss of the properties is a
mean over objects, see `mean_of_objects`. Tracks need a beta too: those of electrons of conversions
are no particles.

Reference: arXiv 2002.03605; the thresholds are those of nilotpal09/hg-tspn-pflow:
`objcond/configs/condensation.json`, which the published sizes are from as well.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, pad

from jetchain.core.settings import Settings, key
from jetchain.core.training_settings import TrainingSettings
from jetchain.particleflow.batch import EventBatch
from jetchain.particleflow.jagged import rows_of
from jetchain.particleflow.messages import SCALE, Message, edge_geometry, head, precise
from jetchain.particleflow.network import COLUMN, FEATURES, Candidates, Network
from jetchain.particleflow.network_settings import SetTrainingSettings
from jetchain.particleflow.node_network import (
    REGRESSION_WEIGHTS,
    at_nodes,
    beside_own,
    photon_odds,
    possible,
)
from jetchain.particleflow.targets import (
    CLASSES,
    NONE,
    REGRESSION,
    flat_incidence,
    regression_of,
    true_objects,
)

LARGEST = 0.9999  # beta, so that its inverse hyperbolic tangent is finite
FIRST_BETA = -1.0  # logit before training, so that charges do not begin large
CALORIMETER = [COLUMN[name] for name in ("eta_calo", "sin_phi_calo", "cos_phi_calo")]


class CondensationModelSettings(Settings):
    """Size of the network, and how its objects are found."""

    hidden: int = key(48, "Width of every layer.", ge=4)
    layers: int = key(3, "Rounds of messages along the edges.", ge=1)
    dimensions: int = key(
        3, "Of the space in which nodes condense; the first three begin as the calorimeter.", ge=3
    )
    beta_threshold: float = key(
        0.5,
        "Points of smaller beta start no object; published is 0.8, for a long training.",
        gt=0.0,
        lt=1.0,
    )
    distance_threshold: float = key(0.8, "Nodes nearer to a point belong to its object.", gt=0.0)


class CondensationTrainingSettings(SetTrainingSettings):
    """Events and loss of the training."""

    charge: float = key(0.25, "Smallest charge of a node, q_min.", gt=0.0)
    noise: float = key(0.5, "Weight of the noise in the loss of beta, s_B.", ge=0.0)
    space: float = key(0.4, "Weight of potentials and beta beside the properties, s_C.", ge=0.0)
    fit: TrainingSettings = key(
        TrainingSettings(epochs=7, batch_size=4, learning_rate=2e-3), "The training loop."
    )


class CondensationSettings(Settings):
    """The object condensation network."""

    model: CondensationModelSettings = key(CondensationModelSettings(), "Size of the network.")
    training: CondensationTrainingSettings = key(CondensationTrainingSettings(), "Its training.")


class Condensation(Network):
    """Beta, place and particle of each node."""

    def __init__(self, settings: CondensationModelSettings) -> None:
        super().__init__()
        self.settings, hidden = settings, settings.hidden
        self.encoder = nn.Sequential(
            nn.Linear(FEATURES, hidden), nn.ReLU(), nn.Linear(hidden, hidden)
        )
        self.messages = nn.ModuleList(Message(hidden) for _ in range(settings.layers))
        self.weight = head(hidden, 1)
        self.place = head(hidden, settings.dimensions)
        self.classes = head(hidden, len(CLASSES))
        self.momentum = head(hidden, len(REGRESSION))

    def forward(self, batch: EventBatch) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Beta (nodes,), place (nodes, dimensions), logits of CLASSES and REGRESSION."""
        scaled = self.scaled(batch.x)
        geometry = edge_geometry(batch.x, batch.edge_index)
        hidden = self.encoder(scaled)
        for message in self.messages:
            hidden = message(hidden, batch.edge_index, geometry)
        seen = torch.cat([hidden, scaled], dim=1)
        beta = (precise(self.weight(seen)[:, 0]) + FIRST_BETA).sigmoid().clamp(max=LARGEST)
        logits = possible(self.classes(seen), batch.x)
        place = self.place(seen)
        start = pad(batch.x[:, CALORIMETER] / SCALE, (0, place.shape[1] - len(CALORIMETER)))
        return beta, place + start, logits, beside_own(self.momentum(seen), batch.x)

    def targets(self, arrays: Mapping[str, NDArray[Any]]) -> dict[str, Tensor]:
        """The object of each node, -1 for noise; class and REGRESSION of it, from this node.

        The class is none where the node cannot show it: at the clusters of a charged particle.
        """
        arrays = dict(arrays)
        objects = true_objects(arrays, 1)
        is_track = arrays["node_features"][:, COLUMN["is_track"]] > 0
        particle, node = flat_incidence(arrays)
        owner = objects.of[particle]
        # A track is its own particle's; a shower that left a bit in it is not.
        kept = (owner >= 0) & (~is_track[node] | (objects.node[owner] == node))
        owner, node = owner[kept], node[kept]
        pairs, at = np.unique(np.stack([node, owner]), axis=1, return_inverse=True)
        left = np.bincount(at.ravel(), arrays["incidence_weight"][kept], minlength=pairs.shape[1])
        order = np.lexsort((pairs[1], -left, pairs[0]))
        nodes, first = np.unique(pairs[0][order], return_index=True)
        found = np.full(len(is_track), -1)
        found[nodes] = pairs[1][order][first]
        shown = nodes[is_track[nodes] == is_track[objects.node[found[nodes]]]]
        label = np.zeros(len(is_track), np.int64)
        label[shown] = objects.label[found[shown]]
        regression = np.zeros((len(is_track), len(REGRESSION)), np.float32)
        if len(shown):
            element = arrays["node_momentum"].astype(np.float64)[shown]
            regression[shown] = regression_of(objects.momentum[found[shown]], element)
        # Objects without a node of their own are not there.
        _, dense = np.unique(found, return_inverse=True)
        dense = dense.ravel() - int((found < 0).any())
        return {
            "object": torch.from_numpy(np.where(found < 0, -1, dense)),
            "label": torch.from_numpy(label), "regression": torch.from_numpy(regression),
        }  # fmt: skip

    def loss(self, batch: EventBatch, settings: CondensationTrainingSettings) -> tuple[Tensor, int]:
        """L_p + s_C (L_beta + L_V) of the paper, its Eqs. 4 to 10; and the number of nodes.

        L_p is that of `mean_of_objects`.
        """
        beta, place, logits, regression = self(batch)
        owner, label = batch.targets["object"], batch.targets["label"]
        is_track = batch.x[:, COLUMN["is_track"]] > 0
        weight = torch.atanh(beta) ** 2
        point = points(beta + 2.0 * is_track, owner)
        pull = potential(place, weight + settings.charge, batch.event, owner, point)
        coward = 1 - beta[point].mean() if len(point) else beta.new_zeros(())
        noise = beta[owner < 0]
        if len(noise):
            coward = coward + settings.noise * noise.mean()
        total = settings.space * (coward + pull)
        shown = label != NONE
        if shown.any():
            error = (regression - batch.targets["regression"])[shown] ** 2
            error = (error * error.new_tensor(REGRESSION_WEIGHTS)).sum(dim=1)
            error = torch.where(is_track[shown], 0.0, error)
            each = cross_entropy(logits[shown], label[shown], reduction="none") + error
            # A charge of at least q_min each, or nodes of small beta would not learn what they are.
            total = total + mean_of_objects(each, (weight + settings.charge)[shown], owner[shown])
        return total, len(batch)

    def candidates(self, batch: EventBatch) -> Candidates:
        """The objects that condense, with the answers of their points."""
        beta, place, logits, regression = self(batch)
        is_track = batch.x[:, COLUMN["is_track"]] > 0
        found = condensed(beta, place, is_track, batch.event, self.settings)
        logits[:, NONE] = torch.finfo(logits.dtype).min
        label = logits.argmax(dim=1)[found].cpu().numpy()
        answer, odds = regression[found].double().cpu().numpy(), photon_odds(logits[found])
        return at_nodes(batch, found.cpu().numpy(), label, answer, odds.cpu().numpy())


@torch.no_grad()
def points(score: Tensor, owner: Tensor) -> Tensor:
    """The node of largest score of each object, (objects,).

    Args:
        score: (nodes,).
        owner: number of the object of each node, -1 for none.
    """
    order = np.lexsort((score.cpu().numpy(), owner.cpu().numpy()))
    sorted_owner = owner.cpu().numpy()[order]
    last = np.flatnonzero(np.diff(sorted_owner, append=np.iinfo(np.int64).max))
    return torch.from_numpy(order[last[sorted_owner[last] >= 0]]).to(owner.device)


def mean_of_objects(values: Tensor, weight: Tensor, owner: Tensor) -> Tensor:
    """The mean over objects of the weighted mean over the nodes of each.

    In a weighted mean over all nodes at once an object whose properties are hard to tell lowers the
    loss by a smaller beta: beside easy tracks every cluster's beta falls to nothing. Here an
    object counts the same whatever its weights are.

    Args:
        values, weight: (nodes,); weights are positive.
        owner: number of the object of each node, (nodes,); numbers without a node do not count.
    """
    nothing = values.new_zeros(int(owner.max()) + 1)
    total = nothing.index_add(0, owner, weight)
    mean = nothing.index_add(0, owner, weight * values)[total > 0] / total[total > 0]
    return mean.mean()


def potential(place: Tensor, charge: Tensor, event: Tensor, owner: Tensor, point: Tensor) -> Tensor:
    """L_V: the mean over nodes of q_j sum_k q_k (|x_j - x_k|^2 of its own, max(0, 1 - |..|) of all
    other points k of its event)."""
    if not len(point):
        return place.sum() * 0.0
    events = int(event.max()) + 1
    node, real = rows_of(event, events)  # (events, most nodes)
    kth, is_point = rows_of(event[point], events)  # (events, most points)
    chosen = point[kth]
    apart = torch.cdist(
        place[node], place[chosen], compute_mode="donot_use_mm_for_euclid_dist"
    )  # (events, most nodes, most points), exact where places nearly agree
    mine = owner[node][:, :, None] == kth[:, None]
    each = torch.where(mine, apart**2, (1 - apart).clamp(min=0))
    each = each * charge[chosen][:, None] * is_point[:, None]
    return ((each.sum(dim=2) * charge[node])[real]).mean()


@torch.no_grad()
def condensed(
    beta: Tensor,
    place: Tensor,
    is_track: Tensor,
    event: Tensor,
    settings: CondensationModelSettings,
) -> Tensor:
    """The condensation points, in the order of the nodes; all events at once, point by point."""
    events = int(event.max()) + 1 if len(event) else 0
    node, real = rows_of(event, events)
    score = (beta + 2.0 * is_track)[node]
    free = real & (beta[node] > settings.beta_threshold)
    where, found = place[node], []
    while free.any():
        best = torch.where(free, score, -1.0).argmax(dim=1)
        rows = free.any(dim=1).nonzero()[:, 0]
        found.append(node[rows, best[rows]])
        apart = (where[rows] - where[rows, best[rows]][:, None]).norm(dim=2)
        taken = (apart < settings.distance_threshold) & ~is_track[node[rows]]
        taken[torch.arange(len(rows), device=rows.device), best[rows]] = True
        free[rows] &= ~taken
    return torch.cat(found).sort().values if found else node.new_zeros(0)
