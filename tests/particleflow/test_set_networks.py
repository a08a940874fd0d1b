"""What HGPflow, object condensation, TSPN-SA and MLPF with several candidates have of their own."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from scipy.optimize import linear_sum_assignment

from helpers.detected import FakeEvent
from helpers.graph_events import ECAL, HCAL, as_read, random_event
from jetchain.graphs.build import event_graphs
from jetchain.graphs.settings import EventGraphSettings
from jetchain.particleflow.algorithms import ALGORITHMS
from jetchain.particleflow.algorithms.condensation import (
    Condensation,
    CondensationModelSettings,
    CondensationTrainingSettings,
    condensed,
    mean_of_objects,
    points,
    potential,
)
from jetchain.particleflow.algorithms.hgpflow import (
    Hgpflow,
    HgpflowModelSettings,
    HgpflowTrainingSettings,
    Incidence,
)
from jetchain.particleflow.algorithms.mlpf import Mlpf, MlpfModelSettings
from jetchain.particleflow.algorithms.tspn import Tspn, TspnModelSettings, assigned, errors
from jetchain.particleflow.batch import batch_of
from jetchain.particleflow.jagged import cheapest, rows_of, softmax_of
from jetchain.particleflow.messages import SCALE
from jetchain.particleflow.network import COLUMN
from jetchain.particleflow.targets import CLASSES, true_objects

PHOTON, NEUTRAL = CLASSES.index("photon"), CLASSES.index("neutral_hadron")


def arrays_of(*events):
    return event_graphs(as_read(list(events)), EventGraphSettings(track_radius=1.0))


def shared() -> FakeEvent:
    """A pion with its track and two neutral particles in one cluster, one of them in a second."""
    event = FakeEvent()
    pion = event.particle(211, pt=8.0, eta=0.1, phi=0.0)
    soft = event.particle(2112, pt=4.0, eta=0.1, phi=0.05)
    hard = event.particle(22, pt=10.0, eta=0.1, phi=0.02)
    event.cluster(16000.0, 0.1, 0.02, HCAL)
    event.cluster(2000.0, 0.1, 0.08, ECAL)
    event.rows["particle_to_node"] = [
        {"particle": pion, "topo": 1, "weight": 0.3},
        {"particle": soft, "topo": 1, "weight": 0.2},
        {"particle": hard, "topo": 1, "weight": 0.4},
        {"particle": hard, "topo": 2, "weight": 0.9},
    ]
    return event


# ------------------------------------------------------------------------------------- objects


def test_particles_of_a_node_are_ranked_and_the_softest_merged():
    event = FakeEvent()
    for pt, phi in ((3.0, 0.0), (9.0, 0.02), (2.0, 0.04), (5.0, 0.06)):
        index = event.particle(22, pt=pt, eta=0.0, phi=phi)
        event.rows["particle_to_node"].append({"particle": index, "topo": 1, "weight": 0.25})
    event.cluster(19000.0, 0.0, 0.03, ECAL)
    for per_node, expected in ((1, [19.0]), (2, [9.0, 10.0]), (3, [9.0, 5.0, 5.0]),
                               (6, [9.0, 5.0, 3.0, 2.0])):  # fmt: skip
        objects = true_objects(arrays_of(event), per_node)
        np.testing.assert_allclose(objects.momentum[:, 3], expected, rtol=1e-5)
        assert objects.rank.tolist() == [*range(len(expected))]
        assert objects.counts["merged into a more energetic one"] == 4 - len(expected)
        assert [objects.momentum[o, 3] >= e for o, e in zip(objects.of, (3, 9, 2, 5), strict=True)]


def test_several_candidates_of_a_cluster_are_its_particles_in_falling_energy():
    arrays = arrays_of(shared())
    model = Mlpf(MlpfModelSettings(hidden=8, layers=1, per_cluster=3))
    batch = batch_of(arrays, model.targets)
    label = batch.targets["label"].view(-1, 3)
    assert label.tolist()[1:] == [[PHOTON, NEUTRAL, 0], [0, 0, 0]]
    logits, _ = model(batch)
    assert logits.shape == (9, len(CLASSES))


def test_mlpf_of_several_is_mlpf():
    """And stays of several where another size is given."""
    settings = ALGORITHMS.decode("mlpf_several", {"model": {"hidden": 8}}).model
    assert ALGORITHMS.load("mlpf_several") is Mlpf
    assert Mlpf(settings).per_node == settings.per_cluster > 1


# ---------------------------------------------------------------------------------- small tools


@pytest.mark.parametrize("size", [1, 2, 3, 4])
def test_the_cheapest_assignment_is_that_of_the_hungarian_algorithm(size):
    cost = np.random.default_rng(size).normal(size=(20, size, size))
    found = cheapest(torch.from_numpy(cost)).numpy()
    for each, columns in zip(cost, found, strict=True):
        rows, expected = linear_sum_assignment(each)
        assert columns.tolist() == expected.tolist()
        assert rows.tolist() == [*range(size)]


def test_rows_hold_the_members_of_each_group_in_order():
    member, real = rows_of(torch.tensor([2, 0, 2, 2, 0]), 4)
    assert [member[g][real[g]].tolist() for g in range(4)] == [[1, 4], [], [0, 2, 3], []]
    empty, _ = rows_of(torch.zeros(0, dtype=torch.int64), 0)
    assert empty.shape == (0, 0)


def test_softmax_of_groups_is_that_of_each_with_its_gradient():
    """Of large logits too; one group is empty."""
    group = torch.tensor([2, 0, 2, 3, 2, 0])
    logit = torch.tensor([200.0, -1.0, 201.0, 3.0, -300.0, 2.0], requires_grad=True)
    upstream = torch.arange(6.0)
    one = softmax_of(logit, group, 4)
    other = torch.empty(6)
    for each in (0, 2, 3):
        other[group == each] = logit[group == each].softmax(dim=0)
    torch.testing.assert_close(one, other)
    gradients = [torch.autograd.grad((each * upstream).sum(), logit)[0] for each in (one, other)]
    torch.testing.assert_close(*gradients)


# --------------------------------------------------------------------------------------- HGPflow


def hgpflow(arrays, **sizes):
    torch.manual_seed(3)
    model = Hgpflow(HgpflowModelSettings(hidden=8, layers=1, **sizes))
    batch = batch_of(arrays, model.targets)
    return model, batch, model.entries(batch)


def test_shares_are_those_of_the_detector():
    """Of the pion through its track, and of photon and neutron as ranked at the first cluster."""
    _, batch, entries = hgpflow(arrays_of(shared()))
    keys = zip(entries.hyperedge.tolist(), entries.target.tolist(), strict=True)
    share = dict(zip(keys, batch.targets["share"].tolist(), strict=True))
    # Hyperedge = node x 2 + slot: the track is node 0, the clusters are 1 and 2.
    assert share[0, 1] == pytest.approx(0.3)
    assert share[2, 1] == pytest.approx(0.4)
    assert share[3, 1] == pytest.approx(0.2)
    assert share[2, 2] == pytest.approx(0.9)
    assert sum(share.values()) == pytest.approx(1.8)
    assert batch.targets["label"].tolist() == [CLASSES.index("charged_hadron"), 0, PHOTON, NEUTRAL,
                                               0, 0]  # fmt: skip


@torch.no_grad()
def test_the_shares_of_a_cluster_and_its_noise_add_up_to_one_in_every_step():
    model, batch, entries = hgpflow(arrays_of(random_event(1), random_event(2)), learned=3)
    steps, _ = model.refine(batch, entries)
    assert len(steps) == 3
    is_topo = batch.x[:, COLUMN["is_topo"]] > 0
    for step in steps:
        total = step.log_noise.exp().index_add(0, entries.target, step.log_share.exp())
        torch.testing.assert_close(total[is_topo], torch.ones(int(is_topo.sum())))


@torch.no_grad()
def test_the_proxy_is_the_sum_of_the_clusters_with_their_shares():
    """With corrections of zero: half of the first cluster and all of the second."""
    model, batch, entries = hgpflow(arrays_of(shared()))
    for parameter in model.properties.parameters():
        parameter.zero_()
    share = torch.full((len(entries.hyperedge),), 1e-30)
    for target, value in ((1, 0.5), (2, 1.0)):
        share[(entries.hyperedge == 2) & (entries.target == target)] = value
    step = Incidence(share.log(), torch.zeros(3), torch.zeros(6))
    _, momentum = model.particles(batch, entries, step, torch.zeros(6, 8))
    px, py, pz = (0.5 * batch.momentum[1] + batch.momentum[2])[:3]
    pt = torch.hypot(px, py)
    expected = torch.stack([pt.log(), torch.asinh(pz / pt), torch.atan2(py, px)])
    torch.testing.assert_close(momentum[2], expected)


@torch.no_grad()
def test_the_slots_of_a_cluster_take_its_particles_at_the_least_cost():
    """The paper's -I log I': the slot that already holds the photon's share keeps the photon."""
    model, batch, entries = hgpflow(arrays_of(shared()))
    share = batch.targets["share"].clamp(min=0.01)
    swapped = share.clone()
    first = (entries.hyperedge == 2).nonzero()[:, 0]
    second = (entries.hyperedge == 3).nonzero()[:, 0]
    swapped[first], swapped[second] = share[second], share[first]
    for values, expected in ((share, [PHOTON, NEUTRAL]), (swapped, [NEUTRAL, PHOTON])):
        step = Incidence(values.log(), torch.zeros(3), torch.zeros(6))
        true, label, momentum = model.assigned(batch, entries, step)
        assert label[2:4].tolist() == expected
        assert true[first].sum() == pytest.approx(1.3 if expected[0] == PHOTON else 0.2)
        assert momentum[2 + expected.index(PHOTON), 0] == pytest.approx(10.0, rel=1e-4)
        assert label[0] == CLASSES.index("charged_hadron")


