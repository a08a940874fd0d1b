"""The search itself: cut on a score, and fit signal and background to the whole mass spectrum.

The cut is set on the sidebands of the data, fold by fold, and knows nothing of signal or truth. The
fit takes the signal's histogram from simulation and leaves out no bin: signal beside its peak
neither bends the background nor chooses its order (`background.shape`).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from jetchain.background.selection import passes
from jetchain.background.settings import CutJob, SpectrumJob
from jetchain.background.shape import Candidate, ShapeFit, fit_shape
from jetchain.background.spectrum import Spectrum, bin_spectrum
from jetchain.background.yields import shape_yields
from jetchain.core.dijets import Array, Table, read_dijets, read_scores
from jetchain.core.io.tables import read_result, write_csv, write_result
from jetchain.core.schema.background import AcceptedModel, Normalisation, SpectrumFit, SpectrumFits
from jetchain.core.seeds import generator
from jetchain.core.verbs import Input, Output


def spectrum_of(m_jj: Array, signal: tuple[Array, float], job: SpectrumJob) -> Spectrum:
    """The binned spectrum of masses (events,), beside those of the simulated signal.

    Args:
        m_jj: of the data, TeV.
        signal: masses of simulated events, and the events that each stands for at mu = 1.
        job: settings.
    """
    settings = job.spectrum
    return bin_spectrum(m_jj, settings.mass_range, job.signal_region, settings.bin_width, signal)


def summarise(fit: ShapeFit) -> SpectrumFit:
    """A fit as a result."""
    spectrum, best = fit.spectrum, fit.best
    window = spectrum.window
    return SpectrumFit(
        events=int(spectrum.counts.sum()),
        shape=best.shape,
        order=best.order,
        norms=best.norms.tolist(),
        f_test=best.f_tests,
        chi2=float(best.fit.deviance[0]),
        ndf=len(window) - len(best.templates) - 1,
        p_value=best.p_value,
        accepted=best.accepted,
        others=[_accepted(each) for each in fit.others],
        observed=float(spectrum.counts[window].sum()),
        background=float(best.background[window].sum()),
        background_uncertainty=fit.window_error(),
        signal=float(best.fit.mu[0] * spectrum.signal[window].sum()),
        mu=float(best.fit.mu[0]),
        mu_error=float(best.fit.mu_error[0]),
        spurious_mu=fit.spurious,
        significance=fit.significance,
    )


def _accepted(model: Candidate) -> AcceptedModel:
    return AcceptedModel(
        shape=model.shape,
        order=model.order,
        p_value=model.p_value,
        mu=float(model.fit.mu[0]),
        mu_error=float(model.fit.mu_error[0]),
    )


def spectrum_rows(name: str, fit: ShapeFit) -> dict[str, list[Any]]:
    """The spectrum and its fit as columns of a table."""
    spectrum = fit.spectrum
    return {
        "selection": [name] * len(spectrum.counts),
        "low": spectrum.edges[:-1].tolist(),
        "high": spectrum.edges[1:].tolist(),
        "window": spectrum.window.astype(int).tolist(),
        "observed": spectrum.counts.tolist(),
        "expected": fit.best.fit.expected[0].tolist(),
        "background": fit.best.background.tolist(),
        "background_error": fit.background_error.tolist(),
    }


def sideband(
    *,
    data: Input,
    signal_test: Input,
    scores: Input,
    signal_scores: Input,
    normalisation: Input,
    fits: Output,
    spectra: Output,
    yields: Output,
    method: str,
    settings: CutJob,
    seed: int,
) -> None:
    """Cut on the mean score of a method's trainings, and fit the mass before and after."""
    tables = [read_dijets(path) for path in (data, signal_test)]
    values = [
        read_scores(path, table).mean(axis=1)
        for path, table in zip((scores, signal_scores), tables, strict=True)
    ]
    targets = list(zip(tables, values, strict=True))
    found = read_result(normalisation, Normalisation)
    before = fit_events(tables, None, found, settings, (seed, "1"))
    shapes = {"1": before}
    for efficiency in settings.efficiencies:
        kept = passes(tables[0], values[0], targets, efficiency, settings)
        name = f"{efficiency:g}"
        shapes[name] = shape = fit_events(tables, kept, found, settings, (seed, name), before)
        if efficiency == settings.efficiency:
            simulated = len(kept[1])
            counts = shape_yields(method, shape, simulated, found, settings.signal_region)
            write_result(yields, counts)
    _write(method, settings.efficiency, shapes, fits, spectra)


def inclusive(
    *,
    data: Input,
    signal_test: Input,
    normalisation: Input,
    fits: Output,
    spectra: Output,
    yields: Output,
    settings: SpectrumJob,
    seed: int,
) -> None:
    """The same without any cut: the bump hunt that the methods have to beat."""
    tables = [read_dijets(path) for path in (data, signal_test)]
    found = read_result(normalisation, Normalisation)
    shape = fit_events(tables, None, found, settings, (seed, "1"))
    simulated = len(tables[1]["m_jj"])
    counts = shape_yields("inclusive", shape, simulated, found, settings.signal_region)
    write_result(yields, counts)
    _write("inclusive", 1.0, {"1": shape}, fits, spectra)


def fit_events(
    tables: list[Table],
    kept: list[NDArray[np.bool_]] | None,
    normalisation: Normalisation,
    settings: SpectrumJob,
    seed: tuple[int, str],
    before: ShapeFit | None = None,
) -> ShapeFit:
    """Fit what a cut keeps of data and simulated signal; the seed and the cut's name draw toys."""
    masses = [table["m_jj"] for table in tables]
    weight = normalisation.reference_events / max(len(masses[1]), 1)
    if kept is not None:
        masses = [mass[chosen] for mass, chosen in zip(masses, kept, strict=True)]
    spectrum = spectrum_of(masses[0], (masses[1], weight), settings)
    falling = None if before is None else before.best.density(before.spectrum)
    return fit_shape(spectrum, settings.spectrum, generator(*seed), falling)


def _write(
    method: str, efficiency: float, shapes: dict[str, ShapeFit], fits: Output, spectra: Output
) -> None:
    summaries = {name: summarise(shape) for name, shape in shapes.items()}
    write_result(fits, SpectrumFits(method=method, efficiency=efficiency, fits=summaries))
    rows = [spectrum_rows(name, shape) for name, shape in shapes.items()]
    write_csv(spectra, {name: [value for row in rows for value in row[name]] for name in rows[0]})
