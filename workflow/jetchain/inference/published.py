"""A HistFactory workspace that others made: read, checked, and brought into one plain form."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from jetchain.core.errors import DataError
from jetchain.core.io.tables import read_json, write_json
from jetchain.core.settings import did_you_mean
from jetchain.core.verbs import Inputs, Output
from jetchain.inference.settings import PublishedSettings
from jetchain.inference.workspace import numpy_backend

REMEDY = "Correct the file, or name another one in inference.workspaces."


def published(*, files: Inputs, workspace: Output, settings: PublishedSettings) -> None:
    """Write the workspace with its patch applied and the one measurement that is asked for.

    Args:
        files: the workspace and, where there is one, the patch set.
        workspace: pyhf's JSON.
        settings: names of patch and measurement.
    """
    path = files[0]
    spec = read_file(path)
    with numpy_backend():
        if len(files) > 1:
            spec = patched(spec, read_file(files[1]), settings.patch, (path, files[1]))
        spec = chosen(spec, settings.measurement, path)
        check(spec, path)
    write_json(workspace, spec)


def read_file(path: Path) -> Any:
    """A JSON object that a user gave; raises `DataError` with a remedy for a user's file."""
    try:
        found = read_json(path)
    except DataError as error:
        raise DataError(f"{path}: not a file of JSON ({error}).", REMEDY) from error
    if not isinstance(found, dict):
        raise DataError(f"{path}: not a JSON object, but {type(found).__name__}.", REMEDY)
    return found


def patched(spec: Any, patchset: Any, name: str | None, paths: tuple[Path, Path]) -> Any:
    """The workspace with one patch of a patch set applied.

    Args:
        spec: workspace.
        patchset: as pyhf reads it.
        name: of the patch.
        paths: of both files, for messages.

    Raises:
        DataError: no patch set, none of this workspace, or no such patch in it.
    """
    import jsonpatch
    import jsonpointer
    import pyhf

    at = paths[1]
    try:
        patches = pyhf.PatchSet(patchset)
    except (pyhf.exceptions.InvalidSpecification, pyhf.exceptions.InvalidPatchSet) as error:
        raise DataError(
            f"{at}: pyhf refuses this patch set ({first_line(error)}).", REMEDY
        ) from error
    known = [patch.name for patch in patches]
    if name not in known:
        raise DataError(
            f"{at}: there is no patch '{name}' among its {len(known)}.",
            did_you_mean(f"{name}", known),
        )
    try:
        return patches.apply(spec, name)
    except pyhf.exceptions.PatchSetVerificationError as error:
        raise DataError(
            f"{at}: not the patch set of {paths[0]} ({first_line(error)}).", REMEDY
        ) from error
    except (jsonpatch.JsonPatchException, jsonpointer.JsonPointerException) as error:
        raise DataError(f"{at}: the patch '{name}' fails ({first_line(error)}).", REMEDY) from error


def chosen(spec: Any, measurement: str | None, path: Path) -> dict[str, Any]:
    """The workspace with one measurement alone: that of the name, or the first one.

    Raises:
        DataError: pyhf refuses the workspace, or there is no such measurement.
    """
    import pyhf

    try:
        pyhf.Workspace(spec)
    except (pyhf.exceptions.InvalidSpecification, LookupError, TypeError, ValueError) as error:
        raise DataError(
            f"{path}: pyhf refuses this workspace ({first_line(error)}).", REMEDY
        ) from error
    known = [each["name"] for each in spec["measurements"]]
    name = known[0] if measurement is None else measurement
    if name not in known:
        raise DataError(f"{path}: there is no measurement '{name}'.", did_you_mean(name, known))
    return {**spec, "measurements": [spec["measurements"][known.index(name)]]}


def check(spec: dict[str, Any], path: Path) -> None:
    """Refuse what has no likelihood, or none that depends on the parameter of interest.

    Raises:
        DataError: with channel, sample and bin of each fault.
    """
    import pyhf

    faults = []
    observed = {each["name"]: each["data"] for each in spec["observations"]}
    for channel in spec["channels"]:
        name = channel["name"]
        lengths = {len(sample["data"]) for sample in channel["samples"]}
        if len(lengths) != 1 or len(observed.get(name, ())) not in lengths:
            faults.append(f"channel '{name}': its samples and observation differ in bins, or lack")
        faults += _bad(observed.get(name, ()), f"channel '{name}': observed", 0.0)
        for sample in channel["samples"]:
            where = f"channel '{name}', sample '{sample['name']}'"
            faults += _bad(sample["data"], where, -math.inf)
            faults += [
                f"{where}: the normsys '{each['name']}' has a factor that is not above zero"
                for each in sample["modifiers"]
                if each["type"] == "normsys" and min(each["data"]["hi"], each["data"]["lo"]) <= 0
            ]
    if not spec["measurements"][0]["config"]["poi"]:
        faults.append("its measurement has no parameter of interest")
    if not faults:
        try:
            model = pyhf.Workspace(spec).model()
            faults += _unlikely(model, spec)
        except (
            pyhf.exceptions.InvalidModel, pyhf.exceptions.InvalidModifier,
            pyhf.exceptions.InvalidSpecification, LookupError, ValueError,
        ) as error:  # fmt: skip
            faults.append(f"pyhf refuses this workspace ({first_line(error)})")
    if faults:
        shown = "; ".join(faults[:5]) + (f"; and {len(faults) - 5} more" * (len(faults) > 5))
        raise DataError(f"{path}: no limit can be set with this workspace: {shown}.", REMEDY)


def _bad(values: Any, where: str, least: float) -> list[str]:
    return [
        f"{where} is {value:g} in bin {index}"
        for index, value in enumerate(values)
        if not math.isfinite(value) or value < least
    ]


def _unlikely(model: Any, spec: dict[str, Any]) -> list[str]:
    """Bins whose counts are impossible before the fit, and a signal that is nowhere."""
    values = model.config.suggested_init()
    poi = model.config.poi_index
    at = {}
    for strength in (0.0, 1.0):
        values[poi] = strength
        at[strength] = model.expected_actualdata(values).tolist()
    faults = [] if at[0.0] != at[1.0] else [f"'{model.config.poi_name}' changes no bin"]
    counts = {each["name"]: each["data"] for each in spec["observations"]}
    for name in model.config.channels:
        part = model.config.channel_slices[name]
        rows = zip(at[0.0][part], at[1.0][part], counts[name], strict=True)
        for index, (without, signal, seen) in enumerate(rows):
            if without < 0:
                faults.append(f"channel '{name}', bin {index}: {without:g} events are expected")
            elif seen > 0 and max(without, signal) <= 0:
                faults.append(
                    f"channel '{name}', bin {index}: {seen:g} observed where none is expected"
                )
    return faults


def first_line(error: BaseException) -> str:
    """The first line of what a library says."""
    return [*str(error).strip().splitlines(), type(error).__name__][0]
