"""What the parametric algorithm refuses."""

from __future__ import annotations

import numpy as np
import pytest

from helpers.calibrations import write_calibrations
from helpers.detected import GEOMETRY, FakeEvent, detected_data, write_detected
from jetchain.core.errors import DataError
from jetchain.core.io.events import write_events
from jetchain.core.io.tables import read_json, write_json
from jetchain.core.schema.detector import DETECTED
from jetchain.particleflow.algorithms.parametric import (
    read_calibration,
    read_shower_calibration,
)
from jetchain.particleflow.detected import read_detected
from jetchain.particleflow.layers import read_layers

LAYERS = read_layers(GEOMETRY)
MEAN, SIGMA = 0.7, 0.1


@pytest.fixture
def calibration(tmp_path):
    """<E/p> = 0.7 +- 0.1 in every bin."""
    return write_calibrations(tmp_path, MEAN, SIGMA)["calibration"]


@pytest.mark.parametrize("name", ["hadrons", "muons"])
def test_a_damaged_table_of_showers_is_refused(tmp_path, name):
    path = write_calibrations(tmp_path)["shower_calibration"]
    content = read_json(path)
    content[name] = [] if name == "hadrons" else {"mean": [], "sigma": [], "share": []}
    write_json(path, content)
    with pytest.raises(DataError, match="an entry for each"):
        read_shower_calibration(path)


def single_pion() -> FakeEvent:
    event = FakeEvent()
    pion = event.particle(211, pt=10.0, eta=0.0, phi=0.5)
    event.cluster(7000.0, 0.0, 0.5, [0.1, 0.4, 0.0, 0.4, 0.1, 0.0], parent=pion)
    return event


def test_a_cell_of_an_unknown_cluster_is_refused(tmp_path, calibration):
    event = single_pion()
    event.rows["cell"][0]["topo_idx"] = 5
    source = write_detected(tmp_path / "detected.root", [event])
    with pytest.raises(DataError, match="cell_topo_idx"):
        list(read_detected(source, LAYERS))


def test_clusters_without_cells_are_refused(tmp_path):
    event = single_pion()
    event.rows["cell"] = []
    with pytest.raises(DataError, match=r"store_cells"):
        list(read_detected(write_detected(tmp_path / "detected.root", [event]), LAYERS))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("slabs: [", "cannot be read"),
        ("slabs: []\neta_max: 3\nmagnetic_field: 4\ntracker: []", "expected 6"),
    ],
)
def test_a_damaged_geometry_is_refused(tmp_path, text, message):
    path = tmp_path / "geometry.yaml"
    path.write_text(text)
    with pytest.raises(DataError, match=message):
        read_layers(path)


def test_a_track_without_momentum_is_refused(tmp_path):
    event = single_pion()
    event.rows["track"][0]["qoverp"] = 0.0
    with pytest.raises(DataError, match="track_qoverp"):
        list(read_detected(write_detected(tmp_path / "detected.root", [event]), LAYERS))


def test_a_missing_column_is_named(tmp_path):
    data = detected_data([single_pion()])
    reduced = {name: dict(columns) for name, columns in data.items()}
    del reduced["topo"]["bary_eta"]
    with pytest.raises(DataError, match="bary_eta"):
        write_events(tmp_path / "detected.root", DETECTED, reduced)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"mean": [[[1.0]]]}, "'mean'"),
        ({"sigma": np.zeros((2, 1, 6)).tolist()}, "'sigma'"),
        ({"share": []}, "'share'"),
        ({"cutflow": {}}, "not of the form ResponseTable"),
    ],
)
def test_a_damaged_calibration_is_refused(tmp_path, calibration, change, message):
    broken = tmp_path / "broken.json"
    write_json(broken, read_json(calibration) | change)
    with pytest.raises(DataError, match=message):
        read_calibration(broken)
