"""Signals of other parameters as a patch set of a search's workspace, as experiments publish them.

The workspace without its signal, and one patch a signal that adds it to every channel
(https://pyhf.readthedocs.io/en/stable/api.html#patchset). A patch takes over the uncertainties of
the norm that the signal of the search has; of the shape only the statistics of its own simulation.
"""

from __future__ import annotations

import copy
from typing import Any

import numpy as np

from jetchain.core.errors import DataError
from jetchain.core.io.tables import read_json, read_result, write_json
from jetchain.core.schema.background import SignalVariation
from jetchain.core.settings import Settings
from jetchain.core.verbs import Input, Inputs, Output
from jetchain.inference.workspace import STATISTICS, numpy_backend

NO_RECORD = "ins0000000"
"""The record of HEPData that a patch set must name, where there is none yet."""
KEPT = ("normfactor", "normsys")


class PatchJob(Settings):
    """What `patches` reads: `anomaly.grid`."""

    labels: list[str]
    samples: dict[str, list[float]]


def patches(
    *, workspace: Input, signals: Inputs, background: Output, patchset: Output, method: str,
    settings: PatchJob,
) -> None:  # fmt: skip
    """Write the workspace without signal, and the patch set with all signals.

    Of a search without sensitivity, which has no workspace, both are its note that says so.

    Args:
        workspace: of the search.
        signals: `SignalVariation` of each signal: `up` is it.
        background, patchset: written, JSON of pyhf, checked by it.
        method: name of the search.
        settings: the values of each signal.

    Raises:
        DataError: no signal is named, or one is not of this search.
    """
    if not settings.samples:
        raise DataError(
            "anomaly.grid.samples names no signal: there is nothing to make a patch set of.",
            "Name samples of generate.samples there, with the values of each.",
        )
    spec = read_json(workspace)
    if spec.get("sensitive") is False:
        write_json(background, spec)
        write_json(patchset, spec)
        return
    plain = without_signal(spec)
    names = [channel["name"] for channel in plain["channels"]]
    sizes = [len(each["data"]) for each in plain["observations"]]
    found = {}
    for path in signals:
        each = read_result(path, SignalVariation)
        bins = None if each.up is None else len(each.up)
        if each.method != method or bins != sum(sizes):
            raise DataError(
                f"{path}: is of '{each.method}' with {bins} bins, not of '{method}' with "
                f"{sum(sizes)}.",
                "It is from another run. Remove it and run the same command again.",
            )
        found[each.systematic] = each
    with numpy_backend() as pyhf:
        made = {
            "version": "1.0.0",
            "metadata": {
                "references": {"hepdata": NO_RECORD},
                "digests": {"sha256": pyhf.utils.digest(plain)},
                "labels": settings.labels,
                "description": f"jetchain, search {method}: signals at the cross-section where "
                "that of the search has strength 1",
            },
            "patches": [
                {
                    "metadata": {"name": name, "values": values},
                    "patch": _patch(spec, found[name], names),
                }
                for name, values in settings.samples.items()
            ],
        }
        checked = pyhf.PatchSet(made)
        checked.verify(plain)
        for patch in checked:
            pyhf.Workspace(patch.apply(plain))
    write_json(background, plain)
    write_json(patchset, made)


def without_signal(spec: dict[str, Any]) -> dict[str, Any]:
    """The workspace without its sample `signal`, the strength of which a patch brings back."""
    plain = copy.deepcopy(spec)
    for channel in plain["channels"]:
        channel["samples"] = [each for each in channel["samples"] if each["name"] != "signal"]
    return plain


def _patch(spec: dict[str, Any], signal: SignalVariation, names: list[str]) -> list[dict[str, Any]]:
    """The operations that add a signal to every channel."""
    events = np.maximum(np.array(signal.up, float), 0.0)
    errors = np.where(events > 0, np.array(signal.up_error or 0.0), 0.0)
    operations, first = [], 0
    for index, (name, channel) in enumerate(zip(names, spec["channels"], strict=True)):
        (own,) = (each for each in channel["samples"] if each["name"] == "signal")
        bins = slice(first, first + len(own["data"]))
        first = bins.stop
        modifiers = [
            each
            for each in own["modifiers"]
            if each["type"] in KEPT and not each["name"].startswith("signal_")
        ]
        if errors[bins].any():
            error = {"name": f"{STATISTICS}{name}", "type": "staterror"}
            modifiers.append(error | {"data": errors[bins].tolist()})
        sample = {"name": "signal", "data": events[bins].tolist(), "modifiers": modifiers}
        operations.append({"op": "add", "path": f"/channels/{index}/samples/0", "value": sample})
    return operations
