"""Figures and table of the detector's validation; the numbers stand in results/detector."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from jetchain.core.histograms import load_histograms
from jetchain.core.io.tables import read_result
from jetchain.core.schema import validation
from jetchain.core.schema.base import Result
from jetchain.core.style import COLOURS, label, new_figure, save_figure, style_of
from jetchain.core.verbs import Input, Output

NAMES = {
    "electron": "e$^-$",
    "photon": r"$\gamma$",
    "neutral pion": r"$\pi^0$",
    "charged pion": r"$\pi^\pm$",
    "K0L": r"$K^0_L$",
    "neutron": "n",
    "muon": r"$\mu^-$",
}
HADRONS = ("charged pion", "K0L", "neutron")
ELECTROMAGNETIC = ("electron", "photon", "neutral pion")
PARAMETERS = {
    "d0": (r"$\sigma(d_0)$ [mm]", r"$d_0$"),
    "z0": (r"$\sigma(z_0)$ [mm]", r"$z_0$"),
    "theta": (r"$\sigma(\theta)$ [rad]", r"$\theta$"),
    "phi": (r"$\sigma(\phi)$ [rad]", r"$\phi$"),
    "qoverp": (r"$\sigma(q/p)/\sin\theta$ [1/MeV]", r"$q/p$"),
}


def response(*, response: Input, pdf: Output, png: Output, data: Output) -> None:
    """Response against energy and |eta|, and resolution with its fit, of every particle."""
    content = read_result(response, validation.ResponseValidation)
    figure, axes = new_figure(2, 2, size=(13.5, 10.5))
    kinds = content.kinds
    for k, kind in enumerate((*ELECTROMAGNETIC, *HADRONS)):
        style = _style(k)
        rows = _described(kinds[kind])
        eta_rows = kinds[kind].by_eta
        beside = 0.03 * (k - 2.5)  # points of one bin side by side
        _points(axes[0, 0], rows, "energy", "core", beside=beside, label=NAMES[kind], **style)
        axes[0, 1].errorbar(
            [(row.low + row.high) / 2 + 2 * beside for row in eta_rows],
            [row.core for row in eta_rows], [row.core_error for row in eta_rows],
            label=NAMES[kind], **style,
        )  # fmt: skip
        axis = axes[1, 0] if kind in ELECTROMAGNETIC else axes[1, 1]
        fit = kinds[kind].fit
        _points(axis, rows, "energy", "resolution", label=_fit_text(kind, fit), **style)
        if fit is not None and rows:
            energy = np.geomspace(fit.lowest, rows[-1].energy, 100)
            curve = np.sqrt(fit.a**2 / energy + fit.b**2 + (fit.c / energy) ** 2)
            axis.plot(
                energy, curve, color=style["color"], ls=style_of(k % 3).line, lw=1.2,
                gid=f"{NAMES[kind]}, fit",
            )  # fmt: skip
    for axis in axes.flat:
        axis.set_ylim(bottom=0)
    for axis in (axes[0, 0], *axes[1]):
        axis.set_xscale("log")
        axis.set_xlabel("true energy [GeV]")
    axes[0, 1].set_xlabel(r"$|\eta|$")
    for axis in axes[0]:
        axis.axhline(1.0, color="0.55", lw=1)
        axis.set_ylabel(r"core mean of $E_\mathrm{clusters}/E_\mathrm{true}$")
        axis.set_ylim(0, 1.45)
        axis.legend(ncols=3, loc="upper right")
    for axis, shown in zip(axes[1], (ELECTROMAGNETIC, HADRONS), strict=True):
        widths = [row.resolution for kind in shown for row in _described(kinds[kind])]
        axis.set_ylabel(r"core width / mean, $\sigma/E$")
        axis.set_ylim(0, 1.5 * max([0.01, *widths]))
        axis.legend(loc="upper right")
    label(axes[0, 0], right=rf"single particles, $|\eta|$ < {content.central_eta:.0f}")
    axes[0, 1].set_title(rf"$E$ > {content.eta_energy:.0f} GeV", loc="right", fontsize=12)
    save_figure(figure, pdf, png, data)


def _described(kind: validation.KindResponse) -> list[validation.DescribedResponseBin]:
    """The bins with enough clusters for a response."""
    return [row for row in kind.by_energy if isinstance(row, validation.DescribedResponseBin)]


def _fit_text(kind: str, fit: validation.CalorimeterFit | None) -> str:
    if fit is None:
        return NAMES[kind]
    noise = rf" $\oplus$ {fit.c:.2f} GeV$/E$" if fit.c > 0 else ""
    return (
        rf"{NAMES[kind]}: {100 * fit.a:.1f} %/√(E/GeV) $\oplus$ {100 * fit.b:.1f} %{noise}, "
        rf"$\chi^2$/ndf = {fit.chi2:.1f}/{fit.ndf}"
    )


def profile(*, response: Input, showers: Input, pdf: Output, png: Output, data: Output) -> None:
    """Share of the layers in the energy of electrons, photons and pions, and without material;
    response and resolution of hard pions."""
    content = read_result(response, validation.ResponseValidation)
    bare = read_result(showers, validation.ShowersValidation)
    shown = ("electron", "photon", "charged pion")
    figure, axes = new_figure(1, len(shown) + 2, size=(25.0, 5.2))
    for axis, kind in zip(axes, shown, strict=False):
        rows = [row for row in content.kinds[kind].by_energy if row.layers]
        for layer, name in enumerate(content.layers):
            axis.errorbar(
                [row.energy for row in rows],
                [row.layers[layer] for row in rows],
                [row.layers_error[layer] for row in rows],
                label=name, **_style(layer, line=True),
            )  # fmt: skip
        axis.set_xscale("log")
        axis.set_xlabel("true energy [GeV]")
        label(axis, right=NAMES[kind])
    for axis in axes[:-1]:
        axis.set_ylim(0, 1.05)
    axes[0].set_ylabel("mean share of the clusters' energy")
    axes[2].legend(ncols=2, loc="upper right")
    x = np.arange(len(bare.published))
    at = [bare.layers.index(name) for name in bare.published]
    axes[3].bar(
        x, list(bare.published.values()), color=COLOURS[9], label="mean profile, hep-ex/0001020"
    )
    axes[3].errorbar(
        x, np.array(bare.share)[at], np.array(bare.error)[at], fmt="o", color="black",
        label="simulated",
    )  # fmt: skip
    axes[3].set_xticks(x, list(bare.published))
    axes[3].minorticks_off()
    axes[3].legend(loc="upper right")
    label(axes[3], right=f"{NAMES['electron']} of {bare.energy:.0f} GeV, no material in front")
    for k, (name, text) in enumerate(
        (("median", "median response"), ("resolution", r"resolution $\sigma/E$"))
    ):
        axes[4].errorbar(
            [pion.energy for pion in bare.pions],
            [getattr(pion, name) for pion in bare.pions],
            [getattr(pion, f"{name}_error") for pion in bare.pions],
            label=text, **_style(k, line=True),
        )  # fmt: skip
    axes[4].set_xscale("log")
    axes[4].set_ylim(0, 1.05)
    axes[4].set_xlabel("true energy [GeV]")
    axes[4].set_ylabel("median response, resolution")
    axes[4].legend(loc="center right")
    label(axes[4], right=rf"{NAMES['charged pion']}, $|\eta|$ < 2.5")
    save_figure(figure, pdf, png, data)


def pions(*, histograms: Input, pions: Input, pdf: Output, png: Output, data: Output) -> None:
    """Response to pions of 20 GeV, with mean and spread beside COCOA's own."""
    loaded, content = load_histograms(histograms), read_result(pions, validation.PionsValidation)
    figure, axes = new_figure(1, 2, size=(13.5, 5.4))
    for k, (axis, kind) in enumerate(zip(axes, content.kinds, strict=True)):
        found, histogram = content.kinds[kind], loaded[kind]
        values = histogram.values()
        share = values / max(histogram.values(flow=True).sum(), 1)
        colour = style_of(k).colour
        axis.stairs(share, histogram.axes[0].edges, color=colour, fill=True, alpha=0.35)
        axis.stairs(share, histogram.axes[0].edges, color=colour)
        top = 1.55 * share.max()
        published = {
            row.quantity.split()[0]: row.reference for row in content.numbers if row.sample == kind
        }
        for height, mean, spread, text, marker in (
            (0.74, published["mean"], published["spread"], "COCOA", "*"),
            (0.68, found.mean, found.spread, "jetchain", "o"),
        ):
            axis.errorbar(
                [mean], [height * top], xerr=[spread], color="black", marker=marker, capsize=4,
                ls="none", mfc="white" if marker == "o" else "black",
                label=rf"{text}: mean {mean:.2f}, spread {spread:.2f}",
            )  # fmt: skip
        axis.set_ylim(0, top)
        axis.set_xlim(histogram.axes[0].edges[0], histogram.axes[0].edges[-1])
        axis.set_xlabel(histogram.axes[0].label)
        axis.set_ylabel(f"share of events per {histogram.axes[0].widths[0]:.3g}")
        axis.legend(loc="upper left")
        label(axis, right=f"{NAMES[kind]} of 20 GeV, {found.n} events")
    save_figure(figure, pdf, png, data)