def test_a_cluster_of_no_particle_costs_its_noise_and_its_empty_slots():
    event = FakeEvent()
    event.cluster(500.0, 0.5, 0.0, ECAL)
    model, batch, entries = hgpflow(arrays_of(event))
    value, _ = model.loss(batch, HgpflowTrainingSettings())
    steps, _ = model.refine(batch, entries)
    expected = torch.stack(
        [-step.log_noise[0] + torch.nn.functional.softplus(step.indicator).mean() for step in steps]
    ).mean()
    torch.testing.assert_close(value, expected)


def test_clusters_weigh_with_the_power_of_their_pt():
    """Of two clusters without a particle, each with its noise and empty slots; at power 1/2."""
    event = FakeEvent()
    event.cluster(500.0, 0.5, 0.0, ECAL)
    event.cluster(90000.0, 0.5, 2.0, HCAL)
    model, batch, entries = hgpflow(arrays_of(event))
    value, _ = model.loss(batch, HgpflowTrainingSettings(pt_power=0.5))
    steps, _ = model.refine(batch, entries)
    each = torch.stack([
        -step.log_noise + torch.nn.functional.softplus(step.indicator).view(2, 2).mean(dim=1)
        for step in steps
    ]).mean(dim=0)  # fmt: skip
    weight = torch.hypot(*batch.momentum[:, :2].T).sqrt()
    assert weight[1] > 10 * weight[0]
    torch.testing.assert_close(value, (weight @ each) / weight.sum())


