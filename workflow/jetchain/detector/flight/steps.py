"""What happens to one particle on its way to the calorimeter's face.

Compiled; energies and momenta in MeV, lengths in mm.
"""

from __future__ import annotations

import math

import numba
import numpy as np

from jetchain.detector.flight.decays import (
    ELECTRON_MASS,
    LENGTH,
    MASS,
    charge_of,
    is_neutrino,
    species_of,
)
from jetchain.detector.flight.helix import BEHIND, CURLED, Flight, advance, to_face
from jetchain.detector.flight.states import (
    BESIDE,
    BORN_BEHIND,
    CHARGE,
    CODE,
    CONVERSION,
    CONVERTED,
    CTAU,
    CURLED_UP,
    DECAYED,
    INTERACTED,
    MISSED,
    NOT_ENDED,
    NUCLEAR,
    NUCLEON_MASS,
    PX,
    PY,
    PZ,
    REST,
    SECONDARY,
    SOURCE,
    E,
    X,
    Y,
    Z,
    baryon_number,
)
from jetchain.detector.geometry.description import TrackerArrays
from jetchain.detector.geometry.material import (
    CONVERSION_LENGTH,
    crossings,
    electron_share,
    energy_kept,
    stopped_at,
)

RADIATED_MIN = 10.0
"""MeV: softer bremsstrahlung stays with its electron (our choice)."""


@numba.njit(cache=True)
def emit(
    new: np.ndarray,  # (COLUMNS,) is filled
    parent: np.ndarray,  # (COLUMNS,) SOURCE is taken over
    code: float,  # as rows have it: of literal integers numba would compile this for each
    charge: float,
    energy: float,
    mass: float,
    unit: tuple[float, float, float],
    at: tuple[float, float, float],
    secondary: float,
) -> None:
    """A stable particle that begins at a point of its parent's flight, in its direction."""
    p = math.sqrt(max(energy**2 - mass**2, 0.0))
    new[PX], new[PY], new[PZ], new[E] = p * unit[0], p * unit[1], p * unit[2], energy
    new[X], new[Y], new[Z] = at
    new[CODE], new[CHARGE], new[CTAU] = code, charge, math.inf
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
    if kind >= 0 and species[kind, LENGTH] != math.inf and row[CTAU] != math.inf:
        pt = math.hypot(row[PX], row[PY])
        flown = rng.standard_exponential() * row[CTAU] * pt / species[kind, MASS]
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
def radiate(
    rng: np.random.Generator,
    row: np.ndarray,  # (COLUMNS,) an electron
    line: Flight,
    path: np.ndarray,  # (layers,) of the crossings, see `flight_end`
    radiation: np.ndarray,  # (layers,)
    crossed: int,
    new: np.ndarray,  # (2 or more, COLUMNS) begins with photon and electron after it
) -> bool:
    """Whether an electron sends out a photon on its way."""
    layer, lost = radiation_point(rng, row[E], radiation, crossed)
    if layer < 0:
        return False
    at, unit = place_at(line, path[layer])
    emit(new[0], row, 22.0, 0.0, lost, 0.0, unit, at, 1.0)
    emit(
        new[1], row, row[CODE], row[CHARGE], row[E] - lost, ELECTRON_MASS, unit, at, 1.0
    )  # fmt: skip
    return True


@numba.njit(cache=True)
def convert(
    rng: np.random.Generator,
    row: np.ndarray,  # (COLUMNS,) a photon
    unit: tuple[float, float, float],
    at: tuple[float, float, float],
    new: np.ndarray,  # (2 or more, COLUMNS) begins with electron and positron after it
) -> None:
    """Turn a photon into a pair."""
    share = electron_share(rng)
    # Electrons of a primary photon's conversion may leave tracks, as in COCOA.
    kind = CONVERSION if row[SECONDARY] == 0.0 else 1.0
    energy = row[E] * share
    emit(new[0], row, 11.0, -1.0, energy, ELECTRON_MASS, unit, at, kind)
    energy = row[E] * (1.0 - share)
    emit(new[1], row, -11.0, 1.0, energy, ELECTRON_MASS, unit, at, kind)


