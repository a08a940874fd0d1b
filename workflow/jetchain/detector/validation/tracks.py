"""Tracks of single particles: efficiency, resolutions beside COCOA's table, pulls."""

from __future__ import annotations

from typing import Any

import awkward as ak
import numpy as np

from jetchain.core.errors import EmptySampleError, samples_of
from jetchain.core.io.events import read_events, require_same_events
from jetchain.core.io.tables import write_result
from jetchain.core.kinematics import delta_phi, pt_eta_phi
from jetchain.core.metrics import binomial_interval, bootstrap
from jetchain.core.schema.detector import DETECTED
from jetchain.core.schema.generate import GENERATED
from jetchain.core.schema.validation import TracksValidation, ValidationNumber
from jetchain.core.validation import number
from jetchain.core.verbs import Inputs, Output, Resource
from jetchain.detector.flight.particles import GEV
from jetchain.detector.flight.tracker import (
    MOMENTUM_PT,
    PARAMETERS,
    RESOLUTIONS,
    FittedMomentum,
    fitted_momentum,
    perigee,
    resolution,
    table_pt,
)
from jetchain.detector.geometry.description import read_geometry
from jetchain.detector.settings import EstimatorSettings
from jetchain.detector.validation.estimators import gaussian_core, half_width, in_bins

KINDS = {"muon": 13, "charged pion": 211, "electron": 11}
PT_EDGES = np.geomspace(1.0, 200.0, 9)
"""GeV."""
CURVE_PT = np.geomspace(1.0, 1000.0, 90)
"""GeV."""
ETA_EDGES = np.array([0.0, 0.5, 1.0, 1.5, 2.0, 2.5])
HARD_PT = MOMENTUM_PT[-1]
"""GeV: from here on COCOA's resolution of q/p is constant."""
WITH_ERROR = tuple(name for name in PARAMETERS if f"{name}_err" in DETECTED.collections["track"])
"""The track parameters whose errors the table holds."""


def tracks(
    *,
    events: Inputs,
    truth: Inputs,
    geometry: Resource,
    output: Output,
    settings: EstimatorSettings,
    seed: int,
) -> None:
    """Compare the tracks of a gun with the thrown particles.

    Args:
        events: tables DETECTED of a gun of one particle an event.
        truth: tables GENERATED of the same shards.
        geometry: resources/geometry/<name>.yaml, for the field.
        output: written: by kind, efficiency in bins of pT and |eta|, resolution of every parameter
            in bins of pT, pulls; COCOA's table, and the resolutions that are simulated; the rows
            of numbers.
        settings: how numbers are estimated.
        seed: of the bootstrap.
    """
    detector = read_geometry(geometry)
    tracks = read_tracks(events, truth, detector.magnetic_field)
    fitted = fitted_momentum(detector)
    kinds = {
        kind: measure(select(tracks, np.abs(tracks["pdgid"]) == code), fitted, settings, seed)
        for kind, code in KINDS.items()
    }
    write_result(
        output,
        TracksValidation.model_validate(
            {
                "kinds": kinds,
                "cocoa": {
                    name: as_lists({"pt": table_pt(name), "sigma": sigma})
                    for name, sigma in RESOLUTIONS.items()
                },
                "curve": as_lists(
                    {"pt": CURVE_PT}
                    | {name: resolution(name, CURVE_PT, fitted) for name in PARAMETERS}
                ),
                "numbers": [row for kind in KINDS for row in track_numbers(kind, kinds[kind])],
            }
        ),
    )


def as_lists(columns: dict[str, np.ndarray]) -> dict[str, list[float]]:
    """Columns as plain numbers."""
    return {name: values.tolist() for name, values in columns.items()}


def select(columns: dict[str, np.ndarray], chosen: np.ndarray) -> dict[str, np.ndarray]:
    """The rows of all columns that are chosen by (n,) bool."""
    return {name: values[chosen] for name, values in columns.items()}


