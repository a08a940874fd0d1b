"""A workspace as HS3, the HEP statistics serialisation standard, which other engines read.

Each channel is a distribution of type ``histfactory_dist`` with named parameters; the constraints
follow from the modifiers, as in HistFactory: Gaussian for normsys, histosys and staterror (pyhf's:
one factor a bin for all samples that have it, its width from their errors in quadrature), Poisson
for shapesys. Interpolation is pyhf's default, code4 for normsys and code4p for histosys, stated in
the file. What HS3's modifiers cannot say is refused by its name.

Reference: HS3 0.2, https://github.com/hep-statistics-serialization-standard.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from jetchain.core.errors import DataError
from jetchain.core.io.tables import read_json, write_json
from jetchain.core.verbs import Input, Output

SUPPORTED = ("normfactor", "normsys", "histosys", "shapesys", "staterror", "shapefactor")
CONSTRAINED = {"normsys": "Gauss", "histosys": "Gauss", "shapesys": "Poisson"}
VERSION = "0.2"


def hs3(*, workspace: Input, hs3: Output) -> None:
    """Write the HS3 form of a workspace; of a search without sensitivity the note that it is."""
    spec = read_json(workspace)
    write_json(hs3, spec if spec.get("sensitive") is False else convert(spec, str(workspace)))


def convert(spec: dict[str, Any], path: str = "workspace") -> dict[str, Any]:
    """A HistFactory workspace of pyhf's JSON in HS3.

    Args:
        spec: with one measurement at least; the first is taken.
        path: for messages.

    Raises:
        DataError: a modifier is not among `SUPPORTED`, or its settings are not.
    """
    _require_supported(spec, path)
    measurement = spec["measurements"][0]
    configured = {each["name"]: each for each in measurement["config"]["parameters"]}
    free: dict[str, dict[str, Any]] = {}
    channels = [_channel(channel, free) for channel in spec["channels"]]
    names = [channel["name"] for channel in channels]
    observed = {each["name"]: each["data"] for each in spec["observations"]}
    for name, values in free.items():
        own = configured.get(_root(name), {})
        if "inits" in own:
            values["value"] = own["inits"][_place(name)]
        if "bounds" in own:
            values["min"], values["max"] = own["bounds"][_place(name)]
        values["const"] = bool(own.get("fixed", False))
    poi = measurement["config"]["poi"]
    return {
        "metadata": {
            "hs3_version": VERSION,
            "packages": [{"name": "jetchain", "version": "0.1.0"}],
        },
        "distributions": channels,
        "data": [
            {
                "name": f"observed_{channel['name']}",
                "type": "binned",
                "axes": channel["axes"],
                "contents": [float(each) for each in observed[channel["name"]]],
            }
            for channel in channels
        ],
        "domains": [
            {
                "name": "ranges",
                "type": "product_domain",
                "axes": [
                    {"name": name, "min": values["min"], "max": values["max"]}
                    for name, values in free.items()
                ],
            }
        ],
        "parameter_points": [
            {
                "name": "start",
                "parameters": [
                    {"name": name, "value": values["value"], "const": values["const"]}
                    for name, values in free.items()
                ],
            }
        ],
        "likelihoods": [
            {
                "name": "likelihood",
                "distributions": names,
                "data": [f"observed_{name}" for name in names],
            }
        ],
        "analyses": [
            {
                "name": measurement["name"],
                "likelihood": "likelihood",
                "domains": ["ranges"],
                "parameters_of_interest": [poi] if poi else [],
                "init": "start",
            }
        ],
    }


def _require_supported(spec: dict[str, Any], path: str) -> None:
    faults = []
    for channel in spec["channels"]:
        errors = set()
        for sample in channel["samples"]:
            for each in sample["modifiers"]:
                what = f"the {each['type']} '{each['name']}' of channel '{channel['name']}'"
                if each["type"] not in SUPPORTED:
                    faults.append(what)
                elif each["type"] == "staterror":
                    errors.add(each["name"])
                elif each["type"] == "shapesys" and not _all_positive(sample["data"], each["data"]):
                    faults.append(f"{what}, zero in some bin of sample '{sample['name']}',")
        if len(errors) > 1:
            faults.append(f"the staterrors {sorted(errors)} of channel '{channel['name']}'")
    for each in spec["measurements"][0]["config"]["parameters"]:
        if {"auxdata", "sigmas", "factors"} & {*each}:
            faults.append(f"the constraint of the parameter '{each['name']}'")
    if faults:
        shown = "; ".join(faults[:5]) + (f"; and {len(faults) - 5} more" * (len(faults) > 5))
        raise DataError(
            f"{path}: HS3 has no form that other engines would evaluate alike for {shown}.",
            f"Publish pyhf's JSON, or build the workspace with {', '.join(SUPPORTED)} alone.",
        )


def _all_positive(*values: Any) -> bool:
    return all((np.asarray(each, float) > 0).all() for each in values)


def _channel(channel: dict[str, Any], free: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """A channel; its parameters are added to those that are known."""
    name = channel["name"]
    bins = len(channel["samples"][0]["data"])
    return {
        "name": name,
        "type": "histfactory_dist",
        "axes": [{"name": f"bin_{name}", "min": 0.0, "max": float(bins), "nbins": bins}],
        "samples": [_sample(sample, bins, free) for sample in channel["samples"]],
    }


def _sample(sample: dict[str, Any], bins: int, free: dict[str, dict[str, Any]]) -> dict[str, Any]:
    modifiers, errors = [], [0.0] * bins
    for each in sample["modifiers"]:
        name, kind = each["name"], each["type"]
        written: dict[str, Any] = {"name": name, "type": kind}
        if kind in ("shapesys", "staterror", "shapefactor"):
            written["parameters"] = [f"{name}[{place}]" for place in range(bins)]
            for parameter in written["parameters"]:
                free.setdefault(parameter, {"value": 1.0, "min": 1e-10, "max": 10.0})
        else:
            written["parameter"] = name
            centre, low, high = (1.0, 0.0, 10.0) if kind == "normfactor" else (0.0, -5.0, 5.0)
            free.setdefault(name, {"value": centre, "min": low, "max": high})
        if kind in CONSTRAINED:
            written["constraint"] = CONSTRAINED[kind]
        if kind == "normsys":
            written["data"] = {**each["data"], "interpolation": "code4"}
        elif kind == "histosys":
            written["data"] = {
                "hi": {"contents": each["data"]["hi_data"]},
                "lo": {"contents": each["data"]["lo_data"]},
                "interpolation": "code4p",
            }
        elif kind == "shapesys":
            written["data"] = {"vals": each["data"]}
        elif kind == "staterror":
            errors = [float(value) for value in each["data"]]
            written["constraint"] = "Gauss"
        modifiers.append(written)
    return {
        "name": sample["name"],
        "data": {"contents": [float(value) for value in sample["data"]], "errors": errors},
        "modifiers": modifiers,
    }


def _root(name: str) -> str:
    """The modifier that a parameter is of."""
    return name.partition("[")[0]


def _place(name: str) -> int:
    """Its bin, 0 of a parameter without bins."""
    return int(name.partition("[")[2].rstrip("]") or 0)
