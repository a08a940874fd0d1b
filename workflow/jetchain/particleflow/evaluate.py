"""How well an algorithm of particle flow reproduces the true particles, with uncertainties.

Definitions, per class and in bins of pT, within the acceptance of the settings:

- efficiency: matched true particles / true particles, in bins of the true pT;
- floor: the same after all reconstructed particles of the event were turned in azimuth by twice
  the largest distance of a match, so that none finds its own true particle: what is matched then
  are chance neighbours, at the density of the jets;
- fake rate: reconstructed particles without a match / reconstructed particles, in bins of the
  reconstructed pT;
- purity: matches whose classes agree / matches, in bins of the reconstructed pT and by the
  reconstructed class;
- response: median of pT_reco / pT_true over the matches, and resolution: IQR / median, in bins of
  the true pT; distance: the same of dR.

Matching is separate for charged and neutral particles (`matching.py`) and sees all particles; the
acceptance only decides which ones are counted, so that none is lost at its edge. True particles are
the primaries of the detector event. Besides the classes, `charged`, `neutral` and `all` are given.

The composition is the share of each class in the sum of pT, true and reconstructed, by sample.

Every ratio has its central 68 % Clopper-Pearson interval, every median and width its standard
error. A bin without entries has null for its value.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from jetchain.core.errors import ConfigurationError, EmptySampleError, samples_of
from jetchain.core.histograms import save_histograms, weighted
from jetchain.core.io.events import read_events, require_same_events
from jetchain.core.io.tables import write_result
from jetchain.core.kinematics import delta_phi, pt_eta_phi
from jetchain.core.metrics import binomial_interval
from jetchain.core.schema.detector import DETECTED
from jetchain.core.schema.particleflow import (
    PARTICLE_CLASSES,
    RECONSTRUCTED,
    Composition,
    Cones,
    GroupPerformance,
    ParticleCounts,
    Performance,
    Ratio,
    Ratios,
    Spread,
    Spreads,
)
from jetchain.core.verbs import Inputs, Output
from jetchain.particleflow.matching import match_particles
from jetchain.particleflow.settings import EvaluationSettings

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

MEV_PER_GEV = 1000.0
CHARGED_HADRON, NEUTRAL_HADRON, PHOTON, ELECTRON, MUON = range(len(PARTICLE_CLASSES))
GROUPS: dict[str, tuple[int, ...]] = {
    **{name: (index,) for index, name in enumerate(PARTICLE_CLASSES)},
    "charged": (CHARGED_HADRON, ELECTRON, MUON),
    "neutral": (NEUTRAL_HADRON, PHOTON),
    "all": tuple(range(len(PARTICLE_CLASSES))),
}
RESIDUAL_EDGES = np.linspace(-1.0, 1.0, 81)
RESPONSE_EDGES = np.linspace(0.0, 2.0, 81)
# Radius of the cone around the leading true particles in which jet-like sums are compared.
CONE = 0.8
MINIMUM_CONE_PT = 20.0  # GeV, true


def evaluate(
    *,
    particles: Inputs,
    detected: Inputs,
    performance: Output,
    histograms: Output,
    settings: EvaluationSettings,
) -> None:
    """Compare reconstructed with true particles; write performance tables and histograms.

    Args:
        particles: reconstructed particles of one algorithm, a file a shard.
        detected: the detector files of the same shards, in the same order.
        performance: JSON of efficiencies, fake rates, purities and resolutions.
        histograms: uhi JSON of residuals and responses.
        settings: matching, acceptance, bins.

    Raises:
        ConfigurationError: the two lists of files differ in length.
        EmptySampleError: no true particle lies in the acceptance.
    """
    if len(particles) != len(detected):
        raise ConfigurationError(
            f"particleflow.evaluate: {len(particles)} files of particles and {len(detected)} of "
            "detector events.",
            "Give one detector file for each file of particles, in the same order.",
        )
    tables = [_compare(*files, settings) for files in zip(particles, detected, strict=True)]
    composition = _composition([path.parent.name for path in detected], tables)
    truth, reco, cones = (np.concatenate(parts) for parts in zip(*tables, strict=True))
    if not np.any(truth["counted"]):
        raise EmptySampleError(
            f"particleflow.evaluate: none of the {len(truth)} true particles in "
            f"{samples_of(detected)} lies in the acceptance (pT > "
            f"{settings.minimum_pt} GeV, |eta| < {settings.maximum_eta}).",
            "Evaluate on other samples or more events, or widen particleflow.evaluation.",
        )
    result = summarise(truth, reco, np.array(settings.pt_edges))
    cone = _cone_summary(cones)
    write_result(
        performance,
        Performance(**result, composition=composition, cone=cone, events=len(cones)),
    )
    save_histograms(histograms, _histograms(truth, cones))


TRUTH_COLUMNS = np.dtype(
    [("event", "i8"), ("label", "i8"), ("pt", "f8"), ("counted", "?"), ("matched", "?"),
     ("turned", "?"), ("reco_pt", "f8"), ("reco_label", "i8"), ("distance", "f8")]
)  # fmt: skip
RECO_COLUMNS = np.dtype(
    [("event", "i8"), ("label", "i8"), ("pt", "f8"), ("counted", "?"), ("matched", "?"),
     ("truth_label", "i8")]
)  # fmt: skip
CONE_COLUMNS = np.dtype(
    [("truth_pt", "f8"), ("pflow_pt", "f8"), ("topo_pt", "f8"), ("truth_e", "f8"),
     ("pflow_e", "f8"), ("topo_e", "f8")]
)  # fmt: skip


def true_class(pdgid: Ints, charge: Floats) -> Ints:
    """Class of true particles from their PDG codes and charges."""
    code = np.abs(pdgid)
    return np.select(
        [code == 22, code == 11, code == 13, charge != 0],
        [PHOTON, ELECTRON, MUON, CHARGED_HADRON],
        NEUTRAL_HADRON,
    )


def _compare(
    particles: Path, detected: Path, settings: EvaluationSettings
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Matched tables of true and reconstructed particles of one shard, and its cones."""
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
    # The first events: those that the training of a network holds out (`training.held_out`).
    first_ones = slice(settings.max_events)
    tables = [
        compare_event(_truth_of(one), _topo_of(topo), _reco_of(pflow), settings)
        for one, topo, pflow in zip(
            truth["particle"][first_ones],
            truth["topo"][first_ones],
            reco["pflow"][first_ones],
            strict=True,
        )
    ]
    for event, (one, two, _) in enumerate(tables):
        one["event"] = two["event"] = event
    empty = tuple(np.zeros(0, dtype) for dtype in (TRUTH_COLUMNS, RECO_COLUMNS, CONE_COLUMNS))
    first, second, third = (np.concatenate(parts) for parts in zip(empty, *tables, strict=True))
    return first, second, third


