"""Settings of the tagging room: classes, features, networks, training, evaluation, benchmark."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Literal, Self

from pydantic import field_validator, model_validator

from jetchain.core.errors import ConfigurationError
from jetchain.core.meant import parse_as_meant
from jetchain.core.schema.tagging import FEATURE_SETS
from jetchain.core.settings import (
    SEPARATOR,
    Settings,
    did_you_mean,
    key,
    require_each_once,
    require_known,
)
from jetchain.core.training_settings import TrainingSettings
from jetchain.tagging.class_settings import (
    CLASSES,
    PAIRS,
    ClassSettings,
    PairSettings,
    require_the_name_true,
    samples_of,
    without_null,
)
from jetchain.tagging.models import MODELS
from jetchain.tagging.pileup_settings import PileupDependenceSettings

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
    splits: dict[str, Literal["train", "validation", "test"]] = key(
        {},
        "Samples whose jets are all of one split, such as the test files of a published data set, "
        "by name; the shares are of the others.",
    )

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
        25, "Bins of pT of the one, flat spectrum that all classes are weighted to.", ge=1
    )
    eta_bins: int = key(10, "Bins of |eta| in which the smooth weights are tabulated.", ge=1)
    common_spectrum: bool = key(
        True,
        "Jets are weighted to one spectrum of pT and |eta| in all classes; if not, as published "
        "figures of merit are, to equal classes only.",
    )


class FeatureSettings(DatasetSettings, SelectionSettings):
    """Which jets enter the data set, and how they are laid out and divided."""


class SelectionJobSettings(SelectionSettings):
    """What the selection of a shard reads."""

    classes: dict[str, ClassSettings]


Standardisation = Literal["measured", "jetclass"]


class DecorrelationSettings(Settings):
    """Scores of background jets that do not tell a variable (DisCo, arXiv:2001.05310)."""

    strength: float = key(
        0.0,
        "Weight of the squared distance correlation in the loss, 0 for none, of networks that are "
        "trained by steps; batches need some hundred background jets.",
        ge=0,
    )
    variable: Literal["msd", "m", "pt"] = key("msd", "Of the jet, that the scores shall not tell.")
    background: list[str] = key(
        ["quark", "gluon"],
        "Classes of the jets, against which each other class is told.",
        min_length=1,
    )


class TaggerTrainingSettings(TrainingSettings):
    """The training of a tagger."""

    decorrelation: DecorrelationSettings = key(
        DecorrelationSettings(), "Whether it learns to leave the background's mass spectrum alone."
    )


class TrainSettings(Settings):
    """What one training job reads: the loop's settings, the inputs and the network's sizes."""

    training: TaggerTrainingSettings
    feature_set: str = "full"
    standardisation: Standardisation = "measured"
    model: dict[str, Any]


class ScoringSettings(Settings):
    """How the test split is scored and its errors are estimated."""

    batch_size: int = key(256, "Jets scored at a time; does not change a result.", ge=1)
    bootstrap_replicas: int = key(200, "Resamplings behind each error.", ge=2)
    roc_points: int = key(99, "Signal efficiencies at which the ROC curves are written.", ge=3)


class EvaluateSettings(Settings):
    """What one evaluation job reads."""

    evaluation: ScoringSettings
    pairs: dict[str, PairSettings]


class LearningSettings(TrainSettings):
    """What a further training of a tagger, and its evaluation, read."""

    batch_size: int
    bootstrap_replicas: int
    pairs: dict[str, PairSettings]


class ComparisonSettings(Settings):
    """What a comparison of the taggers reads."""

    bootstrap_replicas: int
    pairs: dict[str, PairSettings]


class ChoiceJobSettings(ComparisonSettings):
    """What `tagging.choice` reads: the radius of the jets too."""

    radius: float


class CalibrationSettings(Settings):
    """What the calibration of the taggers reads."""

    bootstrap_replicas: int


class ExplainSettings(Settings):
    """What the taggers look at, by integrated gradients (arXiv:1703.01365)."""

    jets: int = key(100, "Test jets explained, of the signal class of each pair.", ge=2)
    steps: int = key(24, "Points at which the gradient is taken along the path.", ge=1)
    pixels: int = key(25, "Pixels on each side of the maps.", ge=5)


class ExplainJobSettings(Settings):
    """What one explanation job reads."""

    explain: ExplainSettings
    pairs: dict[str, PairSettings]


class BenchSettings(Settings):
    """The comparison of our training throughput with weaver-core's."""

    jets: int = key(128, "Jets in the batch that is trained on.", ge=2)
    particles: int = key(64, "Places for particles in each jet.", ge=9)
    mean_particles: float = key(45.0, "Mean number of particles of a jet.", gt=1)
    steps: int = key(4, "Optimiser steps per repetition.", ge=1)
    repetitions: int = key(
        5, "Repetitions, alternating between the peers; the median counts.", ge=1
    )


