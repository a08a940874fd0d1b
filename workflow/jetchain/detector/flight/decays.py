"""Decays in flight of the particles that Pythia leaves to the detector (c tau above 10 mm).

Lifetimes, masses and branching fractions are those of Pythia 8.317's ParticleData (after the PDG);
the lifetimes hold for products of decays, generated particles bring their own;
modes below 0.1 % are left out and the others scaled up. Three-body decays fill phase space evenly
(Dalitz), without matrix elements. A pi0 decays at once into two photons (Dalitz decays, 1.2 %, are
left out), a Sigma0 into a Lambda and a photon. Compiled; energies in MeV, lengths in mm.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numba
import numpy as np

ELECTRON_MASS = 0.51099895
"""MeV (PDG 2024)."""

MASSES = {
    11: ELECTRON_MASS, 12: 0.0, 13: 105.66, 14: 0.0, 22: 0.0, 111: 134.98, 130: 497.61,
    211: 139.57, 310: 497.61, 321: 493.68, 2112: 939.57, 2212: 938.27, 3112: 1197.45,
    3122: 1115.68, 3212: 1192.64, 3222: 1189.37, 3312: 1321.71, 3322: 1314.86, 3334: 1672.45,
}  # fmt: skip
"""MeV."""

SELF_CONJUGATE = (22, 111, 130, 310)

DECAYS: dict[int, tuple[float, list[tuple[float, tuple[int, ...]]]]] = {
    111: (0.0, [(1.0, (22, 22))]),
    3212: (0.0, [(1.0, (3122, 22))]),
    211: (7804.5, [(1.0, (-13, 14))]),
    321: (
        3713.0,
        [
            (0.63553, (-13, 14)),
            (0.20661, (211, 111)),
            (0.05590, (211, 211, -211)),
            (0.01761, (211, 111, 111)),
            (0.05070, (12, -11, 111)),
            (0.03353, (14, -13, 111)),
        ],
    ),
    130: (
        15330.0,
        [
            (0.19523, (111, 111, 111)),
            (0.12542, (211, -211, 111)),
            (0.20277, (-12, 11, 211)),
            (0.20277, (12, -11, -211)),
            (0.13522, (-14, 13, 211)),
            (0.13522, (14, -13, -211)),
            (0.00197, (211, -211)),
        ],
    ),
    310: (26.842, [(0.69224, (211, -211)), (0.30701, (111, 111))]),
    3122: (78.9, [(0.63917, (2212, -211)), (0.35809, (2112, 111)), (0.00175, (2112, 22))]),
    3222: (24.04, [(0.51567, (2212, 111)), (0.48308, (2112, 211)), (0.00123, (2212, 22))]),
    3112: (44.34, [(0.99848, (2112, -211)), (0.00102, (-12, 11, 2112))]),
    3322: (87.1, [(0.99524, (3122, 111)), (0.00117, (3122, 22)), (0.00333, (3212, 22))]),
    3312: (49.1, [(1.0, (3122, -211))]),
    3334: (24.61, [(0.6738, (3122, -321)), (0.23454, (3322, -211)), (0.08547, (3312, 111))]),
}
"""c tau in mm, and the fraction and products of each mode; antiparticles by conjugation."""


CODE, MASS, CHARGE, LENGTH = range(4)
"""Columns of the species: PDG code (rising), MeV, charge of the particle (not the antiparticle),
c tau in mm (0: at once, inf: stable)."""


class DecayTable(NamedTuple):
    """`DECAYS` as arrays; what compiled code gets."""

    species: np.ndarray  # (species, 4)
    mode_start: np.ndarray  # (species + 1,) int64
    mode_sum: np.ndarray  # (modes,) cumulative fraction within the species
    product: np.ndarray  # (modes, 3) int64, 0 for none


def decay_table() -> DecayTable:
    """The arrays of all species in `MASSES`."""
    charges = {
        11: -1, 13: -1, 211: 1, 321: 1, 2212: 1, 3112: -1, 3222: 1, 3312: -1, 3334: -1,
    }  # fmt: skip
    species, starts, sums, products = [], [0], [], []
    for code in sorted(MASSES):
        length, modes = DECAYS.get(code, (math.inf, []))
        species.append((code, MASSES[code], charges.get(code, 0), length))
        fractions = np.array([fraction for fraction, _ in modes])
        sums += list(np.cumsum(fractions / fractions.sum())) if len(modes) else []
        products += [[*mode, *[0] * (3 - len(mode))] for _, mode in modes]
        starts.append(len(products))
    return DecayTable(
        species=np.array(species, float),
        mode_start=np.array(starts),
        mode_sum=np.array(sums),
        product=np.array(products),
    )


@numba.njit(cache=True)
def species_of(code: int, species: np.ndarray) -> int:
    """Row of a particle or antiparticle in the table, -1 for those that are not in it."""
    size = abs(code)
    for k in range(len(species)):
        if species[k, CODE] == size:
            return k
    return -1


@numba.njit(cache=True)
def is_neutrino(code: int) -> bool:
    """Whether a product of these decays leaves nothing in the detector."""
    return abs(code) == 12 or abs(code) == 14


@numba.njit(cache=True)
def charge_of(code: int, species: np.ndarray) -> float:
    """Charge of a particle of the table, e."""
    return math.copysign(1.0, code) * species[species_of(code, species), CHARGE]


@numba.njit(cache=True)
def momentum_in_rest_frame(mass: float, first: float, second: float) -> float:
    """Momentum of the two products of a decay at rest, MeV (PDG 2024, kinematics, eq. 49.17)."""
    return math.sqrt(
        max((mass**2 - (first + second) ** 2) * (mass**2 - (first - second) ** 2), 0.0)
    ) / (2 * mass)


@numba.njit(cache=True)
def boost(vector: np.ndarray, frame: np.ndarray, mass: float) -> None:
    """Boost (4,) px, py, pz, e from the rest frame of `frame`, in place."""
    along = 0.0
    for k in range(3):
        along += vector[k] * frame[k]
    gain = (along / (frame[3] + mass) + vector[3]) / mass
    energy = (vector[3] * frame[3] + along) / mass
    for k in range(3):
        vector[k] += frame[k] * gain
    vector[3] = energy


@numba.njit(cache=True)
def split_in_two(
    rng: np.random.Generator,
    parent: np.ndarray,  # (4,) px, py, pz, e
    mass: float,
    masses: tuple[float, float],
    first: np.ndarray,  # (4,) is filled
    second: np.ndarray,  # (4,) is filled
) -> None:
    """Decay into two, isotropically in the rest frame."""
    p = momentum_in_rest_frame(mass, masses[0], masses[1])
    cosine = 2 * rng.random() - 1
    sine = math.sqrt(1 - cosine**2)
    angle = 2 * math.pi * rng.random()
    first[0] = p * sine * math.cos(angle)
    first[1] = p * sine * math.sin(angle)
    first[2] = p * cosine
    first[3] = math.sqrt(p**2 + masses[0] ** 2)
    boost(first, parent, mass)
    for k in range(4):
        second[k] = parent[k] - first[k]


@numba.njit(cache=True)
def decay(
    rng: np.random.Generator,
    code: int,
    parent: np.ndarray,  # (4,) px, py, pz, e, MeV, on the mass shell
    table: DecayTable,
    products: np.ndarray,  # (3,) int64, is filled with PDG codes
    momenta: np.ndarray,  # (3, 4), is filled
) -> int:
    """Decay a particle of the table; returns the number of products."""
    species = table.species
    s = species_of(code, species)
    mode = table.mode_start[s]
    u = rng.random()
    while mode < table.mode_start[s + 1] - 1 and u > table.mode_sum[mode]:
        mode += 1
    number = 3 if table.product[mode, 2] != 0 else 2
    masses = np.zeros(3)
    for k in range(number):
        product = table.product[mode, k]
        masses[k] = species[species_of(product, species), MASS]
        conjugated = abs(product) in SELF_CONJUGATE
        products[k] = product if code > 0 or conjugated else -product
    mass = species[s, MASS]
    if number == 2:
        split_in_two(rng, parent, mass, (masses[0], masses[1]), momenta[0], momenta[1])
        return 2
    # Even in phase space: the mass of the last two is distributed like the product of the momenta
    # of the two decays; its largest value bounds the rejection.
    low, high = masses[1] + masses[2], mass - masses[0]
    most = momentum_in_rest_frame(mass, masses[0], low) * momentum_in_rest_frame(
        high, masses[1], masses[2]
    )
    pair = low
    for _ in range(1000):
        pair = low + (high - low) * rng.random()
        weight = momentum_in_rest_frame(mass, masses[0], pair) * momentum_in_rest_frame(
            pair, masses[1], masses[2]
        )
        if rng.random() * most < weight:
            break
    both = np.empty(4)
    split_in_two(rng, parent, mass, (masses[0], pair), momenta[0], both)
    split_in_two(rng, both, pair, (masses[1], masses[2]), momenta[1], momenta[2])
    return 3
