"""Settings of the jets room: clustering with its substructure and labels, and the summary."""

from __future__ import annotations

import itertools
from typing import Literal, Self

from pydantic import Field, model_validator

from jetchain.core.settings import Settings, key

LEAST_RESPONSE = 0.8
"""A reconstructed jet has hardly less than this part of its true pT. Of true jets nearer to the
smallest reconstructed pT only those are seen that fluctuated up: with a resolution of 7 % the
median of a bin that begins there is 1 % too high, with one of 12 % 3 %. Our choice."""


def radius_fault(radius: float) -> str:
    """Why no jets are clustered with a radius; nothing if they are."""
    if not 0.1 <= radius <= 1.5:
        return "must lie between 0.1 and 1.5"
    if radius != round(radius, 1):
        return "must be a multiple of 0.1: collections are named ak8, ak10"
    return ""


class ClusteringSettings(Settings):
    """What is a jet, and how its substructure is measured."""

    radii: list[float] = key(
        [],
        "further anti-kT radii of the jets of every sample, one collection each; those that "
        "something reads of a sample are clustered in any case (graphs.jets.radius, "
        "jets.summary.radius, jets.images.radius, anomaly.features.radius)",
    )
    pt_min: float = key(200.0, "smallest jet pT, truth and reconstructed", unit="GeV", gt=0)
    eta_max: float = key(2.5, "largest |eta| of the jet's axis", gt=0)
    pileup: Literal["none", "area", "softkiller", "puppi"] = key(
        "none",
        "what is done against pile-up (detector.simulation.pileup): nothing, the median density "
        "times the jet's area is subtracted (its constituents and their soft-drop mass stay), "
        "soft particles are left out before clustering (SoftKiller), or each particle is weighted "
        "(PUPPI; constituents keep their weights in pT and masses of the jets only)",
    )
    truth: Literal["all", "visible"] = key(
        "all",
        "particles of truth jets: all that a detector could see, or of these only those that it "
        "simulates (detector.simulation.particle_pt_min and particle_eta_max)",
    )
    soft_drop_zcut: float = key(0.1, "soft-drop threshold of the momentum sharing", gt=0, lt=0.5)
    soft_drop_beta: float = key(0.0, "soft-drop angular exponent; 0 is the mMDT", ge=0)

    @model_validator(mode="after")
    def _radii_differ(self) -> Self:
        names = [round(10 * radius) for radius in self.radii]
        if len(set(names)) != len(names):
            raise ValueError("radii must differ by at least 0.1: collections are named ak8, ak10")
        for radius in self.radii:
            if fault := radius_fault(radius):
                raise ValueError(f"{radius} {fault}")
        return self


class ClusterJobSettings(ClusteringSettings):
    """What `jets.cluster` reads: the radii that something reads of its sample and, from the
    detector's section, what `truth: visible` and PUPPI need; the rule hands that over where they
    are chosen."""

    radii: list[float] = key(..., "of the jets", min_length=1)
    truth_radii: list[float] | None = key(None, "of true jets, among them; null for all")
    particle_pt_min: float = 0.0
    particle_eta_max: float = Field(float("inf"), allow_inf_nan=True)
    track_eta_max: float = 0.0
    pileup_mean: float = 0.0


class BenchJobSettings(ClusteringSettings):
    """What `jets.bench` reads."""

    radius: float = key(..., "of the jets")


class ResponseSettings(Settings):
    """The bins of the response of jets, and which jets it is measured with."""

    pt_edges: list[float] = key(
        [150.0, 200.0, 280.0, 400.0, 560.0, 800.0, 1100.0, 1600.0, 2300.0, 3300.0],
        "edges of the bins in true pT",
        unit="GeV",
        min_length=2,
    )
    eta_edges: list[float] = key(
        [0.0, 0.5, 1.0, 1.3, 1.6, 2.0, 2.5], "edges of the bins in true |eta|", min_length=2
    )
    mass_pt_edges: list[float] = key(
        [150.0, 280.0, 560.0, 1100.0, 3300.0],
        "edges of the bins in true pT for the mass and for what the jet is made of",
        unit="GeV",
        min_length=2,
    )
    mass_eta_edges: list[float] = key(
        [0.0, 0.5, 1.0, 1.5, 2.0, 2.5],
        "edges of the bins in true |eta| for the same",
        min_length=2,
    )
    mass_ratio_edges: list[float] = key(
        [0.02, 0.05, 0.08, 0.12, 0.17, 0.25, 0.45],
        "edges of the bins in true mass over true pT",
        min_length=2,
    )
    match_radius: float = key(
        0.3, "a reconstructed jet and its truth jet lie within this dR", gt=0, le=1
    )
    isolation: float = key(2.0, "no other jet lies within this dR, in units of R", ge=0)
    minimum_jets: int = key(30, "bins with fewer jets are left out", ge=10)

    @model_validator(mode="after")
    def _edges_rise(self) -> Self:
        for name in ("pt_edges", "eta_edges", "mass_pt_edges", "mass_eta_edges"):
            if any(b <= a for a, b in itertools.pairwise(getattr(self, name))):
                raise ValueError(f"{name} must rise strictly")
        if self.eta_edges[0] < 0 or self.mass_eta_edges[0] < 0:
            raise ValueError("eta_edges and mass_eta_edges are of |eta|: they begin at 0 or above")
        ratios = [0.0, *self.mass_ratio_edges]
        if any(b <= a for a, b in itertools.pairwise(ratios)):
            raise ValueError("mass_ratio_edges must be positive and rise strictly")
        return self


