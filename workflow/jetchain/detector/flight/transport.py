"""From the primaries of an event to what arrives at the calorimeter, and to the tracks.

Each particle is followed on its helix. On the way it may decay, a photon converts, an electron
radiates, and a hadron interacts in the tracker's layers; what comes of it is followed in turn.

A particle that decays where tracks begin (inside vertex_radius and vertex_z) gives way to its decay
products, which then are the event's particles; what a particle becomes farther out counts as its
own, as do conversions and bremsstrahlung, as in COCOA. Multiple scattering is in the resolution of
the tracks, ionisation in the tracker is left out (some MeV). The field ends at the calorimeter's
face, behind which the way is straight, as where COCOA extrapolates tracks (Tracking_func.cc); in
its Geant4 the field ends at the first iron, at r = 1167 mm (InnerConstruction.cc).

Compiled; energies and momenta in MeV, lengths in mm.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numba
import numpy as np

from jetchain.detector.flight.decays import (
    ELECTRON_MASS,
    LENGTH,
    MASS,
    DecayTable,
    charge_of,
    decay,
    species_of,
)
from jetchain.detector.flight.helix import (
    BEHIND,
    CURLED,
    Flight,
    advance,
    flight,
    to_face,
)
from jetchain.detector.geometry.geometry import TrackerArrays
from jetchain.detector.geometry.material import (
    CONVERSION_LENGTH,
    crossings,
    electron_share,
    energy_kept,
    stopped_at,
)

ELECTRON, PHOTON, CHARGED_HADRON, NEUTRAL_HADRON, MUON = 0, 1, 2, 3, 4
"""How a particle behaves in the calorimeter."""

DEPOSITED, PASSIVE, LEAKED, INVISIBLE, MISSED, NEUTRINO, REST = range(7)
"""Columns of a particle's energy account: deposited in cells, in dead material, behind or beside
the cells, lost to nuclei, carried by what never arrives, by neutrinos, and rest mass that cannot be
seen (negative for antibaryons)."""
FATES = ("deposited", "passive", "leaked", "invisible", "missed", "neutrino", "rest_mass")

RADIATED_MIN = 10.0
"""MeV: softer bremsstrahlung stays with its electron (our choice)."""

NUCLEON_MASS = 938.9187
"""Mean mass of the nucleons, MeV (PDG 2024)."""

# Columns of a particle in flight.
PX, PY, PZ, E, X, Y, Z, CHARGE, CODE, SOURCE, SECONDARY = range(11)
COLUMNS = 11

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
    """Baryon number from a PDG code: four digits, all three quarks given."""
    size = abs(code)
    if 1000 <= size < 10000 and size // 10 % 10 != 0:
        return 1 if code > 0 else -1
    return 0


@numba.njit(cache=True)
def room_for(rows: np.ndarray, wanted: int) -> np.ndarray:
    """The same array, or a longer copy, with space for `wanted` rows."""
    if wanted <= len(rows):
        return rows
    longer = np.zeros((2 * wanted, rows.shape[1]))
    longer[: len(rows)] = rows
    return longer


@numba.njit(cache=True)
def emit(
    new: np.ndarray,  # (COLUMNS,) is filled
    parent: np.ndarray,  # (COLUMNS,) SOURCE is taken over
    code: int,
    charge: float,
    energy: float,
    mass: float,
    unit: tuple[float, float, float],
    at: tuple[float, float, float],
    secondary: float,
) -> None:
    """A particle that begins at a point of its parent's flight, and flies on in its direction."""
    p = math.sqrt(max(energy**2 - mass**2, 0.0))
    new[PX], new[PY], new[PZ], new[E] = p * unit[0], p * unit[1], p * unit[2], energy
    new[X], new[Y], new[Z] = at
    new[CODE], new[CHARGE] = code, charge
    new[SOURCE], new[SECONDARY] = parent[SOURCE], secondary


