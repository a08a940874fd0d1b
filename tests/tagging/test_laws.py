"""Laws of the taggers: those of all, and those that a network claims; new ones join by themselves.

A claim is a name of LAWS in the network's attribute ``claims``.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from math import cosh, sinh
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from helpers.tagging import CLASS_NUMBER, SHAPE, fresh, random_jets
from jetchain.core.io.tensors import read_weights, write_weights
from jetchain.core.schema.tagging import FEATURE_SETS, TAGGING_FEATURES
from jetchain.tagging.batches import Jets
from jetchain.tagging.models import MODELS
from jetchain.tagging.networks import build

# All in float64. Of claims, shares of the spread of the answers: rounding, that of boosts, and what
# is left of a particle of 1e-9 GeV.
ROUNDING = 1e-10
ORDER = 1e-8
LORENTZ = 1e-6
COLLINEAR = 1e-8
SOFT = 1e-5
PER_PARTICLE = ("points", "features", "raw", "mask", "momentum", "track", "truth")
LENGTHS = [25, 14, 3, 9]
PLACES = 27
Law = Callable[[], list[tuple[Jets, Jets, float]]]

NETWORKS = {name: type(build(name, {}, **SHAPE)) for name in MODELS}
# Networks that a loss trains; the others have a `fit` of their own, and no gradients.
DESCENDING = [name for name, network in NETWORKS.items() if not hasattr(network, "fit")]
CLAIMS = [
    (name, claim) for name, network in NETWORKS.items() for claim in getattr(network, "claims", ())
]


def some_jets() -> Jets:
    return random_jets(LENGTHS, 25, dtype=torch.float64)


def shuffled(jets: Jets) -> Jets:
    """The same particles in other places, with padding between them."""
    places = jets.mask.shape[1]
    order = torch.randperm(places, generator=torch.Generator().manual_seed(3))
    return jets.replace(**{each: getattr(jets, each)[:, order] for each in PER_PARTICLE})


def particles() -> tuple[Tensor, Tensor, Tensor]:
    """Momenta of some jets in falling pT, their charge, kind and track, and the mask."""
    random = torch.Generator().manual_seed(5)
    shape = (len(LENGTHS), PLACES)
    mask = torch.arange(PLACES) < torch.tensor(LENGTHS)[:, None]
    pt = 50 * torch.rand(shape, generator=random).double().sort(dim=1, descending=True).values + 1
    eta = 0.7 + 0.3 * torch.randn(shape, generator=random).double()
    phi = 1.0 + 0.3 * torch.randn(shape, generator=random).double()
    pz = pt * eta.sinh()
    energy = (pt**2 + pz**2 + 0.14**2).sqrt()
    momentum = torch.stack([pt * phi.cos(), pt * phi.sin(), pz, energy], dim=2)
    others = random_jets(LENGTHS, PLACES, dtype=torch.float64).raw[..., 7:]
    return momentum * mask[..., None], others, mask


def physical(momentum: Tensor, others: Tensor, mask: Tensor) -> Jets:
    """Jets of which all that is known follows from their particles.

    Args:
        momentum: px, py, pz, e; (jets, particles, 4).
        others: the columns of TAGGING_FEATURES after the kinematic ones.
        mask: (jets, particles).
    """

    def angles(p: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        pt = p[..., :2].norm(dim=-1).clamp(min=1e-300)
        return pt, (p[..., 2] / pt).asinh(), torch.atan2(p[..., 1], p[..., 0])

    whole = momentum.sum(dim=1)
    pt, eta, phi = angles(momentum)
    jet_pt, jet_eta, jet_phi = angles(whole)
    d_eta = (eta - jet_eta[:, None]) * jet_eta.sign()[:, None]
    d_phi = torch.remainder(phi - jet_phi[:, None] + torch.pi, 2 * torch.pi) - torch.pi
    energy = momentum[..., 3].clamp(min=1e-300)
    kinematic = [
        d_eta, d_phi, pt.log(), energy.log(), (pt / jet_pt[:, None]).log(),
        (energy / whole[:, 3:]).log(), torch.hypot(d_eta, d_phi),
    ]  # fmt: skip
    raw = torch.cat([torch.stack(kinematic, dim=2), others], dim=2)
    raw = raw.masked_fill(~mask[..., None], 0)
    mass = (whole[:, 3] ** 2 - whole[:, :3].square().sum(dim=1)).clamp(min=0).sqrt()
    same = torch.ones_like(mass)  # stands for what does not change
    columns = [jet_pt, jet_eta, jet_phi, mass, mass, 0.3 * same, 0.2 * same, 0.1 * same]
    return Jets.of(
        points=raw[..., :2],
        features=raw,
        raw=raw,
        momentum=momentum * mask[..., None],
        track=raw[..., -4:],
        mask=mask,
        truth=torch.full((*mask.shape, 2), -1),
        jet=torch.stack(columns, dim=1),
        constituents=mask.sum(dim=1),
    )


def permutation() -> list[tuple[Jets, Jets, float]]:
    """The order of the particles does not matter."""
    jets = some_jets()
    return [(jets, shuffled(jets), ORDER)]


def irc() -> list[tuple[Jets, Jets, float]]:
    """Neither a soft particle nor a collinear splitting matters."""
    momentum, others, mask = particles()
    before = physical(momentum, others, mask)
    jet, free = torch.arange(len(LENGTHS)), torch.tensor(LENGTHS)
    more = mask.clone()
    more[jet, free] = True
    soft, split, kinds = momentum.clone(), momentum.clone(), others.clone()
    soft[jet, free] = 1e-9 * torch.tensor([0.3, 0.4, 0.2, 0.6]).double()
    kinds[jet, free] = others[:, 0]
    split[jet, free] = 0.3 * momentum[:, 1]
    split[:, 1] = 0.7 * momentum[:, 1]
    return [
        (before, physical(soft, kinds, more), SOFT),
        (before, physical(split, kinds, more), COLLINEAR),
    ]


def transformed(matrices: list[Tensor], tolerance: float) -> list[tuple[Jets, Jets, float]]:
    """Jets before and after each of these transformations of px, py, pz, e."""
    momentum, others, mask = particles()
    before = physical(momentum, others, mask)
    return [(before, physical(momentum @ m.mT, others, mask), tolerance) for m in matrices]


def boost(axis: int, rapidity: float) -> Tensor:
    matrix = torch.eye(4, dtype=torch.float64)
    matrix[axis, axis] = matrix[3, 3] = cosh(rapidity)
    matrix[axis, 3] = matrix[3, axis] = sinh(rapidity)
    return matrix


def rotation(axis: int, angle: float) -> Tensor:
    turned = torch.eye(4, dtype=torch.float64)
    one, two = [each for each in range(3) if each != axis]
    turned[one, one] = turned[two, two] = np.cos(angle)
    turned[two, one], turned[one, two] = np.sin(angle), -np.sin(angle)
    return turned


def lorentz() -> list[tuple[Jets, Jets, float]]:
    """Boosts and rotations do not matter."""
    single = [boost(axis, 0.8) for axis in range(3)] + [rotation(axis, 0.9) for axis in range(3)]
    return transformed([*single, boost(0, -0.5) @ rotation(1, 1.2) @ boost(2, 0.7)], LORENTZ)


def beam() -> list[tuple[Jets, Jets, float]]:
    """Boosts along the beam and rotations about it do not matter."""
    return transformed([boost(2, 0.6), rotation(2, 0.9)], LORENTZ)


def turn() -> list[tuple[Jets, Jets, float]]:
    """Turns about the jet's axis by a right angle do not matter, in the plane of eta and phi."""
    before = physical(*particles())
    points = torch.stack([-before.points[..., 1], before.points[..., 0]], dim=2)
    turned = {
        name: torch.cat([points, getattr(before, name)[..., 2:]], dim=2)
        for name in ("points", "features", "raw")
    }
    return [(before, before.replace(**turned), ROUNDING)]


