"""Settings of the calibrations; apart from the room's, which are made of its algorithms' own."""

from __future__ import annotations

import itertools
from typing import Self

from pydantic import model_validator

from jetchain.core.settings import Settings, key


class CalibrationSettings(Settings):
    """Bins of the expected calorimeter response, measured on single particles."""

    samples: list[str] = key(
        ["pion_gun"], "samples of single particles that the response is measured on",
        min_length=1,
    )  # fmt: skip
    pt_edges: list[float] = key(
        [0.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 240.0, 480.0],
        "lower edges of the bins in pT; the last bin has no upper edge",
        unit="GeV",
        min_length=1,
    )
    eta_edges: list[float] = key(
        [0.0, 0.5, 1.0, 1.5, 2.0, 2.5],
        "lower edges of the bins in |eta|; the last bin has no upper edge",
        min_length=1,
    )
    radius: float = key(
        0.4,
        "clusters within this dR of a track at ECAL2, or of a photon, count as its shower",
        gt=0,
        le=1,
    )
    minimum_entries: int = key(
        20, "bins with fewer entries take the value of the nearest bin that has enough", ge=2
    )

    @model_validator(mode="after")
    def _edges_rise(self) -> Self:
        for name in ("pt_edges", "eta_edges"):
            edges = getattr(self, name)
            if edges[0] != 0 or any(b <= a for a, b in itertools.pairwise(edges)):
                raise ValueError(f"{name} must start at 0 and rise strictly")
        return self


def shower_calibration() -> CalibrationSettings:
    """The default bins of neutral hadrons' and muons' showers."""
    return CalibrationSettings(
        samples=["shower_gun", "soft_hadron_gun"],
        pt_edges=[0.0, 3.0, 5.0, 8.0, 12.0, 20.0, 40.0, 80.0, 160.0, 320.0],
        eta_edges=[0.0, 0.5, 1.0, 1.5, 2.0],
        minimum_entries=30,
    )


def photon_calibration() -> CalibrationSettings:
    """The default bins of the response to photons."""
    return CalibrationSettings(
        samples=["photon_gun", "shower_gun"],
        pt_edges=[0.0, 1.5, 2.0, 2.7, 3.6, 5.0, 7.0, 10.0, 15.0, 25.0, 50.0, 100.0, 250.0],
        eta_edges=[0.0, 0.5, 1.0, 1.3, 1.6, 2.0, 2.5],
        radius=0.2,
    )