@numba.njit(cache=True)
def flight_end(
    rng: np.random.Generator,
    row: np.ndarray,
    line: Flight,
    tracker: TrackerArrays,
    species: np.ndarray,  # (species, columns) of decays.DecayTable
    material: bool,
    decaying: bool,
    path: np.ndarray,  # (layers,), is filled with the crossings' paths
    radiation: np.ndarray,  # (layers,), is filled with their thickness in X0
    interaction: np.ndarray,  # (layers,), is filled with their thickness in lambda
) -> tuple[float, int, int, int]:
    """How far a particle flies as it is.

    Returns:
        the path at its end, why it ends, the layers that it crosses, and the status of its arrival
        at the face if nothing ends it (see helix).
    """
    code = int(row[CODE])
    end, status = to_face(line, tracker.face_radius, tracker.face_z)
    if status == BEHIND:
        return end, NOT_ENDED, 0, status
    if status == CURLED:
        end = 2 * math.pi / max(abs(line.bend), 1e-12)
    fate = NOT_ENDED
    kind = species_of(code, species) if decaying else -1
    if kind >= 0 and species[kind, LENGTH] != math.inf:
        pt = math.hypot(row[PX], row[PY])
        flown = rng.standard_exponential() * species[kind, LENGTH] * pt / species[kind, MASS]
        if flown < end:
            end, fate = flown, DECAYED
    crossed = crossings(line, end, tracker.layers, path, radiation, interaction)
    if material and code == 22 and row[E] > 2 * ELECTRON_MASS:
        at = stopped_at(radiation, crossed, CONVERSION_LENGTH * rng.standard_exponential())
        if at >= 0:
            return path[at], CONVERTED, at, status
    elif material and abs(code) != 11 and abs(code) != 13 and code != 22:
        at = stopped_at(interaction, crossed, rng.standard_exponential())
        if at >= 0:
            return path[at], INTERACTED, at + 1, status
    return end, fate, crossed, status


@numba.njit(cache=True)
def radiation_point(
    rng: np.random.Generator, energy: float, radiation: np.ndarray, crossed: int
) -> tuple[int, float]:
    """The first layer at which an electron sends out a photon above the threshold, -1 for none;
    and the photon's energy, MeV."""
    for m in range(crossed):
        lost = energy * (1.0 - energy_kept(rng, radiation[m]))
        if lost >= RADIATED_MIN and energy - lost >= 2 * ELECTRON_MASS:
            return m, lost
    return -1, 0.0


@numba.njit(cache=True)
def place_at(
    line: Flight, path: float
) -> tuple[tuple[float, float, float], tuple[float, float, float]]:
    """Position (mm) and direction (unit vector) after a path."""
    x, y, z, phi = advance(line, path)
    length = math.sqrt(1.0 + line.slope**2)
    return (x, y, z), (math.cos(phi) / length, math.sin(phi) / length, line.slope / length)


