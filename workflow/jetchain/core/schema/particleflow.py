"""Tables and results of the particle-flow room."""

from __future__ import annotations

from pydantic import ConfigDict, Field

from jetchain.core.schema.base import EVENT, MOMENTUM, Column, EventTable, Result
from jetchain.core.schema.validation import Validation

PARTICLE_CLASSES = ("charged_hadron", "neutral_hadron", "photon", "electron", "muon")

RECONSTRUCTED = EventTable(
    name="reconstructed particles",
    tree="Events",
    event={**EVENT},
    collections={
        "pflow": {
            **MOMENTUM,
            "label": Column("i4", "", "class: index into " + ", ".join(PARTICLE_CLASSES)),
            "charge": Column("f4", "e", "electric charge"),
            "d0": Column("f4", "mm", "transverse impact parameter of its track, 0 for neutrals"),
            "z0": Column("f4", "mm", "longitudinal impact parameter, 0 for neutrals"),
            "d0_err": Column("f4", "mm", "resolution of d0, 0 for neutrals"),
            "z0_err": Column("f4", "mm", "resolution of z0, 0 for neutrals"),
            "track_idx": Column("i4", "", "index of its track in the detector event, -1 for none"),
            "origin": Column("i4", "", "of its track: index into ORIGINS, -1 without a track"),
            "vertex": Column("i4", "", "of its track: number of the true vertex, -1 likewise"),
            "topo_idx": Column("i4", "", "idx of its main topocluster (from 1), -1 for none"),
        }
    },
)


class CalibrationCutflow(Result):
    """Tracks of single pions, and how many each cut removes, in this order.

    Attributes:
        tracks: all.
        lepton: of electrons and muons.
        not_isolated: with another track near.
        no_cluster: without clusters near of more than a tenth of its momentum.
        used: the rest.
    """

    tracks: int
    lepton: int
    not_isolated: int
    no_cluster: int
    used: int


class ResponseTable(Result):
    """Expected response E/p of charged hadrons, ``calibration.json``.

    Attributes:
        pt_edges, eta_edges: lower edges of the bins in pT (GeV) and |eta|.
        mean, sigma: of E/p; (pT, |eta|, layer of highest energy density).
        share: of the layers in the mean; (pT, |eta|, layer of highest energy density, layer).
        entries: pions in the bin; as mean.
        filled: whether a bin has a value of its own, not its nearest neighbour's; likewise.
        bins_filled, bins_from_neighbours: how many.
        cutflow: of the tracks.
    """

    pt_edges: list[float]
    eta_edges: list[float]
    mean: list[list[list[float]]]
    sigma: list[list[list[float]]]
    share: list[list[list[list[float]]]]
    entries: list[list[list[int]]]
    filled: list[list[list[bool]]]
    bins_filled: int
    bins_from_neighbours: int
    cutflow: CalibrationCutflow


class PublishedResponse(Result):
    """COCOA's table of E/p, from Geant4: (bins,) each.

    Attributes:
        source: where it is from.
        layer: of highest energy density.
        eta, pt: lower edges of the bins in |eta| and in pT (GeV).
        mean, spread: of E/p.
    """

    source: str
    layer: list[int]
    eta: list[float]
    pt: list[float]
    mean: list[float]
    spread: list[float]


class ComparedBin(Result):
    """Response of the simulation and of Geant4 in a bin; see `PublishedResponse`."""

    layer: int
    eta: float
    pt: float
    entries: int
    mean: float
    spread: float
    cocoa_mean: float
    cocoa_spread: float


class ResponseComparison(Validation):
    """The bins that both tables have; those with `least` pions make the numbers."""

    least: int
    bins: list[ComparedBin]


class PhotonCurve(Result):
    """Response to photons in one bin of |eta|, against the measured pT.

    Attributes:
        measured_pt: median, GeV, rising.
        response: by which the measured pT is divided, so that photons come out right on average.
        error: of it.
        spread: of the response, relative to it.
        photons: how many.
        of_all: the bin has too few photons of its own: this is one point of all photons together.
    """

    measured_pt: list[float]
    response: list[float]
    error: list[float]
    spread: list[float]
    photons: list[int]
    of_all: bool = False


class PhotonTable(Result):
    """Expected response to photons, ``photon_calibration.json``.

    Attributes:
        eta_edges: lower edges of the bins in |eta|.
        curves: one a bin.
    """

    eta_edges: list[float]
    curves: list[PhotonCurve]


class ShapeTable(Result):
    """Clusters of single photons and neutral hadrons, counted in the bins of `shapes.SHAPES`.

    Attributes:
        photon, hadron: by shape; (energies, bins).
    """

    photon: dict[str, list[list[int]]]
    hadron: dict[str, list[list[int]]]


class HadronCurve(Result):
    """Calibration of neutral hadrons in one bin of |eta|, against the measured energy.

    Attributes:
        measured: energy of the clusters, GeV, rising.
        factor: true over measured energy.
        hadrons: how many.
    """

    measured: list[float]
    factor: list[float]
    hadrons: list[int]


class MuonTable(Result):
    """What muons leave in the clusters that they cross, in bins of |eta|.

    Attributes:
        mean, sigma: MeV.
        share: of the layers; (|eta|, layers).
    """

    mean: list[float]
    sigma: list[float]
    share: list[list[float]]


class ShowerTable(Result):
    """Showers of single photons, neutral hadrons and muons, ``shower_calibration.json``.

    Attributes:
        eta_edges: lower edges of the bins in |eta|.
        shapes: of photons and neutral hadrons.
        hadrons: calibration of the latter, one a bin.
        muons: what they leave.
    """

    eta_edges: list[float]
    shapes: ShapeTable
    hadrons: list[HadronCurve]
    muons: MuonTable


