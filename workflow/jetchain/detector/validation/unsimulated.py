"""What is in true jets and never simulated: particles under the threshold in pT, or too far out."""

from __future__ import annotations

from typing import Any

import awkward as ak
import numpy as np

from jetchain.core.kinematics import invariant_mass
from jetchain.core.metrics import bootstrap
from jetchain.core.schema.validation import ValidationNumber
from jetchain.core.validation import number
from jetchain.detector.geometry.acceptance import eta_of, visible
from jetchain.detector.settings import JetsJobSettings

RADIUS, PT_MIN, ETA_MAX = 0.8, 500.0, 2.5
"""Of the jets that the taggers see; GeV."""


def true_jets(particle: ak.Array, pt_min: float, eta_max: float) -> dict[str, np.ndarray]:
    """The hard true jets of some events, with and without what is never simulated.

    Args:
        particle: collection `particle` of GENERATED: seen_as, px, py, pz, e.
        pt_min: particles with less pT (GeV) are not simulated.
        eta_max: nor those with a larger |eta|.

    Returns:
        constituents and simulated, numbers of all and of those that are simulated; m and
        m_simulated, the ungroomed mass of either, GeV; (jets,) each.
    """
    import fastjet

    names = ("constituents", "simulated", "m", "m_simulated")
    momentum = visible(particle)
    if ak.count(momentum["E"]) == 0:
        return dict.fromkeys(names, np.zeros(0))
    definition = fastjet.JetDefinition(fastjet.antikt_algorithm, RADIUS)
    sequence = fastjet.ClusterSequence(momentum, definition)
    jets, members = sequence.inclusive_jets(PT_MIN), sequence.constituents(PT_MIN)
    members = ak.flatten(members[np.abs(eta_of(jets)) < ETA_MAX])
    simulated = members[
        (np.hypot(members["px"], members["py"]) >= pt_min) & (np.abs(eta_of(members)) <= eta_max)
    ]
    columns = [ak.num(members), ak.num(simulated), mass(members), mass(simulated)]
    return {name: ak.to_numpy(values) for name, values in zip(names, columns, strict=True)}


def mass(members: ak.Array) -> np.ndarray:
    """Invariant mass of all constituents of each jet, (jets,); 0 without any."""
    sums = [ak.to_numpy(ak.sum(members[axis], axis=1)) for axis in ("px", "py", "pz", "E")]
    return np.asarray(invariant_mass(*sums))


def numbers(jets: dict[str, np.ndarray], settings: JetsJobSettings, seed: int) -> Any:
    """The rows of the table of numbers: shares of the constituents and of the mass.

    Args:
        jets: see `true_jets`.
        settings: what is simulated, and how numbers are estimated.
        seed: of the bootstrap, which draws jets.
    """
    estimators = settings.estimators
    rows: list[ValidationNumber] = []
    if len(jets["m"]) < estimators.minimum_entries:
        return rows
    for what, whole, part in (
        ("constituents", "constituents", "simulated"),
        ("ungroomed mass", "m", "m_simulated"),
    ):
        found = bootstrap(
            missing_share, jets[whole], jets[part], replicas=estimators.replicas, seed=seed
        )
        rows.append(
            number(
                f"share of the {what} of true jets that is never simulated",
                found.value,
                found.std,
                sample=f"anti-kT {RADIUS:g}, pT above {PT_MIN:.0f} GeV; particles of "
                f"pT < {settings.particle_pt_min:g} GeV or |eta| > {settings.particle_eta_max:g}",
            )
        )
    return rows


def missing_share(whole: np.ndarray, part: np.ndarray) -> float:
    """What the parts lack of the wholes, over all."""
    return float(1 - part.sum() / whole.sum())
