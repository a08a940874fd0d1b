"""Resolution of the missing transverse momentum from topological clusters and muon tracks."""

from __future__ import annotations

from typing import Any

import awkward as ak
import numpy as np

from jetchain.core.errors import EmptySampleError, samples_of
from jetchain.core.io.events import read_events, require_same_events
from jetchain.core.io.tables import write_result
from jetchain.core.metrics import bootstrap
from jetchain.core.schema.detector import DETECTED
from jetchain.core.schema.generate import GENERATED, UNSEEN
from jetchain.core.schema.validation import MetValidation
from jetchain.core.validation import number
from jetchain.core.verbs import Inputs, Output, Resource
from jetchain.detector.flight.particles import GEV
from jetchain.detector.geometry.acceptance import eta_of, four_momenta, visible
from jetchain.detector.geometry.description import read_geometry
from jetchain.detector.settings import EstimatorSettings
from jetchain.detector.validation.estimators import fit_resolution, half_width

MUON = 13
NEUTRINO_PT = 5.0
"""GeV: events whose neutrinos carry more are left out. Our choice."""
FITS = {"scaling": {"k": 0.5}, "jets": {"k": 0.5, "b": 0.0}}
"""sigma = k sqrt(sum ET) alone, and with a term b sum ET for hard jets, whose resolution does not
fall with their energy any more."""
TEXTS = {"scaling": "k sqrt(sum ET)", "jets": "k sqrt(sum ET) (+) b sum ET"}
BINS = 6
"""Bins of sum ET, of equal numbers of events."""


def met(
    *,
    events: Inputs,
    truth: Inputs,
    geometry: Resource,
    output: Output,
    settings: EstimatorSettings,
    seed: int,
) -> None:
    """Measure the resolution of Ex and Ey against the sum of the transverse energies.

    Args:
        events: tables DETECTED.
        truth: tables GENERATED of the same shards.
        geometry: resources/geometry/<name>.yaml, for the calorimeter's acceptance.
        output: written: the resolution in bins of sum ET, the fits of `FITS`, the rows of
            numbers.
        settings: how numbers are estimated.
        seed: of the bootstrap.

    Raises:
        EmptySampleError: fewer events than needed for one bin.
    """
    eta_max = read_geometry(geometry).eta_max
    parts = []
    for path, true_path in zip(events, truth, strict=True):
        detected = read_events(
            path,
            DETECTED,
            {
                "topo": ["e", "bary_eta", "bary_phi"],
                "track": ["pdgid", "reconstructed", "theta", "phi", "qoverp"],
            },
        )
        generated = read_events(
            true_path, GENERATED, {"particle": ["seen_as", "px", "py", "pz", "e"]}
        )
        require_same_events(detected, generated, f"{path} and {true_path}")
        parts.append(missing_momentum(detected, generated, eta_max))
    columns = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    kept = columns["neutrino_pt"] < NEUTRINO_PT
    if kept.sum() < settings.minimum_entries:
        raise EmptySampleError(
            f"{kept.sum()} events in {samples_of(events)} have neutrinos of less than "
            f"{NEUTRINO_PT} GeV, fewer than detector.validation.estimators.minimum_entries = "
            f"{settings.minimum_entries}.",
            "Generate more events of the sample detector.validation.events.",
        )
    bins = resolution_in_bins(
        columns["residual"][kept], columns["sum_et"][kept], settings.replicas, seed
    )
    sum_et, sigma, error = (
        np.array([row[name] for row in bins if row["sum_et"] > 0])
        for name in ("sum_et", "sigma", "sigma_error")
    )
    fits = {
        name: fit_resolution(sum_et, sigma / sum_et, error / sum_et, powers)
        for name, powers in FITS.items()
    }
    rows = [
        number(
            f"{term} of {TEXTS[name]}, chi2/ndf = {fit['chi2']:.1f}/{fit['ndf']}",
            fit[term],
            fit[f"{term}_error"],
            unit="sqrt(GeV)" if term == "k" else "",
            sample=f"events with less than {NEUTRINO_PT:.0f} GeV of neutrinos",
        )
        for name, fit in fits.items()
        if fit is not None
        for term in FITS[name]
    ]
    write_result(
        output,
        MetValidation.model_validate(
            {
                "neutrino_pt": NEUTRINO_PT,
                "events": len(kept),
                "kept": int(kept.sum()),
                "bins": bins,
                "fits": fits,
                "numbers": rows,
            }
        ),
    )


def missing_momentum(
    detected: dict[str, Any], generated: dict[str, Any], eta_max: float
) -> dict[str, np.ndarray]:
    """What the detector adds to or takes from the balance of every event.

    Clusters and muon tracks are compared with the generated particles that it sees within the
    calorimeter's acceptance: what flies beyond it is no matter of resolution.

    Returns:
        residual (events, 2), Ex and Ey measured less true, GeV; sum_et (events,), measured, GeV;
        neutrino_pt (events,), of the vector sum of all that it does not see, GeV.
    """
    topo, track = detected["topo"], detected["track"]
    clusters = four_momenta(topo["e"] / GEV, topo["bary_eta"], topo["bary_phi"])
    muon = track[(np.abs(track["pdgid"]) == MUON) & (track["reconstructed"] == 1)]
    muon_pt = np.abs(np.sin(muon["theta"]) / muon["qoverp"]) / GEV
    particle = generated["particle"]
    true = visible(particle)
    true = true[np.abs(eta_of(true)) < eta_max]
    invisible = particle[particle["seen_as"] == UNSEEN]
    residual = [
        np.asarray(
            ak.sum(clusters[f"p{axis}"], axis=1)
            + ak.sum(muon_pt * function(muon["phi"]), axis=1)
            - ak.sum(true[f"p{axis}"], axis=1)
        )
        for axis, function in (("x", np.cos), ("y", np.sin))
    ]
    return {
        "residual": np.stack(residual, axis=1),
        "sum_et": np.asarray(
            ak.sum(np.hypot(clusters["px"], clusters["py"]), axis=1) + ak.sum(muon_pt, axis=1)
        ),
        "neutrino_pt": np.hypot(
            np.asarray(ak.sum(invisible["px"], axis=1)), np.asarray(ak.sum(invisible["py"], axis=1))
        ),
    }


def resolution_in_bins(
    residual: np.ndarray, sum_et: np.ndarray, replicas: int, seed: int
) -> list[dict[str, float]]:
    """Half the central 68 % of the residuals of x and y together, in bins of equal numbers, of one
    event at least.

    Args:
        residual: (events, 2), GeV.
        sum_et: (events,), GeV.
        replicas: of the bootstrap, which draws events.
        seed: of the bootstrap.
    """
    rows = []
    for members in np.array_split(np.argsort(sum_et, kind="stable"), min(BINS, len(sum_et))):
        found = bootstrap(half_width, residual[members], replicas=replicas, seed=seed)
        rows.append(
            {
                "low": float(sum_et[members].min()),
                "high": float(sum_et[members].max()),
                "sum_et": float(sum_et[members].mean()),
                "sigma": found.value,
                "sigma_error": found.std,
                "mean": float(residual[members].mean()),
            }
        )
    return rows
