"""Truth of cells, clusters and tracks: which particle gave what fraction of the energy."""

from __future__ import annotations

import numba
import numpy as np

from jetchain.core.compiled import wrapped
from jetchain.detector.calorimeter.digitisation import Deposits


@numba.njit(cache=True)
def cluster_incidence(
    start: np.ndarray,  # (clusters + 1,)
    entry: np.ndarray,  # (entries,) cells by their number in the readout
    weights: np.ndarray,  # (entries,)
    newest: np.ndarray,  # (numbered cells,) int32, of digitisation.Hits
    deposits: Deposits,
    particles: int,
    least: float,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Particles, clusters and fractions of the clusters' true energy.

    Fractions below `least` are left out and the others scaled up, so that every cluster with a
    true deposit sums to 1; clusters of pure noise have no entry. Shared cells count by weight.
    """
    _, deposit_particle, deposit_energy, following = deposits
    capacity = 64
    out_particle = np.empty(capacity, np.int32)
    out_cluster = np.empty(capacity, np.int32)
    out_fraction = np.empty(capacity, np.float32)
    n = 0
    sums = np.zeros(particles)
    seen = np.empty(particles, np.int32)
    for k in range(start.size - 1):
        count = 0
        total = 0.0
        for m in range(start[k], start[k + 1]):
            deposit = newest[entry[m]]
            while deposit >= 0:
                p = deposit_particle[deposit]
                energy = weights[m] * deposit_energy[deposit]
                if energy > 0.0:
                    if sums[p] == 0.0:
                        seen[count] = p
                        count += 1
                    sums[p] += energy
                    total += energy
                deposit = following[deposit]
        kept = 0.0
        n_kept = 0
        for m in range(count):
            p = seen[m]
            if sums[p] >= least * total:
                kept += sums[p]
                seen[n_kept] = p
                n_kept += 1
            else:
                sums[p] = 0.0
        if n + n_kept > capacity:
            capacity = 2 * (n + n_kept)
            grown_particle = np.empty(capacity, np.int32)
            grown_cluster = np.empty(capacity, np.int32)
            grown_fraction = np.empty(capacity, np.float32)
            grown_particle[:n] = out_particle[:n]
            grown_cluster[:n] = out_cluster[:n]
            grown_fraction[:n] = out_fraction[:n]
            out_particle, out_cluster, out_fraction = (
                grown_particle,
                grown_cluster,
                grown_fraction,
            )
        for p in np.sort(seen[:n_kept]):
            out_particle[n] = p
            out_cluster[n] = k
            out_fraction[n] = sums[p] / kept
            n += 1
            sums[p] = 0.0
    return out_particle[:n], out_cluster[:n], out_fraction[:n]


@numba.njit(cache=True)
def cell_truth(
    listed: np.ndarray,  # (listed,) int32, cells by their number in the readout
    charged: np.ndarray,  # (particles,) bool
    newest: np.ndarray,  # (numbered cells,) int32, of digitisation.Hits
    true_energy: np.ndarray,  # (numbered cells,) MeV
    deposits: Deposits,
    least: float,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Main parent, charged and neutral energy, and the parents above `least` of every cell.

    Returns:
        parent (listed,), charged energy (listed,), neutral energy (listed,), number of parents
        (listed,), and the flat lists of parents and of their energies.
    """
    _, deposit_particle, deposit_energy, following = deposits
    n = listed.size
    parent = np.full(n, -1, np.int32)
    charged_energy = np.zeros(n, np.float32)
    neutral_energy = np.zeros(n, np.float32)
    lengths = np.zeros(n, np.int32)
    total = 0  # the cells' deposits are among the first ones, up to the newest of all
    for m in range(n):
        total = max(total, newest[listed[m]] + 1)
    parents = np.empty(total, np.float32)
    energies = np.empty(total, np.float32)
    count = 0
    for m in range(n):
        cell = listed[m]
        largest = 0.0
        deposit = newest[cell]
        while deposit >= 0:
            p, energy = deposit_particle[deposit], deposit_energy[deposit]
            if charged[p]:
                charged_energy[m] += energy
            else:
                neutral_energy[m] += energy
            if energy > largest:
                largest = energy
                parent[m] = p
            if energy >= least * true_energy[cell]:
                parents[count] = p
                energies[count] = energy
                lengths[m] += 1
                count += 1
            deposit = following[deposit]
    return parent, charged_energy, neutral_energy, lengths, parents[:count], energies[:count]


@numba.njit(cache=True)
def isolated(eta: np.ndarray, phi: np.ndarray, first: np.ndarray, cone: float) -> np.ndarray:
    """1 where no other particle of the same event lies within `cone`, (particles,) int32.

    Args:
        eta, phi: (particles,) event after event.
        first: (events + 1,) the first particle of each event.
        cone: dR.
    """
    result = np.ones(eta.size, np.int32)
    for event in range(first.size - 1):
        for i in range(first[event], first[event + 1]):
            for j in range(first[event], i):
                if wrapped(phi[i] - phi[j]) ** 2 + (eta[i] - eta[j]) ** 2 < cone**2:
                    result[i] = result[j] = 0
    return result