@numba.njit(cache=True)
def on_shell(
    row: np.ndarray, unit: tuple[float, float, float], mass: float, momentum: np.ndarray
) -> None:
    """Fill in the four-momentum of a particle on its mass shell, where it decays."""
    p = math.sqrt(row[PX] ** 2 + row[PY] ** 2 + row[PZ] ** 2)
    momentum[0], momentum[1], momentum[2] = p * unit[0], p * unit[1], p * unit[2]
    momentum[3] = math.sqrt(p**2 + mass**2)


@numba.njit(cache=True)
def gives_way(
    row: np.ndarray, fate: int, at: tuple[float, float, float], tracker: TrackerArrays
) -> bool:
    """Whether the event's particles are a particle's decay products and not itself."""
    return (
        fate == DECAYED
        and row[SECONDARY] == 0.0
        and math.hypot(at[0], at[1]) < tracker.vertex_radius
        and abs(at[2]) < tracker.vertex_z
    )


@numba.njit(cache=True)
def begin(
    new: np.ndarray,  # (rows, COLUMNS) is filled from the front
    products: np.ndarray,  # (products,) PDG codes
    momenta: np.ndarray,  # (products or more, 4) MeV
    at: tuple[float, float, float],
    source: float,
    secondary: float,
    species: np.ndarray,  # (species, columns) of decays.DecayTable
    neutrinos: np.ndarray,  # (1,) MeV; is added to
) -> int:
    """Make rows of decay products; returns how many.

    Of new primaries (SECONDARY 0) the neutrinos get none, but are summed up.
    """
    n = 0
    for k in range(products.size):
        code = products[k]
        if secondary == 0.0 and is_neutrino(code):
            neutrinos[0] += momenta[k, 3]
            continue
        new[n, PX], new[n, PY], new[n, PZ], new[n, E] = momenta[k]
        new[n, X], new[n, Y], new[n, Z] = at
        new[n, CODE], new[n, CHARGE] = code, charge_of(code, species)
        new[n, CTAU] = species[species_of(code, species), LENGTH]
        new[n, SOURCE], new[n, SECONDARY] = source, secondary
        n += 1
    return n


@numba.njit(cache=True)
def arrive(
    row: np.ndarray,  # (COLUMNS,)
    line: Flight,
    tracker: TrackerArrays,
    fate: int,
    status: int,
    place: tuple[tuple[float, float, float], tuple[float, float, float]],  # see `place_at`
    account: np.ndarray,  # (particles, fates); row i is added to
    i: int,
    counts: np.ndarray,  # (len(COUNTS),); is added to
    pieces: np.ndarray,  # (pieces, COLUMNS); row n is filled
    direction: np.ndarray,  # (pieces, 3); row n is filled
    n: int,
) -> bool:
    """Whether a particle that did not decay or convert gets into the calorimeter, and where."""
    at, unit = place
    if fate == INTERACTED:
        counts[NUCLEAR] += 1
    if status == CURLED:
        account[i, MISSED] += row[E]
        counts[CURLED_UP] += 1
        return False
    if fate == INTERACTED:  # its products go on as it would have
        at, unit = place_at(line, to_face(line, tracker.face_radius, tracker.face_z)[0])
    if status == BEHIND:
        counts[BORN_BEHIND] += 1
    elif abs(at[2]) > math.sinh(tracker.eta_max) * math.hypot(at[0], at[1]):
        account[i, MISSED] += row[E]
        counts[BESIDE] += 1
        return False
    available = max(row[E] - NUCLEON_MASS * baryon_number(int(row[CODE])), 0.0)
    account[i, REST] += row[E] - available
    if available == 0.0:
        return False
    pieces[n] = row
    pieces[n, E] = available
    pieces[n, X], pieces[n, Y], pieces[n, Z] = at
    direction[n, 0], direction[n, 1], direction[n, 2] = unit
    return True
