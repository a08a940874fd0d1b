"""A trained tagger as the teacher of a firmware design (knowledge distillation).

The teacher has seen what a design does not: more constituents, more of each, no rounding. Its
scores of the training jets are soft labels. Whether they help is measured: a design is trained with
and without them from the same seeds, and the two are compared jet by jet.

Reference: Hinton, Vinyals, Dean, arXiv 1503.02531.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from jetchain.core import metrics
from jetchain.core.errors import ConfigurationError, DataError
from jetchain.core.io.atomic import REMAKE
from jetchain.core.io.tables import read_json, read_result, write_csv, write_result
from jetchain.core.io.tensors import read_tensors, write_tensors, write_weights
from jetchain.core.schema.base import Estimate, Tensor, TensorTable
from jetchain.core.schema.firmware import Distillation, RTLDesign, RTLSimulation, TaughtPair
from jetchain.core.schema.graphs import JET_GRAPHS
from jetchain.core.schema.jets import JET_CLASSES
from jetchain.core.schema.tagging import JET_SCORES, TAGGING_SCORES
from jetchain.core.seeds import derive_seed, generator, make_deterministic
from jetchain.core.verbs import Input, Inputs, Output, Resource
from jetchain.firmware.dataset import FIRMWARE_JETS, TEST
from jetchain.firmware.design import build, read_jets
from jetchain.firmware.performance import FIRMWARE_SCORES
from jetchain.firmware.report import estimates, paired
from jetchain.firmware.settings import (
    DistilSettings,
    FirmwareEvaluationSettings,
    TeachSettings,
)
from jetchain.firmware.train import Soft, score, started, train_quantised

TEACHER = TensorTable(
    name="what a teacher says of the jets",
    tensors={
        "log_probability": Tensor(
            "float32", ("jets", "classes"), "", "of the classes of firmware.dataset"
        ),
        "unseen": Tensor("int64", ("jets",), "", "1 of a jet that the teacher was only tested on"),
    },
)
SMALLEST = 1e-12  # a probability of zero has no logarithm


def teach(
    *,
    jets: Inputs,
    scores: Inputs,
    tested: Input,
    dataset: Input,
    teacher: Output,
    settings: TeachSettings,
) -> None:
    """The teacher's scores of the jets of the data set, in their order.

    Args:
        jets: JET_GRAPHS, those that the data set was made of.
        scores: JET_SCORES of the same files.
        tested: TAGGING_SCORES: the jets that the teacher was tested on.
        dataset: FIRMWARE_JETS.
        teacher: written, TEACHER.
        settings: classes of the data set.

    Raises:
        ConfigurationError: the teacher does not know a class.
        DataError: files do not hold the same jets.
    """
    wanted = [JET_CLASSES.index(name) for name in settings.classes]
    few = read_tensors(tested, TAGGING_SCORES)
    seen_in_test = identity(few)
    parts, unseen, numbers = [], [], []
    for graphs_path, path in zip(jets, scores, strict=True):
        graphs, found = read_tensors(graphs_path, JET_GRAPHS), read_tensors(path, JET_SCORES)
        if not np.array_equal(identity(graphs), identity(found)):
            raise DataError(f"{path} and {graphs_path} hold different jets.", REMAKE)
        kept = np.isin(graphs["label"], wanted)
        parts.append(restricted(found["probability"][kept], classes_of(path), settings.classes))
        unseen.append(np.isin(identity(graphs)[kept], seen_in_test))
        numbers.append(graphs["event_number"][kept])
    if not np.array_equal(
        np.concatenate(numbers), read_tensors(dataset, FIRMWARE_JETS)["event_number"]
    ):
        raise DataError(f"{dataset}: its jets are not those of the scores.", REMAKE)
    write_tensors(
        teacher, TEACHER,
        {"log_probability": np.concatenate(parts), "unseen": np.concatenate(unseen)},
    )  # fmt: skip


def identity(table: dict[str, np.ndarray]) -> NDArray[np.void]:
    """(jets,) what makes a jet of any sample known again: event, place in it and momentum."""
    columns = [
        table["event_number"].astype(np.int64)[:, None],
        table["jet_index"].astype(np.int64)[:, None],
        np.ascontiguousarray(table["jet"], np.float32).view(np.int32).astype(np.int64),
    ]
    rows = np.ascontiguousarray(np.concatenate(columns, axis=1))
    return rows.view([("", np.int64)] * rows.shape[1])[:, 0]


def classes_of(path: Path) -> list[str]:
    """The classes of a file of JET_SCORES, which stand in its header."""
    from safetensors import safe_open

    with safe_open(path, "numpy") as file:
        notes = file.metadata() or {}
    if "classes" not in notes:
        raise DataError(f"{path}: its header names no classes.", REMAKE)
    return list(json.loads(notes["classes"]))


def restricted(
    probability: NDArray[np.float32], known: Sequence[str], wanted: Sequence[str]
) -> NDArray[np.float64]:
    """Log-probabilities (jets, wanted) under the condition that a jet is of a wanted class.

    Args:
        probability: (jets, known)
        known: classes of the teacher.
        wanted: some of them.

    Raises:
        ConfigurationError: the teacher does not know one.
    """
    for name in wanted:
        if name not in known:
            raise ConfigurationError(
                f"firmware.distillation: the teacher does not know the class '{name}'; it tells "
                f"{', '.join(known)}.",
                "Add the class to tagging.classes, or take it out of firmware.dataset.classes.",
            )
    chosen = np.maximum(probability[:, [known.index(name) for name in wanted]], SMALLEST)
    logs = np.log(chosen.astype(np.float64))
    return np.asarray(logs - np.log(np.exp(logs).sum(axis=1, keepdims=True)))


def train(
    *,
    dataset: Input,
    start: Input,
    teacher: Input,
    weights: Output,
    history: Output,
    scores: Output,
    design: str,
    settings: DistilSettings,
    seed: int,
) -> None:
    """Train a design with a teacher, and score the test jets.

    From the same seed `firmware.train.quantised` starts with the same weights, and sees the same
    jets in the same order.
    """
    logs = read_tensors(teacher, TEACHER)["log_probability"]
    soft = Soft(logs, settings.temperature, settings.share)
    built = build(design, settings.model)
    data = read_jets(dataset, built)
    make_deterministic(seed, settings.training.threads)
    model = started(built, data, settings, start)
    columns = train_quantised(model, data, settings, seed, soft)
    write_weights(weights, model)
    write_csv(history, columns)
    score(model, data, scores)


def compare(
    *,
    plain: Inputs,
    distilled: Inputs,
    verilog: Input,
    simulation: Input,
    description: Input,
    dataset: Input,
    teacher: Input,
    published: Resource,
    result: Output,
    design: str,
    name: str,
    settings: FirmwareEvaluationSettings,
    seed: int,
) -> None:
    """The gain by a teacher over plain training, of the same jets and the same seeds.

    Args:
        plain, distilled: FIRMWARE_SCORES of the trainings in pairs.
        verilog: those of the first distilled design, simulated.
        simulation: its latency.
        description: its cost.
        dataset: FIRMWARE_JETS.
        teacher: TEACHER.
        published: the band of LUTs and nanoseconds.
        result: written.
        design: that is taught.
        name: of the teacher.
        settings: replicas of the bootstrap.
        seed: of the bootstrap.
    """
    test = read_tensors(dataset, FIRMWARE_JETS)["split"] == TEST
    taught = {key: values[test] for key, values in read_tensors(teacher, TEACHER).items()}
    pairs = [
        tuple(read_tensors(path, FIRMWARE_SCORES) for path in both)
        for both in zip(plain, distilled, strict=True)
    ]
    label, weight = (pairs[0][0][key] for key in ("label", "weight"))
    unseen = taught["unseen"] == 1
    known = len({*label[unseen]}) == taught["log_probability"].shape[1]  # jets of every class
    logits = np.stack(
        [[one["logits"] for one in both] for both in pairs]
    )  # (seeds, 2, jets, classes)
    replicas = settings.replicas
    measured = read_result(simulation, RTLSimulation)
    in_verilog = read_tensors(verilog, FIRMWARE_SCORES)["logits"]
    write_result(
        result,
        Distillation(
            design=design,
            teacher=name,
            test_jets=len(label),
            unseen=int(unseen.sum()),
            teacher_accuracy=_accuracy(
                label[unseen], taught["log_probability"][unseen], weight[unseen], replicas, seed
            )
            if known
            else None,
            pairs=[
                _pair(label, both, weight, replicas, derive_seed(seed, "pair", index))
                for index, both in enumerate(logits)
            ],
            gain=gain(label, logits, weight, replicas, derive_seed(seed, "gain")),
            gain_unseen=gain(
                label[unseen], logits[:, :, unseen], weight[unseen], replicas,
                derive_seed(seed, "unseen"),
            )
            if known
            else None,
            verilog_accuracy=_accuracy(label, in_verilog, weight, replicas, seed),
            latency_cycles=measured.latency_cycles,
            initiation_interval_cycles=measured.initiation_interval_cycles,
            estimates=estimates(
                read_result(description, RTLDesign),
                measured.initiation_interval_cycles,
                read_json(published),
            ),
        ),
    )  # fmt: skip


def gain(
    label: NDArray[np.int64],
    logits: NDArray[np.float64],
    weight: NDArray[np.float64],
    replicas: int,
    seed: int,
) -> Estimate:
    """Mean gain in balanced accuracy; jets and seeds are both drawn again for its error.

    Args:
        label: (jets,)
        logits: (seeds, 2, jets, classes) of plain and of distilled designs.
        weight: (jets,)
        replicas: of the bootstrap.
        seed: of the bootstrap.
    """
    right = logits.argmax(axis=3) == label  # (seeds, 2, jets)
    gained = right[:, 1].astype(np.float64) - right[:, 0]
    random = generator(seed, "replicas")

    def mean(values: NDArray[np.float64], chosen: NDArray[np.int64]) -> float:
        y, w = label[chosen], weight[chosen]
        total = np.bincount(y, w, minlength=logits.shape[3])
        summed = np.bincount(y, w * values[chosen], minlength=logits.shape[3])
        return float(np.mean(summed[total > 0] / total[total > 0]))

    number, jets = len(gained), len(label)
    value = mean(gained.mean(axis=0), np.arange(jets))
    spread = [
        mean(
            gained[random.integers(0, number, number)].mean(axis=0), random.integers(0, jets, jets)
        )
        for _ in range(replicas)
    ]
    low, high = np.percentile(spread, [15.87, 84.13])
    return Estimate(
        value=value, low=float(low), high=float(high), std=float(np.std(spread, ddof=1))
    )


def _accuracy(
    label: NDArray[np.int64], logits: np.ndarray, weight: NDArray[np.float64], replicas: int,
    seed: int,
) -> Estimate:  # fmt: skip
    found = metrics.bootstrap(
        metrics.balanced_accuracy, label, logits, weight,
        replicas=replicas, seed=derive_seed(seed, "accuracy"),
    )  # fmt: skip
    return Estimate(**asdict(found))


def _pair(
    label: NDArray[np.int64], both: np.ndarray, weight: NDArray[np.float64], replicas: int,
    seed: int,
) -> TaughtPair:  # fmt: skip
    tested = paired(label, both[0], both[1])
    return TaughtPair(
        plain=metrics.balanced_accuracy(label, both[0], weight),
        distilled=metrics.balanced_accuracy(label, both[1], weight),
        gain=gain(label, both[None], weight, replicas, seed),
        plain_only=tested.float_only,
        distilled_only=tested.quantised_only,
        p_value=tested.p_value,
    )
