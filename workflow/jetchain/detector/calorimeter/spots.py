"""From the energies that a shower leaves in the slabs to the cells: as spots around its axis.

Compiled with numba; energies in MeV, lengths in mm, unless a name says otherwise.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numba
import numpy as np

from jetchain.detector.calorimeter.digitisation import Deposits, Hits, Readout
from jetchain.detector.flight.states import (
    CHARGED_HADRON,
    DEPOSITED,
    LEAKED,
    MUON,
    NEUTRAL_HADRON,
    PASSIVE,
)
from jetchain.detector.geometry.description import SlabArrays

# MeV a spot on average, and most spots a layer. A spot too large for where it lies looks like a
# particle of its own (a local maximum of a cluster); a shower's core lies in a cell or two.
CORE_SPOT, CORE_SPOTS_MAX = 40.0, 20
TAIL_SPOT, TAIL_SPOTS_MAX = 15.0, 150
HADRON_SPOT, HADRON_SPOTS_MAX = 80.0, 200
# Spots lie within this many times the scale of their radial profile (HSParameters_cfi.py: 4).
EM_RADIUS_MAX, HADRON_RADIUS_MAX = 8.0, 4.0

ENTRIES = 1024
"""Of the tables of azimuths about a shower's axis and of radii; a power of 2."""


# `spread` runs for every particle, and numba counts references to all arrays of the tuples that it
# takes out of tuples: these two are flat.
class Segmentation(NamedTuple):
    """The slabs' cells, and where spots lie."""

    layer_of_slab: np.ndarray  # (slabs,) -1 for those without cells
    cells_eta: np.ndarray  # (layers,)
    cells_phi: np.ndarray  # (layers,)
    first_cell: np.ndarray  # (layers + 1,)
    eta_max: float
    tables: np.ndarray  # (4, ENTRIES), see `spot_tables`


class Cells(NamedTuple):
    """What showers leave in the cells of an event: arrays of `Readout`, `Hits` and `Deposits`."""

    number: np.ndarray  # the cells that are hit get their numbers
    cell: np.ndarray
    numbered: np.ndarray
    hit_layer: np.ndarray
    hit_energy: np.ndarray
    newest: np.ndarray
    deposit_hit: np.ndarray
    deposit_particle: np.ndarray
    deposit_energy: np.ndarray
    following: np.ndarray


class Shower(NamedTuple):
    """What one particle leaves in the slabs, (slabs,) each; overwritten for every particle."""

    path: np.ndarray  # (slabs + 1,) mm to the slabs' borders
    energy: np.ndarray  # MeV
    core: np.ndarray  # radial scales, mm
    tail: np.ndarray
    share: np.ndarray  # of the core
    middle: np.ndarray  # where along the slab the spots lie, 0 to 1
    depth: np.ndarray  # (slabs + 1,) a buffer
    depth_em: np.ndarray  # (slabs + 1,) a buffer


def empty_shower(slabs: int) -> Shower:
    """Buffers of a shower."""
    return Shower(
        np.zeros(slabs + 1), *(np.zeros(slabs) for _ in range(5)), *np.zeros((2, slabs + 1))
    )


@numba.njit(cache=True)
def number_of_spots(kind: int, part: int, energy: float) -> int:
    """Into how many spots a slab's energy is divided.

    Args:
        kind: how the particle behaves.
        part: of an electromagnetic shower: 0 for the core, 1 for the tail.
        energy: of this part in the slab, MeV.
    """
    if kind == MUON:
        return 1
    if kind in (CHARGED_HADRON, NEUTRAL_HADRON):
        return min(1 + int(energy / HADRON_SPOT), HADRON_SPOTS_MAX)
    if part == 0:
        return min(1 + int(energy / CORE_SPOT), CORE_SPOTS_MAX)
    return min(1 + int(energy / TAIL_SPOT), TAIL_SPOTS_MAX)


