"""What a scan shows: medians and bands over its replicas, linearity, the null, and Sigma_min.

Every point was injected, trained and fitted by itself. What the truth tells (improvements, initial
significances) is for the reader; no data-driven method has seen it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from jetchain.anomaly.scan import shared_background
from jetchain.anomaly.settings import ScanJob
from jetchain.core.dijets import Array
from jetchain.core.io.refusals import refusal
from jetchain.core.io.tables import read_result, write_csv, write_result
from jetchain.core.schema.background import NO_CUT
from jetchain.core.schema.inference import Fit, Limits
from jetchain.core.schema.scan import (
    Anywhere,
    BackgroundOnly,
    Coverage,
    Injection,
    Judgement,
    LimitWithout,
    Linearity,
    Measurement,
    ScannedMethod,
    ScanPoint,
    ScanSummary,
    SigmaMin,
    Spread,
)
from jetchain.core.verbs import Inputs, Output

DISCOVERY = 5.0
FEWEST = 5
"""Replicas, whose p-values are compared with uniform ones."""
RARE = 0.05
"""Global p-value whose share among replicas without signal is told."""
MOST_UNCERTAIN = 0.5
"""Relative, of the efficiency of a selection trained without signal: beyond, no limit is quoted."""


@dataclass(frozen=True)
class Row:
    """One point with one method: its injection, measurement and, where there is a score, cuts.

    Attributes:
        refusal: why one of its jobs has no result; then there is neither of the latter two.
    """

    method: str
    injection: Injection
    measurement: Measurement | None
    judgement: Judgement | None
    refusal: str | None = None

    @property
    def fit(self) -> Fit | None:
        return None if self.measurement is None else self.measurement.fit

    @property
    def limits(self) -> Limits | None:
        return None if self.measurement is None else self.measurement.limits

    @property
    def expected_fb(self) -> float | None:
        """The limit expected without signal."""
        return None if self.limits is None else self.limits.expected_fb[2]

    @property
    def without_limit(self) -> str | None:
        """Why it has no observed limit; None if it has one."""
        if self.limits is None:
            return self.refusal
        return (self.limits.reason or "") if self.limits.observed_fb is None else None

    @property
    def significance(self) -> float:
        """Local, from toys where there are any; 0 without a result."""
        fit = self.fit
        if fit is None:
            return 0.0
        value = fit.significance if fit.significance_toys is None else fit.significance_toys
        return value or 0.0

    @property
    def mu(self) -> tuple[float, float] | None:
        """Fitted strength and its error."""
        found = None if self.fit is None else self.fit.mu
        return None if found is None or not found.error > 0 else (found.value, found.error)

    @property
    def pull(self) -> float | None:
        """Of the injected strength; see `Measurement`."""
        return None if self.measurement is None else self.measurement.pull

    @property
    def p_value(self) -> float | None:
        """Of no signal, from 0 to 1."""
        return None if self.measurement is None else self.measurement.p_value

    def cut(self, index: int, name: str) -> float | None:
        """A number of the cut at one of the background efficiencies."""
        return None if self.judgement is None else getattr(self.judgement.cuts[index], name)

    @property
    def efficiency(self) -> float | None:
        """Of the search's cut for the signal of the model, in the range of the fit."""
        if self.measurement is None:
            return None
        return self.measurement.signal_events / self.injection.reference_events


def spread(values: Iterable[float | None]) -> Spread | None:
    """Median and 68 % of those that are known; None if none is."""
    known = [value for value in values if value is not None]
    if not known:
        return None
    low, median, high = np.percentile(known, [15.87, 50, 84.13])
    return Spread(median=median, low=low, high=high, number=len(known))


def point(rows: Sequence[Row]) -> ScanPoint:
    """The replicas of one strength."""
    first = rows[0]
    judged = [row.judgement for row in rows if row.judgement is not None]
    cuts = judged[0].cuts if judged else []
    known: dict[str, Any] = {
        name: {
            f"{cut.background_efficiency:g}": spread(row.cut(index, name) for row in rows)
            for index, cut in enumerate(cuts)
        }
        for name in ("improvement", "signal_efficiency")
    }
    refused = [why for row in rows if (why := row.without_limit) is not None]
    initial, significance = (
        spread(row.injection.initial_significance for row in rows),
        spread(row.significance for row in rows),
    )
    assert initial is not None
    assert significance is not None
    return ScanPoint(
        strength=first.injection.strength,
        initial_significance=initial,
        significance=significance,
        mu=spread(row.mu[0] if row.mu else None for row in rows),
        mu_error=spread(row.mu[1] if row.mu else None for row in rows),
        expected_fb=spread(row.expected_fb for row in rows),
        observed_fb=spread(row.limits.observed_fb for row in rows if row.limits),
        **known,
        independent_background=bool(judged) and all(each.independent for each in judged),
        without_result=sum(row.mu is None for row in rows),
        without_limit=len(refused),
        reason=(refused[0] or None) if refused else None,
    )


