"""Events from HepMC files: ASCII of HepMC 2 or 3, as it is or compressed by gzip.

HepMC3: Buckley et al., arXiv:1912.08005; read by pyhepmc.
"""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, cast

import numpy as np
from numpy.typing import NDArray

from jetchain.core.errors import DataError
from jetchain.core.trees import REPLACE
from jetchain.core.verbs import Input, Output
from jetchain.generate.history import History, truth_of_history
from jetchain.generate.imported import Chunk, write_imported
from jetchain.generate.record import Truth
from jetchain.generate.settings import AS_THEY_ARE, ParticleSettings

# What the first lines of a file name, and the reader for it.
FORMATS = {b"HepMC::Asciiv3": "hepmc3", b"HepMC::IO_GenEvent": "hepmc2"}
HEADER = 1 << 16  # bytes read at a time, in the first of which that must stand
FOOTER = b"-END_EVENT_LISTING"
EVENT_LINE = b"\nE "
CHUNK = 100  # events whose histories lie in memory together, as in `generate.collisions`


def import_hepmc(
    *,
    source: Input,
    events: Output,
    summary: Output,
    shard: str,
    settings: ParticleSettings = AS_THEY_ARE,
) -> None:
    """Take one shard of a sample from a HepMC file.

    Args:
        source: the file.
        events: written, table GENERATED in GeV and mm, whatever the file's units. `weight` is the
            first of the event's weights, `process` its signal_process_id, `pthat` 0.
        summary: written, the account; the cross-section is the file's last.
        shard: its number, which sets the event numbers.
        settings: particles that a detector sees in another way.

    Raises:
        DataError: the file is missing, not HepMC, cut short or damaged, or holds no event.
    """
    write_imported(events, summary, HepmcFile(source), int(shard), settings)


class HepmcFile:
    """The events of a HepMC file.

    Args:
        path: the file.
    """

    format = "hepmc3"

    def __init__(self, path: Path) -> None:
        self.path = path
        self._cross_section: tuple[float | None, float | None] = (None, None)

    def chunks(self) -> Iterator[Chunk]:
        """Yield all events; see `import_hepmc`."""
        kept: list[Any] = []
        for event in self._events():
            kept.append(event)
            if len(kept) == CHUNK:
                yield self._chunk(kept)
                kept = []
        if kept:
            yield self._chunk(kept)

    def cross_section(self) -> tuple[float | None, float | None]:
        """Cross-section and its error in pb that the last event states."""
        return self._cross_section

    def _events(self) -> Iterator[Any]:
        """The file's events in GeV and mm.

        HepMC's readers end quietly at an event that they cannot read: so the events are counted.
        """
        import pyhepmc

        if not self.path.is_file():
            raise DataError(f"{self.path}: no such file.", REPLACE)
        read = 0
        with self.path.open("rb") as raw, _uncompressed(raw) as plain:
            watched = _Watched(plain)
            stream = io.BufferedReader(watched, HEADER)
            try:
                with pyhepmc.open(stream, format=self._format(stream.peek())) as file:
                    for event in file:
                        read += 1
                        event.set_units(pyhepmc.Units.GEV, pyhepmc.Units.MM)
                        yield event
                while stream.read(HEADER):  # what lies behind a damaged event
                    pass
            except (EOFError, gzip.BadGzipFile, zlib.error) as error:
                raise self._damaged(read, f"its compression is broken ({error})") from error
        if not watched.ended:
            raise self._damaged(read, f"it does not end with '{FOOTER.decode()}'")
        if read != watched.events:
            raise self._damaged(read, f"it begins {watched.events} events")
        if read == 0:
            raise DataError(f"{self.path}: holds no event.", REPLACE)

    def _format(self, header: bytes) -> str:
        for mark, name in FORMATS.items():
            if mark in header:
                return name
        raise DataError(
            f"{self.path}: not a HepMC file: none of "
            f"{', '.join(mark.decode() for mark in FORMATS)} stands in its first lines.",
            f"Correct source.format of the sample in generate.samples. {REPLACE}",
        )

    def _damaged(self, read: int, why: str) -> DataError:
        return DataError(
            f"{self.path}: cut short or damaged after event {read} of the file: {why}.", REPLACE
        )

    def _chunk(self, events: list[Any]) -> Chunk:
        for event in events:
            if event.cross_section is not None:
                section = event.cross_section
                self._cross_section = (float(section.xsec()), float(section.xsec_err()))
        columns = {
            "weight": np.array([event.weights[0] if event.weights else 1.0 for event in events]),
            "process": np.array([_process(event) for event in events], np.int32),
            "pthat": np.zeros(len(events), np.float32),
        }
        return columns, _truth(events)


