"""Figures of the detector room: response, layers, clusters, impact parameters."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from jetchain.core.histograms import load_histograms
from jetchain.core.io.tables import read_result
from jetchain.core.schema.detector import DetectorSummary
from jetchain.core.style import label, new_figure, save_figure, steps, style_of
from jetchain.core.verbs import Inputs, Output

NAMES = {
    "electron": "electrons",
    "photon": "photons",
    "charged_hadron": "charged hadrons",
    "neutral_hadron": "neutral hadrons",
    "muon": "muons",
}
# As many as colours, and none beside its like: similar colours are told apart by them.
HATCHES = ("", "//", "", "..", "", "xx", "\\\\", "", "oo", "--")
MINIMUM_ENTRIES = 20
"""Bins of the response with fewer particles are not drawn."""


def response(*, summaries: Inputs, pdf: Output, png: Output, data: Output) -> None:
    """Mean and spread of E(clusters) / E(true) against energy, all samples together."""
    contents = [read_result(path, DetectorSummary) for path in summaries]
    edges = np.array(contents[0].energy_edges)
    centres = np.sqrt(edges[1:] * edges[:-1])
    figure, (upper, lower) = new_figure(2, 1, size=(7.5, 8.0), sharex=True)
    for k, kind in enumerate(("electron", "photon", "charged_hadron", "neutral_hadron")):
        n, total, squares = (
            np.sum([getattr(content.response[kind], name) for content in contents], axis=0)
            for name in ("n", "sum", "sum_of_squares")
        )
        shown = n >= MINIMUM_ENTRIES
        mean = total[shown] / n[shown]
        spread = np.sqrt(np.maximum(squares[shown] / n[shown] - mean**2, 0.0))
        style: dict[str, Any] = {**style_of(k).points, "linestyle": style_of(k).line}
        upper.errorbar(centres[shown], mean, spread / np.sqrt(n[shown]), label=NAMES[kind], **style)
        lower.plot(centres[shown], spread / mean, gid=NAMES[kind], **style)
    upper.axhline(1.0, color="0.55", lw=1)
    upper.errorbar(
        [20.0], [0.50], [0.23], color="black", marker="*", markersize=13, capsize=4, ls="none",
        zorder=5, label=r"COCOA, $\pi^\pm$, cells: mean, spread",
    )  # fmt: skip
    upper.set_ylabel(r"mean of $E_\mathrm{clusters}/E_\mathrm{true}$")
    upper.set_ylim(0.0, 1.6)
    upper.legend(ncols=2)
    lower.set_ylabel("spread / mean")
    lower.set_ylim(bottom=0.0)
    lower.set_xlabel("true energy [GeV]")
    lower.set_xscale("log")
    label(upper, right="topological clusters")
    save_figure(figure, pdf, png, data)


def layers(*, summaries: Inputs, pdf: Output, png: Output, data: Output) -> None:
    """Where the energy of each kind of particle goes: layers, gap, leakage, nuclear losses."""
    contents = [read_result(path, DetectorSummary).account for path in summaries]
    names = list(contents[0].energy_by_layer["photon"])
    figure, axes = new_figure(size=(8.0, 5.0))
    kinds = list(NAMES)
    true = np.array([sum(c.energy[kind]["true"] for c in contents) for kind in kinds])
    parts = {
        name: np.array([sum(c.energy_by_layer[kind][name] for c in contents) for kind in kinds])
        for name in names
    }
    for fate, text in (
        ("passive", "dead material"),
        ("leaked", "leaked"),
        ("invisible", "nuclear"),
        ("missed", "never arrives"),
    ):
        parts[text] = np.array([sum(c.energy[kind][fate] for c in contents) for kind in kinds])
    left = np.zeros(len(kinds))
    for k, (name, energy) in enumerate(parts.items()):
        share = np.divide(energy, true, out=np.zeros_like(true), where=true > 0)
        axes.barh(
            [NAMES[kind] for kind in kinds], share, left=left, label=name,
            color=style_of(k).colour, edgecolor="white", lw=0.5, hatch=HATCHES[k % len(HATCHES)],
        )  # fmt: skip
        left += share
    axes.set_xlim(0.0, 1.02)
    axes.set_xlabel("share of the true energy")
    axes.tick_params(axis="y", which="both", left=False, right=False)
    axes.minorticks_off()
    axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
    label(axes)
    save_figure(figure, pdf, png, data)


def objects(*, histograms: Inputs, pdf: Output, png: Output, data: Output) -> None:
    """Clusters and tracks per event, cluster energies and track momenta, by sample."""
    figure, axes = new_figure(2, 2, size=(12.0, 9.0))
    names = ("clusters_per_event", "tracks_per_event", "cluster_energy", "track_pt")
    for k, path in enumerate(histograms):
        loaded = load_histograms(path)
        for name, axis in zip(names, axes.flat, strict=True):
            _outline(axis, loaded[name], k, _sample(path))
    for axis in axes[1]:
        axis.set_xscale("log")
    for axis in axes.flat:
        axis.set_yscale("log")
        axis.set_ylabel("share of entries per bin")
    axes[0, 0].legend()
    label(axes[0, 0])
    save_figure(figure, pdf, png, data)


def impact(*, histograms: Inputs, pdf: Output, png: Output, data: Output) -> None:
    """Significance of the transverse impact parameter of the tracks, by sample."""
    figure, axes = new_figure()
    for k, path in enumerate(histograms):
        _outline(axes, load_histograms(path)["d0_significance"], k, _sample(path))
    edges = np.linspace(-20, 20, 81)
    centres = 0.5 * (edges[1:] + edges[:-1])
    gaussian = np.exp(-0.5 * centres**2) / np.sqrt(2 * np.pi) * np.diff(edges)
    axes.plot(centres, gaussian, color="black", lw=1, ls=":", label="resolution alone")
    axes.set_yscale("log")
    axes.set_ylim(1e-5, 1)
    axes.set_ylabel("share of tracks per bin")
    axes.legend()
    label(axes)
    save_figure(figure, pdf, png, data)


def _sample(path: Path) -> str:
    return Path(path).parent.name.replace("_", " ")


def _outline(axes: Axes, histogram: Any, k: int, text: str) -> None:
    values = histogram.values()
    axis = histogram.axes[0]
    steps(axes, values / max(values.sum(), 1), axis.edges, k, text)
    axes.set_xlabel(axis.label)