LAWS: dict[str, Law] = {
    "permutation": permutation, "irc": irc, "lorentz": lorentz, "beam": beam, "turn": turn
}  # fmt: skip


@pytest.mark.parametrize(("name", "claim"), CLAIMS)
def test_what_it_claims(name: str, claim: str) -> None:
    network = fresh(name).double()
    with torch.no_grad():
        for before, after, tolerance in LAWS[claim]():
            expected = network(before)
            spread = expected.std(dim=0).max()
            assert spread > 1e-6  # the comparison is not one of constants
            assert (network(after) - expected).abs().max() < tolerance * spread


BREAKING: dict[str, list[Callable[[Jets], Tensor]]] = {
    "permutation": [lambda jets: jets.features[:, 0]],
    "irc": [
        lambda jets: jets.mask.sum(dim=1),
        lambda jets: jets.momentum.square().sum(dim=1)[:, 3] / jets.momentum.sum(dim=1)[:, 3] ** 2,
    ],
    "lorentz": [
        lambda jets: jets.jet[:, 0], lambda jets: jets.points, lambda jets: jets.raw[..., 6]
    ],
    "beam": [lambda jets: jets.momentum[..., 3], lambda jets: jets.momentum[..., :2]],
    "turn": [lambda jets: jets.points, lambda jets: jets.features[..., 1]],
}  # fmt: skip


