"""A bump hunt: a signal of any mass is sought in the spectrum, and what looking everywhere costs.

At each of a row of masses signal and background are fitted, with the signal's simulated histogram
moved there: its masses times one factor, so that its width follows the mass as the resolution does.
The model of the background is that of the search (`background.shape`), its norms fitted anew at
every mass. Where the largest excess lies outside the signal region, the model is chosen once more
with the signal floating there: chosen without, a higher order follows the bump.

Local is the p-value at one mass, from q0 (arXiv 1007.1727, eq. 12); global that of the largest
excess at any mass. The latter comes from toys of the fit of the background alone, and from the
trial factor of arXiv 1005.1891 (eq. 3),

    p_global <= p_local + <N(c0)> exp(-(Z^2 - c0) / 2),

with the mean number N of upcrossings of q0 through a low level c0, from the same toys. They draw
counts after the cut: what another training would find is seen in a scan alone (`anomaly.scan`).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from scipy.stats import norm

from jetchain.background.poisson import fit_templates
from jetchain.background.settings import HuntJob, SpectrumSettings
from jetchain.background.shape import ShapeFit, fit_shape
from jetchain.background.sideband import fit_events, passes
from jetchain.background.spectrum import Spectrum
from jetchain.core.dijets import Array, Table, read_dijets, read_scores
from jetchain.core.errors import EmptySampleError
from jetchain.core.io.tables import read_result, write_result
from jetchain.core.progress import Progress
from jetchain.core.schema.background import Normalisation
from jetchain.core.schema.bump_hunt import BumpHunt, BumpScan, TrialFactor
from jetchain.core.seeds import generator
from jetchain.core.verbs import Input, Inputs, Output

STEP = 0.25
"""Of the signal's width, between neighbouring masses."""
NARROWEST = 0.01
"""Width over mass below which masses are no closer together: bins are wider."""
LEVEL = 0.5
"""c0: low, so that few toys know the crossings well."""
RARE = 0.05
"""Global p-value whose share among the toys is told."""
SHOWN = np.arange(0.0, 5.01, 0.25)
"""Significances at which toys and formula are compared."""


def grid(signal: Array, mass_range: tuple[float, float]) -> Array:
    """Factors (masses,) by which the signal is moved: its central 68 % stay in the range.

    Neighbours are a share of its width apart, which is in proportion to the mass.

    Args:
        signal: masses of simulated events, TeV.
        mass_range: of the spectrum, TeV.

    Raises:
        EmptySampleError: no simulated signal, or no place for it.
    """
    if not len(signal):
        raise EmptySampleError(
            "No simulated signal event is left whose mass could be moved.",
            "Generate more signal, or lower anomaly.features.signal_events.",
        )
    low, middle, high = np.percentile(signal, [15.87, 50, 84.13])
    first, last = mass_range[0] / low, mass_range[1] / high
    if not first < last:
        raise EmptySampleError(
            f"The spectrum from {mass_range[0]:g} to {mass_range[1]:g} TeV is narrower than the "
            f"signal, {low:.2f} to {high:.2f} TeV.",
            "Widen background.sideband.spectrum.mass_range.",
        )
    width = max((high - low) / 2 / middle, NARROWEST)
    points = int(np.ceil(np.log(last / first) / np.log1p(STEP * width))) + 1
    return np.geomspace(first, last, points)


def excesses(templates: Array, signals: Array, counts: Array) -> Array:
    """(sets, masses) Z: the root of q0 at each mass, with the sign of the fitted signal.

    Args:
        templates: (components, bins) of the background.
        signals: (masses, bins)
        counts: (sets, bins)
    """
    without = fit_templates(templates, signals[0], counts, floating=False).deviance
    found = np.empty((len(counts), len(signals)))
    progress = Progress(len(signals), "masses")
    for index, signal in enumerate(signals):
        fit = fit_templates(templates, signal, counts)
        gain = np.maximum(without - fit.deviance, 0.0)
        found[:, index] = np.sign(fit.mu) * np.sqrt(gain)
        progress.report(index + 1)
    return found


def upcrossings(excess: Array, level: float) -> Array:
    """(sets,) how often q0 rises through a level along the masses; it is 0 for a deficit.

    Args:
        excess: (sets, masses) Z.
        level: of q0.
    """
    above = excess > np.sqrt(level)
    return np.sum(~above[:, :-1] & above[:, 1:], axis=1)


def trial_factor(excess: Array | float, crossings: float, level: float) -> Array:
    """Bound on the p-value of an excess Z anywhere; 1 at most.

    Args:
        excess: Z, any shape.
        crossings: mean number of upcrossings of the level.
        level: of q0.
    """
    reached = np.maximum(excess, 0.0)
    anywhere = crossings * np.exp(-(reached**2 - level) / 2)
    return np.asarray(np.minimum(norm.sf(reached) + anywhere, 1.0))