class _Watched(io.RawIOBase):
    """A binary stream that counts the events and sees the end of what is read from it.

    Args:
        stream: what is read.
    """

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._tail = b"\n"
        self.events = 0

    @property
    def ended(self) -> bool:
        """Whether the last line closes the list of events."""
        words = self._tail.split()
        return bool(words) and words[-1].endswith(FOOTER)

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read on."""
        data = self._stream.read(len(buffer))
        buffer[: len(data)] = data
        # A mark may lie across two readings.
        overlap = self._tail[-len(EVENT_LINE) + 1 :]
        self.events += (overlap + data).count(EVENT_LINE)
        self._tail = (self._tail + data)[-4 * len(FOOTER) :]
        return len(data)


def _uncompressed(raw: IO[bytes]) -> IO[bytes]:
    """The stream, through gzip if it begins as such files do."""
    magic = raw.read(2)
    raw.seek(0)
    return cast(IO[bytes], gzip.GzipFile(fileobj=raw)) if magic == b"\x1f\x8b" else raw


def _process(event: Any) -> int:
    name = "signal_process_id"
    if name not in event.attributes:
        return 0
    value = event.attributes[name]
    # Attributes of HepMC3 files are texts until somebody says what they are.
    return int(value.astype(int) if hasattr(value, "astype") else value)


def _truth(events: list[Any]) -> Truth:
    """What is kept of some events."""
    parts = [_particles(event) for event in events]
    counts = np.array([len(part["pdgid"]) for part in parts])
    offsets = np.concatenate([[0], np.cumsum(counts)])
    for part, first in zip(parts, offsets.tolist(), strict=False):
        part["mother"] += np.where(part["mother"] >= 0, first, 0)
    flat = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    return truth_of_history(
        History(
            offsets=offsets,
            pdgid=flat["pdgid"],
            status=flat["status"],
            mother=flat["mother"],
            momentum={name: flat[name] for name in ("px", "py", "pz", "e")},
            vertex={axis: flat[axis] for axis in "xyz"},
        )
    )


def _particles(event: Any) -> dict[str, NDArray[Any]]:
    """The columns of `History` of one event, with event-local mothers.

    In HepMC3's data (GenEventData), particles and vertices count from 1 and -1; link i leads from
    particle to vertex if links1[i] > 0, else from vertex to particle.
    """
    import pyhepmc

    data = pyhepmc.GenEventData()
    event.write_data(data)
    links1, links2 = np.asarray(data.links1, np.int64), np.asarray(data.links2, np.int64)
    particles, vertices = event.numpy.particles, event.numpy.vertices
    # Vertices read from a file do not stand in the order of their numbers.
    order = np.argsort(-vertices.id)
    ends = links1 > 0
    production = np.full(len(particles.id), -1)  # vertex of each particle
    production[links2[~ends] - 1] = -links1[~ends] - 1
    first_in = np.full(len(order) + 1, -1)  # first particle into each vertex; the last: of none
    falling = np.argsort(-links1[ends], kind="stable")  # the last assignment stays: the first one
    first_in[-links2[ends][falling] - 1] = links1[ends][falling] - 1
    place = _placed(vertices.has_set_position[order], first_in, production)
    return {
        "pdgid": particles.pid.astype(np.int64),
        "status": particles.status.astype(np.int64),
        "mother": first_in[production],
        **{name: getattr(particles, name) for name in ("px", "py", "pz", "e")},
        **{
            axis: np.append(getattr(vertices, axis)[order], getattr(data.event_pos, axis))[place]
            for axis in "xyz"
        },
    }


def _placed(
    known: NDArray[np.bool_], first_in: NDArray[np.int64], production: NDArray[np.int64]
) -> NDArray[np.int64]:
    """The vertex whose position is that of each particle's production vertex, -1: the event's.

    A vertex without a position lies where its first incoming particle was produced (HepMC3,
    GenVertex::position), the first of all at the event's own position.

    Args:
        known: (vertices,) which have a position.
        first_in: (vertices + 1,) first incoming particle, -1 for none.
        production: (particles,) production vertex, -1 for none.
    """
    # Where to look instead, one step up the history; then two, four, ...
    above = np.where(first_in >= 0, production[first_in], -1)
    source = np.where(np.append(known, True), np.arange(len(known) + 1), above)
    source[-1] = -1
    for _ in range(len(source).bit_length()):
        source = source[source]
    return source[production]
