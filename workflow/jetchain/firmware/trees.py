"""Boosted trees as a trigger tagger: trained by scikit-learn, and the same in fixed point in numpy.

They see what a network of this room sees. In fixed point all numbers - inputs, thresholds, what a
leaf adds - have one format, as conifer's VHDL has it, and are rounded down as its ``ap_fixed``
does; every sum is exact. `firmware.vhdl` makes firmware of them.

Reference: Friedman, Annals of Statistics 29 (2001) 1189 (gradient boosting); Summers et al.,
arXiv 2002.02534 (conifer).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jetchain.core.errors import ConfigurationError, DataError, TrainingError
from jetchain.core.forest import leaves, tree_of
from jetchain.core.io.atomic import REMAKE
from jetchain.core.io.tables import write_csv
from jetchain.core.io.tensors import read_tensors, write_tensors
from jetchain.core.schema.base import Tensor, TensorTable
from jetchain.core.seeds import generator
from jetchain.core.verbs import Input, Output
from jetchain.firmware.dataset import FEATURES, FIRMWARE_JETS, TEST, TRAIN, VALIDATION
from jetchain.firmware.design import select
from jetchain.firmware.performance import FIRMWARE_SCORES
from jetchain.firmware.quantise import Array, Format
from jetchain.firmware.settings import TreesSettings, TreesTrainingSettings

FIRMWARE_TREES = TensorTable(
    name="boosted trees of the trigger tagger",
    tensors={
        "feature": Tensor("int64", ("nodes",), "", "input that a node looks at"),
        "threshold": Tensor("float64", ("nodes",), "", "up to which a jet goes left; a leaf: inf"),
        "left": Tensor("int64", ("nodes",), "", "node that follows; of a leaf itself"),
        "right": Tensor("int64", ("nodes",), "", "node that follows; of a leaf itself"),
        "value": Tensor("float64", ("nodes",), "", "that a leaf adds to its output"),
        "root": Tensor("int64", ("trees",), "", "first node: the outputs of one iteration in turn"),
        "start": Tensor("float64", ("outputs",), "", "output without a tree"),
        "inputs": Tensor("int64", ("one",), "", "number of inputs"),
    },
)


@dataclass(frozen=True)
class Trees:
    """Boosted trees, in float or in fixed point.

    Args:
        arrays: FIRMWARE_TREES.
        inputs: format of all numbers; none in float.
    """

    arrays: Mapping[str, NDArray]
    inputs: Format | None = None

    @property
    def number(self) -> int:
        """Number of inputs."""
        return int(self.arrays["inputs"][0])

    @property
    def outputs(self) -> int:
        """Sums of trees: one a class, but one in all for two classes."""
        return len(self.arrays["start"])

    @property
    def iterations(self) -> int:
        """Trees of an output."""
        return len(self.arrays["root"]) // self.outputs

    @property
    def leaf(self) -> NDArray[np.bool_]:
        """(nodes,) whether it is a leaf."""
        return np.asarray(self.arrays["left"] == np.arange(len(self.arrays["left"])))

    @property
    def depth(self) -> int:
        """Largest number of comparisons before a leaf."""
        level, depth = self.arrays["root"], 0
        while len(level := level[~self.leaf[level]]):
            level = np.concatenate([self.arrays[side][level] for side in ("left", "right")])
            depth += 1
        return depth

    @property
    def comparisons(self) -> NDArray[np.float64]:
        """(distinct ones, 2) input and threshold of the nodes."""
        inner = ~self.leaf
        return np.unique(
            np.stack([self.arrays["feature"][inner], self.arrays["threshold"][inner]], axis=1),
            axis=0,
        )

    def fixed(self, to: Format) -> Trees:
        """The same in fixed point: thresholds and leaves rounded down.

        A threshold and an input between the same two numbers of the format change sides.

        Raises:
            ConfigurationError: a threshold or the sum of an output can leave the format, in which
                the firmware would wrap around.
        """
        rounded = {
            name: np.floor(self.arrays[name] * 2.0**to.f) * to.step
            for name in ("threshold", "value", "start")
        }
        trees = replace(self, arrays={**self.arrays, **rounded}, inputs=to)
        low, high = trees.bounds
        cuts = trees.comparisons[:, 1]
        least, most = min(low.min(), cuts.min(initial=0.0)), max(high.max(), cuts.max(initial=0.0))
        if least < to.low or most > to.high:
            raise ConfigurationError(
                f"firmware: thresholds and outputs of the trees reach from {least:.4g} to "
                f"{most:.4g}, but their format holds {to.low:g} to {to.high:g}.",
                "Raise firmware.trees.number.integer, or lower iterations or learning_rate there.",
            )
        return trees

    @property
    def bounds(self) -> tuple[Array, Array]:
        """Smallest and largest sums that each output (outputs,) could reach."""
        parts = np.split(np.where(self.leaf, self.arrays["value"], np.nan), self.arrays["root"][1:])
        low, high = (
            np.array([end(part) for part in parts]).reshape(self.iterations, -1).sum(axis=0)
            for end in (np.nanmin, np.nanmax)
        )
        return self.arrays["start"] + low, self.arrays["start"] + high

    def at_port(self, x: Array) -> Array:
        """Inputs (events, inputs) in the format; what does not fit saturates."""
        assert self.inputs is not None
        to = self.inputs
        return np.clip(np.floor(np.asarray(x, np.float64) * 2.0**to.f) * to.step, to.low, to.high)

    def forward(self, x: Array) -> Array:
        """The outputs (events, outputs) for inputs (events, inputs)."""
        x = np.asarray(x, np.float64) if self.inputs is None else self.at_port(x)
        sums = np.empty((len(x), self.outputs))
        for rows in np.array_split(np.arange(len(x)), max(len(x) // 500, 1)):
            added = leaves(self.arrays, self.arrays["root"], x[rows])  # (trees, rows)
            sums[rows] = added.reshape(self.iterations, self.outputs, -1).sum(0).T
        return np.asarray(self.arrays["start"] + sums)


def logits_of(outputs: Array) -> Array:
    """(events, classes): of two classes the first has logit 0."""
    return np.pad(outputs, ((0, 0), (1, 0))) if outputs.shape[1] == 1 else outputs


def train(
    *,
    dataset: Input,
    trees: Output,
    history: Output,
    scores: Output,
    settings: TreesTrainingSettings,
    seed: int,
) -> None:
    """Train on the room's training jets up to the best loss of its validation jets.

    Args:
        dataset: FIRMWARE_JETS.
        trees: written, FIRMWARE_TREES.
        history: written, CSV of the losses by iteration.
        scores: written, FIRMWARE_SCORES of the test jets, in float.
        settings: of the trees, and the classes.
        seed: of what scikit-learn draws.

    Raises:
        TrainingError: no tree has a cut.
    """
    from sklearn.ensemble import HistGradientBoostingClassifier

    data, sizes = read_inputs(dataset, settings.trees), settings.trees
    split = data["split"]
    x, label, weight = (data[name] for name in ("features", "label", "weight"))
    parts = {number: split == number for number in (TRAIN, VALIDATION, TEST)}
    boosting = HistGradientBoostingClassifier(
        max_iter=sizes.iterations,
        learning_rate=sizes.learning_rate,
        max_leaf_nodes=2**sizes.depth,
        max_depth=sizes.depth,
        early_stopping=True,
        n_iter_no_change=sizes.patience,
        random_state=seed,
    ).fit(
        x[parts[TRAIN]], label[parts[TRAIN]], weight[parts[TRAIN]],
        X_val=x[parts[VALIDATION]], y_val=label[parts[VALIDATION]],
        sample_weight_val=weight[parts[VALIDATION]],
    )  # fmt: skip
    best = max(1, int(np.argmax(boosting.validation_score_)))
    arrays = arrays_of(boosting, best)
    made = Trees(arrays)
    if made.depth == 0:
        raise TrainingError(
            f"firmware: no boosted tree found a cut in {int(parts[TRAIN].sum())} training jets.",
            "Generate more events for the samples in firmware.dataset.",
        )
    write_tensors(trees, FIRMWARE_TREES, arrays)
    write_csv(
        history,
        {
            "iteration": np.arange(1, len(boosting.train_score_)),
            "train_loss": -boosting.train_score_[1:],
            "validation_loss": -boosting.validation_score_[1:],
        },
    )
    test = parts[TEST]
    write_tensors(
        scores, FIRMWARE_SCORES,
        {
            "logits": logits_of(made.forward(x[test].astype(np.float64))),
            "label": label[test], "weight": weight[test],
        },
    )  # fmt: skip


def arrays_of(boosting: Any, iterations: int) -> dict[str, NDArray]:
    """The first iterations of a fitted HistGradientBoostingClassifier as FIRMWARE_TREES."""
    grown = [tree_of(each) for row in boosting._predictors[:iterations] for each in row]
    root = np.cumsum([0, *(len(tree["value"]) for tree in grown[:-1])])
    nodes = {
        name: np.concatenate([
            tree[name] + (first if name in ("left", "right") else 0)
            for tree, first in zip(grown, root, strict=True)
        ])
        for name in ("feature", "threshold", "left", "right", "value")
    }  # fmt: skip
    arrays = nodes | {
        "root": root,
        "start": np.ravel(boosting._baseline_prediction),
        "inputs": np.array([boosting.n_features_in_]),
    }
    return {name: arrays[name].astype(each.dtype) for name, each in FIRMWARE_TREES.tensors.items()}


def read_inputs(dataset: Path, settings: TreesSettings) -> dict[str, np.ndarray]:
    """The data set with the features that the trees see."""
    data = read_tensors(dataset, FIRMWARE_JETS)
    return {**data, "features": select(data["features"], settings)}


def read_trees(path: Path) -> Trees:
    """Read FIRMWARE_TREES, in float."""
    arrays = read_tensors(path, FIRMWARE_TREES)
    if len(arrays["start"]) == 0 or len(arrays["root"]) % len(arrays["start"]):
        raise DataError(f"{path}: the outputs have different numbers of trees.", REMAKE)
    return Trees(arrays)


def stimulus(
    trees: Trees, dataset: Path, settings: TreesSettings, random_vectors: int, seed: int
) -> tuple[Array, dict[str, np.ndarray]]:
    """Inputs (vectors, inputs) that a simulation is driven with, in the format of the port.

    The test jets; random vectors; all numbers at one edge of the format, and each number alone; and
    for every comparison a jet whose number is the threshold, and one step above it.

    Returns:
        The vectors, and label and weight of the test jets, which stand first.

    Raises:
        DataError: a jet has a number that the format does not hold.
    """
    data = read_inputs(dataset, settings)
    test = data["split"] == TEST
    jets = data["features"][test].astype(np.float64)
    at_port, to = trees.at_port(jets), trees.inputs
    assert to is not None
    outside = np.argwhere(~(np.abs(at_port - jets) <= to.step))  # NaN too
    if len(outside):
        jet, place = outside[0]
        row, column = divmod(int(place), settings.columns)
        raise DataError(
            f"{dataset}: event {data['event_number'][test][jet]}: {FEATURES[column]} of "
            f"constituent {row} is {jets[jet, place]:g}, and the trees' numbers hold {to.low:g} "
            f"to {to.high:g}.",
            "Raise firmware.trees.number.integer, or change the scales in firmware.dataset.",
        )
    random = generator(seed, "vectors")
    spread = random.uniform(to.low, to.high, (random_vectors, trees.number))
    spread[1::2] *= 4.0 / to.high  # where the jets are
    edges = np.array([0.0, to.low, to.high, to.step, -to.step])
    everywhere = np.repeat(edges[:, None], trees.number, axis=1)
    alone = np.concatenate([edge * np.eye(trees.number) for edge in (to.low, to.high)])
    cuts = trees.comparisons
    at_cuts = np.repeat(at_port[random.integers(0, len(at_port), len(cuts))], 2, axis=0)
    rows, place = np.arange(len(at_cuts)), np.repeat(cuts[:, 0].astype(np.int64), 2)
    at_cuts[rows, place] = np.repeat(cuts[:, 1], 2)
    at_cuts[rows[1::2], place[1::2]] += to.step
    chosen = trees.at_port(np.concatenate([spread, everywhere, alone, at_cuts]))
    of_jets = {name: data[name][test] for name in ("label", "weight")}
    return np.concatenate([at_port, chosen]), of_jets
