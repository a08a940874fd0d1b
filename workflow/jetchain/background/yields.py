"""The yields of a search, as the inference room reads them: one counting bin, or a spectrum."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from jetchain.background.shape import ShapeFit
from jetchain.core.dijets import Array
from jetchain.core.errors import EmptySampleError
from jetchain.core.schema.background import (
    AbcdEstimate,
    BackgroundShape,
    CountingBin,
    Normalisation,
    SearchYields,
)


def make_yields(
    method: str,
    observed: float,
    background: tuple[float, float],
    signal: tuple[NDArray[np.bool_], Array],
    normalisation: Normalisation,
    signal_region: Sequence[float],
    constraint: Literal["poisson", "gaussian"],
    abcd: AbcdEstimate | None = None,
) -> SearchYields:
    """The yields of one counting bin.

    Args:
        method: its name.
        observed: events in the signal region after the cut.
        background: estimate and uncertainty.
        signal: of simulated events (events,), all that pass the trigger: which lie in the bin, and
            by how much each raises the background estimate.
        normalisation: see `background.normalisation`.
        signal_region: TeV.
        constraint: of the background: `poisson` if it was counted elsewhere, `gaussian` if fitted.
        abcd: how the background came about, if it is not from a fit.

    Returns:
        The yields. `signal` is what an excess over the background measures; `signal_leakage` is
        what the background estimate has taken from the signal in the bin.

    Raises:
        EmptySampleError: there is no simulated signal.
    """
    in_bin, absorbed = signal
    if len(in_bin) == 0:
        raise _no_signal(method)
    reference = normalisation.reference_events
    net = in_bin - absorbed
    expected = reference * float(net.mean())
    statistical = reference * float(net.std() / np.sqrt(len(net)))
    by_jets = expected * normalisation.signal_uncertainty
    counted = CountingBin(
        name="signal_region",
        observed=int(observed),
        background=background[0],
        background_uncertainty=background[1],
        signal=expected,
        signal_uncertainty=float(np.hypot(statistical, by_jets)),
        signal_leakage=reference * float(absorbed.mean()),
    )
    return SearchYields(
        method=method,
        constraint=constraint,
        bins=[counted],
        luminosity_fb=normalisation.luminosity_fb,
        reference_cross_section_fb=normalisation.reference_cross_section_fb,
        signal_region=(signal_region[0], signal_region[1]),
        abcd=abcd,
    )


def shape_yields(
    method: str,
    fit: ShapeFit,
    simulated: int,
    normalisation: Normalisation,
    signal_region: Sequence[float],
) -> SearchYields:
    """The yields of a fitted spectrum, one bin of the mass a bin of the search.

    Args:
        method: its name.
        fit: of signal and background.
        simulated: number of simulated signal events before the cut.
        normalisation: see `background.normalisation`.
        signal_region: TeV.

    Raises:
        EmptySampleError: there is no simulated signal.
    """
    if not simulated:
        raise _no_signal(method)
    spectrum, best = fit.spectrum, fit.best
    share = float(spectrum.signal.sum()) / normalisation.reference_events
    # Binomial; without a passing event there is no signal that could be uncertain.
    statistical = np.sqrt(max(1 - share, 0.0) / (simulated * share)) if share else 0.0
    relative = float(np.hypot(statistical, normalisation.signal_uncertainty))
    return SearchYields(
        method=method,
        constraint="free",
        bins=[
            CountingBin(
                name=f"{low:.4g}-{high:.4g} TeV",
                observed=int(observed),
                background=background,
                background_uncertainty=error,
                signal=signal,
                signal_uncertainty=relative * signal,
            )
            for low, high, observed, background, error, signal in zip(
                spectrum.edges[:-1], spectrum.edges[1:], spectrum.counts, best.background,
                fit.background_error, spectrum.signal, strict=True,
            )
        ],
        luminosity_fb=normalisation.luminosity_fb,
        reference_cross_section_fb=normalisation.reference_cross_section_fb,
        signal_region=(signal_region[0], signal_region[1]),
        shape=BackgroundShape(
            name=best.name,
            accepted=best.accepted,
            p_value=best.p_value,
            templates=(best.scale * best.templates).tolist(),
            norms=best.norms.tolist(),
            spurious_mu=fit.spurious,
            signal_relative_uncertainty=relative,
        ),
    )  # fmt: skip


def _no_signal(method: str) -> EmptySampleError:
    return EmptySampleError(
        f"No simulated signal event is left to count the signal of '{method}' with.",
        "Generate more signal, or lower anomaly.features.signal_events.",
    )
