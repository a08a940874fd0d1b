"""Distance correlation of two samples, in n log n time and linear memory, with its gradient.

With s_ij = sign(x_i - x_j) sign(y_i - y_j) the sum over pairs that everything hangs on is
sum |x_i - x_j| |y_i - y_j| = sum_i (x_i y_i C_i[1] - x_i C_i[y] - y_i C_i[x] + C_i[xy]), where
C_i[w] = sum_j s_ij w_j follows from sums over the points to the lower left of point i (Chaudhuri
and Hu, arXiv 1810.11332), and its gradient in x_i is 2 (y_i C_i[1] - C_i[y]).
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


def distance_correlation(first: Tensor, second: Tensor) -> Tensor:
    """Squared distance correlation of two samples, without the bias of small batches.

    The plain estimator of arXiv 2007.14400, eq. 3.6, is of order 1 / events for independent
    samples; times lambda, in batches of a thousand, that would drive the training. The U-centred
    estimator has the mean 0 then, and the same limit for many events.

    Args:
        first, second: (events,), at least 4.

    Returns:
        dCorr^2, at most 1, about 0 for independent samples and slightly negative at times; 0 if
        one of them is constant. Reference: Szekely and Rizzo, arXiv 1310.2926, eq. 2.6.
    """
    n = len(first)
    # Differences of large sums; of shifted values, for which they are smallest.
    x, y = ((each.double() - each.detach().double().mean()) for each in (first, second))
    a, b = SumOverOthers.apply(x), SumOverOthers.apply(y)
    covariances = [
        pairs - 2 * (p @ q) / (n - 2) + p.sum() * q.sum() / ((n - 1) * (n - 2))
        for pairs, p, q in (
            (SumOverPairs.apply(x, y), a, b),
            (2 * n * (x @ x) - 2 * x.sum() ** 2, a, a),
            (2 * n * (y @ y) - 2 * y.sum() ** 2, b, b),
        )
    ]
    covariance, *variances = (each / n**2 for each in covariances)
    product = variances[0].clamp(min=0) * variances[1].clamp(min=0)
    return (covariance / torch.sqrt(product + 1e-20)).to(first.dtype)


class SumOverOthers(torch.autograd.Function):
    """The sum over j of |x_i - x_j| (events,); x is (events,)."""

    @staticmethod
    def forward(context: Any, x: Tensor) -> Tensor:
        """With the sums over j of sign(x_i - x_j) and of it times x_j."""
        _, group, size = torch.unique(x, return_inverse=True, return_counts=True)
        context.save_for_backward(group)
        context.groups = len(size)
        return x * signed(torch.ones_like(x), group, len(size)) - signed(x, group, len(size))

    @staticmethod
    def backward(context: Any, *gradients: Tensor) -> Tensor:
        """The gradient (events,), in which pairs of equal values don't count."""
        (group,) = context.saved_tensors
        (given,) = gradients
        ones = signed(torch.ones_like(given), group, context.groups)
        return given * ones + signed(given, group, context.groups)


def signed(weights: Tensor, group: Tensor, groups: int) -> Tensor:
    """The sum over j of sign(x_i - x_j) w_j (events,), x given by the number of its value."""
    total = weights.new_zeros(groups).index_add(0, group, weights)
    up_to = torch.cumsum(total, 0)
    return (2 * up_to - total - up_to[-1])[group]


class SumOverPairs(torch.autograd.Function):
    """The sum over i and j of |x_i - x_j| |y_i - y_j|; x and y are (events,)."""

    @staticmethod
    def forward(context: Any, x: Tensor, y: Tensor) -> Tensor:
        """The sum (), and what the gradient needs."""
        count, of_x, of_y, of_xy = concordance(x, y, torch.stack([torch.ones_like(x), x, y, x * y]))
        # Pairs of equal x, which `concordance` counts with s = 1, leave the gradient in x as it is.
        context.save_for_backward(
            y * count - of_y - distances(y, x), x * count - of_x - distances(x, y)
        )
        return (x * y * count - x * of_y - y * of_x + of_xy).sum()

    @staticmethod
    def backward(context: Any, *gradients: Tensor) -> tuple[Tensor, Tensor]:
        """The gradients (events,) in x and y."""
        by_x, by_y = context.saved_tensors
        return 2 * gradients[0] * by_x, 2 * gradients[0] * by_y


