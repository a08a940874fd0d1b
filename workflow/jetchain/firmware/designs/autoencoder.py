"""The encoder of a variational autoencoder: the squared length of the latent mean of a jet.

The prior is a unit Gaussian, so that a jet like many has a mean near zero, and the score is twice
the part of the Kullback-Leibler divergence that the mean makes. The decoder stays off the chip.

References: Kingma and Welling, arXiv:1312.6114 (variational autoencoder); Govorkova et al.,
arXiv:2108.03986 (its latent space as the trigger's score on an FPGA); CMS has such a trigger at
level 1 (AXOL1TL, arXiv:2411.19506). Theirs see the objects of an event, this one those of a jet.
"""

from __future__ import annotations

from typing import Any

from pydantic import field_validator

from jetchain.core.settings import key
from jetchain.firmware.design import Design
from jetchain.firmware.design_settings import DesignSettings, require_nodes
from jetchain.firmware.flow import Carrier


class AutoencoderSettings(DesignSettings):
    """Sizes of the encoder; the decoder has the same in reverse."""

    hidden: list[int] = key([32, 16], "Width of the hidden layers.", min_length=1)
    latent: int = key(4, "Numbers in between.", ge=1)

    _positive = field_validator("hidden")(require_nodes)


class Autoencoder(Design):
    """Linear layers with a ReLU between them, and the squares of the last one's outputs."""

    by_constituent = False

    def encode(self, net: Carrier[Any], x: Any) -> Any:
        """(inputs,) to the latent mean (latent,)."""
        for layer, width in enumerate(self.settings.hidden):
            x = net.dense(str(layer), x, width)
        return net.linear("mean", x, self.settings.latent)

    def wire(self, net: Carrier[Any], x: Any, outputs: int) -> Any:
        """(inputs,) to the score (1,), whatever the outputs asked for."""
        return net.squares(self.encode(net, x), self.settings.latent)
