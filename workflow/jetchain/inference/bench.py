"""How fast limits are set, beside `pyhf.infer.intervals.upper_limits.upper_limit` mass by mass."""

from __future__ import annotations

import sys
import time
from typing import Any

import numpy as np

from jetchain.core.io.tables import write_result
from jetchain.core.schema.inference import LimitsBench
from jetchain.core.verbs import Output
from jetchain.inference.bracket import upper_limits
from jetchain.inference.histfactory import REACH, Hypotheses, Model
from jetchain.inference.limits import asymptotic_limits
from jetchain.inference.maximum import maximum
from jetchain.inference.settings import (
    FitSettings,
    LimitBench,
    LimitSettings,
    WorkspaceSettings,
)
from jetchain.inference.workspace import build, numpy_backend
from jetchain.inference.yields import Yields

CHANNELS = {"signal_region": (12, 400.0), "control": (4, 2000.0), "validation": (6, 900.0)}
"""Bins, and events of the first one."""
LEVEL = 0.05


def bench(*, report: Output, settings: LimitBench) -> None:
    """Measure CPU seconds of a scan over masses, and of the peer at some of them.

    Both read the same workspaces, of three channels with shapes, norms and statistical errors, and
    set observed and expected limits. The peer has pyhf's own defaults.

    Args:
        report: written.
        settings: numbers of masses and of nuisance parameters.
    """
    shares = np.linspace(0.1, 0.9, settings.masses)
    specs = [model_of(settings.nuisances, float(share)) for share in shares]
    compared = np.linspace(0, settings.masses - 1, settings.peer_masses).astype(int)
    with numpy_backend():
        limits_of_model(specs[0])  # the first loads what is imported late
        started = time.process_time()
        ours = [limits_of_model(spec) for spec in specs]
        seconds = time.process_time() - started
        many = Model(model_of(100, 0.5), "model of 100")
        started = time.process_time()
        maximum(many, Hypotheses(many).best, FitSettings())
        hundred = time.process_time() - started
    started = time.process_time()
    theirs = [limits_of_pyhf(specs[index], ours[index]) for index in compared]
    peer = (time.process_time() - started) / len(compared)
    started = time.process_time()
    ten_bins()
    result = LimitsBench(
        masses=settings.masses,
        nuisances=settings.nuisances,
        channels=len(CHANNELS),
        seconds=seconds,
        peer_masses=len(compared),
        peer_seconds_per_mass=peer,
        ratio=peer * settings.masses / seconds,
        largest_difference=float(
            np.max(np.abs(np.array(theirs) / np.array([ours[i] for i in compared]) - 1))
        ),
        ten_bins_seconds=time.process_time() - started,
        hundred_nuisances_seconds=hundred,
    )
    print(f"inference.bench: {result.model_dump_json()}", file=sys.stderr, flush=True)
    write_result(report, result)


def limits_of_model(spec: dict[str, Any]) -> list[float]:
    """Limits on the strength, observed and at -2 to 2 sigma, from a workspace on."""
    model = Model(spec, "bench")
    found, _, _ = upper_limits(Hypotheses(model).cls, model.unit, REACH * model.unit, LEVEL)
    assert found is not None
    return found


def limits_of_pyhf(spec: dict[str, Any], near: list[float]) -> list[float]:
    """The same by pyhf, within three times the largest of these limits."""
    import pyhf

    before = pyhf.get_backend()
    pyhf.set_backend("numpy")  # with the optimiser that pyhf takes by itself
    try:
        parameters = spec["measurements"][0]["config"]["parameters"]
        parameters[0]["bounds"] = [[0.0, 3 * max(near)]]
        workspace = pyhf.Workspace(spec)
        model = workspace.model()
        observed, expected = pyhf.infer.intervals.upper_limits.upper_limit(
            workspace.data(model), model, level=LEVEL
        )
        return [float(observed), *(float(each) for each in expected)]
    finally:
        pyhf.set_backend(*before)


def ten_bins() -> None:
    """Limits of ten bins of large counts, each with a background known to 20 %."""
    background = 1e7 * 2.2 ** -np.arange(10.0)
    yields = Yields(
        method="bench", names=tuple(f"b{index}" for index in range(10)),
        observed=np.round(background), background=background,
        background_uncertainty=0.2 * background, signal=0.15 * background * 0.8 ** np.arange(10.0),
        signal_uncertainty=np.ones(10), luminosity=10.0, cross_section=20.0,
        constraint="gaussian",
    )  # fmt: skip
    spec = build(yields, WorkspaceSettings())
    asymptotic_limits(spec, yields, LimitSettings(points=25, toys=0))


def model_of(nuisances: int, share: float) -> dict[str, Any]:
    """A workspace with three channels and a peak at a share of the spectrum of the first.

    Two free norms, a statistical error a bin of the first channel, and shapes and norms that the
    channels share make up the nuisance parameters.
    """
    free, statistics = 2, CHANNELS["signal_region"][0]
    systematics = max(nuisances - free - statistics, 1)
    random = np.random.default_rng(nuisances)
    sizes = random.uniform(0.02, 0.1, (systematics, 2))
    channels, observations = [], []
    for place, (name, (bins, first)) in enumerate(CHANNELS.items()):
        x = (np.arange(bins) + 0.5) / bins
        signal = (40.0, 0.5, 4.0)[place] * np.exp(-0.5 * ((x - share) / 0.08) ** 2)
        samples = [_sample("signal", signal, ["mu"])]
        for index, steep in enumerate((3.0, 1.5)):
            expected = first * (0.8, 0.2)[index] * np.exp(-steep * x)
            sample = _sample(f"background_{index}", expected, [f"norm_{index}"])
            for number, (low, high) in enumerate(sizes):
                if number % 2 == index:
                    sample["modifiers"].append(_varied(number, expected, x, (low, high)))
            if name == "signal_region":
                widths = (0.02 * expected).tolist()
                sample["modifiers"].append(
                    {"name": "statistics", "type": "staterror", "data": widths}
                )
            samples.append(sample)
        total = sum(np.array(sample["data"]) for sample in samples[1:])
        channels.append({"name": name, "samples": samples})
        observations.append({"name": name, "data": random.poisson(total).tolist()})
    parameters = [{"name": "mu", "inits": [1.0], "bounds": [[0.0, 10.0]]}]
    return {
        "version": "1.0.0", "channels": channels, "observations": observations,
        "measurements": [{"name": "bench", "config": {"poi": "mu", "parameters": parameters}}],
    }  # fmt: skip


def _sample(name: str, expected: Any, norms: list[str]) -> dict[str, Any]:
    modifiers = [{"name": norm, "type": "normfactor", "data": None} for norm in norms]
    return {"name": name, "data": expected.tolist(), "modifiers": modifiers}


def _varied(number: int, expected: Any, x: Any, sizes: tuple[float, float]) -> dict[str, Any]:
    """A norm or a tilt of a sample, by turns."""
    low, high = sizes
    if number % 4 < 2:
        return {
            "name": f"norm_of_{number}", "type": "normsys", "data": {"hi": 1 + high, "lo": 1 - low}
        }  # fmt: skip
    tilt = 2 * x - 1
    ends = {"hi_data": expected * (1 + high * tilt), "lo_data": expected * (1 - low * tilt)}
    data = {name: values.tolist() for name, values in ends.items()}
    return {"name": f"tilt_{number}", "type": "histosys", "data": data}
