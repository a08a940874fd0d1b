"""TSPN-SA: the neutral particles of a region as a set, from slots that compete for its clusters.

A charged particle is a track, with its class. For neutral ones the event is cut into squares in eta
and phi at the calorimeter. How many particles a square has is one answer, over the numbers up to
`slots`; as many slots as that start from fixed draws of a learned Gaussian, and by rounds of
attention each gathers the clusters of the square that are its own, and becomes a particle: pT,
eta, phi and class. In training the number is the true one, and true particles are assigned to slots
by the Hungarian algorithm at the cost (pT / 10 GeV) x squared errors.

Published, the set is that of a single jet, the number is answered in bins of pT, and cells of the
calorimeter are the input; here a shower over the border of two squares is cut.

Reference: arXiv 2212.01328, section 3.2; slot attention 2006.15055; nilotpal09/hg-tspn-pflow:
`tspn/` for costs and sizes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from jetchain.core.kinematics import delta_phi, pt_eta_phi
from jetchain.core.settings import Settings, key
from jetchain.particleflow.batch import EventBatch, batch_of
from jetchain.particleflow.jagged import rows_of
from jetchain.particleflow.messages import Message, edge_geometry, head, precise
from jetchain.particleflow.network import COLUMN, FEATURES, Candidates, Network, of_nodes
from jetchain.particleflow.network_settings import SetTrainingSettings
from jetchain.particleflow.node_network import possible
from jetchain.particleflow.targets import CLASSES, NONE, true_objects

NEUTRAL = [CLASSES.index("neutral_hadron"), CLASSES.index("photon")]
PER_CLUSTER = 2  # particles of a cluster; softer ones are merged
HARD = 10.0  # GeV: harder particles weigh more in the cost
MOST_WEIGHT = 10.0  # and at most so much more
EPSILON = 1e-8


class TspnModelSettings(Settings):
    """Size of the network."""

    hidden: int = key(48, "Width of every layer.", ge=4)
    layers: int = key(2, "Rounds of messages along the edges.", ge=1)
    rounds: int = key(3, "Rounds of attention.", ge=1)
    slots: int = key(10, "Most neutral particles of a square; the softest beyond are lost.", ge=1)
    square: float = key(0.2, "Size of a square in eta and phi.", gt=0.0, le=3.0)


class TspnTrainingSettings(SetTrainingSettings):
    """Events and loss of the training."""

    class_weight: float = key(1.0, "Weight of the classes beside the momenta.", ge=0.0)
    number_weight: float = key(1.0, "Weight of the numbers beside the momenta.", ge=0.0)


class TspnSettings(Settings):
    """The TSPN-SA network."""

    model: TspnModelSettings = key(TspnModelSettings(), "Size of the network.")
    training: TspnTrainingSettings = key(TspnTrainingSettings(), "Its training.")


class Squares(NamedTuple):
    """The squares that have clusters."""

    of: Tensor  # (nodes,) the square of each cluster, -1 for tracks
    cluster: Tensor  # (squares, most) numbers of nodes
    real: Tensor  # (squares, most) where there is one
    centre: Tensor  # (squares, 3) pT, eta, phi of all clusters together

    def some(self, chosen: Tensor) -> Squares:
        """Those of a mask, (squares,)."""
        return Squares(self.of, self.cluster[chosen], self.real[chosen], self.centre[chosen])


class Tspn(Network):
    """The class of each track; the set of neutral particles of each square."""

    draws: Tensor

    def __init__(self, settings: TspnModelSettings) -> None:
        super().__init__()
        self.settings, hidden = settings, settings.hidden
        self.encoder = nn.Sequential(
            nn.Linear(FEATURES, hidden), nn.ReLU(), nn.Linear(hidden, hidden)
        )
        self.messages = nn.ModuleList(Message(hidden) for _ in range(settings.layers))
        self.classes = head(hidden, len(CLASSES))
        self.inside = nn.Linear(hidden + FEATURES + 3, hidden)
        self.number = nn.Sequential(
            nn.Linear(2 * hidden + 1, hidden), nn.ReLU(), nn.Linear(hidden, settings.slots + 1)
        )
        self.mean, self.spread = (nn.Parameter(0.5 * torch.randn(hidden)) for _ in range(2))
        self.register_buffer("draws", torch.randn(settings.slots, hidden))
        self.context = nn.Linear(2 * hidden + 1, hidden)
        self.query, self.keys, self.values = (nn.Linear(hidden, hidden) for _ in range(3))
        self.gru = nn.GRUCell(hidden, hidden)
        self.norm, self.norm_slot = nn.LayerNorm(hidden), nn.LayerNorm(hidden)
        self.residual = nn.Sequential(
            nn.LayerNorm(hidden), nn.Linear(hidden, hidden), nn.ReLU(), nn.Linear(hidden, hidden)
        )
        self.particle = nn.Sequential(
            nn.Linear(hidden + 4, hidden), nn.ReLU(), nn.Linear(hidden, 3 + len(NEUTRAL))
        )

    def squares(self, batch: EventBatch) -> Squares:
        """The clusters of each square of each event."""
        x, side = batch.x, self.settings.square
        phi = torch.atan2(x[:, COLUMN["sin_phi_calo"]], x[:, COLUMN["cos_phi_calo"]])
        is_topo = x[:, COLUMN["is_topo"]] > 0
        at = torch.stack(
            [batch.event, *((v / side).floor().long() for v in (x[:, COLUMN["eta_calo"]], phi))]
        )[:, is_topo]
        names, number = torch.unique(at, dim=1, return_inverse=True)
        of = torch.full_like(batch.event, -1)
        of[is_topo] = number
        member, real = rows_of(number, names.shape[1])
        cluster = is_topo.nonzero()[:, 0][member]
        total = (batch.momentum[cluster] * real[:, :, None]).double().sum(dim=1)
        pt = torch.hypot(total[:, 0], total[:, 1]).clamp(min=EPSILON)
        centre = torch.stack(
            [pt, torch.asinh(total[:, 2] / pt), torch.atan2(total[:, 1], total[:, 0])], dim=1
        )
        return Squares(of, cluster, real, centre.float())

    def targets(self, arrays: Mapping[str, NDArray[Any]]) -> dict[str, Tensor]:
        """Classes of the tracks, (nodes,); number (squares,), and the neutral particles of each.

        Returns:
            label, number, kind, index into NEUTRAL (squares, slots), and momentum, pT, eta, phi
            (squares, slots, 3), in falling pT.
        """
        squares = self.squares(batch_of(arrays))
        objects, slots = true_objects(dict(arrays), PER_CLUSTER), self.settings.slots
        label = np.zeros(len(squares.of), np.int64)
        of = squares.of.numpy()[objects.node]
        label[objects.node[of < 0]] = objects.label[of < 0]
        momentum = np.stack(pt_eta_phi(*objects.momentum[:, :3].T), axis=1)
        order = np.lexsort((-momentum[:, 0], of))
        order = order[of[order] >= 0]
        of = of[order]
        rank = np.arange(len(of)) - np.searchsorted(of, of)
        kept = rank < slots
        at, count = (of[kept], rank[kept]), len(squares.centre)
        kind = np.zeros((count, slots), np.int64)
        kind[at] = objects.label[order][kept] == NEUTRAL[1]
        true = np.zeros((count, slots, 3), np.float32)
        true[at] = momentum[order][kept]
        number = np.bincount(of[kept], minlength=count)
        return {
            "label": torch.from_numpy(label), "number": torch.from_numpy(number),
            "kind": torch.from_numpy(kind), "momentum": torch.from_numpy(true),
        }  # fmt: skip

    def encoded(self, batch: EventBatch) -> tuple[Tensor, Tensor]:
        """Nodes, (nodes, hidden), and logits of CLASSES, of which those of tracks count."""
        scaled = self.scaled(batch.x)
        geometry = edge_geometry(batch.x, batch.edge_index)
        hidden = self.encoder(scaled)
        for message in self.messages:
            hidden = message(hidden, batch.edge_index, geometry)
        return hidden, possible(self.classes(torch.cat([hidden, scaled], dim=1)), batch.x)

    def content(self, batch: EventBatch, hidden: Tensor, squares: Squares) -> tuple[Tensor, Tensor]:
        """Clusters as their square sees them, (nodes, hidden), of tracks any numbers; and all of a
        square together, (squares, 2 hidden + 1)."""
        pt, eta, phi = squares.centre[squares.of].T
        d_eta, d_phi = _apart(batch.x, eta, phi)
        side = self.settings.square
        where = [d_eta / side, d_phi / side, batch.x[:, COLUMN["log_pt_gev"]] - pt.log()]
        seen = torch.cat([hidden, self.scaled(batch.x), torch.stack(where, dim=1)], dim=1)
        inside = self.norm(self.inside(seen))
        padded = inside[squares.cluster]
        most = padded.masked_fill(~squares.real[:, :, None], -10.0).amax(dim=1)
        total = (padded * squares.real[:, :, None]).sum(dim=1)
        return inside, torch.cat([total, most, squares.centre[:, :1].log()], dim=1)

    def attend(
        self, inside: Tensor, together: Tensor, real: Tensor, there: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Slots after the attention, (squares, n, hidden), and it, (squares, n, most).

        Args:
            inside: (squares, most, hidden).
            together: (squares, 2 hidden + 1).
            real: where there is a cluster, (squares, most).
            there: where there is a slot, at least one a square, (squares, n).
        """
        start = self.mean + self.spread * self.draws[: there.shape[1]]
        slots = start + self.context(together)[:, None]
        keys, values = self.keys(inside), self.values(inside)
        for _ in range(self.settings.rounds):
            query = self.query(self.norm_slot(slots))
            logit = precise(query @ keys.transpose(1, 2)) / keys.shape[2] ** 0.5
            attention = logit.masked_fill(~there[:, :, None], -1e9).softmax(dim=1)
            attention = attention * real[:, None] + EPSILON
            update = (attention / attention.sum(dim=2, keepdim=True)) @ values
            moved = self.gru(update[there], slots[there])
            slots = torch.zeros_like(slots)
            slots[there] = moved + self.residual(moved)
        return slots, attention

    def particles(
        self, batch: EventBatch, squares: Squares, inside: Tensor, together: Tensor, number: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """So many particles of each square, at least one: log pT, eta and phi, (squares, n, 3),
        logits of NEUTRAL, and the attention to its clusters."""
        there = torch.arange(int(number.max()), device=number.device) < number[:, None]
        slots, attention = self.attend(inside[squares.cluster], together, squares.real, there)
        # Where the clusters of a slot are, and how much they hold: its answer corrects this.
        pt, eta, phi = squares.centre.T[:, :, None]
        d_eta, d_phi = _apart(batch.x[squares.cluster], eta, phi)  # (squares, most)
        energy = batch.x[:, COLUMN["log_pt_gev"]].exp()[squares.cluster] * squares.real
        energy = attention * energy[:, None]
        held = energy.sum(dim=2).clamp(min=EPSILON)
        d_eta, d_phi = ((energy * d[:, None]).sum(dim=2) / held for d in (d_eta, d_phi))
        side = self.settings.square
        proxy = torch.stack([held.log(), held.log() - pt.log(), d_eta / side, d_phi / side], dim=2)
        change, kinds = self.particle(torch.cat([slots, proxy], dim=2)).split([3, len(NEUTRAL)], 2)
        momentum = torch.stack(
            [
                (held.log() + change[:, :, 0]).clamp(-7, 10),
                eta + d_eta + side * change[:, :, 1],
                phi + d_phi + side * change[:, :, 2],
            ],
            dim=2,
        )
        return momentum, kinds, attention

    def loss(self, batch: EventBatch, settings: TspnTrainingSettings) -> tuple[Tensor, int]:
        """Classes of tracks, numbers, and momenta and classes of the assigned particles."""
        hidden, logits = self.encoded(batch)
        true = batch.targets
        is_track = batch.x[:, COLUMN["is_track"]] > 0
        total = logits.new_zeros(())
        if is_track.any():
            classes = cross_entropy(logits[is_track], true["label"][is_track])
            total = total + settings.class_weight * classes
        squares = self.squares(batch)
        if not len(squares.centre):
            return total, len(batch)
        inside, together = self.content(batch, hidden, squares)
        number = cross_entropy(self.number(together), true["number"])
        total = total + settings.number_weight * number
        filled = true["number"] > 0
        if filled.any():
            chosen = {name: true[name][filled] for name in ("number", "kind", "momentum")}
            momentum, kinds, _ = self.particles(
                batch, squares.some(filled), inside, together[filled], chosen["number"]
            )
            square, particle, slot = assigned(momentum, kinds, chosen)
            error = errors(momentum[square, slot], chosen["momentum"][square, particle])
            kind = cross_entropy(kinds[square, slot], chosen["kind"][square, particle])
            total = total + error.mean() + settings.class_weight * kind
        return total, len(batch)

    def candidates(self, batch: EventBatch) -> Candidates:
        """Tracks that are particles, and in each square as many slots as it is said to have."""
        hidden, logits = self.encoded(batch)
        is_track, own = of_nodes(batch)
        label = logits.argmax(dim=1).cpu().numpy()
        node = np.flatnonzero(is_track & (label != NONE))
        label, own = label[node], own[:, node]
        squares = self.squares(batch)
        number = torch.zeros(0, dtype=torch.int64, device=hidden.device)
        if len(squares.centre):
            inside, together = self.content(batch, hidden, squares)
            number = self.number(together).argmax(dim=1)
        filled, odds = number > 0, np.zeros(len(node))
        if filled.any():
            squares, number = squares.some(filled), number[filled]
            momentum, kinds, attention = self.particles(
                batch, squares, inside, together[filled], number
            )
            slot = torch.arange(momentum.shape[1], device=number.device)
            at = (slot < number[:, None]).nonzero(as_tuple=True)
            main = (attention * batch.momentum[:, 3][squares.cluster][:, None])[at].argmax(dim=1)
            node = np.concatenate([node, squares.cluster[at[0], main].cpu().numpy()])
            found = momentum[at].double().cpu().numpy().T
            found[0] = np.exp(found[0])
            own = np.concatenate([own, found], axis=1)
            label = np.append(label, np.array(NEUTRAL)[kinds[at].argmax(dim=1).cpu().numpy()])
            odds = np.append(
                odds, (kinds[at] @ kinds.new_tensor([-1.0, 1.0])).double().cpu().numpy()
            )
        pt, eta, phi = own
        return Candidates(batch.event.cpu().numpy()[node], label - 1, pt, eta, phi, node, odds)


def _apart(x: Tensor, eta: Tensor, phi: Tensor) -> tuple[Tensor, Tensor]:
    """Differences in eta and phi of nodes, x being their features, to some directions."""
    own = torch.atan2(x[..., COLUMN["sin_phi"]], x[..., COLUMN["cos_phi"]])
    return x[..., COLUMN["eta"]] - eta, delta_phi(own, phi)


def errors(found: Tensor, true: Tensor) -> Tensor:
    """Squared errors of momenta, weighted with pT; the last dimension is log pT (true: pT), eta,
    phi. Angles count in tenths."""
    weight = (true[..., 0] / HARD).clamp(max=MOST_WEIGHT) + 0.1
    d_pt = found[..., 0] - true[..., 0].clamp(min=EPSILON).log()
    d_eta, d_phi = found[..., 1] - true[..., 1], delta_phi(found[..., 2], true[..., 2])
    return weight * (d_pt**2 + 100 * (d_eta**2 + d_phi**2))


@torch.no_grad()
def assigned(
    momentum: Tensor, kinds: Tensor, true: Mapping[str, Tensor]
) -> tuple[Tensor, Tensor, Tensor]:
    """The cheapest assignment in each square, of its n particles to its first n slots.

    Returns:
        square, particle and slot of each pair.
    """
    most = int(true["number"].max()) if len(true["number"]) else 0
    cost = errors(momentum[:, None, :most], true["momentum"][:, :most, None])
    of_kind = -torch.log_softmax(kinds[:, :most], dim=2).transpose(1, 2)  # (squares, kinds, slots)
    cost = cost + of_kind.gather(1, true["kind"][:, :most, None].expand(-1, -1, most))
    cost_numpy, found = cost.cpu().numpy(), []
    for square in torch.nonzero(true["number"])[:, 0].tolist():
        n = int(true["number"][square])
        rows, columns = linear_sum_assignment(cost_numpy[square, :n, :n])
        found.append(np.stack([np.full(n, square), rows, columns]))
    pairs = np.concatenate([np.empty((3, 0), np.int64), *found], axis=1)
    square, particle, slot = torch.from_numpy(pairs).to(momentum.device)
    return square, particle, slot
