"""Frames, tensors and filters of the taggers that a group is built into."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from helpers.tagging import fresh, random_jets
from jetchain.tagging.frames import METRIC, frame_of, rest
from jetchain.tagging.models.lgn import dual, squares, times, trace
from jetchain.tagging.models.rpcn import RPCNSettings

ROUNDING = 1e-9
G = torch.diag(METRIC).double()


def transformation() -> Tensor:
    """Some boost with some rotation, by a product of boosts."""
    velocity = torch.tensor([[0.3, -1.2, 0.7], [2.0, 0.4, -0.5]]).double()
    vectors = torch.cat([velocity, (1 + velocity.square().sum(dim=1, keepdim=True)).sqrt()], dim=1)
    one, other = rest(vectors)
    return one @ other


def timelike(*shape: int) -> Tensor:
    three = torch.randn(*shape, 3, generator=torch.Generator().manual_seed(1)).double()
    return torch.cat([three, (1 + three.square().sum(dim=-1, keepdim=True)).sqrt()], dim=-1)


def test_a_boost_to_rest_leaves_the_mass() -> None:
    momentum = 7 * timelike(5)
    at_rest = (rest(momentum) @ momentum[..., None])[..., 0]
    expected = torch.tensor([0.0, 0.0, 0.0, 7.0]).double().expand(5, 4)
    torch.testing.assert_close(at_rest, expected, atol=ROUNDING, rtol=0)


def test_a_frame_is_a_transformation_that_turns_with_its_vectors() -> None:
    vectors, turn = timelike(6, 3), transformation()
    frames = frame_of(vectors)
    torch.testing.assert_close(frames @ G @ frames.mT, G.expand(6, 4, 4), atol=ROUNDING, rtol=0)
    assert torch.linalg.det(frames).min() > 0
    turned = frame_of(vectors @ turn.mT)
    torch.testing.assert_close(turned @ turn, frames, atol=ROUNDING, rtol=0)


@pytest.mark.parametrize(
    "vectors",
    [
        timelike(1).expand(3, 4),  # a single particle
        torch.stack([timelike(2)[0], *timelike(2)]),  # two
        torch.tensor([[0.0, 0, 5, 5]] * 3),  # massless, alone
        torch.zeros(3, 4),
    ],
)
def test_where_no_vectors_tell_it_a_frame_is_still_one(vectors: Tensor) -> None:
    vectors = vectors.double().clone().requires_grad_()
    frame = frame_of(vectors)
    scale = float(frame.detach().abs().max()) ** 2
    torch.testing.assert_close(frame @ G @ frame.mT, G, atol=1e-12 * max(scale, 1e3), rtol=0)
    frame.sum().backward()
    assert vectors.grad is not None
    assert vectors.grad.isfinite().all()


def some_tensors() -> dict[str, Tensor]:
    random = torch.Generator().manual_seed(2)
    matrix = torch.randn(1, 2, 3, 4, 4, generator=random).double()
    traceless = (matrix + matrix.mT) / 2
    return {
        "scalar": torch.randn(1, 2, 3, generator=random).double(),
        "vector": torch.randn(1, 2, 3, 4, generator=random).double(),
        "antisymmetric": (matrix - matrix.mT) / 2,
        "symmetric": traceless - G * trace(traceless)[..., None, None] / 4,
    }


def moved(tensor: Tensor, indices: int, turn: Tensor) -> Tensor:
    if indices == 2:
        return turn @ tensor @ turn.mT
    return tensor @ turn.mT if indices else tensor


INDICES = {"scalar": 0, "vector": 1, "antisymmetric": 2, "symmetric": 2}


@pytest.mark.parametrize("product", ["squares", "times"])
def test_products_of_tensors_turn_as_they_should_and_stay_in_their_representation(
    product: str,
) -> None:
    turn, momentum = transformation(), timelike(1, 2)

    def found(x: dict[str, Tensor], p: Tensor) -> dict[str, list[Tensor]]:
        return squares(x) if product == "squares" else times(p, x)

    x = some_tensors()
    before = found(x, momentum)
    after = found(
        {name: moved(each, INDICES[name], turn) for name, each in x.items()}, momentum @ turn.mT
    )
    for name, tensors in before.items():
        assert all(tensor.abs().max() > 1e-3 for tensor in tensors)
        for one, other in zip(tensors, after[name], strict=True):
            torch.testing.assert_close(moved(one, INDICES[name], turn), other, atol=1e-8, rtol=1e-8)
            if name == "antisymmetric":
                torch.testing.assert_close(one, -one.mT)
            if name == "symmetric":
                torch.testing.assert_close(one, one.mT)
                assert trace(one).abs().max() < ROUNDING


def test_products_say_all_that_two_vectors_and_two_tensors_say() -> None:
    """As many numbers as Clebsch and Gordan count: (1,1)x(1,1), and (2,0)x(2,0) up to (2,2)."""
    x = some_tensors()
    made = times(timelike(1, 2), {name: x[name] for name in ("scalar", "vector")})
    assert [len(made[name]) for name in INDICES] == [1, 1, 1, 1]  # 1 + 6 + 9 of 16 numbers
    whole = (
        made["symmetric"][0] + made["antisymmetric"][0] + G * made["scalar"][0][..., None, None] / 4
    )
    torch.testing.assert_close(
        whole, timelike(1, 2)[:, :, None, :, None] * x["vector"][..., None, :]
    )
    f = x["antisymmetric"]
    torch.testing.assert_close(dual(dual(f)), -f)
    # f and its dual give two scalars, and no other symmetric tensor than that of f alone.
    both = (f @ G) @ dual(f)
    torch.testing.assert_close(both, G * trace(both)[..., None, None] / 4)


def test_rpcn_is_a_sum_over_particles_of_turned_filters() -> None:
    network = fresh("rpcn", RPCNSettings(convolutions=0, rotations=7)).double()
    jets = random_jets([5, 1, 3], 6, dtype=torch.float64)
    waves = []
    for jet in (jets[np.array([n])] for n in range(3)):
        wave = torch.zeros(10, 7).double()
        for i in range(int(jet.mask.sum())):
            x, y = jet.points[0, i].tolist()
            weight = network.weight(jet.features[0, i, 2:])
            parts = network.radial(torch.tensor([math.hypot(x, y)]).double()).view(10, 9)
            for n in range(7):
                angle = math.atan2(y, x) + 2 * math.pi * n / 7
                for m in range(5):
                    wave[:, n] += weight * parts[:, m] * math.cos(m * angle)
                    if m:
                        wave[:, n] -= weight * parts[:, 4 + m] * math.sin(m * angle)
        waves.append(wave)
    with torch.no_grad():
        expected = network.fc(network.norm(torch.stack(waves)).mean(dim=2))
        torch.testing.assert_close(network(jets), expected)
