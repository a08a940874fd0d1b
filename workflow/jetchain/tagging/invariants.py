"""What no boost and no rotation changes of the particles of a jet, as inputs of networks.

The products of momenta are Minkowski's, with the signature (+, -, -, -).
"""

from __future__ import annotations

import torch
from torch import Tensor

from jetchain.tagging.batches import IDENTITY, Jets

KINDS = 1 + len(IDENTITY)
BEAMS = 2


def product(one: Tensor, other: Tensor) -> Tensor:
    """E1 E2 - p1 p2 of px, py, pz, e; (..., 4) twice to (...)."""
    return 2 * one[..., 3] * other[..., 3] - (one * other).sum(dim=-1)


def squashed(x: Tensor) -> Tensor:
    """sgn(x) ln(1 + |x|): products of momenta go over many orders of magnitude.

    Reference:
        psi of arXiv:2201.08187.
    """
    return x.sign() * x.abs().log1p()


def labels(jets: Jets, identity: bool, beams: bool) -> Tensor:
    """What a network may know of each particle beside products of momenta; (rows, columns).

    Args:
        jets: the batch.
        identity: whether charge and kind are among it: KINDS columns.
        beams: whether squashed products with the two beams are, BEAMS columns: they change unless
            the beams turn and are boosted with the particles.
    """
    columns = [jets.charge[..., None], jets.identity] if identity else []
    if beams:
        along, energy = jets.momentum[..., 2:3], jets.momentum[..., 3:]
        columns += [squashed(energy - along), squashed(energy + along)]
    columns = columns or [jets.momentum[..., :0]]
    return jets.rows.take(torch.cat(columns, dim=2))


def mass2(jets: Jets) -> Tensor:
    """Squashed mass^2 of each particle; (rows, 1)."""
    momentum = jets.rows.take(jets.momentum)
    return squashed(product(momentum, momentum))[:, None]
