"""Response of jets of topological clusters, beside jets of the generated particles."""

from __future__ import annotations

from typing import Any

import awkward as ak
import numpy as np

from jetchain.core.errors import EmptySampleError, samples_of
from jetchain.core.io.events import read_events, require_same_events
from jetchain.core.io.tables import write_result
from jetchain.core.kinematics import delta_phi
from jetchain.core.metrics import binomial_interval
from jetchain.core.schema.detector import DETECTED
from jetchain.core.schema.generate import GENERATED
from jetchain.core.schema.validation import JetsValidation
from jetchain.core.validation import number
from jetchain.core.verbs import Inputs, Output
from jetchain.detector.flight.particles import GEV
from jetchain.detector.geometry.acceptance import eta_of, four_momenta, visible
from jetchain.detector.settings import EstimatorSettings, JetsJobSettings
from jetchain.detector.validation import unsimulated
from jetchain.detector.validation.estimators import describe, in_bins

RADIUS = 0.4
"""COCOA's jets: anti-kT, R = 0.4, E-scheme."""
MATCH = 0.2
"""Largest dR of a cluster jet to its true jet."""
ISOLATION = 1.0
"""No other true jet lies within this dR. Our choice."""
TRUE_PT, CLUSTER_PT = 10.0, 5.0
"""GeV: least pT of true jets (those near others included) and of cluster jets."""
PT_EDGES = np.array([20.0, 40.0, 80.0, 150.0, 300.0, 450.0, 600.0, 800.0, 1200.0])
ETA_EDGES = np.array([0.0, 0.5, 1.0, 1.5, 2.0, 2.5])
ETA_PT = 150.0
"""GeV: the response against pseudorapidity takes true jets above."""


def jets(
    *, events: Inputs, truth: Inputs, output: Output, settings: JetsJobSettings, seed: int
) -> None:
    """Measure response and resolution of isolated jets in bins of true pT and |eta|.

    And what of hard true jets is never simulated: see `unsimulated`.

    Args:
        events: tables DETECTED.
        truth: tables GENERATED of the same shards.
        output: written, the bins and the rows of numbers.
        settings: how numbers are estimated, and which particles are simulated.
        seed: of the bootstrap.

    Raises:
        EmptySampleError: too few jets for any bin.
    """
    parts, hard_jets = [], []
    for path, true_path in zip(events, truth, strict=True):
        detected = read_events(path, DETECTED, {"topo": ["e", "bary_eta", "bary_phi"]})
        generated = read_events(
            true_path, GENERATED, {"particle": ["seen_as", "px", "py", "pz", "e"]}
        )
        require_same_events(detected, generated, f"{path} and {true_path}")
        parts.append(matched_jets(detected, generated))
        hard_jets.append(
            unsimulated.true_jets(
                generated["particle"], settings.particle_pt_min, settings.particle_eta_max
            )
        )
    jets, true = (
        {name: np.concatenate([part[name] for part in each]) for name in each[0]}
        for each in (parts, hard_jets)
    )
    central = np.abs(jets["eta"]) < ETA_EDGES[-1]
    jets = {name: values[central] for name, values in jets.items()}
    by_pt = in_jet_bins(jets, jets["pt"], PT_EDGES, settings.estimators, seed)
    hard = {name: values[jets["pt"] > ETA_PT] for name, values in jets.items()}
    by_eta = in_jet_bins(hard, np.abs(hard["eta"]), ETA_EDGES, settings.estimators, seed)
    if not by_pt:
        raise EmptySampleError(
            f"Too few isolated jets for a response in {samples_of(events)}.",
            "Generate more events of the sample detector.validation.events.",
        )
    fullest = max(by_pt, key=lambda row: row["n"])
    sample = f"anti-kT 0.4, pT {fullest['low']:.0f} to {fullest['high']:.0f} GeV"
    rows = [
        number("jet response", fullest["core"], fullest["core_error"], sample=sample),
        number("jet resolution", fullest["resolution"], fullest["resolution_error"], sample=sample),
        *unsimulated.numbers(true, settings, seed),
    ]
    write_result(
        output,
        JetsValidation.model_validate(
            {"by_pt": by_pt, "by_eta": by_eta, "eta_pt": ETA_PT, "numbers": rows}
        ),
    )


