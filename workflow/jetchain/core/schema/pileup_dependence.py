"""What taggers make of jets with pile-up, beside the same jets of the run.

`reference` is the run, `applied` its taggers on jets with pile-up.
"""

from __future__ import annotations

from jetchain.core.schema.base import Result
from jetchain.core.schema.pflow_choice import AppliedTagger


class Shift(Result):
    """A variable of jets with pile-up, divided by that of the same jets of the run.

    Attributes:
        bias, bias_error: median less 1.
        resolution, resolution_error: half of the distance from the 16 % to the 84 % quantile.
    """

    bias: float
    bias_error: float
    resolution: float
    resolution_error: float


class ShiftedJets(Result):
    """The common jets of a class; variables that are 0 in the run are left out of their shift.

    Attributes:
        jets: how many.
        pt, m, msd: of their pT, mass and soft-drop mass; none of fewer than two jets.
    """

    jets: int
    pt: Shift | None
    m: Shift | None
    msd: Shift | None


class PileupPoint(Result):
    """Taggers and jets at one mean pile-up; errors are of the test jets alone.

    Attributes:
        mean: number of pile-up collisions an event.
        mitigation: what is done against them; see `jets.clustering.pileup`.
        reference_jets: test jets of the run, all classes and shards.
        other_jets: those with pile-up, of the shards that were simulated again.
        common_jets: those that both have, in the same class.
        rows: of all taggers and pairs; pairs with too few jets are left out.
        shifts: by class.
    """

    mean: int
    mitigation: str
    reference_jets: int
    other_jets: int
    common_jets: int
    rows: list[AppliedTagger]
    shifts: dict[str, ShiftedJets]