@pytest.mark.parametrize("claim", LAWS)
def test_a_law_is_broken_by_what_breaks_it(claim: str) -> None:
    for network in BREAKING[claim]:
        pairs = LAWS[claim]()
        assert any(float((network(a) - network(b)).abs().max()) > 1e-3 for a, b, _ in pairs)


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("training", [False, True], ids=["evaluating", "training"])
class TestOfAll:
    """What holds for every tagger, when it is evaluated and when it is trained."""

    @pytest.fixture
    def network(self, name: str, training: bool) -> nn.Module:
        network = fresh(name).double()
        for module in network.modules():
            if isinstance(module, nn.modules.dropout._DropoutNd):
                module.p = 0.0
        return network.train(training)

    def test_one_logit_a_jet_and_class(self, network: nn.Module) -> None:
        jets = some_jets()
        logits = network(jets)
        assert logits.shape == (len(jets), CLASS_NUMBER)
        assert logits.isfinite().all()
        # The answer depends on the jet.
        assert logits.std(dim=0).min() > 0

    def test_padding_changes_nothing(self, network: nn.Module) -> None:
        """Nor does what stands in the padding."""
        jets = some_jets()

        def longer(name: str) -> Tensor:
            values = getattr(jets, name)
            more = torch.full((4, 11, *values.shape[2:]), 0 if name == "mask" else 1)
            return torch.cat([values, more.to(values.dtype)], dim=1)

        padded = jets.replace(**{each: longer(each) for each in PER_PARTICLE})
        torch.testing.assert_close(network(padded), network(jets), atol=ROUNDING, rtol=0)

    def test_few_particles(self, network: nn.Module, name: str) -> None:
        """One, fewer than any neighbourhood, and none: numbers, and gradients that are numbers."""
        jets = random_jets([25, 1, 3, 0, 2], 25, dtype=torch.float64)
        logits = network(jets)
        assert logits.isfinite().all()
        if name in DESCENDING:
            nn.functional.cross_entropy(logits, torch.arange(5)).backward()
            for parameter in network.parameters():
                assert parameter.grad is None or parameter.grad.isfinite().all()


@pytest.mark.parametrize("name", [n for n, claim in CLAIMS if claim == "permutation"])
def test_order_does_not_matter_in_training(name: str) -> None:
    """Batch statistics included."""
    network = fresh(name).double()
    for module in network.modules():
        if isinstance(module, nn.modules.dropout._DropoutNd):
            module.p = 0.0
    network.train()
    jets = some_jets()
    torch.testing.assert_close(network(shuffled(jets)), network(jets), atol=ROUNDING, rtol=0)


@pytest.mark.parametrize("training", [False, True], ids=["evaluating", "training"])
@pytest.mark.parametrize("name", DESCENDING)
def test_gradients_reach_every_parameter(name: str, training: bool) -> None:
    network = fresh(name).double().train(training)
    nn.functional.cross_entropy(network(some_jets()), torch.arange(4)).backward()
    for each, parameter in network.named_parameters():
        if not parameter.requires_grad:
            continue  # a layer of a library that leads nowhere says so itself
        assert parameter.grad is not None, each
        assert parameter.grad.abs().sum() > 0, each


