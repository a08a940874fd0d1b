"""Checks of a search that only repeated injections and trainings can make: those of its scans."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from jetchain.core.schema.scan import ScannedMethod, ScanPoint, ScanSummary, Spread
from jetchain.inference.checked import SPURIOUS, Book

SLOPE = 0.05
UNIFORM = 0.05
REPLICAS = 10.0
MOST_UNCERTAIN = 0.5
"""Relative, of the signal efficiency of selections trained without signal."""
IMPROVES = 1.0
Found = tuple[str, ScanSummary, ScannedMethod]


def improvements(method: ScannedMethod) -> list[tuple[ScanPoint, str, Spread]]:
    """Those known where signal was injected: point, background efficiency, value."""
    return [
        (point, efficiency, value)
        for point in method.points
        if point.strength > 0
        for efficiency, value in point.improvement.items()
        if value is not None
    ]


def of_improvement(book: Book, method: ScannedMethod) -> None:
    """How many injections and trainings stand behind the medians, and what background."""
    known = improvements(method)
    number = max(value.number for _, _, value in known)
    book.add(
        "replicas of the improvement", float(number) if number >= REPLICAS else None, REPLICAS,
        f"{number} injections with a training each", side="at least",
    )  # fmt: skip
    own = [not point.independent_background for point, _, _ in known]
    if not all(own):
        book.add(
            "larger test background",
            sum(own) / len(own),
            0.0,
            "share of the improvements that are judged on the background of the data themselves",
        )
    else:
        book.lacks("larger test background", "a scan with a share below a half has one")


def of_null(book: Book, method: ScannedMethod) -> None:
    """p-values and fitted strengths of the replicas without signal."""
    null = method.background_only
    assert null is not None
    few = "" if null.ks is not None else ", too few or with background in common"
    book.add(
        "background only: p-values", null.ks, UNIFORM,
        f"Kolmogorov-Smirnov test of {len(null.p_values)} p-values with retraining{few}",
        side="at least",
    )  # fmt: skip
    known = null.spurious is not None and null.spurious_error is not None
    book.add(
        "background only: strength", abs(null.spurious or 0.0) if known else None, SPURIOUS,
        f"mean pull of no signal, {len(null.p_values)} replicas{few}",
        error=null.spurious_error,
    )  # fmt: skip


def of_linearity(book: Book, method: ScannedMethod) -> None:
    """Fitted against injected strength."""
    line = method.linearity
    known = line.slope is not None and line.slope_error is not None
    book.add(
        "linearity of the injection", abs((line.slope or 0.0) - 1) if known else None, SLOPE,
        f"slope {line.slope:.3g} of fitted against injected strength, off 1"
        + ("" if known else ", of one replica"), error=line.slope_error,
    )  # fmt: skip


def of_limit_without(book: Book, method: ScannedMethod) -> None:
    """Whether a selection trained without signal has an expected limit."""
    without = method.limit_without_signal
    assert without is not None
    efficiency = without.efficiency
    spread = None
    if efficiency is not None and efficiency.number > 1 and efficiency.median > 0:
        spread = (efficiency.high - efficiency.low) / 2 / efficiency.median
    refused = f"; refused: {without.reason}" if without.reason else ""
    book.add(
        "limit without signal", spread, MOST_UNCERTAIN,
        f"spread over median of the signal efficiency of selections trained without it{refused}",
    )  # fmt: skip


def of_coverage(book: Book, method: ScannedMethod) -> None:
    """How often the observed limit covers the cross-section that was injected."""
    found = method.coverage
    assert found is not None
    book.add(
        "coverage of the limit", found.covered / found.number, 1 - found.level,
        f"asymptotic limits, with retraining, at or above what was injected: {found.covered} of "
        f"{found.number}", side="at least",
        error=float((found.level * (1 - found.level) / found.number) ** 0.5),
    )  # fmt: skip


def of_anywhere(book: Book, scans: Sequence[Found]) -> None:
    """What the search finds in any of several windows without signal, trained in each of them."""
    name = "look-elsewhere with retraining"
    found = [
        (path, each) for path, summary, method in scans
        for each in summary.anywhere if each.method == method.method
    ]  # fmt: skip
    if not found:
        book.lacks(name, "no scan of several windows without signal is in anomaly.scanned")
        return
    book.source, most = max(found, key=lambda each: len(each[1].smallest))
    number = len(most.smallest)
    book.add(
        name, most.share_of_rare, most.rare,
        f"share of {number} replicas without signal whose smallest local p in {most.windows} "
        f"windows, times these, is at most {most.rare:g}; smallest {min(most.smallest):.2g}",
        error=float((most.rare * (1 - most.rare) / number) ** 0.5),
    )  # fmt: skip


def of_shift(book: Book, method: ScannedMethod) -> None:
    """What is left where the masses of the jets follow the dijet mass."""
    _, efficiency, value = min(improvements(method), key=lambda each: float(each[1]))
    book.add(
        "masses of the jets shifted", value.median, IMPROVES,
        f"median improvement at a background efficiency of {efficiency}, of {value.number}; 1 is "
        "no cut", side="at least",
    )  # fmt: skip


@dataclass(frozen=True)
class Scanned:
    """Checks that a scan makes.

    Attributes:
        names: of the checks.
        add: what makes them.
        has: whether a method of a scan has the numbers.
        wanted: scan that would have them.
        shifted: of one with a mass shift.
        trained: of methods that are trained alone.
    """

    names: tuple[str, ...]
    add: Callable[[Book, ScannedMethod], None]
    has: Callable[[ScannedMethod], bool]
    wanted: str
    shifted: bool = False
    trained: bool = False


SCANNED = (
    Scanned(
        ("replicas of the improvement", "larger test background"), of_improvement,
        lambda method: bool(improvements(method)), "with signal", trained=True,
    ),
    Scanned(
        ("background only: p-values", "background only: strength"), of_null,
        lambda method: method.background_only is not None, "without signal",
    ),
    Scanned(
        ("linearity of the injection",), of_linearity,
        lambda method: method.linearity.slope is not None, "of several strengths",
    ),
    Scanned(
        ("limit without signal",), of_limit_without,
        lambda method: method.limit_without_signal is not None, "without signal",
    ),
    Scanned(
        ("coverage of the limit",), of_coverage,
        lambda method: method.coverage is not None, "with signal and no background in common",
    ),
    Scanned(
        ("masses of the jets shifted",), of_shift,
        lambda method: bool(improvements(method)), "with a mass shift", shifted=True, trained=True,
    ),
)  # fmt: skip


def of_scans(book: Book, scans: Sequence[Found], trained: bool) -> None:
    """What only repeated injections and trainings tell; the scan with the most replicas does."""
    for each in SCANNED:
        if each.trained and not trained:
            continue
        fitting = [
            found for found in scans
            if (found[1].mass_shift > 0) is each.shifted and each.has(found[2])
        ]  # fmt: skip
        if fitting:
            book.source, _, method = max(fitting, key=lambda found: found[1].replicas)
            each.add(book, method)
        else:
            for name in each.names:
                book.lacks(name, f"no scan {each.wanted} is in anomaly.scanned")
    of_anywhere(book, scans)
