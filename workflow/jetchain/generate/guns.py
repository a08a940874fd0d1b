"""Particle guns: single particles for calibration, uniform in eta and phi."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from jetchain.core.seeds import generator
from jetchain.generate.origins import PRIMARY
from jetchain.generate.properties import Properties
from jetchain.generate.record import Truth
from jetchain.generate.settings import AS_THEY_ARE, GUN_PARTICLES, GunSettings

PI0 = 111
PHOTON = 22


def throw(settings: GunSettings, events: int, seed: int) -> Truth:
    """Throw particles from the origin.

    The variable (pT or energy) is log-uniform in its range, eta uniform in abs(eta) < eta_max, phi
    uniform. A pi0 is stored as its two photons, and as itself among the partons, like every thrown
    particle.

    Args:
        settings: which particles, how many an event, and their range.
        events: number of events.
        seed: seed of the shard.
    """
    rng = generator(seed, "gun")
    total = events * settings.particles
    pdgid = rng.choice(np.array(settings.pdgids), total)
    mass = np.array([GUN_PARTICLES[code] for code in pdgid.tolist()])
    value = np.exp(rng.uniform(np.log(settings.minimum), np.log(settings.maximum), total))
    eta = rng.uniform(-settings.eta_max, settings.eta_max, total)
    phi = rng.uniform(-np.pi, np.pi, total)
    if settings.variable == "energy":
        value = np.sqrt(value**2 - mass**2) / np.cosh(eta)
    momentum = np.stack([value * np.cos(phi), value * np.sin(phi), value * np.sinh(eta)], axis=1)
    thrown = np.column_stack([momentum, np.sqrt((momentum**2).sum(axis=1) + mass**2)])

    is_pi0 = pdgid == PI0
    first, second = two_photons(thrown[is_pi0], rng)
    number = np.where(is_pi0, 2, 1)
    final = np.repeat(thrown, number, axis=0)
    final_pdgid = np.repeat(np.where(is_pi0, PHOTON, pdgid), number)
    at = (np.cumsum(number) - number)[is_pi0]
    final[at], final[at + 1] = first, second
    zero = np.zeros(len(final), np.float32)
    columns: dict[str, dict[str, NDArray[Any]]] = {
        "particle": {
            **_columns(final_pdgid, final),
            **Properties(AS_THEY_ARE).columns(final_pdgid, "Particle gun"),
            "x": zero,
            "y": zero,
            "z": zero,
            "origin": np.full(len(final), PRIMARY, np.int32),
            "vertex": np.zeros(len(final), np.int32),
        },
        "parton": {**_columns(pdgid, thrown), "mother": np.full(total, -1, np.int32)},
        "hadron": {
            **_columns(np.zeros(0, np.int32), np.zeros((0, 4))),
            **{axis: np.zeros(0, np.float32) for axis in "xyz"},
        },
    }
    shape = (events, settings.particles)
    return Truth(
        columns,
        {
            "particle": number.reshape(shape).sum(axis=1),
            "parton": np.full(events, settings.particles),
            "hadron": np.zeros(events, int),
        },
    )


def two_photons(
    parent: NDArray[np.float64], rng: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Decay each particle into two photons, isotropically in its rest frame.

    Args:
        parent: (particles, 4) px, py, pz, e in GeV, massive.
        rng: draws the decay angles.

    Returns:
        the photons' four-momenta, (particles, 4) each; they add up to the parent's.
    """
    mass = np.sqrt(parent[:, 3] ** 2 - (parent[:, :3] ** 2).sum(axis=1))
    cosine = rng.uniform(-1, 1, len(parent))
    angle = rng.uniform(-np.pi, np.pi, len(parent))
    sine = np.sqrt(1 - cosine**2)
    direction = np.stack([sine * np.cos(angle), sine * np.sin(angle), cosine], axis=1)
    rest = direction * mass[:, None] / 2
    # Lorentz boost of (E*, p*) with u = p/m: p = p* + u [u.p*/(gamma + 1) + E*]
    u = parent[:, :3] / mass[:, None]
    gamma = parent[:, 3] / mass
    along = (u * rest).sum(axis=1)
    first = np.empty_like(parent)
    first[:, :3] = rest + u * (along / (gamma + 1) + mass / 2)[:, None]
    first[:, 3] = np.sqrt((first[:, :3] ** 2).sum(axis=1))
    return first, parent - first


def _columns(pdgid: NDArray[Any], momentum: NDArray[Any]) -> dict[str, NDArray[Any]]:
    names = ("px", "py", "pz", "e")
    return {
        "pdgid": pdgid.astype(np.int32),
        **{name: momentum[:, i].astype(np.float32) for i, name in enumerate(names)},
    }
