"""The text of Les Houches files, event by event, as Pythia takes it.

Files in use are lines with some XML around them: Pythia finds the numbers by lines, and takes a tag
in a comment, or a line between two particles, for what it is not. So they are read here by lines,
without comments, and Pythia is handed what is written here of what was read. That is all that it
makes use of: the spectrum in the header; of an event its attributes, numbers and scales.

Form: Alwall et al., hep-ph/0609017, and its version 3, arXiv:1405.1067; accord: Boos et al.,
hep-ph/0109068.
"""

from __future__ import annotations

import gzip
import io
import math
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, NamedTuple, cast

from jetchain.core.sources import GZIP

STRATEGIES = frozenset({1, 2, 3, 4})
WEIGHTED = -4
"""IDWTUP of events that have weights, of either sign: Pythia takes each once, and its weight."""
_LIST, _END = "LesHouchesEvents", "/event"
_FRAME = re.compile(
    rf"<(/?(?:{_LIST}|header|init|eventgroup|event))(?=[\s/>]|$)([^>]*)(>?)", re.ASCII
)
_VERSION = re.compile(r"""\sversion\s*=\s*["']([123])""")
_ATTRIBUTES = r"""(?:\s+[\w.:-]+\s*=\s*(?:"[^"<>]*"|'[^'<>]*'))*"""
_SCALES = re.compile(rf"<scales({_ATTRIBUTES})\s*/?>")
# Of MadGraph's run card: the methods of matching, and the scales of CKKW-L; 0 or less for none.
_MATCHING = re.compile(r"([-+.\deE]+)\s*=\s*(ickkw|ktdurham|ptlund)\b", re.ASCII)
# Lines of numbers behind the particles, of which Pythia reads densities and scales.
_EXTRAS = re.compile(r"#(?:pdf|scaleShowers)(?:\s+[-+.eE\d]+)+", re.ASCII)
_INCOMING = -1
_BOUND = 1 << 31  # of C++'s int
_SHOWN = 60

Piece = tuple[str, str]


class Malformed(Exception):
    """Why a text is not a list of Les Houches events, or not a whole one."""


class Unusable(Exception):
    """What is wrong with an event whose text is whole."""


class Event(NamedTuple):
    """One event.

    Attributes:
        process: its code, IDPRUP.
        weight: XWGTUP, which may be infinite or no number.
        attributes: of its tag.
        numbers: how many particles it has, and its scale and couplings.
        rest: the lines behind the first that Pythia reads.
    """

    process: int
    weight: float
    attributes: str
    numbers: tuple[int, float, float, float]
    rest: list[str]

    def text(self, weight: float) -> str:
        """It for Pythia, with this weight."""
        particles, *others = self.numbers
        first = _joined([particles, self.process, weight, *others])
        return "\n".join([f"<event{self.attributes}>", first, *self.rest, "</event>", ""])


@dataclass(frozen=True)
class Start:
    """What stands in front of the events.

    Attributes:
        version: of the form.
        spectrum: lines of <slha> in the header.
        matching: settings in the header by which the events are to be matched to a shower.
        beams: the first eight numbers of <init>.
        strategy: IDWTUP, what the weights mean.
        processes: cross-section and its error in pb, largest weight and code of each.
    """

    version: str
    spectrum: list[str]
    matching: list[str]
    beams: list[float]
    strategy: int
    processes: list[tuple[float, float, float, int]]

    def text(self) -> str:
        """It for Pythia, whatever the weights mean in the file: see `WEIGHTED`."""
        header = ["<header>", "<slha>", *self.spectrum, "</slha>", "</header>"]
        return "\n".join(
            [
                f'<{_LIST} version="{self.version}.0">',
                *(header if self.spectrum else []),
                "<init>",
                _joined([*self.beams, WEIGHTED, len(self.processes)]),
                *map(_joined, self.processes),
                "</init>",
                "",
            ]
        )


