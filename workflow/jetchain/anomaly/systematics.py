"""Simulated signal of which one thing is varied; `anomaly.rescore` scores it.

A variation is made of the same events as the signal of the search, those that were not injected:
what changes is the variation and not the draw. An event that passes the trigger only when varied
counts as the part of the signal that was not injected.

- a scale of the jets (`resonance.SCALED`) goes up and down by its uncertainty for all jets
  together, trigger included;
- a resolution grows by its uncertainty: each jet is smeared by what is missing in quadrature, some
  times over. There is no variation down;
- another algorithm of particle flow: its jets of the same events. Neither has it one down;
- the showers' scales: the weights of the same events, where they were generated.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jetchain.anomaly.features import COLUMNS, select, triggered
from jetchain.anomaly.resonance import SCALED, look_up, moved, scaled
from jetchain.anomaly.settings import RESOLUTIONS, SHOWERS, VariationJob
from jetchain.core.dijets import Array, Table, read_dijets
from jetchain.core.errors import DataError
from jetchain.core.io.events import read_events, require_same_events
from jetchain.core.io.tables import read_json, read_result
from jetchain.core.io.tensors import write_tensors
from jetchain.core.schema.anomaly import ANOMALY_FEATURES, VARIED
from jetchain.core.schema.background import Normalisation
from jetchain.core.schema.generate import GENERATED
from jetchain.core.schema.jets import JetClosure, UncertaintyRow, jet_collection, jets_table
from jetchain.core.seeds import generator
from jetchain.core.verbs import Input, Inputs, Output

SMEARINGS = 4
"""Times that each event is smeared: what the smearing draws adds half to what the events do."""
SMALLEST_FACTOR = 0.1
"""Of a smeared pT or mass."""
Selected = tuple[NDArray[np.int64], Array, Array]
"""Number of each selected event (events,), dijet mass (events,) and features (events, 4)."""


def vary(
    *,
    nominal: Inputs,
    other: Inputs,
    closure: Inputs,
    generated: Inputs,
    signal_test: Input,
    varied: Output,
    systematic: str,
    settings: VariationJob,
    seed: int,
) -> None:
    """Make the varied signal of one systematic uncertainty.

    Args:
        nominal: jets of the signal's samples, as in the search.
        other: the same by another algorithm of particle flow, where that is what is varied.
        closure: `JetClosure`, with the jets' uncertainties, where they are.
        generated: GENERATED of the same shards, where the showers are.
        signal_test: DIJETS of the signal that was not injected.
        varied: written, VARIED; without an event where the uncertainties are not known.
        systematic: a key of `SCALED`, `RESOLUTIONS` or `SHOWERS`; any other is that of `other`.
        settings: of the selection.
        seed: of the smearing.

    Raises:
        DataError: the files do not belong together.
    """
    shards = [_read(path, settings.radius) for path in nominal]
    reference = _joined(_selected(number, jets, settings) for number, jets in shards)
    events = Reference(reference, read_dijets(signal_test), signal_test)
    pieces: list[tuple[Selected, int, Array | float]] = []
    if systematic in SHOWERS:
        weights = _weights(generated, shards, nominal)
        for column, direction in zip(SHOWERS[systematic], (1, -1), strict=True):
            pieces.append((reference, direction, events.looked_up(weights, column)))
    elif other:
        again = [_read(path, settings.radius) for path in other]
        for (one, _), (two, _), path in zip(shards, again, other, strict=True):
            first, second = ({"event": {"number": each}} for each in (one, two))
            require_same_events(first, second, f"{path} and that of the search")
        jets = _joined(_selected(number, jets, settings) for number, jets in again)
        pieces.append((jets, 1, 1.0))
    else:
        rows = [
            row
            for path in closure
            for row in read_result(path, JetClosure).uncertainties
            if row.radius == settings.radius
        ]
        if not rows:
            print(
                f"{systematic}: no uncertainty of jets of radius {settings.radius:g} is known: too "
                "few jets test their calibration. The signal is not varied.",
                file=sys.stderr,
                flush=True,
            )
        pieces += [
            (_joined(_selected(number, jets, settings) for number, jets in each), direction, weight)
            for each, direction, weight in _of_jets(shards, rows, systematic, seed)
        ]
    write_tensors(varied, VARIED, _table([events.counted(*piece) for piece in pieces]))


def _of_jets(
    shards: list[tuple[Array, Any]], rows: list[UncertaintyRow], by: str, seed: int
) -> Iterator[tuple[list[tuple[Array, Any]], int, float]]:
    """The shards with varied jets, the direction, and what an event counts as."""
    if by in SCALED:
        for sign in (1, -1) if rows else ():
            yield [(number, scaled(jets, rows, by, sign)) for number, jets in shards], sign, 1.0
        return
    random = generator(seed, "smearing")
    for _ in range(SMEARINGS if rows else 0):
        smeared = [(number, _smeared(jets, rows, by, random)) for number, jets in shards]
        yield smeared, 1, 1 / SMEARINGS


def _smeared(jets: Any, rows: list[UncertaintyRow], by: str, random: np.random.Generator) -> Any:
    """Jets (events, var) whose resolution is worse by its uncertainty."""
    import awkward as ak

    pt, eta = (ak.to_numpy(ak.flatten(jets[name])) for name in ("pt", "eta"))
    width, more = (look_up(rows, name, pt, eta) for name in (by, f"{by}_uncertainty"))
    missing = np.sqrt((width + more) ** 2 - width**2)
    factor = np.maximum(1 + missing * random.standard_normal(len(pt)), SMALLEST_FACTOR)
    return moved(jets, factor, RESOLUTIONS[by])


class Reference:
    """The selected signal of the search: which of its events were injected.

    Args:
        selected: all selected events, as they are.
        signal_test: DIJETS of those that were not injected.
        path: of these, for the message.

    Raises:
        DataError: they are not among the selected ones.
    """

    def __init__(self, selected: Selected, signal_test: Table, path: Path) -> None:
        numbers, m_jj, _ = selected
        kept = np.isin(m_jj, signal_test["m_jj"])  # the very same numbers, from the same jets
        if not np.array_equal(m_jj[kept], signal_test["m_jj"]):
            raise DataError(
                f"{path}: its events are not those of the signal's jets.",
                "It is from another run. Remove it and run the same command again.",
            )
        order = np.argsort(numbers)
        self.numbers = numbers[order]
        fold = np.full(len(numbers), -1)
        fold[kept] = signal_test["fold"]
        self.fold = fold[order]
        self.folds = int(signal_test["fold"].max(initial=0)) + 1
        self.share = len(signal_test["m_jj"]) / max(len(numbers), 1)
        self._in_order = order

    def counted(self, found: Selected, direction: int, weight: Array | float) -> Table:
        """VARIED without numbers: the selected events, but for those that were injected."""
        number, m_jj, features = found
        place = np.minimum(np.searchsorted(self.numbers, number), max(len(self.numbers) - 1, 0))
        known = self.numbers[place] == number if len(self.numbers) else np.zeros(len(number), bool)
        fold = np.where(known, self.fold[place], number % self.folds)
        weights = np.where(known, 1.0, self.share) * weight
        used = fold >= 0
        return {
            "m_jj": m_jj[used],
            "features": features[used],
            "fold": fold[used],
            "weight": weights[used],
            "direction": np.full(int(used.sum()), direction),
        }

    def looked_up(self, weights: dict[str, Array], column: str) -> Array:
        """Weights (events,) over the nominal one of the selected events, in their first order."""
        order = np.argsort(weights["number"])
        found = order[np.searchsorted(weights["number"], self.numbers, sorter=order)]
        result = np.empty(len(found))
        result[self._in_order] = weights[column][found]
        return result


def _weights(
    generated: Inputs, shards: list[tuple[Array, Any]], nominal: Inputs
) -> dict[str, Array]:
    """Number of all events, and their varied weights over the nominal one."""
    parts: dict[str, list[Array]] = {"number": []}
    for path, (number, _), jets in zip(generated, shards, nominal, strict=True):
        event = read_events(path, GENERATED, {})["event"]
        require_same_events({"event": event}, {"event": {"number": number}}, f"{path} and {jets}")
        parts["number"].append(np.asarray(event["number"]))
        for column in (column for pair in SHOWERS.values() for column in pair):
            ratio = np.asarray(event[column]) / np.asarray(event["weight"])
            if not np.isfinite(ratio).all():
                first = int(np.flatnonzero(~np.isfinite(ratio))[0])
                raise DataError(
                    f"{path}: event {number[first]} has {column} = {event[column][first]:g} beside "
                    f"a weight of {event['weight'][first]:g}.",
                    "Generate the sample anew.",
                )
            parts.setdefault(column, []).append(ratio)
    return {name: np.concatenate(part) for name, part in parts.items()}


def _selected(number: Array, jets: Any, settings: VariationJob) -> Selected:
    import awkward as ak

    m_jj, features, _ = select(jets, settings.trigger_pt)
    _, finite = triggered(jets, settings.trigger_pt)
    leading = ak.to_numpy(ak.fill_none(ak.max(jets.pt, axis=1), 0.0)).astype(np.float64)
    passed = (ak.to_numpy(ak.num(jets.pt)) >= 2) & (leading > settings.trigger_pt)
    return number[passed][finite], m_jj, features


def _joined(parts: Iterator[Selected]) -> Selected:
    numbers, masses, features = zip(*parts, strict=True)
    return np.concatenate(numbers), np.concatenate(masses), np.concatenate(features)


def _table(parts: list[Table]) -> Table:
    empty = {"features": np.zeros((0, len(ANOMALY_FEATURES)))}
    table = {
        name: np.concatenate([empty.get(name, np.zeros(0)), *(part[name] for part in parts)])
        for name in ("m_jj", "features", "fold", "weight", "direction")
    }
    return {"event_id": np.arange(len(table["m_jj"])), **table}


def _read(path: Path, radius: float) -> tuple[Array, Any]:
    collection = jet_collection(radius)
    events = read_events(path, jets_table((radius,)), {collection: list(COLUMNS)})
    return np.asarray(events["event"]["number"]), events[collection]


def other_signal(
    *,
    jets: Inputs,
    accounts: Inputs,
    normalisation: Input,
    signal_test: Input,
    varied: Output,
    settings: VariationJob,
) -> None:
    """Make a signal of other parameters a variation, to be scored and counted like one.

    An event counts as what it stands for at the cross-section where the signal of the search has
    strength 1, in units of what an event of that signal counts as.

    Args:
        jets, accounts: of the shards of its sample.
        normalisation: `Normalisation` of the search.
        signal_test: DIJETS of its signal.
        varied: written, VARIED.
        settings: of the selection.

    Raises:
        DataError: nothing was generated, or events have weights.
    """
    events = [_selected(*_read(path, settings.radius), settings) for path in jets]
    made = [read_json(path) for path in accounts]
    generated = sum(float(each["sum_of_weights_generated"]) for each in made)
    kept = sum(int(each["cutflow"]["kept"]) for each in made)
    squares = sum(float(each["sum_of_squared_weights_kept"]) for each in made)
    if not generated > 0 or abs(squares - kept) > 1e-6 * kept:
        raise DataError(
            f"{accounts[0]}: {kept} events, whose squared weights add up to {squares:g}, of "
            f"{generated:g} generated; a signal of the grid needs events of weight one.",
            "Name samples without a bias in anomaly.grid.samples, of one event at least.",
        )
    test = read_dijets(signal_test)
    acceptance = read_result(normalisation, Normalisation).signal_acceptance
    number, m_jj, features = _joined(iter(events))
    folds = int(test["fold"].max(initial=0)) + 1
    weight = len(test["m_jj"]) / (acceptance * generated)
    table = {
        "m_jj": m_jj,
        "features": features,
        "fold": number % folds,
        "weight": np.full(len(m_jj), weight),
        "direction": np.ones(len(m_jj)),
    }
    write_tensors(varied, VARIED, _table([table]))
