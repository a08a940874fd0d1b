"""The mass of the neutral pion from the clusters of its two photons."""

from __future__ import annotations

from typing import Any

import awkward as ak
import numpy as np

from jetchain.core.errors import EmptySampleError, samples_of
from jetchain.core.histograms import save_histograms, weighted
from jetchain.core.io.events import read_events, require_same_events
from jetchain.core.io.tables import read_result, write_result
from jetchain.core.metrics import binomial_interval
from jetchain.core.schema.detector import DETECTED
from jetchain.core.schema.generate import GENERATED
from jetchain.core.schema.validation import (
    DescribedResponseBin,
    Pi0Validation,
    ResponseValidation,
    ValidationNumber,
)
from jetchain.core.validation import number
from jetchain.core.verbs import Input, Inputs, Output
from jetchain.detector.flight.particles import GEV
from jetchain.detector.settings import EstimatorSettings
from jetchain.detector.validation.estimators import gaussian_core, in_bins
from jetchain.detector.validation.thrown import all_simulated

MASS = 134.9768
"""MeV (PDG 2024)."""
PT_EDGES = np.array([2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 10.0, 12.0])
"""GeV, bins of the share of pions whose photons separate."""
PEAK_PT = (2.0, 6.0)
"""GeV: where nearly all photons separate: they are two cells of the ECAL or more apart."""
MASS_EDGES = np.linspace(0.0, 300.0, 61)


def pi0(
    *,
    events: Inputs,
    truth: Inputs,
    response: Input,
    histograms: Output,
    output: Output,
    settings: EstimatorSettings,
    seed: int,
) -> None:
    """Fit the mass peak of the two leading clusters of neutral pions.

    The energies of the clusters are divided by the response to single photons, as measured by
    `detector.validation.response`; the peak without this correction is given as well.

    Args:
        events: tables DETECTED of a gun of one neutral pion an event.
        truth: tables GENERATED of the same shards.
        response: what `detector.validation.response` wrote.
        histograms: written, the mass before and after the correction.
        output: written, the share of separated pions in bins of pT, the peaks, the rows of numbers.
        settings: how numbers are estimated.
        seed: of the bootstrap.

    Raises:
        EmptySampleError: too few pions separate for a peak.
    """
    pairs = read_pairs(events, truth)
    photons = read_result(response, ResponseValidation).kinds["photon"].by_energy
    known = [(row.energy, row.core) for row in photons if isinstance(row, DescribedResponseBin)]
    chosen = pairs["separated"] & (pairs["pt"] > PEAK_PT[0]) & (pairs["pt"] < PEAK_PT[1])
    if chosen.sum() < settings.minimum_entries or not known:
        raise EmptySampleError(
            f"{chosen.sum()} neutral pions in {samples_of(events)} make two clusters: too few "
            "for a mass peak.",
            "Generate more events of the sample detector.validation.pi0.",
        )
    energy, angle = pairs["energy"][chosen], pairs["angle"][chosen]
    masses = {
        "uncorrected": mass(energy, angle),
        "corrected": mass(correct(energy, *np.array(known).T), angle),
    }
    save_histograms(
        histograms,
        {
            name: weighted("mass", values, MASS_EDGES, label=r"$m_{\gamma\gamma}$ [MeV]")
            for name, values in masses.items()
        },
    )
    peaks = {
        name: gaussian_core(values, settings.replicas, seed) for name, values in masses.items()
    }
    separation = [
        {
            "low": low,
            "high": high,
            "share": float(pairs["separated"][members].mean()),
            "interval": np.array(
                binomial_interval(pairs["separated"][members].sum(), members.sum())
            ),
        }
        for low, high, members in in_bins(pairs["pt"], PT_EDGES, settings.minimum_entries)
    ]
    write_result(
        output,
        Pi0Validation.model_validate(
            {
                "peak_pt": PEAK_PT,
                "mass": MASS,
                "peaks": peaks,
                "separation": separation,
                "numbers": peak_numbers(peaks),
            }
        ),
    )


