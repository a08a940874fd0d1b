"""Events from Les Houches files, which Pythia showers and hadronises.

`generate.les_houches_text` reads the file; Pythia reads a file of the chosen events, written anew
(Beams:frameType = 4 in the Pythia 8.317 manual, page "Les Houches Accord").
"""

from __future__ import annotations

import gzip
import math
import tempfile
import zlib
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pythia8mc
from numpy.typing import NDArray

from jetchain.core.errors import DataError
from jetchain.core.io.events import write_events
from jetchain.core.io.tables import write_result
from jetchain.core.schema.generate import GENERATED, VARIATIONS
from jetchain.core.trees import REPLACE, Part, require_checksum
from jetchain.core.verbs import Input, Output
from jetchain.generate.codes import HardProcessLog
from jetchain.generate.collisions import Batches
from jetchain.generate.imported import EVENTS_PER_FILE, HEAVIEST, stated
from jetchain.generate.les_houches_text import (
    STRATEGIES,
    WEIGHTED,
    Malformed,
    Unusable,
    opened,
)
from jetchain.generate.processes import start_pythia
from jetchain.generate.sample import collect, reported
from jetchain.generate.settings import GenerationSettings, LesHouchesJob
from jetchain.generate.tunes import TUNES

PROCESS = "lhe"
"""What accounts call the process."""


def import_lhe(
    *,
    source: Input,
    events: Output,
    summary: Output,
    shard: str,
    settings: LesHouchesJob,
    seed: int,
    parts: int = 1,
    limit: int = 0,
    checksum: str = "",
) -> None:
    """Shower one shard of the events of a Les Houches file.

    Args:
        source: the file.
        events: written, table GENERATED. `weight` is the event's in the file, or 1 and -1 where all
            of the file's are of one size, times that of the merging; `process` is the file's code.
        summary: written, the account; the cross-section is the sum of those in the file's <init>,
            or the part of it that merging leaves.
        shard: its number, which sets the event numbers.
        settings: the shower, and particles that a detector sees in another way.
        seed: of this shard.
        parts, limit: which of the file's events; see `core.trees.Part`.
        checksum: that the file must have, as in `core.trees.require_checksum`.

    Raises:
        DataError: the file is missing, damaged, or no such file; an event has numbers that Pythia
            cannot take; a weight or the cross-section is not finite, the cross-section is negative,
            or the weights are not what IDWTUP says; it asks for a matching that the shower does not
            make; or it has too few events.
        GeneratorError: Pythia refuses a setting or the file, or gives up too many events.
    """
    require_checksum(source, checksum)
    file, part = LesHouchesFile(source), Part(int(shard), parts, limit)
    if file.matching and not settings.shower.merges:
        raise DataError(
            f"{source}: its header has {' and '.join(file.matching)}: the events are to be matched "
            "to a shower, without which jets come twice, from the matrix element and from the "
            "shower.",
            "Let the generator match them with its own shower, and take the HepMC of that (format "
            "hepmc3), or merge them here by Merging: in source.shower.overrides (CKKW-L). If they "
            "are of one multiplicity that needs none, write 0 there in the header.",
        )
    chosen = part.rows(source, len(file.weights))
    plan = GenerationSettings.model_construct(
        process=PROCESS, events=len(chosen), filter=settings.shower.filter
    )
    with tempfile.TemporaryDirectory() as folder:
        found = stated(source, *file.cross_section, part)
        showered = _Showered(file, chosen, found, settings, seed, Path(folder))
        chunks = reported(showered.chunks(), len(chosen))
        data, account = collect(
            chunks, showered, plan, part.shard, first=part.shard * EVENTS_PER_FILE
        )
    write_events(events, GENERATED, data)
    write_result(summary, account.model_copy(update={"lowest_pthat": None}))


