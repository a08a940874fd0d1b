"""Figures of the firmware designs show what the reports say."""

import csv
from pathlib import Path

import numpy as np
import pytest

from helpers.planner import HOUSE
from jetchain.core.io.tables import read_json, read_result, write_csv, write_result
from jetchain.core.schema.firmware import (
    FirmwareReport,
    FirmwareTimes,
    MappedDesign,
    ScanPoint,
    TreesReport,
)
from jetchain.core.schema.inference import Fit, Limits
from jetchain.core.schema.scan import Measurement
from jetchain.core.schema.trigger import TriggerPoint
from jetchain.firmware.designs import CLASSIFIERS
from jetchain.reporting import firmware, firmware_compared
from jetchain.reporting.firmware_trigger import firmware_trigger

PUBLISHED = HOUSE / "resources" / "published" / "firmware.json"
TIMES = HOUSE / "resources" / "measured" / "firmware_times.json"

ACCURACY = {"floating": 0.8, "quantised": 0.75, "hls": 0.75, "rtl": 0.7}
COMPARED = {"vectors": 10, "differing": 1, "outputs": 500}


def near(value: float, std: float = 0.01) -> dict[str, float]:
    return {"value": value, "low": value - 0.02, "high": value + 0.01, "std": std}


def report(lower: float = 0.0, cycles: int = 11) -> FirmwareReport:
    """Of a design whose accuracy is lower by so much."""
    return FirmwareReport.model_validate({
        "accuracy": {name: near(value - lower) for name, value in ACCURACY.items()},
        "accuracy_loss_from_quantisation": near(0.05),
        "paired": {"float_only": 7, "quantised_only": 3, "p_value": 0.34},
        "seen": {"constituents": 2, "features": ["pt_fraction", "delta_eta", "delta_phi"]},
        "bit_operations": 1234,
        "published": {"source": "arXiv:0000.00000", "accuracy": {"A": 0.71, "B": 0.78}},
        "network": {
            "widths": [6, 4, 2], "bits": {"inputs": 8, "weights": 6, "activations": 5},
            "weights": 32, "sparsity": 0.5,
        },
        "simulated": {
            "rtl": COMPARED,
            "hls": {**COMPARED, "differing": 2, "outputs": 1000, "test_jets": 8},
        },
        "test_jets": 4321,
        "latency": {
            "clock_period_ns": 5.0, "cycles_measured": cycles, "cycles_predicted": cycles,
            "initiation_interval_measured": 1, "latency_ns": 5.0 * cycles, "interval_ns": 5.0,
        },
        "design": {
            "register_bits": 9000, "part": "xcvu13p", "latency_cutoff": 5.0,
            "estimated_luts": 900.0,
        },
        "estimates": {
            "luts": [870.0, 1000.0], "part_luts": 100_000, "latency_cutoff": 2.0, "cycles": 20,
            "clock_period_ns": [2.5, 5.0], "latency_ns": [50.0, 100.0],
            "interval_ns": [2.5, 5.0], "source": "theirs",
        },
        "budget": {
            "latency_ns": 1000.0, "bunch_spacing_ns": 25.0, "keeps_up": True, "in_time": True,
        },
        "auc": {
            kind: {"W": near(value, 0.002), "top": near(value + 0.01, 0.004)}
            for kind, value in (("floating", 0.9), ("quantised", 0.88))
        },
    })  # fmt: skip


SCAN = {
    "latency_cutoff": np.array([2.0, 5.0]), "stages": np.array([7, 3]),
    "register_bits": np.array([12000, 4000]),
}  # fmt: skip


