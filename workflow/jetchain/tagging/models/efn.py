"""Energy-flow network: the sum over particles of their share of pT times a function of the angle.

Komiske, Metodiev and Thaler, arXiv:1810.05165, eq. 1.1, the infrared- and collinear-safe one of the
two networks there: what a particle adds is proportional to its pT, so that neither a soft one nor
a collinear splitting changes the jet's answer. The default widths are the paper's, as the authors'
repository names them (thaler-lab/EnergyFlow, mkdocs/sources/examples.md).
"""

from __future__ import annotations

from torch import Tensor, nn

from jetchain.core.settings import Width, key
from jetchain.tagging.batches import Jets
from jetchain.tagging.models import OfMomenta
from jetchain.tagging.models.layers import dense, head, share_of_pt


class EFNSettings(OfMomenta):
    """Sizes of the energy-flow network (arXiv:1810.05165)."""

    phi_sizes: list[Width] = key(
        [100, 100, 256], "Widths of the per-particle layers.", min_length=1
    )
    f_sizes: list[Width] = key([100, 100, 100], "Widths of the per-jet layers.", min_length=1)

    def sees(self, feature_set: str) -> str:
        """See `TaggerSettings`."""
        return "pT shares and angles"


class EFN(nn.Module):
    """F(sum_i z_i Phi(angles_i)), z_i being the share of pT; features are not looked at.

    Args:
        inputs: features per particle.
        classes: number of classes.
        settings: widths of Phi and F.
    """

    claims = ("permutation", "irc")

    def __init__(self, inputs: int, classes: int, settings: EFNSettings) -> None:
        super().__init__()
        self.phi = nn.Sequential(*dense([2, *settings.phi_sizes]))
        self.fc = head([settings.phi_sizes[-1], *settings.f_sizes], classes)

    def forward(self, jets: Jets) -> Tensor:
        """Logits of each jet, from the momenta and angles of its particles; (jets, classes)."""
        rows, share = jets.rows, share_of_pt(jets)
        latent = self.phi(rows.take(jets.points))  # (rows, latent)
        return self.fc(rows.total(latent * rows.take(share)[:, None]))
