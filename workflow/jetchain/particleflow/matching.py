"""Assign reconstructed to true particles, charged and neutral apart.

The cost of a pair is sqrt((dpT / pT_true)^2 + dR^2), and the assignment is the cheapest one
(Hungarian algorithm): HGPflow, arXiv 2212.01328 and 2410.23236; nilotpal09/HGPflow:
`performance/performance.py`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from jetchain.core.kinematics import delta_phi

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

# Cost of a pair that is no match, far above every match, so that the assignment first makes as
# many matches as it can and then the cheapest ones.
NO_MATCH = 1e6


def match_particles(
    truth: Floats, reco: Floats, max_cost: float, max_distance: float
) -> tuple[Ints, Ints]:
    """The cheapest assignment of reconstructed to true particles.

    Args:
        truth: (truth, 3) pT, eta, phi.
        reco: (reco, 3) pT, eta, phi.
        max_cost: pairs that cost more are no match.
        max_distance: pairs farther apart in dR are no match.

    Returns:
        indices of the matched true and reconstructed particles, (matches,) each.
    """
    if len(truth) == 0 or len(reco) == 0:
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
    d_pt = (reco[None, :, 0] - truth[:, None, 0]) / truth[:, None, 0]  # (truth, reco)
    distance2 = (reco[None, :, 1] - truth[:, None, 1]) ** 2 + delta_phi(
        reco[None, :, 2], truth[:, None, 2]
    ) ** 2
    cost = np.sqrt(d_pt**2 + distance2)
    allowed = (cost <= max_cost) & (distance2 <= max_distance**2)
    rows, columns = linear_sum_assignment(np.where(allowed, cost, NO_MATCH))
    kept = allowed[rows, columns]
    return rows[kept], columns[kept]
