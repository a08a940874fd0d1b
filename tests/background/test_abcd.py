"""Distance correlation, Double DisCo and the ABCD method."""

import numpy as np
import pytest
import torch

from helpers.dijets import MASS_RANGE, SIGNAL_REGION, dijet_tables
from jetchain.background import abcd, closure, disco, normalisation, regions
from jetchain.background.settings import AbcdJob, NetworkJob, NetworkSettings, NormalisationJob
from jetchain.core.errors import DataError, EmptySampleError
from jetchain.core.io.tables import read_csv, read_json, write_json
from jetchain.core.io.tensors import read_tensors, write_tensors
from jetchain.core.schema.anomaly import DIJET_TRUTH, DIJETS, SCORES
from jetchain.core.training_settings import TrainingSettings


def _plain(x: np.ndarray, y: np.ndarray) -> float:
    """dCorr^2 by eq. 3.3 of arXiv 2007.14400, means over pairs and triples written out."""
    a, b = np.abs(x[:, None] - x), np.abs(y[:, None] - y)

    def covariance(first, second):
        triples = np.einsum("ij,ik->", first, second) / len(x) ** 3
        return (first * second).mean() + first.mean() * second.mean() - 2 * triples

    return covariance(a, b) / np.sqrt(covariance(a, a) * covariance(b, b))


def _unbiased(x: np.ndarray, y: np.ndarray) -> float:
    """The same with sums over distinct pairs, triples and quadruples of events only.

    The unbiased estimator of dCov^2 as a U-statistic: Huo and Szekely, arXiv 1410.1503, eq. 3.2.
    """
    a, b = np.abs(x[:, None] - x), np.abs(y[:, None] - y)
    n = len(x)

    def covariance(first, second):
        pairs = (first * second).sum()
        rows = (first.sum(0) * second.sum(0)).sum()
        total = first.sum() * second.sum()
        return (
            pairs / (n * (n - 3))
            - 2 * rows / (n * (n - 2) * (n - 3))
            + total / (n * (n - 1) * (n - 2) * (n - 3))
        )

    return covariance(a, b) / np.sqrt(covariance(a, a) * covariance(b, b))


def _dcorr(x, y) -> float:
    return float(disco.distance_correlation(torch.as_tensor(x), torch.as_tensor(y)))


def test_distance_correlation_is_the_published_formula():
    x, y = np.random.default_rng(1).standard_normal((2, 1000))
    for other in (y, x * y, x**2, np.exp(x) + 0.1 * y):
        assert _dcorr(x, other) == pytest.approx(_unbiased(x, other), rel=1e-9)
        # Up to its bias the estimator of arXiv 2007.14400.
        assert _dcorr(x, other) == pytest.approx(_plain(x, other), abs=1e-2)


def test_known_values_of_the_distance_correlation():
    x, y = np.random.default_rng(2).standard_normal((2, 1500))
    assert _dcorr(x, x) == pytest.approx(1.0)
    assert _dcorr(x, -3 * x + 2) == pytest.approx(1.0)  # invariant under scale, shift and sign
    assert abs(_dcorr(x, y)) < 5e-3
    random = np.random.default_rng(3)
    small = [_dcorr(*random.standard_normal((2, 40))) for _ in range(300)]
    assert abs(np.mean(small)) < 4 * np.std(small) / np.sqrt(300)  # no bias, however few events
    assert _dcorr(x, x**2) > 0.1  # uncorrelated, yet dependent
    assert _dcorr(x, np.ones(1500)) == pytest.approx(0.0, abs=1e-6)
    # Bivariate normal: Szekely, Rizzo, Bakirov 2007, theorem 7.
    rho = 0.6
    z = rho * x + np.sqrt(1 - rho**2) * y
    r = rho
    numerator = r * np.arcsin(r) + np.sqrt(1 - r**2) - r * np.arcsin(r / 2) - np.sqrt(4 - r**2) + 1
    expected = numerator / (1 + np.pi / 3 - np.sqrt(3))
    assert _dcorr(x, z) == pytest.approx(expected, abs=0.04)


def test_gradients_are_finite_for_equal_values():
    x = torch.zeros(20, requires_grad=True)
    value = disco.distance_correlation(torch.cat([x[:10], x[10:] + 1]), torch.arange(20.0))
    value.backward()
    assert torch.isfinite(x.grad).all()


