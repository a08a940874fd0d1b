"""What a method of the search is given and what it returns.

A method is a class, made from its settings (from nothing where it has none), with one function:

    def search(self, dijets: Dijets, seed: int) -> Scored

A reference takes the truth of the data's events too, ``truth`` (events,), 1 for signal, and what
has a first stage takes what that drew, ``template``, a table of dijet events:

    def draw(self, data: Table, signal_region, mass_range, seed: int) -> Drawn

No event may be scored by a model that saw it: the model of a fold is trained on the others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from jetchain.anomaly.methods import TREES_FILE
from jetchain.core.boosting import BoostingSettings, Models, TrainingSet, cross_scores
from jetchain.core.dijets import Array, Table, inside
from jetchain.core.errors import EmptySampleError
from jetchain.core.forest import arrays_of
from jetchain.core.seeds import derive_seed


@dataclass(frozen=True)
class Dijets:
    """What every method is given.

    Attributes:
        data: DIJETS, what is searched.
        signal_test: DIJETS of simulated signal that is not in the data.
        signal_region: low and high edge in TeV.
        mass_range: of the fit of the mass, TeV; for a method that declares that it reads it.
        background_test: DIJETS of background of the signal region that is not in the data; scored,
            and used for nothing else but by a reference. None where there is none.
    """

    data: Table
    signal_test: Table
    signal_region: Sequence[float]
    mass_range: Sequence[float] | None = None
    background_test: Table | None = None

    @property
    def tables(self) -> list[Table]:
        """All tables, in the order in which they are scored."""
        more = [] if self.background_test is None else [self.background_test]
        return [self.data, self.signal_test, *more]

    @property
    def in_region(self) -> NDArray[np.bool_]:
        """Which events of the data (events,) lie in the signal region."""
        return inside(self.data["m_jj"], self.signal_region)

    @property
    def folds(self) -> int:
        """The number of folds.

        Raises:
            EmptySampleError: there are no data.
        """
        if not len(self.data["fold"]):
            raise EmptySampleError("The data hold no event.", "Generate more background.")
        return int(self.data["fold"].max()) + 1

    def cross_train(
        self,
        training_set: TrainingSet,
        boosting: BoostingSettings,
        seed: int,
        name: str,
        *,
        trees: bool = False,
    ) -> Scored:
        """Scores by ensembles of boosted trees (`core.boosting.cross_scores`), and their trees."""
        targets = [(table["features"], table["fold"]) for table in self.tables]
        models: Models = []
        scores = cross_scores(
            training_set, targets, self.folds, boosting, seed, name, models if trees else None
        )
        return Scored.of(scores, {TREES_FILE: arrays_of(models)} if trees else {})


@dataclass(frozen=True)
class Scored:
    """What a method returns.

    Attributes:
        scores, signal_scores: (events, trainings) of data and signal_test; larger is more like
            signal, and the score of an event is the mean of its trainings.
        extras: by file name what else it can write: weights as a module, a table of scores
            (SCORES), its trees (TREES), the columns of a CSV, or a result.
        background_scores: the same of background_test, where there is one.
    """

    scores: Array
    signal_scores: Array
    extras: Mapping[str, Any] = field(default_factory=dict)
    background_scores: Array | None = None

    @classmethod
    def of(cls, scores: Sequence[Array], extras: Mapping[str, Any] | None = None) -> Scored:
        """From the scores of `Dijets.tables`, in their order."""
        more = scores[2] if len(scores) > 2 else None
        return cls(scores[0], scores[1], extras or {}, more)


@dataclass(frozen=True)
class Drawn:
    """What a first stage returns.

    Attributes:
        template: DIJETS, drawn in the signal region; its folds say for which model.
        sideband_template: DIJETS, drawn at the masses of the events of the sidebands, to check it.
        weights: a module with what was trained.
        history: columns of its training.
    """

    template: Table
    sideband_template: Table
    weights: Any
    history: Mapping[str, Sequence[float]]


class Outlier(Protocol):
    """A model of the data as a whole."""

    def fit(self, features: Array, seed: int) -> None:
        """Learn the features (events, 4), unlabelled."""

    def score(self, features: Array) -> Array:
        """Scores (events,), larger for events that are unlike the rest."""


def outlier_scores(model: Outlier, dijets: Dijets, seed: int) -> Scored:
    """Scores of a model that is fitted to the data of the other folds, whatever their mass."""
    scores = [np.zeros((len(table["m_jj"]), 1)) for table in dijets.tables]
    for fold in range(dijets.folds):
        data = dijets.data
        model.fit(data["features"][data["fold"] != fold], derive_seed(seed, fold))
        for result, table in zip(scores, dijets.tables, strict=True):
            chosen = table["fold"] == fold
            if chosen.any():
                result[chosen, 0] = model.score(table["features"][chosen])
    return Scored.of(scores)
