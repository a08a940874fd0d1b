"""Tables of what is done with workspaces: intervals of parameters, limits against luminosity."""

from __future__ import annotations

from jetchain.core.schema.base import Result
from jetchain.core.schema.inference import PartialBand


class Interval(Result):
    """Where a scan stays below a threshold; null: it does beyond the end of the scan too."""

    low: float | None
    high: float | None


class Minimum(Result):
    """A local minimum of a scan: where, and -2 log L above the least one."""

    at: float
    q: float


class Scan(Result):
    """A profile likelihood along a parameter.

    Attributes:
        name, unit: of the parameter.
        values: of it; (points,).
        q: -2 log L above its least value; null where the model has no likelihood; (points,).
        minima: all below the threshold of 95 %, the lowest first.
        intervals_68, intervals_95: by Wilks' theorem, one degree of freedom.
        reason: why points, or all, lack; null if none does.
    """

    name: str
    unit: str
    values: list[float]
    q: list[float | None]
    minima: tuple[Minimum, ...] = ()
    intervals_68: tuple[Interval, ...] = ()
    intervals_95: tuple[Interval, ...] = ()
    reason: str | None = None


class OperatorScans(Result):
    """The scans of a workspace's operators, the others at zero."""

    method: str
    scans: tuple[Scan, ...]


class CharmYields(Result):
    """A class of jets in a category: test jets, and events in each bin of mass."""

    category: str
    jet_class: str
    jets: int
    events: list[float]


class CharmLimit(Result):
    """What the search expects at a luminosity.

    Attributes:
        luminosity: 1/fb.
        template_statistics: whether the finite number of simulated jets is an uncertainty.
        expected_mu: limits on the strength of VH(cc) at -2 to 2 sigma, H -> bb as in the standard
            model.
        kappa: scan of kappa_c on data as the standard model expects; q against the least value.
        unbounded: whether no kappa_c, however large, is excluded at 95 %.
        q_saturated: of an infinite kappa_c, where all Higgs bosons decay to charm.
        from_mu: the kappa_c that the median limit on mu would be turned into, which is none if
            mu saturates below it; only for comparison.
        reason: why there is no limit; null if there is one.
    """

    luminosity: float
    template_statistics: bool
    expected_mu: PartialBand
    kappa: Scan
    unbounded: bool
    q_saturated: float | None
    from_mu: float | None
    reason: str | None = None


class CharmSearch(Result):
    """A boosted VH(H -> cc)-like search with the jets of a tagger.

    Attributes:
        tagger: its key.
        level: 1 - confidence level of the limits on mu.
        rates: fb of each class of jets before the tagger.
        edges: of the bins in soft-drop mass, GeV.
        luminosity: of the yields, 1/fb.
        yields: by category and class.
        limits: by luminosity, with and without the statistics of the simulation.
    """

    tagger: str
    level: float
    rates: dict[str, float]
    edges: list[float]
    luminosity: float
    yields: tuple[CharmYields, ...]
    limits: tuple[CharmLimit, ...]


class MethodGain(Result):
    """Expected limits of a method against the luminosity.

    Attributes:
        method: its name.
        luminosity: 1/fb; (points,).
        expected_fb: median and the other bands at -2 to 2 sigma; (points,).
        trainings: replicas whose limits `mean_fb` and `spread_fb` are of; 0 if there are none.
        mean_fb, spread_fb: mean and standard deviation of the medians over the replicas; null
            where fewer than two have a limit.
        reason: why there is no limit; null if there is one.
    """

    method: str
    luminosity: list[float]
    expected_fb: list[PartialBand]
    trainings: int = 0
    mean_fb: tuple[float | None, ...] = ()
    spread_fb: tuple[float | None, ...] = ()
    reason: str | None = None


class Gains(Result):
    """What the methods buy: expected limits without signal, by method and luminosity."""

    level: float
    methods: tuple[MethodGain, ...]
