"""Sums along the edges of a graph, compiled, with their gradients.

In torch's own operations each of them writes and reads some arrays of (edges, hidden), which costs
more than all matrix products of a network. Here an edge is done with before the next is begun, and
nothing of (edges, hidden) is ever stored: the way back computes it again. On other devices than the
CPU, and in other precisions than float32, the same is written with torch's operations.

Indices count nodes, or whatever the rows of their array are; the geometry is data and has no
gradient.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]


def messages(
    centre: Tensor, neighbour: Tensor, geometry: Tensor, weight: Tensor, edge_index: Tensor
) -> Tensor:
    """sum_j relu(centre_i + neighbour_j + W g_ij) at each node i; (nodes, hidden).

    Args:
        centre, neighbour: (nodes, hidden).
        geometry: (edges, 4).
        weight: W, (hidden, 4).
        edge_index: j and i, (2, edges).
    """
    if _compiled(centre, neighbour):
        return _Messages.apply(centre, neighbour, geometry, weight, edge_index)
    source, target = edge_index
    each = (centre[target] + neighbour[source] + geometry @ weight.T).relu()
    return each.new_zeros(centre.shape).index_add(0, target, each)


def scores(
    first: Tensor,
    second: Tensor,
    geometry: Tensor,
    weight: Tensor,
    out: Tensor,
    edge_index: Tensor,
) -> Tensor:
    """out . relu(first_i + second_j + W g_ij) of each edge; (edges,).

    Args:
        first, second: (rows, hidden) each.
        geometry: (edges, numbers of an edge); the last number, and no other, has a gradient.
        weight: W, (hidden, numbers of an edge).
        out: (hidden,).
        edge_index: i and j, (2, edges).
    """
    if _compiled(first, second):
        return _Scores.apply(first, second, geometry, weight, out, edge_index)
    i, j = edge_index
    return (first[i] + second[j] + geometry @ weight.T).relu() @ out


def weighted_sums(values: Tensor, weight: Tensor, edge_index: Tensor, rows: int) -> Tensor:
    """sum_j weight_ij values_j of each row i; (rows, hidden).

    Args:
        values: (any, hidden).
        weight: of the edges, (edges,).
        edge_index: j and i, (2, edges).
        rows: how many there are.
    """
    if _compiled(values, weight):
        return _WeightedSums.apply(values, weight, edge_index, rows)
    source, target = edge_index
    each = weight[:, None] * values[source]
    return each.new_zeros((rows, values.shape[1])).index_add(0, target, each)


def _compiled(*tensors: Tensor) -> bool:
    return all(each.device.type == "cpu" and each.dtype == torch.float32 for each in tensors)


def _arrays(*tensors: Tensor) -> list[NDArray[Any]]:
    return [each.detach().contiguous().numpy() for each in tensors]


class _Messages(Function):
    @staticmethod
    def forward(ctx: Any, *given: Tensor) -> Tensor:
        ctx.save_for_backward(*given)
        return torch.from_numpy(_messages(*_arrays(*_columns(given, 3))))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> Any:
        given = _arrays(*_columns(ctx.saved_tensors, 3), gradient)
        centre, neighbour, weight = map(torch.from_numpy, _messages_back(*given))
        return centre, neighbour, None, weight.T, None


class _Scores(Function):
    @staticmethod
    def forward(ctx: Any, *given: Tensor) -> Tensor:
        ctx.save_for_backward(*given)
        return torch.from_numpy(_scores(*_arrays(*_columns(given, 3))))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> Any:
        given = _arrays(*_columns(ctx.saved_tensors, 3), gradient)
        first, second, last, weight, out = map(torch.from_numpy, _scores_back(*given))
        geometry = None
        if ctx.needs_input_grad[2]:
            geometry = torch.zeros_like(ctx.saved_tensors[2])
            geometry[:, -1] = last
        return first, second, geometry, weight.T, out, None


class _WeightedSums(Function):
    @staticmethod
    def forward(ctx: Any, values: Tensor, weight: Tensor, edge_index: Tensor, rows: int) -> Tensor:
        ctx.save_for_backward(values, weight, edge_index)
        return torch.from_numpy(_weighted_sums(*_arrays(values, weight, edge_index), rows))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> Any:
        found = _weighted_sums_back(*_arrays(*ctx.saved_tensors, gradient))
        return (*map(torch.from_numpy, found), None, None)


def _columns(given: Any, place: int) -> list[Tensor]:
    """The tensors, with one of them transposed, so that the hidden numbers lie side by side."""
    return [each.T if number == place else each for number, each in enumerate(given)]


@numba.njit(cache=True)
def _messages(
    centre: Floats, neighbour: Floats, geometry: Floats, weight: Floats, edges: Ints
) -> Floats:
    result = np.zeros_like(centre)
    bias = np.empty(centre.shape[1], np.float32)
    for edge in range(edges.shape[1]):
        source, target = edges[0, edge], edges[1, edge]
        _at_edge(bias, geometry[edge], weight)
        here, there, total = centre[target], neighbour[source], result[target]
        for k in range(len(bias)):
            total[k] += max(here[k] + there[k] + bias[k], np.float32(0))
    return result


@numba.njit(cache=True)
def _messages_back(
    centre: Floats, neighbour: Floats, geometry: Floats, weight: Floats, edges: Ints, up: Floats
) -> tuple[Floats, Floats, Floats]:
    d_centre, d_neighbour = np.zeros_like(centre), np.zeros_like(neighbour)
    d_weight = np.zeros_like(weight)
    bias = np.empty(centre.shape[1], np.float32)
    for edge in range(edges.shape[1]):
        source, target = edges[0, edge], edges[1, edge]
        _at_edge(bias, geometry[edge], weight)
        here, there, above = centre[target], neighbour[source], up[target]
        for k in range(len(bias)):
            on = here[k] + there[k] + bias[k] > 0
            bias[k] = above[k] if on else np.float32(0)
        _add(d_centre[target], bias, np.float32(1))
        _add(d_neighbour[source], bias, np.float32(1))
        for number in range(geometry.shape[1]):
            _add(d_weight[number], bias, geometry[edge, number])
    return d_centre, d_neighbour, d_weight


@numba.njit(cache=True)
def _scores(
    first: Floats, second: Floats, geometry: Floats, weight: Floats, out: Floats, edges: Ints
) -> Floats:
    result = np.empty(edges.shape[1], np.float32)
    bias = np.empty(first.shape[1], np.float32)
    for edge in range(edges.shape[1]):
        _at_edge(bias, geometry[edge], weight)
        one, other = first[edges[0, edge]], second[edges[1, edge]]
        for k in range(len(bias)):
            bias[k] = max(one[k] + other[k] + bias[k], np.float32(0))
        result[edge] = _dot(bias, out)
    return result


@numba.njit(cache=True)
def _scores_back(
    first: Floats,
    second: Floats,
    geometry: Floats,
    weight: Floats,
    out: Floats,
    edges: Ints,
    up: Floats,
) -> tuple[Floats, Floats, Floats, Floats, Floats]:
    d_first, d_second = np.zeros_like(first), np.zeros_like(second)
    d_weight, d_out = np.zeros_like(weight), np.zeros_like(out)
    numbers = geometry.shape[1]
    d_last = np.empty(edges.shape[1], np.float32)
    bias = np.empty(first.shape[1], np.float32)
    for edge in range(edges.shape[1]):
        _at_edge(bias, geometry[edge], weight)
        i, j, above = edges[0, edge], edges[1, edge], up[edge]
        one, other = first[i], second[j]
        for k in range(len(bias)):
            value = max(one[k] + other[k] + bias[k], np.float32(0))
            d_out[k] += above * value
            bias[k] = above * out[k] if value > 0 else np.float32(0)
        _add(d_first[i], bias, np.float32(1))
        _add(d_second[j], bias, np.float32(1))
        for number in range(numbers):
            _add(d_weight[number], bias, geometry[edge, number])
        d_last[edge] = _dot(bias, weight[numbers - 1])
    return d_first, d_second, d_last, d_weight, d_out


@numba.njit(cache=True)
def _weighted_sums(values: Floats, weight: Floats, edges: Ints, rows: int) -> Floats:
    result = np.zeros((rows, values.shape[1]), np.float32)
    for edge in range(edges.shape[1]):
        _add(result[edges[1, edge]], values[edges[0, edge]], weight[edge])
    return result


@numba.njit(cache=True)
def _weighted_sums_back(
    values: Floats, weight: Floats, edges: Ints, up: Floats
) -> tuple[Floats, Floats]:
    d_values, d_weight = np.zeros_like(values), np.empty_like(weight)
    for edge in range(edges.shape[1]):
        source, above = edges[0, edge], up[edges[1, edge]]
        _add(d_values[source], above, weight[edge])
        d_weight[edge] = _dot(values[source], above)
    return d_values, d_weight


@numba.njit(cache=True, inline="always")
def _at_edge(bias: Floats, numbers: Floats, weight: Floats) -> None:
    """Set W g of an edge."""
    for k in range(len(bias)):
        bias[k] = numbers[0] * weight[0, k]
    for number in range(1, len(numbers)):
        _add(bias, weight[number], numbers[number])


@numba.njit(cache=True, inline="always")
def _add(total: Floats, values: Floats, factor: np.float32) -> None:
    for k in range(len(total)):
        total[k] += factor * values[k]


@numba.njit(cache=True, fastmath={"reassoc", "nsz"})
def _dot(one: Floats, other: Floats) -> np.float32:
    """Sum of products; of many numbers at once, so in an order of the compiler's."""
    total = np.float32(0)
    for k in range(len(one)):
        total += one[k] * other[k]
    return total
