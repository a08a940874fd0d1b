"""The maximum-likelihood fit of a workspace: signal strength, pulls, discovery significance."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np

from jetchain.core.errors import DataError
from jetchain.core.io.tables import read_json, write_result
from jetchain.core.schema.base import Result
from jetchain.core.schema.inference import Fit, Nuisance, Strength
from jetchain.core.seeds import generator
from jetchain.core.verbs import Input, Output
from jetchain.inference.discovery import p0_from_toys
from jetchain.inference.newton import BestFit, best_fit
from jetchain.inference.settings import FitSettings, WorkspaceSettings
from jetchain.inference.toys import Counting, NoMinimumError
from jetchain.inference.workspace import (
    KAPPA,
    NORM,
    RATIOS,
    SIGNAL_EFFICIENCY,
    SPURIOUS,
    luminosity_uncertainty,
    minuit_serves,
    numpy_backend,
    plain_names,
    rough_limit,
)
from jetchain.inference.yields import NO_SIGNAL, Yields, read_yields

REMAKE = "Remove it and run the same command again."


def fit(*, workspace: Input, yields: Input, fit: Output, settings: FitSettings, seed: int) -> None:
    """Fit the signal strength, and test the hypothesis of no signal.

    Without sensitivity, or without an accepted background, there is nothing to fit, and every
    result is null. Where a spectrum has few events under the peak, toys check the p-value.
    """
    spec, counts = read_json(workspace), read_yields(yields)
    found = without_toys(spec, counts, settings, str(workspace))
    if settings.toys and counts.shape is not None and counts.low_counts and found.p0 is not None:
        found = with_toys(spec, counts, found, (settings.toys, seed), str(workspace))
    write_result(fit, found)


def without_toys(spec: dict[str, Any], counts: Yields, settings: FitSettings, path: str) -> Fit:
    """The fit of a search, or why there is none; arguments as of `maximum_likelihood`."""
    if not counts.sensitive:
        return no_fit(counts)
    if counts.shape is not None and counts.shape.refusal:
        return _without(counts, counts.shape.refusal)
    return maximum_likelihood(spec, counts, settings, path)


def with_toys(
    spec: dict[str, Any], yields: Yields, found: Fit, toys: tuple[int, int], path: str
) -> Fit:
    """The fit with p0 from toys beside the asymptotic one; unchanged where their fits fail.

    Args:
        spec, yields: of the search.
        found: its fit.
        toys: their number, and the seed.
        path: of the workspace, for messages.
    """
    from scipy.stats import norm

    unit, model = scaled_model(spec, yields, path)
    number, seed = toys
    lowest = lowest_strength(yields) / unit
    try:
        p0 = p0_from_toys(model, yields.observed, number, generator(seed, "p0"), lowest)
    except (NoMinimumError, ValueError, ArithmeticError) as error:
        print(f"{yields.method}: no p-value from toys ({error}).", file=sys.stderr)
        return found
    return found.model_copy(
        update={
            "p0_toys": p0,
            "p0_toys_is_bound": p0 * (number + 1) < 1.5,  # no toy beyond the data
            "significance_toys": max(-float(norm.ppf(p0)), 0.0),
        }
    )


def no_fit(yields: Yields) -> Fit:
    """The account of a search without sensitivity: its counts, and null for what a fit gives."""
    return Fit(
        method=yields.method,
        sensitive=False,
        observed=float(yields.observed[yields.counted].sum()),
        background=float(yields.background[yields.counted].sum()),
        reason=NO_SIGNAL,
    )


def load_model(spec: dict[str, Any], path: str) -> tuple[Any, list[float]]:
    """The pyhf model and its data.

    Raises:
        DataError: pyhf refuses the workspace.
    """
    import pyhf

    try:
        loaded = pyhf.Workspace(spec)
        model = loaded.model()
        return model, loaded.data(model)
    except (
        pyhf.exceptions.InvalidSpecification,
        pyhf.exceptions.InvalidModel,
        pyhf.exceptions.InvalidModifier,
        pyhf.exceptions.InvalidMeasurement,
        pyhf.exceptions.InvalidNameReuse,
        KeyError,
        TypeError,
        ValueError,
    ) as error:
        first = [*str(error).strip().splitlines(), type(error).__name__][0]
        raise DataError(f"{path}: pyhf refuses this workspace ({first}).", REMAKE) from error


def maximum_likelihood(
    spec: dict[str, Any], yields: Yields, settings: FitSettings, path: str = "workspace"
) -> Fit:
    """Best fit with MINOS, pulls and p0.

    Here mu may be negative, down to where 90 % of the expected background would be cancelled in
    some bin, so that a deficit shows as one. The discovery test takes q0 (arXiv 1007.1727, eq. 12)
    in its asymptotic form; with a handful of events that is a rough guide.

    Where Minuit does not serve, or fails, Newton's method takes its place (`inference.newton`), and
    if it finds no minimum either, it looks at mu >= 0 alone; if that fails too, the results are
    null and the reason is given.

    Args:
        spec: pyhf workspace.
        yields: of the same search, a sensitive one.
        settings: of the fit.
        path: of the workspace, for messages.

    """
    found = None
    if minuit_serves(yields):
        with failing_over(yields.method):
            found = _with_minuit(spec, yields, settings, path)
    if found is None or found.mu is None or not _is_finite(found):
        try:
            found = _with_newton(spec, yields, path)
        except (NoMinimumError, ValueError, ArithmeticError) as error:
            return _without(yields, f"no minimum of the likelihood is found ({error})")
    if not _is_finite(found):
        return _without(yields, "a result of the fit is not a finite number")
    return found


@contextlib.contextmanager
def failing_over(method: str) -> Iterator[None]:
    """Report a failure of pyhf or Minuit, and go on: something else takes its place."""
    import pyhf

    try:
        yield
    except (
        pyhf.exceptions.FailedMinimization, ValueError, ArithmeticError, AssertionError,
        LookupError, RuntimeError, TypeError, NoMinimumError,
    ) as error:  # fmt: skip
        first = [*str(error).strip().splitlines(), type(error).__name__][0]
        print(f"{method}: Minuit gives up ({first}); Newton's method goes on.", file=sys.stderr)


def _is_finite(result: Result) -> bool:
    """Whether a result holds no infinity or NaN."""
    try:
        json.dumps(result.model_dump(), allow_nan=False)
    except ValueError:
        return False
    return True


def _without(yields: Yields, reason: str) -> Fit:
    """The account of a fit without a result."""
    return no_fit(yields).model_copy(update={"sensitive": True, "valid": False, "reason": reason})


def lowest_strength(yields: Yields) -> float:
    """Where 90 % of the expected background of some bin would be cancelled."""
    with_signal = yields.signal > 0
    return -float(0.9 * np.min(yields.background[with_signal] / yields.signal[with_signal]))


def _with_minuit(spec: dict[str, Any], yields: Yields, settings: FitSettings, path: str) -> Fit:
    import pyhf.infer
    from cabinetry import fit as cabinetry_fit

    with numpy_backend(tolerance=settings.tolerance):
        model, data = load_model(spec, path)
        bounds = list(model.config.suggested_bounds())
        poi = model.config.poi_index
        bounds[poi] = (lowest_strength(yields), bounds[poi][1])
        result = cabinetry_fit.fit(
            model,
            data,
            minos="mu",
            par_bounds=bounds,
            strategy=1,
            tolerance=settings.tolerance,
        )
        p0 = float(pyhf.infer.hypotest(0.0, data, model, test_stat="q0"))
        constrained = prior_widths(model)

    from scipy.stats import norm

    minos = result.minos_uncertainty.get("mu")
    return _account(
        yields,
        (p0, max(float(norm.isf(p0)), 0.0) if p0 < 0.5 else 0.0),
        (
            float(result.bestfit[poi]),
            float(result.uncertainty[poi]),
            None if minos is None else _finite(minos[0]),
            None if minos is None else _finite(minos[1]),
        ),
        {
            name: (float(result.bestfit[index]), float(result.uncertainty[index]))
            for index, name in enumerate(result.labels)
        },
        constrained,
    )


def _with_newton(spec: dict[str, Any], yields: Yields, path: str) -> Fit:
    from scipy.stats import norm

    unit, model = scaled_model(spec, yields, path)
    best = best_of(model, yields, unit)
    significance = float(np.sqrt(best.q0))
    gammas, alphas = parameter_names(yields, model)
    fitted = dict(
        zip(
            [*gammas, *alphas],
            zip(best.nuisances.tolist(), best.errors.tolist(), strict=True),
            strict=True,
        )
    )
    return _account(
        yields,
        (float(norm.sf(significance)) if best.q0 else 0.5, significance),
        (
            best.mu * unit,
            best.error * unit,
            None if best.down is None else -best.down * unit,
            None if best.up is None else best.up * unit,
        ),
        {name: fitted[name] for name in [*alphas, *gammas]},
        widths_of(yields, model),
    )


def best_of(model: Counting, yields: Yields, unit: float) -> BestFit:
    """The best fit of a model whose strengths are in a unit, down to `lowest_strength`."""
    try:
        return best_fit(model, yields.observed, lowest_strength(yields) / unit)
    except (NoMinimumError, ValueError, ArithmeticError):
        # Below zero an empty bin wants fewer events than none, which its model does not hold.
        return best_fit(model, yields.observed, 0.0)


def widths_of(yields: Yields, model: Counting) -> dict[str, tuple[float, float]]:
    """Centre and width of the constraint of each parameter that has one, by its name."""
    gammas, alphas = parameter_names(yields, model)
    held = [name for name, is_held in zip(alphas, model.held, strict=True) if is_held]
    return dict.fromkeys(held, (0.0, 1.0)) | {
        name: (1.0, float(1 / np.sqrt(tau)))
        for name, tau, exact in zip(gammas, model.tau, model.exact, strict=True)
        if tau > 0 and not exact
    }


def parameter_names(yields: Yields, model: Counting) -> tuple[list[str], list[str]]:
    """Names of the gammas and of the alphas of a model, those of its workspace."""
    more = [each.name for each in yields.systematics]
    if yields.shape is not None:
        used = (True, yields.shape.signal_relative > 0, bool(yields.shape.spurious.any()))
        names = ("luminosity", SIGNAL_EFFICIENCY, SPURIOUS)
        return (
            [f"{NORM}{index}" for index in range(model.gammas)],
            [name for name, yes in zip(names, used, strict=True) if yes] + more,
        )
    plain = plain_names(yields.names)
    uncertain = (yields.signal > 0) & (yields.signal_uncertainty > 0)
    alphas = ["luminosity"]
    alphas += [f"signal_{n}" for n, yes in zip(plain, uncertain, strict=True) if yes]
    if yields.constraint == "abcd":
        return [f"{NORM}0"], [*alphas, KAPPA, *RATIOS, *more]
    return [f"background_{name}[0]" for name in plain], [*alphas, *more]


def scaled_model(spec: dict[str, Any], yields: Yields, path: str) -> tuple[float, Counting]:
    """The model with the signal strength in units of a rough limit, and this unit.

    Raises:
        DataError: the workspace has no uncertainty of the luminosity.
    """
    unit = rough_limit(yields)
    scaled = dataclasses.replace(
        yields,
        signal=yields.signal * unit,
        signal_uncertainty=yields.signal_uncertainty * unit,
    )
    try:
        uncertainty = luminosity_uncertainty(spec)
    except (LookupError, ValueError, TypeError) as error:
        raise DataError(f"{path}: not a workspace of these yields ({error}).", REMAKE) from error
    return unit, Counting.of(scaled, WorkspaceSettings(luminosity_uncertainty=uncertainty))


def _account(
    yields: Yields,
    discovery: tuple[float, float],
    strength: tuple[float, float, float | None, float | None],
    fitted: dict[str, tuple[float, float]],
    constrained: dict[str, tuple[float, float]],
) -> Fit:
    """The result of a fit.

    Args:
        yields: of the search.
        discovery: p0 and significance.
        strength: value, error, error below and above.
        fitted: value and error of the nuisance parameters.
        constrained: centre and width before the fit of those that are constrained.
    """
    p0, significance = discovery
    mu, error, down, up = strength
    smallest = sys.float_info.min
    return no_fit(yields).model_copy(
        update={
            "sensitive": True,
            "p0": max(p0, smallest),
            "p0_is_bound": p0 < smallest,
            "significance": significance,
            "valid": True,
            "reason": None,
            "mu": Strength(
                value=mu,
                error=error,
                error_down=down,
                error_up=up,
                cross_section_fb=mu * yields.cross_section,
                cross_section_error_fb=error * yields.cross_section,
            ),
            "parameters": nuisances_of(yields, fitted, constrained),
        }
    )


def nuisances_of(
    yields: Yields,
    fitted: dict[str, tuple[float, float]],
    constrained: dict[str, tuple[float, float]],
) -> tuple[Nuisance, ...]:
    """Parameters that are constrained, and norms of the background, after a fit."""
    shown = dict(zip(plain_names(yields.names), yields.names, strict=True))
    return tuple(
        Nuisance(
            name=_shown(name, shown),
            value=value,
            error=width,
            pull=(value - constrained[name][0]) / constrained[name][1],
            constraint=width / constrained[name][1],
        )
        if name in constrained
        else Nuisance(name=name, value=value, error=width, pull=None, constraint=None)
        for name, (value, width) in fitted.items()
        if name in constrained or (name.startswith(NORM) and width > 0)
    )


def _shown(label: str, names: dict[str, str]) -> str:
    """A label of cabinetry's with the bin's own name in the place of the plain one."""
    kind, _, rest = label.partition("_")
    name, bracket, index = rest.partition("[")
    return f"{kind}_{names.get(name, name)}{bracket}{index}" if rest else label


def _finite(value: Any) -> float | None:
    return float(value) if np.isfinite(value) else None


def prior_widths(model: Any) -> dict[str, tuple[float, float]]:
    """Centre and width of the constraint of each nuisance parameter, by cabinetry's labels."""
    from cabinetry.model_utils import prefit_uncertainties

    names = model.config.par_names
    centres, widths = centres_of(model), prefit_uncertainties(model)
    return {
        name: (float(centre), float(width))
        for name, centre, width in zip(names, centres, widths, strict=True)
        if width > 0
    }


def centres_of(model: Any) -> list[float]:
    """(parameters,) where the auxiliary data have each; where the fit starts without any.

    A workspace may start its fit elsewhere, and have other auxiliary data than 0 and 1.
    """
    centres = []
    for name in model.config.par_order:
        found = model.config.param_set(name)
        if not found.constrained:
            centres += found.suggested_init
        elif found.pdf_type == "normal":
            centres += found.auxdata
        else:
            centres += [seen / tau for seen, tau in zip(found.auxdata, found.factors, strict=True)]
    return [float(each) for each in centres]
