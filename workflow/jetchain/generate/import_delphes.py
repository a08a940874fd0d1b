"""Events from Delphes files: the generated particles in the tree `Delphes`.

Branches: delphes/delphes, classes/DelphesClasses.h (GenParticle, HepMCEvent, LHEFEvent).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np

from jetchain.core.errors import DataError
from jetchain.core.trees import LIST, REPLACE, Part, iterate_tree, require_checksum, whole_numbers
from jetchain.core.verbs import Input, Output
from jetchain.generate.history import History
from jetchain.generate.imported import Chunk, chunk_of, write_imported
from jetchain.generate.settings import AS_THEY_ARE, ParticleSettings

TREE = "Delphes"
MOMENTUM = {"px": "Px", "py": "Py", "pz": "Pz", "e": "E"}
CROSS_SECTION = ("Event.CrossSection", "Event.CrossSectionError")  # only of events from HepMC
BRANCHES = {
    **{f"Particle.{name}": LIST for name in ("PID", "Status", "IsPU", "M1", "X", "Y", "Z")},
    **{f"Particle.{name}": LIST for name in MOMENTUM.values()},
    **dict.fromkeys(("Event.Weight", "Event.ProcessID", *CROSS_SECTION), LIST),
}


def import_delphes(
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
    """Take one shard of a sample from the generated particles of a Delphes file.

    What Delphes simulated is not read: the particles go through our detector. Nor are its charges,
    which are whole numbers and -999 for what ROOT does not know.

    Args:
        source: the file.
        events: written, table GENERATED. `weight` is Event.Weight, `process` Event.ProcessID,
            `pthat` 0.
        summary: written, the account; the cross-section is the file's last.
        shard: its number, which sets the event numbers.
        settings: particles that a detector sees in another way.
        parts, limit: which of the file's events; see `core.trees.Part`.
        checksum: that the file must have, as in `core.trees.require_checksum`.

    Raises:
        DataError: the file is missing or damaged, lacks a branch, or holds pile-up; or an event is
            not one, see `imported.write_imported`.
    """
    require_checksum(source, checksum)
    file = DelphesFile(source, Part(int(shard), parts, limit))
    write_imported(events, summary, file, settings)


class DelphesFile:
    """The events of a Delphes file.

    Args:
        path: the file.
        part: which of its events.
    """

    format = "delphes"

    def __init__(self, path: Path, part: Part | None = None) -> None:
        self.path, self.part = path, part or Part()
        self._cross_section: tuple[float | None, float | None] = (None, None)

    def chunks(self) -> Iterator[Chunk]:
        """Yield the part's events; see `import_delphes`."""
        if not self.part.whole:
            optional = dict.fromkeys(CROSS_SECTION, LIST)
            for arrays in iterate_tree(self.path, TREE, optional, optional=optional, rows=_last):
                self._note(arrays)
        for arrays in iterate_tree(
            self.path, TREE, BRANCHES, optional=CROSS_SECTION, rows=self.part.rows
        ):
            yield self._chunk(arrays)

    def cross_section(self) -> tuple[float | None, float | None]:
        """Cross-section and its error in pb that the file's last event states."""
        return self._cross_section

    def _note(self, singles: Mapping[str, Any]) -> None:
        last = [ak.num(singles[name][-1:]).tolist() for name in CROSS_SECTION if name in singles]
        if last == [[1], [1]]:
            value, error = (float(singles[name][-1, 0]) for name in CROSS_SECTION)
            self._cross_section = (value, error)

    def _chunk(self, arrays: Mapping[str, Any]) -> Chunk:
        singles = {name: values for name, values in arrays.items() if name.startswith("Event.")}
        for name, values in singles.items():
            if np.any(ak.num(values) != 1):
                raise DataError(f"{self.path}: {name} is not one number an event.", REPLACE)
        if self.part.whole:
            self._note(singles)
        counts = ak.num(arrays["Particle.PID"])
        for name, values in arrays.items():
            if name not in singles and np.any(ak.num(values) != counts):
                raise DataError(f"{self.path}: {name} has more or fewer particles.", REPLACE)
        flat = {
            name.removeprefix("Particle."): np.asarray(ak.flatten(values))
            for name, values in arrays.items()
            if name not in singles
        }
        for name in ("PID", "Status", "IsPU", "M1"):
            flat[name] = whole_numbers(flat[name], f"Particle.{name}", self.path).astype(np.int64)
        if np.any(flat["IsPU"] != 0):
            raise DataError(
                f"{self.path}: Particle.IsPU marks particles of pile-up.",
                "Run Delphes without pile-up: jetchain's own detector simulates it.",
            )
        offsets = np.concatenate([[0], np.cumsum(np.asarray(counts))])
        first = np.repeat(offsets[:-1], np.diff(offsets))
        if np.any(flat["M1"] >= np.repeat(np.diff(offsets), np.diff(offsets))):
            raise DataError(
                f"{self.path}: Particle.M1 names particles that the file does not have.",
                "Write all generated particles (in Delphes, Delphes/allParticles as Particle).",
            )
        history = History(
            offsets=offsets,
            pdgid=flat["PID"],
            status=flat["Status"],
            mother=np.where(flat["M1"] >= 0, flat["M1"] + first, -1),
            momentum={name: flat[branch].astype(float) for name, branch in MOMENTUM.items()},
            vertex={axis: flat[axis.upper()].astype(float) for axis in "xyz"},
        )
        process = whole_numbers(singles["Event.ProcessID"][:, 0], "Event.ProcessID", self.path)
        event = {
            "weight": np.asarray(singles["Event.Weight"][:, 0], dtype=float),
            "process": process.astype(np.int32),
            "pthat": np.zeros(len(counts), np.float32),
        }
        return chunk_of(event, history)


def _last(path: Path, events: int) -> range:
    """The last event."""
    return range(max(events - 1, 0), events)
