"""What a choice of particle flow does to the search: the same collisions, reconstructed twice.

The events of the search are shuffled, without their numbers. As behind a trigger, those of the
reference are known again by their dijet mass, and with it which signal events are injected.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from jetchain.anomaly.evaluate import sic_at
from jetchain.anomaly.features import COLUMNS, dijet_features, passes, taken, triggered
from jetchain.anomaly.settings import EvaluationJob, EvaluationSettings, FeatureSettings
from jetchain.anomaly.trigger import found
from jetchain.core.dijets import Array, inside, read_dijets, read_scores, read_truth
from jetchain.core.errors import DataError
from jetchain.core.io.atomic import REMAKE
from jetchain.core.io.events import read_events
from jetchain.core.io.tables import read_json, write_result
from jetchain.core.io.tensors import write_tensors
from jetchain.core.luminosity import share_of
from jetchain.core.metrics import resampled
from jetchain.core.schema.anomaly import DIJET_TRUTH, DIJETS
from jetchain.core.schema.jets import jet_collection, jets_table
from jetchain.core.schema.pflow_choice import ChosenSearch, RegionEvents, SearchChoice
from jetchain.core.schema.taggers_compared import Lead
from jetchain.core.seeds import generator
from jetchain.core.verbs import Input, Inputs, Output

Integer = NDArray[np.int64]
NEW = -1
"""Stands for an event that is not one of the reference's."""


class Selected(NamedTuple):
    """Events of some files that the search takes.

    Attributes:
        number: of all events of the files; (all,).
        row: of those that are taken, among all; (events,).
        m_jj, features: as in DIJETS.
    """

    number: Integer
    row: Integer
    m_jj: Array
    features: Array


def dijets(
    *,
    background: Inputs,
    signal: Inputs,
    known_background: Inputs,
    known_signal: Inputs,
    pool_data: Input,
    pool_truth: Input,
    pool_signal: Input,
    accounts: Inputs,
    data: Output,
    truth: Output,
    signal_test: Output,
    settings: FeatureSettings,
    seed: int,
    luminosity: float,
    cross_section: float,
) -> None:
    """Make the data of the search from the jets of another algorithm of particle flow.

    An event that both select is injected for both or for neither, and has one number and fold. One
    that the reference does not select is injected with the probability that its signal had.

    Args:
        background, signal: jets of the other algorithm.
        known_background, known_signal: of the reference, from the same generated events.
        pool_data, pool_truth, pool_signal: the search of the reference (`anomaly.features`).
        accounts: of the background's shards; needed with a luminosity.
        data, truth, signal_test: written, as by `anomaly.features`.
        settings: the cuts and the injection.
        seed: that of `anomaly.features`, so that the same background is taken.
        luminosity, cross_section: as there.

    Raises:
        DataError: the files are not of the same events, or the search is not of the reference.
    """
    share = 1.0
    if luminosity:
        share = share_of(luminosity, [read_json(path) for path in accounts], cross_section)
    pool, test = (read_dijets(path) for path in (pool_data, pool_signal))
    injected = read_truth(pool_truth, pool) == 1
    whole = {name: np.concatenate([pool[name], test[name]]) for name in pool}
    role = np.concatenate([injected, np.ones(len(test["m_jj"]), dtype=bool)])
    parts, places = [], []
    for is_signal, other, known, part in (
        (False, background, known_background, share), (True, signal, known_signal, 1.0)
    ):  # fmt: skip
        parts.append(selected(other, settings, part, seed))
        mine = np.flatnonzero(role == is_signal)
        reference = selected(known, settings, part, seed)
        place = where(parts[-1], reference, whole["m_jj"][mine], pool_data)
        places.append(np.where(place == NEW, NEW, mine[place]))
    place = np.concatenate(places)
    of_signal = np.repeat([False, True], [len(part.m_jj) for part in parts])
    random = generator(seed, "choice")
    new, held = place == NEW, place < len(injected)
    drawn = random.random(len(place))
    held = np.where(new & of_signal, drawn < injected.sum() / role.sum(), held)
    # A new event stands anywhere among those of its table.
    between = random.random(len(place)) * np.where(held, len(injected), len(test["m_jj"]))
    order = np.where(new, between + np.where(held, 0, len(injected)), place)
    table = {
        "event_id": np.where(new, len(role) + np.cumsum(new) - 1, place),
        "m_jj": np.concatenate([part.m_jj for part in parts]),
        "features": np.concatenate([part.features for part in parts]),
        "fold": np.where(new, random.integers(0, settings.folds, len(place)), whole["fold"][place]),
    }
    for path, chosen in ((data, held), (signal_test, ~held)):
        rows = np.flatnonzero(chosen)
        rows = rows[np.argsort(order[rows], kind="stable")]
        write_tensors(path, DIJETS, {name: values[rows] for name, values in table.items()})
        if path is data:
            known_truth = {"event_id": table["event_id"][rows], "is_signal": of_signal[rows] * 1}
            write_tensors(truth, DIJET_TRUTH, known_truth)


