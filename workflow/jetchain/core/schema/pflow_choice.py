"""What taggers and searches make of the jets of two particle-flow algorithms.

`reference` is the algorithm of jets.algorithm, `other` the one it is compared with.
"""

from __future__ import annotations

from jetchain.core.schema.base import Result
from jetchain.core.schema.taggers_compared import Lead


class ChoiceMerit(Result):
    """A tagger on the jets of an algorithm, in a pair of classes.

    Attributes:
        auc, auc_error: area under the ROC curve.
        background_50, background_50_error: share of the background left where 50 % of the signal
            are kept.
    """

    auc: float
    auc_error: float
    background_50: float
    background_50_error: float


class ChoiceLead(Result):
    """By how much a tagger does better on jets of the other algorithm than on the reference's.

    Attributes:
        auc: in the area under the ROC curve.
        background_50: in the background rejected, 1 - efficiency, where 50 % of the signal are
            kept.
    """

    auc: Lead
    background_50: Lead


class AppliedTagger(Result):
    """A tagger in a pair of classes, on the jets that two reconstructions have in common.

    Attributes:
        pair: of classes.
        tagger: its key.
        signal, background: jets of each.
        reference: trained on jets of the reference, which it is asked about too.
        applied: the same network, asked about the other jets.
        applied_lead: of this over the reference.
    """

    pair: str
    tagger: str
    signal: int
    background: int
    reference: ChoiceMerit
    applied: ChoiceMerit
    applied_lead: ChoiceLead


class ChosenTagger(AppliedTagger):
    """The same, where the other jets are those of another algorithm, with a further training.

    Attributes:
        own: trained on jets of the other algorithm, which it is asked about too.
        own_lead: of this over the reference.
    """

    own: ChoiceMerit
    own_lead: ChoiceLead


class TaggingChoice(Result):
    """The taggers on jets of another algorithm; errors are of the test jets alone.

    Attributes:
        algorithm: the other one.
        reference_jets, other_jets: test jets of each, all classes.
        common_jets: those that both have, in the same class.
        rows: of all taggers and pairs; pairs with too few jets are left out.
    """

    algorithm: str
    reference_jets: int
    other_jets: int
    common_jets: int
    rows: list[ChosenTagger]


class RegionEvents(Result):
    """Events in the signal region: of the data, and of the signal that was not injected.

    Attributes:
        background, injected: of the data.
        signal_test: not injected.
    """

    background: int
    injected: int
    signal_test: int


class ChosenSearch(Result):
    """The significance improvement of a method at the working point; none of too few events.

    Attributes:
        method: its key.
        reference, reference_error: on the dijets of the reference.
        other, other_error: trained and evaluated on those of the other algorithm.
        lead: of the other over the reference.
    """

    method: str
    reference: float | None
    reference_error: float | None
    other: float | None
    other_error: float | None
    lead: Lead | None


class SearchChoice(Result):
    """The searches on dijets of another algorithm; errors are of the events alone.

    Attributes:
        algorithm: the other one.
        background_efficiency: of the cut.
        reference, other: events in the signal region of each.
        common: those that lie in it for both.
        rows: of all methods.
    """

    algorithm: str
    background_efficiency: float
    reference: RegionEvents
    other: RegionEvents
    common: RegionEvents
    rows: list[ChosenSearch]