class TimesSettings(Settings):
    """What the measurement of the taggers' times reads; without names, of all of them."""

    bench: BenchSettings
    taggers: list[str] | None = None
    models: dict[str, Any]
    feature_set: str = "full"


class TaggingSettings(Settings):
    """The tagging room."""

    # The lectures' order, as far as it trains within minutes; the rest by `full_tagging`.
    taggers: list[str] = key(
        ["bdt", "cnn", "efn", "pfn_kinematics", "pfn", "particlenet", "part", "lgatr"],
        "Taggers to train and compare.",
        min_length=1,
    )
    explained: list[str] = key(
        ["pfn", "particlenet"],
        "Those of them of which figures show what they look at; networks that read "
        "tagging.feature_set.",
    )
    classes: dict[str, ClassSettings] = key(
        CLASSES, "The classes of jets, by name; one set to null is left out, with its pairs."
    )
    pairs: dict[str, PairSettings] = key(
        PAIRS, "Which classes are told apart in ROC curves and figures of merit, by name."
    )
    features: FeatureSettings = key(FeatureSettings(), "The data set.")
    feature_set: str = key(
        "full",
        "What the networks see of a particle: kinematics, identity (with charge and kind) or full "
        "(with tracks' distances).",
    )
    standardisation: Standardisation = key(
        "measured",
        "How inputs are standardised: by mean and spread of the training jets, or by the numbers "
        "of JetClass (arXiv:2202.03772), as released weights need it.",
    )
    # As patient as it is long: halfway through the one-cycle schedule the loss is noisy, and it is
    # the last epochs, at small learning rates, that pay.
    training: TaggerTrainingSettings = key(
        TaggerTrainingSettings(epochs=20, learning_rate=5e-3, patience=20),
        "The training of every network.",
    )
    repetitions: int = key(
        0,
        "Further trainings of each tagger, with other seeds; their spread stands in the table of "
        "the taggers.",
        ge=0,
    )
    models: ModelTable = key(ModelTable(), "Sizes of the networks, and what else is their own.")
    evaluation: ScoringSettings = key(ScoringSettings(), "Scores, ROC curves and their errors.")
    explain: ExplainSettings = key(ExplainSettings(), "Shares of the inputs in the scores.")
    pileup: PileupDependenceSettings = key(
        PileupDependenceSettings(), "What pile-up does to the taggers."
    )
    bench: BenchSettings = key(BenchSettings(), "Throughput against weaver-core (`make bench`).")

    @model_validator(mode="before")
    @classmethod
    def _without_null(cls, values: Any) -> Any:
        return without_null(values) if isinstance(values, dict) else values

    @field_validator("taggers", "explained")
    @classmethod
    def _known(cls, names: list[str]) -> list[str]:
        return require_each_once(names, MODELS, "tagger")

    @field_validator("feature_set")
    @classmethod
    def _set_known(cls, name: str) -> str:
        require_known(name, FEATURE_SETS, "set of features")
        return name

    @field_validator("classes")
    @classmethod
    def _each_jet_in_one(cls, classes: dict[str, ClassSettings]) -> dict[str, ClassSettings]:
        if len(classes) < 2:
            raise ValueError("two classes are needed at least")
        owner: dict[tuple[str, str | None], str] = {}
        for name, each in classes.items():
            if not re.fullmatch(r"[A-Za-z0-9_]+", name):
                raise ValueError(f"'{name}': names of classes have letters, digits and _ only")
            for sample in each.samples:
                if (sample, each.label) in owner:
                    raise ValueError(
                        f"jets of sample '{sample}' belong to '{owner[sample, each.label]}' and to "
                        f"'{name}'"
                    )
                owner[sample, each.label] = name
        for (sample, label), name in owner.items():
            if label is not None and (other := owner.get((sample, None))):
                raise ValueError(
                    f"all jets of sample '{sample}' belong to '{other}', so none is left for "
                    f"'{name}'"
                )
        return classes

    @model_validator(mode="after")
    def _pairs_of_classes(self) -> Self:
        if not self.pairs:
            raise ValueError(
                "pairs: there is none of these classes; give one, such as a_vs_b: "
                "{signal: a, background: {b: 1.0}}"
            )
        for name, pair in self.pairs.items():
            if not re.fullmatch(r"[A-Za-z0-9_]+", name):
                raise ValueError(f"pairs: '{name}': names of pairs have letters, digits and _ only")
            for each in (pair.signal, *pair.background):
                try:
                    require_known(each, self.classes, "class of tagging.classes")
                except ValueError as error:
                    raise ValueError(f"pairs.{name}: {error}") from None
            if pair.signal in pair.background:
                raise ValueError(f"pairs.{name}: '{pair.signal}' is signal and background")
            require_the_name_true(name, pair, self.classes)
        return self

    @model_validator(mode="after")
    def _splits_of_samples(self) -> Self:
        for name in self.features.splits:
            try:
                require_known(name, samples_of(self.classes), "sample of tagging.classes")
            except ValueError as error:
                raise ValueError(f"features.splits: {error}") from None
        return self

    @model_validator(mode="after")
    def _trainings_are_right(self) -> Self:
        for name in type(self.models).model_fields:  # others than tagging.taggers may be asked for
            if getattr(self.models, name).training:
                self.training_of(name)
        return self

    @model_validator(mode="after")
    def _taggers_fit(self) -> Self:
        for name in self.taggers:
            section = getattr(self.models, name, None)
            if section is None:
                continue
            if complaint := section.complaint(self.features.particles):
                raise ValueError(f"models.{name}.{complaint}")
            if section.feature_set not in (None, *FEATURE_SETS):
                near = did_you_mean(section.feature_set, FEATURE_SETS)
                raise ValueError(
                    f"models.{name}.feature_set: unknown set of features "
                    f"'{section.feature_set}'. {near}"
                )
            self._background_known(self.training_of(name).decorrelation, name)
        return self

    def _background_known(self, asked: DecorrelationSettings, name: str) -> None:
        """What is kept apart needs classes that there are, and others that are told from them."""
        if not asked.strength:
            return
        try:
            for each in asked.background:
                require_known(each, self.classes, "class")
        except ValueError as error:
            raise ValueError(f"{name}: decorrelation.background: {error}") from None
        if not set(self.classes) - set(asked.background):
            raise ValueError(f"{name}: decorrelation.background has all classes: none is left")

    def training_of(self, name: str) -> TaggerTrainingSettings:
        """The settings of the training of one tagger."""
        section = getattr(self.models, name, None)
        return own_training(self.training, section.training if section else {}, name)


def own_training(
    common: TaggerTrainingSettings, own: Mapping[str, Any], name: str
) -> TaggerTrainingSettings:
    """The common settings of a training with those that are others for one tagger.

    Raises:
        ValueError: one of these is none, or out of range.
    """
    values = common.model_dump()
    for option, each in own.items():
        section = values.get(option)
        if isinstance(section, dict) and isinstance(each, Mapping):
            values[option] = {**section, **each}  # such as decorrelation, by single keys
        else:
            values[option] = each
    try:
        return parse_as_meant(TaggerTrainingSettings, values)
    except ConfigurationError as error:
        said = error.cause.partition(SEPARATOR)[2]
        raise ValueError(f"models.{name}.training.{said}") from None