class LesHouchesText:
    """A list of Les Houches events.

    Args:
        lines: of the file.

    Attributes:
        start: what stands in front of the events.
        lists: how many lists began so far; events are only those of the first.

    Raises:
        Malformed: it is none, or not as far as its events.
    """

    def __init__(self, lines: Iterable[str]) -> None:
        self._pieces = _pieces(lines)
        self.lists = 1
        self.start = self._start()

    def events(self) -> Iterator[Event]:
        """Yield the events, then count the lists that follow.

        Raises:
            Malformed: the text is cut short, or its tags are in no order.
            Unusable: an event has not the numbers that Pythia can take.
        """
        ended = False
        for tag, text in self._pieces:
            if tag == _LIST:
                self.lists += 1
            elif self.lists > 1 or ended:
                continue
            elif tag == "event":
                yield self._event(text)
            elif tag == f"/{_LIST}":
                ended = True
            elif tag not in ("", "eventgroup", "/eventgroup"):
                raise Malformed(f"<{tag}> stands between the events")
        if not ended:
            raise Malformed(f"it does not end with </{_LIST}>")

    def _start(self) -> Start:
        opening = next((text for tag, text in self._pieces if tag == _LIST), None)
        if opening is None:
            raise Malformed(f"there is no <{_LIST}>")
        version = _VERSION.search(opening)
        if version is None:
            raise Malformed(f"<{_LIST}{opening}> is not of version 1, 2 or 3")
        spectrum: list[str] = []
        matching: list[str] = []
        for tag, _ in self._pieces:
            if tag == "header":
                spectrum += self._header(matching)
            elif tag:
                break
        else:
            tag = ""
        if tag != "init":
            raise Malformed("there is no <init> in front of the events")
        lines = (text for text in self._until("/init") if not text.startswith("#"))
        *beams, strategy, number = _numbers(
            next(lines, ""), [_int, _int, float, float, _int, _int, _int, _int, _int, _int]
        )
        processes = [
            cast(
                tuple[float, float, float, int],
                tuple(_numbers(next(lines, ""), [float, float, float, _int])),
            )
            for _ in range(int(number))
        ]
        if not processes:
            raise Malformed("<init> has no process")
        if not all(map(math.isfinite, [*beams, *(largest for _, _, largest, _ in processes)])):
            raise Malformed("a beam or a largest weight in <init> is not finite")
        for _ in lines:  # what else stands in it
            pass
        return Start(version[1], spectrum, matching, beams, int(strategy), processes)

    def _header(self, matching: list[str]) -> list[str]:
        """The lines of <slha> in the header, which ends here; adds to what asks for matching."""
        lines: list[str] = []
        inside = False
        for tag, text in self._pieces:
            if tag == "/header":
                return lines
            if (found := _MATCHING.match(text)) and _number(found[1]) > 0:
                matching.append(f"{found[1]} = {found[2]}")
            if text.startswith("</slha"):
                inside = False
            elif inside:
                lines.append(text.replace("<", " "))  # which Pythia would take for a tag
            elif re.match(r"<slha[\s>]", text):
                inside = True
        raise Malformed("<header> has no end")

    def _until(self, end: str) -> Iterator[str]:
        """The lines in front of a tag, none of which is of the frame."""
        for tag, text in self._pieces:
            if tag == end:
                return
            if tag:
                raise Malformed(f"<{tag}> stands in front of <{end}>")
            yield text
        raise Malformed(f"there is no <{end}>")

    def _event(self, attributes: str) -> Event:
        lines = list(self._until(_END))
        try:
            return _parsed(attributes, lines)
        except Malformed as error:
            raise Unusable(str(error)) from None


@contextmanager
def opened(path: Path) -> Iterator[LesHouchesText]:
    """A file's list of events; the file may be compressed by gzip.

    Raises:
        Malformed: see `LesHouchesText`; as from `LesHouchesText.events`, so do errors of gzip.
    """
    with path.open("rb") as raw:
        packed = raw.read(len(GZIP)) == GZIP
        raw.seek(0)
        plain = gzip.GzipFile(fileobj=raw) if packed else raw
        # Letters outside of ASCII stand in comments, in any encoding: this one takes all bytes.
        yield LesHouchesText(io.TextIOWrapper(cast(IO[bytes], plain), "latin-1"))


