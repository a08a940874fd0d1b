"""Settings of the anomaly room: the events, the methods and their evaluation."""

from __future__ import annotations

from typing import Any

from pydantic import field_validator

from jetchain.anomaly.methods import METHODS
from jetchain.core.settings import Settings, key, require_each_once

Sections: Any = METHODS.sections()


class MethodTable(Sections):
    """One section a method that has settings."""


class FeatureSettings(Settings):
    """Which events enter the search, and how much signal is hidden in them."""

    radius: float = key(1.0, "Radius of the jets (LHC Olympics: 1.0).", gt=0.0)
    trigger_pt: float = key(
        1200.0, "Smallest pT of the leading jet (LHC Olympics).", unit="GeV", gt=0.0
    )
    signal_events: int = key(
        600,
        "Signal events injected into the data: about 300 of them in the signal region beside "
        "about 6,000 background events, S/B = 5 %. 0 for a background-only run, which needs "
        "background.reference_events.",
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
    working_point: float = key(
        0.01,
        "Share of the background that the quoted cut keeps: the headline significance improvement "
        "is the one there, chosen before any result, and not the largest of all cuts.",
        gt=0.0,
        lt=1.0,
    )
    replicas: int = key(100, "Bootstrap replicas of the significance improvement.", ge=10)
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
    searches: list[str] = key(
        [
            "supervised", "idealised", "cwola", "cathode", "disco", "isolation_forest",
            "mahalanobis",
        ],
        "Methods to train and compare; the first two know the truth and bound the others.",
        min_length=1,
    )  # fmt: skip
    methods: MethodTable = key(MethodTable(), "Settings of the methods.")
    evaluation: EvaluationSettings = key(EvaluationSettings(), "Significance improvement.")

    @field_validator("signal_region")
    @classmethod
    def _rising(cls, value: list[float]) -> list[float]:
        if not 0 < value[0] < value[1]:
            raise ValueError("the signal region must be two rising positive masses")
        return value

    @field_validator("searches")
    @classmethod
    def _known(cls, names: list[str]) -> list[str]:
        return require_each_once(names, METHODS, "search method")


class SearchJob(Settings):
    """What `anomaly.search` reads; the mass range only where the method declares it."""

    signal_region: list[float]
    mass_range: list[float] | None = None
    method: dict[str, Any] | None = None


class TemplateJob(Settings):
    """What `anomaly.search.template` reads."""

    signal_region: list[float]
    mass_range: list[float]
    template: dict[str, Any]


class ResonanceJob(Settings):
    """What `anomaly.resonance` reads."""

    signal_region: list[float]
    radius: float
    trigger_pt: float


class EvaluationJob(Settings):
    """What `anomaly.evaluate` reads."""

    signal_region: list[float]
    evaluation: EvaluationSettings
