"""The detector's part of the configuration."""

from typing import Self

from pydantic import field_validator, model_validator

from jetchain.core.resources import RESOURCES
from jetchain.core.settings import Settings, key, require_known

GEOMETRIES = RESOURCES / "geometry"


class ClusteringSettings(Settings):
    """Topological clustering (COCOA, Topo_clust_func.cc; ATLAS, arXiv:1603.02934)."""

    seed_threshold: float = key(4.6, "a cell above it starts a cluster", unit="sigma", gt=0)
    growth_threshold: float = key(2.0, "a cell above it passes the cluster on", unit="sigma", gt=0)
    boundary_threshold: float = key(0.0, "a cell above it is attached", unit="sigma", ge=0)
    symmetric: bool = key(
        False,
        "thresholds on |E|/sigma as in ATLAS: noise lowers a cluster as often as it lifts it; "
        "false: on E/sigma as in COCOA, whose response to pions the showers are tuned to",
    )
    split_energy: float = key(400.0, "least energy of a local maximum", unit="MeV", gt=0)
    split_neighbours: int = key(4, "least number of a maximum's clustered neighbours", ge=0)
    sharing_length: float = key(
        1.0, "length in the weight exp(-distance/length) of a shared cell", unit="mm", gt=0
    )

    @model_validator(mode="after")
    def _falling_thresholds(self) -> Self:
        if not self.seed_threshold >= self.growth_threshold >= self.boundary_threshold:
            raise ValueError("seed, growth and boundary threshold must fall in this order")
        return self


class PileupSettings(Settings):
    """Minimum-bias collisions laid over every event (detector/flight/pileup.py)."""

    mean: float = key(0.0, "mean number of pile-up collisions an event; 0 for none", ge=0)
    spread_z: float = key(
        50.0,
        "standard deviation of the collisions' places along the beam; the default is our choice",
        unit="mm",
        ge=0,
    )


class SimulationSettings(Settings):
    """What `detector.simulate` needs."""

    # COCOA has 1 GeV, which leaves out 35 % of the constituents and 14 % of the mass of quark jets
    # of 500 GeV. At 0.3 GeV it is 15 % and 3 %. A charged particle below it turns within 26 cm, and
    # a neutral one hardly makes a seed of 4.6 sigma (0.16 GeV in ECAL2).
    particle_pt_min: float = key(
        0.3, "primaries below are not simulated; the account counts them", unit="GeV", ge=0
    )
    particle_eta_max: float = key(3.0, "primaries beyond are not simulated", gt=0, le=6)
    track_eta_max: float = key(2.5, "acceptance of the tracker", gt=0, le=6)
    track_efficiency: float = key(
        1.0, "share of the tracks in acceptance with enough hits that are found", ge=0, le=1
    )
    smear_tracks: bool = key(True, "smear the track parameters with COCOA's resolutions")
    decays: bool = key(True, "long-lived particles decay in flight")
    material: bool = key(
        True,
        "conversions, bremsstrahlung and nuclear interactions in the tracker, and the iron in "
        "front of the calorimeter",
    )
    noise: bool = key(True, "electronic noise on every cell")
    sampling_step: float = key(
        0.75,
        "mean energy of the steps that COCOA keeps or drops: the stochastic term is "
        "sqrt(step (1 - f) / f), 10 %/sqrt(E) in the ECAL; 0 for no sampling fluctuations",
        unit="MeV",
        ge=0,
    )
    clustering: ClusteringSettings = key(ClusteringSettings(), "topological clustering")
    pileup: PileupSettings = key(PileupSettings(), "pile-up")
    truth_fraction: float = key(
        0.01, "least share of a cell or cluster for which a particle is listed", ge=0, lt=0.5
    )
    store_cells: bool = key(True, "write the clustered cells (most of the file's size)")
    chunk_events: int = key(250, "events simulated and written at a time; no result changes", ge=1)


class BenchSettings(Settings):
    """What is timed by `make bench`."""

    sample: str = key("quark", "sample whose first shard and process are timed", min_length=1)
    events: int = key(200, "events to time", ge=1)


class BenchJobSettings(Settings):
    """What `detector.bench` needs."""

    bench: BenchSettings = key(BenchSettings(), "what is timed")
    simulation: SimulationSettings = key(SimulationSettings(), "the detector that is timed")


class EstimatorSettings(Settings):
    """How the numbers of the validation are estimated."""

    replicas: int = key(100, "bootstrap replicas, for the errors of robust estimates", ge=10)
    minimum_entries: int = key(30, "bins with fewer entries are left out", ge=5)


class NoiseSettings(Settings):
    """The validation's simulation of empty events."""

    events: int = key(4000, "empty events simulated to count noise clusters", ge=1)


class NoiseJobSettings(Settings):
    """What `detector.validation.noise` needs."""

    noise: NoiseSettings = key(NoiseSettings(), "the empty events")
    simulation: SimulationSettings = key(SimulationSettings(), "the detector")


class ShowersSettings(Settings):
    """The validation's electrons without material in front."""

    electrons: int = key(50, "electrons in each of the 20 batches", ge=1)


class ShowersJobSettings(Settings):
    """What `detector.validation.showers` needs."""

    showers: ShowersSettings = key(ShowersSettings(), "the electrons")
    simulation: SimulationSettings = key(SimulationSettings(), "the detector")


class JetsJobSettings(Settings):
    """What `detector.validation.jets` needs; the thresholds are those of the simulation."""

    estimators: EstimatorSettings = EstimatorSettings()
    particle_pt_min: float
    particle_eta_max: float


class ValidationSettings(Settings):
    """Response, resolutions and noise, measured on guns and on events."""

    gun: str = key(
        "particle_gun", "gun sample of one particle an event over a range of energies", min_length=1
    )
    pions: str = key(
        "pion_20", "gun sample of one charged or neutral pion of 20 GeV an event", min_length=1
    )
    pi0: str = key("pi0_gun", "gun sample of one soft neutral pion an event", min_length=1)
    events: str = key("quark", "sample of jets and missing energy", min_length=1)
    estimators: EstimatorSettings = key(EstimatorSettings(), "how the numbers are estimated")
    noise: NoiseSettings = key(NoiseSettings(), "noise clusters of empty events")
    showers: ShowersSettings = key(ShowersSettings(), "shower profile without material in front")


class DetectorSettings(Settings):
    """The detector room."""

    geometry: str = key("cocoa", "name of the file in resources/geometry", min_length=1)
    simulation: SimulationSettings = key(SimulationSettings(), "the simulation")
    pileup_sample: str = key(
        "minbias",
        "sample whose events are the pile-up; not generated where simulation.pileup.mean is 0",
        min_length=1,
    )
    summary_samples: list[str] = key(
        ["pion_gun", "quark", "top", "Hbb"],
        "samples whose detector figures are drawn",
        min_length=1,
    )
    passing_samples: list[str] = key(
        ["lhco_background", "dijets", "gluon", "Z", "Hcc"],
        "samples whose detector events are removed once all that reads them in a run is done; who "
        "reads them later, such as particle flow with another setting, simulates them again",
    )
    validation: ValidationSettings = key(ValidationSettings(), "the validation of the detector")
    bench: BenchSettings = key(BenchSettings(), "timing beside Pythia")

    @field_validator("geometry")
    @classmethod
    def _known_geometry(cls, value: str) -> str:
        require_known(value, [path.stem for path in GEOMETRIES.glob("*.yaml")], "geometry")
        return value
