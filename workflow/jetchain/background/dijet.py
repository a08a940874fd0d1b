"""The dijet function, its fit to a binned mass spectrum, and the interpolation under the window.

f(x) = p0 (1 - x)^p1 x^(-p2 - p3 ln x - p4 ln^2 x), x = m / sqrt(s), written about a pivot x0 in the
middle of the spectrum, ((1 - x) / (1 - x0))^p1 and (x / x0)^..., which spans the same family with
far smaller correlations.

Reference: CDF, arXiv 0812.4036, eq. 1; ATLAS, arXiv 1703.09127.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, stats
from scipy.linalg import null_space

from jetchain.core.dijets import Array, inside
from jetchain.core.errors import EmptySampleError, TrainingError

NODES, WEIGHTS = np.polynomial.legendre.leggauss(3)
# The chi2 of counts that are the expectation itself is what the processor's rounding leaves.
_CHI2_RESOLUTION = 1e-9


@dataclass(frozen=True)
class Spectrum:
    """A binned mass spectrum with a window that the fit leaves out.

    Attributes:
        edges: (bins + 1,) TeV.
        counts: (bins,)
        window: (bins,) which bins lie in the signal region.
        energy: centre-of-mass energy, TeV.
    """

    edges: Array
    counts: Array
    window: NDArray[np.bool_]
    energy: float

    @cached_property
    def design(self) -> Array:
        """(parameters, bins, nodes): d ln f / d p at the integration nodes of each bin."""
        centre = (self.edges[1:] + self.edges[:-1]) / 2
        half = np.diff(self.edges) / 2
        x = (centre[:, None] + half[:, None] * NODES) / self.energy
        x0 = np.sqrt(self.edges[0] * self.edges[-1]) / self.energy
        log = np.log(x / x0)
        return np.stack([np.ones_like(x), -log, np.log((1 - x) / (1 - x0)), -(log**2), -(log**3)])

    def of_bin(self, m_jj: Array, values: Array) -> Array:
        """The value (bins,) of the bin of each mass (events,), TeV; 0 outside the spectrum."""
        padded = np.concatenate([[0.0], values, [0.0]])
        return padded[np.searchsorted(self.edges, m_jj, side="right")]

    @cached_property
    def slopes(self) -> Array:
        """(edges above the window, parameters): with the parameters they make d ln f / d ln x."""
        last = np.flatnonzero(self.window)[-1:].sum() + 1
        x = self.edges[last:] / self.energy
        log = np.log(x / (np.sqrt(self.edges[0] * self.edges[-1]) / self.energy))
        zero, one = np.zeros_like(x), np.ones_like(x)
        return np.stack([zero, -one, -x / (1 - x), -2 * log, -3 * log**2], axis=1)

    @cached_property
    def measure(self) -> Array:
        """(bins, nodes): weights of the integration over each bin, in units of its width."""
        width = np.diff(self.edges)
        return (width / width.mean())[:, None] * WEIGHTS / 2


@dataclass(frozen=True)
class DijetFit:
    """A fitted spectrum.

    Attributes:
        values, covariance: (parameters,) and (parameters, parameters): ln p0, p2, p1, p3, p4.
        expected: (bins,) expectation, interpolated in the window.
        expected_error: (bins,) from the covariance.
        chi2: saturated likelihood ratio of the bins outside the window.
        ndf: bins outside the window less parameters.
        background, background_error: sum over the window, and its error from the covariance.
        response: (bins,) events by which one more event in a bin raises `background`, to first
            order; 0 in the window.
        observed: counts in the window.
    """

    values: Array
    covariance: Array
    expected: Array
    expected_error: Array
    chi2: float
    ndf: int
    background: float
    background_error: float
    response: Array
    observed: float

    @property
    def p_value(self) -> float:
        """Probability of a larger chi2."""
        return float(stats.chi2.sf(self.chi2, self.ndf))


@dataclass(frozen=True)
class ChosenFit:
    """The fit that the F-test chose, and the neighbouring function it is compared with.

    Attributes:
        fit: the chosen one.
        other: with the next larger number of parameters, or else the next smaller one; None if no
            other was tried or found a minimum.
        tests: p-value of each F-test ("3 -> 4"), None where the richer fit found no minimum.
    """

    fit: DijetFit
    other: DijetFit | None
    tests: dict[str, float | None]

    @property
    def function_error(self) -> float:
        """How far the background moves with the other function."""
        return abs(self.fit.background - self.other.background) if self.other else 0.0

    @property
    def background_error(self) -> float:
        """Of the fit and of the choice of the function, in quadrature."""
        return float(np.hypot(self.fit.background_error, self.function_error))

    @property
    def significance(self) -> float:
        """Significance of the excess in the window, see `excess_significance`."""
        return excess_significance(self.fit.observed, self.fit.background, self.background_error)


def bin_spectrum(
    m_jj: Array, mass_range: tuple[float, float], signal_region: tuple[float, float],
    bin_width: float, energy: float,
) -> Spectrum:  # fmt: skip
    """Count masses (events,) in bins that end exactly at the edges of the signal region.

    Each of the three stretches (below, in and above the signal region) is cut into equal bins of
    about `bin_width`, so that no bin straddles an edge.
    """
    low, high = signal_region
    stretches = [(mass_range[0], low), (low, high), (high, mass_range[1])]
    pieces = [
        np.linspace(a, b, max(round((b - a) / bin_width), 1) + 1) for a, b in stretches if b > a
    ]
    edges = np.concatenate([pieces[0], *[piece[1:] for piece in pieces[1:]]])
    centre = (edges[1:] + edges[:-1]) / 2
    counts = np.histogram(m_jj[inside(m_jj, mass_range)], edges)[0].astype(float)
    return Spectrum(edges, counts, (low < centre) & (centre < high), energy)


def expectation(spectrum: Spectrum, values: Array) -> tuple[Array, Array]:
    """Expected counts (bins,) and their derivatives (parameters, bins)."""
    design = spectrum.design[: len(values)]
    density = np.exp(np.tensordot(values, design, 1)) * spectrum.measure
    return density.sum(-1), (density * design).sum(-1)


def fit_dijet(spectrum: Spectrum, parameters: int) -> DijetFit:
    """Binned Poisson maximum likelihood outside the window.

    No background rises above the window, but a function that a few events at the end pull up does:
    of such functions the fit is the likeliest that falls, or is flat, at every edge there.

    Args:
        spectrum: what to fit.
        parameters: 2 (p0, p2), 3 (and p1), 4 (and p3) or 5 (and p4).

    Raises:
        EmptySampleError: fewer sideband bins with events than parameters.
        TrainingError: the minimiser finds no valid minimum.
    """
    outside = ~spectrum.window
    counts = spectrum.counts[outside]
    if np.count_nonzero(counts) <= parameters:
        raise EmptySampleError(
            f"Only {np.count_nonzero(counts)} bins of the sidebands hold events; a fit of "
            f"{parameters} parameters needs more.",
            "Generate more background, loosen background.sideband.efficiency, or narrow "
            "background.sideband.spectrum.mass_range.",
        )
    fit = _fit_along(spectrum, np.eye(parameters))
    slopes = spectrum.slopes[:, :parameters]
    if (slopes @ fit.values <= 0).all():
        return fit
    return _fit_along(spectrum, null_space(slopes[_flat(spectrum, fit, slopes)]))


def _flat(spectrum: Spectrum, fit: DijetFit, slopes: Array) -> NDArray[np.bool_]:
    """Where the likeliest function that rises at none of the edges is flat (edges,)."""
    outside = ~spectrum.window
    counts = spectrum.counts[outside]
    scale = np.linalg.cholesky(fit.covariance)

    def likelihood(z: Array) -> tuple[float, Array]:
        expected, slope = expectation(spectrum, fit.values + scale @ z)
        expected, slope = expected[outside], slope[:, outside]
        value = float(np.sum(expected - counts * np.log(expected)))
        return value, scale.T @ slope @ (1 - counts / expected)

    falling = optimize.LinearConstraint(slopes @ scale, ub=-slopes @ fit.values)
    found = optimize.minimize(
        likelihood, np.zeros(len(scale)), jac=True, method="SLSQP", constraints=falling,
        options={"maxiter": 1000, "ftol": 1e-12},
    )  # fmt: skip
    return slopes @ (fit.values + scale @ found.x) > -1e-6


def _fit_along(spectrum: Spectrum, directions: Array) -> DijetFit:
    """The fit of the parameters = directions @ free ones.

    Args:
        spectrum: what to fit.
        directions: (parameters, free ones).
    """
    from iminuit import Minuit

    parameters, free = directions.shape
    outside = ~spectrum.window
    counts = spectrum.counts[outside]
    # The parameters are strongly correlated. The minimiser walks in the coordinates that make the
    # Hessian at the start the unit matrix, values = start + basis z.
    failure = TrainingError(
        f"The fit of the dijet function with {parameters} parameters found no valid minimum.",
        "Narrow background.sideband.spectrum.mass_range, or take fewer parameters in "
        "background.sideband.spectrum.parameters.",
    )
    try:
        start, hessian = _newton(spectrum, directions)
        basis = np.linalg.inv(np.linalg.cholesky(hessian)).T
        basis = basis if free == parameters else directions @ basis
    except np.linalg.LinAlgError:
        raise failure from None

    def likelihood(z: Array) -> float:
        expected = expectation(spectrum, start + basis @ z)[0][outside]
        return float(np.sum(expected - counts * np.log(expected)))

    def gradient(z: Array) -> Array:
        expected, slope = expectation(spectrum, start + basis @ z)
        return basis.T @ slope[:, outside] @ (1 - counts / expected[outside])

    minuit = Minuit(likelihood, np.zeros(free), grad=gradient)
    minuit.errordef = Minuit.LIKELIHOOD
    minuit.strategy = 1
    minuit.errors = np.ones(free)
    minuit.tol = 1e-3
    for attempt in (0.0, 1.0, -1.0):
        if attempt:  # from elsewhere, by another way
            minuit.values = np.full(free, attempt)
            minuit.strategy = 2
            minuit.simplex(ncall=10_000)
        minuit.migrad(ncall=10_000)
        minuit.hesse()
        if minuit.valid and minuit.accurate and minuit.covariance is not None:
            break
    else:
        raise failure
    values = start + basis @ np.array(minuit.values)
    covariance = basis @ np.array(minuit.covariance) @ basis.T
    expected, slope = expectation(spectrum, values)
    total = slope[:, spectrum.window].sum(-1)
    if not np.all(np.isfinite([*values, *expected, total @ covariance @ total])):
        raise failure
    return DijetFit(
        values=values,
        covariance=covariance,
        expected=expected,
        expected_error=np.sqrt(np.einsum("pb,pq,qb->b", slope, covariance, slope)),
        chi2=saturated_chi2(counts, expected[outside]),
        ndf=len(counts) - parameters,
        background=float(expected[spectrum.window].sum()),
        background_error=float(np.sqrt(total @ covariance @ total)),
        # At the minimum sum_b slope_b (1 - n_b / expected_b) = 0; its derivative in n_b.
        response=np.where(outside, total @ covariance @ (slope / expected), 0.0),
        observed=float(spectrum.counts[spectrum.window].sum()),
    )


def _newton(spectrum: Spectrum, directions: Array) -> tuple[Array, Array]:
    """A damped Newton descent: the likelihood is convex but for the width of the bins.

    Returns:
        Parameters (parameters,) near the minimum, and the Fisher information of the free ones.
    """
    outside = ~spectrum.window
    counts = spectrum.counts[outside]
    parameters, free = directions.shape
    # The level of the spectrum is free in any direction.
    values = directions.T[:, 0] * np.log(max(counts.mean(), 0.1))
    for _ in range(100):
        expected, slope = (
            part[..., outside] for part in expectation(spectrum, directions @ values)
        )
        slope = slope if free == parameters else directions.T @ slope
        information = (slope / expected) @ slope.T
        step = np.linalg.lstsq(information, slope @ (counts / expected - 1), rcond=1e-12)[0]
        shift = np.abs(np.tensordot(directions @ step, spectrum.design[:parameters], 1)).max()
        values = values + step * min(1.0, 2.0 / max(shift, 1e-12))
        if shift < 1e-6:
            break
    return directions @ values, information + 1e-10 * np.diag(np.diag(information))


def saturated_chi2(counts: Array, expected: Array) -> float:
    """-2 ln of the likelihood over that of the saturated model (Baker and Cousins 1984).

    Args:
        counts, expected: (bins,)
    """
    ratio = np.where(counts > 0, counts / expected, 1.0)
    return float(2 * np.sum(expected - counts + counts * np.log(ratio)))


def f_test(simple: DijetFit, rich: DijetFit) -> float:
    """p-value of the improvement of the richer of two nested fits, by the F distribution."""
    more = simple.ndf - rich.ndf
    if rich.ndf < 1 or simple.chi2 - rich.chi2 < _CHI2_RESOLUTION:
        return 1.0
    statistic = (simple.chi2 - rich.chi2) / more / (max(rich.chi2, _CHI2_RESOLUTION) / rich.ndf)
    return float(stats.f.sf(statistic, more, rich.ndf))


def choose_fit(spectrum: Spectrum, parameters: list[int], threshold: float) -> ChosenFit:
    """Fit with the smallest number of parameters that the F-test does not improve.

    Args:
        spectrum: what to fit.
        parameters: rising numbers of parameters.
        threshold: p-value below which the richer function is preferred.

    Raises:
        EmptySampleError, TrainingError: the simplest function cannot be fitted.
    """
    fits, chosen = [fit_dijet(spectrum, parameters[0])], 0
    tests: dict[str, float | None] = {}
    for number in parameters[1:]:
        name = f"{len(fits[chosen].values)} -> {number}"
        try:
            fits.append(fit_dijet(spectrum, number))
        except (EmptySampleError, TrainingError):
            tests[name] = None
            continue
        p_value = tests[name] = f_test(fits[chosen], fits[-1])
        if p_value < threshold:
            chosen = len(fits) - 1
    neighbours = fits[chosen + 1 : chosen + 2] or fits[max(chosen - 1, 0) : chosen]
    return ChosenFit(fits[chosen], neighbours[0] if neighbours else None, tests)


def excess_significance(observed: float, background: float, error: float) -> float:
    """Significance of an excess over a background known within a Gaussian error.

    The asymptotic profile likelihood ratio of an on/off measurement whose off region has the
    relative precision error / background; negative for a deficit.

    Reference: the formula of Li and Ma 1983 (Astrophys. J. 272, 317, eq. 17), written in terms of
    the background and its error as in Cousins, Linnemann and Tucker, arXiv physics/0702156.
    """
    n, b = observed, background
    variance = max(error, 1e-6 * b) ** 2
    first = n * np.log(n * (b + variance) / (b**2 + n * variance)) if n > 0 else 0.0
    second = b**2 / variance * np.log1p(variance * (n - b) / (b * (b + variance)))
    return float(np.sign(n - b) * np.sqrt(max(2 * (first - second), 0.0)))