@torch.no_grad()
def test_neutral_proxies_are_the_clusters_less_what_tracks_and_noise_have():
    """With corrections of zero nothing of the clusters is lost and nothing counted twice."""
    model, batch, entries = hgpflow(arrays_of(random_event(5, charged=6, neutral=8)))
    for parameter in model.properties.parameters():
        parameter.zero_()
    steps, hyper = model.refine(batch, entries)
    step = steps[-1]
    _, momentum = model.particles(batch, entries, step, hyper)
    neutral = (batch.x[:, COLUMN["is_topo"]] > 0).repeat_interleave(2)
    pt, eta, phi = momentum[neutral].double().T
    pt = pt.exp()
    found = torch.stack([pt * phi.cos(), pt * phi.sin(), pt * eta.sinh()], dim=1).sum(dim=0)
    of_tracks = slice(None, entries.of_tracks)
    gone = step.log_noise.exp().index_add(
        0, entries.target[of_tracks], step.log_share.exp()[of_tracks]
    )
    left = (1 - gone) * (batch.x[:, COLUMN["is_topo"]] > 0)
    assert entries.of_tracks > 0
    torch.testing.assert_close(found.float(), left @ batch.momentum[:, :3], rtol=1e-3, atol=1e-3)


# --------------------------------------------------------------------------- object condensation


