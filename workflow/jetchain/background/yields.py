"""The yields of a search, as the inference room reads them: four regions, or a spectrum."""

from __future__ import annotations

from collections.abc import Sequence

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


def abcd_yields(
    method: str,
    counts: Array,
    background: tuple[float, float],
    signal: tuple[NDArray[np.bool_], Array],
    normalisation: Normalisation,
    signal_region: Sequence[float],
    abcd: AbcdEstimate,
) -> SearchYields:
    """The yields of the four regions of the ABCD method, with the signal in each.

    Args:
        method: its name.
        counts: (4,) of the data in A to D of the signal region.
        background: estimate in A, kappa B C / D, and its uncertainty.
        signal: of simulated events, all that pass the trigger: (events, 4) which region of the
            signal region each lies in, if any, and (events,) by how much each raises the
            background estimate through kappa.
        normalisation: see `background.normalisation`.
        signal_region: TeV.
        abcd: how the background came about.

    Raises:
        EmptySampleError: there is no simulated signal.
    """
    inside, taken = signal
    if len(inside) == 0:
        raise _no_signal(method)
    reference = normalisation.reference_events
    rows = []
    for index, name in enumerate("ABCD"):
        leakage = taken if name == "A" else np.zeros(len(taken))
        net = inside[:, index] - leakage
        expected = reference * float(net.mean())
        statistical = reference * float(net.std() / np.sqrt(len(net)))
        # An empty region counts as one event, as in the estimate.
        count = max(float(counts[index]), 1.0)
        own, error = background if name == "A" else (count, float(np.sqrt(count)))
        rows.append(
            CountingBin(
                name=name,
                observed=int(counts[index]),
                background=own,
                background_uncertainty=error,
                signal=expected,
                signal_uncertainty=statistical,
                signal_leakage=reference * float(leakage.mean()),
            )
        )
    return SearchYields(
        method=method,
        constraint="abcd",
        bins=rows,
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
    relative = float(np.sqrt(max(1 - share, 0.0) / (simulated * share))) if share else 0.0
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
