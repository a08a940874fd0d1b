"""Groups of different sizes: as padded rows, or member by member."""

from __future__ import annotations

from itertools import permutations

import torch
from torch import Tensor


def rows_of(group: Tensor, groups: int) -> tuple[Tensor, Tensor]:
    """The members of each group, in their order.

    Args:
        group: of each member, (members,); in any order.
        groups: how many there are.

    Returns:
        numbers of the members, 0 where there is none, (groups, most); and where there is one.
    """
    count = torch.bincount(group, minlength=groups)
    order = torch.argsort(group, stable=True)
    place = torch.arange(len(group), device=group.device) - (count.cumsum(0) - count)[group[order]]
    most = int(count.max()) if groups else 0
    member = torch.zeros((groups, most), dtype=torch.int64, device=group.device)
    member[group[order], place] = order
    return member, torch.arange(most, device=group.device) < count[:, None]


def softmax_of(logit: Tensor, group: Tensor, groups: int) -> Tensor:
    """The softmax over the members of each group; (members,).

    As `torch_geometric.utils.softmax`, whose import takes longer than the events of a small job.

    Args:
        logit: (members,).
        group: of each member, (members,); in any order.
        groups: how many there are.
    """
    largest = logit.new_full((groups,), -torch.inf).scatter_reduce(0, group, logit.detach(), "amax")
    power = (logit - largest[group]).exp()
    return power / power.new_zeros(groups).index_add(0, group, power)[group]


def cheapest(cost: Tensor) -> Tensor:
    """The assignment of smallest cost of each of many small square matrices, by trying all.

    Args:
        cost: (matrices, n, n).

    Returns:
        the column of each row, (matrices, n).
    """
    n = cost.shape[1]
    every = torch.tensor([*permutations(range(n))], device=cost.device).view(-1, n)
    total = cost[:, torch.arange(n, device=cost.device), every].sum(dim=2)  # (matrices, orders)
    return every[total.argmin(dim=1)]
