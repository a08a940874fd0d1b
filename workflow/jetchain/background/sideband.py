"""The search itself: cut on a score, fit the mass sidebands, interpolate, count.

The cut is set on the sidebands of the data, fold by fold, and knows nothing of signal or truth.

Signal in the sidebands raises the interpolated background. Per unit of signal strength it is known
from the simulated signal and the linear response of the fit, and the signal yield is that of the
window less this share: with it, observed = background + mu signal holds on average at every mu.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from jetchain.background.dijet import ChosenFit, DijetFit, Spectrum, bin_spectrum, choose_fit
from jetchain.background.settings import CutJob, SpectrumJob
from jetchain.background.yields import make_yields
from jetchain.core.dijets import Array, Table, inside, read_scores, require_regions, sidebands
from jetchain.core.errors import EmptySampleError
from jetchain.core.io.tables import read_result, write_csv, write_result
from jetchain.core.io.tensors import read_tensors
from jetchain.core.schema.anomaly import DIJETS
from jetchain.core.schema.background import Normalisation, SearchYields, SpectrumFit, SpectrumFits
from jetchain.core.verbs import Input, Output


def passes(
    data: Table, scores: Array, targets: list[tuple[Table, Array]], efficiency: float,
    job: SpectrumJob,
) -> list[NDArray[np.bool_]]:  # fmt: skip
    """Which events of each target pass the cut that keeps a fraction of the sideband data.

    Args:
        data, scores: dijet events and their scores (events,), whose sidebands set the cut.
        targets: tables and their scores.
        efficiency: fraction of the sidebands that is kept.
        job: settings.
    """
    side = sidebands(data["m_jj"], job.signal_region, job.spectrum.mass_range)
    require_regions(data["m_jj"], inside(data["m_jj"], job.signal_region), side)
    thresholds = cut_by_fold(scores, data["fold"], side, efficiency)
    return [own >= thresholds[table["fold"]] for table, own in targets]


def cut_by_fold(
    scores: Array,
    fold: NDArray[np.int64],
    calibration: NDArray[np.bool_],
    efficiency: float,
) -> Array:
    """The threshold that a fraction of the calibration events of each fold exceeds.

    Models differ between folds, and so do their scores: each fold has its own threshold.

    Args:
        scores: (events,)
        fold: (events,)
        calibration: (events,) which events set the thresholds.
        efficiency: the fraction to keep.

    Returns:
        Thresholds (folds,).

    Raises:
        EmptySampleError: a fold has too few calibration events for one to be kept.
    """
    thresholds = np.empty(int(fold.max()) + 1)
    for each in range(len(thresholds)):
        chosen = scores[calibration & (fold == each)]
        if len(chosen) * efficiency < 1:
            raise EmptySampleError(
                f"The cut that keeps {efficiency:g} of the sidebands keeps no event of fold "
                f"{each}, which has {len(chosen)}; at least {int(np.ceil(1 / efficiency))} are "
                "needed.",
                "Generate more background, or raise background.sideband.efficiency and scan.",
            )
        thresholds[each] = np.quantile(chosen, 1 - efficiency, method="higher")
    return thresholds


def spectrum_of(m_jj: Array, job: SpectrumJob) -> Spectrum:
    """The binned spectrum of masses (events,)."""
    low, high = job.spectrum.mass_range
    window = (job.signal_region[0], job.signal_region[1])
    return bin_spectrum(m_jj, (low, high), window, job.spectrum.bin_width, job.spectrum.energy)


def fit_spectrum(m_jj: Array, job: SpectrumJob) -> tuple[Spectrum, ChosenFit, SpectrumFit]:
    """Bin and fit masses (events,)."""
    settings = job.spectrum
    spectrum = spectrum_of(m_jj, job)
    chosen = choose_fit(spectrum, settings.parameters, settings.f_test)
    fit = chosen.fit
    summary = SpectrumFit(
        events=int(spectrum.counts.sum()),
        parameters=dict(zip(("log_p0", "p2", "p1", "p3", "p4"), fit.values.tolist(), strict=False)),
        f_test=chosen.tests,
        chi2=fit.chi2,
        ndf=fit.ndf,
        p_value=fit.p_value,
        observed=fit.observed,
        background=fit.background,
        background_uncertainty=chosen.background_error,
        fit_uncertainty=fit.background_error,
        function_uncertainty=chosen.function_error,
        significance=chosen.significance,
    )
    return spectrum, chosen, summary


def spectrum_rows(name: str, spectrum: Spectrum, fit: DijetFit) -> dict[str, list[Any]]:
    """The spectrum and its fit as columns of a table."""
    return {
        "selection": [name] * len(spectrum.counts),
        "low": spectrum.edges[:-1].tolist(),
        "high": spectrum.edges[1:].tolist(),
        "window": spectrum.window.astype(int).tolist(),
        "observed": spectrum.counts.tolist(),
        "expected": fit.expected.tolist(),
        "expected_error": fit.expected_error.tolist(),
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
) -> None:
    """Cut on the mean score of a method's trainings, fit the sidebands and count."""
    tables = [read_tensors(path, DIJETS) for path in (data, signal_test)]
    values = [
        read_scores(path, table).mean(axis=1)
        for path, table in zip((scores, signal_scores), tables, strict=True)
    ]
    targets = list(zip(tables, values, strict=True))
    summaries: dict[str, SpectrumFit] = {}
    rows: list[dict[str, list[Any]]] = []
    nominal = settings.efficiency
    for efficiency in [1.0, *settings.efficiencies]:
        kept = (
            [np.ones(len(table["m_jj"]), dtype=bool) for table in tables]
            if efficiency == 1.0
            else passes(tables[0], values[0], targets, efficiency, settings)
        )
        name = f"{efficiency:g}"
        spectrum, fit, summaries[name] = fit_spectrum(tables[0]["m_jj"][kept[0]], settings)
        rows.append(spectrum_rows(name, spectrum, fit.fit))
        if efficiency == nominal:
            write_result(
                yields,
                _yields(
                    method, spectrum, fit, tables[1]["m_jj"], kept[1],
                    read_result(normalisation, Normalisation), settings,
                ),
            )  # fmt: skip
    write_result(fits, SpectrumFits(method=method, efficiency=nominal, fits=summaries))
    write_csv(spectra, _stack(rows))


