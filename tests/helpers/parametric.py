"""The parametric algorithm on hand-made detector events."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from helpers.calibrations import write_calibrations
from helpers.detected import GEOMETRY, FakeEvent, write_detected
from jetchain.core.io.events import read_events
from jetchain.core.schema.particleflow import PARTICLE_CLASSES, RECONSTRUCTED
from jetchain.particleflow.algorithms.parametric import ParametricSettings
from jetchain.particleflow.network_settings import UntrainedJobSettings
from jetchain.particleflow.untrained import untrained


def parametric_particles(
    folder: Path,
    *events: FakeEvent,
    settings: ParametricSettings | None = None,
    response: tuple[float, float] = (0.7, 0.1),
    photon_response: float = 1.0,
) -> dict[str, Any]:
    """Run the verb on events; the columns that it writes.

    Args:
        folder: files are written there.
        events: at least one.
        settings: of the algorithm; its defaults if not given.
        response: mean and spread of E/p of charged hadrons in every bin.
        photon_response: of photons.
    """
    source, target = folder / "detected.root", folder / "particles.root"
    write_detected(source, list(events))
    constants = settings or ParametricSettings()
    calibrations = write_calibrations(folder, *response, photon_response)
    untrained(
        detected=source, calibrations=[*calibrations.values()], geometry=GEOMETRY, particles=target,
        settings=UntrainedJobSettings(algorithm=constants.model_dump()), algorithm="parametric",
    )  # fmt: skip
    return read_events(target, RECONSTRUCTED)


def labels(event: Any) -> list[str]:
    """The classes of an event's particles."""
    return [PARTICLE_CLASSES[label] for label in event["label"].tolist()]
