"""Showers of fixed energies: electrons beside the published profile, and pions.

Pions stand beside Geant4's where its table has them: `particleflow.compare_response`.
"""

from __future__ import annotations

from typing import Any

import awkward as ak
import numpy as np

from jetchain.core.io.tables import write_result
from jetchain.core.schema.generate import GENERATED
from jetchain.core.schema.validation import ResponseAtEnergy, ShowersValidation
from jetchain.core.seeds import generator
from jetchain.core.validation import number
from jetchain.core.verbs import Output, Resource
from jetchain.detector.event import EventSimulation
from jetchain.detector.flight.decays import DECAYS
from jetchain.detector.flight.particles import GEV
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
PION_ENERGIES = (30.0, 100.0, 300.0, 1000.0)
"""GeV: above what the guns of the other validations throw."""
ETA_MAX = 2.5
MASS = {11: 0.000511, 211: 0.139570}
"""GeV (PDG 2024)."""
CTAU = {11: np.inf, 211: DECAYS[211][0]}
"""mm."""
BATCHES = 20
"""Independent batches of electrons, whose spread gives the errors."""


def showers(*, geometry: Resource, output: Output, settings: ShowersJobSettings, seed: int) -> None:
    """Simulate electrons of 10 GeV without material before the calorimeter, and pions with it.

    Args:
        geometry: resources/geometry/<name>.yaml.
        output: written: mean share of the electrons' energy in every layer, with its error, beside
            the published ones; median and resolution of the pions' clusters; the rows of numbers.
        settings: the detector, and how many electrons in a batch; as many pions of every energy.
        seed: of directions and showers.
    """
    geometry_ = build_geometry(read_geometry(geometry))
    bare = settings.simulation.model_copy(update={"material": False})
    simulation = EventSimulation(geometry_, bare, seed)
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
    pions = pion_responses(
        EventSimulation(geometry_, settings.simulation, seed),
        BATCHES * settings.showers.electrons, seed,
    )  # fmt: skip
    rows += [
        number(
            f"sigma/E of the clusters, {pion.energy:.0f} GeV",
            pion.resolution,
            pion.resolution_error,
            sample="charged pion, |eta| < 2.5",
        )
        for pion in pions
    ]
    write_result(
        output,
        ShowersValidation.model_validate(
            {**found, "pions": pions, "energy": ENERGY, "published": PUBLISHED, "numbers": rows}
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
        events = thrown_events(rng, 11, ENERGY, electrons, batch * electrons)
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


def pion_responses(simulation: EventSimulation, pions: int, seed: int) -> list[ResponseAtEnergy]:
    """Response and resolution of all that pions of `PION_ENERGIES` leave in clusters.

    Median, and half the width of the central 68 %: some pions are lost (`calorimeter.response`).
    """
    rng = generator(seed, "pions")
    found = []
    for k, energy in enumerate(PION_ENERGIES):
        events = thrown_events(rng, 211, energy, pions, k * pions)
        account = Account(simulation.geometry)
        ratio = np.concatenate(
            [
                np.asarray(ak.sum(chunk["topo"]["e"], axis=1)) / (GEV * energy)
                for chunk in simulate_chunks(events, simulation, account)
            ]
        )
        low, median, high = np.quantile(ratio, (0.158655, 0.5, 0.841345))
        width, n = (high - low) / 2, len(ratio)
        found.append(
            ResponseAtEnergy(
                energy=energy,
                median=median,
                # Standard errors of quantiles of a Gaussian: of the median, of half the width.
                median_error=1.25 * width / np.sqrt(n),
                resolution=width / median,
                resolution_error=1.08 * width / median / np.sqrt(n),
            )
        )  # fmt: skip
    return found


def thrown_events(
    rng: np.random.Generator, pdgid: int, energy: float, events: int, first: int
) -> dict[str, ak.Array]:
    """The event and particle records of a table GENERATED: one electron or pion an event.

    Args:
        rng: draws eta and phi, uniform.
        pdgid: 11 or 211.
        energy: GeV.
        events: number of events.
        first: number of the first one.
    """
    eta, phi = rng.uniform(-ETA_MAX, ETA_MAX, events), rng.uniform(-np.pi, np.pi, events)
    mass = MASS[pdgid]
    pt = np.sqrt(energy**2 - mass**2) / np.cosh(eta)
    flat = {
        **{name: np.zeros(events) for name in GENERATED.collections["particle"]},
        "pdgid": np.full(events, pdgid),
        "charge": np.full(events, -1.0 if pdgid == 11 else 1.0),
        "seen_as": np.full(events, pdgid),
        "ctau": np.full(events, CTAU[pdgid]),
        "px": pt * np.cos(phi),
        "py": pt * np.sin(phi),
        "pz": pt * np.sinh(eta),
        "e": np.full(events, energy),
    }
    one = np.ones(events, int)
    return {
        "event": ak.zip({"number": first + np.arange(events), "weight": np.ones(events)}),
        "particle": ak.zip({name: ak.unflatten(values, one) for name, values in flat.items()}),
    }
