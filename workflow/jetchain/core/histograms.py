"""Histograms in files: uhi JSON, so that hist, ROOT and pyhf users can all read them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import hist
import numpy as np
import uhi.io.json
from numpy.typing import ArrayLike

from jetchain.core.errors import DataError
from jetchain.core.io.tables import read_json, write_json


def weighted(
    name: str,
    values: ArrayLike,
    edges: ArrayLike,
    weights: ArrayLike | None = None,
    *,
    label: str = "",
) -> hist.Hist:
    """A one-dimensional histogram with the variance of its weights, under- and overflow kept.

    Args:
        name: name of its axis.
        values: (n,) what is filled.
        edges: (bins + 1,) bin edges.
        weights: (n,) weights; 1 if not given.
        label: what the axis shows, with its unit.
    """
    axis = hist.axis.Variable(np.asarray(edges, dtype=float), name=name, label=label)
    histogram = hist.Hist(axis, storage=hist.storage.Weight())
    histogram.fill(np.asarray(values), weight=None if weights is None else np.asarray(weights))
    return histogram


def save_histograms(path: Path, histograms: Mapping[str, hist.Hist]) -> None:
    """Write histograms under their names as uhi JSON."""
    plain = json.loads(json.dumps(dict(histograms), default=uhi.io.json.default))
    write_json(path, plain)


def load_histograms(path: Path) -> dict[str, hist.Hist]:
    """Read histograms; raises `DataError` if the file does not hold any."""
    plain = read_json(path)
    try:
        revived = json.loads(json.dumps(plain), object_hook=uhi.io.json.object_hook)
        return {name: hist.Hist(value) for name, value in revived.items()}
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise DataError(
            f"{path}: does not hold histograms in uhi JSON ({error}).",
            "Remove it and run the same command again.",
        ) from error