class LesHouchesFile:
    """What a Les Houches file says of its events.

    Args:
        path: the file.

    Attributes:
        cross_section: the sum of its processes' and its error, pb; 0 where the writer knew none.
        codes: of the processes that its events are of, in order.
        weights: of its events, (events,).
        unit: the size of all weights, by which they are divided; 1 where it is not one.
        matching: what in its header asks for a matching to a shower.

    Raises:
        DataError: see `import_lhe`.
    """

    def __init__(self, path: Path) -> None:
        if not path.is_file():
            raise DataError(f"{path}: no such file.", REPLACE)
        self.path = path
        weights: list[float] = []
        codes: set[int] = set()
        try:
            with opened(path) as text:
                for event in text.events():
                    weights.append(event.weight)
                    codes.add(event.process)
        except Unusable as error:
            raise self._refusal(len(weights), str(error)) from None
        except (Malformed, EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise DataError(
                f"{path}: not a file of Les Houches events, cut short or damaged after event "
                f"{len(weights)} of the file: {error}.",
                f"If it is of another kind, correct source.format. {REPLACE}",
            ) from error
        if text.lists > 1:
            raise DataError(
                f"{path}: holds {text.lists} lists of events, of which only the first would be "
                "read.",
                "Split it at each <LesHouchesEvents>, and name the parts in source.files.",
            )
        self.codes, self.matching = sorted(codes), text.start.matching
        self.weights: NDArray[np.float64] = np.array(weights, float)
        self._require_weights(text.start.strategy)
        sizes = np.unique(np.abs(self.weights))
        self.unit = float(sizes[0]) if len(sizes) == 1 else 1.0
        values, errors, _, _ = zip(*text.start.processes, strict=True)
        self.cross_section = math.fsum(values), math.hypot(*errors)
        if self.cross_section[0] < 0:
            raise DataError(
                f"{path}: the cross-section in <init> is {self.cross_section[0]:g} pb.",
                f"Correct it in the file. {REPLACE}",
            )

    def write(self, chosen: range, path: Path) -> None:
        """Write some of the events for Pythia, their weights divided by the unit."""
        with opened(self.path) as text, path.open("w", encoding="latin-1") as file:
            file.write(text.start.text())
            for event in islice(text.events(), chosen.start, chosen.stop):
                file.write(event.text(event.weight / self.unit))
            file.write("</LesHouchesEvents>\n")

    def _require_weights(self, strategy: int) -> None:
        """Raise `DataError` unless the weights can be used, and are what the file says of them."""
        path, weights = self.path, self.weights
        if not np.all(usable := np.abs(weights) < HEAVIEST):
            event = int(np.argmin(usable))
            raise self._refusal(event, f"the weight is {weights[event]:g}")
        if len(weights) and not np.any(weights):
            raise DataError(
                f"{path}: the weight of event 1 is 0, and so are those of all {len(weights)} "
                "events.",
                f"Write the file with the weights of its events. {REPLACE}",
            )
        if abs(strategy) not in STRATEGIES:
            raise DataError(
                f"{path}: IDWTUP in <init> is {strategy}, which says nothing of the weights.",
                f"Write 3 there where all events count alike, {WEIGHTED} where each has its "
                "weight.",
            )
        if not len(weights) or abs(strategy) == abs(WEIGHTED):
            return
        if strategy > 0 and np.any(weights < 0):
            event = int(np.argmax(weights < 0))
            raise DataError(
                f"{path}: IDWTUP in <init> is {strategy}, by which no weight is negative, but that "
                f"of event {event + 1} is {weights[event]:g}.",
                f"Write IDWTUP {-strategy} if the sign counts, or {WEIGHTED} if the whole weight "
                "does.",
            )
        sizes = np.abs(weights)
        if np.any(other := sizes != sizes[0]):
            event = int(np.argmax(other))
            raise DataError(
                f"{path}: IDWTUP in <init> is {strategy}, "
                + (
                    "by which the weights are of one size"
                    if abs(strategy) == 3
                    else "by which the events are still to be accepted or rejected by their weights"
                )
                + f", but those of events 1 and {event + 1} are {weights[0]:g} and "
                f"{weights[event]:g}.",
                f"Write IDWTUP {WEIGHTED} if each event counts with its weight, or unweight the "
                "events before.",
            )

    def _refusal(self, event: int, what: str) -> DataError:
        return DataError(
            f"{self.path}: in event {event + 1} of the file, {what}.",
            f"Take the event out of the file, or find what wrote it so. {REPLACE}",
        )


class _HardProcessOfFile(HardProcessLog):
    """Notes the file's own code of every event's process."""

    def code(self) -> int:
        """Of the event in the file."""
        return int(self.pythia.getLHAupPtr().idProcess())


class _Showered(Batches):
    """A Pythia that showers some events of a Les Houches file.

    Args:
        file: the file.
        chosen: which of its events.
        found: the cross-section and its error in pb, as far as they are known.
        settings: the shower, and how a detector sees particles.
        seed: of the shard.
        folder: a temporary one.
    """

    def __init__(
        self,
        file: LesHouchesFile,
        chosen: range,
        found: tuple[float | None, float | None],
        settings: LesHouchesJob,
        seed: int,
        folder: Path,
    ) -> None:
        self._found, self._merges = found, settings.shower.merges
        self._tried = float(file.weights[chosen.start : chosen.stop].sum()) / file.unit
        self._made: list[NDArray[np.float64]] = []
        self._code = file.codes[0] if len(file.codes) == 1 else None
        self._hook = None if self._code is not None else _HardProcessOfFile()
        events = folder / "events.lhe"  # Pythia takes no name with blanks
        file.write(chosen, events)
        pythia: pythia8mc.Pythia = start_pythia(
            str(file.path),
            settings.shower.overrides,
            seed,
            self._hook,
            TUNES[settings.shower.tune].lines,
            ("Beams:frameType = 4", f"Beams:LHEF = {events}"),
        )
        if self._hook is not None:
            self._hook.pythia = pythia
        super().__init__(
            str(file.path), len(chosen), pythia, settings.particles,
            "Look at the momenta and colours of the events, and at the scales of a merging; the "
            "log has Pythia's words.",
            self._merges,
        )  # fmt: skip

    def cross_section(self) -> tuple[float | None, float | None]:
        """Those of the file, or of what merging leaves of it: it vetoes events, and weights others.

        The error of that part is the statistical one.
        """
        value, error = self._found
        if not self._merges or value is None or error is None or not self._tried:
            return self._found
        made = np.concatenate([np.empty(0), *self._made])
        part, events = made.sum() / self._tried, self._events
        spread = math.sqrt(max((made**2).sum() - made.sum() ** 2 / events, 0.0)) / self._tried
        if part <= 0:
            return None, None
        return float(value * part), math.hypot(error * part, value * spread)

    def _event(self, batch: Any) -> dict[str, NDArray[Any]]:
        info = batch.layout.content("info")
        weights = info.content("weights")
        values = weights.content.data[weights.offsets.data[:-1]].astype(np.float64)
        self._made.append(values)
        if self._hook is not None:
            process = self._hook.take(batch)
        else:
            process = np.full(len(batch), self._code, np.int32)
        return {
            **dict.fromkeys(("weight", *VARIATIONS), values),
            "process": process,
            "pthat": np.sqrt(info.content("pT2Hat").data).astype(np.float32),
        }