def test_potential_is_the_papers_of_four_nodes():
    """Nodes 0, 1 of one object, 2 of another, 3 noise; all in one event."""
    place = torch.tensor([[0.0, 0.0], [0.3, 0.4], [0.6, 0.0], [0.0, 0.2]])
    charge = torch.tensor([2.0, 0.5, 1.0, 0.25])
    owner, event = torch.tensor([0, 0, 1, -1]), torch.zeros(4, dtype=torch.int64)
    point = torch.tensor([0, 2])
    apart = lambda a, b: float((place[a] - place[b]).norm())  # noqa: E731
    expected = 0.0
    for node, (k, p) in itertools.product(range(4), enumerate([0, 2])):
        own = owner[node] == k
        each = apart(node, p) ** 2 if own else max(0.0, 1.0 - apart(node, p))
        expected += float(charge[node] * charge[p]) * each / 4
    assert float(potential(place, charge, event, owner, point)) == pytest.approx(expected, rel=1e-4)
    nothing = torch.full((4,), -1)
    assert float(potential(place, charge, event, nothing, point[:0])) == 0


def test_points_are_the_nodes_of_largest_beta_of_their_objects():
    owner = torch.tensor([1, 0, 1, -1, 0, 2])
    score = torch.tensor([0.2, 0.9, 0.4, 1.0, 0.1, 0.3])
    assert points(score, owner).tolist() == [1, 2, 5]


def test_points_condense_in_falling_beta_tracks_first():
    """Node 1 lies near the track 0; 2 and 3 near each other; 4 has too small a beta; event 1 has
    a node at the place of the track, and a track of too small a beta (of a conversion)."""
    place = torch.tensor([[0.0], [0.5], [3.0], [3.5], [9.0], [0.0], [5.0]])
    beta = torch.tensor([0.85, 0.95, 0.86, 0.9, 0.4, 0.9, 0.1])
    is_track = torch.tensor([True, False, False, False, False, False, True])
    event = torch.tensor([0, 0, 0, 0, 0, 1, 1])
    found = condensed(beta, place, is_track, event, CondensationModelSettings())
    assert found.tolist() == [0, 3, 5]


def test_a_cluster_is_of_the_particle_that_left_most_in_it():
    """Of the photon both; the neutron, everywhere the smaller part, is no object."""
    model = Condensation(CondensationModelSettings(hidden=8, layers=1))
    targets = batch_of(arrays_of(shared()), model.targets).targets
    owner = targets["object"].tolist()
    assert owner[1] == owner[2] != owner[0]
    assert sorted({*owner}) == [0, 1]
    # Each cluster shows the photon, as seen from itself; the track shows the pion.
    assert targets["label"].tolist() == [CLASSES.index("charged_hadron"), PHOTON, PHOTON]
    seen = batch_of(arrays_of(shared())).momentum[1:, 3].log() + targets["regression"][1:, 1]
    torch.testing.assert_close(seen[0], seen[1])


def test_crowded_events_are_learned_by_heart_in_a_few_steps():
    """Each neutral object gets a point, and nothing else does. Of places that begin as one every
    beta falls at first: no object at all is found by then."""
    events = [random_event(seed, charged=40, neutral=80) for seed in range(2)]
    torch.manual_seed(0)
    model = Condensation(CondensationModelSettings())
    batch = batch_of(arrays_of(*events), model.targets)
    model.standardise(lambda: [batch])
    optimiser = torch.optim.AdamW(model.parameters(), lr=5e-3)
    for _ in range(40):
        optimiser.zero_grad()
        model.loss(batch, CondensationTrainingSettings())[0].backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
    with torch.no_grad():
        beta, place, *_ = model(batch)
        is_track = batch.x[:, COLUMN["is_track"]] > 0
        found = condensed(beta, place, is_track, batch.event, model.settings)
        true = points(beta + 2.0 * is_track, batch.targets["object"])
    true, found = true[~is_track[true]], found[~is_track[found]]
    assert len(true) == 160
    matched = torch.isin(true, found).sum()
    assert matched > 0.85 * len(true)
    assert matched > 0.95 * len(found)


def test_no_object_gains_by_a_smaller_weight():
    """Of a single node each, the mean is plain and has no gradient in the weights; of two nodes it
    is weighted."""
    values = torch.tensor([1.0, 5.0, 3.0, 7.0])
    weight = torch.tensor([10.0, 0.5, 1.0, 3.0], requires_grad=True)
    alone = mean_of_objects(values, weight, torch.tensor([0, 1, 4, 2]))
    assert float(alone.detach()) == pytest.approx(4.0)
    (gradient,) = torch.autograd.grad(alone, weight)
    torch.testing.assert_close(gradient, torch.zeros(4), atol=1e-6, rtol=0)
    paired = mean_of_objects(values, weight, torch.tensor([0, 1, 2, 2]))
    assert float(paired.detach()) == pytest.approx((1 + 5 + (3 * 1 + 7 * 3) / 4) / 3)


