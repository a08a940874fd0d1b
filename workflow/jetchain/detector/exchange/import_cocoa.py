"""Take COCOA's detector in the place of ours."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np

from jetchain.core.errors import DataError
from jetchain.core.io.atomic import REMAKE
from jetchain.core.io.events import read_events, write_event_chunks
from jetchain.core.io.tables import write_result
from jetchain.core.schema.detector import COCOA, DETECTED, LAYERS, DetectorAccount
from jetchain.core.schema.generate import GENERATED
from jetchain.core.trees import Part, iterate_cocoa
from jetchain.core.verbs import Input, Output
from jetchain.detector.exchange.cocoa import from_cocoa
from jetchain.detector.flight.particles import GEV
from jetchain.detector.flight.states import FATES, behaviour
from jetchain.detector.table import KINDS


def import_cocoa(
    *,
    source: Input,
    events: Input,
    output: Output,
    account: Output,
    shard: str = "0000",
    parts: int = 1,
    limit: int = 0,
) -> None:
    """Take one shard of detector events from COCOA's output; nothing is simulated.

    Args:
        source: COCOA's file, with the tree `Out_Tree`; see `exchange.export_cocoa` for the other
            form that is read.
        events: table GENERATED of the same file, for number and weight of the events and the
            charges of their particles.
        output: written, table DETECTED, the same events in the same order.
        shard, parts, limit: which of the file's events; see `core.trees.Part`.
        account: written: the objects, and the energy that clustered cells took. What became of the
            rest COCOA does not say: those entries are 0.

    Raises:
        DataError: the file is damaged, lacks a branch, or is not the one of `events`.
    """
    truth = read_events(events, GENERATED, {"particle": ["charge"]})
    totals = _Totals()
    write_event_chunks(
        output, DETECTED, _chunks(source, Part(int(shard), parts, limit), truth, totals)
    )
    write_result(account, totals.summary())


def _chunks(
    source: Path, part: Part, truth: Mapping[str, ak.Array], totals: _Totals
) -> Iterator[dict[str, Any]]:
    event, charge = truth["event"], truth["particle"]["charge"]
    first = 0
    for arrays in iterate_cocoa(source, tuple(COCOA.collections), part.rows):
        last = first + len(arrays["cell_e"])
        if last <= len(event):
            number = {name: np.asarray(event[name][first:last]) for name in DETECTED.event}
            data = from_cocoa(arrays, number, charge[first:last], source)
            truth = data.pop("cell_truth")
            totals.add(data, truth)
            yield data
        first = last
    if first != len(event):
        raise DataError(
            f"{source}: {first} events, but its truth was taken from {len(event)}.", REMAKE
        )


class _Totals:
    """The account of a shard, as `table.Account` gives it, as far as COCOA's files tell."""

    def __init__(self) -> None:
        self.objects = {"tracks": 0, "clusters": 0, "cells": 0}
        self.events = self.particles = 0
        self.clustered = 0.0
        self.energy = {kind: dict.fromkeys(("true", *FATES), 0.0) for kind in KINDS}
        self.by_layer = {kind: np.zeros(len(LAYERS)) for kind in KINDS}

    def add(self, data: Mapping[str, Any], truth: Mapping[str, ak.Array]) -> None:
        """Add some events of the table DETECTED, and the truth of their cells."""
        particle, cell = data["particle"], data["cell"]
        pdgid = np.asarray(ak.flatten(particle["pdgid"]))
        self.events += len(particle["pdgid"])
        self.particles += len(pdgid)
        for name, collection in (("tracks", "track"), ("clusters", "topo"), ("cells", "cell")):
            self.objects[name] += int(ak.count(next(iter(data[collection].values()))))
        self.clustered += float(ak.sum(data["topo"]["e"])) / GEV
        kind = behaviour(pdgid, np.asarray(ak.flatten(particle["charge"])))
        true, seen = (np.asarray(ak.flatten(particle[n])) / GEV for n in ("e", "dep_energy"))
        for code, name in enumerate(KINDS):
            self.energy[name]["true"] += float(true[kind == code].sum())
            self.energy[name]["deposited"] += float(seen[kind == code].sum())
        self._add_layers(kind, particle["pdgid"], {**cell, **truth})

    def _add_layers(self, kind: np.ndarray, pdgid: ak.Array, cell: Mapping[str, ak.Array]) -> None:
        number = np.asarray(ak.flatten(ak.num(cell["parent_list"], axis=2)))
        first = np.concatenate([[0], np.cumsum(np.asarray(ak.num(pdgid)))])[:-1]
        owner = np.asarray(ak.flatten(cell["parent_list"], axis=None)).astype(np.int64)
        owner += np.repeat(np.repeat(first, np.asarray(ak.num(cell["e"]))), number)
        layer = np.repeat(np.asarray(ak.flatten(cell["layer"])).astype(np.int64), number)
        energy = np.asarray(ak.flatten(cell["parent_energy"], axis=None)).astype(float) / GEV
        for code, name in enumerate(KINDS):
            mine = kind[owner] == code
            self.by_layer[name] += np.bincount(layer[mine], energy[mine], minlength=len(LAYERS))

    def summary(self) -> DetectorAccount:
        """Everything that is known; energies in GeV."""
        return DetectorAccount(
            events=self.events,
            particles={"simulated": self.particles},
            particle_energy={},
            objects=self.objects,
            energy=self.energy,
            energy_by_layer={
                kind: dict(zip(LAYERS, values.tolist(), strict=True))
                for kind, values in self.by_layer.items()
            },
            energy_in_cells={"measured_in_clusters": self.clustered},
        )
