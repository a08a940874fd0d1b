"""Which events a search counts, and in which bins of the mass."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from jetchain.background.settings import SpectrumJob
from jetchain.core.dijets import Array, Table, inside, require_regions, sidebands
from jetchain.core.errors import EmptySampleError


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
        EmptySampleError: a fold has too few calibration events for one to be kept, or scores by
            which none can be left out.
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
        if thresholds[each] == chosen.min():
            alike = 100 * np.mean(chosen == chosen.min())
            raise EmptySampleError(
                f"No cut keeps {efficiency:g} of the sidebands of fold {each}: {alike:.3g} % of "
                f"their {len(chosen)} events have the same score, the lowest.",
                "The method hardly tells the events apart: train it longer or on more events, or "
                "leave it out.",
            )
    return thresholds


def mass_edges(
    mass_range: Sequence[float], signal_region: Sequence[float], bin_width: float
) -> Array:
    """Edges (bins + 1,) of a mass spectrum in TeV.

    Each of the three stretches (below, in and above the signal region) is cut into equal bins of
    about `bin_width`, so that no bin straddles an edge.
    """
    low, high = signal_region
    stretches = [(mass_range[0], low), (low, high), (high, mass_range[1])]
    pieces = [
        np.linspace(a, b, max(round((b - a) / bin_width), 1) + 1) for a, b in stretches if b > a
    ]
    return np.concatenate([pieces[0], *[piece[1:] for piece in pieces[1:]]])
