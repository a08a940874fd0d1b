"""Reconstruct particles with an algorithm that needs no training."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import awkward as ak

from jetchain.core.io.events import write_event_chunks
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

    Events go through in chunks, so that memory does not grow with them.

    Args:
        detected: detector events (MeV).
        calibrations: the tables that the algorithm names, in its order.
        geometry: the detector's geometry file.
        particles: reconstructed particles (GeV).
        settings: constants of the algorithm.
        algorithm: its key in ALGORITHMS.
    """
    layers = read_layers(geometry)
    named = dict(zip(ALGORITHMS.find(algorithm).calibrations, calibrations, strict=True))
    constants = ALGORITHMS.decode(algorithm, settings.algorithm)
    reconstruct = ALGORITHMS.load(algorithm)

    def chunks() -> Iterator[dict[str, Any]]:
        for event, tracks, clusters in read_detected(detected, layers):
            columns = reconstruct(tracks, clusters, layers, named, constants)
            counts = columns.pop("counts")
            yield {
                "event": {"number": event["number"], "weight": event["weight"]},
                "pflow": {name: ak.unflatten(values, counts) for name, values in columns.items()},
            }

    write_event_chunks(particles, RECONSTRUCTED, chunks())
