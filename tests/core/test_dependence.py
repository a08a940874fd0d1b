"""Distance correlation against its formulas written out, and its gradient."""

import numpy as np
import pytest
import torch

from jetchain.core.dependence import distance_correlation


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
    return float(distance_correlation(torch.as_tensor(x), torch.as_tensor(y)))


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
    value = distance_correlation(torch.cat([x[:10], x[10:] + 1]), torch.arange(20.0))
    value.backward()
    assert torch.isfinite(x.grad).all()


def _quadratic(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
    """The definition with all distances at once, whose gradient torch finds by itself."""
    n = len(first)
    off_diagonal = 1 - torch.eye(n, dtype=first.dtype)

    def centred(values):
        distance = (values[:, None] - values[None, :]).abs()
        sums = distance.sum(0) / (n - 2)
        everything = distance.sum() / ((n - 1) * (n - 2))
        return (distance - sums[:, None] - sums[None, :] + everything) * off_diagonal

    a, b = centred(first), centred(second)
    return (a * b).mean() / torch.sqrt((a * a).mean() * (b * b).mean() + 1e-20)


def _agree(x: np.ndarray, y: np.ndarray) -> None:
    pair = [torch.from_numpy(each).requires_grad_() for each in (x, y)]
    fast, slow = (function(*pair) for function in (distance_correlation, _quadratic))
    assert fast.item() == pytest.approx(slow.item(), abs=1e-12)
    for ours, theirs in zip(
        torch.autograd.grad(fast, pair), torch.autograd.grad(slow, pair), strict=True
    ):
        torch.testing.assert_close(ours, theirs, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("events", [5, 6, 7, 64, 65, 333])
def test_value_and_gradients_are_those_of_the_definition(events):
    x, noise = np.random.default_rng(events).standard_normal((2, events))
    _agree(x, x**2 + noise)


def test_equal_values_count_as_in_the_definition():
    random = np.random.default_rng(5)
    x, y = random.integers(0, 4, (2, 60)).astype(float)
    _agree(x, y)
    _agree(x, random.standard_normal(60))


def test_a_hundred_thousand_events_fit_in_memory():
    """All distances of so many events would take 80 GB."""
    x = torch.linspace(0, 1, 100_000, requires_grad=True)
    value = distance_correlation(x, 2 * x.detach())
    value.backward()
    assert value.item() == pytest.approx(1.0)
    assert torch.isfinite(x.grad).all()
