"""Scores of the test jets, and the figures of merit of a tagger, each with its error."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from jetchain.core import histograms as core_histograms
from jetchain.core.io.tables import write_csv, write_result
from jetchain.core.io.tensors import read_weights, write_tensors
from jetchain.core.metrics import auc, binomial_interval, bootstrap, rejection, roc_curve
from jetchain.core.schema.jets import JET_CLASSES
from jetchain.core.schema.tagging import (
    TAGGING_SCORES,
    Confusion,
    FiguresOfMerit,
    Interval,
    PairMerit,
    Rejection,
    Replicated,
    TaggerMetrics,
)
from jetchain.core.seeds import derive_seed, generator, make_deterministic
from jetchain.core.spectrum import effective_number
from jetchain.core.verbs import Input, Inputs, Output
from jetchain.tagging.batches import JetReader, Jets
from jetchain.tagging.networks import build
from jetchain.tagging.settings import EvaluateSettings

Float = NDArray[np.float64]
Integer = NDArray[np.int64]

QCD = ("quark", "gluon")
# Signal class and background classes of each ROC curve.
PAIRS: dict[str, tuple[str, tuple[str, ...]]] = {
    "top_vs_QCD": ("top", QCD),
    "W_vs_QCD": ("W", QCD),
    "Z_vs_QCD": ("Z", QCD),
    "Hbb_vs_QCD": ("Hbb", QCD),
    "Hcc_vs_QCD": ("Hcc", QCD),
    "quark_vs_gluon": ("quark", ("gluon",)),
    "Hbb_vs_top": ("Hbb", ("top",)),
}
WORKING_POINTS = {"rejection_50": 0.5, "rejection_30": 0.3}


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
    model: str,
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
        settings: of the evaluation, and of the network.
        model: name of the tagger.
        seed: of the bootstrap.
    """
    make_deterministic(seed)
    network = build(model, settings.model)
    read_weights(weights, network)
    data = JetReader(dataset, jets)
    test = data.split("test")
    options = settings.evaluation
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
    merit = figures_of_merit(label, probability, weight, options.bootstrap_replicas, seed)
    result = TaggerMetrics(
        **dict(merit),
        model=model,
        parameters=sum(parameter.numel() for parameter in network.parameters()),
        training_jets=len(data.split("train")),
    )
    write_result(metrics, result)
    points, replicas = options.roc_points, options.bootstrap_replicas
    write_csv(roc, roc_bands(label, probability, weight, points, replicas, seed))
    core_histograms.save_histograms(histograms, distributions(label, probability, weight))


@torch.no_grad()
def probabilities(network: torch.nn.Module, jets: Jets, batch_size: int) -> NDArray[np.float32]:
    """Softmax outputs of the network in evaluation mode, (jets, classes)."""
    network.eval()
    parts = []
    for batch in jets.batches(batch_size):
        parts.append(network(batch).double().softmax(dim=1).float().numpy())
    return np.concatenate(parts)


def discriminant(
    label: Integer,
    probability: np.ndarray,
    weight: Float,
    signal: str,
    background: tuple[str, ...],
) -> tuple[Integer, Float, Float]:
    """p_s / (p_s + p_b) of the jets of the two classes, p_b summed over the background classes.

    Args:
        label: (jets,) index into JET_CLASSES.
        probability: (jets, classes).
        weight: (jets,)
        signal: the signal class.
        background: the background classes.

    Returns:
        1 for signal and 0 for background, the discriminant, and the weight; (chosen jets,) each.

    Reference:
        arXiv:2202.03772, eq. 4.
    """  # fmt: skip
    s, b = JET_CLASSES.index(signal), [JET_CLASSES.index(name) for name in background]
    chosen = np.isin(label, [s, *b])
    p_signal = probability[chosen, s].astype(float)
    p_background = probability[chosen][:, b].astype(float).sum(axis=1)
    # Where both underflow the jet is as unlike the one as the other.
    tiny = 1e-40
    score = (p_signal + tiny) / (p_signal + p_background + 2 * tiny)
    return (label[chosen] == s).astype(np.int64), score, weight[chosen]


def figures_of_merit(
    label: Integer, probability: np.ndarray, weight: Float, replicas: int, seed: int
) -> FiguresOfMerit:
    """AUC and rejections of each pair, accuracy, macro AUC and confusion matrix, with errors.

    Args:
        label: (jets,) index into JET_CLASSES.
        probability: (jets, classes).
        weight: (jets,)
        replicas: bootstrap replicas behind each error.
        seed: of the bootstrap.
    """
    pairs: dict[str, PairMerit] = {}
    for name, (signal, background) in PAIRS.items():
        truth, score, of_jet = discriminant(label, probability, weight, signal, background)
        identity = derive_seed(seed, name)
        area = bootstrap(auc, truth, score, of_jet, replicas=replicas, seed=identity)
        pairs[name] = PairMerit(
            signal_jets=int(truth.sum()),
            background_jets=int((1 - truth).sum()),
            signal_effective=effective_number(of_jet[truth == 1]),
            background_effective=effective_number(of_jet[truth == 0]),
            auc=Replicated(**vars(area)),
            **{
                point: rejection_with_error(truth, score, of_jet, efficiency, replicas, identity)
                for point, efficiency in WORKING_POINTS.items()
            },
        )
    right = probability.argmax(axis=1) == label
    share, effective = float(weight @ right / weight.sum()), effective_number(weight)
    low, high = binomial_interval(share * effective, effective)
    return FiguresOfMerit(
        classes=list(JET_CLASSES),
        pairs=pairs,
        accuracy=Interval(value=share, low=float(low), high=float(high)),
        macro_auc=macro_auc(label, probability, weight),
        confusion=confusion(label, probability.argmax(axis=1), weight),
    )


