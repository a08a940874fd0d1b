"""Single particles through particle flow: does all that is reconstructed add up to the particle?

Energy that is counted twice, or lost, shows here first. The total of a particle is the energy of
all that was reconstructed of it, tracks and what clusters with its energy became, over its true
energy, the rest mass included. Neutral hadrons are calibrated as one kind: soft neutrons, which do
not deposit their mass, come out low and kaons high. A particle of which nothing is reconstructed is
lost to the thresholds of the clusters; the mean is over the others, and the mean of all and the
share of the lost ones stand beside it.
"""

from __future__ import annotations

from itertools import pairwise

import awkward as ak
import numpy as np
from numpy.typing import NDArray

from jetchain.core.errors import EmptySampleError, samples_of
from jetchain.core.io.events import read_events, require_same_events
from jetchain.core.io.tables import read_result, write_result
from jetchain.core.schema.detector import DETECTED
from jetchain.core.schema.particleflow import (
    RECONSTRUCTED,
    GunBin,
    GunResponse,
    GunValidation,
    Performance,
)
from jetchain.core.schema.validation import ValidationNumber
from jetchain.core.validation import number
from jetchain.core.verbs import Input, Inputs, Output

MEV_PER_GEV = 1000.0
KINDS = {
    "charged pion": (211,),
    "electron": (11,),
    "photon": (22,),
    "muon": (13,),
    "K0L": (130,),
    "neutron": (2112,),
    "neutral hadron": (130, 2112),
}
"""Absolute PDG codes."""
MUON = 13
OF_A_KIND = ("K0L", "neutron")
"""No detector tells them apart: their totals are told, and together they are judged."""
PT_EDGES = (1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0)
ETA_EDGES = (0.0, 0.5, 1.0, 1.5, 2.0, 2.5)
ETA_PT = (5.0, 200.0)
"""GeV, of the particles in bins of |eta|."""
TRACK_ALONE = 200.0
"""GeV, from which muons are left out: they are their tracks, whose 1/p is known to 8 %, then 10 to
60 %, and the mean of p is that of its tail."""
MINIMUM = 20
"""Particles in a bin."""
TOTAL_TOLERANCE = 0.02
"""Of the total. Our choice, as are the others."""
COMPOSITION_TOLERANCE = 0.1
"""Relative, of the class's share."""
LARGEST_FLOOR = 0.05

Floats = NDArray[np.float64]


def validate_gun(
    *, particles: Inputs, detected: Inputs, performance: Input, output: Output
) -> None:
    """Totals of single particles; composition and random floor of jets; rows for the table.

    Args:
        particles: reconstructed particles of one algorithm, of a gun of one particle an event.
        detected: detector files of the same shards.
        performance: of the same algorithm, see `particleflow.evaluate`.
        output: written, see `GunValidation`.

    Raises:
        EmptySampleError: no event holds one particle alone.
    """
    parts = [_read(*files) for files in zip(particles, detected, strict=True)]
    code, pt, eta, total = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    if len(code) == 0:
        raise EmptySampleError(
            f"particleflow.validate_gun: no event of {samples_of(detected)} holds one particle.",
            "particleflow.gun must name a gun sample of one particle an event.",
        )
    kinds = {}
    for kind, codes in KINDS.items():
        mine = np.isin(code, codes) & ((pt < TRACK_ALONE) | (code != MUON))
        hard = mine & (pt >= ETA_PT[0]) & (pt < ETA_PT[1])
        kinds[kind] = GunResponse(
            by_pt=gun_bins(pt[mine], total[mine], PT_EDGES),
            by_eta=gun_bins(np.abs(eta[hard]), total[hard], ETA_EDGES),
        )
    numbers = [*_total_numbers(kinds), *_jet_numbers(read_result(performance, Performance))]
    write_result(output, GunValidation(kinds=kinds, numbers=numbers))


