"""Jets as images: moved, turned, flipped and normalised.

Preprocessing as in `core.images` (arXiv:1803.00107, section 4.2), here on batches of tensors, so
that a network with it is trained, exported and moved to other devices as a whole. A pixel holds the
pT in it; the squares of a jet's pixels sum to 1 (arXiv:1511.05190).
"""

from __future__ import annotations

import torch
from torch import Tensor

from jetchain.tagging.batches import Jets
from jetchain.tagging.models import ImageSettings
from jetchain.tagging.models.layers import share_of_pt


def images(jets: Jets, settings: ImageSettings) -> Tensor:
    """The images of some jets; what lies beyond the edges is left out.

    Args:
        jets: a batch.
        settings: of the image.

    Returns:
        (jets, pixels, pixels): across and along the principal axis; 0 for a jet without particles.
    """
    pixels, half = settings.pixels, settings.half_width
    share = share_of_pt(jets)  # (jets, particles)
    x, y = (jets.points - (share[..., None] * jets.points).sum(dim=1, keepdim=True)).unbind(2)

    def total(values: Tensor) -> Tensor:
        return (share * values).sum(dim=1, keepdim=True)

    angle = 0.5 * torch.atan2(2 * total(x * y), total(x**2 - y**2))
    across, along = angle.cos() * y - angle.sin() * x, angle.cos() * x + angle.sin() * y
    index = torch.arange(share.shape[0], device=share.device)[:, None]
    inside = jets.mask
    for axis in (across, along):
        axis = axis * torch.where(total(axis.sign()) < 0, -1.0, 1.0)
        place = ((axis + half) * (pixels / (2 * half))).floor().long()
        inside = inside & (place >= 0) & (place < pixels)
        index = index * pixels + place.clamp(0, pixels - 1)
    content = torch.where(inside, share, 0).flatten()
    flat = content.new_zeros(share.shape[0] * pixels**2).index_add(0, index.flatten(), content)
    image = flat.view(share.shape[0], pixels, pixels)
    return image / image.square().sum(dim=(1, 2), keepdim=True).clamp(min=1e-12).sqrt()
