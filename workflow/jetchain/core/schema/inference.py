"""Tables of the inference room: fits and limits. A workspace is of pyhf's own schema."""

from __future__ import annotations

from jetchain.core.schema.base import Result

Band = tuple[float, float, float, float, float]
PartialBand = tuple[float | None, float | None, float | None, float | None, float | None]
"""At -2, -1, 0, 1 and 2 sigma of the expectation; null where there is none."""


class Strength(Result):
    """The fitted signal strength and what cross-section that is; MINOS's errors may be null."""

    value: float
    error: float
    error_down: float | None
    error_up: float | None
    cross_section_fb: float | None
    cross_section_error_fb: float | None


class Nuisance(Result):
    """A constrained parameter, or the norm of a background's template, after the fit.

    Attributes:
        name: cabinetry's label.
        value, error: fitted.
        pull: from its centre, in units of its width before the fit; null for a norm.
        constraint: error over this width; null for a norm, which nothing constrains.
    """

    name: str
    value: float
    error: float
    pull: float | None
    constraint: float | None


class AtBound(Result):
    """A parameter that a fit pushes against an end of the range that a workspace gives it.

    Attributes:
        name: of the parameter, with the bin where it has one.
        bound: where it ends.
    """

    name: str
    bound: float

    @property
    def words(self) -> str:
        """What there is, and what helps."""
        return (
            f"{self.name} ends at its bound {self.bound:g}: widen `bounds` of "
            f"'{self.name.partition('[')[0]}' in `measurements[].config.parameters[]` of the "
            "workspace"
        )


class Fit(Result):
    """The fit of one search.

    Attributes:
        method: its name.
        sensitive: whether there was anything to fit; if not, all results are null.
        observed, background: events of all bins.
        p0, significance: of the hypothesis of no signal.
        p0_is_bound: p0 is smaller than the number given, the smallest that a computer holds in
            full precision.
        p0_toys, significance_toys: the same from toys; null without toys.
        p0_toys_is_bound: no toy lies beyond the data.
        valid: whether a minimum was found.
        mu: signal strength, null if it was not.
        parameters: nuisance parameters.
        at_bounds: parameters that end at a bound of a workspace of others.
        reason: why there is no result, null if there is one.
    """

    method: str
    sensitive: bool
    observed: float
    background: float
    p0: float | None = None
    p0_is_bound: bool | None = None
    significance: float | None = None
    p0_toys: float | None = None
    p0_toys_is_bound: bool | None = None
    significance_toys: float | None = None
    valid: bool | None = None
    mu: Strength | None = None
    parameters: tuple[Nuisance, ...] = ()
    at_bounds: tuple[AtBound, ...] = ()
    reason: str | None = None


class Impact(Result):
    """What a parameter moves the signal strength by, fixed one error up and down; null: no fit.

    An end beyond a bound of a workspace is that of the bound.
    """

    name: str
    up: float | None
    down: float | None


class ChannelYields(Result):
    """A channel of a workspace: (bins,) events, and the model's before and after the fit.

    Attributes:
        pulls: of a channel that the fit left out, observed less expected after the fit over the
            error of both, null where nothing is expected; empty for one of the fit.
    """

    name: str
    observed: list[float]
    before: list[float]
    before_error: list[float]
    after: list[float]
    after_error: list[float]
    pulls: tuple[float | None, ...] = ()


class LikelihoodScan(Result):
    """-2 log L above its least along a parameter, all others profiled: (points,) both."""

    name: str
    best: float
    values: list[float]
    rise: list[float]


class ModelFit(Result):
    """What the fit of a workspace says of its model.

    Attributes:
        method: name of the workspace.
        goodness_of_fit: p-value against the saturated model; null without degrees of freedom.
        goodness_toys: the same from toys; null where many events make them needless.
        parameters, correlations: names, and the matrix (parameters, parameters).
        impacts: the largest first.
        channels: observed and expected events.
        scans: of the likelihood, that of the parameter of interest first.
        asimov: parameters after a fit to what the model expects at strength 1; empty where it was
            not made.
        at_bounds: parameters that end at a bound of a workspace of others.
        reason: why there is no result, null if there is one.
    """

    method: str
    goodness_of_fit: float | None = None
    goodness_toys: float | None = None
    parameters: tuple[str, ...] = ()
    correlations: tuple[tuple[float, ...], ...] = ()
    impacts: tuple[Impact, ...] = ()
    channels: tuple[ChannelYields, ...] = ()
    scans: tuple[LikelihoodScan, ...] = ()
    asimov: tuple[Nuisance, ...] = ()
    at_bounds: tuple[AtBound, ...] = ()
    reason: str | None = None


