"""Bootstrap replicas of figures of merit, from jets that are sorted once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from jetchain.core.metrics import working_points

Float = NDArray[np.float64]
Integer = NDArray[np.int64]


class Ranked:
    """Jets in falling score, so that the figures of merit of a replica are sums along it.

    Args:
        truth: (jets,) 1 for signal, 0 for background.
        score, weight: (jets,)
    """

    def __init__(self, truth: Integer, score: Float, weight: Float) -> None:
        self._order = np.argsort(-score, kind="stable")
        falling = score[self._order]
        self._cuts = np.flatnonzero(np.append(falling[1:] != falling[:-1], True))
        ordered = weight[self._order]
        self._weights = [np.where(truth[self._order] == each, ordered, 0) for each in (1, 0)]

    def merits(self, times: NDArray[np.integer] | Float, at: Sequence[float] = (0.5, 0.3)) -> Float:
        """AUC, and the background efficiency at signal efficiencies.

        Args:
            times: how often each jet counts; (jets,).
            at: signal efficiencies.

        Returns:
            AUC, and the background efficiency at each; (1 + efficiencies,).
        """
        counted = times[self._order]
        kept, leaked = (np.cumsum(each * counted)[self._cuts] for each in self._weights)
        kept, leaked = kept / kept[-1], leaked / leaked[-1]
        area = np.trapezoid(np.append(0.0, kept), np.append(0.0, leaked))
        return np.append(area, leaked[working_points(kept, np.array(at))])

    def replicas(self, times: NDArray[np.integer], at: Sequence[float] = (0.5, 0.3)) -> Float:
        """`merits` of replicas, of how often each jet stands in each; (replicas, 1 + efficiencies).

        Args:
            times: (replicas, jets); see `metrics.resampled`.
            at: signal efficiencies.
        """
        return np.array([self.merits(each, at) for each in times])
