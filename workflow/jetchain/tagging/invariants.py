"""What no boost and no rotation changes of the particles of a jet, as inputs of networks.

The products of momenta are Minkowski's, with the signature (+, -, -, -).
"""

from __future__ import annotations

import torch
from torch import Tensor

from jetchain.tagging.batches import CHARGE, IDENTITY, Jets

LABELS = 1 + len(IDENTITY)


def product(one: Tensor, other: Tensor) -> Tensor:
    """E1 E2 - p1 p2 of px, py, pz, e; (..., 4) twice to (...)."""
    return 2 * one[..., 3] * other[..., 3] - (one * other).sum(dim=-1)


def squashed(x: Tensor) -> Tensor:
    """sgn(x) ln(1 + |x|): products of momenta go over many orders of magnitude.

    Reference:
        arXiv:2201.08187, eq. 3.1.
    """
    return x.sign() * x.abs().log1p()


def labels(jets: Jets) -> Tensor:
    """Charge and kind of each particle; (rows, LABELS)."""
    return jets.rows.take(torch.cat([jets.charge[..., None], jets.identity], dim=2))


def scalars(jets: Jets, with_labels: bool) -> Tensor:
    """Squashed mass^2 and, if wanted, labels of each particle; (rows, 1) or (rows, 1 + LABELS)."""
    momentum = jets.rows.take(jets.momentum)
    mass2 = squashed(product(momentum, momentum))[:, None]
    return torch.cat([mass2, labels(jets)], dim=1) if with_labels else mass2
