"""References of the anomaly search: with labels (upper bounds), and outlier scores without.

Reading the truth is what makes a reference: `reference` has it among its inputs, `outlier` does
not.
"""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jetchain.anomaly.settings import OUTLIERS, REFERENCES, ReferenceJob
from jetchain.core.boosting import Array, cross_scores
from jetchain.core.errors import ConfigurationError
from jetchain.core.io.tensors import read_tensors, write_tensors
from jetchain.core.schema.anomaly import DIJET_TRUTH, DIJETS, SCORES
from jetchain.core.seeds import derive_seed
from jetchain.core.settings import did_you_mean
from jetchain.core.verbs import Input, Output

Table = dict[str, NDArray]


def load_model(name: str, known: dict[str, str]) -> Any:
    """Import a model by its name in the settings' table and build it."""
    if name not in known:
        raise ConfigurationError(
            f"There is no anomaly model '{name}' here.", did_you_mean(name, known)
        )
    module, _, attribute = known[name].rpartition(".")
    return getattr(importlib.import_module(module), attribute)()


def reference_scores(
    model: Any, data: Table, is_signal: NDArray, signal_test: Table, job: ReferenceJob, seed: int
) -> list[Array]:
    """Cross-trained scores of a model that uses labels.

    Args:
        model: of `REFERENCES`.
        data, signal_test: tables of dijet events.
        is_signal: (events,) truth of the data.
        job: settings.
        seed: of the trainings.

    Returns:
        Scores (events, trainings) of the data and of the signal that is not in the data.
    """
    low, high = job.signal_region
    in_region, signal_in_region = (
        (low < table["m_jj"]) & (table["m_jj"] < high) for table in (data, signal_test)
    )

    def training_set(fold: int, random: np.random.Generator) -> tuple[Array, NDArray[np.int64]]:
        chosen = in_region & (data["fold"] != fold)
        more = signal_test["features"][signal_in_region & (signal_test["fold"] != fold)]
        return model.training_set(data["features"][chosen], is_signal[chosen], more, random)

    return cross_scores(
        training_set,
        [(table["features"], table["fold"]) for table in (data, signal_test)],
        int(data["fold"].max()) + 1,
        job.boosting,
        seed,
        type(model).__name__,
    )


def outlier_scores(model: Any, data: Table, signal_test: Table, seed: int) -> list[Array]:
    """Cross-trained scores of an outlier model, which sees the data without labels."""
    scores = [np.zeros((len(table["m_jj"]), 1)) for table in (data, signal_test)]
    for fold in range(int(data["fold"].max()) + 1):
        model.fit(data["features"][data["fold"] != fold], derive_seed(seed, fold))
        for result, table in zip(scores, (data, signal_test), strict=True):
            chosen = table["fold"] == fold
            if chosen.any():
                result[chosen, 0] = model.score(table["features"][chosen])
    return scores


def reference(
    *,
    data: Input,
    truth: Input,
    signal_test: Input,
    scores: Output,
    signal_scores: Output,
    model: str,
    settings: ReferenceJob,
    seed: int,
) -> None:
    """Train a classifier that knows the truth, and score all events."""
    tables = [read_tensors(path, DIJETS) for path in (data, signal_test)]
    is_signal = read_tensors(truth, DIJET_TRUTH)["is_signal"]
    results = reference_scores(
        load_model(model, REFERENCES), tables[0], is_signal, tables[1], settings, seed
    )
    _write((scores, signal_scores), tables, results)


def outlier(
    *,
    data: Input,
    signal_test: Input,
    scores: Output,
    signal_scores: Output,
    model: str,
    seed: int,
) -> None:
    """Fit an outlier model to the data, and score all events."""
    tables = [read_tensors(path, DIJETS) for path in (data, signal_test)]
    results = outlier_scores(load_model(model, OUTLIERS), tables[0], tables[1], seed)
    _write((scores, signal_scores), tables, results)


def _write(paths: tuple[Output, Output], tables: list[Table], results: list[Array]) -> None:
    for path, table, score in zip(paths, tables, results, strict=True):
        write_tensors(path, SCORES, {"event_id": table["event_id"], "score": score})