def _three_gaussians(number: int, signal: bool, random: np.random.Generator) -> np.ndarray:
    """The toy of arXiv 2007.14400, section IV."""
    if signal:
        return np.array([2.5, 2.5, 2.0]) + 1.5 * random.standard_normal((number, 3))
    covariance = 1.5**2 * np.array([[1, -0.8, 0], [-0.8, 1, 0], [0, 0, 1.0]])
    return random.multivariate_normal(np.zeros(3), covariance, number)


def _toy_closure(decorrelation: float) -> abcd.Counts:
    random = np.random.default_rng(1)
    features = np.concatenate([_three_gaussians(n, s, random) for n, s in ((6000, 0), (2000, 1))])
    labels = np.repeat([0, 1], [6000, 2000])
    settings = NetworkSettings(
        hidden=24,
        decorrelation=decorrelation,
        training=TrainingSettings(epochs=8, batch_size=500, learning_rate=5e-3, patience=8),
    )
    model, _ = disco.train_half(features, labels, settings, 1, "toy")
    background = _three_gaussians(100_000, False, random)
    with torch.no_grad():
        outputs = model(torch.as_tensor(background, dtype=torch.float32)).numpy()
    ranks = np.argsort(np.argsort(outputs, axis=0), axis=0) / len(outputs)
    cut = float(np.quantile(ranks.min(axis=1), 0.98))
    return abcd.count(ranks, (cut, cut), np.ones(len(ranks), dtype=bool))


def test_the_three_gaussian_toy_closes_only_with_decorrelation():
    # 2,000 of 100,000 events in A, its prediction is known to 3 %. Judged in the cut region.
    assert _toy_closure(100.0).closure == pytest.approx(1.0, abs=0.25)
    assert _toy_closure(0.0).closure < 0.5


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
    found = abcd.count(plane, cuts, regions.inside(m_jj, SIGNAL_REGION))
    return found, abcd.correction(plane, cuts, m_jj, SIGNAL_REGION, MASS_RANGE)


@pytest.mark.parametrize("strength", [0.0, 1.0, 2.0])
def test_the_excess_over_the_net_signal_is_the_injected_strength(strength):
    random, cuts = np.random.default_rng(5), (0.8, 0.85)
    plane, m_jj = _toy_dijets(20_000, True, random)
    in_region = regions.inside(m_jj, SIGNAL_REGION)
    side = regions.sidebands(m_jj, SIGNAL_REGION, MASS_RANGE)
    in_bin = in_region & (plane >= cuts).all(axis=1)
    found, naive = [], []
    for _ in range(300):
        events = [
            _toy_dijets(random.poisson(number), signal, random)
            for number, signal in ((20_000, False), (200 * strength, True))
        ]
        ranks, masses = (np.concatenate(parts) for parts in zip(*events, strict=True))
        seen, kappa = _counted(ranks, masses, cuts)
        excess = seen.a - kappa.estimate(seen)[0]
        absorbed = kappa.response(seen, plane, in_region, side)
        found.append(excess / (200 * (in_bin - absorbed).mean()))
        naive.append(excess / (200 * in_bin.mean()))
    error = np.std(found) / np.sqrt(300)
    assert np.mean(found) == pytest.approx(strength, abs=3 * error + 0.03 * strength)
    if strength:  # and the test would notice: the signal in A alone is not enough
        assert np.mean(naive) < strength - 6 * error


def test_the_response_is_the_derivative_of_the_estimate():
    random, cuts = np.random.default_rng(6), (0.8, 0.85)
    plane, m_jj = _toy_dijets(100_000, False, random)
    found, kappa = _counted(plane, m_jj, cuts)
    before, _ = kappa.estimate(found)
    for first, second in ((0.9, 0.9), (0.9, 0.1), (0.1, 0.9), (0.1, 0.1)):
        for mass in (3.0, 3.5, 4.5, 9.0):
            more, one = np.array([[first, second]]), np.array([mass])
            seen, moved = _counted(np.concatenate([plane, more]), np.append(m_jj, mass), cuts)
            predicted = kappa.response(
                found, more, regions.inside(one, SIGNAL_REGION),
                regions.sidebands(one, SIGNAL_REGION, MASS_RANGE),
            )  # fmt: skip
            step = moved.estimate(seen)[0] - before
            assert predicted[0] == pytest.approx(step, rel=0.02, abs=1e-9)


