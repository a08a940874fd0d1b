"""Tables of a scan of the search: what was injected at its points, and what came of them."""

from __future__ import annotations

from typing import Literal

from jetchain.core.schema.base import Result
from jetchain.core.schema.inference import Fit, Limits


class Injection(Result):
    """The data of one point; a region is [low, high), TeV.

    Attributes:
        signal_region_tev: the window that is searched.
        strength, replica: how much signal, in units of the reference, and which draw of it.
        share: of the background events that the data hold.
        reference_events: expected signal events at strength 1.
        injected_events: drawn.
        background_in_window: events, known from the truth.
        signal_in_window: expected events, from all simulated signal.
        initial_significance: signal over the square root of the background, both in the window.
        shared_signal: expected share of the injected events that another replica has too.
    """

    signal_region_tev: tuple[float, float]
    strength: float
    replica: int
    share: float
    reference_events: int
    injected_events: int
    background_in_window: int
    signal_in_window: float
    initial_significance: float
    shared_signal: float


class AtEfficiency(Result):
    """A cut on the score at a background efficiency that was fixed before; see `Judgement`.

    Attributes:
        background_efficiency: in the window.
        signal_efficiency, improvement: null if it leaves too few background events to know.
    """

    background_efficiency: float
    signal_efficiency: float | None
    improvement: float | None


class Judgement(Result):
    """How well the scores of a method at one point tell signal from background, by the truth.

    Attributes:
        cuts: at fixed background efficiencies.
        background_events: of the window, that they were judged on.
        independent: whether these are no events of the data, and more than those.
    """

    cuts: list[AtEfficiency]
    background_events: int
    independent: bool


class Measurement(Result):
    """What the data of one point say with one method, by the fit of its yields.

    Attributes:
        signal_events: expected at the reference cross-section, after the cut, in all bins.
        signal_uncertainty: relative, of these.
        fit, limits: asymptotic; the limits have no toys.
        pull: signed root of the likelihood ratio at the strength that is in the data, standard
            normal for many events; null without a fit.
        p_value: of no signal, from 0 to 1: that of this root at zero, from toys where few events
            are left; null without a fit.
    """

    signal_events: float
    signal_uncertainty: float | None
    fit: Fit
    limits: Limits
    pull: float | None = None
    p_value: float | None = None


class Spread(Result):
    """Median and central 68 % of the replicas that have a value, and their number."""

    median: float
    low: float
    high: float
    number: int


class ScanPoint(Result):
    """A method at one injected strength, over the replicas.

    Attributes:
        strength: injected, in units of the reference.
        initial_significance: signal over root background in the window, without a cut.
        significance: local; a replica without a result counts as 0.
        mu, mu_error: fitted strength; null if no replica has one.
        expected_fb, observed_fb: upper limits; the expected one is of the cut as it was trained.
        improvement, signal_efficiency: by background efficiency, null where none is known.
        independent_background: whether all were judged on more background than the data have.
        without_result: replicas whose fit gave none.
        without_limit: replicas that have no limit.
        reason: of the first of those.
    """

    strength: float
    initial_significance: Spread
    significance: Spread
    mu: Spread | None
    mu_error: Spread | None
    expected_fb: Spread | None
    observed_fb: Spread | None
    improvement: dict[str, Spread | None]
    signal_efficiency: dict[str, Spread | None]
    independent_background: bool
    without_result: int
    without_limit: int
    reason: str | None


class SigmaMin(Result):
    """The smallest initial significance whose median significance after the cut is 5.

    Attributes:
        value: null if nothing was injected.
        bound: `below` or `above` where the scan does not reach the crossing; else empty.
    """

    value: float | None
    bound: Literal["", "below", "above"]


class Linearity(Result):
    """Fitted against injected strength, with retraining; errors from the spread of the replicas.

    Attributes:
        slope, offset: of straight lines, one a replica, their mean.
        slope_error, offset_error: null for one replica.
        pull_mean, pull_width: of `Measurement.pull`.
        pull_width_error: 1 / sqrt(2 (number - 1)) of the width.
        number: of pulls.
    """

    slope: float | None
    slope_error: float | None
    offset: float | None
    offset_error: float | None
    pull_mean: float | None
    pull_width: float | None
    pull_width_error: float | None
    number: int


class BackgroundOnly(Result):
    """The replicas without signal, each with a training of its own.

    Attributes:
        p_values: local, uniform if all is well.
        ks: p-value of their uniformity (Kolmogorov and Smirnov); null for fewer than five, and
            where replicas have background in common.
        spurious, spurious_error: mean of the pulls, and the error of this mean; null where replicas
            have background in common.
        largest: significance.
    """

    p_values: list[float]
    ks: float | None
    spurious: float | None
    spurious_error: float | None
    largest: float


class LimitWithout(Result):
    """The expected limit of selections that were trained on data without signal.

    Attributes:
        expected_fb: median over the replicas; null with a reason.
        efficiency: of the cut for signal, in all bins of the fit.
        reason: why no limit is quoted.
    """

    expected_fb: Spread | None
    efficiency: Spread | None
    reason: str | None


class Coverage(Result):
    """How often the observed limit on the strength is at least the one that was injected.

    Attributes:
        covered, number: replicas with a limit, of all strengths above 0, those that cover and all.
        level: of the limit, .05 for 95 %.
    """

    covered: int
    number: int
    level: float


class ScannedMethod(Result):
    """A method in one window.

    Attributes:
        method, signal_region_tev: which.
        points: by rising strength.
        sigma_min, linearity: see there.
        background_only, limit_without_signal: null if the scan has no strength 0.
        coverage: null if nothing was injected, or replicas have background in common.
    """

    method: str
    signal_region_tev: tuple[float, float]
    points: list[ScanPoint]
    sigma_min: SigmaMin
    linearity: Linearity
    background_only: BackgroundOnly | None
    limit_without_signal: LimitWithout | None
    coverage: Coverage | None = None


class Anywhere(Result):
    """Replicas without signal that are searched in several windows, with a training in each.

    Attributes:
        method: which.
        windows: their number, N.
        smallest: the smallest local p-value of each replica.
        rare, share_of_rare: share of the replicas in which N times it is at most this; more than
            this share of them if local p-values are too small.
    """

    method: str
    windows: int
    smallest: list[float]
    rare: float
    share_of_rare: float


class ScanSummary(Result):
    """A scan.

    Attributes:
        scan: its name.
        replicas, share, mass_shift: of its settings.
        shared_background: mean share of its background that a replica has in common with another.
            Spreads and widths of pulls show about sqrt(1 - this) of the background's fluctuation.
        shared_signal: the same of the injected events, at the largest strength.
        methods: by method and window.
        anywhere: by method; none with one window, without a strength of 0, or where replicas have
            background in common.
    """

    scan: str
    replicas: int
    share: float
    mass_shift: float
    shared_background: float
    shared_signal: float
    methods: list[ScannedMethod]
    anywhere: tuple[Anywhere, ...] = ()
