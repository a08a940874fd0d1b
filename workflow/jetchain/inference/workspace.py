"""From the yields of a search to a pyhf workspace."""

from __future__ import annotations

import contextlib
import logging
import re
import sys
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from jetchain.core.io.tables import write_json
from jetchain.core.verbs import Input, Output
from jetchain.inference.settings import WorkspaceSettings
from jetchain.inference.yields import ABCD_RATIOS, CONSTRAINTS, Shape, Yields, read_yields


def workspace(*, yields: Input, workspace: Output, settings: WorkspaceSettings) -> None:
    """Write the pyhf workspace (HistFactory JSON) of one search.

    A search without sensitivity has no such model: a note that says so takes its place.
    """
    counts = read_yields(yields)
    if not counts.sensitive:
        print(
            f"{counts.method}: no sensitivity, its net signal yield is {counts.net_signal:.3g} "
            "events: neither fit nor limits.",
            file=sys.stderr,
            flush=True,
        )
        write_json(workspace, {"method": counts.method, "sensitive": False})
        return
    spec = build(counts, settings)
    with numpy_backend() as pyhf:
        pyhf.Workspace(spec)  # checks it against pyhf's schema
    write_json(workspace, spec)


NORM, SIGNAL_EFFICIENCY, SPURIOUS = "norm_", "signal_efficiency", "spurious_signal"
"""Parameters of a background with a shape: its norms, and the uncertainties of the signal."""
STATISTICS = "statistics_"
"""Parameters of the statistics of the simulated signal: of a channel, one a bin."""
KAPPA, RATIOS = "kappa", ("ratio_b", "ratio_c")
"""The same of the ABCD method: kappa, and free ratios of B and of C to D."""
REACH = 100.0
"""Largest mu that is searched, in rough upper limits: the rough one knows nothing of the signal's
uncertainty, which can make a weak limit many times weaker."""


def build(yields: Yields, settings: WorkspaceSettings) -> dict[str, Any]:
    """The HistFactory model of a search (CERN-OPEN-2012-016) in pyhf's JSON.

    One channel a bin, named after the method and the bin, with two samples:

    - signal, scaled by mu (mu = 1 is the reference cross-section), with log-normal uncertainties
      of the luminosity and, bin by bin, of its efficiency;
    - background from data, with one parameter gamma: n ~ Poisson(mu s + gamma b).
      ``poisson`` constrains gamma by a control region of (b/db)^2 events, which is exact where the
      background is a scaled count and keeps gamma positive; ``gaussian`` by a normal of width
      db/b, which is what a fit elsewhere reports.

    A spectrum whose background is ``free`` has a channel for the signal region and one for either
    sideband, which control the background; all parameters are the same in all, and together they
    are the spectrum. Its background is a sample a template, with a norm that nothing constrains;
    the spurious signal is a sample of zero events to which its parameter, N(0, 1), adds events of
    the signal's shape.

    What varies the signal (`inference.systematics`) is a normsys and a histosys of one name; the
    statistics of its simulation are a staterror a channel, which is 0 where they don't matter.

    The ABCD method (``abcd``) has a channel a region. Their backgrounds are products of free norms:
    D of one, B and C of it and a ratio to D, A of all three and of kappa, whose uncertainty is
    log-normal: b_A = kappa b_B b_C / b_D.

    The interval in which mu is searched reaches to a hundred times a rough upper limit; on the
    negative side mu is not searched.

    Args:
        yields: of the search, a sensitive one; its `constraint` is that of the background.
        settings: uncertainty of the luminosity.
    """
    start = rough_limit(yields)
    if yields.shape is None:
        channels = [_channel(yields, index, settings) for index in range(len(yields.names))]
        observed = [[count] for count in yields.observed.tolist()]
    else:
        channels = _spectrum(yields, yields.shape, settings)
        observed = [yields.observed[first:last].tolist() for _, first, last in regions_of(yields)]
    return {
        "version": "1.0.0",
        "channels": channels,
        "observations": [
            {"name": channel["name"], "data": counts}
            for channel, counts in zip(channels, observed, strict=True)
        ],
        "measurements": [
            {
                "name": "search",
                "config": {
                    "poi": "mu",
                    "parameters": [
                        {"name": "mu", "inits": [start], "bounds": [[0.0, REACH * start]]},
                        *_norms(yields),
                    ],
                },
            }
        ],
    }


