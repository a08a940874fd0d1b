"""Events from Les Houches files, which Pythia showers and hadronises.

Form: Alwall et al., hep-ph/0609017, and its version 3, arXiv:1405.1067; accord: Boos et al.,
hep-ph/0109068. pylhe reads what the file says, Pythia the events (Beams:frameType = 4 in the Pythia
8.317 manual, page "Les Houches Accord").
"""

from __future__ import annotations

import gzip
import math
import tempfile
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pythia8mc
from numpy.typing import NDArray

from jetchain.core.errors import DataError
from jetchain.core.io.events import write_events
from jetchain.core.io.tables import write_result
from jetchain.core.schema.generate import GENERATED, VARIATIONS
from jetchain.core.sources import GZIP
from jetchain.core.trees import REPLACE, Part, require_checksum
from jetchain.core.verbs import Input, Output
from jetchain.generate.codes import HardProcessLog
from jetchain.generate.collisions import Batches
from jetchain.generate.imported import EVENTS_PER_FILE, HEAVIEST, stated
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
            of the file's are of one size; `process` is the file's code.
        summary: written, the account; the cross-section is the sum of those in the file's <init>.
        shard: its number, which sets the event numbers.
        settings: the shower, and particles that a detector sees in another way.
        seed: of this shard.
        parts, limit: which of the file's events; see `core.trees.Part`.
        checksum: that the file must have, as in `core.trees.require_checksum`.

    Raises:
        DataError: the file is missing, damaged, or no such file; a weight or the cross-section is
            not finite, or the cross-section is negative; or it has too few events.
        GeneratorError: Pythia refuses a setting or the file, or gives up too many events.
    """
    require_checksum(source, checksum)
    file, part = LesHouchesFile(source), Part(int(shard), parts, limit)
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
        codes: of its processes.
        weights: of its events, (events,).

    Raises:
        DataError: see `import_lhe`.
    """

    def __init__(self, path: Path) -> None:
        import pylhe

        if not path.is_file():
            raise DataError(f"{path}: no such file.", REPLACE)
        self.path = path
        weights: list[float] = []
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error")  # as which pylhe tells that a file is cut short
                file = pylhe.LHEFile.fromfile(path)
                for each in file.events:
                    weights.append(_finite(each).weight)
        except DataError as error:
            raise DataError(
                f"{path}: in event {len(weights) + 1} of the file, {error.cause}.",
                f"Take the event out of the file, or find what wrote it so. {REPLACE}",
            ) from None
        except Exception as error:  # pylhe raises many kinds for a damaged file
            reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
            raise DataError(
                f"{path}: not a file of Les Houches events, cut short or damaged after event "
                f"{len(weights)} of the file: {reason}.",
                f"If it is of another kind, correct source.format. {REPLACE}",
            ) from error
        if (lists := _lists(path)) > 1:
            raise DataError(
                f"{path}: holds {lists} lists of events, of which only the first would be read.",
                "Split it at each <LesHouchesEvents>, and name the parts in source.files.",
            )
        self.weights: NDArray[np.float64] = np.array(weights, float)
        if not np.all(usable := np.abs(self.weights) < HEAVIEST):
            event = int(np.argmin(usable))
            raise DataError(
                f"{path}: in event {event + 1} of the file, the weight is {weights[event]:g}.",
                f"Take the event out of the file, or find what wrote it so. {REPLACE}",
            )
        if len(weights) and not np.any(self.weights):
            raise DataError(
                f"{path}: the weight of event 1 is 0, and so are those of all {len(weights)} "
                "events.",
                f"Write the file with the weights of its events. {REPLACE}",
            )
        processes = file.init.procInfo
        self.codes: list[int] = [process.procId for process in processes]
        self.cross_section = (
            math.fsum(process.xSection for process in processes),
            math.hypot(*(process.error for process in processes)),
        )
        if self.cross_section[0] < 0:
            raise DataError(
                f"{path}: the cross-section in <init> is {self.cross_section[0]:g} pb.",
                f"Correct it in the file. {REPLACE}",
            )

    @property
    def unit(self) -> float:
        """The size of all weights, by which they are divided; 1 where it is not one."""
        sizes = np.unique(np.abs(self.weights))
        return float(sizes[0]) if len(sizes) == 1 else 1.0


def _lists(path: Path) -> int:
    """How often a list of events begins in a file: more than once where files were joined."""
    with path.open("rb") as raw:
        packed = raw.read(2) == GZIP
        raw.seek(0)
        lines: Iterable[bytes] = gzip.GzipFile(fileobj=raw) if packed else raw
        return sum(line.lstrip().startswith(b"<LesHouchesEvents") for line in lines)


def _finite(event: Any) -> Any:
    """The information of an event of pylhe's; raises `DataError` where a momentum is not finite."""
    for each in event.particles:
        if not math.isfinite(each.px + each.py + each.pz + each.e):
            raise DataError(f"the momentum of a particle with PDG code {each.id} is not finite", "")
    return event.eventinfo


class _HardProcessOfFile(HardProcessLog):
    """Notes the file's own code of every event's process."""

    def onEndEvent(self, _status: Any) -> None:
        """Note it under the momentum fractions, which tell events apart."""
        info = self.pythia.infoPython()
        self.codes[info.x1(), info.x2()] = self.pythia.getLHAupPtr().idProcess()


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
        self._unit, self._found = file.unit, found
        self._code = file.codes[0] if len(file.codes) == 1 else None
        self._hook = None if self._code is not None else _HardProcessOfFile()
        # Pythia takes no name with blanks, and tells a compressed file by its name.
        with file.path.open("rb") as raw:
            suffix = ".gz" if raw.read(2) == GZIP else ""
        link = folder / f"events.lhe{suffix}"
        link.symlink_to(file.path.resolve())
        pythia: pythia8mc.Pythia = start_pythia(
            str(file.path),
            settings.shower.overrides,
            seed,
            self._hook,
            TUNES[settings.shower.tune].lines,
            (
                "Beams:frameType = 4",
                f"Beams:LHEF = {link}",
                f"Beams:nSkipLHEFatInit = {chosen.start}",
            ),
        )
        if self._hook is not None:
            self._hook.pythia = pythia
        super().__init__(
            str(file.path), len(chosen), pythia, settings.particles,
            "Look at the momenta and colours of the events; the log has Pythia's words.",
        )  # fmt: skip

    def cross_section(self) -> tuple[float | None, float | None]:
        """Those of the file."""
        return self._found

    def _event(self, batch: Any) -> dict[str, NDArray[Any]]:
        info = batch.layout.content("info")
        weights = info.content("weights")
        values = weights.content.data[weights.offsets.data[:-1]].astype(np.float64) / self._unit
        if self._hook is not None:
            process = self._hook.take(batch)
        else:
            process = np.full(len(batch), self._code, np.int32)
        return {
            **dict.fromkeys(("weight", *VARIATIONS), values),
            "process": process,
            "pthat": np.sqrt(info.content("pT2Hat").data).astype(np.float32),
        }
