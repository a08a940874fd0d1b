"""Tables of the tagging room."""

from __future__ import annotations

from jetchain.core.schema.base import Tensor, TensorTable
from jetchain.core.schema.graphs import JET_COLUMNS
from jetchain.core.schema.jets import JET_CLASSES

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
