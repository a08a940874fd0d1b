"""Batch normalisation that also takes a batch of one."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F


class BatchNorm(nn.BatchNorm1d):
    """torch's; one value a channel, which has no spread, is normalised by what was seen before.

    With torch's a last batch of one jet, or one of a single particle, ends a training.
    """

    def forward(self, x: Tensor) -> Tensor:
        """(rows, channels), or (rows, channels, places), to the same."""
        if self.training and x.numel() == x.shape[1]:
            mean, variance = self.running_mean, self.running_var
            return F.batch_norm(x, mean, variance, self.weight, self.bias, eps=self.eps)
        return super().forward(x)
