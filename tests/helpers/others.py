"""A small workspace as others publish them, and the verbs run on it."""

from __future__ import annotations

import json

import numpy as np

from jetchain.core.io.tables import read_json, read_result, write_json
from jetchain.inference import others
from jetchain.inference.published import published
from jetchain.inference.settings import FitSettings, LimitSettings, PublishedSettings

QUICK = LimitSettings(points=3, toys=0)
ENTRY = PublishedSettings.model_construct(
    pallet=None, workspace="given.json", patchset=None, patch=None, measurement=None,
    cross_section=None, region=None, luminosity=None, scanned=["norm"],
)  # fmt: skip
LIMIT = others.OthersLimitJob.model_construct(limits=QUICK, workspace=ENTRY)
FIT = others.OthersFitJob.model_construct(fit=FitSettings(toys=0), workspace=ENTRY)
COUNTS = {"signal_region": [9.0, 5.0], "control": [60.0]}
SIGNAL = {"signal_region": [2.0, 3.0], "control": [0.5]}
BACKGROUND = {"signal_region": [8.0, 4.0], "control": [55.0]}


def spec(poi: str = "mu_SIG", power: int = 0, order: int = 1, bounds=(0.0, 10.0)) -> dict:
    """Two channels, a free norm, a shape and a statistical error; order -1 turns all around."""
    channels = []
    for name in list(COUNTS)[::order]:
        signal = np.array(SIGNAL[name][::order]) * 10.0**power
        background = np.array(BACKGROUND[name][::order])
        ends = {"hi_data": (1.1 * background).tolist(), "lo_data": (0.92 * background).tolist()}
        error = {"type": "staterror", "data": (0.08 * background).tolist()}
        samples = [
            {"name": "signal", "data": signal.tolist(), "modifiers": [
                {"name": poi, "type": "normfactor", "data": None},
                {"name": "trigger", "type": "normsys", "data": {"hi": 1.05, "lo": 0.95}},
            ]},
            {"name": "background", "data": background.tolist(), "modifiers": [
                {"name": "norm", "type": "normfactor", "data": None},
                {"name": "scale", "type": "histosys", "data": ends},
                {"name": f"statistics_{name}", **error},
            ]},
        ]  # fmt: skip
        channels.append({"name": name, "samples": samples[::order]})
    ranges = {"name": poi, "inits": [bounds[1] / 2], "bounds": [list(bounds)]}
    return {
        "version": "1.0.0",
        "channels": channels,
        "observations": [{"name": name, "data": COUNTS[name][::order]} for name in COUNTS],
        "measurements": [{"name": "of others", "config": {"poi": poi, "parameters": [ranges]}}],
    }


def run(folder, verb: str, content: dict, kind, job, name: str = "workspace"):
    """Import a workspace and run one verb on it."""
    write_json(folder / "given.json", content)
    paths = {"workspace": folder / f"{name}.json"}
    published(files=[folder / "given.json"], **paths, settings=ENTRY)
    output = {"fit": "fit", "limits": "limits", "diagnose": "model"}[verb]
    getattr(others, verb)(
        **paths, **{output: folder / "result.json"}, method="theirs", settings=job, seed=1
    )
    json.dumps(read_json(folder / "result.json"), allow_nan=False)
    return read_result(folder / "result.json", kind)