def read_tracks(events: Inputs, truth: Inputs, field: float) -> dict[str, np.ndarray]:
    """Read the shards; see `thrown_tracks`.

    Raises:
        EmptySampleError: the gun throws no charged particles.
    """
    parts = []
    for path, true_path in zip(events, truth, strict=True):
        detected = read_events(
            path,
            DETECTED,
            {
                "particle": ["truth_idx", "pdgid", "track_idx"],
                "track": ["reconstructed", *PARAMETERS, *(f"{name}_err" for name in WITH_ERROR)],
            },
        )
        generated = read_events(true_path, GENERATED, {"particle": None})
        require_same_events(detected, generated, f"{path} and {true_path}")
        parts.append(thrown_tracks(detected, generated, field))
    joined = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    if len(joined["pt"]) == 0:
        raise EmptySampleError(
            f"No charged particle of {samples_of(events)} was thrown and simulated.",
            "Generate more events, or add charged particles to the gun of detector.validation.gun.",
        )
    return joined


def thrown_tracks(
    detected: dict[str, Any], generated: dict[str, Any], field: float
) -> dict[str, np.ndarray]:
    """The charged thrown particles that were simulated, with their tracks.

    Args:
        detected, generated: the tables as arrays, one thrown particle an event.
        field: T.

    Returns:
        pdgid, pt (GeV), eta, found (bool), residual (n, 5) measured less true perigee parameters in
        the order of `tracker.PARAMETERS`, and error (n, with_error); NaN where no track was found.
        A particle that decays before the calorimeter, and so has another code there, has none.
    """
    particle = ak.firsts(generated["particle"])
    known = {
        name: ak.to_numpy(ak.fill_none(particle[name], 0.0)).astype(float)
        for name in ("px", "py", "pz", "x", "y", "z", "charge", "seen_as")
    }
    mine = detected["particle"]["truth_idx"] == 0
    simulated = np.asarray(ak.any(mine, axis=1)) & (known["charge"] != 0)
    same = mine & (detected["particle"]["pdgid"] == known["seen_as"])
    index = ak.to_numpy(ak.fill_none(ak.firsts(detected["particle"]["track_idx"][same]), -1))
    track = detected["track"]
    chosen = track[ak.from_numpy(index)[:, None] == ak.local_index(track["d0"], axis=1)]
    chosen = ak.firsts(chosen[chosen["reconstructed"] == 1])
    found = ~np.asarray(ak.is_none(chosen))

    def column(name: str) -> np.ndarray:
        return ak.to_numpy(ak.fill_none(chosen[name], np.nan)).astype(float)

    momentum = np.stack([known["px"], known["py"], known["pz"]], axis=1)
    vertex = np.stack([known["x"], known["y"], known["z"]], axis=1)
    charge = np.where(known["charge"] == 0, 1.0, known["charge"])
    d0, z0, phi = perigee(vertex, GEV * momentum, charge, field)
    pt, eta, _ = pt_eta_phi(*momentum.T)
    theta = np.arctan2(pt, momentum[:, 2])
    residual = {
        "d0": column("d0") - d0,
        "z0": column("z0") - z0,
        "theta": column("theta") - theta,
        "phi": delta_phi(column("phi"), phi),
        "qoverp": column("qoverp") - charge / (GEV * np.linalg.norm(momentum, axis=1)),
    }
    return select(
        {
            "pdgid": known["seen_as"].astype(int),
            "pt": pt,
            "eta": eta,
            "found": found,
            "residual": np.stack([residual[name] for name in PARAMETERS], axis=1),
            "error": np.stack([column(f"{name}_err") for name in WITH_ERROR], axis=1),
        },
        simulated,
    )