def _pieces(lines: Iterable[str]) -> Iterator[Piece]:
    """Tags of the frame with their attributes, and under no tag the lines between them.

    A line that begins with # holds no tag.
    """
    for line in _without_comments(lines):
        text = line.strip()
        if "<" not in text or text.startswith("#"):
            if text:
                yield "", text
            continue
        place = 0
        for match in _FRAME.finditer(text):
            if before := text[place : match.start()].strip():
                yield "", before
            tag, attributes, closed = match.groups()
            if not closed:
                raise Malformed(f"the tag '{match[0][:_SHOWN]}' does not end on its line")
            yield tag, attributes
            place = match.end()
        if after := text[place:].strip():
            yield "", after


def _without_comments(lines: Iterable[str]) -> Iterator[str]:
    inside = False
    for line in lines:
        if not inside and "<!--" not in line:
            yield line
            continue
        kept, rest = "", line
        while rest:
            if inside:
                _, found, rest = rest.partition("-->")
                inside = not found
            else:
                before, found, rest = rest.partition("<!--")
                kept += before
                inside = bool(found)
        yield kept
    if inside:
        raise Malformed("a comment, <!--, has no end")


def _parsed(attributes: str, lines: list[str]) -> Event:
    """An event from the lines of its text; raises `Malformed` or `Unusable`."""
    data = [text for text in lines if not text.startswith("#")]
    first = data[0] if data else ""
    number, process, weight, *others = _numbers(first, [_int, _int, *[float] * 4])
    number = int(number)
    if number < 3:
        raise Unusable(f"the number of particles is {number}, fewer than the 3 of a process")
    if not all(map(math.isfinite, others)):
        raise Unusable(f"the scale or a coupling is not finite: '{first[:_SHOWN]}'")
    rest: list[str] = []
    incoming = 0
    for text in data[1 : number + 1]:
        values = _numbers(text, [*[_int] * 6, *[float] * 7])
        if not all(map(math.isfinite, values[6:10])):
            raise Unusable(f"the momentum of a particle with PDG code {values[0]} is not finite")
        if not all(map(math.isfinite, values)):
            raise Unusable(f"a number of a particle is not finite: '{text[:_SHOWN]}'")
        incoming += values[1] == _INCOMING
        rest.append(_joined(values))
    if len(rest) < number:
        raise Unusable(f"the number of particles is {number}, but there are lines for {len(rest)}")
    if incoming != 2:
        raise Unusable(f"the number of incoming particles is {incoming}, not 2")
    rest += [text for text in lines if _EXTRAS.fullmatch(text)]
    if scales := _SCALES.search(" ".join(data[number + 1 :])):
        rest.append(f"<scales{scales[1]}></scales>")
    named = re.match(_ATTRIBUTES, attributes)
    return Event(
        int(process),
        weight,
        named[0] if named else "",
        cast(tuple[int, float, float, float], (number, *others)),
        rest,
    )


def _int(word: str) -> int:
    value = int(word)
    if abs(value) >= _BOUND:
        raise ValueError(word)
    return value


def _number(word: str) -> float:
    """A number of a header, 0 if it is none."""
    try:
        return float(word)
    except ValueError:
        return 0.0


def _numbers(text: str, kinds: Sequence[Callable[[str], float]]) -> list[float]:
    """The numbers that a line begins with; raises `Malformed`."""
    try:
        return [kind(word) for kind, word in zip(kinds, text.split()[: len(kinds)], strict=True)]
    except ValueError:
        what = f"the line '{text[:_SHOWN]}' does not begin with" if text else "there is no line of"
        raise Malformed(f"{what} {len(kinds)} numbers of the right kinds") from None


def _joined(values: Iterable[float]) -> str:
    """A line of numbers, which are the same when they are read again."""
    return " ".join(map(repr, values))
