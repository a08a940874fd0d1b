"""Pairs of particles, and the networks that act on them, against their equations jet by jet."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from helpers.tagging import fresh, random_jets
from jetchain.core.settings import Settings
from jetchain.tagging.batches import Jets
from jetchain.tagging.invariants import labels, mass2, product, squashed
from jetchain.tagging.models import MODELS
from jetchain.tagging.models.graphnet import GraphNetSettings
from jetchain.tagging.models.jedinet import JEDINetOrderedSettings
from jetchain.tagging.models.lgatr import LGATrSettings
from jetchain.tagging.models.lgn import LGNSettings
from jetchain.tagging.models.lloca import LLoCaSettings
from jetchain.tagging.models.lorentznet import LorentzNetSettings
from jetchain.tagging.models.pct import PCTSettings
from jetchain.tagging.models.pelican import Aggregation, Among, PELICANSettings
from jetchain.tagging.pairs import Pairs, compact
from jetchain.tagging.rows import Rows

ROUNDING = 1e-10
LENGTHS = [6, 3, 1, 9]
KINDS = {
    "all": lambda i, j: True,
    "others": lambda i, j: i != j,
    "unordered": lambda i, j: i >= j,
}


def masks() -> dict[str, tuple[Tensor, bool]]:
    padded = torch.arange(4) < torch.tensor([3, 0, 1, 4])[:, None]
    between = padded[:, torch.tensor([2, 0, 3, 1])]
    full = torch.ones(2, 3, dtype=torch.bool)
    return {"padded": (padded, False), "between": (between, False), "full": (full, False)} | {
        "dense": (padded, True), "dense full": (full, True)
    }  # fmt: skip


@pytest.mark.parametrize("case", masks())
@pytest.mark.parametrize("kind", KINDS)
def test_pairs_are_those_of_particles_of_a_jet(kind: str, case: str) -> None:
    mask, dense = masks()[case]
    rows = compact(Rows(mask, dense))
    pairs = Pairs(rows, kind)
    jet = rows.take(torch.arange(len(mask))[:, None].expand(rows.mask.shape)).tolist()
    place = rows.take(torch.arange(rows.places).expand(rows.mask.shape)).tolist()
    real = rows.take(rows.mask).tolist()
    expected = [
        (a, b)
        for a, b in itertools.product(range(rows.count), repeat=2)
        if jet[a] == jet[b] and KINDS[kind](place[a], place[b])
    ]
    assert list(zip(pairs.first.tolist(), pairs.second.tolist(), strict=True)) == expected
    values = torch.randn(pairs.count, 2, generator=torch.Generator().manual_seed(1))
    for side in (False, True):
        total = torch.zeros(rows.count, 2)
        for (a, b), value in zip(expected, values, strict=True):
            if real[a] and real[b]:
                total[b if side else a] += value
        torch.testing.assert_close(pairs.total(values, over_first=side), total)
    if kind == "others":
        return
    with_padding = torch.cat([values, torch.full((1, 2), -7.0)])
    by_place = with_padding[pairs.number]
    for n, i, j in itertools.product(range(rows.jets), range(rows.places), range(rows.places)):
        a, b = int(rows.number[n, i]), int(rows.number[n, j])
        if rows.mask[n, i] and rows.mask[n, j]:
            if kind == "unordered":
                a, b = max(a, b), min(a, b)
            torch.testing.assert_close(by_place[n, i, j], values[expected.index((a, b))])
        else:
            assert by_place[n, i, j].tolist() == [-7.0, -7.0]


def one_by_one(network: nn.Module, jets: Jets, equation) -> None:  # type: ignore[no-untyped-def]
    """What the network gives for a batch is what the equation gives for each jet alone."""
    with torch.no_grad():
        found = network(jets)
        expected = []
        for n, number in enumerate(jets.mask.sum(dim=1).tolist()):
            alone = jets[np.array([n])]
            names = ("features", "momentum", "points", "raw", "mask")
            real = Jets.of(**{each: getattr(alone, each)[:, :number] for each in names})
            expected.append(equation(real))
    torch.testing.assert_close(found, torch.stack(expected), atol=ROUNDING, rtol=0)


def some_jets() -> Jets:
    return random_jets(LENGTHS, 10, dtype=torch.float64)


def network_of(name: str, settings: Settings | None = None) -> nn.Module:
    return fresh(name, settings).double()


@pytest.mark.parametrize("name", ["jedinet", "jedinet_ordered"])
def test_jedinet_is_its_equations(name: str) -> None:
    leading = JEDINetOrderedSettings(leading=4)
    network = network_of(name, leading if name == "jedinet_ordered" else None)

    def equation(jet: Jets) -> Tensor:
        x, outputs = jet.features[0], []
        for i in range(len(x)):
            effect = torch.zeros(8).double()
            for j in range(len(x)):
                if i != j:
                    effect += network.relation(network.of_first(x[i]) + network.of_second(x[j]))
            outputs.append(network.particle(torch.cat([x[i], effect])))
        if name == "jedinet":
            return network.jet(torch.stack(outputs).sum(dim=0))
        whole = torch.zeros(4, 16).double()
        for n, output in enumerate(outputs[:4]):
            whole[n] = output
        return network.jet(whole.flatten())

    one_by_one(network, some_jets(), equation)


def test_jedinet_without_the_sum_sees_the_order() -> None:
    network, jets = network_of("jedinet_ordered"), some_jets()
    turned = jets.replace(features=jets.features.flip(1), mask=jets.mask.flip(1))
    with torch.no_grad():
        assert float((network(turned) - network(jets)).abs().max()) > 1e-3


def test_lorentznet_is_its_equations() -> None:
    network = network_of("lorentznet", LorentzNetSettings(step=0.3, beams=True))

    def equation(jet: Jets) -> Tensor:
        p, known = jet.momentum[0], torch.cat([mass2(jet), labels(jet, True, True)], dim=1)
        h, n = network.embed(known), len(jet.momentum[0])
        for each in network.rounds:
            new_p, new_h = p.clone(), h.clone()
            for i in range(n):
                heard = torch.zeros_like(h[0])
                for j in range(n):
                    if i == j:
                        continue
                    products = torch.stack([product(p[i] - p[j], p[i] - p[j]), product(p[i], p[j])])
                    message = each.message(
                        (each.of_first(h[i]) + each.of_second(h[j]))[None]
                        + each.of_products(squashed(products))
                    )[0]
                    heard += each.weight(message) * message
                    if each.change is not None:
                        new_p[i] += each.step * each.change(message) * (p[i] - p[j]) / (n - 1)
                new_h[i] = h[i] + each.update(torch.cat([h[i], heard, known[i]])[None])[0]
            p, h = new_p, new_h
        return network.head(h.mean(dim=0))

    one_by_one(network, some_jets(), equation)


def test_the_maps_between_pairs_are_all_that_keep_their_symmetry() -> None:
    """Equivariant under permutations, symmetric, and as many as they should be."""
    torch.manual_seed(1)
    n, layer = 5, Aggregation(1, 1, 0).double()
    among = Among(Rows(torch.ones(1, n, dtype=torch.bool)), torch.zeros(1).double())
    with torch.no_grad():
        for weights in (layer.both, layer.diagonal):
            weights.bias.zero_()

    def matrix(values: Tensor) -> Tensor:
        return values[among.pairs.number[0], 0]

    def apply(x: Tensor) -> Tensor:
        lower = x[among.pairs.first, among.pairs.second][:, None]
        with torch.no_grad():
            return matrix(layer(lower, among, torch.zeros(n, 0).double()))

    several = [x + x.mT for x in torch.randn(3, n, n).double()]
    order = torch.randperm(n)
    for x in several:
        torch.testing.assert_close(apply(x[order][:, order]), apply(x)[order][:, order])
        torch.testing.assert_close(apply(x), apply(x).mT)
    # With one weight at a time these are the nine maps: no two of them say the same.
    maps = []
    for weights in (layer.pair.weight, layer.both.weight, layer.diagonal.weight):
        for column in range(weights.shape[1]):
            with torch.no_grad():
                for each in (layer.pair.weight, layer.both.weight, layer.diagonal.weight):
                    each.zero_()
                weights[0, column] = 1.0
            maps.append(torch.stack([apply(x) for x in several]).flatten())
    assert torch.linalg.matrix_rank(torch.stack(maps)) == len(maps) == 9


def test_pelican_is_its_equations() -> None:
    network = network_of("pelican")

    def layer(own: Aggregation, x: Tensor, known: Tensor) -> Tensor:
        n = len(x)
        t = x.diagonal().T
        r = x.mean(dim=1) * (n / 50) ** own.scale
        seen = torch.cat([r, t, *(v.mean(dim=0).expand(n, -1) for v in (r, t)), known], dim=1)
        both = own.both(seen)
        return (
            own.pair(x)
            + both[:, None]
            + both
            + torch.diag_embed(own.diagonal(seen).T).movedim(0, 2)
        )

    def equation(jet: Jets) -> Tensor:
        p = jet.momentum[0]
        power = network.power.abs() + 1e-3
        x = product(p[:, None], p).clamp(min=0)[..., None]
        x = ((1 + x) ** (2 * power) - 1) / power**2
        leaky = nn.functional.leaky_relu
        x = leaky(layer(network.first, x, labels(jet, True, False)))
        for dense, own in network.blocks:
            x = leaky(layer(own, dense(x.flatten(0, 1)).view(x.shape), p[:, :0]))
        r, t = x.mean(dim=1) * (len(p) / 50) ** network.scale, x.diagonal().T
        return network.head(torch.cat([r, t], dim=1).mean(dim=0))

    one_by_one(network, some_jets(), equation)


@pytest.mark.parametrize("name", ["pct", "graph_convolution", "graph_attention", "graph_message"])
def test_a_batch_is_its_jets_without_padding(name: str) -> None:
    """Where more particles than neighbours are there, rows and attention do what no rows would."""
    network = network_of(name, MODELS.decode(name, {"neighbours": 2}))
    jets = random_jets([6, 3, 4, 9], 10, dtype=torch.float64)
    one_by_one(network, jets, lambda jet: network(jet)[0])


def test_the_block_is_the_general_one() -> None:
    """Algorithm 1 of arXiv:1806.01261, jet by jet; edges come from the nearest in the plane."""
    network = network_of("graph_block", GraphNetSettings(neighbours=2, layers=2))

    def equation(jet: Jets) -> Tensor:
        x, points = network.embed(jet.features[0]), jet.points[0]
        away = torch.cdist(points, points).fill_diagonal_(torch.inf)
        near = away.topk(min(2, len(x) - 1), largest=False).indices.tolist()
        whole = torch.zeros_like(x[0])
        for norm, layer in zip(network.norms, network.layers, strict=True):
            y, new, edges = norm(x), [], []
            for i in range(len(x)):
                own = [
                    layer.edge_model.layers(torch.cat([y[j], y[i], points[j] - points[i], whole]))
                    for j in near[i]
                ]
                edges += own
                heard = torch.stack(own).mean(dim=0) if own else torch.zeros_like(whole)
                new.append(layer.node_model.layers(torch.cat([y[i], heard, whole])))
            y = torch.stack(new)
            between = torch.stack(edges).mean(dim=0) if edges else torch.zeros_like(whole)
            whole = layer.global_model.layers(torch.cat([whole, y.mean(dim=0), between]))
            x = x + torch.relu(y)
        return network.head(x.mean(dim=0) + whole)

    one_by_one(network, some_jets(), equation)


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("lorentznet", LorentzNetSettings(beams=True, identity=False)),
        ("pelican", PELICANSettings(beams=True, identity=False)),
        ("lgatr", LGATrSettings(beams=True, identity=False)),
        ("lloca", LLoCaSettings(beams=True, identity=False)),
        ("lgn", LGNSettings(beams=True, identity=False)),
    ],
)
def test_who_knows_the_beams_sees_where_a_jet_lies(name: str, settings: Settings) -> None:
    jets = some_jets()
    jets = jets.replace(momentum=50 * jets.momentum)
    turned = jets.replace(momentum=jets.momentum[..., [2, 0, 1, 3]])
    unseeing = network_of(name, type(settings)(identity=False))
    seeing = network_of(name, settings)
    torch.testing.assert_close(unseeing(turned), unseeing(jets), atol=ROUNDING, rtol=0)
    with torch.no_grad():
        assert float((seeing(turned) - seeing(jets)).abs().max()) > 1e-4


def test_neighbours_are_fewer_than_places() -> None:
    for settings in (PCTSettings(neighbours=5), GraphNetSettings(neighbours=5)):
        assert not settings.complaint(6)
        assert settings.complaint(5).startswith("neighbours (5)")
