"""Settings of the firmware room: quantised designs for a level-1 jet trigger."""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import field_validator, model_validator

from jetchain.core.schema.jets import JET_CLASSES
from jetchain.core.settings import Settings, key, require_each_once, require_known
from jetchain.core.training_settings import TrainingSettings
from jetchain.firmware.design_settings import (
    SEEN,
    DeviceSettings,
    FixedPointSettings,
    FormatSettings,
    InputSettings,
)
from jetchain.firmware.designs import AUTOENCODERS, CLASSIFIERS, DESIGNS

Sections: Any = DESIGNS.sections()


class DesignTable(Sections):
    """One section a design."""


class FirmwareDatasetSettings(Settings):
    """Which jets, and how their constituents become the network's inputs."""

    samples: list[str] = key(
        ["quark", "gluon", "W", "Z", "top"], "Samples the jets come from.", min_length=1
    )
    classes: list[str] = key(
        ["quark", "gluon", "W", "Z", "top"],
        "Jet classes told apart; jets with another label are left out and counted.",
        min_length=2,
    )
    constituents: int = key(16, "Leading constituents the network sees.", ge=1, le=128)
    pt_scale: float = key(
        8.0, "Factor on pT / jet pT; powers of two cost nothing in firmware.", gt=0.0
    )
    angle_scale: float = key(4.0, "Factor on delta eta and delta phi.", gt=0.0)
    mass_scale: float = key(
        50.0, "What a constituent's part of the mass is divided by.", unit="GeV", gt=0.0
    )
    pt_bins: int = key(
        25, "Bins of pT of the one, flat spectrum that all classes are weighted to.", ge=1
    )
    eta_bins: int = key(10, "Bins of |eta| in which the smooth weights are tabulated.", ge=1)
    validation_fraction: float = key(0.15, "Events used to choose the best epoch.", gt=0.0, lt=1.0)
    test_fraction: float = key(0.25, "Events used for accuracy and bit-exactness.", gt=0.0, lt=1.0)

    @model_validator(mode="after")
    def _known(self) -> Self:
        for name in self.classes:
            require_known(name, JET_CLASSES, "jet class")
        if len(set(self.classes)) != len(self.classes):
            raise ValueError("a jet class stands twice in classes")
        if self.validation_fraction + self.test_fraction >= 1.0:
            raise ValueError("validation_fraction + test_fraction must be below 1")
        return self


class PruningSettings(Settings):
    """Magnitude pruning and learned widths on a cubic schedule, before the fine-tuning."""

    sparsity: float = key(0.8, "Part of the weights set to zero.", ge=0.0, lt=1.0)
    beta: float = key(
        0.0,
        "Loss for each effective bit operation of a jet; above 0 each weight learns its fraction "
        "bits, at most those of its format, and one without bits is zero: sparsity can be 0 then.",
        ge=0.0,
    )
    epochs: int = key(60, "Epochs of the training in which weights are pruned.", ge=1)
    start: float = key(0.2, "When pruning starts, as part of these epochs.", ge=0.0, lt=1.0)
    end: float = key(0.8, "When full sparsity and beta are reached.", gt=0.0, le=1.0)

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.start >= self.end:
            raise ValueError("start must be below end")
        return self


def _training() -> TrainingSettings:
    return TrainingSettings(epochs=40, batch_size=64, learning_rate=4e-3, patience=20)


class SynthesisSettings(Settings):
    """From the network to pipelined Verilog, by da4ml."""

    latency_cutoff: float = key(
        5.0, "Largest logic depth of a pipeline stage, in da4ml's adder delays.", gt=0.0
    )
    scan: list[float] = key(
        [5.0, 3.0, 2.0, 1.0], "Cutoffs for the table of cycles and registers (not simulated)."
    )

    @model_validator(mode="after")
    def _positive(self) -> Self:
        if any(not cutoff > 0.0 for cutoff in self.scan):
            raise ValueError("the cutoffs in scan must be positive")
        return self


