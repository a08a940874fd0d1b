"""What a choice of particle flow does to taggers: the same true jets, reconstructed in two ways."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from jetchain.core.errors import DataError
from jetchain.core.io.atomic import REMAKE
from jetchain.core.io.tables import read_result, write_result
from jetchain.core.io.tensors import read_tensors
from jetchain.core.kinematics import delta_phi
from jetchain.core.metrics import resampled
from jetchain.core.schema.graphs import JET_COLUMNS
from jetchain.core.schema.pflow_choice import (
    AppliedTagger,
    ChoiceLead,
    ChoiceMerit,
    ChosenTagger,
    TaggingChoice,
)
from jetchain.core.schema.tagging import TAGGING_SCORES, TaggerMetrics
from jetchain.core.seeds import generator
from jetchain.core.verbs import Input, Inputs, Output
from jetchain.tagging.batches import JetReader
from jetchain.tagging.class_settings import PairSettings
from jetchain.tagging.paired import lead
from jetchain.tagging.ranked import Ranked
from jetchain.tagging.scored import Scored, discriminant
from jetchain.tagging.settings import ChoiceJobSettings

Float = NDArray[np.float64]
Integer = NDArray[np.int64]
Table = dict[str, np.ndarray]
Row = TypeVar("Row", bound=AppliedTagger)

FEWEST = 5
"""Jets of signal and of background, below which a pair of classes is left out."""
AT = (0.5,)
"""Signal efficiency at which the background is compared."""


def choice(
    *,
    dataset: Input,
    jets: Inputs,
    other_dataset: Input,
    other_jets: Inputs,
    metrics: Inputs,
    reference: Inputs,
    applied: Inputs,
    own: Inputs,
    result: Output,
    algorithm: str,
    settings: ChoiceJobSettings,
    seed: int,
) -> None:
    """Compare taggers on the test jets that two algorithms of particle flow have in common.

    The split of a jet follows from its event, so that both have the same test events. Weights are
    those of the reference, so that a difference is one of scores.

    Args:
        dataset, jets: of `tagging.dataset`, with the jets of the reference.
        other_dataset, other_jets: with those of the other algorithm.
        metrics: of `tagging.evaluate`, a file a tagger, on the reference.
        reference: scores of the same taggers, in this order.
        applied: likewise, of the same networks on jets of the other algorithm.
        own: of networks trained on these.
        result: written, TaggingChoice.
        algorithm: the other one.
        settings: replicas, pairs of classes, and the radius of the jets.
        seed: of the bootstrap.

    Raises:
        DataError: scores are of other jets than those of the data sets.
    """
    readers = JetReader(dataset, jets), JetReader(other_dataset, other_jets)
    scores = {"reference": reference, "applied": applied, "own": own}
    tables, common, rows = on_same_jets(ChosenTagger, readers, metrics, scores, settings, seed)
    write_result(
        result,
        TaggingChoice(
            algorithm=algorithm,
            reference_jets=len(tables[0]["label"]),
            other_jets=len(tables[1]["label"]),
            common_jets=len(common[0]),
            rows=rows,
        ),
    )


def on_same_jets(
    kind: type[Row],
    readers: tuple[JetReader, JetReader],
    metrics: Sequence[Path],
    scores: Mapping[str, Sequence[Path]],
    settings: ChoiceJobSettings,
    seed: int,
) -> tuple[tuple[Table, Table], tuple[Integer, Integer], list[Row]]:
    """Taggers on the test jets that two data sets have in common.

    Args:
        kind: of the rows; it has a field for each of `scores`.
        readers: of the data sets, the reference first.
        metrics: of the reference, a file a tagger.
        scores: files in the same order: `reference` of the first data set, others of the second.
        settings: replicas, pairs of classes, and the radius of the jets.
        seed: of the bootstrap.

    Returns:
        TAGGING_SCORES of a tagger in either, the rows of the common jets in each, (common,), and
        what is compared: all taggers and pairs but those with too few jets.
    """
    tables = (
        read_tensors(scores["reference"][0], TAGGING_SCORES),
        read_tensors(scores["applied"][0], TAGGING_SCORES),
    )
    keys = [each.samples("test") for each in readers]
    common = matched(tables[0], tables[1], keys[0], keys[1], settings.radius)
    weight = tables[0]["weight"][common[0]]
    rows = []
    for about, *paths in zip(metrics, *scores.values(), strict=True):
        found = read_result(about, TaggerMetrics)
        scored = {
            name: on_common(path, tables[other], common[other], weight, found.classes)
            for name, path in zip(scores, paths, strict=True)
            for other in [name != "reference"]
        }
        for name, pair in settings.pairs.items():
            replicas = settings.bootstrap_replicas
            row = compare(kind, scored, found.model, name, pair, replicas, seed)
            rows += [row] if row else []
    return tables, common, rows


def matched(
    one: Table, other: Table, sample: NDArray, other_sample: NDArray, radius: float
) -> tuple[Integer, Integer]:
    """Which jets of two tables are the same true jet: rows in each.

    Those of one event and class whose axes are each other's nearest, within half of the radius:
    anti-kT jets of one event are farther apart than their radius.

    Args:
        one, other: TAGGING_SCORES.
        sample, other_sample: of each jet; (jets,).
        radius: of the jets.
    """
    names = {name: n for n, name in enumerate(sorted({*sample.tolist(), *other_sample.tolist()}))}
    sides = []
    for table, of in ((one, sample), (other, other_sample)):
        if len(of) != len(table["label"]):
            raise DataError("Scores and data set have different test jets.", REMAKE)
        code = np.array([names[each] for each in of.tolist()], dtype=np.int64)
        sides.append(np.stack([code, table["label"], table["event_number"]], axis=1))
    _, key = np.unique(np.concatenate(sides), axis=0, return_inverse=True)
    left, right = np.split(key.reshape(-1), [len(sides[0])])
    order = np.argsort(right, kind="stable")
    begin, end = (np.searchsorted(right[order], left, side=side) for side in ("left", "right"))
    number = end - begin
    a = np.repeat(np.arange(len(left)), number)
    b = order[np.arange(number.sum()) - np.repeat(np.cumsum(number) - number - begin, number)]
    eta, phi = JET_COLUMNS.index("eta"), JET_COLUMNS.index("phi")
    jet, partner = one["jet"][a].astype(float), other["jet"][b].astype(float)
    distance = np.hypot(jet[:, eta] - partner[:, eta], delta_phi(jet[:, phi], partner[:, phi]))
    near = np.flatnonzero(distance < radius / 2)
    near = near[np.argsort(distance[near], kind="stable")]
    # The nearest of each, from either side.
    of_one, of_other = (near[np.unique(each[near], return_index=True)[1]] for each in (a, b))
    mutual = np.intersect1d(of_one, of_other)
    return a[mutual], b[mutual]


def on_common(
    path: Path, table: Table, chosen: Integer, weight: Float, classes: list[str]
) -> Scored:
    """What a tagger says of some jets of a table, with these weights."""
    found = read_tensors(path, TAGGING_SCORES)
    if not np.array_equal(found["jet"], table["jet"]):
        raise DataError(f"{path}: has other test jets than the taggers beside it.", REMAKE)
    return Scored(found["label"][chosen], found["probability"][chosen], weight, classes)


def compare(
    kind: type[Row],
    scored: dict[str, Scored],
    tagger: str,
    name: str,
    pair: PairSettings,
    replicas: int,
    seed: int,
) -> Row | None:
    """One tagger in one pair of classes; none with too few jets.

    Args:
        kind: of the result.
        scored: the same true jets: `reference`, and others by the names that `kind` has for them.
        tagger: its key.
        name, pair: the pair of classes.
        replicas: bootstrap replicas, which all share.
        seed: of the bootstrap.
    """
    truth, _, _ = discriminant(scored["reference"], pair)
    signal = int(truth.sum())
    if min(signal, len(truth) - signal) < FEWEST:
        return None
    times = resampled(truth, replicas, generator(seed, "choice", name))
    ranked = {each: Ranked(*discriminant(jets, pair)) for each, jets in scored.items()}
    value = {each: jets.merits(np.ones(len(truth)), AT) for each, jets in ranked.items()}
    spread = {each: jets.replicas(times, AT) for each, jets in ranked.items()}
    fields: dict[str, Any] = {
        each: ChoiceMerit(
            auc=area, auc_error=error[0], background_50=left, background_50_error=error[1]
        )
        for each, (area, left) in value.items()
        for error in [spread[each].std(axis=0, ddof=1).tolist()]
    }
    better = np.array([1, -1])  # less background is
    for each in scored.keys() - {"reference"}:
        ahead = better * (value[each] - value["reference"])
        error = (spread[each] - spread["reference"]).std(axis=0, ddof=1)
        auc, background = map(lead, ahead.tolist(), error.tolist())
        fields[f"{each}_lead"] = ChoiceLead(auc=auc, background_50=background)
    return kind(pair=name, tagger=tagger, signal=signal, background=len(truth) - signal, **fields)
