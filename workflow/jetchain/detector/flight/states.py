"""Particles in flight as rows of numbers: columns, kinds, fates, and what becomes of an event's."""

from __future__ import annotations

from typing import NamedTuple

import numba
import numpy as np

ELECTRON, PHOTON, CHARGED_HADRON, NEUTRAL_HADRON, MUON = 0, 1, 2, 3, 4
"""How a particle behaves in the calorimeter."""

DEPOSITED, PASSIVE, LEAKED, INVISIBLE, MISSED, NEUTRINO, REST = range(7)
"""Columns of a particle's energy account: deposited in cells, in dead material, behind or beside
the cells, lost to nuclei, carried by what never arrives, by neutrinos, and rest mass that cannot be
seen (negative for antibaryons)."""
FATES = ("deposited", "passive", "leaked", "invisible", "missed", "neutrino", "rest_mass")

NUCLEON_MASS = 938.9187
"""Mean mass of the nucleons, MeV (PDG 2024)."""

# Columns of a particle in flight.
PX, PY, PZ, E, X, Y, Z, CHARGE, CODE, CTAU, SOURCE, SECONDARY = range(12)
COLUMNS = 12

CONVERSION = 2.0
"""SECONDARY of the electrons of a primary photon; 0 is a primary, 1 all else that comes of one."""

NOT_ENDED, DECAYED, CONVERTED, INTERACTED = 0, 1, 2, 3
"""Why a particle does not fly on."""


class Flown(NamedTuple):
    """What became of the particles of one event."""

    particles: np.ndarray  # (particles, COLUMNS); SOURCE: row of the primary
    account: np.ndarray  # (particles, fates) MeV
    pieces: np.ndarray  # (pieces, COLUMNS) at the calorimeter's face; SOURCE: row of the particle
    direction: np.ndarray  # (pieces, 3) unit vectors
    started: np.ndarray  # (pieces,) bool: a hadron that has interacted before
    candidates: np.ndarray  # (candidates, COLUMNS) charged particles at their origin
    hits: np.ndarray  # (candidates,) int16 crossed layers
    neutrinos: float  # MeV, of decays whose products are particles of their own
    counts: np.ndarray  # (len(COUNTS),)


COUNTS = ("curled_up", "beside_calorimeter", "born_behind_face", "decays", "conversions",
          "bremsstrahlung", "nuclear_interactions")  # fmt: skip
CURLED_UP, BESIDE, BORN_BEHIND, DECAYS, CONVERSIONS, BREMSSTRAHLUNG, NUCLEAR = range(7)


@numba.njit(cache=True)
def kind_of(code: int, charge: float) -> int:
    """How a particle behaves in the calorimeter."""
    code = abs(code)
    if code == 11:
        return ELECTRON
    if code == 22:
        return PHOTON
    if code == 13:
        return MUON
    return CHARGED_HADRON if charge != 0.0 else NEUTRAL_HADRON


def behaviour(pdgid: np.ndarray, charge: np.ndarray) -> np.ndarray:
    """`kind_of` of many particles, (n,) int8."""
    kind = np.where(charge != 0, CHARGED_HADRON, NEUTRAL_HADRON)
    for code, value in ((11, ELECTRON), (22, PHOTON), (13, MUON)):
        kind = np.where(np.abs(pdgid) == code, value, kind)
    return kind.astype(np.int8)


@numba.njit(cache=True)
def baryon_number(code: int) -> int:
    """Baryon number from a PDG code: four digits, all three quarks given, or a nucleus."""
    size = abs(code)
    if size >= 1_000_000_000:  # 10LZZZAAAI
        return size // 10 % 1000 if code > 0 else -(size // 10 % 1000)
    if 1000 <= size < 10000 and size // 10 % 10 != 0:
        return 1 if code > 0 else -1
    return 0
