"""Every table that passes between rooms: its columns, their dtype, unit and meaning.

Rooms meet only in files, and this page is the contract of those files. `jetchain.core.io` writes
and reads them, checked both ways. Two kinds of table exist:

- `EventTable`: a ROOT TTree, one entry an event, with scalar columns and collections of objects
  (branch ``<collection>_<column>``, counter ``n<collection>``). A nested column holds a list per
  object; it is stored flat beside its lengths (``<column>`` and ``<column>_n``), since a plain
  TTree holds one level of jaggedness.
- `TensorTable`: a safetensors file of dense arrays whose first axes are named; axes of the same
  name must have the same length. Jagged data are flat, with offsets of length (rows + 1).

Units: GeV, mm and rad, except in the detector room, which uses COCOA's own units (MeV, mm).
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Column:
    """One column: numpy dtype, unit, meaning, and whether it holds a list per object."""

    dtype: str
    unit: str
    meaning: str
    nested: bool = False


Columns = dict[str, Column]


@dataclass(frozen=True)
class EventTable:
    """A ROOT TTree with one entry an event."""

    name: str
    tree: str
    event: Columns
    collections: dict[str, Columns] = field(default_factory=dict)


@dataclass(frozen=True)
class Tensor:
    """One array: numpy dtype, axes (a name, or a fixed length), unit and meaning."""

    dtype: str
    axes: tuple[str | int, ...]
    unit: str
    meaning: str


@dataclass(frozen=True)
class TensorTable:
    """A safetensors file of named arrays."""

    name: str
    tensors: dict[str, Tensor]


EVENT: Columns = {
    "number": Column("i8", "", "event number, unique in its sample, the same in every room"),
    "weight": Column("f8", "", "event weight of the generator (1 for unweighted events)"),
}

MOMENTUM: Columns = {
    "px": Column("f4", "GeV", "momentum along x"),
    "py": Column("f4", "GeV", "momentum along y"),
    "pz": Column("f4", "GeV", "momentum along the beam"),
    "e": Column("f4", "GeV", "energy"),
}

# --------------------------------------------------------------------------------- generate

GENERATED = EventTable(
    name="generated events",
    tree="Events",
    event={
        **EVENT,
        "process": Column("i4", "", "Pythia's process code"),
        "pthat": Column("f4", "GeV", "transverse momentum of the hard process"),
    },
    collections={
        "particle": {
            "pdgid": Column("i4", "", "PDG code of the final-state particle, neutrinos included"),
            **MOMENTUM,
            "charge": Column("f4", "e", "electric charge"),
            "x": Column("f4", "mm", "production vertex, x"),
            "y": Column("f4", "mm", "production vertex, y"),
            "z": Column("f4", "mm", "production vertex, z"),
        },
        "parton": {
            "pdgid": Column("i4", "", "PDG code of a hard-process parton, boson or decay product"),
            **MOMENTUM,
            "mother": Column("i4", "", "index of its mother in this collection, -1 for none"),
        },
        "hadron": {
            "pdgid": Column("i4", "", "PDG code of a weakly decaying b or c hadron"),
            **MOMENTUM,
            "x": Column("f4", "mm", "decay vertex, x"),
            "y": Column("f4", "mm", "decay vertex, y"),
            "z": Column("f4", "mm", "decay vertex, z"),
        },
    },
)

# --------------------------------------------------------------------------------- detector

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
            "parent_idx": Column("i4", "", "index in particle of the largest depositor, -1: noise"),
            "conv_el_idx": Column("i4", "", "index of a conversion electron, -1 for none"),
            "x": Column("f4", "mm", "centre, x"),
            "y": Column("f4", "mm", "centre, y"),
            "z": Column("f4", "mm", "centre, z"),
            "eta": Column("f4", "", "centre, pseudorapidity"),
            "phi": Column("f4", "rad", "centre, azimuth"),
            "e": Column("f4", "MeV", "measured energy, noise included"),
            "che": Column("f4", "MeV", "energy deposited by charged particles"),
            "nue": Column("f4", "MeV", "energy deposited by neutral particles"),
            "parent_list": Column(
                "f4", "", "indices of particles with >= 1 % of the cell's energy", nested=True
            ),
            "parent_energy": Column("f4", "MeV", "the energies they deposited", nested=True),
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
            # Moments of ATLAS: see detector/moments.py.
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

# COCOA's own output, for exchange: the branches that it has of DETECTED, which mean the same. The
# incidence is another (cocoa-hep/cocoa-hep: COCOA/src/GraphConstructor.cc): nodes are the cells,
# followed by the tracks. Number and weight of the events are ours.
_COCOA = {
    "cell": tuple(DETECTED.collections["cell"]),
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
COCOA.collections["topo"]["idx"] = Column("f4", "", "cluster index, from 1")
COCOA.collections["particle"] |= {
    "to_node_idx": Column("f4", "", "its cells, then its track: see above", nested=True),
    "to_node_weight": Column(
        "f4", "", "share of its energy in each cell, halved beside a track's 0.5", nested=True
    ),
}

# ----------------------------------------------------------------------------- particle flow

PARTICLE_CLASSES = ("charged_hadron", "neutral_hadron", "photon", "electron", "muon")

RECONSTRUCTED = EventTable(
    name="reconstructed particles",
    tree="Events",
    event={**EVENT},
    collections={
        "pflow": {
            **MOMENTUM,
            "label": Column("i4", "", "class: index into " + ", ".join(PARTICLE_CLASSES)),
            "charge": Column("f4", "e", "electric charge"),
            "d0": Column("f4", "mm", "transverse impact parameter of its track, 0 for neutrals"),
            "z0": Column("f4", "mm", "longitudinal impact parameter, 0 for neutrals"),
            "d0_err": Column("f4", "mm", "resolution of d0, 0 for neutrals"),
            "z0_err": Column("f4", "mm", "resolution of z0, 0 for neutrals"),
            "track_idx": Column("i4", "", "index of its track in the detector event, -1 for none"),
            "topo_idx": Column("i4", "", "idx of its main topocluster (from 1), -1 for none"),
        }
    },
)

# ------------------------------------------------------------------------------------- graphs

EVENT_GRAPH_FEATURES = (
    "is_track", "is_topo", "log_energy_gev", "log_pt_gev", "eta", "sin_phi", "cos_phi",
    "eta_calo", "sin_phi_calo", "cos_phi_calo", "charge", "is_muon", "is_electron",
    "d0_significance", "z0_significance",
    "fraction_layer_0", "fraction_layer_1", "fraction_layer_2",
    "fraction_layer_3", "fraction_layer_4", "fraction_layer_5",
    "sigma_eta", "sigma_phi",
)  # fmt: skip

EVENT_GRAPHS = TensorTable(
    name="event graphs",
    tensors={
        "number": Tensor("int64", ("events",), "", "event number"),
        "weight": Tensor("float64", ("events",), "", "event weight"),
        "node_offset": Tensor("int64", ("events+1",), "", "first node of each event"),
        "edge_offset": Tensor("int64", ("events+1",), "", "first edge of each event"),
        "particle_offset": Tensor("int64", ("events+1",), "", "first particle of each event"),
        "incidence_offset": Tensor("int64", ("events+1",), "", "first incidence of each event"),
        "node_features": Tensor(
            "float32", ("nodes", len(EVENT_GRAPH_FEATURES)), "", "see EVENT_GRAPH_FEATURES"
        ),
        "node_momentum": Tensor(
            "float32", ("nodes", 4), "GeV", "px, py, pz, e of the track or cluster (massless)"
        ),
        "node_track": Tensor("float32", ("nodes", 4), "mm", "d0, z0, d0_err, z0_err; 0 for topo"),
        "node_index": Tensor("int32", ("nodes",), "", "track index, or topo idx (from 1)"),
        "edge_index": Tensor("int64", (2, "edges"), "", "source, target; event-local node index"),
        "particle": Tensor("float32", ("particles", 4), "GeV", "pt, eta, phi, e of the truth"),
        "particle_label": Tensor("int64", ("particles",), "", "index into PARTICLE_CLASSES"),
        "particle_charge": Tensor("float32", ("particles",), "e", "charge of the truth"),
        "incidence_index": Tensor("int64", (2, "incidences"), "", "event-local particle, node"),
        "incidence_weight": Tensor("float32", ("incidences",), "", "see particle_to_node"),
    },
)

CONSTITUENT_COLUMNS = (
    "px", "py", "pz", "e", "charge", "is_electron", "is_muon", "is_photon",
    "is_charged_hadron", "is_neutral_hadron", "d0", "z0", "d0_err", "z0_err",
    "delta_eta", "delta_phi",
)  # fmt: skip

JET_COLUMNS = ("pt", "eta", "phi", "m", "msd", "tau1", "tau2", "tau3")

JET_GRAPHS = TensorTable(
    name="jet graphs",
    tensors={
        "event_number": Tensor("int64", ("jets",), "", "event number"),
        "jet_index": Tensor("int32", ("jets",), "", "index of the jet in its event"),
        "weight": Tensor("float64", ("jets",), "", "event weight"),
        "label": Tensor("int64", ("jets",), "", "index into JET_CLASSES, -1 for unmatched"),
        "jet": Tensor("float32", ("jets", len(JET_COLUMNS)), "GeV, rad", "see JET_COLUMNS"),
        "constituent_offset": Tensor("int64", ("jets+1",), "", "first constituent of each jet"),
        "constituents": Tensor(
            "float32",
            ("constituents", len(CONSTITUENT_COLUMNS)),
            "GeV, mm, rad",
            "see CONSTITUENT_COLUMNS, in falling pT",
        ),
        "edge_offset": Tensor("int64", ("jets+1",), "", "first edge of each jet"),
        "edge_index": Tensor(
            "int64", (2, "edges"), "", "kNN in eta-phi: neighbour, centre; jet-local index"
        ),
    },
)

# --------------------------------------------------------------------------------------- jets

JET_CLASSES = ("quark", "gluon", "W", "Z", "top", "Hbb", "Hcc")

JET: Columns = {
    "pt": Column("f4", "GeV", "transverse momentum"),
    "eta": Column("f4", "", "pseudorapidity"),
    "phi": Column("f4", "rad", "azimuth"),
    "m": Column("f4", "GeV", "invariant mass"),
    "msd": Column("f4", "GeV", "soft-drop mass"),
    "zg": Column("f4", "", "soft drop's momentum sharing; 0 where no splitting passes"),
    "rg": Column("f4", "", "soft drop's radius, dR of that splitting; 0 likewise"),
    "tau1": Column("f4", "", "1-subjettiness (beta = 1, WTA kT axes), normalised by sum pT R"),
    "tau2": Column("f4", "", "2-subjettiness"),
    "tau3": Column("f4", "", "3-subjettiness"),
    "reach": Column("f4", "", "dR (in rapidity) from the axis to the farthest constituent"),
    "label": Column("i4", "", "index into JET_CLASSES by matching to partons, -1 for none"),
    "constituents": Column("i4", "", "indices of its particles in the input", nested=True),
}


def jet_collection(radius: float, truth: bool = False) -> str:
    """Name of a collection of jets: ak8, ak10, truth_ak8, ..."""
    return f"{'truth_' if truth else ''}ak{round(10 * radius)}"


def jets_table(radii: tuple[float, ...]) -> EventTable:
    """Jets on reconstructed and on truth particles, one collection a radius."""
    return EventTable(
        name="jets",
        tree="Jets",
        event={**EVENT},
        collections={
            jet_collection(radius, truth): JET for radius in radii for truth in (False, True)
        },
    )


# ------------------------------------------------------------------------------------ tagging

# The 17 inputs of Particle Transformer (arXiv:2202.03772, table 2), in this order.
TAGGING_FEATURES = (
    "delta_eta", "delta_phi", "log_pt", "log_e", "log_pt_relative", "log_e_relative", "delta_r",
    "charge", "is_electron", "is_muon", "is_photon", "is_charged_hadron", "is_neutral_hadron",
    "tanh_d0", "tanh_z0", "d0_err", "z0_err",
)  # fmt: skip

TAGGING_SPLITS = ("train", "validation", "test")

TAGGING_DATASET = TensorTable(
    name="tagging data set",
    tensors={
        "event_number": Tensor("int64", ("jets",), "", "event number, unique in its sample"),
        "jet_index": Tensor("int32", ("jets",), "", "index of the jet in its event"),
        "label": Tensor("int64", ("jets",), "", "index into JET_CLASSES; names the sample too"),
        "split": Tensor("int64", ("jets",), "", "index into TAGGING_SPLITS"),
        "weight": Tensor("float32", ("jets",), "", "makes the classes of a split weigh the same"),
        "jet": Tensor("float32", ("jets", len(JET_COLUMNS)), "GeV, rad", "see JET_COLUMNS"),
        "points": Tensor(
            "float32", ("jets", "particles", 2), "rad", "delta_eta, delta_phi; 0 where padded"
        ),
        "features": Tensor(
            "float32",
            ("jets", "particles", len(TAGGING_FEATURES)),
            "",
            "see TAGGING_FEATURES, standardised, in falling pT; 0 where padded",
        ),
        "mask": Tensor("uint8", ("jets", "particles"), "", "1 for a particle, 0 for padding"),
        "mean": Tensor(
            "float64", (len(TAGGING_FEATURES),), "", "subtracted; of the training split"
        ),
        "scale": Tensor("float64", (len(TAGGING_FEATURES),), "", "divided by; likewise"),
    },
)

TAGGING_SCORES = TensorTable(
    name="scores of the test jets",
    tensors={
        "event_number": Tensor("int64", ("jets",), "", "as in the tagging data set"),
        "jet_index": Tensor("int32", ("jets",), "", "as in the tagging data set"),
        "label": Tensor("int64", ("jets",), "", "index into JET_CLASSES"),
        "jet": Tensor("float32", ("jets", len(JET_COLUMNS)), "GeV, rad", "see JET_COLUMNS"),
        "probability": Tensor(
            "float32", ("jets", len(JET_CLASSES)), "", "softmax output, one column a class"
        ),
    },
)

# ------------------------------------------------------------------------- anomaly, background

ANOMALY_FEATURES = ("m_j1", "delta_m", "tau21_j1", "tau21_j2")

# What a data-driven method may see.
DIJETS = TensorTable(
    name="dijet events",
    tensors={
        "event_id": Tensor("int64", ("events",), "", "running number of the event in the data"),
        "m_jj": Tensor("float64", ("events",), "TeV", "invariant mass of the two leading jets"),
        "features": Tensor(
            "float64", ("events", len(ANOMALY_FEATURES)), "TeV", "see ANOMALY_FEATURES"
        ),
        "fold": Tensor("int64", ("events",), "", "fold of the cross-training"),
    },
)

# What only the evaluation may see.
DIJET_TRUTH = TensorTable(
    name="truth of the dijet events",
    tensors={
        "event_id": Tensor("int64", ("events",), "", "as in the dijet events"),
        "is_signal": Tensor("int64", ("events",), "", "1 for signal"),
    },
)

SCORES = TensorTable(
    name="scores of the dijet events",
    tensors={
        "event_id": Tensor("int64", ("events",), "", "as in the dijet events"),
        "score": Tensor(
            "float64", ("events", "scores"), "", "larger is more signal-like; DisCo has two columns"
        ),
    },
)
