"""Settings of the training loop; apart from it, so that reading a configuration needs no torch."""

from __future__ import annotations

from typing import Literal

from jetchain.core.settings import Settings, key


class TrainingSettings(Settings):
    """One training: an optimiser, a learning rate that rises and falls, and early stopping."""

    epochs: int = key(10, "Largest number of passes over the training data.", ge=1)
    batch_size: int = key(128, "Items in one step.", ge=1)
    learning_rate: float = key(1e-3, "Peak of the learning rate.", gt=0.0)
    optimiser: Literal["adamw", "ranger", "lion"] = key(
        "adamw",
        "AdamW; RAdam in Lookahead, as weaver-core's Ranger; Lion, which takes a third of AdamW's "
        "learning rate or less.",
    )
    schedule: Literal["one_cycle", "cosine", "cosine_restarts", "flat_decay", "constant"] = key(
        "one_cycle",
        "Learning rate over all steps: PyTorch's OneCycleLR; or a linear rise, then half a cosine "
        "down to zero, three of them of which each is twice as long as the one before, the peak "
        "and over the last 30 % of the steps an exponential down to a hundredth, or constant.",
    )
    warm_up: float = key(
        0.3, "Part of all steps over which the learning rate rises to its peak.", ge=0.0, lt=1.0
    )
    weight_decay: float = key(1e-4, "Decoupled weight decay.", ge=0.0)
    patience: int = key(5, "Epochs without a better validation loss before it stops.", ge=1)
    gradient_clip: float = key(1.0, "Largest norm of the gradient.", gt=0.0)
    device: Literal["cpu", "cuda", "mps", "auto"] = key(
        "cpu",
        "Where it runs, auto being the best that the machine has; part of the configuration "
        "because devices round differently.",
    )
    precision: Literal["float32", "bfloat16", "float16"] = key(
        "float32",
        "Numbers of the matrix products; with 16 bits PyTorch's autocast chooses where they do, "
        "and the parameters stay float32.",
    )
    threads: int = key(
        1, "Torch threads; part of the configuration because it changes the order of sums.", ge=1
    )
