"""Scores of varied signal by the models of a search that is done."""

from __future__ import annotations

from jetchain.anomaly.methods import METHODS, TREES_FILE
from jetchain.anomaly.planes import stored_planes
from jetchain.core.dijets import read_dijets
from jetchain.core.forest import scores_of
from jetchain.core.io.tensors import read_tensors, write_tensors
from jetchain.core.schema.anomaly import SCORES, TREES, VARIED
from jetchain.core.settings import Settings
from jetchain.core.verbs import Input, Inputs, Output


class ScoreJob(Settings):
    """What `rescore` reads; the mass range only where the method declares it."""

    signal_region: list[float]
    mass_range: list[float] | None = None


def rescore(
    *, models: Input, data: Inputs, varied: Input, scores: Output, method: str, settings: ScoreJob
) -> None:
    """Score varied signal.

    Args:
        models: trees of the search, or the weights of its networks.
        data: DIJETS of the search; for networks alone, which rank events among those of the data.
        varied: VARIED.
        scores: written, SCORES; ranks of the ABCD method.
        method: its name.
        settings: the regions of the mass.
    """
    table = read_tensors(varied, VARIED)
    if TREES_FILE in METHODS[method].extras:
        found = scores_of(read_tensors(models, TREES), table["features"], table["fold"])
    else:
        (path,) = data
        assert settings.mass_range is not None  # its line in METHODS declares it
        found = stored_planes(
            models, read_dijets(path), table, settings.signal_region, settings.mass_range
        )
    write_tensors(scores, SCORES, {"event_id": table["event_id"], "score": found})
