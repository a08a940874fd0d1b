"""What the particles of an algorithm make of whole events: jets, their content, missing energy.

Definitions, by sample:

- jets: anti-kT of `RADIUS` (arXiv 0802.1189) of all particles, of all topoclusters (massless), and
  of all true particles. The two hardest true jets of an event within the acceptance each get the
  nearest reconstructed one within `MATCH`, as in nilotpal09/HGPflow: `performance/performance.py`;
- response: median and IQR / median of pT(reco) / pT(true) and of the mass, in bins of the true pT.
  For pT after a calibration: each ratio is divided by the median of its bin in pT and |eta|;
- content: share of each class in the energy within `RADIUS` of the axes of those true jets;
- missing momentum: x and y components of what balances all particles, reconstructed minus true. The
  resolution is half the interval of the central 68 %;
- particles: mean number in the acceptance of the evaluation.

Of the truth, as if it were reconstructed, all of these are perfect: a test holds them to it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
from numpy.typing import NDArray

from jetchain.core.errors import EmptySampleError, samples_of
from jetchain.core.io.events import read_events, require_same_events
from jetchain.core.io.tables import write_result
from jetchain.core.kinematics import cartesian, delta_phi, pt_eta_phi
from jetchain.core.schema.detector import DETECTED
from jetchain.core.schema.particleflow import PARTICLE_CLASSES, RECONSTRUCTED, Composition
from jetchain.core.schema.particleflow_jets import (
    JetBin,
    JetPerformance,
    MissingMomentum,
    SampleJets,
)
from jetchain.core.verbs import Inputs, Output
from jetchain.particleflow.evaluate import MEV_PER_GEV, quantile_summary, true_class
from jetchain.particleflow.settings import JetEvaluationSettings

RADIUS = 0.8
MATCH = 0.1
ETA = 2.0
"""Largest |eta| of a true jet, so that most of it has tracks. Our choice."""
PT_EDGES = np.array([200.0, 350.0, 500.0, 1000.0, 2000.0])
ETA_EDGES = np.array([0.0, 0.5, 1.0, 1.5, 2.0])
"""Of the calibration."""
LEAST = 10
"""Jets in a bin of |eta| that is calibrated by itself."""
SOFTEST = 20.0
"""GeV: least pT of a reconstructed jet."""
LEADING = 2

Floats = NDArray[np.float64]


def evaluate_jets(
    *, particles: Inputs, detected: Inputs, performance: Output, settings: JetEvaluationSettings
) -> None:
    """Compare jets, their content and the missing momentum with the truth; write JSON.

    Args:
        particles: reconstructed particles of one algorithm, a file a shard.
        detected: the detector files of the same shards, in the same order.
        performance: JetPerformance.
        settings: events and acceptance.

    Raises:
        EmptySampleError: there is no event.
    """
    parts: dict[str, list[dict[str, Any]]] = {}
    for path, true_path in zip(particles, detected, strict=True):
        levels = read_levels(path, true_path, settings.max_events)
        parts.setdefault(true_path.parent.name, []).append(levels)
    samples = {name: together(found) for name, found in parts.items()}
    samples = {name: levels for name, levels in samples.items() if len(levels["truth"])}
    if not samples:
        raise EmptySampleError(
            f"particleflow.evaluate_jets: no event in {samples_of(detected)}.",
            "Evaluate on other samples or more events (particleflow.evaluation).",
        )
    result = {name: sample_jets(levels, settings) for name, levels in samples.items()}
    write_result(performance, JetPerformance(radius=RADIUS, pt_edges=PT_EDGES, samples=result))


def read_levels(particles: Path, detected: Path, events: int) -> dict[str, Any]:
    """The particles of the first events, by level: truth, pflow and topo; see `level`."""
    reco = read_events(particles, RECONSTRUCTED, {"pflow": ["px", "py", "pz", "e", "label"]})
    truth = read_events(
        detected,
        DETECTED,
        {
            "particle": ["pdgid", "charge", "pt", "eta", "phi", "e"],
            "topo": ["e", "bary_eta", "bary_phi"],
        },
    )
    require_same_events(reco, truth, f"{particles} and {detected}")
    flow, true, topo = (each[:events] for each in (reco["pflow"], truth["particle"], truth["topo"]))
    code, charge = (np.asarray(ak.flatten(true[name])) for name in ("pdgid", "charge"))
    label = ak.unflatten(true_class(code, charge), _counts(true["pt"]))
    direction = true["eta"], true["phi"]
    x, y, z, _ = _cartesian(true["pt"] / MEV_PER_GEV, *direction)
    clusters = topo["e"] / MEV_PER_GEV / np.cosh(topo["bary_eta"])
    return {
        "truth": level(x, y, z, true["e"] / MEV_PER_GEV, label),
        "pflow": level(*(flow[name] for name in ("px", "py", "pz", "e", "label"))),
        "topo": level(*_cartesian(clusters, topo["bary_eta"], topo["bary_phi"]), None),
    }


def _counts(jagged: Any) -> NDArray[np.int64]:
    """Items of each event; integers also of no event."""
    return np.asarray(ak.num(jagged, axis=1), dtype=np.int64)


def _cartesian(pt: Any, eta: Any, phi: Any) -> tuple[Any, Any, Any, Any]:
    """`cartesian` of jagged arrays of massless particles."""
    count = _counts(pt)
    flat = (np.asarray(ak.flatten(each), np.float64) for each in (pt, eta, phi))
    x, y, z, e = (ak.unflatten(each, count) for each in cartesian(*flat))
    return x, y, z, e


def level(px: Any, py: Any, pz: Any, e: Any, label: Any) -> Any:
    """Particles of events, (events, var), in GeV; clusters have no label, which is then -1."""
    columns = [ak.values_astype(each, np.float64) for each in (px, py, pz, e)]
    kind = ak.full_like(columns[0], -1, dtype=np.int64) if label is None else label
    kind = ak.values_astype(kind, np.int64)
    return ak.zip(dict(zip(("px", "py", "pz", "E", "label"), [*columns, kind], strict=True)))


def together(parts: list[dict[str, Any]]) -> dict[str, Any]:
    """The levels of several files as one."""
    return {name: ak.concatenate([part[name] for part in parts]) for name in parts[0]}


def sample_jets(levels: dict[str, Any], settings: JetEvaluationSettings) -> SampleJets:
    """All numbers of one sample.

    Args:
        levels: truth, pflow and topo, see `level`.
        settings: acceptance of the numbers of particles.
    """
    jets = {name: find_jets(particles) for name, particles in levels.items()}
    true = leading(jets["truth"])
    bins = {name: jet_bins(true, jets[name]) for name in ("pflow", "topo")}
    return SampleJets(
        events=len(levels["truth"]),
        pflow=bins["pflow"],
        topo=bins["topo"],
        content=content(true, levels["truth"], levels["pflow"]),
        pflow_missing=missing(levels["truth"], levels["pflow"]),
        topo_missing=missing(levels["truth"], levels["topo"]),
        particles={
            name: [
                int(ak.sum(_counted(levels[name], settings) & (levels[name]["label"] == index)))
                / len(levels[name])
                for index in range(len(PARTICLE_CLASSES))
            ]
            for name in ("truth", "pflow")
        },
    )


def _directions(particles: Any) -> tuple[Any, Any, Any]:
    """pT, eta and phi of jagged momenta."""
    count = _counts(particles)
    flat = (np.asarray(ak.flatten(particles[name])) for name in ("px", "py", "pz"))
    pt, eta, phi = (ak.unflatten(each, count) for each in pt_eta_phi(*flat))
    return pt, eta, phi


def _counted(particles: Any, settings: JetEvaluationSettings) -> Any:
    pt, eta, _ = _directions(particles)
    return (pt > settings.minimum_pt) & (np.abs(eta) < settings.maximum_eta)


def find_jets(particles: Any) -> Any:
    """Jets of events, (events, var): pt, eta, phi and m, in falling pT."""
    import fastjet

    names = ("pt", "eta", "phi", "m")
    if not ak.count(particles["px"]):
        return ak.zip(dict.fromkeys(names, ak.values_astype(particles["px"], np.float64)))
    definition = fastjet.JetDefinition(fastjet.antikt_algorithm, RADIUS)
    momenta = particles[["px", "py", "pz", "E"]]
    found = fastjet.ClusterSequence(momenta, definition).inclusive_jets(SOFTEST)
    pt, eta, phi = _directions(found)
    square = found["E"] ** 2 - found["px"] ** 2 - found["py"] ** 2 - found["pz"] ** 2
    mass = np.sqrt(ak.where(square > 0, square, 0.0))
    jets = ak.zip(dict(zip(names, (pt, eta, phi, mass), strict=True)))
    return jets[ak.argsort(jets["pt"], ascending=False, axis=1)]


def leading(jets: Any) -> Any:
    """The hardest true jets of each event that are in the bins and in the acceptance."""
    inside = (jets["pt"] > PT_EDGES[0]) & (np.abs(jets["eta"]) < ETA)
    return jets[inside][:, :LEADING]


def jet_bins(true: Any, reco: Any) -> list[JetBin]:
    """Responses in the bins of true pT."""
    one, other = ak.unzip(ak.cartesian([true, reco], axis=1, nested=True))
    apart = np.hypot(one["eta"] - other["eta"], delta_phi(one["phi"], other["phi"]))
    nearest = ak.argmin(apart, axis=2, keepdims=True)
    near = ak.fill_none(ak.flatten(apart[nearest], axis=2), np.inf) < MATCH
    pt, mass = (
        np.asarray(ak.flatten(ak.fill_none(ak.flatten(other[name][nearest], axis=2), np.nan)))
        for name in ("pt", "m")
    )
    matched = np.asarray(ak.flatten(near))
    true_pt, eta, true_mass = (np.asarray(ak.flatten(true[name])) for name in ("pt", "eta", "m"))
    place = np.digitize(true_pt, PT_EDGES) - 1
    at_eta = np.digitize(np.abs(eta), ETA_EDGES) - 1
    bins = []
    for index in range(len(PT_EDGES) - 1):
        mine = (place == index) & matched
        ratio = (pt / true_pt)[mine]
        heavy = mine & (true_mass > 1.0)
        bins.append(
            JetBin(
                jets=int((place == index).sum()),
                matched=int(mine.sum()),
                pt=quantile_summary(ratio),
                calibrated=quantile_summary(calibrated(ratio, at_eta[mine])),
                mass=quantile_summary(mass[heavy] / true_mass[heavy]),
            )
        )
    return bins


def calibrated(ratio: Floats, group: NDArray[np.int64]) -> Floats:
    """Ratios over the median of their group; over that of all where the group is small."""
    result = ratio.copy()
    for each in np.unique(group):
        mine = group == each
        result[mine] /= np.median(ratio[mine] if mine.sum() >= LEAST else ratio)
    return result


def content(axes: Any, truth: Any, reco: Any) -> Composition:
    """Share of each class in the energy around the axes of the true jets; see `Composition`."""
    sums = np.stack([_around(axes, particles) for particles in (truth, reco)])
    total = np.maximum(sums.sum(axis=(1, 2)), 1e-9)[:, None]
    share = sums.sum(axis=1) / total
    moves = (sums - share[:, None] * sums.sum(axis=2, keepdims=True)) / total[:, None]
    error = np.sqrt(sums.shape[1]) * (moves[1] - moves[0]).std(axis=0) if sums.size else share[0]
    return Composition(truth=share[0], reconstructed=share[1], error=error)


def _around(axes: Any, particles: Any) -> Floats:
    """Energy of each class near a true jet, (events, classes)."""
    _, eta, phi = _directions(particles)
    placed = ak.zip({"eta": eta, "phi": phi})
    one, axis = ak.unzip(ak.cartesian([placed, axes], axis=1, nested=True))
    apart = np.hypot(one["eta"] - axis["eta"], delta_phi(one["phi"], axis["phi"]))
    near = ak.any(apart < RADIUS, axis=2)
    kinds = range(len(PARTICLE_CLASSES))
    return np.stack(
        [np.asarray(ak.sum(particles["E"] * (near & (particles["label"] == kind)), axis=1))
         for kind in kinds], axis=1
    )  # fmt: skip


def missing(truth: Any, reco: Any) -> MissingMomentum:
    """Resolution and mean of the missing momentum's components, and the error of the former."""
    off = np.concatenate(
        [np.asarray(ak.sum(truth[axis], axis=1) - ak.sum(reco[axis], axis=1))
         for axis in ("px", "py")]
    )  # fmt: skip
    low, high = np.quantile(off, [0.1587, 0.8413])
    resolution = (high - low) / 2
    # Of a normal: both quantiles have the error 1.52 sigma / sqrt(n), and are little correlated.
    return MissingMomentum(
        resolution=resolution, error=1.52 * resolution / np.sqrt(2 * len(off)),
        mean=float(off.mean()),
    )  # fmt: skip
