"""Tables and results of the jets room."""

from __future__ import annotations

from typing import Any

from pydantic import ConfigDict, Field, SerializerFunctionWrapHandler, model_serializer

from jetchain.core.schema.base import EVENT, Column, Columns, EventTable, Result
from jetchain.core.schema.validation import Validation

JET_CLASSES = ("quark", "gluon", "W", "Z", "top", "Hbb", "Hcc")

JET: Columns = {
    "pt": Column("f4", "GeV", "transverse momentum"),
    "eta": Column("f4", "", "pseudorapidity"),
    "phi": Column("f4", "rad", "azimuth"),
    "m": Column("f4", "GeV", "invariant mass"),
    "msd": Column("f4", "GeV", "soft-drop mass"),
    "zg": Column("f4", "", "soft drop's momentum sharing; 0 where no splitting passes"),
    "rg": Column("f4", "", "soft drop's radius, dR of that splitting; 0 likewise"),
    "tau1": Column("f4", "", "1-subjettiness (beta = 1, WTA kT axes), normalised by sum pT R"),
    "tau2": Column("f4", "", "2-subjettiness"),
    "tau3": Column("f4", "", "3-subjettiness"),
    "reach": Column("f4", "", "dR (in rapidity) from the axis to the farthest constituent"),
    "label": Column("i4", "", "index into JET_CLASSES by matching to partons, -1 for none"),
    "constituents": Column("i4", "", "indices of its particles in the input", nested=True),
}

# Of reconstructed jets only; pt, m and msd of JET are calibrated where jets.calibration is on.
UNCALIBRATED: Columns = {
    "pt_raw": Column("f4", "GeV", "transverse momentum before the calibration"),
    "m_raw": Column("f4", "GeV", "invariant mass before the calibration"),
    "msd_raw": Column("f4", "GeV", "soft-drop mass before the calibration"),
    "photon": Column("f4", "", "share of its constituents' pT that photons have"),
    "neutral_hadron": Column("f4", "", "share that neutral hadrons have"),
}
SHARES = ("photon", "neutral_hadron")
"""Of the pT, by which the calibration corrects it in turn."""


def jet_collection(radius: float, truth: bool = False) -> str:
    """Name of a collection of jets: ak8, ak10, truth_ak8, ..."""
    return f"{'truth_' if truth else ''}ak{round(10 * radius)}"


def jets_table(
    radii: tuple[float, ...], truth_radii: tuple[float, ...] | None = None
) -> EventTable:
    """Jets on reconstructed and on truth particles, one collection a radius.

    Args:
        radii: of the jets.
        truth_radii: among them, those of true jets; all if not given.
    """
    true = radii if truth_radii is None else truth_radii
    return EventTable(
        name="jets",
        tree="Jets",
        event={**EVENT},
        collections={
            jet_collection(radius, truth): JET if truth else JET | UNCALIBRATED
            for radius in radii
            for truth in (False, True)
            if not truth or radius in true
        },
        missing="Of a sample those jets are clustered that something reads: name the radius in "
        "jets.clustering.radii, and every sample has it, with true jets.",
    )


class ResponseFit(Result):
    """Reconstructed over true value as a smooth function; see `jets.response`.

    Attributes:
        eta: (nodes,) |eta| between which the coefficients are interpolated.
        pt_range: of the true pT in GeV; outside, the value at its end.
        ratio_range: of the third variable, likewise; null where there is none.
        powers: (terms, 2) powers of the two variables, scaled to [-1, 1].
        coefficients: (nodes, terms).
        covariance: (nodes * terms, nodes * terms) of the coefficients.
        bounds: the response is no less and no more, whatever the polynomial says; null for none.
    """

    eta: list[float]
    pt_range: tuple[float, float]
    ratio_range: tuple[float, float] | None
    powers: list[tuple[int, int]]
    coefficients: list[list[float]]
    covariance: list[list[float]]
    bounds: tuple[float, float] | None = None


