"""Several workspaces as one likelihood, with one signal strength.

Of the parameters of one name, those that are named as correlated become one; the others become
parameters of each part, named after it, a luminosity as a normsys. What clashes is refused.

Reference: https://pyhf.readthedocs.io, `pyhf.Workspace.combine`.
"""

from __future__ import annotations

import copy
from collections.abc import Collection, Mapping, Sequence
from functools import reduce
from typing import Any

from jetchain.core.errors import DataError
from jetchain.core.io.tables import read_json, write_json
from jetchain.core.settings import Settings, did_you_mean
from jetchain.core.verbs import Inputs, Output
from jetchain.inference.published import check, first_line, fitted
from jetchain.inference.settings import PublishedSettings
from jetchain.inference.workspace import numpy_backend

PER_BIN = ("staterror", "shapesys")
NAME = "combination"
REMEDY = "Correct inference.workspaces.*.combined, or the workspaces that are its parts."
Spec = dict[str, Any]


class CombinationJob(Settings):
    """What `combination` reads of the configuration."""

    workspaces: dict[str, PublishedSettings]


def combination(
    *, workspaces: Inputs, workspace: Output, method: str, settings: CombinationJob
) -> None:
    """Write the combination of workspaces.

    Args:
        workspaces: of the parts, in their order, with one measurement each.
        workspace: written, JSON of pyhf.
        method: name of the combination.
        settings: of all workspaces.
    """
    entry = settings.workspaces[method].combined
    assert entry is not None
    parts = {}
    for name, path in zip(entry.parts, workspaces, strict=True):
        left_out = settings.workspaces[name].validation
        parts[name] = fitted(read_json(path), left_out, str(path))
    with numpy_backend():
        spec = combined(parts, entry.correlated, method)
        check(spec, method)
    write_json(workspace, spec)


def combined(parts: Mapping[str, Spec], correlated: Sequence[str], what: str) -> Spec:
    """One workspace of several.

    Args:
        parts: by name, with one measurement each.
        correlated: parameters that are one in all parts that have them.
        what: name of the whole, for messages.

    Raises:
        DataError: a parameter cannot be correlated, two parts hold the same channel, or pyhf
            refuses the combination.
    """
    import pyhf

    poi = _poi(next(iter(parts.values())))
    kinds = {part: _kinds(spec) for part, spec in parts.items()}
    _require_alike(parts, kinds, correlated, what)
    _require_apart(parts, what)
    known = {poi, *(name for each in kinds.values() for name in each)}
    regions = {channel["name"] for spec in parts.values() for channel in spec["channels"]}
    found: list[Any] = []
    try:
        for part, spec in parts.items():
            others = [other for name, other in parts.items() if name != part]
            own = kinds[part].keys() - {_poi(spec), *correlated}
            elsewhere = {name for other in others for name in (*_kinds(other), _poi(other))}
            modifiers = {}
            clashing = own & {*elsewhere, poi}
            spec = _with_normsys(spec, clashing, f"{what}, '{part}'")
            for name in sorted(clashing):
                modifiers[name] = _free(f"{name}_{part}", known)
                known.add(modifiers[name])
            taken = {channel["name"] for other in others for channel in other["channels"]}
            channels = {}
            for name in (channel["name"] for channel in spec["channels"]):
                if name in taken:
                    channels[name] = _free(f"{name}_{part}", regions)
                    regions.add(channels[name])
            renamed = pyhf.Workspace(spec).rename(
                modifiers=modifiers | {_poi(spec): poi},
                channels=channels,
                measurements={spec["measurements"][0]["name"]: NAME},
            )
            found.append(_without(renamed, {poi, *correlated} if found else set()))
        whole = reduce(lambda one, other: pyhf.Workspace.combine(one, other, join="outer"), found)
    except (
        pyhf.exceptions.InvalidWorkspaceOperation, pyhf.exceptions.InvalidSpecification,
    ) as error:  # fmt: skip
        raise DataError(
            f"{what}: pyhf refuses to combine ({first_line(error)}).", REMEDY
        ) from error
    return dict(whole)


def _with_normsys(spec: Spec, names: Collection[str], where: str) -> Spec:
    """The workspace whose luminosities of these names are normsys, which may have any name.

    pyhf has one luminosity, `lumi`. It is a normal factor, in whose place stands one that is the
    same at one width above and below, and differs elsewhere to second order in the width.

    Args:
        spec: of a part, with one measurement.
        names: of parameters that will be renamed.
        where: for messages.

    Raises:
        DataError: a luminosity is not measured as 1, or not known at all.
    """
    parameters = spec["measurements"][0]["config"]["parameters"]
    given, widths = {each["name"]: each for each in parameters}, {}
    for name in sorted(names):
        if _kinds(spec)[name] == {"lumi"}:
            (centre,), (widths[name],) = given[name]["auxdata"], given[name]["sigmas"]
            if centre != 1 or not widths[name] < 1:
                raise DataError(
                    f"{where}: '{name}' is measured as {centre:g} +- {widths[name]:g}: only one of "
                    "1, known to less than all of it, can be told from that of another part.",
                    "Scale the samples of this part by it, and give auxdata of 1.",
                )
    if not widths:
        return spec
    spec = copy.deepcopy(spec)
    for channel in spec["channels"]:
        for sample in channel["samples"]:
            for each in sample["modifiers"]:
                if each["name"] in widths:
                    width = widths[each["name"]]
                    each |= {"type": "normsys", "data": {"hi": 1 + width, "lo": 1 - width}}
    for each in spec["measurements"][0]["config"]["parameters"]:
        if each["name"] in widths:
            width = widths[each["name"]]
            each["inits"] = [(value - 1) / width for value in each["inits"]]
            each["bounds"] = [[(end - 1) / width for end in ends] for ends in each["bounds"]]
            del each["auxdata"], each["sigmas"]
    return spec


