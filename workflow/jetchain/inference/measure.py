"""Fit and limits of a search in one job, for the many points of a scan."""

from __future__ import annotations

from jetchain.core.io.tables import write_result
from jetchain.core.schema.scan import Measurement
from jetchain.core.settings import Settings
from jetchain.core.verbs import Input, Output
from jetchain.inference.fit import with_toys, without_toys
from jetchain.inference.limits import asymptotic_limits, no_limits
from jetchain.inference.settings import FitSettings, LimitSettings, WorkspaceSettings
from jetchain.inference.workspace import build
from jetchain.inference.yields import Yields, read_yields

FEWEST = 3
"""Toys beyond the data, with which a p-value is taken from toys."""


class MeasureJob(Settings):
    """What `measure` reads."""

    fit: FitSettings
    level: float
    workspace: WorkspaceSettings


def measure(*, yields: Input, measurement: Output, settings: MeasureJob, seed: int) -> None:
    """Fit the signal strength and set asymptotic limits; see `inference.fit` and `.limits`.

    The p-value of a spectrum with few events comes from toys too, where they are enough to know it.
    """
    write_result(measurement, measured(read_yields(yields), settings, (seed, str(yields))))


def measured(counts: Yields, settings: MeasureJob, origin: tuple[int, str]) -> Measurement:
    """Fit and limits of yields.

    Args:
        counts: of the search.
        settings: of both.
        origin: seed of the toys, and the name of the yields for messages.
    """
    seed, path = origin
    limits = LimitSettings(level=settings.level, points=3, toys=0)
    sensitive = counts.sensitive
    spec = build(counts, settings.workspace) if sensitive else {}
    fit, toys = without_toys(spec, counts, settings.fit, path), settings.fit.toys
    few = counts.shape is not None and counts.low_counts
    if few and fit.p0 is not None and FEWEST < fit.p0 * toys < toys / 2:
        fit = with_toys(spec, counts, fit, (toys, seed), path)
    if not sensitive:
        found = no_limits(counts, limits)
    elif counts.refusal:
        found = no_limits(counts, limits, counts.refusal, sensitive=True)
    else:
        found = asymptotic_limits(spec, counts, limits, path)
    return Measurement(
        signal_events=float(counts.signal[counts.counted].sum()),
        signal_uncertainty=counts.signal_relative if sensitive else None,
        fit=fit,
        limits=found,
    )