def read_pairs(events: Inputs, truth: Inputs) -> dict[str, np.ndarray]:
    """Read the shards; see `leading_pairs`."""
    parts = []
    for path, true_path in zip(events, truth, strict=True):
        detected = read_events(
            path,
            DETECTED,
            {
                "particle": ["truth_idx"],
                "track": ["d0"],
                "topo": ["e", "bary_eta", "bary_phi"],
                "particle_to_node": None,
            },
        )
        generated = read_events(true_path, GENERATED, {"particle": ["e"], "parton": ["px", "py"]})
        require_same_events(detected, generated, f"{path} and {true_path}")
        parts.append(leading_pairs(detected, generated))
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def leading_pairs(detected: dict[str, Any], generated: dict[str, Any]) -> dict[str, np.ndarray]:
    """The two leading clusters of each thrown pion, both of whose photons were simulated.

    Returns:
        pt (n,), GeV, of the pion; separated (n,): whether there are two clusters, most of the true
        energy of the one from one photon, of the other from the other; energy (n, 2), GeV, and
        angle (n,), rad, of the two clusters; NaN where there are less than two.
    """
    parton = generated["parton"][:, 0]
    topo = detected["topo"]
    order = ak.argsort(topo["e"], axis=1, ascending=False)
    padded = ak.pad_none(topo[order], 2, clip=True)
    energy, eta, phi = (
        ak.to_numpy(ak.fill_none(padded[name], np.nan)).astype(float)
        for name in ("e", "bary_eta", "bary_phi")
    )
    shares = [
        ak.to_numpy(ak.fill_none(ak.pad_none(share[order], 2, clip=True), 0.0))
        for share in (share_of(detected, photon) for photon in range(2))
    ]
    first, second = (share > 0.5 for share in shares)
    separated = (first[:, 0] & second[:, 1]) | (first[:, 1] & second[:, 0])
    direction = (
        np.stack([np.cos(phi), np.sin(phi), np.sinh(eta)], axis=-1) / np.cosh(eta)[..., None]
    )
    angle = 2 * np.arcsin(np.linalg.norm(direction[:, 0] - direction[:, 1], axis=-1) / 2)
    keep = all_simulated(detected, generated)
    pairs = {
        "pt": np.hypot(np.asarray(parton["px"], float), np.asarray(parton["py"], float)),
        "separated": separated,
        "energy": energy / GEV,
        "angle": angle,
    }
    return {name: values[keep] for name, values in pairs.items()}


def share_of(detected: dict[str, Any], truth_idx: int) -> ak.Array:
    """Share of a generated particle in the true energy of every cluster, (events, var)."""
    link = detected["particle_to_node"]
    counts = np.asarray(ak.num(detected["topo"]["e"]))
    first = np.concatenate([[0], np.cumsum(counts)])
    node = link["idx"] - ak.num(detected["track"]["d0"])
    own = (detected["particle"]["truth_idx"][link["particle"]] == truth_idx) & (node >= 0)
    cluster = np.asarray(ak.flatten((node + first[:-1])[own]))
    weight = np.asarray(ak.flatten(link["weight"][own]))
    return ak.unflatten(np.bincount(cluster, weight, minlength=first[-1]), counts)


def mass(energy: np.ndarray, angle: np.ndarray) -> np.ndarray:
    """Invariant mass of two massless clusters, (n,), MeV.

    Args:
        energy: (n, 2), GeV.
        angle: (n,) between them, rad.
    """
    return 2 * GEV * np.sqrt(energy[:, 0] * energy[:, 1]) * np.sin(angle / 2)


def correct(energy: np.ndarray, true_energy: np.ndarray, response: np.ndarray) -> np.ndarray:
    """Divide energies by the response at the corrected energy, interpolated in log(E).

    Args:
        energy: any shape, GeV.
        true_energy: (points,), GeV, rising.
        response: (points,) measured / true energy there.
    """
    corrected = energy
    for _ in range(4):
        corrected = energy / np.interp(np.log(corrected), np.log(true_energy), response)
    return corrected


def peak_numbers(peaks: dict[str, dict[str, float]]) -> list[ValidationNumber]:
    """Rows for the table of numbers."""
    corrected = peaks["corrected"]
    sample = f"neutral pion, pT {PEAK_PT[0]:.0f} to {PEAK_PT[1]:.0f} GeV"
    return [
        *(
            number(
                f"mass peak, {name}",
                found["mean"],
                found["mean_error"],
                unit="MeV",
                sample=sample,
                reference=MASS,
                source="PDG 2024",
            )
            for name, found in peaks.items()
        ),
        number(
            "width of the mass peak, corrected",
            corrected["width"],
            corrected["width_error"],
            unit="MeV",
            sample=sample,
        ),
    ]