@numba.njit(cache=True)
def spread(
    rng: np.random.Generator,
    kind: int,
    particle: int,
    at: tuple[float, float, float],
    unit: tuple[float, float, float],
    segmentation: Segmentation,
    shower: Shower,
    cells: Cells,
    first: int,  # the particle's first deposit
    count: int,  # deposits up to now
    account: np.ndarray,  # (fates,)
    by_layer: np.ndarray,  # (layers,)
) -> int:
    """Spread the slabs' energies over cells; returns the number of deposits after it."""
    path, deposited, cores, tails = shower.path, shower.energy, shower.core, shower.tail
    shares, middle = shower.share, shower.middle
    layer_of_slab, cells_eta, cells_phi, first_cell, eta_max, tables = segmentation
    is_hadron = kind in (CHARGED_HADRON, NEUTRAL_HADRON)
    number, cell_of, n_hits, hit_layer, hit_energy, newest = cells[:6]
    deposit_hit, deposit_particle, deposit_energy, following = cells[6:]
    cosines, sines, radii = tables[0], tables[1], tables[3] if is_hadron else tables[2]
    for k in range(path.size - 1):
        amount = deposited[k]
        if amount <= 0.0:
            continue
        layer = layer_of_slab[k]
        if layer < 0:
            account[PASSIVE] += amount
            continue
        n_eta, n_phi = cells_eta[layer], cells_phi[layer]
        along = path[k] + middle[k] * (path[k + 1] - path[k])
        x, y, z = at[0] + along * unit[0], at[1] + along * unit[1], at[2] + along * unit[2]
        rho = math.hypot(x, y)
        # In units of cells. A step perpendicular to the flight changes eta and phi by step / rho.
        per_eta, per_phi = n_eta / (2 * eta_max), n_phi / (2 * math.pi)
        row = (math.asinh(z / rho) + eta_max) * per_eta
        column = (math.atan2(y, x) + math.pi) * per_phi
        lost = 0.0
        for part in range(2):
            share = shares[k] if part == 0 else 1.0 - shares[k]
            if share <= 0.0:
                continue
            total = amount * share
            size = (cores[k] if part == 0 else tails[k]) / rho
            spots = number_of_spots(kind, part, total)
            each = total / spots
            turn = rng.random() * ENTRIES
            offset = rng.random()
            for j in range(spots):
                if is_hadron:
                    u = rng.random()
                    turn = rng.random() * ENTRIES
                else:
                    # Electromagnetic showers are smooth: quasi-random spots, one stratum each. The
                    # farther out, the smaller: a spot's energy goes as sqrt(1 - u), near 1 / r.
                    kept = 1.0 - (j + offset) / spots
                    u = 1.0 - kept**2
                    each = total * kept / (0.5 * (spots + 1) - offset)
                    turn += ENTRIES * 0.3819660112501051  # the golden angle
                step = size * radii[int(u * ENTRIES)]
                which = int(turn) & (ENTRIES - 1)
                i = math.floor(row + step * cosines[which] * per_eta)
                if i < 0 or i >= n_eta:
                    lost += each
                    continue
                m = math.floor(column + step * sines[which] * per_phi)
                while m < 0:
                    m += n_phi
                while m >= n_phi:
                    m -= n_phi
                cell = first_cell[layer] + i * n_phi + m
                hit = number[cell]
                if hit < 0:
                    hit = n_hits[0]
                    n_hits[0] += 1
                    number[cell], cell_of[hit] = hit, cell
                    hit_layer[hit], hit_energy[hit], newest[hit] = layer, 0.0, -1
                deposit = newest[hit]
                if deposit >= first:  # the particle has been here
                    deposit_energy[deposit] += each
                else:
                    deposit_hit[count], deposit_particle[count] = hit, particle
                    deposit_energy[count], following[count] = each, deposit
                    newest[hit] = count
                    count += 1
        account[LEAKED] += lost
        account[DEPOSITED] += amount - lost
        by_layer[layer] += amount - lost
    return count


def segmentation(slabs: SlabArrays, eta_max: float) -> Segmentation:
    """The segmentation of a detector's slabs."""
    return Segmentation(
        slabs.layer_of_slab, slabs.cells_eta, slabs.cells_phi, slabs.first_cell, eta_max,
        spot_tables(),
    )  # fmt: skip


def cells_of(readout: Readout, hits: Hits, deposits: Deposits) -> Cells:
    """The cells of an event.

    Args:
        readout: empty.
        hits: memory.
        deposits: with a capacity of `deposits_capacity`.
    """
    return Cells(readout.number, readout.cell, readout.numbered, *hits, *deposits)


def spot_tables() -> np.ndarray:
    """Where spots lie, (4, ENTRIES): cosines and sines of azimuths about the axis, and radii in
    units of the radial scale at even steps of the contained energy, electromagnetic and hadronic.

    A share u of the energy lies within r = sqrt(u / (1 - u)) (hep-ex/0001020, eq. 22), up to the
    largest radius.
    """
    middle = (np.arange(ENTRIES) + 0.5) / ENTRIES
    tables = [np.cos(2 * np.pi * middle), np.sin(2 * np.pi * middle)]
    for largest in (EM_RADIUS_MAX, HADRON_RADIUS_MAX):
        u = middle * largest**2 / (1.0 + largest**2)
        tables.append(np.sqrt(u / (1.0 - u)))
    return np.stack(tables)


def deposits_capacity(pieces: int, layers: int) -> int:
    """The largest number of deposits that `shower_event` can make."""
    return pieces * layers * max(CORE_SPOTS_MAX + TAIL_SPOTS_MAX, HADRON_SPOTS_MAX)
