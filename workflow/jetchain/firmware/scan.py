"""Accuracy against resources: every point a trained design, converted to logic that is run."""

from __future__ import annotations

from dataclasses import asdict

import numpy as np
import torch

from jetchain.core import metrics
from jetchain.core.io.tables import write_result
from jetchain.core.schema.base import Estimate
from jetchain.core.schema.firmware import ScanPoint
from jetchain.core.seeds import derive_seed, make_deterministic
from jetchain.core.verbs import Input, Inputs, Output
from jetchain.firmware import dataset as data_set
from jetchain.firmware.dataset import TEST
from jetchain.firmware.design import build, read_jets
from jetchain.firmware.report import accuracy_loss
from jetchain.firmware.settings import ScanDatasetSettings, ScanPointSettings
from jetchain.firmware.simulate import require_equal
from jetchain.firmware.synthesise import CALIBRATED, pipeline, trace
from jetchain.firmware.train import train_floating, train_quantised


def prepare(
    *, jets: Inputs, dataset: Output, cutflow: Output, settings: ScanDatasetSettings
) -> None:
    """The data set of the room, with as many constituents as the largest point needs."""
    wide = settings.dataset.model_copy(update={"constituents": max(settings.constituents)})
    data_set.prepare(jets=jets, dataset=dataset, cutflow=cutflow, settings=wide)


def measure(
    *,
    dataset: Input,
    result: Output,
    design: str,
    constituents: str,
    sparsity: str,
    beta: str,
    settings: ScanPointSettings,
    seed: int,
) -> None:
    """Train a design, convert it with da4ml, and run its logic bit for bit on the test jets.

    Nothing is compiled: the logic is da4ml's, from which the Verilog of `firmware.synthesise` is
    written.

    Args:
        dataset: FIRMWARE_JETS, of `prepare`.
        result: written, `ScanPoint`.
        design: its key.
        constituents, sparsity, beta: in place of those of the settings.
        settings: of the design and its trainings.
        seed: of all that is random.
    """
    own = build(design, {**settings.model, "constituents": int(constituents)})
    data = read_jets(dataset, own)
    make_deterministic(seed, settings.training.threads)
    inputs, outputs = data["features"].shape[1], len(settings.classes)
    in_float = own.floating(inputs, outputs)
    train_floating(in_float, data, settings.training, seed)
    model = own.quantised(inputs, outputs, settings.formats)
    model.start_from({name: value.numpy() for name, value in in_float.state_dict().items()})
    pruning = settings.pruning.model_copy(update={"sparsity": float(sparsity), "beta": float(beta)})
    train_quantised(model, data, settings.model_copy(update={"pruning": pruning}), seed)
    state = {name: value.numpy() for name, value in model.state_dict().items()}
    fixed = own.fixed(state, settings.formats, settings.headroom)
    logic = trace(fixed)
    test = data["split"] == TEST
    x = fixed.at_port(data["features"][test])
    found = np.asarray(logic.predict(x, n_threads=1))
    require_equal(found, fixed.forward(x), "The logic of da4ml")
    label, weight = data["label"][test], data["weight"][test]
    replicas = settings.evaluation.replicas
    accuracy = metrics.bootstrap(
        metrics.balanced_accuracy, label, found, weight,
        replicas=replicas, seed=derive_seed(seed, "accuracy"),
    )  # fmt: skip
    with torch.no_grad():
        unquantised = in_float(torch.from_numpy(data["features"][test])).numpy()
    write_result(
        result,
        ScanPoint(
            design=design,
            constituents=int(constituents),
            sparsity=float(sparsity),
            beta=float(beta),
            zeros=fixed.sparsity,
            accuracy=Estimate(**asdict(accuracy)),
            loss=accuracy_loss(
                label, unquantised, found, weight, replicas, derive_seed(seed, "loss")
            ),
            estimated_luts=float(logic.cost),
            bit_operations=fixed.bit_operations,
            calibrated=pipeline(logic, CALIBRATED),
        ),
    )
