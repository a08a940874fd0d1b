"""Reconstruct particles with an algorithm that needs no training."""

from __future__ import annotations

import awkward as ak

from jetchain.core.io.events import write_events
from jetchain.core.schema.particleflow import RECONSTRUCTED
from jetchain.core.verbs import Input, Inputs, Output, Resource
from jetchain.particleflow.algorithms import ALGORITHMS
from jetchain.particleflow.detected import read_detected
from jetchain.particleflow.layers import read_layers
from jetchain.particleflow.network_settings import UntrainedJobSettings


def untrained(
    *,
    detected: Input,
    calibrations: Inputs,
    geometry: Resource,
    particles: Output,
    settings: UntrainedJobSettings,
    algorithm: str,
) -> None:
    """Reconstruct the particles of every detector event, in order.

    Args:
        detected: detector events (MeV).
        calibrations: the tables that the algorithm names, in its order.
        geometry: the detector's geometry file.
        particles: reconstructed particles (GeV).
        settings: constants of the algorithm.
        algorithm: its key in ALGORITHMS.
    """
    layers = read_layers(geometry)
    event, tracks, clusters = read_detected(detected, layers)
    named = dict(zip(ALGORITHMS.find(algorithm).calibrations, calibrations, strict=True))
    constants = ALGORITHMS.decode(algorithm, settings.algorithm)
    columns = ALGORITHMS.load(algorithm)(tracks, clusters, layers, named, constants)
    counts = columns.pop("counts")
    write_events(
        particles,
        RECONSTRUCTED,
        {
            "event": {"number": event["number"], "weight": event["weight"]},
            "pflow": {name: ak.unflatten(values, counts) for name, values in columns.items()},
        },
    )
