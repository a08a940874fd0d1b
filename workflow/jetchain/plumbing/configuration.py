"""The whole configuration: one section a room, and the names that must agree across rooms."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from pydantic import ValidationError, model_validator

from jetchain.anomaly.settings import AnomalySettings
from jetchain.background.settings import BackgroundSettings
from jetchain.core.settings import Settings, did_you_mean, key, parse
from jetchain.detector.settings import DetectorSettings
from jetchain.firmware.settings import FirmwareSettings
from jetchain.generate.settings import GUN, GenerateSettings
from jetchain.graphs.settings import GraphsSettings
from jetchain.inference.settings import InferenceSettings
from jetchain.jets.settings import JetsSettings
from jetchain.particleflow.algorithms import ALGORITHMS, trained
from jetchain.particleflow.settings import ParticleflowSettings
from jetchain.plumbing import numbers
from jetchain.tagging.settings import TaggingSettings


class Configuration(Settings):
    """Everything that a user can set."""

    seed: int = key(
        20261122, "Root seed; the seed of every job is a hash of it and of what the job is.", ge=0
    )
    generate: GenerateSettings = key(GenerateSettings(), "Collisions by Pythia 8, or from files.")
    detector: DetectorSettings = key(DetectorSettings(), "COCOA-style detector simulation.")
    particleflow: ParticleflowSettings = key(ParticleflowSettings(), "Particle reconstruction.")
    jets: JetsSettings = key(JetsSettings(), "Anti-kT jets, substructure and truth labels.")
    graphs: GraphsSettings = key(GraphsSettings(), "Event graphs and jet graphs.")
    tagging: TaggingSettings = key(TaggingSettings(), "Jet taggers.")
    anomaly: AnomalySettings = key(AnomalySettings(), "Dijet features, and anomaly scores.")
    background: BackgroundSettings = key(BackgroundSettings(), "Backgrounds estimated from data.")
    inference: InferenceSettings = key(InferenceSettings(), "Limits with pyhf.")
    firmware: FirmwareSettings = key(FirmwareSettings(), "A tagger as trigger firmware.")

    @model_validator(mode="after")
    def _names_agree(self) -> Self:
        used = {
            "detector.bench.sample": [self.detector.bench.sample],
            "detector.summary_samples": self.detector.summary_samples,
            "detector.validation.gun": [self.detector.validation.gun],
            "detector.validation.pions": [self.detector.validation.pions],
            "detector.validation.pi0": [self.detector.validation.pi0],
            "detector.validation.events": [self.detector.validation.events],
            "particleflow.calibration.samples": self.particleflow.calibration.samples,
            "particleflow.photon_calibration.samples": (
                self.particleflow.photon_calibration.samples
            ),
            **{
                f"particleflow.{name}.training.samples": getattr(
                    self.particleflow, name
                ).training.samples
                for name in trained()
            },
            "particleflow.evaluation.samples": self.particleflow.evaluation.samples,
            "jets.summary.samples": self.jets.summary.samples,
            "jets.display.samples": self.jets.display.samples,
            "graphs.display.sample": [self.graphs.display.sample],
            "firmware.dataset.samples": self.firmware.dataset.samples,
            "anomaly.background": self.anomaly.background,
            "anomaly.signal": self.anomaly.signal,
        }
        if self.detector.simulation.pileup.mean > 0:
            used["detector.pileup_sample"] = [self.detector.pileup_sample]
        for path, names in used.items():
            for name in names:
                if name not in self.generate.samples:
                    near = did_you_mean(name, self.generate.samples)
                    raise ValueError(f"{path}: no sample '{name}' in generate.samples. {near}")
        if self.jets.algorithm not in ALGORITHMS:
            near = did_you_mean(self.jets.algorithm, ALGORITHMS)
            raise ValueError(
                f"jets.algorithm: no particle-flow algorithm '{self.jets.algorithm}'. {near}"
            )
        timed = self.detector.bench.sample
        if self.generate.samples[timed].generation is None:
            raise ValueError(
                f"detector.bench.sample: '{timed}' comes from files; the bench times Pythia beside "
                "the detector, so name a sample that has generation."
            )
        for path, name in (
            ("detector.validation.gun", self.detector.validation.gun),
            ("detector.validation.pions", self.detector.validation.pions),
            ("detector.validation.pi0", self.detector.validation.pi0),
        ):
            generation = self.generate.samples[name].generation
            if generation is None or generation.process != GUN or generation.gun.particles != 1:
                raise ValueError(f"{path}: '{name}' must be a gun of one particle an event")
        for path, radius in (
            ("graphs.jets.radius", self.graphs.jets.radius),
            ("jets.summary.radius", self.jets.summary.radius),
            ("anomaly.features.radius", self.anomaly.features.radius),
        ):
            if radius not in self.jets.clustering.radii:
                raise ValueError(
                    f"{path}: {radius} is not one of jets.clustering.radii "
                    f"({', '.join(map(str, self.jets.clustering.radii))})."
                )
        if self.background.reference_events is None and not self.anomaly.features.signal_events:
            raise ValueError(
                "background.reference_events: must be given where anomaly.features.signal_events "
                "is 0, for signal strength 1 is as many signal events."
            )
        return self


def load(values: Mapping[str, Any]) -> Configuration:
    """Validate Snakemake's configuration.

    Raises:
        ConfigurationError: with the path of each wrong key, its value and what is allowed.
    """
    numbers.require_finite(values)
    try:
        return Configuration.model_validate(values)
    except ValidationError as error:
        return parse(Configuration, numbers.as_meant(values, error))
