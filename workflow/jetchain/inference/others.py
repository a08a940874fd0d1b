"""Fit, limits and diagnosis of the workspaces that others made; results are like those of searches.

The fits are those of `inference.histfactory` and `inference.maximum`; one that is not found from
any start is a result with null and the reason.
"""

from __future__ import annotations

import contextlib
import dataclasses
import sys
from typing import Any

import numpy as np
from scipy.stats import norm

from jetchain.core.errors import DataError
from jetchain.core.io.tables import read_json, write_result
from jetchain.core.schema.inference import (
    AtBound,
    Fit,
    Impact,
    LikelihoodScan,
    Limits,
    ModelFit,
    Nuisance,
    Strength,
)
from jetchain.core.seeds import generator
from jetchain.core.settings import Settings, did_you_mean
from jetchain.core.verbs import Input, Output
from jetchain.inference.bracket import upper_limits
from jetchain.inference.ensembles import (
    few_events,
    goodness_from_toys,
    limits_from_toys,
    p0_from_toys,
)
from jetchain.inference.fit import prior_widths
from jetchain.inference.histfactory import REACH, Hypotheses, Model
from jetchain.inference.limits import Scale, account, no_limits
from jetchain.inference.maximum import likelihood_scan, maximum, moved_strengths
from jetchain.inference.published import first_line, fitted
from jetchain.inference.settings import FitSettings, LimitSettings, PublishedSettings
from jetchain.inference.toys import NoMinimumError
from jetchain.inference.validation import channels_of, validated
from jetchain.inference.workspace import numpy_backend

FAILURES = (NoMinimumError, ValueError, ArithmeticError, RuntimeError, LookupError)
SCANNED = 41
"""Points of a scan of the likelihood."""


class OthersFitJob(Settings):
    """What `fit` and `diagnose` read of the configuration."""

    fit: FitSettings
    workspace: PublishedSettings


class OthersLimitJob(Settings):
    """What `limits` reads of the configuration."""

    limits: LimitSettings
    workspace: PublishedSettings


def fit(*, workspace: Input, fit: Output, method: str, settings: OthersFitJob, seed: int) -> None:
    """Fit the strength of the signal with MINOS, the nuisance parameters, and q0.

    Where few events are under the signal, toys check the p-value of no signal.
    """
    spec = fitted(read_json(workspace), settings.workspace.validation, str(workspace))
    with numpy_backend(tolerance=settings.fit.tolerance):
        model = Model(spec, str(workspace))
        account = Fit(
            method=method,
            sensitive=True,
            observed=float(np.sum(model.data[: len(model.background)])),
            background=float(np.sum(model.background)),
        )
        try:
            account = account.model_copy(
                update=_fitted(model, settings.workspace.cross_section, (settings.fit, seed))
            )
        except FAILURES as error:
            account = account.model_copy(update={"valid": False, "reason": _no_minimum(error)})
    write_result(fit, account)


def _no_minimum(error: BaseException) -> str:
    return f"no minimum of the likelihood is found ({first_line(error)})"


def _fitted(
    model: Model, cross_section: float | None, how: tuple[FitSettings, int]
) -> dict[str, Any]:
    """The results of a fit, by the names of `Fit`."""
    settings, seed = how
    hypotheses = Hypotheses(model)
    result = maximum(model, hypotheses.best, settings)
    significance = float(np.sqrt(hypotheses.q0)) if hypotheses.best > 0 else 0.0
    p0 = float(norm.sf(significance)) if significance else 0.5
    value, error = (float(each[model.poi]) for each in (result.bestfit, result.uncertainty))
    down, up = (float(each) for each in result.minos_uncertainty.get(model.name, (np.nan,) * 2))
    ended = value + down <= model.lowest + 1e-3 * error  # at the end of the range, not of MINOS
    constrained = prior_widths(model.model)
    rows = [
        _nuisance(name, float(best), float(width), constrained.get(name))
        for index, (name, best, width) in enumerate(
            zip(result.labels, result.bestfit, result.uncertainty, strict=True)
        )
        if index != model.poi and width > 0
    ]
    fb = cross_section
    return {
        "p0": max(p0, sys.float_info.min),
        "p0_is_bound": p0 < sys.float_info.min,
        "significance": significance,
        "valid": True,
        "mu": Strength(
            value=value,
            error=error,
            error_down=down if np.isfinite(down) and not ended else None,
            error_up=up if np.isfinite(up) else None,
            cross_section_fb=None if fb is None else value * fb,
            cross_section_error_fb=None if fb is None else error * fb,
        ),
        "parameters": tuple(rows),
        "at_bounds": _told(model.at_bounds(np.asarray(result.bestfit, float))),
        **_p0_with_toys(hypotheses, settings.toys, seed),
    }


