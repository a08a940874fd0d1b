"""A HistFactory workspace that others made: read, checked, and brought into one plain form."""

from __future__ import annotations

import json
import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jetchain.core.errors import DataError
from jetchain.core.io.tables import read_json, write_json
from jetchain.core.settings import did_you_mean
from jetchain.core.verbs import Inputs, Output
from jetchain.inference.faults import faults_of
from jetchain.inference.settings import PublishedSettings, RegionSettings
from jetchain.inference.workspace import numpy_backend

REMEDY = "Correct the file, or name another one in inference.workspaces."


def published(*, files: Inputs, workspace: Output, settings: PublishedSettings) -> None:
    """Write the workspace with its patch applied and the one measurement that is asked for.

    Args:
        files: the workspace and, where there is one, the patch set; or the archive of both; none
            for a region, whose counts stand in the settings.
        workspace: pyhf's JSON.
        settings: names of patch and measurement.
    """
    if settings.region is not None:
        spec, path = of_region(settings.region), "the region"
        with numpy_backend():
            check(spec, path)
        write_json(workspace, spec)
        return
    names = [settings.workspace, settings.patchset]
    (spec, path), *others = read_named(files, [each for each in names if each], settings.pallet)
    with numpy_backend():
        if others:
            patchset, at = others[0]
            spec = patched(spec, patchset, settings.patch, (path, at))
        spec = chosen(spec, settings.measurement, path)
        check(spec, path)
        if settings.validation:
            check(fitted(spec, settings.validation, path), path)
    write_json(workspace, spec)


def of_region(region: RegionSettings) -> dict[str, Any]:
    """The workspace of a counting experiment whose signal is one event at strength 1.

    The limit on the strength is that on the events of any signal, S95. The uncertainty of the
    background is log-normal.
    """
    relative = region.uncertainty / region.background
    scale = {
        "name": "background", "type": "normsys",
        "data": {"hi": 1 + relative, "lo": 1 / (1 + relative)},
    }  # fmt: skip
    poi = {"name": "mu", "type": "normfactor", "data": None}
    parameters = [{"name": "mu", "inits": [1.0], "bounds": [[-float(region.background), 1e4]]}]
    return {
        "version": "1.0.0",
        "channels": [{"name": "region", "samples": [
            {"name": "signal", "data": [1.0], "modifiers": [poi]},
            {"name": "background", "data": [region.background],
             "modifiers": [scale] if relative > 0 else []},
        ]}],
        "observations": [{"name": "region", "data": [region.observed]}],
        "measurements": [{"name": "S95", "config": {"poi": "mu", "parameters": parameters}}],
    }  # fmt: skip


def read_named(
    files: Sequence[Path], names: Sequence[str], pallet: str | None
) -> list[tuple[Any, str]]:
    """JSON objects that a user gave, and what each is called in messages.

    Args:
        files: of these names; or the archive alone.
        names: as the configuration has them.
        pallet: the archive's name; None without one.
    """
    if pallet is None:
        return [(read_file(path), str(path)) for path in files]
    return [(member(Path(files[0]), name), f"{files[0]}, {name}") for name in names]


def read_file(path: Path) -> Any:
    """A JSON object that a user gave; raises `DataError` with a remedy for a user's file."""
    try:
        found = read_json(path)
    except (DataError, RecursionError) as error:
        raise DataError(f"{path}: not a file of JSON ({first_line(error)}).", REMEDY) from error
    return _object(found, str(path))


def _object(found: Any, where: str) -> Any:
    if not isinstance(found, dict):
        raise DataError(f"{where}: not a JSON object, but {type(found).__name__}.", REMEDY)
    return found


def member(archive: Path, name: str) -> Any:
    """A JSON object in an archive of files, tar or zip.

    Raises:
        DataError: no archive, no such member, or one that is not JSON.
    """
    try:
        known, content = _looked_up(archive, name)
        if content is None:
            raise DataError(
                f"{archive}: there is no file '{name}' among its {len(known)}.",
                did_you_mean(name, [each for each in known if each.endswith(".json")][:30]),
            )
        return _object(json.loads(content), f"{archive}, {name}")
    except (
        OSError, EOFError, ValueError, RecursionError, NotImplementedError, RuntimeError,
        zlib.error, lzma.LZMAError, tarfile.TarError, zipfile.BadZipFile,
    ) as error:  # fmt: skip
        raise DataError(
            f"{archive}: '{name}' cannot be read ({first_line(error)}).", REMEDY
        ) from error


