"""Jets as images: moved, turned and flipped so that jets of one kind lie on top of each other.

The preprocessing of Macaluso and Shih, arXiv:1803.00107, section 4.2: the pT-weighted centroid is
moved to the origin, the principal axis turned upright, and the image flipped so that more pT lies
above than below and more to the right than to the left. Of two prongs the harder one is above.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float64]


def align(position: Float, weight: Float, jet: NDArray[np.int64], jets: int) -> Float:
    """Move the centroid of each jet to 0, turn its principal axis upright, and flip it.

    Args:
        position: delta eta and delta phi of the constituents to any point near, (constituents, 2).
        weight: their pT, (constituents,).
        jet: to which jet each belongs, (constituents,).
        jets: number of jets.

    Returns:
        The new positions, (constituents, 2): across and along the principal axis.
    """

    def total(values: Float) -> Float:
        return np.bincount(jet, values, minlength=jets).astype(np.float64)

    whole = np.maximum(total(weight), np.finfo(float).tiny)
    x, y = (axis - (total(weight * axis) / whole)[jet] for axis in position.T)
    angle = 0.5 * np.arctan2(2 * total(weight * x * y), total(weight * (x**2 - y**2)))[jet]
    across, along = np.cos(angle) * y - np.sin(angle) * x, np.cos(angle) * x + np.sin(angle) * y
    return np.stack(
        [
            axis * np.where(total(weight * np.sign(axis)) < 0, -1.0, 1.0)[jet]
            for axis in (across, along)
        ],
        axis=1,
    )


def pixel_sums(
    position: Float, weight: Float, jet: NDArray[np.int64], jets: int, edges: Float
) -> Float:
    """The weight in each pixel of each jet's image; what lies beyond the edges is left out.

    Args:
        position: (constituents, 2).
        weight: (constituents,).
        jet: to which jet each belongs, (constituents,).
        jets: number of jets.
        edges: of the pixels on both axes, evenly spaced, (pixels + 1,).

    Returns:
        (jets, pixels, pixels), the first axis of the positions first.
    """
    pixels = len(edges) - 1
    place = np.floor((position - edges[0]) / (edges[1] - edges[0])).astype(np.int64)
    inside = np.all((place >= 0) & (place < pixels), axis=1)
    index = (jet[inside] * pixels + place[inside, 0]) * pixels + place[inside, 1]
    sums = np.bincount(index, weight[inside], minlength=jets * pixels**2)
    return sums.reshape(jets, pixels, pixels).astype(np.float64)