def _told(at_bounds: tuple[AtBound, ...]) -> tuple[AtBound, ...]:
    """The same, after a warning for each."""
    for each in at_bounds:
        print(f"warning: {each.words}.", file=sys.stderr)
    return at_bounds


def _p0_with_toys(hypotheses: Hypotheses, toys: int, seed: int) -> dict[str, Any]:
    """The p-value of no signal from toys, where few events call for them and their fits succeed."""
    if not toys or not few_events(hypotheses.model):
        return {}
    try:
        p0, is_bound = p0_from_toys(hypotheses, toys, generator(seed, "p0"))
    except FAILURES as error:
        print(f"no p-value from toys ({error}).", file=sys.stderr)
        return {}
    return {
        "p0_toys": p0,
        "p0_toys_is_bound": is_bound,
        "significance_toys": max(-float(norm.ppf(p0)), 0.0),
    }


def _nuisance(
    name: str, value: float, error: float, constrained: tuple[float, float] | None
) -> Nuisance:
    """A parameter after the fit; nothing pulls one without a constraint."""
    centre, width = constrained or (None, None)
    return Nuisance(
        name=name,
        value=value,
        error=error,
        pull=None if centre is None or width is None else (value - centre) / width,
        constraint=None if width is None else error / width,
    )


def limits(
    *, workspace: Input, limits: Output, method: str, settings: OthersLimitJob, seed: int
) -> None:
    """Set CLs limits on the strength, and on the cross-section where it is stated.

    Asymptotic ones; beside them those with toys where few events are under the signal.
    """
    spec = fitted(read_json(workspace), settings.workspace.validation, str(workspace))
    with numpy_backend():
        model = Model(spec, str(workspace))
        write_result(limits, limits_of(model, scale_of(model, method, settings.workspace),
                                       settings.limits, seed))  # fmt: skip


def scale_of(model: Model, method: str, settings: PublishedSettings) -> Scale:
    """What turns limits on the strength of a workspace into others."""
    return Scale(
        method, model.unit, REACH * model.unit, float(np.sum(model.signal)),
        settings.cross_section, settings.luminosity,
    )  # fmt: skip


def limits_of(model: Model, scale: Scale, settings: LimitSettings, seed: int) -> Limits:
    """The limits of a model; null with the reason where a fit fails."""
    asymptotic, hypotheses = asymptotic_account(model, scale, settings)
    no_toys = not settings.toys or not few_events(model)
    if hypotheses is None or asymptotic.observed_mu is None or no_toys:
        return asymptotic
    try:
        toys = limits_from_toys(hypotheses, settings, asymptotic, seed)
    except FAILURES as error:
        return asymptotic.model_copy(update={"reason": f"no limits with toys ({error})"})
    return asymptotic.model_copy(update={"toys": toys})


def asymptotic_account(
    model: Model, scale: Scale, settings: LimitSettings
) -> tuple[Limits, Hypotheses | None]:
    """The asymptotic limits, null with the reason where a fit fails, and what they come from.

    The hypotheses are None where not even the fits without a strength succeed.
    """
    hypotheses = None
    try:
        hypotheses = Hypotheses(model)
        whole = scale.ceiling
        scale = dataclasses.replace(scale, ceiling=min(0.99 * model.room, whole))
        found, _, _ = upper_limits(hypotheses.cls, scale.start, scale.ceiling, settings.level)
        if found is None and scale.ceiling < whole:
            # Beyond the model's room fits succeed where nuisance parameters make more.
            with contextlib.suppress(NoMinimumError):
                more = upper_limits(hypotheses.cls, scale.start, whole, settings.level)[0]
                scale, found = dataclasses.replace(scale, ceiling=whole), more
        if found is None:
            words = f"no sensitivity: no signal strength up to {scale.ceiling:.4g} is excluded"
            return no_limits(scale, settings, words), hypotheses
        limits = account(scale, settings, found, hypotheses.tails)
        at_bounds = _told(hypotheses.at_bounds(np.array([limits.observed_mu])))
        return limits.model_copy(update={"at_bounds": at_bounds}), hypotheses
    except FAILURES as error:
        words = f"the fits behind CLs fail ({error})"
        return no_limits(scale, settings, words, sensitive=True), hypotheses


