"""Made-up jets of classes with different spectra of pT and |eta|."""

from __future__ import annotations

import numpy as np


def made_up(number: int, seed: int) -> dict[str, np.ndarray]:
    """Three classes of jets: flat in pT; falling in pT and central; weighted to fall steeply."""
    random = np.random.default_rng(seed)
    falling = np.minimum(500 + random.exponential(250, number), 999.0)
    pt = np.concatenate([random.uniform(500, 1000, number), falling, falling])
    eta = np.concatenate(
        [random.uniform(-2, 2, number), random.normal(0, 1.0, number).clip(-2, 2),
         random.uniform(-2, 2, number)]
    )  # fmt: skip
    weight = np.concatenate([np.ones(2 * number), (500 / pt[2 * number :]) ** 4])
    return {"label": np.repeat(np.arange(3), number), "pt": pt, "eta": eta, "weight": weight}
