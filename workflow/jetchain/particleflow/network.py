"""What the networks of particle flow have in common: what goes in, and what may come out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn

from jetchain.core.schema.graphs import EVENT_GRAPH_FEATURES
from jetchain.particleflow.batch import EventBatch
from jetchain.particleflow.targets import CLASSES

FEATURES = len(EVENT_GRAPH_FEATURES)
COLUMN = {name: index for index, name in enumerate(EVENT_GRAPH_FEATURES)}

# Columns with tails of many powers of ten: asinh keeps their sign and small values.
LONG_TAILED = [COLUMN["d0_significance"], COLUMN["z0_significance"]]
ON_TRACKS = [name in ("none", "charged_hadron", "electron", "muon") for name in CLASSES]
ON_TOPOS = [name in ("none", "neutral_hadron", "photon") for name in CLASSES]


class Network(nn.Module, ABC):
    """A candidate particle at each node: its class and its momentum.

    A network is made of one argument, the section `model` of its own settings.
    """

    feature_mean: Tensor
    feature_scale: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("feature_mean", torch.zeros(FEATURES))
        self.register_buffer("feature_scale", torch.ones(FEATURES))

    @abstractmethod
    def forward(self, batch: EventBatch) -> tuple[Tensor, Tensor]:
        """Candidates of all nodes.

        Returns:
            Logits of CLASSES, see `possible`, (nodes, classes); and REGRESSION, (nodes, 5).
        """

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