def _looked_up(archive: Path, name: str) -> tuple[list[str], bytes | None]:
    """Names of the files in an archive, and the content of one; None if it is not there."""
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as folder:
            known = [each for each in folder.namelist() if not each.endswith("/")]
            return known, folder.read(name) if name in known else None
    with tarfile.open(archive) as pile:
        files = {each.name.removeprefix("./"): each for each in pile if each.isfile()}
        found = pile.extractfile(files[name]) if name in files else None
        return list(files), None if found is None else found.read()


def patches_of(patchset: Any, at: str) -> Any:
    """pyhf's patch set; raises `DataError` where it is none."""
    import pyhf

    try:
        return pyhf.PatchSet(patchset)
    except (
        pyhf.exceptions.InvalidSpecification, pyhf.exceptions.InvalidPatchSet,
        pyhf.exceptions.SchemaNotFound, LookupError, TypeError, ValueError,
    ) as error:  # fmt: skip
        raise DataError(
            f"{at}: pyhf refuses this patch set ({first_line(error)}).", REMEDY
        ) from error


def patched(spec: Any, patchset: Any, name: str | None, paths: tuple[str, str]) -> Any:
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
    patches = patches_of(patchset, at)
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
    except (jsonpatch.JsonPatchException, jsonpointer.JsonPointerException, TypeError) as error:
        raise DataError(f"{at}: the patch '{name}' fails ({first_line(error)}).", REMEDY) from error


def chosen(spec: Any, measurement: str | None, path: str) -> dict[str, Any]:
    """The workspace with one measurement alone: that of the name, or the first one.

    Raises:
        DataError: pyhf refuses the workspace, or there is no such measurement.
    """
    import pyhf

    try:
        pyhf.Workspace(spec)
    except (
        pyhf.exceptions.InvalidSpecification, pyhf.exceptions.SchemaNotFound, LookupError,
        TypeError, ValueError,
    ) as error:  # fmt: skip
        raise DataError(
            f"{path}: pyhf refuses this workspace ({first_line(error)}).", REMEDY
        ) from error
    known = [each["name"] for each in spec["measurements"]]
    name = known[0] if measurement is None else measurement
    if name not in known:
        raise DataError(f"{path}: there is no measurement '{name}'.", did_you_mean(name, known))
    if known.count(name) > 1:
        raise DataError(
            f"{path}: the measurement '{name}' is given {known.count(name)} times.", REMEDY
        )
    return {**spec, "measurements": [spec["measurements"][known.index(name)]]}


def fitted(spec: dict[str, Any], validation: Sequence[str], path: str) -> dict[str, Any]:
    """The workspace without the channels that validate its fit.

    Args:
        spec: with one measurement.
        validation: names of the channels.
        path: for messages.

    Raises:
        DataError: there is no such channel, or none is left.
    """
    names = [channel["name"] for channel in spec["channels"]]
    for name in validation:
        if name not in names:
            near = did_you_mean(name, names)
            raise DataError(f"{path}: validation: there is no channel '{name}'.", near)
    if {*names} == {*validation}:
        raise DataError(
            f"{path}: validation: all channels are named, and none is left for the fit.",
            "Leave those out that the fit is to take.",
        )
    return {
        **spec,
        **{
            part: [each for each in spec[part] if each["name"] not in validation]
            for part in ("channels", "observations")
        },
    }


def check(spec: dict[str, Any], path: str) -> None:
    """Refuse what has no likelihood, or none that depends on the parameter of interest.

    Raises:
        DataError: with channel, sample and bin of each fault.
    """
    faults = faults_of(spec)
    if faults:
        shown = "; ".join(faults[:5]) + (f"; and {len(faults) - 5} more" * (len(faults) > 5))
        raise DataError(f"{path}: no limit can be set with this workspace: {shown}.", REMEDY)


def first_line(error: BaseException) -> str:
    """The first line of what a library says."""
    return [*str(error).strip().splitlines(), type(error).__name__][0]
