"""NanoAOD with particle-flow candidates: tree Events, jets that name their constituents.

PFNano and BTVNano: <link>_jetIdx and <link>_pFCandsIdx (link JetPFCands or FatJetPFCands) pair
jets with PFCands_pt, _eta, _phi, _mass, _pdgId, _puppiWeight, _d0, _d0Err, _dz, _dzErr. NanoAOD 15
has the same for AK8 jets by the names FatJetPFCand_pfCandIdx and PFCand_..., without distances,
and with the weights of PUPPI in pT and mass already (cmssw, NanoAOD/python/jetsAK8_cff.py).
Distances are in cm, and those of a candidate without a track are marked by an error that is not
positive. The charge is that of the code: electrons 11, muons 13, charged hadrons 211, photons 22,
neutral hadrons 130, and 1 and 2 in the forward calorimeter. Kinematics of the jets are those of the
constituents, without corrections.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

import awkward as ak
import numpy as np
from numpy.typing import NDArray

from jetchain.core.kinematics import cartesian
from jetchain.core.trees import LIST, iterate_tree, whole_numbers
from jetchain.graphs.imported import (
    MOMENTUM,
    TRACK,
    Chunk,
    Columns,
    JetFormat,
    Rows,
    kind_of,
    other_layout,
    require_finite,
    require_lengths,
    require_once,
)

MM = 10.0  # one cm in mm
STEP = 500  # events
KINEMATICS = ("pt", "eta", "phi", "mass", "pdgId")
DISTANCES = ("d0", "dz", "d0Err", "dzErr")  # in the order of TRACK
WEIGHT = "puppiWeight"
CODES = (0, 1, 2, 11, 13, 22, 130, 211)  # 0 of what is none of the others


class SmallJets(JetFormat):
    """AK4 jets of PFNano; labels by Jet_partonFlavour, none in data."""

    labels: ClassVar[tuple[str, ...]] = ("quark", "gluon", "charm", "bottom")
    feature_set = "full"
    kinds = ("ROOT",)
    radius = 0.4
    jets: ClassVar[str] = "Jet"
    link: ClassVar[str] = "JetPFCands"
    index: ClassVar[str] = "pFCandsIdx"
    candidates: ClassVar[str] = "PFCands"
    puppi: ClassVar[bool] = False
    weighted: ClassVar[bool] = False  # by a column of its own
    flavour: ClassVar[str] = "partonFlavour"
    codes: ClassVar[Mapping[int, str]] = {
        1: "quark", 2: "quark", 3: "quark", 4: "charm", 5: "bottom", 21: "gluon",
    }  # fmt: skip

    def chunks(self, path: Path, rows: Rows) -> Iterator[Chunk]:
        """See `JetFormat`; its rows are events."""
        columns = [*KINEMATICS, *(DISTANCES if self.feature_set == "full" else ())]
        candidates = {name: f"{self.candidates}_{name}" for name in columns}
        pair = [f"{self.link}_jetIdx", f"{self.link}_{self.index}"]
        flavour, weight = f"{self.jets}_{self.flavour}", f"{self.candidates}_{WEIGHT}"
        optional = [flavour]
        names = [f"{self.jets}_pt", *pair, *candidates.values(), flavour]
        if self.weighted:
            names.append(weight)
        branches = dict.fromkeys(names, LIST)
        for table in iterate_tree(
            path, "Events", branches, optional=optional, rows=rows, step=STEP
        ):
            events = np.asarray(ak.num(table[names[0]]))
            if flavour in table:
                require_lengths(path, flavour, table[flavour], events)
                require_finite(path, flavour, _flat(table[flavour]))
            number = np.asarray(ak.num(table[names[3]]))
            for branch in [*candidates.values(), *[weight] * self.weighted]:
                require_lengths(path, branch, table[branch], number)
            listed = {name: table[name] for name in pair}
            jet, which = self._pairs(path, listed, events, table[names[3]])
            flat = {name: _flat(table[branch])[which] for name, branch in candidates.items()}
            if not np.all(known := np.isin(np.abs(flat["pdgId"]), CODES)):
                code = flat["pdgId"][np.argmin(known)]
                what = f"{candidates['pdgId']} is {code:.15g}, no candidate's code"
                raise other_layout(path, what)
            made = _constituents(flat, _flat(table[weight])[which] if self.weighted else None)
            kept = made["e"] != 0 if self.puppi else np.ones(len(jet), bool)
            label = self._label(_flat(table[flavour]) if flavour in table else None, events)
            yield Chunk(
                label,
                np.bincount(jet[kept], minlength=len(label)),
                {name: values[kept] for name, values in made.items()},
                {},
                events,
            )

    def _pairs(
        self, path: Path, pair: dict[str, Any], events: NDArray[np.int64], candidates: Any
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Jet and candidate of each constituent, numbered through the chunk, jet after jet."""
        counts, others = (np.asarray(ak.num(each)) for each in pair.values())
        if np.any(others != counts):
            raise other_layout(path, f"{self.link}_{self.index} has more or fewer entries")
        event = np.repeat(np.arange(len(counts)), counts)
        jet, which = (
            whole_numbers(_flat(each), name, path).astype(np.int64) for name, each in pair.items()
        )
        number = np.asarray(ak.num(candidates))
        # Jets that the table leaves out, and candidates that it leaves out, have the index -1.
        real = (jet >= 0) & (which >= 0)
        event, jet, which = event[real], jet[real], which[real]
        if np.any(jet >= events[event]) or np.any(which >= number[event]):
            raise other_layout(path, f"{self.link} names jets or candidates that there are not")
        jet += (np.cumsum(events) - events)[event]
        which += (np.cumsum(number) - number)[event]
        require_once(path, " with ".join(pair), jet, which)
        order = np.argsort(jet, kind="stable")
        return jet[order], which[order]

    def _label(self, flavour: NDArray[Any] | None, events: NDArray[Any]) -> NDArray[np.int64]:
        """Indices into the labels; -1 for other flavours."""
        label = np.full(int(events.sum()), -1)
        if flavour is not None:
            for code, name in self.codes.items():
                label[np.abs(flavour) == code] = self.labels.index(name)
        return label


