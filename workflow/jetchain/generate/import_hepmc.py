"""Events from HepMC files: ASCII of HepMC 2 or 3, as it is or compressed by gzip.

HepMC3: Buckley et al., arXiv:1912.08005; read by pyhepmc, after `generate.hepmc_text`.
"""

from __future__ import annotations

import contextlib
import gzip
import io
import zlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import IO, Any, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from jetchain.core.errors import DataError
from jetchain.core.trees import REPLACE, Part, require_checksum
from jetchain.core.verbs import Input, Output
from jetchain.generate.hepmc_text import FOOTER, EventText, Malformed, checked, texts
from jetchain.generate.history import History
from jetchain.generate.imported import EVENTS_PER_FILE, Chunk, chunk_of, write_imported
from jetchain.generate.settings import AS_THEY_ARE, ParticleSettings

# What the first lines of a file name, and the reader for it.
FORMATS = {b"HepMC::Asciiv3": "hepmc3", b"HepMC::IO_GenEvent": "hepmc2"}
HEADER = 1 << 16  # bytes read at a time, in the first of which that must stand
CHUNK = 100  # events whose histories lie in memory together, as in `generate.collisions`


def import_hepmc(
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
    """Take one shard of a sample from a HepMC file.

    Args:
        source: the file.
        events: written, table GENERATED in GeV and mm, whatever the file's units. `weight` is the
            first of the event's weights, `process` its signal_process_id, `pthat` 0.
        summary: written, the account; the cross-section is the file's last.
        shard: its number, which sets the event numbers.
        settings: particles that a detector sees in another way.
        parts, limit: which of the file's events; see `core.trees.Part`.
        checksum: that the file must have, as in `core.trees.require_checksum`.

    Raises:
        DataError: the file is missing, not HepMC, cut short or damaged; or an event is not one, see
            `imported.write_imported`.
    """
    require_checksum(source, checksum)
    file = HepmcFile(source, Part(int(shard), parts, limit))
    write_imported(events, summary, file, settings)


class _Event(NamedTuple):
    said: EventText
    event: Any  # pyhepmc's, in GeV and mm


class HepmcFile:
    """The events of a HepMC file.

    Args:
        path: the file.
        part: which of its events.
    """

    format = "hepmc3"

    def __init__(self, path: Path, part: Part | None = None) -> None:
        self.path, self.part = path, part or Part()
        self._cross_section: tuple[float | None, float | None] = (None, None)

    def chunks(self) -> Iterator[Chunk]:
        """Yield the part's events; see `import_hepmc`."""
        chosen = range(EVENTS_PER_FILE)
        if not self.part.whole:
            chosen = self.part.rows(self.path, self._count())
        kept: list[_Event] = []
        for event in self._events(chosen):
            kept.append(event)
            if len(kept) == CHUNK:
                yield self._chunk(kept)
                kept = []
        if kept:
            yield self._chunk(kept)

    def cross_section(self) -> tuple[float | None, float | None]:
        """Cross-section and its error in pb that the file's last event states."""
        return self._cross_section

    def _count(self) -> int:
        """The number of the file's events, with a look at the last one's cross-section."""
        number = 0
        last: tuple[str, list[bytes]] | None = None
        for format, lines, _ in self._texts():
            number += 1
            last = format, lines
        if last is not None:
            with contextlib.suppress(Malformed):  # it stops the shard that it belongs to
                said = checked(last[1], last[0])
                self._cross_section = said.cross_section or (None, None)
        return number

    def _events(self, chosen: range) -> Iterator[_Event]:
        """Some of the file's events."""
        for read, (format, lines, end) in enumerate(self._texts()):
            if read < chosen.start:
                continue
            if read == chosen.stop:
                return
            try:
                event = _parsed(lines, format)
            except Malformed as error:
                if end.reached and not end.whole:
                    continue
                raise self._damaged(read, f"of event {read + 1}, {error}") from error
            yield event

    def _texts(self) -> Iterator[tuple[str, list[bytes], _End]]:
        """The file's format, the lines of each event, and whether its end was met."""
        if not self.path.is_file():
            raise DataError(f"{self.path}: no such file.", REPLACE)
        read = 0
        with self.path.open("rb") as raw, _uncompressed(raw) as plain:
            stream = io.BufferedReader(cast(io.RawIOBase, plain), HEADER)
            try:
                format = self._format(stream.peek())
                end = _End()
                for lines in texts(end.watched(stream)):
                    yield format, lines, end
                    read += 1
            except (EOFError, gzip.BadGzipFile, zlib.error) as error:
                raise self._damaged(read, f"its compression is broken ({error})") from error
        if not end.whole:
            raise self._damaged(read, f"it does not end with '{FOOTER.decode()}'")

    def _format(self, header: bytes) -> str:
        for mark, name in FORMATS.items():
            if mark in header:
                return name
        raise DataError(
            f"{self.path}: not a HepMC file: none of "
            f"{', '.join(mark.decode() for mark in FORMATS)} stands in its first lines.",
            f"Correct source.format of its sample in the configuration. {REPLACE}",
        )

    def _damaged(self, read: int, why: str) -> DataError:
        return DataError(
            f"{self.path}: cut short or damaged after event {read} of the file: {why}.", REPLACE
        )

    def _chunk(self, events: list[_Event]) -> Chunk:
        said = [event.said for event in events]
        for each in said if self.part.whole else []:
            self._cross_section = each.cross_section or self._cross_section
        columns = {
            "weight": np.array([each.weight for each in said]),
            "process": np.array([each.process for each in said], np.int32),
            "pthat": np.zeros(len(events), np.float32),
        }
        return chunk_of(columns, _history([event.event for event in events]))


class _End:
    """Watches lines for the one that closes the list of events."""

    def __init__(self) -> None:
        self.whole = self.reached = False

    def watched(self, lines: Iterable[bytes]) -> Iterator[bytes]:
        """Pass lines on."""
        for line in lines:
            if line.strip():
                self.whole = line.rstrip().endswith(FOOTER)
            yield line
        self.reached = True


def _parsed(lines: Sequence[bytes], format: str) -> _Event:
    """One event; raises `Malformed`."""
    import pyhepmc
    from pyhepmc.io import ReaderAscii, ReaderAsciiHepMC2, pyiostream

    said = checked(lines, format)
    reader = {"hepmc3": ReaderAscii, "hepmc2": ReaderAsciiHepMC2}[format]
    event = pyhepmc.GenEvent()
    # Its own `read` takes an event without particles for the end of the file.
    if not reader(pyiostream(io.BytesIO(said.text))).read_event(event):
        raise Malformed("HepMC cannot read it")
    if len(event.particles) != said.particles:
        raise Malformed(f"HepMC finds {len(event.particles)} particles of {said.particles} in it")
    event.set_units(pyhepmc.Units.GEV, pyhepmc.Units.MM)
    return _Event(said, event)


def _uncompressed(raw: IO[bytes]) -> IO[bytes]:
    """The stream, through gzip if it begins as such files do."""
    magic = raw.read(2)
    raw.seek(0)
    return cast(IO[bytes], gzip.GzipFile(fileobj=raw)) if magic == b"\x1f\x8b" else raw


def _history(events: list[Any]) -> History:
    """The particles of some events."""
    parts = [_particles(event) for event in events]
    counts = np.array([len(part["pdgid"]) for part in parts])
    offsets = np.concatenate([[0], np.cumsum(counts)])
    for part, first in zip(parts, offsets.tolist(), strict=False):
        part["mother"] += np.where(part["mother"] >= 0, first, 0)
    flat = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    return History(
        offsets=offsets,
        pdgid=flat["pdgid"],
        status=flat["status"],
        mother=flat["mother"],
        momentum={name: flat[name] for name in ("px", "py", "pz", "e")},
        vertex={axis: flat[axis] for axis in "xyz"},
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
    particles = event.numpy.particles
    # Vertices read from a file do not stand in the order of their numbers. Theirs of `event.numpy`
    # look for a missing position up the history, without end in a circular one.
    vertices = data.vertices[np.argsort(-event.numpy.vertices.id)]
    places = [np.append(vertices[axis], getattr(data.event_pos, axis)) for axis in "xyzt"]
    ends = links1 > 0
    production = np.full(len(particles.id), -1)  # vertex of each particle
    production[links2[~ends] - 1] = -links1[~ends] - 1
    first_in = np.full(len(places[0]), -1)  # first particle into each vertex; the last: of none
    falling = np.argsort(-links1[ends], kind="stable")  # the last assignment stays: the first one
    first_in[-links2[ends][falling] - 1] = links1[ends][falling] - 1
    known = np.any(places, axis=0)[:-1]
    place = _placed(known, first_in, production)
    return {
        "pdgid": particles.pid.astype(np.int64),
        "status": particles.status.astype(np.int64),
        "mother": first_in[production],
        **{name: getattr(particles, name) for name in ("px", "py", "pz", "e")},
        **{axis: values[place] for axis, values in zip("xyz", places, strict=False)},
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
    above = np.append(production, -1)[first_in]
    known = np.append(known, True)
    source = np.where(known, np.arange(len(known)), above)
    source[-1] = -1
    for _ in range(len(source).bit_length()):
        source = source[source]
    source[~known[source]] = -1  # in a loop
    return source[production]
