"""Settings of the inference room: the statistical model, its fit and the limits."""

from __future__ import annotations

import re
from typing import Self

from pydantic import field_validator, model_validator

from jetchain.core.settings import Settings, key
from jetchain.core.sources import require_usable
from jetchain.inference.applications.settings import ApplicationsSettings


class WorkspaceSettings(Settings):
    """The statistical model."""

    luminosity_uncertainty: float = key(
        0.01, "relative uncertainty of the luminosity", gt=0, lt=0.5
    )


class FitSettings(Settings):
    """The maximum-likelihood fit."""

    tolerance: float = key(0.01, "Minuit's tolerance on the estimated distance to minimum", gt=0)
    toys: int = key(
        2000,
        "toys without signal that check the p-value of a spectrum with few events under the peak; "
        "0 for none",
        ge=0,
    )


class LimitSettings(Settings):
    """CLs upper limits."""

    level: float = key(0.05, "1 - confidence level", gt=0, lt=0.5)
    points: int = key(25, "signal strengths in the scan of CLs", ge=3)
    toys: int = key(
        4000,
        "toys a hypothesis and signal strength, beside the asymptotic limit, 0 for none; a "
        "spectrum or ABCD gets a quarter, and only if few events are under the peak or in A",
        ge=0,
    )
    toy_points: int = key(
        8,
        "signal strengths across the expected band at which toys are thrown, beside four around "
        "the observed limit",
        ge=4,
    )


class PublishedSettings(Settings):
    """A workspace of HistFactory, in pyhf's JSON, that others made."""

    workspace: str = key(..., "file of the workspace, relative to the folder that the run is in")
    patchset: str | None = key(None, "file of the patch set that holds the signal, if one does")
    patch: str | None = key(None, "name of the patch")
    measurement: str | None = key(None, "name of the measurement; the first if not given")
    cross_section: float | None = key(
        None,
        "cross-section of the signal where its strength is 1; without it limits are on the "
        "strength alone",
        unit="fb",
        gt=0,
    )

    @field_validator("workspace", "patchset")
    @classmethod
    def _present(cls, value: str | None) -> str | None:
        if value is not None:
            require_usable(value)
        return value

    @model_validator(mode="after")
    def _pair(self) -> Self:
        if (self.patchset is None) != (self.patch is None):
            raise ValueError("patchset and patch go together: give both, or neither")
        return self

    @property
    def files(self) -> list[str]:
        """That the workspace is read from."""
        return [self.workspace] + ([] if self.patchset is None else [self.patchset])


class InferenceSettings(Settings):
    """The inference room."""

    workspace: WorkspaceSettings = key(WorkspaceSettings(), "the statistical model")
    fit: FitSettings = key(FitSettings(), "best fit, pulls, discovery significance")
    limits: LimitSettings = key(LimitSettings(), "CLs limits on the signal cross-section")
    workspaces: dict[str, PublishedSettings] = key(
        {}, "workspaces that others made, by a name: each is fitted and limited like a search"
    )
    applications: ApplicationsSettings = key(
        ApplicationsSettings(), "what the target `applications` does with jets and workspaces"
    )

    @field_validator("workspaces")
    @classmethod
    def _names(cls, value: dict[str, PublishedSettings]) -> dict[str, PublishedSettings]:
        for name in value:
            if not re.fullmatch("[a-z0-9_]+", name):
                raise ValueError(f"the name '{name}' stands in file names: use a-z, 0-9 and _ only")
        return value
