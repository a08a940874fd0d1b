"""One event as all particle-flow algorithms see it, beside the truth and what the detector saw."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from jetchain.core.errors import EmptySampleError, samples_of
from jetchain.core.io.events import read_events, require_same_events
from jetchain.core.kinematics import delta_phi, pt_eta_phi
from jetchain.core.schema.detector import DETECTED
from jetchain.core.schema.particleflow import PARTICLE_CLASSES, RECONSTRUCTED
from jetchain.core.style import COLOURS, label, new_figure, save_figure
from jetchain.core.verbs import Input, Inputs, Labels, Output

REACH = 0.45  # of the square that is shown, in eta and phi
AREA = 350.0  # of the marker of the hardest true particle there, points^2
SOFTEST = 0.5  # GeV, transverse: softer ones are not drawn
MEV = 1e3
KINDS = ("charged hadron", "neutral hadron", "photon", "electron", "muon")
MARKERS = ("o", "s", "D", "^", "v")
COLUMNS = 3

Floats = NDArray[np.float64]


def event(
    *, detected: Input, particles: Inputs, labels: Labels, pdf: Output, png: Output, data: Output
) -> None:
    """Draw the surroundings of the hardest true particle of the first event that has any.

    Args:
        detected: DETECTED.
        particles: RECONSTRUCTED, of the same events, a file an algorithm.
        labels: names of the algorithms.
        pdf, png, data: the figure, and its numbers.

    Raises:
        EmptySampleError: no event has a particle.
    """
    truth = read_events(
        detected, DETECTED,
        {"particle": ["pdgid", "charge", "pt", "eta", "phi"],
         "topo": ["e", "bary_eta", "bary_phi"]},
    )  # fmt: skip
    filled = np.flatnonzero(np.asarray(ak.num(truth["particle"]["pt"])) > 0)
    if not len(filled):
        raise EmptySampleError(
            f"reporting.particleflow_event: no event of {samples_of([detected])} has a particle.",
            "Evaluate particle flow on another sample first (particleflow.evaluation.samples).",
        )
    chosen = int(filled[0])
    true = truth["particle"][chosen]
    seen = {"true particles": _true(true), "clusters": _clusters(truth["topo"][chosen])}
    for name, path in zip(labels.values(), particles, strict=True):
        seen[name] = _found(path, truth, detected, chosen)
    hardest = int(np.argmax(seen["true particles"][:, 0]))
    centre = seen["true particles"][hardest, 1:3]
    rows = -(-len(seen) // COLUMNS)
    figure, axes = new_figure(
        rows, COLUMNS, size=(6.4 * COLUMNS, 6.4 * rows), sharex=True, sharey=True, squeeze=False
    )
    largest = seen["true particles"][hardest, 0]
    for ax, (name, each) in zip(axes.flat, seen.items(), strict=False):
        draw(ax, near(each, centre), largest, "clusters" if name == "clusters" else "particles")
        label(ax, right=name)
    for ax in axes.flat[len(seen) :]:
        ax.set_visible(False)
    for ax in axes[:, 0]:
        ax.set_ylabel(r"$\varphi - \varphi_0$ [rad]")
    for ax in axes.flat[: len(seen)]:
        ax.set_xlabel(r"$\eta - \eta_0$")
        ax.xaxis.set_tick_params(labelbottom=True)
    handles = [
        axes[0][0].scatter([], [], s=80, marker=marker, color=COLOURS[kind], label=name)
        for kind, (name, marker) in enumerate(zip(KINDS, MARKERS, strict=True))
    ]
    handles.append(axes[0][0].scatter([], [], s=80, marker="o", color=COLOURS[8], label="cluster"))
    figure.legend(
        handles=handles, loc="outside lower center", ncols=len(handles),
        title=f"event {int(truth['event']['number'][chosen])}; area of markers: $p_T$, the largest "
        f"{largest:.0f} GeV",
    )  # fmt: skip
    save_figure(figure, pdf, png, data)


def _true(rows: Any) -> Floats:
    """pT (GeV), eta, phi and class of true particles, (particles, 4)."""
    pt, eta, phi, charge = (
        np.asarray(rows[name], np.float64) for name in ("pt", "eta", "phi", "charge")
    )
    code = np.abs(np.asarray(rows["pdgid"]))
    kind = np.select([code == 22, code == 11, code == 13, charge != 0], [2, 3, 4, 0], 1)
    return np.stack([pt / MEV, eta, phi, kind], axis=1)


def _clusters(rows: Any) -> Floats:
    e, eta, phi = (np.asarray(rows[name], np.float64) for name in ("e", "bary_eta", "bary_phi"))
    return np.stack([e / np.cosh(eta) / MEV, eta, phi, np.full(len(e), -1.0)], axis=1)


def _found(path: Path, truth: dict[str, Any], detected: Path, chosen: int) -> Floats:
    read = read_events(path, RECONSTRUCTED, {"pflow": ["px", "py", "pz", "label"]})
    require_same_events(read, truth, f"{path} and {detected}")
    rows = read["pflow"][chosen]
    px, py, pz, kind = (np.asarray(rows[name], np.float64) for name in ("px", "py", "pz", "label"))
    return np.stack([*pt_eta_phi(px, py, pz), kind], axis=1)


def near(rows: Floats, centre: Floats) -> Floats:
    """Those within the square, as seen from its centre, the hardest first."""
    moved = rows.copy()
    moved[:, 1] -= centre[0]
    moved[:, 2] = delta_phi(rows[:, 2], centre[1])
    inside = (np.abs(moved[:, 1:3]) < REACH).all(axis=1) & (rows[:, 0] > SOFTEST)
    return moved[inside][np.argsort(-rows[inside, 0], kind="stable")]


def draw(ax: Axes, rows: Floats, largest: float, what: str) -> None:
    """Markers by class, clusters in grey, of areas that are their pT."""
    for kind in range(-1, len(PARTICLE_CLASSES)):
        mine = rows[rows[:, 3] == kind]
        ax.scatter(
            mine[:, 1], mine[:, 2], s=np.maximum(AREA * mine[:, 0] / largest, 4.0),
            marker="o" if kind < 0 else MARKERS[kind], alpha=0.7, linewidth=0.5,
            color=COLOURS[8] if kind < 0 else COLOURS[kind], edgecolor="white",
        )  # fmt: skip
    total = rows[:, 0].sum()
    ax.text(
        0.05, 0.05, rf"{len(rows)} {what}, $\sum p_T$ = {total:.0f} GeV", transform=ax.transAxes
    )
    ax.set(xlim=(-REACH, REACH), ylim=(-REACH, REACH), aspect="equal")
