"""Kinematics on plain arrays; for awkward records `vector` does the same.

Units: whatever the momenta come in. Shapes: everything broadcasts.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.floating]


def delta_phi(first: Any, second: Any) -> Any:
    """The difference of two azimuths in [-pi, pi): numbers, or arrays of any library.

    For compiled code: `core.compiled`, which also has another form and says where it is used.
    """
    return (first - second + np.pi) % (2 * np.pi) - np.pi


def pt_eta_phi(px: ArrayLike, py: ArrayLike, pz: ArrayLike) -> tuple[Array, Array, Array]:
    """Transverse momentum, pseudorapidity and azimuth. Along the beam eta is +-inf."""
    px, py, pz = np.asarray(px), np.asarray(py), np.asarray(pz)
    pt = np.hypot(px, py)
    with np.errstate(divide="ignore"):
        eta = np.arcsinh(
            np.divide(pz, pt, out=np.copysign(np.full_like(pt, np.inf), pz), where=pt > 0)
        )
    return pt, eta, np.arctan2(py, px)


def rapidity(px: ArrayLike, py: ArrayLike, pz: ArrayLike, energy: ArrayLike) -> Array:
    """y = ln((E + |pz|) / mT) with the sign of pz; of a particle off the beam axis."""
    px, py, pz, energy = (np.asarray(x, dtype=np.float64) for x in (px, py, pz, energy))
    transverse = np.sqrt(np.maximum((energy - pz) * (energy + pz), px**2 + py**2))
    return np.copysign(np.log((energy + np.abs(pz)) / transverse), pz)


def cartesian(
    pt: ArrayLike, eta: ArrayLike, phi: ArrayLike, mass: ArrayLike = 0.0
) -> tuple[Array, Array, Array, Array]:
    """px, py, pz, e from transverse momentum, pseudorapidity, azimuth and mass."""
    pt, eta, phi = np.asarray(pt), np.asarray(eta), np.asarray(phi)
    px, py, pz = pt * np.cos(phi), pt * np.sin(phi), pt * np.sinh(eta)
    energy = np.sqrt((pt * np.cosh(eta)) ** 2 + np.asarray(mass) ** 2)
    return px, py, pz, energy


def invariant_mass(px: ArrayLike, py: ArrayLike, pz: ArrayLike, energy: ArrayLike) -> Array:
    """sqrt(E^2 - p^2); rounding below zero gives zero."""
    energy, px, py, pz = (np.asarray(x, dtype=np.float64) for x in (energy, px, py, pz))
    return np.sqrt(np.maximum(energy**2 - px**2 - py**2 - pz**2, 0.0))
