"""Other seeds: how far each quantity moves with nothing but the seed changed.

A tolerance is measured from all pairs of runs. Whether a seed would have raised an alarm is judged
with the tolerances that the other runs show, never with its own, which would hide it.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from jetchain.regression import statistics
from jetchain.regression.compare import FALSE_ALARM, MOVED, compare, empty, incomparable, test
from jetchain.regression.quantities import Exact, Number, Quantities
from jetchain.regression.references import Reference, References
from jetchain.regression.statistics import Tolerance


@dataclass(frozen=True)
class Pairs:
    """The uncorrected tests of one quantity between all pairs of runs that have it.

    Attributes:
        first, second: (pairs,) the runs.
        statistic: (pairs,) chi2 over degrees of freedom, distance or pull.
        size: (pairs,) degrees of freedom of chi2, n1 n2 / (n1 + n2) of KS.
        values: of a number, by run.
    """

    first: np.ndarray
    second: np.ndarray
    statistic: np.ndarray
    size: np.ndarray
    values: Mapping[int, float]

    def tolerance(self, kind: str, runs: Iterable[int]) -> Tolerance:
        """What some of the runs say about a test of this kind."""
        members = sorted(runs)
        used = np.isin(self.first, members) & np.isin(self.second, members)
        statistic, size, seeds = self.statistic[used], self.size[used], len(members)
        if kind == "chi2":
            return statistics.measure_chi2(statistic, size, seeds)
        if kind == "ks":
            return statistics.measure_kolmogorov(statistic, size, seeds)
        values = np.array([self.values[run] for run in members if run in self.values])
        return statistics.measure_numbers(values, statistic, seeds)


def all_pairs(name: str, kind: str, runs: Sequence[Quantities]) -> Pairs:
    """Test a quantity between all pairs of runs."""
    rows = []
    having = [index for index, run in enumerate(runs) if name in run]
    for first, second in itertools.combinations(having, 2):
        one, two = runs[first][name], runs[second][name]
        if kind == "spread" or incomparable(one, two) or empty(one) or empty(two):
            continue
        if isinstance(one, Number) and isinstance(two, Number):
            if one.error is None or two.error is None or not (one.error or two.error):
                continue
            rows.append((first, second, statistics.pull(one, two).statistic, 0.0))
            continue
        assert not isinstance(one, Exact | Number)
        assert not isinstance(two, Exact | Number)
        found = test(Reference(one, kind), two)
        if kind == "ks":
            size = one.effective * two.effective / max(one.effective + two.effective, 1e-9)
            rows.append((first, second, found.statistic, size))
        elif found.freedom:
            rows.append((first, second, found.statistic / found.freedom, found.freedom))
    columns = np.array(rows, dtype=float).reshape(-1, 4).T
    numbers = {index: runs[index][name] for index in having}
    values = {i: number.value for i, number in numbers.items() if isinstance(number, Number)}
    return Pairs(columns[0].astype(int), columns[1].astype(int), columns[2], columns[3], values)


def measure(
    references: References, runs: Mapping[str, Quantities], now: Quantities
) -> tuple[References, list[dict[str, Any]]]:
    """Measure the tolerances, and judge each seed by the tolerances of all other runs.

    Args:
        references: of the run with the reference seed; their tests stay.
        runs: the quantities of the other seeds' runs, by seed.
        now: those of the run with the reference seed.

    Returns:
        the references with what the seeds showed; and a row a seed: the number of tests, the
        smallest p-value over its threshold with its name, and the names that moved.
    """
    everything = [now, *runs.values()]
    pairs = {
        name: all_pairs(name, reference.test, everything)
        for name, reference in references.items()
        if reference.test != "exact"
    }
    rows = []
    for index, (seed, run) in enumerate(runs.items(), start=1):
        others = [other for other in range(len(everything)) if other != index]
        report = compare(_with_tolerances(references, pairs, others), run, FALSE_ALARM)
        worst = min(
            (each for each in report.verdicts if each.threshold), key=lambda each: each.severity
        )
        rows.append(
            {
                "seed": seed,
                "tests": report.tests,
                "smallest": {
                    "name": worst.name,
                    "p_over_threshold": float(f"{worst.severity:.3g}"),
                },
                "alarms": [each.name for each in report.of(MOVED)],
            }
        )
    return _with_tolerances(references, pairs, list(range(len(everything)))), rows


def _with_tolerances(
    references: References, pairs: Mapping[str, Pairs], runs: list[int]
) -> References:
    return {
        name: replace(reference, tolerance=pairs[name].tolerance(reference.test, runs))
        if name in pairs
        else reference
        for name, reference in references.items()
    }
