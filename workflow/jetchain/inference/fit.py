"""The maximum-likelihood fit of a workspace: signal strength, pulls, discovery significance."""

from __future__ import annotations

from typing import Any

import numpy as np

from jetchain.core.errors import DataError
from jetchain.core.io.tables import read_json, write_result
from jetchain.core.schema.inference import Fit, Nuisance, Strength
from jetchain.core.verbs import Input, Output
from jetchain.inference.settings import FitSettings
from jetchain.inference.workspace import numpy_backend
from jetchain.inference.yields import Yields, read_yields

REMAKE = "Remove it and run the same command again."


def fit(*, workspace: Input, yields: Input, fit: Output, settings: FitSettings) -> None:
    """Fit the signal strength, and test the hypothesis of no signal.

    Without sensitivity there is nothing to fit, and every result is null.
    """
    spec, counts = read_json(workspace), read_yields(yields)
    write_result(
        fit,
        maximum_likelihood(spec, counts, settings, str(workspace))
        if counts.sensitive
        else no_fit(counts),
    )


def no_fit(yields: Yields) -> Fit:
    """The account of a search without sensitivity: its counts, and null for what a fit gives."""
    return Fit(
        method=yields.method,
        sensitive=False,
        observed=float(yields.observed.sum()),
        background=float(yields.background.sum()),
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
        KeyError,
    ) as error:
        first = str(error).strip().splitlines()[0]
        raise DataError(f"{path}: pyhf refuses this workspace ({first}).", REMAKE) from error


def maximum_likelihood(
    spec: dict[str, Any], yields: Yields, settings: FitSettings, path: str = "workspace"
) -> Fit:
    """Best fit with MINOS, pulls and p0.

    Here mu may be negative, down to where 90 % of the expected background would be cancelled in
    some bin, so that a deficit shows as one. The discovery test takes q0 (arXiv 1007.1727, eq. 12)
    in its asymptotic form; with a handful of events that is a rough guide.

    Args:
        spec: pyhf workspace.
        yields: of the same search, a sensitive one.
        settings: of the fit.
        path: of the workspace, for messages.

    """
    import pyhf.infer
    from cabinetry import fit as cabinetry_fit

    with numpy_backend(tolerance=settings.tolerance):
        model, data = load_model(spec, path)
        bounds = list(model.config.suggested_bounds())
        poi = model.config.poi_index
        with_signal = yields.signal > 0
        lowest = 0.9 * np.min(yields.background[with_signal] / yields.signal[with_signal])
        bounds[poi] = (-float(lowest), bounds[poi][1])
        try:
            result = cabinetry_fit.fit(
                model,
                data,
                minos="mu",
                par_bounds=bounds,
                strategy=1,
                tolerance=settings.tolerance,
            )
        except pyhf.exceptions.FailedMinimization:
            result = None
        p0 = float(pyhf.infer.hypotest(0.0, data, model, test_stat="q0"))
        constrained = prior_widths(model)

    from scipy.stats import norm

    account = no_fit(yields).model_copy(
        update={
            "sensitive": True,
            "p0": p0,
            "significance": max(float(norm.isf(p0)), 0.0) if p0 < 0.5 else 0.0,
            "valid": result is not None,
        }
    )
    if result is None:
        return account
    names = list(result.labels)
    minos = result.minos_uncertainty.get("mu")
    mu, error = float(result.bestfit[poi]), float(result.uncertainty[poi])
    strength = Strength(
        value=mu,
        error=error,
        error_down=None if minos is None else _finite(minos[0]),
        error_up=None if minos is None else _finite(minos[1]),
        cross_section_fb=mu * yields.cross_section,
        cross_section_error_fb=error * yields.cross_section,
    )
    parameters = tuple(
        Nuisance(
            name=name,
            value=float(result.bestfit[index]),
            error=float(result.uncertainty[index]),
            pull=float((result.bestfit[index] - constrained[name][0]) / constrained[name][1]),
            constraint=float(result.uncertainty[index] / constrained[name][1]),
        )
        for index, name in enumerate(names)
        if name in constrained
    )
    return account.model_copy(update={"mu": strength, "parameters": parameters})


def _finite(value: Any) -> float | None:
    return float(value) if np.isfinite(value) else None


def prior_widths(model: Any) -> dict[str, tuple[float, float]]:
    """Centre and width of the constraint of each nuisance parameter, by cabinetry's labels."""
    from cabinetry.model_utils import prefit_uncertainties

    names = model.config.par_names
    centres, widths = model.config.suggested_init(), prefit_uncertainties(model)
    return {
        name: (float(centre), float(width))
        for name, centre, width in zip(names, centres, widths, strict=True)
        if width > 0
    }
