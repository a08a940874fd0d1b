"""The ABCD method, its closure, and the normalisation of the search."""

import numpy as np
import pytest

from helpers.dijets import MASS_RANGE, SIGNAL_REGION, dijet_tables
from jetchain.background import abcd, closure, normalisation
from jetchain.background.settings import AbcdJob, NormalisationJob
from jetchain.core.dijets import inside
from jetchain.core.errors import DataError, EmptySampleError
from jetchain.core.io.tables import read_csv, read_result, write_json, write_result
from jetchain.core.io.tensors import write_tensors
from jetchain.core.luminosity import luminosity
from jetchain.core.schema.anomaly import (
    DIJET_TRUTH,
    DIJETS,
    SCORES,
    DijetCutflow,
    SelectionCounts,
)
from jetchain.core.schema.background import AbcdClosure, Normalisation, SearchYields

NORMALISATION = Normalisation(
    luminosity_fb=10.0,
    signal_acceptance=0.7,
    reference_events=300,
    reference_cross_section_fb=42.0,
    injected_events=60,
    injected_cross_section_fb=8.4,
)


def test_abcd_of_independent_cuts():
    random = np.random.default_rng(1)
    everything = np.ones(20_000, dtype=bool)
    pulls = [
        abcd.count(random.uniform(size=(20_000, 2)), (0.9, 0.8), everything).pull
        for _ in range(200)
    ]
    # A and the prediction share no event: the pull is N(0, 1), its mean known to 0.07.
    assert abs(np.mean(pulls)) < 0.25
    assert 0.85 < np.std(pulls) < 1.15


def test_counts_and_contamination_by_hand():
    plane = np.array([[0.9, 0.9], [0.9, 0.1], [0.1, 0.9], [0.1, 0.1], [0.2, 0.2], [0.5, 0.5]])
    counts = abcd.count(plane, (0.5, 0.15), np.array([1, 1, 1, 1, 1, 1]) == 1)
    assert (counts.a, counts.b, counts.c, counts.d) == (2, 1, 2, 1)
    assert counts.prediction == 2.0
    counts = abcd.Counts(25, 100, 200, 1000)
    assert (counts.prediction, counts.closure, counts.kappa) == (20.0, 0.8, 1.25)
    # 10 %, 7.1 % and 3.2 % of 20; the pull also has the fluctuation of 25 events.
    assert counts.prediction_error == pytest.approx(20 * np.sqrt(0.016))
    assert counts.pull == pytest.approx(5 / np.sqrt(25 + 6.4))
    signal, background = abcd.Counts(50, 10, 10, 5), abcd.Counts(10, 100, 200, 1000)
    # d_A = 5, d_B = 0.1, d_C = 0.05, d_D = 0.005.
    assert abcd.contamination(signal, background) == pytest.approx((0.1 + 0.05 - 0.005) / 5)
    with pytest.raises(EmptySampleError, match="Region D"):
        _ = abcd.Counts(1, 1, 1, 0).prediction


def _toy_dijets(number: int, signal: bool, random: np.random.Generator):
    """Ranks, independent of the mass, and masses; 40 % of the signal lies in the sidebands."""
    if signal:
        return 1 - random.exponential(0.15, (number, 2)), 3.5 + 0.24 * random.standard_normal(
            number
        )
    return random.uniform(size=(number, 2)), 2.8 + random.exponential(0.6, number)


def _counted(plane, m_jj, cuts):
    found = abcd.count(plane, cuts, inside(m_jj, SIGNAL_REGION))
    return found, abcd.correction(plane, cuts, m_jj, SIGNAL_REGION, MASS_RANGE)


@pytest.mark.parametrize("strength", [0.0, 1.0, 2.0])
def test_the_four_counts_give_the_injected_strength(strength):
    random, cuts = np.random.default_rng(5), (0.8, 0.85)
    plane, m_jj = _toy_dijets(20_000, True, random)
    in_region, mass = inside(m_jj, SIGNAL_REGION), 3.48
    signal = np.array(abcd.count(plane, cuts, in_region).all) / 100  # of 200 events
    found, naive = [], []
    for _ in range(300):
        events = [
            _toy_dijets(random.poisson(number), signal, random)
            for number, signal in ((20_000, False), (200 * strength, True))
        ]
        ranks, masses = (np.concatenate(parts) for parts in zip(*events, strict=True))
        seen, kappa = _counted(ranks, masses, cuts)
        background, _ = kappa.estimate(seen, mass)
        absorbed = 200 * background * kappa.response(plane, m_jj, mass).mean()
        net = signal - [absorbed, 0, 0, 0]
        left = [np.array(seen.all) - mu * net for mu in (0.0, 1.0)]
        # Linear in mu for small signals: what A has above kappa B C / D.
        excess = [a - kappa.kappa(mass)[0] * b * c / d for a, b, c, d in left]
        found.append(excess[0] / (excess[0] - excess[1]))
        naive.append(excess[0] / signal[0])
    error = np.std(found) / np.sqrt(300)
    assert np.mean(found) == pytest.approx(strength, abs=3 * error + 0.03 * strength)
    if strength:  # and the test would notice: the signal in A alone is not enough
        assert np.mean(naive) < strength - 6 * error


