"""Measure a trained network on the test jets."""

from __future__ import annotations

from dataclasses import asdict

import numpy as np

from jetchain.core import metrics
from jetchain.core.io.tables import write_csv, write_result
from jetchain.core.io.tensors import read_arrays, read_tensors
from jetchain.core.schema.base import Estimate
from jetchain.core.schema.firmware import Performance
from jetchain.core.seeds import derive_seed
from jetchain.core.verbs import Input, Output
from jetchain.firmware.performance import FIRMWARE_SCORES, probabilities
from jetchain.firmware.settings import EvaluateSettings

ROC_POINTS = 200


def evaluate(
    *,
    weights: Input,
    scores: Input,
    performance: Output,
    roc: Output,
    settings: EvaluateSettings,
    seed: int,
) -> None:
    """Accuracy, AUC and ROC curves of the test jets, and what part of the weights is zero.

    Args:
        weights: of the network; pruned weights and those rounded to zero count as zero.
        scores: of the test jets.
        performance: JSON.
        roc: CSV, the false-positive rate of each class in steps of its efficiency.
        settings: replicas of the bootstrap, and the classes.
        seed: of the bootstrap.
    """
    table = read_tensors(scores, FIRMWARE_SCORES)
    logits, label, weight = table["logits"], table["label"], table["weight"]
    replicas = settings.evaluation.replicas
    accuracy = metrics.bootstrap(
        metrics.balanced_accuracy, label, logits, weight,
        replicas=replicas, seed=derive_seed(seed, "accuracy"),
    )  # fmt: skip
    chance = probabilities(logits)
    areas, curves = {}, {"signal_efficiency": np.linspace(0.0, 1.0, ROC_POINTS)}
    for index, name in enumerate(settings.classes):
        is_class = (label == index).astype(np.int64)
        areas[name] = Estimate(
            **asdict(
                metrics.bootstrap(
                    metrics.auc, is_class, chance[:, index], weight, replicas=replicas,
                    seed=derive_seed(seed, "auc", name),
                )
            )
        )  # fmt: skip
        fpr, tpr, _ = metrics.roc_curve(is_class, chance[:, index], weight)
        curves[name] = fpr[metrics.working_points(tpr, curves["signal_efficiency"])]
    state = read_arrays(weights)
    values = np.concatenate([state[name].ravel() for name in state if name.endswith("weight")])
    write_csv(roc, curves)
    write_result(
        performance,
        Performance(
            accuracy=Estimate(**asdict(accuracy)),
            auc=areas,
            classes=settings.classes,
            test_jets=len(label),
            weights=values.size,
            sparsity=float(np.mean(values == 0.0)),
        ),
    )
