"""The taggers: one file and one line each.

A line may be a variant of another: the same network on other inputs, so that both stand side by
side in a run. Its name is then that of the other, a comma and what is different.
"""

from typing import Any, Self

from jetchain.core.registry import Member, Registry
from jetchain.core.schema.tagging import FEATURE_SETS
from jetchain.core.settings import Settings, Widths, key


class TaggerSettings(Settings):
    """What is a tagger's own: each derives its sizes from this."""

    feature_set: str | None = key(
        None, "What it sees of a particle; none: what tagging.feature_set says."
    )
    training: dict[str, Any] = key({}, "Keys of tagging.training that are others for this tagger.")

    def complaint(self, particles: int) -> str:
        """What is wrong with these sizes for jets of so many places for particles, if anything.

        It starts with the name of the key: ``neighbours (9) must be below ...``.
        """
        return ""

    def sees(self, feature_set: str) -> str:
        """In words, what it takes of jets whose particles have these features."""
        return feature_set

    def needs(self, feature_set: str) -> str:
        """Of these features the smallest set, a key of FEATURE_SETS, that has all it looks at."""
        return feature_set

    def without_what_lacks(self, feature_set: str) -> Self:
        """The same, blind to what jets whose particles have these features do not have."""
        return self


class OfMomenta(TaggerSettings):
    """What is a tagger's own that takes of particles their momenta alone, or less."""

    def needs(self, feature_set: str) -> str:
        """See `TaggerSettings`."""
        return "kinematics"


class ImageSettings(OfMomenta):
    """The image of a jet."""

    pixels: int = key(33, "Pixels on each side; of an odd number one is in the middle.", ge=5)
    half_width: float = key(0.8, "Distance of the image's edges from its middle.", gt=0)

    def sees(self, feature_set: str) -> str:
        """See `TaggerSettings`."""
        return "image of pT"


class NeighbourSettings(TaggerSettings):
    """The graph of nearest neighbours."""

    neighbours: int = key(7, "Nearest neighbours of each particle.", ge=1)

    def complaint(self, particles: int) -> str:
        """The neighbours of a particle are other particles."""
        if self.neighbours < particles:
            return ""
        return f"neighbours ({self.neighbours}) must be below features.particles ({particles})"


class EdgeConvSettings(NeighbourSettings):
    """Sizes of blocks of EdgeConv."""

    channels: list[Widths] = key(
        [[32, 32, 32], [64, 64, 64]], "Widths of the layers of each EdgeConv block.", min_length=1
    )


class MomentumSettings(TaggerSettings):
    """What a network of four-momenta knows beside their products."""

    identity: bool = key(
        True,
        "Whether it sees charge and kind of a particle beside its momentum, unless its feature_set "
        "is kinematics.",
    )
    beams: bool = key(False, "Whether it knows the beams, as published; no invariance then.")

    def sees(self, feature_set: str) -> str:
        """See `TaggerSettings`."""
        return "momenta, charge, kind" if self.identity else "momenta"

    def needs(self, feature_set: str) -> str:
        """See `TaggerSettings`."""
        there = {*FEATURE_SETS["identity"]} <= {*FEATURE_SETS[feature_set]}
        return "identity" if self.identity and there else "kinematics"

    def without_what_lacks(self, feature_set: str) -> Self:
        """See `TaggerSettings`; where there is neither charge nor kind, both are 0."""
        return self.model_copy(update={"identity": self.needs(feature_set) == "identity"})


OWN = "own"
"""The tagger whose network the configuration names; see `models.own`."""
MODELS = Registry(
    "jetchain.tagging.models",
    "tagger",
    {
        "bdt": Member("BDT", "", "bdt.BDT", "bdt.BDTSettings"),
        "fisher": Member("Fisher", "1407.5675", "fisher.Fisher", "fisher.FisherSettings"),
        "cnn": Member("CNN", "1701.08784", "cnn.CNN", "cnn.CNNSettings"),
        "dnn": Member("DNN", "1704.02124", "dnn.DNN", "dnn.DNNSettings"),
        "lstm": Member("LSTM", "1711.09059", "lstm.LSTM", "lstm.LSTMSettings"),
        "recursive": Member(
            "Recursive", "1702.00748", "recursive.Recursive", "recursive.RecursiveSettings"
        ),
        "pcnn": Member("P-CNN", "1902.08570", "pcnn.PCNN", "pcnn.PCNNSettings"),
        "efn": Member("EFN", "1810.05165", "efn.EFN", "efn.EFNSettings"),
        "pfn": Member("PFN", "1810.05165", "pfn.PFN", "pfn.PFNSettings"),
        "pfn_kinematics": Member(
            "PFN, kinematics", "1810.05165", "pfn.PFN", "pfn.PFNKinematicsSettings"
        ),
        "pfn_decorrelated": Member(
            "PFN, decorrelated", "2001.05310", "pfn.PFN", "pfn.PFNDecorrelatedSettings"
        ),
        "rpcn": Member("rPCN", "2107.02908", "rpcn.RPCN", "rpcn.RPCNSettings"),
        "particlenet": Member(
            "ParticleNet",
            "1902.08570",
            "particlenet.ParticleNet",
            "particlenet.ParticleNetSettings",
        ),
        "part": Member("ParT", "2202.03772", "part.ParT", "part.ParTSettings"),
        "jedinet": Member("JEDI-net", "1908.05318", "jedinet.JEDINet", "jedinet.JEDINetSettings"),
        "jedinet_ordered": Member(
            "JEDI-net, without sum",
            "1908.05318",
            "jedinet.JEDINetOrdered",
            "jedinet.JEDINetOrderedSettings",
        ),
        "pct": Member("PCT", "2102.05073", "pct.PCT", "pct.PCTSettings"),
        "lgn": Member("LGN", "2006.04780", "lgn.LGN", "lgn.LGNSettings"),
        "lorentznet": Member(
            "LorentzNet", "2201.08187", "lorentznet.LorentzNet", "lorentznet.LorentzNetSettings"
        ),
        "pelican": Member("PELICAN", "2211.00454", "pelican.PELICAN", "pelican.PELICANSettings"),
        "lgatr": Member("L-GATr slim", "2512.17011", "lgatr.LGATr", "lgatr.LGATrSettings"),
        "lloca": Member("LLoCa transformer", "2505.20280", "lloca.LLoCa", "lloca.LLoCaSettings"),
        "graph_convolution": Member(
            "Graph convolution", "1609.02907", "graphnet.GraphNet", "graphnet.ConvolutionSettings"
        ),
        "graph_attention": Member(
            "Graph attention", "2105.14491", "graphnet.GraphNet", "graphnet.AttentionSettings"
        ),
        "graph_message": Member(
            "Message passing", "1801.07829", "graphnet.GraphNet", "graphnet.MessageSettings"
        ),
        "graph_block": Member(
            "Graph network block", "1806.01261", "graphnet.GraphNet", "graphnet.GraphNetSettings"
        ),
        OWN: Member("Own network", "", "own.own", "own.OwnTaggerSettings"),
    },
)
