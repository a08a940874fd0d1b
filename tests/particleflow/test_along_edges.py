"""Compiled sums along edges are those that torch's operations make, with their gradients."""

import numpy as np
import pytest
import torch

from jetchain.particleflow import along_edges

NODES, EDGES, HIDDEN = 7, 40, 5


def normal(*shape):
    return torch.from_numpy(np.random.default_rng(sum(shape)).normal(size=shape)).float()


def given(name):
    """Arguments; node 0 has no edge."""
    edges = torch.from_numpy(np.random.default_rng(1).integers(1, NODES, (2, EDGES)))
    return {
        "messages": (normal(NODES, HIDDEN), normal(HIDDEN, NODES).T, normal(EDGES, 4),
                     normal(HIDDEN, 4), edges),
        "scores": (normal(NODES, HIDDEN), normal(HIDDEN, NODES).T, normal(EDGES, 3),
                   normal(HIDDEN, 3), normal(HIDDEN), edges),
        "weighted_sums": (normal(HIDDEN, NODES).T, normal(EDGES), edges, NODES + 2),
    }[name]  # fmt: skip


def answers(function, arguments, upstream):
    """The result and the gradient of all that has one."""
    leaves = [
        each.detach().clone().requires_grad_(each.is_floating_point())
        if isinstance(each, torch.Tensor) else each
        for each in arguments
    ]  # fmt: skip
    result = function(*leaves)
    (result * upstream(result)).sum().backward()
    found = [each.grad for each in leaves if getattr(each, "grad", None) is not None]
    return result.detach(), found


@pytest.mark.parametrize("name", ["messages", "scores", "weighted_sums"])
def test_compiled_sums_and_gradients_are_those_of_torch(name, monkeypatch):
    function = getattr(along_edges, name)
    results = {}
    for compiled in (True, False):
        monkeypatch.setattr(along_edges, "_compiled", lambda *_, c=compiled: c)
        results[compiled] = answers(function, given(name), lambda result: normal(*result.shape))
    torch.testing.assert_close(results[True][0], results[False][0], rtol=1e-5, atol=1e-5)
    one, other = results[True][1], results[False][1]
    if name == "messages":  # the geometry is data
        other.pop(2)
    if name == "scores":  # of its numbers the last is not
        assert torch.equal(one[2][:, :-1], torch.zeros(EDGES, 2))
        one[2], other[2] = one[2][:, -1], other[2][:, -1]
    assert len(one) == len(other) > 1
    for mine, theirs in zip(one, other, strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-4, atol=1e-5)


def test_no_edge_is_no_message_and_no_score():
    nothing = torch.zeros((2, 0), dtype=torch.int64)
    row = normal(NODES, HIDDEN)
    geometry, weight = torch.zeros((0, 4)), normal(HIDDEN, 4)
    assert not along_edges.messages(row, row, geometry, weight, nothing).any()
    assert along_edges.scores(row, row, geometry, weight, normal(HIDDEN), nothing).shape == (0,)
    assert not along_edges.weighted_sums(row, torch.zeros(0), nothing, NODES).any()
    none = torch.zeros((0, HIDDEN))
    assert along_edges.messages(none, none, geometry, weight, nothing).shape == (0, HIDDEN)


def test_other_precisions_are_left_to_torch():
    """float64 comes out as float64, and closer to the sum of float64."""
    arguments = [each.double() if each.is_floating_point() else each for each in given("messages")]
    found = along_edges.messages(*arguments)
    assert found.dtype == torch.float64
    single = along_edges.messages(*given("messages"))
    torch.testing.assert_close(found.float(), single, rtol=1e-5, atol=1e-5)