class SimulationSettings(Settings):
    """Compiled simulations of the HLS project and of the Verilog."""

    random_vectors: int = key(
        2000, "Random inputs over the full input range, beside the test jets.", ge=0
    )


class BudgetSettings(Settings):
    """What a level-1 trigger allows."""

    bunch_spacing: float = key(25.0, "Time between collisions.", unit="ns", gt=0.0)
    latency: float = key(1000.0, "Time for one algorithm.", unit="ns", gt=0.0)


class FirmwareEvaluationSettings(Settings):
    """Figures of merit of the networks."""

    replicas: int = key(200, "Bootstrap replicas for the uncertainties.", ge=2)


class ScanSettings(Settings):
    """Accuracy against resources; `snakemake firmware_scan` makes it."""

    designs: list[str] = key(
        ["deepsets", "jedi_linear"], "Designs of the scan, of any number of constituents.",
        min_length=1,
    )  # fmt: skip
    constituents: list[int] = key([8, 16, 32], "Leading constituents, powers of two.", min_length=1)
    sparsities: list[float] = key(
        [0.5, 0.8, 0.9], "Parts of the weights set to zero.", min_length=1
    )
    betas: list[float] = key(
        [1e-6, 3e-6, 1e-5], "Losses for each effective bit operation; their points learn widths."
    )

    @model_validator(mode="after")
    def _possible(self) -> Self:
        require_each_once(self.designs, CLASSIFIERS, "firmware classifier")
        if not {*self.constituents} <= {2**n for n in range(8)}:
            raise ValueError("constituents must be powers of two up to 128")
        if any(not 0.0 <= part < 1.0 for part in self.sparsities):
            raise ValueError("sparsities must be at least 0 and below 1")
        if any(not beta > 0.0 for beta in self.betas):
            raise ValueError("betas must be above 0")
        return self


class DistillationSettings(Settings):
    """A design taught by a trained tagger; `snakemake firmware_distillation` makes it."""

    teacher: str = key(
        "particlenet", "Tagger of tagging.models whose scores of the training jets are taught."
    )
    design: str = key("deepsets", "Design that is taught.")
    temperature: float = key(
        2.0, "By which the logits of teacher and design are divided: soft labels.", gt=0.0
    )
    share: float = key(0.5, "Of the loss, that of the soft labels.", gt=0.0, le=1.0)
    repetitions: int = key(
        3, "Trainings with and without a teacher, in pairs from the same seeds.", ge=1, le=99
    )

    @field_validator("design")
    @classmethod
    def _known(cls, name: str) -> str:
        require_known(name, CLASSIFIERS, "firmware classifier")
        return name


class TriggerSettings(Settings):
    """Designs as the trigger of the search; `snakemake firmware_trigger` makes it."""

    designs: list[str] = key(["mlp", "deepsets"], "Designs, each a trigger.", min_length=1)
    background: list[str] = key(
        ["quark", "gluon"], "Jet classes that are rejected; the others are signal.", min_length=1
    )
    rates: list[float] = key(
        [1.0, 0.5, 0.2, 0.1, 0.05],
        "Shares of the search's data that it may accept; 1 is no trigger, to compare with.",
        min_length=1,
    )
    methods: list[str] = key(
        ["cwola"],
        "Searches of anomaly.searches, trained anew on what is left, beside the one without a cut.",
    )
    pt_min: float = key(500.0, "Smallest pT of a jet that it sees.", unit="GeV", ge=0.0)
    pt_max: float = key(10000.0, "Largest pT of a jet that it sees.", unit="GeV", gt=0.0)
    eta_max: float = key(2.5, "Largest |eta| of a jet that it sees.", gt=0.0)

    @model_validator(mode="after")
    def _possible(self) -> Self:
        require_each_once(self.designs, CLASSIFIERS, "firmware classifier")
        if any(not 0.0 < rate <= 1.0 for rate in self.rates):
            raise ValueError("rates must be above 0 and at most 1")
        if self.pt_max <= self.pt_min:
            raise ValueError("pt_max must be above pt_min")
        return self


