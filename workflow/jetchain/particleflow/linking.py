"""The loop of parametric particle flow, compiled: what each track takes out of the clusters.

Reference: COCOA (arXiv 2303.02101, section 5), cocoa-hep/cocoa-hep: `Particle_flow_func.cc`, which
follows ATLAS particle flow (arXiv 1703.10485, section 6). Momenta and energies in MeV.
"""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

from jetchain.core.compiled import delta_phi
from jetchain.particleflow.combination import Shares, join, no_shares
from jetchain.particleflow.detected import Clusters
from jetchain.particleflow.layers import N_LAYERS, Layers
from jetchain.particleflow.subtraction import (
    ELECTRON,
    MATCH_LAYER,
    MUON,
    Cuts,
    Response,
    Seeds,
    Way,
    best_cluster,
    bin_of,
    clear,
    clusters_near,
    crossed_clusters,
    densest_layer,
    distance,
    energy_of,
    entered_cluster,
    subtract,
    within,
)

# Where the barrel ends (COCOA: abs(eta) < 1.5). Beyond, the same length is a larger dR.
BARREL = 1.5
# Margin in eta and phi of the band that holds an electron and what it radiated on its way: photons
# go straight on from the perigee, an electron that has lost energy, or one of a photon that
# converts, is bent further than the extrapolation says, to either side. Our choice, two cells of
# ECAL1.
ELECTRON_MARGIN = 0.05
# The band reaches as far as an electron with this part of the momentum is bent. Our choice.
ELECTRON_LEFT = 1 / 3

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@numba.njit(cache=True)
def electron_clusters(
    first: int,
    last: int,
    clusters: Clusters,
    at: tuple[float, float],
    start: tuple[float, float],
    most: float,
) -> Ints:
    """The clusters of an electron and of what it radiated, the nearest to it first.

    The field turns the azimuth in proportion to 1 / p, and moves eta, since the way on a circle is
    longer than straight on, in proportion to its square.

    Args:
        first, last: the event's clusters.
        clusters: of all events.
        at: eta and phi of the track at ECAL2.
        start: the same at the perigee.
        most: MeV, clusters that would bring the sum above it are left out.
    """
    turn = abs(delta_phi(at[1], start[1])) / ELECTRON_LEFT + ELECTRON_MARGIN
    shift = (at[0] - start[0]) / ELECTRON_LEFT**2
    found = np.empty(last - first, np.int64)
    apart = np.empty(last - first)
    count = 0
    for cluster in range(first, last):
        eta, phi = clusters.eta[cluster], clusters.phi[cluster]
        if (
            clusters.e[cluster] > 0
            and min(shift, 0.0) < eta - start[0] + ELECTRON_MARGIN
            and eta - start[0] - ELECTRON_MARGIN < max(shift, 0.0)
            and abs(delta_phi(phi, start[1])) < turn
        ):
            found[count] = cluster
            apart[count] = distance(eta, phi, at[0], at[1])
            count += 1
    taken = np.empty(count, np.int64)
    number, total = 0, 0.0
    for k in np.argsort(apart[:count]):
        if total + clusters.e[found[k]] <= most:
            taken[number] = found[k]
            total += clusters.e[found[k]]
            number += 1
    return taken[:number]


@numba.njit(cache=True)
def _muon(
    t: int,
    first: int,
    last: int,
    tracks: Seeds,
    clusters: Clusters,
    layers: Layers,
    response: Response,
    cuts: Cuts,
) -> None:
    """Take what a muon leaves out of the clusters that it crosses."""
    way = Way(tracks.layer_eta[t], tracks.layer_phi[t], tracks.exit_eta[t], tracks.exit_phi[t])
    chosen = crossed_clusters(first, last, clusters, way, layers.delta_eta)
    k = bin_of(abs(tracks.eta[t]), response.muon_edges)
    expected, spread = response.muon_mean[k], response.muon_sigma[k]
    if energy_of(chosen, clusters) - expected <= cuts.isolated_below * spread:
        clear(chosen, clusters)
    else:
        subtract(
            expected,
            response.muon_share[k],
            chosen,
            clusters,
            way,
            layers.delta_eta,
        )


@numba.njit(cache=True)
def _electron(
    t: int,
    found: int,
    first: int,
    last: int,
    tracks: Seeds,
    clusters: Clusters,
    layers: Layers,
    cuts: Cuts,
) -> float:
    """Take an electron's clusters, or its momentum out of a crowded one; the energy it takes."""
    track_eta, track_phi, p = tracks.layer_eta[t], tracks.layer_phi[t], tracks.p[t]
    most = cuts.electron_maximum_ep * p
    if found >= 0 and clusters.e[found] > most:
        subtract(
            p,
            np.zeros(N_LAYERS),
            np.array([found]),
            clusters,
            Way(track_eta, track_phi, track_eta, track_phi),
            layers.delta_eta,
        )
        return 0.0
    chosen = electron_clusters(
        first, last, clusters, (track_eta[MATCH_LAYER], track_phi[MATCH_LAYER]),
        (tracks.eta[t], tracks.phi[t]), most,
    )  # fmt: skip
    total = energy_of(chosen, clusters)
    clear(chosen, clusters)
    return total


