"""Limits on VH(H -> cc) and the interval on kappa_c, scanned in kappa_c.

With only the charm coupling changed, and no new decays, the strengths are

    mu_cc = kappa^2 / (1 + B (kappa^2 - 1)),    mu_bb = 1 / (1 + B (kappa^2 - 1)),

B the standard model's branching fraction to charm: the total width grows with kappa^2, so that
mu_cc saturates at 1 / B = 34.6, and a limit above it says nothing about kappa. The interval is
that of the likelihood along kappa; it is not what a limit on mu is turned into.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from jetchain.core.io.tables import read_json, write_json, write_result
from jetchain.core.schema.applications import CharmLimit, CharmSearch, CharmYields
from jetchain.core.settings import Settings
from jetchain.core.verbs import Input, Inputs, Output, Resource
from jetchain.inference.applications import templates
from jetchain.inference.applications.profile import THRESHOLDS, Profile, scan
from jetchain.inference.applications.settings import CharmSettings
from jetchain.inference.histfactory import REACH, Model
from jetchain.inference.limits import Scale
from jetchain.inference.others import limits_of
from jetchain.inference.settings import LimitSettings, WorkspaceSettings
from jetchain.inference.workspace import numpy_backend


class CharmJob(Settings):
    """What the search reads of the configuration."""

    charm: CharmSettings
    level: float
    workspace: WorkspaceSettings


def charm(
    *, scores: Input, metrics: Input, jets: Inputs, rates: Resource, workspace: Output,
    search: Output, settings: CharmJob,
) -> None:  # fmt: skip
    """Write the workspace of the search at the first luminosity, and its limits at all of them.

    Args:
        scores, metrics: of a tagger's test jets.
        jets: shards of the tagging data set.
        rates: cross-sections and branching fractions, with sources.
        workspace: pyhf's JSON, with the statistics of the simulation.
        search: limits, scans of kappa_c and yields.
        settings: of both.
    """
    given = settings.charm
    test = templates.read_jets(scores, metrics, jets)
    known = read_json(rates)
    rate = templates.rates(known, test.classes)
    table = templates.shares(test, templates.categorise(test, given), given.mass_edges)
    first = given.luminosities[0]
    relative = settings.workspace.luminosity_uncertainty
    found = []
    for luminosity in given.luminosities:
        for statistics in (True, False):
            spec = templates.build(
                table, rate, given, (luminosity, relative), statistics=statistics
            )
            if statistics and luminosity == first:
                write_json(workspace, spec)
            scale = (luminosity, known["branching"]["H_cc"])
            found.append(limit(spec, settings, scale, statistics=statistics))
    write_result(
        search,
        CharmSearch(
            tagger=read_tagger(metrics),
            level=settings.level,
            rates=rate,
            edges=given.mass_edges,
            luminosity=first,
            yields=tuple(
                CharmYields(
                    category=category, jet_class=name, jets=each.jets,
                    events=first * rate[name] * each.share,
                )
                for category, classes in table.items()
                for name, each in classes.items()
                if name in rate
            ),
            limits=tuple(found),
        ),
    )  # fmt: skip


def read_tagger(metrics: Input) -> str:
    """Key of the tagger that the figures of merit are of."""
    return str(read_json(metrics)["model"])


def strengths(kappa: float, branching: float) -> dict[str, float]:
    """The strengths of H -> cc and H -> bb at a kappa_c, which may be infinite.

    Args:
        kappa: coupling of charm over that of the standard model.
        branching: of H -> cc in the standard model.
    """
    if np.isinf(kappa):
        return {templates.STRENGTH_CC: 1 / branching, templates.STRENGTH_BB: 0.0}
    width = 1 + branching * (kappa**2 - 1)
    return {templates.STRENGTH_CC: kappa**2 / width, templates.STRENGTH_BB: 1 / width}


def kappa_of(mu: float | None, branching: float) -> float | None:
    """The kappa_c of a strength of H -> cc; None where mu saturates below it."""
    if mu is None or mu * branching >= 1:
        return None
    return float(np.sqrt(mu * (1 - branching) / (1 - mu * branching)))


def limit(
    spec: dict[str, Any], settings: CharmJob, scale: tuple[float, float], *, statistics: bool
) -> CharmLimit:
    """The expected limit on mu, and the scan of kappa_c.

    Args:
        spec: workspace.
        settings: of the scan.
        scale: luminosity in 1/fb, and branching fraction of H -> cc.
        statistics: whether the workspace has that of the simulation.
    """
    luminosity, branching = scale
    with numpy_backend():
        profile = Profile(spec, "workspace", [templates.STRENGTH_CC, templates.STRENGTH_BB])

        def likelihood(kappas: NDArray[np.floating]) -> NDArray[np.floating]:
            return profile.values([strengths(kappa, branching) for kappa in kappas.tolist()])

        # Denser at small kappa_c, where the strength moves.
        grid = settings.charm.reach * np.linspace(0.0, 1.0, settings.charm.points) ** 2
        found = scan(grid, likelihood, "kappa_c")
        saturated = None
        if found.minima:
            ends = likelihood(np.array([found.minima[0].at, np.inf]))
            saturated = float(max(ends[1] - ends[0], 0.0)) if np.isfinite(ends).all() else None
        reason = profile.reasons[0] if profile.reasons else None
        model = Model(spec, "workspace")
        events = float(np.sum(model.signal))
        asked = LimitSettings(level=settings.level, points=3, toys=0)
        limits = limits_of(
            model, Scale("VHcc", model.unit, REACH * model.unit, events, None, luminosity), asked, 0
        )
    return CharmLimit(
        luminosity=luminosity,
        template_statistics=statistics,
        expected_mu=limits.expected_mu,
        kappa=found.model_copy(update={"reason": reason}),
        unbounded=saturated is not None and saturated <= THRESHOLDS["intervals_95"],
        q_saturated=saturated,
        from_mu=kappa_of(limits.expected_mu[2], branching),
        reason=limits.reason,
    )
