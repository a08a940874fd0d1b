"""What clusters and their remnants look like, and whether a photon or a hadron made them.

Electromagnetic showers begin early, are narrow, and end in the ECAL; hadronic ones do not. The
likelihood of either is the product of the distributions of `SHAPES` in single photons and neutral
hadrons of the run's own guns (`particleflow.calibrate_showers`), in bins of the energy.
"""

from __future__ import annotations

from typing import NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

from jetchain.core import kinematics
from jetchain.core.compiled import delta_phi, wrapped
from jetchain.core.schema.particleflow import ShapeTable
from jetchain.particleflow.detected import Clusters
from jetchain.particleflow.layers import N_LAYERS

ECAL_LAYERS = 3
SHAPES = {
    # Share of the energy behind the ECAL.
    "hadronic": (0.0, 0.002, 0.01, 0.03, 0.06, 0.1, 0.2, 0.4, 0.7),
    # Shares of the first and of the last layer in the ECAL's energy.
    "first_layer": (0.0, 0.01, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.6, 0.8),
    "last_layer": (0.0, 0.002, 0.01, 0.03, 0.06, 0.1, 0.2, 0.4),
    # Root mean square of dR to the centre of the ECAL's energy.
    "width": (0.0, 0.01, 0.015, 0.018, 0.021, 0.024, 0.028, 0.033, 0.04, 0.05, 0.07),
}
"""Lower edges of the bins of each shape; the last bin is open. Our choice."""
ENERGY_EDGES = (0.0, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 160.0)
"""Lower edges of the bins in a cluster's energy, GeV; the last bin is open. Our choice."""
PHOTON_ABOVE = -2.5
"""A cluster is a photon if the log of its likelihood over that of a neutral hadron is above this.

Jets hold about three photons for one neutral hadron, and a photon taken for a hadron gains 40 %.
Our choice."""

HADRON_BELOW = -11.0
"""What tracks left of a cluster is a neutral hadron as a whole, its part in the ECAL too, if that
log is below this: shapes of remnants are blurred, and most of them hold photons. Our choice, by the
shares of photons and neutral hadrons in quark and top jets."""

Floats = NDArray[np.float64]


class Described(NamedTuple):
    """Clusters, or what is left of them."""

    ecal: Floats  # (clusters,) MeV
    hcal: Floats  # (clusters,) MeV
    first: Floats  # (clusters,) MeV in the first layer
    last: Floats  # (clusters,) MeV in the last layer of the ECAL
    ecal_eta: Floats  # (clusters,) centre of the energy in the ECAL
    ecal_phi: Floats  # (clusters,)
    hcal_eta: Floats  # (clusters,) and behind it
    hcal_phi: Floats  # (clusters,)
    width: Floats  # (clusters,) see SHAPES


@numba.njit(cache=True)
def describe(clusters: Clusters) -> Described:
    """Energies, centres and widths of all clusters; cells of no or negative energy do not count."""
    count = len(clusters.e)
    sums = np.zeros((9, count))
    for cluster in range(count):
        if clusters.e[cluster] == 0:  # a track took it whole
            continue
        energy = np.zeros(N_LAYERS)
        eta, phi = np.zeros(2), np.zeros(2)
        cells = range(clusters.cell_offset[cluster], clusters.cell_offset[cluster + 1])
        for cell in cells:
            e = clusters.cell_e[cell]
            if e <= 0:
                continue
            layer = clusters.cell_layer[cell]
            part = 0 if layer < ECAL_LAYERS else 1
            energy[layer] += e
            eta[part] += e * clusters.cell_eta[cell]
            phi[part] += e * delta_phi(clusters.cell_phi[cell], clusters.phi[cluster])
        ecal, hcal = energy[:ECAL_LAYERS].sum(), energy[ECAL_LAYERS:].sum()
        for part, total in ((0, ecal), (1, hcal)):
            if total > 0:
                sums[4 + 2 * part, cluster] = eta[part] / total
                sums[5 + 2 * part, cluster] = wrapped(clusters.phi[cluster] + phi[part] / total)
        square = 0.0
        for cell in cells:
            if clusters.cell_e[cell] > 0 and clusters.cell_layer[cell] < ECAL_LAYERS:
                d_eta = clusters.cell_eta[cell] - sums[4, cluster]
                d_phi = delta_phi(clusters.cell_phi[cell], sums[5, cluster])
                square += clusters.cell_e[cell] * (d_eta**2 + d_phi**2)
        sums[0, cluster], sums[1, cluster] = ecal, hcal
        sums[2, cluster], sums[3, cluster] = energy[0], energy[ECAL_LAYERS - 1]
        sums[8, cluster] = np.sqrt(square / ecal) if ecal > 0 else 0.0
    return Described(
        sums[0], sums[1], sums[2], sums[3], sums[4], sums[5], sums[6], sums[7], sums[8]
    )


def bins(described: Described) -> tuple[NDArray[np.int64], dict[str, NDArray[np.int64]]]:
    """Bin of the energy and of each shape, (clusters,) each."""
    total = described.ecal + described.hcal
    ecal = np.maximum(described.ecal, np.finfo(np.float64).tiny)
    values = {
        "hadronic": described.hcal / np.maximum(total, np.finfo(np.float64).tiny),
        "first_layer": described.first / ecal,
        "last_layer": described.last / ecal,
        "width": described.width,
    }
    energy = np.searchsorted(ENERGY_EDGES, total / 1000.0, side="right") - 1
    return energy, {
        name: np.searchsorted(edges, values[name], side="right") - 1
        for name, edges in SHAPES.items()
    }


def count_shapes(described: Described) -> dict[str, list[list[int]]]:
    """Clusters in the bins of energy and of each shape: (energies, bins) by shape."""
    energy, found = bins(described)
    return {
        name: np.histogram2d(
            energy, found[name],
            bins=(np.arange(len(ENERGY_EDGES) + 1), np.arange(len(edges) + 1)),
        )[0].astype(int).tolist()
        for name, edges in SHAPES.items()
    }  # fmt: skip


def photon_likelihood(described: Described, table: ShapeTable) -> Floats:
    """Log of the likelihood of a photon over that of a neutral hadron, (clusters,).

    Each bin has one cluster more than was counted, so that an empty one decides nothing alone.
    """
    energy, found = bins(described)
    total = np.zeros(len(energy))
    for name in SHAPES:
        photon, hadron = (
            np.array(counts[name], np.float64) + 1.0 for counts in (table.photon, table.hadron)
        )
        ratio = np.log(photon / photon.sum(axis=1, keepdims=True)) - np.log(
            hadron / hadron.sum(axis=1, keepdims=True)
        )
        total += ratio[energy, found[name]]
    return total


def is_photon(described: Described, table: ShapeTable) -> NDArray[np.bool_]:
    """Whether each cluster that no track touched is taken for a photon, (clusters,)."""
    return photon_likelihood(described, table) > PHOTON_ABOVE


def centres(described: Described) -> tuple[Floats, Floats]:
    """Eta and phi of the energy in ECAL and HCAL together, (clusters,) each; 0 without energy."""
    total = described.ecal + described.hcal
    share = np.divide(described.hcal, total, out=np.zeros_like(total), where=total > 0)
    eta = (1 - share) * described.ecal_eta + share * described.hcal_eta
    # Without energy in the one, all of it lies in the other, whose azimuth alone counts then.
    apart = kinematics.delta_phi(described.hcal_phi, described.ecal_phi)
    return eta, kinematics.delta_phi(described.ecal_phi + share * apart, 0.0)