def diagnose(
    *, workspace: Input, model: Output, method: str, settings: OthersFitJob, seed: int
) -> None:
    """Goodness of fit, correlations, impacts, scans, and the channels before and after the fit.

    Those that validate the fit stand among the channels, with pulls.
    """
    spec, left_out = read_json(workspace), settings.workspace.validation
    with numpy_backend(tolerance=settings.fit.tolerance):
        found = Model(fitted(spec, left_out, str(workspace)), str(workspace))
        try:
            account, result = _diagnosis(found, method, settings, seed)
            if left_out:
                more = validated(spec, left_out, result, str(workspace))
                account = account.model_copy(update={"channels": (*account.channels, *more)})
        except FAILURES as error:
            account = ModelFit(method=method, reason=_no_minimum(error))
    write_result(model, account)


def _diagnosis(model: Model, method: str, job: OthersFitJob, seed: int) -> tuple[ModelFit, Any]:
    """What the fit says, and cabinetry's `FitResults`."""
    settings = job.fit
    hypotheses = Hypotheses(model)
    result = maximum(model, hypotheses.best, settings)
    goodness = float(result.goodness_of_fit)
    has_goodness = np.isfinite(goodness) and goodness >= 0
    moving = np.flatnonzero(np.asarray(result.uncertainty) > 0)
    account = ModelFit(
        method=method,
        goodness_of_fit=goodness if has_goodness else None,
        goodness_toys=_goodness_with_toys(hypotheses, settings.toys * has_goodness, seed),
        parameters=tuple(result.labels[index] for index in moving),
        correlations=tuple(
            tuple(row) for row in np.asarray(result.corr_mat)[np.ix_(moving, moving)].tolist()
        ),
        impacts=impacts(model, result, moving.tolist(), settings),
        channels=channels_of(model.model, model.data, result),
        scans=_scans(model, result, job.workspace.scanned),
        at_bounds=_told(model.at_bounds(np.asarray(result.bestfit, float))),
    )
    return account, result


def _goodness_with_toys(hypotheses: Hypotheses, toys: int, seed: int) -> float | None:
    """The goodness of fit from toys, where few events call for them and their fits succeed."""
    if not toys or not few_events(hypotheses.model):
        return None
    try:
        return goodness_from_toys(hypotheses, max(toys // 4, 1), generator(seed, "goodness"))
    except FAILURES as error:
        print(f"no goodness of fit from toys ({error}).", file=sys.stderr)
        return None


def _scans(model: Model, result: Any, names: list[str]) -> tuple[LikelihoodScan, ...]:
    """-2 log L along the strength and the parameters of these names, within four errors.

    Raises:
        DataError: there is no such parameter.
    """
    if model.likelihood is None:
        return ()
    best, errors = np.asarray(result.bestfit), np.asarray(result.uncertainty)
    known, scans = list(result.labels), []
    for name in dict.fromkeys([model.name, *names]):
        if name not in known:
            raise DataError(
                f"scanned: there is no parameter '{name}' in this workspace.",
                did_you_mean(name, known),
            )
        index = known.index(name)
        if not errors[index] > 0:
            continue
        low, high = model.bounds(model.lowest, np.inf)[index]
        reach = 4 * errors[index]
        values = np.linspace(max(best[index] - reach, low), min(best[index] + reach, high), SCANNED)
        rises = likelihood_scan(model, best, index, values)
        kept = np.isfinite(rises)
        scans.append(LikelihoodScan(
            name=name, best=float(best[index]), values=values[kept],
            rise=np.maximum(rises[kept], 0.0),
        ))  # fmt: skip
    return tuple(scans)


def impacts(
    model: Model, result: Any, moving: list[int], settings: FitSettings
) -> tuple[Impact, ...]:
    """What each parameter moves the strength by, held one error above and below its best value.

    cabinetry's ranking is the same, but one fit of it that fails ends all.

    Args:
        model: the model.
        result: its fit.
        moving: indices of the parameters that are not fixed.
        settings: of the fit.
    """
    rows = [index for index in moving if index != model.poi]
    best, errors = np.asarray(result.bestfit, float), np.asarray(result.uncertainty, float)
    strengths = moved_strengths(model, best, errors, rows, settings)
    shifts = [
        [float(value - best[model.poi]) if np.isfinite(value) else None for value in pair]
        for pair in strengths
    ]
    found = [
        Impact(name=result.labels[index], up=up, down=down)
        for index, (up, down) in zip(rows, shifts, strict=True)
    ]
    return tuple(sorted(found, key=lambda row: -max(abs(row.up or 0.0), abs(row.down or 0.0))))
