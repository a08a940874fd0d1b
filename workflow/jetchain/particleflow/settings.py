"""Settings of the particle-flow room: calibration, algorithms, evaluation."""

from __future__ import annotations

import itertools
from typing import Any, Self

from pydantic import field_validator, model_validator

from jetchain.core.settings import Settings, key, require_each_once, require_known
from jetchain.particleflow.algorithms import ALGORITHMS, trained
from jetchain.particleflow.calibration_settings import (
    CalibrationSettings,
    photon_calibration,
    shower_calibration,
)
from jetchain.particleflow.network_settings import InfluenceSettings, TransferSettings

Sections: Any = ALGORITHMS.sections()


class EvaluationSettings(Settings):
    """Matching of reconstructed to true particles, and the bins of the performance."""

    samples: list[str] = key(
        ["quark", "top"], "samples that the algorithms are compared on", min_length=1
    )
    max_events: int = key(200, "events evaluated per sample and shard, from the first", ge=1)
    max_cost: float = key(0.4, "pairs with sqrt((dpT/pT)^2 + dR^2) above this are no match", gt=0)
    max_distance: float = key(0.025, "pairs farther apart than this dR are no match", gt=0, le=1.5)
    minimum_pt: float = key(
        1.0, "true and reconstructed particles below this pT are not evaluated", unit="GeV", ge=0
    )
    maximum_eta: float = key(2.5, "particles beyond this |eta| are not evaluated", gt=0, le=3)
    pt_edges: list[float] = key(
        [1.0, 2.0, 3.0, 5.0, 10.0, 20.0, 50.0, 100.0, 300.0, 1000.0],
        "edges of the bins in pT",
        unit="GeV",
        min_length=2,
    )

    @field_validator("pt_edges")
    @classmethod
    def _rise(cls, edges: list[float]) -> list[float]:
        if any(b <= a for a, b in itertools.pairwise(edges)):
            raise ValueError("pt_edges must rise strictly")
        return edges


class ChoiceSettings(Settings):
    """What the choice of the algorithm does to taggers and searches; `snakemake pflow_choice`."""

    algorithms: list[str] = key(
        ["parametric", "mlpf", "hgpflow"],
        "algorithms whose jets taggers and searches are made with, each beside that of "
        "jets.algorithm, which need not be named",
        min_length=1,
    )
    taggers: list[str] = key(
        ["particlenet"],
        "taggers, applied as they are to the jets of each algorithm and trained on them; none for "
        "the searches alone",
    )
    searches: list[str] = key(
        ["idealised", "cwola", "cathode"],
        "searches, trained on the dijets of each algorithm; those of them are made that "
        "anomaly.searches names too; none for the taggers alone",
    )

    @field_validator("algorithms")
    @classmethod
    def _known(cls, names: list[str]) -> list[str]:
        return require_each_once(names, ALGORITHMS, "particle-flow algorithm")


class ParticleflowSettings(Sections):
    """Particle flow: from tracks and clusters to particles."""

    algorithms: list[str] = key(
        ["parametric", "mlpf", "hgpflow"], "algorithms to run and compare", min_length=1
    )
    calibration: CalibrationSettings = key(
        CalibrationSettings(), "expected response of charged hadrons, from single pions"
    )
    photon_calibration: CalibrationSettings = key(
        photon_calibration(), "expected response of photons, from single photons"
    )
    shower_calibration: CalibrationSettings = key(
        shower_calibration(),
        "showers of photons, neutral hadrons and muons, from single ones; its edges in pT are of "
        "the neutral hadrons' energy",
    )
    gun: str = key(
        "particle_gun", "gun sample of one particle an event, to validate that energies add up"
    )
    influence: InfluenceSettings = key(
        InfluenceSettings(), "what the networks look at, in the first sample of the evaluation"
    )
    transfer: TransferSettings = key(
        TransferSettings(), "a network in another detector; of the target `pflow_transfer`"
    )
    evaluation: EvaluationSettings = key(
        EvaluationSettings(), "comparison of the algorithms with the truth"
    )

    choice: ChoiceSettings = key(
        ChoiceSettings(), "what the choice of the algorithm does to taggers and searches"
    )

    @field_validator("algorithms")
    @classmethod
    def _known(cls, names: list[str]) -> list[str]:
        return require_each_once(names, ALGORITHMS, "particle-flow algorithm")

    @field_validator("transfer")
    @classmethod
    def _of_a_network(cls, transfer: TransferSettings) -> TransferSettings:
        require_known(transfer.algorithm, trained(), "network of particle flow")
        return transfer

    @model_validator(mode="after")
    def _training_and_evaluation_apart(self) -> Self:
        found = []
        for algorithm, (name, events, samples) in itertools.product(
            trained(),
            (
                ("evaluation.max_events", self.evaluation.max_events, self.evaluation.samples),
                ("influence.events", self.influence.events, self.evaluation.samples[:1]),
            ),
        ):
            training = getattr(self, algorithm).training
            shared = set(training.samples) & set(samples)
            if shared and training.held_out < events:
                found.append(
                    f"{algorithm}.training.held_out ({training.held_out}) must be at least {name} "
                    f"({events}): both use sample '{min(shared)}', and no event may be trained on "
                    "and evaluated"
                )
        if found:
            raise ValueError("; ".join(found))
        return self


# What single verbs read: parts of the above.


class JetEvaluationSettings(Settings):
    """What `particleflow.evaluate_jets` reads."""

    max_events: int
    minimum_pt: float
    maximum_eta: float