class Ratio(Result):
    """A share with its central 68 % Clopper-Pearson interval; value None of nothing."""

    passed: int
    total: int
    value: float | None
    low: float
    high: float


class Ratios(Result):
    """The same in bins of pT, and of all together, those beyond the bins included."""

    overall: Ratio
    passed: list[int]
    total: list[int]
    value: list[float | None]
    low: list[float]
    high: list[float]


class Spread(Result):
    """Median and IQR / median, as of pT(reco) / pT(true), with errors; None below 4 entries."""

    median: float | None
    median_error: float | None
    width: float | None
    width_error: float | None
    entries: int


class Spreads(Result):
    """The same in bins of pT, and of all together, those beyond the bins included."""

    overall: Spread
    median: list[float | None]
    median_error: list[float | None]
    width: list[float | None]
    width_error: list[float | None]
    entries: list[int]


class GroupPerformance(Result):
    """How well one class, or some together, is reconstructed; see `particleflow.evaluate`."""

    efficiency: Ratios
    floor: Ratios
    fake_rate: Ratios
    purity: Ratios
    response: Spreads
    distance: Spreads


class ParticleCounts(Result):
    """Particles, and those in the acceptance of the evaluation."""

    all: int
    in_acceptance: int


class Cones(Result):
    """Sum of pT over the true one, in a cone around the leading true particles of an event."""

    pflow: Spread
    topo: Spread


class Composition(Result):
    """Share of each class (PARTICLE_CLASSES) in the sum of pT in the acceptance.

    Attributes:
        truth, reconstructed: (classes,) shares.
        error: (classes,) standard error of their difference.
    """

    truth: list[float]
    reconstructed: list[float]
    error: list[float]


class Performance(Result):
    """How well an algorithm reproduces the true particles, ``performance/<algorithm>.json``.

    Attributes:
        pt_edges: of the bins, GeV.
        classes: PARTICLE_CLASSES.
        groups: by class, and charged, neutral and all.
        confusion: matched true particles by their class and by that given; (classes, classes).
        true_particles, reconstructed_particles: how many.
        composition: by sample.
        cone: of the algorithm, and of topoclusters alone.
        events: how many.
    """

    pt_edges: list[float]
    classes: list[str]
    groups: dict[str, GroupPerformance]
    confusion: list[list[int]]
    true_particles: ParticleCounts
    reconstructed_particles: ParticleCounts
    composition: dict[str, Composition]
    cone: Cones
    events: int


class GunBin(Result):
    """Sum of all reconstructed energy over the true one, of particles in a bin of pT or |eta|.

    Attributes:
        low, high: of the bin.
        mean, error: over those of which anything was reconstructed.
        mean_of_all: the lost ones included, as 0.
        lost: their share.
        particles: how many.
    """

    low: float
    high: float
    mean: float
    error: float
    mean_of_all: float
    lost: float
    particles: int


class GunResponse(Result):
    """In bins of pT (GeV); in bins of |eta|, of the pT that `validate_gun` names."""

    by_pt: list[GunBin]
    by_eta: list[GunBin]


class GunValidation(Validation):
    """Single particles through an algorithm, ``gun_validation/<algorithm>.json``, by kind."""

    kinds: dict[str, GunResponse]


class TargetCounts(Result):
    """Where the true particles of the training files went, ``<algorithm>/targets.json``."""

    model_config = ConfigDict(populate_by_name=True)

    particles: int
    on_track: int = Field(alias="on their track")
    on_cluster: int = Field(alias="on a topocluster")
    charged_on_cluster: int = Field(alias="charged without a track, on a topocluster")
    merged: int = Field(alias="merged into a more energetic one")
    without_node: int = Field(alias="without a node")
    lost_muons: int = Field(alias="muons without a track")


class InfluenceExample(Result):
    """A cluster, and the nodes around it with their influence on it.

    Attributes:
        number: of the event.
        centre: index of the cluster among the nodes.
        expected_pt: of the cluster, GeV.
        delta_eta, delta_phi: from the cluster, at the calorimeter; (nodes,).
        pt: of the track or cluster, GeV; (nodes,).
        is_track: 1 for a track; (nodes,).
        influence: change of the expected pT by the node, GeV; (nodes,).
        edges: source, target; (edges, 2).
    """

    number: int
    centre: int
    expected_pt: float
    delta_eta: list[float]
    delta_phi: list[float]
    pt: list[float]
    is_track: list[int]
    influence: list[float]
    edges: list[list[int]]


class InfluenceByDistance(Result):
    """Mean |influence| / expected pT of a node in bins of its distance.

    Attributes:
        pairs: of a node and a cluster.
        mean: over the pairs.
        error: from the spread over the clusters; None where fewer than two have pairs.
    """

    pairs: list[int]
    mean: list[float]
    error: list[float | None]


class InfluenceProfile(Result):
    """Influence against distance: edges in dR, of tracks, and of clusters."""

    edges: list[float]
    track: InfluenceByDistance
    cluster: InfluenceByDistance


class Influence(Result):
    """What a network looks at, ``<algorithm>/influence.json``.

    Attributes:
        example: one cluster; None if there is none.
        profile: over all clusters.
        events: how many were read.
        clusters: how many of them have more than pt_min.
        pt_min: expected pT from which a cluster counts, GeV.
    """

    example: InfluenceExample | None
    profile: InfluenceProfile
    events: int
    clusters: int
    pt_min: float
