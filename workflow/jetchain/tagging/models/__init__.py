"""The taggers: one file and one line each.

A line may be a variant of another: the same network on other inputs, so that both stand side by
side in a run. Its name is then that of the other, a comma and what is different.
"""

from typing import Any

from jetchain.core.registry import Member, Registry
from jetchain.core.settings import Settings, key


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


MODELS = Registry(
    "jetchain.tagging.models",
    "tagger",
    {
        "pfn": Member("PFN", "1810.05165", "pfn.PFN", "pfn.PFNSettings"),
        "pfn_kinematics": Member(
            "PFN, kinematics", "1810.05165", "pfn.PFN", "pfn.PFNKinematicsSettings"
        ),
        "particlenet": Member(
            "ParticleNet",
            "1902.08570",
            "particlenet.ParticleNet",
            "particlenet.ParticleNetSettings",
        ),
        "part": Member("ParT", "2202.03772", "part.ParT", "part.ParTSettings"),
    },
)
