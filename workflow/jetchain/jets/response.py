"""The response of jets as a smooth function, and its numerical inversion.

ATLAS's calibration of simulated jets (arXiv 1703.09665, section 5; for the mass of large jets
1807.09477): the median response is measured in bins of the true values, where it does not depend
on the spectrum, and the function is inverted, so that a jet is corrected as its true value asks.
What the pT then still depends on is divided out, one variable of the jet after the other (the
global sequential calibration, 1703.09665, section 5.3): it brings the resolution down.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from jetchain.core.schema.jets import SHARES, JetCalibration, ResponseFit

Array = NDArray[np.floating]

PT_POWERS = [(0, 0), (1, 0), (2, 0)]
MASS_POWERS = [(0, 0), (1, 0), (0, 1), (1, 1), (2, 0), (0, 2)]

# Standard deviations of the prior: of a coefficient about 1 (the constant) or 0, and of the same
# coefficient from one |eta| to the next. Any bin with enough jets knows better; where there is
# none, they lead on from the neighbours. What is left against the shares is a few per cent; the
# mass of a light jet in the endcap is half as large again as the true one.
PRIOR, OF_SHARES, OF_MASS = (0.3, 0.1), (0.1, 0.1), (1.0, 0.3)

BEYOND = 1.2
"""Where there were no jets, the response is at most by this factor more than the largest median, or
less than the least: in a corner between bins a parabola goes anywhere. Our choice."""

ITERATIONS = 50
PRECISION = 1e-7


@dataclass(frozen=True)
class Bins:
    """Median responses in bins: true pT (GeV), |eta|, a third variable, the median, its error."""

    pt: Array
    eta: Array
    ratio: Array
    median: Array
    error: Array


def fit_response(
    bins: Bins,
    eta: ArrayLike,
    pt_range: tuple[float, float],
    ratio_range: tuple[float, float] | None = None,
    prior: tuple[float, float] = PRIOR,
) -> ResponseFit:
    """Fit the medians by a polynomial whose coefficients are linear between nodes in |eta|.

    Args:
        bins: the medians; of none, the response is 1.
        eta: (nodes,) of the fit, rising.
        pt_range: true pT that the polynomial spans, GeV.
        ratio_range: of the third variable, likewise; none for a response without one.
        prior: standard deviations of a coefficient, and from one node to the next.
    """
    nodes = [float(each) for each in np.asarray(eta)]
    powers = PT_POWERS if ratio_range is None else MASS_POWERS
    terms, size = len(powers), len(nodes) * len(powers)
    empty = ResponseFit(
        eta=nodes,
        pt_range=pt_range,
        ratio_range=ratio_range,
        powers=powers,
        coefficients=[[0.0] * terms] * len(nodes),
        covariance=[],
        bounds=(min(bins.median, default=1.0) / BEYOND, max(bins.median, default=1.0) * BEYOND),
    )
    design = _design(empty, bins.pt, bins.eta, bins.ratio) / bins.error[:, None]
    mean = np.tile([1.0] + [0.0] * (terms - 1), len(nodes))
    width, change = prior
    step = (np.eye(size - terms, size, terms) - np.eye(size - terms, size)) / change
    precision = design.T @ design + np.eye(size) / width**2 + step.T @ step
    right = design.T @ (bins.median / bins.error) + mean / width**2
    covariance = np.linalg.inv(precision)
    return ResponseFit(
        **empty.model_dump(exclude={"coefficients", "covariance"}),
        coefficients=np.linalg.solve(precision, right).reshape(len(nodes), terms),
        covariance=covariance,
    )


def response(fit: ResponseFit, pt: Array, eta: Array, ratio: Array | None = None) -> Array:
    """The fitted response at true pT, eta and the third variable, (jets,)."""
    found = _design(fit, pt, eta, ratio) @ np.ravel(fit.coefficients)
    return np.clip(found, *fit.bounds) if fit.bounds else found


def response_error(fit: ResponseFit, pt: Array, eta: Array, ratio: Array | None = None) -> Array:
    """The statistical error of `response`, (jets,)."""
    design = _design(fit, pt, eta, ratio)
    return np.sqrt(np.einsum("ni,ij,nj->n", design, np.asarray(fit.covariance), design))


def invert_pt(fit: ResponseFit, pt: Array, eta: Array) -> Array:
    """The true pT whose reconstructed pT is expected to be `pt`, (jets,)."""
    true = pt
    for _ in range(ITERATIONS):
        before, true = true, pt / response(fit, true, eta)
        if np.allclose(true, before, rtol=PRECISION, atol=0.0):
            break
    return true


def invert_mass(fit: ResponseFit, mass: Array, pt: Array, eta: Array) -> Array:
    """The true mass of jets of true pT whose reconstructed mass is expected to be `mass`."""
    true = mass
    for _ in range(ITERATIONS):
        before, true = true, mass / response(fit, pt, eta, true / pt)
        if np.allclose(true, before, rtol=PRECISION, atol=0.0):
            break
    return true


def calibrated_pt(
    known: JetCalibration, pt: Array, eta: Array, shares: Mapping[str, Array]
) -> Array:
    """The pT, (jets,), with all of its corrections.

    Args:
        known: the calibration.
        pt, eta: before it, (jets,).
        shares: (jets,) each of `SHARES`.
    """
    true = invert_pt(known.pt, pt, eta)
    for name, fit in zip(SHARES, known.shares, strict=True):
        true = true / response(fit, true, eta, shares[name])
    return true


def calibrated_values(known: JetCalibration, raw: Mapping[str, Array]) -> dict[str, Array]:
    """Calibrated pt, m and msd, (jets,) each.

    The correction of the pT scales all of the four-momentum. The mass has one of its own, of what
    the soft particles far from the axis lose and noise adds. Grooming takes these away: the
    soft-drop mass has none, since that of quark and gluon jets, whose mass comes from softer and
    wider radiation, would put the peaks of W and Z off.

    Args:
        known: the calibration.
        raw: (jets,) each, eta, pt, m and msd before it and the shares.
    """
    pt = calibrated_pt(known, raw["pt"], raw["eta"], raw)
    scale = pt / raw["pt"]
    return {
        "pt": pt,
        "m": invert_mass(known.m, raw["m"] * scale, pt, raw["eta"]),
        "msd": raw["msd"] * scale,
    }


def _design(fit: ResponseFit, pt: Array, eta: Array, ratio: Array | None) -> Array:
    """(jets, nodes * terms): the response is its product with the coefficients."""
    nodes = np.asarray(fit.eta)
    place = np.interp(np.abs(eta), nodes, np.arange(len(nodes)))
    hats = np.maximum(1.0 - np.abs(place[:, None] - np.arange(len(nodes))), 0.0)
    x = _scaled(pt, fit.pt_range)
    y = np.zeros_like(x)
    if fit.ratio_range is not None and ratio is not None:
        y = _scaled(ratio, fit.ratio_range)
    terms = np.stack([x**first * y**second for first, second in fit.powers], axis=1)
    return (hats[:, :, None] * terms[:, None, :]).reshape(len(x), len(nodes) * len(fit.powers))


def _scaled(values: Array, limits: tuple[float, float]) -> Array:
    """The logarithm, from -1 at the lower limit to 1 at the upper one, and no further."""
    low, high = np.log(limits)
    clipped = np.clip(np.asarray(values, dtype=np.float64), *limits)
    return (2.0 * np.log(clipped) - low - high) / (high - low)
