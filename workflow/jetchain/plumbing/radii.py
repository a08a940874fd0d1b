"""The radii of the jets of a sample: those that something reads of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from jetchain.core.schema.jets import JET_CLASSES

if TYPE_CHECKING:
    from jetchain.plumbing.configuration import Configuration

CALIBRATION = "calibration"
"""Stands, in `radii_read`, for the sample of the calibration, which has every radius."""


def readers(config: Configuration) -> Iterator[tuple[str, float, Sequence[str]]]:
    """Who reads jets: the key of the radius, the radius, and the samples."""
    jets, graphs, anomaly = config.jets, config.graphs, config.anomaly
    classes = jets.summary.samples
    yield "jets.summary.radius", jets.summary.radius, classes
    yield "jets.images.radius", jets.images.radius, classes
    graphed = [*JET_CLASSES, *config.firmware.dataset.samples, graphs.display.sample]
    yield "graphs.jets.radius", graphs.jets.radius, graphed
    searched = [*anomaly.background, *anomaly.signal]
    yield "anomaly.features.radius", anomaly.features.radius, searched
    shown = jets.display.selection.radius
    if shown is not None:
        yield "jets.display.selection.radius", shown, jets.display.samples


def radii_read(config: Configuration) -> dict[str, list[float]]:
    """The radii of each sample and of the calibration, rising.

    A sample that nothing reads has all of them: its jets are asked for by hand.
    """
    found = list(readers(config))
    everywhere = set(config.jets.clustering.radii)
    everything = everywhere.union(radius for _, radius, _ in found)
    wanted = {
        name: {radius for _, radius, samples in found if name in samples}
        for name in config.generate.samples
    }
    radii = {name: everywhere | own if own else everything for name, own in wanted.items()}
    return {name: sorted(own) for name, own in {**radii, CALIBRATION: everything}.items()}


def derived(config: Configuration) -> dict[str, Any]:
    """What jobs read that follows from several sections; see `Rules`."""
    radii = radii_read(config)
    shown = config.jets.display.selection.radius
    return {
        "radii": radii,
        "shown_radius": {name: shown or max(own) for name, own in radii.items()},
    }
