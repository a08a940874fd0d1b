"""A point of the scan is a trained design, converted; more pruning makes it cheaper."""

import numpy as np

from helpers.jetgraphs import write_toy_samples
from jetchain.core.io.tables import read_result
from jetchain.core.io.tensors import read_tensors
from jetchain.core.schema.firmware import ScanPoint
from jetchain.core.training_settings import TrainingSettings
from jetchain.firmware import scan
from jetchain.firmware.dataset import FEATURES, FIRMWARE_JETS
from jetchain.firmware.design_settings import FormatSettings
from jetchain.firmware.settings import (
    FirmwareDatasetSettings,
    FirmwareEvaluationSettings,
    PruningSettings,
    ScanDatasetSettings,
    ScanPointSettings,
)

CLASSES = ["quark", "top"]


def test_points_are_trained_and_converted(tmp_path):
    jets = write_toy_samples(tmp_path / "graphs", 150, names=tuple(CLASSES))
    wide = tmp_path / "dataset.safetensors"
    scan.prepare(
        jets=jets, dataset=wide, cutflow=tmp_path / "cutflow.json",
        settings=ScanDatasetSettings(
            dataset=FirmwareDatasetSettings(classes=CLASSES, constituents=1), constituents=[4, 2]
        ),
    )  # fmt: skip
    features = read_tensors(wide, FIRMWARE_JETS)["features"]
    assert features.shape[1] == 4 * len(FEATURES)
    settings = ScanPointSettings(
        model={"phi": [6], "rho": []}, formats=FormatSettings(), headroom=2, classes=CLASSES,
        training=TrainingSettings(epochs=2, batch_size=32, learning_rate=0.02),
        pruning=PruningSettings(epochs=2), evaluation=FirmwareEvaluationSettings(replicas=5),
    )  # fmt: skip
    found = {}
    for rows, sparsity, beta in (
        ("2", "0", "0"), ("2", "0.8", "0"), ("4", "0", "0"), ("2", "0", "1e-3"),
    ):  # fmt: skip
        scan.measure(
            dataset=wide, result=tmp_path / "point.json", design="deepsets", constituents=rows,
            sparsity=sparsity, beta=beta, settings=settings, seed=1,
        )  # fmt: skip
        point = read_result(tmp_path / "point.json", ScanPoint)
        assert (point.design, point.constituents) == ("deepsets", int(rows))
        assert (point.sparsity, point.beta) == (float(sparsity), float(beta))
        assert point.zeros > point.sparsity - 0.02  # of whole weights
        assert -0.7 < point.loss.value < 0.7
        assert 0.3 < point.accuracy.value <= 1.0
        assert point.calibrated.latency_cutoff == 2.0
        found[rows, sparsity, beta] = (point.estimated_luts, point.bit_operations)
    assert np.all(np.array(found["2", "0.8", "0"]) < found["2", "0", "0"])
    assert np.all(np.array(found["2", "0", "0"]) < found["4", "0", "0"])
    assert np.all(np.array(found["2", "0", "1e-3"]) < found["2", "0", "0"])