def test_the_response_is_the_derivative_of_log_kappa():
    random, cuts = np.random.default_rng(6), (0.8, 0.85)
    plane, m_jj = _toy_dijets(100_000, False, random)
    _, kappa = _counted(plane, m_jj, cuts)
    before = np.log(kappa.kappa(3.5)[0])
    for first, second in ((0.9, 0.9), (0.9, 0.1), (0.1, 0.9), (0.1, 0.1)):
        for mass in (2.9, 3.5, 4.5, 9.0):
            more = np.array([[first, second]])
            predicted = kappa.response(more, np.array([mass]), 3.5)
            # The same slices, for an event moves no edge to first order.
            counts = tuple(
                abcd.count(np.concatenate([plane, more]), cuts, inside(np.append(m_jj, mass), each))
                for each in kappa.slices
            )
            moved = abcd.Correction(cuts, kappa.slices, kappa.masses, counts)
            step = np.log(moved.kappa(3.5)[0]) - before
            # To first order: 1 / N against log(1 + 1 / N), in regions of some hundred events.
            assert predicted[0] == pytest.approx(step, rel=0.1, abs=1e-9)


def _of_kappa(*kappas: float, masses=(3.0, 3.2, 4.0, 4.6), events: float = 1.0) -> abcd.Correction:
    counts = tuple(abcd.Counts(100 * k * events, 400 * events, 400 * events, 1600 * events)
                   for k in kappas)  # fmt: skip
    return abcd.Correction((0.5, 0.5), ((0.0, 1.0),) * len(kappas), np.array(masses), counts)


def test_kappa_is_interpolated_in_the_mass():
    constant = _of_kappa(1.25, 1.25, 1.25, 1.25)
    assert constant.kappa(3.5)[0] == pytest.approx(1.25)
    assert (constant.slope, constant.chi2, constant.ndf) == (pytest.approx(0), pytest.approx(0), 2)
    rising = _of_kappa(*np.exp(0.2 * (np.array([3.0, 3.2, 4.0, 4.6]) - 3.5)))
    # One kappa for all masses would be 1.02 here, that of both sidebands.
    assert rising.kappa(3.5)[0] == pytest.approx(1.0)
    assert rising.kappa(3.7)[0] == pytest.approx(np.exp(0.04))
    assert rising.slope == pytest.approx(0.2)
    background, error = constant.estimate(abcd.Counts(70, 100, 200, 400), 3.5)
    assert background == pytest.approx(1.25 * 50)
    relative = np.hypot(constant.kappa(3.5)[1], np.sqrt(1 / 100 + 1 / 200 + 1 / 400))
    assert error == pytest.approx(1.25 * 50 * relative)


def test_the_line_is_the_weighted_least_squares_of_numpy():
    kappa = _of_kappa(1.3, 0.9, 1.2, 1.1)
    coefficients, covariance = np.polyfit(
        kappa.masses - 3.5, kappa.logs, 1, w=1 / np.sqrt(kappa.variances), cov="unscaled"
    )
    value, uncertainty = kappa.kappa(3.5)
    assert np.log(value) == pytest.approx(coefficients[1])
    scale = max(1, kappa.chi2 / 2)
    assert uncertainty == pytest.approx(np.sqrt(scale * covariance[1, 1]))


def test_a_correction_that_is_no_line_in_the_mass_is_uncertain():
    straight, bent = _of_kappa(1, 1, 1, 1, events=100), _of_kappa(1.2, 0.8, 0.8, 1.2, events=100)
    assert bent.kappa(3.5)[1] > 5 * straight.kappa(3.5)[1]
    # As many events as there may be: what does not follow the line stays.
    assert _of_kappa(1.2, 0.8, 0.8, 1.2, events=1e6).kappa(3.5)[1] > 0.05