def distances(values: Tensor, equal: Tensor) -> Tensor:
    """The sum over j of value_i - value_j (events,), over those for which `equal` is the same."""
    _, group, size = torch.unique(equal, return_inverse=True, return_counts=True)
    total = values.new_zeros(len(size)).index_add(0, group, values)
    return size[group] * values - total[group]


def ordered(first: Tensor, second: Tensor) -> Tensor:
    """The order (events,) in which the first values rise, and the second among equal ones."""
    order = torch.argsort(second, stable=True)
    return order[torch.argsort(first[order], stable=True)]


def concordance(x: Tensor, y: Tensor, weights: Tensor) -> Tensor:
    """The sums over j of sign(x_i - x_j) sign(y_i - y_j) w_j, with 1 for equal x or y.

    Args:
        x, y: (events,).
        weights: (kinds, events).

    Returns:
        (kinds, events).
    """
    n = len(x)
    order = ordered(x, y)
    rank = torch.empty_like(order)
    rank[ordered(y, x)] = torch.arange(n, device=x.device)
    rank, w = rank[order], weights[:, order]  # in the order of x from here
    lower_left = below_before(rank, w)
    before = torch.cumsum(w, 1) - w
    by_rank = torch.empty_like(w)
    by_rank[:, rank] = w
    below = (torch.cumsum(by_rank, 1) - by_rank)[:, rank]
    sums = w.sum(1, keepdim=True) - w - 2 * before - 2 * below + 4 * lower_left
    return torch.empty_like(sums).index_copy(1, order, sums)


def below_before(rank: Tensor, weights: Tensor) -> Tensor:
    """The sums (kinds, events) of the weights of all earlier events with a smaller rank.

    Merges blocks of twice the length each time: an event in the second half of its block counts the
    smaller ones of the first half.

    Args:
        rank: (events,) a permutation of 0, 1, ...
        weights: (kinds, events).
    """
    n = len(rank)
    place = torch.arange(n, device=rank.device)
    result = torch.zeros_like(weights)
    sorted_ = torch.empty_like(rank)
    sorted_[rank] = place  # the events by rank, and in blocks of growing fineness
    for bit in reversed(range(max(n - 1, 0).bit_length())):
        # Within its block every event stands by rank. The sum before it over the first half of the
        # block: that over all first halves, less that before the block.
        second = ((sorted_ >> bit) & 1).bool()
        first = torch.where(second, 0.0, weights[:, sorted_])
        sums = torch.cumsum(first, 1)
        start = (sorted_ >> (bit + 1)) << (bit + 1)  # where the block begins: its events are whole
        earlier = torch.cat([sums.new_zeros(len(sums), 1), sums], 1)[:, start]
        result[:, sorted_[second]] += (sums - earlier)[:, second]
        sorted_ = halves(sorted_, second, start)
    return result


def halves(values: Tensor, second: Tensor, start: Tensor) -> Tensor:
    """Blocks with their second halves moved behind the first, each in the same order.

    Args:
        values: (events,) in blocks.
        second: (events,) whether each belongs to the second half.
        start: (events,) where its block begins.
    """
    n = len(values)
    ahead = torch.cumsum(second, 0)
    seconds = torch.cat([ahead.new_zeros(1), ahead])
    place = torch.arange(n, device=values.device)
    before = seconds[:-1] - seconds[start]  # of the second half, earlier in the block
    firsts = torch.zeros_like(place).index_add(0, start, (~second).long())[start]
    target = torch.where(second, start + firsts + before, place - before)
    return torch.empty_like(values).index_copy(0, target, values)
