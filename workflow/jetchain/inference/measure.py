"""Fit and limits of a search in one job, for the many points of a scan."""

from __future__ import annotations

import numpy as np
from scipy.special import ndtr

from jetchain.core.io.tables import write_result
from jetchain.core.schema.scan import Measurement
from jetchain.core.settings import Settings
from jetchain.core.verbs import Input, Output
from jetchain.inference.discovery import signed_root
from jetchain.inference.fit import lowest_strength, scaled_model, with_toys, without_toys
from jetchain.inference.limits import asymptotic_limits, no_limits
from jetchain.inference.settings import FitSettings, LimitSettings, WorkspaceSettings
from jetchain.inference.toys import Data
from jetchain.inference.workspace import build
from jetchain.inference.yields import Yields, read_yields

FEWEST = 3
"""Toys beyond the data, with which a p-value is taken from toys."""


class MeasureJob(Settings):
    """What `measure` reads."""

    fit: FitSettings
    level: float
    workspace: WorkspaceSettings


def measure(
    *, yields: Input, measurement: Output, settings: MeasureJob, seed: int, strength: str
) -> None:
    """Fit the signal strength and set asymptotic limits; see `inference.fit` and `.limits`.

    The p-value of a spectrum with few events comes from toys too, where they are enough to know it.

    Args:
        yields: of a search.
        measurement: written, `Measurement`.
        settings: of fit and limits.
        seed: of the toys.
        strength: of the signal in the data, of which the pull is.
    """
    counts = read_yields(yields)
    found = measured(counts, settings, (seed, str(yields)), float(strength))
    write_result(measurement, found)


def measured(
    counts: Yields, settings: MeasureJob, origin: tuple[int, str], strength: float
) -> Measurement:
    """Fit and limits of yields.

    Args:
        counts: of the search.
        settings: of both.
        origin: seed of the toys, and the name of the yields for messages.
        strength: of the signal in the data.
    """
    seed, path = origin
    limits = LimitSettings(level=settings.level, points=3, toys=0)
    sensitive = counts.sensitive
    spec = build(counts, settings.workspace) if sensitive else {}
    fit, toys = without_toys(spec, counts, settings.fit, path), settings.fit.toys
    pull = p_value = None
    if fit.mu is not None:
        unit, model = scaled_model(spec, counts, path)
        data, lowest = Data.observed(model, counts.observed), lowest_strength(counts) / unit
        root, pull = (
            _finite(signed_root(model, data, each / unit, lowest)[0]) for each in (0.0, strength)
        )
        p_value = None if root is None else float(ndtr(-root))
    few = counts.shape is not None and counts.low_counts
    if few and p_value is not None and p_value * toys > FEWEST:
        fit = with_toys(spec, counts, fit, (toys, seed), path)
        p_value = p_value if fit.p0_toys is None else fit.p0_toys
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
        pull=pull,
        p_value=p_value,
    )


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
