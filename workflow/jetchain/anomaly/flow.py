"""A normalising flow p(x | m) of the features, conditional on the dijet mass.

The features go through a logit and are standardised so that all data lie within the interval of
the splines, outside of which a spline is the identity; the range, mean and scale are buffers of
the module, so that weights on disk are complete.

Reference: neural spline flows, arXiv 1906.04032; logit and conditional density as in CATHODE,
arXiv 2109.00546, section III.
"""

from __future__ import annotations

import numpy as np
import torch
import zuko
from numpy.typing import NDArray
from torch import Tensor, nn

Array = NDArray[np.float64]

SPLINE_BOUND = 5.0  # zuko's splines act on [-5, 5]
CONTAINED = 4.8  # where the outermost event is put
MARGIN = 0.02  # the range of the logit exceeds that of the data by this fraction on either side


class ConditionalFlow(nn.Module):
    """Coupling neural spline flow on logit-transformed features, given log m.

    Args:
        features: their number.
        transforms: coupling blocks.
        hidden: width of the two hidden layers.
        bins: pieces of each spline.
    """

    def __init__(self, features: int, transforms: int, hidden: int, bins: int) -> None:
        super().__init__()
        self.flow = zuko.flows.NSF(
            features,
            context=1,
            transforms=transforms,
            bins=bins,
            hidden_features=(hidden, hidden),
            passes=2,
        )
        for name in ("low", "high", "mean", "scale"):
            self.register_buffer(name, torch.zeros(features))
        self.register_buffer("mass", torch.tensor([0.0, 1.0]))

    def calibrate(self, features: Array, m_jj: Array) -> None:
        """Fix range, mean and scale from data (events, features) and their masses (events,)."""
        x = torch.as_tensor(features, dtype=torch.float32)
        spread = x.amax(0) - x.amin(0)
        self.low.copy_(x.amin(0) - MARGIN * spread)
        self.high.copy_(x.amax(0) + MARGIN * spread)
        logit = torch.logit((x - self.low) / (self.high - self.low))
        self.mean.copy_(logit.mean(0))
        shifted = (logit - self.mean).abs().amax(0)
        self.scale.copy_(torch.maximum(logit.std(0), shifted / CONTAINED))
        log_mass = np.log(m_jj)
        self.mass.copy_(torch.tensor([log_mass.mean(), log_mass.std()], dtype=torch.float32))

    def transform(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Features (batch, features) to the space of the flow, and log |dz/dx| (batch,)."""
        width = self.high - self.low
        u = (x - self.low) / width
        z = (torch.logit(u) - self.mean) / self.scale
        jacobian = -(u * (1 - u) * self.scale * width).log().sum(-1)
        return z, jacobian

    def inverse(self, z: Tensor) -> Tensor:
        """Space of the flow to features (batch, features)."""
        return self.low + (self.high - self.low) * torch.sigmoid(self.mean + self.scale * z)

    def context(self, m_jj: Tensor) -> Tensor:
        """Standardised log mass (batch, 1) from masses (batch,) in TeV."""
        return ((m_jj.log() - self.mass[0]) / self.mass[1])[:, None]

    def log_prob(self, x: Tensor, m_jj: Tensor) -> Tensor:
        """log p(x | m) (batch,) per unit of the features."""
        z, jacobian = self.transform(x)
        return self.flow(self.context(m_jj)).log_prob(z) + jacobian

    @torch.no_grad()
    def sample(self, m_jj: Array, seed: int) -> Array:
        """One draw of the features (events, features) at each mass (events,)."""
        generator = torch.Generator().manual_seed(seed)
        masses = torch.as_tensor(m_jj, dtype=torch.float32)
        drawn = torch.randn(len(masses), len(self.mean), generator=generator)
        z = self.flow(self.context(masses)).transform.inv(drawn)
        return self.inverse(z).numpy().astype(np.float64)