class ClsScan(Result):
    """CLs along the signal strength, (points,), the expected ones at -2 to 2 sigma; CLb of data."""

    mu: list[float]
    cross_section_fb: list[float] | None
    observed: list[float]
    expected: list[Band]
    clb: list[float]


class ToyLimits(Result):
    """Limits from toys, and CLs at the strengths that were tried.

    Attributes:
        toys: a hypothesis and strength.
        mu, cls, cls_error, cls_expected: (strengths,), the last at -2 to 2 sigma.
        clb: (strengths,) observed.
        observed_mu, expected_mu, observed_fb, expected_fb: null outside the strengths tried.
        failed: toys without a fit, which are left out; null where they are not counted.
    """

    toys: int
    mu: list[float]
    cls: list[float]
    cls_error: list[float]
    cls_expected: list[Band]
    clb: list[float]
    observed_mu: float | None
    expected_mu: PartialBand
    observed_fb: float | None
    expected_fb: PartialBand
    failed: int | None = None


NOTHING: PartialBand = (None, None, None, None, None)


class Limits(Result):
    """CLs upper limits of one search.

    Attributes:
        method: its name.
        sensitive: whether the search has a net signal and excludes some strength of it; if not,
            all limits are null. They also are where no minimum was found, which `reason` says.
        level: 1 - confidence level.
        observed_mu, observed_fb, observed_events, observed_visible_fb: on the signal strength, the
            cross-section, the events of all bins and the visible cross-section.
        observed_cls, observed_clb: CLs and CLb at the observed limit.
        expected_mu, expected_fb, expected_events: at -2 to 2 sigma, for the cut as it is,
            trained on data with the injected signal; trained without it, it keeps less signal.
        reference_cross_section_fb: where the signal strength is 1; null in a workspace of others
            that comes without one, and so is every limit in fb.
        scan: of CLs.
        toys: the same with toys, null if there are none.
        at_bounds: parameters that end at a bound of a workspace of others, in one of the fits to
            the data without signal, at the best strength and at the observed limit.
        reason: why there is no limit, or none with toys; null if nothing lacks.
    """

    method: str
    sensitive: bool
    level: float
    reference_cross_section_fb: float | None
    observed_mu: float | None = None
    observed_fb: float | None = None
    observed_events: float | None = None
    observed_visible_fb: float | None = None
    observed_cls: float | None = None
    observed_clb: float | None = None
    expected_mu: PartialBand = NOTHING
    expected_fb: PartialBand = NOTHING
    expected_events: PartialBand = NOTHING
    scan: ClsScan | None = None
    toys: ToyLimits | None = None
    at_bounds: tuple[AtBound, ...] = ()
    reason: str | None = None


class GridPoint(Result):
    """A signal of a grid.

    Attributes:
        name: of its patch or file.
        values: its place, such as masses.
        cls_observed, cls_expected, clb_observed: CLs at strength 1, the second at -2 to 2 sigma,
            and CLb.
        limits: on the strength; `reason` says why there are none.
    """

    name: str
    values: list[float]
    cls_observed: float | None
    cls_expected: PartialBand
    limits: Limits
    clb_observed: float | None = None


class SignalGrid(Result):
    """Limits over a grid of signals; `axes` are what the values of its points are."""

    name: str
    level: float
    axes: list[str]
    points: tuple[GridPoint, ...]


class LimitsBench(Result):
    """How fast limits are set, in CPU seconds.

    Attributes:
        masses, nuisances, channels: of the scan.
        seconds: of all masses.
        peer_masses: those that `pyhf.infer.intervals.upper_limits.upper_limit` scanned too.
        peer_seconds_per_mass: of pyhf, limit by limit.
        ratio: how many times faster a mass is here.
        largest_difference: of the limits at the masses that both scanned, relative.
        ten_bins_seconds: limits of ten bins with an uncertainty each.
        hundred_nuisances_seconds: a fit with MINOS of a model of a hundred nuisance parameters.
    """

    masses: int
    nuisances: int
    channels: int
    seconds: float
    peer_masses: int
    peer_seconds_per_mass: float
    ratio: float
    largest_difference: float
    ten_bins_seconds: float
    hundred_nuisances_seconds: float
