"""Reconstruct particles with a trained network."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import torch
from numpy.typing import NDArray

from jetchain.core.io.events import write_events
from jetchain.core.io.mapped import Mapped
from jetchain.core.io.tensors import read_weights
from jetchain.core.kinematics import cartesian, pt_eta_phi
from jetchain.core.progress import Progress
from jetchain.core.schema.graphs import EVENT_GRAPH_FEATURES, EVENT_GRAPHS, TRACK_TRUTH
from jetchain.core.schema.particleflow import RECONSTRUCTED
from jetchain.core.seeds import make_deterministic
from jetchain.core.verbs import Input, Output
from jetchain.particleflow.algorithms import ALGORITHMS
from jetchain.particleflow.batch import Batches
from jetchain.particleflow.network import Network
from jetchain.particleflow.network_settings import ReconstructJobSettings
from jetchain.particleflow.targets import NONE, REGRESSION

EVENTS_AT_ONCE = 32
# GeV, in the order of PARTICLE_CLASSES: pion, long-lived kaon, photon, electron, muon.
MASSES = np.array([0.13957, 0.49761, 0.0, 0.000511, 0.10566])


def reconstruct(
    *,
    graphs: Input,
    weights: Input,
    particles: Output,
    settings: ReconstructJobSettings,
    algorithm: str,
) -> None:
    """Reconstruct the particles of the events of a graph file.

    Args:
        graphs: event graphs (EVENT_GRAPHS).
        weights: of the trained network.
        particles: reconstructed particles (RECONSTRUCTED), in the order of their nodes.
        settings: size of the network.
        algorithm: its key in ALGORITHMS.
    """
    events = Mapped([graphs], EVENT_GRAPHS)
    model = read_network(algorithm, settings.model, weights)
    label, regression = predict(model, events)
    data = reconstructed(events.rows(np.arange(len(events))), label, regression)
    write_events(particles, RECONSTRUCTED, data)
    print(
        f"{algorithm}: {len(label)} nodes gave {int((label != NONE).sum())} particles "
        f"in {len(events)} events",
        file=sys.stderr,
        flush=True,
    )


def read_network(algorithm: str, model: Mapping[str, Any], weights: Path) -> Network:
    """A trained network, in evaluation mode.

    Args:
        algorithm: its key in ALGORITHMS.
        model: its sizes, the section `model` of its settings.
        weights: file of its weights.
    """
    make_deterministic(0)
    network: Network = ALGORITHMS.load(algorithm)(
        ALGORITHMS.decode(algorithm, {"model": model}).model
    )
    read_weights(weights, network)
    return network.eval()


@torch.no_grad()
def predict(model: Network, events: Mapped) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The network's answers for all nodes of a file.

    Args:
        model: in evaluation mode.
        events: EVENT_GRAPHS.

    Returns:
        The most probable class, index into CLASSES (nodes,), and REGRESSION (nodes, 5).
    """
    labels, regressions = [np.empty(0, np.int64)], [np.empty((0, len(REGRESSION)))]
    progress = Progress(len(events), "events")
    done = 0
    for batch in Batches(events, np.arange(len(events)), EVENTS_AT_ONCE):
        logits, regression = model(batch)
        labels.append(logits.argmax(dim=1).numpy())
        regressions.append(regression.double().numpy())
        done = min(done + EVENTS_AT_ONCE, len(events))
        progress.report(done)
    return np.concatenate(labels), np.concatenate(regressions)


def reconstructed(
    arrays: dict[str, NDArray[Any]], label: NDArray[np.int64], regression: NDArray[np.floating]
) -> dict[str, Any]:
    """Particles from the answers at the nodes; a pure function.

    Charged particles take momentum and charge of their track and the mass of their class. Neutral
    ones take transverse momentum and direction from the regression, and their energy follows from
    the mass of their class: two independent answers for energy and momentum would give single
    particles masses of many GeV, and spoil those of the jets.

    Args:
        arrays: of EVENT_GRAPHS.
        label: index into CLASSES; (nodes,).
        regression: see REGRESSION; (nodes, 5).

    Returns:
        The columns of RECONSTRUCTED.
    """
    kept = label != NONE
    features = arrays["node_features"][kept]
    is_track = features[:, EVENT_GRAPH_FEATURES.index("is_track")] > 0
    px, py, pz, _ = arrays["node_momentum"][kept].astype(np.float64).T
    pt, eta, phi = pt_eta_phi(px, py, pz)
    answer = dict(zip(REGRESSION, regression[kept].T.astype(np.float64), strict=True))
    code = label[kept] - 1
    momentum = cartesian(
        pt * np.where(is_track, 1.0, np.exp(answer["log_pt_ratio"])),
        np.where(is_track, eta, answer["eta"]),
        np.where(is_track, phi, np.arctan2(answer["sin_phi"], answer["cos_phi"])),
        MASSES[code],
    )
    index = arrays["node_index"][kept]
    columns = {
        **dict(zip(("px", "py", "pz", "e"), momentum, strict=True)),
        "label": code,
        "charge": features[:, EVENT_GRAPH_FEATURES.index("charge")],
        **dict(zip(("d0", "z0", "d0_err", "z0_err"), arrays["node_track"][kept].T, strict=True)),
        "track_idx": np.where(is_track, index, -1),
        "topo_idx": np.where(is_track, -1, index),
        **dict(zip(TRACK_TRUTH, arrays["node_truth"][kept].T, strict=True)),
    }
    cumulative = np.concatenate([[0], np.cumsum(kept)])
    counts = np.diff(cumulative[arrays["node_offset"]])
    return {
        "event": {"number": arrays["number"], "weight": arrays["weight"]},
        "pflow": {name: ak.unflatten(values, counts) for name, values in columns.items()},
    }
