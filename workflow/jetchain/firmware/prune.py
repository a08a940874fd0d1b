"""Magnitude pruning, and the rise of the resource term of a loss, on a cubic schedule."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from jetchain.firmware.layers import QuantisedLinear
from jetchain.firmware.settings import PruningSettings


def cubic_rise(progress: float, settings: PruningSettings) -> float:
    """Share of the final sparsity, and of beta, at a point of the training.

    1 - (1 - (t - t_0) / (t_1 - t_0))^3 between start t_0 and end t_1, starting at 0.

    Args:
        progress: part of the pruning epochs that is done, 0 to 1.
        settings: start and end.

    Reference: Zhu and Gupta, arXiv 1710.01878, eq. (1).
    """
    ramp = (progress - settings.start) / (settings.end - settings.start)
    return 1.0 - (1.0 - min(max(ramp, 0.0), 1.0)) ** 3


@torch.no_grad()
def prune(layer: QuantisedLinear, sparsity: float) -> None:
    """Mask the weights of smallest magnitude; what is masked already stays masked.

    Of equal magnitudes the later in memory goes first, so that the result depends on the weights
    alone. The output layer is pruned like the others.
    """
    remove = int(sparsity * layer.weight.numel())
    magnitude = (layer.weight.abs() * layer.mask).flatten()
    keep = torch.argsort(magnitude, descending=True, stable=True)[: magnitude.numel() - remove]
    mask = torch.zeros_like(magnitude)
    mask[keep] = 1.0
    layer.mask.mul_(mask.view_as(layer.mask))


class Pruner:
    """Hook of the training loop: prunes after each step, and remembers the last weights.

    The loop restores the weights of its best epoch, which may lie before the end of the ramp;
    `restore` brings back those of the last step, at full sparsity.

    Args:
        steps: number of steps of the training.
        settings: the schedule.

    Attributes:
        share: of the rise that is done.
    """

    def __init__(self, steps: int, settings: PruningSettings) -> None:
        self.steps, self.settings = steps, settings
        self.share = 0.0
        self.last: dict[str, Tensor] = {}
        self.sparsity: list[float] = []

    def __call__(self, step: int, model: nn.Module) -> None:
        """Prune to the sparsity of this step (1 is the first)."""
        self.share = cubic_rise(step / self.steps, self.settings)
        sparsity = self.settings.sparsity * self.share
        for module in model.modules():
            if isinstance(module, QuantisedLinear):
                prune(module, sparsity)
        self.sparsity.append(sparsity)
        if step == self.steps:
            self.last = {name: value.clone() for name, value in model.state_dict().items()}

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint of the training keeps."""
        return {"last": self.last, "sparsity": self.sparsity, "share": self.share}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """The inverse of `state_dict`."""
        self.last, self.sparsity, self.share = state["last"], state["sparsity"], state["share"]

    def restore(self, model: nn.Module) -> None:
        """Load the weights of the last step."""
        model.load_state_dict(self.last)
