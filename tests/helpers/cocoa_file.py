"""Three small events as COCOA writes them, in C++ vectors, which uproot cannot write.

tests/detector/data/cocoa.root was written by ROOT 6.40 (`pip install root==0.1a12`, in an
environment of its own):

    python tests/helpers/cocoa_file.py tests/detector/data/cocoa.root

Branches and their types: cocoa-hep/cocoa-hep, `set_tree_branches` in COCOA/src/*_data.cc and
TruthRecordGraph.cc, as the configuration with particle flow and without superclusters has them.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

FILE = Path(__file__).parents[1] / "detector" / "data" / "cocoa.root"
LOST = -1e7  # what COCOA writes for tracks that do not reach the calorimeter
NOWHERE = -1e6

# Branches of the collections that jetchain reads, with values that are easy to tell apart.
# Event 0: a pion with a track (particle 0) and a photon (1) share cluster 1; cluster 2 is the
# photon's, 3 is noise; they are listed out of order. Event 1 is empty. Event 2: a kaon whose track
# leaves beside the calorimeter.
EVENTS: list[dict[str, list[Any]]] = [
    {
        "cell_layer": [0, 1, 1, 4, 5],
        "cell_x": [1550.0, 1780.0, 1781.0, 2800.0, 3800.0],
        "cell_y": [10.0, 20.0, 30.0, 40.0, 50.0],
        "cell_z": [1.0, 2.0, 3.0, 4.0, 5.0],
        "cell_eta": [0.01, 0.02, 0.03, 0.04, 0.05],
        "cell_phi": [0.1, 0.2, 0.3, 0.4, 0.5],
        "cell_e": [1000.0, 3000.0, 500.0, 4000.0, 450.0],
        "cell_che": [250.0, 0.0, 0.0, 4000.0, 0.0],
        "cell_nue": [750.0, 3000.0, 500.0, 0.0, 0.0],
        "cell_topo_idx": [1, 1, 2, 1, 3],
        "cell_parent_idx": [1, 1, 1, 0, -1],
        "cell_conv_el_idx": [-1, 0, -1, -1, -1],
        "cell_parent_list": [[0, 1], [1], [1], [0], []],
        "cell_parent_energy": [[250.0, 750.0], [3000.0], [500.0], [4000.0], []],
        "track_pdgid": [211],
        "track_parent_idx": [0],
        "track_d0": [0.02],
        "track_z0": [-1.5],
        "track_theta": [1.25],
        "track_phi": [0.15],
        "track_qoverp": [1e-4],
        "track_reconstructed": [1],
        "track_in_acceptance": [1],
        "track_pflow_object_idx": [0],
        "track_lhed": [1],
        "particle_pdgid": [211, 22],
        "particle_isIso": [1, 0],
        "particle_pt": [9566.28, 5000.0],
        "particle_eta": [0.3, 0.25],
        "particle_phi": [0.15, 0.2],
        "particle_e": [10000.97, 5157.07],
        "particle_prod_x": [0.0, 0.0],
        "particle_prod_y": [0.0, 0.0],
        "particle_prod_z": [-1.5, -1.5],
        "particle_track_idx": [0, -1],
        "particle_eta_extrap_calo": [0.31, 0.25],
        "particle_phi_extrap_calo": [0.05, 0.2],
        "particle_eta_extrap_its": [0.305, 0.25],
        "particle_phi_extrap_its": [0.1, 0.2],
        "particle_dep_energy": [4250.0, 4250.0],
        "topo_idx": [2, 1, 3],
        "topo_bary_eta": [0.03, 0.02, 0.05],
        "topo_bary_phi": [0.3, 0.2, 0.5],
        "topo_bary_rho": [1781.0, 2400.0, 3800.0],
        "topo_bary_sigma_eta": [0.05, 0.06, 0.05],
        "topo_bary_sigma_phi": [0.05, 0.07, 0.05],
        "topo_e": [500.0, 7200.0, 450.0],  # cluster 1 gave a tenth of its cells' energy away
        "particle_to_node_idx": [[0, 3, 5], [0, 1, 2]],
        "particle_to_node_weight": [
            [0.5 * 250 / 4250, 0.5 * 4000 / 4250, 0.5],
            [750 / 4250, 3000 / 4250, 500 / 4250],
        ],
    },
    {},
    {
        "track_pdgid": [321],
        "track_parent_idx": [0],
        **{f"track_{name}": [LOST] for name in ("d0", "z0", "theta", "phi", "qoverp")},
        "track_reconstructed": [1],
        "track_in_acceptance": [0],
        "track_pflow_object_idx": [-1],
        "track_lhed": [-1],
        "particle_pdgid": [321],
        "particle_isIso": [1],
        "particle_pt": [1000.0],
        "particle_eta": [2.9],
        "particle_phi": [-3.0],
        "particle_e": [9150.0],
        "particle_prod_x": [0.1],
        "particle_prod_y": [0.2],
        "particle_prod_z": [0.3],
        "particle_track_idx": [0],
        "particle_eta_extrap_calo": [2.9],
        "particle_phi_extrap_calo": [-3.0],
        "particle_eta_extrap_its": [2.9],
        "particle_phi_extrap_its": [-3.0],
        "particle_dep_energy": [0.0],
        "particle_to_node_idx": [[0]],
        "particle_to_node_weight": [[0.5]],
    },
]
for _event, _start in ((EVENTS[0], 1500.0), (EVENTS[2], NOWHERE)):
    for _layer in range(6):
        for _step, _axis in enumerate("xyz"):
            _place = _start if _start == NOWHERE else _start + 100 * _layer + _step
            _event[f"track_{_axis}_layer_{_layer}"] = [_place]

# Branches that COCOA writes and nobody here reads; they stay empty.
UNREAD = {
    "int": [
        "cell_pflow_object_idx", "conv_el_primary_photon_idx", "pflow_parent_idx", "node_idx",
        "node_pdg_id", "node_isfinal", "node_final_state_idx", "node_edge_start", "node_edge_end",
        "track_to_cell_edge_start", "track_to_cell_edge_end", "cell_to_cell_edge_start",
        "cell_to_cell_edge_end", "true_jet_constituents_jetIndex", "true_jet_truth_id",
        "topo_jet_constituents_jetIndex", "pflow_jet_constituents_jetIndex",
    ],
    "float": [
        *(f"conv_el_{name}" for name in ("q", "px", "py", "pz", "prod_x", "prod_y", "prod_z")),
        *(f"pflow_{name}" for name in ("eta", "phi", "px", "py", "pz", "e", "charge")),
        *(f"node_{name}" for name in ("phi", "eta", "pt", "m", "prodx", "prody", "prodz")),
        *(f"{jets}_jet_{name}" for jets in ("true", "topo", "pflow")
          for name in ("pt", "eta", "phi", "m")),
    ],
}  # fmt: skip
INTEGERS = (
    "cell_layer", "cell_topo_idx", "cell_parent_idx", "cell_conv_el_idx", "track_pdgid",
    "track_parent_idx", "track_reconstructed", "track_in_acceptance", "track_pflow_object_idx",
    "track_lhed", "particle_pdgid", "particle_isIso", "particle_track_idx",
)  # fmt: skip
NESTED = (
    "cell_parent_list", "cell_parent_energy", "particle_to_node_idx", "particle_to_node_weight",
)  # fmt: skip


def write(path: Path) -> None:
    """Write the events with ROOT."""
    import ROOT

    file = ROOT.TFile(str(path), "RECREATE", "", 209)  # LZMA
    tree = ROOT.TTree("Out_Tree", "Out_Tree")
    vectors = {}
    for name in EVENTS[0]:
        inner = "int" if name in INTEGERS else "float"
        kind = "std::vector<float>" if name in NESTED else inner
        vectors[name] = ROOT.std.vector(kind)()
    for inner, names in UNREAD.items():
        vectors |= {name: ROOT.std.vector(inner)() for name in names}
    for name, vector in vectors.items():
        tree.Branch(name, vector)
    for event in EVENTS:
        for name, vector in vectors.items():
            vector.clear()
            for value in event.get(name, []):
                vector.push_back(ROOT.std.vector("float")(value) if name in NESTED else value)
        tree.Fill()
    tree.Write()
    file.Close()


if __name__ == "__main__":
    write(Path(sys.argv[1]))
