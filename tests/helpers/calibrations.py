"""Calibrations of particle flow that are the same everywhere."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from jetchain.core.io.tables import write_result
from jetchain.core.schema.particleflow import (
    CalibrationCutflow,
    PhotonCurve,
    PhotonTable,
    ResponseCurve,
    ResponseTable,
)

CUTFLOW = CalibrationCutflow(tracks=240, lepton=0, not_isolated=0, no_cluster=0, used=240)


def write_calibrations(
    folder: Path, mean: float = 0.7, sigma: float = 0.1, photon_response: float = 1.0
) -> dict[str, Path]:
    """Files of a response <E/p> and its spread in every bin, and of a response to photons."""
    shape = (2, 1, 6)
    paths = {name: folder / f"{name}.json" for name in ("calibration", "photon_calibration")}
    write_result(
        paths["calibration"],
        ResponseTable(
            pt_edges=[0.0, 10.0], eta_edges=[0.0], mean=np.full(shape, mean),
            sigma=np.full(shape, sigma), entries=np.full(shape, 20), filled=np.full(shape, True),
            bins_filled=12, bins_from_neighbours=0,
            curve=ResponseCurve(pt=[5.0, 20.0], mean=[mean, mean]), cutflow=CUTFLOW,
        ),
    )  # fmt: skip
    curve = PhotonCurve(measured_pt=[10.0], response=[photon_response], error=[0.01], photons=[100])
    write_result(paths["photon_calibration"], PhotonTable(eta_edges=[0.0], curves=[curve]))
    return paths
