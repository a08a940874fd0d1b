"""Limits over a grid of signals: a patch set with its workspace, or a workspace a point."""

from __future__ import annotations

import contextlib
from typing import Any

import numpy as np

from jetchain.core.errors import DataError
from jetchain.core.io.tables import write_result
from jetchain.core.progress import Progress
from jetchain.core.schema.inference import NOTHING, GridPoint, Limits, SignalGrid
from jetchain.core.settings import Settings, did_you_mean
from jetchain.core.verbs import Inputs, Output
from jetchain.inference.histfactory import REACH, Model
from jetchain.inference.limits import Scale, no_limits
from jetchain.inference.newton import Tails
from jetchain.inference.others import FAILURES, asymptotic_account
from jetchain.inference.published import (
    REMEDY,
    check,
    chosen,
    first_line,
    patches_of,
    read_named,
)
from jetchain.inference.settings import GridSettings, LimitSettings
from jetchain.inference.workspace import numpy_backend


class GridJob(Settings):
    """What `grid` reads of the configuration."""

    limits: LimitSettings
    grid: GridSettings


def grid(*, files: Inputs, grid: Output, method: str, settings: GridJob) -> None:
    """Set asymptotic limits on the strength of every signal, and CLs at strength 1.

    A point that has no limit says why, and the others go on.

    Args:
        files: workspace and patch set, or the workspaces of the points, or the archive of these.
        grid: written.
        method: name of the grid.
        settings: of the grid, and the confidence level.
    """
    with numpy_backend():
        axes, signals = signals_of(files, settings.grid)
        points = []
        progress = Progress(len(signals), "signals")
        for index, (signal, values, spec, path) in enumerate(signals):
            points.append(point_of((signal, values, spec, path), settings))
            progress.report(index + 1)
    write_result(
        grid,
        SignalGrid(name=method, level=settings.limits.level, axes=axes, points=tuple(points)),
    )


Signal = tuple[str, list[float], Any, str]
"""Name, values, workspace or why there is none, and its path for messages."""


def signals_of(files: Inputs, settings: GridSettings) -> tuple[list[str], list[Signal]]:
    """What the values of the grid are, and its signals.

    Raises:
        DataError: a file is none of its kind, there is no such patch, or values do not fit.
    """
    if settings.points:
        signals = _files_of(files, settings)
        size = len(signals[0][1])
        axes = settings.axes or ["value"] * size
    else:
        names = [settings.workspace or "", settings.patchset or ""]
        (spec, path), (patchset, at) = read_named(files, names, settings.pallet)
        if settings.search and patchset.get("sensitive") is False:
            raise DataError(
                f"{at}: the search '{settings.search}' has no sensitivity, and no patch set.",
                "Name another search in inference.grids.",
            )
        axes, signals = _patched(spec, patchset, (path, at), settings)
    if settings.axes and len(settings.axes) != len(signals[0][1]):
        raise DataError(
            f"{signals[0][3]}: its points have {len(signals[0][1])} values, but "
            f"{len(settings.axes)} axes are named.",
            "Name an axis a value in inference.grids.",
        )
    unknown = sorted(set(settings.cross_sections) - {each[0] for each in signals})
    if unknown:
        raise DataError(
            f"cross_sections: there is no signal '{unknown[0]}' in the grid.",
            did_you_mean(unknown[0], [each[0] for each in signals]),
        )
    return axes, signals


def _files_of(files: Inputs, settings: GridSettings) -> list[Signal]:
    """The workspaces of the points, each of which is its error where it cannot be read.

    Raises:
        DataError: of the first, where none can be read.
    """
    found: list[Signal] = []
    for index, (name, values) in enumerate(settings.points.items()):
        own = files if settings.pallet else [files[index]]
        try:
            ((spec, path),) = read_named(own, [name], settings.pallet)
        except DataError as error:
            spec, path = error, name
        found.append((name, values, spec, path))
    errors = [spec for _, _, spec, _ in found if isinstance(spec, DataError)]
    if len(errors) == len(found):
        raise errors[0]
    return found


def _patched(
    spec: Any, patchset: Any, paths: tuple[str, str], settings: GridSettings
) -> tuple[list[str], list[Signal]]:
    """The workspaces that a patch set makes of one, lazily: a patch that fails is its text."""
    import pyhf

    patches = patches_of(patchset, paths[1])
    known = {patch.name: patch for patch in patches}
    names = settings.patches or list(known)
    for name in names:
        if name not in known:
            raise DataError(
                f"{paths[1]}: there is no patch '{name}' among its {len(known)}.",
                did_you_mean(name, known),
            )
    try:
        patches.verify(spec)
    except pyhf.exceptions.PatchSetVerificationError as error:
        raise DataError(
            f"{paths[1]}: not the patch set of {paths[0]} ({first_line(error)}).", REMEDY
        ) from error
    signals: list[Signal] = [
        (name, [_number(value, name, paths[1]) for value in known[name].values],
         (spec, known[name]), f"{paths[0]} with the patch '{name}'")
        for name in dict.fromkeys(names)
    ]  # fmt: skip
    return settings.axes or [str(label) for label in patches.labels], signals


def _number(value: Any, name: str, path: str) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        raise DataError(
            f"{path}: the patch '{name}' has a value '{value}', which is no number.", REMEDY
        ) from None


def point_of(signal: Signal, settings: GridJob) -> GridPoint:
    """The limits of one signal; null with the reason where it has none."""
    import jsonpatch
    import jsonpointer

    name, values, given, path = signal
    fb = settings.grid.cross_sections.get(name)
    nothing = Scale(name, 1.0, 1.0, 0.0, fb, None)
    try:
        if isinstance(given, DataError):
            raise given
        spec = given[1].apply(given[0]) if isinstance(given, tuple) else given
        spec = chosen(spec, settings.grid.measurement, path)
        check(spec, path)
        model = Model(spec, path)
    except (
        DataError, jsonpatch.JsonPatchException, jsonpointer.JsonPointerException, *FAILURES,
        TypeError, AttributeError,
    ) as error:  # fmt: skip
        words = error.cause if isinstance(error, DataError) else f"{path}: {first_line(error)}"
        return _point(
            name, values, no_limits(nothing, settings.limits, words, sensitive=True), None
        )
    scale = Scale(name, model.unit, REACH * model.unit, float(np.sum(model.signal)), fb, None)
    limits, hypotheses = asymptotic_account(model, scale, settings.limits)
    at_one = None
    if hypotheses is not None:
        with contextlib.suppress(*FAILURES):
            at_one = hypotheses.tails(np.ones(1))
    return _point(name, values, limits.model_copy(update={"scan": None}), at_one)


def _point(name: str, values: list[float], limits: Limits, at_one: Tails | None) -> GridPoint:
    return GridPoint(
        name=name, values=values, limits=limits,
        cls_observed=None if at_one is None else float(at_one.cls[0, 0]),
        cls_expected=NOTHING if at_one is None else tuple(at_one.cls[0, 1:].tolist()),
        clb_observed=None if at_one is None else float(at_one.clb[0]),
    )  # fmt: skip
