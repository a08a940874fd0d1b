"""JEDI-linear: an interaction network whose cost grows with the constituents and not their pairs.

What a constituent learns of all others is a function of their mean, made once and added to each.
The published network (widths 64, then 64, 32, 16) learns a number of bits for every number; this
one has one format for all activations, and prunes. It is the permutation-invariant form: every
constituent has the same weights and formats.

Reference: Que et al., arXiv:2508.15468, and its code, calad0i/JEDI-linear at 4803280, src/model.py.
"""

from __future__ import annotations

from typing import Any

from pydantic import field_validator

from jetchain.core.settings import key
from jetchain.firmware.design import Design
from jetchain.firmware.design_settings import SetSettings, require_nodes
from jetchain.firmware.flow import Carrier


class JEDILinearSettings(SetSettings):
    """Sizes of the network."""

    embedding: int = key(16, "Width of the first layer.", ge=1)
    message: int = key(16, "Width of what is added of a constituent and of all.", ge=1)
    node: int = key(16, "Width of the layer before the mean.", ge=1)
    classifier: list[int] = key([32], "Widths of the hidden layers behind the mean.")

    _positive = field_validator("classifier")(require_nodes)


class JEDILinear(Design):
    """Embedding, message of all, layer of each, mean, classifier."""

    def wire(self, net: Carrier[Any], x: Any, outputs: int) -> Any:
        """(constituents, features) to (outputs,)."""
        sizes = self.settings
        x = net.dense("embedding", x, sizes.embedding)
        own = net.dense("own", x, sizes.message)
        of_all = net.dense("of_all", net.mean(x), sizes.message)
        x = net.dense("node", net.add(own, of_all), sizes.node)
        x = net.flat(net.mean(x))
        for layer, width in enumerate(sizes.classifier):
            x = net.dense(f"classifier{layer}", x, width)
        return net.linear("out", x, outputs)