def pi0(*, histograms: Input, pi0: Input, pdf: Output, png: Output, data: Output) -> None:
    """Share of neutral pions with separate photons, and the mass peak of the two clusters."""
    loaded, content = load_histograms(histograms), read_result(pi0, validation.Pi0Validation)
    figure, (left, right) = new_figure(1, 2, size=(13.5, 5.4))
    rows = content.separation
    share = np.array([row.share for row in rows])
    interval = np.array([row.interval for row in rows]).reshape(-1, 2)
    left.errorbar(
        [(row.low + row.high) / 2 for row in rows], share,
        yerr=np.abs(interval.T - share), xerr=[(row.high - row.low) / 2 for row in rows],
        fmt="o", color=COLOURS[0],
    )  # fmt: skip
    left.axvspan(*content.peak_pt, color="0.9", label="range of the mass peak")
    left.set_ylim(0, 1.25)
    left.set_xlabel(r"$p_T$ of the $\pi^0$ [GeV]")
    left.set_ylabel("share with two separate photons")
    left.legend(loc="upper right")
    label(left)
    for name in ("corrected", "uncorrected"):
        histogram, peak = loaded[name], content.peaks[name]
        edges, values = histogram.axes[0].edges, histogram.values()
        centres = histogram.axes[0].centers
        text = rf"{name}: {peak.mean:.1f} $\pm$ {peak.mean_error:.1f} MeV"
        if name == "uncorrected":
            right.stairs(values, edges, color=COLOURS[3], ls="--", label=text)
            continue
        right.errorbar(centres, values, np.sqrt(values), fmt="o", color="black", ms=4, label=text)
        inside = np.abs(centres - peak.mean) < 2 * peak.width
        normal = np.exp(-0.5 * ((centres - peak.mean) / peak.width) ** 2)
        height = values[inside].sum() / normal[inside].sum()
        fine = np.linspace(peak.mean - 2 * peak.width, peak.mean + 2 * peak.width, 80)
        right.plot(
            fine, height * np.exp(-0.5 * ((fine - peak.mean) / peak.width) ** 2),
            color=COLOURS[2],
            label=rf"Gaussian core, $\sigma$ = {peak.width:.1f} $\pm$ "
            rf"{peak.width_error:.1f} MeV",
        )  # fmt: skip
    right.axvline(content.mass, color="0.4", lw=1, ls=":", label=r"$m(\pi^0)$, PDG")
    right.set_ylim(0, 1.6 * max(loaded["corrected"].values().max(), 1))
    right.set_xlim(edges[0], edges[-1])
    right.set_xlabel(loaded["corrected"].axes[0].label)
    right.set_ylabel(f"pions per {loaded['corrected'].axes[0].widths[0]:.0f} MeV")
    right.legend(loc="upper right")
    label(right, right="two leading clusters")
    save_figure(figure, pdf, png, data)


