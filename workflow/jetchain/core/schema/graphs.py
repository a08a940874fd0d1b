"""Tables of the graphs room."""

from __future__ import annotations

from jetchain.core.schema.base import Tensor, TensorTable

EVENT_GRAPH_FEATURES = (
    "is_track", "is_topo", "log_energy_gev", "log_pt_gev", "eta", "sin_phi", "cos_phi",
    "eta_calo", "sin_phi_calo", "cos_phi_calo", "charge", "is_muon", "is_electron",
    "d0_significance", "z0_significance",
    "fraction_layer_0", "fraction_layer_1", "fraction_layer_2",
    "fraction_layer_3", "fraction_layer_4", "fraction_layer_5",
    "sigma_eta", "sigma_phi",
)  # fmt: skip

TRACK_TRUTH = ("origin", "vertex")  # as of pflow in RECONSTRUCTED, and of track in DETECTED

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
        # Apart from what a network may see.
        "node_truth": Tensor(
            "int32", ("nodes", len(TRACK_TRUTH)), "", "of the track: see TRACK_TRUTH; -1 for topo"
        ),
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
        # Apart from what a tagger may see.
        "constituent_truth": Tensor(
            "int32",
            ("constituents", len(TRACK_TRUTH)),
            "",
            "of the constituent's track: see TRACK_TRUTH; -1 without a track",
        ),
        "edge_offset": Tensor("int64", ("jets+1",), "", "first edge of each jet"),
        "edge_index": Tensor(
            "int64", (2, "edges"), "", "kNN in eta-phi: neighbour, centre; jet-local index"
        ),
    },
)
