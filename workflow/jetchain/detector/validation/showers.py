"""Electromagnetic showers of one energy without material in front, beside the published profile."""

from __future__ import annotations

from typing import Any

import awkward as ak
import numpy as np

from jetchain.core.io.tables import write_result
from jetchain.core.schema.generate import GENERATED
from jetchain.core.schema.validation import ShowersValidation
from jetchain.core.seeds import generator
from jetchain.core.validation import number
from jetchain.core.verbs import Output, Resource
from jetchain.detector.event import EventSimulation
from jetchain.detector.geometry.description import build_geometry, read_geometry
from jetchain.detector.settings import ShowersJobSettings
from jetchain.detector.simulate import simulate_chunks
from jetchain.detector.table import Account

ENERGY = 10.0
"""GeV."""
PUBLISHED = {"ECAL1": 0.133, "ECAL2": 0.858, "ECAL3": 0.005}
"""Mean share of a 10 GeV electron's energy (the profile of hep-ex/0001020 in COCOA's ECAL)."""
TOLERANCE = 0.005
"""The published shares are those of the mean shower; showers fluctuate around it. Our choice."""
ETA_MAX = 2.5
BATCHES = 20
"""Independent batches of electrons, whose spread gives the errors."""


def showers(*, geometry: Resource, output: Output, settings: ShowersJobSettings, seed: int) -> None:
    """Simulate electrons of 10 GeV without material before the calorimeter.

    Args:
        geometry: resources/geometry/<name>.yaml.
        output: written: mean share of their energy in every layer, with its error, beside the
            published ones; the rows of numbers.
        settings: the detector, and how many electrons in a batch.
        seed: of directions and showers.
    """
    bare = settings.simulation.model_copy(update={"material": False})
    simulation = EventSimulation(build_geometry(read_geometry(geometry)), bare, seed)
    found = layer_shares(simulation, settings.showers.electrons, seed)
    rows = [
        number(
            f"share of {layer}, {ENERGY:.0f} GeV",
            found["share"][found["layers"].index(layer)],
            found["error"][found["layers"].index(layer)],
            sample="electron, no material in front",
            reference=share,
            tolerance=TOLERANCE,
            source="hep-ex/0001020",
        )
        for layer, share in PUBLISHED.items()
        if layer in found["layers"]
    ]
    write_result(
        output,
        ShowersValidation.model_validate(
            {**found, "energy": ENERGY, "published": PUBLISHED, "numbers": rows}
        ),
    )


def layer_shares(simulation: EventSimulation, electrons: int, seed: int) -> dict[str, Any]:
    """Mean share of the energy of `BATCHES` x `electrons` electrons in every layer.

    Returns:
        layers (names), share (layers,) and error (layers,), the standard error over the batches.
    """
    rng = generator(seed, "electrons")
    shares = []
    for batch in range(BATCHES):
        account = Account(simulation.geometry)
        events = electron_events(rng, electrons, batch * electrons)
        for _ in simulate_chunks(events, simulation, account):
            pass
        found = account.summary()
        by_layer = found.energy_by_layer["electron"]
        shares.append([energy / (electrons * ENERGY) for energy in by_layer.values()])
    values = np.array(shares)
    return {
        "layers": list(by_layer),
        "share": values.mean(axis=0).tolist(),
        "error": (values.std(axis=0, ddof=1) / np.sqrt(BATCHES)).tolist(),
    }


def electron_events(rng: np.random.Generator, events: int, first: int) -> dict[str, ak.Array]:
    """The event and particle records of a table GENERATED: one electron of 10 GeV an event.

    Args:
        rng: draws eta and phi, uniform.
        events: number of events.
        first: number of the first one.
    """
    eta, phi = rng.uniform(-ETA_MAX, ETA_MAX, events), rng.uniform(-np.pi, np.pi, events)
    pt = ENERGY / np.cosh(eta)
    flat = {
        **{name: np.zeros(events) for name in GENERATED.collections["particle"]},
        "pdgid": np.full(events, 11),
        "charge": np.full(events, -1.0),
        "seen_as": np.full(events, 11),
        "ctau": np.full(events, np.inf),
        "px": pt * np.cos(phi),
        "py": pt * np.sin(phi),
        "pz": pt * np.sinh(eta),
        "e": np.full(events, ENERGY),
    }
    one = np.ones(events, int)
    return {
        "event": ak.zip({"number": first + np.arange(events), "weight": np.ones(events)}),
        "particle": ak.zip({name: ak.unflatten(values, one) for name, values in flat.items()}),
    }
