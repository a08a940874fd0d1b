"""The plane of Double DisCo: both outputs of an event as ranks, also without torch.

The networks of a search that is done are small: numpy evaluates them in a fraction of the time that
torch takes to start.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from jetchain.core.dijets import Array, Table, sidebands
from jetchain.core.errors import DataError
from jetchain.core.io.tensors import read_arrays

EPSILON = 1e-5
"""Of torch's BatchNorm1d, added to the variance."""


def planes(
    outputs: Array, table: Table, reference: Array, data: Table, side: NDArray[np.bool_]
) -> Array:
    """Ranks (events, 2) of outputs (events, 2) among those of the sidebands of the data.

    Args:
        outputs, table: of the events to rank.
        reference: (sideband events, 2) outputs of the data's.
        data: the data.
        side: (events,) which of them lie in the sidebands.
    """
    ladder = {"fold": parity(data)[side]}
    return np.stack(
        [ranks(outputs[:, k], parity(table), ladder, reference[:, k]) for k in range(2)], axis=1
    )


def parity(table: Table) -> NDArray[np.int64]:
    """Which half (events,) of the cross-training events belong to, by their fold."""
    return table["fold"] % 2


def ranks(values: Array, fold: NDArray[np.int64], reference: Table, scores: Array) -> Array:
    """The fraction of reference events of the same fold with a smaller score (events,).

    Args:
        values: (events,) scores to rank.
        fold: (events,) their folds.
        reference: table with "fold" of the reference events.
        scores: (reference events,) their scores.
    """
    result = np.zeros(len(values))
    for each in np.unique(fold):
        ladder = np.sort(scores[reference["fold"] == each])
        own = fold == each
        result[own] = np.searchsorted(ladder, values[own]) / max(len(ladder), 1)
    return result


def stored_planes(
    weights: Path, data: Table, others: Table, signal_region: list[float], mass_range: list[float]
) -> Array:
    """Ranks (events, 2) of other events by the stored networks of a search.

    Args:
        weights: of the networks of both halves.
        data: DIJETS of the search.
        others: events to rank, with features and fold.
        signal_region, mass_range: TeV.

    Raises:
        DataError: the file holds no such networks.
    """
    arrays = read_arrays(weights)
    side = sidebands(data["m_jj"], signal_region, mass_range)
    try:
        reference, outputs = (
            _outputs(arrays, table) for table in ({n: v[side] for n, v in data.items()}, others)
        )
    except (KeyError, ValueError) as error:
        raise DataError(
            f"{weights}: not the networks of Double DisCo ({error}).",
            "Remove it and run the same command again.",
        ) from error
    return planes(outputs, others, reference, data, side)


def _outputs(arrays: Mapping[str, NDArray], table: Table) -> Array:
    """Outputs (events, 2) of the network of each event's half."""
    outputs = np.zeros((len(table["m_jj"]), 2))
    for half in (0, 1):
        own = parity(table) == half
        x = np.asarray(table["features"][own], np.float32)
        x = (x - arrays[f"{half}.mean"]) / arrays[f"{half}.scale"]
        for k in (0, 1):
            outputs[own, k] = _network(arrays, f"{half}.networks.{k}.", x)
    return outputs


def _network(arrays: Mapping[str, NDArray], prefix: str, x: NDArray) -> NDArray:
    """One output (events,): linear layers with ReLU between, the first with batch normalisation."""
    layers = sorted(
        int(name[len(prefix) :].split(".")[0])
        for name in arrays
        if name.startswith(prefix) and name.endswith(".weight") and arrays[name].ndim == 2
    )
    for layer in layers:
        x = x @ arrays[f"{prefix}{layer}.weight"].T + arrays[f"{prefix}{layer}.bias"]
        if layer == layers[0]:
            norm = {
                name: arrays[f"{prefix}{layer + 1}.{name}"]
                for name in ("running_mean", "running_var", "weight", "bias")
            }
            x = (x - norm["running_mean"]) / np.sqrt(norm["running_var"] + EPSILON)
            x = x * norm["weight"] + norm["bias"]
        if layer != layers[-1]:
            x = np.maximum(x, 0)
    return x[:, 0]
