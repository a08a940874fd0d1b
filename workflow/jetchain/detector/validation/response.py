"""Response and resolution of single particles: against energy, pseudorapidity and layer."""

from __future__ import annotations

from typing import Any

import numpy as np

from jetchain.core.io.tables import write_result
from jetchain.core.metrics import binomial_interval
from jetchain.core.schema.validation import ResponseValidation, ValidationNumber
from jetchain.core.validation import number
from jetchain.core.verbs import Inputs, Output, Resource
from jetchain.detector.flight.particles import GEV
from jetchain.detector.geometry.description import GeometryTable, read_geometry
from jetchain.detector.settings import EstimatorSettings
from jetchain.detector.validation.estimators import (
    STOCHASTIC_CONSTANT_NOISE,
    describe,
    fit_resolution,
    in_bins,
)
from jetchain.detector.validation.thrown import KINDS, Thrown, read_thrown

ENERGY_EDGES = np.geomspace(1.0, 200.0, 11)
"""GeV."""
CENTRAL_ETA = 1.0
"""The response against energy takes particles inside: the material in front is alike for them."""
ETA_EDGES = np.array([0.0, 0.5, 1.0, 1.5, 2.0, 2.5])
ETA_ENERGY = 10.0
"""GeV: the response against pseudorapidity takes particles above, where it depends little on it."""
MUON_ENERGY = 10.0
"""GeV: above, muons cross the whole calorimeter, and nearly along a ray."""
SEEN = 0.95
"""Resolutions are fitted where at least this share of the particles makes a cluster."""
WITHOUT_NOISE = ("charged pion", "K0L", "neutron")
"""Their fluctuations hide the noise: a term of it would take what the threshold and the lost ones
do."""
FITTED = ("electron", "photon", "neutral pion", "charged pion", "K0L", "neutron")


def response(
    *,
    events: Inputs,
    truth: Inputs,
    geometry: Resource,
    output: Output,
    settings: EstimatorSettings,
    seed: int,
) -> None:
    """Measure the response of the calorimeter to single particles.

    Args:
        events: tables DETECTED of a gun of one particle an event.
        truth: tables GENERATED of the same shards.
        geometry: resources/geometry/<name>.yaml, for what a muon should lose.
        output: written: by kind, the response in bins of energy and of |eta|, the fitted
            resolution and the share of each layer; rows for the table of numbers.
        settings: how numbers are estimated.
        seed: of the bootstrap.
    """
    thrown = read_thrown(events, truth)
    table = read_geometry(geometry)
    layers = [slab.name for slab in table.slabs if slab.kind != "passive"]
    kinds = {
        kind: measure(thrown.of(kind), settings, seed, noise=kind not in WITHOUT_NOISE)
        for kind in KINDS
    }
    write_result(
        output,
        ResponseValidation.model_validate(
            {
                "layers": layers,
                "central_eta": CENTRAL_ETA,
                "eta_energy": ETA_ENERGY,
                "kinds": kinds,
                "numbers": [
                    *resolution_numbers(kinds),
                    *cluster_numbers(kinds),
                    *muon_numbers(thrown.of("muon"), table),
                ],
            }
        ),
    )


def measure(
    thrown: Thrown, settings: EstimatorSettings, seed: int, *, noise: bool = True
) -> dict[str, Any]:
    """Response of one kind of particle in bins of energy and |eta|, and its fitted resolution.

    Args:
        thrown: particles of the kind.
        settings: how numbers are estimated.
        seed: of the bootstrap.
        noise: whether the fit has a term of noise; without, it is 0.
    """
    by_energy = []
    central = thrown.where(np.abs(thrown.eta) < CENTRAL_ETA)
    for low, high, members in in_bins(central.energy, ENERGY_EDGES, settings.minimum_entries):
        inside = central.where(members)
        seen = inside.where(inside.clustered > 0)
        row: dict[str, Any] = {
            "low": low,
            "high": high,
            "energy": float(np.exp(np.log(inside.energy).mean())),
            "clusters": float(inside.clusters.mean()),
            "clusters_error": float(inside.clusters.std(ddof=1) / np.sqrt(len(inside.clusters))),
            "seen": len(seen.energy) / len(inside.energy),
            "seen_interval": np.array(binomial_interval(len(seen.energy), len(inside.energy))),
            "response": float((inside.clustered / inside.energy).mean()),
            **layer_shares(seen),
        }
        if len(seen.energy) >= settings.minimum_entries:
            row |= describe(seen.clustered / seen.energy, settings, seed)
        by_energy.append(row)
    hard = thrown.where((thrown.energy > ETA_ENERGY) & (thrown.clustered > 0))
    by_eta = [
        {
            "low": low,
            "high": high,
            "clusters": float(hard.clusters[members].mean()),
            "clusters_error": float(hard.clusters[members].std(ddof=1) / np.sqrt(members.sum())),
            **describe(hard.clustered[members] / hard.energy[members], settings, seed),
        }
        for low, high, members in in_bins(np.abs(hard.eta), ETA_EDGES, settings.minimum_entries)
    ]
    fitted = [row for row in by_energy if row["seen"] >= SEEN and "resolution" in row]
    energy, resolution, error = (
        np.array([row[name] for row in fitted])
        for name in ("energy", "resolution", "resolution_error")
    )
    powers = {k: v for k, v in STOCHASTIC_CONSTANT_NOISE.items() if noise or k != "c"}
    fit = fit_resolution(energy, resolution, error, powers)
    if fit is not None:
        fit = {"c": 0.0, "c_error": 0.0, **fit, "lowest": float(energy.min())}
    return {"by_energy": by_energy, "by_eta": by_eta, "fit": fit}


