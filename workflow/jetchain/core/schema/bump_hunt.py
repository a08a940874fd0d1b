"""Results of the bump hunt: local and global p-values of a signal of any mass."""

from __future__ import annotations

from jetchain.core.schema.base import Result


class TrialFactor(Result):
    """What toys without signal find anywhere, beside the formula of arXiv 1005.1891.

    Attributes:
        toys: their number.
        level: of q0, whose upcrossings are counted.
        crossings, crossings_error: mean number in a toy.
        excess: (points,) Z.
        toys_above: (points,) share of the toys whose largest excess reaches it.
        formula: (points,) the bound on this share.
        rare, share_of_rare: a p-value, and the share of the toys whose global one, by the formula,
            is not above it: at most this p-value if the bound holds.
    """

    toys: int
    level: float
    crossings: float
    crossings_error: float
    excess: list[float]
    toys_above: list[float]
    formula: list[float]
    rare: float
    share_of_rare: float


class BumpScan(Result):
    """A signal sought at all masses of one spectrum.

    Attributes:
        events: in the range of the fit.
        model, accepted: of the background, that of the search.
        mass_tev: (masses,) where the median of the moved signal lies.
        relative_width: of the signal, half of its central 68 % over its mass.
        excess: (masses,) Z, the root of q0, negative for a deficit.
        p_local: (masses,) asymptotic.
        p_local_toys: (masses,) by counting, at least 1 / (toys + 1).
        largest_tev, largest: mass and Z of the largest excess.
        p_global: of it anywhere, by the trial factor; an upper bound.
        p_global_toys: by counting.
        p_global_toys_is_bound: no toy has such an excess.
        trials: how the two compare.
    """

    events: int
    model: str
    accepted: bool
    mass_tev: list[float]
    relative_width: float
    excess: list[float]
    p_local: list[float]
    p_local_toys: list[float]
    largest_tev: float
    largest: float
    p_global: float
    p_global_toys: float
    p_global_toys_is_bound: bool
    trials: TrialFactor


class BumpHunt(Result):
    """The bump hunt of one method by the efficiency of the cut, "1" for none.

    Attributes:
        method: its name.
        injected_tev: where the injected signal lies, for the reader; null without one.
        scans: by efficiency.
    """

    method: str
    injected_tev: float | None
    scans: dict[str, BumpScan]