def selected(paths: Inputs, settings: FeatureSettings, part: float, seed: int) -> Selected:
    """The events of some files that `anomaly.features` selects, with the same seed."""
    collection = jet_collection(settings.radius)
    random = generator(seed, "luminosity")
    numbers, rows, masses, features = [], [], [], []
    first = 0
    for path in paths:
        events = read_events(path, jets_table((settings.radius,)), {collection: list(COLUMNS)})
        jets = events[collection]
        chosen = taken(len(jets), part, random) & passes(jets, settings.trigger_pt)
        pair, finite = triggered(jets[chosen], settings.trigger_pt)
        sides = [{name: values[finite, jet] for name, values in pair.items()} for jet in (0, 1)]
        m_jj, values = dijet_features(sides[0], sides[1])
        numbers.append(np.asarray(events["event"]["number"]))
        rows.append(first + np.flatnonzero(chosen)[finite])
        masses.append(m_jj)
        features.append(values)
        first += len(jets)
    return Selected(
        np.concatenate(numbers), np.concatenate(rows), np.concatenate(masses),
        np.concatenate(features),
    )  # fmt: skip


def where(ours: Selected, reference: Selected, masses: Array, path: Input) -> Integer:
    """Where our events stand among the reference's with these masses; NEW for none; (events,).

    Raises:
        DataError: the files are of other events, or have no event with one of the masses.
    """
    if not np.array_equal(ours.number, reference.number):
        raise DataError("The jets of two algorithms are not of the same events.", REMAKE)
    place = np.full(len(ours.number), NEW)
    place[reference.row[found(masses, reference.m_jj, path)]] = np.arange(len(masses))
    return place[ours.row]


class Region(NamedTuple):
    """The events of a search that are evaluated, and the mean scores of its methods.

    Attributes:
        event_id, label: 1 for signal; (events,).
        test: which of them were not injected; (events,).
        scores: by method; (events,) each.
    """

    event_id: Integer
    label: Integer
    test: NDArray[np.bool_]
    scores: dict[str, Array]


def compare(
    *,
    data: Input,
    truth: Input,
    signal_test: Input,
    scores: Inputs,
    signal_scores: Inputs,
    other_data: Input,
    other_truth: Input,
    other_signal_test: Input,
    other_scores: Inputs,
    other_signal_scores: Inputs,
    result: Output,
    algorithm: str,
    settings: EvaluationJob,
    seed: int,
) -> None:
    """Compare the significance improvement at the working point; a score file's folder names its
    method.

    Args:
        data, truth, signal_test, scores, signal_scores: of the reference.
        other_data, other_truth, other_signal_test, other_scores, other_signal_scores: likewise.
        result: written, SearchChoice.
        algorithm: the other one.
        settings: the signal region, and the evaluation.
        seed: of the bootstrap.
    """
    one = evaluated(data, truth, signal_test, scores, signal_scores, settings.signal_region)
    other = evaluated(
        other_data, other_truth, other_signal_test, other_scores, other_signal_scores,
        settings.signal_region,
    )  # fmt: skip
    both = np.isin(one.event_id, other.event_id)
    write_result(
        result,
        SearchChoice(
            algorithm=algorithm,
            background_efficiency=settings.evaluation.working_point,
            reference=count(one),
            other=count(other),
            common=count(one, both),
            rows=compared(one, other, settings.evaluation, seed),
        ),
    )


