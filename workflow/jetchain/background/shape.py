"""The fit of signal and background to the whole mass spectrum, and what its choice may hide.

The background is a falling shape times a polynomial (`background.spectrum`). Without a cut the
shape is one of two functions; after a cut it is the fitted background before it, so that the
polynomial is what the cut does. The order is raised until an F-test, with the signal floating in
both fits, sees no improvement by one or two orders more and the fit is good. With a few hundred
events the test does not see what biases the signal by its own error, so the model of a shape has
one order more than that. Where its background would rise where the data end, which takes one event
at the largest masses, the last norms are tied together until it does not. A model is accepted if
its fit is good; a rejected one is used nowhere, and the next order or that of the test stands in
for it. Of the shapes, the one with the least -2 ln L + parameters (discrete profiling, arXiv
1408.6865) is that of the search. The largest signal that it finds in the backgrounds of the other
accepted models, the next order of its own among them, is the spurious signal: they hold none. All
p-values are those of toys: with few events, and with norms at zero, neither chi2 nor its
improvement follows its distribution.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from jetchain.background.poisson import Fitted, fit_templates
from jetchain.background.settings import SpectrumSettings
from jetchain.background.spectrum import Spectrum
from jetchain.core.dijets import Array
from jetchain.core.errors import EmptySampleError


@dataclass(frozen=True)
class Candidate:
    """A model of the background, fitted to the data beside the signal.

    Attributes:
        shape, order: name of the falling shape, and order of the polynomial.
        falling: (bins, nodes) the shape.
        templates: (components, bins): order + 1, or fewer, the last one being the sum of the rest.
        fit: of one data set.
        p_value: of a worse fit, from toys.
        f_tests: p-value of each step, "1 -> 2", from toys, of its shape.
        accepted: whether the fit is good and does not rise where the data end.
    """

    shape: str
    order: int
    falling: Array
    templates: Array
    fit: Fitted
    p_value: float
    f_tests: dict[str, float]
    accepted: bool

    @property
    def name(self) -> str:
        return f"{self.shape}, order {self.order}"

    @property
    def background(self) -> Array:
        """(bins,) expected."""
        return np.asarray(self.fit.norms[0] @ self.templates)

    @property
    def scale(self) -> float:
        """What makes the templates add up to the fitted background."""
        return float(self.background.sum() / self.templates.sum())

    @property
    def norms(self) -> Array:
        """(components,) of the scaled templates: all 1 if the background is the falling shape."""
        return np.asarray(self.fit.norms[0] / self.scale)

    def density(self, spectrum: Spectrum) -> Array:
        """(bins, nodes): the fitted background as a falling shape."""
        norms = self.fit.norms[0]
        tied = np.append(norms, np.full(self.order + 1 - len(norms), norms[-1]))
        polynomial = np.tensordot(tied, spectrum.basis(self.order), 1)
        return np.asarray(polynomial * self.falling)

    @property
    def penalised(self) -> float:
        """-2 ln L and one for each parameter."""
        return float(self.fit.deviance[0]) + len(self.templates)


@dataclass(frozen=True)
class ShapeFit:
    """The model of the search, and the others that are accepted.

    Attributes:
        spectrum: what was fitted.
        best: the model of the search; not an accepted one if there is none.
        others: accepted as well.
        spurious: signal strength that `best` finds in their backgrounds, at most.
        significance: local, from -2 ln L with and without signal, of either sign; the spurious
            signal widens the error of mu.
    """

    spectrum: Spectrum
    best: Candidate
    others: tuple[Candidate, ...]
    spurious: float
    significance: float

    @property
    def background_error(self) -> Array:
        """(bins,) of the fitted background, from its norms."""
        covariance = self.best.fit.covariance[0, :-1, :-1]
        templates = self.best.templates
        variance = np.einsum("kb,kl,lb->b", templates, covariance, templates)
        return np.sqrt(np.maximum(variance, 0.0))

    def window_error(self) -> float:
        """Of the background in the signal region."""
        total = self.best.templates[:, self.spectrum.window].sum(1)
        return float(np.sqrt(max(total @ self.best.fit.covariance[0, :-1, :-1] @ total, 0.0)))


def fit_shape(
    spectrum: Spectrum,
    settings: SpectrumSettings,
    random: np.random.Generator,
    before: Array | None = None,
) -> ShapeFit:
    """Choose the models and fit them.

    Args:
        spectrum: data and signal.
        settings: orders, thresholds, number of toys.
        random: draws the toys.
        before: (bins, nodes) the fitted background before the cut; none without a cut.

    Raises:
        EmptySampleError: too few bins with events for the simplest model.
    """
    filled, needed = int(np.count_nonzero(spectrum.counts)), settings.orders[0] + 2
    if filled <= needed:
        raise EmptySampleError(
            f"Only {filled} bins of the mass spectrum hold events; a fit of signal and background "
            f"with {needed} parameters needs more.",
            "Generate more background, loosen background.sideband.efficiency, or narrow "
            "background.sideband.spectrum.mass_range.",
        )
    shapes = spectrum.functions() if before is None else {"before the cut": before}
    models = [
        candidates(spectrum, (name, falling), settings, random) for name, falling in shapes.items()
    ]
    firsts = [next((each for each in own if each.accepted), own[0]) for own in models]
    best = min(firsts, key=lambda each: (not each.accepted, each.penalised))
    others = tuple(each for own in models for each in own if each.accepted and each is not best)
    backgrounds = np.array([each.background for each in others]).reshape(-1, len(spectrum.counts))
    hidden = _fit(best.templates, spectrum, backgrounds).mu
    spurious = float(np.abs(hidden).max(initial=0.0))
    null = _fit(best.templates, spectrum, spectrum.counts[None], floating=False)
    rise = max(float(null.deviance[0] - best.fit.deviance[0]), 0.0)
    mu, error = float(best.fit.mu[0]), float(best.fit.mu_error[0])
    widened = error / np.hypot(error, spurious) if error > 0 else 1.0
    return ShapeFit(spectrum, best, others, spurious, float(np.sign(mu) * np.sqrt(rise) * widened))


def _fit(templates: Array, spectrum: Spectrum, counts: Array, *, floating: bool = True) -> Fitted:
    floating = floating and bool(spectrum.signal.any())
    return fit_templates(templates, spectrum.signal, counts, floating=floating)


def candidates(
    spectrum: Spectrum,
    shape: tuple[str, Array],
    settings: SpectrumSettings,
    random: np.random.Generator,
) -> list[Candidate]:
    """The order after the one that the F-test does not improve, the next, and that one itself.

    As many as there are: the test's own is the last one left where no order is higher.

    Args:
        spectrum: data and signal.
        shape: name and (bins, nodes) of the falling shape.
        settings: orders, thresholds, number of toys.
        random: draws the toys.
    """
    low, high = settings.orders
    most = max(low, min(high, int(np.count_nonzero(spectrum.counts)) - 3))
    data = spectrum.counts[None]
    templates = [spectrum.templates(shape[1], order) for order in range(low, most + 1)]
    fits = [_fit(each, spectrum, data) for each in templates]
    tests: dict[str, float] = {}
    index, better = 0, True
    while better:
        toys = _toys(spectrum, fits[index], settings, random)
        of_toys = _fit(templates[index], spectrum, toys)
        poor = _share(of_toys.deviance, fits[index].deviance[0]) < settings.goodness
        better = poor and index + 1 < len(fits)
        for richer in range(index + 1, min(index + 3, len(fits))):
            gain = _improvement(of_toys, _fit(templates[richer], spectrum, toys))
            step = f"{low + index} -> {low + richer}"
            tests[step] = _share(gain, _improvement(fits[index], fits[richer])[0])
            better |= tests[step] < settings.f_test
        index += better
    found = []
    for each in (*range(index + 1, min(index + 3, len(fits))), index):
        tied, fit, falls = _tied(spectrum, templates[each])
        of_toys = _fit(tied, spectrum, _toys(spectrum, fit, settings, random))
        p_value = _share(of_toys.deviance, fit.deviance[0])
        accepted = p_value >= settings.goodness and falls
        found.append(Candidate(shape[0], low + each, shape[1], tied, fit, p_value, tests, accepted))
    return found


def _tied(spectrum: Spectrum, templates: Array) -> tuple[Array, Fitted, bool]:
    """The templates with the fewest of the last ones added up that fit without a rise, and the fit.

    Equal norms at the end leave the falling shape as it is there. Last comes whether it falls.
    """
    for first in range(len(templates) - 1, -1, -1):
        tied = np.vstack([templates[:first], templates[first:].sum(0)])
        fit = _fit(tied, spectrum, spectrum.counts[None])
        if not _rises(spectrum, fit.norms[0] @ tied):
            return tied, fit, True
    return tied, fit, False


def _toys(
    spectrum: Spectrum, fit: Fitted, settings: SpectrumSettings, random: np.random.Generator
) -> Array:
    return random.poisson(fit.expected[0], (settings.toys, len(spectrum.counts))).astype(float)


def _improvement(simple: Fitted, rich: Fitted) -> Array:
    """Of -2 ln L, (sets,): the errors of counts are known, which the ratio F leaves unused."""
    return np.maximum(simple.deviance - rich.deviance, 0.0)


def _share(toys: Array, observed: float) -> float:
    """p-value by counting, the data among the toys."""
    return float((1 + np.sum(toys >= observed)) / (1 + len(toys)))


def _rises(spectrum: Spectrum, background: Array) -> bool:
    """Whether the density rises anywhere from the last bin with an event on."""
    last = int(np.flatnonzero(spectrum.counts)[-1])
    density = (background / np.diff(spectrum.edges))[max(last - 1, 0) :]
    return bool(np.any(np.diff(density) > 0))
