"""The taggers: one file and one line each."""

from jetchain.core.registry import Member, Registry

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