def test_the_cuts_keep_the_fraction_and_favour_the_stronger_output():
    random = np.random.default_rng(1)
    background = random.uniform(size=(20_000, 2))
    # The first output separates well, the second hardly: the first cut does the work.
    signal = np.stack([random.uniform(0.9, 1, 500), random.uniform(0.2, 1, 500)], axis=1)
    cuts = abcd.choose_cuts(background, signal, 0.02)
    assert np.mean((background >= cuts).all(axis=1)) == pytest.approx(0.02, abs=1e-3)
    assert cuts[0] > 0.95
    assert cuts[1] < 0.5
    # Half of the signal fails the second output, whatever its cut: the tight first cut alone would
    # keep most of it, but puts so much into region B that nothing is left of the excess.
    split = np.stack(
        [random.uniform(0.9, 1, 500), np.where(random.uniform(size=500) < 0.5, 0.1, 0.97)], axis=1
    )
    assert abcd.choose_cuts(background, split, 0.02)[1] > 0.85
    with pytest.raises(EmptySampleError, match=r"No pair of cuts leaves the fraction 0\.9"):
        abcd.choose_cuts(background, signal, 0.9)


ABCD = AbcdJob(signal_region=SIGNAL_REGION, mass_range=MASS_RANGE, efficiency=0.03)


def test_the_verbs_estimate_and_close(tmp_path):
    data, truth, rest = dijet_tables(background=6000, injected=60, test=300)
    inputs = {name: tmp_path / f"{name}.safetensors" for name in ("data", "truth", "signal_test")}
    write_tensors(inputs["data"], DIJETS, data)
    write_tensors(inputs["truth"], DIJET_TRUTH, truth)
    write_tensors(inputs["signal_test"], DIJETS, rest)
    write_result(tmp_path / "n.json", NORMALISATION)
    random = np.random.default_rng(1)
    planes = {name: tmp_path / f"{name}.safetensors" for name in ("planes", "signal_planes")}
    for path, table, is_signal in (
        (planes["planes"], data, truth["is_signal"]),
        (planes["signal_planes"], rest, np.ones(300)),
    ):
        plane = random.uniform(size=(len(is_signal), 2)) ** np.where(is_signal, 0.2, 1.0)[:, None]
        write_tensors(path, SCORES, {"event_id": table["event_id"], "score": plane})
    closure.abcd(
        **inputs, **planes, closure=tmp_path / "closure.json", scan=tmp_path / "scan.csv",
        plane=tmp_path / "plane.csv", settings=ABCD,
    )  # fmt: skip
    del inputs["truth"]
    abcd.predict(
        **inputs, **planes, normalisation=tmp_path / "n.json", yields=tmp_path / "y.json",
        method="any", settings=ABCD,
    )  # fmt: skip
    found = read_result(tmp_path / "y.json", SearchYields)
    only = found.bins[0]
    assert found.method == "any"
    assert found.constraint == "abcd"
    assert [each.name for each in found.bins] == ["A", "B", "C", "D"]
    closed = read_result(tmp_path / "closure.json", AbcdClosure)
    counted = closed.regions
    seen = counted["signal region, data"]
    assert [each.observed for each in found.bins] == [seen.a, seen.b, seen.c, seen.d]
    # The sidebands correct the prediction by what it lacks there.
    assert only.background == pytest.approx(closed.kappa * seen.prediction)
    assert found.abcd.kappa == closed.kappa
    assert seen.corrected == pytest.approx(only.background)
    assert seen.corrected_uncertainty == pytest.approx(only.background_uncertainty)
    relative = only.background_uncertainty / only.background
    assert relative > seen.prediction_uncertainty / seen.prediction
    # All signal of the signal region is in one of the four.
    signal = sum(each.signal + each.signal_leakage for each in found.bins)
    shares = inside(rest["m_jj"], SIGNAL_REGION)[~abcd.to_choose(rest)].mean()
    assert signal == pytest.approx(NORMALISATION.reference_events * shares)
    assert only.signal_leakage > 0
    names = [each.selection for each in closed.kappas]
    assert names.count("sidebands, data") == 4
    assert names.count("signal region, true background") == 2
    halves = [counted[f"{k} half of the signal region, background"].a for k in ("lower", "upper")]
    assert sum(halves) == counted["signal region, background"].a
    assert read_csv(tmp_path / "plane.csv")["signal"].sum() > 0


def test_jensen_shannon_divergence():
    p = np.array([1.0, 2.0, 3.0])
    assert closure.jensen_shannon(p, 2 * p) == pytest.approx(0.0, abs=1e-15)
    assert closure.jensen_shannon(np.array([1.0, 0]), np.array([0, 5.0])) == pytest.approx(1.0)
    from scipy.spatial.distance import jensenshannon

    q = np.array([3.0, 1.0, 1.0])
    assert closure.jensen_shannon(p, q) == pytest.approx(jensenshannon(p, q, base=2) ** 2)


def test_a_random_cut_does_not_sculpt():
    random = np.random.default_rng(1)
    counts = np.array([1000.0, 500, 250, 120, 60])
    blind = random.multivariate_hypergeometric(counts.astype(int), 300).astype(float)
    result = closure.sculpting(counts, blind, random)
    assert result.jensen_shannon < result.null_mean + 4 * result.null_std
    sculpted = closure.sculpting(counts, np.array([50.0, 50, 100, 60, 40]), random)
    assert sculpted.jensen_shannon > sculpted.null_mean + 10 * sculpted.null_std