def evaluated(
    data: Path, truth: Path, signal_test: Path, scores: Inputs, signal_scores: Inputs,
    region: Sequence[float],
) -> Region:  # fmt: skip
    """Data and the signal that was not injected, in the signal region, as `anomaly.evaluate`."""
    tables = [read_dijets(path) for path in (data, signal_test)]
    chosen = [inside(table["m_jj"], region) for table in tables]
    is_signal = read_truth(truth, tables[0])[chosen[0]]
    tested = np.repeat([False, True], [len(is_signal), chosen[1].sum()])
    return Region(
        np.concatenate([t["event_id"][own] for t, own in zip(tables, chosen, strict=True)]),
        np.concatenate([is_signal, np.ones(chosen[1].sum(), dtype=np.int64)]),
        tested,
        {
            paths[0].parent.name: np.concatenate(
                [
                    read_scores(path, table)[own].mean(axis=1)
                    for path, table, own in zip(paths, tables, chosen, strict=True)
                ]
            )
            for paths in zip(scores, signal_scores, strict=True)
        },
    )


def count(region: Region, chosen: NDArray[np.bool_] | None = None) -> RegionEvents:
    """Events of a region, or of some of it."""
    own = np.ones(len(region.label), dtype=bool) if chosen is None else chosen
    return RegionEvents(
        background=int(np.sum(own & (region.label == 0))),
        injected=int(np.sum(own & (region.label == 1) & ~region.test)),
        signal_test=int(np.sum(own & region.test)),
    )


def compared(
    one: Region, other: Region, settings: EvaluationSettings, seed: int
) -> list[ChosenSearch]:
    """Each method on both; an event that lies in both regions is drawn for both or for neither.

    Args:
        one, other: of the reference, and of the other algorithm.
        settings: working point, smallest background, replicas.
        seed: of the bootstrap.
    """
    share, sides = settings.working_point, (one, other)
    known, at = np.unique(np.concatenate([each.event_id for each in sides]), return_index=True)
    label = np.concatenate([each.label for each in sides])[at]
    places = [np.searchsorted(known, each.event_id) for each in sides]
    times = resampled(label, settings.replicas, generator(seed, "compared"))
    enough = all(share * np.sum(each.label == 0) >= settings.minimum_background for each in sides)
    results = []
    for method in one.scores:
        if not enough:
            results.append(
                ChosenSearch(
                    method=method, reference=None, reference_error=None, other=None,
                    other_error=None, lead=None,
                )
            )  # fmt: skip
            continue
        values = [sic_at(each.label, each.scores[method], share) for each in sides]
        spread = np.array(
            [
                [
                    sic_at(np.repeat(each.label, n), np.repeat(each.scores[method], n), share)
                    for each, place in zip(sides, places, strict=True)
                    for n in [replica[place]]
                ]
                for replica in times
            ]
        )
        errors = spread.std(axis=0, ddof=1).tolist()
        ahead, error = values[1] - values[0], float(np.std(spread[:, 1] - spread[:, 0], ddof=1))
        results.append(
            ChosenSearch(
                method=method, reference=values[0], reference_error=errors[0], other=values[1],
                other_error=errors[1],
                lead=Lead(value=ahead, error=error, significance=ahead / error if error else None),
            )
        )  # fmt: skip
    return results
