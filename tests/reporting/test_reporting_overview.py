"""The overview shows one panel of each of six rooms, each from its own tables."""

import numpy as np

from helpers.checks import write_checks
from jetchain.core.histograms import save_histograms, weighted
from jetchain.core.io.tables import read_json, write_csv, write_json
from jetchain.core.schema.jets import JET_CLASSES
from jetchain.reporting.names import TITLES
from jetchain.reporting.overview import overview

EDGES = np.linspace(0.0, 200.0, 5)
ACCURACY = {"value": 0.7, "low": 0.68, "high": 0.72}
QUOTED = {**ACCURACY, "std": 0.01}
AUC = {"value": 0.95, "low": 0.94, "high": 0.96, "std": 0.01}
COMPARED = {"vectors": 10, "outputs": 7, "differing": 0}
TABLES = {
    "roc": {
        "pair": np.array(["top_vs_QCD"] * 2), "signal_efficiency": np.array([0.3, 0.5]),
        "background_efficiency": np.array([0.01, 0.02]),
        "low": np.array([0.005, 0.01]), "high": np.array([0.02, 0.04]), "passed": np.array([5, 10]),
    },
    "sic": {
        "method": np.array(["cwola", "cwola"]), "signal_efficiency": np.array([0.1, 0.5]),
        "sic": np.array([8.0, 4.0]), "sic_low": np.array([7.0, 3.0]),
        "sic_high": np.array([9.0, 5.0]),
    },
    "spectra": {
        "selection": np.array(["1", "1"]), "low": np.array([2.0, 3.0]),
        "high": np.array([3.0, 4.0]), "window": np.array([0, 1]),
        "observed": np.array([40, 10]), "expected": np.array([39.0, 8.0]),
        "background": np.array([38.0, 7.0]),
        "background_error": np.array([2.0, 1.0]),
    },
}  # fmt: skip
RESULTS = {
    "metrics": {
        "model": "pfn", "feature_set": "full", "sees": "full", "parameters": 7,
        "flops": 1.0, "training_jets": 900, "macro_auc": 0.9,
        "classes": list(JET_CLASSES), "accuracy": ACCURACY,
        "confusion": {"counts": [], "fraction": [], "low": [], "high": []},
        "pairs": {
            "top_vs_QCD": {
                "signal": "top", "background": {"quark": 0.5, "gluon": 0.5},
                "signal_jets": 90, "background_jets": 500, "signal_effective": 90,
                "background_effective": 500, "auc": AUC,
                "rejection_50": {**AUC, "passed": 10, "bound": False},
                "rejection_30": {**AUC, "passed": 5, "bound": False},
            }
        },
    },
    "anomaly": {
        "signal_region_tev": [3.3, 3.7], "injected_events": 1, "signal_events_evaluated": 10,
        "signal_to_background": 0.006, "background_events": 100,
        "methods": {
            "cwola": {
                "auc": 0.8, "max_sic": 8.0, "max_sic_bootstrap": [7.0, 9.0],
                "signal_efficiency": {},
                "max_sic_trainings": {"median": 8.0, "low": 7.0, "high": 9.0, "number": 3},
            }
        },
    },
    "fits": {
        "method": "inclusive", "efficiency": 1,
        "fits": {"1": {"chi2": 1.0, "ndf": 2, "observed": 10.0, "background": 8.0, "signal": 2.0,
                       "background_uncertainty": 1.0, "significance": 0.6, "events": 50,
                       "shape": "power", "order": 1, "norms": [1.0, 1.0], "f_test": {},
                       "p_value": 0.6, "accepted": True, "others": [], "mu": 0.5,
                       "mu_error": 0.4, "spurious_mu": 0.1}},
    },
    "limits": {
        "sensitive": True, "method": "cathode", "expected_fb": [1.0, 2.0, 3.0, 4.0, 5.0],
        "observed_fb": 3.5, "toys": None, "reference_cross_section_fb": 6.0, "level": 0.05,
    },
    "normalisation": {
        "luminosity_fb": 1.0, "signal_acceptance": 0.5, "reference_events": 3,
        "reference_cross_section_fb": 6.0, "injected_events": 3, "injected_cross_section_fb": 6.0,
    },
    "latency": {
        "accuracy": dict.fromkeys(("floating", "quantised", "hls", "rtl"), QUOTED),
        "accuracy_loss_from_quantisation": QUOTED, "auc": {}, "test_jets": 99,
        "paired": {"float_only": 7, "quantised_only": 3, "p_value": 0.34}, "bit_operations": 9,
        "seen": {"constituents": 2, "features": ["pt", "deta", "dphi"]},
        "estimates": {
            "luts": [80.0, 100.0], "part_luts": 1000, "latency_cutoff": 2.0, "cycles": 9,
            "clock_period_ns": [2.6, 4.9], "latency_ns": [23.4, 44.1], "interval_ns": [2.6, 4.9],
            "source": "somewhere",
        },
        "published": {"source": "somewhere", "accuracy": {"A": 0.8}},
        "network": {"widths": [6, 2], "bits": {"inputs": 8}, "weights": 12, "sparsity": 0.5},
        "simulated": {
            "rtl": COMPARED, "hls": {**COMPARED, "test_jets": 8},
        },
        "latency": {
            "clock_period_ns": 5.0, "cycles_measured": 6, "cycles_predicted": 6,
            "initiation_interval_measured": 1, "latency_ns": 30.0, "interval_ns": 5.0,
        },
        "design": {
            "register_bits": 900, "part": "xcvu13p", "latency_cutoff": 5.0,
            "estimated_luts": 90.0,
        },
        "budget": {
            "latency_ns": 1000.0, "bunch_spacing_ns": 25.0, "keeps_up": True, "in_time": True,
        },
    },
}  # fmt: skip