class JetCalibration(Result):
    """The responses of one collection of jets.

    Attributes:
        radius: of the jets.
        jets: true jets with a reconstructed one that the responses are made from.
        pt: of the transverse momentum.
        shares: what is left of it against the share of each of `SHARES`, one after the other.
        m: of the mass scaled like the pT, against true mass over true pT.
    """

    radius: float
    jets: int
    pt: ResponseFit
    shares: list[ResponseFit]
    m: ResponseFit


class JetCalibrations(Result):
    """The calibration of every radius, ``calibration.json``."""

    radii: list[JetCalibration]


class Response(Result):
    """Of matched jets: median of reconstructed over true value, and IQR / 1.349 over it."""

    median: float
    median_error: float
    resolution: float
    resolution_error: float


class ClosureRow(Result):
    """Responses of jets in a bin of true pT and |eta|, before and after the calibration.

    Attributes:
        jets: `all` isolated jets of the calibration's sample, each shard with the calibration that
            the others make, or a class of the summary's samples.
        radius: of the jets.
        pt_low, pt_high: true pT, GeV; of a class from where on all of its jets are reconstructed.
        eta_low, eta_high: true |eta|.
        number: of matched jets.
        pt, m, msd: median and resolution with their errors (`Response`) after the calibration.
        pt_raw, m_raw, msd_raw: before it.
    """

    jets: str
    radius: float
    pt_low: float
    pt_high: float
    eta_low: float
    eta_high: float
    number: int
    pt: Response
    m: Response
    msd: Response
    pt_raw: Response
    m_raw: Response
    msd_raw: Response


class UncertaintyRow(Result):
    """Relative uncertainties of jets in a bin of true pT and |eta|.

    Each scale (JES, JMS) is the sum in quadrature of what does not close, of the error of the fit,
    and of the flavour: half the difference of quark and gluon jets at that pT, or at the nearest
    with enough of both. Each resolution (JER, JMR) stands with its own uncertainty: its statistical
    error and half that difference.

    Attributes:
        radius: of the jets.
        pt_low, pt_high, eta_low, eta_high: the bin.
        jes, jes_closure, jes_fit, jes_flavour: of the scale of pT.
        jms, jms_closure, jms_fit, jms_flavour: of the scale of the mass.
        jer, jer_uncertainty: resolution in pT, and how well it is known.
        jmr, jmr_uncertainty: resolution in mass, likewise.
    """

    radius: float
    pt_low: float
    pt_high: float
    eta_low: float
    eta_high: float
    jes: float
    jes_closure: float
    jes_fit: float
    jes_flavour: float
    jms: float
    jms_closure: float
    jms_fit: float
    jms_flavour: float
    jer: float
    jer_uncertainty: float
    jmr: float
    jmr_uncertainty: float


# Pole masses in GeV, PDG 2024 (S. Navas et al., Phys. Rev. D 110 (2024) 030001). The peaks of jets
# lie near them, moved by radiation.
PEAK_MASSES = {"W": 80.37, "Z": 91.19, "top": 172.6, "Hbb": 125.2, "Hcc": 125.2}

CLOSURE_WANTED = {"pt": 0.01, "m": 0.02}
"""How far from 1 the median response of calibrated jets may lie."""

PEAK_WANTED = 0.02
"""Likewise of the soft-drop mass in the peaks of W, Z, top and H."""


class JetClosure(Validation):
    """How well the calibration closes, ``closure.json``; bins with too few jets are left out.

    Attributes:
        closure: in bins of true pT and |eta|.
        uncertainties: in the same bins.
    """

    closure: list[ClosureRow]
    uncertainties: list[UncertaintyRow]


class JetsBench(Result):
    """How fast jets are made, ``results/bench/jets.json``; CPU time.

    Attributes:
        radius: of the jets.
        rounds: of which the medians are taken.
        milliseconds_per_event: of every step.
        fastjet_milliseconds_per_event: of FastJet's clustering alone.
        ratio_to_fastjet: of all steps to it.
    """

    radius: float
    rounds: int
    milliseconds_per_event: dict[str, float]
    fastjet_milliseconds_per_event: float
    ratio_to_fastjet: float