def rejection_with_error(
    truth: Integer, score: Float, weight: Float, efficiency: float, replicas: int, seed: int
) -> Rejection:
    """1 / background efficiency at a signal efficiency, with its 68 % bootstrap interval.

    Where less than one background jet passes, the data only bound the rejection from below: the
    value is then the effective number of background jets, and `low` the inverse of the upper end of
    the Clopper-Pearson interval of none.

    Args:
        truth: (jets,) 1 for signal, 0 for background.
        score, weight: (jets,)
        efficiency: of the signal.
        replicas: bootstrap replicas.
        seed: of the bootstrap.
    """
    estimate = bootstrap(
        lambda y, s, w: rejection(y, s, efficiency, w),
        truth, score, weight, replicas=replicas, seed=seed,
    )  # fmt: skip
    background = effective_number(weight[truth == 0])
    if estimate.value < background * (1 - 1e-9):
        return Rejection(**vars(estimate), bound=False)
    low = 1 / float(binomial_interval(0, background)[1])
    return Rejection(value=background, low=low, high=background, std=background - low, bound=True)


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


def confusion(label: Integer, predicted: Integer, weight: Float) -> Confusion:
    """Which share of the jets of each true class (rows) is taken for which class (columns).

    Args:
        label: (jets,) true class.
        predicted: (jets,) most probable class.
        weight: (jets,)
    """
    shape = (len(JET_CLASSES), len(JET_CLASSES))
    counts, sums = np.zeros(shape, dtype=np.int64), np.zeros(shape)
    np.add.at(counts, (label, predicted), 1)
    np.add.at(sums, (label, predicted), weight)
    fraction = sums / np.where(counts.any(axis=1), sums.sum(axis=1), 1.0)[:, None]
    effective = np.array([effective_number(weight[label == n]) for n in range(len(JET_CLASSES))])
    total = np.broadcast_to(effective[:, None], shape)
    low, high = binomial_interval(fraction * total, total)
    return Confusion(
        counts=counts.tolist(),
        fraction=fraction.tolist(),
        low=low.tolist(),
        high=high.tolist(),
    )


def roc_bands(
    label: Integer, probability: np.ndarray, weight: Float, points: int, replicas: int, seed: int
) -> dict[str, np.ndarray]:
    """The ROC curve of every pair with its 68 % bootstrap band, as columns of one table."""
    grid = np.arange(1, points + 1) / (points + 1)
    columns: dict[str, list[np.ndarray]] = {
        name: [] for name in
        ("pair", "signal_efficiency", "background_efficiency", "low", "high")
    }  # fmt: skip
    for name, (signal, background) in PAIRS.items():
        truth, score, of_jet = discriminant(label, probability, weight, signal, background)
        band = roc_band(truth, score, of_jet, grid, replicas, derive_seed(seed, name))
        for column, values in zip(
            columns.values(), (np.full(points, name), grid, *band), strict=True
        ):
            column.append(values)
    return {name: np.concatenate(parts) for name, parts in columns.items()}


def roc_band(
    truth: Integer, score: Float, weight: Float, grid: Float, replicas: int, seed: int
) -> tuple[Float, Float, Float]:
    """Background efficiency at given signal efficiencies, with its 68 % bootstrap band.

    Signal and background are resampled apart, so that each replica has as many of both.

    Args:
        truth: (jets,) 1 for signal, 0 for background.
        score, weight: (jets,)
        grid: (points,) signal efficiencies.
        replicas: number of replicas.
        seed: of the resampling.

    Returns:
        Value and the ends of the band, (points,) each.
    """
    background_efficiency, signal_efficiency, _ = roc_curve(truth, score, weight)
    value = np.interp(grid, signal_efficiency, background_efficiency)
    order = np.argsort(-score, kind="stable")
    score, weight = score[order], weight[order]
    signal, background = (np.flatnonzero(truth[order] == each) for each in (1, 0))
    random = generator(seed, "roc")
    spread = np.empty((replicas, len(grid)))
    for replica in spread:
        # In falling score, so that sums of weights are efficiencies of cuts.
        some, others = (np.sort(random.choice(rows, len(rows))) for rows in (signal, background))
        passed = np.cumsum(weight[some])
        cuts = score[some[np.searchsorted(passed, grid * passed[-1])]]
        leaked = np.concatenate([[0.0], np.cumsum(weight[others])])
        replica[:] = leaked[np.searchsorted(-score[others], -cuts, side="right")] / leaked[-1]
    low, high = np.percentile(spread, [15.87, 84.13], axis=0)
    # Where no background passes, the band still reaches the Clopper-Pearson limit of none.
    effective = effective_number(weight[background])
    _, limit = binomial_interval(0, effective)
    return value, low, np.where(value * effective < 1, np.maximum(high, limit), high)


def distributions(label: Integer, probability: np.ndarray, weight: Float) -> dict[str, Any]:
    """Histograms of each pair's discriminant, one per true class: ``<pair>/<class>``."""
    edges = np.linspace(0.0, 1.0, 21)
    result = {}
    for name, (signal, background) in PAIRS.items():
        for each in (signal, *background):
            rows = label == JET_CLASSES.index(each)
            _, score, of_jet = discriminant(
                label[rows], probability[rows], weight[rows], signal, background
            )
            result[f"{name}/{each}"] = core_histograms.weighted(
                "discriminant", score, edges, of_jet,
                label="p(signal) / (p(signal) + p(background))",
            )  # fmt: skip
    return result
