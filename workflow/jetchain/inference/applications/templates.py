"""A boosted VH(H -> cc)-like search as a workspace: a tagger's jets in categories and masses.

V decays to leptons, which are taken to be seen always; the other boson is the jet. The tagger's
test jets give the efficiencies and mass shapes, cross-sections of leading order the rates.
Multijet events, lepton and trigger efficiencies, and migration across the window of pT are left
out, and V + jets has the flavours and momenta of the dijet samples' jets: the limits are those of
an ideal search with these jets.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jetchain.core.errors import DataError, EmptySampleError
from jetchain.core.io.mapped import Mapped
from jetchain.core.io.tables import read_result
from jetchain.core.io.tensors import read_tensors
from jetchain.core.schema.graphs import JET_COLUMNS
from jetchain.core.schema.tagging import TAGGING_JETS, TAGGING_SCORES, TaggerMetrics
from jetchain.inference.applications.settings import CharmSettings

CC, BB, QCD = "Hcc", "Hbb", ("quark", "gluon")
STRENGTH_CC, STRENGTH_BB = "mu_cc", "mu_bb"


@dataclass(frozen=True)
class Jets:
    """Test jets with the outputs of a tagger.

    Attributes:
        classes: names of the outputs.
        label: index into them; (jets,).
        probability: (jets, classes).
        mass: soft-drop, GeV; (jets,).
        weight: of the events, which brings the spectrum of pT of a class to the physical one.
    """

    classes: Sequence[str]
    label: NDArray[np.integer]
    probability: NDArray[np.floating]
    mass: NDArray[np.floating]
    weight: NDArray[np.floating]

    def of(self, name: str) -> NDArray[np.bool_]:
        """Which jets are of a class; (jets,)."""
        return self.label == self.classes.index(name)

    def output(self, name: str) -> NDArray[np.floating]:
        """The probability of a class; (jets,)."""
        return self.probability[:, self.classes.index(name)].astype(float)

    def score(self, name: str) -> NDArray[np.floating]:
        """p / (p + p_quark + p_gluon), as arXiv:2202.03772, eq. 4; (jets,)."""
        own = self.output(name)
        return own / np.maximum(own + sum(self.output(each) for each in QCD), 1e-40)


@dataclass(frozen=True)
class Category:
    """A class of jets in a category.

    Attributes:
        jets: test jets behind it.
        share: of the class's rate, in each bin of mass; (bins,).
        error: of these, statistical; of an empty bin that of one jet; (bins,).
    """

    jets: int
    share: NDArray[np.floating]
    error: NDArray[np.floating]


def read_jets(scores: Path, metrics: Path, datasets: Sequence[Path]) -> Jets:
    """The test jets, with the weights of their events from the data set that they are of.

    Args:
        scores, metrics: of `tagging.evaluate`.
        datasets: the shards of the tagging data set.

    Raises:
        DataError: a class is missing, or the jets are not those of the data set.
    """
    classes = read_result(metrics, TaggerMetrics).classes
    if lacking := {CC, BB, *QCD} - {*classes}:
        raise DataError(
            f"{metrics}: the tagger knows no {', '.join(sorted(lacking))}.",
            "The search needs the classes Hcc, Hbb, quark and gluon in tagging.classes.",
        )
    table = read_tensors(scores, TAGGING_SCORES)
    names = ["label", "event_number", "jet_index"]
    whole = Mapped(list(datasets), TAGGING_JETS)
    rows = whole.rows(np.arange(len(whole)), [*names, "weight"])
    weights: dict[tuple[int, ...], float] = {}
    keys = zip(*(rows[name].tolist() for name in names), strict=True)
    for key, weight in zip(keys, rows["weight"].tolist(), strict=True):
        if weights.setdefault(key, weight) != weight:
            raise DataError(
                f"{scores}: event {key[1]} of '{classes[key[0]]}' is in two samples.",
                "Take each class from one sample, or from samples whose events are numbered apart.",
            )
    asked = zip(*(table[name].tolist() for name in names), strict=True)
    try:
        weight = np.array([weights[key] for key in asked], float)
    except KeyError as error:
        raise DataError(
            f"{scores}: jet {error} is not in the data set.", "Evaluate the tagger again."
        ) from None
    mass = table["jet"][:, JET_COLUMNS.index("msd")].astype(float)
    return Jets(classes, table["label"], table["probability"], mass, weight)


def rates(known: Mapping[str, Any], classes: Sequence[str]) -> dict[str, float]:
    """Cross-sections times branching fractions of the classes of jets, fb.

    Args:
        known: the resource: cross-sections of processes, branching fractions, and the products of
            both that make up each class.
        classes: of the tagger; those without a process are left out.
    """
    found = {}
    for name, products in known["classes"].items():
        if name not in classes:
            continue
        found[name] = 0.0
        for process, *factors in products:
            product = known["processes"][process]["fb"]
            for each in factors:
                product *= each if isinstance(each, int | float) else known["branching"][each]
            found[name] += product
    return found


def categorise(jets: Jets, settings: CharmSettings) -> dict[str, NDArray[np.bool_]]:
    """Which jets are in which category: rich in H -> bb, then by efficiency for H -> cc.

    Thresholds are those that leave the stated share of the jets of H -> cc (H -> bb) by weight.
    """
    score, other = jets.score(CC), jets.score(BB)
    for_bb = (jets.output(BB) > jets.output(CC)) & (
        other >= threshold(other, jets.weight, jets.of(BB), settings.bb_working_point)
    )
    found = {"bb": for_bb}
    edges = [
        threshold(score, jets.weight, jets.of(CC), each) for each in settings.working_points
    ] + [np.inf]
    for point, low, high in zip(settings.working_points, edges[:-1], edges[1:], strict=True):
        found[f"cc_{100 * point:.0f}"] = ~for_bb & (score >= low) & (score < high)
    return found


def threshold(
    score: NDArray[np.floating],
    weight: NDArray[np.floating],
    chosen: NDArray[np.bool_],
    efficiency: float,
) -> float:
    """The score that a share of the chosen jets has or exceeds.

    Raises:
        EmptySampleError: no jet is chosen.
    """
    if not chosen.any():
        raise EmptySampleError("No test jet of H -> cc, or of H -> bb.", "Generate more events.")
    order = np.argsort(-score[chosen], kind="stable")
    passed = np.cumsum(weight[chosen][order])
    place = np.searchsorted(passed, efficiency * passed[-1] * (1 - 1e-12))
    return float(score[chosen][order][place])


def shares(
    jets: Jets, categories: Mapping[str, NDArray[np.bool_]], edges: Sequence[float]
) -> dict[str, dict[str, Category]]:
    """What of each class falls into each category and bin: by category and class.

    Of the many quark and gluon jets few pass: their mass is that of all categories together, and
    only how many there are is counted in each category, at least one.
    """
    anywhere = np.any(list(categories.values()), axis=0)
    found: dict[str, dict[str, Category]] = {}
    for name, chosen in categories.items():
        found[name] = {}
        for each in jets.classes:
            own = jets.of(each)
            if not own.any():
                raise EmptySampleError(f"No test jet of '{each}'.", "Generate more events.")
            if each not in QCD:
                found[name][each] = _counted(jets, own, own & chosen, edges)
                continue
            shape = _counted(jets, own, own & anywhere, edges)
            inside = (jets.mass >= edges[0]) & (jets.mass < edges[-1])
            passed = own & chosen & inside
            total = jets.weight[own].sum()
            share = max(jets.weight[passed].sum() / total, 1 / own.sum())
            scale = share / max(shape.share.sum(), 1e-300)
            if not shape.share.any():  # nothing passes anywhere: one jet, in any bin alike
                bins = len(shape.share)
                flat = np.full(bins, share / bins)
                found[name][each] = Category(0, flat, flat)
                continue
            found[name][each] = Category(
                int(passed.sum()), shape.share * scale, shape.error * scale
            )
    return found


def _counted(
    jets: Jets, own: NDArray[np.bool_], passed: NDArray[np.bool_], edges: Sequence[float]
) -> Category:
    """Counts in bins of mass over the weight of all jets of the class."""
    total = jets.weight[own].sum()
    counts, _ = np.histogram(jets.mass[passed], edges, weights=jets.weight[passed])
    squares, _ = np.histogram(jets.mass[passed], edges, weights=jets.weight[passed] ** 2)
    error = np.where(counts > 0, np.sqrt(squares), jets.weight[own].mean()) / total
    inside = passed & (jets.mass >= edges[0]) & (jets.mass < edges[-1])
    return Category(int(inside.sum()), counts / total, error)


def build(
    table: Mapping[str, Mapping[str, Category]],
    rate: Mapping[str, float],
    settings: CharmSettings,
    luminosity: tuple[float, float],
    *,
    statistics: bool,
) -> dict[str, Any]:
    """The HistFactory model, with the counts that the standard model expects as data.

    V + jets has a free norm in each category, fixed by the masses beside the peaks. The strengths
    of H -> cc and H -> bb are apart, the second held at 1 but in scans of kappa_c.

    Args:
        table: shares by category and class.
        rate: fb by class.
        settings: uncertainties.
        luminosity: in 1/fb, and its relative uncertainty.
        statistics: whether the number of simulated jets is an uncertainty (Barlow-Beeston).

    Raises:
        EmptySampleError: nothing is expected in a bin.
    """
    channels, observations = [], []
    for category, classes in table.items():
        groups = {"vjets": [*QCD]} | {name: [name] for name in classes if name not in QCD}
        samples, total = [], np.zeros(len(settings.mass_edges) - 1)
        for sample, members in groups.items():
            known = [name for name in members if name in rate]
            if not known:  # a class of the tagger that no process of the search has
                continue
            scale = np.array([luminosity[0] * rate[name] for name in known])[:, None]
            events = np.sum(scale * [classes[name].share for name in known], axis=0)
            error = np.sqrt(np.sum((scale * [classes[name].error for name in known]) ** 2, axis=0))
            modifiers = _modifiers(sample, category, settings, luminosity[1])
            if statistics:
                name = f"statistics_{category}"
                modifiers.append({"name": name, "type": "staterror", "data": error.tolist()})
            samples.append({"name": sample, "data": events.tolist(), "modifiers": modifiers})
            total = total + events
        if not (total > 0).all():
            raise EmptySampleError(
                f"In category '{category}' nothing is expected in some bin of mass.",
                "Widen inference.applications.charm.mass_edges, loosen its working_points, or "
                "generate more jets.",
            )
        channels.append({"name": category, "samples": samples})
        observations.append({"name": category, "data": total.tolist()})
    norms = [f"norm_vjets_{name}" for name in table]
    return {
        "version": "1.0.0",
        "channels": channels,
        "observations": observations,
        "measurements": [
            {
                "name": "VHcc",
                "config": {
                    "poi": STRENGTH_CC,
                    "parameters": [
                        {"name": STRENGTH_CC, "inits": [1.0], "bounds": [[0.0, 1000.0]]},
                        {"name": STRENGTH_BB, "inits": [1.0], "fixed": True},
                        *(
                            {"name": name, "inits": [1.0], "bounds": [[0.0, 10.0]]}
                            for name in norms
                        ),
                    ],
                },
            }
        ],
    }


def _modifiers(
    sample: str, category: str, settings: CharmSettings, luminosity: float
) -> list[dict[str, Any]]:
    """What scales a sample of a category; all log-normal but strengths and free norms."""
    if sample == "vjets":
        return [{"name": f"norm_vjets_{category}", "type": "normfactor", "data": None}]
    relative = {"luminosity": luminosity}
    modifiers: list[dict[str, Any]] = []
    if sample in (CC, BB):
        strength = STRENGTH_CC if sample == CC else STRENGTH_BB
        modifiers.append({"name": strength, "type": "normfactor", "data": None})
        relative |= {"rate_VH": settings.normalisation_uncertainty}
        relative |= {f"efficiency_{sample}": settings.efficiency_uncertainty}
    else:
        relative |= {f"rate_{sample}": settings.normalisation_uncertainty}
    return modifiers + [
        {"name": name, "type": "normsys", "data": {"hi": 1 + each, "lo": 1 / (1 + each)}}
        for name, each in relative.items()
    ]
