"""HGPflow: particle flow as the incidence matrix of a hypergraph, refined step by step.

A particle is a hyperedge that joins the tracks and clusters it left energy in. The network learns
the incidence: what share of each cluster's energy a particle left, and one for a particle's own
track. The shares of a cluster add up to one; a share of its own is noise, and what no hyperedge
accounts for. From the incidence follow the particles: a charged one has the momentum of its
track; the proxy of a neutral one is the sum of the clusters with their shares, and a network
corrects it.

Published, the matrix is dense, of at most some tens of nodes: events are cut into segments. Here it
is sparse, and the event is whole: a hyperedge belongs to a node, one to each track and `slots` to
each cluster, and reaches what the edges of the event graph reach. The assignment of true particles
is free among the slots of a cluster, where it is the cheapest; between clusters it is that of the
most energy. Both parts are trained together, the second on proxies without their gradient.
The weights in the losses, a power of pT, are ours: most particles are soft, jets are made of the
hard ones.

Reference: arXiv 2212.01328, 2410.23236; nilotpal09/HGPflow: `hgpflow_v2/models/hg_learner/
iterative_refiner.py` for the update, `configs/cocoa` for the published sizes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy, smooth_l1_loss

from jetchain.core.kinematics import delta_phi, pt_eta_phi
from jetchain.core.settings import Settings, key
from jetchain.core.training_settings import TrainingSettings
from jetchain.particleflow.along_edges import scores, weighted_sums
from jetchain.particleflow.batch import EventBatch, batch_of
from jetchain.particleflow.jagged import cheapest, softmax_of
from jetchain.particleflow.messages import GEOMETRY, Message, edge_geometry
from jetchain.particleflow.network import COLUMN, FEATURES, Candidates, Network, of_nodes
from jetchain.particleflow.network_settings import SetTrainingSettings
from jetchain.particleflow.node_network import photon_odds, possible
from jetchain.particleflow.targets import CLASSES, NONE, flat_incidence, true_objects

TINY = 1e-6
ANGLE = 0.05  # unit of the corrections in eta and phi
ANGLE_WEIGHT = 0.1  # of their errors beside that of log pT
LAYERS = slice(COLUMN["fraction_layer_0"], COLUMN["fraction_layer_5"] + 1)
SUMMARY = 3 + LAYERS.stop - LAYERS.start  # numbers that describe a proxy


class HgpflowModelSettings(Settings):
    """Size of the network."""

    hidden: int = key(32, "Width of every layer.", ge=4)
    layers: int = key(2, "Rounds of messages before the refinement.", ge=1)
    iterations: int = key(3, "Refinements of the incidence.", ge=1)
    learned: int = key(2, "The last of them, through which gradients flow.", ge=1)
    slots: int = key(2, "Neutral particles that belong to a cluster.", ge=1, le=5)


class HgpflowTrainingSettings(SetTrainingSettings):
    """Events and loss of the training."""

    max_events: int = key(350, "Events trained on per shard, after those held out.", ge=1)
    regression_weight: float = key(1.0, "Weight of the momenta beside the incidence.", ge=0.0)
    pt_power: float = key(
        0.5,
        "Clusters, hyperedges and particles weigh in the losses with this power of their pT; 0: "
        "all the same.",
        ge=0.0,
    )
    fit: TrainingSettings = key(
        TrainingSettings(epochs=5, batch_size=8, learning_rate=3e-3), "The training loop."
    )


class HgpflowSettings(Settings):
    """The HGPflow network."""

    model: HgpflowModelSettings = key(HgpflowModelSettings(), "Size of the network.")
    training: HgpflowTrainingSettings = key(HgpflowTrainingSettings(), "Its training.")


class Entries(NamedTuple):
    """Where the incidence may be: those of tracks first, then those of clusters, slot by slot."""

    hyperedge: Tensor  # (entries,) node x slots + slot
    target: Tensor  # (entries,) the cluster
    geometry: Tensor  # (entries, 4) of the edge from the hyperedge's node to the cluster
    of_tracks: int  # how many are of tracks


class Incidence(NamedTuple):
    """One step of the refinement."""

    log_share: Tensor  # (entries,)
    log_noise: Tensor  # (nodes,) the share of no particle
    indicator: Tensor  # (hyperedges,) logit of being a particle


class Hgpflow(Network):
    """Incidence, and from it the particles."""

    def __init__(self, settings: HgpflowModelSettings) -> None:
        super().__init__()
        self.settings, hidden = settings, settings.hidden
        self.encoder = nn.Sequential(
            nn.Linear(FEATURES, hidden), nn.ReLU(), nn.Linear(hidden, hidden)
        )
        self.messages = nn.ModuleList(Message(hidden) for _ in range(settings.layers))
        self.slot = nn.Parameter(0.5 * torch.randn(settings.slots, hidden))
        self.of_hyperedge = nn.Linear(hidden, hidden)
        self.of_node = nn.Linear(hidden, hidden, bias=False)
        self.of_geometry = nn.Linear(GEOMETRY, hidden, bias=False)
        self.of_share = nn.Linear(1, hidden, bias=False)
        self.share = nn.Linear(hidden, 1)
        self.noise = nn.Linear(hidden, 1)
        self.indicator = _mlp(hidden + 1, hidden, 1)
        self.update_hyperedge = _mlp(3 * hidden, hidden, hidden)
        self.update_node = _mlp(3 * hidden, hidden, hidden)
        self.norm_hyperedge = nn.LayerNorm(3 * hidden)
        self.norm_node = nn.LayerNorm(3 * hidden)
        self.properties = _mlp(hidden + SUMMARY + FEATURES, 2 * hidden, len(CLASSES) + 3)

    def entries(self, batch: EventBatch) -> Entries:
        """Each cluster and the hyperedges of the nodes that have an edge to it, or are it."""
        is_topo, slots = batch.x[:, COLUMN["is_topo"]] > 0, self.settings.slots
        own = is_topo.nonzero()[:, 0].expand(2, -1)
        edges = torch.cat([batch.edge_index[:, is_topo[batch.edge_index[1]]], own], dim=1)
        of_topo = is_topo[edges[0]]
        tracks, clusters = edges[:, ~of_topo], edges[:, of_topo].repeat_interleave(slots, dim=1)
        both = torch.cat([tracks, clusters], dim=1)
        slot = torch.arange(clusters.shape[1], device=batch.x.device) % slots
        first = slot.new_zeros(tracks.shape[1])
        return Entries(
            hyperedge=both[0] * slots + torch.cat([first, slot]),
            target=both[1],
            geometry=edge_geometry(batch.x, both),
            of_tracks=tracks.shape[1],
        )

    def targets(self, arrays: Mapping[str, NDArray[Any]]) -> dict[str, Tensor]:
        """Shares of the true particles, whether hyperedges are particles, and which.

        Returns:
            share (entries,); label, index into CLASSES (hyperedges,); momentum, pT, eta, phi
            (hyperedges, 3). The slots of a cluster hold its particles in falling energy.
        """
        slots = self.settings.slots
        batch = batch_of(arrays)
        entries, nodes = self.entries(batch), len(batch)
        objects = true_objects(dict(arrays), slots)
        hyperedge = objects.node * slots + objects.rank
        label = np.zeros(nodes * slots, np.int64)
        label[hyperedge] = objects.label
        momentum = np.zeros((nodes * slots, 3), np.float32)
        momentum[hyperedge] = np.stack(pt_eta_phi(*objects.momentum[:, :3].T), axis=1)

        particle, node = flat_incidence(dict(arrays))
        owner = objects.of[particle]
        kept = (owner >= 0) & (arrays["node_features"][node, COLUMN["is_topo"]] > 0)
        wanted = hyperedge[owner[kept]] * nodes + node[kept]
        code = entries.hyperedge.numpy() * nodes + entries.target.numpy()
        order = np.argsort(code)
        place = np.minimum(np.searchsorted(code, wanted, sorter=order), max(len(code) - 1, 0))
        share = np.zeros(len(code), np.float32)
        if len(code):  # what a particle left out of reach is nobody's
            there = code[order[place]] == wanted
            np.add.at(share, order[place[there]], arrays["incidence_weight"][kept][there])
        return {
            "share": torch.from_numpy(share), "label": torch.from_numpy(label),
            "momentum": torch.from_numpy(momentum),
        }  # fmt: skip

    def refine(self, batch: EventBatch, entries: Entries) -> tuple[list[Incidence], Tensor]:
        """The learned steps, and the hyperedges after the last, (hyperedges, hidden)."""
        settings, nodes = self.settings, len(batch)
        encoded = self.encoder(self.scaled(batch.x))  # (nodes, hidden)
        geometry = edge_geometry(batch.x, batch.edge_index)
        for message in self.messages:
            encoded = message(encoded, batch.edge_index, geometry)
        first = (encoded[:, None] + self.slot).flatten(0, 1)  # (hyperedges, hidden)
        to_cluster = torch.stack([entries.hyperedge, entries.target])
        hyper, node = first, encoded
        share = first.new_zeros(len(entries.target))
        steps = []
        for step in range(settings.iterations):
            learned = step >= settings.iterations - settings.learned
            with torch.set_grad_enabled(learned and torch.is_grad_enabled()):
                logit = scores(
                    self.of_hyperedge(hyper),
                    self.of_node(node),
                    torch.cat([entries.geometry, share[:, None]], dim=1),
                    torch.cat([self.of_geometry.weight, self.of_share.weight], dim=1),
                    self.share.weight[0],
                    to_cluster,
                )
                logit = torch.cat([logit + self.share.bias, self.noise(node)[:, 0]])
                at = torch.cat([entries.target, torch.arange(nodes, device=logit.device)])
                log_share = softmax_of(logit, at, nodes).clamp(min=TINY).log()
                log_share, log_noise = log_share[: len(share)], log_share[len(share) :]
                share = log_share.exp()
                held = share.new_zeros(len(hyper)).index_add(0, entries.hyperedge, share)
                indicator = self.indicator(torch.cat([hyper, held[:, None]], dim=1))[:, 0]
                flow = share * indicator.sigmoid()[entries.hyperedge]
                heard = weighted_sums(node, flow, to_cluster.flip(0), len(hyper))
                hyper = hyper + self.update_hyperedge(
                    self.norm_hyperedge(torch.cat([first, hyper, heard], dim=1))
                )
                told = weighted_sums(hyper, flow, to_cluster, nodes)
                node = node + self.update_node(
                    self.norm_node(torch.cat([encoded, node, told], dim=1))
                )
            if learned:
                steps.append(Incidence(log_share, log_noise, indicator))
        return steps, hyper

    def particles(
        self, batch: EventBatch, entries: Entries, step: Incidence, hyper: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Logits of CLASSES of particles, (hyperedges, classes), and pT, eta, phi as neutral ones.

        The momentum is a correction of the proxy: the sum of the clusters with their shares.
        """
        share = step.log_share.exp().detach()
        clusters = torch.cat([batch.momentum, batch.momentum[:, 3:] * batch.x[:, LAYERS]], dim=1)
        to_hyperedge = torch.stack([entries.target, entries.hyperedge])
        proxy = weighted_sums(clusters, share, to_hyperedge, len(hyper))
        pt = torch.hypot(proxy[:, 0], proxy[:, 1]).clamp(min=TINY)
        eta, phi = torch.asinh(proxy[:, 2] / pt), torch.atan2(proxy[:, 1], proxy[:, 0])
        energy = proxy[:, 3].clamp(min=TINY)
        x = batch.x.repeat_interleave(self.settings.slots, dim=0)
        of_own = energy.log() - x[:, COLUMN["log_energy_gev"]]
        scale = torch.stack([energy.log(), of_own, eta], dim=1).clamp(-10, 10)
        seen = [hyper, scale, proxy[:, 4:] / energy[:, None], self.scaled(x)]
        logits, change = self.properties(torch.cat(seen, dim=1)).split([len(CLASSES), 3], dim=1)
        momentum = torch.stack(
            [
                (pt.log() + change[:, 0]).clamp(-7, 10),
                eta + ANGLE * change[:, 1],
                phi + ANGLE * change[:, 2],
            ],
            dim=1,
        )
        return possible(logits, x), momentum

    def loss(self, batch: EventBatch, settings: HgpflowTrainingSettings) -> tuple[Tensor, int]:
        """Cross-entropies of the shares, of being a particle and of its class; errors of momenta.

        Returns:
            The mean loss, and the number of nodes.
        """
        entries, slots = self.entries(batch), self.settings.slots
        steps, hyper = self.refine(batch, entries)
        share, label, momentum = self.assigned(batch, entries, steps[-1])
        power = settings.pt_power
        of_node = (power * batch.x[:, COLUMN["log_pt_gev"]]).exp()
        is_topo = batch.x[:, COLUMN["is_topo"]] > 0
        first = torch.arange(len(label), device=label.device) % slots == 0
        exists = is_topo.repeat_interleave(slots) | first
        of_hyperedge = of_node.repeat_interleave(slots)
        noise = 1 - share.new_zeros(len(batch)).index_add(0, entries.target, share)
        noise = noise.clamp(min=0) * is_topo
        there = (label != NONE).float()
        total = share.new_zeros(())
        for step in steps:
            missed = (-noise * step.log_noise).index_add(0, entries.target, -share * step.log_share)
            found = binary_cross_entropy_with_logits(step.indicator, there, reduction="none")
            total = total + _mean(missed[is_topo], of_node[is_topo])
            total = total + _mean(found[exists], of_hyperedge[exists])
        total = total / len(steps)
        logits, found = self.particles(batch, entries, steps[-1], hyper)
        logits = logits[:, NONE + 1 :]
        there = label != NONE
        neutral = there & is_topo.repeat_interleave(slots)
        classes = cross_entropy(logits[there], label[there] - 1, reduction="none")
        total = total + _mean(classes, of_hyperedge[there])
        found, momentum = found[neutral], momentum[neutral]
        d_eta, d_phi = found[:, 1] - momentum[:, 1], delta_phi(found[:, 2], momentum[:, 2])
        off = torch.stack([found[:, 0] - momentum[:, 0].log(), d_eta / ANGLE, d_phi / ANGLE])
        off = smooth_l1_loss(off, torch.zeros_like(off), reduction="none")
        error = off[0] + ANGLE_WEIGHT * off[1:].mean(dim=0)
        total = total + settings.regression_weight * _mean(error, momentum[:, 0] ** power)
        return total, len(batch)

    @torch.no_grad()
    def assigned(
        self, batch: EventBatch, entries: Entries, step: Incidence
    ) -> tuple[Tensor, Tensor, Tensor]:
        """The targets, with the particles of each cluster given to its slots at the least cost.

        The cost of a particle at a slot is -sum I log I' over the clusters, and the gain of the
        slot's being a particle.
        """
        slots = self.settings.slots
        share, label, momentum = (batch.targets[name] for name in ("share", "label", "momentum"))
        true, found = (
            values[entries.of_tracks :].view(-1, slots) for values in (share, step.log_share)
        )
        node = entries.hyperedge[entries.of_tracks :: slots] // slots
        cost = true.new_zeros((len(batch), slots, slots)).index_add(
            0, node, -true[:, :, None] * found[:, None, :]
        )
        there = label.view(-1, slots, 1) != NONE
        cost = cost - there * step.indicator.view(-1, 1, slots)
        of_particle = cheapest(cost)  # (nodes, particles): the slot of each
        of_particle[batch.x[:, COLUMN["is_track"]] > 0] = torch.arange(slots, device=label.device)
        of_slot = torch.argsort(of_particle, dim=1)  # the particle of each slot
        share = share.clone()
        share[entries.of_tracks :] = true.gather(1, of_slot[node]).flatten()
        chosen = (
            slots * torch.arange(len(batch), device=label.device)[:, None] + of_slot
        ).flatten()
        return share, label[chosen], momentum[chosen]

    def candidates(self, batch: EventBatch) -> Candidates:
        """Hyperedges that are particles more likely than not, with their most probable class."""
        slots, entries = self.settings.slots, self.entries(batch)
        steps, hyper = self.refine(batch, entries)
        logits, momentum = self.particles(batch, entries, steps[-1], hyper)
        label = logits[:, NONE + 1 :].argmax(dim=1).cpu().numpy()
        is_track, own = of_nodes(batch)
        first = np.arange(len(label)) % slots == 0
        there = (steps[-1].indicator > 0).cpu().numpy() & (first | ~np.repeat(is_track, slots))
        node = np.flatnonzero(there) // slots
        log_pt, eta, phi = momentum.double().cpu().numpy()[there].T
        neutral = np.stack([np.exp(log_pt), eta, phi])
        pt, eta, phi = np.where(is_track[node], own[:, node], neutral)
        odds = photon_odds(logits).cpu().numpy()[there]
        return Candidates(batch.event.cpu().numpy()[node], label[there], pt, eta, phi, node, odds)

    def expected_pt(self, batch: EventBatch) -> Tensor:
        """P(a particle) times its pT at each cluster, GeV; 0 at tracks; (nodes,)."""
        entries = self.entries(batch)
        steps, hyper = self.refine(batch, entries)
        _, momentum = self.particles(batch, entries, steps[-1], hyper)
        pt = steps[-1].indicator.double().sigmoid() * momentum[:, 0].double().exp()
        pt = pt.view(-1, self.settings.slots).sum(dim=1)
        return torch.where(batch.x[:, COLUMN["is_topo"]] > 0, pt, 0.0)


def _mlp(inputs: int, hidden: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(inputs, hidden), nn.ReLU(), nn.Linear(hidden, outputs))


def _mean(values: Tensor, weight: Tensor) -> Tensor:
    """Their mean with weights; 0 of none."""
    return (weight * values).sum() / weight.sum().clamp(min=TINY)
