"""JetClass and JetClass-II: one entry a jet, as ROOT trees or Parquet tables.

Branches part_px, part_py, part_pz, part_energy (GeV), part_charge, part_isElectron, ...,
part_d0val, part_d0err, part_dzval, part_dzerr (mm) of the particles, jet_pt, jet_eta, jet_phi,
jet_energy, jet_sdmass, jet_tau1, ... of the jet; its label is one of ten flags label_QCD,
label_Hbb, ... (JetClass, arXiv 2202.03772), or a number jet_label from 0 to 187 (JetClass-II, arXiv
2405.12972). part_deta has the sign of the jet's eta there; it is not read.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import awkward as ak
import numpy as np

from jetchain.core.schema.particleflow import PARTICLE_CLASSES
from jetchain.core.trees import LIST, NUMBER, iterate_tree, require_depth
from jetchain.graphs.imported import (
    Chunk,
    Columns,
    JetFormat,
    Rows,
    one_hot,
    other_layout,
    reading,
    require_finite,
    require_lengths,
    require_names,
    whole_labels,
)

TREE = "tree"
STEP = 8192
"""Jets read at a time: parts of ROOT files are unpacked whole, and those cut in two twice."""
FLAGS = {
    "electron": "part_isElectron",
    "muon": "part_isMuon",
    "photon": "part_isPhoton",
    "charged_hadron": "part_isChargedHadron",
    "neutral_hadron": "part_isNeutralHadron",
}
PARTICLES = {
    "px": "part_px",
    "py": "part_py",
    "pz": "part_pz",
    "e": "part_energy",
    "charge": "part_charge",
    "d0": "part_d0val",
    "z0": "part_dzval",
    "d0_err": "part_d0err",
    "z0_err": "part_dzerr",
}
JET = {
    "pt": "jet_pt",
    "eta": "jet_eta",
    "phi": "jet_phi",
    "e": "jet_energy",
    "msd": "jet_sdmass",
    "tau1": "jet_tau1",
    "tau2": "jet_tau2",
    "tau3": "jet_tau3",
}


class JetClass(JetFormat):
    """Anti-kT jets, R = 0.8, of 500 to 1000 GeV."""

    labels: ClassVar[tuple[str, ...]] = (
        "QCD", "Hbb", "Hcc", "Hgg", "H4q", "Hqql", "Zqq", "Wqq", "Tbqq", "Tbl",
    )  # fmt: skip
    feature_set = "full"
    kinds = ("ROOT", "Parquet")
    radius = 0.8
    truth: ClassVar[tuple[str, ...]] = tuple(map("label_{}".format, labels))

    def chunks(self, path: Path, rows: Rows) -> Iterator[Chunk]:
        """See `JetFormat`."""
        lists = [*PARTICLES.values(), *FLAGS.values()]
        numbers = [*JET.values(), *self.truth]
        read = _parquet if _is_parquet(path) else _root
        for table in read(path, rows, lists, numbers):
            constituents = np.asarray(ak.num(table[lists[0]]))
            flat = {}
            for name in lists:
                require_lengths(path, name, table[name], constituents)
                flat[name] = np.asarray(ak.flatten(table[name]))
            values = {name: np.asarray(table[name]) for name in numbers}
            columns = {name: flat[branch] for name, branch in PARTICLES.items()}
            columns["kind"] = np.full(len(columns["px"]), -1)
            for name, branch in FLAGS.items():
                require_finite(path, branch, flat[branch])
                columns["kind"][flat[branch] == 1] = PARTICLE_CLASSES.index(name)
            jet = _jet({name: values[branch] for name, branch in JET.items()})
            yield Chunk(self.label(path, values), constituents, columns, jet)

    def label(self, path: Path, values: Columns) -> Any:
        """Indices into the labels from the columns of the truth; (jets,)."""
        return one_hot(path, np.stack([values[name] for name in self.truth], axis=1))


class JetClass2(JetClass):
    """Anti-kT jets, R = 0.8, of all pT and masses, with pile-up; labels by their numbers."""

    labels = tuple(map(str, range(188)))
    truth = ("jet_label",)

    def label(self, path: Path, values: Columns) -> Any:
        """See `JetClass`."""
        return whole_labels(path, values[self.truth[0]])


def _jet(stated: Columns) -> Columns:
    """JET_COLUMNS of jets."""
    e, pt, eta = (stated.pop(name).astype(np.float64) for name in ("e", "pt", "eta"))
    mass2 = (e - pt * np.cosh(eta)) * (e + pt * np.cosh(eta))
    # Below 0 by rounding it is 0, else no number.
    mass2 = np.where((mass2 < 0) & (mass2 > -1e-3 * e**2), 0.0, mass2)
    with np.errstate(invalid="ignore"):
        mass = np.where(e < 0, np.nan, np.sqrt(mass2))
    return {"pt": pt, "eta": eta, **stated, "m": mass}


def _is_parquet(path: Path) -> bool:
    """Whether a file says so by its name, or by its first bytes."""
    if path.suffix == ".parquet" or not path.is_file():
        return path.suffix == ".parquet"
    with path.open("rb") as file:
        return file.read(4) == b"PAR1"


def _root(path: Path, rows: Rows, lists: list[str], numbers: list[str]) -> Iterator[Any]:
    """The columns of a ROOT tree by name, some jets at a time."""
    branches = dict.fromkeys(lists, LIST) | dict.fromkeys(numbers, NUMBER)
    return iterate_tree(path, TREE, branches, rows=rows, step=STEP)


def _parquet(path: Path, rows: Rows, lists: list[str], numbers: list[str]) -> Iterator[Any]:
    """The same of a Parquet table; groups of rows that are not asked for are not read."""
    import pyarrow.parquet

    with reading(path, "a Parquet file"), pyarrow.parquet.ParquetFile(path) as file:
        names = [*lists, *numbers]
        require_names(path, "columns", names, file.schema_arrow.names)
        wanted = rows(path, file.metadata.num_rows)
        sizes = [file.metadata.row_group(i).num_rows for i in range(file.num_row_groups)]
        ends = np.cumsum([0, *sizes])
        groups = np.flatnonzero((ends[1:] > wanted.start) & (ends[:-1] < wanted.stop)).tolist()
        if not groups:
            yield ak.from_arrow(file.schema_arrow.empty_table().select(names))
            return
        before = int(ends[groups[0]])
        for batch in file.iter_batches(batch_size=STEP, row_groups=groups, columns=names):
            first, last = wanted.start - before, wanted.stop - before
            before += batch.num_rows
            if last > 0 and first < batch.num_rows:
                yield _numbers(path, batch[max(first, 0) : last], lists)


def _numbers(path: Path, batch: Any, lists: list[str]) -> Any:
    """Some rows of a Parquet table, all of whose columns are numbers, or lists of such."""
    table = ak.from_arrow(batch)
    for name in batch.schema.names:
        what, depth = f"the column {name}", LIST if name in lists else NUMBER
        require_depth(path, what, table[name], depth, str(batch.schema.field(name).type))
        if any(ak.any(ak.is_none(table[name], axis=axis), axis=None) for axis in range(depth)):
            raise other_layout(path, f"{what} has rows without a value (null)")
    return table
