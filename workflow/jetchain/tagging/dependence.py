"""How well a tagger does on softer and harder, central and forward jets."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from jetchain.core.io.tables import write_result
from jetchain.core.metrics import resampled
from jetchain.core.schema.graphs import JET_COLUMNS
from jetchain.core.schema.taggers_compared import BinnedArea, Dependence
from jetchain.core.seeds import generator
from jetchain.core.verbs import Inputs, Output
from jetchain.tagging.ranked import Ranked
from jetchain.tagging.scored import discriminant, read_scored
from jetchain.tagging.settings import ComparisonSettings

Float = NDArray[np.float64]

VARIABLES = ("pt", "abs_eta")
BINS = 4
FEWEST = 20
"""Jets of signal and of background, below which a bin has no area."""


def dependence(
    *, scores: Inputs, metrics: Inputs, result: Output, settings: ComparisonSettings, seed: int
) -> None:
    """Measure the area under the ROC curve in bins of pT and of |eta| that hold as many jets each.

    Args:
        scores, metrics: of `tagging.evaluate`, a file a tagger, in the same order.
        result: where to write the areas (`Dependence`), by tagger, pair of classes and variable.
        settings: number of replicas, and the pairs of classes.
        seed: of the replicas.
    """
    scored, jet = read_scored(scores, metrics)
    column = {name: jet[:, JET_COLUMNS.index(name)] for name in ("pt", "eta")}
    values = {"pt": column["pt"], "abs_eta": np.abs(column["eta"])}
    edges = {name: np.quantile(each, np.linspace(0, 1, BINS + 1)) for name, each in values.items()}
    taggers: dict[str, dict[str, dict[str, list[BinnedArea]]]] = {}
    for model, jets in scored.items():
        taggers[model] = {}
        for name, pair in settings.pairs.items():
            truth, score, weight = discriminant(jets, pair)
            chosen = jets.of_pair(pair)
            taggers[model][name] = {
                variable: [
                    area(
                        truth[rows], score[rows], weight[rows], settings.bootstrap_replicas,
                        generator(seed, "dependence", name, variable, str(n)),
                    )
                    for n, rows in enumerate(binned(values[variable][chosen], edges[variable]))
                ]
                for variable in VARIABLES
            }  # fmt: skip
    write_result(
        result,
        Dependence(edges={name: each.tolist() for name, each in edges.items()}, taggers=taggers),
    )


def binned(values: Float, edges: Float) -> list[NDArray[np.int64]]:
    """The rows of each bin; the last holds its upper edge.

    Args:
        values: of the jets; (jets,).
        edges: (bins + 1,), which hold all values.
    """
    bins = np.clip(np.searchsorted(edges, values, side="right") - 1, 0, len(edges) - 2)
    return [np.flatnonzero(bins == n) for n in range(len(edges) - 1)]


def area(
    truth: NDArray[np.int64],
    score: Float,
    weight: Float,
    replicas: int,
    random: np.random.Generator,
) -> BinnedArea:
    """The area under the ROC curve of some jets, and its bootstrap error; none of too few jets."""
    signal = int(truth.sum())
    background = len(truth) - signal
    if min(signal, background) < FEWEST:
        return BinnedArea(signal=signal, background=background, auc=None, error=None)
    ranked = Ranked(truth, score, weight)
    spread = ranked.replicas(resampled(truth, replicas, random), ())[:, 0]
    value = ranked.merits(np.ones(len(truth)), ())[0]
    return BinnedArea(
        signal=signal,
        background=background,
        auc=float(value),
        error=float(np.std(spread, ddof=1)) if replicas > 1 else None,
    )
