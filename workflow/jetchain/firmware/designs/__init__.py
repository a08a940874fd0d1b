"""The firmware designs: one file and one line each."""

from jetchain.core.registry import Member, Registry

DESIGNS = Registry(
    "jetchain.firmware.designs",
    "firmware design",
    {
        "mlp": Member("MLP", "2402.01876", "mlp.MLP", "mlp.MLPSettings"),
        "deepsets": Member(
            "DeepSets", "1703.06114", "deepsets.DeepSets", "deepsets.DeepSetsSettings"
        ),
        "jedi_linear": Member(
            "JEDI-linear", "2508.15468", "jedi_linear.JEDILinear", "jedi_linear.JEDILinearSettings"
        ),
        "interaction": Member(
            "Interaction network",
            "1908.05318",
            "interaction.Interaction",
            "interaction.InteractionSettings",
        ),
        "own": Member("Own network", "", "own.Own", "own.OwnSettings"),
    },
)
