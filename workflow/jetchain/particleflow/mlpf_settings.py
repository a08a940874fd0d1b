"""Settings of the MLPF network: its size, and what it is trained on."""

from __future__ import annotations

from jetchain.core.settings import Settings, key
from jetchain.core.training_settings import TrainingSettings


class MlpfModelSettings(Settings):
    """Size of the network."""

    hidden: int = key(64, "Width of every layer.", ge=4)
    layers: int = key(3, "Rounds of messages along the edges.", ge=1)


class MlpfTrainingSettings(Settings):
    """Events and loss of the training."""

    samples: list[str] = key(
        ["quark", "gluon", "top"], "Samples whose events are trained on.", min_length=1
    )
    held_out: int = key(
        200,
        "First events of every shard that are never trained on: the evaluation takes these.",
        ge=0,
    )
    max_events: int = key(350, "Events trained on per shard, after those held out.", ge=1)
    validation_fraction: float = key(
        0.1, "Share of the events that chooses the best epoch.", gt=0.0, lt=1.0
    )
    focal_gamma: float = key(2.0, "Exponent of the focal loss of the classes.", ge=0.0)
    regression_weight: float = key(
        1.0, "Weight of the regression loss beside that of the classes.", ge=0.0
    )
    fit: TrainingSettings = key(
        TrainingSettings(epochs=14, batch_size=16, learning_rate=3e-3), "The training loop."
    )


class MlpfSettings(Settings):
    """The MLPF network."""

    model: MlpfModelSettings = key(MlpfModelSettings(), "Size of the network.")
    training: MlpfTrainingSettings = key(MlpfTrainingSettings(), "Its training.")


class InfluenceSettings(Settings):
    """What the network looks at: nodes are taken away, one at a time."""

    events: int = key(6, "Events, the first of the first shard.", ge=1)
    pt_min: float = key(
        5.0, "Clusters with less expected neutral pT are left out.", unit="GeV", gt=0.0
    )


class InfluenceJobSettings(Settings):
    """What the job of the influences reads."""

    influence: InfluenceSettings
    model: MlpfModelSettings
