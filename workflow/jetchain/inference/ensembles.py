"""Toys of any HistFactory model: CLs, the p-value of a discovery and the goodness of fit.

Counts and the auxiliary data of all constraint terms are thrown, those of the statistical errors of
simulation (Barlow-Beeston) among them, at the nuisance parameters that fit the data best under the
hypothesis (the profile construction; arXiv 1007.1727 names the same choice for asymptotic data).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from jetchain.core.progress import Progress
from jetchain.core.schema.inference import Limits, ToyLimits
from jetchain.core.seeds import generator
from jetchain.inference.cls import ToyCls, cls_of
from jetchain.inference.histfactory import Hypotheses, Model
from jetchain.inference.likelihood import Rows
from jetchain.inference.limits import account_of_toys, strengths_with_toys
from jetchain.inference.settings import LimitSettings
from jetchain.inference.toys import NoMinimumError, fitted
from jetchain.inference.yields import FEW_EVENTS

Array = NDArray[np.floating]
ROUNDING = 1e-6
"""Of test statistics: counts are discrete, and ties belong to the tail."""


def few_events(model: Model) -> bool:
    """Whether the bins where the signal is expect so few events that toys are called for.

    The same criterion as of the searches: the bins with at least half the signal over background
    of the best one hold fewer than `FEW_EVENTS` background events together.
    """
    signal = np.maximum(model.signal, 0.0)
    share = signal**2 / (np.maximum(model.background, 0.0) + 1)
    peak = share >= 0.5 * share.max()
    return bool(np.sum(np.maximum(model.background, 0.0)[peak]) < FEW_EVENTS)


@dataclass(frozen=True)
class Toys:
    """Toys of a hypothesis, and the least -2 log L of each with its best strength."""

    data: Rows
    near: Array
    free: tuple[Array, Array]


def thrown(model: Model, parameters: Array, toys: int, random: np.random.Generator) -> Toys:
    """Toys at one set of parameters, and their free fits.

    Raises:
        NoMinimumError: pyhf alone evaluates this model, which is too slow for toys.
    """
    if model.likelihood is None:
        raise NoMinimumError("toys are thrown of models of pyhf's own modifiers alone")
    data = model.likelihood.draw(np.repeat(parameters[None], toys, 0), random)
    start = parameters.copy()
    start[model.poi] = max(start[model.poi], 0.1 * model.unit)
    least, best = model.minima(data, start)
    return Toys(data, best, (least, best[:, model.poi]))


def limits_from_toys(
    hypotheses: Hypotheses, settings: LimitSettings, asymptotic: Limits, seed: int
) -> ToyLimits:
    """CLs limits from toys; the toys without signal are the same at all strengths.

    Args:
        hypotheses: of the model.
        settings: number of toys and of strengths; a quarter of the toys is thrown.
        asymptotic: limits, around which strengths are tried.
        seed: of the toys.

    Raises:
        NoMinimumError: more than a hundredth of the toys has no fit.
    """
    model = hypotheses.model
    strengths = strengths_with_toys(asymptotic, settings)
    toys = max(settings.toys // 4, 1)
    random = generator(seed, "toys")
    background = thrown(model, hypotheses.null, toys, random)
    rows, failed = [], 0
    progress = Progress(len(strengths), "signal strengths with toys")
    for index, mu in enumerate(strengths):
        found, lost = cls_at(hypotheses, float(mu), background, random)
        rows.append(found)
        failed += lost
        progress.report(index + 1, mu=float(mu), CLs=found.cls)
    scale = (settings.level, asymptotic.reference_cross_section_fb)
    return account_of_toys(rows, strengths, scale, toys, failed)


def cls_at(
    hypotheses: Hypotheses, mu: float, background: Toys, random: np.random.Generator
) -> tuple[ToyCls, int]:
    """CLs at a strength, and how many toys have no fit; see `limits_from_toys`."""
    model, toys = hypotheses.model, len(background.near)
    at_mu, parameters = model.minima(model.rows, hypotheses.best_parameters, np.array([mu]))
    signal = thrown(model, parameters[0], toys, random)
    q_signal, q_background = (
        model.q_tilde(each.data, np.full(toys, mu), each.near, each.free)
        for each in (signal, background)
    )
    least = hypotheses.least
    q_observed = max(float(at_mu[0]) - least, 0.0) if hypotheses.best < mu else 0.0
    lost = int(np.sum(~np.isfinite(q_signal)) + np.sum(~np.isfinite(q_background)))
    return cls_of(fitted(q_signal, toys), fitted(q_background, toys), q_observed), lost


def p0_from_toys(
    hypotheses: Hypotheses, toys: int, random: np.random.Generator
) -> tuple[float, bool]:
    """p-value of no signal, and whether no toy lies beyond the data; see `inference.discovery`."""
    model = hypotheses.model
    without = thrown(model, hypotheses.null, toys, random)
    at_zero, _ = model.minima(without.data, hypotheses.null, np.zeros(toys))
    q = fitted(np.maximum(at_zero - without.free[0], 0.0), toys)
    beyond = int(np.sum(q >= hypotheses.q0 - ROUNDING))
    return (1 + beyond) / (1 + len(q)), beyond == 0


def goodness_from_toys(hypotheses: Hypotheses, toys: int, random: np.random.Generator) -> float:
    """p-value of the likelihood ratio to the saturated model, from toys at the best fit."""
    model = hypotheses.model
    least = hypotheses.least
    ratios = fitted(thrown(model, hypotheses.best_parameters, toys, random).free[0], toys)
    return float((1 + np.sum(ratios >= least - ROUNDING)) / (1 + len(ratios)))
