"""Figures of the trigger tagger show what the report says."""

import numpy as np
import pytest

from jetchain.core.io.tables import read_json, write_csv, write_json
from jetchain.reporting import firmware

ACCURACY = {"floating": 0.8, "quantised": 0.75, "hls": 0.75, "rtl": 0.7}
REPORT = {
    "accuracy": {
        name: {"value": value, "low": value - 0.02, "high": value + 0.01}
        for name, value in ACCURACY.items()
    },
    "published": {"source": "arXiv:0000.00000", "accuracy": {"A": 0.71, "B": 0.78}},
    "simulated": {
        "rtl": {"differing": 1, "outputs": 500}, "hls": {"differing": 2, "outputs": 1000}
    },
    "test_jets": 4321,
    "latency": {
        "clock_period_ns": 5.0, "cycles_measured": 11, "initiation_interval_measured": 1,
        "latency_ns": 55.0, "interval_ns": 5.0,
    },
    "design": {"register_bits": 9000, "part": "xcvu13p"},
    "budget": {"latency_ns": 1000.0, "bunch_spacing_ns": 25.0},
    "auc": {
        kind: {"W": {"value": value, "std": 0.002}, "top": {"value": value + 0.01, "std": 0.004}}
        for kind, value in (("floating", 0.9), ("quantised", 0.88))
    },
}  # fmt: skip


@pytest.fixture
def axes(tmp_path):
    """Draw one of the room's figures; its axes as numbers."""

    def draw(figure, **tables):
        files = {kind: tmp_path / f"figure.{kind}" for kind in ("pdf", "png", "data")}
        paths = {name: tmp_path / name for name in tables}
        for name, content in tables.items():
            (write_json if content is REPORT else write_csv)(paths[name], content)
        figure(**paths, **files)
        return read_json(files["data"])["axes"]

    return draw


def named(panel, label):
    (found,) = (series for series in panel["series"] if series["label"] == label)
    return found


def test_the_summary_shows_accuracies_and_the_measured_latency(axes):
    scan = {"latency_cutoff": np.array([2.0, 5.0]), "stages": np.array([7, 3]),
            "register_bits": np.array([12000, 4000])}  # fmt: skip
    left, right = axes(firmware.summary, latency=REPORT, scan=scan)
    points = [series for series in left["series"] if series["kind"] == "errorbar"]
    for place, (series, value) in enumerate(zip(points, ACCURACY.values(), strict=True)):
        assert series["x"] == [place]
        assert series["y"] == pytest.approx([100 * value])
        assert series["y_low"] == pytest.approx([100 * value - 2])
        assert series["y_high"] == pytest.approx([100 * value + 1])
    lines = [series for series in left["series"] if series["kind"] == "reference line"]
    assert [(line["y"], line["label"]) for line in lines] == [
        (78.0, "B, 78.0 %"), (71.0, "A, 71.0 %"),
    ]  # fmt: skip
    assert "3 of 1500 simulated\noutputs differ" in left["notes"]
    assert "4321 test jets" in left["titles"]
    assert [text for _, text in left["xticks"]] == list(firmware.STAGES.values())
    traced = named(right, "pipelines traced only")
    assert (traced["x"], traced["y"]) == ([7, 3], [12, 4])
    measured = named(right, "measured by Verilator: 11 cycles,\na new input every clock")
    assert (measured["x"], measured["y"]) == ([11], [9])
    assert {"cutoff 2", "cutoff 5"} < set(right["notes"])
    assert "latency 55 ns, budget 1000 ns" in right["notes"][-1]


def test_weights_are_shares_of_their_layer(axes):
    bits = {"layer": np.array([0, 0, 0, 1, 1, 1]), "bits": np.array([0, 1, 4] * 2),
            "weights": np.array([10, 20, 70, 30, 10, 10])}  # fmt: skip
    history = {"epoch": np.array([1, 2]), "train_loss": np.array([2.0, 1.0]),
               "validation_loss": np.array([1.9, 1.2]),
               "sparsity": np.array([0.0, 0.25])}  # fmt: skip
    left, right, twin = axes(firmware.weights, bits=bits, history=history)
    first, second = (series for series in left["series"] if series["kind"] == "bars")
    assert (first["label"], first["y"]) == ("layer 1: 100 weights", [10, 20, 70])
    assert (second["label"], second["y"]) == ("layer 2: 50 weights", [60, 20, 20])
    np.testing.assert_allclose(np.add(first["x"], second["x"]) / 2, [0, 1, 4], atol=1e-6)
    assert left["notes"] == ["26.7 % of all weights are zero"]
    assert named(right, "training loss")["y"] == [2.0, 1.0]
    assert named(right, "validation loss")["y"] == [1.9, 1.2]
    assert named(twin, "sparsity asked for (right axis)")["y"] == [0, 25]


def test_curves_leave_out_what_no_logarithm_shows(axes):
    efficiency = np.array([0.0, 0.5, 1.0])
    floating = {"signal_efficiency": efficiency, "W": np.array([0.0, 0.1, 1.0]),
                "top": np.array([0.01, 0.2, 1.0])}  # fmt: skip
    quantised = floating | {"W": np.array([0.0, 0.15, 1.0])}
    (panel,) = axes(firmware.roc, floating=floating, quantised=quantised, latency=REPORT)
    solid = named(panel, "W, floating")
    assert (solid["x"], solid["y"]) == ([0.5, 1.0], [0.1, 1.0])
    dashed = named(panel, "W: AUC 0.900 float, 0.880 $\\pm$ 0.002 quantised")
    assert (dashed["x"], dashed["y"]) == ([0.5, 1.0], [0.15, 1.0])
    assert named(panel, "top, floating")["y"] == [0.01, 0.2, 1.0]
    assert panel["yscale"] == "log"
