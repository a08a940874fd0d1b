"""How well the estimates hold on the true background: the only verbs here that read the truth.

`spectrum` fits the mass of the background alone after each cut, where nothing may be found, and
measures by how much the cut sculpts the mass; `abcd` compares B C / D with A; `template` a template
with the background of the signal region.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from jetchain.background.abcd import (
    Correction,
    Counts,
    choose_cuts,
    contamination,
    correction,
    count,
    to_choose,
)
from jetchain.background.quality import separation
from jetchain.background.selection import passes
from jetchain.background.settings import AbcdJob, CutJob, QualityJob
from jetchain.background.shape import fit_shape
from jetchain.background.sideband import spectrum_of, summarise
from jetchain.background.spectrum import Spectrum
from jetchain.core.dijets import Array, inside, read_dijets, read_scores, read_truth, sidebands
from jetchain.core.errors import EmptySampleError
from jetchain.core.io.tables import read_result, write_csv, write_result
from jetchain.core.schema.background import (
    AbcdClosure,
    AbcdCounts,
    CorrectedCounts,
    KappaPoint,
    Kept,
    Normalisation,
    Sculpting,
    SpectrumClosure,
    SpectrumClosureAtCut,
    TemplateClosure,
)
from jetchain.core.seeds import generator
from jetchain.core.verbs import Input, Output

RANDOM_CUTS = 50
PLANE_BINS = 20
LINE_POINTS = 20


def jensen_shannon(first: Array, second: Array) -> float:
    """Jensen-Shannon divergence of two histograms (bins,), in bits: 0 if equal, 1 if disjoint."""
    p, q = (counts / counts.sum() for counts in (first, second))
    middle = (p + q) / 2

    def relative_entropy(a: Array) -> float:
        filled = a > 0
        return float(np.sum(a[filled] * np.log2(a[filled] / middle[filled])))

    return (relative_entropy(p) + relative_entropy(q)) / 2


def sculpting(counts: Array, kept: Array, random: np.random.Generator) -> Sculpting:
    """Jensen-Shannon divergence between the spectra before and after a cut, and its null.

    A small sample differs from its parent by chance: the null is that of random subsets of the
    same size.

    Args:
        counts: (bins,) before the cut.
        kept: (bins,) after it.
        random: draws the subsets.
    """
    null = [
        jensen_shannon(
            counts,
            random.multivariate_hypergeometric(counts.astype(int), int(kept.sum())).astype(float),
        )
        for _ in range(RANDOM_CUTS)
    ]
    return Sculpting(
        jensen_shannon=jensen_shannon(counts, kept),
        null_mean=float(np.mean(null)),
        null_std=float(np.std(null, ddof=1)),
    )


def stretches(before: Spectrum, after: Spectrum) -> dict[str, Kept]:
    """What a cut keeps below the signal region, inside and above it; the bins are the same."""
    window = np.flatnonzero(before.window)
    low, high = window[0], window[-1] + 1
    parts = {"below": slice(low), "inside": slice(low, high), "above": slice(high, None)}
    return {
        name: Kept(events=int(before.counts[part].sum()), kept=int(after.counts[part].sum()))
        for name, part in parts.items()
    }


def spectrum(
    *,
    data: Input,
    truth: Input,
    signal_test: Input,
    scores: Input,
    signal_scores: Input,
    normalisation: Input,
    closure: Output,
    method: str,
    settings: CutJob,
    seed: int,
) -> None:
    """Repeat cut and fit on the true background of the data, where no signal may appear.

    The cut is the one of the search, from all data. The spurious signal is what the fit finds.
    """
    tables = [read_dijets(path) for path in (data, signal_test)]
    background = read_truth(truth, tables[0]) == 0
    values = [
        read_scores(path, table).mean(axis=1)
        for path, table in zip((scores, signal_scores), tables, strict=True)
    ]
    targets = list(zip(tables, values, strict=True))
    reference = read_result(normalisation, Normalisation).reference_events
    m_jj, signal = (table["m_jj"] for table in tables)
    weight = reference / max(len(signal), 1)
    before = fit_shape(
        spectrum_of(m_jj[background], (signal, weight), settings),
        settings.spectrum,
        generator(seed, "before"),
    )
    result: dict[str, SpectrumClosureAtCut] = {}
    for efficiency in settings.efficiencies:
        kept, passing = passes(tables[0], values[0], targets, efficiency, settings)
        name = f"{efficiency:g}"
        after = fit_shape(
            spectrum_of(m_jj[kept & background], (signal[passing], weight), settings),
            settings.spectrum,
            generator(seed, "after", name),
            before.best.density(before.spectrum),
        )
        summary = summarise(after)
        sculpted = sculpting(
            before.spectrum.counts, after.spectrum.counts, generator(seed, "random cuts", name)
        )
        result[name] = SpectrumClosureAtCut(
            **sculpted.model_dump(),
            **stretches(before.spectrum, after.spectrum),
            chi2=summary.chi2,
            ndf=summary.ndf,
            p_value=summary.p_value,
            accepted=summary.accepted,
            spurious_events=summary.signal,
            background=summary.background,
            mu=summary.mu,
            mu_error=summary.mu_error,
            spurious_mu=summary.spurious_mu,
            spurious_significance=summary.significance,
        )
    write_result(closure, SpectrumClosure(method=method, background_only=result))


def abcd(
    *,
    data: Input,
    truth: Input,
    signal_test: Input,
    planes: Input,
    signal_planes: Input,
    closure: Output,
    scan: Output,
    plane: Output,
    settings: AbcdJob,
) -> None:
    """Closure of the ABCD method along a scan of the cut, and in sub-regions of the mass.

    In the signal region both before and after the correction by kappa of the sidebands. The cuts
    are chosen on half of the simulated signal; its efficiency is that of the other half.
    """
    table, signal = (read_dijets(path) for path in (data, signal_test))
    background = read_truth(truth, table) == 0
    ranks, signal_ranks = read_scores(planes, table), read_scores(signal_planes, signal)
    side = sidebands(table["m_jj"], settings.signal_region, settings.mass_range)
    region = inside(table["m_jj"], settings.signal_region)
    signal_region = inside(signal["m_jj"], settings.signal_region)
    first = to_choose(signal)
    tuning, simulated = (signal_ranks[signal_region & each] for each in (first, ~first))
    if len(simulated) == 0:
        raise EmptySampleError(
            "No simulated signal in the signal region is left to measure the cuts' efficiency on.",
            "Generate more signal, or move anomaly.signal_region to the signal.",
        )
    nominal = choose_cuts(ranks[side], tuning, settings.efficiency)
    m_jj = table["m_jj"]
    kappa = correction(ranks, nominal, m_jj, settings.signal_region, settings.mass_range)
    low, high = settings.signal_region
    middle = (low + high) / 2
    halves = [inside(m_jj, each) & background for each in ((low, middle), (middle, high))]
    in_sidebands = {
        "sidebands, data": side,
        "below the signal region, data": side & (m_jj < low),
        "above the signal region, data": side & (m_jj >= high),
    }
    in_region = {
        "signal region, background": region & background,
        "lower half of the signal region, background": halves[0],
        "upper half of the signal region, background": halves[1],
        "signal region, data": region,
    }
    regions: dict[str, CorrectedCounts | AbcdCounts] = {
        name: _summary(count(ranks, nominal, chosen)) for name, chosen in in_sidebands.items()
    }
    for name, chosen in in_region.items():
        regions[name] = _corrected(count(ranks, nominal, chosen), kappa, _mean(m_jj[chosen]))
    injected = count(ranks, nominal, region & ~background)
    rest = count(ranks, nominal, region & background)
    at_region = kappa.kappa(_mean(m_jj[region]))
    write_result(
        closure,
        AbcdClosure(
            cuts=nominal,
            kappa=at_region[0],
            kappa_relative_uncertainty=at_region[1],
            kappas=_kappas(kappa, [(_mean(m_jj[each]), ranks[each]) for each in halves]),
            signal_efficiency=float(np.mean((simulated >= nominal).all(axis=1))),
            contamination=contamination(injected, rest) if injected.a else None,
            regions=regions,
        ),
    )
    write_csv(scan, _scan(ranks, (tuning, simulated), side, region & background))
    write_csv(plane, _plane(ranks[region & background], signal_ranks[signal_region]))


def template(
    *,
    data: Input,
    truth: Input,
    template: Input,
    closure: Output,
    settings: QualityJob,
    seed: int,
) -> None:
    """Tell a template from the true background of the signal region, as in the sidebands.

    Of the template, which has several events for each of the data, as many are taken as there is
    background.

    Raises:
        EmptySampleError: no background in the signal region, or no template.
    """
    table, drawn = read_dijets(data), read_dijets(template)
    background = read_truth(truth, table) == 0
    own = table["features"][background & inside(table["m_jj"], settings.signal_region)]
    number = min(len(own), len(drawn["features"]))
    if not number:
        raise EmptySampleError(
            f"The signal region holds {len(own)} background events and {len(drawn['features'])} of "
            "the template: there is nothing to compare.",
            "Generate more background, or raise the template's oversampling.",
        )
    taken = generator(seed, "template").permutation(len(drawn["features"]))[:number]
    found = separation(
        own, drawn["features"][taken], settings.boosting, settings.permutations, seed
    )
    write_result(closure, TemplateClosure(signal_region=found))


def _mean(m_jj: Array) -> float:
    """The mean mass; 0 where there is no event, and so no estimate."""
    return float(m_jj.mean()) if len(m_jj) else 0.0


def _kappas(kappa: Correction, halves: list[tuple[float, Array]]) -> list[KappaPoint]:
    """Kappa of the sidebands' slices, of both halves (mass, ranks) of the background, the line."""
    measured = [
        ("sidebands, data", mass, counts)
        for mass, counts in zip(kappa.masses, kappa.counts, strict=True)
    ]
    measured += [
        ("signal region, true background", mass, count(plane, kappa.cuts, slice(None)))
        for mass, plane in halves
    ]
    points = [
        KappaPoint(
            selection=selection,
            mass=mass,
            kappa=counts.kappa,
            relative_uncertainty=np.sqrt(counts.variance),
        )
        for selection, mass, counts in measured
    ]
    for mass in np.linspace(kappa.masses.min(), kappa.masses.max(), LINE_POINTS):
        value, uncertainty = kappa.kappa(float(mass))
        points.append(
            KappaPoint(selection="line", mass=mass, kappa=value, relative_uncertainty=uncertainty)
        )
    return points