def tracks(*, tracks: Input, pdf: Output, png: Output, data: Output) -> None:
    """Resolution of the five track parameters against pT beside COCOA's table, and pulls."""
    content = read_result(tracks, validation.TracksValidation)
    figure, axes = new_figure(2, 3, size=(18.0, 10.0))
    for axis, (name, (text, _)) in zip(axes.flat, PARAMETERS.items(), strict=False):
        for k, kind in enumerate(content.kinds):
            rows = content.kinds[kind].resolutions[name]
            _points(
                axis, rows, "pt", "sigma", "error", beside=0.06 * (k - 1), label=NAMES[kind],
                **_style(k),
            )  # fmt: skip
        axis.plot(
            content.curve["pt"], content.curve[name], color="black", lw=1,
            label="simulated",
        )  # fmt: skip
        axis.plot(
            content.cocoa[name].pt, content.cocoa[name].sigma, "*", color="black", ms=11,
            label="COCOA's table",
        )  # fmt: skip
        axis.set_xscale("log")
        axis.set_yscale("log")
        axis.set_xlabel("true $p_T$ [GeV]")
        axis.set_ylabel(text)
        axis.legend(loc="upper right" if name != "qoverp" else "lower left")
        label(axis)
    _draw_pulls(axes.flat[5], content.kinds)
    save_figure(figure, pdf, png, data)