def test_the_space_begins_as_the_calorimeter():
    """Without displacement two clusters lie as far apart as in it, in the unit of the edges;
    further dimensions begin at 0."""
    event = FakeEvent()
    event.cluster(5000.0, 0.30, 3.10, ECAL)
    event.cluster(5000.0, 0.34, -3.10, ECAL)
    model = Condensation(CondensationModelSettings(hidden=8, layers=1, dimensions=5))
    for parameter in model.place.parameters():
        torch.nn.init.zeros_(parameter)
    place = model(batch_of(arrays_of(event)))[1].detach()
    d_phi = 2 * np.pi - 6.2
    chord = 2 * np.sin(d_phi / 2)
    expected = np.hypot(0.04, chord) / SCALE
    # Cells shift the centres by a little.
    assert float((place[0] - place[1]).norm()) == pytest.approx(expected, rel=0.02)
    assert not place[:, 3:].any()


# ---------------------------------------------------------------------------------------- TSPN-SA


def test_errors_are_weighted_with_pt_and_wrap_in_azimuth():
    found = torch.tensor([np.log(20.0), 0.1, 3.1], dtype=torch.float64)
    true = torch.tensor([10.0, 0.0, -3.1], dtype=torch.float64)
    d_phi = 6.2 - 2 * np.pi
    expected = (1 + 0.1) * (np.log(2) ** 2 + 100 * (0.1**2 + d_phi**2))
    assert float(errors(found, true)) == pytest.approx(expected)


def test_particles_of_a_square_go_to_its_first_slots_at_the_least_cost():
    random = torch.Generator().manual_seed(1)
    momentum = torch.randn(3, 4, 3, generator=random)
    kinds = torch.randn(3, 4, 2, generator=random)
    true = {
        "number": torch.tensor([3, 0, 2]), "kind": torch.randint(0, 2, (3, 4), generator=random),
        "momentum": torch.rand(3, 4, 3, generator=random) + 0.5,
    }  # fmt: skip
    square, particle, slot = assigned(momentum, kinds, true)
    log_kind = torch.log_softmax(kinds, dim=2)
    for which, n in ((0, 3), (2, 2)):
        mine = square == which
        assert particle[mine].tolist() == [*range(n)]

        def cost(order, which=which):
            return sum(
                float(errors(momentum[which, s], true["momentum"][which, p])
                      - log_kind[which, s, true["kind"][which, p]])
                for p, s in enumerate(order)
            )  # fmt: skip

        best = min(itertools.permutations(range(n)), key=cost)
        assert slot[mine].tolist() == [*best]
    assert not (square == 1).any()


def test_a_square_holds_the_particles_of_its_clusters_in_falling_pt():
    model = Tspn(TspnModelSettings(hidden=8, layers=1, slots=4))
    batch = batch_of(arrays_of(shared()), model.targets)
    squares, targets = model.squares(batch), batch.targets
    assert squares.of.tolist() == [-1, 0, 0]
    assert squares.real.sum() == 2
    assert targets["number"].tolist() == [2]
    np.testing.assert_allclose(targets["momentum"][0, :2, 0], [10.0, 4.0], rtol=1e-4)
    assert targets["kind"][0, :2].tolist() == [1, 0]
    assert targets["label"][0] == CLASSES.index("charged_hadron")


@torch.no_grad()
def test_slots_share_every_cluster():
    """The attention of a cluster over the slots adds up to one."""
    torch.manual_seed(2)
    model = Tspn(TspnModelSettings(hidden=8, layers=1, slots=4))
    batch = batch_of(arrays_of(random_event(3)))
    squares = model.squares(batch)
    inside, together = model.content(batch, model.encoded(batch)[0], squares)
    number = torch.arange(len(squares.centre)) % 4 + 1
    *_, attention = model.particles(batch, squares, inside, together, number)
    real = squares.real
    torch.testing.assert_close(attention.sum(dim=1)[real], torch.ones(int(real.sum())))
    there = torch.arange(4) < number[:, None]
    assert attention[~there].max() < 1e-6  # slots that are not there see nothing
