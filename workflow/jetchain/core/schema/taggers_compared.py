"""Results that compare the taggers of the tagging room with each other."""

from __future__ import annotations

from jetchain.core.schema.base import Result


class Lead(Result):
    """By how much one tagger is better than another; see `tagging.paired`.

    Attributes:
        value: above 0 where the first is better.
        error: standard deviation of bootstrap replicas that both share.
        significance: their ratio; none if the two never differ.
    """

    value: float
    error: float
    significance: float | None


class PairedMerit(Result):
    """Two taggers in one pair of classes.

    Attributes:
        pair: of classes.
        first, second: keys of the taggers.
        auc: lead in the area under the ROC curve.
        background_50, background_30: in the background rejected, 1 - efficiency, where 50 % and
            30 % of the signal are kept.
    """

    pair: str
    first: str
    second: str
    auc: Lead
    background_50: Lead
    background_30: Lead


class PairedMerits(Result):
    """Each two taggers, in each pair of classes."""

    rows: list[PairedMerit]


class MassSculpting(Result):
    """The mass spectrum of background jets before and after a cut on a tagger's score.

    Attributes:
        passed: jets that the cut keeps.
        before, after: share of the weight in each bin of mass; (bins,).
        after_error: statistical, of `after`; (bins,).
        divergence: of the two, by Jensen and Shannon, in bits; none if no jet passes.
        chance: of as many jets at random, in the mean.
        chance_high: what 97.7 % of these stay below.
    """

    passed: int
    before: list[float]
    after: list[float]
    after_error: list[float]
    divergence: float | None
    chance: float | None
    chance_high: float | None


class Sculpting(Result):
    """How taggers change the soft-drop mass spectrum of the background.

    Attributes:
        signal_efficiency: of the cut.
        edges: of the bins, GeV; beyond them the last bin counts.
        taggers: by tagger and pair of classes.
    """

    signal_efficiency: float
    edges: list[float]
    taggers: dict[str, dict[str, MassSculpting]]


class Reliability(Result):
    """The output of a tagger for one class, and how often jets are of the class.

    Attributes:
        share: of the weight of all jets in each bin of the output; (bins,).
        output: mean of it in each bin; none without jets; (bins,).
        observed, low, high: share of the class in each bin, with its 68 % interval; (bins,).
        error, error_std: expected calibration error, and its bootstrap error.
        chance: that of a tagger that is right, in the mean.
        chance_high: what 97.7 % of these stay below.
    """

    share: list[float]
    output: list[float | None]
    observed: list[float | None]
    low: list[float | None]
    high: list[float | None]
    error: float
    error_std: float
    chance: float
    chance_high: float


class Calibrations(Result):
    """Whether outputs of taggers are probabilities, where all classes weigh the same.

    Attributes:
        edges: of the bins of an output.
        taggers: by tagger and class.
    """

    edges: list[float]
    taggers: dict[str, dict[str, Reliability]]


class BinnedArea(Result):
    """How well signal is told from background among the jets of a bin.

    Attributes:
        signal, background: jets of each.
        auc: area under the ROC curve; none of too few jets.
        error: its bootstrap error.
    """

    signal: int
    background: int
    auc: float | None
    error: float | None


class Dependence(Result):
    """The area under the ROC curve in bins of a jet's pT (GeV) and |eta|.

    Attributes:
        edges: of the bins, by variable.
        taggers: by tagger, pair of classes and variable; a bin each.
    """

    edges: dict[str, list[float]]
    taggers: dict[str, dict[str, dict[str, list[BinnedArea]]]]


class TaggerTimes(Result):
    """What a jet takes, by tagger.

    Attributes:
        unit: of the times, in words.
        machine: its processor.
        particles, mean_particles: of the jets: places, and real particles.
        training: of a jet, each time that the training sees it.
        inference: of a jet that is scored.
        fitted_once: taggers that are trained in one fit, not by steps in epochs.
    """

    unit: str
    machine: str
    particles: int
    mean_particles: float
    training: dict[str, float]
    inference: dict[str, float]
    fitted_once: list[str]
