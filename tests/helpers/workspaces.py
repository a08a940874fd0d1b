"""A small HistFactory workspace, and the settings of jobs on such."""

from __future__ import annotations

from jetchain.inference import others
from jetchain.inference.settings import FitSettings, LimitSettings, PublishedSettings

ENTRY = PublishedSettings.model_construct(
    pallet=None, workspace="given.json", patchset=None, patch=None, measurement=None,
    cross_section=None, region=None, luminosity=None, scanned=[],
)  # fmt: skip
LIMIT = others.OthersLimitJob.model_construct(
    limits=LimitSettings(points=3, toys=0), workspace=ENTRY
)
FIT = others.OthersFitJob.model_construct(fit=FitSettings(toys=0), workspace=ENTRY)


def plain() -> dict:
    """A signal and a control region; the latter's norm scales both backgrounds."""
    norm = {"name": "norm", "type": "normfactor", "data": None}
    return {
        "version": "1.0.0",
        "channels": [
            {"name": "region", "samples": [
                {"name": "signal", "data": [4.0, 6.0], "modifiers": [
                    {"name": "mu", "type": "normfactor", "data": None},
                    {"name": "eff", "type": "normsys", "data": {"hi": 1.1, "lo": 0.9}},
                ]},
                {"name": "background", "data": [20.0, 10.0], "modifiers": [
                    norm,
                    {"name": "shape", "type": "histosys",
                     "data": {"hi_data": [22.0, 9.5], "lo_data": [18.5, 10.5]}},
                    {"name": "stat", "type": "staterror", "data": [1.5, 1.0]},
                ]},
            ]},
            {"name": "control", "samples": [
                {"name": "background", "data": [90.0], "modifiers": [norm]},
            ]},
        ],
        "observations": [
            {"name": "region", "data": [22.0, 11.0]}, {"name": "control", "data": [95.0]}
        ],
        "measurements": [
            {"name": "first", "config": {"poi": "mu", "parameters": []}},
        ],
    }  # fmt: skip
