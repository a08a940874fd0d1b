"""DeepSets: one network for every constituent, the mean, and a network of the mean.

The order of the constituents does not matter, save for which ones are the leading ones.

References: Zaheer et al., arXiv:1703.06114 (deep sets); Odagiu et al., arXiv:2402.01876 (on an FPGA
for jets of a level-1 trigger; theirs has other widths).
"""

from __future__ import annotations

from typing import Any

from pydantic import field_validator

from jetchain.core.settings import key
from jetchain.firmware.design import Design
from jetchain.firmware.design_settings import (
    OWN_FORMATS,
    FixedPointSettings,
    FormatSettings,
    SetSettings,
    require_nodes,
)
from jetchain.firmware.flow import Carrier


def _formats() -> FormatSettings:
    """Of weights fewer bits, of which more are then kept at the same cost."""
    return FormatSettings(
        inputs=FixedPointSettings(signed=True, integer=2, fraction=7),
        weights=FixedPointSettings(signed=True, integer=0, fraction=3),
        activations=FixedPointSettings(signed=False, integer=2, fraction=5),
    )


class DeepSetsSettings(SetSettings):
    """Sizes of the two networks."""

    formats: FormatSettings | None = key(_formats(), OWN_FORMATS)
    phi: list[int] = key([28, 28], "Widths of the network of one constituent.", min_length=1)
    rho: list[int] = key([64], "Widths of the hidden layers behind the mean.")

    _positive = field_validator("phi", "rho")(require_nodes)


class DeepSets(Design):
    """phi, mean, rho."""

    def wire(self, net: Carrier[Any], x: Any, outputs: int) -> Any:
        """(constituents, features) to (outputs,)."""
        for layer, width in enumerate(self.settings.phi):
            x = net.dense(f"phi{layer}", x, width)
        x = net.flat(net.mean(x))
        for layer, width in enumerate(self.settings.rho):
            x = net.dense(f"rho{layer}", x, width)
        return net.linear("out", x, outputs)
