"""The firmware designs: one file and one line each."""

from jetchain.core.registry import Member, Registry

DESIGNS = Registry(
    "jetchain.firmware.designs",
    "firmware design",
    {
        "mlp": Member("MLP", "2402.01876", "mlp.MLP", "mlp.MLPSettings"),
    },
)
