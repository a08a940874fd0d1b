"""An interaction network: a network of every pair of constituents, one of each, one of the jet.

As in JEDI-net the first layer of a pair sees both constituents (here as the sum of two linear
layers, which is the same) and what a constituent gets is the mean over its partners. A pair of a
constituent with itself counts too: the mean is then over a power of two.

References: Battaglia et al., arXiv:1612.00222; Moreno et al., arXiv:1908.05318 (JEDI-net); Odagiu
et al., arXiv:2402.01876 (on an FPGA).
"""

from __future__ import annotations

from typing import Any

from pydantic import field_validator

from jetchain.core.settings import key
from jetchain.firmware.design import Design
from jetchain.firmware.design_settings import SetSettings, require_nodes
from jetchain.firmware.flow import Carrier


class InteractionSettings(SetSettings):
    """Sizes of the three networks; the cost grows with the square of the constituents."""

    constituents: int | None = key(
        8, "Leading constituents that it sees; null: all of the data set.", ge=1, le=32
    )
    pair: list[int] = key([8, 6], "Widths of the network of a pair.", min_length=1)
    node: list[int] = key([16], "Widths of the network of a constituent.", min_length=1)
    classifier: list[int] = key([24], "Widths of the hidden layers behind the mean.")

    _positive = field_validator("pair", "node", "classifier")(require_nodes)


class Interaction(Design):
    """Pairs, constituents, jet."""

    def wire(self, net: Carrier[Any], x: Any, outputs: int) -> Any:
        """(constituents, features) to (outputs,)."""
        sizes = self.settings
        first, *more = sizes.pair
        pair = net.pairs(net.linear("receiver", x, first), net.linear("sender", x, first))
        pair = net.relu(pair)
        for layer, width in enumerate(more):
            pair = net.dense(f"pair{layer}", pair, width)
        first, *more = sizes.node
        of_others = net.linear("of_others", net.mean(pair, of_partners=True), first)
        x = net.relu(net.add(net.linear("own", x, first), of_others))
        for layer, width in enumerate(more):
            x = net.dense(f"node{layer}", x, width)
        x = net.flat(net.mean(x))
        for layer, width in enumerate(sizes.classifier):
            x = net.dense(f"classifier{layer}", x, width)
        return net.linear("out", x, outputs)