class CalibrationSettings(ResponseSettings):
    """The calibration of energy and mass, from a sample of at least two shards."""

    enabled: bool = key(True, "jets are calibrated")
    sample: str = key("dijets", "sample; each of its shards is tested with what the others make")
    pt_min: float = key(
        100.0,
        "smallest pT of its jets, at most 0.8 times the first of `pt_edges`; softer jets are "
        "calibrated like those of the first edge",
        unit="GeV",
        gt=0,
    )


class CalibrationJobSettings(ResponseSettings):
    """What `jets.calibrate` reads."""

    radii: list[float] = key(..., "of the jets", min_length=1)


class ClosureSettings(Settings):
    """The test of the calibration, by class of jet."""

    pt_edges: list[float] = key(
        [200.0, 300.0, 450.0, 700.0, 1000.0, 1400.0, 2000.0],
        "edges of the bins in true pT",
        unit="GeV",
        min_length=2,
    )
    eta_edges: list[float] = key(
        [0.0, 0.8, 1.6, 2.5], "edges of the bins in true |eta|", min_length=2
    )

    @model_validator(mode="after")
    def _edges_rise(self) -> Self:
        if any(
            b <= a
            for edges in (self.pt_edges, self.eta_edges)
            for a, b in itertools.pairwise(edges)
        ):
            raise ValueError("pt_edges and eta_edges must rise strictly")
        return self


class ClosureJobSettings(ResponseSettings):
    """What `jets.closure` reads."""

    closure: ClosureSettings = key(ClosureSettings(), "bins of the test")
    sample: str = key("dijets", "of the calibration")
    class_radius: float = key(..., "of the jets of the classes")
    class_pt_min: float = key(0.0, "their smallest reconstructed pT", unit="GeV")


class WindowSettings(Settings):
    """Which jets are looked at, and the histograms of their masses."""

    samples: list[str] = key(
        ["quark", "gluon", "W", "Z", "top", "Hbb", "Hcc"],
        "samples that are summed; jets count by their label",
        min_length=1,
    )
    radius: float = key(0.8, "which of the radii", gt=0)
    pt_min: float = key(500.0, "smallest jet pT", unit="GeV", ge=0)
    pt_max: float = key(1000.0, "largest jet pT", unit="GeV", gt=0)
    mass_max: float = key(250.0, "end of the mass histograms", unit="GeV", ge=50)
    mass_bins: int = key(50, "bins of the mass histograms", ge=5)

    @model_validator(mode="after")
    def _window_is_one(self) -> Self:
        if self.pt_max <= self.pt_min:
            raise ValueError("pt_max must be above pt_min")
        return self


class SummarySettings(WindowSettings):
    """The histograms of jet mass, substructure and response."""

    match_radius: float = key(
        0.3, "a reconstructed jet and its truth jet lie within this dR", gt=0, le=1
    )
    response_pt_edges: list[float] = key(
        [300.0, 400.0, 500.0, 600.0, 700.0, 800.0, 1000.0],
        "edges of the bins in truth pT of the response",
        unit="GeV",
        min_length=2,
    )
    minimum_jets: int = key(30, "peaks and responses are given for at least this many jets", ge=10)

    @model_validator(mode="after")
    def _edges_rise(self) -> Self:
        if any(b <= a for a, b in itertools.pairwise(self.response_pt_edges)):
            raise ValueError("response_pt_edges must rise strictly")
        return self


class ImageSettings(Settings):
    """The average jet images; samples are those of the summary."""

    radius: float = key(0.8, "which of the radii, and half the width of the image", gt=0)
    pt_min: float = key(500.0, "smallest jet pT", unit="GeV", ge=0)
    pt_max: float = key(700.0, "largest jet pT", unit="GeV", gt=0)
    pixels: int = key(33, "pixels on each side", ge=5)

    @model_validator(mode="after")
    def _window(self) -> Self:
        if self.pt_max <= self.pt_min:
            raise ValueError("pt_max must be above pt_min")
        return self


class SelectionSettings(Settings):
    """Which event is displayed: the first whose leading jet passes, else that with the hardest."""

    radius: float | None = key(
        None, "radius of the jets; null for the largest that else is clustered of the sample", gt=0
    )
    pt_min: float = key(500.0, "smallest pT of the leading jet", unit="GeV", gt=0)


class SelectionJobSettings(SelectionSettings):
    """What `jets.display` reads."""

    radius: float = key(..., "radius of the jets", gt=0)


class DisplaySettings(Settings):
    """The event displays."""

    samples: list[str] = key(
        ["top", "Hbb", "W", "lhco_signal"],
        "samples of which one event of the first shard that holds any is drawn",
        min_length=1,
    )
    selection: SelectionSettings = key(SelectionSettings(), "the event that is drawn")


class JetsSettings(Settings):
    """The jets room."""

    algorithm: str = key("parametric", "particle flow whose jets the later rooms use")
    clustering: ClusteringSettings = key(
        ClusteringSettings(), "anti-kT jets, soft drop, N-subjettiness, labels"
    )
    calibration: CalibrationSettings = key(
        CalibrationSettings(), "energy and mass, by the response of simulated jets"
    )
    closure: ClosureSettings = key(
        ClosureSettings(), "test of the calibration, on its own sample and on those of the summary"
    )
    summary: SummarySettings = key(SummarySettings(), "mass peaks, substructure and response")
    images: ImageSettings = key(ImageSettings(), "average image of each class")
    display: DisplaySettings = key(DisplaySettings(), "displays of single events")