def sigma_min(points: Sequence[ScanPoint]) -> SigmaMin:
    """Where the median significance crosses 5 for the last time, in initial significance.

    Interpolated between medians; a bound where the smallest signal is lifted already, or the
    largest is not.
    """
    injected = [each for each in points if each.strength > 0]
    if not injected:
        return SigmaMin(value=None, bound="")
    initial = np.array([each.initial_significance.median for each in injected])
    found = np.array([each.significance.median for each in injected])
    below = np.flatnonzero(found < DISCOVERY)
    if not len(below):
        return SigmaMin(value=float(initial[0]), bound="below")
    last = below[-1]
    if last == len(found) - 1:
        return SigmaMin(value=float(initial[-1]), bound="above")
    share = (DISCOVERY - found[last]) / (found[last + 1] - found[last])
    return SigmaMin(
        value=float(initial[last] + share * (initial[last + 1] - initial[last])), bound=""
    )


def linearity(rows: Sequence[Row]) -> Linearity:
    """Lines through the fitted strengths of each replica, and pulls.

    A strength counts with the median of its squared errors: the errors of single fits grow with
    what they find, and would bend the line.
    """
    known = [row for row in rows if row.mu is not None]
    strengths = sorted({row.injection.strength for row in known})
    errors = {
        each: np.median([row.mu[1] for row in known if row.injection.strength == each if row.mu])
        for each in strengths
    }
    lines = []
    for replica in sorted({row.injection.replica for row in known}):
        own = [row for row in known if row.injection.replica == replica]
        x = np.array([row.injection.strength for row in own])
        if len(x) > 1:
            weights = np.array([1 / errors[value] for value in x])
            lines.append(np.polyfit(x, [row.mu[0] for row in own if row.mu], 1, w=weights))
    pulls = np.array([row.pull for row in known if row.pull is not None])
    slopes = np.array(lines).reshape(-1, 2)
    width = float(np.std(pulls, ddof=1)) if len(pulls) > 1 else None
    return Linearity(
        slope=_or_none(np.mean, slopes[:, 0], 1),
        slope_error=_or_none(_error, slopes[:, 0], 2),
        offset=_or_none(np.mean, slopes[:, 1], 1),
        offset_error=_or_none(_error, slopes[:, 1], 2),
        pull_mean=_or_none(np.mean, pulls, 1),
        pull_width=width,
        pull_width_error=None if width is None else float(width / np.sqrt(2 * (len(pulls) - 1))),
        number=len(pulls),
    )


def _error(values: Array) -> Any:
    return np.std(values, ddof=1) / np.sqrt(len(values))


def _or_none(function: Callable[[Array], Any], values: Array, least: int) -> float | None:
    return float(function(values)) if len(values) >= least else None


def background_only(rows: Sequence[Row], independent: bool) -> BackgroundOnly | None:
    """The replicas without signal; None if there are none.

    Where they have background in common (not `independent`), neither are their p-values uniform
    nor does their spread give the error of a mean: both are None.
    """
    from scipy.stats import kstest

    if not rows:
        return None
    p_values = [value for row in rows if (value := row.p_value) is not None]
    pulls = np.array([value for row in rows if (value := row.pull) is not None])
    return BackgroundOnly(
        p_values=p_values,
        ks=(
            float(kstest(p_values, "uniform").pvalue)
            if independent and len(p_values) >= FEWEST
            else None
        ),
        spurious=_or_none(np.mean, pulls, 1),
        spurious_error=_or_none(_error, pulls, 2) if independent else None,
        largest=max(row.significance for row in rows),
    )


def limit_without_signal(rows: Sequence[Row]) -> LimitWithout | None:
    """The expected limit of selections trained without signal, or why it is not quoted.

    The efficiency of such a selection is that of chance: how far it lies apart between trainings is
    an uncertainty that no single fit knows.
    """
    if not rows:
        return None
    efficiency = spread(row.efficiency for row in rows)
    expected = spread(row.expected_fb for row in rows)
    without = [row for row in rows if row.expected_fb is None]
    reason = next((row.limits.reason if row.limits else row.refusal for row in without), None)
    if efficiency is not None and expected is not None and len(rows) > 1:
        half = (efficiency.high - efficiency.low) / 2
        if half > MOST_UNCERTAIN * efficiency.median:
            of = f"{100 * half / efficiency.median:.0f} %" if efficiency.median > 0 else "all of it"
            reason = f"the signal efficiency differs by {of} between trainings, more than half"
            expected = None
    if expected is not None and expected.number <= len(rows) / 2:
        expected = None  # the median of all is no limit
    return LimitWithout(
        expected_fb=expected, efficiency=efficiency, reason=None if expected else reason
    )


def coverage(rows: Sequence[Row], independent: bool) -> Coverage | None:
    """How often the limit covers what was injected; None without signal or independent replicas.

    What was injected is the expectation: the number of events is drawn as that of data is.
    """
    known = [
        (row.limits, row.injection.strength)
        for row in rows
        if row.injection.strength > 0 and row.limits and row.limits.observed_mu is not None
    ]
    if not known or not independent:
        return None
    return Coverage(
        covered=sum((limits.observed_mu or 0.0) >= strength for limits, strength in known),
        number=len(known),
        level=known[0][0].level,
    )


