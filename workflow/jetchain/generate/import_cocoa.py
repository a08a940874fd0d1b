"""The truth of COCOA's events: the particles that it gave to its detector."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
from numpy.typing import NDArray

from jetchain.core.errors import DataError
from jetchain.core.kinematics import cartesian
from jetchain.core.schema.generate import GENERATED
from jetchain.core.trees import REPLACE, Part, iterate_cocoa, require_checksum, whole_numbers
from jetchain.core.verbs import Input, Output
from jetchain.generate.imported import Chunk, write_imported
from jetchain.generate.origins import UNKNOWN
from jetchain.generate.record import Truth
from jetchain.generate.settings import AS_THEY_ARE, ParticleSettings

GEV = 1e3  # MeV


def import_cocoa(
    *,
    source: Input,
    events: Output,
    summary: Output,
    shard: str,
    settings: ParticleSettings = AS_THEY_ARE,
    parts: int = 1,
    limit: int = 0,
    checksum: str = "",
) -> None:
    """Take the truth of one shard of a sample from COCOA's output.

    COCOA keeps particles with pT >= 1 GeV in abs(eta) <= 3 and no neutrinos, and writes no parton
    that could be matched to jets (its truth graph has no hard process): the collections of partons
    and of heavy hadrons are empty, every jet is without a label, and origins and vertices are -1.

    Args:
        source: the file, with the tree `Out_Tree`.
        events: written, table GENERATED. The weight is 1 where the file has none.
        summary: written, the account, without a cross-section.
        shard: its number, which sets the event numbers.
        settings: particles that a detector sees in another way.
        parts, limit: which of the file's events; see `core.trees.Part`.
        checksum: that the file must have, as in `core.trees.require_checksum`.

    Raises:
        DataError: the file is missing or damaged, or lacks a branch; or an event is not one, see
            `imported.write_imported`.
    """
    require_checksum(source, checksum)
    file = CocoaFile(source, Part(int(shard), parts, limit))
    write_imported(events, summary, file, settings)


class CocoaFile:
    """The events of a file of COCOA's.

    Args:
        path: the file.
        part: which of its events.
    """

    format = "cocoa"

    def __init__(self, path: Path, part: Part | None = None) -> None:
        self.path, self.part = path, part or Part()

    def chunks(self) -> Iterator[Chunk]:
        """Yield all events; see `import_cocoa`."""
        for arrays in iterate_cocoa(self.path, ("particle",), self.part.rows):
            number = len(arrays["particle_pdgid"])
            weight = arrays.get("weight", np.ones(number))
            event = {
                "weight": np.asarray(weight, dtype=float),
                "process": np.zeros(number, np.int32),
                "pthat": np.zeros(number, np.float32),
            }
            yield Chunk(event, particles_only(arrays, self.path), [])

    def cross_section(self) -> tuple[None, None]:
        """COCOA writes none."""
        return None, None


def particles_only(arrays: Mapping[str, Any], path: Path) -> Truth:
    """The truth of some events of COCOA's, which is their particles, without their properties.

    Args:
        arrays: branches `particle_...`, MeV and mm.
        path: the file.
    """
    names = ("pdgid", "pt", "eta", "phi", "e", "prod_x", "prod_y", "prod_z")
    counts = np.asarray(ak.num(arrays["particle_pdgid"]))
    for name in names:
        if np.any(ak.num(arrays[f"particle_{name}"]) != counts):
            raise DataError(f"{path}: particle_{name} has more or fewer particles.", REPLACE)
    flat = {name: np.asarray(ak.flatten(arrays[f"particle_{name}"])) for name in names}
    flat["pdgid"] = whole_numbers(flat["pdgid"], "particle_pdgid", path)
    pt, eta, phi = (flat[name].astype(float) for name in ("pt", "eta", "phi"))
    px, py, pz, _ = cartesian(pt / GEV, eta, phi)
    found: dict[str, NDArray[Any]] = {
        "pdgid": flat["pdgid"],
        "px": px,
        "py": py,
        "pz": pz,
        "e": flat["e"] / GEV,
        **{axis: flat[f"prod_{axis}"] for axis in "xyz"},
        "origin": np.full(len(px), UNKNOWN),
        "vertex": np.full(len(px), UNKNOWN),
    }
    columns = {
        collection: {
            name: (found[name] if collection == "particle" else np.zeros(0)).astype(column.dtype)
            for name, column in declared.items()
            if collection != "particle" or name in found
        }
        for collection, declared in GENERATED.collections.items()
    }
    return Truth(columns, {n: counts if n == "particle" else 0 * counts for n in columns})