def layer_shares(seen: Thrown) -> dict[str, list[float]]:
    """Mean share of each layer in the clusters' energy, and its standard error."""
    if len(seen.energy) < 2:
        return {"layers": [], "layers_error": []}
    shares = seen.layers / seen.clustered[:, None]
    return {
        "layers": shares.mean(axis=0).tolist(),
        "layers_error": (shares.std(axis=0, ddof=1) / np.sqrt(len(shares))).tolist(),
    }


def resolution_numbers(kinds: dict[str, Any]) -> list[ValidationNumber]:
    """a, b and c of every kind, and the response at high energy."""
    rows = []
    for kind in FITTED:
        found = kinds[kind]
        if found["fit"] is not None:
            for name, unit in (("a", "sqrt(GeV)"), ("b", ""), ("c", "GeV")):
                if name == "c" and kind in WITHOUT_NOISE:
                    continue
                rows.append(
                    number(
                        f"resolution, term {name}",
                        found["fit"][name],
                        found["fit"][f"{name}_error"],
                        unit=unit,
                        sample=kind,
                    )
                )
        for row in found["by_energy"][-1:]:
            if "core" in row:
                rows.append(
                    number(
                        f"response, {row['low']:.0f} to {row['high']:.0f} GeV",
                        row["core"],
                        row["core_error"],
                        sample=kind,
                    )
                )
    return rows


def cluster_numbers(kinds: dict[str, Any]) -> list[ValidationNumber]:
    """Mean number of clusters of hard photons, one or two, and charged pions in bins of |eta|."""
    one_or_two = {
        "reference": 1.5,
        "tolerance": 0.5,
        "rule": "measured",
        "source": "wanted: 1 to 2",
    }
    wanted: dict[str, dict[str, Any]] = {"photon": one_or_two, "charged pion": {}}
    return [
        number(
            f"clusters above {ETA_ENERGY:.0f} GeV, |eta| {row['low']:g} to {row['high']:g}",
            row["clusters"],
            row["clusters_error"],
            sample=kind,
            **target,
        )
        for kind, target in wanted.items()
        for row in kinds[kind]["by_eta"]
    ]


def muon_numbers(muons: Thrown, table: GeometryTable) -> list[ValidationNumber]:
    """Mean energy that hard muons leave in the cells, beside what they should; in their clusters.

    The expected loss is that of a minimum-ionising particle that crosses the layers along a ray
    from the origin, at every |eta| the same.
    """
    stiff = muons.energy > MUON_ENERGY
    if stiff.sum() < 2:
        return []
    loss = sum(slab.mip * slab.thickness for slab in table.slabs if slab.kind != "passive") / GEV
    rows = []
    for place, energy in (("cells", muons.deposited[stiff]), ("clusters", muons.clustered[stiff])):
        in_cells = place == "cells"
        rows.append(
            number(
                f"mean energy in {place}",
                float(energy.mean()),
                float(energy.std(ddof=1) / np.sqrt(len(energy))),
                unit="GeV",
                sample="muon",
                reference=loss if in_cells else None,
                source="minimum-ionising loss in the cells, PDG 2024" if in_cells else "",
            )
        )
    return rows