def summarised(rows: Sequence[Row], independent: bool) -> ScannedMethod:
    """All points of one method in one window; see `background_only`."""
    ordered = sorted(rows, key=lambda row: (row.injection.strength, row.injection.replica))
    strengths = sorted({row.injection.strength for row in rows})
    points = [
        point([row for row in ordered if row.injection.strength == each]) for each in strengths
    ]
    null = [row for row in ordered if row.injection.strength == 0]
    return ScannedMethod(
        method=rows[0].method,
        signal_region_tev=rows[0].injection.signal_region_tev,
        points=points,
        sigma_min=sigma_min(points),
        linearity=linearity(ordered),
        background_only=background_only(null, independent),
        limit_without_signal=limit_without_signal(null),
        coverage=coverage(ordered, independent),
    )


def anywhere(rows: Sequence[Row]) -> list[Anywhere]:
    """What looking in several windows finds without signal, each method trained in each of them.

    Toys of a spectrum (`background.bump_hunt`) know nothing of other trainings. The rows are those
    of replicas without background in common; N p_smallest bounds the global p-value, whatever two
    windows have in common (Bonferroni).
    """
    found = []
    null = [row for row in rows if row.injection.strength == 0]
    for method in dict.fromkeys(row.method for row in null):
        replicas: dict[int, list[float]] = {}
        for row in (each for each in null if each.method == method):
            # A fit without a result finds nothing.
            value = 1.0 if row.p_value is None else row.p_value
            replicas.setdefault(row.injection.replica, []).append(value)
        windows = max(len(values) for values in replicas.values())
        if windows > 1:
            smallest = [min(values) for values in replicas.values()]
            found.append(
                Anywhere(
                    method=method,
                    windows=windows,
                    smallest=smallest,
                    rare=RARE,
                    share_of_rare=float(np.mean(windows * np.array(smallest) <= RARE)),
                )
            )
    return found


def columns(rows: Sequence[Row]) -> dict[str, list[Any]]:
    """One line a point and method; NaN where there is no result."""
    table: dict[str, list[Any]] = {}
    efficiencies = next(
        (
            [cut.background_efficiency for cut in row.judgement.cuts]
            for row in rows
            if row.judgement
        ),
        [],
    )
    for row in rows:
        at = row.injection
        line: dict[str, Any] = {
            "method": row.method,
            "window_low": at.signal_region_tev[0],
            "window_high": at.signal_region_tev[1],
            "strength": at.strength,
            "replica": at.replica,
            "injected_events": at.injected_events,
            "initial_significance": at.initial_significance,
            "mu": row.mu[0] if row.mu else None,
            "mu_error": row.mu[1] if row.mu else None,
            "significance": row.significance,
            "p_value": row.p_value,
            "observed_fb": row.limits.observed_fb if row.limits else None,
            "expected_fb": row.expected_fb,
            "cut_efficiency": row.efficiency,
            "cut_efficiency_relative_error": (
                row.measurement.signal_uncertainty if row.measurement else None
            ),
        }
        for index, efficiency in enumerate(efficiencies):
            line[f"improvement_{efficiency:g}"] = row.cut(index, "improvement")
            line[f"signal_efficiency_{efficiency:g}"] = row.cut(index, "signal_efficiency")
        for name, value in line.items():
            table.setdefault(name, []).append(np.nan if value is None else value)
    return table


def scan_summary(
    *,
    injections: Inputs,
    judgements: Inputs,
    measurements: Inputs,
    points: Output,
    summary: Output,
    scan: str,
    settings: ScanJob,
) -> None:
    """Collect the points of a scan; their folders say what they are of.

    Args:
        injections: one a window, strength and replica.
        judgements: one a method of these, but for the fit without a cut.
        measurements: one a method of these.
        points: written, one line a measurement.
        summary: written.
        scan: its name.
        settings: of the scan.
    """
    injected = {path.parent.parts[-3:]: read_result(path, Injection) for path in injections}
    judged = {path.parent.parts[-4:]: path for path in judgements}
    rows = []
    for path in measurements:
        *place, method = path.parent.parts[-4:]
        why, injection = refusal(path), injected[tuple(place)]
        if why is not None:
            rows.append(Row(method, injection, None, None, why))
            continue
        at = None if method in NO_CUT else judged[*place, method]
        cuts = None if at is None or refusal(at) else read_result(at, Judgement)
        rows.append(Row(method, injection, read_result(path, Measurement), cuts))
    write_csv(points, columns(rows))
    groups: dict[tuple[str, ...], list[Row]] = {}
    for row in rows:
        groups.setdefault((row.method, *map(str, row.injection.signal_region_tev)), []).append(row)
    shared = shared_background(settings.replicas, settings.share)
    found = [summarised(group, independent=not shared) for group in groups.values()]
    write_result(
        summary,
        ScanSummary(
            scan=scan,
            replicas=settings.replicas,
            share=settings.share,
            mass_shift=settings.mass_shift,
            shared_background=shared,
            shared_signal=max(each.shared_signal for each in injected.values()),
            methods=found,
            anywhere=() if shared else tuple(anywhere(rows)),
        ),
    )
