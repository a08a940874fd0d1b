"""P-CNN: residual one-dimensional convolutions over the constituents in falling pT.

The particle-level convolutional network of the ParticleNet paper (arXiv:1902.08570),
layers and names of parameters as in the Particle Transformer comparison (arXiv:2202.03772, section
5; networks/example_PCNN.py of jet-universe/particle_transformer), so that its weights load here.

Convolutions and the mean go over a fixed number of places, empty ones too, as there: what else
stands in a batch, such as longer padding, changes nothing.
"""

from __future__ import annotations

import itertools

import torch.nn.functional as F
from pydantic import field_validator
from torch import Tensor, nn

from jetchain.core.norm import BatchNorm
from jetchain.core.settings import Width, Widths, key
from jetchain.tagging.batches import Jets
from jetchain.tagging.models import TaggerSettings
from jetchain.tagging.models.layers import head, leading


class PCNNSettings(TaggerSettings):
    """Sizes of P-CNN (arXiv:2202.03772; smaller by default)."""

    particles: int = key(64, "Leading constituents that it sees.", ge=1)
    channels: list[Widths] = key(
        [[16], [32, 32], [32, 32], [64, 64]],
        "Width of the first convolution; then of the residual units of each stage.",
        min_length=2,
    )
    fully_connected: list[Width] = key([128], "Widths of the per-jet layers.", min_length=1)
    dropout: float = key(0.2, "Dropout after each per-jet layer.", ge=0, lt=1)

    @field_validator("channels")
    @classmethod
    def _stages(cls, stages: list[list[int]]) -> list[list[int]]:
        if len(stages[0]) != 1:
            raise ValueError("one width first, then one or more of each stage")
        return stages


class PCNN(nn.Module):
    """A convolution, stages of residual units of which all but the first halve the length, a mean.

    Args:
        inputs: features per particle.
        classes: number of classes.
        settings: number of particles, widths, dropout.
    """

    def __init__(self, inputs: int, classes: int, settings: PCNNSettings) -> None:
        super().__init__()
        self.particles = settings.particles
        (first,), *stages = settings.channels
        self.fts_conv = nn.Sequential(
            BatchNorm(inputs),
            nn.Conv1d(inputs, first, kernel_size=3, padding=1),
            BatchNorm(first),
            nn.ReLU(),
        )
        before = [first, *(stage[-1] for stage in stages)]
        self.resnet_units = nn.ModuleDict(
            {
                f"resnet_unit_{n}": nn.Sequential(
                    *(
                        Unit(a, b, stride=2 if n > 0 and place == 0 else 1)
                        for place, (a, b) in enumerate(itertools.pairwise([before[n], *stage]))
                    )
                )
                for n, stage in enumerate(stages)
            }
        )
        self.fc = head([before[-1], *settings.fully_connected], classes, settings.dropout)

    def forward(self, jets: Jets) -> Tensor:
        """Logits of each jet, from the features of its first particles; (jets, classes)."""
        x = self.fts_conv(leading(jets, self.particles).mT)  # (jets, channels, particles)
        for stage in self.resnet_units.values():
            x = stage(x)
        return self.fc(x.mean(dim=2))


class Unit(nn.Module):
    """Two convolutions with batch normalisation and ReLU, added to their input.

    Args:
        inputs, outputs: channels.
        stride: of the first convolution, and of that of the input if it needs one.
    """

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv1d(inputs, outputs, kernel_size=3, stride=stride, padding=1)
        self.bn1 = BatchNorm(outputs)
        self.conv2 = nn.Conv1d(outputs, outputs, kernel_size=3, padding=1)
        self.bn2 = BatchNorm(outputs)
        self.conv_sc: nn.Module | None = None
        if inputs != outputs or stride != 1:
            self.conv_sc = nn.Conv1d(inputs, outputs, kernel_size=1, stride=stride, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """(jets, inputs, places) to (jets, outputs, places / stride, rounded up)."""
        new = F.relu(self.bn1(self.conv1(x)))
        new = F.relu(self.bn2(self.conv2(new)))
        return new + (x if self.conv_sc is None else self.conv_sc(x))
