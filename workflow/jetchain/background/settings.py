"""Settings of the background room: estimates from the data, and their closure."""

from __future__ import annotations

from typing import Self

from pydantic import field_validator, model_validator

from jetchain.core.boosting import BoostingSettings
from jetchain.core.settings import Settings, key


class QualitySettings(Settings):
    """The check of a template against data of the sidebands."""

    boosting: BoostingSettings = key(
        BoostingSettings(), "The classifier; one ensemble of one member is trained."
    )
    permutations: int = key(
        40,
        "Label permutations that give the null of the template's quality; the smallest p-value "
        "that they can show is 1 / (permutations + 1).",
        ge=2,
    )
    closure: bool = key(
        False,
        "Whether the template is held against the true background of the signal region too; a "
        "check of the search, which no search can make in data.",
    )


class AbcdSettings(Settings):
    """The ABCD method, from two independent scores."""

    efficiency: float = key(
        0.05,
        "Fraction of the sideband data in the region A of both cuts, each of which leaves out some "
        "of them.",
        gt=0.0,
        le=0.35,
    )


class SpectrumSettings(Settings):
    """The fit of signal and background to the dijet mass."""

    mass_range: list[float] = key(
        [2.8, 6.5],
        "Range of the fit, above the turn-on of the trigger.",
        unit="TeV",
        min_length=2,
        max_length=2,
    )
    bin_width: float = key(0.1, "Width of the mass bins.", unit="TeV", gt=0.0)
    orders: list[int] = key(
        [2, 6],
        "Lowest and highest order of the polynomial that multiplies a falling function to give "
        "the background; an F-test chooses, and the fit takes one more.",
        min_length=2,
        max_length=2,
    )
    f_test: float = key(
        0.05, "Largest p-value at which the F-test prefers the higher order.", gt=0.0, lt=1.0
    )
    goodness: float = key(
        0.01, "Smallest p-value of a fit whose model is accepted.", gt=0.0, lt=1.0
    )
    toys: int = key(500, "Toys that give each of these p-values.", ge=20)

    @field_validator("mass_range")
    @classmethod
    def _rising(cls, value: list[float]) -> list[float]:
        if not 0 < value[0] < value[1]:
            raise ValueError("the mass range must be two rising positive masses")
        return value

    @field_validator("orders")
    @classmethod
    def _orders(cls, value: list[int]) -> list[int]:
        if not 0 <= value[0] <= value[1] <= 8:
            raise ValueError("the orders must be two that do not fall, from 0 to 8")
        return value

    @model_validator(mode="after")
    def _resolved(self) -> Self:
        if (self.toys + 1) * min(self.goodness, self.f_test) < 1:
            raise ValueError(
                f"{self.toys} toys show no p-value below {1 / (self.toys + 1):.2g}: raise toys, or "
                "goodness and f_test"
            )
        return self


class SidebandSettings(Settings):
    """Cut on the score, and fit of the mass."""

    spectrum: SpectrumSettings = key(SpectrumSettings(), "Binning and fit of the mass.")
    efficiency: float = key(
        0.01,
        "Fraction of the sideband data that the cut on the score keeps, fold by fold.",
        gt=0.0,
        lt=1.0,
    )
    scan: list[float] = key(
        [0.5, 0.1, 0.01], "Efficiencies at which fit and sculpting are studied.", min_length=1
    )

    @field_validator("scan")
    @classmethod
    def _fractions(cls, value: list[float]) -> list[float]:
        if any(not 0 < efficiency < 1 for efficiency in value):
            raise ValueError("every efficiency must lie between 0 and 1")
        return value


class HuntSettings(Settings):
    """A signal of any mass, sought before and after the cuts."""

    methods: list[str] = key(
        [],
        "Methods whose bump hunt is made with everything else, and is in the report; `inclusive` "
        "is the one without a cut. `snakemake anomaly_bump_hunt` makes those of all methods.",
    )
    toys: int = key(
        1000,
        "Toys of each spectrum; the smallest global p-value that they can show is 1 / (toys + 1).",
        ge=20,
    )


class SignalSettings(Settings):
    """Which uncertainties of the signal the workspaces hold; anomaly.systematics varies it."""

    prune: float = key(
        0.0,
        "A variation that changes neither the signal nor any bin of it by more than this share is "
        "left out.",
        ge=0.0,
        lt=1.0,
    )
    statistics: float = key(
        0.3,
        "Bins of a spectrum where the statistical error of the simulated signal, at strength 1, is "
        "at least this share of the data's, the root of all that is expected, have a parameter for "
        "it; below 0.3 it makes the error of the bin larger by less than 5 %.",
        ge=0.0,
    )
    cross_section: float = key(
        0.0,
        "Relative uncertainty of the signal's predicted cross-section; 0 for limits on the "
        "cross-section itself.",
        ge=0.0,
        lt=1.0,
    )


class BackgroundSettings(Settings):
    """Backgrounds of the searches, estimated from the data, and how well the estimates hold."""

    sideband: SidebandSettings = key(SidebandSettings(), "The fit of the mass spectrum.")
    abcd: AbcdSettings = key(AbcdSettings(), "Two cuts that predict the background.")
    quality: QualitySettings = key(QualitySettings(), "The check of a template.")
    bump_hunt: HuntSettings = key(HuntSettings(), "A signal sought at all masses.")
    systematics: SignalSettings = key(SignalSettings(), "Uncertainties of the signal.")
    reference_events: int | None = key(
        None,
        "Signal events (passing the trigger, in the luminosity of the background sample) that "
        "define signal strength 1; as many as anomaly.features.signal_events if not given.",
        ge=1,
    )


class QualityJob(Settings):
    """What `background.quality` and the closure of the template read."""

    signal_region: list[float]
    mass_range: list[float]
    boosting: BoostingSettings
    permutations: int


class AbcdJob(Settings):
    """What `background.abcd.predict` and the ABCD closure read."""

    signal_region: list[float]
    mass_range: list[float]
    efficiency: float


class SpectrumJob(Settings):
    """What `background.sideband.inclusive` reads."""

    signal_region: list[float]
    spectrum: SpectrumSettings


class CollectJob(Settings):
    """What `background.systematics.collect` reads."""

    signal_region: list[float]
    mass_range: list[float]
    bin_width: float
    systematics: SignalSettings


class CutJob(SpectrumJob):
    """What `background.sideband` and the closure of the spectrum read."""

    efficiency: float
    scan: list[float] | None = None

    @property
    def efficiencies(self) -> list[float]:
        """Of the search and of the scan, falling."""
        return sorted({*(self.scan or []), self.efficiency}, reverse=True)


class HuntJob(CutJob):
    """What `background.bump_hunt` reads."""

    toys: int


class NormalisationJob(Settings):
    """What `background.normalisation` reads."""

    reference_events: int | None
