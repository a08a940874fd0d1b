"""Fits of models whose -log L may have two minima along a systematic.

A systematic that moves a bin to and fro between -1 and +1 is *bowed*, such as one that moves it to
the same side at both: one minimum may lie near zero, or on the one side, and another on the other.
"""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jetchain.inference.likelihood import Likelihood, Rows
from jetchain.inference.minimise import Minima, Range, minimise

Array = NDArray[np.floating]
BETWEEN = np.linspace(-1.0, 1.0, 9)
"""Values of a parameter at which its effect is looked at."""
OFF = 3.0
"""Errors by which data may be off, where a second minimum of a nuisance parameter is looked for."""


def bowed(
    config: Any, likelihood: Likelihood, points: Array, fixed: NDArray[np.bool_]
) -> list[int]:
    """Parameters that move some bin to and fro between -1 and +1, by enough to be seen.

    Args:
        config: of pyhf's model.
        likelihood: of the same model.
        points: (points, parameters) where their effect is looked at.
        fixed: (parameters,) which do not move.
    """
    wanted = dict.fromkeys(
        config.par_slice(name).start
        for name, kind in config.modifiers
        if kind in ("normsys", "histosys")
    )
    found = []
    for index in (each for each in wanted if not fixed[each]):
        at = np.repeat(points[:, None], len(BETWEEN), 1)
        at[:, :, index] = BETWEEN
        rates = likelihood.rates(at.reshape(-1, points.shape[1])).reshape(*at.shape[:2], -1)
        usual, steps = rates[:, len(BETWEEN) // 2], np.diff(rates, axis=1)
        shift = np.minimum(np.maximum(steps, 0).sum(axis=1), np.maximum(-steps, 0).sum(axis=1))
        # The curvature that data several errors off can take from the prior's, of one.
        seen = np.sum(OFF * 2 * shift / np.sqrt(np.maximum(usual, 0) + 1), axis=1)
        if seen.max() > 1:
            found.append(index)
    return found


def lowest(
    likelihood: Likelihood, data: Rows, start: Array, within: Range, both: list[int]
) -> Minima:
    """`minimise`, and the lower of the minima on both sides of what is `bowed`.

    All else is fitted with the parameter held on the other side first: where it correlates with
    others, a step from their old values leads back.

    Args:
        likelihood: of the model.
        data: a row a fit.
        start: (rows, parameters)
        within: bounds, and what is held.
        both: parameters whose both sides are tried.
    """
    best = minimise(likelihood, data, start, within)
    fixed = np.broadcast_to(within.fixed, start.shape)
    for index, side in product(both, (1.0, -1.0)):
        held, other = fixed.copy(), best.parameters.copy()
        held[:, index] = True
        other[~fixed[:, index], index] = side
        apart = minimise(likelihood, data, other, Range(within.low, within.high, held))
        again = minimise(likelihood, data, apart.parameters, within)
        lower = again.found & (~best.found | (again.value < best.value))
        best = Minima(
            np.where(lower, again.value, best.value),
            np.where(lower[:, None], again.parameters, best.parameters),
            best.found | again.found,
        )
    return best