@pytest.fixture
def axes(tmp_path):
    """Draw one of the room's figures; its axes as numbers."""

    def written(name, content):
        if isinstance(content, Path):
            return content
        if isinstance(content, list):
            return [written(f"{name}_{k}", each) for k, each in enumerate(content)]
        (write_csv if isinstance(content, dict) else write_result)(tmp_path / name, content)
        return tmp_path / name

    def draw(figure, *names, **tables):
        files = {kind: tmp_path / f"figure.{kind}" for kind in ("pdf", "png", "data")}
        shown = {"names": {name: name.upper() for name in names}} if names else {}
        figure(**{name: written(name, each) for name, each in tables.items()}, **shown, **files)
        return read_json(files["data"])["axes"]

    return draw


def named(panel, label):
    (found,) = (series for series in panel["series"] if series["label"] == label)
    return found


def test_the_summary_shows_accuracies_and_the_measured_latency(axes):
    left, right = axes(firmware.summary, "mlp", latency=[report()], scan=[SCAN])
    points, accuracies = named(left, "MLP"), 100 * np.array(list(ACCURACY.values()))
    assert points["x"] == [0, 1, 2, 3]
    assert points["y"] == pytest.approx(accuracies)
    assert points["y_low"] == pytest.approx(accuracies - 2)
    assert points["y_high"] == pytest.approx(accuracies + 1)
    lines = [series for series in left["series"] if series["kind"] == "reference line"]
    assert [(line["y"], line["label"]) for line in lines] == [
        (78.0, "B, 78.0 %"), (71.0, "A, 71.0 %"),
    ]  # fmt: skip
    assert "3 of 1500 simulated\noutputs differ" in left["notes"]
    assert "4321 test jets" in left["titles"]
    assert [text for _, text in left["xticks"]] == list(firmware.STAGES.values())
    traced = named(right, "MLP, pipelines traced only")
    assert (traced["x"], traced["y"]) == ([7, 3], [12, 4])
    measured = named(right, "MLP, measured by Verilator: 11 cycles,\na new input every clock")
    assert (measured["x"], measured["y"]) == ([11], [9])
    assert {"cutoff 2", "cutoff 5"} < set(right["notes"])
    assert "latency 55 ns, budget 1000 ns" in right["notes"][-1]


def test_several_designs_stand_side_by_side_with_their_names(axes):
    reports = [report(), report(lower=0.1, cycles=8), report(lower=0.2, cycles=5)]
    left, right = axes(firmware.summary, "mlp", "deepsets", "toy", latency=reports, scan=[SCAN] * 3)
    for k, name in enumerate(("MLP", "DEEPSETS", "TOY")):
        points = named(left, name)
        assert points["x"] == pytest.approx([place + 0.2 * (k - 1) for place in range(4)])
        assert points["y"] == pytest.approx([100 * (v - 0.1 * k) for v in ACCURACY.values()])
    assert "9 of 4500 simulated\noutputs differ" in left["notes"]
    for name, cycles in (("MLP", 11), ("DEEPSETS", 8), ("TOY", 5)):
        clocked = f"{name}, measured by Verilator: {cycles} cycles,\na new input every clock"
        assert named(right, clocked)["x"] == [cycles]
        assert f"{name}, latency {5 * cycles} ns, budget 1000 ns" in right["notes"][-1]


def test_designs_stand_against_luts_beside_published_ones(axes):
    (panel,) = axes(
        firmware_compared.pareto, "mlp", "toy", latency=[report(), report(lower=0.1)],
        published=PUBLISHED,
    )  # fmt: skip
    own = named(panel, "TOY, 2 constituents, 50 to 100 ns")
    assert (own["x"], own["y"]) == ([0.935], pytest.approx([60.0]))
    assert (own["x_low"], own["x_high"]) == ([0.87], [1.0])
    theirs = named(panel, "JEDI-linear, pT-sorted (published, other data)")
    assert (theirs["x"][1], theirs["y"][1]) == (43.8, 72.0)
    assert {"8", "64"} < set(panel["notes"])
    assert panel["xscale"] == "log"


