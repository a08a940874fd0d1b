"""From the primaries of an event to what arrives at the calorimeter, and to the tracks.

Each particle is followed on its helix. On the way it may decay, a photon converts, an electron
radiates, and a hadron interacts in the tracker's layers; what comes of it is followed in turn.

A particle that decays where tracks begin (inside vertex_radius and vertex_z) gives way to its decay
products, which then are the event's particles; what a particle becomes farther out counts as its
own, as do conversions and bremsstrahlung, as in COCOA. Multiple scattering is in the resolution of
the tracks, ionisation in the tracker is left out (some MeV). The field ends at the calorimeter's
face, behind which the way is straight, as in COCOA (Tracking_func.cc).

Compiled; energies and momenta in MeV, lengths in mm.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numba
import numpy as np

from jetchain.detector.decays import (
    ELECTRON_MASS,
    DecayTable,
    charge_of,
    decay,
    species_of,
)
from jetchain.detector.geometry import TrackerArrays
from jetchain.detector.helix import (
    BEHIND,
    CURLED,
    REACHED,
    advance,
    flight,
    to_face,
)
from jetchain.detector.material import crossings, electron_share, energy_kept, stopped_at

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

NOT_ENDED, DECAYED, CONVERTED, INTERACTED = 0, 1, 2, 3


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
    particles = np.zeros((capacity, COLUMNS))
    particles[: len(primaries)] = primaries
    n_particles = len(primaries)
    account = np.zeros((capacity, len(FATES)))
    pieces = np.zeros((2 * capacity, COLUMNS))
    direction = np.zeros((2 * capacity, 3))
    started = np.zeros((2 * capacity, 1))
    candidates = np.zeros((capacity, COLUMNS))
    hits = np.zeros((capacity, 1))
    stack = np.zeros((32, COLUMNS))
    gone = np.zeros((capacity, 1))
    n_pieces = n_candidates = 0
    neutrinos = 0.0
    counts = np.zeros(len(COUNTS), np.int64)
    layers = tracker.position.size
    path, radiation, interaction = np.empty(layers), np.empty(layers), np.empty(layers)
    products, momenta, parent = np.empty(3, np.int64), np.empty((3, 4)), np.empty(4)
    i = -1
    while i + 1 < n_particles:
        i += 1
        stack[0] = particles[i]
        stack[0, SOURCE] = i
        stacked = 1
        while stacked > 0:
            stacked -= 1
            row = stack[stacked].copy()
            code, charge = int(row[CODE]), row[CHARGE]
            if abs(code) == 12 or abs(code) == 14 or abs(code) == 16:
                account[i, NEUTRINO] += row[E]
                continue
            line = flight(row[X], row[Y], row[Z], row[PX], row[PY], row[PZ], charge, tracker.field)
            face, status = to_face(line, tracker.face_radius, tracker.face_z)
            end, fate = face, NOT_ENDED
            if status == CURLED and charge != 0.0:
                end = 2 * math.pi / abs(line.bend)
            species = species_of(code, table) if decaying else -1
            if species >= 0 and status != BEHIND and table.length[species] != math.inf:
                mass = table.mass[species]
                pt = math.hypot(row[PX], row[PY])
                flown = rng.standard_exponential() * table.length[species] * pt / mass
                if flown < end:
                    end, fate = flown, DECAYED
            crossed = 0
            if status != BEHIND:
                crossed = crossings(line, end, tracker, path, radiation, interaction)
            if material and status != BEHIND:
                if code == 22:
                    depth = rng.standard_exponential() * 9.0 / 7.0
                    at = stopped_at(radiation, crossed, depth)
                    if at >= 0 and row[E] > 2 * ELECTRON_MASS:
                        end, fate, crossed = path[at], CONVERTED, at
                elif abs(code) != 11 and abs(code) != 13:
                    at = stopped_at(interaction, crossed, rng.standard_exponential())
                    if at >= 0:
                        end, fate, crossed = path[at], INTERACTED, at + 1
            if charge != 0.0 and (row[SECONDARY] == 0.0 or row[SECONDARY] == 2.0):
                candidates = room_for(candidates, n_candidates + 1)
                hits = room_for(hits, n_candidates + 1)
                candidates[n_candidates] = row
                hits[n_candidates, 0] = crossed
                n_candidates += 1
            if material and abs(code) == 11 and status != BEHIND:
                # Radiate at the first layer where a photon above the threshold leaves it.
                radiated = False
                for m in range(crossed):
                    lost = row[E] * (1.0 - energy_kept(rng, radiation[m]))
                    if lost < RADIATED_MIN or row[E] - lost < 2 * ELECTRON_MASS:
                        continue
                    x, y, z, phi = advance(line, path[m])
                    length = math.sqrt(1.0 + line.slope**2)
                    unit = (math.cos(phi) / length, math.sin(phi) / length, line.slope / length)
                    stack = room_for(stack, stacked + 2)
                    for which in range(2):
                        energy = lost if which == 0 else row[E] - lost
                        p = energy
                        if which == 1:
                            p = math.sqrt(energy**2 - ELECTRON_MASS**2)
                        new = stack[stacked]
                        new[:] = row
                        new[PX], new[PY], new[PZ], new[E] = (
                            p * unit[0], p * unit[1], p * unit[2], energy,
                        )  # fmt: skip
                        new[X], new[Y], new[Z] = x, y, z
                        new[SECONDARY] = 1.0
                        if which == 0:
                            new[CODE], new[CHARGE] = 22.0, 0.0
                        stacked += 1
                    counts[BREMSSTRAHLUNG] += 1
                    radiated = True
                    break
                if radiated:
                    continue
            if fate == NOT_ENDED and status == CURLED:
                account[i, MISSED] += row[E]
                counts[CURLED_UP] += 1
                continue
            x, y, z, phi = advance(line, end)
            length = math.sqrt(1.0 + line.slope**2)
            unit = (math.cos(phi) / length, math.sin(phi) / length, line.slope / length)
            if fate == DECAYED:
                counts[DECAYS] += 1
                p = math.sqrt(row[PX] ** 2 + row[PY] ** 2 + row[PZ] ** 2)
                parent[0], parent[1], parent[2] = p * unit[0], p * unit[1], p * unit[2]
                parent[3] = math.sqrt(p**2 + table.mass[species] ** 2)
                number = decay(rng, code, parent, table, products, momenta)
                replaced = (
                    row[SECONDARY] == 0.0
                    and math.hypot(x, y) < tracker.vertex_radius
                    and abs(z) < tracker.vertex_z
                )
                if replaced:
                    gone[i, 0] = 1.0
                    if charge != 0.0:
                        n_candidates -= 1
                else:
                    # The generator's energy and that of the mass shell differ by its rounding.
                    account[i, REST] += row[E] - parent[3]
                stack = room_for(stack, stacked + number)
                particles = room_for(particles, n_particles + number)
                account = room_for(account, n_particles + number)
                gone = room_for(gone, n_particles + number)
                for k in range(number):
                    code_of = products[k]
                    if replaced and (abs(code_of) == 12 or abs(code_of) == 14):
                        neutrinos += momenta[k, 3]
                        continue
                    new = particles[n_particles] if replaced else stack[stacked]
                    for c in range(4):
                        new[c] = momenta[k, c]
                    new[X], new[Y], new[Z] = x, y, z
                    new[CHARGE], new[CODE] = charge_of(code_of, table), code_of
                    new[SOURCE] = row[SOURCE]
                    if replaced:
                        new[SOURCE], new[SECONDARY] = particles[i, SOURCE], 0.0
                        n_particles += 1
                    else:
                        new[SECONDARY] = 1.0
                        stacked += 1
                continue
            if fate == CONVERTED:
                counts[CONVERSIONS] += 1
                share = electron_share(rng)
                stack = room_for(stack, stacked + 2)
                for which in range(2):
                    energy = row[E] * (share if which == 0 else 1.0 - share)
                    p = math.sqrt(max(energy**2 - ELECTRON_MASS**2, 0.0))
                    new = stack[stacked]
                    new[:] = row
                    new[PX], new[PY], new[PZ], new[E] = (
                        p * unit[0], p * unit[1], p * unit[2], energy,
                    )  # fmt: skip
                    new[X], new[Y], new[Z] = x, y, z
                    new[CODE] = 11.0 if which == 0 else -11.0
                    new[CHARGE] = -1.0 if which == 0 else 1.0
                    # Electrons of a primary photon's conversion may leave tracks, as in COCOA.
                    new[SECONDARY] = 2.0 if row[SECONDARY] == 0.0 else 1.0
                    stacked += 1
                continue
            if fate == INTERACTED:
                counts[NUCLEAR] += 1
                # Its products go on as it would have.
                x, y, z, phi = advance(line, face) if status == REACHED else (x, y, z, phi)
                unit = (math.cos(phi) / length, math.sin(phi) / length, line.slope / length)
                if status == CURLED:
                    account[i, MISSED] += row[E]
                    continue
            if status == BEHIND:
                counts[BORN_BEHIND] += 1
            elif abs(z) > math.sinh(tracker.eta_max) * math.hypot(x, y):
                account[i, MISSED] += row[E]
                counts[BESIDE] += 1
                continue
            available = row[E] - NUCLEON_MASS * baryon_number(code)
            if available <= 0.0:
                account[i, REST] += row[E]
                continue
            account[i, REST] += row[E] - available
            pieces = room_for(pieces, n_pieces + 1)
            direction = room_for(direction, n_pieces + 1)
            started = room_for(started, n_pieces + 1)
            pieces[n_pieces] = row
            pieces[n_pieces, E] = available
            pieces[n_pieces, X], pieces[n_pieces, Y], pieces[n_pieces, Z] = x, y, z
            direction[n_pieces, 0], direction[n_pieces, 1] = unit[0], unit[1]
            direction[n_pieces, 2] = unit[2]
            started[n_pieces, 0] = 1.0 if fate == INTERACTED else 0.0
            n_pieces += 1
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