def cluster_jets(momentum: ak.Array, pt_min: float) -> ak.Array:
    """Anti-kT jets (arXiv:0802.1189) of R = 0.4 as pt, eta, phi, (events, var).

    Args:
        momentum: (events, var) px, py, pz, E.
        pt_min: least pT, in their unit.
    """
    import fastjet

    if ak.count(momentum["E"]) == 0:
        return ak.zip(dict.fromkeys(("pt", "eta", "phi"), momentum["E"]))
    definition = fastjet.JetDefinition(fastjet.antikt_algorithm, RADIUS)
    jets = fastjet.ClusterSequence(momentum, definition).inclusive_jets(pt_min)
    return ak.zip(
        {
            "pt": np.hypot(jets["px"], jets["py"]),
            "eta": eta_of(jets),
            "phi": np.arctan2(jets["py"], jets["px"]),
        }
    )


def matched_jets(detected: dict[str, Any], generated: dict[str, Any]) -> dict[str, np.ndarray]:
    """The isolated true jets of some events, and the response of the cluster jets matched to them.

    Returns:
        pt (jets,), GeV, and eta of the true jets; response (jets,), cluster pT over true pT of the
        nearest cluster jet, NaN where none lies within dR < 0.2.
    """
    topo = detected["topo"]
    true = cluster_jets(visible(generated["particle"]), TRUE_PT)
    clusters = cluster_jets(
        four_momenta(
            *(ak.values_astype(each, np.float64)
              for each in (topo["e"] / GEV, topo["bary_eta"], topo["bary_phi"]))
        ),
        CLUSTER_PT,
    )  # fmt: skip
    neighbours = ak.sum(distances(true, true) < ISOLATION, axis=2)  # itself included
    distance = distances(true, clusters)
    nearest = ak.argmin(distance, axis=2, keepdims=True)
    near = ak.fill_none(ak.flatten(distance[nearest], axis=2), np.inf) < MATCH
    pairs = ak.cartesian([true["pt"], clusters["pt"]], axis=1, nested=True)
    pt = ak.fill_none(ak.flatten(pairs[nearest]["1"], axis=2), np.nan)
    response = ak.where(near, pt / true["pt"], np.nan)
    isolated = neighbours == 1
    return {
        "pt": ak.to_numpy(ak.flatten(true["pt"][isolated])),
        "eta": ak.to_numpy(ak.flatten(true["eta"][isolated])),
        "response": ak.to_numpy(ak.flatten(response[isolated])),
    }


def distances(first: ak.Array, second: ak.Array) -> ak.Array:
    """dR of every jet to every other, (events, var, var)."""
    one, other = ak.unzip(ak.cartesian([first, second], axis=1, nested=True))
    return np.hypot(one["eta"] - other["eta"], delta_phi(one["phi"], other["phi"]))


def in_jet_bins(
    jets: dict[str, np.ndarray],
    values: np.ndarray,
    edges: np.ndarray,
    settings: EstimatorSettings,
    seed: int,
) -> list[dict[str, Any]]:
    """Matched share, response and resolution in bins of the values (jets,)."""
    rows = []
    for low, high, members in in_bins(values, edges, settings.minimum_entries):
        response = jets["response"][members]
        matched = response[np.isfinite(response)]
        if len(matched) < settings.minimum_entries:
            continue
        rows.append(
            {
                "low": low,
                "high": high,
                "centre": float(values[members].mean()),
                "matched": len(matched) / len(response),
                "matched_interval": np.array(binomial_interval(len(matched), len(response))),
                **describe(matched, settings, seed),
            }
        )
    return rows
