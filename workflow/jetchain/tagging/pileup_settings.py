"""Settings of the taggers' dependence on pile-up."""

from __future__ import annotations

from pydantic import field_validator

from jetchain.core.settings import Settings, key, require_each_once
from jetchain.tagging.models import MODELS


class PileupDependenceSettings(Settings):
    """What pile-up does to taggers that were trained without; `snakemake pileup_dependence`."""

    means: list[int] = key(
        [0, 20, 60],
        "mean numbers of pile-up collisions an event, with each of which the same collisions are "
        "simulated again, in place of detector.simulation.pileup.mean",
        min_length=1,
    )
    mitigations: list[str] = key(
        ["none", "puppi"],
        "what is done against it, each in place of jets.clustering.pileup",
        min_length=1,
    )
    taggers: list[str] = key(["pfn", "particlenet"], "taggers, applied as they are", min_length=1)
    shards: int = key(
        1, "shards of each sample of tagging.classes that are simulated again, the first", ge=1
    )

    @field_validator("means")
    @classmethod
    def _some_or_none(cls, means: list[int]) -> list[int]:
        if min(means, default=0) < 0:
            raise ValueError("no mean may be below 0; 0 is no pile-up")
        if len({*means}) < len(means):
            raise ValueError("the means must differ")
        return means

    @field_validator("taggers")
    @classmethod
    def _known(cls, names: list[str]) -> list[str]:
        return require_each_once(names, MODELS, "tagger")