@numba.njit(cache=True)
def _hadron(
    t: int,
    found: int,
    near: Ints,
    tracks: Seeds,
    clusters: Clusters,
    layers: Layers,
    response: Response,
    cuts: Cuts,
    shares: Shares,
) -> None:
    """Take what a charged hadron is expected to leave out of its clusters.

    Where all that lies around it is no more than it may have left, all of that is its own: an
    isolated hadron leaves no fragments of its shower behind. One without a match, whose shower lies
    apart from where it enters, can only do that.
    """
    track_eta, track_phi, p = tracks.layer_eta[t], tracks.layer_phi[t], tracks.p[t]
    main = found if found >= 0 else near[np.argmax(clusters.e[near])]
    layer = densest_layer(main, clusters, track_eta, track_phi, layers.centre)
    i = bin_of(tracks.pt[t], response.pt_edges)
    j = bin_of(abs(tracks.eta[t]), response.eta_edges)
    expected, spread = response.mean[i, j, layer] * p, response.sigma[i, j, layer] * p
    shares.expected[t], shares.spread[t], shares.owner[t] = expected, spread, main
    chosen = np.array([main])
    own = clusters.e[main]
    others = near[near != main]
    around = own + energy_of(others, clusters)
    if around - expected <= cuts.isolated_below * spread:
        shares.taken[t] = around
        join(main, others, shares.joined)
        clear(chosen, clusters)
        clear(others, clusters)
        return
    if found < 0:
        shares.owner[t] = -1
        return
    if own - expected < cuts.recover_below * spread:
        others = within(
            others, clusters, track_eta[MATCH_LAYER], track_phi[MATCH_LAYER], cuts.recover_radius
        )
        chosen = np.append(chosen, others)
        own += energy_of(others, clusters)
        join(main, others, shares.joined)
    if own - expected <= cuts.remove_below * spread:
        shares.taken[t] = own
        clear(chosen, clusters)
        return
    shares.taken[t] = expected
    subtract(
        expected,
        response.share[i, j, layer],
        chosen,
        clusters,
        Way(track_eta, track_phi, track_eta, track_phi),
        layers.delta_eta,
    )


@numba.njit(cache=True)
def link(
    tracks: Seeds, clusters: Clusters, layers: Layers, response: Response, cuts: Cuts
) -> tuple[Ints, Floats, Shares]:
    """Run the algorithm on all events; `clusters.e` and `.cell_e` are left with the remnants.

    An electron takes its clusters up to an E/p of `electron_maximum_ep`; above it the cluster holds
    other particles too, and loses the electron's momentum instead.

    Returns:
        match (tracks,): cluster of each track, -1 for none; taken (tracks,): the energy of the
        clusters that an electron took, 0 for all other tracks; what charged hadrons took.
    """
    match = np.full(len(tracks.p), -1)
    taken = np.zeros(len(tracks.p))
    shares = no_shares(len(tracks.p), len(clusters.e))
    for event in range(len(tracks.offset) - 1):
        first, last = clusters.offset[event], clusters.offset[event + 1]
        for position in range(tracks.offset[event], tracks.offset[event + 1]):
            t = tracks.order[position]
            if tracks.kind[t] == MUON:
                _muon(t, first, last, tracks, clusters, layers, response, cuts)
                continue
            eta, phi = tracks.layer_eta[t, MATCH_LAYER], tracks.layer_phi[t, MATCH_LAYER]
            found = best_cluster(first, last, clusters, tracks.p[t], eta, phi, cuts)
            if tracks.kind[t] == ELECTRON:
                taken[t] = _electron(t, found, first, last, tracks, clusters, layers, cuts)
            else:
                wider = np.sinh(max(abs(eta), BARREL)) / np.sinh(BARREL)
                near = clusters_near(first, last, clusters, eta, phi, wider * cuts.recover_radius)
                if found < 0:
                    found = entered_cluster(
                        near,
                        clusters,
                        tracks.layer_eta[t],
                        tracks.layer_phi[t],
                        cuts.minimum_ep * tracks.p[t],
                    )
                if found >= 0 or len(near):
                    _hadron(t, found, near, tracks, clusters, layers, response, cuts, shares)
            match[t] = found
    return match, taken, shares
