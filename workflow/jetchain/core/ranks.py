"""Several processes that train one network: the ranks of torchrun, each with its part of a batch.

The network is the same in all of them: each has the gradient of its part's mean loss, weighted with
the part's items, and all take the sum. So the loss is that of one process within rounding.
Gradients go through gloo, also from GPUs.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import torch
from torch import Tensor, distributed, nn

STARTED = "TORCHELASTIC_RUN_ID"
"""What torchrun sets; other programs set RANK and WORLD_SIZE for ends of their own."""


class Ranks:
    """This process among those that train a network; alone if torchrun did not start it.

    A network with batch normalisation is given every batch whole, as is what cannot be divided: its
    loss is more than a mean over items. All processes then do the same.

    Args:
        model: the network.
    """

    def __init__(self, model: nn.Module) -> None:
        ready = distributed.is_available() and distributed.is_initialized()
        if not ready and STARTED in os.environ and int(os.environ["WORLD_SIZE"]) > 1:
            distributed.init_process_group("gloo")
            ready = True
        self.rank, self.number = 0, 1
        if ready:
            self.rank, self.number = distributed.get_rank(), distributed.get_world_size()
        normed = (nn.modules.batchnorm._BatchNorm,)
        self._divides = not any(isinstance(each, normed) for each in model.modules())

    def from_first(self, value: Any) -> Any:
        """What the first process has."""
        if self.number == 1:
            return value
        values = [value]
        distributed.broadcast_object_list(values, src=0)
        return values[0]

    def part(self, batch: Any) -> Any:
        """This process's items of a batch; None if there is none for it.

        Args:
            batch: a tensor or an array of items, something with a length that takes an array of
                rows in square brackets, or a tuple or list of such; all else is given whole.
        """
        size = _length(batch) if self.number > 1 and self._divides else None
        if size is None:
            return batch
        first, last = (size * rank // self.number for rank in (self.rank, self.rank + 1))
        return _chosen(batch, np.arange(first, last)) if last > first else None

    def mean(
        self, loss: Callable[[nn.Module, Any], tuple[Tensor, int]], model: nn.Module, part: Any
    ) -> tuple[Tensor | None, float, int]:
        """The loss of a batch.

        Args:
            loss: gives the mean of some items, and their number.
            model: the network.
            part: of the batch; see `part`.

        Returns:
            what this process adds to it, None for nothing; all of it; the number of items.
        """
        if self.number == 1:
            value, items = loss(model, part)
            return value, value.item(), items
        value, items = (None, 0) if part is None else loss(model, part)
        total = int(self._sum(torch.tensor(float(items), dtype=torch.float64)).item())
        own = None if value is None else value * (items / max(total, 1))
        known = torch.zeros((), dtype=torch.float64) if own is None else own.detach().double().cpu()
        return own, self._sum(known).item(), total

    def add_gradients(self, parameters: Iterable[nn.Parameter]) -> None:
        """Give each parameter the sum of its gradients in all processes."""
        if self.number == 1:
            return
        wanted = [each for each in parameters if each.requires_grad]
        there = torch.tensor([float(each.grad is not None) for each in wanted])
        wanted = [
            each for each, some in zip(wanted, self._sum(there).tolist(), strict=True) if some
        ]
        if not wanted:
            return
        for each in wanted:
            each.grad = torch.zeros_like(each) if each.grad is None else each.grad
        joined = self._sum(torch.cat([each.grad.reshape(-1) for each in wanted]))
        for each, gradient in zip(wanted, joined.split([p.numel() for p in wanted]), strict=True):
            each.grad.copy_(gradient.view_as(each))

    @staticmethod
    def _sum(values: Tensor) -> Tensor:
        distributed.all_reduce(values)
        return values


def _length(batch: Any) -> int | None:
    """The number of items of what can be divided, else None."""
    if isinstance(batch, tuple | list):
        lengths = {_length(each) for each in batch}
        return lengths.pop() if len(lengths) == 1 else None
    if isinstance(batch, Tensor | np.ndarray):
        return len(batch) if batch.ndim else None
    return len(batch) if hasattr(batch, "__len__") and hasattr(batch, "__getitem__") else None


def _chosen(batch: Any, rows: np.ndarray) -> Any:
    if isinstance(batch, tuple | list):
        return type(batch)(_chosen(each, rows) for each in batch)
    return batch[torch.from_numpy(rows)] if isinstance(batch, Tensor) else batch[rows]
