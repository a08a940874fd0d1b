"""One spectrum of pT and |eta| for all classes of jets, so that these two tell no class.

The share of each class among the jets of a pT and |eta| is fitted, smooth in both: the densities of
each class in bins, a few jets in each, would be statistical noise for the most part, and weights by
them bring this noise to all other jets. A class's jets are divided by its share and multiplied by
what all classes have in common, so that weights are bounded, and what one class alone reaches gets
next to none (Li and Li, Ann. Appl. Stat. 13 (2019) 2389: weights of generalised overlap). All are
flat in pT as far as all classes reach. What is derived from the training jets is applied to all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from jetchain.core.errors import DataError

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

        Bins are those of the flat spectrum in pT, in which the smooth factors are tabulated. One
        that no class fills counts as if it had one jet of all.

        Args:
            label: (jets,) class.
            pt, eta: (jets,) GeV.
            weight: (jets,) of the events.
            classes: their number, two at least.
            bins: of pT and of |eta|, of equal width between the least and the largest value.
        """
        label, weight = np.asarray(label), np.asarray(weight, float)
        momentum, forward = np.asarray(pt, float), np.abs(np.asarray(eta, float))
        edges = [
            np.linspace(values.min(), values.max(), number + 1)
            for values, number in zip((momentum, forward), bins, strict=True)
        ]
        place, size = _bins(momentum, forward, *edges), bins[0] * bins[1]
        own = [label == each for each in range(classes)]
        density = np.array(
            [np.bincount(place[one], weight[one], size) / weight[one].sum() for one in own]
        )
        share = _shares(density, [effective_number(weight[one]) for one in own], *edges)
        spectrum = density.sum(axis=0).reshape(bins).sum(axis=1) / classes
        flat = np.repeat(1 / np.maximum(spectrum, 1 / len(label)), bins[1])
        factor = flat / share / (1 / share).sum(axis=0)
        factor /= (density * factor).sum(axis=1, keepdims=True)
        return cls(edges[0], edges[1], factor.reshape(classes, *bins))

    @classmethod
    def unchanged(cls, classes: int) -> CommonSpectrum:
        """Factors of 1, in one bin: each class keeps its own spectrum."""
        edges = np.array([0.0, 1.0])  # beyond them it counts as well
        return cls(edges, edges, np.ones((classes, 1, 1)))

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


def sums_of(label: ArrayLike, split: ArrayLike, weight: ArrayLike, shape: tuple[int, int]) -> Float:
    """Sum of the weights of each class in each split.

    Args:
        label, split, weight: (jets,).
        shape: numbers of classes and of splits, which is that of the result.
    """
    place = np.asarray(label) * shape[1] + np.asarray(split)
    sums = np.bincount(place, np.asarray(weight, float), minlength=shape[0] * shape[1])
    return np.asarray(sums, np.float64).reshape(shape)


def require_weights(
    classes: Sequence[str],
    splits: Sequence[str],
    label: ArrayLike,
    split: ArrayLike,
    weight: ArrayLike,
    key: str,
) -> None:
    """Refuse weights of a class that add up to nothing in a split, or to less.

    Args:
        classes, splits: names.
        label, split, weight: (jets,).
        key: of the configuration, that has the classes.

    Raises:
        DataError: there is such a class.
    """
    sums = sums_of(label, split, weight, (len(classes), len(splits)))
    for name, row in zip(classes, sums, strict=True):
        for part, total in zip(splits, row.tolist(), strict=True):
            if not 1e-100 < total < 1e100:
                raise DataError(
                    f"Class '{name}': the weights of its jets in the {part} split add up to "
                    f"{total:g}, by which nothing can be divided.",
                    f"Look at the event weights of the samples of '{name}' in {key}, or take more "
                    "events, so that those above 0 prevail.",
                )


def _shares(density: Float, effective: list[float], pt_edges: Float, eta_edges: Float) -> Float:
    """Share of each class, were all as many, by logistic regression on a parabola in log pT, |eta|.

    Args:
        density: (classes, cells), 1 in the sum of each class, cells as in `_bins`.
        effective: (classes,) effective number of jets: how much the density of each is known.
        pt_edges, eta_edges: of the cells.

    Returns:
        (classes, cells), above 0 and 1 in the sum of the classes.
    """
    from sklearn.linear_model import LogisticRegression  # slow to import

    logarithm = np.log(np.maximum(pt_edges, np.finfo(np.float64).tiny))
    one, two = np.meshgrid(*(_scaled(values) for values in (logarithm, eta_edges)), indexing="ij")
    u, v = one.ravel(), two.ravel()
    terms = np.stack([u, v, u * v, 1.5 * u**2, 1.5 * v**2], axis=1)
    jets = np.maximum(density, 0) * np.array(effective)[:, None]  # some weights may be negative
    fitted = LogisticRegression(solver="newton-cholesky", tol=1e-8).fit(
        np.tile(terms, (len(jets), 1)),
        np.repeat(np.arange(len(jets)), len(terms)),
        sample_weight=jets.ravel(),
    )
    found = np.asarray(fitted.predict_proba(terms)).T / jets.sum(axis=1, keepdims=True)
    return np.asarray(found / found.sum(axis=0))


def _scaled(edges: Float) -> Float:
    """Centres of bins, from -1 to 1 between the first edge and the last; 0 if these are one."""
    centre, width = (edges[:-1] + edges[1:]) / 2, edges[-1] - edges[0]
    return np.asarray((2 * centre - edges[0] - edges[-1]) / (width or 1.0))


def _bins(pt: Float, eta: Float, pt_edges: Float, eta_edges: Float) -> NDArray[np.int64]:
    """Number of each jet's bin, those of |eta| running first."""
    one, two = (
        np.clip(np.searchsorted(edges, values, side="right") - 1, 0, len(edges) - 2)
        for edges, values in ((pt_edges, pt), (eta_edges, eta))
    )
    return np.asarray(one * (len(eta_edges) - 1) + two)
