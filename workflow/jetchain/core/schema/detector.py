"""Tables and results of the detector room, the tables in COCOA's units (MeV, mm)."""

from __future__ import annotations

from jetchain.core.schema.base import EVENT, Column, EventTable, Result

LAYERS = ("ECAL1", "ECAL2", "ECAL3", "HCAL1", "HCAL2", "HCAL3")
"""Of the calorimeter, from inside, as in resources/geometry/cocoa.yaml."""

DETECTED = EventTable(
    name="detector events",
    tree="Out_Tree",
    event={
        **EVENT,
    },
    collections={
        "cell": {
            "layer": Column("i4", "", "calorimeter layer, 0 to 5 (ECAL1-3, HCAL1-3)"),
            "topo_idx": Column("i4", "", "idx (from 1) of the topocluster that takes most of it"),
            "rho": Column("f4", "mm", "centre, distance to the beam axis"),
            "eta": Column("f4", "", "centre, pseudorapidity"),
            "phi": Column("f4", "rad", "centre, azimuth"),
            "e": Column("f4", "MeV", "measured energy, noise included"),
        },
        "track": {
            "pdgid": Column("i4", "", "PDG code of what made it, +-11 for a conversion's electron"),
            "parent_idx": Column("i4", "", "index in particle; the photon for a conversion"),
            "reconstructed": Column("i4", "", "1 if reconstructed"),
            "in_acceptance": Column("i4", "", "1 if inside the tracker's acceptance"),
            "d0": Column("f4", "mm", "transverse impact parameter, signed"),
            "z0": Column("f4", "mm", "longitudinal impact parameter"),
            "theta": Column("f4", "rad", "polar angle at the perigee"),
            "phi": Column("f4", "rad", "azimuth at the perigee"),
            "qoverp": Column("f4", "1/MeV", "charge over momentum"),
            "d0_err": Column("f4", "mm", "resolution of d0"),
            "z0_err": Column("f4", "mm", "resolution of z0"),
            "theta_err": Column("f4", "rad", "resolution of theta"),
            "phi_err": Column("f4", "rad", "resolution of phi"),
            "qoverp_err": Column("f4", "1/MeV", "resolution of qoverp"),
            # See detector/flight/origins.py.
            "origin": Column(
                "i4",
                "",
                "index into ORIGINS of the particle that made it; other_secondary for products of "
                "decays and conversions in the detector; -1 where nothing tells",
            ),
            "vertex": Column(
                "i4",
                "",
                "number of its vertex in the event: those of GENERATED, then those of pile-up, "
                "then those of decays and conversions in the detector; -1 as for origin",
            ),
            "corr_d0_phi": Column("f4", "", "correlation of d0 and phi; those not here are 0"),
            "corr_d0_qoverp": Column("f4", "", "correlation of d0 and qoverp"),
            "corr_phi_qoverp": Column("f4", "", "correlation of phi and qoverp"),
            "corr_z0_theta": Column("f4", "", "correlation of z0 and theta"),
            **{
                f"{axis}_layer_{layer}": Column(
                    "f4", "mm", f"extrapolated position, {axis}, at the entrance of layer {layer}"
                )
                for layer in range(6)
                for axis in "xyz"
            },
        },
        "particle": {
            "pdgid": Column("i4", "", "PDG code of a primary, or of what one decayed to near it"),
            "charge": Column("f4", "e", "electric charge"),
            "truth_idx": Column("i4", "", "its index among the generated particles of the event"),
            "track_idx": Column("i4", "", "index of its track in track, -1 for none"),
            "isIso": Column("i4", "", "1 if no other particle lies within dR < 0.1"),
            "pt": Column("f4", "MeV", "transverse momentum"),
            "eta": Column("f4", "", "pseudorapidity"),
            "phi": Column("f4", "rad", "azimuth"),
            "e": Column("f4", "MeV", "energy"),
            "prod_x": Column("f4", "mm", "production vertex, x"),
            "prod_y": Column("f4", "mm", "production vertex, y"),
            "prod_z": Column("f4", "mm", "production vertex, z"),
            "eta_extrap_calo": Column("f4", "", "pseudorapidity at the calorimeter's entrance"),
            "phi_extrap_calo": Column("f4", "rad", "azimuth at the calorimeter's entrance"),
            "eta_extrap_its": Column("f4", "", "pseudorapidity at the inner tracker's exit"),
            "phi_extrap_its": Column("f4", "rad", "azimuth at the inner tracker's exit"),
            "dep_energy": Column("f4", "MeV", "energy deposited in the cells"),
        },
        "topo": {
            "idx": Column("i4", "", "cluster index, from 1"),
            "bary_eta": Column("f4", "", "energy-weighted pseudorapidity"),
            "bary_phi": Column("f4", "rad", "energy-weighted azimuth"),
            "bary_rho": Column("f4", "mm", "energy-weighted distance to the beam axis"),
            "bary_sigma_eta": Column("f4", "", "energy-weighted spread in eta, at least 0.05"),
            "bary_sigma_phi": Column("f4", "rad", "energy-weighted spread in phi, at least 0.05"),
            "e": Column("f4", "MeV", "energy"),
            # Moments of ATLAS: see detector/clusters/moments.py.
            "n_cells": Column("i4", "", "number of its cells, shared ones included"),
            "significance": Column("f4", "", "energy over the noise of its cells"),
            "second_r": Column("f4", "mm^2", "energy-weighted mean square distance to its axis"),
            "second_lambda": Column("f4", "mm^2", "the same along the axis, to its centre"),
            "center_lambda": Column("f4", "mm", "depth of its centre in the calorimeter"),
            "first_eng_dens": Column("f4", "MeV/mm^3", "energy-weighted mean density of energy"),
            "eng_frac_max": Column("f4", "", "share of its most energetic cell"),
            "isolation": Column("f4", "", "fraction of its neighbours that no cluster has"),
            **{
                f"e_layer_{layer}": Column("f4", "MeV", f"energy in layer {layer}")
                for layer in range(6)
            },
        },
        # particle_to_node_idx and particle_to_node_weight of COCOA: the truth incidence. Nodes
        # are the tracks of the event followed by its topoclusters.
        "particle_to_node": {
            "particle": Column("i4", "", "index of the particle in particle"),
            "idx": Column("i4", "", "index of the node: tracks first, then topoclusters"),
            "weight": Column(
                "f4", "", "1 for its track; else its fraction of the cluster's true energy"
            ),
        },
    },
)

