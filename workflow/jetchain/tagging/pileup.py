"""What pile-up does to taggers and to their jets: the same true jets, without it and with it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from jetchain.core.io.tables import read_result, write_result
from jetchain.core.schema.graphs import JET_COLUMNS
from jetchain.core.schema.pflow_choice import AppliedTagger
from jetchain.core.schema.pileup_dependence import PileupPoint, Shift, ShiftedJets
from jetchain.core.schema.tagging import TaggerMetrics
from jetchain.core.seeds import generator
from jetchain.core.verbs import Input, Inputs, Output
from jetchain.tagging.batches import JetReader
from jetchain.tagging.choice import on_same_jets
from jetchain.tagging.settings import ChoiceJobSettings

Float = NDArray[np.float64]
QUANTILES = (0.5, 0.16, 0.84)


def pileup(
    *,
    dataset: Input,
    jets: Inputs,
    other_dataset: Input,
    other_jets: Inputs,
    metrics: Inputs,
    reference: Inputs,
    applied: Inputs,
    result: Output,
    mean: int,
    mitigation: str,
    settings: ChoiceJobSettings,
    seed: int,
) -> None:
    """Compare taggers, and jets, on the test jets that the run and pile-up have in common.

    The jets with pile-up may be of fewer shards. Weights are those of the run.

    Args:
        dataset, jets: of `tagging.dataset`, of the run.
        other_dataset, other_jets: with pile-up, from the same collisions.
        metrics: of `tagging.evaluate`, a file a tagger, of the run.
        reference: scores of the same taggers, in this order.
        applied: likewise, of the same networks on the jets with pile-up.
        result: written, PileupPoint.
        mean: pile-up collisions an event.
        mitigation: what is done against them.
        settings: replicas, pairs of classes, and the radius of the jets.
        seed: of the bootstrap.

    Raises:
        DataError: scores are of other jets than those of the data sets.
    """
    readers = JetReader(dataset, jets), JetReader(other_dataset, other_jets)
    scores = {"reference": reference, "applied": applied}
    tables, common, rows = on_same_jets(AppliedTagger, readers, metrics, scores, settings, seed)
    one, other = (table["jet"][chosen] for table, chosen in zip(tables, common, strict=True))
    label = tables[0]["label"][common[0]]
    classes = read_result(metrics[0], TaggerMetrics).classes
    write_result(
        result,
        PileupPoint(
            mean=mean,
            mitigation=mitigation,
            reference_jets=len(tables[0]["label"]),
            other_jets=len(tables[1]["label"]),
            common_jets=len(label),
            rows=rows,
            shifts={
                name: shifted(one[label == n], other[label == n], settings.bootstrap_replicas, seed)
                for n, name in enumerate(classes)
            },
        ),
    )


def shifted(one: Float, other: Float, replicas: int, seed: int) -> ShiftedJets:
    """How pT and masses of jets move; each jet counts once.

    Args:
        one, other: the same jets in the same order, (jets, JET_COLUMNS).
        replicas, seed: of the bootstrap.
    """
    shifts = {}
    for name in ("pt", "m", "msd"):
        column = JET_COLUMNS.index(name)
        there = one[:, column] > 0
        ratio = other[there, column].astype(float) / one[there, column]
        shifts[name] = shift(ratio, replicas, generator(seed, "shift", name))
    return ShiftedJets(jets=len(one), **shifts)


def shift(ratio: Float, replicas: int, random: np.random.Generator) -> Shift | None:
    """Median and half-width of ratios (jets,), with bootstrap errors; none of fewer than two."""
    if len(ratio) < 2:
        return None
    some = ratio[random.integers(len(ratio), size=(replicas, len(ratio)))]
    (bias, width), spread = (_middle(each) for each in (ratio, some))
    error = spread.std(axis=-1, ddof=1)
    return Shift(bias=bias, bias_error=error[0], resolution=width, resolution_error=error[1])


def _middle(ratio: Float) -> Float:
    """Median less 1, and half of the central 68 %, along the last axis."""
    median, low, high = np.quantile(ratio, QUANTILES, axis=-1)
    return np.stack([median - 1, (high - low) / 2])
