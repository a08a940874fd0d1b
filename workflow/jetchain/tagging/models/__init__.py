"""The taggers: one file and one line each."""

from jetchain.core.registry import Member, Registry
from jetchain.core.settings import Settings


class TaggerSettings(Settings):
    """The sizes of a tagger: each derives its own from this."""

    def complaint(self, particles: int) -> str:
        """What is wrong with these sizes for jets of so many places for particles, if anything.

        It starts with the name of the key: ``neighbours (9) must be below ...``.
        """
        return ""


MODELS = Registry(
    "jetchain.tagging.models",
    "tagger",
    {
        "pfn": Member("PFN", "1810.05165", "pfn.PFN", "pfn.PFNSettings"),
        "particlenet": Member(
            "ParticleNet",
            "1902.08570",
            "particlenet.ParticleNet",
            "particlenet.ParticleNetSettings",
        ),
    },
)
