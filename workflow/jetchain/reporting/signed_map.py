"""A map of a quantity of both signs that can be read without colour."""

from __future__ import annotations

import numpy as np
from matplotlib import patheffects
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.colors import Normalize

SIGNIFICANT = 2.0  # standard deviations
OUTLINE = [patheffects.withStroke(linewidth=2.0, foreground="black")]


def signed_map(
    ax: Axes,
    edges: tuple[np.ndarray, np.ndarray],
    value: np.ndarray,
    error: np.ndarray,
    scale: Normalize,
) -> QuadMesh:
    """Draw the pixels that differ from 0 by two standard deviations; a minus on negative ones.

    Args:
        ax: where to draw.
        edges: of the pixels, horizontal and vertical, (n + 1,) and (m + 1,).
        value, error: (n, m).
        scale: of the colours.

    Returns:
        What a colour bar is made from.
    """
    x, y = edges
    clear = np.abs(value) > SIGNIFICANT * error
    i, j = np.nonzero(clear & (value < 0))
    width = ax.get_window_extent().width / (len(x) - 1) * 72 / ax.figure.dpi
    ax.plot(
        0.5 * (x[i] + x[i + 1]), 0.5 * (y[j] + y[j + 1]), ls="none", marker="_", color="white",
        ms=0.5 * width, mew=1.0, zorder=3, path_effects=OUTLINE, gid="negative",
    )  # fmt: skip
    return ax.pcolormesh(
        x, y, np.ma.masked_array(value, ~clear).T, cmap="PuOr_r", norm=scale, rasterized=True
    )