def _free(name: str, taken: Collection[str]) -> str:
    """The name, with underscores behind it until no part has one like it."""
    while name in taken:
        name += "_"
    return name


def _poi(spec: Spec) -> str:
    return str(spec["measurements"][0]["config"]["poi"])


def _kinds(spec: Spec) -> dict[str, set[str]]:
    """The types of the modifiers of each name."""
    kinds: dict[str, set[str]] = {}
    for channel in spec["channels"]:
        for sample in channel["samples"]:
            for modifier in sample["modifiers"]:
                kinds.setdefault(modifier["name"], set()).add(modifier["type"])
    return kinds


def _without(spec: Any, parameters: set[str]) -> Any:
    """The workspace whose measurement does not configure what the first part's does."""
    import pyhf

    measurement = spec["measurements"][0]
    config = measurement["config"]
    kept = [each for each in config["parameters"] if each["name"] not in parameters]
    return pyhf.Workspace(
        {**spec, "measurements": [{**measurement, "config": {**config, "parameters": kept}}]}
    )


def _require_apart(parts: Mapping[str, Spec], what: str) -> None:
    """Refuse a channel that two parts have with the same data: it would count twice."""
    seen: dict[str, tuple[str, Any]] = {}
    for part, spec in parts.items():
        observed = {each["name"]: each["data"] for each in spec["observations"]}
        for channel in spec["channels"]:
            name = channel["name"]
            content = (observed[name], channel["samples"])
            if name in seen and seen[name][1] == content:
                raise DataError(
                    f"{what}: '{seen[name][0]}' and '{part}' both hold the channel '{name}', with "
                    "the same events and samples: its data would count twice.",
                    "Name it under `validation` of one of both.",
                )
            seen.setdefault(name, (part, content))


def _require_alike(
    parts: Mapping[str, Spec], kinds: Mapping[str, Mapping[str, set[str]]],
    correlated: Sequence[str], what: str,
) -> None:  # fmt: skip
    """Refuse a correlated parameter that is not the same thing in all parts."""
    import pyhf

    configs = {part: pyhf.Workspace(spec).model().config for part, spec in parts.items()}
    for name in correlated:
        holders = [part for part in parts if name in kinds[part]]
        if len(holders) < 2:
            known = sorted({each for part in parts for each in kinds[part]})
            where = f"'{holders[0]}' alone has" if holders else "no part has"
            near = "" if holders else did_you_mean(name, known)
            raise DataError(
                f"{what}: {where} the parameter '{name}', which is to be correlated.",
                near or "Leave it out of `correlated`.",
            )
        for part in holders:
            if name == _poi(parts[part]):
                raise DataError(
                    f"{what}: '{name}' is the strength of '{part}': strengths are one anyway.",
                    "Leave it out of `correlated`.",
                )
            if kinds[part][name] & {*PER_BIN}:
                kind = ", ".join(sorted(kinds[part][name]))
                raise DataError(
                    f"{what}: the parameter '{name}' of '{part}' is a {kind}, one of each bin: it "
                    "cannot be that of another part.",
                    "Leave it out of `correlated`.",
                )
        first, *others = holders
        one = _described(configs[first], name)
        for part in others:
            for aspect, value in _described(configs[part], name).items():
                if value != one[aspect]:
                    raise DataError(
                        f"{what}: the parameter '{name}' cannot be correlated: its {aspect} is "
                        f"{one[aspect]} in '{first}' and {value} in '{part}'.",
                        "Leave it out of `correlated`, or make the workspaces agree.",
                    )


def _described(config: Any, name: str) -> dict[str, Any]:
    """What a parameter is, in words that a message can give."""
    found = config.param_set(name)
    described = {
        "number of bins": int(found.n_parameters),
        "constraint": found.pdf_type if found.constrained else "none",
        "start": [float(each) for each in found.suggested_init],
        "range": [tuple(float(end) for end in each) for each in found.suggested_bounds],
        "fixing": [bool(each) for each in found.suggested_fixed],
    }
    if found.constrained:
        described["auxiliary measurement"] = [float(each) for each in found.auxdata]
        if found.pdf_type == "normal":
            described["width"] = [float(each) for each in found.width()]
    return described