def inclusive(
    *,
    data: Input,
    signal_test: Input,
    normalisation: Input,
    fits: Output,
    spectra: Output,
    yields: Output,
    settings: SpectrumJob,
) -> None:
    """The same without any cut: the bump hunt that the methods have to beat."""
    tables = [read_tensors(path, DIJETS) for path in (data, signal_test)]
    spectrum, fit, summary = fit_spectrum(tables[0]["m_jj"], settings)
    everything = np.ones(len(tables[1]["m_jj"]), dtype=bool)
    write_result(fits, SpectrumFits(method="inclusive", efficiency=1.0, fits={"1": summary}))
    write_csv(spectra, spectrum_rows("1", spectrum, fit.fit))
    write_result(
        yields,
        _yields(
            "inclusive", spectrum, fit, tables[1]["m_jj"], everything,
            read_result(normalisation, Normalisation), settings,
        ),
    )  # fmt: skip


def _yields(
    method: str,
    spectrum: Spectrum,
    chosen: ChosenFit,
    signal_mass: Array,
    kept: NDArray[np.bool_],
    normalisation: Normalisation,
    job: SpectrumJob,
) -> SearchYields:
    return make_yields(
        method,
        chosen.fit.observed,
        (chosen.fit.background, chosen.background_error),
        (
            kept & inside(signal_mass, job.signal_region),
            kept * spectrum.of_bin(signal_mass, chosen.fit.response),
        ),
        normalisation,
        job.signal_region,
        "gaussian",
    )


def _stack(rows: list[dict[str, list[Any]]]) -> dict[str, list[Any]]:
    return {name: [value for row in rows for value in row[name]] for name in rows[0]}
