"""Which of two taggers is better: bootstrap replicas of the test jets that both of them see.

The same jets are easy or hard for both, so that what differs is known far better than either.
"""

from __future__ import annotations

import itertools

import numpy as np
from numpy.typing import NDArray

from jetchain.core.io.tables import write_result
from jetchain.core.metrics import resampled
from jetchain.core.schema.taggers_compared import Lead, PairedMerit, PairedMerits
from jetchain.core.seeds import generator
from jetchain.core.verbs import Inputs, Output
from jetchain.tagging.class_settings import PairSettings
from jetchain.tagging.ranked import Ranked
from jetchain.tagging.scored import Scored, discriminant, read_scored
from jetchain.tagging.settings import ComparisonSettings

Float = NDArray[np.float64]
Integer = NDArray[np.int64]


def paired(
    *, scores: Inputs, metrics: Inputs, result: Output, settings: ComparisonSettings, seed: int
) -> None:
    """Compare each two taggers in each pair of classes.

    Args:
        scores, metrics: of `tagging.evaluate`, a file a tagger, in the same order.
        result: where to write by how much the one is better, and how sure that is.
        settings: number of replicas, and the pairs of classes.
        seed: of the bootstrap.
    """
    scored, _ = read_scored(scores, metrics)
    replicas = settings.bootstrap_replicas
    rows = [
        row
        for name, pair in settings.pairs.items()
        for row in compare(scored, name, pair, replicas, seed)
    ]
    write_result(result, PairedMerits(rows=rows))


def compare(
    scored: dict[str, Scored], name: str, pair: PairSettings, replicas: int, seed: int
) -> list[PairedMerit]:
    """Each two taggers, in one pair of classes.

    Args:
        scored: the same jets, by tagger.
        name, pair: the pair of classes.
        replicas: bootstrap replicas, which all taggers share.
        seed: of the bootstrap.
    """
    ranked = {model: Ranked(*discriminant(jets, pair)) for model, jets in scored.items()}
    truth, _, _ = discriminant(next(iter(scored.values())), pair)
    times = resampled(truth, replicas, generator(seed, "paired", name))
    better = np.array([1, -1, -1])  # less background is
    value = {model: better * each.merits(np.ones(len(truth))) for model, each in ranked.items()}
    spread = {model: better * each.replicas(times) for model, each in ranked.items()}
    rows = []
    for first, second in itertools.combinations(scored, 2):
        leads = zip(
            value[first] - value[second], (spread[first] - spread[second]).std(axis=0, ddof=1),
            strict=True,
        )  # fmt: skip
        auc, at_50, at_30 = (lead(float(ahead), float(error)) for ahead, error in leads)
        rows.append(
            PairedMerit(
                pair=name, first=first, second=second, auc=auc, background_50=at_50,
                background_30=at_30,
            )
        )  # fmt: skip
    return rows


def lead(value: float, error: float) -> Lead:
    """A lead with its error and its significance."""
    return Lead(value=value, error=error, significance=value / error if error > 0 else None)
