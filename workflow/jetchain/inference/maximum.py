"""The best fit of a HistFactory model: Minuit with exact gradients, valid and accurate, and MINOS.

The fit starts at the minimum of Newton's method. Where Minuit's covariance is not accurate from any
start, or the parameters are too many for it, that of the exact Hessian takes its place, and so does
the profile likelihood for MINOS.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jetchain.inference.histfactory import Model
from jetchain.inference.minimise import Range, held
from jetchain.inference.settings import FitSettings
from jetchain.inference.toys import NoMinimumError

Array = NDArray[np.floating]
ALIKE = 0.05
"""How far the errors of Minuit and of the exact Hessian may differ, relative."""
MOST_CALLS = 100_000
MOST_OF_MINUIT = 200
"""Parameters beyond which its covariance, from differences of all pairs, takes many minutes."""
NEAR = 1e-3
"""Of its error: a strength that lies at the end of its range."""
FLAT = 10.0
"""Errors of MINOS in one of the Hessian: -log L has next to no curvature."""


def maximum(model: Model, best: float, settings: FitSettings) -> Any:
    """The best fit as cabinetry's `FitResults`, with goodness of fit and MINOS for the strength.

    Where no fit below zero has an error, since a bin would expect fewer than no events, the
    strength is zero or above: `model.lowest` is zero from then on.

    Args:
        model: the model.
        best: strength near its best value.
        settings: of the fit.

    Raises:
        NoMinimumError: from no start.
    """
    if model.likelihood is None:
        return _of_pyhf(model, best, settings)
    try:
        return _maximum(model, best, settings)
    except NoMinimumError:
        if model.lowest == 0:
            raise
    model.lowest = 0.0
    return _maximum(model, best, settings)


def _maximum(model: Model, best: float, settings: FitSettings) -> Any:
    start = _lowest(model, best)
    exact = hessian_errors(model, start)
    many = exact is not None and len(start) - sum(model.fixed) > MOST_OF_MINUIT
    for strategy in () if many else (1, 2):
        for point in (start, np.array(model.start)):
            found = _minuit(model, point, exact, (settings.tolerance, strategy))
            if found is not None and _alike(found, exact, model):
                return _with_strength(_results(model, *found), exact, model)
    covariance = exact
    if covariance is None:
        raise NoMinimumError("neither Minuit nor the exact Hessian has a valid covariance")
    result = _results(model, start, covariance, profile_errors(model, start))
    return _with_strength(result, exact, model)


def _with_strength(result: Any, exact: Array | None, model: Model) -> Any:
    """The result with an error of the strength also where it lies at the end of its range.

    There Minuit's transformation of the range makes it as small as the distance to the end. It is
    that of the exact Hessian, or where the fit is pushed against the end, the one above of MINOS;
    and so it is where -log L is flat, such as along norms that no data tell apart: there the
    Hessian's is a matter of rounding, and bounds alone end the range.

    Raises:
        NoMinimumError: the likelihood does not rise from there.
    """
    poi, widths = model.poi, np.array(result.uncertainty)
    room = float(result.bestfit[poi]) - model.lowest
    error = 0.0 if exact is None else float(np.sqrt(max(exact[poi, poi], 0.0)))
    up = float(result.minos_uncertainty.get(model.name, (np.nan, np.nan))[1])
    ended = room < NEAR * (up if np.isfinite(up) else model.width)
    flat = max(error, float(widths[poi])) > FLAT * up
    if flat or (ended and error == 0):
        error = up
    if error == 0 or (room > 2 * error and not flat):
        return result
    if not np.isfinite(error):
        raise NoMinimumError(f"the likelihood does not rise with {model.name} above its best value")
    widths[poi] = error
    return result._replace(uncertainty=widths)


def _range(model: Model, best: float) -> Range:
    return model.within(model.lowest, max(10 * model.width, 10 * best), held=False)


def _lowest(model: Model, best: float) -> Array:
    """The lowest minimum that Newton's method finds, the strength free down to `model.lowest`."""
    assert model.likelihood is not None
    within = _range(model, best)
    near = np.array(model.start)
    near[model.poi] = max(best, 0.1 * model.unit)
    starts = np.array([near, *model.starts(None, (model.lowest, float(within.high[model.poi])))])
    rows = model.rows.chosen(np.zeros(len(starts), dtype=int))
    found = model.minimised(rows, starts, within)
    if not found.found.any():
        raise NoMinimumError(f"Newton's method fails from every start of {model.name}")
    return np.asarray(found.parameters[np.argmin(np.where(found.found, found.value, np.inf))])


