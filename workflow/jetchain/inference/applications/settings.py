"""Settings of what is done with workspaces beyond the searches, by targets of their own."""

from __future__ import annotations

from typing import Self

from pydantic import field_validator, model_validator

from jetchain.core.settings import Settings, key
from jetchain.core.sources import require_usable


class CharmSettings(Settings):
    """A boosted search for VH, H -> cc, with a tagger's scores of the test jets."""

    tagger: str = key("particlenet", "The tagger, one of tagging.taggers.")
    luminosities: list[float] = key(
        [140.0, 3000.0], "Luminosities for which limits are set.", unit="1/fb", min_length=1
    )
    working_points: list[float] = key(
        [0.8, 0.6, 0.4],
        "Efficiencies for jets of H -> cc that divide the jets into categories, falling.",
        min_length=1,
    )
    bb_working_point: float = key(
        0.6, "Efficiency for jets of H -> bb of the category that is rich in them.", gt=0, lt=1
    )
    mass_edges: list[float] = key(
        [50.0, 70.0, 105.0, 145.0, 210.0],
        "Edges of the bins in soft-drop mass.", unit="GeV", min_length=2,
    )  # fmt: skip
    normalisation_uncertainty: float = key(
        0.1, "Relative uncertainty of the rate of each process but V + jets, an assumption.", gt=0,
        lt=1,
    )  # fmt: skip
    efficiency_uncertainty: float = key(
        0.1, "Relative uncertainty of the efficiency for H -> cc, and for H -> bb, an assumption.",
        gt=0, lt=1,
    )  # fmt: skip
    reach: float = key(100.0, "Largest kappa_c of the scan.", gt=1)
    points: int = key(61, "Points of the scan of kappa_c.", ge=5)

    @field_validator("luminosities")
    @classmethod
    def _positive(cls, values: list[float]) -> list[float]:
        if min(values) <= 0 or len({*values}) != len(values):
            raise ValueError("luminosities must be above 0, each named once")
        return values

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if sorted({*self.working_points}, reverse=True) != self.working_points:
            raise ValueError(f"working_points {self.working_points} must fall")
        if not all(0 < each < 1 for each in self.working_points):
            raise ValueError(f"working_points {self.working_points} must lie between 0 and 1")
        if sorted({*self.mass_edges}) != self.mass_edges:
            raise ValueError(f"mass_edges {self.mass_edges} must rise")
        return self


class OperatorSettings(Settings):
    """An operator of an effective field theory, as a workspace holds it."""

    linear: str = key(..., "Normalisation factor of the interference samples, the coefficient c.")
    quadratic: str = key(..., "Normalisation factor of the quadratic samples, held at c^2.")
    range: list[float] = key(
        ..., "Coefficients that are scanned: from, to.", min_length=2, max_length=2
    )
    unit: str = key("TeV^-2", "Unit of the coefficient, for figures.")

    @model_validator(mode="after")
    def _sound(self) -> Self:
        if self.range[0] >= self.range[1]:
            raise ValueError(f"range {self.range} must rise")
        if self.linear == self.quadratic:
            raise ValueError(f"linear and quadratic are both '{self.linear}'")
        return self


class OperatorScanSettings(Settings):
    """Intervals on the coefficients of operators, one at a time, from a workspace with samples of
    the standard model, of interference and of the squared operators."""

    workspace: str = key(..., "file of the workspace, relative to the folder that the run is in")
    operators: dict[str, OperatorSettings] = key({}, "the operators, by name", min_length=1)
    points: int = key(61, "coefficients in a scan", ge=5)

    @field_validator("workspace")
    @classmethod
    def _present(cls, value: str) -> str:
        require_usable(value)
        return value


class GainSettings(Settings):
    """Expected limits of the searches against the luminosity."""

    factors: list[float] = key(
        [0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 25.0],
        "Luminosities, in units of that of the search.",
        min_length=1,
    )
    scan: str | None = key(
        None,
        "A scan of anomaly.scans whose replicas without injected signal show how far limits move "
        "from training to training; none if not given, for scans take hours.",
    )

    @field_validator("factors")
    @classmethod
    def _rising(cls, values: list[float]) -> list[float]:
        if sorted({*values}) != values or values[0] <= 0:
            raise ValueError(f"factors {values} must rise from above 0")
        return values


class ApplicationsSettings(Settings):
    """What is done with workspaces beyond the searches."""

    charm: CharmSettings = key(CharmSettings(), "a boosted VH(H -> cc)-like search, and kappa_c")
    operators: dict[str, OperatorScanSettings] = key(
        {}, "workspaces with operators of an effective field theory, by a name"
    )
    gain: GainSettings = key(GainSettings(), "expected limits against method and luminosity")