def _draw_pulls(axis: Axes, kinds: Mapping[str, validation.KindTracks]) -> None:
    """Mean (filled) and width (open) of the pulls of every parameter that has an error."""
    names = [name for name in PARAMETERS if any(name in kinds[kind].pulls for kind in kinds)]
    for k, kind in enumerate(kinds):
        style = style_of(k)
        for moment, fill in (("mean", style.colour), ("width", "white")):
            known = [(x, kinds[kind].pulls[n]) for x, n in enumerate(names)
                     if n in kinds[kind].pulls]  # fmt: skip
            axis.errorbar(
                [x + 0.18 * (k - 1) for x, _ in known],
                [getattr(found, moment) for _, found in known],
                [getattr(found, f"{moment}_error") for _, found in known],
                marker=style.marker, ls="none", color=style.colour, mfc=fill,
                label=f"{NAMES[kind]}, {moment}",
            )  # fmt: skip
    for value in (0.0, 1.0):
        axis.axhline(value, color="0.55", lw=1)
    axis.set_xticks(range(len(names)), [PARAMETERS[name][1] for name in names])
    axis.minorticks_off()
    axis.set_xlim(-0.6, len(names) - 0.4)
    axis.set_ylim(-0.3, 2.0)
    axis.set_ylabel("pull: (measured - true) / error")
    axis.legend(ncols=3, loc="upper center")
    label(axis)


