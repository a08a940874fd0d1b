"""Figures and table of what the particle-flow algorithms make of jets and events."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from jetchain.core.io.tables import read_result, write_csv
from jetchain.core.schema.particleflow import PARTICLE_CLASSES, Spread
from jetchain.core.schema.particleflow_jets import (
    JetBin,
    JetPerformance,
    MissingMomentum,
    SampleJets,
)
from jetchain.core.style import COLOURS, label, new_figure, save_figure, style_of
from jetchain.core.verbs import Inputs, Labels, Output

CLUSTERS = "clusters alone"
SIGMA = 1.349  # interquartile range of a normal distribution over its standard deviation
LEAST = 20
"""Jets of a bin that is drawn."""


def levels(
    results: list[tuple[str, JetPerformance]], sample: str
) -> Iterator[tuple[str, list[JetBin], MissingMomentum, SampleJets]]:
    """Of each algorithm, and of the clusters alone: its name, bins, missing momentum, sample."""
    for name, result in results:
        each = result.samples[sample]
        yield name, each.pflow, each.pflow_missing, each
    each = results[0][1].samples[sample]
    yield CLUSTERS, each.topo, each.topo_missing, each


def resolution(spread: Spread) -> tuple[float, float]:
    """Standard deviation of a normal core over the median, and its error; in per cent."""
    if spread.width is None or spread.width_error is None:
        return np.nan, np.nan
    return 100 * spread.width / SIGMA, 100 * spread.width_error / SIGMA


def jets(*, performance: Inputs, labels: Labels, pdf: Output, png: Output, data: Output) -> None:
    """Draw, a row a sample, the resolution of the jets' pT and mass, what they are made of over
    what they should be, and the resolution of the missing momentum."""
    results = [*zip(labels.values(), (read_result(p, JetPerformance) for p in performance),
                    strict=True)]  # fmt: skip
    samples = list(results[0][1].samples)
    figure, axes = new_figure(len(samples), 4, size=(24, 6 * len(samples)), squeeze=False)
    edges = np.array(results[0][1].pt_edges)
    for row, sample in zip(axes, samples, strict=True):
        found = [*levels(results, sample)]
        for index, (name, bins, _, _) in enumerate(found):
            for ax, which in ((row[0], "calibrated"), (row[1], "mass")):
                _resolutions(ax, edges, bins, which, index, len(found), name)
        row[0].set_ylabel("jet $p_T$ resolution, calibrated [%]")
        row[1].set_ylabel("jet mass resolution [%]")
        for ax in row[:2]:
            ax.set_xscale("log")
            ax.set_xlabel("true jet $p_T$ [GeV]")
            ax.set_ylim(bottom=0)
        _content(row[2], found[:-1])
        for index, (_, _, missing, _) in enumerate(found):
            row[3].errorbar([index], [missing.resolution], [missing.error],
                            **style_of(index).points, capsize=3)  # fmt: skip
        row[3].set_xticks(range(len(found)), [name for name, *_ in found], rotation=25, ha="right")
        row[3].set_ylim(bottom=0)
        row[3].set_ylabel("resolution of missing $p_{x,y}$ [GeV]")
        for ax in row:
            label(ax, right=sample)
    axes[0][0].legend()
    save_figure(figure, pdf, png, data)


def _resolutions(
    ax: Axes, edges: np.ndarray, bins: list[JetBin], which: str, index: int, number: int, name: str
) -> None:
    """Points with errors, each algorithm beside the one before."""
    centre = np.sqrt(edges[:-1] * edges[1:]) * 1.03 ** (index - (number - 1) / 2)
    enough = [k for k, each in enumerate(bins) if each.matched >= LEAST]
    value, error = ([resolution(getattr(bins[k], which))[part] for k in enough] for part in (0, 1))
    ax.errorbar(centre[enough], value, error, **style_of(index).points, label=name, capsize=3)


def _content(ax: Axes, found: list[tuple[str, list[JetBin], MissingMomentum, SampleJets]]) -> None:
    """Share of each class in the jets' energy over the true share, with errors."""
    ax.axhspan(0.95, 1.05, color=COLOURS[8], alpha=0.2, linewidth=0)
    ax.axhline(1.0, color=COLOURS[8], linewidth=0.8, linestyle=":")
    kinds = range(3)  # charged and neutral hadrons, photons; leptons are too few
    for index, (_, _, _, each) in enumerate(found):
        truth = np.maximum([each.content.truth[kind] for kind in kinds], 1e-9)
        place = np.arange(len(kinds)) + 0.12 * (index - (len(found) - 1) / 2)
        value = np.array([each.content.reconstructed[kind] for kind in kinds]) / truth
        error = np.array([each.content.error[kind] for kind in kinds]) / truth
        ax.errorbar(place, value, error, **style_of(index).points, capsize=3)
    names = [PARTICLE_CLASSES[kind].replace("_", "\n") + "s" for kind in kinds]
    ax.set_xticks(list(kinds), names)
    ax.set_ylabel("share of the jets' energy / true share")


def table(*, performance: Inputs, labels: Labels, table: Output) -> None:
    """Write the numbers: a row an algorithm (its key; clusters alone), sample and bin of pT.

    The shares, the missing momentum and the particles are of the sample and stand in every row.
    """
    results = [*zip(labels, (read_result(p, JetPerformance) for p in performance), strict=True)]
    rows: list[dict[str, Any]] = []
    for sample in results[0][1].samples:
        for name, bins, missing, each in levels(results, sample):
            edges = results[0][1].pt_edges
            for low, high, found in zip(edges, edges[1:], bins, strict=False):
                row: dict[str, Any] = {
                    "algorithm": name, "sample": sample, "pt_low": low, "pt_high": high,
                    "jets": found.jets, "matched": found.matched, "pt_median": found.pt.median,
                }  # fmt: skip
                for which in ("pt", "calibrated", "mass"):
                    value, error = resolution(getattr(found, which))
                    row |= {f"{which}_resolution": value, f"{which}_resolution_error": error}
                row |= {"missing_resolution": missing.resolution, "missing_error": missing.error}
                for kind, title in enumerate(PARTICLE_CLASSES):
                    shares, mine = each.content, name != CLUSTERS
                    row |= {
                        f"{title}_true_share": shares.truth[kind],
                        f"{title}_share": shares.reconstructed[kind] if mine else "",
                        f"{title}_share_error": shares.error[kind] if mine else "",
                        f"{title}_true_number": each.particles["truth"][kind],
                        f"{title}_number": each.particles["pflow"][kind] if mine else "",
                    }
                rows.append(row)
    empty = (None, np.nan)
    columns = {
        name: ["" if row[name] in empty or row[name] != row[name] else row[name] for row in rows]
        for name in rows[0]
    }
    write_csv(table, columns)
