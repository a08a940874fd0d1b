"""The checks that a referee asks of a search, as one table, from what a run has made.

Nothing is measured here: every number is one of another job, and says which file it stands in. What
this run did not make is `not run`, and so is what no job makes. Limits stand here and in the two
modules beside it, and are the same for all methods:

- asked of the search from the start: p of the fit and of the uniformity of p-values .05, spurious
  signal .2 of the error of the strength, slope within .05 of 1, ten replicas, signal efficiency
  known to a half; closure of ABCD within 10 % (arXiv 2007.14400);
- by their meaning: at most .05 of the toys below a global p of .05, an improvement of 1, two folds;
- without a source: three spreads of a null, of which several are looked at; a factor of two between
  the efficiencies of both sidebands, where the fit holds on toys (docs/limitations.md) unless all
  of it comes at the signal region; 20 % between limits from toys and by the formulae.

A number with an error passes if it is within the limit by its error, fails if it is beyond the
limit by two, and is undecided between (`inference.checked`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from jetchain.core.io.tables import read_result, write_result
from jetchain.core.schema.anomaly import Constraints
from jetchain.core.schema.background import (
    AbcdClosure,
    CorrectedCounts,
    Separation,
    SpectrumClosure,
    SpectrumFits,
    TemplateClosure,
    TemplateQuality,
)
from jetchain.core.schema.base import Result
from jetchain.core.schema.bump_hunt import BumpHunt
from jetchain.core.schema.checks import MethodChecks, SearchChecks
from jetchain.core.schema.inference import Limits
from jetchain.core.schema.scan import ScanSummary
from jetchain.core.settings import Settings
from jetchain.core.verbs import Inputs, Labels, Output
from jetchain.inference.checked import SPURIOUS, Book
from jetchain.inference.checks_of_scans import Found, of_scans

SPREADS = 3.0
GOODNESS = 0.05
FACTOR = 2.0
FEWEST = 10
"""Events that a cut must leave on either side of the signal region to know its efficiency."""
CLOSES = 0.1
TOYS = 0.2
"""Relative difference of limits from toys and by the asymptotic formulae."""


class ChecksJob(Settings):
    """What `checks` reads."""

    signal_region: list[float]
    folds: int


def of_spectrum(book: Book, found: SpectrumFits) -> None:
    """The fit of the search, and what its choice of a model may hide."""
    fit = found.fits[f"{found.efficiency:g}"]
    book.add(
        "fit of the mass", fit.p_value if fit.accepted else 0.0, GOODNESS,
        f"{'' if fit.accepted else f'not accepted with {fit.p_value:.2g}; '}p-value from toys; "
        f"{fit.shape}, order {fit.order} by F-test; alternatives that describe the data: "
        f"{len(fit.others)}", side="at least",
    )  # fmt: skip
    book.add(
        "spurious signal of the fit", fit.spurious_mu / fit.mu_error if fit.mu_error > 0 else None,
        SPURIOUS, "largest strength in the backgrounds of the other models, in errors of mu",
    )  # fmt: skip


def of_closure(book: Book, found: SpectrumClosure) -> None:
    """What the cuts do to the mass of the true background."""
    sculpted = {
        name: (cut.jensen_shannon - cut.null_mean) / cut.null_std
        for name, cut in found.background_only.items()
        if cut.null_std > 0
    }
    worst = max(sculpted, key=lambda name: sculpted[name], default=None)
    book.add(
        "sculpting of the mass", None if worst is None else sculpted[worst], SPREADS,
        f"Jensen-Shannon divergence above random cuts, in spreads; worst of the cuts that keep "
        f"{', '.join(sculpted)}, at {worst}; smallest p-value of the fits after them "
        f"{min(cut.p_value for cut in found.background_only.values()):.2g}",
    )  # fmt: skip
    tightest = min(found.background_only, key=float)
    cut = found.background_only[tightest]
    low, high = (part.kept / max(part.events, 1) for part in (cut.below, cut.above))
    known = min(cut.below.kept, cut.above.kept) >= FEWEST
    book.add(
        "background efficiency in the mass",
        max(low, high) / min(low, high) if known else None, FACTOR,
        f"{100 * low:.2g} % below the signal region, {100 * high:.2g} % above it, larger over "
        f"smaller; true background, cut that keeps {tightest}",
        error=(
            max(low, high) / min(low, high) * float(np.hypot(*(
                1 / np.sqrt(part.kept) for part in (cut.below, cut.above)
            ))) if known else None
        ),
    )  # fmt: skip


def of_abcd(book: Book, found: AbcdClosure) -> None:
    """Closure in both halves of the signal region; beside it the signal in the other regions."""
    halves = [
        (name, counts)
        for name, counts in found.regions.items()
        if "half" in name and isinstance(counts, CorrectedCounts) and counts.a and counts.corrected
    ]
    offs = []
    for name, counts in halves:
        ratio = (counts.corrected or 0.0) / counts.a
        relative = np.hypot((counts.corrected_uncertainty or 0.0) / (counts.corrected or 1.0),
                            1 / np.sqrt(counts.a))  # fmt: skip
        offs.append((abs(ratio - 1), float(ratio * relative), name, counts.pull))
    off = max(offs, default=(None, None, "no half with a prediction", 0.0))
    book.add(
        "closure of ABCD", off[0], CLOSES,
        f"predicted over observed off 1, worse half: {off[2]}; normalised contamination by signal: "
        + ("none" if found.contamination is None else f"{found.contamination:.2g}"), error=off[1],
    )  # fmt: skip


def of_constraints(book: Book, found: Constraints) -> None:
    """Whether the trainings ended where their constraints hold.

    The worse half is that which is beyond, or nearest to, what is allowed by the most of its
    errors, which decide.
    """
    for each in found.constraints:
        excess = np.array(each.values) - each.allowed
        worse = int(np.argmax(excess / np.maximum(each.errors, np.finfo(float).tiny)))
        book.add(
            f"{each.name} of the training", each.values[worse], each.allowed,
            f"of sideband events that took no part in it, the worse of {len(each.values)}: number "
            f"{worse + 1}", error=each.errors[worse],
        )  # fmt: skip


def of_separation(book: Book, name: str, found: Separation) -> None:
    """Template against data, in the sidebands, and against true background in the window."""
    book.add(
        name, found.null_deviations, SPREADS,
        f"AUC {found.auc:.3f}, permuted labels {found.null_mean:.3f} +- {found.null_std:.3f}, in "
        "spreads",
    )  # fmt: skip


def of_limits(book: Book, found: Limits) -> None:
    """Toys against the asymptotic formulae."""
    toys, expected = found.toys, found.expected_fb[2]
    pairs = [] if toys is None else [
        (toys.observed_fb, found.observed_fb), (toys.expected_fb[2], expected),
    ]  # fmt: skip
    ratios = [abs(first / second - 1) for first, second in pairs if first and second]
    if ratios:
        book.add(
            "limit from toys", max(ratios), TOYS,
            "observed and expected limit over the asymptotic ones, off 1",
        )  # fmt: skip
    else:
        book.lacks("limit from toys", "enough events for the asymptotic formulae, or no limit")


def of_hunt(book: Book, found: BumpHunt, efficiency: str) -> None:
    """Whether the trial factor holds for toys."""
    scan = found.scans.get(efficiency) or found.scans["1"]
    trials = scan.trials
    sign = "<" if scan.p_global_toys_is_bound else "="
    book.add(
        "look-elsewhere", trials.share_of_rare, trials.rare,
        f"share of {trials.toys} toys with a global p below {trials.rare:g} by the formula; "
        f"of the data {sign} {scan.p_global_toys:.2g} by toys, {scan.p_global:.2g} by the formula",
        error=float(np.sqrt(trials.rare * (1 - trials.rare) / trials.toys)),
    )  # fmt: skip


def method_checks(
    method: str, files: dict[str, tuple[str, Result]], scans: Sequence[Found], folds: int,
    blind: bool,
) -> MethodChecks:  # fmt: skip
    """All checks of one method.

    Args:
        method: its name.
        files: by what it is, path and content; those that the method has.
        scans: path, summary, and the method's part of it.
        folds: of the cross-training.
        blind: whether its jobs are given no truth.
    """
    book = Book()
    trained = any(kind in files for kind in ("closure", "abcd"))
    if trained:
        book.source = "anomaly.features.folds"
        book.add(
            "folds", float(folds), 2.0, "no event is scored by a model that saw it", side="at least"
        )
        book.source = "the rules of its jobs"
        book.add(
            "labels permuted", float(not blind), 0.0,
            "files with the truth that it reads; with none, permuted labels change no byte",
        )  # fmt: skip
    efficiency = "1"
    for kind, (path, found) in files.items():
        book.source = path
        if isinstance(found, SpectrumFits):
            efficiency = f"{found.efficiency:g}"
            of_spectrum(book, found)
        elif isinstance(found, SpectrumClosure):
            of_closure(book, found)
        elif isinstance(found, AbcdClosure):
            of_abcd(book, found)
        elif isinstance(found, Constraints):
            of_constraints(book, found)
        elif isinstance(found, TemplateQuality):
            of_separation(book, "template in the sidebands", found.sidebands)
        elif isinstance(found, TemplateClosure):
            of_separation(book, "template without signal", found.signal_region)
        elif isinstance(found, Limits):
            of_limits(book, found)
        elif isinstance(found, BumpHunt):
            of_hunt(book, found, efficiency)
        else:
            raise TypeError(kind)
    if "quality" in files and "template" not in files:
        book.lacks("template without signal", "background.quality.closure is off")
    if "hunt" not in files and "abcd" not in files:
        book.lacks("look-elsewhere", "not in background.bump_hunt.methods")
    of_scans(book, scans, trained)
    return MethodChecks(method=method, checks=book.checks)


KINDS: dict[str, type[Result]] = {
    "fits": SpectrumFits, "closure": SpectrumClosure, "abcd": AbcdClosure,
    "constraints": Constraints, "quality": TemplateQuality, "template": TemplateClosure,
    "limits": Limits, "hunt": BumpHunt,
}  # fmt: skip


def checks(
    *,
    fits: Inputs,
    closures: Inputs,
    abcd: Inputs,
    constraints: Inputs,
    qualities: Inputs,
    templates: Inputs,
    limits: Inputs,
    hunts: Inputs,
    scans: Inputs,
    checks: Output,
    blind: Labels,
    settings: ChecksJob,
) -> None:
    """Gather the checks of all methods with a limit; a file's folder names its method.

    Args:
        fits, closures, abcd, constraints, qualities, templates, limits, hunts: of the methods that
            have them.
        scans: summaries of scans; what they hold of the window of the search counts.
        checks: written.
        blind: methods whose jobs are given no truth.
        settings: window and folds.
    """
    files: dict[str, dict[str, tuple[str, Result]]] = {path.parent.name: {} for path in limits}
    given: Iterable[tuple[str, Sequence[Path]]] = zip(
        KINDS, (fits, closures, abcd, constraints, qualities, templates, limits, hunts), strict=True
    )
    for kind, paths in given:
        for path in paths:
            files[path.parent.name][kind] = (str(path), read_result(path, KINDS[kind]))
    summaries = [(str(path), read_result(path, ScanSummary)) for path in scans]
    window = tuple(settings.signal_region)
    found = []
    for method, own in files.items():
        scanned = [
            (path, scan, each)
            for path, scan in summaries
            for each in scan.methods
            if each.method == method and each.signal_region_tev == window
        ]
        found.append(method_checks(method, own, scanned, settings.folds, method in blind))
    write_result(checks, SearchChecks(methods=found))
