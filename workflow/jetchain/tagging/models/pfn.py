"""Particle-flow network: a sum over particles of a learned function, then a function of the sum.

Komiske, Metodiev and Thaler, Energy Flow Networks, arXiv:1810.05165, eq. 2.5. Layers and names of
parameters are those of the Particle Transformer comparison (arXiv:2202.03772, section 5: 86 k
parameters, no batch normalisation), so its weights load here.
"""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from jetchain.core.settings import Width, key
from jetchain.tagging.batches import Jets
from jetchain.tagging.models import TaggerSettings
from jetchain.tagging.models.layers import dense, head


class PFNSettings(TaggerSettings):
    """Sizes of the particle-flow network (arXiv:1810.05165; those of 2202.03772 by default)."""

    phi_sizes: list[Width] = key(
        [128, 128, 128], "Widths of the per-particle layers.", min_length=1
    )
    f_sizes: list[Width] = key([128, 128, 128], "Widths of the per-jet layers.", min_length=1)


class PFNKinematicsSettings(PFNSettings):
    """The same network on four-momenta alone, which is what most published numbers are of."""

    feature_set: str | None = key("kinematics", "What it sees of a particle.")


class PFNDecorrelatedSettings(PFNSettings):
    """The same network, trained to leave the background's mass spectrum alone."""

    training: dict[str, Any] = key(
        {"batch_size": 512, "decorrelation": {"strength": 3.0}},
        "Keys of tagging.training that are others for this tagger.",
    )


class PFN(nn.Module):
    """F(sum_i Phi(p_i)).

    Args:
        inputs: features per particle.
        classes: number of classes.
        settings: widths of Phi and F.
    """

    claims = ("permutation",)

    def __init__(self, inputs: int, classes: int, settings: PFNSettings) -> None:
        super().__init__()
        self.phi = nn.Sequential(*dense([inputs, *settings.phi_sizes]))
        self.fc = head([settings.phi_sizes[-1], *settings.f_sizes], classes)

    def forward(self, jets: Jets) -> Tensor:
        """Logits of each jet, from the features of its particles; (jets, classes)."""
        rows = jets.rows
        latent = self.phi(rows.take(jets.features))  # (rows, latent): padding costs nothing
        return self.fc(rows.total(latent))
