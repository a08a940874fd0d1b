"""Matching and figures of merit: perfect and flawed reconstructions with known answers."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from helpers.detected import FakeEvent, write_detected
from helpers.reconstructed import write_reco
from jetchain.core.errors import ConfigurationError, DataError, EmptySampleError
from jetchain.core.histograms import load_histograms
from jetchain.core.io.tables import read_json
from jetchain.core.schema.particleflow import PARTICLE_CLASSES
from jetchain.particleflow.evaluate import compare_event, evaluate, quantile_summary, true_class
from jetchain.particleflow.matching import match_particles
from jetchain.particleflow.settings import EvaluationSettings

SETTINGS = EvaluationSettings()
PDGID = (211, 130, 22, 11, 13, -2212, -211)


def make_truth(random: np.random.Generator, events: int = 20) -> list[FakeEvent]:
    result = []
    for number in range(events):
        event = FakeEvent(number=number)
        for pdgid in random.choice(PDGID, 12):
            eta, phi = random.uniform(-2.4, 2.4), random.uniform(-3.1, 3.1)
            event.particle(int(pdgid), 1.1 + random.exponential(10.0), eta, phi)
        event.cluster(30_000.0, 0.0, 0.0, [0, 1, 0, 0, 0, 0])
        result.append(event)
    return result


def perfect(events: list[FakeEvent]) -> list[list[dict]]:
    """Reconstructed particles equal to the true ones: rows of pt (GeV), eta, phi, e, label."""
    return [
        [
            {"pt": 1e-3 * row["pt"], "eta": row["eta"], "phi": row["phi"], "e": 1e-3 * row["e"],
             "label": int(true_class(np.array([row["pdgid"]]), row["charge"])[0])}
            for row in event.rows["particle"]
        ]
        for event in events
    ]  # fmt: skip


@pytest.fixture
def run(tmp_path):
    def evaluated(events, rows, settings=SETTINGS):
        evaluate(
            particles=[write_reco(tmp_path / "particles.root", events, rows)],
            detected=[write_detected(tmp_path / "detected.root", events)],
            performance=tmp_path / "performance.json",
            histograms=tmp_path / "histograms.json",
            settings=settings,
        )
        return read_json(tmp_path / "performance.json")

    return evaluated


def test_perfect_reconstruction(run, tmp_path):
    events = make_truth(np.random.default_rng(5))
    result = run(events, perfect(events))
    assert result["true_particles"] == {"all": 240, "in_acceptance": 240}
    for name in (*PARTICLE_CLASSES, "charged", "neutral", "all"):
        group = result["groups"][name]
        assert group["efficiency"]["overall"]["value"] == 1
        assert group["fake_rate"]["overall"]["value"] == 0
        assert group["purity"]["overall"]["value"] == 1
        assert group["response"]["overall"]["median"] == pytest.approx(1, abs=1e-5)
        assert group["response"]["overall"]["width"] == pytest.approx(0, abs=1e-5)
    confusion = np.array(result["confusion"])
    assert np.all(confusion == np.diag(np.diag(confusion)))
    assert confusion.sum() == 240
    assert result["cone"]["pflow"]["median"] == pytest.approx(1, abs=1e-5)
    histograms = load_histograms(tmp_path / "histograms.json")
    filled = sum(histograms[f"residual_{name}"].sum(flow=True).value for name in PARTICLE_CLASSES)
    assert filled == 240


def dense(random: np.random.Generator, events: int) -> list[FakeEvent]:
    """Jets: 60 particles within some 0.2 of an axis."""
    result = []
    for number in range(events):
        event = FakeEvent(number=number)
        for pdgid in random.choice(PDGID, 60):
            eta, phi = random.normal(0.0, 0.2, 2)
            event.particle(int(pdgid), 1.1 + random.exponential(10.0), eta, phi)
        event.cluster(30_000.0, 0.0, 0.0, [0, 1, 0, 0, 0, 0])
        result.append(event)
    return result


def test_particles_turned_away_are_not_found(run):
    """The efficiency of particles off by 0.1 in azimuth is the floor that stands beside it."""
    events = dense(np.random.default_rng(11), 20)
    rows = perfect(events)
    found = run(events, rows)["groups"]
    for row in itertools.chain.from_iterable(rows):
        row["phi"] += 2 * SETTINGS.max_distance
    turned = run(events, rows)["groups"]
    for name in ("charged", "neutral", "photon"):
        assert found[name]["efficiency"]["overall"]["value"] == 1
        floor = found[name]["floor"]["overall"]["value"]
        assert 0 < floor < 0.7
        assert turned[name]["efficiency"]["overall"]["value"] == pytest.approx(floor, abs=0.01)


def test_composition_is_the_share_of_each_class_in_pt(run):
    """By sample, which is the folder of the file; a sum over no particle is no division by 0."""
    events = make_truth(np.random.default_rng(12))
    rows = perfect(events)
    (shares,) = run(events, rows)["composition"].values()
    assert sum(shares["truth"]) == pytest.approx(1)
    np.testing.assert_allclose(shares["reconstructed"], shares["truth"], atol=1e-5)
    for row in itertools.chain.from_iterable(rows):
        row["label"] = 2
    (shares,) = run(events, rows)["composition"].values()
    assert shares["reconstructed"] == pytest.approx([0, 0, 1, 0, 0])
    (shares,) = run(events, [[] for _ in rows])["composition"].values()
    assert shares["reconstructed"] == [0, 0, 0, 0, 0]


@pytest.mark.shared
def test_a_sample_without_events_has_no_composition(tmp_path):
    made = make_truth(np.random.default_rng(3))[:2]
    pairs = []
    for sample, events in (("some", made), ("none", [])):
        (tmp_path / sample).mkdir()
        pairs.append(
            (write_reco(tmp_path / sample / "p.root", events, perfect(events)),
             write_detected(tmp_path / sample / "d.root", events))
        )  # fmt: skip
    particles, detected = zip(*pairs, strict=True)
    evaluate(
        particles=list(particles), detected=list(detected), performance=tmp_path / "p.json",
        histograms=tmp_path / "h.json", settings=SETTINGS,
    )  # fmt: skip
    assert list(read_json(tmp_path / "p.json")["composition"]) == ["some"]


def test_errors_of_the_composition_are_the_spread_of_repeated_samples(run):
    """Of reconstruction minus truth: a perfect one has none, whatever the events hold."""
    toys = []
    for seed in range(12):
        random = np.random.default_rng(seed)
        events = make_truth(random, 25)
        rows = perfect(events)
        (shares,) = run(events, rows)["composition"].values()
        assert shares["error"] == pytest.approx([0.0] * 5, abs=1e-6)
        for row in itertools.chain.from_iterable(rows):
            row["label"] = 2 if row["label"] == 1 and random.random() < 0.3 else row["label"]
        toys.append(*run(events, rows)["composition"].values())
    moved = np.array([np.subtract(toy["reconstructed"], toy["truth"]) for toy in toys])
    errors = np.array([toy["error"] for toy in toys])
    # Of neutral hadrons and photons; the spread of 12 values is known to 20 %.
    np.testing.assert_allclose(errors[:, 1:3].mean(axis=0), moved[:, 1:3].std(0, ddof=1), rtol=0.6)


def test_missing_and_extra_particles_are_counted(run):
    """Without the first particle of each event, and with one photon where nothing is."""
    events = make_truth(np.random.default_rng(6))
    rows = perfect(events)
    dropped = [row.pop(0)["label"] for row in rows]
    for row in rows:
        row.append({"pt": 40.0, "eta": 2.45, "phi": 3.14, "e": 250.0, "label": 2})
    result = run(events, rows)
    overall = {key: result["groups"]["all"][key]["overall"] for key in ("efficiency", "fake_rate")}
    assert (overall["efficiency"]["passed"], overall["efficiency"]["total"]) == (220, 240)
    assert (overall["fake_rate"]["passed"], overall["fake_rate"]["total"]) == (20, 240)
    for label, name in enumerate(PARTICLE_CLASSES):
        fakes = result["groups"][name]["fake_rate"]["overall"]["passed"]
        assert fakes == (20 if name == "photon" else 0)
        efficiency = result["groups"][name]["efficiency"]["overall"]
        assert efficiency["total"] - efficiency["passed"] == dropped.count(label)


def test_wrong_classes_lower_the_purity_and_nothing_else(run):
    events = make_truth(np.random.default_rng(7))
    rows = perfect(events)
    for row in itertools.chain.from_iterable(rows):
        if row["label"] == 2:
            row["label"] = 1  # every photon is called a neutral hadron
    result = run(events, rows)
    confusion = np.array(result["confusion"])
    assert confusion[2, 2] == 0
    assert confusion[2, 1] > 0
    assert result["groups"]["neutral"]["efficiency"]["overall"]["value"] == 1
    expected = confusion[1, 1] / (confusion[1, 1] + confusion[2, 1])
    assert result["groups"]["neutral_hadron"]["purity"]["overall"]["value"] == expected
    assert result["groups"]["charged"]["purity"]["overall"]["value"] == 1


def test_charged_and_neutral_never_match(run):
    events = make_truth(np.random.default_rng(8))
    rows = perfect(events)
    for row in itertools.chain.from_iterable(rows):
        row["label"] = 0 if row["label"] in (1, 2) else 1
    result = run(events, rows, EvaluationSettings(max_distance=0.01))
    assert result["groups"]["all"]["efficiency"]["overall"]["value"] == 0
    assert result["groups"]["all"]["fake_rate"]["overall"]["value"] == 1
    assert result["groups"]["all"]["purity"]["overall"]["value"] is None


def test_smeared_momenta_give_their_resolution(run):
    random = np.random.default_rng(9)
    events = make_truth(random, 100)
    rows = perfect(events)
    for row in itertools.chain.from_iterable(rows):
        row["pt"] *= 0.9 * random.normal(1.0, 0.05)
    overall = run(events, rows)["groups"]["all"]["response"]["overall"]
    assert overall["entries"] > 1100
    assert overall["median"] == pytest.approx(0.9, abs=4 * overall["median_error"])
    # IQR of a normal distribution = 1.349 sigma.
    assert overall["width"] == pytest.approx(1.349 * 0.05, abs=4 * overall["width_error"])


def test_only_particles_in_the_acceptance_are_counted(run):
    """Three of four pions are found, one of them with 1.3 times its pT, and one where none is.

    Beyond |eta| = 2.5, where neither is counted, one is lost and two are made up.
    """
    event = FakeEvent()
    for pt, eta in ((8.0, 0.0), (8.0, 0.5), (30.0, 1.0), (30.0, 1.5), (8.0, 2.7)):
        event.particle(211, pt, eta, 0.0)
    rows = perfect([event])[0]
    rows[0]["pt"] *= 1.3  # into the next bin
    lost = rows[3], rows[4]
    extra = [{**rows[0], "pt": 15.0, "eta": eta, "phi": 3.0} for eta in (0.0, 2.6, -2.6)]
    rows = [row for row in rows if row not in lost] + extra
    pions = run([event], [rows], EvaluationSettings(pt_edges=[1.0, 10.0, 20.0, 50.0]))["groups"][
        "charged_hadron"
    ]
    for key, overall, passed, total in (
        ("efficiency", (3, 4), [2, 0, 1], [2, 0, 2]),  # by the true pT
        ("fake_rate", (1, 4), [0, 1, 0], [1, 2, 1]),  # by the reconstructed one
        ("purity", (3, 3), [1, 1, 1], [1, 1, 1]),
    ):
        found = pions[key]
        assert (found["overall"]["passed"], found["overall"]["total"]) == overall
        assert (found["passed"], found["total"]) == (passed, total)


def test_residuals_are_positive_where_the_reconstructed_pt_is_larger(run, tmp_path):
    events = make_truth(np.random.default_rng(17))
    rows = perfect(events)
    for row in itertools.chain.from_iterable(rows):
        row["pt"] *= 1.26
    run(events, rows)
    for name in PARTICLE_CLASSES:
        histogram = load_histograms(tmp_path / "histograms.json")[f"residual_{name}"]
        (filled,) = np.flatnonzero(histogram.values())
        assert histogram.axes[0].edges[filled] == pytest.approx(0.25)


def test_the_cone_ends_at_its_radius():
    """Particles of 100, 10 and 5 GeV at 0, 0.7 and 1.0: the axis of what lies inside is 0.06."""
    truth = np.array([[100.0, 0.0, 0.0, 100.0], [10.0, 0.7, 0.0, 12.0], [5.0, 1.0, 0.0, 7.0]])
    pions = np.zeros(3, dtype=int)
    _, _, (cone,) = compare_event((truth, pions), truth[2:], (truth[1:], pions[1:]), SETTINGS)
    assert cone["truth_pt"] == pytest.approx(110.0)
    assert cone["pflow_pt"] == pytest.approx(10.0)
    assert cone["topo_pt"] == 0.0


def test_errors_of_the_quantiles_are_their_spread():
    random = np.random.default_rng(10)
    toys = [quantile_summary(random.normal(1.0, 0.1, 400)) for _ in range(600)]
    for key in ("median", "width"):
        spread = np.std([getattr(toy, key) for toy in toys])
        assert np.mean([getattr(toy, f"{key}_error") for toy in toys]) == pytest.approx(
            spread, rel=0.12
        )


def test_intervals_cover():
    """The central 68 % interval holds the true efficiency in at least about 68 % of the toys."""
    from jetchain.particleflow.evaluate import _fraction

    random = np.random.default_rng(11)
    edges = np.arange(401.0)
    pt = np.repeat(edges[:-1] + 0.5, 40)
    result = _fraction(random.random(len(pt)) < 0.9, pt, edges)
    covered = (np.array(result.low) <= 0.9) & (np.array(result.high) >= 0.9)
    assert covered.mean() > 0.65
    assert np.all(np.array(result.low) <= np.array(result.value))
    assert np.all(np.array(result.high) >= np.array(result.value))


def test_assignment_is_the_cheapest_of_all():
    """Against all permutations of four particles."""
    random = np.random.default_rng(12)
    truth, reco = (
        np.column_stack([random.uniform(5, 15, 4), random.normal(0, 0.05, (4, 2))]) for _ in "ab"
    )

    def cost(order) -> float:
        r = reco[list(order)]
        pull = (r[:, 0] - truth[:, 0]) / truth[:, 0]
        return float(np.sqrt(pull**2 + ((r[:, 1:] - truth[:, 1:]) ** 2).sum(axis=1)).sum())

    first, second = match_particles(truth, reco, max_cost=10.0, max_distance=10.0)
    assert first.tolist() == [0, 1, 2, 3]
    assert cost(second) == pytest.approx(min(map(cost, itertools.permutations(range(4)))))


def test_matches_wrap_in_azimuth_and_end_at_the_limits():
    truth = np.array([[10.0, 0.0, np.pi - 0.01]])
    near = np.array([[10.0, 0.0, -np.pi + 0.01]])
    assert len(match_particles(truth, near, 1.0, 0.05)[0]) == 1
    assert len(match_particles(truth, near, 1.0, 0.015)[0]) == 0
    assert len(match_particles(truth, near * [2.1, 1, 1], 1.0, 0.05)[0]) == 0
    assert len(match_particles(truth, np.zeros((0, 3)), 1.0, 0.05)[0]) == 0


def test_order_of_particles_does_not_matter(run):
    random = np.random.default_rng(13)
    events = make_truth(random)
    rows = perfect(events)
    for row in itertools.chain.from_iterable(rows):
        row["pt"] *= random.normal(1.0, 0.2)
    first = run(events, rows)
    shuffled = [[row[i] for i in random.permutation(len(row))] for row in rows]
    second = run(events, shuffled)
    sums = [next(iter(each.pop("composition").values())) for each in (first, second)]
    assert second == first
    for name in ("truth", "reconstructed"):  # but for the order of the sums
        np.testing.assert_allclose(sums[1][name], sums[0][name], rtol=1e-9)


def test_only_the_first_events_are_used(run):
    """Those are held out of the training of networks."""
    events = make_truth(np.random.default_rng(14), 6)
    rows = perfect(events)
    for row in rows[2:]:
        row.clear()
    result = run(events, rows, EvaluationSettings(max_events=2))
    assert result["events"] == 2
    assert result["groups"]["all"]["efficiency"]["overall"]["value"] == 1


# ------------------------------------------------------------------------------- bad input


def test_files_of_other_events_are_refused(tmp_path):
    events = make_truth(np.random.default_rng(15), 3)
    with pytest.raises(DataError, match="same events"):
        evaluate(
            particles=[write_reco(tmp_path / "p.root", events[:2], perfect(events[:2]))],
            detected=[write_detected(tmp_path / "d.root", events)],
            performance=tmp_path / "performance.json",
            histograms=tmp_path / "histograms.json",
            settings=SETTINGS,
        )


def test_lists_of_unequal_length_are_refused(tmp_path):
    with pytest.raises(ConfigurationError, match="1 files of particles and 2"):
        evaluate(
            particles=[tmp_path / "p.root"],
            detected=[tmp_path / "a.root", tmp_path / "b.root"],
            performance=tmp_path / "performance.json",
            histograms=tmp_path / "histograms.json",
            settings=SETTINGS,
        )


def test_nothing_in_the_acceptance_is_refused(run):
    events = make_truth(np.random.default_rng(16), 2)
    with pytest.raises(EmptySampleError, match="acceptance"):
        run(events, perfect(events), EvaluationSettings(minimum_pt=1e4))