def hessian_errors(model: Model, at: Array) -> Array | None:
    """(parameters, parameters) covariance from the exact Hessian; 0 for what is held or at a bound.

    None where -log L does not rise in all directions.
    """
    assert model.likelihood is not None
    derivatives = model.likelihood.derivatives(at[None], model.rows)
    moving = ~held(at, derivatives.gradient[0], _range(model, float(at[model.poi])))
    covariance = np.zeros((len(at), len(at)))
    try:
        root = np.linalg.inv(np.linalg.cholesky(derivatives.hessian[0][np.ix_(moving, moving)]))
    except np.linalg.LinAlgError:
        return None
    covariance[np.ix_(moving, moving)] = root.T @ root
    return covariance


def _minuit(
    model: Model, start: Array, exact: Array | None, how: tuple[float, int]
) -> tuple[Array, Array, tuple[float, float]] | None:
    """Parameters, covariance and MINOS; None without a valid minimum and accurate covariance.

    Args:
        model: the model.
        start: (parameters,)
        exact: covariance at the minimum, from which Minuit takes its first steps.
        how: Minuit's tolerance and strategy.
    """
    import iminuit

    likelihood = model.likelihood
    assert likelihood is not None
    within = _range(model, float(start[model.poi]))

    def value(parameters: Array) -> float:
        return 2 * float(likelihood.values(parameters[None], model.rows)[0])

    def gradient(parameters: Array) -> Array:
        return 2 * likelihood.derivatives(parameters[None], model.rows).gradient[0]

    names = model.model.config.par_names
    minuit = iminuit.Minuit(
        value, np.clip(start, within.low, within.high), grad=gradient, name=names
    )
    minuit.fixed, minuit.limits = within.fixed, list(zip(within.low, within.high, strict=True))
    minuit.errordef, (minuit.tol, minuit.strategy) = 1, how
    if exact is not None:
        widths = np.sqrt(np.diag(exact))
        minuit.errors = np.where(widths > 0, widths, np.array(minuit.errors))
    try:
        with np.errstate(all="ignore"):
            minuit.migrad(ncall=MOST_CALLS)
            minuit.hesse()
            if not (minuit.valid and minuit.accurate) or minuit.covariance is None:
                return None
            covariance = np.array(minuit.covariance)
            minos = _minos(minuit, model)
    except (RuntimeError, ValueError, ArithmeticError):
        return None
    values = np.array(minuit.values)
    if not (np.all(np.isfinite(values)) and np.all(np.isfinite(covariance))):
        return None
    return values, covariance, minos


def _minos(minuit: Any, model: Model) -> tuple[float, float]:
    """MINOS for the strength; where it fails, from the profile likelihood.

    MINOS goes along one minimum of what is `bowed`, and would miss that another is lower.
    """
    values = np.array(minuit.values)
    if model.bowed:
        return profile_errors(model, values)
    try:
        minuit.minos(model.name)
        found = minuit.merrors[model.name]
        if found.is_valid:
            return float(found.lower), float(found.upper)
    except (RuntimeError, ValueError, ArithmeticError):
        pass
    return profile_errors(model, values)


def profile_errors(model: Model, at: Array) -> tuple[float, float]:
    """Distances of the strength to where -log L is 1/2 higher.

    NaN where the range ends before, or beyond a strength without a fit.
    """
    likelihood = model.likelihood
    assert likelihood is not None
    ends_at = _range(model, float(at[model.poi]))
    within = model.within(-np.inf, np.inf, held=True)
    least = likelihood.values(at[None], model.rows)[0]
    ends = []
    for end, sign in ((float(ends_at.low[model.poi]), -1.0), (float(ends_at.high[model.poi]), 1.0)):
        near, inside, outside = at, float(at[model.poi]), float("nan")
        step, lost = 0.3 * model.unit, False
        for _ in range(60):
            if np.isnan(outside):
                trial = inside + sign * step
                if sign * (trial - end) >= 0:
                    trial = end
                step *= 1.6
            else:
                trial = (inside + outside) / 2
            start = near.copy()
            start[model.poi] = trial
            found = model.minimised(model.rows, start[None], within)
            near = found.parameters[0]
            if found.value[0] - least >= 0.5 or not found.found[0]:
                outside, lost = trial, not found.found[0]
            else:
                inside = trial
                if trial == end:
                    break
            if abs(outside - inside) < 1e-4 * model.unit:
                break
        end = float("nan") if lost else (inside + outside) / 2
        ends.append(end - float(at[model.poi]))
    return ends[0], ends[1]


def _alike(found: tuple[Array, Array, Any], exact: Array | None, model: Model) -> bool:
    """Whether Minuit's errors are those of the exact Hessian, where both have one."""
    if exact is None:
        return True
    within = _range(model, float(found[0][model.poi]))
    ours, theirs = (np.sqrt(np.maximum(np.diag(each), 0.0)) for each in (exact, found[1]))
    # Near a bound, Minuit's transformation bends the parameter.
    room = np.minimum(found[0] - within.low, within.high - found[0])
    far = (room > 2 * ours) & (ours > 0)
    return bool(np.all(np.abs(theirs - ours)[far] <= ALIKE * ours[far]))