def scan_masses(fit: ShapeFit, signal: Array, toys: int, random: np.random.Generator) -> BumpScan:
    """Look for a signal at all masses of a spectrum.

    Args:
        fit: of the spectrum, whose model of the background is used.
        signal: masses of the simulated signal, TeV, wherever it lies.
        toys: number.
        random: draws them.
    """
    spectrum, templates = fit.spectrum, fit.best.templates
    factors = grid(signal, (spectrum.edges[0], spectrum.edges[-1]))
    signals = moved(signal, factors, spectrum)
    data = spectrum.counts[None]
    alone = fit_templates(templates, signals[0], data, floating=False)
    drawn = random.poisson(alone.expected[0], (toys, data.shape[1])).astype(float)
    both = excesses(templates, signals, np.vstack([data, drawn]))
    found, null = both[0], both[1:]
    highest = null.max(axis=1)
    crossings = upcrossings(null, LEVEL)
    mean = float(crossings.mean())
    best = int(found.argmax())
    beyond = int(np.sum(highest >= found[best]))
    low, middle, high = np.percentile(signal, [15.87, 50, 84.13])
    return BumpScan(
        events=int(data.sum()),
        model=fit.best.name,
        accepted=fit.best.accepted,
        mass_tev=(middle * factors).tolist(),
        relative_width=float((high - low) / 2 / middle),
        excess=found.tolist(),
        p_local=norm.sf(found).tolist(),
        p_local_toys=((1 + np.sum(null >= found, axis=0)) / (1 + toys)).tolist(),
        largest_tev=float(middle * factors[best]),
        largest=float(found[best]),
        p_global=float(trial_factor(found[best], mean, LEVEL)),
        p_global_toys=(1 + beyond) / (1 + toys),
        p_global_toys_is_bound=beyond == 0,
        trials=TrialFactor(
            toys=toys,
            level=LEVEL,
            crossings=mean,
            crossings_error=float(crossings.std(ddof=1) / np.sqrt(toys)),
            excess=SHOWN.tolist(),
            toys_above=[float(np.mean(highest >= each)) for each in SHOWN],
            formula=trial_factor(SHOWN, mean, LEVEL).tolist(),
            rare=RARE,
            share_of_rare=float(np.mean(trial_factor(highest, mean, LEVEL) <= RARE)),
        ),
    )


def allowing(
    fit: ShapeFit, signal: Array, settings: SpectrumSettings, random: np.random.Generator,
    before: Array | None,
) -> ShapeFit:  # fmt: skip
    """The fit whose model was chosen with a signal floating where the largest excess is.

    Args:
        fit: with the signal in the signal region; returned as it is if the excess lies there too.
        signal: masses of the simulated signal, TeV.
        settings: of the fit.
        random: draws the toys of the choice.
        before: see `background.shape.fit_shape`.
    """
    spectrum = fit.spectrum
    factors = grid(signal, (spectrum.edges[0], spectrum.edges[-1]))
    signals = moved(signal, factors, spectrum)
    best = int(excesses(fit.best.templates, signals, spectrum.counts[None])[0].argmax())
    mass = float(np.median(signal)) * factors[best]
    window = spectrum.edges[:-1][spectrum.window].min(), spectrum.edges[1:][spectrum.window].max()
    if window[0] <= mass < window[1]:
        return fit
    there = replace(spectrum, signal=signals[best] * spectrum.signal.sum())
    return fit_shape(there, settings, random, before)


def moved(signal: Array, factors: Array, spectrum: Spectrum) -> Array:
    """(masses, bins) histograms of the signal's masses times each factor; each adds up to 1."""
    counts = [np.histogram(factor * signal, spectrum.edges)[0] for factor in factors]
    return np.array([each / max(each.sum(), 1) for each in counts], dtype=float)


def bump_hunt(
    *,
    data: Input,
    signal_test: Input,
    scores: Inputs,
    signal_scores: Inputs,
    normalisation: Input,
    bump_hunt: Output,
    method: str,
    settings: HuntJob,
    seed: int,
) -> None:
    """Hunt in the spectrum before a method's cut and after it, at its background efficiencies.

    Args:
        data, signal_test: DIJETS.
        scores, signal_scores: of the method; none to hunt without a cut alone.
        normalisation: of the search.
        bump_hunt: written.
        method: its name.
        settings: those of the search, and the number of toys.
        seed: of the search, whose fits are repeated.
    """
    tables: list[Table] = [read_dijets(path) for path in (data, signal_test)]
    found = read_result(normalisation, Normalisation)
    signal = tables[1]["m_jj"]
    cuts: dict[str, Any] = {"1": None}
    for paths in zip(scores, signal_scores, strict=True):
        values = [
            read_scores(path, table).mean(axis=1) for path, table in zip(paths, tables, strict=True)
        ]
        targets = list(zip(tables, values, strict=True))
        for efficiency in settings.efficiencies:
            kept = passes(tables[0], values[0], targets, efficiency, settings)
            cuts[f"{efficiency:g}"] = kept
    scans: dict[str, BumpScan] = {}
    before = None
    for name, kept in cuts.items():
        fit = fit_events(tables, kept, found, settings, (seed, name), before)
        falling = None if before is None else before.best.density(before.spectrum)
        before = before or fit
        choice, random = generator(seed, "model", name), generator(seed, "bump hunt", name)
        fit = allowing(fit, signal, settings.spectrum, choice, falling)
        scans[name] = scan_masses(fit, signal, settings.toys, random)
    write_result(
        bump_hunt,
        BumpHunt(
            method=method,
            injected_tev=float(np.median(signal)) if found.injected_events else None,
            scans=scans,
        ),
    )
