"""Compare a run with the references: what is identical, what is compatible, what moved."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from jetchain.regression import statistics
from jetchain.regression.collect import missing_by_chance, stable
from jetchain.regression.quantities import Exact, Histogram, Number, Quantities, Quantity
from jetchain.regression.references import Reference, References, rounded
from jetchain.regression.statistics import Outcome, Tolerance

FALSE_ALARM = 1e-3
"""Probability that a run of unchanged physics is called moved, shared out over all its tests."""

IDENTICAL, COMPATIBLE, MOVED, ABSENT = "identical", "compatible", "moved", "absent"
FACTOR, ENOUGH = 3.0, 30.0
"""The largest change of the sum of a histogram that has at least so many effective entries."""
TESTS = {"chi2": statistics.chi2, "ks": statistics.kolmogorov}


@dataclass(frozen=True)
class Verdict:
    """What became of one quantity.

    Attributes:
        name: of the quantity.
        status: IDENTICAL, COMPATIBLE, MOVED or ABSENT (not every seed has it, or no entries).
        how: the difference in words.
        p: p-value; 0 where no chance is involved, 1 where nothing differs.
        threshold: below which it counts as moved.
        old: the reference; None if there is none.
        new: the run's; None if it has none.
    """

    name: str
    status: str
    how: str
    p: float
    threshold: float
    old: Reference | None
    new: Quantity | None

    @property
    def severity(self) -> float:
        """p-value over its threshold: below 1 it moved."""
        return self.p / self.threshold if self.threshold else 0.0


@dataclass(frozen=True)
class Report:
    """All verdicts, worst first.

    Attributes:
        verdicts: of all quantities.
        tests: number of statistical tests that shared the probability of false alarm.
    """

    verdicts: list[Verdict]
    tests: int

    def of(self, status: str) -> list[Verdict]:
        """The verdicts of one status, worst first."""
        return [each for each in self.verdicts if each.status == status]


def compare(references: References, run: Quantities, alpha: float = FALSE_ALARM) -> Report:
    """Compare the quantities of a run with the references.

    Args:
        references: with their tests and tolerances.
        run: see `collect`.
        alpha: probability that anything is called moved where nothing is.
    """
    settled: list[Verdict] = []
    tried: dict[str, tuple[Outcome, str]] = {}
    identical = set()
    for name in sorted({*references, *run}):
        old, new = references.get(name), run.get(name)
        if old is None or new is None:
            by_chance = missing_by_chance(name, references, run)
            settled.append(_one_sided(name, old, new, by_chance))
            continue
        problem = incomparable(old.quantity, new) or entries_changed(name, old.quantity, new)
        if isinstance(new, Exact) and isinstance(old.quantity, Exact) and not problem:
            settled.append(_exact(name, old, old.quantity, new))
        elif problem:
            settled.append(Verdict(name, MOVED, problem, 0.0, 0.0, old, new))
        elif empty(old.quantity) or empty(new):
            how = "no entries, so no shape"
            settled.append(Verdict(name, ABSENT, how, 1.0, 0.0, old, new))
        else:
            outcome = test(old, new)
            tried[name] = outcome, describe(old, new, outcome)
            if same(old.quantity, rounded(new)):
                identical.add(name)
    p_values = {name: outcome.p for name, (outcome, _) in tried.items()}
    thresholds = statistics.holm(p_values, alpha)
    for name, (outcome, how) in tried.items():
        status = COMPATIBLE if outcome.p >= thresholds[name] else MOVED
        if name in identical:
            status, how = IDENTICAL, "the same"
        settled.append(
            Verdict(
                name, status, how, outcome.p, thresholds[name], references[name],
                run[name],
            )
        )  # fmt: skip
    settled.sort(key=_order)
    return Report(settled, len(tried))


def _order(verdict: Verdict) -> tuple[int, float, float, str]:
    rank = {MOVED: 0, COMPATIBLE: 1, IDENTICAL: 2, ABSENT: 3}[verdict.status]
    return rank, verdict.severity, verdict.p, verdict.name


def _one_sided(name: str, old: Reference | None, new: Quantity | None, by_chance: bool) -> Verdict:
    if by_chance:
        return Verdict(name, ABSENT, "not every seed has it", 1.0, 0.0, old, new)
    if new is None:
        how = "missing: the run does not have it any more; if that is meant: make references"
    else:
        how = "new: no reference for it; run `make references`"
    return Verdict(name, MOVED, how, 0.0, 0.0, old, new)


def _exact(name: str, old: Reference, expected: Exact, found: Exact) -> Verdict:
    if isinstance(expected.value, str | bool) or isinstance(found.value, str | bool):
        equal = identical = expected.value == found.value
    else:
        difference = abs(found.value - expected.value)
        identical = rounded(found) == expected
        equal = identical or difference <= expected.tolerance * abs(expected.value)
    status = IDENTICAL if identical else COMPATIBLE if equal else MOVED
    how = "the same" if identical else f"{_show(expected.value)} -> {_show(found.value)}, exact"
    return Verdict(name, status, how, float(equal), 0.0 if equal else 1.0, old, found)


def incomparable(old: Quantity, new: Quantity) -> str:
    """Why two quantities can't be tested against each other; empty if they can."""
    if type(old) is not type(new):
        return f"was a {type(old).__name__}, is a {type(new).__name__}; run `make references`"
    if isinstance(old, Histogram) and isinstance(new, Histogram):
        if old.categories != new.categories or len(old.edges) != len(new.edges):
            return "has other bins; run `make references`"
        if len(old.edges) and not np.allclose(old.edges, new.edges, rtol=1e-6, atol=1e-12):
            return "has other bins; run `make references`"
    if not (finite(old) and finite(new)):
        return "is not finite"
    return ""


