"""Distance correlation, and the two networks of Double DisCo."""

import numpy as np
import pytest
import torch

from helpers.dijets import MASS_RANGE, SIGNAL_REGION, dijet_tables
from jetchain.anomaly import search
from jetchain.anomaly.methods import METHODS, disco
from jetchain.anomaly.methods.disco import NetworkSettings
from jetchain.anomaly.searched import Dijets
from jetchain.anomaly.settings import SearchJob
from jetchain.background import abcd
from jetchain.core.dijets import inside
from jetchain.core.errors import EmptySampleError
from jetchain.core.io.tensors import read_tensors, write_tensors
from jetchain.core.schema.anomaly import DIJETS, SCORES
from jetchain.core.training_settings import TrainingSettings

NETWORKS = NetworkSettings(
    hidden=16,
    training=TrainingSettings(epochs=3, batch_size=400, learning_rate=5e-3, patience=3),
)


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


def test_joined_ranks_of_independent_outputs_are_fishers():
    ranks = np.random.default_rng(1).uniform(size=(50_000, 2))
    score = disco.joined(ranks)
    # Twice the sum follows a chi2 of four degrees of freedom: mean 4, variance 8.
    assert 2 * score.mean() == pytest.approx(4, abs=0.06)
    assert 4 * score.var() == pytest.approx(8, rel=0.05)
    assert np.isfinite(disco.joined(np.ones((1, 2)))).all()


def test_no_event_is_ranked_by_networks_that_saw_it(monkeypatch):
    data, _, rest = dijet_tables(background=2000, injected=60, test=200, folds=4)
    seen = []
    in_window = inside(data["m_jj"], SIGNAL_REGION)
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
    ranked, _, _ = disco.planes_of(Dijets(data, rest, SIGNAL_REGION, MASS_RANGE), NETWORKS, 1)
    assert len(seen) == 2
    assert ranked[0].shape == (2060, 2)
    assert ranked[0].min() >= 0
    assert ranked[0].max() <= 1


def test_too_little_signal_to_train_on_is_refused():
    labels = (np.arange(100) < 3).astype(np.int64)
    features = np.random.default_rng(1).normal(size=(100, 4))
    with pytest.raises(EmptySampleError, match="3 signal and 97 background"):
        disco.train_half(features, labels, NETWORKS, 1, "x")


def test_the_verb_writes_ranks_and_their_joint_score(tmp_path):
    data, _, rest = dijet_tables(background=6000, injected=60, test=300)
    write_tensors(tmp_path / "data.safetensors", DIJETS, data)
    write_tensors(tmp_path / "signal_test.safetensors", DIJETS, rest)

    def run(folder):
        extras = [folder / name for name in METHODS["disco"].extras]
        scores = {name: folder / f"{name}.safetensors" for name in ("scores", "signal_scores")}
        search.search(
            data=tmp_path / "data.safetensors", signal_test=tmp_path / "signal_test.safetensors",
            truth=[], template=[], **scores, extras=extras, method="disco", seed=1,
            settings=SearchJob(
                signal_region=SIGNAL_REGION, mass_range=MASS_RANGE,
                method={"networks": NETWORKS.model_dump()},
            ),
        )  # fmt: skip
        return {path.name: path.read_bytes() for path in (*extras, *scores.values())}

    assert run(tmp_path / "one") == run(tmp_path / "two")
    scores = read_tensors(tmp_path / "one" / "scores.safetensors", SCORES)["score"]
    plane = read_tensors(tmp_path / "one" / "planes.safetensors", SCORES)["score"]
    assert scores.shape == (6060, 1)
    assert scores[plane.sum(axis=1).argmax()] > np.median(scores)


def test_ranks_are_uniform_for_the_reference_itself():
    scores = np.random.default_rng(1).standard_normal(1000)
    fold = np.arange(1000) % 2
    result = disco.ranks(scores, fold, {"fold": fold}, scores)
    for each in (0, 1):
        assert np.sort(result[fold == each]) == pytest.approx(np.arange(500) / 500)