class JetPeak(Result):
    """The soft-drop mass peak of a class of jets; see `jets.peaks.Peak`.

    Attributes:
        level: reconstructed or truth.
        jet_class: one of JET_CLASSES.
        position, position_error, width, width_error: GeV.
        jets: number in the window of the fit.
        chi2_per_bin: of the fit.
        valid: whether it converged.
    """

    model_config = ConfigDict(populate_by_name=True)

    level: str
    jet_class: str = Field(alias="class")
    position: float
    position_error: float
    width: float
    width_error: float
    jets: int
    chi2_per_bin: float
    valid: bool


class JetResponse(Result):
    """Reconstructed over true pT and mass in a bin of true pT; what is not known is left out.

    Attributes:
        pt_low, pt_high: of the bin, GeV.
        truth_jets, matched: how many.
        pt_median, m_median: of the ratio.
        pt_resolution, m_resolution: interquartile range / 1.349, relative to the median.
    """

    pt_low: float
    pt_high: float
    truth_jets: int
    matched: int
    pt_median: float | None = None
    pt_median_error: float | None = None
    pt_resolution: float | None = None
    pt_resolution_error: float | None = None
    m_median: float | None = None
    m_median_error: float | None = None
    m_resolution: float | None = None
    m_resolution_error: float | None = None

    @model_serializer(mode="wrap")
    def _known(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return {name: value for name, value in handler(self).items() if value is not None}


class JetSummary(Result):
    """Numbers of all jets, ``summary.json``.

    Attributes:
        radius: of the jets.
        events: how many.
        jets: in the pT window by level and class, and those unmatched.
        peaks: of the classes with a resonance.
        response: in bins of true pT.
    """

    radius: float
    events: int
    jets: dict[str, dict[str, int]]
    peaks: list[JetPeak]
    response: list[JetResponse]


class SampledBin(Result):
    """How much of a bin of jet pT comes from the lowest pTHat of the sample.

    Attributes:
        jet_class: the class, and its sample.
        pt_low, pt_high: of the bin, GeV.
        jets: reconstructed jets with the label of the class.
        effective: the unweighted jets with the same relative error.
        lowest, lowest_error: share of the weight.
    """

    jet_class: str
    pt_low: float
    pt_high: float
    jets: int
    effective: float
    lowest: float
    lowest_error: float


class JetSampling(Validation):
    """Jet pT beside pTHat, ``sampling.json``; `numbers` holds the worst bin of each class.

    Attributes:
        edge: width of the strip above the lowest pTHat, GeV.
        bins: of all classes.
        variations: sum of each varied weight over that of the nominal one, by class; empty where
            nothing is varied.
    """

    edge: float
    bins: list[SampledBin]
    variations: dict[str, dict[str, float]]


class ClassImage(Result):
    """The average image of a class: number of jets, mean pT (GeV), share of the pT outside."""

    jets: int
    mean_pt: float
    outside: float


class ImageSummary(Result):
    """The average images by class, ``images_summary.json``; classes without jets are left out."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, ClassImage]

    @property
    def classes(self) -> dict[str, ClassImage]:
        """By class."""
        return self.__pydantic_extra__


class JetColumns(Result):
    """Jets of an event in falling pT: GeV and rad, and the names of their labels."""

    pt: list[float]
    eta: list[float]
    phi: list[float]
    m: list[float]
    msd: list[float]
    label: list[str]


class PartonColumns(Result):
    """The outgoing ends of the hard process: PDG codes, and momenta in GeV and rad."""

    pdgid: list[int]
    mother_pdgid: list[int]
    pt: list[float]
    eta: list[float]
    phi: list[float]


class EventJets(Result):
    """The jets of the event that a display shows, ``display/<sample>.json``.

    Attributes:
        number, position: of the event, and its place in its shard.
        radius: of the jets.
        pt_min: of the leading jet, by which the event was chosen, GeV.
        passes: whether its leading jet has that.
        jets, truth: reconstructed and true jets.
        parton: of the hard process.
    """

    number: int
    position: int
    radius: float
    pt_min: float
    passes: bool
    jets: JetColumns
    truth: JetColumns
    parton: PartonColumns
