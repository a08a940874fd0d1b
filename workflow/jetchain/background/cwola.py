"""CWoLa hunting: a classifier between the signal region and its sidebands finds the signal.

If the features do not depend on the mass, signal region and sidebands differ in nothing but their
share of signal, and the optimal classifier between the mixtures is the optimal one for the signal.

Reference: arXiv 1708.02949 (the theorem), 1805.02664 and 1902.02634 (the search), ATLAS 2005.02983.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from jetchain.background.regions import Array, Table, inside, require_regions
from jetchain.background.settings import CwolaJob
from jetchain.core.boosting import cross_scores
from jetchain.core.io.tensors import read_tensors, write_tensors
from jetchain.core.schema.anomaly import DIJETS, SCORES
from jetchain.core.verbs import Input, Output


def cwola_scores(data: Table, targets: list[Table], job: CwolaJob, seed: int) -> list[Array]:
    """Scores of events from classifiers of the other folds.

    Args:
        data: table of dijet events to train on.
        targets: tables of dijet events to score.
        job: settings.
        seed: of the trainings.

    Returns:
        Scores (events, trainings) for each target.

    Raises:
        EmptySampleError: no event in the signal region or in the sidebands.
    """
    low, high = job.signal_region
    width = job.cwola.sideband_width
    in_region = inside(data["m_jj"], (low, high))
    near = inside(data["m_jj"], (low - width, high + width))
    require_regions(data["m_jj"], in_region, near & ~in_region)

    def training_set(fold: int, random: np.random.Generator) -> tuple[Array, NDArray[np.int64]]:
        chosen = near & (data["fold"] != fold)
        return data["features"][chosen], in_region[chosen].astype(np.int64)

    return cross_scores(
        training_set,
        [(table["features"], table["fold"]) for table in targets],
        int(data["fold"].max()) + 1,
        job.cwola.boosting,
        seed,
        "cwola",
    )


def cwola(
    *,
    data: Input,
    signal_test: Input,
    scores: Output,
    signal_scores: Output,
    settings: CwolaJob,
    seed: int,
) -> None:
    """Train on the data without labels, and score all events."""
    tables = [read_tensors(path, DIJETS) for path in (data, signal_test)]
    results = cwola_scores(tables[0], tables, settings, seed)
    for path, table, score in zip((scores, signal_scores), tables, results, strict=True):
        write_tensors(path, SCORES, {"event_id": table["event_id"], "score": score})