def _truth_of(event: Any) -> tuple[Floats, Ints]:
    columns = [np.asarray(event[name], dtype=np.float64) for name in ("pt", "eta", "phi", "e")]
    rows = np.stack(columns, axis=-1) * np.array([1 / MEV_PER_GEV, 1, 1, 1 / MEV_PER_GEV])
    return rows, true_class(np.asarray(event["pdgid"]), np.asarray(event["charge"]))


def _topo_of(event: Any) -> Floats:
    e, eta, phi = (
        np.asarray(event[name], dtype=np.float64) for name in ("e", "bary_eta", "bary_phi")
    )
    return np.stack([e / np.cosh(eta) / MEV_PER_GEV, eta, phi, e / MEV_PER_GEV], axis=-1)


def _reco_of(event: Any) -> tuple[Floats, Ints]:
    px, py, pz, e = (np.asarray(event[n], dtype=np.float64) for n in ("px", "py", "pz", "e"))
    rows = np.stack([*pt_eta_phi(px, py, pz), e], axis=-1)
    return rows, np.asarray(event["label"], dtype=np.int64)


def compare_event(
    truth: tuple[Floats, Ints],
    topo: Floats,
    reco: tuple[Floats, Ints],
    settings: EvaluationSettings,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Match one event.

    Args:
        truth: (truth, 4) pT, eta, phi, e in GeV, and the classes (truth,).
        topo: (clusters, 4) the same of the topoclusters.
        reco: (reco, 4) and (reco,).
        settings: matching and acceptance.

    Returns:
        a row a true particle, a row a reconstructed particle, and a row for the event's cone.
    """
    (true_p, true_label), (reco_p, reco_label) = truth, reco
    one, two = np.zeros(len(true_p), TRUTH_COLUMNS), np.zeros(len(reco_p), RECO_COLUMNS)
    for table, p, label in ((one, true_p, true_label), (two, reco_p, reco_label)):
        table["label"], table["pt"] = label, p[:, 0]
        table["counted"] = (p[:, 0] > settings.minimum_pt) & (
            np.abs(p[:, 1]) < settings.maximum_eta
        )
    for group in ("charged", "neutral"):
        (i,), (j,) = (np.nonzero(np.isin(x, GROUPS[group])) for x in (true_label, reco_label))
        first, second = match_particles(
            true_p[i, :3], reco_p[j, :3], settings.max_cost, settings.max_distance
        )
        first, second = i[first], j[second]
        one["matched"][first] = two["matched"][second] = True
        one["reco_pt"][first], one["reco_label"][first] = reco_p[second, 0], reco_label[second]
        one["distance"][first] = np.hypot(
            true_p[first, 1] - reco_p[second, 1], delta_phi(true_p[first, 2], reco_p[second, 2])
        )
        two["truth_label"][second] = true_label[first]
        turned = reco_p[j, :3] + np.array([0.0, 0.0, 2 * settings.max_distance])
        chance, _ = match_particles(true_p[i, :3], turned, settings.max_cost, settings.max_distance)
        one["turned"][i[chance]] = True
    return one, two, _cone(true_p, topo, reco_p)


def _cone(truth: Floats, topo: Floats, reco: Floats) -> np.ndarray:
    """Sums in a cone around the event's leading true particles: a jet without a jet algorithm."""
    row = np.zeros(1, CONE_COLUMNS)
    if len(truth) == 0:
        return row
    axis = truth[np.argmax(truth[:, 0]), 1:3]
    for _ in range(2):  # around the leading particle, then around what lies there
        px, py, pz, _ = _sum_in_cone(truth, axis)
        axis = np.array([np.arcsinh(pz / np.hypot(px, py)), np.arctan2(py, px)])
    for name, p in (("truth", truth), ("pflow", reco), ("topo", topo)):
        px, py, _, e = _sum_in_cone(p, axis)
        row[f"{name}_pt"], row[f"{name}_e"] = np.hypot(px, py), e
    return row


def _sum_in_cone(p: Floats, axis: Floats) -> Floats:
    """px, py, pz, e (4,) of what lies within dR < 0.8 of an axis."""
    inside = p[np.hypot(p[:, 1] - axis[0], delta_phi(p[:, 2], axis[1])) < CONE]
    pt, eta, phi, e = inside.T
    return np.array(
        [(pt * np.cos(phi)).sum(), (pt * np.sin(phi)).sum(), (pt * np.sinh(eta)).sum(), e.sum()]
    )


# ------------------------------------------------------------------------------------ summary


def summarise(truth: np.ndarray, reco: np.ndarray, edges: Floats) -> dict[str, Any]:
    """Efficiency, fake rate, purity and resolution of each class, overall and in bins of pT.

    Args:
        truth: rows of TRUTH_COLUMNS.
        reco: rows of RECO_COLUMNS.
        edges: (bins + 1,) GeV; particles beyond the last edge enter the overall numbers only.
    """
    true_counted, reco_counted = truth[truth["counted"]], reco[reco["counted"]]
    groups: dict[str, GroupPerformance] = {}
    for name, labels in GROUPS.items():
        one = true_counted[np.isin(true_counted["label"], labels)]
        two = reco_counted[np.isin(reco_counted["label"], labels)]
        matched = two[two["matched"]]
        found = one[one["matched"]]
        right = matched["label"] == matched["truth_label"]
        ratio = found["reco_pt"] / found["pt"]
        groups[name] = GroupPerformance(
            efficiency=_fraction(one["matched"], one["pt"], edges),
            floor=_fraction(one["turned"], one["pt"], edges),
            fake_rate=_fraction(~two["matched"], two["pt"], edges),
            purity=_fraction(right, matched["pt"], edges),
            response=_quantiles(ratio, found["pt"], edges),
            distance=_quantiles(found["distance"], found["pt"], edges),
        )
    # How matched true particles (rows) are classified (columns), in the order of `classes`.
    both = true_counted[true_counted["matched"]]
    size = len(PARTICLE_CLASSES)
    confusion = np.bincount(both["label"] * size + both["reco_label"], minlength=size**2)
    return {
        "pt_edges": edges,
        "classes": list(PARTICLE_CLASSES),
        "groups": groups,
        "confusion": confusion.reshape(size, size),
        "true_particles": ParticleCounts(all=len(truth), in_acceptance=len(true_counted)),
        "reconstructed_particles": ParticleCounts(all=len(reco), in_acceptance=len(reco_counted)),
    }


def _composition(
    samples: Sequence[str], tables: Sequence[tuple[np.ndarray, np.ndarray, np.ndarray]]
) -> dict[str, Composition]:
    """Shares of the classes in the sum of pT in the acceptance, by sample that has events.

    The error is that of a ratio of sums over independent events: truth and reconstruction share
    the events, so that of their difference is smaller than that of either.
    """
    parts: dict[str, list[Floats]] = {}
    for sample, (truth, reco, cones) in zip(samples, tables, strict=True):
        sums = np.zeros((2, len(cones), len(PARTICLE_CLASSES)))
        for of, rows in zip(sums, (truth, reco), strict=True):
            np.add.at(of, (rows["event"], rows["label"]), rows["pt"] * rows["counted"])
        parts.setdefault(sample, []).append(sums)
    result = {}
    for sample, found in parts.items():
        sums = np.concatenate(found, axis=1)  # (2, events, classes)
        if not sums.shape[1]:
            continue
        total = np.maximum(sums.sum(axis=(1, 2)), 1e-9)[:, None]
        share = sums.sum(axis=1) / total
        moves = (sums - share[:, None] * sums.sum(axis=2, keepdims=True)) / total[:, None]
        error = np.sqrt(sums.shape[1]) * (moves[1] - moves[0]).std(axis=0)
        result[sample] = Composition(truth=share[0], reconstructed=share[1], error=error)
    return result


def _fraction(passed: NDArray[np.bool_], pt: Floats, edges: Floats) -> Ratios:
    """k / n overall and in bins, with Clopper-Pearson intervals."""
    index = np.digitize(pt, edges) - 1
    inside = (index >= 0) & (index < len(edges) - 1)
    bins = len(edges) - 1
    k = np.bincount(index[inside & passed], minlength=bins)
    n = np.bincount(index[inside], minlength=bins)
    rows = [_ratio(*pair) for pair in zip(k, n, strict=True)]
    return Ratios(
        overall=_ratio(passed.sum(), len(passed)),
        **{key: [getattr(row, key) for row in rows] for key in Ratio.model_fields},
    )


def _ratio(passed: int, total: int) -> Ratio:
    low, high = binomial_interval(passed, total)
    return Ratio(
        passed=int(passed),
        total=int(total),
        value=float(passed / total) if total else None,
        low=float(low),
        high=float(high),
    )


def _quantiles(ratio: Floats, pt: Floats, edges: Floats) -> Spreads:
    """Median and IQR / median of a ratio, overall and in bins, with their uncertainties."""
    index = np.digitize(pt, edges) - 1
    rows = [quantile_summary(ratio[index == i]) for i in range(len(edges) - 1)]
    return Spreads(
        overall=quantile_summary(ratio),
        **{key: [getattr(row, key) for row in rows] for key in Spread.model_fields},
    )


def quantile_summary(values: Floats) -> Spread:
    """Median, IQR / median, and the standard error of each; null below 4 entries.

    The errors are those of a normal core: 1.2533 sigma / sqrt(n) for the median and 1.573 sigma /
    sqrt(n) for the IQR, from the asymptotic covariance of order statistics.
    Reference: J. D. Gibbons, S. Chakraborti, Nonparametric Statistical Inference, section 2.9.
    """
    count = len(values)
    if count < 4 or np.median(values) <= 0:
        return Spread(median=None, median_error=None, width=None, width_error=None, entries=count)
    lower, median, upper = np.quantile(values, [0.25, 0.5, 0.75])
    width = upper - lower
    sigma = width / (2 * stats.norm.ppf(0.75))
    return Spread(
        median=float(median),
        median_error=float(1.2533 * sigma / np.sqrt(count)),
        width=float(width / median),
        width_error=float(1.573 * sigma / np.sqrt(count) / median),
        entries=count,
    )


def _cone_summary(cones: np.ndarray) -> Cones:
    chosen = cones[cones["truth_pt"] > MINIMUM_CONE_PT]
    pflow, topo = (
        quantile_summary(chosen[f"{name}_pt"] / chosen["truth_pt"]) for name in ("pflow", "topo")
    )
    return Cones(pflow=pflow, topo=topo)


def _histograms(truth: np.ndarray, cones: np.ndarray) -> dict[str, Any]:
    """Residuals of the matches by class, and responses of the cone."""
    found = truth[truth["counted"] & truth["matched"]]
    result = {
        f"residual_{name}": weighted(
            "residual",
            (found["reco_pt"] / found["pt"] - 1)[np.isin(found["label"], GROUPS[name])],
            RESIDUAL_EDGES,
            label=r"$(p_T^{reco} - p_T^{true}) / p_T^{true}$",
        )
        for name in PARTICLE_CLASSES
    }
    chosen = cones[cones["truth_pt"] > MINIMUM_CONE_PT]
    for name in ("pflow", "topo"):
        result[f"cone_{name}"] = weighted(
            "response",
            chosen[f"{name}_pt"] / chosen["truth_pt"],
            RESPONSE_EDGES,
            label=r"$p_T^{reco} / p_T^{true}$ within $\Delta R < 0.8$",
        )
    return result
