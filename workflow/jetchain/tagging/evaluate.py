"""Scores of the test jets, and the figures of merit of a tagger, each with its error."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from jetchain.core import histograms as core_histograms
from jetchain.core.errors import DataError
from jetchain.core.io.tables import write_csv, write_result
from jetchain.core.io.tensors import write_tensors
from jetchain.core.metrics import (
    auc,
    balanced_accuracy,
    binomial_interval,
    bootstrap,
    rejection,
    resampled,
    roc_curve,
    working_points,
)
from jetchain.core.schema.tagging import (
    TAGGING_SCORES,
    Confusion,
    FiguresOfMerit,
    Interval,
    PairMerit,
    Rejection,
    Replicated,
    TaggerMetrics,
    TrainedTagger,
)
from jetchain.core.seeds import derive_seed, generator, make_deterministic
from jetchain.core.spectrum import effective_number
from jetchain.core.verbs import Input, Inputs, Output
from jetchain.tagging.batches import JetReader, Jets
from jetchain.tagging.class_settings import PairSettings
from jetchain.tagging.models import MODELS
from jetchain.tagging.networks import forward_flops, load
from jetchain.tagging.ranked import Ranked
from jetchain.tagging.scored import Scored, discriminant
from jetchain.tagging.settings import EvaluateSettings

Float = NDArray[np.float64]
Integer = NDArray[np.int64]

WORKING_POINTS = {"rejection_50": 0.5, "rejection_30": 0.3}
INSIDE = np.nextafter(1.0, 0.0)  # the last bin ends before 1, where rounding takes a sure one
COUNTED = 256  # jets, of all classes, whose operations are counted


def evaluate(
    *,
    dataset: Input,
    jets: Inputs,
    weights: Input,
    scores: Output,
    metrics: Output,
    roc: Output,
    histograms: Output,
    settings: EvaluateSettings,
    seed: int,
) -> None:
    """Score the test split, and measure how well the tagger tells the classes apart.

    Args:
        dataset: of `tagging.dataset`.
        jets: TAGGING_JETS of its shards.
        weights: of the trained tagger.
        scores: where to write the probabilities of the test jets.
        metrics: where to write AUC, rejections, accuracy and confusion matrix, with errors.
        roc: where to write the ROC curves with their bootstrap bands.
        histograms: where to write the distributions of the discriminants, per true class.
        settings: of the evaluation, and the pairs of classes.
        seed: of the bootstrap.
    """
    make_deterministic(seed)
    network, about = load(weights)
    test = JetReader(dataset, jets, about.preprocessing).split("test")
    options, pairs = settings.evaluation, settings.pairs
    probability = probabilities(network, test, options.batch_size)
    label, weight = test.label.numpy(), test.weight.double().numpy()
    table = {
        "event_number": test.event_number.numpy(),
        "jet_index": test.jet_index.numpy(),
        "label": label,
        "weight": weight,
        "jet": test.jet.numpy(),
        "probability": probability,
    }
    write_tensors(scores, TAGGING_SCORES, table)
    scored = Scored(label, probability, weight, about.classes)
    points, replicas = options.roc_points, options.bootstrap_replicas
    result = measure(network, about, test, scored, pairs, replicas, seed)
    write_result(metrics, result)
    write_csv(roc, roc_bands(scored, pairs, points, replicas, seed))
    core_histograms.save_histograms(histograms, distributions(scored, pairs))


def measure(
    network: torch.nn.Module,
    about: TrainedTagger,
    test: Jets,
    scored: Scored,
    pairs: Mapping[str, PairSettings],
    replicas: int,
    seed: int,
) -> TaggerMetrics:
    """The figures of merit of a trained tagger.

    Args:
        network, about: the tagger.
        test, scored: the test jets, and their scores.
        pairs, replicas, seed: as in `figures_of_merit`.
    """
    return TaggerMetrics(
        **dict(figures_of_merit(scored, pairs, replicas, seed)),
        model=about.tagger,
        feature_set=about.feature_set,
        sees=MODELS.decode(about.tagger, about.settings).sees(about.feature_set),
        parameters=sum(parameter.numel() for parameter in network.parameters()),
        flops=forward_flops(network, test[np.arange(0, len(test), -(-len(test) // COUNTED))]),
        training_jets=about.training_jets,
    )


@torch.no_grad()
def probabilities(network: torch.nn.Module, jets: Jets, batch_size: int) -> NDArray[np.float32]:
    """Softmax outputs of the network in evaluation mode, (jets, classes)."""
    network.eval()
    parts = []
    for batch in jets.batches(batch_size):
        parts.append(network(batch).double().softmax(dim=1).float().numpy())
    found = np.concatenate(parts)
    if not np.all(finite := np.isfinite(found).all(axis=1)):
        raise DataError(
            f"The output of the tagger is no number for {np.sum(~finite)} of {len(finite)} jets, "
            f"the first of them number {np.argmin(finite)}.",
            "Train it with a smaller learning_rate, or look at what its network divides by.",
        )
    return found


def figures_of_merit(
    scored: Scored, pairs: Mapping[str, PairSettings], replicas: int, seed: int
) -> FiguresOfMerit:
    """AUC and rejections of each pair, accuracy, macro AUC and confusion matrix, with errors.

    Args:
        scored: the test jets.
        pairs: of classes, by name.
        replicas: bootstrap replicas behind each error.
        seed: of the bootstrap.
    """
    found: dict[str, PairMerit] = {}
    for name, pair in pairs.items():
        truth, score, of_jet = discriminant(scored, pair)
        whole = sum(pair.background.values())
        found[name] = PairMerit(
            signal=pair.signal,
            background={each: value / whole for each, value in pair.background.items()},
            signal_jets=int(truth.sum()),
            background_jets=int((1 - truth).sum()),
            signal_effective=effective_number(of_jet[truth == 1]),
            background_effective=effective_number(of_jet[truth == 0]),
            **merits_of_pair(truth, score, of_jet, replicas, derive_seed(seed, name)),
        )
    label, probability, weight = scored.label, scored.probability, scored.weight
    accuracy = bootstrap(
        balanced_accuracy, label, probability, weight,
        replicas=replicas, seed=derive_seed(seed, "accuracy"),
    )  # fmt: skip
    return FiguresOfMerit(
        classes=list(scored.classes),
        pairs=found,
        accuracy=Interval(value=accuracy.value, low=accuracy.low, high=accuracy.high),
        macro_auc=macro_auc(label, probability, weight),
        confusion=confusion(label, probability.argmax(axis=1), weight, probability.shape[1]),
    )


def merits_of_pair(
    truth: Integer, score: Float, weight: Float, replicas: int, seed: int
) -> dict[str, Any]:
    """AUC, and the rejection at each of WORKING_POINTS, with errors; fields of PairMerit.

    Args:
        truth: (jets,) 1 for signal, 0 for background.
        score, weight: (jets,)
        replicas: bootstrap replicas, which all of them share.
        seed: of the bootstrap.
    """
    area = auc(truth, score, weight)
    times = resampled(truth, replicas, generator(seed, "bootstrap"))
    spread = Ranked(truth, score, weight).replicas(times, list(WORKING_POINTS.values()))
    rejections = {
        point: rejection_with_error(truth, score, weight, efficiency, leaked)
        for (point, efficiency), leaked in zip(WORKING_POINTS.items(), spread.T[1:], strict=True)
    }
    # A tighter cut rejects no less: what bounds the looser one from below bounds it too.
    loose, tight = rejections.values()
    low = max(loose.low, tight.low)
    rejections["rejection_30"] = tight.model_copy(
        update={"low": low, "std": (tight.high - low) / 2}
    )
    return {"auc": Replicated(value=area, **interval(spread[:, 0])), **rejections}


def interval(spread: Float) -> dict[str, float]:
    """Central 68 % interval and standard deviation of replicas, (replicas,)."""
    low, high = np.percentile(spread, [15.87, 84.13])
    return {"low": float(low), "high": float(high), "std": float(np.std(spread, ddof=1))}


def rejection_with_error(
    truth: Integer, score: Float, weight: Float, efficiency: float, replicas: Float
) -> Rejection:
    """1 / background efficiency at a signal efficiency, with a 68 % interval.

    The interval is the wider one, end by end, of the bootstrap's, which knows that the cut moves
    too, and of `counted_interval`, which knows that few jets pass. Where less than one of the
    effective number of background jets passes, the data only bound the rejection from below: the
    value is then this number, and `low` the inverse of the upper end.

    Args:
        truth: (jets,) 1 for signal, 0 for background.
        score, weight: (jets,)
        efficiency: of the signal.
        replicas: background efficiency there in bootstrap replicas; (replicas,).
    """
    leaked, kept, cuts = roc_curve(truth, score, weight)
    cut = working_points(kept, efficiency)
    own = weight[truth == 0]
    passing = own[score[truth == 0] >= cuts[cut]]
    background = effective_number(own)
    low, high = map(float, counted_interval(passing.sum(), passing @ passing, own))
    ends = interval(replicas)
    high = max(high, ends["high"])
    low = min(low, ends["low"]) if ends["low"] > 0 else low
    bound = leaked[cut] * background < 1 - 1e-9
    value = background if bound else rejection(truth, score, efficiency, weight)
    most = background if bound else 1 / low
    return Rejection(
        value=value, low=1 / high, high=most, std=(most - 1 / high) / 2, passed=len(passing),
        bound=bool(bound),
    )  # fmt: skip


def counted_interval(
    passed: ArrayLike, squares: ArrayLike, background: Float
) -> tuple[Float, Float]:
    """Interval of Clopper and Pearson of an efficiency, for jets with weights.

    As many count as have the relative error of those that pass, (sum w)^2 / sum w^2, out of as many
    as there were with such a weight each. Where less passes than one of the effective number of
    all, nothing is known of its weight: that of all stands in.

    Args:
        passed, squares: sums of the weights that pass and of their squares.
        background: weights of all; (jets,).
    """
    w, w2 = np.asarray(passed, dtype=float), np.asarray(squares, dtype=float)
    total = background.sum()
    usual = total / effective_number(background)
    each = np.where(w < usual, usual, w2 / np.where(w > 0, w, 1.0))
    low, high = binomial_interval(np.maximum(w, 0.0) / each, total / each)
    return low, high


def macro_auc(label: Integer, probability: np.ndarray, weight: Float) -> float:
    """One-versus-one AUC, averaged over all ordered pairs of classes.

    Reference:
        Hand and Till, Machine Learning 45 (2001) 171, eq. 7.
    """
    values = []
    for a, b in itertools.permutations(range(probability.shape[1]), 2):
        chosen = np.isin(label, (a, b))
        values.append(auc(label[chosen] == a, probability[chosen, a], weight[chosen]))
    return float(np.mean(values))


def confusion(label: Integer, predicted: Integer, weight: Float, classes: int) -> Confusion:
    """Which share of the jets of each true class (rows) is taken for which class (columns).

    Args:
        label: (jets,) true class.
        predicted: (jets,) most probable class.
        weight: (jets,)
        classes: their number.
    """
    shape = (classes, classes)
    counts, sums = np.zeros(shape, dtype=np.int64), np.zeros(shape)
    np.add.at(counts, (label, predicted), 1)
    np.add.at(sums, (label, predicted), weight)
    fraction = sums / np.where(counts.any(axis=1), sums.sum(axis=1), 1.0)[:, None]
    effective = np.array([effective_number(weight[label == n]) for n in range(classes)])
    total = np.broadcast_to(effective[:, None], shape)
    low, high = binomial_interval(fraction * total, total)
    return Confusion(
        counts=counts.tolist(),
        fraction=fraction.tolist(),
        low=low.tolist(),
        high=high.tolist(),
    )


def roc_bands(
    scored: Scored, pairs: Mapping[str, PairSettings], points: int, replicas: int, seed: int
) -> dict[str, np.ndarray]:
    """The ROC curve of every pair with its 68 % bootstrap band, as columns of one table."""
    grid = np.arange(1, points + 1) / (points + 1)
    columns: dict[str, list[np.ndarray]] = {
        name: [] for name in
        ("pair", "signal_efficiency", "background_efficiency", "low", "high", "passed")
    }  # fmt: skip
    for name, pair in pairs.items():
        truth, score, of_jet = discriminant(scored, pair)
        band = roc_band(truth, score, of_jet, grid, replicas, derive_seed(seed, name))
        for column, values in zip(
            columns.values(), (np.full(points, name), grid, *band), strict=True
        ):
            column.append(values)
    return {name: np.concatenate(parts) for name, parts in columns.items()}


def roc_band(
    truth: Integer, score: Float, weight: Float, grid: Float, replicas: int, seed: int
) -> tuple[Float, Float, Float, Integer]:
    """Background efficiency at given signal efficiencies, with its 68 % band.

    Signal and background are resampled apart, so that each replica has as many of both. The band
    reaches `counted_interval` at least. What a looser cut leaves is no less than what a tighter one
    does, and so are both ends of the band.

    Args:
        truth: (jets,) 1 for signal, 0 for background.
        score, weight: (jets,)
        grid: (points,) signal efficiencies.
        replicas: number of replicas.
        seed: of the resampling.

    Returns:
        Value, the ends of the band, and the background jets that pass, (points,) each.
    """
    background_efficiency, signal_efficiency, thresholds = roc_curve(truth, score, weight)
    cut = working_points(signal_efficiency, grid)
    value = background_efficiency[cut]
    counted = np.sort(score[truth == 0])
    above = len(counted) - np.searchsorted(counted, thresholds[cut], side="left")
    own = weight[truth == 0][np.argsort(-score[truth == 0], kind="stable")]
    passed, squares = (np.concatenate([[0.0], np.cumsum(each)])[above] for each in (own, own**2))
    ends = counted_interval(passed, squares, own)
    order = np.argsort(-score, kind="stable")
    score, weight = score[order], weight[order]
    signal, background = (np.flatnonzero(truth[order] == each) for each in (1, 0))
    random = generator(seed, "roc")
    spread = np.empty((replicas, len(grid)))
    for replica in spread:
        # In falling score, so that sums of weights are efficiencies of cuts.
        some, others = (np.sort(random.choice(rows, len(rows))) for rows in (signal, background))
        kept = np.cumsum(weight[some])
        cuts = score[some[np.searchsorted(kept, grid * kept[-1])]]
        leaked = np.concatenate([[0.0], np.cumsum(weight[others])])
        replica[:] = leaked[np.searchsorted(-score[others], -cuts, side="right")] / leaked[-1]
    low, high = np.percentile(spread, [15.87, 84.13], axis=0)
    low = np.maximum.accumulate(np.minimum(low, ends[0]))
    high = np.minimum.accumulate(np.maximum(high, ends[1])[::-1])[::-1]
    return value, low, high, above


def distributions(scored: Scored, pairs: Mapping[str, PairSettings]) -> dict[str, Any]:
    """Histograms of each pair's discriminant, one per true class: ``<pair>/<class>``."""
    edges = np.linspace(0.0, 1.0, 21)
    result = {}
    for name, pair in pairs.items():
        _, score, of_jet = discriminant(scored, pair)
        label = scored.label[scored.of_pair(pair)]
        for each in (pair.signal, *pair.background):
            own = label == scored.classes.index(each)
            result[f"{name}/{each}"] = core_histograms.weighted(
                "discriminant", np.minimum(score[own], INSIDE), edges, of_jet[own],
                label="p(signal) / (p(signal) + p(background))",
            )  # fmt: skip
    return result
