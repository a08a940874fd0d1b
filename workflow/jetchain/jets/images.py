"""Average images of the jets of each class."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import awkward as ak
import hist
import numpy as np
from numpy.typing import NDArray

from jetchain.core.histograms import save_histograms
from jetchain.core.images import align, pixel_sums
from jetchain.core.io.events import read_events, require_same_events
from jetchain.core.io.tables import write_result
from jetchain.core.kinematics import delta_phi, pt_eta_phi
from jetchain.core.schema.jets import (
    JET_CLASSES,
    ClassImage,
    ImageSummary,
    jet_collection,
    jets_table,
)
from jetchain.core.schema.particleflow import RECONSTRUCTED
from jetchain.core.verbs import Inputs, Output
from jetchain.jets.settings import ImageSettings

Float = NDArray[np.float64]

JETS_AT_ONCE = 500


@dataclass
class Sums:
    """Sums over the jets of a class, from which mean image and its error follow."""

    jets: int = 0
    pt: float = 0.0
    weight: float = 0.0
    weight_squared: float = 0.0
    outside: float = 0.0
    share: Float = field(default_factory=lambda: np.zeros(()))
    share_weighted_twice: Float = field(default_factory=lambda: np.zeros(()))
    share_squared: Float = field(default_factory=lambda: np.zeros(()))

    def add(self, images: Float, weight: Float, pt: Float) -> None:
        """Add images of the shares of pT (jets, pixels, pixels), with weight and pT (jets,)."""
        self.jets += len(images)
        self.pt += float(weight @ pt)
        self.weight += float(weight.sum())
        self.weight_squared += float((weight**2).sum())
        self.outside += float(weight @ (1 - images.sum(axis=(1, 2))))
        self.share = self.share + np.tensordot(weight, images, 1)
        self.share_weighted_twice = self.share_weighted_twice + np.tensordot(weight**2, images, 1)
        self.share_squared = self.share_squared + np.tensordot(weight**2, images**2, 1)

    def mean(self) -> tuple[Float, Float]:
        """The mean image and the variance of each pixel's mean, (pixels, pixels) both."""
        mean = self.share / self.weight
        squares = (
            self.share_squared
            - 2 * mean * self.share_weighted_twice
            + mean**2 * self.weight_squared
        )
        return mean, np.maximum(squares, 0.0) / self.weight**2


def images(
    *, jets: Inputs, particles: Inputs, histograms: Output, summary: Output, settings: ImageSettings
) -> None:
    """Write the average image of each class: the share of a jet's pT in each pixel.

    Args:
        jets: jets of all shards.
        particles: the reconstructed particles of the same shards.
        histograms: uhi JSON, a two-dimensional histogram a class: the mean over its jets, and the
            variance of the mean. Classes without jets, or whose weights add up to 0, are left out.
        summary: JSON: number of jets, mean pT (GeV) and share of the pT outside the image, a class.
        settings: which jets, and the pixels.

    Reference:
        arXiv:1803.00107, section 4.2: see core/images.py.
    """
    edges = np.linspace(-settings.radius, settings.radius, settings.pixels + 1)
    sums: dict[int, Sums] = {}
    for jet_file, particle_file in zip(jets, particles, strict=True):
        name = jet_collection(settings.radius)
        wanted = {name: ("pt", "eta", "phi", "label", "constituents")}
        found = read_events(jet_file, jets_table((settings.radius,)), wanted)
        pflow = read_events(particle_file, RECONSTRUCTED, {"pflow": ("px", "py", "pz")})
        require_same_events(found, pflow, f"{jet_file} and {particle_file}")
        weight = found["event"]["weight"]
        for label, chunk in pieces(found[name], pflow["pflow"], weight, settings):
            sums.setdefault(label, Sums()).add(*image_chunk(*chunk, edges))
    sums = {label: each for label, each in sums.items() if each.weight}
    save_histograms(
        histograms, {JET_CLASSES[label]: as_histogram(edges, sums[label]) for label in sorted(sums)}
    )
    classes = {
        JET_CLASSES[label]: ClassImage(
            jets=each.jets,
            mean_pt=each.pt / each.weight,
            # rounded: sums of shares miss 1 by 1e-16
            outside=round(each.outside / each.weight, 9) + 0.0,
        )
        for label, each in sorted(sums.items())
    }
    write_result(summary, ImageSummary(**classes))


def pieces(
    jets: ak.Array, pflow: ak.Array, weight: ak.Array, settings: ImageSettings
) -> Iterator[tuple[int, tuple[ak.Array, ak.Array, Float]]]:
    """The labelled jets in the pT window, some of one class at a time.

    Yields:
        The label, and the jets (jets,), their constituents (jets, var) and weights (jets,).
    """
    kept = (jets["label"] >= 0) & (jets["pt"] > settings.pt_min) & (jets["pt"] < settings.pt_max)
    jets = jets[kept]
    counts = ak.num(jets["constituents"], axis=2)
    constituents = ak.unflatten(
        ak.flatten(pflow[ak.flatten(jets["constituents"], axis=2)]), ak.flatten(counts)
    )
    weights = np.repeat(np.asarray(weight), np.asarray(ak.num(jets["pt"])))
    jets = ak.flatten(jets)
    label = np.asarray(jets["label"])
    for each in np.unique(label):
        rows = np.flatnonzero(label == each)
        for first in range(0, len(rows), JETS_AT_ONCE):
            some = rows[first : first + JETS_AT_ONCE]
            yield int(each), (jets[some], constituents[some], weights[some])


def image_chunk(
    jets: ak.Array, constituents: ak.Array, weight: Float, edges: Float
) -> tuple[Float, Float, Float]:
    """Images of some jets, (jets, pixels, pixels), with their weights and pT, (jets,) each."""
    counts = np.asarray(ak.num(constituents["px"]))
    jet = np.repeat(np.arange(len(counts)), counts)
    flat: list[Any] = [np.asarray(ak.flatten(constituents[x]), float) for x in ("px", "py", "pz")]
    pt, eta, phi = (values.astype(np.float64) for values in pt_eta_phi(*flat))
    axis_eta, axis_phi = (np.asarray(jets[name], float)[jet] for name in ("eta", "phi"))
    position = np.stack([eta - axis_eta, delta_phi(phi, axis_phi)], axis=1)
    aligned = align(position, pt, jet, len(counts))
    share = pt / np.bincount(jet, pt)[jet]
    return (
        pixel_sums(aligned, share, jet, len(counts), edges),
        weight,
        np.asarray(jets["pt"], float),
    )


def as_histogram(edges: Float, sums: Sums) -> hist.Hist:
    """The mean image with its variances."""
    axes = [
        hist.axis.Regular(len(edges) - 1, edges[0], edges[-1], name=name, label=text, flow=False)
        for name, text in (("across", "across the principal axis"), ("along", "along it"))
    ]
    histogram = hist.Hist(*axes, storage=hist.storage.Weight())
    histogram.view().value, histogram.view().variance = sums.mean()
    return histogram
