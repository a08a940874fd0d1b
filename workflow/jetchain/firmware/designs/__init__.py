"""The firmware designs: one file and one line each."""

from dataclasses import dataclass

from jetchain.core.registry import Member, Registry


@dataclass(frozen=True)
class DesignMember(Member):
    """A design.

    Attributes:
        anomaly: it is trained without labels, and its one output is an anomaly score.
    """

    anomaly: bool = False


DESIGNS = Registry(
    "jetchain.firmware.designs",
    "firmware design",
    {
        "mlp": DesignMember("MLP", "2402.01876", "mlp.MLP", "mlp.MLPSettings"),
        "deepsets": DesignMember(
            "DeepSets", "1703.06114", "deepsets.DeepSets", "deepsets.DeepSetsSettings"
        ),
        "jedi_linear": DesignMember(
            "JEDI-linear", "2508.15468", "jedi_linear.JEDILinear", "jedi_linear.JEDILinearSettings"
        ),
        "interaction": DesignMember(
            "Interaction network",
            "1908.05318",
            "interaction.Interaction",
            "interaction.InteractionSettings",
        ),
        "own": DesignMember("Own network", "", "own.Own", "own.OwnSettings"),
        "autoencoder": DesignMember(
            "Autoencoder",
            "2108.03986",
            "autoencoder.Autoencoder",
            "autoencoder.AutoencoderSettings",
            anomaly=True,
        ),
    },
)

CLASSIFIERS = [name for name, member in DESIGNS.items() if not member.anomaly]
AUTOENCODERS = [name for name, member in DESIGNS.items() if member.anomaly]