def _norms(yields: Yields) -> list[dict[str, Any]]:
    """Start and range of each norm."""
    norms: dict[str, float] = {}
    if yields.shape is not None:
        norms = {f"{NORM}{index}": float(norm) for index, norm in enumerate(yields.shape.norms)}
    elif yields.constraint == "abcd":
        norms = dict.fromkeys((f"{NORM}0", *RATIOS), 1.0)
    return [
        {"name": name, "inits": [max(norm, 1e-3)], "bounds": [[0.0, 100 * max(norm, 1.0)]]}
        for name, norm in norms.items()
    ]


def _spectrum(yields: Yields, shape: Shape, settings: WorkspaceSettings) -> list[dict[str, Any]]:
    """The channels of a spectrum, by their regions; their parameters are the same."""
    (method,) = plain_names((yields.method,))
    return [
        _region(yields, shape, settings, f"{method}_{name}", slice(first, last))
        for name, first, last in regions_of(yields)
    ]


def regions_of(yields: Yields) -> list[tuple[str, int, int]]:
    """Name, first bin and the one after the last of each channel of a spectrum."""
    if not yields.regions:
        return [("spectrum", 0, len(yields.names))]
    starts = [
        index
        for index, name in enumerate(yields.regions)
        if index == 0 or name != yields.regions[index - 1]
    ]
    ends = [*starts[1:], len(yields.regions)]
    names = plain_names([yields.regions[first] for first in starts])
    return list(zip(names, starts, ends, strict=True))


def _region(
    yields: Yields, shape: Shape, settings: WorkspaceSettings, name: str, bins: slice
) -> dict[str, Any]:
    modifiers = [*_of_signal(settings)]
    if shape.signal_relative > 0:
        modifiers.append(_log_normal(SIGNAL_EFFICIENCY, shape.signal_relative))
    signal = yields.signal[bins]
    modifiers += _systematics(yields, bins)
    if yields.statistics is not None:
        error = (signal * yields.statistics[bins]).tolist()
        if any(error):
            modifiers.append({"name": f"{STATISTICS}{name}", "type": "staterror", "data": error})
    samples: list[dict[str, Any]] = [
        {"name": "signal", "data": signal.tolist(), "modifiers": modifiers}
    ]
    for index, template in enumerate(shape.templates[:, bins].tolist()):
        norm = {"name": f"{NORM}{index}", "type": "normfactor", "data": None}
        samples.append({"name": f"background_{index}", "data": template, "modifiers": [norm]})
    if shape.spurious.any():
        hidden = shape.spurious[bins]
        ends = {"hi_data": hidden.tolist(), "lo_data": (-hidden).tolist()}
        samples.append(
            {
                "name": SPURIOUS,
                "data": [0.0] * len(hidden),
                "modifiers": [{"name": SPURIOUS, "type": "histosys", "data": ends}],
            }
        )
    return {"name": name, "samples": samples}


def _of_signal(settings: WorkspaceSettings) -> list[dict[str, Any]]:
    return [
        {"name": "mu", "type": "normfactor", "data": None},
        _log_normal("luminosity", settings.luminosity_uncertainty),
    ]


def _systematics(yields: Yields, bins: slice) -> list[dict[str, Any]]:
    """The modifiers of the signal in some bins of a channel: a norm, a shape, or both."""
    modifiers: list[dict[str, Any]] = []
    names = plain_names([each.name for each in yields.systematics])
    for name, each in zip(names, yields.systematics, strict=True):
        norm, signal = float(each.norm[bins][0]), yields.signal[bins]
        if norm:
            ends = {"hi": float(np.exp(norm)), "lo": float(np.exp(-norm))}
            modifiers.append({"name": name, "type": "normsys", "data": ends})
        if each.tilt.any():
            events = signal * each.tilt[bins]
            shape = {"hi_data": (signal + events).tolist(), "lo_data": (signal - events).tolist()}
            modifiers.append({"name": name, "type": "histosys", "data": shape})
    return modifiers


