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

import numba
import numpy as np

from jetchain.detector.flight.decays import MASS, DecayTable, decay, is_neutrino, species_of
from jetchain.detector.flight.helix import BEHIND, flight
from jetchain.detector.flight.states import (
    BREMSSTRAHLUNG,
    CHARGE,
    CODE,
    COLUMNS,
    CONVERSION,
    CONVERSIONS,
    CONVERTED,
    COUNTS,
    DECAYED,
    DECAYS,
    FATES,
    INTERACTED,
    NEUTRINO,
    PX,
    PY,
    PZ,
    REST,
    SECONDARY,
    SOURCE,
    E,
    Flown,
    X,
    Y,
    Z,
)
from jetchain.detector.flight.steps import (
    arrive,
    begin,
    convert,
    flight_end,
    gives_way,
    on_shell,
    place_at,
    radiate,
)
from jetchain.detector.geometry.description import TrackerArrays


@numba.njit(cache=True)
def room_for(rows: np.ndarray, wanted: int) -> np.ndarray:
    """The same array, or a longer copy, with space for `wanted` rows."""
    if wanted <= len(rows):
        return rows
    longer = np.zeros((2 * wanted, rows.shape[1]))
    longer[: len(rows)] = rows
    return longer


@numba.njit(cache=True)
def renumber(rows: np.ndarray, row_of: np.ndarray) -> None:
    """Change SOURCE of some particles (n, COLUMNS) to what stands in `row_of` for it."""
    for k in range(len(rows)):
        rows[k, SOURCE] = row_of[int(rows[k, SOURCE])]


@numba.njit(cache=True)
def fly(
    rng: np.random.Generator,
    primaries: np.ndarray,  # (primaries, COLUMNS); SOURCE is their row, SECONDARY is 0
    tracker: TrackerArrays,
    table: DecayTable,
    material: bool,  # whether they interact in the tracker
    decaying: bool,  # whether they decay
) -> Flown:
    """Follow all particles of an event to the calorimeter's face."""
    capacity = 2 * len(primaries) + 16
    particles = room_for(primaries, capacity)
    n_particles = len(primaries)
    gone = np.zeros((capacity, 1))
    account = np.zeros((capacity, len(FATES)))
    pieces, direction = np.zeros((2 * capacity, COLUMNS)), np.zeros((2 * capacity, 3))
    started = np.zeros((2 * capacity, 1))
    candidates, hits = np.zeros((capacity, COLUMNS)), np.zeros((capacity, 1))
    stack = np.zeros((32, COLUMNS))
    # Not 0: of a literal numba compiles `arrive` once more.
    i = n_pieces = n_candidates = np.int64(0)
    neutrinos, counts = np.zeros(1), np.zeros(len(COUNTS), np.int64)
    path, radiation, interaction = np.empty((3, len(tracker.layers)))
    species, row = table.species, np.empty(COLUMNS)
    products, momenta, parent = np.empty(3, np.int64), np.empty((3, 4)), np.empty(4)
    while i < n_particles:  # decays make this list longer
        stack[0] = particles[i]
        stack[0, SOURCE] = i
        stacked = 1
        while stacked > 0:
            stacked -= 1
            stack = room_for(stack, stacked + 4)
            row[:] = stack[stacked]
            code, charge, primary = int(row[CODE]), row[CHARGE], row[SECONDARY] == 0.0
            if is_neutrino(code):
                account[i, NEUTRINO] += row[E]
                continue
            line = flight(row[X], row[Y], row[Z], row[PX], row[PY], row[PZ], charge, tracker.field)
            end, fate, crossed, status = flight_end(
                rng, row, line, tracker, species, material, decaying, path, radiation, interaction
            )
            place = at, unit = place_at(line, end)
            replaced = gives_way(row, fate, at, tracker)
            if charge != 0.0 and not replaced and (primary or row[SECONDARY] == CONVERSION):
                candidates = room_for(candidates, n_candidates + 1)
                hits = room_for(hits, n_candidates + 1)
                candidates[n_candidates] = row
                hits[n_candidates, 0] = crossed
                n_candidates += 1
            radiates = material and abs(code) == 11 and status != BEHIND
            if radiates and radiate(rng, row, line, path, radiation, crossed, stack[stacked:]):
                counts[BREMSSTRAHLUNG] += 1
                stacked += 2
            elif fate == DECAYED:
                counts[DECAYS] += 1
                on_shell(row, unit, species[species_of(code, species), MASS], parent)
                number = decay(rng, code, parent, table, products, momenta)
                made = products[:number]
                if replaced:
                    gone[i, 0] = 1.0
                    particles = room_for(particles, n_particles + number)
                    account = room_for(account, n_particles + number)
                    gone = room_for(gone, n_particles + number)
                    new, source = particles[n_particles:], particles[i, SOURCE]
                    n_particles += begin(new, made, momenta, at, source, 0.0, species, neutrinos)
                else:
                    # The generator's energy and that of the mass shell differ by its rounding.
                    account[i, REST] += row[E] - parent[3]
                    stacked += begin(
                        stack[stacked:], made, momenta, at, row[SOURCE], 1.0, species, neutrinos
                    )
            elif fate == CONVERTED:
                counts[CONVERSIONS] += 1
                convert(rng, row, unit, at, stack[stacked:])
                stacked += 2
            else:
                pieces = room_for(pieces, n_pieces + 1)
                direction = room_for(direction, n_pieces + 1)
                started = room_for(started, n_pieces + 1)
                started[n_pieces, 0] = fate == INTERACTED
                n_pieces += arrive(
                    row, line, tracker, fate, status, place, account, i, counts, pieces,
                    direction, n_pieces,
                )  # fmt: skip
        i += 1
    # Particles that gave way to their decay products leave the list.
    kept = gone[:n_particles, 0] == 0.0
    row_of = np.cumsum(kept) - 1
    renumber(pieces[:n_pieces], row_of)
    renumber(candidates[:n_candidates], row_of)
    return Flown(
        particles[:n_particles][kept], account[:n_particles][kept],
        pieces[:n_pieces], direction[:n_pieces],
        started[:n_pieces, 0] > 0.0, candidates[:n_candidates],
        hits[:n_candidates, 0].astype(np.int16), neutrinos[0], counts,
    )  # fmt: skip
