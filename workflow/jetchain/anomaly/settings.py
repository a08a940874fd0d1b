"""Settings of the anomaly room: the events, the methods and their evaluation."""

from __future__ import annotations

import re
from typing import Any, Literal, Self

from pydantic import field_validator, model_validator

from jetchain.anomaly.methods import METHODS
from jetchain.core.schema.background import NO_CUT
from jetchain.core.settings import Settings, key, require_each_once

RESOLUTIONS = {"jer": ("pt", "m"), "jmr": ("m",)}
"""The columns that a resolution of jets smears."""
SHOWERS = {
    "fsr": ("weight_fsr_half", "weight_fsr_double"),
    "isr": ("weight_isr_half", "weight_isr_double"),
}
"""Weights of GENERATED with the scale of a shower halved (more radiation, up) and doubled."""
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
        375,
        "Signal events injected into the data: about 240 of them in the signal region beside "
        "about 4,700 background events, S/B = 5 %. 0 for a background-only run, which needs "
        "background.reference_events.",
        ge=0,
    )
    folds: int = key(4, "Folds of the cross-training.", ge=2)


class SystematicSettings(Settings):
    """What of the simulated signal is varied, and makes it uncertain in the fits and limits.

    Scales of the showers are varied too where all samples of the signal have such weights.
    """

    jets: list[Literal["jes", "jms", "jer", "jmr"]] = key(
        ["jes", "jms", "jer", "jmr"],
        "Scale of the jets (pT and mass together) and of their mass alone, and the resolutions "
        "likewise, by their uncertainties after the calibration; none without jets.calibration.",
    )
    algorithms: list[str] = key(
        [], "Algorithms of particle flow whose jets stand in for those of jets.algorithm."
    )

    def names(self, *, calibrated: bool, showers: bool) -> list[str]:
        """All that is varied.

        Args:
            calibrated: whether the uncertainties of the jets are known.
            showers: whether all events have weights with varied showers.
        """
        return [
            *(self.jets if calibrated else []), *self.algorithms, *(SHOWERS if showers else [])
        ]  # fmt: skip

    @field_validator("jets", "algorithms")
    @classmethod
    def _once(cls, names: list[str]) -> list[str]:
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"{name} is named twice")
            if name in SHOWERS:
                raise ValueError(f"{name} is the name of a variation of the showers")
        return names


class SignalGrid(Settings):
    """Signals of other parameters, for patch sets; `snakemake patchsets` makes them."""

    labels: list[str] = key([], "What the values of a signal are, for example [mass_tev].")
    samples: dict[str, list[float]] = key(
        {}, "Samples of generate.samples, and the values of each, one a label."
    )

    @model_validator(mode="after")
    def _one_value_a_label(self) -> Self:
        for name in (*self.labels, *self.samples):
            if not re.fullmatch("[A-Za-z0-9_]+", name):
                raise ValueError(f"the name '{name}' may hold letters, digits and _ only")
        for name, values in self.samples.items():
            if len(values) != len(self.labels) or not values:
                raise ValueError(
                    f"{name}: {len(values)} values, but {len(self.labels)} labels; at least one"
                )
        if len({tuple(values) for values in self.samples.values()}) < len(self.samples):
            raise ValueError("two signals have the same values")
        return self


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


