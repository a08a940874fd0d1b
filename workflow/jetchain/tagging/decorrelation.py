"""A loss that keeps what a tagger says of background jets apart from their mass.

DisCo, Kasieczka and Shih, arXiv:2001.05310: the squared distance correlation of score and mass is
added to the loss. A cut on such a tagger leaves the shape of the background's mass spectrum, so
that sidebands still tell the background under a peak.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from jetchain.core.dependence import distance_correlation
from jetchain.core.schema.graphs import JET_COLUMNS
from jetchain.tagging.batches import Jets
from jetchain.tagging.settings import DecorrelationSettings

FEWEST = 4  # jets of which there is a distance correlation without bias


@dataclass(frozen=True)
class Whole:
    """A batch that processes do not divide between them: a correlation is no mean over jets."""

    jets: Jets


def batches_of(settings: DecorrelationSettings, batches: Iterable[Jets]) -> Iterable[Jets | Whole]:
    """The batches as the loss takes them."""
    return map(Whole, batches) if settings.strength else batches


def cross_entropy(network: nn.Module, jets: Jets) -> tuple[Tensor, int]:
    """Weighted cross-entropy of a batch, and the number of its jets."""
    return _entropy(network(jets), jets), len(jets.label)


def loss_of(
    settings: DecorrelationSettings, classes: Sequence[str]
) -> Callable[[nn.Module, Any], tuple[Tensor, int]]:
    """The loss of a training: cross-entropy, and the correlation if it is asked for.

    What it is called with are the batches of `batches_of`.

    Args:
        settings: what is kept apart, and how strongly.
        classes: names of the network's outputs.
    """
    column = JET_COLUMNS.index(settings.variable)
    background = [n for n, name in enumerate(classes) if name in settings.background]
    strength = settings.strength
    if not strength:
        return cross_entropy

    def loss(network: nn.Module, batch: Whole) -> tuple[Tensor, int]:
        jets = batch.jets
        logits = network(jets)
        chosen = torch.isin(jets.label, torch.tensor(background, device=jets.label.device))
        apart = correlation(logits[chosen].float(), jets.jet[chosen, column], background)
        return _entropy(logits, jets) + strength * apart, len(jets.label)

    return loss


def correlation(logits: Tensor, variable: Tensor, background: Sequence[int]) -> Tensor:
    """Squared distance correlation of the discriminants with a variable, in the mean over them.

    There is one for each class that is not background: p / (p + that of all the background).

    Args:
        logits: of background jets; (jets, classes).
        variable: (jets,).
        background: which classes are.

    Returns:
        (); 0 where there are too few jets.
    """
    others = [n for n in range(logits.shape[1]) if n not in background]
    if len(variable) < FEWEST:
        return logits.sum() * 0
    whole = logits[:, list(background)].logsumexp(dim=1)
    found = [distance_correlation((logits[:, n] - whole).sigmoid(), variable) for n in others]
    return torch.stack(found).mean()


def _entropy(logits: Tensor, jets: Jets) -> Tensor:
    losses = F.cross_entropy(logits, jets.label, reduction="none")
    return (jets.weight * losses).mean()