def test_the_comparison_says_how_each_number_was_obtained(axes, tmp_path):
    write_result(tmp_path / "latency", report())
    firmware_compared.comparison(
        latency=[tmp_path / "latency"], trees=[], published=PUBLISHED, times=TIMES,
        names={"mlp": "MLP"}, table=tmp_path / "table.csv",
    )  # fmt: skip
    with (tmp_path / "table.csv").open(newline="") as file:
        own, *published = csv.DictReader(file)
    assert own["accuracy Verilog [%]"] == "70.0 +- 1.0"
    assert own["lost, paired [%]"] == "5.0 +- 1.0"
    assert own["right in one alone (float / Verilog), p"] == "7 / 3, 0.34"
    assert own["LUTs estimated [k]"] == "0.9 to 1.0"
    assert own["share of a VU13P [%]"] == "0.87 to 1.00"
    spent = read_result(TIMES, FirmwareTimes)
    alone, batched = (
        float(own[f"float network on a core of {spent.machine}, {how} [ns]"])
        for how in ("one jet", "in batches of 1024")
    )
    assert alone == pytest.approx(spent.alone["mlp"], rel=0.01)
    assert batched < alone  # PyTorch's calls are shared
    assert own["AUC Verilog"] == "W 0.880 +- 0.002, top 0.890 +- 0.004"
    assert "Verilator" in own["obtained by"]
    assert len(published) == 21
    assert all(row["obtained by"].startswith("published, other data: ") for row in published)
    assert published[0]["LUTs estimated [k]"] == ""  # not quoted without the paper's table


def test_cells_stand_beside_the_cost(tmp_path):
    write_result(tmp_path / "latency", report())
    cells = MappedDesign(
        luts=990, luts_by_inputs=[0, 500, 200, 100, 90, 100], flip_flops=8000, carries=70, dsps=0,
        block_rams=0, inverters=5, others={"SRL16E": 3}, yosys="Yosys 0.70", estimated_luts=900.0,
        register_bits=9000,
    )  # fmt: skip
    write_result(tmp_path / "cells", cells)
    firmware_compared.synthesis(
        cells=[tmp_path / "cells"], latency=[tmp_path / "latency"], names={"mlp": "MLP"},
        table=tmp_path / "table.csv",
    )  # fmt: skip
    with (tmp_path / "table.csv").open(newline="") as file:
        (row,) = csv.DictReader(file)
    assert row["Yosys over da4ml"] == "1.100"
    assert row["LUTs estimated, routed"] == "870 to 1000"
    assert row["LUTs by Yosys, share of a VU13P [%]"] == "0.99"
    assert row["other cells"] == "SRL16E 3"
    assert "neither placed nor routed" in row["obtained by"]


def test_the_stored_times_are_of_all_designs():
    stored = read_result(TIMES, FirmwareTimes)
    assert set(stored.alone) == set(stored.batched) == set(CLASSIFIERS) - {"own"}
    assert all(stored.alone[name] > stored.batched[name] > 0 for name in stored.alone)
    assert stored.machine