def _corrected(counts: Counts, kappa: Correction, mass: float) -> CorrectedCounts:
    estimate = kappa.estimate(counts, mass) if counts.prediction else (None, None)
    return CorrectedCounts(
        **_summary(counts).model_dump(), corrected=estimate[0], corrected_uncertainty=estimate[1]
    )


def _summary(counts: Counts) -> AbcdCounts:
    return AbcdCounts(
        a=counts.a,
        b=counts.b,
        c=counts.c,
        d=counts.d,
        prediction=counts.prediction,
        prediction_uncertainty=counts.prediction_error,
        closure=counts.closure if counts.a else None,
        pull=counts.pull,
    )


def _scan(
    ranks: Array, signal: tuple[Array, Array], side: NDArray[np.bool_], region: NDArray[np.bool_]
) -> dict[str, list[Any]]:
    tuning, to_measure = signal
    rows: dict[str, list[Any]] = {
        "efficiency": [], "cut_f": [], "cut_g": [], "signal_efficiency": [], "selection": [],
        "observed": [], "prediction": [], "prediction_error": [],
    }  # fmt: skip
    for efficiency in np.geomspace(0.3, 0.003, 15):
        cuts = choose_cuts(ranks[side], tuning, efficiency)
        for name, chosen in (("sidebands", side), ("signal region", region)):
            counts = count(ranks, cuts, chosen)
            rows["efficiency"].append(float(efficiency))
            rows["cut_f"].append(cuts[0])
            rows["cut_g"].append(cuts[1])
            rows["signal_efficiency"].append(float(np.mean((to_measure >= cuts).all(axis=1))))
            rows["selection"].append(name)
            rows["observed"].append(counts.a)
            rows["prediction"].append(counts.prediction)
            rows["prediction_error"].append(counts.prediction_error)
    return rows


def _plane(background: Array, signal: Array) -> dict[str, Any]:
    edges = np.linspace(0.0, 1.0, PLANE_BINS + 1)
    first, second = (part.ravel() for part in np.meshgrid(edges[:-1], edges[:-1], indexing="ij"))
    columns: dict[str, Any] = {"f": first, "g": second}
    for name, points in (("background", background), ("signal", signal)):
        # Ranks of 1 belong to the last bin: numpy's last bin is closed.
        columns[name] = np.histogram2d(points[:, 0], points[:, 1], [edges, edges])[0].ravel()
    return columns