def efficiency(*, tracks: Input, pdf: Output, png: Output, data: Output) -> None:
    """Tracking efficiency against pT and |eta|."""
    kinds = read_result(tracks, validation.TracksValidation).kinds
    figure, axes = new_figure(1, 2, size=(13.5, 5.2), sharey=True)
    lowest = 1.0
    for k, kind in enumerate(kinds):
        for axis, name in zip(axes, ("efficiency_pt", "efficiency_eta"), strict=True):
            rows = getattr(kinds[kind], name)
            value = np.array([row.efficiency for row in rows])
            interval = np.array([row.interval for row in rows]).reshape(-1, 2)
            low = np.array([row.low for row in rows])
            high = np.array([row.high for row in rows])
            if name == "efficiency_pt":
                centre = (1 + 0.06 * (k - 1)) * np.sqrt(low * high)
            else:
                centre = 0.03 * (k - 1) + (low + high) / 2
            axis.errorbar(
                centre, value, yerr=np.abs(interval.T - value),
                xerr=[centre - low, high - centre], label=NAMES[kind], **_style(k),
            )  # fmt: skip
            lowest = min([lowest, *interval[:, 0]])
    axes[0].set_xscale("log")
    axes[0].set_xlabel("true $p_T$ [GeV]")
    axes[1].set_xlabel(r"$|\eta|$")
    axes[0].set_ylabel("tracking efficiency")
    room = 1.02 - lowest
    axes[0].set_ylim(max(lowest - 0.6 * room, 0), 1.02)
    for axis in axes:
        axis.axhline(1.0, color="0.55", lw=1)
        axis.legend(loc="lower right", ncols=3)
        label(axis, right="single particles")
    save_figure(figure, pdf, png, data)


def clusters(
    *, response: Input, noise: Input, histograms: Input, pdf: Output, png: Output, data: Output
) -> None:
    """Clusters of a single particle; seeds and clusters of noise in empty events."""
    loaded = read_result(response, validation.ResponseValidation)
    kinds, content = loaded.kinds, read_result(noise, validation.NoiseValidation)
    figure, ((left, beside), (middle, right)) = new_figure(2, 2, size=(13.5, 10.5))
    for k, kind in enumerate(NAMES):
        _points(
            left, kinds[kind].by_energy, "energy", "clusters", beside=0.03 * (k - 3),
            label=NAMES[kind], **_style(k),
        )  # fmt: skip
        _bins(beside, kinds[kind].by_eta, "clusters", label=NAMES[kind], **_style(k))
    left.set_xscale("log")
    left.set_xlabel("true energy [GeV]")
    left.legend(ncols=4, loc="upper left")
    beside.set_xlabel(r"$|\eta|$")
    for axis, what in ((left, ""), (beside, f" above {loaded.eta_energy:.0f} GeV")):
        axis.set_ylim(0, 1.5 * axis.get_ylim()[1])
        axis.set_ylabel("mean number of its clusters")
        label(axis, right=f"single particles{what}")
    x, events = np.arange(len(content.layers)), content.events
    seeds, expected = np.array(content.seeds), np.array(content.expected)
    middle.bar(x, expected / events, color=COLOURS[9], label=r"cells $\times$ Gaussian tail")
    middle.errorbar(
        x, seeds / events, np.sqrt(seeds) / events, fmt="o", color="black", label="simulated",
    )  # fmt: skip
    middle.set_yscale("log")
    middle.set_ylim(
        0.1 * max(expected.min() / events, 1e-4), 10 * max(expected.max() / events, 1e-3)
    )
    middle.set_xticks(x, content.layers, fontsize=11)
    middle.minorticks_off()
    middle.set_ylabel("noise seeds an event")
    middle.legend(loc="upper right")
    label(middle, right=f"{events} empty events")
    histogram = load_histograms(histograms)["energy"]
    right.stairs(histogram.values() / events, histogram.axes[0].edges, color=COLOURS[0], fill=True)
    right.set_xlim(histogram.axes[0].edges[0], histogram.axes[0].edges[-1])
    right.set_xlabel(histogram.axes[0].label)
    right.set_ylabel(f"clusters an event per {1e3 * histogram.axes[0].widths[0]:.0f} MeV")
    label(right, right=f"{content.clusters / events:.3f} clusters an event")
    save_figure(figure, pdf, png, data)