def _without_labels() -> TrainingSettings:
    return TrainingSettings(epochs=20, batch_size=256, learning_rate=4e-3, patience=10)


class AutoencoderTriggerSettings(Settings):
    """A trigger trained without labels; `snakemake firmware_autoencoder` makes it."""

    design: str = key("autoencoder", "Design of its encoder.")
    kl_weight: float = key(
        0.1, "Of the KL divergence, beside the summed squared differences of the inputs.", gt=0.0
    )
    training: TrainingSettings = key(
        _without_labels(), "Fine-tuning; the pruning before has the same, save for its epochs."
    )
    pruning: PruningSettings = key(PruningSettings(epochs=20), "Pruning of the encoder.")
    validation_fraction: float = key(
        0.2, "Of the search's data: chooses the best epoch and sets the thresholds.", gt=0.0, lt=1.0
    )
    test_fraction: float = key(
        0.4, "Of the search's data: rates are measured on these.", gt=0.0, lt=1.0
    )
    rates: list[float] = key(
        [0.5, 0.2, 0.1, 0.05, 0.02, 0.01],
        "Shares of the search's data that a trigger may accept.",
        min_length=1,
    )

    @model_validator(mode="after")
    def _possible(self) -> Self:
        require_known(self.design, AUTOENCODERS, "autoencoder")
        if self.validation_fraction + self.test_fraction >= 1.0:
            raise ValueError("validation_fraction + test_fraction must be below 1")
        if any(not 0.0 < rate < 1.0 for rate in self.rates):
            raise ValueError("rates must be above 0 and below 1")
        return self


class TreesSettings(InputSettings):
    """Boosted trees as VHDL, by conifer; `snakemake firmware_trees` makes it."""

    features: Literal["kinematics", "mass", "identity"] = key("mass", SEEN)
    iterations: int = key(20, "Largest number of trees of a class.", ge=1, le=500)
    depth: int = key(
        4, "Largest number of cuts before a leaf; the firmware has all leaves of it.", ge=1, le=8
    )
    learning_rate: float = key(0.2, "Learning rate of the boosting.", gt=0.0)
    patience: int = key(5, "Iterations without a better validation loss before it stops.", ge=1)
    number: FixedPointSettings = key(
        FixedPointSettings(signed=True, integer=6, fraction=9),
        "Format of all their numbers, of which conifer's VHDL has one; numbers are rounded down.",
    )
    ghdl: bool = key(
        True, "Simulate the VHDL with ghdl, which the system must have; false: C++ alone."
    )

    @model_validator(mode="after")
    def _whole(self) -> Self:
        # conifer multiplies by a 1 in this format.
        if not self.number.signed or self.number.integer < 1 or self.number.fraction < 0:
            raise ValueError("number must have a sign, an integer bit or more, and no fraction < 0")
        return self


