"""Optimisers and schedules of the training loop, by the names that its settings give them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

import torch
from torch import nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR, LRScheduler, OneCycleLR

from jetchain.core.training_settings import TrainingSettings

FLAT = 0.7
"""Part of the steps before the fall of ``flat_decay``, as in weaver-core's flat+decay."""
FLOOR = 0.01
"""Of the peak, at the end of ``flat_decay``."""
RESTARTS = (1, 2, 4)
"""Lengths of the cosines of ``cosine_restarts``, as in LorentzNet (arXiv:2201.08187)."""


def adamw(
    parameters: Iterable[nn.Parameter], learning_rate: float, weight_decay: float
) -> Optimizer:
    """Adam with decoupled weight decay (arXiv:1711.05101)."""
    return torch.optim.AdamW(parameters, lr=learning_rate, weight_decay=weight_decay)


def ranger(
    parameters: Iterable[nn.Parameter], learning_rate: float, weight_decay: float
) -> Optimizer:
    """RAdam (arXiv:1908.03265) in Lookahead (arXiv:1907.08610), with weaver-core's numbers."""
    # Takes seconds to import, and only networks that ask for it need it.
    from pytorch_optimizer import Lookahead

    fast = torch.optim.RAdam(
        parameters,
        lr=learning_rate,
        betas=(0.95, 0.999),
        eps=1e-5,
        weight_decay=weight_decay,
        decoupled_weight_decay=True,
    )
    return Lookahead(fast, k=6, alpha=0.5)


def lion(
    parameters: Iterable[nn.Parameter], learning_rate: float, weight_decay: float
) -> Optimizer:
    """Signs of the momentum (arXiv:2302.06675): the learning rate is a third of AdamW's or less."""
    from pytorch_optimizer import Lion

    return Lion(parameters, lr=learning_rate, weight_decay=weight_decay)


OPTIMISERS: dict[str, Callable[[Iterable[nn.Parameter], float, float], Optimizer]] = {
    "adamw": adamw,
    "ranger": ranger,
    "lion": lion,
}


def constant(done: float) -> float:
    """The peak."""
    return 1.0


def cosine(done: float) -> float:
    """Half a cosine down to zero."""
    return 0.5 * (1.0 + math.cos(math.pi * done))


def cosine_restarts(done: float) -> float:
    """Half a cosine, and again, each twice as long as the one before (arXiv:1608.03983)."""
    left = done * sum(RESTARTS)
    for length in RESTARTS:
        if left < length:
            return cosine(left / length)
        left -= length
    return 0.0


def flat_decay(done: float) -> float:
    """The peak, then an exponential down to a hundredth of it."""
    return FLOOR ** max(0.0, (done - FLAT) / (1.0 - FLAT))


FALLS: dict[str, Callable[[float], float]] = {
    "cosine": cosine,
    "cosine_restarts": cosine_restarts,
    "flat_decay": flat_decay,
    "constant": constant,
}
"""Share of the peak, by the part of the steps since the rise that is done; in [0, 1)."""


def optimiser(parameters: Iterable[nn.Parameter], settings: TrainingSettings) -> Optimizer:
    """The optimiser of the settings."""
    return OPTIMISERS[settings.optimiser](parameters, settings.learning_rate, settings.weight_decay)


def learning_rates(given: Optimizer, settings: TrainingSettings, steps: int) -> LRScheduler:
    """The schedule of the settings over a number of steps."""
    if settings.schedule == "one_cycle":
        # One step more than there are: OneCycleLR cannot be built for a single step. Nor for a rise
        # that ends with the first of them: it divides by the steps in between.
        single = settings.warm_up * (steps + 1) == 1
        return OneCycleLR(
            given,
            max_lr=settings.learning_rate,
            total_steps=steps + 1,
            pct_start=settings.warm_up * (1 - 1e-9 * single),
        )
    rise, fall = settings.warm_up * steps, FALLS[settings.schedule]

    def share(step: int) -> float:
        """Of the peak, at a step (0 is the first)."""
        if step < rise:
            return (step + 1) / (rise + 1)
        return fall((step - rise) / (steps - rise))

    return LambdaLR(given, share)
