"""A HistFactory workspace that others made: read, checked, and brought into one plain form."""

from __future__ import annotations

import gzip
import json
import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from jetchain.core.errors import DataError
from jetchain.core.io.tables import write_json
from jetchain.core.settings import did_you_mean
from jetchain.core.sources import GZIP
from jetchain.core.verbs import Inputs, Output
from jetchain.inference.faults import faults_of
from jetchain.inference.settings import PublishedSettings, RegionSettings
from jetchain.inference.workspace import numpy_backend

REMEDY = "Correct the file, or name another one in the configuration."
ARCHIVED = "Name it as `pallet`, and as workspace and patchset the files in it."
OTHERS = (
    ((b"<", b"\xef\xbb\xbf<"), "XML", "`pyhf xml2json` makes JSON of HistFactory's XML."),
    ((b"root",), "a file of ROOT", "`pyhf xml2json` makes JSON of HistFactory's XML."),
    ((b"PK\x03\x04", b"BZh", b"\xfd7zXZ\x00"), "an archive", ARCHIVED),
)
"""First bytes of what is often given in place of JSON, what it is, and what helps."""


OTHER_OBJECTS = (
    ("patches", "a patch set", "Name it as `patchset`, with the workspace that it is of."),
    (
        "distributions",
        "a likelihood in HS3",
        "Name the workspace that it was made of, in pyhf's JSON; HS3 is written, not read.",
    ),
)
"""A key of other objects that are often given in place of a workspace, and what helps."""
WIDE = 10.0
"""Errors of a region's background within which it is fitted."""


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
    # pyhf's own range of the background, of 5 errors, is too short where few events are expected.
    parameters = [
        {"name": "mu", "inits": [1.0], "bounds": [[-float(region.background), 1e4]]},
        *([{"name": "background", "bounds": [[-WIDE, WIDE]]}] if relative > 0 else []),
    ]
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
        return _object(Path(path).read_bytes(), str(path))
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({first_line(error)}).", REMEDY) from error


def _object(content: bytes, where: str) -> Any:
    """The JSON object in a file, compressed by gzip or not, in any encoding that JSON may have."""
    try:
        if content.startswith(GZIP):
            content = gzip.decompress(content)
        found = json.loads(content, parse_int=_whole)
    except (OSError, EOFError, zlib.error, ValueError, RecursionError) as error:
        for marks, kind, remedy in OTHERS:
            if content.startswith(marks):
                raise DataError(f"{where}: is {kind}, not JSON of pyhf.", remedy) from error
        what = first_line(error) if content.strip() else "it is empty"
        raise DataError(f"{where}: not a file of JSON ({what}).", REMEDY) from error
    if not isinstance(found, dict):
        raise DataError(f"{where}: not a JSON object, but {type(found).__name__}.", REMEDY)
    return found


def _whole(text: str) -> float:
    """An integer; as a float, infinite perhaps, where it has more digits than doubles."""
    return int(text) if len(text) < 16 else float(text)


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
    except (
        OSError, EOFError, ValueError, NotImplementedError, RuntimeError,
        zlib.error, lzma.LZMAError, tarfile.TarError, zipfile.BadZipFile,
    ) as error:  # fmt: skip
        raise DataError(
            f"{archive}: '{name}' cannot be read ({first_line(error)}).", REMEDY
        ) from error
    return _object(content, f"{archive}, {name}")


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
            f"{at}: pyhf refuses this patch set ({_refusal(error)}).", REMEDY
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
    except (
        jsonpatch.JsonPatchException, jsonpointer.JsonPointerException, LookupError, TypeError,
        ValueError, AttributeError,
    ) as error:  # fmt: skip
        raise DataError(f"{at}: the patch '{name}' fails ({first_line(error)}).", REMEDY) from error


def chosen(spec: Any, measurement: str | None, path: str) -> dict[str, Any]:
    """The workspace with one measurement alone: that of the name, or the first one.

    Raises:
        DataError: pyhf refuses the workspace, or there is no such measurement.
    """
    import pyhf

    for key, what, remedy in OTHER_OBJECTS:
        if key in spec and "channels" not in spec:
            raise DataError(f"{path}: is {what}, not a workspace of HistFactory.", remedy)
    version = spec.get("version", "")
    if not isinstance(version, str):
        raise DataError(
            f"{path}: pyhf refuses this workspace (its version, {version!r}, is not text).", REMEDY
        )
    try:
        pyhf.Workspace(spec)
    except pyhf.exceptions.SchemaNotFound as error:
        raise DataError(
            f"{path}: pyhf refuses this workspace (it has no schema of version '{version}').",
            "Write it anew in version 1.0.0, such as with pyhf.",
        ) from error
    except (
        pyhf.exceptions.InvalidSpecification, LookupError, TypeError, ValueError,
    ) as error:  # fmt: skip
        raise DataError(
            f"{path}: pyhf refuses this workspace ({_refusal(error)}).", REMEDY
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


def check(
    spec: dict[str, Any], path: str,
    faults: Callable[[dict[str, Any]], list[str]] = faults_of, what: str = "no limit can be set",
) -> None:  # fmt: skip
    """Refuse what has no likelihood, or none that depends on the parameter of interest.

    Args:
        spec: workspace that fits pyhf's schema.
        path: for messages.
        faults: finds them.
        what: follows from them, for messages.

    Raises:
        DataError: with channel, sample and bin of each fault.
    """
    found = faults(spec)
    if found:
        shown = "; ".join(found[:5]) + (f"; and {len(found) - 5} more" * (len(found) > 5))
        raise DataError(f"{path}: {what} with this workspace: {shown}.", REMEDY)


def _refusal(error: BaseException) -> str:
    """What pyhf says of a workspace, and where in it."""
    lines = [each.strip() for each in str(error).splitlines()]
    places = [each.removeprefix("Path: ") for each in lines if each.startswith("Path: ")]
    where = f"{places[0]}: " if places and places[0] else ""
    return where + first_line(error)


def first_line(error: BaseException) -> str:
    """The first line of what a library says."""
    return [*str(error).strip().splitlines(), type(error).__name__][0]
