"""Quark and gluon jets of EnergyFlow: npz with the arrays X and y (arXiv 1810.05165).

X is (jets, places, 4): pT in GeV, rapidity, azimuth and PDG code of the particles, padded with
zeros; y is 1 for a quark, 0 for a gluon jet (https://energyflow.network/docs/datasets). Masses and
charges are those of the codes.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from jetchain.core.errors import DataError
from jetchain.core.trees import REPLACE
from jetchain.graphs.imported import (
    Chunk,
    JetFormat,
    Rows,
    kind_of,
    other_layout,
    padded,
    reading,
    require_names,
    steps,
    whole_labels,
)

GEV = 1e-3  # one MeV in GeV


class QuarkGluon(JetFormat):
    """Anti-kT jets, R = 0.4, of 500 to 550 GeV, of generated particles."""

    labels = ("gluon", "quark")  # as y numbers them
    feature_set = "identity"
    kinds = ("zip",)
    radius = 0.4

    def chunks(self, path: Path, rows: Rows) -> Iterator[Chunk]:
        """See `JetFormat`."""
        with reading(path, "an npz file"), zipfile.ZipFile(path) as archive:
            require_names(path, "arrays", ["X.npy", "y.npy"], archive.namelist())
            with archive.open("y.npy") as file:
                label = np.lib.format.read_array(file, allow_pickle=False)
            with archive.open("X.npy") as file:
                shape, dtype = _header(path, file)
                if len(shape) != 3 or shape[2] != 4 or label.shape != shape[:1]:
                    raise other_layout(
                        path, f"X and y have the shapes {shape} and {label.shape}, not (n, m, 4), n"
                    )
                wanted, a_jet = rows(path, shape[0]), shape[1] * 4 * dtype.itemsize
                # Forwards it unpacks what is between, a little at a time.
                file.seek(file.tell() + wanted.start * a_jet)
                for some in steps(wanted):
                    due = (some.stop - some.start) * a_jet
                    read = file.read(due)
                    if len(read) != due:
                        raise EOFError(f"X ends before jet {some.stop}")
                    values = np.frombuffer(read, dtype).reshape(some.stop - some.start, *shape[1:])
                    yield _jets(path, values.astype(np.float64), label[some])


def _header(path: Path, file: IO[bytes]) -> tuple[tuple[int, ...], np.dtype]:
    """Shape and type of the array whose numbers follow."""
    version = np.lib.format.read_magic(file)
    read = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }[version]
    shape, by_columns, dtype = read(file)
    if dtype.kind not in "fiu":
        raise DataError(
            f"{path}: X holds {dtype}, no numbers.", f"Write X.astype(numpy.float64). {REPLACE}"
        )
    if by_columns:
        raise DataError(
            f"{path}: X is stored by columns (Fortran's order), so that no part of its jets can be "
            "read alone.",
            f"Write numpy.ascontiguousarray(X). {REPLACE}",
        )
    return shape, dtype


def _jets(path: Path, values: NDArray[np.float64], label: NDArray) -> Chunk:
    """Some jets from pT, rapidity, azimuth and PDG code of their particles."""
    pt, rapidity, phi, code = (values[..., i] for i in range(4))
    codes, where = np.unique(code, return_inverse=True)
    known = np.array([_mass_and_charge(path, each) for each in codes.tolist()]).reshape(-1, 2)
    mass, charge = known[where.reshape(code.shape)].transpose(2, 0, 1)
    transverse = np.copysign(np.hypot(pt, mass), pt)  # a negative pT is seen in the energy
    momentum = np.stack(
        [
            pt * np.cos(phi),
            pt * np.sin(phi),
            transverse * np.sinh(rapidity),
            transverse * np.cosh(rapidity),
        ],
        axis=2,
    )
    # Padding is where all four numbers are 0.
    real = (values != 0).any(axis=2)
    if np.any(real & (code == 0)):
        raise _unknown(path, 0)
    momentum[~real] = 0.0
    more = {"charge": charge, "kind": kind_of(code, charge)}
    return padded(momentum, whole_labels(path, label), more)


@cache
def _mass_and_charge(path: Path, code: float) -> tuple[float, float]:
    """Mass in GeV and charge of a PDG code; 0 of padding."""
    from particle import InvalidParticle, Particle, ParticleNotFound

    if code == 0:
        return 0.0, 0.0
    try:
        found = Particle.from_pdgid(int(code)) if code == round(code) else None
    except (ParticleNotFound, InvalidParticle, ValueError, OverflowError):
        found = None
    if found is None or found.charge is None:
        raise _unknown(path, code)
    return (found.mass or 0.0) * GEV, float(found.charge)


def _unknown(path: Path, code: float) -> DataError:
    return DataError(
        f"{path}: there is no particle with the PDG code {code:.15g}.",
        f"Take the jets with it out of the file. {REPLACE}",
    )
