"""CATHODE: a flow learns the background in the sidebands and draws it in the signal region.

Three verbs: `template` trains one flow a fold on the sidebands of the other folds and draws
background-like events in the signal region; `classify` separates the data of the signal region
from them; `quality` asks how well drawn events match data where there is no signal.

Reference: arXiv 2109.00546.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from jetchain.background.flow import ConditionalFlow
from jetchain.background.regions import Array, Table, inside, require_regions, sidebands
from jetchain.background.settings import ClassifierJob, QualityJob, TemplateJob, TemplateSettings
from jetchain.core.boosting import BoostingSettings, cross_scores
from jetchain.core.io.tables import write_csv, write_json
from jetchain.core.io.tensors import read_tensors, write_tensors, write_weights
from jetchain.core.metrics import auc
from jetchain.core.progress import Progress
from jetchain.core.schema.anomaly import ANOMALY_FEATURES, DIJETS, SCORES
from jetchain.core.seeds import derive_seed, generator, make_deterministic
from jetchain.core.training import fit, minibatches
from jetchain.core.verbs import Input, Output

VALIDATION = 0.1  # fraction of the training events that early stopping watches


def train_flow(
    features: Array, m_jj: Array, calibration: tuple[Array, Array], settings: TemplateSettings,
    seed: int, name: str,
) -> tuple[ConditionalFlow, dict[str, list[float]]]:  # fmt: skip
    """Train one flow.

    Args:
        features: (events, features) to train on.
        m_jj: (events,) TeV.
        calibration: features and masses whose range the flow must cover.
        settings: of the flow and its training.
        seed: of initial weights and shuffling.
        name: for the progress lines.

    Returns:
        The flow and its history.
    """
    make_deterministic(seed, settings.training.threads)
    flow = ConditionalFlow(
        features.shape[1], settings.flow.transforms, settings.flow.hidden, settings.flow.bins
    )
    flow.calibrate(*calibration)
    order = generator(seed, "validation").permutation(len(features))
    held = max(int(VALIDATION * len(order)), 1)
    x = torch.as_tensor(features, dtype=torch.float32)
    m = torch.as_tensor(m_jj, dtype=torch.float32)

    def batch(rows: NDArray[np.int64]) -> tuple[Tensor, Tensor]:
        chosen = torch.from_numpy(rows)
        return x[chosen], m[chosen]

    def batches(random: np.random.Generator) -> Iterable[tuple[Tensor, Tensor]]:
        chosen = order[held:]
        for rows in minibatches(len(chosen), settings.training.batch_size, random):
            yield batch(chosen[rows])

    def validation() -> Iterable[tuple[Tensor, Tensor]]:
        return [batch(order[:held])]

    def loss(model: nn.Module, batch: tuple[Tensor, Tensor]) -> tuple[Tensor, int]:
        assert isinstance(model, ConditionalFlow)
        return -model.log_prob(*batch).mean(), len(batch[0])

    history = fit(
        flow,
        batches=batches,
        validation=validation,
        loss=loss,
        settings=settings.training,
        seed=seed,
        name=name,
    )
    return flow, history


def draw_masses(
    m_jj: Array, region: tuple[float, float], number: int, bandwidth: float,
    random: np.random.Generator,
) -> Array:  # fmt: skip
    """Masses (number,) from a Gaussian kernel density estimate, cut to the region.

    Args:
        m_jj: (events,) masses of the data in the region, TeV.
        region: low and high edge.
        number: how many to draw.
        bandwidth: width of the kernel, TeV.
        random: draws.
    """
    drawn = np.zeros(0)
    while len(drawn) < number:
        trial = random.choice(m_jj, 2 * number) + bandwidth * random.standard_normal(2 * number)
        drawn = np.concatenate([drawn, trial[inside(trial, region)]])
    return drawn[:number]


def make_template(
    data: Table, job: TemplateJob, seed: int
) -> tuple[Table, Table, nn.ModuleList, dict[str, list[float]]]:
    """Train a flow a fold and draw from it.

    Returns:
        The template in the signal region; drawn events at the masses of the sidebands' events,
        each from the flow that was not trained on its fold; the flows; their history.

    Raises:
        EmptySampleError: no event in the signal region or in the sidebands.
    """
    settings = job.template
    low, high = job.signal_region
    in_region = inside(data["m_jj"], (low, high))
    side = sidebands(data["m_jj"], job.signal_region, job.mass_range)
    require_regions(data["m_jj"], in_region, side)
    calibration = (data["features"][side], data["m_jj"][side])
    flows = nn.ModuleList()
    template: list[Table] = []
    check: list[Table] = []
    history: dict[str, list[float]] = {}
    for fold in range(int(data["fold"].max()) + 1):
        others = data["fold"] != fold
        own = derive_seed(seed, "flow", fold)
        flow, record = train_flow(
            data["features"][side & others],
            data["m_jj"][side & others],
            calibration,
            settings,
            own,
            f"cathode: flow {fold}",
        )
        flows.append(flow)
        record = {"fold": [float(fold)] * len(record["epoch"]), **record}
        history = {name: history.get(name, []) + values for name, values in record.items()}
        source = data["m_jj"][in_region & others]
        masses = draw_masses(
            source,
            (low, high),
            round(settings.oversampling * len(source)),
            settings.bandwidth,
            generator(own, "masses"),
        )
        template.append(_table(masses, flow.sample(masses, derive_seed(own, "template")), fold))
        held_out = data["m_jj"][side & ~others]
        check.append(_table(held_out, flow.sample(held_out, derive_seed(own, "check")), fold))
    return _join(template), _join(check), flows, history


def _table(m_jj: Array, features: Array, fold: int) -> Table:
    return {"m_jj": m_jj, "features": features, "fold": np.full(len(m_jj), fold)}


def _join(tables: list[Table]) -> Table:
    joined = {name: np.concatenate([table[name] for table in tables]) for name in tables[0]}
    return {"event_id": np.arange(len(joined["m_jj"])), **joined}


def cathode_scores(
    data: Table, template_table: Table, targets: list[Table], job: ClassifierJob, seed: int
) -> list[Array]:
    """Scores (events, trainings) of each target: data of the signal region against the template.

    The classifier of a fold sees the data of the other folds, and the template of the flow that
    saw the other folds.
    """
    in_region = inside(data["m_jj"], job.signal_region)

    def training_set(fold: int, random: np.random.Generator) -> tuple[Array, NDArray[np.int64]]:
        own = data["features"][in_region & (data["fold"] != fold)]
        drawn = template_table["features"][template_table["fold"] == fold]
        labels = np.repeat([1, 0], [len(own), len(drawn)])
        return np.concatenate([own, drawn]), labels

    return cross_scores(
        training_set,
        [(table["features"], table["fold"]) for table in targets],
        int(data["fold"].max()) + 1,
        job.boosting,
        seed,
        "cathode",
    )


def separation(
    first: Array, second: Array, boosting: BoostingSettings, permutations: int, seed: int
) -> dict[str, float]:
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
    return {
        "auc": value,
        "null_mean": mean,
        "null_std": spread,
        "null_deviations": (value - mean) / spread,
        "p_value": (1 + sum(each >= value for each in null)) / (1 + len(null)),
    }


def template(
    *,
    data: Input,
    template: Output,
    sideband_template: Output,
    weights: Output,
    history: Output,
    settings: TemplateJob,
    seed: int,
) -> None:
    """Train the flows on the sidebands and draw the template."""
    drawn, check, flows, record = make_template(read_tensors(data, DIJETS), settings, seed)
    write_tensors(template, DIJETS, drawn)
    write_tensors(sideband_template, DIJETS, check)
    write_weights(weights, flows)
    write_csv(history, record)


def classify(
    *,
    data: Input,
    signal_test: Input,
    template: Input,
    scores: Output,
    signal_scores: Output,
    settings: ClassifierJob,
    seed: int,
) -> None:
    """Separate the data of the signal region from the template, and score all events."""
    tables = [read_tensors(path, DIJETS) for path in (data, signal_test)]
    results = cathode_scores(tables[0], read_tensors(template, DIJETS), tables, settings, seed)
    for path, table, score in zip((scores, signal_scores), tables, results, strict=True):
        write_tensors(path, SCORES, {"event_id": table["event_id"], "score": score})


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
    own = read_tensors(data, DIJETS)
    side = sidebands(own["m_jj"], settings.signal_region, settings.mass_range)
    check = read_tensors(sideband_template, DIJETS)
    drawn = read_tensors(template, DIJETS)
    result: dict[str, Any] = {
        "sidebands": separation(
            own["features"][side], check["features"], settings.boosting, settings.permutations, seed
        )
    }
    in_region = inside(own["m_jj"], settings.signal_region)
    samples = {
        "signal region": (own["features"][in_region], drawn["features"]),
        "sidebands": (own["features"][side], check["features"]),
    }
    write_json(quality, result)
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