def entries_changed(name: str, old: Quantity, new: Quantity) -> str:
    """How the number of a histogram's entries changed, if by far more than chance; else empty.

    The tests of histograms compare shapes. How much the number moves from seed to seed was not
    measured yet: the factor is chosen wide, not derived.
    """
    if not (isinstance(old, Histogram) and isinstance(new, Histogram) and stable(name)):
        return ""
    before, now = float(old.values.sum()), float(new.values.sum())
    if max(old.effective, new.effective) < ENOUGH or now <= FACTOR * before <= FACTOR**2 * now:
        return ""
    return f"{_show(before)} -> {_show(now)} entries, more than a factor of {FACTOR:g}"


def finite(quantity: Quantity) -> bool:
    """Whether there is a finite number everywhere."""
    if isinstance(quantity, Histogram):
        return bool(np.isfinite([quantity.values, quantity.variances]).all())
    return not isinstance(quantity, Number) or math.isfinite(quantity.value)


def empty(quantity: Quantity) -> bool:
    """Whether a quantity is a histogram without entries."""
    return isinstance(quantity, Histogram) and quantity.effective <= 0


def test(old: Reference, new: Quantity) -> Outcome:
    """Test a quantity against its reference, in the way that the reference names."""
    first = old.quantity
    if isinstance(first, Histogram) and isinstance(new, Histogram):
        return TESTS[old.test](first, new, old.tolerance)
    assert isinstance(first, Number)
    assert isinstance(new, Number)
    if old.test == "pull" and first.error is not None and new.error is not None:
        return statistics.pull(first, new, old.tolerance)
    return statistics.spread(first, new, old.tolerance)


def same(old: Quantity, new: Quantity) -> bool:
    """Whether two rounded quantities are equal; edges and words do not count."""
    if isinstance(old, Histogram) and isinstance(new, Histogram):
        return np.array_equal(old.values, new.values) and np.array_equal(
            old.variances, new.variances
        )
    return (
        isinstance(old, Number)
        and isinstance(new, Number)
        and (old.value, old.error) == (new.value, new.error)
    )


def describe(old: Reference, new: Quantity, outcome: Outcome) -> str:
    """What a test found, in words."""
    first = old.quantity
    if isinstance(first, Histogram) and isinstance(new, Histogram):
        entries = f"{_show(first.values.sum())} -> {_show(new.values.sum())} entries"
        if old.test == "ks":
            return f"KS distance {outcome.statistic:.3f}, {entries}"
        return f"chi2/ndf = {outcome.statistic:.1f}/{outcome.freedom:.0f}, {entries}"
    assert isinstance(first, Number)
    assert isinstance(new, Number)
    unit = f" {first.unit}" if first.unit else ""
    return f"{_number(first)} -> {_number(new)}{unit}, pull {outcome.statistic:+.1f}"


def _number(number: Number) -> str:
    error = "" if number.error is None else f" +- {_show(number.error, 2)}"
    return f"{_show(number.value)}{error}"


def _show(value: str | float, digits: int = 4) -> str:
    return str(value) if isinstance(value, str | bool) else f"{value:.{digits}g}"


def sensitivity(tolerances: Sequence[Tolerance]) -> list[str]:
    """A line on how small a change the tests notice, where that was measured."""
    known = [each.noticed or math.inf for each in tolerances if each.seeds]
    if not known:
        return []
    within = {limit: sum(each <= limit for each in known) for limit in (0.1, 0.3, 1.0)}
    counts = ", ".join(f"{number} one of {limit:.0%}" for limit, number in within.items())
    return [f"Of {len(known)} tests notice a change: {counts}; the others, none so small."]


def as_text(report: Report, shown: int = 30) -> str:
    """The report as lines, what moved first.

    Args:
        report: of a comparison.
        shown: how many of the moved ones are listed.
    """
    counts: Mapping[str, int] = {
        status: len(report.of(status)) for status in (IDENTICAL, COMPATIBLE, MOVED, ABSENT)
    }
    lines = [
        f"{len(report.verdicts)} quantities: {counts[IDENTICAL]} identical, {counts[COMPATIBLE]} "
        f"compatible, {counts[MOVED]} moved; {counts[ABSENT]} empty, or not in every seed.",
        f"{report.tests} tests share a false-alarm probability of {FALSE_ALARM:g} (Holm).",
        *sensitivity([each.old.tolerance for each in report.verdicts if each.old]),
    ]
    moved = report.of(MOVED)
    for each in moved[:shown]:
        chance = f"p = {each.p:.1e} < {each.threshold:.1e}" if each.p else ""
        lines.append(f"  moved: {each.name}: {each.how}{'; ' if chance else ''}{chance}")
    if len(moved) > shown:
        lines.append(f"  ... and {len(moved) - shown} more")
    closest = [each for each in report.of(COMPATIBLE) if each.threshold]
    if closest:
        each = closest[0]
        lines.append(
            f"Nearest to moved: {each.name}: {each.how}; p = {each.p:.1e}, threshold "
            f"{each.threshold:.1e}"
        )
    return "\n".join(lines) + "\n"
