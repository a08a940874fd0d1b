"""Results of the detector's validation."""

from __future__ import annotations

from typing import Literal

from pydantic import ConfigDict

from jetchain.core.schema.base import Result

Status = Literal["passed", "failed", "undecided"]


class ValidationNumber(Result):
    """One row of the table of validation numbers.

    Fields:
        quantity, sample: what it is, and what it was measured on.
        value, error: measured, with its statistical error, in `unit`.
        reference: published or expected value, None where there is none.
        tolerance: how far off it is allowed to be, besides the error; None without a reference.
        pull: (value - reference) / sqrt(error^2 + tolerance^2), None where that has no meaning.
        status: where the tolerance is a rule, what it says (`core.validation`); else None.
        source: where the reference comes from.
    """

    quantity: str
    value: float
    error: float
    unit: str
    sample: str
    reference: float | None
    tolerance: float | None
    pull: float | None
    status: Status | None
    source: str


class Validation(Result):
    """What every verb of the validation writes."""

    numbers: list[ValidationNumber]


class NumbersOfValidation(Validation):
    """The rows of any of these files, without the rest."""

    model_config = ConfigDict(extra="ignore")


class Bin(Result):
    """Edges of a bin."""

    low: float
    high: float


class Description(Result):
    """A distribution: mean and spread of all, core's mean and relative width; with errors."""

    n: int
    mean: float
    mean_error: float
    spread: float
    core: float
    core_error: float
    resolution: float
    resolution_error: float


class GaussianCore(Result):
    """Mean and width of the Gaussian core of n values, with errors."""

    n: int
    mean: float
    mean_error: float
    width: float
    width_error: float


class DescribedBin(Bin, Description):
    """A distribution in a bin."""


class ResponseBin(Bin):
    """Response to particles of a bin of energy.

    Fields:
        energy: geometric mean, GeV.
        clusters: mean number of clusters.
        seen: part that makes a cluster, with its interval.
        response: mean of E(clusters) / E(true), of all.
        layers: mean share of each layer in the clusters' energy; empty for too few.
    """

    energy: float
    clusters: float
    clusters_error: float
    seen: float
    seen_interval: tuple[float, float]
    response: float
    layers: list[float]
    layers_error: list[float]


class DescribedResponseBin(ResponseBin, Description):
    """The same, with the distribution of those that make a cluster: where there are enough."""


class DescribedEtaBin(DescribedBin):
    """Response in a bin of abs(eta); clusters: mean number, with its error."""

    clusters: float
    clusters_error: float


class CalorimeterFit(Result):
    """sigma/E = a/sqrt(E) (+) b (+) c/E, E in GeV; lowest: energy of the first point fitted."""

    a: float
    a_error: float
    b: float
    b_error: float
    c: float
    c_error: float
    chi2: float
    ndf: int
    lowest: float


class KindResponse(Result):
    """Response to one kind of particle; no fit with too few points."""

    by_energy: list[DescribedResponseBin | ResponseBin]
    by_eta: list[DescribedEtaBin]
    fit: CalorimeterFit | None


class ResponseValidation(Validation):
    """Response by kind; names of the layers; largest abs(eta) of one plot, least GeV of another."""

    layers: list[str]
    central_eta: float
    eta_energy: float
    kinds: dict[str, KindResponse]


class ResponseAtEnergy(Result):
    """Median of E(clusters) / E(true) of pions of one energy (GeV), and its relative width."""

    energy: float
    median: float
    median_error: float
    resolution: float
    resolution_error: float


class ShowersValidation(Validation):
    """Share of each layer in electrons of `energy` GeV, with its error; published shares; pions."""

    layers: list[str]
    share: list[float]
    error: list[float]
    energy: float
    published: dict[str, float]
    pions: list[ResponseAtEnergy]


class PionResponse(Result):
    """Mean and spread of the response of n pions."""

    n: int
    mean: float
    mean_error: float
    spread: float
    spread_error: float


class PionsValidation(Validation):
    """Response to pions of 20 GeV by kind."""

    kinds: dict[str, PionResponse]


class SeparationBin(Bin):
    """Part of the neutral pions of a bin of pT (GeV) whose photons separate."""

    share: float
    interval: tuple[float, float]


class Pi0Validation(Validation):
    """Mass of the neutral pion and measured peaks, MeV; range of pT of the peaks, GeV."""

    peak_pt: tuple[float, float]
    mass: float
    peaks: dict[str, GaussianCore]
    separation: list[SeparationBin]


class EfficiencyBin(Bin):
    """Part of the particles of a bin that have a track."""

    efficiency: float
    interval: tuple[float, float]


class ResolutionPoint(Result):
    """Resolution of a track parameter at a pT in GeV."""

    pt: float
    sigma: float
    error: float


class Width(Result):
    """Half the central 68 %, with its error."""

    width: float
    width_error: float


class KindTracks(Result):
    """Tracks of one kind of particle.

    Fields:
        efficiency_pt, efficiency_eta: in bins of pT (GeV) and of abs(eta).
        found, thrown: numbers of particles.
        resolutions: of each parameter (mm, rad, 1/MeV).
        hard_momentum: sigma(p)/p at 500 GeV, from tracks above; None with too few of them.
        over_table: width of the residuals over that of COCOA's table, or of the hits if larger.
        pulls: of each parameter that has an error.
    """

    efficiency_pt: list[EfficiencyBin]
    efficiency_eta: list[EfficiencyBin]
    found: int
    thrown: int
    resolutions: dict[str, list[ResolutionPoint]]
    hard_momentum: Width | None
    over_table: dict[str, Width]
    pulls: dict[str, GaussianCore]


class TabulatedResolution(Result):
    """COCOA's resolutions of a track parameter, and their pT in GeV."""

    pt: list[float]
    sigma: list[float]


class TracksValidation(Validation):
    """Tracks by kind; COCOA's resolutions by parameter; the curves that are drawn from: pt, and by
    parameter."""

    kinds: dict[str, KindTracks]
    cocoa: dict[str, TabulatedResolution]
    curve: dict[str, list[float]]


class MetBin(Bin):
    """Resolution of Ex and Ey (GeV) in a bin of the sum of transverse energies (GeV)."""

    sum_et: float
    sigma: float
    sigma_error: float
    mean: float


class ScalingFit(Result):
    """sigma = k sqrt(sum ET)."""

    k: float
    k_error: float
    chi2: float
    ndf: int


class JetsFit(ScalingFit):
    """sigma = k sqrt(sum ET) (+) b sum ET."""

    b: float
    b_error: float


class MetValidation(Validation):
    """Resolution in bins, and its fits; events with neutrinos of less than `neutrino_pt` GeV."""

    neutrino_pt: float
    events: int
    kept: int
    bins: list[MetBin]
    fits: dict[str, JetsFit | ScalingFit | None]


class JetBin(DescribedBin):
    """Response of matched jets; mean of the binned variable; part that is matched."""

    centre: float
    matched: float
    matched_interval: tuple[float, float]


class JetsValidation(Validation):
    """Response in bins of pT and of abs(eta), the latter above `eta_pt` GeV."""

    by_pt: list[JetBin]
    by_eta: list[JetBin]
    eta_pt: float


class NoiseValidation(Validation):
    """Empty events: seeds by layer beside what is expected; clusters and cells."""

    events: int
    layers: list[str]
    seeds: list[int]
    expected: list[float]
    clusters: int
    cells: int
