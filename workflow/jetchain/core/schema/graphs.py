"""Tables and results of the graphs room."""

from __future__ import annotations

from pydantic import ConfigDict, Field

from jetchain.core.schema.base import Result, Tensor, TensorTable

EVENT_GRAPH_FEATURES = (
    "is_track", "is_topo", "log_energy_gev", "log_pt_gev", "eta", "sin_phi", "cos_phi",
    "eta_calo", "sin_phi_calo", "cos_phi_calo", "charge", "is_muon", "is_electron",
    "d0_significance", "z0_significance",
    "fraction_layer_0", "fraction_layer_1", "fraction_layer_2",
    "fraction_layer_3", "fraction_layer_4", "fraction_layer_5",
    "sigma_eta", "sigma_phi",
)  # fmt: skip

TRACK_TRUTH = ("origin", "vertex")  # as of pflow in RECONSTRUCTED, and of track in DETECTED

MOST_NODES = 2**16
"""Of an event, and of its particles: edges and incidences hold their numbers in 16 bits."""

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
        "edge_index": Tensor("uint16", (2, "edges"), "", "source, target; event-local node index"),
        "particle": Tensor("float32", ("particles", 4), "GeV", "pt, eta, phi, e of the truth"),
        "particle_label": Tensor("int32", ("particles",), "", "index into PARTICLE_CLASSES"),
        "particle_charge": Tensor("float32", ("particles",), "e", "charge of the truth"),
        "incidence_index": Tensor("uint16", (2, "incidences"), "", "event-local particle, node"),
        "incidence_weight": Tensor("float32", ("incidences",), "", "see particle_to_node"),
    },
)

CONSTITUENT_COLUMNS = (
    "px", "py", "pz", "e", "charge", "is_electron", "is_muon", "is_photon",
    "is_charged_hadron", "is_neutral_hadron", "d0", "z0", "d0_err", "z0_err",
    "delta_eta", "delta_phi",
)  # fmt: skip

JET_COLUMNS = ("pt", "eta", "phi", "m", "msd", "tau1", "tau2", "tau3")

MOST_CONSTITUENTS = 2**15
"""Of a jet: its edges hold their numbers in 16 bits."""

JET_GRAPHS = TensorTable(
    name="jet graphs",
    tensors={
        "event_number": Tensor("int64", ("jets",), "", "event number"),
        "jet_index": Tensor("int32", ("jets",), "", "index of the jet in its event"),
        "weight": Tensor("float64", ("jets",), "", "event weight"),
        "label": Tensor(
            "int64", ("jets",), "", "index into JET_CLASSES (or see ImportedJets), -1 for unmatched"
        ),
        "jet": Tensor("float32", ("jets", len(JET_COLUMNS)), "GeV, rad", "see JET_COLUMNS"),
        "multiplicity": Tensor("int32", ("jets",), "", "constituents before the truncation"),
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
            "int16", (2, "edges"), "", "kNN in eta-phi: neighbour, centre; jet-local index"
        ),
    },
)


class ImportedJets(Result):
    """What the header of JET_GRAPHS says of jets of a published file.

    Attributes:
        labels: what the label of a jet is an index into, in the place of JET_CLASSES.
        feature_set: largest key of FEATURE_SETS that the constituents fill.
    """

    labels: list[str]
    feature_set: str


class EventGraphCutflow(Result):
    """What became of the events of a file, ``events/<sample>/<shard>.json``.

    Attributes:
        events: how many.
        tracks: those not reconstructed included.
        track_nodes, topocluster_nodes, edges: of the graphs.
        true_particles, incidences: their truth.
    """

    model_config = ConfigDict(populate_by_name=True)

    events: int
    tracks: int
    track_nodes: int = Field(alias="track nodes")
    topocluster_nodes: int = Field(alias="topocluster nodes")
    edges: int
    true_particles: int = Field(alias="true particles")
    incidences: int


class JetGraphCutflow(Result):
    """What became of the jets of a file, ``jets/<algorithm>/<sample>/<shard>.json``.

    Beside these the jets left after each cut, by a name that says it: ``pt >= 500 GeV``.

    Attributes:
        jets: before all cuts.
        graphs: after them.
        constituents, constituents_kept: before and after the truncation.
        unmatched: graphs without a label.
    """

    model_config = ConfigDict(extra="allow", populate_by_name=True)
    __pydantic_extra__: dict[str, int]

    jets: int
    graphs: int
    constituents: int
    constituents_kept: int = Field(alias="constituents kept")
    unmatched: int


class EventGraphDisplay(Result):
    """The graph of an event as a figure needs it.

    Attributes:
        number: of the event.
        is_track, eta, phi, energy, pt: of the nodes at the calorimeter, GeV and rad.
        edges: source, target; (edges, 2).
        particle_pt, particle_eta, particle_phi, particle_class: of the true particles.
    """

    number: int
    is_track: list[int]
    eta: list[float]
    phi: list[float]
    energy: list[float]
    pt: list[float]
    edges: list[list[int]]
    particle_pt: list[float]
    particle_eta: list[float]
    particle_phi: list[float]
    particle_class: list[str]


class JetGraphDisplay(Result):
    """The graph of a jet as a figure needs it.

    Attributes:
        label: name of its class.
        pt, eta, phi, m, msd, tau1, tau2, tau3: of the jet; see JET_COLUMNS.
        delta_eta, delta_phi, constituent_pt, constituent_class: of the constituents.
        edges: source, target; (edges, 2).
    """

    label: str
    pt: float
    eta: float
    phi: float
    m: float
    msd: float
    tau1: float
    tau2: float
    tau3: float
    delta_eta: list[float]
    delta_phi: list[float]
    constituent_pt: list[float]
    constituent_class: list[str]
    edges: list[list[int]]


class GraphDisplay(Result):
    """The graphs that the figures show, ``display.json``."""

    event: EventGraphDisplay
    jet: JetGraphDisplay
