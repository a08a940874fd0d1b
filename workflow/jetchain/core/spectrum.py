"""One spectrum of pT and |eta| for all classes of jets, so that these two tell no class.

Each class is weighted to a spectrum that is flat in pT and has the |eta| that the classes have in
the mean. What is derived from the training jets is then applied to all.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Float = NDArray[np.float64]


@dataclass(frozen=True)
class CommonSpectrum:
    """Factors on the event weights.

    Attributes:
        pt_edges, eta_edges: of the bins in pT (GeV) and |eta|.
        factor: (classes, bins of pT, bins of |eta|), 1 in the weighted mean of the training jets
            of a class.
    """

    pt_edges: Float
    eta_edges: Float
    factor: Float

    @classmethod
    def of(
        cls,
        label: ArrayLike,
        pt: ArrayLike,
        eta: ArrayLike,
        weight: ArrayLike,
        classes: int,
        bins: tuple[int, int],
    ) -> CommonSpectrum:
        """Derive the factors from training jets, of which each class has one at least.

        A bin in which a class has no jet is given the density of one: other jets of the class that
        fall there count, but not without bound.

        Args:
            label: (jets,) class.
            pt, eta: (jets,) GeV.
            weight: (jets,) of the events.
            classes: their number.
            bins: of pT and of |eta|, of equal width between the least and the largest value.
        """  # fmt: skip
        label, weight = np.asarray(label), np.asarray(weight, float)
        momentum, forward = np.asarray(pt, float), np.abs(np.asarray(eta, float))
        edges = [
            np.linspace(values.min(), values.max(), number + 1)
            for values, number in zip((momentum, forward), bins, strict=True)
        ]
        place = _bins(momentum, forward, *edges)
        density = np.empty((classes, bins[0] * bins[1]))
        for each in range(classes):
            own = label == each
            share = weight[own] / weight[own].sum()
            summed = np.bincount(place[own], share, minlength=density.shape[1])
            density[each] = np.maximum(summed, np.where(summed > 0, 0.0, 1 / own.sum()))
        cells = density.reshape(classes, *bins)
        of_eta = (cells / cells.sum(axis=2, keepdims=True)).mean(axis=(0, 1))
        factor = of_eta / bins[0] / cells
        return cls(edges[0], edges[1], factor)

    def weights(self, label: ArrayLike, pt: ArrayLike, eta: ArrayLike, weight: ArrayLike) -> Float:
        """Event weight times factor of each jet, (jets,); beyond the edges the last bin counts."""
        place = _bins(
            np.asarray(pt, float), np.abs(np.asarray(eta, float)), self.pt_edges, self.eta_edges
        )
        factor = self.factor.reshape(len(self.factor), -1)
        return np.asarray(weight, float) * factor[np.asarray(label), place]


def effective_number(weight: ArrayLike) -> float:
    """The number of unweighted entries with the same relative error: (sum w)^2 / sum w^2."""
    values = np.asarray(weight, float)
    square = float(values @ values)
    return float(values.sum()) ** 2 / square if square else 0.0


def _bins(pt: Float, eta: Float, pt_edges: Float, eta_edges: Float) -> NDArray[np.int64]:
    """Number of each jet's bin, those of |eta| running first."""
    one, two = (
        np.clip(np.searchsorted(edges, values, side="right") - 1, 0, len(edges) - 2)
        for edges, values in ((pt_edges, pt), (eta_edges, eta))
    )
    return np.asarray(one * (len(eta_edges) - 1) + two)