@pytest.mark.parametrize("ghdl", [True, False])
def test_boosted_trees_are_a_row_of_the_same_table(tmp_path, ghdl):
    compared = {"vectors": 10, "differing": 0, "outputs": 50}
    measured = {**compared, "latency_cycles": 12, "initiation_interval_cycles": 1}
    own = TreesReport.model_validate({
        "accuracy": {"floating": near(0.7), "fixed": near(0.69)},
        "accuracy_loss": near(0.01, 0.002),
        "paired": {"float_only": 4, "quantised_only": 1, "p_value": 0.38},
        "auc": {"W": near(0.85, 0.003)},
        "seen": {"constituents": 16, "features": ["pt_fraction", "mass"]},
        "design": {
            "inputs": 32, "seen_inputs": 30, "outputs": 5, "trees": 100, "depth": 4, "bits": 16,
            "comparisons": 1400, "distinct_comparisons": 1200, "leaves": 1500,
            "padded_leaves": 1600, "stated_latency_cycles": 11, "estimated_luts": 41000,
            "estimated_registers": 12000,
        },
        "simulated": {"test_jets": 8, "cpp": compared, "vhdl": measured if ghdl else None},
        "clock_period_ns": 5.0,
    })  # fmt: skip
    write_result(tmp_path / "latency", report())
    write_result(tmp_path / "trees", own)
    firmware_compared.comparison(
        latency=[tmp_path / "latency"], trees=[tmp_path / "trees"], published=PUBLISHED,
        times=TIMES, names={"mlp": "MLP"}, table=tmp_path / "table.csv",
    )  # fmt: skip
    with (tmp_path / "table.csv").open(newline="") as file:
        mlp, row, *published = csv.DictReader(file)
    assert (mlp["design"], len(published)) == ("MLP", 21)
    assert row["design"] == "Boosted trees, 100 of depth 4"
    assert row["accuracy float [%]"] == "70.0 +- 1.0"
    assert row["accuracy Verilog [%]"] == "69.0 +- 1.0"
    assert row["lost, paired [%]"] == "1.0 +- 0.2"
    assert row["LUTs estimated [k]"] == "41.0"
    assert row["share of a VU13P [%]"] == ""  # a band of da4ml's cost is not theirs
    cycles = ("12", "1", "60") if ghdl else ("", "", "")
    names = ("cycles", "interval [cycles]", "latency at the clock asked for [ns]")
    assert tuple(row[name] for name in names) == cycles
    assert ("ghdl" in row["obtained by"]) == ghdl
    assert "1400 comparisons, of which 1200 differ" in row["obtained by"]


def scan_points():
    return [
        ScanPoint.model_validate({
            "design": "toy", "constituents": 8, "sparsity": sparsity, "beta": beta, "zeros": 0.75,
            "accuracy": near(accuracy), "loss": near(0.01), "estimated_luts": luts,
            "bit_operations": 7,
            "calibrated": {"latency_cutoff": 2.0, "stages": 9, "register_bits": 10},
        })
        for sparsity, beta, accuracy, luts in (
            (0.5, 0.0, 0.6, 3e4), (0.0, 1e-5, 0.63, 2.5e4), (0.8, 0.0, 0.62, 2e4),
            (0.9, 0.0, 0.5, 1e4),
        )
    ]  # fmt: skip


def test_the_scan_shows_every_point_and_the_front(axes):
    (panel,) = axes(firmware_compared.scan, "toy", points=scan_points(), published=PUBLISHED)
    line = named(panel, "Pareto front")
    # In the middle of the band, 1.05 of the cost; the first is dearer and worse.
    assert line["x"] == pytest.approx([10.5, 21.0, 26.25])
    assert line["y"] == pytest.approx([50, 62, 63])
    assert {"50 %", "80 %", "90 %", "1e-05"} < set(panel["notes"])


def test_the_scans_points_stand_in_a_table(tmp_path):
    paths = [tmp_path / f"{index}.json" for index in range(4)]
    for path, point in zip(paths, scan_points(), strict=True):
        write_result(path, point)
    firmware_compared.scan_points(
        points=paths, published=PUBLISHED, names={"toy": "Toy"},
        table=tmp_path / "table.csv",
    )  # fmt: skip
    with (tmp_path / "table.csv").open(newline="") as file:
        rows = [*csv.DictReader(file)]
    made = ["pruning, 50 %", "pruning, 80 %", "pruning, 90 %", "learned widths, beta 1e-05"]
    assert [row["made smaller by"] for row in rows] == made
    last = rows[-1]
    assert (last["design"], last["accuracy [%]"]) == ("Toy", "63.0 +- 1.0")
    assert last["lost to its float network, paired [%]"] == "1.0 +- 1.0"
    assert (last["zero weights [%]"], last["LUTs by da4ml's cost"]) == ("75.0", "25000")


