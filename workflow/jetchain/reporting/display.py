"""The display of one event: in eta and phi, and in the plane across the beam."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import patheffects
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, PathCollection, PolyCollection
from matplotlib.colors import LogNorm
from matplotlib.lines import Line2D
from matplotlib.patches import Circle
from numpy.typing import NDArray

from jetchain.core.errors import DataError
from jetchain.core.io.atomic import REMAKE
from jetchain.core.io.tables import read_result
from jetchain.core.kinematics import delta_phi
from jetchain.core.schema.detector import DetectorDisplay
from jetchain.core.schema.jets import EventJets, JetColumns
from jetchain.core.style import COLOURS, label, new_figure, save_figure
from jetchain.core.verbs import Input, Output

Columns = dict[str, Any]
TURNS = (-2 * np.pi, 0.0, 2 * np.pi)
AREA = 800.0  # of the marker of the hardest cluster, points^2
BOX = (1.0, 0.5)  # width and height of a jet's label in eta and phi
DISPLACED = 5.0  # standard deviations of d0
SOFTEST = 0.1  # GeV, transverse energy from which cells are drawn across the beam
METRE = 1e3  # mm
NAMES = {1: "d", 2: "u", 3: "s", 4: "c", 5: "b", 6: "t", 11: "e", 12: r"$\nu$", 13: r"$\mu$",
         14: r"$\nu$", 15: r"$\tau$", 16: r"$\nu$", 21: "g", 22: r"$\gamma$", 23: "Z",
         24: "W", 25: "H"}  # fmt: skip
HALO = [patheffects.withStroke(linewidth=2.5, foreground="white")]
# Sides from the middle of a cell, for each of its corners: radius and azimuth.
CORNERS = (("inner", -0.5), ("outer", -0.5), ("outer", 0.5), ("inner", 0.5))


def event(*, detector: Input, jets: Input, pdf: Output, png: Output, data: Output) -> None:
    """Draw what the detector saw of an event, with its jets, true jets and hard partons.

    Args:
        detector: JSON of detector.display.
        jets: JSON of jets.display, of the same event.
        pdf, png, data: the figure, and its numbers.

    Raises:
        DataError: the two are of different events.
    """
    seen = read_result(detector, DetectorDisplay).model_dump()
    found = read_result(jets, EventJets)
    if seen["number"] != found.number:
        raise DataError(
            f"{detector} is of event {seen['number']}, {jets} of event {found.number}.", REMAKE
        )
    figure, (plane, across) = new_figure(1, 2, size=(15.5, 7.6))
    draw_plane(plane, seen, found)
    name = f"{Path(jets).stem.replace('_', ' ')}, event {seen['number']}"
    if not found.passes:
        hardest = ": this one has the hardest" if found.jets.pt else ""
        name = f"no event has a jet above {found.pt_min:g} GeV{hardest}\n{name}"
    label(plane, right=name)
    draw_across(across, seen, found)
    radii = seen["radii"]
    label(across, right=rf"barrel, $|\eta| < {radii['barrel_eta']:g}$, B = {radii['field']:g} T")
    save_figure(figure, pdf, png, data)


def draw_plane(ax: Axes, seen: Columns, found: EventJets) -> None:
    """Clusters, tracks, jets and partons in eta and phi, of equal scale: a jet is a circle."""
    cluster, track = _arrays(seen["cluster"]), _arrays(seen["track"])
    et = cluster["e"] / np.cosh(cluster["eta"])
    hardest = max(float(et.max(initial=0.0)), 1e-3)
    electromagnetic = cluster["electromagnetic_fraction"] > 0.5
    for chosen, marker, colour, text in (
        (electromagnetic, "o", COLOURS[1], "cluster, most in the ECAL"),
        (~electromagnetic, "s", COLOURS[0], "cluster, most in the HCAL"),
    ):
        ax.scatter(
            cluster["eta"][chosen], cluster["phi"][chosen], marker=marker, color=colour,
            s=np.maximum(AREA * et[chosen] / hardest, 2.0), alpha=0.65, lw=0.4, edgecolor="white",
            label=text,
        )  # fmt: skip
    displaced = np.abs(track["d0_significance"]) > DISPLACED
    for chosen, marker, colour, text in (
        (~displaced, "+", "0.15", "track"),
        (displaced, "x", COLOURS[2], rf"track with $|d_0| > {DISPLACED:g}\,\sigma$"),
    ):
        ax.scatter(
            track["eta"][chosen], track["phi"][chosen], marker=marker, s=26, color=colour, lw=0.9,
            label=text,
        )  # fmt: skip
    for level, style in (
        ("truth", {"ls": (0, (3, 2)), "ec": "0.6", "lw": 4.0}),
        ("jets", {"ls": "-", "ec": "black", "lw": 1.4}),
    ):
        shown_jets: JetColumns = getattr(found, level)
        for eta, phi in zip(shown_jets.eta, shown_jets.phi, strict=True):
            for turn in TURNS:
                circle = Circle((eta, phi + turn), found.radius, fill=False, gid=level, **style)
                ax.add_patch(circle)
    points = np.concatenate(
        [np.stack([_arrays(seen[name])[axis] for axis in ("eta", "phi")], axis=1)
         for name in ("track", "cluster")]
    )  # fmt: skip
    places = label_places(_arrays(found.jets.model_dump()), found.radius, points)
    for k, (place, pt, msd) in enumerate(zip(places, found.jets.pt, found.jets.msd, strict=True)):
        ax.annotate(
            f"J{k + 1}: {pt:.0f} GeV\n$m_{{SD}}$ {msd:.0f} GeV", place, ha="center", va="center",
            fontsize=11, path_effects=HALO, zorder=6, linespacing=1.0,
        )  # fmt: skip
    parton = found.parton.model_dump()
    ax.scatter(
        parton["eta"], parton["phi"], marker="*", s=130, color="white", edgecolor="black", lw=1.1,
        zorder=5, gid="hard process, outgoing",
    )  # fmt: skip
    for pdgid, eta, phi in _rows(parton, "pdgid", "eta", "phi"):
        if abs(eta) < 3:
            ax.annotate(
                NAMES.get(abs(pdgid), str(pdgid)), (eta, phi), xytext=(7, 4), fontsize=12,
                textcoords="offset points", path_effects=HALO, zorder=6,
            )  # fmt: skip
    handles, texts = ax.get_legend_handles_labels()
    handles += [
        Line2D([], [], color="black", lw=1.4),
        Line2D([], [], color="0.55", lw=4.0, ls=(0, (3, 2))),
        Line2D([], [], color="white", marker="*", ms=12, mec="black", ls="none"),
    ]
    texts += [
        f"jet, anti-$k_T$, R = {found.radius:.1f}: $p_T$",
        "jet of true particles",
        "hard process, outgoing",
    ]
    shown = ax.legend(
        handles, texts, loc="upper center", bbox_to_anchor=(0.5, -0.1), ncols=3,
        title=rf"area of clusters: transverse energy, the largest {hardest:.3g} GeV",
        title_fontsize=11, handlelength=2.6,
    )  # fmt: skip
    for handle in shown.legend_handles[:2]:
        assert isinstance(handle, PathCollection)
        handle.set_sizes([60])
    ax.set(
        xlim=(-3.14, 3.14), ylim=(-np.pi, np.pi), aspect="equal",
        xlabel=r"$\eta$", ylabel=r"$\varphi$ [rad]",
    )  # fmt: skip


def draw_across(ax: Axes, seen: Columns, found: EventJets) -> None:
    """Tracks and the barrel's cells across the beam, x and y in m."""
    radii = seen["radii"]
    layers = radii["layers"]
    for radius in radii["tracker"]:
        ax.add_patch(Circle((0, 0), radius / METRE, fill=False, ec="0.88", lw=0.7,
                            gid="tracker layer"))  # fmt: skip
    for layer in layers:
        for side in ("inner", "outer"):
            ax.add_patch(Circle((0, 0), layer[side] / METRE, fill=False, ec="0.8",
                                lw=0.5, gid=layer["name"]))  # fmt: skip
    shown = PolyCollection([], cmap="cividis_r", norm=LogNorm(SOFTEST, 100.0), lw=0, gid="cells")
    corners, et = cell_corners(_arrays(seen["barrel"]), layers)
    shown.set_verts(list(corners[et > SOFTEST] / METRE))
    shown.set_array(et[et > SOFTEST])
    ax.add_collection(shown)
    pt = np.array(seen["track"]["pt"])
    ax.add_collection(
        LineCollection(
            [np.array(line).T / METRE for line in seen["lines"]],
            colors=[(0.1, 0.1, 0.1, 0.85) if hard else (0.35, 0.35, 0.35, 0.6) for hard in pt > 10],
            gid="tracks",
            linewidths=np.clip(0.5 + 0.35 * np.log(np.maximum(pt, 1.0)), 0.5, 2.2),
        )
    )
    outside = layers[-1]["outer"] / METRE
    for k, (eta, phi) in enumerate(zip(found.jets.eta, found.jets.phi, strict=True)):
        if abs(eta) < radii["barrel_eta"]:
            angle = phi + np.linspace(-1, 1, 41) * found.radius
            ax.plot(*(outside + 0.12) * np.array([np.cos(angle), np.sin(angle)]), color="black",
                    gid=f"J{k + 1}")  # fmt: skip
            ax.annotate(
                f"J{k + 1}", (outside + 0.4) * np.array([np.cos(phi), np.sin(phi)]),
                ha="center", va="center", fontsize=12,
            )  # fmt: skip
    for kind in ("ECAL", "HCAL"):
        own = [layer for layer in layers if layer["name"].startswith(kind)]
        for radius in (own[0]["inner"], own[-1]["outer"]):
            ax.add_patch(Circle((0, 0), radius / METRE, fill=False, ec="0.45", lw=1.0,
                                gid=kind))  # fmt: skip
        middle = 0.5 * (own[0]["inner"] + own[-1]["outer"]) / METRE
        ax.annotate(kind, (0, -middle), ha="center", va="center", fontsize=11, path_effects=HALO)
    ax.annotate("tracker", (0, -radii["tracker"][-1] / METRE - 0.22), ha="center", va="center",
                fontsize=11, path_effects=HALO)  # fmt: skip
    reach = outside + 0.75
    ax.set(xlim=(-reach, reach), ylim=(-reach, reach), aspect="equal", xlabel="x [m]",
           ylabel="y [m]")  # fmt: skip
    figure = ax.get_figure()
    assert figure is not None
    figure.colorbar(
        shown, ax=ax, extend="max", shrink=0.85,
        label=r"transverse energy of the cells at this $\varphi$ [GeV]",
    )  # fmt: skip


