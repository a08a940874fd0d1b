"""Settings of the particle-flow room: calibration, parametric algorithm, network, evaluation."""

from __future__ import annotations

import itertools
from typing import Self

from pydantic import model_validator

from jetchain.core.settings import Settings, key
from jetchain.particleflow.mlpf_settings import InfluenceSettings, MlpfSettings


class CalibrationSettings(Settings):
    """Bins of the expected calorimeter response, measured on single particles."""

    samples: list[str] = key(
        ["pion_gun"], "samples of single particles that the response is measured on",
        min_length=1,
    )  # fmt: skip
    pt_edges: list[float] = key(
        [0.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0],
        "lower edges of the bins in pT; the last bin has no upper edge",
        unit="GeV",
        min_length=1,
    )
    eta_edges: list[float] = key(
        [0.0, 0.5, 1.0, 1.5, 2.0, 2.5],
        "lower edges of the bins in |eta|; the last bin has no upper edge",
        min_length=1,
    )
    radius: float = key(
        0.4,
        "clusters within this dR of a track at ECAL2, or of a photon, count as its shower",
        gt=0,
        le=1,
    )
    minimum_entries: int = key(
        20, "bins with fewer entries take the value of the nearest bin that has enough", ge=2
    )

    @model_validator(mode="after")
    def _edges_rise(self) -> Self:
        for name in ("pt_edges", "eta_edges"):
            edges = getattr(self, name)
            if edges[0] != 0 or any(b <= a for a, b in itertools.pairwise(edges)):
                raise ValueError(f"{name} must start at 0 and rise strictly")
        return self


def photon_calibration() -> CalibrationSettings:
    """The default bins of the response to photons."""
    return CalibrationSettings(
        samples=["photon_gun"],
        pt_edges=[0.0, 1.5, 2.0, 2.7, 3.6, 5.0, 7.0, 10.0, 15.0, 25.0, 50.0],
        eta_edges=[0.0, 0.5, 1.0, 1.3, 1.6, 2.0, 2.5],
        radius=0.2,
    )


class ParametricSettings(Settings):
    """Constants of the parametric particle flow (COCOA's Particle_flow_func.cc)."""

    minimum_ep: float = key(
        0.1, "a cluster matches a track only if its E/p is above this", ge=0, lt=1
    )
    match_distance: list[float] = key(
        [2.4, 1.25, 0.8],
        "largest R' between track and cluster for p < 2, p < 5 and p >= 5 GeV",
        min_length=3,
        max_length=3,
    )
    recover_below: float = key(
        -1.0, "S = (E - <E>) / sigma under which more clusters are added to a track"
    )
    recover_radius: float = key(0.4, "the clusters added lie within this dR", gt=0, le=1)
    remove_below: float = key(
        1.25, "a remnant up to this many sigma_E after subtraction is removed", ge=0
    )
    electron_maximum_ep: float = key(
        1.2, "up to this E/p an electron takes its cluster; above, its momentum is subtracted", gt=1
    )
    calibrate_neutral_hadrons: bool = key(
        True, "scale neutral hadrons that no track touched by the response of single pions"
    )
    photon_fraction: float = key(
        0.9,
        "a neutral cluster with more than this share of its energy in the ECAL is a photon",
        ge=0,
        le=1,
    )


class EvaluationSettings(Settings):
    """Matching of reconstructed to true particles, and the bins of the performance."""

    samples: list[str] = key(
        ["quark", "top"], "samples that the algorithms are compared on", min_length=1
    )
    max_events: int = key(200, "events evaluated per sample and shard, from the first", ge=1)
    max_cost: float = key(1.0, "pairs with sqrt((dpT/pT)^2 + dR^2) above this are no match", gt=0)
    max_distance: float = key(0.2, "pairs farther apart than this dR are no match", gt=0)
    minimum_pt: float = key(
        1.0, "true and reconstructed particles below this pT are not evaluated", unit="GeV", ge=0
    )
    maximum_eta: float = key(2.5, "particles beyond this |eta| are not evaluated", gt=0, le=3)
    pt_edges: list[float] = key(
        [1.0, 2.0, 3.0, 5.0, 10.0, 20.0, 50.0, 100.0, 300.0],
        "edges of the bins in pT",
        unit="GeV",
        min_length=2,
    )


class ParticleflowSettings(Settings):
    """Particle flow: from tracks and clusters to particles."""

    calibration: CalibrationSettings = key(
        CalibrationSettings(), "expected response of charged hadrons, from single pions"
    )
    photon_calibration: CalibrationSettings = key(
        photon_calibration(), "expected response of photons, from single photons"
    )
    parametric: ParametricSettings = key(ParametricSettings(), "the parametric algorithm")
    mlpf: MlpfSettings = key(MlpfSettings(), "the MLPF network")
    influence: InfluenceSettings = key(
        InfluenceSettings(), "what the network looks at, in the first sample of the evaluation"
    )
    evaluation: EvaluationSettings = key(
        EvaluationSettings(), "comparison of the algorithms with the truth"
    )

    @model_validator(mode="after")
    def _training_and_evaluation_apart(self) -> Self:
        held_out = self.mlpf.training.held_out
        for name, events, samples in (
            ("evaluation.max_events", self.evaluation.max_events, self.evaluation.samples),
            ("influence.events", self.influence.events, self.evaluation.samples[:1]),
        ):
            shared = set(self.mlpf.training.samples) & set(samples)
            if shared and held_out < events:
                raise ValueError(
                    f"mlpf.training.held_out ({held_out}) must be at least {name} ({events}): "
                    f"both use sample '{min(shared)}', and no event may be trained on and evaluated"
                )
        return self
