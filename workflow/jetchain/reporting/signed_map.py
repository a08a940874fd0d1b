"""A map of a quantity of both signs that can be read without colour.

Only pixels that differ significantly from 0 are drawn. With hundreds of pixels, a cut at two
standard deviations would let through one in twenty of those that hold nothing but noise. So the
p-values of all pixels are judged together, by the procedure of Benjamini and Hochberg, J. R. Stat.
Soc. B 57 (1995) 289: of the pixels that it takes, on average at most 5 % differ by chance. That
holds for independent pixels and for such as fluctuate in the same direction.
"""

from __future__ import annotations

import numpy as np
from matplotlib import patheffects
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.colors import Normalize
from numpy.typing import NDArray
from scipy import stats

from jetchain.core.style import remark

FALSE_DISCOVERY_RATE = 0.05
OUTLINE = [patheffects.withStroke(linewidth=2.0, foreground="black")]


def signed_map(
    ax: Axes,
    edges: tuple[np.ndarray, np.ndarray],
    value: np.ndarray,
    error: np.ndarray,
    jets: int,
    scale: Normalize,
) -> QuadMesh:
    """Draw the pixels that differ significantly from 0; a minus on negative ones.

    Args:
        ax: where to draw; if no pixel is significant, it says so.
        edges: of the pixels, horizontal and vertical, (n + 1,) and (m + 1,).
        value, error: means over jets with their errors, (n, m).
        jets: from whose spread the errors are; of a difference, those of the smaller class.
        scale: of the colours.

    Returns:
        What a colour bar is made from.
    """
    x, y = edges
    shown = significant(value, error, jets)
    i, j = np.nonzero(shown & (value < 0))
    width = ax.get_window_extent().width / (len(x) - 1) * 72 / ax.figure.dpi
    ax.plot(
        0.5 * (x[i] + x[i + 1]), 0.5 * (y[j] + y[j + 1]), ls="none", marker="_", color="white",
        ms=0.5 * width, mew=1.0, zorder=3, path_effects=OUTLINE, gid="negative",
    )  # fmt: skip
    if not shown.any():
        remark(ax, "no pixel differs\nsignificantly from 0")
    return ax.pcolormesh(
        x, y, np.ma.masked_array(value, ~shown).T, cmap="PuOr_r", norm=scale, rasterized=True
    )


def significant(value: np.ndarray, error: np.ndarray, jets: int) -> NDArray[np.bool_]:
    """Which means differ from 0, at a false discovery rate of FALSE_DISCOVERY_RATE.

    Args:
        value, error: means over jets with their errors, any shape. Where both are 0 no jet has
            anything: such a mean is not tested.
        jets: number of jets, which makes the ratio of the two follow Student's t with one degree
            of freedom less; of one jet nothing is significant.

    Returns:
        True where it does, of the shape of `value`.
    """
    tested = (value != 0) | (error > 0)
    found = np.zeros(value.shape, dtype=bool)
    if jets > 1 and tested.any():
        with np.errstate(divide="ignore"):  # a mean without spread is infinitely far from 0
            t = np.abs(value[tested]) / error[tested]
        p = 2 * stats.t.sf(t, jets - 1)
        found[tested] = stats.false_discovery_control(p) <= FALSE_DISCOVERY_RATE
    return found
