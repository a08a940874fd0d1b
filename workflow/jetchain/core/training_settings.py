"""Settings of the training loop; apart from it, so that reading a configuration needs no torch."""

from __future__ import annotations

from jetchain.core.settings import Settings, key


class TrainingSettings(Settings):
    """One training: AdamW with a one-cycle learning rate and early stopping."""

    epochs: int = key(10, "Largest number of passes over the training data.", ge=1)
    batch_size: int = key(128, "Items in one step.", ge=1)
    learning_rate: float = key(1e-3, "Peak of the one-cycle learning rate.", gt=0.0)
    weight_decay: float = key(1e-4, "AdamW's weight decay.", ge=0.0)
    patience: int = key(5, "Epochs without a better validation loss before it stops.", ge=1)
    gradient_clip: float = key(1.0, "Largest norm of the gradient.", gt=0.0)
    threads: int = key(
        1, "Torch threads; part of the configuration because it changes the order of sums.", ge=1
    )
