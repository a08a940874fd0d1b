"""Figures of the graphs room: the graph of one event and of one jet."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from numpy.typing import NDArray

from jetchain.core.io.tables import read_result
from jetchain.core.kinematics import delta_phi
from jetchain.core.schema.graphs import GraphDisplay
from jetchain.core.style import COLOURS, label, new_figure, save_figure, style_of
from jetchain.core.verbs import Input, Output

EDGE_COLOUR = "0.55"
ZOOM = 0.8  # half the width of the part of the event that is drawn large
NEUTRAL = ("photon", "neutral_hadron")
CLASS_NAMES = {
    "charged_hadron": "charged hadron",
    "neutral_hadron": "neutral hadron",
    "photon": "photon",
    "electron": "electron",
    "muon": "muon",
}


def event_graph(*, table: Input, pdf: Output, png: Output, data: Output) -> None:
    """Draw the graph of an event: all of it, and the surroundings of its hardest particle.

    Args:
        table: JSON of graphs.display.
        pdf, png, data: the figure, and its numbers.
    """
    event = {name: np.asarray(values) for name, values in read_result(table, GraphDisplay).event}
    figure, (whole, part) = new_figure(1, 2, size=(14.0, 6.2))
    hardest = int(np.argmax(event["particle_pt"]))
    centre = (float(event["particle_eta"][hardest]), float(event["particle_phi"][hardest]))
    _draw_event(whole, event, (0.0, 0.0), 30.0)
    whole.set(xlim=(-3.2, 3.2), ylim=(-np.pi, np.pi), xlabel=r"$\eta$", ylabel=r"$\varphi$ [rad]")
    frame = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1], [-1, -1]]) * ZOOM
    for turn in (-2 * np.pi, 0.0, 2 * np.pi):
        whole.plot(centre[0] + frame[:, 0], centre[1] + turn + frame[:, 1], color="black", lw=1,
                   gid="part drawn large")  # fmt: skip
    label(whole, "simulation")
    _draw_event(part, event, centre, 50.0)
    part.set(
        xlim=(-ZOOM, ZOOM),
        ylim=(-ZOOM, ZOOM),
        xlabel=r"$\eta - \eta_{0}$",
        ylabel=r"$\varphi - \varphi_{0}$ [rad]",
    )
    neutral = np.isin(event["particle_class"], NEUTRAL)
    part.scatter(
        event["particle_eta"][neutral] - centre[0],
        delta_phi(event["particle_phi"][neutral], centre[1]),
        marker="x",
        s=25,
        lw=1.2,
        color="black",
        label="true neutral particle",
        zorder=4,
    )
    legend = part.legend(loc="upper right", frameon=True, framealpha=0.9)
    for handle in legend.legend_handles[:2]:
        handle.set_sizes([50])
    part.text(1.0, 1.01, "area: energy", transform=part.transAxes, ha="right", va="bottom",
              fontsize=12)  # fmt: skip
    save_figure(figure, pdf, png, data)


def _draw_event(
    ax: Axes, event: dict[str, NDArray[Any]], origin: tuple[float, float], size: float
) -> None:
    """Draw edges and nodes relative to a point; `size` is the area of a node of 10 GeV."""
    eta, phi = event["eta"] - origin[0], delta_phi(event["phi"], origin[1])
    source, target = event["edges"].reshape(-1, 2).T
    # An edge over the seam is drawn at both sides of it, to where its other end would be.
    across = delta_phi(phi[source], phi[target])
    at_target = np.stack([[eta[target], phi[target]], [eta[source], phi[target] + across]])
    at_source = np.stack([[eta[source], phi[source]], [eta[target], phi[source] - across]])
    lines = np.concatenate([at_target, at_source], axis=2).transpose(2, 0, 1)
    ax.add_collection(
        LineCollection(
            list(lines), colors=EDGE_COLOUR, linewidths=0.4, alpha=0.6, zorder=1, gid="edges"
        )
    )
    for name, kind, colour, marker in (
        ("topocluster", 0, COLOURS[0], "o"),
        ("track", 1, COLOURS[2], "^"),
    ):
        chosen = event["is_track"] == kind
        ax.scatter(
            eta[chosen],
            phi[chosen],
            s=_area(event["energy"][chosen], 10.0, size),
            color=colour,
            marker=marker,
            alpha=0.6,
            linewidths=0,
            label=name,
            zorder=2 + kind,
        )


def jet_graph(*, table: Input, pdf: Output, png: Output, data: Output) -> None:
    """Draw the graph of a jet in the plane around its axis.

    Args:
        table: JSON of graphs.display.
        pdf, png, data: the figure, and its numbers.
    """
    jet = {name: np.asarray(values) for name, values in read_result(table, GraphDisplay).jet}
    position = np.stack([jet["delta_eta"], jet["delta_phi"]], axis=1)
    source, target = jet["edges"].reshape(-1, 2).T
    figure, ax = new_figure(size=(7.0, 6.4))
    lines = np.stack([position[source], position[target]], axis=1)
    ax.add_collection(
        LineCollection(
            list(lines), colors=EDGE_COLOUR, linewidths=0.6, alpha=0.7, zorder=1, gid="edges"
        )
    )
    for index, (kind, name) in enumerate(CLASS_NAMES.items()):
        chosen = jet["constituent_class"] == kind
        if chosen.any():
            ax.scatter(
                *position[chosen].T,
                s=_area(jet["constituent_pt"][chosen], 10.0, 60.0),
                color=style_of(index).colour,
                marker=style_of(index).marker,
                alpha=0.75,
                linewidths=0,
                label=name,
                zorder=2,
            )
    reach = 1.08 * max(0.1, float(np.abs(position).max()))
    ax.set(
        xlim=(-reach, reach),
        ylim=(-reach, reach),
        aspect="equal",
        xlabel=r"$\Delta\eta$",
        ylabel=r"$\Delta\varphi$ [rad]",
    )
    for handle in ax.legend(loc="upper right", frameon=True, framealpha=0.9).legend_handles:
        handle.set_sizes([50])
    label(ax, "simulation", f"{jet['label']} jet, $p_T$ = {float(jet['pt']):.0f} GeV, "
          f"$m_{{SD}}$ = {float(jet['msd']):.0f} GeV")  # fmt: skip
    save_figure(figure, pdf, png, data)


def _area(values: NDArray[np.floating], unit: float, size: float) -> NDArray[np.floating]:
    """Area of a marker that grows with a value, bounded so that soft ones can be seen."""
    return np.clip(size * values / unit, 4.0, 20 * size)
