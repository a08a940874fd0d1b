"""CLs upper limits on the cross-section of the signal, asymptotic and with toys."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import toms748

from jetchain.core.io.tables import read_json, write_result
from jetchain.core.progress import Progress
from jetchain.core.schema.inference import NOTHING, ClsScan, Limits, ToyLimits
from jetchain.core.seeds import generator
from jetchain.core.settings import Settings
from jetchain.core.verbs import Input, Output
from jetchain.inference.cls import ToyCls, cls_from_toys
from jetchain.inference.fit import failing_over, load_model, scaled_model
from jetchain.inference.newton import Tails, tails_of
from jetchain.inference.settings import LimitSettings, WorkspaceSettings
from jetchain.inference.toys import Counting, NoMinimumError
from jetchain.inference.workspace import REACH, minuit_serves, numpy_backend, rough_limit
from jetchain.inference.yields import NO_SIGNAL, Yields, read_yields


class LimitJob(Settings):
    """What `limits` reads of the configuration: the scan, and the model that the toys need."""

    limits: LimitSettings
    workspace: WorkspaceSettings


def limits(
    *, workspace: Input, yields: Input, limits: Output, settings: LimitJob, seed: int
) -> None:
    """Set observed and expected upper limits on the signal's cross-section.

    Without sensitivity there is no limit, and every result is null; with the reason also where no
    background is accepted, or where the signal's efficiency is hardly known. A spectrum gets toys
    where few events are under its peak, ABCD where few are in region A.
    """
    spec, counts = read_json(workspace), read_yields(yields)
    if not counts.sensitive:
        write_result(limits, no_limits(counts, settings.limits))
        return
    if counts.refusal:
        write_result(limits, no_limits(counts, settings.limits, counts.refusal, sensitive=True))
        return
    account = asymptotic_limits(spec, counts, settings.limits, str(workspace))
    few = counts.constraint not in ("free", "abcd") or counts.low_counts
    if few and settings.limits.toys and account.observed_mu is not None:
        try:
            toys = toy_limits(counts, settings, account, seed)
            account = account.model_copy(update={"toys": toys})
        except (NoMinimumError, ValueError, ArithmeticError) as error:
            account = account.model_copy(update={"reason": f"no limits with toys ({error})"})
    write_result(limits, account)


def no_limits(
    search: Yields | Scale, settings: LimitSettings, reason: str = NO_SIGNAL, *,
    sensitive: bool = False,
) -> Limits:  # fmt: skip
    """The account of a search without a limit: null wherever the others have one, and why."""
    return Limits(
        method=search.method,
        sensitive=sensitive,
        level=settings.level,
        reference_cross_section_fb=search.cross_section,
        reason=reason,
    )


@dataclass(frozen=True)
class Scale:
    """What turns limits on a signal strength into limits of a search.

    Attributes:
        method: its name.
        start: a rough upper limit.
        ceiling: largest strength that is tried.
        events: of signal in the counted bins at strength 1.
        cross_section: fb at strength 1; None if nobody knows.
        luminosity: 1/fb; likewise.
    """

    method: str
    start: float
    ceiling: float
    events: float
    cross_section: float | None
    luminosity: float | None

    @classmethod
    def of(cls, yields: Yields) -> Scale:
        """That of a search of the pipeline, whose workspace allows no strength beyond `REACH`."""
        start = rough_limit(yields)
        return cls(
            yields.method, start, 0.99 * REACH * start, float(yields.signal[yields.counted].sum()),
            yields.cross_section, yields.luminosity,
        )  # fmt: skip


def asymptotic_limits(
    spec: dict[str, Any], yields: Yields, settings: LimitSettings, path: str = "workspace"
) -> Limits:
    """Limits from q~_mu and its asymptotic distribution (arXiv 1007.1727), with CLs.

    Where Minuit does not serve, or fails, Newton's method takes its place (`inference.newton`).

    Args:
        spec: pyhf workspace.
        yields: of the same search, a sensitive one.
        settings: confidence level and number of points of the scan.
        path: of the workspace, for messages.

    Returns:
        `no_limits` if not even the largest mu is excluded, at +2 sigma of the expectation, or if
        the fits fail; else limits on mu and on the cross-section in fb, observed and expected at
        -2 to 2 sigma; the same in events of all bins (S95) and the visible cross-section; CLs at
        the observed limit, which shows how well it was found; the scan of CLs.
    """
    if minuit_serves(yields):
        with failing_over(yields.method), numpy_backend() as pyhf:
            model, data = load_model(spec, path)

            def with_pyhf(mu: float) -> Tails:
                found, (_, clb), band = pyhf.infer.hypotest(
                    mu, data, model, test_stat="qtilde", return_expected_set=True,
                    return_tail_probs=True,
                )  # fmt: skip
                return Tails(np.array([[found, *band]], float), np.array([clb], float))

            return limits_from(Scale.of(yields), settings, with_pyhf)
    unit, counting = scaled_model(spec, yields, path)
    try:
        return limits_from(
            Scale.of(yields),
            settings,
            lambda mu: tails_of(counting, yields.observed, np.array([mu / unit])),
        )
    except (NoMinimumError, ValueError, ArithmeticError) as error:
        return no_limits(yields, settings, f"the fits behind CLs fail ({error})", sensitive=True)


def limits_from(
    scale: Scale, settings: LimitSettings, hypotest: Callable[[float], Tails]
) -> Limits:
    """The limits, from CLs and CLb at a signal strength.

    Args:
        scale: of the search.
        settings: confidence level and number of points of the scan.
        hypotest: of one strength.

    Raises:
        NoMinimumError: CLs is not a number, or does not rise to 1 where mu falls.
    """
    known: dict[float, Tails] = {}

    def cls(mu: float) -> list[float]:
        if mu not in known:
            known[mu] = hypotest(mu)
            if not np.all(np.isfinite(known[mu].cls)):
                raise NoMinimumError(f"CLs at the signal strength {mu:.4g} is not a number")
        return [float(each) for each in known[mu].cls[0]]

    end = 4 * scale.start
    while max(cls(end)) > settings.level:  # not beyond what the workspace allows
        if end == scale.ceiling:
            return no_limits(
                scale, settings, f"no sensitivity: no signal strength up to {end:.4g} is excluded"
            )
        end = min(2 * end, scale.ceiling)
    found = upper_limits(cls, 0.05 * scale.start, end, settings.level)

    def every(strengths: NDArray) -> Tails:
        rows = [cls(float(mu)) for mu in strengths]
        return Tails(np.array(rows), np.array([known[float(mu)].clb[0] for mu in strengths]))

    return account(scale, settings, found, every)


def account(
    scale: Scale, settings: LimitSettings, limits: list[float],
    tails: Callable[[NDArray], Tails],
) -> Limits:  # fmt: skip
    """The limits with what they mean for the search, and a scan of CLs.

    Args:
        scale: of the search.
        settings: confidence level and number of points of the scan.
        limits: observed, and at -2 to 2 sigma.
        tails: at (strengths,).
    """
    observed_mu, *expected_mu = limits
    reach = min(1.3 * max(observed_mu, expected_mu[4]), scale.ceiling)
    scan = np.linspace(0.0, reach, settings.points + 1)[1:]
    results, at_limit = tails(scan), tails(np.array([observed_mu]))
    events, fb = scale.events, scale.cross_section
    return Limits(
        method=scale.method,
        sensitive=True,
        level=settings.level,
        observed_mu=observed_mu,
        observed_cls=float(at_limit.cls[0, 0]),
        observed_clb=float(at_limit.clb[0]),
        expected_mu=expected_mu,
        observed_fb=None if fb is None else observed_mu * fb,
        expected_fb=NOTHING if fb is None else [mu * fb for mu in expected_mu],
        observed_events=observed_mu * events,
        expected_events=[mu * events for mu in expected_mu],
        observed_visible_fb=scale.luminosity and observed_mu * events / scale.luminosity,
        reference_cross_section_fb=fb,
        scan=ClsScan(
            mu=scan,
            cross_section_fb=None if fb is None else scan * fb,
            observed=results.cls[:, 0],
            expected=results.cls[:, 1:],
            clb=results.clb,
        ),
    )


def upper_limits(
    cls: Callable[[float], list[float]], low: float, high: float, level: float
) -> list[float]:
    """Where CLs, observed and at -2 to 2 sigma, falls through the level.

    Args:
        cls: the six at a signal strength.
        low: where to look from; goes down until all six lie above the level.
        high: where all six lie below it.
        level: 1 - confidence level.

    Raises:
        NoMinimumError: CLs stays below the level at the smallest signal strengths.
    """
    tried = {high: cls(high)}
    for _ in range(60):
        tried[low] = cls(low)
        if min(tried[low]) >= level:
            break
        low /= 2
    else:
        raise NoMinimumError(f"CLs stays below {level:g} down to the signal strength {low:.4g}")

    def distance(mu: float, index: int) -> float:
        tried[mu] = cls(mu)
        return tried[mu][index] - level

    def root(index: int, bracket: tuple[float, float]) -> float:
        found = toms748(distance, *bracket, args=(index,), k=2, xtol=1e-12 * high, rtol=1e-3)
        return float(found)

    limits = [root(0, (low, high))]
    for index in range(1, 6):  # from the nearest signal strengths that were tried
        above = {mu: each[index] for mu, each in tried.items() if each[index] >= level}
        below = {mu: each[index] for mu, each in tried.items() if each[index] < level}
        bracket = (min(above, key=above.__getitem__), max(below, key=below.__getitem__))
        limits.append(root(index, bracket))
    return limits


def toy_limits(yields: Yields, settings: LimitJob, asymptotic: Limits, seed: int) -> ToyLimits:
    """The same limits with toys in place of the asymptotic distribution.

    CLs is estimated at some signal strengths across the asymptotic band and close to the observed
    asymptotic limit, and log CLs is interpolated. A limit outside the strengths tried is null.
    """
    model = Counting.of(yields, settings.workspace)
    random = generator(seed, "toys")
    strengths = strengths_with_toys(asymptotic, settings.limits)
    one_bin_a_norm = yields.constraint not in ("free", "abcd")
    toys = settings.limits.toys if one_bin_a_norm else max(settings.limits.toys // 4, 1)
    rows = []
    progress = Progress(len(strengths), "signal strengths with toys")
    for index, mu in enumerate(strengths):
        rows.append(cls_from_toys(model, yields.observed, mu, toys, random))
        progress.report(index + 1, mu=mu, CLs=rows[-1].cls)
    return account_of_toys(rows, strengths, (settings.limits.level, yields.cross_section), toys)


def account_of_toys(
    rows: Sequence[ToyCls], strengths: NDArray, scale: tuple[float, float | None], toys: int,
    failed: int | None = None,
) -> ToyLimits:  # fmt: skip
    """The limits from CLs with toys.

    Args:
        rows: at each strength.
        strengths: (strengths,), rising.
        scale: 1 - confidence level, and fb at strength 1, None if nobody knows.
        toys: a hypothesis and strength.
        failed: toys without a fit; None where they are not counted.
    """
    level, fb = scale
    cls, bands = np.array([row.cls for row in rows]), np.array([row.band for row in rows])
    observed_mu = crossing(strengths, cls, level)
    expected_mu = [crossing(strengths, bands[:, band], level) for band in range(5)]

    def in_fb(mu: float | None) -> float | None:
        return None if mu is None or fb is None else mu * fb

    return ToyLimits(
        toys=toys,
        mu=strengths,
        cls=cls,
        cls_error=[row.error for row in rows],
        cls_expected=bands,
        clb=[row.clb for row in rows],
        observed_mu=observed_mu,
        expected_mu=expected_mu,
        observed_fb=in_fb(observed_mu),
        expected_fb=[in_fb(mu) for mu in expected_mu],
        failed=failed,
    )


def strengths_with_toys(asymptotic: Limits, settings: LimitSettings) -> NDArray:
    """Strengths across the asymptotic band and close to the observed limit."""
    low, high, observed = (
        asymptotic.expected_mu[0],
        asymptotic.expected_mu[4],
        asymptotic.observed_mu,
    )
    assert low is not None
    assert high is not None
    assert observed is not None
    band = np.geomspace(0.6 * low, 1.6 * high, settings.toy_points)
    return np.sort(np.concatenate([band, observed * np.array([0.85, 1.0, 1.15, 1.6])]))


def crossing(mu: NDArray, cls: NDArray, level: float) -> float | None:
    """Where CLs falls through the level for the last time; None if it does not in the range."""
    above = np.flatnonzero(cls >= level)
    if not len(above) or above[-1] + 1 == len(mu):
        return None
    last = above[-1]
    upper, lower = np.log(cls[last]), np.log(max(cls[last + 1], 1e-9))
    fraction = (upper - np.log(level)) / (upper - lower)
    return float(mu[last] * (mu[last + 1] / mu[last]) ** fraction)
