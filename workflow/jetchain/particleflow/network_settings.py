"""Settings that the networks of particle flow share, and those of the jobs that run them."""

from __future__ import annotations

from typing import Any

from jetchain.core.settings import Settings, key
from jetchain.core.training_settings import TrainingSettings


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


class NetworkTrainingSettings(SetTrainingSettings):
    """Events of the training, and the loss of a network that answers at the nodes."""

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
