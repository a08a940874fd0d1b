"""What the networks of particle flow have in common: what goes in, and what may come out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from jetchain.core.kinematics import pt_eta_phi
from jetchain.core.schema.graphs import EVENT_GRAPH_FEATURES
from jetchain.core.schema.particleflow import PARTICLE_CLASSES
from jetchain.particleflow.batch import EventBatch

FEATURES = len(EVENT_GRAPH_FEATURES)
COLUMN = {name: index for index, name in enumerate(EVENT_GRAPH_FEATURES)}
PHOTON, NEUTRAL_HADRON = map(PARTICLE_CLASSES.index, ("photon", "neutral_hadron"))

# Columns with tails of many powers of ten: asinh keeps their sign and small values.
LONG_TAILED = [COLUMN["d0_significance"], COLUMN["z0_significance"]]


@dataclass(frozen=True)
class Candidates:
    """The particles that a network finds in a batch, (candidates,) each.

    Their energy follows from momentum and class: two independent answers would give single
    particles masses of many GeV, and spoil those of the jets.

    Attributes:
        event: which event of the batch.
        label: index into PARTICLE_CLASSES.
        pt, eta, phi: GeV and rad; those of its track for a charged one.
        node: its track, or the topocluster most of it is in, counted through the batch.
        photon_odds: log of the odds of a photon against a neutral hadron; of a neutral one.
    """

    event: NDArray[np.int64]
    label: NDArray[np.int64]
    pt: NDArray[np.float64]
    eta: NDArray[np.float64]
    phi: NDArray[np.float64]
    node: NDArray[np.int64]
    photon_odds: NDArray[np.float64]

    def __getitem__(self, rows: NDArray[np.int64]) -> Self:
        """Some of them."""
        return replace(self, **{each.name: getattr(self, each.name)[rows] for each in fields(self)})

    @classmethod
    def joined(cls, parts: Sequence[Candidates]) -> Self:
        """Those of several batches as one."""
        return cls(
            *(np.concatenate([getattr(part, each.name) for part in parts]) for each in fields(cls))
        )


class Network(nn.Module, ABC):
    """What finds the particles of events; it owns its targets, its loss and its candidates.

    A network is made of one argument, the section `model` of its own settings.
    """

    feature_mean: Tensor
    feature_scale: Tensor
    photon_offset: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("photon_offset", torch.zeros(()))
        self.register_buffer("feature_mean", torch.zeros(FEATURES))
        self.register_buffer("feature_scale", torch.ones(FEATURES))

    @abstractmethod
    def targets(self, arrays: Mapping[str, NDArray[Any]]) -> dict[str, Tensor]:
        """What it should answer for events, from NODES and TRUTH of `particleflow.batch`."""

    @abstractmethod
    def loss(self, batch: EventBatch, settings: Any) -> tuple[Tensor, int]:
        """The mean loss of a batch with targets, and the number of items that it is the mean of.

        Args:
            batch: of `targets`.
            settings: the section `training` of its own settings.
        """

    @abstractmethod
    def candidates(self, batch: EventBatch) -> Candidates:
        """The particles of a batch, of each event in the order of their nodes where it can be."""

    def balanced(self, found: Candidates) -> Candidates:
        """Candidates with the class of the neutral ones from their odds and `photon_offset`."""
        neutral = np.isin(found.label, [PHOTON, NEUTRAL_HADRON])
        kind = np.where(found.photon_odds + float(self.photon_offset) > 0, PHOTON, NEUTRAL_HADRON)
        return replace(found, label=np.where(neutral, kind, found.label))

    def expected_pt(self, batch: EventBatch) -> Tensor:
        """The neutral pT that is found at each topocluster, GeV; 0 at tracks; (nodes,)."""
        found = self.candidates(batch)
        neutral = batch.x[found.node, COLUMN["is_topo"]].cpu().numpy() > 0
        total = np.bincount(found.node[neutral], found.pt[neutral], minlength=len(batch))
        return torch.from_numpy(total)

    def standardise(self, batches: Callable[[], Iterable[EventBatch]]) -> None:
        """Take mean and spread of the features from the training nodes, in two passes."""
        nodes, total = 0, torch.zeros(FEATURES, dtype=torch.float64)
        for batch in batches():
            nodes += len(batch)
            total += compress(batch.x).double().sum(dim=0)
        mean, squares = total / nodes, torch.zeros_like(total)
        for batch in batches():
            squares += ((compress(batch.x).double() - mean) ** 2).sum(dim=0)
        spread = (squares / nodes).sqrt()
        self.feature_mean.copy_(mean)
        self.feature_scale.copy_(torch.where(spread > 1e-6, spread, 1.0))

    def scaled(self, x: Tensor) -> Tensor:
        """Features of mean 0 and spread 1; (nodes, features)."""
        return (compress(x) - self.feature_mean) / self.feature_scale


def compress(x: Tensor) -> Tensor:
    """Features with the long tails drawn in; (nodes, features)."""
    x = x.clone()
    x[:, LONG_TAILED] = torch.asinh(x[:, LONG_TAILED])
    return x


def of_nodes(batch: EventBatch) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """Whether nodes are tracks, (nodes,), and their pT (GeV), eta and phi, (3, nodes)."""
    px, py, pz = batch.momentum[:, :3].T.double().cpu().numpy()
    is_track = batch.x[:, COLUMN["is_track"]].cpu().numpy() > 0
    return is_track, np.stack(pt_eta_phi(px, py, pz))
