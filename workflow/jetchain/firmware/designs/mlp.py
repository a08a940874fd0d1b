"""A multilayer perceptron on the features of the leading constituents.

Reference: Odagiu et al., arXiv:2402.01876 (its smallest design; theirs has other widths).
"""

from __future__ import annotations

from typing import Any

from pydantic import field_validator

from jetchain.core.settings import key
from jetchain.firmware.design import Design
from jetchain.firmware.design_settings import DesignSettings, require_nodes
from jetchain.firmware.flow import Carrier


class MLPSettings(DesignSettings):
    """Sizes of the perceptron."""

    hidden: list[int] = key([64, 32, 32], "Width of the hidden layers.", min_length=1)

    _positive = field_validator("hidden")(require_nodes)


class MLP(Design):
    """Linear layers with a ReLU between them."""

    by_constituent = False

    def wire(self, net: Carrier[Any], x: Any, outputs: int) -> Any:
        """Layers 0, 1, ... on one vector."""
        hidden = self.settings.hidden
        for layer, width in enumerate(hidden):
            x = net.dense(str(layer), x, width)
        return net.linear(str(len(hidden)), x, outputs)
