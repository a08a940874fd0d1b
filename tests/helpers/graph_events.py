"""Random detector events for graphs: charged and neutral particles, each with its cluster."""

from __future__ import annotations

from typing import Any

import awkward as ak
import numpy as np

from helpers.detected import FakeEvent, detected_data

ECAL, HCAL = [0.15, 0.84, 0.01, 0, 0, 0], [0, 0.3, 0.1, 0.4, 0.2, 0]


def random_event(seed: int, charged: int = 12, neutral: int = 10, number: int = 0) -> FakeEvent:
    """Pions with track and cluster, photons and neutrons with a cluster, within |eta| < 1.5."""
    rng = np.random.default_rng(seed)
    event = FakeEvent(number=number)
    for pdgid in [*rng.choice([211, -211], charged), *rng.choice([22, 2112], neutral)]:
        pt, eta, phi = 1 + rng.exponential(8), rng.uniform(-1.5, 1.5), rng.uniform(-np.pi, np.pi)
        index = event.particle(int(pdgid), pt, eta, phi)
        response = 1.0 if pdgid == 22 else 0.7
        event.cluster(
            1e3 * response * pt * np.cosh(eta), eta, phi, ECAL if pdgid == 22 else HCAL,
            parent=index,
        )  # fmt: skip
    return event


def as_read(events: list[FakeEvent]) -> dict[str, Any]:
    """Events as `read_events` gives them: records of arrays."""
    return {
        name: ak.zip({key: ak.Array(values) for key, values in columns.items()}, depth_limit=2)
        if name != "event"
        else {key: np.asarray(values) for key, values in columns.items()}
        for name, columns in detected_data(events).items()
    }
