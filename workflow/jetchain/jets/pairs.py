"""Jets of shards as flat columns, reconstructed and true ones paired, and the spread of a ratio."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from jetchain.core.io.events import read_events
from jetchain.core.kinematics import delta_phi
from jetchain.core.schema.jets import (
    JET,
    UNCALIBRATED,
    Response,
    jet_collection,
    jets_table,
)
from jetchain.core.verbs import Input

Array = NDArray[np.floating]
Columns = dict[str, NDArray]

MINIMUM_MASS = 10.0  # GeV; below, the ratio of masses says nothing
LEVELS = ("reconstructed", "truth")
COLUMNS = [name for name, column in JET.items() if not column.nested]


def read_jets(paths: Sequence[Input], radius: float) -> tuple[dict[str, Columns], int]:
    """The jets of all files as flat columns by level, with a running number of their event."""
    import awkward as ak

    table = jets_table((radius,))
    names = {"reconstructed": jet_collection(radius), "truth": jet_collection(radius, True)}
    wanted = {names["reconstructed"]: [*COLUMNS, *UNCALIBRATED], names["truth"]: COLUMNS}
    pieces: dict[str, list[Columns]] = {level: [] for level in LEVELS}
    events = 0
    for path in paths:
        data = read_events(path, table, wanted)
        weight = np.asarray(data["event"]["weight"])
        for level, name in names.items():
            counts = ak.to_numpy(ak.num(data[name]["pt"]))
            columns = {c: ak.to_numpy(ak.flatten(data[name][c])) for c in wanted[name]}
            columns["event"] = np.repeat(np.arange(events, events + len(weight)), counts)
            columns["weight"] = np.repeat(weight, counts)
            pieces[level].append(columns)
        events += len(weight)
    joined = {
        level: {c: np.concatenate([piece[c] for piece in found]) for c in found[0]}
        for level, found in pieces.items()
    }
    return joined, events


def match(first: Columns, second: Columns, radius: float) -> tuple[NDArray, NDArray]:
    """Pairs of jets of the same event, each the other's nearest, within dR < radius.

    Args:
        first, second: columns event, eta, phi; events in rising order.
        radius: largest dR.

    Returns:
        (pairs,) index in first, (pairs,) index in second.
    """
    start = np.searchsorted(second["event"], first["event"], side="left")
    stop = np.searchsorted(second["event"], first["event"], side="right")
    number = stop - start
    one = np.repeat(np.arange(len(number)), number)
    within = np.arange(len(one)) - np.repeat(np.cumsum(number) - number, number)
    two = np.repeat(start, number) + within
    distance = np.hypot(
        first["eta"][one] - second["eta"][two], delta_phi(first["phi"][one], second["phi"][two])
    )
    nearest_one = np.full(len(first["event"]), np.inf)
    nearest_two = np.full(len(second["event"]), np.inf)
    np.minimum.at(nearest_one, one, distance)
    np.minimum.at(nearest_two, two, distance)
    mutual = (distance == nearest_one[one]) & (distance == nearest_two[two]) & (distance < radius)
    return one[mutual], two[mutual]


def isolated(jets: Columns, distance: float) -> NDArray[np.bool_]:
    """Whether no other jet of the event lies within dR < distance, (jets,)."""
    start = np.searchsorted(jets["event"], jets["event"], side="left")
    number = np.searchsorted(jets["event"], jets["event"], side="right") - start
    one = np.repeat(np.arange(len(number)), number)
    two = (
        np.repeat(start, number)
        + np.arange(len(one))
        - np.repeat(np.cumsum(number) - number, number)
    )
    apart = np.hypot(
        jets["eta"][one] - jets["eta"][two], delta_phi(jets["phi"][one], jets["phi"][two])
    )
    close = (one != two) & (apart < distance)
    return np.bincount(one[close], minlength=len(number)) == 0


def spread(ratio: Array) -> Response:
    """Median and resolution of a ratio, (jets,), at least one of them.

    The resolution is the interquartile range / 1.349 (a Gaussian's standard deviation), relative
    to the median. Uncertainties are those of a Gaussian core: 1.253 s/sqrt(n) of the median and
    1.166 s/sqrt(n) of the resolution.
    """
    quarter, median, third = np.quantile(ratio, [0.25, 0.5, 0.75])
    sigma = (third - quarter) / 1.349
    return Response(
        median=median,
        median_error=1.253 * sigma / np.sqrt(len(ratio)),
        resolution=sigma / median,
        resolution_error=1.166 * sigma / median / np.sqrt(len(ratio)),
    )
