"""How much of a hadronic shower is seen: mapped to what full simulation with Geant4 finds.

Where a shower's energy goes is `hadrons`' business. Its sum in the cells is drawn there too, but
not yet as in Geant4, so it is mapped: share' = offset + slope * share, of the energy that does not
leak out, with what the hadron lost by ionisation before it interacted. Offset and slope depend on
pT, |eta| and the layer of the largest rise in energy density, as COCOA's table of E/p does
(resources/published/cocoa_response.json); resources/geometry/derive_response.py finds them. What
the cells gain or lose, nuclei swallow less or more of.

Compiled with numba; energies in MeV, lengths in mm, unless a name says otherwise.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numba
import numpy as np

from jetchain.detector.calorimeter.spots import Segmentation, Shower
from jetchain.detector.geometry.description import GeometryTable, SlabArrays

# Width in dR of the Gaussian that weights cells around a track in COCOA's definition of the layer.
DENSITY_WIDTH = 0.035
# A layer belongs to the cluster of the one with the most energy if it holds so much in units of a
# cell's noise, and so do all between them; the layer before a passive slab gets so much of the
# noise of its cells, of which those above 0 are attached. Tuned to find the layer that particle
# flow finds in clusters, most often; so it does in 90 % of the pions above 10 GeV in pT.
JOINS, ATTACHED_NOISE = 6.0, 0.3
# The share that is seen of a hadron of which most goes into break-up and slow neutrons, and that is
# no part of the mapped ones: it makes no cluster of E/p > 0.1, and COCOA's table has none of these.
LOST_SLOPE = 0.05
LOST_AT = (10e3, 20e3)
"""Between these energies (MeV) such losses are most frequent; below and above they fall off with
E and 1/E."""
LEAST_SHARE = 0.02


# Flat, as `Segmentation` is.
class ResponseMap(NamedTuple):
    """The map's table, and what finds the layer."""

    log_pt: np.ndarray  # (pt,) of GeV, rises
    eta: np.ndarray  # (eta,) rises
    offset: np.ndarray  # (layers, eta, pt); the last layer stands for those behind it
    slope: np.ndarray  # (layers, eta, pt)
    lost: float  # share of the hadrons of which most is lost
    step: np.ndarray  # (slabs,) lambda, from the middle of the last layer to that of this one
    noise: np.ndarray  # (layers,) MeV


def response_map(table: GeometryTable, slabs: SlabArrays) -> ResponseMap:
    """The map of a detector; one without a table leaves showers as they are."""
    thickness = np.diff(slabs.depth) / slabs.interaction_length
    middle = np.cumsum(thickness) - 0.5 * thickness
    step = np.zeros(len(middle))
    step[slabs.layer_of_slab >= 0] = np.diff(middle[slabs.layer_of_slab >= 0], prepend=0.0)
    noise = np.array([slab.noise for slab in table.slabs if slab.kind != "passive"])
    found = table.hadronic_response
    if found is None:
        flat = np.zeros((1, 2, 2))
        ends = np.array([0.0, 1.0])
        return ResponseMap(ends, ends, flat, flat + 1.0, 0.0, step, noise)
    return ResponseMap(
        np.log(found.pt), np.array(found.eta), np.array(found.offset), np.array(found.slope),
        found.lost, step, noise,
    )  # fmt: skip


@numba.njit(cache=True)
def contained(edge: float, scale: float) -> float:
    """Share of a radial profile 2 r R^2 / (r^2 + R^2)^2 on one side of a line."""
    return 0.5 * (1.0 + edge / math.sqrt(edge * edge + scale * scale))


@numba.njit(cache=True)
def weighted_share(
    track: float, axis: float, core: float, tail: float, width: float
) -> tuple[float, float]:
    """Shares of two profiles in a row of cells, each weighted by the Gaussian around the track.

    Args:
        track, axis: where the track enters the layer and where the shower's axis is, in cells.
        core, tail: R of the profiles, in cells.
        width: of a cell.
    """
    reach = 1 + int(3.0 * DENSITY_WIDTH / width)
    middle = math.floor(track)
    step = width / DENSITY_WIDTH
    # From cell to cell the Gaussian falls by a factor that itself falls by a constant one: three
    # exponentials for all cells.
    constant = math.exp(-step * step)
    of_core = of_tail = 0.0
    for side in (1, -1):
        r = side * (middle + 0.5 - track) * step
        weight, ratio = math.exp(-0.5 * r * r), math.exp(-step * (r + 0.5 * step))
        if side < 0:  # the middle one is the other side's
            weight, ratio = weight * ratio, ratio * constant
        edge = middle - axis if side > 0 else axis - middle
        before_core, before_tail = contained(edge, core), contained(edge, tail)
        for _ in range(reach + 1 if side > 0 else reach):
            edge += 1.0
            after_core, after_tail = contained(edge, core), contained(edge, tail)
            of_core += weight * (after_core - before_core)
            of_tail += weight * (after_tail - before_tail)
            before_core, before_tail = after_core, after_tail
            weight *= ratio
            ratio *= constant
    return of_core, of_tail


