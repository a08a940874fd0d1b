"""Settings of the anomaly room: the events, the reference classifiers and their evaluation."""

from __future__ import annotations

from pydantic import field_validator

from jetchain.core.boosting import BoostingSettings
from jetchain.core.settings import Settings, key

# Trained with labels, as references that no search can reach.
REFERENCES = {
    "supervised": "jetchain.anomaly.models.supervised.Supervised",
    "idealised": "jetchain.anomaly.models.idealised.Idealised",
}
# Trained without labels on the data, as outlier searches.
OUTLIERS = {
    "isolation_forest": "jetchain.anomaly.models.isolation_forest.IsolationForest",
    "mahalanobis": "jetchain.anomaly.models.mahalanobis.Mahalanobis",
}


class FeatureSettings(Settings):
    """Which events enter the search, and how much signal is hidden in them."""

    trigger_pt: float = key(
        1200.0, "Smallest pT of the leading R = 1.0 jet (LHC Olympics).", unit="GeV", gt=0.0
    )
    signal_events: int = key(
        600,
        "Signal events injected into the data: about 300 of them in the signal region beside "
        "about 6,000 background events, S/B = 5 %. 0 for a background-only run.",
        ge=0,
    )
    folds: int = key(4, "Folds of the cross-training.", ge=2)


class EvaluationSettings(Settings):
    """Significance-improvement curves."""

    minimum_background: int = key(
        25,
        "Cuts that leave fewer background events are not quoted (25: 20 % error on their number).",
        ge=1,
    )
    replicas: int = key(100, "Bootstrap replicas of the largest significance improvement.", ge=10)
    points: int = key(50, "Points of a curve in signal efficiency.", ge=10)


class AnomalySettings(Settings):
    """The LHC-Olympics-like search: a W' -> XY signal hidden in QCD dijets."""

    background: list[str] = key(["lhco_background"], "Samples of the background.", min_length=1)
    signal: list[str] = key(["lhco_signal"], "Samples of the signal.", min_length=1)
    signal_region: list[float] = key(
        [3.3, 3.7],
        "Window of the dijet mass in which a signal is sought.",
        unit="TeV",
        min_length=2,
        max_length=2,
    )
    features: FeatureSettings = key(FeatureSettings(), "The events and the injected signal.")
    boosting: BoostingSettings = key(
        BoostingSettings(), "Ensembles of the supervised and the idealised reference."
    )
    evaluation: EvaluationSettings = key(EvaluationSettings(), "Significance improvement.")

    @field_validator("signal_region")
    @classmethod
    def _rising(cls, value: list[float]) -> list[float]:
        if not 0 < value[0] < value[1]:
            raise ValueError("the signal region must be two rising positive masses")
        return value


class ReferenceJob(Settings):
    """What `anomaly.train.reference` reads."""

    signal_region: list[float]
    boosting: BoostingSettings


class EvaluationJob(Settings):
    """What `anomaly.evaluate` reads."""

    signal_region: list[float]
    evaluation: EvaluationSettings