def met(*, met: Input, pdf: Output, png: Output, data: Output) -> None:
    """Resolution of Ex and Ey against the sum of the transverse energies."""
    content = read_result(met, validation.MetValidation)
    rows = content.bins
    figure, axis = new_figure(size=(8.0, 6.0))
    sum_et = np.array([row.sum_et for row in rows])
    axis.errorbar(
        sum_et, [row.sigma for row in rows], yerr=[row.sigma_error for row in rows],
        xerr=np.abs(np.array([[row.low, row.high] for row in rows]).T - sum_et),
        fmt="o", color=COLOURS[0], label="half of the central 68 %",
    )  # fmt: skip
    fine = np.linspace(0.8 * rows[0].low, rows[-1].high, 60)
    for k, fit in enumerate(each for each in content.fits.values() if each is not None):
        constant, term = 0.0, ""
        if isinstance(fit, validation.JetsFit):
            constant, term = fit.b, rf" $\oplus$ {100 * fit.b:.1f} % $\Sigma E_T$"
        axis.plot(
            fine, np.hypot(fit.k * np.sqrt(fine), constant * fine),
            color=style_of(2 + 2 * k).colour, ls=style_of(1 + k).line,
            label=rf"{fit.k:.2f} $(\Sigma E_T)^{{1/2}}${term}, "
            rf"$\chi^2$/ndf = {fit.chi2:.1f}/{fit.ndf}",
        )  # fmt: skip
    axis.set_ylim(0, 1.45 * max(row.sigma for row in rows))
    axis.set_xlabel(r"$\Sigma E_T$ of clusters and muons [GeV]")
    axis.set_ylabel(r"resolution of $E_x$, $E_y$ [GeV]")
    axis.legend(loc="upper left")
    label(axis, right=f"{content.kept} events without hard neutrinos")
    save_figure(figure, pdf, png, data)


def jets(*, jets: Input, pdf: Output, png: Output, data: Output) -> None:
    """Response and resolution of jets of clusters against true pT and |eta|."""
    content = read_result(jets, validation.JetsValidation)
    figure, axes = new_figure(2, 2, size=(13.5, 10.0), sharey="row")
    for column, (name, x) in enumerate(
        (("by_pt", "true jet $p_T$ [GeV]"), ("by_eta", r"$|\eta|$"))
    ):
        for row, quantity in enumerate(("core", "resolution")):
            axis = axes[row, column]
            _bins(axis, getattr(content, name), quantity, **_style(row))
            axis.set_xlabel(x)
            if name == "by_pt":
                axis.set_xscale("log")
    axes[0, 0].set_ylabel(r"core mean of $p_T^\mathrm{clusters}/p_T^\mathrm{true}$")
    axes[1, 0].set_ylabel("core width / mean")
    axes[0, 0].set_ylim(0, 1.2)
    axes[1, 0].set_ylim(bottom=0)
    for axis in axes[0]:
        axis.axhline(1.0, color="0.55", lw=1)
    label(axes[0, 0], right="isolated anti-$k_T$ jets, R = 0.4")
    axes[0, 1].set_title(rf"$p_T$ > {content.eta_pt:.0f} GeV", loc="right", fontsize=12)
    save_figure(figure, pdf, png, data)


def _style(k: int, *, line: bool = False) -> dict[str, Any]:
    """Colour and marker of the k-th kind, with a line through the points or without."""
    style = style_of(k)
    return {**style.points, "linestyle": style.line if line else "none", "ms": 6}


def _points(
    axis: Axes, rows: Sequence[Result], x: str, y: str, error: str = "", *, beside: float = 0.0,
    **style: Any,
) -> None:  # fmt: skip
    """Points with errors, moved by a share of x to stand beside others of the same bin."""
    axis.errorbar(
        [(1 + beside) * getattr(row, x) for row in rows], [getattr(row, y) for row in rows],
        [getattr(row, error or f"{y}_error") for row in rows], **style,
    )  # fmt: skip


def _bins(axis: Axes, rows: Sequence[validation.DescribedBin], y: str, **style: Any) -> None:
    axis.errorbar(
        [(row.low + row.high) / 2 for row in rows], [getattr(row, y) for row in rows],
        yerr=[getattr(row, f"{y}_error") for row in rows],
        xerr=[(row.high - row.low) / 2 for row in rows], **style,
    )  # fmt: skip