def test_every_room_has_its_panel_with_its_own_numbers(tmp_path):
    save_histograms(tmp_path / "jets", {
        f"reconstructed/{name}/msd": weighted("m", np.array([75.0]), EDGES, label="mass [GeV]")
        for name in JET_CLASSES
    })  # fmt: skip
    for name, table in TABLES.items():
        write_csv(tmp_path / name, table)
    for name, result in RESULTS.items():
        write_json(tmp_path / name, result)
    inputs = {name: tmp_path / name for name in ("jets", *TABLES, *RESULTS)}
    for name in ("metrics", "roc", "limits", "latency"):
        inputs[name] = [inputs[name]]
    inputs["checks"] = write_checks(tmp_path / "checks", cwola="failed", cathode="passed")
    files = {kind: tmp_path / f"figure.{kind}" for kind in ("pdf", "png", "data")}
    overview(
        **inputs, **files, radius=0.8, taggers={"pfn": "PFN"}, searches={"cwola": "CWoLa"},
        backgrounds={"inclusive": "no cut", "cathode": "CATHODE"}, designs={"deepsets": "DeepSets"},
    )  # fmt: skip
    panels = read_json(files["data"])["axes"]
    rooms = [panel["titles"][-1].partition(":")[0] for panel in panels]
    assert rooms == ["jets", "tagging", "anomaly search", "background", "inference", "firmware"]
    jets, tagging, anomaly, background, inference, firmware = (
        {series["label"]: series for series in panel["series"] if series["label"]}
        for panel in panels
    )
    assert {TITLES[name] for name in JET_CLASSES} <= set(jets)
    assert tagging["PFN, AUC 0.950 ± 0.010"]["y"] == [100, 50]
    assert anomaly["CWoLa †"]["x"] == [0.1, 0.5]
    assert background["Data, all data"]["y"] == [40, 10]
    assert inference["injected signal"]["y"] == 6.0
    assert firmware["A, 80.0 %"]["y"] == 80.0
    assert firmware["DeepSets"]["y"] == [70.0] * 4
