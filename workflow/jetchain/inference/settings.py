"""Settings of the inference room: the statistical model, its fit and the limits."""

from __future__ import annotations

from jetchain.core.settings import Settings, key


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


class InferenceSettings(Settings):
    """The inference room."""

    workspace: WorkspaceSettings = key(WorkspaceSettings(), "the statistical model")
    fit: FitSettings = key(FitSettings(), "best fit, pulls, discovery significance")
    limits: LimitSettings = key(LimitSettings(), "CLs limits on the signal cross-section")
