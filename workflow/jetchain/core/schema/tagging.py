"""Tables of the tagging room."""

from __future__ import annotations

from typing import Any

from jetchain.core.schema.base import Result, Tensor, TensorTable
from jetchain.core.schema.graphs import JET_COLUMNS, TRACK_TRUTH
from jetchain.core.schema.validation import Validation

# The 17 inputs of Particle Transformer (arXiv:2202.03772, table 2), in this order. As in JetClass
# delta_eta has the sign of the jet's eta: positive is away from the centre.
TAGGING_FEATURES = (
    "delta_eta", "delta_phi", "log_pt", "log_e", "log_pt_relative", "log_e_relative", "delta_r",
    "charge", "is_electron", "is_muon", "is_photon", "is_charged_hadron", "is_neutral_hadron",
    "tanh_d0", "tanh_z0", "d0_err", "z0_err",
)  # fmt: skip

FEATURE_SETS = {
    "kinematics": TAGGING_FEATURES[:7],
    "identity": TAGGING_FEATURES[:13],
    "full": TAGGING_FEATURES,
}
"""What a tagger sees of a particle: its momentum; charge and kind too; the track's distances too.

Those of arXiv:2202.03772, section 5: kinematic, kinematic and identification, full.
"""

TAGGING_SPLITS = ("train", "validation", "test")

TAGGING_JETS = TensorTable(
    name="jets of the tagging data set",
    tensors={
        "event_number": Tensor("int64", ("jets",), "", "event number, unique in its sample"),
        "jet_index": Tensor("int32", ("jets",), "", "index of the jet in its event"),
        "label": Tensor("int64", ("jets",), "", "index into the classes: see TaggingDataset"),
        "split": Tensor("int64", ("jets",), "", "index into TAGGING_SPLITS"),
        "weight": Tensor("float64", ("jets",), "", "weight of the event"),
        "jet": Tensor("float32", ("jets", len(JET_COLUMNS)), "GeV, rad", "see JET_COLUMNS"),
        "constituents": Tensor("int32", ("jets",), "", "constituents before any truncation"),
        "mask": Tensor("uint8", ("jets", "particles"), "", "1 for a particle, 0 for padding"),
        "points": Tensor(
            "float32",
            ("jets", "particles", 2),
            "rad",
            "delta_eta, delta_phi; 0 where padded",
        ),
        "features": Tensor(
            "float32",
            ("jets", "particles", len(TAGGING_FEATURES)),
            "GeV, mm, rad",
            "see TAGGING_FEATURES, in falling pT, as they are (see TaggingDataset); 0 where padded",
        ),
        "momentum": Tensor(
            "float32", ("jets", "particles", 4), "GeV", "px, py, pz, e; 0 where padded"
        ),
        "track": Tensor(
            "float32",
            ("jets", "particles", 4),
            "mm",
            "d0, z0 and their errors; 0 where padded, and without a track",
        ),
        "truth": Tensor(
            "int32",
            ("jets", "particles", len(TRACK_TRUTH)),
            "",
            "of the particles' tracks: see TRACK_TRUTH; -1 without one, and where padded",
        ),
    },
)
TAGGING_SCORES = TensorTable(
    name="scores of the test jets",
    tensors={
        "event_number": Tensor("int64", ("jets",), "", "as in the tagging data set"),
        "jet_index": Tensor("int32", ("jets",), "", "as in the tagging data set"),
        "label": Tensor("int64", ("jets",), "", "index into the classes: see TaggingDataset"),
        "weight": Tensor("float64", ("jets",), "", "that of the figures of merit: TaggingDataset"),
        "jet": Tensor("float32", ("jets", len(JET_COLUMNS)), "GeV, rad", "see JET_COLUMNS"),
        "probability": Tensor(
            "float32", ("jets", "classes"), "", "softmax output, one column a class"
        ),
    },
)


# Of any file of jets, labelled or not.
JET_SCORES = TensorTable(
    name="scores of jets",
    tensors={
        name: TAGGING_SCORES.tensors[name]
        for name in ("event_number", "jet_index", "jet", "probability")
    },
)


