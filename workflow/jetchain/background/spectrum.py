"""The binned mass spectrum, and the background as a sum of templates with free norms.

The background is a falling function of the mass times a polynomial in the Bernstein basis,
sum_k c_k B_{k,n}(u) f(m) with c_k >= 0 and u from 0 to 1 across the spectrum: positive everywhere,
and a sum of histograms, which is all that HistFactory (CERN-OPEN-2012-016) needs. With all c_k
equal it is f itself, since the B_{k,n} add up to 1.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import comb

from jetchain.background.poisson import fit_templates
from jetchain.background.selection import mass_edges
from jetchain.core.dijets import Array, inside

NODES, WEIGHTS = np.polynomial.legendre.leggauss(3)
FUNCTIONS: dict[str, Callable[[Array, float], Array]] = {
    "exponential": lambda ratio, steepness: np.exp(steepness * (1 - ratio)),
    "half a power": lambda ratio, steepness: (
        np.exp(steepness / 2 * (1 - ratio)) * ratio ** (-steepness / 2)
    ),
}
"""Falling functions of m / m_low, an exponential and its product with a power, like (1 - x)^p x^-q
of the dijet function: with two, one can stand for what the other gets wrong. A power alone falls
too slowly: polynomials of order 4 that mend it find signals of .4 errors in dijet functions."""
STEEPEST = 100.0


@dataclass(frozen=True)
class Spectrum:
    """A binned mass spectrum.

    Attributes:
        edges: (bins + 1,) TeV.
        counts: (bins,)
        signal: (bins,) events expected at signal strength 1.
        window: (bins,) which bins lie in the signal region.
    """

    edges: Array
    counts: Array
    signal: Array
    window: NDArray[np.bool_]

    @cached_property
    def nodes(self) -> Array:
        """(bins, nodes): where each bin is integrated, TeV."""
        centre, half = (self.edges[1:] + self.edges[:-1]) / 2, np.diff(self.edges) / 2
        return np.asarray(centre[:, None] + half[:, None] * NODES)

    def basis(self, order: int) -> Array:
        """(order + 1, bins, nodes): the Bernstein polynomials."""
        u = (self.nodes - self.edges[0]) / (self.edges[-1] - self.edges[0])
        return np.array([comb(order, k) * u**k * (1 - u) ** (order - k) for k in range(order + 1)])

    def templates(self, falling: Array, order: int) -> Array:
        """(order + 1, bins): B_{k,n} f, which add up to as many events as the data have.

        Args:
            falling: (bins, nodes) f.
            order: of the polynomial.
        """
        weights = falling * WEIGHTS * np.diff(self.edges)[:, None]
        weights = weights * (max(self.counts.sum(), 1.0) / weights.sum())
        return np.asarray((self.basis(order) * weights).sum(-1))

    def functions(self) -> dict[str, Array]:
        """`FUNCTIONS` at the nodes, as steep as fits best beside a signal of any strength."""
        return {name: self._steepest(function) for name, function in FUNCTIONS.items()}

    def _steepest(self, function: Callable[[Array, float], Array]) -> Array:
        def falling(logarithm: float) -> Array:
            return function(self.nodes / self.edges[0], float(np.exp(logarithm)))

        def deviance(logarithm: float) -> float:
            templates = self.templates(falling(logarithm), 0)
            return float(fit_templates(templates, self.signal, self.counts[None]).deviance[0])

        found = minimize_scalar(
            deviance, bounds=(0.0, np.log(STEEPEST)), method="bounded", options={"xatol": 1e-3}
        )
        return falling(float(found.x))


def bin_spectrum(
    m_jj: Array,
    mass_range: Sequence[float],
    signal_region: Sequence[float],
    bin_width: float,
    signal: tuple[Array, float],
) -> Spectrum:
    """Count masses (events,) in bins that end exactly at the edges of the signal region.

    Args:
        m_jj: of the data, TeV.
        mass_range, signal_region: [low, high), TeV.
        bin_width: TeV, about.
        signal: masses of simulated events, and the events that each stands for.
    """
    edges = mass_edges(mass_range, signal_region, bin_width)
    low, high = signal_region
    centre = (edges[1:] + edges[:-1]) / 2
    counts, simulated = (
        np.histogram(each[inside(each, mass_range)], edges)[0].astype(float)
        for each in (m_jj, signal[0])
    )
    return Spectrum(edges, counts, signal[1] * simulated, (low < centre) & (centre < high))
