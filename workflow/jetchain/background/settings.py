"""Settings of the background room: the searches with backgrounds estimated from data."""

from __future__ import annotations

from pydantic import field_validator

from jetchain.core.boosting import BoostingSettings
from jetchain.core.settings import Settings, key
from jetchain.core.training_settings import TrainingSettings


class CwolaSettings(Settings):
    """CWoLa hunting: signal region against the sidebands next to it."""

    sideband_width: float = key(
        0.2,
        "Width of the sideband on either side of the signal region.",
        unit="TeV",
        gt=0.0,
    )
    boosting: BoostingSettings = key(BoostingSettings(), "Ensembles that separate the regions.")


class FlowSettings(Settings):
    """Conditional neural spline flow."""

    transforms: int = key(3, "Coupling blocks of the flow.", ge=1)
    hidden: int = key(64, "Width of the two hidden layers of each network.", ge=1)
    bins: int = key(8, "Pieces of each spline.", ge=2)


class TemplateSettings(Settings):
    """The background template of CATHODE."""

    flow: FlowSettings = key(FlowSettings(), "The density estimator.")
    training: TrainingSettings = key(
        TrainingSettings(epochs=12, batch_size=256, learning_rate=3e-3, patience=6),
        "Training of the flow on the sidebands.",
    )
    oversampling: float = key(
        4.0, "Template events per data event of the signal region and fold.", gt=0.0
    )
    bandwidth: float = key(
        0.01,
        "Bandwidth of the kernel density estimate of the dijet mass.",
        unit="TeV",
        gt=0.0,
    )


class CathodeSettings(Settings):
    """CATHODE: a background template from a flow, interpolated into the signal region."""

    template: TemplateSettings = key(TemplateSettings(), "Flows, and what is drawn from them.")
    boosting: BoostingSettings = key(BoostingSettings(), "Ensembles: data against template.")
    permutations: int = key(
        40,
        "Label permutations that give the null of the template's quality; the smallest p-value "
        "that they can show is 1 / (permutations + 1).",
        ge=2,
    )


class NetworkSettings(Settings):
    """The two decorrelated networks."""

    hidden: int = key(64, "Width of the three hidden layers of each network.", ge=1)
    decorrelation: float = key(
        30.0,
        "Weight lambda of the distance correlation in the loss. At 10 and below the correlation is "
        "still small, but B C / D no longer predicts A after a tight cut.",
        ge=0.0,
    )
    signal_fraction: float = key(0.2, "Fraction of signal events in a batch.", gt=0.0, lt=1.0)
    training: TrainingSettings = key(
        TrainingSettings(epochs=150, batch_size=400, learning_rate=2e-3, patience=150),
        "Training of the two networks; the cost of a batch grows as the square of its size.",
    )


class DiscoSettings(Settings):
    """Double DisCo: two decorrelated networks for the ABCD method."""

    networks: NetworkSettings = key(NetworkSettings(), "The networks and their training.")
    efficiency: float = key(
        0.05, "Fraction of the sideband data in the region A of both cuts.", gt=0.0, lt=1.0
    )


class SpectrumSettings(Settings):
    """The fit of the dijet mass around the signal region."""

    mass_range: list[float] = key(
        [2.8, 6.5],
        "Range of the fit, above the turn-on of the trigger.",
        unit="TeV",
        min_length=2,
        max_length=2,
    )
    bin_width: float = key(0.1, "Width of the mass bins.", unit="TeV", gt=0.0)
    energy: float = key(13.0, "Centre-of-mass energy in the dijet function.", unit="TeV", gt=0.0)
    parameters: list[int] = key(
        [3, 4],
        "Numbers of parameters of the dijet function that the F-test compares.",
        min_length=1,
    )
    f_test: float = key(
        0.05, "Largest p-value at which the F-test prefers more parameters.", gt=0.0, lt=1.0
    )

    @field_validator("mass_range")
    @classmethod
    def _rising(cls, value: list[float]) -> list[float]:
        if not 0 < value[0] < value[1]:
            raise ValueError("the mass range must be two rising positive masses")
        return value

    @field_validator("parameters")
    @classmethod
    def _orders(cls, value: list[int]) -> list[int]:
        if sorted(set(value)) != value or not set(value) <= {2, 3, 4, 5}:
            raise ValueError("the numbers of parameters must rise, from 2 to 5")
        return value


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


class BackgroundSettings(Settings):
    """Searches for the hidden signal, each with its own data-driven background."""

    cwola: CwolaSettings = key(CwolaSettings(), "CWoLa hunting.")
    cathode: CathodeSettings = key(CathodeSettings(), "CATHODE.")
    disco: DiscoSettings = key(DiscoSettings(), "Double DisCo.")
    sideband: SidebandSettings = key(SidebandSettings(), "The fit of the mass spectrum.")
    reference_events: int = key(
        600,
        "Signal events (passing the trigger, in the luminosity of the background sample) that "
        "define signal strength 1.",
        ge=1,
    )


class CwolaJob(Settings):
    """What `background.cwola` reads."""

    signal_region: list[float]
    cwola: CwolaSettings


class TemplateJob(Settings):
    """What `background.cathode.template` reads."""

    signal_region: list[float]
    mass_range: list[float]
    template: TemplateSettings


class ClassifierJob(Settings):
    """What `background.cathode.classify` reads."""

    signal_region: list[float]
    boosting: BoostingSettings


class QualityJob(Settings):
    """What `background.cathode.quality` reads."""

    signal_region: list[float]
    mass_range: list[float]
    boosting: BoostingSettings
    permutations: int


class NetworkJob(Settings):
    """What `background.disco` reads."""

    signal_region: list[float]
    mass_range: list[float]
    networks: NetworkSettings


class AbcdJob(Settings):
    """What `background.disco.predict` and the ABCD closure read."""

    signal_region: list[float]
    mass_range: list[float]
    efficiency: float


class SpectrumJob(Settings):
    """What `background.sideband.inclusive` reads."""

    signal_region: list[float]
    spectrum: SpectrumSettings


class CutJob(SpectrumJob):
    """What `background.sideband` and the closure of the spectrum read."""

    efficiency: float
    scan: list[float]

    @property
    def efficiencies(self) -> list[float]:
        """Of the search and of the scan, falling."""
        return sorted({*self.scan, self.efficiency}, reverse=True)


class NormalisationJob(Settings):
    """What `background.normalisation` reads."""

    reference_events: int