class SelectedJets(Result):
    """The jets of one shard after each cut for one class.

    Attributes:
        jets: in the shard.
        labelled: of them, with the truth label of the class.
        in_pt_window: of them, in the window of pT: the rows of TAGGING_JETS.
    """

    jets: int
    labelled: int
    in_pt_window: int


class ShardCutflow(Result):
    """The jets of one shard after each cut.

    Attributes:
        names: of all classes, in the order of the labels.
        classes: those that jets of the shard belong to, by name.
    """

    names: list[str]
    classes: dict[str, SelectedJets]


class ClassCutflow(Result):
    """The jets of one class after each cut.

    Attributes:
        jets, labelled, in_pt_window: as in `SelectedJets`, of all shards.
        kept: in the data set.
        truncated: of them, jets with more constituents than places.
        constituents: of the jets kept.
        constituents_kept: of them, those that have a place.
        train, validation, test: jets of each split.
    """

    jets: int
    labelled: int
    in_pt_window: int
    kept: int
    truncated: int
    constituents: int
    constituents_kept: int
    train: int
    validation: int
    test: int


class TaggingSummary(Result):
    """The cutflow of the tagging data set.

    Attributes:
        classes: their names in their order.
        cutflow: by class.
    """

    classes: list[str]
    cutflow: dict[str, ClassCutflow]


class DatasetShard(Result):
    """Which rows of a shard's TAGGING_JETS belong to the data set: the first ones of each class.

    Attributes:
        sample, shard: of the file.
        jets: number of its rows.
        kept: number of those that belong to the data set, by class.
    """

    sample: str
    shard: str
    jets: int
    kept: dict[str, int]


class TaggingDataset(Result):
    """What joins the shards' TAGGING_JETS to one data set.

    Attributes:
        classes: their names; the label of a jet is an index into them.
        shards: in the order in which the jets are numbered.
        pt_edges, eta_edges: of the bins in pT (GeV) and |eta| in which the factors are tabulated
            that bring the classes to one spectrum; beyond them the last bin counts.
        factor: on the weight of a jet's event, by class, (bins of pT, bins of |eta|); see
            `core.spectrum`.
        weight: on this again, by class and split: all classes of a split weigh the same, and its
            jets 1 in the mean.
        mean, scale: of the features in the training split, their mean and standard deviation; 0 and
            1 for charge and flags; (TAGGING_FEATURES,).
    """

    classes: list[str]
    shards: list[DatasetShard]
    pt_edges: list[float]
    eta_edges: list[float]
    factor: dict[str, list[list[float]]]
    weight: dict[str, dict[str, float]]
    mean: list[float]
    scale: list[float]


class Preprocessing(Result):
    """What is done to the features of a particle before a network sees them.

    ``clip((value - mean) / scale, low, high)``, each (features,).

    Attributes:
        features: names of TAGGING_FEATURES, in the order in which the network takes them.
        mean, scale: subtracted, and divided by.
        low, high: what is beyond is moved there.
    """

    features: list[str]
    mean: list[float]
    scale: list[float]
    low: list[float]
    high: list[float]


class TrainedTagger(Result):
    """What the file of a tagger's weights says beside them: all that scoring another jet needs.

    Attributes:
        tagger: its key.
        settings: of its network, as in the configuration.
        feature_set: key of FEATURE_SETS.
        preprocessing: of its inputs.
        classes: names of its outputs, in their order.
        particles: leading particles of a jet that it was trained on.
        training_jets: that it has seen.
    """

    tagger: str
    settings: dict[str, Any]
    feature_set: str
    preprocessing: Preprocessing
    classes: list[str]
    particles: int
    training_jets: int


class ExportReport(Result):
    """A tagger as an ONNX graph.

    Attributes:
        tagger: its key.
        classes: names of the outputs, which are logits, in their order.
        particles: places for particles of a jet.
        inputs: names of what the graph takes; see `tagging.export`.
        features: names of the columns of its input ``features``.
        largest_difference: of its logits from those of the network.
    """

    tagger: str
    classes: list[str]
    particles: int
    inputs: list[str]
    features: list[str]
    largest_difference: float


class KinematicsPair(Result):
    """How well boosted trees on pT and |eta| tell two classes.

    Attributes:
        first, second: the classes.
        before, after: area under the ROC curve with the weights of the events, and of the taggers.
        before_error, after_error: of these.
        floor: area that 95 % of the shuffles of the classes among the events stay below, after.
    """

    first: str
    second: str
    before: float
    before_error: float
    after: float
    after_error: float
    floor: float