def _read(particles: Input, detected: Input) -> tuple[Floats, Floats, Floats, Floats]:
    """|PDG code|, pT (GeV), eta and total of the events that hold one simulated particle."""
    truth = read_events(
        detected,
        DETECTED,
        {
            "particle": ["pdgid", "pt", "eta", "e"],
            "track": ["d0"],
            "particle_to_node": ["idx"],
        },
    )
    reco = read_events(particles, RECONSTRUCTED, {"pflow": ["e", "topo_idx", "charge"]})
    require_same_events(reco, truth, f"{particles} and {detected}")
    one = np.asarray(ak.num(truth["particle"]["e"])) == 1
    particle, pflow = truth["particle"][one][:, 0], reco["pflow"][one]
    # topo_idx of the clusters with energy of the particle: those of noise alone are not its own.
    linked = truth["particle_to_node"]["idx"][one] - ak.num(truth["track"]["d0"])[one] + 1
    own = ak.any(pflow["topo_idx"][:, :, None] == linked[:, None], axis=2)
    own = own | (pflow["topo_idx"] < 0) | (pflow["charge"] != 0)
    energy = np.asarray(ak.sum(pflow["e"][own], axis=1), np.float64)
    pdgid, pt, eta, e = (
        np.asarray(particle[name], np.float64) for name in ("pdgid", "pt", "eta", "e")
    )
    return np.abs(pdgid), pt / MEV_PER_GEV, eta, energy / (e / MEV_PER_GEV)


def gun_bins(values: Floats, total: Floats, edges: tuple[float, ...]) -> list[GunBin]:
    """The bins that hold enough particles.

    Args:
        values: (particles,) pT or |eta|.
        total: (particles,) reconstructed over true energy, 0 for a lost one.
        edges: of the bins.
    """
    found = []
    for low, high in pairwise(edges):
        mine = total[(values >= low) & (values < high)]
        seen = mine[mine > 0]
        if len(seen) < MINIMUM:
            continue
        mean, sigma = float(seen.mean()), float(seen.std(ddof=1))  # tails are what is looked for
        found.append(
            GunBin(
                low=low, high=high, mean=mean, error=sigma / np.sqrt(len(seen)),
                mean_of_all=mean * len(seen) / len(mine), lost=1 - len(seen) / len(mine),
                particles=len(mine),
            )
        )  # fmt: skip
    return found


def _total_numbers(kinds: dict[str, GunResponse]) -> list[ValidationNumber]:
    return [
        _row(
            f"particle flow: total/E, {name} {row.low:g} to {row.high:g}{unit}", row.mean,
            row.error, kind, None if kind in OF_A_KIND else 1.0, TOTAL_TOLERANCE,
        )
        for kind, response in kinds.items()
        for name, unit, rows in (
            ("pT", " GeV", response.by_pt),
            ("|eta|", "", response.by_eta),
        )
        for row in rows
    ]  # fmt: skip


def _jet_numbers(performance: Performance) -> list[ValidationNumber]:
    rows = []
    for sample, shares in performance.composition.items():
        for name, true, reco, error in zip(
            performance.classes, shares.truth, shares.reconstructed, shares.error, strict=True
        ):
            rows.append(
                _row(
                    f"particle flow: share of pT, {name.replace('_', ' ')}", reco, error, sample,
                    true, COMPOSITION_TOLERANCE * true,
                )
            )  # fmt: skip
    for name, group in performance.groups.items():
        for what, ratio in (("efficiency", group.efficiency), ("floor", group.floor)):
            if ratio.overall.value is not None:
                overall = ratio.overall
                rows.append(
                    _row(
                        f"particle flow: {what}", ratio.overall.value,
                        (overall.high - overall.low) / 2, name.replace("_", " "),
                        0.0 if what == "floor" else None,
                        LARGEST_FLOOR,
                    )
                )  # fmt: skip
    return rows


def _row(
    quantity: str,
    value: float,
    error: float,
    sample: str,
    reference: float | None,
    tolerance: float = 0.0,
) -> ValidationNumber:
    source = "" if reference is None else "truth, or what is wanted; tolerance: our choice"
    return number(
        quantity, value, error, sample=sample, reference=reference, tolerance=tolerance,
        rule="measured", source=source,
    )  # fmt: skip
