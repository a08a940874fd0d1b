"""What a tagger looks at: its discriminants shared out over the inputs by integrated gradients.

Along the straight path from a baseline to the jet, the gradient of the score is integrated; times
the distance, that is each input's share of the difference of the two scores. The shares sum to the
difference (completeness) if the score is continuous along the path. The particle-flow network is.
ParticleNet is not: its neighbours change, and with them the score jumps; the gap is written too.
What a network reads beside the features, momenta or images, gets no share and is in the gap.

The baseline has as many particles, at the same places for the neighbour search, but each has the
mean of the training jets as features (charge and flags: 0). So the number of particles itself gets
no share.

Reference: Sundararajan, Taly and Yan, arXiv:1703.01365, eq. 1 and proposition 1.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import hist
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from jetchain.core.histograms import save_histograms
from jetchain.core.images import align, pixel_sums
from jetchain.core.io.tables import write_result
from jetchain.core.progress import Progress
from jetchain.core.schema.tagging import PairShares, TaggerExplanation
from jetchain.core.seeds import make_deterministic
from jetchain.core.verbs import Input, Inputs, Output
from jetchain.tagging.batches import JetReader, Jets
from jetchain.tagging.class_settings import PairSettings
from jetchain.tagging.networks import load
from jetchain.tagging.settings import ExplainJobSettings, ExplainSettings

Float = NDArray[np.float64]

ROWS_AT_ONCE = 256  # jets at points of the path
HALF_WIDTH = 0.8  # of the maps


def explain(
    *,
    dataset: Input,
    jets: Inputs,
    weights: Input,
    maps: Output,
    importance: Output,
    settings: ExplainJobSettings,
) -> None:
    """Explain the discriminants of the first test jets of the signal of each pair.

    Args:
        dataset: of `tagging.dataset`.
        jets: TAGGING_JETS of its shards.
        weights: of the trained tagger.
        maps: uhi JSON, a two-dimensional histogram a pair: the share of the particles in each
            pixel of the aligned jet, mean over the jets, and the variance of the mean (of one jet,
            which has none, 0).
        importance: JSON, a pair: share of each feature with its error (of one jet: null), the mean
            difference of the scores, and how much of it the shares miss.
        settings: of the explanation, and the pairs of classes.
    """
    make_deterministic(0)
    network, about = load(weights)
    network.requires_grad_(False)
    test = JetReader(dataset, jets, about.preprocessing).split("test")
    histograms, table = {}, {}
    progress = Progress(len(settings.pairs), "pairs", about.tagger)
    for done, (name, pair) in enumerate(settings.pairs.items(), 1):
        columns = {each: about.classes.index(each) for each in (pair.signal, *pair.background)}
        log_odds = LogOdds(pair, columns)
        rows = np.flatnonzero(test.label.numpy() == columns[pair.signal])
        some = test[rows[: settings.explain.jets]]
        shares, difference = integrated_gradients(network, some, log_odds, settings.explain.steps)
        pt = np.hypot(*some.momentum.double().numpy()[..., :2].transpose(2, 0, 1))
        weight = some.weight.double().numpy()
        histograms[name] = share_map(shares.sum(axis=2), some, pt, weight, settings.explain)
        table[name] = feature_shares(shares, difference, weight)
        progress.report(done)
    save_histograms(maps, histograms)
    features = about.preprocessing.features
    write_result(importance, TaggerExplanation(features=features, model=about.tagger, pairs=table))


class LogOdds:
    """ln(p_s / p_b) of a pair, p_b summed over the background classes by their shares.

    Args:
        pair: the classes.
        columns: of their logits.
    """

    def __init__(self, pair: PairSettings, columns: Mapping[str, int]) -> None:
        mean = sum(pair.background.values()) / len(pair.background)
        self._signal = columns[pair.signal]
        self._background = [columns[name] for name in pair.background]
        self._log_share = torch.tensor([value / mean for value in pair.background.values()]).log()

    def __call__(self, logits: Tensor) -> Tensor:
        """Of logits (jets, classes); (jets,)."""
        log_p = logits.log_softmax(dim=1)
        of_each = log_p[:, self._background] + self._log_share.to(log_p.dtype)
        return log_p[:, self._signal] - of_each.logsumexp(dim=1)


def integrated_gradients(
    network: nn.Module, jets: Jets, score: Callable[[Tensor], Tensor], steps: int
) -> tuple[Float, Float]:
    """The share of each input in the score of each jet.

    Args:
        network: in evaluation mode.
        jets: with standardised features, so that the baseline is 0.
        score: of logits (jets, classes), (jets,).
        steps: points of the path; the integral is taken by the midpoint rule.

    Returns:
        Shares (jets, particles, features), and the score minus that of the baseline (jets,).
    """
    total = torch.zeros(jets.features.shape, dtype=torch.float64)
    size = max(1, ROWS_AT_ONCE // steps)
    part = (torch.arange(steps) + 0.5) / steps
    differences = []
    for first in range(0, len(jets), size):
        some = jets[np.arange(first, min(first + size, len(jets)))]
        # (steps, jets, particles, features), then all of it as one batch of jets
        path = part[:, None, None, None] * some.features[None]
        path = path.flatten(0, 1).requires_grad_()
        repeated = some[np.tile(np.arange(len(some)), steps)].replace(features=path)
        value = score(network(repeated)).sum()
        if value.requires_grad:  # a network may not look at the features
            (gradient,) = torch.autograd.grad(value, path, materialize_grads=True)
            mean = gradient.double().view(steps, *some.features.shape).mean(dim=0)
            total[first : first + size] = mean * some.features
        with torch.no_grad():
            ends = [
                score(network(some.replace(features=features)).double())
                for features in (torch.zeros_like(some.features), some.features)
            ]
        differences.append((ends[1] - ends[0]).numpy())
    return total.numpy(), np.concatenate(differences)


def share_map(
    shares: Float, jets: Jets, pt: Float, weight: Float, settings: ExplainSettings
) -> hist.Hist:
    """The share of the particles in each pixel, mean over jets, with the variance of the mean.

    Args:
        shares: (jets, particles).
        jets: for the places of the particles.
        pt: of the particles, GeV, (jets, particles).
        weight: of the jets, (jets,).
        settings: number of pixels.
    """
    jet, place = np.nonzero(jets.mask.numpy())
    position = jets.points.double().numpy()[jet, place]
    aligned = align(position, pt[jet, place], jet, len(jets))
    axes = [
        hist.axis.Regular(settings.pixels, -HALF_WIDTH, HALF_WIDTH, name=name, flow=False)
        for name in ("across", "along")
    ]
    images = pixel_sums(aligned, shares[jet, place], jet, len(jets), axes[0].edges)
    histogram = hist.Hist(*axes, storage=hist.storage.Weight())
    mean, variance = weighted_mean(images, weight)
    histogram.view().value = mean
    if len(jets) > 1:
        histogram.view().variance = variance
    return histogram


def weighted_mean(values: Float, weight: Float) -> tuple[Float, Float]:
    """Mean over the first axis, and its variance: sum w^2 (x - mean)^2 / (sum w)^2 n / (n - 1).

    Of one value the variance is not a number.
    """
    number = len(weight)
    part = weight / weight.sum()
    mean = np.tensordot(part, values, 1)
    squares = np.tensordot(part**2, (values - mean) ** 2, 1)
    return mean, squares * number / (number - 1) if number > 1 else np.full_like(mean, np.nan)


def feature_shares(shares: Float, difference: Float, weight: Float) -> PairShares:
    """Mean share of each feature over jets, with errors of the mean, and the gap of completeness.

    Of one jet there are no errors: they are None.

    Args:
        shares: (jets, particles, features).
        difference: score minus that of the baseline, (jets,).
        weight: of the jets, (jets,).
    """
    by_feature = shares.sum(axis=1)  # (jets, features)
    jets = len(difference)
    gap = by_feature.sum(axis=1) - difference
    share, share_variance = weighted_mean(by_feature, weight)
    mean, variance = weighted_mean(difference, weight)
    return PairShares(
        jets=jets,
        share=share,
        error=np.sqrt(share_variance) if jets > 1 else None,
        difference=mean,
        difference_error=np.sqrt(variance) if jets > 1 else None,
        gap=np.average(gap, weights=weight),
        gap_rms=np.sqrt(np.average(gap**2, weights=weight)),
    )