class ScanSettings(Settings):
    """A scan: windows x strengths x replicas x methods, each point injected, trained and fitted."""

    methods: list[str] = key(
        ["inclusive", "cwola", "cathode"],
        "Methods, with the settings of anomaly.methods; `inclusive` is the fit without a cut.",
        min_length=1,
    )
    windows: list[list[float]] = key(
        [],
        "Windows of the dijet mass, of whole GeV, in which a signal is sought, where the simulated "
        "signal is moved to; none for anomaly.signal_region alone.",
        unit="TeV",
    )
    strengths: list[float] = key(
        [0.0, 0.25, 0.5, 1.0, 2.0],
        "Injected signal in units of background.reference_events; 0 for none.",
        min_length=1,
    )
    replicas: int = key(
        4, "Draws of the injection at each strength, each with a training of its own.", ge=1
    )
    share: float = key(
        1.0,
        "Share of the background, and of the luminosity, that a replica has. Of 1 / share replicas "
        "no two have an event in common; with 1 all have the same background, and their spread "
        "shows injection and training alone.",
        gt=0.0,
        le=1.0,
    )
    mass_shift: float = key(
        0.0,
        "Jet masses are moved by this times the dijet mass: 0.1 is the stress of arXiv 2109.00546.",
        ge=0.0,
    )
    background_efficiencies: list[float] = key(
        [0.1, 0.01], "Cuts at which the significance improvement is given.", min_length=1
    )

    @field_validator("methods")
    @classmethod
    def _known(cls, names: list[str]) -> list[str]:
        return require_each_once(names, [*NO_CUT, *METHODS], "search method")

    @field_validator("windows")
    @classmethod
    def _rising(cls, value: list[list[float]]) -> list[list[float]]:
        if any(len(each) != 2 or not 0 < each[0] < each[1] for each in value):
            raise ValueError("every window must be two rising positive masses")
        if any(abs(1000 * edge - round(1000 * edge)) > 1e-6 for each in value for edge in each):
            raise ValueError("the edges of windows must be whole GeV")
        if len({window_name(each) for each in value}) < len(value):
            raise ValueError("no two windows may be the same in whole GeV")
        return value

    @field_validator("strengths", "background_efficiencies")
    @classmethod
    def _each_once(cls, value: list[float]) -> list[float]:
        if len({f"{each:g}" for each in value}) < len(value) or min(value) < 0:
            raise ValueError("the values must differ in six digits, and none may be below 0")
        if max(value) > 1e9:
            raise ValueError("none may be above 1e9")
        return value

    @field_validator("background_efficiencies")
    @classmethod
    def _fractions(cls, value: list[float]) -> list[float]:
        if any(not 0 < efficiency < 1 for efficiency in value):
            raise ValueError("every efficiency must lie between 0 and 1")
        return value


def window_name(window: list[float]) -> str:
    """A window of the mass in TeV as a folder's name, in GeV."""
    return "-".join(f"{1000 * edge:.0f}" for edge in window)


def laptop_scans() -> dict[str, ScanSettings]:
    """The scans of the laptop-scale default.

    The search as it is, with more and less signal; what it finds where there is none, in twenty
    parts of the background; how often limits cover what was injected into these; and features that
    depend on the mass, where the signal over the root of the background is 2.2 in the window, as in
    the published stress (arXiv 2109.00546).
    """
    return {
        "strength": ScanSettings(),
        "background_only": ScanSettings(
            methods=["inclusive", "cwola"], strengths=[0.0], replicas=20, share=0.05
        ),
        "coverage": ScanSettings(
            methods=["inclusive", "cwola"], strengths=[1.0, 4.0], replicas=20, share=0.05
        ),
        "mass_shift": ScanSettings(methods=["cwola", "cathode"], strengths=[0.5], mass_shift=0.1),
    }


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
    systematics: SystematicSettings = key(
        SystematicSettings(), "Uncertainties of the signal, of variations of its simulation."
    )
    grid: SignalGrid = key(SignalGrid(), "Signals of other parameters, each a patch.")
    scans: dict[str, ScanSettings] = key(
        laptop_scans(), "Scans by name; `snakemake anomaly_scan` makes them."
    )
    scanned: list[str] = key([], "Scans that are made with everything else, and are in the report.")

    @property
    def windows(self) -> dict[str, list[float]]:
        """All windows of the scans by their folders' names."""
        scans = self.scans.values()
        return {
            window_name(window): window
            for window in (self.signal_region, *(each for scan in scans for each in scan.windows))
        }

    @field_validator("scans")
    @classmethod
    def _plain_names(cls, value: dict[str, ScanSettings]) -> dict[str, ScanSettings]:
        for name in value:
            if not re.fullmatch("[A-Za-z0-9_]+", name):
                raise ValueError(f"the name '{name}' may hold letters, digits and _ only")
        return value

    @model_validator(mode="after")
    def _scans_known(self) -> Self:
        require_each_once(self.scanned, self.scans, "scan")
        if self.windows[window_name(self.signal_region)] != self.signal_region:
            raise ValueError("a window of a scan differs from signal_region by less than a GeV")
        return self

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


class VariationJob(Settings):
    """What `anomaly.systematics.vary` reads."""

    radius: float
    trigger_pt: float


class EvaluationJob(Settings):
    """What `anomaly.evaluate` reads."""

    signal_region: list[float]
    evaluation: EvaluationSettings


class InjectionJob(Settings):
    """What `anomaly.scan.inject` reads: of a scan, and the windows of this point and the search."""

    signal_region: list[float]
    home: list[float]
    share: float
    mass_shift: float


class JudgementJob(Settings):
    """What `anomaly.scan.judge` reads."""

    signal_region: list[float]
    background_efficiencies: list[float]
    minimum_background: int


class ScanJob(Settings):
    """What `anomaly.scan_summary` reads of a scan."""

    replicas: int
    share: float
    mass_shift: float