HITS = EventTable(
    name="tracker hits",
    tree="Hits",
    event={**EVENT},
    collections={
        "hit": {
            "layer": Column("i4", "", "layer of the tracker, counted in the geometry file's order"),
            "x": Column("f4", "mm", "measured position, x"),
            "y": Column("f4", "mm", "measured position, y"),
            "z": Column("f4", "mm", "measured position, z"),
            "particle": Column("i4", "", "index in particle of DETECTED; a conversion's photon"),
            "track": Column("i4", "", "index in track of DETECTED, -1 for none"),
        },
    },
)

# COCOA's own output, for exchange: the branches that it has of DETECTED, which mean the same. The
# incidence is another (cocoa-hep/cocoa-hep: COCOA/src/GraphConstructor.cc): nodes are the cells,
# followed by the tracks. Number and weight of the events are ours.
_COCOA = {
    "cell": ("layer", "topo_idx", "eta", "phi", "e"),
    "track": (
        "pdgid", "parent_idx", "reconstructed", "in_acceptance", "d0", "z0", "theta", "phi",
        "qoverp", *(f"{axis}_layer_{layer}" for layer in range(6) for axis in "xyz"),
    ),
    "particle": (
        "pdgid", "track_idx", "isIso", "pt", "eta", "phi", "e", "prod_x", "prod_y", "prod_z",
        "eta_extrap_calo", "phi_extrap_calo", "eta_extrap_its", "phi_extrap_its", "dep_energy",
    ),
    "topo": (
        "idx", "bary_eta", "bary_phi", "bary_rho", "bary_sigma_eta", "bary_sigma_phi", "e",
    ),
}  # fmt: skip
COCOA = EventTable(
    name="COCOA's events",
    tree="Out_Tree",
    event={**EVENT},
    collections={
        collection: {name: DETECTED.collections[collection][name] for name in names}
        for collection, names in _COCOA.items()
    },
)
COCOA.collections["cell"] |= {
    "parent_idx": Column("i4", "", "index in particle of the largest depositor, -1: noise"),
    "conv_el_idx": Column("i4", "", "index of a conversion electron, -1 for none"),
    "x": Column("f4", "mm", "centre, x"),
    "y": Column("f4", "mm", "centre, y"),
    "z": Column("f4", "mm", "centre, z"),
    "che": Column("f4", "MeV", "energy deposited by charged particles"),
    "nue": Column("f4", "MeV", "energy deposited by neutral particles"),
    "parent_list": Column(
        "f4", "", "indices of particles with >= 1 % of the cell's energy", nested=True
    ),
    "parent_energy": Column("f4", "MeV", "the energies they deposited", nested=True),
}
COCOA.collections["topo"]["idx"] = Column("f4", "", "cluster index, from 1")
COCOA.collections["particle"] |= {
    "to_node_idx": Column("f4", "", "its cells, then its track: see above", nested=True),
    "to_node_weight": Column(
        "f4", "", "share of its energy in each cell, halved beside a track's 0.5", nested=True
    ),
}


