"""Noise clusters of empty events, beside what Gaussian noise must give."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import awkward as ak
import numpy as np
from scipy.stats import norm

from jetchain.core.histograms import save_histograms, weighted
from jetchain.core.io.tables import write_result
from jetchain.core.schema.generate import GENERATED
from jetchain.core.schema.validation import NoiseValidation, ValidationNumber
from jetchain.core.validation import number
from jetchain.core.verbs import Output, Resource
from jetchain.detector.event import EventSimulation
from jetchain.detector.flight.particles import GEV
from jetchain.detector.geometry.description import build_geometry, read_geometry
from jetchain.detector.settings import NoiseJobSettings
from jetchain.detector.simulate import simulate_chunks
from jetchain.detector.table import Account

ENERGY_EDGES = np.linspace(0.0, 3.0, 61)
"""GeV."""


def noise(
    *,
    geometry: Resource,
    histograms: Output,
    output: Output,
    settings: NoiseJobSettings,
    seed: int,
) -> None:
    """Simulate events without particles, and count what the clustering finds in them.

    A seed is a cell with E/sigma above the threshold, on the positive side alone: of n cells,
    n (1 - Phi(threshold)) an event. Every seed lies in a cluster.

    Args:
        geometry: resources/geometry/<name>.yaml.
        histograms: written, the energy of noise clusters.
        output: written, seeds by layer beside their expectation, clusters; the rows of numbers.
        settings: the detector, and how many events.
        seed: of the noise.
    """
    # Seeds are counted among the cells.
    with_cells = settings.simulation.model_copy(update={"store_cells": True})
    simulation = EventSimulation(build_geometry(read_geometry(geometry)), with_cells, seed)
    found = count_noise(simulation, settings.noise.events)
    energy = found.pop("energy")
    save_histograms(
        histograms,
        {
            "energy": weighted(
                "energy", energy, ENERGY_EDGES, label="energy of a noise cluster [GeV]"
            )
        },
    )
    write_result(output, NoiseValidation.model_validate({**found, "numbers": noise_numbers(found)}))


def count_noise(simulation: EventSimulation, events: int) -> dict[str, Any]:
    """Simulate empty events.

    Returns:
        events; layers (names), seeds and expected (layers,), numbers of cells above the seed
        threshold in all events; clusters and their energy (clusters,), GeV, and cells.
    """
    table, settings = simulation.geometry.table, simulation.settings
    layers = [slab for slab in table.slabs if slab.kind != "passive"]
    noise = np.array([slab.noise for slab in layers])
    cells_in = np.array([slab.cells_eta * slab.cells_phi for slab in layers])
    seeds, cells, energies = np.zeros(len(layers), int), 0, []
    for chunk in simulate_chunks(empty_events(events), simulation, Account(simulation.geometry)):
        layer = np.asarray(ak.flatten(chunk["cell"]["layer"]))
        significance = np.asarray(ak.flatten(chunk["cell"]["e"])) / noise[layer]
        above = significance > settings.clustering.seed_threshold
        seeds += np.bincount(layer[above], minlength=len(layers))
        cells += len(layer)
        energies.append(np.asarray(ak.flatten(chunk["topo"]["e"])) / GEV)
    energy = np.concatenate(energies)
    rate = norm.sf(settings.clustering.seed_threshold) if settings.noise else 0.0
    return {
        "events": events,
        "layers": [slab.name for slab in layers],
        "seeds": seeds,
        "expected": events * cells_in * rate,
        "clusters": len(energy),
        "cells": cells,
        "energy": energy,
    }


def empty_events(events: int) -> Mapping[str, Any]:
    """The event and particle records of a table GENERATED without particles."""
    none = ak.unflatten(np.empty(0), np.zeros(events, int))
    return {
        "event": ak.zip({"number": np.arange(events), "weight": np.ones(events)}),
        "particle": ak.zip(
            {
                name: ak.values_astype(none, np.dtype(column.dtype).type)
                for name, column in GENERATED.collections["particle"].items()
            }
        ),
    }


def noise_numbers(found: dict[str, Any]) -> list[ValidationNumber]:
    """Rows for the table of numbers; seeds are counts, so their errors are Poisson's."""
    events, seeds, expected = found["events"], found["seeds"].sum(), found["expected"].sum()
    sample = "empty events"
    return [
        number(
            "noise seeds an event",
            seeds / events,
            float(np.sqrt(expected)) / events,
            sample=sample,
            reference=float(expected) / events,
            source="cells x (1 - Phi(seed threshold))",
        ),
        number(
            "noise clusters an event",
            found["clusters"] / events,
            float(np.sqrt(found["clusters"])) / events,
            sample=sample,
        ),
    ]