@pytest.mark.parametrize("name", DESCENDING)
def test_a_batch_may_be_one_jet_of_one_particle(name: str) -> None:
    network = fresh(name).train()
    loss = nn.functional.cross_entropy(network(random_jets([1], 25)), torch.tensor([0]))
    loss.backward()
    assert loss.isfinite()


@pytest.mark.parametrize("less", [0.0, 1e-7, 1e-3, 0.1])
@pytest.mark.parametrize("name", DESCENDING)
def test_energies_below_the_momentum_give_numbers(name: str, less: float) -> None:
    """As rounding leaves them, or a file has them; of particles along one line too."""
    momentum, others, mask = particles()
    momentum[1] = momentum[1, :1] * torch.linspace(1, 0.1, PLACES)[:, None] * mask[1, :, None]
    momentum[2, :, :3] *= torch.tensor([0.01, 0.01, -1.0])  # along the beam
    momentum[..., 3] = (1 - less) * momentum[..., :3].norm(dim=2)
    made = physical(momentum, others, mask)
    jets = Jets.of(**{each: rounded(getattr(made, each)) for each in (*PER_PARTICLE, "jet")})
    network = fresh(name).train()
    for n in range(len(jets)):
        network.zero_grad()
        logits = network(jets[np.array([n])].replace(constituents=jets.mask[n : n + 1].sum(dim=1)))
        nn.functional.cross_entropy(logits, torch.tensor([0])).backward()
        assert logits.abs().max() < 1e3
        for parameter in network.parameters():
            assert parameter.grad is None or parameter.grad.abs().max() < 1e3


def rounded(values: Tensor) -> Tensor:
    return values.float() if values.is_floating_point() else values


@pytest.mark.parametrize("precision", [torch.bfloat16, torch.float16], ids=str)
@pytest.mark.parametrize("name", DESCENDING)
def test_numbers_of_16_bits_are_trained_with(name: str, precision: torch.dtype) -> None:
    network = fresh(name).train()
    with torch.autocast("cpu", dtype=precision):
        loss = nn.functional.cross_entropy(network(random_jets(LENGTHS, 25)), torch.arange(4))
    loss.backward()
    assert loss.isfinite()


@pytest.mark.parametrize("name", MODELS)
def test_it_looks_at_what_it_needs_and_no_more(name: str) -> None:
    network, jets = fresh(name).double(), some_jets()
    before = network(jets)
    sizes = [*FEATURE_SETS]
    needed = sizes.index(MODELS.decode(name, {}).needs("full"))
    for less, more in itertools.pairwise(sizes):
        own = slice(len(FEATURE_SETS[less]), len(FEATURE_SETS[more]))
        changed = jets.raw.clone()
        changed[..., own] = 1 - changed[..., own]
        after = network(jets.replace(raw=changed, features=changed))
        assert torch.equal(before, after) == (sizes.index(more) > needed)


@pytest.mark.parametrize("name", MODELS)
def test_jets_do_not_see_each_other(name: str) -> None:
    """In evaluation only: batch statistics join the jets of a training batch by design."""
    network = fresh(name).double()
    jets = random_jets([*LENGTHS, 0, 1], 25, dtype=torch.float64)
    alone = torch.cat([network(jets[np.array([i])]) for i in range(len(jets))])
    torch.testing.assert_close(alone, network(jets), atol=ROUNDING, rtol=0)


@pytest.mark.parametrize("name", MODELS)
def test_the_weights_are_all_that_a_trained_tagger_is(name: str, tmp_path: Path) -> None:
    """Written and read into a fresh network, they give the same logits."""
    network, jets = fresh(name), random_jets([25, 3], 25)
    write_weights(tmp_path / "weights", network)
    torch.manual_seed(8)
    other = build(name, {}, **SHAPE).eval()
    assert not torch.equal(other(jets), network(jets))
    read_weights(tmp_path / "weights", other)
    assert torch.equal(other(jets), network(jets))


def test_every_claim_is_a_law() -> None:
    assert {claim for _, claim in CLAIMS} <= set(LAWS)
    assert len(TAGGING_FEATURES) == SHAPE["inputs"]