def test_the_front_is_what_nothing_cheaper_surpasses():
    points = [(3.0, 5.0), (1.0, 1.0), (2.0, 1.0), (1.0, 2.0), (4.0, 4.0), (5.0, 5.5)]
    assert firmware_compared.front(points) == [(1.0, 2.0), (3.0, 5.0), (5.0, 5.5)]


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
    (panel,) = axes(firmware.roc, floating=floating, quantised=quantised, latency=report())
    solid = named(panel, "W, floating")
    assert (solid["x"], solid["y"]) == ([0.5, 1.0], [0.1, 1.0])
    dashed = named(panel, "W: AUC 0.900 float, 0.880 $\\pm$ 0.002 quantised")
    assert (dashed["x"], dashed["y"]) == ([0.5, 1.0], [0.15, 1.0])
    assert named(panel, "top, floating")["y"] == [0.01, 0.2, 1.0]
    assert panel["yscale"] == "log"


def measured(limit):
    fit = Fit(method="any", sensitive=False, observed=1, background=1, p0=None, significance=None)
    limits = Limits(
        method="any", sensitive=True, level=0.05, reference_cross_section_fb=1.0,
        expected_fb=[limit] * 5,
    )  # fmt: skip
    return Measurement(signal_events=1, signal_uncertainty=None, fit=fit, limits=limits)


def point(design, rate):
    return TriggerPoint(
        design=design, asked=rate, threshold=None if rate == 1 else 0.5, accepted=rate,
        background=1000, background_accepted=int(1000 * rate), accepted_fb=500 * rate,
        signal_efficiency=0.9, unseen=0, saturated=0.0,
    )  # fmt: skip


def test_what_is_lost_is_the_limit_less_that_without_a_trigger(tmp_path):
    limits = {  # by design and rate: without a cut, and with one
        ("a", 1.0): (20.0, 10.0), ("a", 0.1): (15.0, 12.5),
        ("b", 1.0): (20.0, 10.0), ("b", 0.1): (18.0, None),
    }  # fmt: skip
    files = {"points": [], "measurements": [], "latency": []}
    for index, ((design, rate), values) in enumerate(limits.items()):
        files["points"].append(tmp_path / f"point{index}.json")
        write_result(files["points"][-1], point(design, rate))
        for method, value in enumerate(values):
            files["measurements"].append(tmp_path / f"measured{index}_{method}.json")
            write_result(files["measurements"][-1], measured(value))
    for name in "ab":
        files["latency"].append(tmp_path / f"{name}.json")
        write_result(files["latency"][-1], report())
    drawn = {kind: tmp_path / f"figure.{kind}" for kind in ("pdf", "png", "data")}
    firmware_trigger(
        **files, names={"a": "A", "b": "B"}, methods={"inclusive": "no cut", "cut": "cut"}, **drawn
    )
    left, right = read_json(drawn["data"])["axes"]
    curves = {series["label"]: series for series in left["series"]}
    assert curves["A, no cut"]["x"] == pytest.approx([50, 500])
    assert curves["A, no cut"]["y"] == pytest.approx([15, 20])
    assert curves["A, cut"]["y"] == pytest.approx([12.5, 10])
    assert curves["B, cut"]["y"] == pytest.approx([10])  # no limit behind the trigger
    named = [series for series in right["series"] if series["label"]]
    lost = {series["label"].partition(":")[0]: series for series in named}
    assert lost["A, no cut"]["y"] == pytest.approx([-5])
    assert lost["A, cut"]["y"] == pytest.approx([2.5])
    assert lost["A, cut"]["x"] == pytest.approx([(0.87 + 1.0) / 2])  # thousand LUTs, mid-band
    assert "B, cut" not in lost
    assert "10 %" in right["notes"]
    assert lost["A, cut"]["label"] == "A, cut: 8/6/5 bits, 11 cycles"
