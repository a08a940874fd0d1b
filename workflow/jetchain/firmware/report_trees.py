"""Boosted trees in firmware: what fixed point loses, and what the design needs."""

from __future__ import annotations

from dataclasses import asdict

import numpy as np

from jetchain.core import metrics
from jetchain.core.io.tables import read_result, write_result
from jetchain.core.io.tensors import read_tensors
from jetchain.core.schema.base import Estimate
from jetchain.core.schema.firmware import Seen, TreesDesign, TreesReport, TreesSimulation
from jetchain.core.seeds import derive_seed
from jetchain.core.verbs import Input, Output
from jetchain.firmware.dataset import FEATURES
from jetchain.firmware.performance import FIRMWARE_SCORES, probabilities
from jetchain.firmware.report import accuracies, accuracy_loss, paired, require_same_jets
from jetchain.firmware.settings import TreesReportSettings


def report_trees(
    *,
    float_scores: Input,
    fixed_scores: Input,
    description: Input,
    simulation: Input,
    report: Output,
    settings: TreesReportSettings,
    seed: int,
) -> None:
    """Gather accuracy in float and in fixed point, exactness, cycles and conifer's estimates.

    Raises:
        DataError: the two scores are of different jets.
    """
    floating, fixed = (read_tensors(path, FIRMWARE_SCORES) for path in (float_scores, fixed_scores))
    label, weight = (floating[name] for name in ("label", "weight"))
    require_same_jets({"floating": floating, "fixed": fixed}, float_scores, fixed_scores)
    logits = {"floating": floating["logits"], "fixed": fixed["logits"]}
    replicas = settings.evaluation.replicas
    loss = accuracy_loss(
        label, logits["floating"], logits["fixed"], weight, replicas, derive_seed(seed, "loss")
    )
    chance = probabilities(logits["fixed"])
    areas = {
        name: metrics.bootstrap(
            metrics.auc, (label == index).astype(np.int64), chance[:, index], weight,
            replicas=replicas, seed=derive_seed(seed, "auc", name),
        )
        for index, name in enumerate(settings.classes)
    }  # fmt: skip
    design, columns = read_result(description, TreesDesign), settings.trees.columns
    write_result(
        report,
        TreesReport(
            accuracy=accuracies(label, weight, logits, replicas, derive_seed(seed, "accuracy")),
            accuracy_loss=loss,
            paired=paired(label, logits["floating"], logits["fixed"]),
            auc={name: Estimate(**asdict(area)) for name, area in areas.items()},
            seen=Seen(constituents=design.inputs // columns, features=list(FEATURES[:columns])),
            design=design,
            simulated=read_result(simulation, TreesSimulation),
            clock_period_ns=settings.device.clock_period,
        ),
    )