def _results(
    model: Model, values: Array, covariance: Array, minos: tuple[float, float] | None
) -> Any:
    from cabinetry.fit import _goodness_of_fit
    from cabinetry.fit.results_containers import FitResults

    assert model.likelihood is not None
    widths = np.sqrt(np.maximum(np.diag(covariance), 0.0))
    inverse = np.divide(1.0, widths, out=np.zeros_like(widths), where=widths > 0)
    correlation = covariance * inverse[:, None] * inverse
    best = -2 * float(model.model.logpdf(values.tolist(), model.data.tolist())[0])
    return FitResults(
        values, widths, model.model.config.par_names, correlation, best,
        goodness_of_fit=_goodness_of_fit(model.model, model.data.tolist(), best),
        minos_uncertainty={} if minos is None else {model.name: minos},
    )  # fmt: skip


def _of_pyhf(model: Model, best: float, settings: FitSettings) -> Any:
    """cabinetry's fit, for a model that only pyhf evaluates, with MINOS where it succeeds."""
    import pyhf
    from cabinetry import fit as cabinetry_fit

    bounds = model.bounds(model.lowest, max(10 * model.width, 10 * best))
    for start, minos in _tries(model, best, bounds[model.poi]):
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
        except (
            pyhf.exceptions.FailedMinimization, NoMinimumError, ValueError, ArithmeticError,
            RuntimeError, LookupError,
        ):  # fmt: skip
            continue
    raise NoMinimumError(f"Minuit fails from every start of {model.name}")


def _tries(
    model: Model, best: float, bounds: tuple[float, float]
) -> Iterator[tuple[list[float], str | None]]:
    near = list(model.start)
    near[model.poi] = max(best, 0.1 * model.unit)
    for start in model.starts(near, bounds):
        yield start, model.name
        yield start, None


def moved_strengths(
    model: Model, best: Array, errors: Array, rows: list[int], settings: FitSettings
) -> Array:
    """(rows, 2) best strengths with each parameter held an error above and below; NaN: no fit.

    Args:
        model: the model.
        best, errors: (parameters,) of its fit.
        rows: indices of the parameters.
        settings: of the fit.
    """
    if model.likelihood is None:
        return _moved_by_pyhf(model, best, errors, rows, settings)
    within = _range(model, float(best[model.poi]))
    starts = np.repeat(best[None], 2 * len(rows), 0)
    fixed = np.repeat(within.fixed[None], 2 * len(rows), 0)
    for place, index in enumerate(rows):
        ends = best[index] + errors[index] * np.array([1.0, -1.0])
        at = slice(2 * place, 2 * place + 2)
        starts[at, index] = np.clip(ends, within.low[index], within.high[index])
        fixed[at, index] = True
    data = model.rows.chosen(np.zeros(len(starts), dtype=int))
    found = model.minimised(data, starts, Range(within.low, within.high, fixed))
    strengths = np.where(found.found, found.parameters[:, model.poi], np.nan)
    return np.asarray(strengths.reshape(-1, 2))


def _moved_by_pyhf(
    model: Model, best: Array, errors: Array, rows: list[int], settings: FitSettings
) -> Array:
    import pyhf

    bounds = model.bounds(model.lowest, max(10 * model.width, 10 * float(best[model.poi])))
    strengths = np.full((len(rows), 2), np.nan)
    for place, index in enumerate(rows):
        for side, sign in enumerate((1, -1)):
            start, fixed = best.tolist(), list(model.fixed)
            start[index] = float(np.clip(start[index] + sign * errors[index], *bounds[index]))
            fixed[index] = True
            try:
                values = pyhf.infer.mle.fit(
                    model.data, model.model, start, bounds, fixed, tolerance=settings.tolerance
                )
            except (pyhf.exceptions.FailedMinimization, ValueError, ArithmeticError):
                continue
            strengths[place, side] = values[model.poi]
    return strengths


def likelihood_scan(model: Model, at: Array, index: int, values: Array) -> Array:
    """-2 log L above its least, profiled at (points,) values of a parameter; NaN: no fit.

    Args:
        model: the model.
        at: (parameters,) the best fit.
        index: of the parameter.
        values: it is held at.
    """
    likelihood = model.likelihood
    if likelihood is None:
        raise NoMinimumError("likelihoods are scanned of models of pyhf's own modifiers alone")
    within = _range(model, float(at[model.poi]))
    within.low[index], within.high[index], within.fixed[index] = -np.inf, np.inf, True
    starts = np.repeat(at[None], len(values), 0)
    starts[:, index] = values
    rows = model.rows.chosen(np.zeros(len(values), dtype=int))
    found = model.minimised(rows, starts, within)
    least = likelihood.values(at[None], model.rows)[0]
    return np.where(found.found, 2 * (found.value - least), np.nan)