def test_luminosity_and_cross_sections(tmp_path):
    shards = [
        {
            "sum_of_weights_generated": generated, "cross_section_pb": sigma, "process": "lhco",
            "cutflow": {"kept": 400}, "sum_of_weights_kept": 400.0,
            "sum_of_squared_weights_kept": 400.0,
        }
        for generated, sigma in ((30_000.0, 10.0), (10_000.0, 14.0))
    ]  # fmt: skip
    # 40,000 events of (3 * 10 + 14) / 4 = 11 pb = 11,000 fb.
    assert luminosity(shards) == pytest.approx(40_000 / 11_000)
    paths = [tmp_path / f"{k}.json" for k in range(2)]
    for path, shard in zip(paths, shards, strict=True):
        write_json(path, shard)
    write_json(tmp_path / "s.json", shards[0] | {"sum_of_weights_generated": 1000.0})
    steps = SelectionCounts(events=1000, two_jets=900, trigger=800, selected=700)
    counts = DijetCutflow(
        background=steps, signal=steps, injected_events=70, data=770, signal_test=630
    )
    write_result(tmp_path / "c.json", counts)
    normalisation.normalisation(
        cutflow=tmp_path / "c.json", background=paths, signal=[tmp_path / "s.json"],
        normalisation=tmp_path / "n.json",
        settings=NormalisationJob(reference_events=140),
    )  # fmt: skip
    result = read_result(tmp_path / "n.json", Normalisation)
    # 140 events past an acceptance of 0.7 are 200 produced.
    assert result.reference_cross_section_fb == pytest.approx(200 * 11_000 / 40_000)
    assert result.injected_cross_section_fb == pytest.approx(100 * 11_000 / 40_000)
    # As many as are injected, if it is not said.
    normalisation.normalisation(
        cutflow=tmp_path / "c.json", background=paths, signal=[tmp_path / "s.json"],
        normalisation=tmp_path / "n.json",
        settings=NormalisationJob(reference_events=None),
    )  # fmt: skip
    same = read_result(tmp_path / "n.json", Normalisation)
    assert same.reference_events == same.injected_events == 70
    assert same.reference_cross_section_fb == result.injected_cross_section_fb
    # Of a stated cross-section or luminosity, the shards' own do not count.
    for stated, worth in (({"cross_section": 8000.0}, 5.0), ({"luminosity": 3.0}, 3.0)):
        normalisation.normalisation(
            cutflow=tmp_path / "c.json", background=paths, signal=[tmp_path / "s.json"],
            normalisation=tmp_path / "n.json",
            settings=NormalisationJob(reference_events=140), **stated,
        )  # fmt: skip
        result = read_result(tmp_path / "n.json", Normalisation)
        assert result.luminosity_fb == pytest.approx(worth)
        assert result.reference_cross_section_fb == pytest.approx(200 / worth)
    with pytest.raises(DataError, match=r"of 2 processes \(lhco, top\)"):
        normalisation.require_plain([shards[0], shards[1] | {"process": "top"}], "x")
    with pytest.raises(DataError, match="holds weighted events"):
        normalisation.require_plain([shards[0] | {"sum_of_squared_weights_kept": 700.0}], "x")
    with pytest.raises(DataError, match="cross-section"):
        luminosity([shards[0] | {"cross_section_pb": None}])


@pytest.mark.parametrize("weight", [0.5, 1e-9, 3e7])
def test_unweighted_events_count_whatever_their_one_weight_is(weight):
    """Generators write 1, or the cross-section over the number of events."""
    plain = {
        "process": "hepmc3", "cutflow": {"kept": 400}, "cross_section_pb": 10.0,
        "sum_of_weights_generated": 500.0, "sum_of_weights_kept": 400.0,
        "sum_of_squared_weights_kept": 400.0,
    }  # fmt: skip
    scaled = plain | {
        "sum_of_weights_generated": 500.0 * weight, "sum_of_weights_kept": 400.0 * weight,
        "sum_of_squared_weights_kept": 400.0 * weight**2,
    }  # fmt: skip
    empty = plain | {
        "cutflow": {"kept": 0}, "sum_of_weights_kept": 0.0, "sum_of_squared_weights_kept": 0.0
    }  # fmt: skip
    normalisation.require_plain([plain, scaled, empty], "x")
    assert luminosity([plain, scaled, empty]) == pytest.approx(1500 / 10_000)
    for wrong in ({"sum_of_weights_kept": -400.0 * weight}, {"sum_of_weights_kept": 399 * weight}):
        with pytest.raises(DataError, match="none of them negative"):
            normalisation.require_plain([scaled | wrong], "x")