def label_places(
    jets: Columns, radius: float, points: NDArray[np.floating]
) -> list[tuple[float, float]]:
    """Where the label of each jet hides least: beside its circle, inside the axes.

    Args:
        jets: eta and phi.
        radius: of the circles.
        points: eta and phi of what should be seen, (points, 2).
    """
    chosen: list[tuple[float, float]] = []
    centres = np.stack([jets["eta"], jets["phi"]], axis=1)
    for eta, phi in centres:
        best, least = (float(eta), float(phi)), np.inf
        for angle in np.arange(16) * np.pi / 8 + np.pi / 2:
            # The box touches the circle from outside, whatever the direction.
            reach = radius + 0.08 + 0.5 * abs(BOX[0] * np.cos(angle)) + 0.5 * abs(
                BOX[1] * np.sin(angle)
            )  # fmt: skip
            x, y = float(eta + reach * np.cos(angle)), float(phi + reach * np.sin(angle))
            if abs(x) + 0.5 * BOX[0] > np.pi or abs(y) + 0.5 * BOX[1] > np.pi:
                continue
            hidden = np.all(np.abs(points - (x, y)) < 0.5 * np.array(BOX), axis=1).sum()
            other = sum(abs(x - a) < BOX[0] and abs(y - b) < BOX[1] for a, b in chosen)
            apart = np.hypot(centres[:, 0] - x, delta_phi(centres[:, 1], y))
            cost = hidden + 1000 * other + 60 * np.count_nonzero(apart < radius + 0.65)
            if cost < least:
                best, least = (x, y), cost
        chosen.append(best)
    return chosen


def cell_corners(
    barrel: Columns, layers: list[Columns]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Corners of the barrel's cells across the beam, and their transverse energy.

    Args:
        barrel: layer, bin in phi from -pi, et (GeV).
        layers: inner and outer radius (mm) and number of cells in phi.

    Returns:
        x, y in mm (bins, 4, 2), and et (bins,).
    """
    layer = barrel["layer"].astype(int)
    cells = np.array([each["cells"] for each in layers])[layer]
    points = []
    for side, step in CORNERS:
        radius = np.array([each[side] for each in layers])[layer]
        angle = -np.pi + (barrel["bin"] + 0.5 + step) * 2 * np.pi / cells
        points.append(np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1))
    return np.stack(points, axis=1), barrel["et"]


def _arrays(columns: Columns) -> Columns:
    return {name: np.asarray(values) for name, values in columns.items()}


def _rows(columns: Columns, *names: str) -> Any:
    return zip(*(columns[name] for name in names), strict=True)
