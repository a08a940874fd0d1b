"""The collections of jets of a sample: those that something reads of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from jetchain.tagging.class_settings import samples_of

if TYPE_CHECKING:
    from jetchain.plumbing.configuration import Configuration

CALIBRATION = "calibration"
"""Stands, among the samples, for that of the calibration, which has every radius."""


class Reader(NamedTuple):
    """Who reads jets: the key of the radius, the radius, samples, and whether true jets as well."""

    key: str
    radius: float
    samples: Sequence[str]
    truth: bool


def readers(config: Configuration) -> Iterator[Reader]:
    """All of them."""
    jets, graphs, anomaly = config.jets, config.graphs, config.anomaly
    classes = jets.summary.samples
    yield Reader("jets.summary.radius", jets.summary.radius, classes, True)
    yield Reader("jets.images.radius", jets.images.radius, classes, False)
    graphed = [
        *samples_of(config.tagging.classes),
        *config.firmware.dataset.samples,
        graphs.display.sample,
    ]
    yield Reader("graphs.jets.radius", graphs.jets.radius, graphed, False)
    searched = "anomaly.features.radius", anomaly.features.radius
    yield Reader(*searched, anomaly.background, False)
    yield Reader(*searched, anomaly.signal, True)
    yield Reader(*searched, list(anomaly.grid.samples), False)
    shown = jets.display.selection.radius
    if shown is not None:
        yield Reader("jets.display.selection.radius", shown, jets.display.samples, True)


class JetsRead(NamedTuple):
    """What is clustered, by sample; see `jets_read`."""

    radii: dict[str, list[float]]  # of reconstructed jets, and of the calibration, rising
    truth_radii: dict[str, list[float]]  # of true jets, among them
    shown_radius: dict[str, float]  # of the display


def jets_read(config: Configuration) -> JetsRead:
    """What is read of the jets of each sample.

    A sample that nothing reads has all radii: its jets are asked for by hand.
    """
    found, display = list(readers(config)), config.jets.display
    everywhere = set(config.jets.clustering.radii)
    everything = sorted(everywhere.union(each.radius for each in found))
    result = JetsRead({CALIBRATION: everything}, {CALIBRATION: everything}, {})
    for name in config.generate.samples:
        mine = [each for each in found if name in each.samples]
        read = sorted(everywhere.union(each.radius for each in mine)) if mine else everything
        true = everywhere.union(each.radius for each in mine if each.truth)
        shown = display.selection.radius or max(read)
        result.radii[name], result.shown_radius[name] = read, shown
        if name in display.samples:
            true.add(shown)
        result.truth_radii[name] = sorted(true) if mine else everything
    return result
