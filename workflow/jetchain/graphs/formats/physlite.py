"""ATLAS's DAOD_PHYSLITE: calibrated jets of R = 0.4 and the tracks that are ghosts of them.

Clusters and particle-flow objects are not in this format, nor are the constituents of its large
jets: the tracks are the particles. Tree CollectionTree with branches such as AnalysisJetsAuxDyn.pt;
or RNTuple EventData, with a colon for the last dot. GhostTrack of a jet links to the particles of
InDetTrackParticles; links to tracks that were thinned away have the key 0. Momenta are in MeV, z0
is from vz on, which is the z of the beam spot, and the first vertex of type 1 is the primary one
(xAOD::VxType::PriVtx); without one, it is the first, which stands at the beam spot.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import awkward as ak
import numpy as np
from numpy.typing import NDArray

from jetchain.core.kinematics import cartesian
from jetchain.core.schema.particleflow import PARTICLE_CLASSES
from jetchain.core.trees import LINK, LINKS, LIST, NESTED, iterate_tree, tree_among
from jetchain.graphs.imported import (
    MOMENTUM,
    TRACK,
    Chunk,
    Columns,
    JetFormat,
    Rows,
    other_layout,
    require_finite,
    require_lengths,
    require_once,
)

GEV = 1000.0  # one GeV in MeV
PION = 0.13957039  # GeV, PDG 2024
STEP = 500  # events
TREES = {"CollectionTree": ".", "EventData": ":"}
JETS, TRACKS, VERTICES = "AnalysisJetsAuxDyn", "InDetTrackParticlesAuxDyn", "PrimaryVerticesAuxDyn"
JET = ("pt", "eta", "phi", "m")
NUMBERS = ("phi", "theta", "qOverP", "d0", "z0", "vz")
VARIANCES = "definingParametersCovMatrixDiag"  # of d0, z0, phi, theta, q/p
HADRON, PARTON = "HadronConeExclTruthLabelID", "PartonTruthLabelID"
PRIMARY = 1


class Physlite(JetFormat):
    """AnalysisJets; labels by the hadrons, and without heavy ones the parton, in the jet."""

    labels: ClassVar[tuple[str, ...]] = ("quark", "gluon", "charm", "bottom", "tau")
    feature_set = "full"
    kinds = ("ROOT",)
    radius = 0.4

    def chunks(self, path: Path, rows: Rows) -> Iterator[Chunk]:
        """See `JetFormat`; its rows are events."""
        tree = tree_among(path, TREES)

        def name(container: str, column: str) -> str:
            return f"{container}{TREES[tree]}{column}"

        link, variances = name(JETS, "GhostTrack"), name(TRACKS, VARIANCES)
        truth = [name(JETS, each) for each in (HADRON, PARTON)]
        jet = {each: name(JETS, each) for each in JET}
        track = {each: name(TRACKS, each) for each in NUMBERS}
        vertex = [name(VERTICES, each) for each in ("z", "vertexType")]
        branches = dict.fromkeys([*jet.values(), *truth, *track.values(), *vertex], LIST)
        branches |= {link: LINKS, variances: NESTED}
        for table in iterate_tree(path, tree, branches, optional=truth, rows=rows, step=STEP):
            if sum(each in table for each in truth) == 1:
                raise other_layout(path, f"has one of {' and '.join(truth)} without the other")
            events = np.asarray(ak.num(table[jet["pt"]]))
            for each in [*jet.values(), *(each for each in truth if each in table), link]:
                require_lengths(path, each, table[each], events)
            for each in [*(each for each in truth if each in table), vertex[1]]:
                require_finite(path, each, _flat(table[each]))
            number = np.asarray(ak.num(table[track["phi"]]))
            for each in [*track.values(), variances]:
                require_lengths(path, each, table[each], number)
            constituents, which = _ghosts(path, link, table[link], number)
            flat = {each: _flat(table[branch])[which] for each, branch in track.items()}
            flat["vz"] = flat["vz"] - np.repeat(_primary(path, vertex, table), number)[which]
            of = _variances(path, variances, table[variances])[which]
            stated = {each: _flat(table[branch]) for each, branch in jet.items()}
            stated |= {each: stated[each] / GEV for each in ("pt", "m")}
            label = _labels(*(_flat(table[each]) if each in table else None for each in truth))
            label = np.full(len(constituents), -1) if label is None else label
            yield Chunk(label, constituents, _constituents(path, flat, of), stated, events)


def _flat(values: Any) -> NDArray[Any]:
    return np.asarray(ak.flatten(values))


def _ghosts(
    path: Path, name: str, links: Any, number: NDArray[np.integer]
) -> tuple[NDArray[np.integer], NDArray[np.integer]]:
    """Tracks of each jet that are in the file, and which: numbered through the chunk."""
    event = np.repeat(np.arange(len(number)), np.asarray(ak.sum(ak.num(links, axis=2), axis=1)))
    key, index = (np.asarray(ak.flatten(links[each], axis=None)) for each in LINK)
    there = key != 0
    if len(np.unique(key[there])) > 1:
        raise other_layout(path, f"{name} leads to particles of more than one collection")
    index, event = index[there], event[there]
    if np.any((index < 0) | (index >= number[event])):
        raise other_layout(path, f"{name} leads to tracks that there are not")
    constituents = np.asarray(ak.sum(ak.flatten(links[LINK[0]] != 0), axis=1))
    which = (np.cumsum(number) - number)[event] + index
    require_once(path, name, np.repeat(np.arange(len(constituents)), constituents), which)
    return constituents, which


def _primary(path: Path, names: list[str], table: Any) -> NDArray[Any]:
    """z of the primary vertex of each event, in mm."""
    z, kind = (table[name] for name in names)
    require_lengths(path, names[1], kind, np.asarray(ak.num(z)))
    if len(z) and ak.any(ak.num(z) == 0):
        raise other_layout(path, f"{names[0]} has an event without a vertex")
    return np.asarray(ak.firsts(z[ak.argmax(kind == PRIMARY, axis=1, keepdims=True)]))


def _variances(path: Path, name: str, values: Any) -> NDArray[Any]:
    """Variances of d0 and z0 of each track, in mm^2; (tracks, 2)."""
    rows = ak.flatten(values)
    if np.any(np.asarray(ak.num(rows)) < 2):
        raise other_layout(path, f"{name} of a track has less than two numbers")
    return np.asarray(ak.flatten(rows[:, :2])).reshape(-1, 2)


def _labels(hadron: NDArray[Any] | None, parton: NDArray[Any] | None) -> NDArray[Any] | None:
    """Indices into the labels, -1 for none; nothing in data, which have no truth."""
    if hadron is None or parton is None:
        return None
    light = (hadron == 0) & (parton > 0)
    cases = [hadron == 5, hadron == 4, hadron == 15, light & (parton <= 3), light & (parton == 21)]
    names = ("bottom", "charm", "tau", "quark", "gluon")
    return np.select(cases, [Physlite.labels.index(name) for name in names], -1)


def _constituents(path: Path, track: Columns, variances: NDArray[Any]) -> Columns:
    """Columns of a chunk from those of tracks."""
    values = {name: each.astype(np.float64) for name, each in track.items()}
    if np.any(values["qOverP"] == 0):
        raise other_layout(path, f"{TRACKS} has a track without momentum: its qOverP is 0")
    if not np.all(inside := (values["theta"] > 0) & (values["theta"] < np.pi)):
        angle = values["theta"][np.argmin(inside)]
        raise other_layout(path, f"{TRACKS} has a track with a theta of {angle:g}")
    if np.any(variances < 0):
        raise other_layout(path, f"{VARIANCES} of a track has a negative variance")
    pt = np.sin(values["theta"]) / np.abs(values["qOverP"]) / GEV
    eta = -np.log(np.tan(values["theta"] / 2))
    momentum = cartesian(pt, eta, values["phi"], np.full(len(pt), PION))
    columns: Columns = dict(zip(MOMENTUM, momentum, strict=True))
    columns["charge"] = np.sign(values["qOverP"])
    columns["kind"] = np.full(len(pt), PARTICLE_CLASSES.index("charged_hadron"))
    distances = (values["d0"], values["z0"] + values["vz"], *np.sqrt(variances.astype(float)).T)
    return columns | dict(zip(TRACK, distances, strict=True))