def measure(
    tracks: dict[str, np.ndarray], fitted: FittedMomentum, settings: EstimatorSettings, seed: int
) -> dict[str, Any]:
    """Efficiency, resolutions and pulls of one kind of particle; `fitted`: see `resolution`.

    The resolution of q/p is divided by sin(theta): what the table gives at eta = 0.
    """
    replicas, minimum = settings.replicas, settings.minimum_entries
    found = select(tracks, tracks["found"])
    at_zero = found["residual"].copy()
    at_zero[:, PARAMETERS.index("qoverp")] *= np.cosh(found["eta"])
    table = np.stack([resolution(name, found["pt"], fitted) for name in PARAMETERS], axis=1)
    resolutions = {
        name: [
            {
                "pt": float(np.exp(np.log(found["pt"][members]).mean())),
                "sigma": half_width(at_zero[members, k]),
                "error": bootstrap(
                    half_width, at_zero[members, k], replicas=replicas, seed=seed
                ).std,
            }
            for _, _, members in in_bins(found["pt"], PT_EDGES, minimum)
        ]
        for k, name in enumerate(PARAMETERS)
    }
    enough = len(found["pt"]) >= minimum
    hard = at_zero[found["pt"] >= HARD_PT, PARAMETERS.index("qoverp")] * GEV * HARD_PT
    over_table = {
        name: width(at_zero[:, k] / table[:, k], replicas, seed)
        for k, name in enumerate(PARAMETERS)
        if enough
    }
    pulls = {
        name: gaussian_core(
            found["residual"][:, PARAMETERS.index(name)] / found["error"][:, k], replicas, seed
        )
        for k, name in enumerate(WITH_ERROR)
        if enough
    }
    return {
        "efficiency_pt": efficiency(tracks["pt"], tracks["found"], PT_EDGES, minimum),
        "efficiency_eta": efficiency(np.abs(tracks["eta"]), tracks["found"], ETA_EDGES, minimum),
        "found": int(tracks["found"].sum()),
        "thrown": len(tracks["found"]),
        "resolutions": resolutions,
        "hard_momentum": width(hard, replicas, seed) if len(hard) >= minimum else None,
        "over_table": over_table,
        "pulls": pulls,
    }


def efficiency(
    values: np.ndarray, found: np.ndarray, edges: np.ndarray, minimum: int
) -> list[dict[str, Any]]:
    """Share of particles with a track, with its Clopper-Pearson interval, in bins."""
    return [
        {
            "low": low,
            "high": high,
            "efficiency": float(found[members].mean()),
            "interval": np.array(binomial_interval(found[members].sum(), members.sum())),
        }
        for low, high, members in in_bins(values, edges, minimum)
    ]


def width(values: np.ndarray, replicas: int, seed: int) -> dict[str, float]:
    """Half the width of the central 68 %, with its bootstrap error."""
    found = bootstrap(half_width, values, replicas=replicas, seed=seed)
    return {"width": found.value, "width_error": found.std}


def track_numbers(kind: str, found: dict[str, Any]) -> list[ValidationNumber]:
    """Rows for the table of numbers: efficiency, resolutions over the table's, pulls."""
    if found["thrown"] == 0:
        return []
    low, high = binomial_interval(found["found"], found["thrown"])
    share = found["found"] / found["thrown"]
    return [
        number(
            "track efficiency",
            share,
            float(high - low) / 2,
            sample=kind,
            reference=1.0,
            source="COCOA, Tracking_func.cc, which loses none",
        ),
        *(
            number(
                f"width of {name} residuals over the simulated resolution",
                each["width"],
                each["width_error"],
                sample=kind,
                reference=1.0,
                source="COCOA, tracking_configuration/*.csv"
                + ("; not below a fit of the hits" if name == "qoverp" else ""),
            )
            for name, each in found["over_table"].items()
        ),
        *(
            number(
                f"sigma(p)/p at {HARD_PT:.0f} GeV",
                each["width"],
                each["width_error"],
                sample=f"{kind}, pT above {HARD_PT:.0f} GeV",
                reference=float(RESOLUTIONS["qoverp"][-1] * GEV * HARD_PT),
                source="COCOA, tracking_configuration/*.csv: constant in q/p from there on",
            )
            for each in filter(None, [found["hard_momentum"]])
        ),
        *(
            number(
                f"pull of {name}, {moment}",
                each[moment],
                each[f"{moment}_error"],
                sample=kind,
                reference=reference,
                source="unit Gaussian",
            )
            for name, each in found["pulls"].items()
            for moment, reference in (("mean", 0.0), ("width", 1.0))
        ),
    ]