class Kinematics(Validation):
    """What pT and |eta| alone tell of the classes; `numbers` holds the pair told best.

    Attributes:
        pairs: of classes.
        effective: of each class's held-out jets, the unweighted ones with the same relative error.
    """

    pairs: list[KinematicsPair]
    effective: dict[str, float]


class Interval(Result):
    """A value with its central 68 % interval.

    Attributes:
        value, low, high: the value and the ends.
    """

    value: float
    low: float
    high: float


class Replicated(Interval):
    """A value with its 68 % interval and the standard deviation of its bootstrap replicas."""

    std: float


class Rejection(Replicated):
    """1 / background efficiency at a signal efficiency.

    Attributes:
        passed: background jets that pass, counted without weights.
        bound: whether none passes, or less than one of the effective number of background jets:
            then `low` is what the data tell.
    """

    passed: int
    bound: bool


class PairMerit(Result):
    """How well a signal class is told from its background classes.

    Attributes:
        signal: the signal class.
        background: share of each background class in the weight of the background.
        signal_jets, background_jets: test jets of each.
        signal_effective, background_effective: the unweighted jets with the same relative error.
        auc: area under the ROC curve.
        rejection_50, rejection_30: at a signal efficiency of 50 % and 30 %.
    """

    signal: str
    background: dict[str, float]
    signal_jets: int
    background_jets: int
    signal_effective: float
    background_effective: float
    auc: Replicated
    rejection_50: Rejection
    rejection_30: Rejection


class Confusion(Result):
    """Which share of the jets of each true class (rows) is taken for which class (columns).

    Attributes:
        counts: jets; (classes, classes).
        fraction: of the true class, by weight; (classes, classes).
        low, high: ends of its 68 % Clopper-Pearson interval, of the effective number of jets.
    """

    counts: list[list[int]]
    fraction: list[list[float]]
    low: list[list[float]]
    high: list[list[float]]


class FiguresOfMerit(Result):
    """How well the classes of some test jets are told apart.

    Attributes:
        classes: their names in their order.
        pairs: by name.
        accuracy: mean over the classes of the share of their weight that is recognised.
        macro_auc: one-versus-one AUC, averaged over all ordered pairs of classes.
        confusion: of the classes.
    """

    classes: list[str]
    pairs: dict[str, PairMerit]
    accuracy: Interval
    macro_auc: float
    confusion: Confusion


class TaggerMetrics(FiguresOfMerit):
    """The figures of merit of a tagger.

    Attributes:
        model: its key.
        feature_set: key of FEATURE_SETS: what there is of particles.
        sees: in words, what it takes of it.
        parameters: of the network.
        flops: of its forward pass, those of matrix products; of a test jet in the mean.
        training_jets: that it has seen.
    """

    model: str
    feature_set: str
    sees: str
    parameters: int
    flops: float
    training_jets: int


class PairShares(Result):
    """The shares of the features in the score of a pair, means over jets; see `tagging.explain`.

    Attributes:
        jets: that were explained.
        share, error: of each feature, and the error of the mean (none of one jet); (features,).
        difference, difference_error: of the score and that of the baseline.
        gap, gap_rms: sum of the shares minus the difference, its mean and root mean square.
    """

    jets: int
    share: list[float]
    error: list[float] | None
    difference: float
    difference_error: float | None
    gap: float
    gap_rms: float


class TaggerExplanation(Result):
    """What a tagger looks at.

    Attributes:
        model: its key.
        features: those of TAGGING_FEATURES that it sees.
        pairs: by name.
    """

    model: str
    features: list[str]
    pairs: dict[str, PairShares]


class TaggingBench(Result):
    """Training throughput against weaver-core's.

    Attributes:
        unit: of the throughput, in words.
        jets, particles, mean_particles: of the batch: jets, places, and real particles of a jet.
        jets_per_second: by network.
        ratio_to_weaver: of ours to weaver-core's, by network.
    """

    unit: str
    jets: int
    particles: int
    mean_particles: float
    jets_per_second: dict[str, float]
    ratio_to_weaver: dict[str, float]
