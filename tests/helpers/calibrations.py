"""Calibrations of particle flow that are the same everywhere."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from jetchain.core.io.tables import write_result
from jetchain.core.schema.particleflow import (
    CalibrationCutflow,
    HadronCurve,
    MuonTable,
    PhotonCurve,
    PhotonTable,
    ResponseTable,
    ShapeTable,
    ShowerTable,
)
from jetchain.particleflow.shapes import ENERGY_EDGES, SHAPES

NAMES = ("calibration", "photon_calibration", "shower_calibration")
CUTFLOW = CalibrationCutflow(tracks=240, lepton=0, not_isolated=0, no_cluster=0, used=240)


def write_calibrations(
    folder: Path, mean: float = 0.7, sigma: float = 0.1, photon_response: float = 1.0
) -> dict[str, Path]:
    """Files of a response <E/p> and its spread in every bin, of one to photons, and of showers.

    Neutral hadrons have the response <E/p>, and energy behind the ECAL, which photons have not;
    muons leave 2.5 +- 0.5 GeV.
    """
    shape = (2, 1, 6)
    paths = {name: folder / f"{name}.json" for name in NAMES}
    write_result(
        paths["calibration"],
        ResponseTable(
            pt_edges=[0.0, 10.0], eta_edges=[0.0], mean=np.full(shape, mean),
            sigma=np.full(shape, sigma), share=np.full((*shape, 6), [0.1, 0.4, 0.0, 0.4, 0.1, 0.0]),
            entries=np.full(shape, 20), filled=np.full(shape, True),
            bins_filled=12, bins_from_neighbours=0,
            cutflow=CUTFLOW,
        ),
    )  # fmt: skip
    curve = PhotonCurve(measured_pt=[10.0], response=[photon_response], error=[0.01], spread=[0.02],
                        photons=[100])  # fmt: skip
    write_result(paths["photon_calibration"], PhotonTable(eta_edges=[0.0], curves=[curve]))
    none = {name: [[0] * len(edges)] * len(ENERGY_EDGES) for name, edges in SHAPES.items()}
    ecal = [[100, *[0] * (len(SHAPES["hadronic"]) - 1)]] * len(ENERGY_EDGES)
    both = [[0, *[20] * (len(SHAPES["hadronic"]) - 1)]] * len(ENERGY_EDGES)
    write_result(
        paths["shower_calibration"],
        ShowerTable(
            eta_edges=[0.0],
            shapes=ShapeTable(photon=none | {"hadronic": ecal}, hadron=none | {"hadronic": both}),
            hadrons=[HadronCurve(measured=[10.0], factor=[1 / mean], hadrons=[100])],
            muons=MuonTable(mean=[2500.0], sigma=[500.0], share=[[0.1, 0.3, 0.1, 0.2, 0.2, 0.1]]),
        ),
    )
    return paths
