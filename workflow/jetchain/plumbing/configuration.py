"""The whole configuration: one section a room; `relations` has what must agree across rooms."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from pydantic import ValidationError, model_validator

from jetchain.anomaly.settings import AnomalySettings
from jetchain.background.settings import BackgroundSettings
from jetchain.core.errors import ConfigurationError
from jetchain.core.meant import as_meant
from jetchain.core.settings import SEPARATOR, Settings, key, parse
from jetchain.detector.settings import DetectorSettings
from jetchain.firmware.settings import FirmwareSettings
from jetchain.generate.settings import GenerateSettings
from jetchain.graphs.settings import GraphsSettings
from jetchain.inference.settings import InferenceSettings
from jetchain.jets.settings import JetsSettings
from jetchain.particleflow.settings import ParticleflowSettings
from jetchain.plumbing import numbers, overlays
from jetchain.plumbing.relations import complaints
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
    def _sections_agree(self) -> Self:
        if found := complaints(self):
            raise ValueError(SEPARATOR.join(found))
        return self


def load(values: Mapping[str, Any]) -> Configuration:
    """Validate Snakemake's configuration.

    Raises:
        ConfigurationError: with the path of each wrong key, its value and what is allowed.
    """
    overlays.require_names(values)
    numbers.require_finite(values)
    try:
        return Configuration.model_validate(values)
    except ValidationError as error:
        meant = as_meant(values, error)
    try:
        return parse(Configuration, meant)
    except ConfigurationError as refused:
        from jetchain.plumbing.hints import explained  # it reads this module

        raise explained(Configuration, meant, refused) from None
