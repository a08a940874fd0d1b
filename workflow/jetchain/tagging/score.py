"""Scores of any jets by a trained tagger, whose weights carry all that this needs."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch

from jetchain.core.errors import DataError
from jetchain.core.io.mapped import Mapped
from jetchain.core.io.tensors import has_about, read_about, write_tensors
from jetchain.core.schema.graphs import JET_GRAPHS, ImportedJets
from jetchain.core.schema.tagging import FEATURE_SETS, JET_SCORES, TrainedTagger
from jetchain.core.seeds import make_deterministic
from jetchain.core.verbs import Input, Output
from jetchain.tagging.batches import Jets
from jetchain.tagging.evaluate import probabilities
from jetchain.tagging.features import COLUMNS, PART, lay_out
from jetchain.tagging.models import MODELS
from jetchain.tagging.networks import load
from jetchain.tagging.preprocessing import Preprocess
from jetchain.tagging.settings import SelectionSettings


def score(*, weights: Input, graphs: Input, scores: Output) -> None:
    """Write the probability of each class for all jets of a file.

    Args:
        weights: of a trained tagger (`tagging.train`).
        graphs: JET_GRAPHS, with labels or without.
        scores: where to write JET_SCORES; its header names the classes, in their order.

    Raises:
        DataError: the weights are those of another network, a file is missing or damaged, or its
            jets have fewer features than the tagger sees.
    """
    make_deterministic(0)
    network, about = load(weights)
    needed = MODELS.decode(about.tagger, about.settings).needs(about.feature_set)
    require_features(graphs, needed)
    table = Mapped([graphs], JET_GRAPHS)
    parts = [np.empty((0, len(about.classes)), np.float32)]
    for first in range(0, len(table), PART):
        rows = np.arange(first, min(first + PART, len(table)))
        jets = jets_of(table.rows(rows, COLUMNS), about)
        parts.append(probabilities(network, jets, 256))
    few = table.rows(np.arange(len(table)), ["event_number", "jet_index", "jet"])
    write_tensors(
        scores, JET_SCORES, {**few, "probability": np.concatenate(parts)},
        about={"tagger": about.tagger, "classes": json.dumps(about.classes)},
    )  # fmt: skip


def require_features(graphs: Path, feature_set: str) -> None:
    """Raise `DataError` where published jets lack features of a set."""
    if not has_about(graphs):
        return
    there = read_about(graphs, ImportedJets).feature_set
    if not {*FEATURE_SETS[feature_set]} <= {*FEATURE_SETS[there]}:
        raise DataError(
            f"{graphs}: the tagger sees '{feature_set}' of a particle, but these jets have "
            f"'{there}' only.",
            f"Train one with the feature_set {there}, or score other jets.",
        )


def jets_of(shard: dict[str, np.ndarray], about: TrainedTagger) -> Jets:
    """Jets as a trained tagger takes them.

    Args:
        shard: COLUMNS of JET_GRAPHS.
        about: the tagger.
    """
    places = SelectionSettings(particles=about.particles)
    table = lay_out(shard, np.zeros(len(shard["jet"]), np.int64), "", places)
    tensors = {
        name: torch.from_numpy(np.asarray(values))
        for name, values in table.items()
        if name not in ("label", "split", "weight", "truth")
    }
    raw, mask = tensors["features"], tensors["mask"]
    return Jets.of(**tensors | {"raw": raw, "features": Preprocess(about.preprocessing)(raw, mask)})
