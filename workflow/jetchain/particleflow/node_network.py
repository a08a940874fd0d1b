"""Networks that answer at each node: a class, which may be none, and a momentum."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from jetchain.particleflow.batch import EventBatch
from jetchain.particleflow.network import (
    COLUMN,
    NEUTRAL_HADRON,
    PHOTON,
    Candidates,
    Network,
    of_nodes,
)
from jetchain.particleflow.network_settings import NetworkTrainingSettings
from jetchain.particleflow.targets import CLASSES, NONE, REGRESSION, node_targets

# Of log pT, log E, eta, sin phi, cos phi (jpata/particleflow).
REGRESSION_WEIGHTS = (1.0, 1.0, 0.01, 0.01, 0.01)
LEAST = 1e-9  # a sum of weights that no particle makes smaller
ON_TRACKS = [name in ("none", "charged_hadron", "electron", "muon") for name in CLASSES]
ON_TOPOS = [name in ("none", "neutral_hadron", "photon") for name in CLASSES]


class NodeNetwork(Network):
    """Candidate particles at each node: their classes and momenta.

    Attributes:
        per_node: candidates of a node, in falling energy. A track has one, whatever it is.
    """

    per_node: int = 1

    @abstractmethod
    def forward(self, batch: EventBatch) -> tuple[Tensor, Tensor]:
        """Candidates of all nodes.

        Returns:
            Logits of CLASSES, see `possible`, (nodes x per_node, classes); and REGRESSION,
            (nodes x per_node, 5).
        """

    def targets(self, arrays: Mapping[str, NDArray[Any]]) -> dict[str, Tensor]:
        """Class and REGRESSION of each candidate; see `node_targets`."""
        found = node_targets(dict(arrays), self.per_node)
        return {
            "label": torch.from_numpy(found.label).flatten(),
            "regression": torch.from_numpy(found.regression).reshape(-1, len(REGRESSION)),
        }

    def loss(self, batch: EventBatch, settings: NetworkTrainingSettings) -> tuple[Tensor, int]:
        """See `candidate_loss`, of the answers at the nodes."""
        logits, regression = self(batch)
        label, target = batch.targets["label"], batch.targets["regression"]
        x = batch.x.repeat_interleave(self.per_node, dim=0)
        neutral, log_pt = x[:, COLUMN["is_topo"]] > 0, x[:, COLUMN["log_pt_gev"]]
        value = candidate_loss(logits, regression, label, target, neutral, log_pt, settings)
        return value, len(batch)

    def candidates(self, batch: EventBatch) -> Candidates:
        """The candidates that are a particle more likely than not, with their most probable class.

        Charged particles take the momentum of their track; neutral ones take transverse momentum
        and direction from the regression.
        """
        logits, regression = self(batch)
        label = most_probable(logits).cpu().numpy()
        answer = regression.double().cpu().numpy()
        found = np.flatnonzero(label != NONE)
        odds = photon_odds(logits).cpu().numpy()[found]
        return at_nodes(batch, found // self.per_node, label[found], answer[found], odds)

    def expected_pt(self, batch: EventBatch) -> Tensor:
        """P(a neutral candidate) times its pT at each topocluster, GeV; 0 at tracks; (nodes,)."""
        logits, regression = self(batch)
        x = batch.x
        present = 1 - logits.double().softmax(dim=1)[:, NONE]
        own = x[:, COLUMN["log_pt_gev"]].repeat_interleave(self.per_node)
        pt = (present * (regression[:, 0].double() + own).exp()).view(-1, self.per_node).sum(dim=1)
        return torch.where(x[:, COLUMN["is_topo"]] > 0, pt, 0.0)


def candidate_loss(
    logits: Tensor,
    regression: Tensor,
    label: Tensor,
    target: Tensor,
    neutral: Tensor,
    log_pt: Tensor,
    settings: NetworkTrainingSettings,
) -> Tensor:
    """Focal loss of the classes, and squared errors of the momenta of neutral particles; the means
    with weights.

    Charged particles keep the momentum of their track, so theirs is not learned. Most candidates
    are soft, while jets are made of the hard ones: the weights, which are ours, are between.

    Args:
        logits: (answers, classes).
        regression: see REGRESSION, (answers, 5).
        label: true index into CLASSES, (answers,).
        target: true REGRESSION, (answers, 5).
        neutral: whether the answer is of a topocluster, (answers,).
        log_pt: of the node, in GeV, (answers,).
        settings: of the two parts.

    Reference: arXiv 2101.08578; focal loss arXiv 1708.02002, Eq. 4.
    """
    log_probability = torch.log_softmax(logits, dim=1).gather(1, label[:, None])[:, 0]
    focal = -((1 - log_probability.exp()) ** settings.focal_gamma) * log_probability
    learned = neutral & (label != NONE)
    error = (regression - target)[learned] ** 2
    error = error * error.new_tensor(REGRESSION_WEIGHTS)
    weight = (settings.pt_power * log_pt).exp()
    classes = (weight * focal).sum() / weight.sum().clamp(min=LEAST)
    weight = (settings.pt_power * (log_pt + target[:, 0])).exp()[learned]
    momentum = (weight[:, None] * error).sum() / weight.sum().clamp(min=LEAST)
    return classes + settings.regression_weight * momentum


def most_probable(logits: Tensor) -> Tensor:
    """Index into CLASSES: the most probable particle, or none where that has more than half.

    Of photon, neutral hadron and none none may be the most probable and a particle yet there.

    Args:
        logits: (answers, classes).
    """
    none = logits.softmax(dim=1)[:, NONE] > 0.5
    particle = logits[:, NONE + 1 :].argmax(dim=1) + NONE + 1
    return torch.where(none, NONE, particle)


def at_nodes(
    batch: EventBatch,
    node: NDArray[np.int64],
    label: NDArray[np.int64],
    answer: NDArray[np.float64],
    odds: NDArray[np.float64],
) -> Candidates:
    """Candidates from the answers at nodes.

    Args:
        batch: of the nodes.
        node: of each, (candidates,).
        label: index into CLASSES, not none, (candidates,).
        answer: REGRESSION, (candidates, 5).
        odds: see `photon_odds`, (candidates,).
    """
    is_track, own = of_nodes(batch)
    is_track, (pt, eta, phi) = is_track[node], own[:, node]
    given = dict(zip(REGRESSION, answer.T, strict=True))
    return Candidates(
        event=batch.event.cpu().numpy()[node],
        label=label - 1,
        pt=pt * np.where(is_track, 1.0, np.exp(given["log_pt_ratio"])),
        eta=np.where(is_track, eta, given["eta"]),
        phi=np.where(is_track, phi, np.arctan2(given["sin_phi"], given["cos_phi"])),
        node=node,
        photon_odds=odds,
    )


def photon_odds(logits: Tensor) -> Tensor:
    """Log of the odds of a photon against a neutral hadron, of logits of CLASSES; (answers,)."""
    return (logits[:, 1 + PHOTON] - logits[:, 1 + NEUTRAL_HADRON]).double()


def possible(logits: Tensor, x: Tensor) -> Tensor:
    """Logits with the classes that a node's kind excludes at the smallest float.

    A track is charged and a topocluster is neutral.
    """
    is_track = x[:, COLUMN["is_track"], None] > 0
    on_tracks, on_topos = (torch.tensor(one, device=x.device) for one in (ON_TRACKS, ON_TOPOS))
    allowed = torch.where(is_track, on_tracks[None, :], on_topos[None, :])
    return logits.masked_fill(~allowed, torch.finfo(logits.dtype).min)


def beside_own(regression: Tensor, x: Tensor) -> Tensor:
    """REGRESSION from answers that give eta, sin phi and cos phi relative to the node's own."""
    own = x[:, [COLUMN["eta"], COLUMN["sin_phi"], COLUMN["cos_phi"]]]
    return torch.cat([regression[:, :2], own + regression[:, 2:]], dim=1)
