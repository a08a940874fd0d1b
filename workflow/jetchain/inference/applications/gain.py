"""What the methods buy: the limits that searches expect without a signal, against the luminosity.

More luminosity scales a search as follows. Counts of data and templates of the background grow as
it does. The background's uncertainty comes from data, so that its relative size falls as one over
the square root; so does that of the ABCD method's kappa, which is measured in the sidebands. What
is no statistics of the data stays as it is relative to what it scales: the uncertainties of
luminosity and of the signal's efficiency, that by which kappa scatters beyond its counts, and the
spurious signal relative to the background. The cut and the training stay those of the run.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from jetchain.core.io.refusals import refusal
from jetchain.core.io.tables import write_result
from jetchain.core.schema.applications import Gains, MethodGain
from jetchain.core.schema.inference import NOTHING, PartialBand
from jetchain.core.settings import Settings
from jetchain.core.verbs import Inputs, Output
from jetchain.inference.applications.settings import GainSettings
from jetchain.inference.limits import asymptotic_limits
from jetchain.inference.others import FAILURES
from jetchain.inference.settings import LimitSettings, WorkspaceSettings
from jetchain.inference.workspace import build
from jetchain.inference.yields import NO_SIGNAL, Yields, read_yields


class GainJob(Settings):
    """What the comparison reads of the configuration."""

    gain: GainSettings
    level: float
    workspace: WorkspaceSettings


def gain(*, yields: Inputs, replicas: Inputs, gains: Output, settings: GainJob) -> None:
    """Write the expected limits of every method at every luminosity.

    Args:
        yields: of the searches.
        replicas: yields of further trainings without injected signal, of any of the methods; may
            be none.
        gains: where to write to.
        settings: luminosities, level, and the model.
    """
    others: dict[str, list[Yields]] = {}
    for path in replicas:
        if refusal(path) is None:  # a point of the scan may have no result
            found = read_yields(path)
            others.setdefault(found.method, []).append(found)
    methods = []
    for path in yields:
        found = read_yields(path)
        methods.append(of_method(found, others.get(found.method, []), settings))
    write_result(gains, Gains(level=settings.level, methods=tuple(methods)))


def of_method(search: Yields, replicas: Sequence[Yields], settings: GainJob) -> MethodGain:
    """The limits of a method, and their mean and spread over its replicas."""
    factors = settings.gain.factors
    luminosity = [factor * search.luminosity for factor in factors]
    bands, reason = [], None
    for factor in factors:
        band, why = expected(search, factor, settings)
        bands.append(band)
        reason = reason or why
    # At the luminosities of the search, whatever those of the replicas.
    rows = [
        [expected(each, lumi / each.luminosity, settings)[0][2] for lumi in luminosity]
        for each in replicas
    ]
    columns = [[each for each in column if each is not None] for column in zip(*rows, strict=True)]
    enough = [len(column) > 1 for column in columns]
    return MethodGain(
        method=search.method,
        luminosity=luminosity,
        expected_fb=bands,
        trainings=len(rows),
        mean_fb=[
            float(np.mean(column)) if many else None
            for column, many in zip(columns, enough, strict=True)
        ],
        spread_fb=[
            float(np.std(column, ddof=1)) if many else None
            for column, many in zip(columns, enough, strict=True)
        ],
        reason=reason,
    )


def expected(search: Yields, factor: float, settings: GainJob) -> tuple[PartialBand, str | None]:
    """The limits in fb that are expected at a luminosity without signal, or why there are none."""
    if not search.sensitive:
        return NOTHING, NO_SIGNAL
    if search.refusal:
        return NOTHING, search.refusal
    scaled = at_luminosity(search, factor)
    asked = LimitSettings(level=settings.level, points=3, toys=0)
    try:
        found = asymptotic_limits(build(scaled, settings.workspace), scaled, asked)
    except FAILURES as error:
        return NOTHING, f"the fits behind CLs fail ({error})"
    return found.expected_fb, found.reason


def at_luminosity(search: Yields, factor: float) -> Yields:
    """The yields of a search with so many times the luminosity, and no signal in the data.

    Args:
        search: of the run.
        factor: of the luminosity.
    """
    shape = search.shape
    counts = 1 / search.kappa_scatter  # their part of the variance of kappa
    return dataclasses.replace(
        search,
        observed=factor * search.background,
        background=factor * search.background,
        background_uncertainty=np.sqrt(factor) * search.background_uncertainty,
        signal=factor * search.signal,
        signal_uncertainty=factor * search.signal_uncertainty,
        luminosity=factor * search.luminosity,
        kappa_relative=search.kappa_relative * np.sqrt(counts / factor + 1 - counts),
        shape=None
        if shape is None
        else dataclasses.replace(
            shape, templates=factor * shape.templates, spurious=factor * shape.spurious
        ),
    )