def test_the_estimate_is_kappa_times_the_prediction():
    # Sidebands: kappa = 200 * 1000 / (400 * 400) = 1.25, the same on either side.
    sidebands, half = abcd.Counts(200, 400, 400, 1000), abcd.Counts(100, 200, 200, 500)
    corrected = abcd.Correction((0.5, 0.5), sidebands, half, half)
    background, error = corrected.estimate(abcd.Counts(70, 100, 200, 400))
    assert background == pytest.approx(1.25 * 50)
    # All counts but A of the signal region fluctuate: 1/200 + 2/400 + 1/1000 and 1/100 + 3/400.
    relative = np.sqrt(0.011 + 1 / 100 + 1 / 200 + 1 / 400)
    assert error == pytest.approx(1.25 * 50 * relative)


def test_a_correction_that_depends_on_the_mass_is_uncertain():
    even = abcd.Counts(100, 400, 400, 1600)
    half = abcd.Counts(50, 200, 200, 800)
    same = abcd.Correction((0.5, 0.5), even, half, half)
    assert same.uncertainty == pytest.approx(np.sqrt(1 / 100 + 2 / 400 + 1 / 1600))
    low, high = abcd.Counts(75, 200, 200, 800), abcd.Counts(25, 200, 200, 800)
    mixed = abcd.Correction((0.5, 0.5), even, low, high)
    assert mixed.uncertainty == pytest.approx(np.hypot(same.uncertainty, 0.5))


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
    assert abcd.choose_cuts(background, split, 0.02)[1] > 0.9
    with pytest.raises(EmptySampleError, match=r"No pair of cuts leaves the fraction 0\.9"):
        abcd.choose_cuts(background, signal, 0.9)


def test_joined_ranks_of_independent_outputs_are_fishers():
    ranks = np.random.default_rng(1).uniform(size=(50_000, 2))
    score = disco.joined(ranks)
    # Twice the sum follows a chi2 of four degrees of freedom: mean 4, variance 8.
    assert 2 * score.mean() == pytest.approx(4, abs=0.06)
    assert 4 * score.var() == pytest.approx(8, rel=0.05)
    assert np.isfinite(disco.joined(np.ones((1, 2)))).all()


ABCD = AbcdJob(signal_region=SIGNAL_REGION, mass_range=MASS_RANGE, efficiency=0.03)
JOB = NetworkJob(
    signal_region=SIGNAL_REGION,
    mass_range=MASS_RANGE,
    networks=NetworkSettings(
        hidden=16,
        training=TrainingSettings(epochs=3, batch_size=400, learning_rate=5e-3, patience=3),
    ),
)


def test_no_event_is_ranked_by_networks_that_saw_it(monkeypatch):
    data, _, rest = dijet_tables(background=2000, injected=60, test=200, folds=4)
    seen = []
    in_window = regions.inside(data["m_jj"], SIGNAL_REGION)
    hidden = {row.tobytes() for row in data["features"][in_window].astype(np.float32)}

    class Fake(torch.nn.Module):
        def forward(self, features):
            rows = {row.tobytes() for row in features.numpy()}
            assert not rows & seen[-1]
            return features[:, :2]

    def spy(features, labels, *_):
        seen.append({row.tobytes() for row in features.astype(np.float32)})
        assert 0 < labels.sum() <= len(rest["m_jj"])
        assert not seen[-1] & hidden  # the signal region of the data takes no part either
        return Fake(), {"epoch": [1.0]}

    monkeypatch.setattr(disco, "train_half", spy)
    ranked, _, _ = disco.planes_of(data, rest, JOB, 1)
    assert len(seen) == 2
    assert ranked[0].shape == (2060, 2)
    assert ranked[0].min() >= 0
    assert ranked[0].max() <= 1


def test_too_little_signal_to_train_on_is_refused():
    labels = (np.arange(100) < 3).astype(np.int64)
    features = np.random.default_rng(1).normal(size=(100, 4))
    with pytest.raises(EmptySampleError, match="3 signal and 97 background"):
        disco.train_half(features, labels, JOB.networks, 1, "x")


