"""Frames of reference: boosts to rest, and axes that turn with the particles.

All in the order px, py, pz, e. With the metric g of `METRIC` a frame L has L g L^T = g.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

METRIC = torch.tensor([-1.0, -1.0, -1.0, 1.0])
LARGEST_GAMMA = 1e5  # of a boost; only of what is as good as massless it would be more
ALIGNED = 1e-6  # sine of an angle, or share of the momentum, below which there is no direction


def physical(momentum: Tensor) -> Tensor:
    """Momenta (..., 4) with energies of at least |p|: by rounding, or as files have them, some are
    less, and of such there is no rest frame."""
    size = momentum[..., :3].norm(dim=-1, keepdim=True)
    return torch.cat([momentum[..., :3], torch.maximum(momentum[..., 3:], size)], dim=-1)


def rest(vector: Tensor) -> Tensor:
    """The boost to the rest frame of a momentum, none if there is none; (..., 4) to (..., 4, 4)."""
    three, energy = vector[..., :3], vector[..., 3:]
    size = three.norm(dim=-1, keepdim=True)
    mass2 = (energy - size) * (energy + size)
    least = (energy / LARGEST_GAMMA).clamp(min=1e-9)
    velocity = three / torch.maximum(mass2, least**2).sqrt()  # that of the four-velocity
    gamma = (1 + velocity.square().sum(dim=-1, keepdim=True)).sqrt()
    outer = velocity[..., :, None] * velocity[..., None, :]
    space = torch.eye(3).to(vector) + outer / (1 + gamma[..., None])
    upper = torch.cat([space, -velocity[..., None]], dim=-1)
    return torch.cat([upper, torch.cat([-velocity, gamma], dim=-1)[..., None, :]], dim=-2)


def frame_of(vectors: Tensor) -> Tensor:
    """The frame at rest with the first of three timelike vectors; the others are its axes 1 and 2.

    Reference:
        The polar decomposition of arXiv:2505.20280.

    Args:
        vectors: (..., 3, 4).

    Returns:
        (..., 4, 4): a vector of the frame is L x.
    """
    boost = rest(vectors[..., 0, :])
    seen = vectors[..., 1:, :] @ boost.mT  # (..., 2, 4)
    axes = torch.eye(3).to(vectors)
    one, two = (seen[..., n, :3] / seen[..., n, 3:].clamp(min=1e-12) for n in (0, 1))
    first = _direction(one, axes[0])
    across = two - (two * first).sum(dim=-1, keepdim=True) * first
    # Where nothing tells the second axis: the coordinate axis that is furthest from the first.
    spare = axes[first.abs().argmin(dim=-1)]
    spare = spare - (spare * first).sum(dim=-1, keepdim=True) * first
    second = _direction(across, spare)
    rotation = torch.stack([first, second, torch.linalg.cross(first, second)], dim=-2)
    time = torch.diag(torch.tensor([0.0, 0.0, 0.0, 1.0])).to(vectors)
    return (F.pad(rotation, (0, 1, 0, 1)) + time) @ boost


def _direction(vector: Tensor, spare: Tensor) -> Tensor:
    """The vector (..., 3) of length 1, or the spare one where it has as good as none."""
    length = vector.norm(dim=-1, keepdim=True)
    chosen = torch.where(length > ALIGNED, vector, spare)
    return chosen / chosen.norm(dim=-1, keepdim=True)
