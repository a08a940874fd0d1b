"""Tables of the background room: yields, fits and closures."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import model_validator

from jetchain.core.schema.base import Result

NO_CUT = {"inclusive": "no cut"}
"""Name and displayed name of the search without a method: a fit of all data."""


class Normalisation(Result):
    """What numbers of signal events stand for.

    Attributes:
        luminosity_fb: of the background sample, 1/fb.
        signal_acceptance: share of the generated signal events that is selected.
        reference_events, reference_cross_section_fb: selected signal events and cross-section, fb,
            of signal strength 1.
        injected_events, injected_cross_section_fb: the same of the signal in the data.
    """

    luminosity_fb: float
    signal_acceptance: float
    reference_events: int
    reference_cross_section_fb: float
    injected_events: int
    injected_cross_section_fb: float


class CountingBin(Result):
    """One bin of a counting search; all numbers are events.

    Attributes:
        name: unique in its search.
        observed: in the data.
        background, background_uncertainty: estimated from the data.
        signal, signal_uncertainty: expected for the reference cross-section, net of what the
            background estimate takes from them; of the ABCD method, of what kappa takes.
        signal_leakage: what it takes; 0 for an estimate that is not from data.
    """

    name: str
    observed: int
    background: float
    background_uncertainty: float
    signal: float
    signal_uncertainty: float
    signal_leakage: float = 0.0


class AbcdEstimate(Result):
    """How the ABCD method came to its background, b_A = kappa b_B b_C / b_D.

    Attributes:
        cuts: on both ranks.
        uncorrected: B C / D of the counts.
        kappa, kappa_relative_uncertainty: in the signal region, from slices of the sidebands.
        kappa_slope: of log kappa in the mass, 1/TeV.
        kappa_chi2, kappa_ndf: of the slices about the line.
    """

    cuts: tuple[float, float]
    uncorrected: float
    kappa: float
    kappa_relative_uncertainty: float
    kappa_slope: float
    kappa_chi2: float
    kappa_ndf: int


class BackgroundShape(Result):
    """A background in bins of the mass as a sum of templates whose norms are free.

    Attributes:
        name: of the model.
        accepted, p_value: whether it describes the data, and of the worse fits among toys.
        templates: (components, bins) events at norm 1; all norms 1 are the falling shape itself.
        norms: (components,) fitted, none below zero.
        spurious_mu: signal strength that it may make up; the signal's shape, of either sign.
        signal_relative_uncertainty: of the signal in all bins together.
    """

    name: str
    accepted: bool
    p_value: float
    templates: list[list[float]]
    norms: list[float]
    spurious_mu: float
    signal_relative_uncertainty: float


class SignalVariation(Result):
    """The simulated signal of a search beside itself with one thing varied; all are events.

    Attributes:
        method, systematic: the search, and what is varied.
        nominal: (bins,) of the search, counted as the varied ones are.
        up, down: (bins,); null where there is no such variation, both where it is not known.
        up_error: (bins,) statistical error of `up`; null as it is.
    """

    method: str
    systematic: str
    nominal: list[float]
    up: list[float] | None
    down: list[float] | None
    up_error: list[float] | None = None


class SearchYields(Result):
    """The counts of one search, from which the inference room makes its model.

    Attributes:
        method: its name.
        constraint: of the background: `poisson` if it was counted elsewhere, `gaussian` if it is an
            estimate with an error, `free` if it is fitted with the signal, `abcd` if that of the
            first bin follows from those of the other three.
        bins: at least one; the regions A, B, C and D of the ABCD method.
        luminosity_fb: 1/fb.
        reference_cross_section_fb: where the signal strength is 1, fb.
        signal_region: [low, high), TeV; null where the bins are of something else.
        abcd: how the background of the ABCD method came about.
        shape: the background's templates, where it is `free`.

    Yields of before November 2026 call the reference cross-section `signal_cross_section_fb`, and
    tell the injected one too, which Normalisation does now: they are read as well.
    """

    method: str
    constraint: Literal["poisson", "gaussian", "free", "abcd"]
    bins: list[CountingBin]
    luminosity_fb: float
    reference_cross_section_fb: float
    signal_region: tuple[float, float] | None = None
    abcd: AbcdEstimate | None = None
    shape: BackgroundShape | None = None

    @model_validator(mode="before")
    @classmethod
    def _older_form(cls, value: Any) -> Any:
        if isinstance(value, dict) and "signal_cross_section_fb" in value:
            value = {
                name: field for name, field in value.items() if not name.startswith("injected")
            }
            value["reference_cross_section_fb"] = value.pop("signal_cross_section_fb")
        return value


class Search(SearchYields):
    """The counts of one search with the systematic uncertainties of its signal, ``search.json``.

    Attributes:
        variations: of the signal.
        signal_statistics: (bins,) events, the statistical error of the simulated signal where it
            matters, else 0; null where `signal_uncertainty` holds it.
        regions: (bins,) which channel each bin is in, in order; null if all are in one, or each is
            in one of its own.
    """

    variations: tuple[SignalVariation, ...] = ()
    signal_statistics: list[float] | None = None
    regions: list[str] | None = None


class AcceptedModel(Result):
    """Another model of the background that describes the data.

    Attributes:
        shape, order: the falling shape, and the order of the polynomial that multiplies it.
        p_value: of a worse fit, from toys.
        mu, mu_error: signal strength with it, and its statistical error.
    """

    shape: str
    order: int
    p_value: float
    mu: float
    mu_error: float


class SpectrumFit(Result):
    """The fit of signal and background to a mass spectrum.

    Attributes:
        events: in the range of the fit.
        shape, order: of the background: falling shape, and order of the polynomial.
        norms: of its templates; all of them 1 is the falling shape itself.
        f_test: p-value of each step of the order, "3 -> 4", from toys.
        chi2, ndf, p_value: of the fit; the p-value is that of toys.
        accepted: whether this model of the background is.
        others: the other accepted models.
        observed, background, signal: events in the signal region, the last two fitted.
        background_uncertainty: of the fit.
        mu, mu_error: signal strength and its statistical error.
        spurious_mu: the largest strength found in the backgrounds of the other models.
        significance: local, asymptotic, the spurious signal included; negative for a deficit.
    """

    events: int
    shape: str
    order: int
    norms: list[float]
    f_test: dict[str, float]
    chi2: float
    ndf: int
    p_value: float
    accepted: bool
    others: list[AcceptedModel]
    observed: float
    background: float
    signal: float
    background_uncertainty: float
    mu: float
    mu_error: float
    spurious_mu: float
    significance: float


class SpectrumFits(Result):
    """The fits of one method by the efficiency of the cut, "1" for none.

    Attributes:
        method: its name.
        efficiency: share of the sidebands that the cut of the search keeps.
        fits: by efficiency.
    """

    method: str
    efficiency: float
    fits: dict[str, SpectrumFit]


class Sculpting(Result):
    """What a cut does to the mass spectrum.

    Attributes:
        jensen_shannon: divergence of the spectra before and after, bits.
        null_mean, null_std: the same of random subsets of the same size.
    """

    jensen_shannon: float
    null_mean: float
    null_std: float


class Kept(Result):
    """Events of a stretch of the mass before and after a cut."""

    events: int
    kept: int


class SpectrumClosureAtCut(Sculpting):
    """Cut and fit on the true background, where no signal may appear.

    Attributes:
        below, inside, above: of the signal region, what the cut keeps, in the range of the fit.
        chi2, ndf, p_value: of the fit.
        accepted: whether its model of the background is.
        spurious_events: fitted signal in the signal region.
        background: fitted there.
        mu, mu_error, spurious_mu: as in SpectrumFit.
        spurious_significance: of the fitted signal.
    """

    below: Kept
    inside: Kept
    above: Kept
    chi2: float
    ndf: int
    p_value: float
    accepted: bool
    spurious_events: float
    background: float
    mu: float
    mu_error: float
    spurious_mu: float
    spurious_significance: float


class SpectrumClosure(Result):
    """The closure of cut and fit, by the efficiency of the cut."""

    method: str
    background_only: dict[str, SpectrumClosureAtCut]


class AbcdCounts(Result):
    """Events of the four regions, and what B C / D predicts for A.

    Attributes:
        a, b, c, d: counts.
        prediction, prediction_uncertainty: events.
        closure: predicted over observed, null if A is empty.
        pull: of the closure.
    """

    a: float
    b: float
    c: float
    d: float
    prediction: float
    prediction_uncertainty: float
    closure: float | None
    pull: float


class CorrectedCounts(AbcdCounts):
    """The same in the signal region, with the prediction times kappa of its mean mass.

    Null if nothing is predicted.
    """

    corrected: float | None
    corrected_uncertainty: float | None


class KappaPoint(Result):
    """Kappa = A D / (B C) in a slice of the mass.

    Attributes:
        selection: "sidebands, data", "signal region, true background", or "line" through the first.
        mass: mean of the slice, TeV.
        kappa, relative_uncertainty: statistical; of the line that of the estimate.
    """

    selection: str
    mass: float
    kappa: float
    relative_uncertainty: float


class AbcdClosure(Result):
    """The closure of the ABCD method.

    Attributes:
        cuts: on both ranks.
        kappa, kappa_relative_uncertainty: in the signal region, from the sidebands.
        kappas: slices of the mass, and the line through those of the sidebands.
        signal_efficiency: of the cuts, in the signal region.
        contamination: normalised signal contamination, null without signal in A.
        regions: by selection.
    """

    cuts: tuple[float, float]
    kappa: float
    kappa_relative_uncertainty: float
    kappas: list[KappaPoint]
    signal_efficiency: float
    contamination: float | None
    regions: dict[str, CorrectedCounts | AbcdCounts]


class Separation(Result):
    """How well a classifier tells two samples apart.

    Attributes:
        auc: area under its curve.
        null_mean, null_std: the same with permuted labels.
        null_deviations: (auc - null_mean) / null_std, null where the null has no spread.
        p_value: by counting, at least 1 / (permutations + 1).
    """

    auc: float
    null_mean: float
    null_std: float
    null_deviations: float | None
    p_value: float


class TemplateQuality(Result):
    """Drawn events against data where there is no signal."""

    sidebands: Separation


class TemplateClosure(Result):
    """Drawn events against the true background of the data where the signal is sought."""

    signal_region: Separation