class LargeJets(SmallJets):
    """AK8 jets of PFNano, of candidates weighted by PUPPI; labels by FatJet_hadronFlavour."""

    labels = ("light", "charm", "bottom")
    radius = 0.8
    jets = "FatJet"
    link = "FatJetPFCands"
    puppi = weighted = True
    flavour = "hadronFlavour"
    codes: ClassVar[Mapping[int, str]] = {0: "light", 4: "charm", 5: "bottom"}


class LargeJets15(LargeJets):
    """AK8 jets of NanoAOD 15, which has no distances of tracks."""

    feature_set = "identity"
    link = "FatJetPFCand"
    index = "pfCandIdx"
    candidates = "PFCand"
    weighted = False


def _flat(values: Any) -> NDArray[Any]:
    return np.asarray(ak.flatten(values))


def _constituents(flat: Columns, weight: NDArray[Any] | None) -> Columns:
    """Columns of a chunk from those of candidates."""
    pt, eta, phi, mass = (flat[name].astype(np.float64) for name in KINEMATICS[:4])
    scale = np.ones(len(pt)) if weight is None else weight.astype(np.float64)
    scale = scale * np.where(pt < 0, -1, 1)  # a negative pT is seen in the energy
    momentum = [scale * each for each in cartesian(pt, eta, phi, mass)]
    code = flat["pdgId"].astype(np.int64)
    charge = np.select(
        [np.isin(np.abs(code), (11, 13)), np.abs(code) == 211], [-np.sign(code), np.sign(code)], 0
    )
    columns: Columns = dict(zip(MOMENTUM, momentum, strict=True))
    columns |= {"charge": charge.astype(np.float64), "kind": kind_of(code, charge)}
    if DISTANCES[0] in flat:
        track = (flat["d0Err"] > 0) & (flat["dzErr"] > 0)
        for ours, theirs in zip(TRACK, DISTANCES, strict=True):
            columns[ours] = np.where(track, MM * flat[theirs], 0.0)
    return columns
