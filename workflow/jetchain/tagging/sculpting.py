"""Whether a tagger picks the background by its mass: the spectrum before and after a cut on it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from jetchain.core.io.tables import write_result
from jetchain.core.metrics import roc_curve, working_points
from jetchain.core.schema.graphs import JET_COLUMNS
from jetchain.core.schema.taggers_compared import MassSculpting, Sculpting
from jetchain.core.seeds import generator
from jetchain.core.verbs import Inputs, Output
from jetchain.tagging.scored import discriminant, read_scored
from jetchain.tagging.settings import ComparisonSettings

Float = NDArray[np.float64]

EFFICIENCY = 0.5
EDGES = np.linspace(0.0, 260.0, 27)  # GeV; beyond them the last bin counts


def sculpting(
    *, scores: Inputs, metrics: Inputs, result: Output, settings: ComparisonSettings, seed: int
) -> None:
    """Compare the soft-drop mass of the background with that of what a cut keeps of it.

    Args:
        scores, metrics: of `tagging.evaluate`, a file a tagger, in the same order.
        result: where to write both spectra and their divergence, by tagger and pair of classes.
        settings: number of replicas, and the pairs of classes.
        seed: of the cuts that know nothing.
    """
    scored, jet = read_scored(scores, metrics)
    mass = jet[:, JET_COLUMNS.index("msd")]
    replicas = settings.bootstrap_replicas
    taggers: dict[str, dict[str, MassSculpting]] = {}
    for model, jets in scored.items():
        taggers[model] = {}
        for name, pair in settings.pairs.items():
            truth, score, weight = discriminant(jets, pair)
            _, kept, cuts = roc_curve(truth, score, weight)
            passed = score >= cuts[working_points(kept, EFFICIENCY)]
            only = truth == 0
            taggers[model][name] = sculpted(
                mass[jets.of_pair(pair)][only], weight[only], passed[only], replicas,
                generator(seed, "sculpting", name),
            )  # fmt: skip
    write_result(
        result,
        Sculpting(signal_efficiency=EFFICIENCY, edges=EDGES.tolist(), taggers=taggers),
    )


def sculpted(
    mass: Float,
    weight: Float,
    passed: NDArray[np.bool_],
    replicas: int,
    random: np.random.Generator,
) -> MassSculpting:
    """The spectrum of background jets before and after a cut, and how far they differ.

    Few jets differ from many by chance too: by as much as those that a cut keeps which knows
    nothing, as many jets at random.

    Args:
        mass, weight: of the background jets, (jets,); mass in GeV.
        passed: whether the cut keeps them; (jets,).
        replicas: cuts that know nothing.
        random: of these.
    """
    bins = np.clip(np.searchsorted(EDGES, mass, side="right") - 1, 0, len(EDGES) - 2)
    before, after = spectrum(bins, weight), spectrum(bins[passed], weight[passed])
    variance = np.bincount(bins[passed], weight[passed] ** 2, minlength=len(before))
    number = int(passed.sum())
    chance = np.zeros(0)
    if number:
        drawn = (random.permutation(len(mass))[:number] for _ in range(replicas))
        chance = np.array([divergence(before, spectrum(bins[n], weight[n])) for n in drawn])
    return MassSculpting(
        passed=number,
        before=before.tolist(),
        after=after.tolist(),
        after_error=(np.sqrt(variance) / max(weight[passed].sum(), 1e-300)).tolist(),
        divergence=divergence(before, after) if number else None,
        chance=float(chance.mean()) if number else None,
        chance_high=float(np.percentile(chance, 97.72)) if number else None,
    )


def spectrum(bins: NDArray[np.integer], weight: Float) -> Float:
    """Share of the weight in each bin; all 0 of no jet."""
    sums = np.bincount(bins, weight, minlength=len(EDGES) - 1)
    return sums / max(sums.sum(), 1e-300)


def divergence(one: Float, other: Float) -> float:
    """Jensen-Shannon divergence of two distributions in bits: 0 if equal, 1 if disjoint.

    Reference:
        Lin, IEEE Transactions on Information Theory 37 (1991) 145, eq. 3.7.
    """

    def entropy(p: Float) -> float:
        real = p[p > 0]
        return float(-(real * np.log2(real)).sum())

    return max(entropy((one + other) / 2) - (entropy(one) + entropy(other)) / 2, 0.0)
