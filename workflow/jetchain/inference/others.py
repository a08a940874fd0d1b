"""Fit, limits and diagnosis of the workspaces that others made; results are like those of searches.

pyhf and cabinetry do the work (`inference.histfactory`); a fit that Minuit does not find from any
start is a result with null and the reason.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
from scipy.stats import norm

from jetchain.core.io.tables import read_json, write_result
from jetchain.core.schema.inference import (
    ChannelYields,
    Fit,
    Impact,
    Limits,
    ModelFit,
    Nuisance,
    Strength,
)
from jetchain.core.settings import Settings
from jetchain.core.verbs import Input, Output
from jetchain.inference.fit import prior_widths
from jetchain.inference.histfactory import REACH, Hypotheses, Model
from jetchain.inference.limits import Scale, limits_from, no_limits
from jetchain.inference.published import first_line
from jetchain.inference.settings import FitSettings, LimitSettings, PublishedSettings
from jetchain.inference.toys import NoMinimumError
from jetchain.inference.workspace import numpy_backend

FAILURES = (NoMinimumError, ValueError, ArithmeticError, RuntimeError, LookupError)


class OthersFitJob(Settings):
    """What `fit` and `diagnose` read of the configuration."""

    fit: FitSettings
    workspace: PublishedSettings


class OthersLimitJob(Settings):
    """What `limits` reads of the configuration."""

    limits: LimitSettings
    workspace: PublishedSettings


def fit(*, workspace: Input, fit: Output, method: str, settings: OthersFitJob) -> None:
    """Fit the strength of the signal with MINOS, the nuisance parameters, and q0."""
    spec = read_json(workspace)
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
                update=_fitted(model, settings.workspace.cross_section, settings.fit)
            )
        except FAILURES as error:
            account = account.model_copy(update={"valid": False, "reason": _no_minimum(error)})
    write_result(fit, account)


def _no_minimum(error: BaseException) -> str:
    return f"no minimum of the likelihood is found ({first_line(error)})"


def _fitted(model: Model, cross_section: float | None, settings: FitSettings) -> dict[str, Any]:
    """The results of a fit, by the names of `Fit`."""
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
    }


def _nuisance(
    name: str, value: float, error: float, constrained: tuple[float, float] | None
) -> Nuisance:
    """A parameter after the fit; one without a constraint is held against 1."""
    centre, width = constrained or (1.0, error)
    return Nuisance(
        name=name,
        value=value,
        error=error,
        pull=(value - centre) / width,
        constraint=None if constrained is None else error / width,
    )


def maximum(model: Model, best: float, settings: FitSettings) -> Any:
    """cabinetry's fit, with MINOS for the strength where it succeeds.

    Args:
        model: the model.
        best: strength near its best value.
        settings: of the fit.

    Raises:
        NoMinimumError: from no start.
    """
    import pyhf
    from cabinetry import fit as cabinetry_fit

    reach = max(10 * model.unit, 10 * best)
    bounds = model.bounds(model.lowest, reach)
    near = list(model.start)
    near[model.poi] = max(best, 0.1 * model.unit)
    for start in model.starts(near, bounds[model.poi]):
        for minos in (model.name, None):
            try:
                return cabinetry_fit.fit(
                    model.model,
                    model.data.tolist(),
                    minos=minos,
                    goodness_of_fit=True,
                    init_pars=start,
                    fix_pars=model.fixed,
                    par_bounds=bounds,
                    strategy=1,
                    tolerance=settings.tolerance,
                )
            except (pyhf.exceptions.FailedMinimization, *FAILURES):
                continue
    raise NoMinimumError(f"Minuit fails from every start of {model.name}")


def limits(*, workspace: Input, limits: Output, method: str, settings: OthersLimitJob) -> None:
    """Set asymptotic CLs limits on the strength, and on the cross-section where it is stated."""
    spec = read_json(workspace)
    with numpy_backend():
        model = Model(spec, str(workspace))
        scale = Scale(
            method, model.unit, REACH * model.unit, float(np.sum(model.signal)),
            settings.workspace.cross_section, None,
        )  # fmt: skip
        write_result(limits, limits_of(model, scale, settings.limits))


def limits_of(model: Model, scale: Scale, settings: LimitSettings) -> Limits:
    """The limits of a model; null with the reason where a fit fails."""
    try:
        return limits_from(scale, settings, Hypotheses(model).cls)
    except FAILURES as error:
        words = f"the fits behind CLs fail ({error})"
        return no_limits(scale, settings, words, sensitive=True)


def diagnose(*, workspace: Input, model: Output, method: str, settings: OthersFitJob) -> None:
    """Goodness of fit, correlations, impacts, and the channels before and after the fit."""
    spec = read_json(workspace)
    with numpy_backend(tolerance=settings.fit.tolerance):
        found = Model(spec, str(workspace))
        try:
            account = _diagnosis(found, method, settings.fit)
        except FAILURES as error:
            account = ModelFit(method=method, reason=_no_minimum(error))
    write_result(model, account)


def _diagnosis(model: Model, method: str, settings: FitSettings) -> ModelFit:
    from cabinetry.model_utils import prediction

    result = maximum(model, Hypotheses(model).best, settings)
    shown = {
        "before": prediction(model.model),
        "after": prediction(model.model, fit_results=result),
    }
    config = model.model.config
    channels = []
    for index, name in enumerate(config.channels):
        values: dict[str, Any] = {"observed": model.data[config.channel_slices[name]].tolist()}
        for when, each in shown.items():
            values[when] = np.sum(each.model_yields[index], axis=0).tolist()
            values[f"{when}_error"] = list(each.total_stdev_model_bins[index][-1])
        channels.append(ChannelYields(name=name, **values))
    goodness = float(result.goodness_of_fit)
    moving = np.flatnonzero(np.asarray(result.uncertainty) > 0)
    return ModelFit(
        method=method,
        goodness_of_fit=goodness if np.isfinite(goodness) and goodness >= 0 else None,
        parameters=tuple(result.labels[index] for index in moving),
        correlations=tuple(
            tuple(row) for row in np.asarray(result.corr_mat)[np.ix_(moving, moving)].tolist()
        ),
        impacts=impacts(model, result, moving.tolist(), settings),
        channels=tuple(channels),
    )


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
    import pyhf

    bounds = model.bounds(model.lowest, max(10 * model.unit, 10 * float(result.bestfit[model.poi])))
    rows = []
    for index in moving:
        if index == model.poi:
            continue
        ends: list[float | None] = []
        for sign in (1, -1):
            start, fixed = [float(each) for each in result.bestfit], list(model.fixed)
            low, high = bounds[index]
            start[index] = min(
                max(start[index] + sign * float(result.uncertainty[index]), low), high
            )
            fixed[index] = True
            try:
                values = pyhf.infer.mle.fit(
                    model.data, model.model, start, bounds, fixed, tolerance=settings.tolerance
                )
                ends.append(float(values[model.poi] - result.bestfit[model.poi]))
            except (pyhf.exceptions.FailedMinimization, *FAILURES):
                ends.append(None)
        rows.append(Impact(name=result.labels[index], up=ends[0], down=ends[1]))
    return tuple(sorted(rows, key=lambda row: -max(abs(row.up or 0.0), abs(row.down or 0.0))))
