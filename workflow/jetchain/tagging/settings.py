"""Settings of the tagging room: features, networks, training, evaluation, benchmark."""

from __future__ import annotations

from typing import Any, Self

from pydantic import field_validator, model_validator

from jetchain.core.settings import Settings, key, require_each_once
from jetchain.core.training_settings import TrainingSettings
from jetchain.tagging.models import MODELS

Sections: Any = MODELS.sections()


class ModelTable(Sections):
    """One section a published network."""


class SelectionSettings(Settings):
    """Which jets are selected, and how they are laid out and divided: a shard at a time."""

    pt_min: float = key(500.0, "Smallest transverse momentum of a jet.", unit="GeV", ge=0)
    pt_max: float = key(1000.0, "Largest transverse momentum of a jet.", unit="GeV", gt=0)
    particles: int = key(64, "Leading constituents kept per jet; shorter jets are padded.", ge=2)
    validation_fraction: float = key(
        0.1, "Share of the events that chooses the best epoch.", gt=0, lt=1
    )
    test_fraction: float = key(0.3, "Share of the events that is only evaluated.", gt=0, lt=1)

    @model_validator(mode="after")
    def _ranges(self) -> Self:
        if self.pt_min >= self.pt_max:
            raise ValueError(f"pt_min {self.pt_min} must be below pt_max {self.pt_max}")
        if self.validation_fraction + self.test_fraction >= 1:
            raise ValueError("validation_fraction + test_fraction must leave room for training")
        return self


class DatasetSettings(Settings):
    """How many of the selected jets enter the data set."""

    max_jets_per_class: int = key(8000, "Jets kept per class; the rest is counted and left.", ge=1)
    pt_bins: int = key(
        10, "Bins of pT in which all classes are weighted to one, flat spectrum.", ge=1
    )
    eta_bins: int = key(4, "Bins of |eta| in which they are weighted to one spectrum.", ge=1)


class FeatureSettings(DatasetSettings, SelectionSettings):
    """Which jets enter the data set, and how they are laid out and divided."""


class TrainSettings(Settings):
    """What one training job reads: the loop's settings and the network's sizes."""

    training: TrainingSettings
    model: dict[str, Any]


class ScoringSettings(Settings):
    """How the test split is scored and its errors are estimated."""

    batch_size: int = key(256, "Jets scored at a time; does not change a result.", ge=1)
    bootstrap_replicas: int = key(200, "Resamplings behind each error.", ge=2)
    roc_points: int = key(99, "Signal efficiencies at which the ROC curves are written.", ge=3)


class EvaluateSettings(Settings):
    """What one evaluation job reads."""

    evaluation: ScoringSettings
    model: dict[str, Any]


class ExplainSettings(Settings):
    """What the taggers look at, by integrated gradients (arXiv:1703.01365)."""

    jets: int = key(300, "Test jets explained, of each signal class.", ge=2)
    steps: int = key(24, "Points at which the gradient is taken along the path.", ge=1)
    pixels: int = key(25, "Pixels on each side of the maps.", ge=5)


class ExplainJobSettings(Settings):
    """What one explanation job reads."""

    explain: ExplainSettings
    model: dict[str, Any]


class BenchSettings(Settings):
    """The comparison of our training throughput with weaver-core's."""

    jets: int = key(128, "Jets in the batch that is trained on.", ge=2)
    particles: int = key(64, "Places for particles in each jet.", ge=9)
    mean_particles: float = key(45.0, "Mean number of particles of a jet.", gt=1)
    steps: int = key(4, "Optimiser steps per repetition.", ge=1)
    repetitions: int = key(
        5, "Repetitions, alternating between the peers; the median counts.", ge=1
    )


class TaggingSettings(Settings):
    """The tagging room."""

    taggers: list[str] = key(["pfn", "particlenet"], "Networks to train and compare.", min_length=1)
    features: FeatureSettings = key(FeatureSettings(), "The data set.")
    # As patient as it is long: halfway through the one-cycle schedule the loss is noisy, and it is
    # the last epochs, at small learning rates, that pay.
    training: TrainingSettings = key(
        TrainingSettings(epochs=20, learning_rate=5e-3, patience=20),
        "The training of every network.",
    )
    models: ModelTable = key(
        ModelTable(),
        "Sizes of the networks.",
    )
    evaluation: ScoringSettings = key(ScoringSettings(), "Scores, ROC curves and their errors.")
    explain: ExplainSettings = key(ExplainSettings(), "Shares of the inputs in the scores.")
    bench: BenchSettings = key(BenchSettings(), "Throughput against weaver-core (`make bench`).")

    @field_validator("taggers")
    @classmethod
    def _known(cls, names: list[str]) -> list[str]:
        return require_each_once(names, MODELS, "tagger")

    @model_validator(mode="after")
    def _jets_fit(self) -> Self:
        for name in self.taggers:
            section = getattr(self.models, name, None)
            if section is not None and (complaint := section.complaint(self.features.particles)):
                raise ValueError(f"models.{name}.{complaint}")
        return self