class FirmwareSettings(Settings):
    """The firmware room."""

    designs: list[str] = key(
        ["mlp", "deepsets"],
        "Designs to build and compare; `snakemake firmware_designs` builds all.",
        min_length=1,
    )
    dataset: FirmwareDatasetSettings = key(FirmwareDatasetSettings(), "Jets and inputs.")
    models: DesignTable = key(DesignTable(), "Sizes of the designs.")
    formats: FormatSettings = key(FormatSettings(), "Fixed-point formats of every design.")
    headroom: int = key(
        2,
        "Integer bits of the input port beyond the inputs' format; what needs them saturates in "
        "the firmware, and what does not fit in the port is refused.",
        ge=0,
        le=8,
    )
    training: TrainingSettings = key(
        _training(), "Training of the float network, and fine-tuning of the quantised one."
    )
    pruning: PruningSettings = key(
        PruningSettings(sparsity=0.85, epochs=30), "Pruning of the quantised network."
    )
    evaluation: FirmwareEvaluationSettings = key(
        FirmwareEvaluationSettings(), "Accuracy, AUC and their uncertainties."
    )
    device: DeviceSettings = key(DeviceSettings(), "Chip and clock.")
    synthesis: SynthesisSettings = key(SynthesisSettings(), "Verilog.")
    simulation: SimulationSettings = key(SimulationSettings(), "Bit-exact simulations.")
    budget: BudgetSettings = key(BudgetSettings(), "Trigger budgets of the latency report.")
    scan: ScanSettings = key(
        ScanSettings(), "Designs, constituents and pruning against resources, beside `all`."
    )
    distillation: DistillationSettings = key(
        DistillationSettings(), "A trained tagger as the teacher of a design, beside `all`."
    )
    trigger: TriggerSettings = key(
        TriggerSettings(), "From trigger to limit: designs in front of the search, beside `all`."
    )
    autoencoder: AutoencoderTriggerSettings = key(
        AutoencoderTriggerSettings(), "A trigger that knows no signal, beside `all`."
    )
    trees: TreesSettings = key(TreesSettings(), "Boosted trees, beside `all`.")

    @field_validator("designs")
    @classmethod
    def _known(cls, names: list[str]) -> list[str]:
        return require_each_once(names, CLASSIFIERS, "firmware classifier")


# What single verbs read: parts of the above.


class TrainFloatingSettings(Settings):
    """Settings of firmware.train.floating: it has no number formats."""

    model: dict[str, Any]
    training: TrainingSettings
    classes: list[str]


class FixedSettings(Settings):
    """What a design in fixed point is built from."""

    model: dict[str, Any]
    formats: FormatSettings


class PrunedTrainingSettings(FixedSettings):
    """Two trainings of a design in fixed point."""

    training: TrainingSettings
    pruning: PruningSettings


class TrainQuantisedSettings(PrunedTrainingSettings):
    """Settings of firmware.train.quantised."""

    classes: list[str]


class TrainAutoencoderSettings(PrunedTrainingSettings):
    """Settings of firmware.autoencoder.train."""

    kl_weight: float


class ScanDatasetSettings(Settings):
    """Settings of firmware.scan.prepare."""

    dataset: FirmwareDatasetSettings
    constituents: list[int]


class ScanPointSettings(TrainQuantisedSettings):
    """Settings of firmware.scan.measure."""

    headroom: int
    evaluation: FirmwareEvaluationSettings


class TeachSettings(Settings):
    """Settings of firmware.distil.teach."""

    classes: list[str]


class DistilSettings(TrainQuantisedSettings):
    """Settings of firmware.distil.train."""

    temperature: float
    share: float


class EvaluateSettings(Settings):
    """Settings of firmware.evaluate."""

    evaluation: FirmwareEvaluationSettings
    classes: list[str]


class TreesTrainingSettings(Settings):
    """Settings of firmware.trees.train."""

    trees: TreesSettings
    classes: list[str]


class TreesJobSettings(Settings):
    """Settings of firmware.vhdl: what it converts, for which chip, and how it is simulated."""

    trees: TreesSettings
    device: DeviceSettings
    simulation: SimulationSettings


class TreesReportSettings(Settings):
    """Settings of firmware.report_trees."""

    trees: TreesSettings
    evaluation: FirmwareEvaluationSettings
    device: DeviceSettings
    classes: list[str]


class TriggerJobSettings(FixedSettings):
    """Settings of firmware.trigger.score."""

    headroom: int
    dataset: FirmwareDatasetSettings
    background: list[str]


class ConvertSettings(FixedSettings):
    """Settings of firmware.convert."""

    headroom: int
    device: DeviceSettings


class SynthesiseSettings(ConvertSettings):
    """Settings of firmware.synthesise."""

    synthesis: SynthesisSettings


class SimulateSettings(FixedSettings):
    """Settings of the two simulations."""

    headroom: int
    simulation: SimulationSettings


class ReportSettings(FixedSettings):
    """Settings of firmware.report."""

    evaluation: FirmwareEvaluationSettings
    device: DeviceSettings
    budget: BudgetSettings
