"""Which of two taggers is better: bootstrap replicas of the test jets that both of them see.

The same jets are easy or hard for both, so that what differs is known far better than either.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from jetchain.core.io.tables import write_result
from jetchain.core.metrics import working_points
from jetchain.core.schema.tagging import Lead, PairedMerit, PairedMerits
from jetchain.core.seeds import generator
from jetchain.core.verbs import Inputs, Output
from jetchain.tagging.scored import Scored, discriminant, read_scored
from jetchain.tagging.settings import ComparisonSettings, PairSettings

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
    value = {model: each.merits(np.ones(len(truth))) for model, each in ranked.items()}
    spread = {model: np.array([each.merits(t) for t in times]) for model, each in ranked.items()}
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


def resampled(truth: Integer, replicas: int, random: np.random.Generator) -> NDArray[np.int64]:
    """How often each jet stands in each replica; (replicas, jets).

    Signal and background are drawn apart, so that each replica has as many of both.
    """
    times = np.zeros((replicas, len(truth)), dtype=np.int64)
    for rows in (np.flatnonzero(truth == each) for each in (1, 0)):
        for replica in times:
            drawn = random.integers(0, len(rows), len(rows))
            replica[rows] = np.bincount(drawn, minlength=len(rows))
    return times


class Ranked:
    """Jets in falling score, so that the figures of merit of a replica are sums along it.

    Args:
        truth: (jets,) 1 for signal, 0 for background.
        score, weight: (jets,)
    """

    def __init__(self, truth: Integer, score: Float, weight: Float) -> None:
        self._order = np.argsort(-score, kind="stable")
        falling = score[self._order]
        self._cuts = np.flatnonzero(np.append(falling[1:] != falling[:-1], True))
        ordered = weight[self._order]
        self._weights = [np.where(truth[self._order] == each, ordered, 0) for each in (1, 0)]

    def merits(self, times: NDArray[np.integer] | Float, at: Sequence[float] = (0.5, 0.3)) -> Float:
        """AUC, and the background that is rejected at signal efficiencies: more is better.

        Args:
            times: how often each jet counts; (jets,).
            at: signal efficiencies.

        Returns:
            AUC, and 1 - background efficiency at each; (1 + efficiencies,).
        """
        counted = times[self._order]
        kept, leaked = (np.cumsum(each * counted)[self._cuts] for each in self._weights)
        kept, leaked = kept / kept[-1], leaked / leaked[-1]
        area = np.trapezoid(np.append(0.0, kept), np.append(0.0, leaked))
        return np.append(area, 1 - leaked[working_points(kept, np.array(at))])
