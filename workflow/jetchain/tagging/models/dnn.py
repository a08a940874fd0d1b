"""Fully connected network on the leading constituents in falling pT, one after the other.

As of Pearkes, Fedorko, Lister and Gay, arXiv:1704.02124, with two differences: a constituent is
given by the tagger's set of features, which are relative to the jet's axis, where theirs are its
pT, eta and phi after the jet is turned and flipped; and there are as many outputs as classes.
"""

from __future__ import annotations

from torch import Tensor, nn

from jetchain.core.settings import Width, key
from jetchain.tagging.batches import Jets
from jetchain.tagging.models import TaggerSettings
from jetchain.tagging.models.layers import head, leading


class DNNSettings(TaggerSettings):
    """Sizes of the network on ordered constituents (arXiv:1704.02124)."""

    particles: int = key(40, "Leading constituents that it sees.", ge=1)
    hidden: list[Width] = key([256, 128, 64], "Widths of its layers.", min_length=1)


class DNN(nn.Module):
    """A perceptron on all features of the first particles.

    Args:
        inputs: features per particle.
        classes: number of classes.
        settings: number of particles, widths.
    """

    def __init__(self, inputs: int, classes: int, settings: DNNSettings) -> None:
        super().__init__()
        self.particles = settings.particles
        self.fc = head([settings.particles * inputs, *settings.hidden], classes)

    def forward(self, jets: Jets) -> Tensor:
        """Logits of each jet, from the features of its first particles; (jets, classes)."""
        return self.fc(leading(jets, self.particles).flatten(1))