class DetectorAccount(Result):
    """What became of the particles and of their energy, in GeV.

    Fields:
        events: their number.
        particles: number of particles by what happened to them, such as `conversions`.
        particle_energy: of generated particles, by why they were not simulated.
        objects: number of tracks, clusters and cells.
        energy: of each kind of particle: `true`, and what became of it.
        energy_by_layer: of each kind of particle, deposited in each layer.
        energy_in_cells: deposited, clustered, measured.
    """

    events: int
    particles: dict[str, int]
    particle_energy: dict[str, float]
    objects: dict[str, int]
    energy: dict[str, dict[str, float]]
    energy_by_layer: dict[str, dict[str, float]]
    energy_in_cells: dict[str, float]


class ResponseSums(Result):
    """Sums over the particles of each bin of energy, of E(clusters) / E(true) to powers 0 to 2."""

    n: list[float]
    sum: list[float]
    sum_of_squares: list[float]


class DetectorSummary(Result):
    """One sample.

    Fields:
        events: their number.
        energy_edges: of the bins of true energy, GeV.
        response: by kind of particle.
        account: of all shards.
        noise_clusters_per_event: clusters to which no particle contributed.
    """

    events: int
    energy_edges: list[float]
    response: dict[str, ResponseSums]
    account: DetectorAccount
    noise_clusters_per_event: float


class RadialLayer(Result):
    """A layer of the calorimeter at eta = 0: radii in mm, and number of its cells in phi."""

    name: str
    inner: float
    outer: float
    cells: int


class Radii(Result):
    """Cylinders of the tracker and layers of the calorimeter, mm; end of the barrel; field, T."""

    tracker: list[float]
    layers: list[RadialLayer]
    barrel_eta: float
    field: float


class DisplayedTracks(Result):
    """Place of each track at the calorimeter's face, pT in GeV and d0 over its error."""

    eta: list[float]
    phi: list[float]
    pt: list[float]
    d0_significance: list[float]


class DisplayedClusters(Result):
    """Place of each cluster, energy in GeV and the ECAL's part of it."""

    eta: list[float]
    phi: list[float]
    e: list[float]
    electromagnetic_fraction: list[float]


class BarrelCells(Result):
    """Transverse energy in GeV of each layer and bin in phi (from -pi) that has some."""

    layer: list[int]
    bin: list[int]
    et: list[float]


class DetectorDisplay(Result):
    """What the detector saw of one event.

    Fields:
        number: of the event.
        radii: of the detector.
        track, cluster, barrel: columns of equal length.
        lines: of each track x and y of its helix, mm.
    """

    number: int
    radii: Radii
    track: DisplayedTracks
    lines: list[tuple[list[float], list[float]]]
    cluster: DisplayedClusters
    barrel: BarrelCells


class DetectorBench(Result):
    """CPU time an event by step, ms; events per CPU second; ratios to Pythia, by round."""

    events: int
    rounds: int
    milliseconds_per_event: dict[str, float]
    events_per_cpu_s: float
    simulated_events_per_cpu_s: float
    pythia_events_per_cpu_s: float
    ratio_of_cpu_time_to_pythia: float
    ratio_of_simulation_to_pythia: float
    ratio_of_simulation_to_pythia_by_round: list[float]