def test_the_verbs_estimate_and_close(tmp_path):
    data, truth, rest = dijet_tables(background=6000, injected=60, test=300)
    inputs = {name: tmp_path / f"{name}.safetensors" for name in ("data", "truth", "signal_test")}
    write_tensors(inputs["data"], DIJETS, data)
    write_tensors(inputs["truth"], DIJET_TRUTH, truth)
    write_tensors(inputs["signal_test"], DIJETS, rest)
    write_json(
        tmp_path / "n.json",
        {
            "luminosity_fb": 10.0, "reference_events": 300, "reference_cross_section_fb": 42.0,
            "injected_cross_section_fb": 8.4,
        },
    )  # fmt: skip
    names = ("planes", "signal_planes", "scores", "signal_scores", "weights")

    def run(folder):
        files = {name: folder / f"{name}.safetensors" for name in names}
        verb_inputs = {name: inputs[name] for name in ("data", "signal_test")}
        disco.disco(**verb_inputs, **files, history=folder / "h.csv", settings=JOB, seed=1)
        return files

    files, again = run(tmp_path / "one"), run(tmp_path / "two")
    assert all(files[name].read_bytes() == again[name].read_bytes() for name in names)
    planes = {name: files[name] for name in ("planes", "signal_planes")}
    scores = read_tensors(files["scores"], SCORES)["score"]
    plane = read_tensors(files["planes"], SCORES)["score"]
    assert scores.shape == (6060, 1)
    assert scores[plane.sum(axis=1).argmax()] > np.median(scores)
    closure.abcd(
        **inputs, **planes, closure=tmp_path / "closure.json", scan=tmp_path / "scan.csv",
        plane=tmp_path / "plane.csv", settings=ABCD,
    )  # fmt: skip
    del inputs["truth"]
    disco.predict(
        **inputs, **planes, normalisation=tmp_path / "n.json", yields=tmp_path / "y.json",
        settings=ABCD,
    )  # fmt: skip
    found = read_json(tmp_path / "y.json")
    (only,) = found["bins"]
    assert found["constraint"] == "poisson"  # counts
    counted = read_json(tmp_path / "closure.json")["regions"]
    assert only["observed"] == counted["signal region, data"]["a"]
    # The sidebands correct the prediction by what it lacks there.
    side, seen = (counted[f"{name}, data"] for name in ("sidebands", "signal region"))
    expected = seen["prediction"] * side["a"] / side["prediction"]
    assert only["background"] == pytest.approx(expected)
    assert seen["corrected"] == pytest.approx(expected)
    assert seen["corrected_uncertainty"] == pytest.approx(only["background_uncertainty"])
    relative = only["background_uncertainty"] / only["background"]
    assert relative > seen["prediction_uncertainty"] / seen["prediction"]
    halves = [
        counted[f"{k} half of the signal region, background"]["a"] for k in ("lower", "upper")
    ]
    assert sum(halves) == counted["signal region, background"]["a"]
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
    assert result["jensen_shannon"] < result["null_mean"] + 4 * result["null_std"]
    sculpted = closure.sculpting(counts, np.array([50.0, 50, 100, 60, 40]), random)
    assert sculpted["jensen_shannon"] > sculpted["null_mean"] + 10 * sculpted["null_std"]


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
    assert normalisation.luminosity(shards) == pytest.approx(40_000 / 11_000)
    paths = [tmp_path / f"{k}.json" for k in range(2)]
    for path, shard in zip(paths, shards, strict=True):
        write_json(path, shard)
    write_json(tmp_path / "s.json", shards[0] | {"sum_of_weights_generated": 1000.0})
    write_json(tmp_path / "c.json", {"signal": {"finite features": 700}, "injected": 70})
    normalisation.normalisation(
        cutflow=tmp_path / "c.json", background=paths, signal=[tmp_path / "s.json"],
        normalisation=tmp_path / "n.json", settings=NormalisationJob(reference_events=140),
    )  # fmt: skip
    result = read_json(tmp_path / "n.json")
    # 140 events past an acceptance of 0.7 are 200 produced.
    assert result["reference_cross_section_fb"] == pytest.approx(200 * 11_000 / 40_000)
    assert result["injected_cross_section_fb"] == pytest.approx(100 * 11_000 / 40_000)
    with pytest.raises(DataError, match=r"of 2 processes \(lhco, top\)"):
        normalisation.require_plain([shards[0], shards[1] | {"process": "top"}], "x")
    with pytest.raises(DataError, match="holds weighted events"):
        normalisation.require_plain([shards[0] | {"sum_of_squared_weights_kept": 700.0}], "x")
    with pytest.raises(DataError, match="cross-section"):
        normalisation.luminosity([{"sum_of_weights_generated": 1.0, "cross_section_pb": None}])