@numba.njit(cache=True)
def fly(
    rng: np.random.Generator,
    primaries: np.ndarray,  # (primaries, COLUMNS)
    tracker: TrackerArrays,
    table: DecayTable,
    material: bool,
    decaying: bool,
) -> Flown:
    """Follow all particles of an event to the calorimeter's face.

    Args:
        rng: of the event.
        primaries: particles; SOURCE is their row, SECONDARY is 0.
        tracker: layers and volume.
        table: masses, lifetimes and modes.
        material: whether they interact in the tracker.
        decaying: whether they decay.
    """
    capacity = 2 * len(primaries) + 16
    particles = room_for(primaries, capacity)
    n_particles = len(primaries)
    gone = np.zeros((capacity, 1))
    account = np.zeros((capacity, len(FATES)))
    pieces, direction = np.zeros((2 * capacity, COLUMNS)), np.zeros((2 * capacity, 3))
    started = np.zeros((2 * capacity, 1))
    candidates, hits = np.zeros((capacity, COLUMNS)), np.zeros((capacity, 1))
    stack = np.zeros((32, COLUMNS))
    n_pieces = n_candidates = 0
    neutrinos = 0.0
    counts = np.zeros(len(COUNTS), np.int64)
    path, radiation, interaction = np.empty((3, len(tracker.layers)))
    species, row = table.species, np.empty(COLUMNS)
    products, momenta, parent = np.empty(3, np.int64), np.empty((3, 4)), np.empty(4)
    i = 0
    while i < n_particles:  # decays make this list longer
        stack[0] = particles[i]
        stack[0, SOURCE] = i
        stacked = 1
        while stacked > 0:
            stacked -= 1
            stack = room_for(stack, stacked + 4)
            row[:] = stack[stacked]
            code, charge, primary = int(row[CODE]), row[CHARGE], row[SECONDARY] == 0.0
            if abs(code) in (12, 14, 16):
                account[i, NEUTRINO] += row[E]
                continue
            line = flight(row[X], row[Y], row[Z], row[PX], row[PY], row[PZ], charge, tracker.field)
            end, fate, crossed, status = flight_end(
                rng, row, line, tracker, species, material, decaying, path, radiation, interaction
            )
            at, unit = place_at(line, end)
            replaced = (
                fate == DECAYED
                and primary
                and math.hypot(at[0], at[1]) < tracker.vertex_radius
                and abs(at[2]) < tracker.vertex_z
            )
            if charge != 0.0 and not replaced and (primary or row[SECONDARY] == CONVERSION):
                candidates = room_for(candidates, n_candidates + 1)
                hits = room_for(hits, n_candidates + 1)
                candidates[n_candidates] = row
                hits[n_candidates, 0] = crossed
                n_candidates += 1
            if material and abs(code) == 11 and status != BEHIND:
                layer, lost = radiation_point(rng, row[E], radiation, crossed)
                if layer >= 0:
                    counts[BREMSSTRAHLUNG] += 1
                    at, unit = place_at(line, path[layer])
                    emit(stack[stacked], row, 22, 0.0, lost, 0.0, unit, at, 1.0)
                    emit(
                        stack[stacked + 1], row, code, charge, row[E] - lost, ELECTRON_MASS,
                        unit, at, 1.0,
                    )  # fmt: skip
                    stacked += 2
                    continue
            if fate == DECAYED:
                counts[DECAYS] += 1
                mass = species[species_of(code, species), MASS]
                p = math.sqrt(row[PX] ** 2 + row[PY] ** 2 + row[PZ] ** 2)
                parent[0], parent[1], parent[2] = p * unit[0], p * unit[1], p * unit[2]
                parent[3] = math.sqrt(p**2 + mass**2)
                number = decay(rng, code, parent, table, products, momenta)
                if replaced:
                    gone[i, 0] = 1.0
                else:
                    # The generator's energy and that of the mass shell differ by its rounding.
                    account[i, REST] += row[E] - parent[3]
                particles = room_for(particles, n_particles + number)
                account = room_for(account, n_particles + number)
                gone = room_for(gone, n_particles + number)
                for k in range(number):
                    code = products[k]
                    if replaced and abs(code) in (12, 14):
                        neutrinos += momenta[k, 3]
                        continue
                    new = particles[n_particles] if replaced else stack[stacked]
                    new[PX], new[PY], new[PZ], new[E] = momenta[k]
                    new[X], new[Y], new[Z] = at
                    new[CODE], new[CHARGE] = code, charge_of(code, species)
                    new[SOURCE] = particles[i, SOURCE] if replaced else row[SOURCE]
                    new[SECONDARY] = 0.0 if replaced else 1.0
                    n_particles += replaced
                    stacked += not replaced
                continue
            if fate == CONVERTED:
                counts[CONVERSIONS] += 1
                share = electron_share(rng)
                # Electrons of a primary photon's conversion may leave tracks, as in COCOA.
                kind = CONVERSION if primary else 1.0
                for sign in (1, -1):
                    energy = row[E] * (share if sign > 0 else 1.0 - share)
                    emit(
                        stack[stacked], row, 11 * sign, -float(sign), energy, ELECTRON_MASS,
                        unit, at, kind,
                    )  # fmt: skip
                    stacked += 1
                continue
            if fate == INTERACTED:
                counts[NUCLEAR] += 1
            if status == CURLED:
                account[i, MISSED] += row[E]
                counts[CURLED_UP] += 1
                continue
            if fate == INTERACTED:  # its products go on as it would have
                at, unit = place_at(line, to_face(line, tracker.face_radius, tracker.face_z)[0])
            if status == BEHIND:
                counts[BORN_BEHIND] += 1
            elif abs(at[2]) > math.sinh(tracker.eta_max) * math.hypot(at[0], at[1]):
                account[i, MISSED] += row[E]
                counts[BESIDE] += 1
                continue
            available = max(row[E] - NUCLEON_MASS * baryon_number(code), 0.0)
            account[i, REST] += row[E] - available
            if available == 0.0:
                continue
            pieces = room_for(pieces, n_pieces + 1)
            direction = room_for(direction, n_pieces + 1)
            started = room_for(started, n_pieces + 1)
            pieces[n_pieces] = row
            pieces[n_pieces, E] = available
            pieces[n_pieces, X], pieces[n_pieces, Y], pieces[n_pieces, Z] = at
            direction[n_pieces, 0], direction[n_pieces, 1], direction[n_pieces, 2] = unit
            started[n_pieces, 0] = fate == INTERACTED
            n_pieces += 1
        i += 1
    # Particles that gave way to their decay products leave the list.
    kept = gone[:n_particles, 0] == 0.0
    row_of = np.cumsum(kept) - 1
    for k in range(n_pieces):
        pieces[k, SOURCE] = row_of[int(pieces[k, SOURCE])]
    for k in range(n_candidates):
        candidates[k, SOURCE] = row_of[int(candidates[k, SOURCE])]
    return Flown(
        particles[:n_particles][kept], account[:n_particles][kept],
        pieces[:n_pieces], direction[:n_pieces],
        started[:n_pieces, 0] > 0.0, candidates[:n_candidates],
        hits[:n_candidates, 0].astype(np.int16), neutrinos, counts,
    )  # fmt: skip
