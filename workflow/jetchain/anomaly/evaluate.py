"""Significance improvement of every method: the only verb of the search that compares with truth.

Curves are made in the signal region, from the background of the data and from all signal events
there, injected or not: the latter were scored by models of their own fold too.

The score of a method is the mean of its trainings. Bands are statistical, from bootstrap replicas
of the events that are evaluated; how far single trainings lie apart is given beside them.

Reference: SIC = eS / sqrt(eB) as in arXiv 2109.00546; floor on the background, arXiv 2309.13111.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from jetchain.anomaly.settings import EvaluationJob, EvaluationSettings
from jetchain.core.dijets import Array, inside, read_dijets, read_scores, read_truth
from jetchain.core.errors import EmptySampleError
from jetchain.core.io.tables import write_csv, write_result
from jetchain.core.metrics import auc, bootstrap, roc_curve, significance_improvement
from jetchain.core.schema.anomaly import (
    MethodMetrics,
    SearchMetrics,
    TrainingSpread,
    WorkingPoint,
)
from jetchain.core.seeds import derive_seed, generator
from jetchain.core.verbs import Input, Inputs, Output


def maximum_sic(labels: NDArray, scores: Array, minimum_background: int) -> float:
    """Largest significance improvement among the cuts that keep enough background events.

    Raises:
        EmptySampleError: no cut does.
    """
    _, values = significance_improvement(labels, scores, minimum_background)
    if len(values) == 0:
        raise EmptySampleError(
            f"Fewer than {minimum_background} background events lie in the signal region.",
            "Generate more background, or lower anomaly.evaluation.minimum_background.",
        )
    return float(values.max())


def sic_at(labels: NDArray, scores: Array, background_efficiency: float) -> float:
    """Significance improvement of the cut that keeps this share of the background.

    Raises:
        EmptySampleError: there is no signal or no background.
    """
    if len(np.unique(labels)) < 2:
        raise EmptySampleError("No signal or no background.", "Generate more events.")
    fpr, tpr, _ = roc_curve(labels, scores)
    return float(np.interp(background_efficiency, fpr, tpr) / np.sqrt(background_efficiency))


def working_point(
    labels: NDArray, scores: Array, settings: EvaluationSettings, seed: int
) -> WorkingPoint | None:
    """The significance improvement at the working point; arguments as of `assess`."""
    share = settings.working_point
    if share * np.count_nonzero(labels == 0) < settings.minimum_background:
        return None
    value = bootstrap(
        lambda y, s: sic_at(y, s, share),
        labels,
        scores.mean(axis=1),
        replicas=settings.replicas,
        seed=derive_seed(seed, "working point"),
    )
    single = [sic_at(labels, column, share) for column in scores.T]
    low, median, high = np.percentile(single, [15.87, 50, 84.13])
    return WorkingPoint(
        background_efficiency=share,
        sic=value.value,
        sic_bootstrap=(value.low, value.high),
        sic_trainings=TrainingSpread(median=median, low=low, high=high, number=len(single)),
    )


def sic_curve(
    labels: NDArray, scores: Array, efficiencies: Array, minimum_background: int
) -> Array:
    """Significance improvement at given signal efficiencies, NaN below the background floor.

    All NaN without signal or background, as some replicas of few events are.

    Args:
        labels: (n,) 1 for signal.
        scores: (n,)
        efficiencies: (points,) signal efficiencies.
        minimum_background: cuts that keep fewer background events are not quoted.
    """
    if len(np.unique(labels)) < 2:
        return np.full(len(efficiencies), np.nan)
    fpr, tpr, _ = roc_curve(labels, scores)
    background = np.interp(efficiencies, tpr, fpr)
    enough = background * np.count_nonzero(labels == 0) >= minimum_background - 1e-9
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(enough, efficiencies / np.sqrt(background), np.nan)


def assess(
    labels: NDArray, scores: Array, settings: EvaluationSettings, seed: int
) -> tuple[MethodMetrics, dict[str, Array]]:
    """Figures of merit and curve of one method.

    Args:
        labels: (n,) 1 for signal.
        scores: (n, trainings); the method's score is their mean.
        settings: of the evaluation.
        seed: of the bootstrap.

    Returns:
        The figures of merit; and the curve with its 68 % band over bootstrap replicas.
    """
    floor = settings.minimum_background
    mean = scores.mean(axis=1)
    value = bootstrap(
        lambda y, s: maximum_sic(y, s, floor),
        labels,
        mean,
        replicas=settings.replicas,
        seed=seed,
    )
    columns = scores.T
    single = [maximum_sic(labels, column, floor) for column in columns]
    low, median, high = np.percentile(single, [15.87, 50, 84.13])
    background, signal = mean[labels == 0], mean[labels == 1]
    merit = MethodMetrics(
        auc=auc(labels, mean),
        max_sic=value.value,
        max_sic_bootstrap=(value.low, value.high),
        max_sic_trainings=TrainingSpread(median=median, low=low, high=high, number=len(single)),
        signal_efficiency={
            f"{efficiency:g}": float(np.mean(signal > np.quantile(background, 1 - efficiency)))
            for efficiency in (0.1, 0.01)
        },
        working_point=working_point(labels, scores, settings, seed),
    )
    efficiencies = np.linspace(0.0, 1.0, settings.points + 1)[1:]
    random = generator(seed, "curves")
    replicas = np.array(
        [
            sic_curve(labels[own], mean[own], efficiencies, floor)
            for own in random.integers(0, len(labels), (settings.replicas, len(labels)))
        ]
    )
    # Near the floor some replicas have no value: the band ends where half of them do.
    band = np.full((2, len(efficiencies)), np.nan)
    known = np.isfinite(replicas).mean(axis=0) > 0.5
    band[:, known] = np.nanpercentile(replicas[:, known], [15.87, 84.13], axis=0)
    curve = {
        "signal_efficiency": efficiencies,
        "sic": sic_curve(labels, mean, efficiencies, floor),
        "sic_low": band[0],
        "sic_high": band[1],
    }
    return merit, curve


def evaluate(
    *,
    data: Input,
    truth: Input,
    signal_test: Input,
    scores: Inputs,
    signal_scores: Inputs,
    metrics: Output,
    curves: Output,
    settings: EvaluationJob,
    seed: int,
) -> None:
    """Compare all methods; a score file's folder names its method."""
    tables = [read_dijets(path) for path in (data, signal_test)]
    chosen = [inside(table["m_jj"], settings.signal_region) for table in tables]
    is_signal = read_truth(truth, tables[0])[chosen[0]]
    labels = np.concatenate([is_signal, np.ones(chosen[1].sum(), dtype=np.int64)])
    for what, label in (("background", 0), ("signal", 1)):
        if not np.any(labels == label):
            low, high = settings.signal_region
            raise EmptySampleError(
                f"No {what} event lies in the signal region, {low:g} to {high:g} TeV: there is "
                "nothing to compare the methods on.",
                f"Generate more {what} events, or move anomaly.signal_region.",
            )
    merits: dict[str, MethodMetrics] = {}
    rows: dict[str, list[Any]] = {
        "method": [], "signal_efficiency": [], "sic": [], "sic_low": [], "sic_high": []
    }  # fmt: skip
    for paths in zip(scores, signal_scores, strict=True):
        method = paths[0].parent.name
        parts = [
            read_scores(path, table)[own]
            for path, table, own in zip(paths, tables, chosen, strict=True)
        ]
        merits[method], curve = assess(
            labels, np.concatenate(parts), settings.evaluation, derive_seed(seed, method)
        )
        known = np.isfinite(curve["sic"])
        rows["method"] += [method] * int(known.sum())
        for name, values in curve.items():
            rows[name] += values[known].tolist()
    background = int((is_signal == 0).sum())
    write_result(
        metrics,
        SearchMetrics(
            signal_region_tev=(settings.signal_region[0], settings.signal_region[1]),
            background_events=background,
            injected_events=int(is_signal.sum()),
            signal_to_background=float(is_signal.sum() / max(background, 1)),
            signal_events_evaluated=int(labels.sum()),
            methods=merits,
        ),
    )
    write_csv(curves, rows)
