"""Settings that the networks of particle flow share, and those of the jobs that run them."""

from __future__ import annotations

import re
from typing import Any, Self

from pydantic import field_validator, model_validator

from jetchain.core.settings import Settings, key
from jetchain.core.sources import require_usable
from jetchain.core.training_settings import TrainingSettings


class InitialSettings(Settings):
    """Weights that a training begins from."""

    file: str = key(
        ..., "safetensors file of a network of the same sizes, relative to the folder of the run"
    )
    checksum: str = key(..., "of the file: 'sha256:...'")

    @field_validator("file")
    @classmethod
    def _there(cls, name: str) -> str:
        require_usable(name)
        return name

    @field_validator("checksum")
    @classmethod
    def _of_known_method(cls, value: str) -> str:
        if not re.fullmatch("sha256:[0-9a-fA-F]{64}", value):
            raise ValueError("write sha256: and 64 hexadecimal digits (shasum -a 256 FILE)")
        return value


class StageSettings(Settings):
    """A stage of a curriculum."""

    samples: list[str] = key(..., "samples of its events, of those of the training", min_length=1)
    epochs: int = key(..., "largest number of passes over them", ge=1)
    learning_rate: float | None = key(
        None, "peak of the learning rate; that of the training loop if not given", gt=0.0
    )


class SetTrainingSettings(Settings):
    """Events of the training."""

    samples: list[str] = key(["quark", "top"], "Samples whose events are trained on.", min_length=1)
    held_out: int = key(
        200,
        "First events of every shard that are never trained on: the evaluation takes these.",
        ge=0,
    )
    max_events: int = key(525, "Events trained on per shard, after those held out.", ge=1)
    validation_fraction: float = key(
        0.1, "Share of the events that chooses the best epoch.", gt=0.0, lt=1.0
    )
    fit: TrainingSettings = key(
        TrainingSettings(epochs=14, batch_size=16, learning_rate=3e-3), "The training loop."
    )
    curriculum: list[StageSettings] = key(
        [],
        "Stages one after another, each with its own samples, epochs and rise and fall of the "
        "learning rate, from the best weights of the one before; all at once if there is none.",
    )
    initial: InitialSettings | None = key(
        None, "Weights to begin from (fine-tuning); drawn at random if not given."
    )

    @model_validator(mode="after")
    def _every_sample_has_its_stage(self) -> Self:
        staged = {name for stage in self.curriculum for name in stage.samples}
        if self.curriculum and staged != {*self.samples}:
            raise ValueError(
                f"the stages of curriculum have the samples {', '.join(sorted(staged))}, but "
                f"samples has {', '.join(sorted(self.samples))}: name the same"
            )
        return self


class NetworkTrainingSettings(SetTrainingSettings):
    """Events of the training, and the loss of a network that answers at the nodes."""

    fit: TrainingSettings = key(
        TrainingSettings(epochs=11, batch_size=8, learning_rate=3e-3), "The training loop."
    )
    focal_gamma: float = key(2.0, "Exponent of the focal loss of the classes.", ge=0.0)
    regression_weight: float = key(
        1.0, "Weight of the regression loss beside that of the classes.", ge=0.0
    )
    pt_power: float = key(
        0.5,
        "Candidates weigh in both losses with this power of pT, of their node for the class and of "
        "their particle for the momentum; 0: all the same.",
        ge=0.0,
    )


class TransferSettings(Settings):
    """A network in another detector: as it is, fine-tuned, and trained anew; `pflow_transfer`."""

    algorithm: str = key("mlpf", "network of particle flow")
    geometry: str = key(
        "cocoa_low",
        "the other detector: name of the file in resources/geometry; the samples of the network's "
        "training and of the evaluation are simulated in it",
        min_length=1,
    )
    epochs: int = key(
        7,
        "passes of the fine-tuning over all events; over a part of them as many more as make as "
        "many steps",
        ge=1,
    )
    learning_rate: float = key(1e-3, "peak of the learning rate of the fine-tuning", gt=0.0)


class InfluenceSettings(Settings):
    """What a network looks at: nodes are taken away, one at a time."""

    events: int = key(6, "Events, the first of the first shard that holds any.", ge=1)
    pt_min: float = key(
        5.0, "Clusters with less expected neutral pT are left out.", unit="GeV", gt=0.0
    )


class TrainJobSettings(Settings):
    """What the training of a network reads: the sections of its own settings."""

    model: dict[str, Any]
    training: dict[str, Any]


class TransferJobSettings(TrainJobSettings):
    """What a training in another detector reads."""

    epochs: int
    learning_rate: float


class ReconstructJobSettings(Settings):
    """What the reconstruction with a network reads."""

    model: dict[str, Any]


class InfluenceJobSettings(Settings):
    """What the job of the influences reads."""

    influence: InfluenceSettings
    model: dict[str, Any]


class UntrainedJobSettings(Settings):
    """What the reconstruction with an algorithm without training reads."""

    algorithm: dict[str, Any]