@numba.njit(cache=True)
def density(
    k: int,
    at: tuple[float, float, float],
    unit: tuple[float, float, float],
    segmentation: Segmentation,
    shower: Shower,
) -> tuple[float, float]:
    """Weighted energy over volume that a shower leaves in a slab, MeV/mm3; 1 / volume of a cell."""
    layer, path = segmentation.layer_of_slab[k], shower.path
    per_eta = segmentation.cells_eta[layer] / (2 * segmentation.eta_max)
    per_phi = segmentation.cells_phi[layer] / (2 * math.pi)
    x, y, z = at[0] + path[k] * unit[0], at[1] + path[k] * unit[1], at[2] + path[k] * unit[2]
    row, column = math.asinh(z / math.hypot(x, y)) * per_eta, math.atan2(y, x) * per_phi
    along = path[k] + shower.middle[k] * (path[k + 1] - path[k])
    x, y, z = at[0] + along * unit[0], at[1] + along * unit[1], at[2] + along * unit[2]
    rho = math.hypot(x, y)
    axis_row, axis_column = math.asinh(z / rho) * per_eta, math.atan2(y, x) * per_phi
    around = segmentation.cells_phi[layer]
    axis_column -= around * math.floor((axis_column - column) / around + 0.5)
    share = shower.share[k]
    core = shower.core[k] / rho
    tail = shower.tail[k] / rho if share < 1.0 else core  # it has none
    rows = weighted_share(row, axis_row, core * per_eta, tail * per_eta, 1.0 / per_eta)
    columns = weighted_share(column, axis_column, core * per_phi, tail * per_phi, 1.0 / per_phi)
    weight = share * rows[0] * columns[0] + (1.0 - share) * rows[1] * columns[1]
    per_volume = per_eta * per_phi / (rho * rho * (path[k + 1] - path[k]))
    return weight * shower.energy[k] * per_volume, per_volume


@numba.njit(cache=True)
def densest_layer(
    at: tuple[float, float, float],
    unit: tuple[float, float, float],
    segmentation: Segmentation,
    shower: Shower,
    table: ResponseMap,
) -> int:
    """Layer of the largest rise in density per interaction length (arXiv 1703.10485, equations 1
    and 2) that is expected in a shower's main cluster."""
    layers, energy = segmentation.layer_of_slab, shower.energy
    n = layers.size
    main, most = -1, 0.0
    for k in range(n):
        if layers[k] >= 0 and energy[k] > most * table.noise[layers[k]]:
            main, most = k, energy[k] / table.noise[layers[k]]
    if main < 0:
        return 0
    first = main
    for k in range(main - 1, -1, -1):
        if layers[k] >= 0:
            if energy[k] < JOINS * table.noise[layers[k]]:
                break
            first = k
    best, largest, before = layers[main], 0.0, 0.0
    joined = True
    for k in range(max(first - 2, 0), n):
        layer = layers[k]
        if layer < 0 or (k < first and (k + 2 > first or layers[k + 1] >= 0)):
            continue
        if k > main and energy[k] < JOINS * table.noise[layer]:
            joined = False
        here = 0.0
        if joined and energy[k] > 0.0:
            here, per_volume = density(k, at, unit, segmentation, shower)
            if k < first:  # its noise, in as many cells as the Gaussian covers
                width = 2 * segmentation.eta_max / segmentation.cells_eta[layer]
                cells = 2 * math.pi * (DENSITY_WIDTH / width) ** 2
                here += ATTACHED_NOISE * cells * table.noise[layer] * per_volume
        rise = (here - before) / table.step[k]
        if rise > largest:
            best, largest = layer, rise
        before = here
    return best


@numba.njit(cache=True)
def between(nodes: np.ndarray, value: float) -> tuple[int, float]:
    """The node below a value and the distance behind it, 0 to 1; the ends go on as they are."""
    k = min(max(int(np.searchsorted(nodes, value)) - 1, 0), nodes.size - 2)
    return k, min(max((value - nodes[k]) / (nodes[k + 1] - nodes[k]), 0.0), 1.0)


@numba.njit(cache=True)
def interpolated(values: np.ndarray, j: int, b: float, i: int, a: float) -> float:
    """Bilinear."""
    low = values[j, i] + a * (values[j, i + 1] - values[j, i])
    high = values[j + 1, i] + a * (values[j + 1, i + 1] - values[j + 1, i])
    return low + b * (high - low)


@numba.njit(cache=True)
def respond(
    rng: np.random.Generator,
    energy: float,
    available: float,
    unseen: float,
    at: tuple[float, float, float],
    unit: tuple[float, float, float],
    segmentation: Segmentation,
    table: ResponseMap,
    shower: Shower,
) -> float:
    """Map what a shower leaves in the cells; returns what nuclei then swallow, MeV.

    Args:
        rng: draws which showers are lost.
        energy: of the hadron at the calorimeter's face.
        available: what it had left when it interacted, without what leaks out behind.
        unseen: what nuclei swallow before the map.
        at, unit: where the hadron comes in, and its direction.
        segmentation: of the detector.
        table: of the map.
        shower: its energies are changed.
    """
    layers, own = segmentation.layer_of_slab, shower.own
    seen = before = 0.0
    for k in range(layers.size):
        if layers[k] >= 0:
            seen += own[k]
            before += shower.energy[k] - own[k]
    if seen <= 0.0:
        return unseen
    layer = min(densest_layer(at, unit, segmentation, shower, table), len(table.offset) - 1)
    rho = math.hypot(at[0], at[1])
    eta = abs(math.asinh(at[2] / rho))
    i, a = between(table.log_pt, math.log(1e-3 * energy / math.cosh(eta)))
    j, b = between(table.eta, eta)
    offset = interpolated(table.offset[layer], j, b, i, a)
    slope = interpolated(table.slope[layer], j, b, i, a)
    if rng.random() < table.lost * min(energy / LOST_AT[0], 1.0, LOST_AT[1] / energy):
        offset, slope = 0.0, LOST_SLOPE
    wanted = offset * (available + before) + slope * (seen + before) - before
    factor = min(max(wanted, LEAST_SHARE * available), seen + unseen) / seen
    for k in range(layers.size):
        if layers[k] >= 0:
            shower.energy[k] += (factor - 1.0) * own[k]
    return max(unseen - (factor - 1.0) * seen, 0.0)
