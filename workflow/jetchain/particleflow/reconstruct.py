"""Reconstruct particles with a trained network."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import torch
from numpy.typing import NDArray

from jetchain.core.io.events import write_events
from jetchain.core.io.mapped import Mapped
from jetchain.core.io.tensors import read_weights
from jetchain.core.kinematics import cartesian
from jetchain.core.progress import Progress
from jetchain.core.schema.graphs import EVENT_GRAPH_FEATURES, EVENT_GRAPHS, TRACK_TRUTH
from jetchain.core.schema.particleflow import RECONSTRUCTED
from jetchain.core.seeds import make_deterministic
from jetchain.core.verbs import Input, Output
from jetchain.particleflow.algorithms import ALGORITHMS
from jetchain.particleflow.batch import Batches
from jetchain.particleflow.network import Candidates, Network
from jetchain.particleflow.network_settings import ReconstructJobSettings

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
    found = predict(model, events)
    arrays = events.rows(np.arange(len(events)))
    write_events(particles, RECONSTRUCTED, reconstructed(arrays, found))
    print(
        f"{algorithm}: {len(arrays['node_index'])} nodes gave {len(found.node)} particles "
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
def predict(model: Network, events: Mapped) -> Candidates:
    """The candidates of all events of a file; nodes are counted through it.

    Args:
        model: in evaluation mode.
        events: EVENT_GRAPHS.
    """
    nothing = np.empty(0, np.int64)
    pt, eta, phi, odds = np.empty((4, 0))
    found = [Candidates(nothing, nothing, pt, eta, phi, nothing, odds)]
    progress = Progress(len(events), "events")
    done = nodes = 0
    for batch in Batches(events, np.arange(len(events)), EVENTS_AT_ONCE):
        part = model.balanced(model.candidates(batch))
        found.append(replace(part, event=part.event + done, node=part.node + nodes))
        nodes += len(batch)
        done = min(done + EVENTS_AT_ONCE, len(events))
        progress.report(done)
    return Candidates.joined(found)


def reconstructed(arrays: dict[str, NDArray[Any]], found: Candidates) -> dict[str, Any]:
    """Particles from the candidates of some events; a pure function.

    Charge and impact parameters are those of the candidate's track, the mass is that of its class.

    Args:
        arrays: of EVENT_GRAPHS.
        found: its nodes are counted through the arrays.

    Returns:
        The columns of RECONSTRUCTED.
    """
    found = found[np.argsort(found.event, kind="stable")]
    features, track, index, truth = (
        arrays[f"node_{name}"][found.node] for name in ("features", "track", "index", "truth")
    )
    is_track = features[:, EVENT_GRAPH_FEATURES.index("is_track")] > 0
    momentum = cartesian(found.pt, found.eta, found.phi, MASSES[found.label])
    columns = {
        **dict(zip(("px", "py", "pz", "e"), momentum, strict=True)),
        "label": found.label,
        "charge": features[:, EVENT_GRAPH_FEATURES.index("charge")],
        **dict(zip(("d0", "z0", "d0_err", "z0_err"), track.T, strict=True)),
        "track_idx": np.where(is_track, index, -1),
        "topo_idx": np.where(is_track, -1, index),
        **dict(zip(TRACK_TRUTH, truth.T, strict=True)),
    }
    counts = np.bincount(found.event, minlength=len(arrays["number"]))
    return {
        "event": {"number": arrays["number"], "weight": arrays["weight"]},
        "pflow": {name: ak.unflatten(values, counts) for name, values in columns.items()},
    }
