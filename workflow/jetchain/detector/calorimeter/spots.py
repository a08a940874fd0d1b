"""From the energies that a shower leaves in the slabs to the cells: as spots around its axis.

Compiled with numba; energies in MeV, lengths in mm, unless a name says otherwise.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numba
import numpy as np

from jetchain.detector.calorimeter.digitisation import Deposits, Hits, Readout
from jetchain.detector.flight.states import DEPOSITED, LEAKED, PASSIVE
from jetchain.detector.geometry.description import SlabArrays

# MeV a spot on average. A spot that is large for where it lies looks like a particle of its own (a
# local maximum of a cluster, which begins at 400 MeV). Dense showers can do with larger ones:
# beyond DENSE_SPOTS their number grows as the root.
CORE_SPOT, TAIL_SPOT = 80.0, 15.0
DENSE_SPOTS = 1000
RADIUS_MAX = 8.0
"""Spots lie within this many times the scale of their radial profile."""

ENTRIES = 1024
"""Of the tables of azimuths about a shower's axis and of radii; a power of 2."""

BLOCK = 256
"""Spots worked on together: first where they lie, then which number their cells have, then what
they leave there. So the processor waits for many cells at a time, not for one after the other."""


# `spread` runs for every particle, and numba counts references to all arrays of the tuples that it
# takes out of tuples: these two are flat.
class Segmentation(NamedTuple):
    """The slabs' cells, and where spots lie."""

    layer_of_slab: np.ndarray  # (slabs,) -1 for those without cells
    cells_eta: np.ndarray  # (layers,)
    cells_phi: np.ndarray  # (layers,)
    first_cell: np.ndarray  # (layers + 1,)
    eta_max: float
    tables: np.ndarray  # (3, ENTRIES), see `spot_tables`


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
    own: np.ndarray  # of it, what comes of a hadronic shower
    core: np.ndarray  # radial scales, mm
    tail: np.ndarray
    share: np.ndarray  # of the core
    middle: np.ndarray  # where along the slab the spots lie, 0 to 1
    spot: np.ndarray  # energy of a spot of the tail on average, at least TAIL_SPOT, MeV
    depth: np.ndarray  # (slabs + 1,) a buffer
    depth_em: np.ndarray  # (slabs + 1,) a buffer
    # Of the spots that are worked on together, (BLOCK,) each:
    spot_cell: np.ndarray  # int64, the cell, -1 for those beside the calorimeter
    spot_hit: np.ndarray  # int32, number of the cell if it had one
    spot_energy: np.ndarray  # MeV


def empty_shower(slabs: int) -> Shower:
    """Buffers of a shower."""
    path, depth, depth_em = np.zeros((3, slabs + 1))
    energy, own, core, tail, share, middle, spot = np.zeros((7, slabs))
    return Shower(
        path, energy, own, core, tail, share, middle, spot, depth, depth_em,
        np.zeros(BLOCK, np.int64), np.zeros(BLOCK, np.int32), np.zeros(BLOCK),
    )  # fmt: skip


@numba.njit(cache=True)
def number_of_spots(wanted: float) -> int:
    """Into how many spots a part of a slab's energy is divided.

    Args:
        wanted: energy over that of a spot.
    """
    if wanted < DENSE_SPOTS:
        return 1 + int(wanted)
    return 1 + int(math.sqrt(DENSE_SPOTS * wanted))


@numba.njit(cache=True)
def entry_within(share: float) -> int:
    """The entry of the table of radii for a share of the energy, 0 to 1.

    The outermost of many spots may lie so far out that its share is 1 after rounding: it has the
    last entry, as what is beyond a table is any number that lies in the memory there.
    """
    return min(int(share * ENTRIES), ENTRIES - 1)


@numba.njit(cache=True)
def spread(
    rng: np.random.Generator,
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
    shares, middle, tail_spots = shower.share, shower.middle, shower.spot
    spot_cell, spot_hit, spot_energy = shower.spot_cell, shower.spot_hit, shower.spot_energy
    layer_of_slab, cells_eta, cells_phi, first_cell, eta_max, tables = segmentation
    number, cell_of, n_hits, hit_layer, hit_energy, newest = cells[:6]
    deposit_hit, deposit_particle, deposit_energy, following = cells[6:]
    cosines, sines, radii = tables
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
            spots = number_of_spots(total / (CORE_SPOT if part == 0 else tail_spots[k]))
            turn = rng.random() * ENTRIES
            offset = rng.random()
            for done in range(0, spots, BLOCK):
                block = min(spots - done, BLOCK)
                for b in range(block):
                    # Quasi-random spots, one stratum each, make smooth showers. The farther out,
                    # the smaller: a spot's energy goes as sqrt(1 - u), near 1 / r.
                    kept = 1.0 - (done + b + offset) / spots
                    spot_energy[b] = total * kept / (0.5 * (spots + 1) - offset)
                    turn += ENTRIES * 0.3819660112501051  # the golden angle
                    step = size * radii[entry_within(1.0 - kept**2)]
                    which = int(turn) & (ENTRIES - 1)
                    i = math.floor(row + step * cosines[which] * per_eta)
                    if i < 0 or i >= n_eta:
                        spot_cell[b] = -1
                        continue
                    m = math.floor(column + step * sines[which] * per_phi)
                    while m < 0:
                        m += n_phi
                    while m >= n_phi:
                        m -= n_phi
                    spot_cell[b] = first_cell[layer] + i * n_phi + m
                for b in range(block):
                    spot_hit[b] = number[max(spot_cell[b], 0)]
                for b in range(block):
                    cell, each = spot_cell[b], spot_energy[b]
                    if cell < 0:
                        lost += each
                        continue
                    hit = spot_hit[b]
                    if hit < 0:  # unless another spot of these has hit it
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
    """Where spots lie, (3, ENTRIES): cosines and sines of azimuths about the axis, and radii in
    units of the radial scale at even steps of the contained energy.

    A share u of the energy lies within r = sqrt(u / (1 - u)) (hep-ex/0001020, eq. 22), up to the
    largest radius.
    """
    middle = (np.arange(ENTRIES) + 0.5) / ENTRIES
    u = middle * RADIUS_MAX**2 / (1.0 + RADIUS_MAX**2)
    return np.stack(
        [np.cos(2 * np.pi * middle), np.sin(2 * np.pi * middle), np.sqrt(u / (1.0 - u))]
    )


def deposits_capacity(pieces: np.ndarray, layers: int) -> int:
    """The largest number of deposits that `shower_event` can make of some pieces.

    Each has a core and a tail in every layer, and `number_of_spots` is no more than 1 + wanted and
    1 + sqrt(DENSE_SPOTS wanted).

    Args:
        pieces: (pieces,) their energies, MeV.
        layers: of the detector.
    """
    parts, wanted = 2 * layers, pieces / min(CORE_SPOT, TAIL_SPOT)
    return int((parts + np.minimum(wanted, np.sqrt(DENSE_SPOTS * parts * wanted)) + 1).sum())
