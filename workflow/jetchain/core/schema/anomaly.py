"""Tables of the anomaly room; the background room reads them."""

from __future__ import annotations

from jetchain.core.schema.base import Tensor, TensorTable

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
