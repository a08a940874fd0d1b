"""The text of HepMC files, event by event, checked before pyhepmc reads it.

The readers of HepMC3 trust their input: a number that they cannot read is 0 or left out, and an
index that the event does not have reads and writes beside its memory. So every line must have its
form, and every index its object. What nobody here asks for (names of weights, heavy ions, parton
densities, other attributes) is not handed on.

Forms: as HepMC3's WriterAscii.cc and WriterAsciiHepMC2.cc write them (arXiv:1912.08005).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

FOOTER = b"-END_EVENT_LISTING"
_MARK = b"HepMC::"
_LONGEST = 1 << 18  # bytes a line: the buffers of HepMC3's readers (ReaderAscii.cc)
_SHOWN = 100
_P, _V = b"PV"

Lines = Sequence[bytes]
Form = Callable[[bytes], re.Match[bytes] | None]


class Malformed(Exception):
    """What is wrong with the text of an event."""


class EventText(NamedTuple):
    """The text of one event.

    Attributes:
        text: a file that holds its particles and vertices, and no more.
        particles: their number.
        weight: the first of its weights, 1 for none.
        process: its signal_process_id, 0 for none.
        cross_section: with its error, in pb, None for none.
    """

    text: bytes
    particles: int
    weight: float
    process: int
    cross_section: tuple[float, float] | None


def texts(lines: Iterable[bytes]) -> Iterator[list[bytes]]:
    """The lines of each event but for blank ones.

    Args:
        lines: of the file. Those in front of the first event belong to none, nor do those behind a
            line that begins or ends a list of events.
    """
    event: list[bytes] = []
    for line in lines:
        if line.startswith((b"E ", _MARK)):
            if event:
                yield event
            event = []
        if (event or line.startswith(b"E ")) and (text := line.rstrip()):
            event.append(text)
    if event:
        yield event


def checked(lines: Lines, format: str) -> EventText:
    """One event for pyhepmc.

    Args:
        lines: as of `texts`.
        format: of the file: hepmc3 or hepmc2.

    Raises:
        Malformed: a line does not have its form, or names what the event does not have.
    """
    longest = max(map(len, lines))
    if longest >= _LONGEST:
        raise Malformed(f"a line has {longest} bytes; HepMC's readers take less than {_LONGEST}")
    return {"hepmc3": _hepmc3, "hepmc2": _hepmc2}[format](lines)


def _form(pattern: str) -> Form:
    """Whether a line has a form: I is a wanted whole number, i another one, x any number.

    Whole numbers are those that begin with 1 or have nine digits at most: all PDG codes, and C's.
    """
    whole = r"-?1?[0-9]{1,9}+"
    exponent = r"(?:[eE][-+]?+[0-9]++)?+"
    number = rf"[-+]?+(?:[0-9]++\.?+[0-9]*+{exponent}|\.[0-9]++{exponent}|(?i:nan|inf(?:inity)?+))"
    words = {"I": f"({whole})", "i": whole, "x": number}
    text = re.sub(r"\b[Iix]\b", lambda found: words[found[0]], pattern)
    return re.compile(text.encode()).fullmatch


_UNITS = _form(r"U (?:GEV|MEV) (?:MM|CM)")
_EVENT3 = _form(r"E -?\d+ I I(?: @ x x x x)?")
_PARTICLE3 = _form(r"P I I i x x x x x i")
_VERTEX3 = _form(r"V I i \[((?:\d{1,9}(?:,\d{1,9})*)?)\](?: @ x x x x)?")
_WEIGHTS3 = _form(r"W((?: x)+)")
_CROSS_SECTION3 = _form(r"A 0 GenCrossSection (x) (x)(?: x)*")
_PROCESS3 = _form(r"A 0 signal_process_id I")
_EVENT2 = _form(r"E -?\d+ i x x x I i I i i I((?: \d{1,20})*) I((?: x)*)")
_VERTEX2 = _form(r"V I i x x x x I I I((?: x)*)")
_PARTICLE2 = _form(r"P I i x x x x x i x x I I((?: i i)*)")
_CROSS_SECTION2 = _form(r"C (x) (x)")


def _read(form: Form, line: bytes) -> tuple[bytes, ...]:
    match = form(line)
    if match is None:
        raise _unreadable(line)
    return match.groups()


def _unreadable(line: bytes) -> Malformed:
    return Malformed(f"the line {line[:_SHOWN].decode('latin-1')!r} does not have its form")


def _hepmc3(lines: Lines) -> EventText:
    """An event of HepMC3: E, then U, W and A, then P and V, then what belongs to the run."""
    head, body, rest = _parts(lines)
    vertices, particles = map(int, _read(_EVENT3, head[0]))
    weight, process, section, kept = 1.0, 0, None, [_unnumbered(head[0])]
    for line in head[1:]:
        if line.startswith(b"U "):
            _read(_UNITS, line)
            kept.append(line)
        elif line.startswith(b"W "):
            weight = float(_read(_WEIGHTS3, line)[0].split()[0])
        elif line.startswith(b"A 0 GenCrossSection "):
            section = _pair(_read(_CROSS_SECTION3, line))
        elif line.startswith(b"A 0 signal_process_id "):
            process = int(_read(_PROCESS3, line)[0])
        elif not line.startswith(b"A "):
            raise _unreadable(line)
    if len(kept) != 2:
        raise Malformed(f"it has {len(kept) - 1} lines of units")
    if not all(line[:2] in (b"W ", b"A ", b"T ") for line in rest):
        raise Malformed("other lines stand behind its particles")

    found = [[*map(int, _read(_PARTICLE3, line))] for line in body if line[0] == _P]
    _same(len(found), particles, "particles")
    if [row[0] for row in found] != [*range(1, particles + 1)]:
        raise Malformed("its particles are not numbered from 1 on")
    placed, ending = [], {1}
    for line in body:
        if line[0] == _V:
            vertex, into = _read(_VERTEX3, line)
            placed.append(int(vertex))
            ending.update(map(int, into.split(b",")) if into else ())
    mothers = {row[1] for row in found}
    if max(mothers, default=0) > particles or not ending <= {1, *range(1, particles + 1)}:
        raise Malformed("its history names particles that it does not have")
    for number, mother, *_ in found:
        if mother >= number:
            raise Malformed(
                f"particle {number} names particle {mother} as its mother, which does not stand "
                "in front of it"
            )
    named = {mother for mother in mothers if mother < 0}
    if len({*placed}) < len(placed) or not named <= {*placed} or min(placed, default=0) < -vertices:
        raise Malformed("its particles come from vertices that it does not list, or lists twice")
    # A particle that names its mother in the place of a vertex stands for a vertex.
    leading = len(named) + sum(mother > 0 for mother in mothers)
    # Vertices without outgoing particles HepMC3 counts and does not write; its reader wants them.
    childless = vertices - leading
    if not 0 <= childless <= len({*range(1, particles + 1)} - ending - mothers):
        raise Malformed(f"it announces {vertices} vertices and has {leading}")
    if childless:
        body = _without_childless3(
            body, {v: i + 1 for i, v in enumerate(v for v in placed if v in named)}
        )
    sources = sum(b" [] " in line + b" " for line in body if line[0] == _V)
    if sources or childless:
        particles += sources
        announced = b"E 0 %d %d" % (leading, particles)
        kept[0] = re.sub(rb"E 0 \d+ \d+", announced, kept[0], count=1)
    if sources:
        body = _rooted3(body, sources)
    text = _file(b"HepMC::Asciiv3", [*kept, *body])
    return EventText(text, particles, weight, process, section)


def _without_childless3(body: Lines, numbers: dict[int, int]) -> list[bytes]:
    """Vertices and particles of HepMC3, with those vertices alone that have numbers, so numbered.

    HepMC3's reader takes the places of vertices whose numbers have gaps for others'.
    """
    kept = []
    for line in body:
        words = line.split(b" ")
        place = 2 if line[0] == _P else 1
        number = int(words[place])
        if line[0] == _V and number not in numbers:
            continue
        if number < 0:
            words[place] = b"-%d" % numbers[number]
        kept.append(b" ".join(words))
    return kept


def _rooted3(body: Lines, sources: int) -> list[bytes]:
    """Vertices and particles of HepMC3, with a particle into each vertex that has none.

    HepMC3 writes such vertices, as of a particle gun, but its reader refuses them. The particles
    are those of `_rooted`, and stand in front of all others, whose numbers rise by `sources`.
    """
    rooted = [b"P %d 0 0 0 0 0 0 0 0" % (number + 1) for number in range(sources)]
    used = 0
    for line in body:
        words = line.split()
        if line[0] == _P:
            number, mother = int(words[1]), int(words[2])
            words[1:3] = (b"%d" % (each + sources * (each > 0)) for each in (number, mother))
        elif words[3] == b"[]":
            used += 1
            words[3] = b"[%d]" % used
        else:
            into = (int(each) + sources for each in words[3][1:-1].split(b","))
            words[3] = b"[%s]" % b",".join(b"%d" % each for each in into)
        rooted.append(b" ".join(words))
    return rooted


def _hepmc2(lines: Lines) -> EventText:
    """An event of HepMC2: E, then N, U, C, H and F, then each V with its P."""
    head, body, rest = _parts(lines)
    process, vertices, random, states, n_weights, weights = _read(_EVENT2, head[0])
    _same(len(states.split()), int(random), "states of a random generator")
    _same(len(weights.split()), int(n_weights), "weights")
    section, kept = None, [_unnumbered(head[0])]
    for line in head[1:]:
        if line.startswith(b"U "):
            _read(_UNITS, line)
            kept.append(line)
        elif line.startswith(b"C "):
            section = _pair(_read(_CROSS_SECTION2, line))
        elif not line.startswith((b"N ", b"H ", b"F ")):
            raise _unreadable(line)
    if rest:
        raise Malformed("other lines stand behind its particles")

    due, placed, numbers, ends = 0, [], [], {0}
    for line in body:
        if line[0] == _V:
            if due:
                break
            number, orphans, out, n_values, values = _read(_VERTEX2, line)
            _same(len(values.split()), int(n_values), "weights of a vertex")
            placed.append(int(number))
            due = max(int(orphans), 0) + max(int(out), 0)
        else:
            number, end, n_values, values = _read(_PARTICLE2, line)
            _same(len(values.split()), 2 * int(n_values), "numbers of colour flow")
            numbers.append(int(number))
            ends.add(int(end))
            due -= 1
    if due:
        raise Malformed("a vertex has more or fewer particles than it announces")
    _same(len(placed), int(vertices), "vertices")
    if len({*placed}) < len(placed) or len({*numbers}) < len(numbers):
        raise Malformed("two of its particles or vertices have one barcode")
    if max(placed, default=-1) >= 0 or min(numbers, default=1) <= 0:
        raise Malformed("its barcodes are not positive for particles and negative for vertices")
    if not ends <= {0, *placed}:
        raise Malformed("its particles end at vertices that it does not have")
    weight = float(weights.split()[0]) if weights else 1.0
    body = _rooted(body, max(numbers, default=0))
    particles = sum(line[0] == _P for line in body)
    text = _file(b"HepMC::IO_GenEvent", [*kept, *body])
    return EventText(text, particles, weight, int(process), section)


def _rooted(body: Lines, last: int) -> list[bytes]:
    """Vertices and particles of HepMC2, with a particle into each vertex that has none.

    HepMC3's reader finds an event from its incoming particles: a vertex without them, as of a
    particle gun, it loses, or crashes. The particle has no momentum, and the PDG code and status 0.

    Args:
        body: as of `_hepmc2`, checked.
        last: largest barcode.

    Raises:
        Malformed: nothing leads to a loop.
    """
    ends = {int(line.split()[11]) for line in body if line[0] == _P}
    rooted: list[bytes] = []
    mothers: dict[int, tuple[int, int]] = {}  # vertex: first particle into it, and where from
    daughters: dict[int, list[int]] = {}
    reached = []
    vertex = orphans = 0
    for line in body:
        words = line.split()
        if line[0] == _V:
            vertex, orphans = int(words[1]), max(int(words[7]), 0)
            if orphans or vertex not in ends:
                reached.append(vertex)
            if vertex not in ends:
                last += 1
                words[7] = b"%d" % (orphans + 1)
                rooted += [b" ".join(words), b"P %d 0 0 0 0 0 0 0 0 0 %d 0" % (last, vertex)]
                continue
        elif orphans:
            orphans -= 1
        else:
            mothers.setdefault(int(words[11]), (int(words[1]), vertex))
            daughters.setdefault(vertex, []).append(int(words[11]))
        rooted.append(line)
    seen = {0}
    while reached:
        if (vertex := reached.pop()) not in seen:
            seen.add(vertex)
            reached += daughters.get(vertex, [])
    if lost := ends - seen:
        vertex = max(lost)
        for _ in lost:  # up into the loop
            vertex = mothers[vertex][1]
        raise Malformed(
            f"the particle with barcode {mothers[vertex][0]} is its own ancestor, and its loop "
            "comes from nothing else"
        )
    heads = [place for place, line in enumerate(rooted) if line[0] == _V]
    if not any(int(rooted[place].split()[8]) > 0 for place in heads) and heads:
        # Without any outgoing particle, as of beams alone, it finds none at all.
        words = rooted[heads[-1]].split()
        words[8] = b"1"
        rooted[heads[-1]] = b" ".join(words)
        rooted.append(b"P %d 0 0 0 0 0 0 0 0 0 0 0" % (last + 1))
    return rooted


def _parts(lines: Lines) -> tuple[Lines, Lines, Lines]:
    """What stands in front of the particles and vertices, these, and what stands behind."""
    inside = [line[0] in (_P, _V) for line in lines]
    first = inside.index(True) if any(inside) else len(lines)
    last = inside.index(False, first) if not all(inside[first:]) else len(lines)
    return lines[:first], lines[first:last], lines[last:]


def _unnumbered(head: bytes) -> bytes:
    """The first line of an event without its number, which may be larger than C's integers."""
    return re.sub(rb"-?\d+", b"0", head, count=1)


def _same(found: int, announced: int, what: str) -> None:
    if found != announced:
        raise Malformed(f"it announces {announced} {what} and has {found}")


def _pair(words: Sequence[bytes]) -> tuple[float, float]:
    value, error = map(float, words)
    return value, error


def _file(mark: bytes, lines: Lines) -> bytes:
    text = [b"HepMC::Version 3", mark + b"-START_EVENT_LISTING", *lines, mark + FOOTER, b"", b""]
    return b"\n".join(text)
