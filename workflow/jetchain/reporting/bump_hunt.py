"""Figure of a bump hunt."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import NullLocator
from scipy.stats import norm

from jetchain.core.io.tables import read_result
from jetchain.core.schema.bump_hunt import BumpHunt, BumpScan
from jetchain.core.style import label, new_figure, save_figure, style_of
from jetchain.core.verbs import Input, Labels, Output

SMALLEST = 1e-12
"""Local p-value at which the axis ends at the latest; the legend has the significance."""


def figure(
    *, bump_hunt: Input, method: str, labels: Labels, pdf: Output, png: Output, data: Output
) -> None:
    """Draw local p-values against the mass, and what toys find anywhere beside the trial factor."""
    found = read_result(bump_hunt, BumpHunt)
    drawn, (left, right) = new_figure(1, 2, size=(14.5, 6.0), width_ratios=[1.4, 1])
    draw_masses(left, found)
    label(left, right=labels[method])
    draw_anywhere(right, found)
    label(right, right="toys of the background alone")
    save_figure(drawn, pdf, png, data)


def named(efficiency: str) -> str:
    """A cut in words."""
    return "no cut" if efficiency == "1" else f"{100 * float(efficiency):g} % of the sidebands"


def _global(scan: BumpScan) -> str:
    if not scan.accepted:
        return "background not accepted"
    sign = "<" if scan.p_global_toys_is_bound else "="
    return (
        f"largest {scan.largest:.1f} $\\sigma$ at {scan.largest_tev:.2f} TeV,\n"
        f"global p {sign} {scan.p_global_toys:.2g} (toys), $\\leq$ {scan.p_global:.2g} (formula)"
    )


def draw_masses(ax: Axes, found: BumpHunt) -> None:
    """One panel: local p-values against the mass; by counting toys where they can tell."""
    low = 1e-3
    for index, (efficiency, scan) in enumerate(found.scans.items()):
        style, mass = style_of(index), np.array(scan.mass_tev)
        low = max(min(low, *scan.p_local), SMALLEST)
        ax.plot(
            mass, scan.p_local, label=f"{named(efficiency)}: {_global(scan)}", **style.curve
        )  # fmt: skip
        counted = np.array(scan.p_local_toys)
        known = counted * (scan.trials.toys + 1) > 1.5
        ax.plot(
            mass[known], counted[known], markersize=4, gid=f"{named(efficiency)}, toys",
            **style.points,
        )  # fmt: skip
    if found.injected_tev is not None:
        ax.axvline(
            found.injected_tev, color="black", lw=1, ls="-.", label="injected (no method knows it)"
        )
    for sigma in range(1, 8):
        if (p := float(norm.sf(sigma))) > low:
            ax.axhline(p, color="0.7", lw=0.8, ls=":", zorder=0)
            ax.annotate(
                f"{sigma}$\\,\\sigma$", (1.01, p), xycoords=("axes fraction", "data"), fontsize=11,
                va="center",
            )  # fmt: skip
    ax.set(
        yscale="log",
        ylim=(low / 3, 10 ** (0.75 * np.log10(3 / low))),
        xlabel=r"Mass of the signal that is sought, $m_{JJ}$ [TeV]",
        ylabel="Local p-value",
    )
    ax.set_yticks([tick for tick in ax.get_yticks() if low / 3 < tick < 2])
    ax.yaxis.set_minor_locator(NullLocator())
    ax.legend(loc="upper right", fontsize=10)


def draw_anywhere(ax: Axes, found: BumpHunt) -> None:
    """One panel: how often toys have an excess somewhere, and the bound on it."""
    smallest = 1.0
    for index, (efficiency, scan) in enumerate(found.scans.items()):
        style, trials = style_of(index), scan.trials
        z, share = np.array(trials.excess), np.array(trials.toys_above)
        smallest = min(smallest, 1 / trials.toys)
        error = np.sqrt(share * (1 - share) / trials.toys)
        shown = share > 0
        ax.errorbar(
            z[shown] + 0.02 * index, share[shown], error[shown], markersize=4,
            label=f"{named(efficiency)}: {trials.crossings:.1f} upcrossings", **style.points,
        )  # fmt: skip
        ax.plot(z, trials.formula, color=style.colour, linestyle=style.line, gid=named(efficiency))
    grid = np.linspace(0, 5, 51)
    ax.plot(grid, norm.sf(grid), color="black", lw=1, ls=":", label="local, at one mass")
    ax.set(
        yscale="log",
        ylim=(smallest / 3, 60.0),
        xlim=(0, 5),
        xlabel=r"Significance Z [$\sigma$]",
        ylabel="P(largest excess > Z)",
    )
    ax.set_yticks([tick for tick in ax.get_yticks() if smallest / 3 < tick < 2])
    ax.yaxis.set_minor_locator(NullLocator())
    ax.legend(loc="upper right", fontsize=10)
