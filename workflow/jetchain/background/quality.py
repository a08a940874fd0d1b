"""How well a method's template matches data where there is no signal.

A classifier is set to tell drawn events of the sidebands from data, against the null of permuted
labels; and every feature is compared in both regions.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from jetchain.background.settings import QualityJob
from jetchain.core.boosting import BoostingSettings, cross_scores
from jetchain.core.dijets import Array, inside, read_dijets, require_regions, sidebands
from jetchain.core.errors import EmptySampleError
from jetchain.core.io.tables import write_csv, write_result
from jetchain.core.metrics import auc
from jetchain.core.progress import Progress
from jetchain.core.schema.anomaly import ANOMALY_FEATURES
from jetchain.core.schema.background import Separation, TemplateQuality
from jetchain.core.seeds import derive_seed, generator
from jetchain.core.verbs import Input, Output


def separation(
    first: Array, second: Array, boosting: BoostingSettings, permutations: int, seed: int
) -> Separation:
    """How well a classifier tells two samples apart, against the null of permuted labels.

    Two-fold cross-trained trees; the area under their curve is 0.5 within the spread of the null
    if the samples follow one distribution.

    Args:
        first, second: features (events, features) of the two samples.
        boosting: settings; one training is used.
        permutations: label permutations of the null.
        seed: of folds, trainings and permutations.

    Returns:
        The area; mean and spread of the null, and how many spreads the area lies above its mean;
        the p-value by counting, which cannot be smaller than 1 / (permutations + 1).
    """
    single = boosting.model_copy(update={"trainings": 1, "members": 1})
    features = np.concatenate([first, second])
    labels = np.repeat([1, 0], [len(first), len(second)])
    fold = generator(seed, "folds").permutation(len(features)) % 2

    def area(own: NDArray[np.int64], own_seed: int) -> float:
        def training_set(k: int, random: np.random.Generator) -> tuple[Array, NDArray[np.int64]]:
            return features[fold != k], own[fold != k]

        (scores,) = cross_scores(
            training_set, [(features, fold)], 2, single, own_seed, "template quality"
        )
        return float(np.mean([auc(own[fold == k], scores[fold == k, 0]) for k in (0, 1)]))

    null = []
    progress = Progress(permutations, "permutations of the labels")
    for k in range(permutations):
        permuted = generator(seed, "null", k).permutation(labels)
        null.append(area(permuted, derive_seed(seed, "null", k)))
        progress.report(k + 1)
    value = area(labels, derive_seed(seed, "value"))
    mean, spread = float(np.mean(null)), float(np.std(null, ddof=1))
    return Separation(
        auc=value,
        null_mean=mean,
        null_std=spread,
        null_deviations=(value - mean) / spread if spread > 0 else None,
        p_value=(1 + sum(each >= value for each in null)) / (1 + len(null)),
    )


def quality(
    *,
    data: Input,
    template: Input,
    sideband_template: Input,
    quality: Output,
    distributions: Output,
    settings: QualityJob,
    seed: int,
) -> None:
    """Compare drawn events with data: in the sidebands, and feature by feature everywhere."""
    own = read_dijets(data)
    side = sidebands(own["m_jj"], settings.signal_region, settings.mass_range)
    check = read_dijets(sideband_template)
    drawn = read_dijets(template)
    in_region = inside(own["m_jj"], settings.signal_region)
    require_regions(own["m_jj"], in_region, side)
    for name, table in (("the signal region", drawn), ("the sidebands", check)):
        if len(table["m_jj"]) == 0:
            raise EmptySampleError(
                f"The template has no event in {name}.",
                "Generate more background, or raise the template's oversampling.",
            )
    found = separation(
        own["features"][side], check["features"], settings.boosting, settings.permutations, seed
    )
    samples = {
        "signal region": (own["features"][in_region], drawn["features"]),
        "sidebands": (own["features"][side], check["features"]),
    }
    write_result(quality, TemplateQuality(sidebands=found))
    write_csv(distributions, feature_distributions(samples))


def feature_distributions(samples: dict[str, tuple[Array, Array]]) -> dict[str, list[Any]]:
    """Counts of data and expectation of the template, scaled to the data, per feature and bin.

    Args:
        samples: per region the features (events, 4) of data and template.
    """
    rows: dict[str, list[Any]] = {
        "region": [], "feature": [], "low": [], "high": [], "data": [], "template": [],
        "template_error": [],
    }  # fmt: skip
    for region, (data, drawn) in samples.items():
        for column, feature in enumerate(ANOMALY_FEATURES):
            low, high = np.quantile(data[:, column], [0.0, 0.998])
            edges = np.linspace(low, high, 31)
            counts = np.histogram(data[:, column], edges)[0]
            raw = np.histogram(drawn[:, column], edges)[0]
            factor = len(data) / len(drawn)
            rows["region"] += [region] * len(counts)
            rows["feature"] += [feature] * len(counts)
            rows["low"] += edges[:-1].tolist()
            rows["high"] += edges[1:].tolist()
            rows["data"] += counts.tolist()
            rows["template"] += (raw * factor).tolist()
            rows["template_error"] += (np.sqrt(raw) * factor).tolist()
    return rows
