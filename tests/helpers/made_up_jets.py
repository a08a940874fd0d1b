"""Pairs of reconstructed and true jets whose response is known, without a detector."""

from __future__ import annotations

import numpy as np

from jetchain.core.schema.jets import SHARES

JETS = 60_000


def true_response(pt, eta):
    """Rising with pT, with a dip between barrel and endcap."""
    return 0.9 + 0.02 * np.log(pt / 200.0) - 0.04 * np.exp(-(((np.abs(eta) - 1.45) / 0.25) ** 2))


def mass_response(ratio):
    return 0.95 * (ratio / 0.1) ** -0.1


def made_up(seed, power=0.0, jets=JETS):
    """Pairs of jets, one an event, with a spectrum pT^(-1 - power): reconstructed and true."""
    random = np.random.default_rng(seed)
    low, high = (edge ** (-power) if power else np.log(edge) for edge in (160.0, 3000.0))
    drawn = random.uniform(*sorted((low, high)), jets)
    pt = drawn ** (-1 / power) if power else np.exp(drawn)
    eta = random.uniform(-2.5, 2.5, jets)
    ratio = np.exp(random.uniform(np.log(0.025), np.log(0.4), jets))
    truth = {
        "pt": pt, "eta": eta, "phi": np.zeros(jets), "m": ratio * pt, "msd": 0.8 * ratio * pt,
        "label": np.zeros(jets, int), "event": np.arange(jets),
    }  # fmt: skip
    scale = true_response(pt, eta)
    ours = {name: truth[name] for name in ("eta", "phi", "label", "event")}
    ours["pt_raw"] = pt * scale * random.normal(1.0, 0.07, jets)
    for name, extra in (("m", mass_response(ratio)), ("msd", 1.0)):
        ours[f"{name}_raw"] = truth[name] * scale * extra * random.normal(1.0, 0.12, jets)
    ours |= {name: random.uniform(0.05, 0.5, jets) for name in SHARES}
    return ours, truth
