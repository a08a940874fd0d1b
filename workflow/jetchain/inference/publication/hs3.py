"""A workspace as HS3, the HEP statistics serialisation standard, which other engines read.

Each channel is a distribution of type ``histfactory_dist`` with named parameters. As in HistFactory
constraints follow from the modifiers: Gaussian for normsys and histosys, Poisson for shapesys.
pyhf's staterror is one factor a bin for all samples that have it, of a width that their errors make
up together: it is written as what it is, shared factors (shapefactor) with Gaussian constraints
beside the channels, for engines differ in what they take a staterror for. Interpolation is pyhf's
default, code4 for normsys and code4p for histosys, stated in the file. What cannot be said so is
refused by its name.

Reference: HS3 0.2, https://github.com/hep-statistics-serialization-standard.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from jetchain.core.errors import DataError
from jetchain.core.io.tables import read_json, write_json
from jetchain.core.settings import Settings
from jetchain.core.verbs import Input, Output
from jetchain.inference.fit import load_model
from jetchain.inference.settings import PublishedSettings
from jetchain.inference.workspace import numpy_backend

SUPPORTED = ("normfactor", "normsys", "histosys", "shapesys", "staterror", "shapefactor")
CONSTRAINED = {"normsys": "Gauss", "histosys": "Gauss", "shapesys": "Poisson"}
VERSION = "0.2"


class Hs3Job(Settings):
    """What `hs3` reads of the configuration: what a fit leaves out."""

    workspaces: dict[str, PublishedSettings]


def hs3(*, workspace: Input, hs3: Output, method: str, settings: Hs3Job) -> None:
    """Write the HS3 form of a workspace; of a search without sensitivity the note that it is."""
    spec = read_json(workspace)
    entry = settings.workspaces.get(method)
    left_out = entry.validation if entry else []
    whole = spec if spec.get("sensitive") is False else convert(spec, str(workspace), left_out)
    write_json(hs3, whole)


def convert(
    spec: dict[str, Any], path: str = "workspace", validation: Sequence[str] = ()
) -> dict[str, Any]:
    """A HistFactory workspace of pyhf's JSON in HS3.

    Args:
        spec: with one measurement at least; the first is taken.
        path: for messages.
        validation: channels that are no part of the likelihood.

    Raises:
        DataError: a modifier is not among `SUPPORTED`, or its settings are not.
    """
    _require_supported(spec, path)
    measurement = spec["measurements"][0]
    channels = [_channel(channel) for channel in spec["channels"]]
    observed = {each["name"]: each["data"] for each in spec["observations"]}
    with numpy_backend():
        model, _ = load_model(spec, path)
        config = model.config
        parameters = list(
            zip(
                config.par_names,
                map(float, config.suggested_init()),
                config.suggested_bounds(),
                map(bool, config.suggested_fixed()),
                strict=True,
            )
        )
        constraints = _constraints(spec["channels"], config)
        of_fit = [each for each in spec["channels"] if each["name"] not in validation]
        of_likelihood = _constraints(of_fit, config)
    poi = measurement["config"]["poi"]
    likelihood: dict[str, Any] = {
        "name": "likelihood",
        "distributions": [each["name"] for each in of_fit],
        "data": [f"observed_{each['name']}" for each in of_fit],
    }
    if of_likelihood:
        likelihood["aux_distributions"] = [each["name"] for each in of_likelihood]
    return {
        "metadata": {
            "hs3_version": VERSION,
            "packages": [{"name": "jetchain", "version": "0.1.0"}],
        },
        "distributions": [*channels, *constraints],
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
                    {"name": name, "min": float(low), "max": float(high)}
                    for name, _, (low, high), _ in parameters
                ],
            }
        ],
        "parameter_points": [
            {
                "name": "start",
                "parameters": [
                    {"name": name, "value": value, "const": fixed}
                    for name, value, _, fixed in parameters
                ],
            }
        ],
        "likelihoods": [likelihood],
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


def _constraints(channels: Sequence[dict[str, Any]], config: Any) -> list[dict[str, Any]]:
    """Of the statistical errors: a normal distribution a bin that has one, by pyhf's widths."""
    found = []
    names = {
        each["name"]
        for channel in channels
        for sample in channel["samples"]
        for each in sample["modifiers"]
        if each["type"] == "staterror"
    }
    for name in sorted(names):
        fixed = config.param_set(name).suggested_fixed
        for place, width in enumerate(config.param_set(name).width()):
            if not fixed[place]:
                found.append(
                    {
                        "name": f"constraint_{name}_{place}",
                        "type": "gaussian_dist",
                        "x": 1.0,
                        "mean": f"{name}[{place}]",
                        "sigma": float(width),
                    }
                )
    return found


def _require_supported(spec: dict[str, Any], path: str) -> None:
    faults = []
    owners: dict[str, str] = {}
    for channel in spec["channels"]:
        for sample in channel["samples"]:
            for each in sample["modifiers"]:
                what = f"the {each['type']} '{each['name']}' of channel '{channel['name']}'"
                if each["type"] not in SUPPORTED:
                    faults.append(what)
                elif each["type"] == "staterror":
                    if owners.setdefault(each["name"], channel["name"]) != channel["name"]:
                        faults.append(f"{what}, which another channel shares,")
                elif each["type"] == "shapesys" and not _all_positive(sample["data"], each["data"]):
                    faults.append(f"{what}, zero in some bin of sample '{sample['name']}',")
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


def _channel(channel: dict[str, Any]) -> dict[str, Any]:
    name = channel["name"]
    bins = len(channel["samples"][0]["data"])
    return {
        "name": name,
        "type": "histfactory_dist",
        "axes": [{"name": f"bin_{name}", "min": 0.0, "max": float(bins), "nbins": bins}],
        "samples": [_sample(sample, bins) for sample in channel["samples"]],
    }


def _sample(sample: dict[str, Any], bins: int) -> dict[str, Any]:
    modifiers = []
    for each in sample["modifiers"]:
        name, kind = each["name"], each["type"]
        written: dict[str, Any] = {"name": name, "type": kind}
        if kind in ("shapesys", "staterror", "shapefactor"):
            written["parameters"] = [f"{name}[{place}]" for place in range(bins)]
        else:
            written["parameter"] = name
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
            written["type"] = "shapefactor"
        modifiers.append(written)
    contents = [float(value) for value in sample["data"]]
    return {
        "name": sample["name"],
        "data": {"contents": contents, "errors": [0.0] * bins},
        "modifiers": modifiers,
    }
