"""What a particle-flow network looks at: around one cluster, and against distance over all."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.lines import Line2D

from jetchain.core.io.tables import read_result
from jetchain.core.schema.particleflow import Influence, InfluenceExample
from jetchain.core.style import label, new_figure, remark, save_figure, style_of
from jetchain.core.verbs import Input, Labels, Output

ZOOM = 0.3  # half the width of the neighbourhood
LARGEST = 900.0  # area of the marker with the largest influence, points^2
KINDS = ((1, "track", "^"), (0, "cluster", "o"))


def influence(
    *,
    influence: Input,
    labels: Labels,
    pdf: Output,
    png: Output,
    data: Output,
    algorithm: str,
    sample: str,
) -> None:
    """Draw the influence of tracks and clusters on what a network expects at a cluster.

    Args:
        influence: JSON of particleflow.influence.
        labels: displayed names of the algorithms by their keys.
        algorithm: key of the network.
        sample: where the events are from.
        pdf, png, data: the figure, and its numbers.
    """
    content = read_result(influence, Influence)
    figure, (near, profile) = new_figure(1, 2, size=(14.5, 6.6))
    if content.example is None:
        remark(near, f"no cluster in the first {content.events} events")
        near.set(xticks=[], yticks=[])
        label(near, right=labels[algorithm])
    else:
        draw_neighbourhood(near, content.example)
        label(near, right=f"{labels[algorithm]}, event {content.example.number}, sample {sample}")
    if content.clusters:
        draw_profile(profile, content)
    else:
        remark(
            profile,
            rf"{labels[algorithm]} expects no cluster with $p_T$ > {content.pt_min:g} GeV"
            f"\nin the first {content.events} events",
        )
        profile.set(xticks=[], yticks=[])
    label(profile, right=f"{content.events} events, {content.clusters} clusters, sample {sample}")
    save_figure(figure, pdf, png, data)


def draw_neighbourhood(ax: Axes, example: InfluenceExample) -> None:
    """The nodes around a cluster; their area is the influence, dark where they take pT away."""
    table = {name: np.asarray(values) for name, values in example}
    eta, phi, value = table["delta_eta"], table["delta_phi"], table["influence"]
    source, target = table["edges"].reshape(-1, 2).astype(int).T
    ends = [np.stack([eta[node], phi[node]], axis=1) for node in (source, target)]
    lines = list(np.stack(ends, axis=1))
    ax.add_collection(LineCollection(lines, colors="0.8", linewidths=0.5, zorder=1,
                                     gid="edges"))  # fmt: skip
    largest = float(np.abs(value).max())
    area = np.maximum(LARGEST * np.abs(value) / max(largest, 1e-9), 6.0)
    handles = []
    for kind, name, marker in KINDS:
        for sign, colour, text in ((1, "#ffc75e", "adds"), (-1, "#4b1d66", "takes away")):
            chosen = (table["is_track"] == kind) & (np.sign(value) == sign)
            style: dict[str, Any] = {"marker": marker, "color": colour}
            ax.scatter(eta[chosen], phi[chosen], area[chosen], **style, alpha=0.6, lw=0.8,
                       edgecolor="black", zorder=2, gid=f"{name} that {text} pT")  # fmt: skip
            handles.append(Line2D([], [], **style, ls="none", ms=9, mec="black",
                                  label=f"{name} that {text} $p_T$"))  # fmt: skip
    star: dict[str, Any] = {"marker": "*", "color": "white"}
    ax.scatter([0.0], [0.0], 220, **star, edgecolor="black", zorder=4, gid="the cluster")
    handles.append(Line2D([], [], **star, ls="none", ms=14, mec="black", label="the cluster"))
    ax.set(
        xlim=(-ZOOM, ZOOM), ylim=(-ZOOM, ZOOM), aspect="equal", xlabel=r"$\Delta\eta$",
        ylabel=r"$\Delta\varphi$ [rad]",
    )  # fmt: skip
    ax.legend(
        handles=handles, loc="upper left", bbox_to_anchor=(1.01, 1.0), title_fontsize=11,
        title=f"expected $p_T$ {example.expected_pt:.3g} GeV\n"
        f"area: influence,\nthe largest {largest:.3g} GeV", alignment="left",
    )  # fmt: skip


def draw_profile(ax: Axes, content: Influence) -> None:
    """Mean size of the influence of a node against its distance."""
    edges = np.array(content.profile.edges)
    profiles = {"track": content.profile.track, "cluster": content.profile.cluster}
    centres, half = 0.5 * (edges[1:] + edges[:-1]), 0.5 * np.diff(edges)
    for k, (_, name, _) in enumerate(KINDS):
        mean, error = (
            np.array(values, float) for values in (profiles[name].mean, profiles[name].error)
        )
        shown = mean > 0
        ax.errorbar(
            centres[shown], mean[shown], error[shown], half[shown], ls="none",
            color=style_of(2 - k).colour, marker=style_of(2 - 2 * k).marker, label=f"a {name}",
        )  # fmt: skip
    ax.set_yscale("log")
    largest = max(max(profile.mean) for profile in profiles.values())
    if largest:
        ax.set_ylim(3e-4 * largest, 4.0 * largest)
    ax.set_xlim(0.0, 1.2)
    ax.set_xlabel(r"distance $\Delta R$ to the cluster")
    ax.set_ylabel(r"mean |influence| / expected $p_T$")
    ax.legend(title=rf"clusters with expected $p_T$ > {content.pt_min:g} GeV", title_fontsize=11)
