"""Collisions in chunks: Pythia's events, their hard process, and what failed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jetchain.core.errors import GeneratorError
from jetchain.core.schema.generate import VARIATIONS
from jetchain.generate.codes import ProcessCodes
from jetchain.generate.processes import start_pythia
from jetchain.generate.record import ParticleTable, Record, Truth, truth_of
from jetchain.generate.settings import GenerationSettings, ParticleSettings
from jetchain.generate.tunes import SHOWER_VARIATIONS, TUNES

# Events asked of Pythia at a time: their whole records lie in memory together (0.2 MB an event).
CHUNK = 100

# Above this fraction of events that Pythia gives up, the sample would be biased by what fails.
MAX_FAILED = 0.05

NARROWER = (
    "Narrow the mass or pTHat windows of the card: events fail where a resonance is far off its "
    "mass shell or the beams have no energy left. Where all fail, a part of the event may be "
    "switched off in the card or in 'overrides'."
)

PICOBARN_PER_MILLIBARN = 1e9


@dataclass(frozen=True)
class Chunk:
    """Some events: the event's own columns, its truth, and how many were tried to get them."""

    event: dict[str, NDArray[Any]]
    truth: Truth
    tried: int


class Batches:
    """A Pythia that gives chunks of events.

    Args:
        process: what it makes, for messages.
        events: to try.
        pythia: ready to make them.
        particles: how a detector sees them.
        remedy: where it gives up too many.
        vetoes: whether events that it gives up may be vetoed ones, so that any part may be.
    """

    def __init__(
        self, process: str, events: int, pythia: Any, particles: ParticleSettings, remedy: str,
        vetoes: bool = False,
    ) -> None:  # fmt: skip
        self._vetoes = vetoes
        self._process, self._events, self._pythia = process, events, pythia
        self._table = ParticleTable.of(pythia, particles)
        self._remedy = remedy

    def chunks(self) -> Iterator[Chunk]:
        """Yield all events of the shard.

        Raises:
            GeneratorError: Pythia gives up more than `MAX_FAILED` of the events, or all, or gives
                one without a final particle.
        """
        tried = failed = counted = 0
        made: Chunk | None = None  # held back, so that tries behind it that gave nothing count
        while tried < self._events:
            size = min(CHUNK, self._events - tried)
            batch = self._pythia.nextBatch(size, "skip")
            tried, failed = tried + size, failed + size - len(batch)
            too_many = failed > MAX_FAILED * max(tried, CHUNK) and not self._vetoes
            if too_many or failed == tried == self._events:
                raise GeneratorError(
                    f"Process '{self._process}': Pythia gave up {failed} of {tried} events.",
                    self._remedy,
                )
            if len(batch):
                truth = truth_of(Record.of(batch), self._table, self._process)
                _require_particles(truth, self._process)
                if made is not None:
                    yield replace(made, tried=tried - size - counted)
                    counted = tried - size
                made = Chunk(self._event(batch), truth, size)
        if made is not None:
            yield replace(made, tried=tried - counted)

    def cross_section(self) -> tuple[float | None, float | None]:
        """Cross-section and its statistical error in pb, as known so far."""
        raise NotImplementedError

    def _event(self, batch: Any) -> dict[str, NDArray[Any]]:
        raise NotImplementedError


class Collisions(Batches):
    """A Pythia that makes a process.

    Args:
        settings: process, tune, variations, overrides and number of events.
        seed: seed of the shard.

    Raises:
        GeneratorError: Pythia refuses a setting, or does not give the weights of the variations.
    """

    def __init__(self, settings: GenerationSettings, seed: int) -> None:
        self._codes = ProcessCodes(settings.process, settings.overrides, seed)
        before = list(TUNES[settings.tune].lines)
        if settings.variations == "shower":
            before += SHOWER_VARIATIONS
        self._varied = settings.variations == "shower"
        pythia = start_pythia(settings.process, settings.overrides, seed, self._codes.hook, before)
        if self._varied:
            _require_variations(pythia, settings.process)
        if self._codes.hook is not None:
            self._codes.hook.pythia = pythia
        super().__init__(settings.process, settings.events, pythia, settings.particles, NARROWER)

    def cross_section(self) -> tuple[float, float]:
        """Cross-section and its statistical error in pb, as Pythia knows it so far."""
        info = self._pythia.infoPython()
        return (
            info.sigmaGen() * PICOBARN_PER_MILLIBARN,
            info.sigmaErr() * PICOBARN_PER_MILLIBARN,
        )

    def _event(self, batch: Any) -> dict[str, NDArray[Any]]:
        info = batch.layout.content("info")
        weights = info.content("weights")
        first, values = weights.offsets.data[:-1], weights.content.data
        # Pythia gives the varied weights in full, the bias included.
        columns = {
            name: values[first + (place if self._varied else 0)].astype(np.float64)
            for place, name in enumerate(("weight", *VARIATIONS))
        }
        return {
            **columns,
            "process": self._codes.of(batch),
            "pthat": np.sqrt(info.content("pT2Hat").data).astype(np.float32),
        }


def _require_particles(truth: Truth, process: str) -> None:
    """Raise `GeneratorError` if an event has no final particle, as without the parton level."""
    if empty := int(np.count_nonzero(truth.counts["particle"] == 0)):
        raise GeneratorError(
            f"Process '{process}': {empty} of {len(truth.counts['particle'])} events have no final "
            "particle.",
            "Take 'PartonLevel:all = off', or what else ends events early, out of the card and of "
            "'overrides'.",
        )


def _require_variations(pythia: Any, process: str) -> None:
    """Raise `GeneratorError` unless Pythia gives the weights of VARIATIONS in their order."""
    info = pythia.infoPython()
    given = [info.weightNameByIndex(place) for place in range(1, info.nWeights())]
    # Pythia gives them in small letters, with a point in the place of the colon.
    if given != [name.lower().replace(":", ".") for name in VARIATIONS.values()]:
        raise GeneratorError(
            f"Process '{process}': Pythia gives the weights {given}, asked for were "
            f"{list(VARIATIONS.values())}.",
            "Take settings of UncertaintyBands out of the card and of 'overrides'.",
        )