def _channel(yields: Yields, index: int, settings: WorkspaceSettings) -> dict[str, Any]:
    method, *names = plain_names((yields.method, *yields.names))
    name = names[index]
    signal, signal_error = yields.signal[index], yields.signal_uncertainty[index]
    background_error = float(yields.background_uncertainty[index])
    signal_modifiers = _of_signal(settings)
    if signal > 0 and signal_error > 0:
        signal_modifiers.append(_log_normal(f"signal_{name}", float(signal_error / signal)))
    signal_modifiers += _systematics(yields, slice(index, index + 1))
    if yields.constraint == "abcd":
        background_modifiers = _of_region(index, yields.kappa_relative)
    elif background_error > 0:
        modifier = CONSTRAINTS[yields.constraint]
        background_modifiers = [
            {"name": f"background_{name}", "type": modifier, "data": [background_error]}
        ]
    else:
        background_modifiers = []
    return {
        "name": f"{method}_{name}",
        "samples": [
            {"name": "signal", "data": [float(signal)], "modifiers": signal_modifiers},
            {
                "name": "background",
                "data": [float(yields.background[index])],
                "modifiers": background_modifiers,
            },
        ],
    }


def _of_region(index: int, kappa_relative: float) -> list[dict[str, Any]]:
    """What scales the background of a region of the ABCD method, A to D being 0 to 3."""
    used = [name for name, held in zip(RATIOS, ABCD_RATIOS[index], strict=True) if held]
    scales: list[dict[str, Any]] = [
        {"name": name, "type": "normfactor", "data": None} for name in (f"{NORM}0", *used)
    ]
    return [*scales, _log_normal(KAPPA, kappa_relative)] if index == 0 else scales


def plain_names(names: Sequence[str]) -> list[str]:
    """The names with what pyhf's schema refuses, all but ASCII letters, digits and _, replaced.

    A name that needs it becomes its hexadecimal code after an x, and so do names that look like
    one, so that no two become one.
    """
    kept = "(?!x([0-9a-f]{2})+$)[a-zA-Z0-9_]+"
    return [name if re.fullmatch(kept, name) else f"x{name.encode().hex()}" for name in names]


def minuit_serves(yields: Yields) -> bool:
    """Whether Minuit finds the minima of pyhf's model reliably and in short time.

    It takes numerical derivatives, and pyhf bounds gamma at 10: one bin of moderate counts, whose
    data are no multiple of the background, with a signal strength of about one.
    """
    if len(yields.names) > 1:
        return False
    background, observed = float(yields.background[0]), float(yields.observed[0])
    ratio = yields.background_uncertainty[0] / background
    return bool(
        0.01 <= background <= 1e5
        and observed <= 5 * background + 3
        and ratio <= 1
        and yields.signal_uncertainty[0] <= 10 * yields.signal[0]
        and 2 / REACH <= rough_limit(yields) <= 10 * REACH
    )


def luminosity_uncertainty(spec: dict[str, Any]) -> float:
    """The relative uncertainty of the luminosity that `build` has written into a workspace."""
    (modifier,) = (
        each
        for each in spec["channels"][0]["samples"][0]["modifiers"]
        if each["name"] == "luminosity"
    )
    return float(modifier["data"]["hi"]) - 1


def rough_limit(yields: Yields) -> float:
    """A rough upper limit on mu: observed excess, 3 events and twice the uncertainty."""
    own = yields.counted
    background = yields.background[own].sum()
    error = np.sqrt(background + np.sum(yields.background_uncertainty[own] ** 2))
    excess = np.maximum(yields.observed[own] - yields.background[own], 0.0).sum()
    return float((3 + 2 * error + excess) / yields.net_signal)


def _log_normal(name: str, relative: float) -> dict[str, Any]:
    return {
        "name": name,
        "type": "normsys",
        "data": {"hi": 1 + relative, "lo": 1 / (1 + relative)},
    }


@contextlib.contextmanager
def numpy_backend(**minuit: Any) -> Iterator[Any]:
    """pyhf with the numpy backend and Minuit at strategy 1; the former backend comes back after.

    Strategy 0 has returned wrong uncertainties on published models without a word.
    """
    import iminuit  # noqa: F401  pyhf's optimiser is iminuit's: its version belongs to the digest
    import pyhf

    before = pyhf.get_backend()
    # pyhf writes pages of each fit that fails; others are tried then, and the result says why.
    logging.getLogger("pyhf.optimize.mixins").setLevel(logging.CRITICAL + 1)
    options = {"strategy": 1, "verbose": 0} | minuit
    pyhf.set_backend("numpy", pyhf.optimize.minuit_optimizer(**options))
    try:
        yield pyhf
    finally:
        pyhf.set_backend(*before)
