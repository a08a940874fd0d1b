"""Made-up jets of classes with different spectra of pT and |eta|."""

from __future__ import annotations

import numpy as np


def made_up(number: int, seed: int) -> dict[str, np.ndarray]:
    """Three classes of 500 to 1000 GeV: pT^-4; pT^-7 and central; flat, with weights pT^-6."""
    random = np.random.default_rng(seed)

    def falling(power: float) -> np.ndarray:
        ends = 500.0**-power, 1000.0**-power
        return (ends[0] - random.uniform(size=number) * (ends[0] - ends[1])) ** (-1 / power)

    pt = np.concatenate([falling(3.0), falling(6.0), random.uniform(500, 1000, number)])
    central = random.choice([-2.0, 2.0], number) * random.uniform(size=number) ** 1.2
    eta = np.concatenate([random.uniform(-2, 2, number), central, random.uniform(-2, 2, number)])
    weight = np.concatenate([np.ones(2 * number), (500 / pt[2 * number :]) ** 6])
    return {"label": np.repeat(np.arange(3), number), "pt": pt, "eta": eta, "weight": weight}
