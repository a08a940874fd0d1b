"""Tables of the anomaly room, and what the background room reads of them."""

from __future__ import annotations

from jetchain.core.schema.base import Result, Tensor, TensorTable
from jetchain.core.schema.validation import Validation

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
            "float64",
            ("events", "scores"),
            "",
            "larger is more signal-like; planes of the ABCD method have two columns",
        ),
    },
)

# Simulated signal of which something is varied; what an event counts as changes too.
VARIED = TensorTable(
    name="varied signal events",
    tensors={
        **DIJETS.tensors,
        "weight": Tensor("float64", ("events",), "", "events that it counts as"),
        "direction": Tensor("int64", ("events",), "", "1 of the variation up, -1 of that down"),
    },
)

# Of the ensembles of `core.boosting`; a leaf follows itself.
TREES = TensorTable(
    name="boosted trees",
    tensors={
        "feature": Tensor("int32", ("nodes",), "", "that a node looks at"),
        "threshold": Tensor("float64", ("nodes",), "", "up to which an event goes left"),
        "left": Tensor("int32", ("nodes",), "", "node that follows"),
        "right": Tensor("int32", ("nodes",), "", "node that follows"),
        "value": Tensor("float64", ("nodes",), "", "that a leaf adds to the logit"),
        "root": Tensor("int32", ("trees",), "", "first node of a tree"),
        "model": Tensor("int32", ("trees",), "", "which model a tree is of"),
        "start": Tensor("float64", ("models",), "", "logit without a tree"),
        "fold": Tensor("int32", ("models",), "", "whose events a model scores"),
        "training": Tensor("int32", ("models",), "", "of the ensemble that a model is a member of"),
    },
)


class SelectionCounts(Result):
    """Events of a sample after each cut: all, with two jets, past the trigger, and selected.

    Selected are those past the trigger whose features are finite.
    """

    events: int
    two_jets: int
    trigger: int
    selected: int


class DijetCutflow(Result):
    """Where the events of the search come from.

    Attributes:
        background, signal: of both samples.
        injected_events: signal events that were put into the data.
        data: events of the data.
        signal_test: signal events that were not injected.
    """

    background: SelectionCounts
    signal: SelectionCounts
    injected_events: int
    data: int
    signal_test: int


class Constraint(Result):
    """A constraint of trainings, on background that took no part in them.

    Attributes:
        name: of the setting that limits it: `correlation`, the squared distance correlation of both
            outputs, or `nonclosure`, the mean of log^2(A D / B C) over random cuts.
        allowed: the largest value; of `nonclosure` the square of the setting.
        values, errors: (halves,) of each training; unbiased estimates, which may be below 0.
    """

    name: str
    allowed: float
    values: list[float]
    errors: list[float]


class Constraints(Result):
    """Where trainings under constraints ended."""

    constraints: list[Constraint]


class JetUncertainties(Result):
    """Relative changes of the signal in the signal region by the uncertainties of its jets.

    Attributes:
        jes_up, jes_down: scale of pT and mass of all jets up and down together.
        jms_up, jms_down: scale of the mass alone.
        jer: resolution of pT larger by its uncertainty.
        total: the larger change by each scale, and that by the resolution, in quadrature.
    """

    jes_up: float
    jes_down: float
    jms_up: float
    jms_down: float
    jer: float
    total: float


class Resonance(Validation):
    """Where the dijet mass of the signal lies, ``resonance.json``; by level, reconstructed and
    truth.

    Attributes:
        signal_region_tev: [low, high), TeV.
        events: past the trigger.
        share: of these in the signal region.
        peak_tev, peak_error_tev: TeV.
        jets: how much the jets' uncertainties change the reconstructed signal in the region; null
            where the calibration has none.
    """

    signal_region_tev: tuple[float, float]
    events: dict[str, int]
    share: dict[str, float]
    peak_tev: dict[str, float]
    peak_error_tev: dict[str, float]
    jets: JetUncertainties | None


class TrainingSpread(Result):
    """A figure of merit of single trainings: median and 68 % interval of so many."""

    median: float
    low: float
    high: float
    number: int


TOO_FEW = "too few events"
"""What tables say where a cut keeps fewer background events than are quoted."""


class WorkingPoint(Result):
    """The significance improvement of the cut that keeps a fixed share of the background.

    Attributes:
        background_efficiency: this share.
        sic: of the mean score.
        sic_bootstrap: its 68 % interval over replicas of the events, the trainings as they are.
        sic_trainings: the same quantity of its single trainings.
    """

    background_efficiency: float
    sic: float
    sic_bootstrap: tuple[float, float]
    sic_trainings: TrainingSpread


class MethodMetrics(Result):
    """Figures of merit of one method in the signal region.

    Attributes:
        auc: area under the ROC curve.
        max_sic: largest significance improvement of the mean score.
        max_sic_bootstrap: its 68 % interval over replicas of the events.
        max_sic_trainings: the same quantity of its single trainings.
        signal_efficiency: by background efficiency, "0.1" and "0.01".
        working_point: null if its cut keeps fewer background events than are quoted.
    """

    auc: float
    max_sic: float
    max_sic_bootstrap: tuple[float, float]
    max_sic_trainings: TrainingSpread
    signal_efficiency: dict[str, float]
    working_point: WorkingPoint | None = None


class SearchMetrics(Result):
    """What the methods are compared on, and how they do.

    Attributes:
        signal_region_tev: [low, high), TeV.
        background_events, injected_events: of the data, in the signal region.
        signal_to_background: their ratio.
        signal_events_evaluated: in the signal region, injected or not.
        methods: by name.
    """

    signal_region_tev: tuple[float, float]
    background_events: int
    injected_events: int
    signal_to_background: float
    signal_events_evaluated: int
    methods: dict[str, MethodMetrics]
