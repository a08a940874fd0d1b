"""Peaks, matching and response on made-up jets; the settings' refusals."""

from __future__ import annotations

import awkward as ak
import numpy as np
import pytest

from helpers.raw import uncalibrated
from jetchain.core.errors import ConfigurationError, EmptySampleError
from jetchain.core.histograms import load_histograms
from jetchain.core.io.events import write_events
from jetchain.core.io.tables import read_json
from jetchain.core.schema.jets import JET_CLASSES, jet_collection, jets_table
from jetchain.core.settings import parse
from jetchain.jets.pairs import read_jets
from jetchain.jets.peaks import fit_peak
from jetchain.jets.settings import JetsSettings, SummarySettings
from jetchain.jets.summarise import fill, match, response, summarise


def test_peak_of_a_gaussian_on_a_background() -> None:
    pulls = []
    for seed in range(12):
        random = np.random.default_rng(seed)
        mass = np.concatenate([random.normal(80.4, 7.0, 1500), random.uniform(0, 250, 1000)])
        peak = fit_peak(mass)
        assert peak is not None
        assert peak.valid
        assert peak.width == pytest.approx(7.0, abs=5 * peak.width_error)
        pulls.append((peak.position - 80.4) / peak.position_error)
    # 12 pulls of unit width: the chi2 of the mean and of the spread stay within about 3 sigma.
    assert abs(np.mean(pulls)) < 0.9
    assert 0.4 < np.std(pulls) < 1.8


def test_peak_of_weighted_jets() -> None:
    """Weights that make a flat mass a Gaussian of 91 and 8 GeV; errors are those of the weights."""
    random = np.random.default_rng(5)
    pulls = []
    for _ in range(12):
        mass = random.uniform(40, 250, 20000)
        peak = fit_peak(mass, weight=np.exp(-0.5 * ((mass - 91) / 8) ** 2))
        assert peak is not None
        pulls.append((peak.position - 91) / peak.position_error)
    assert abs(np.mean(pulls)) < 0.9
    assert 0.4 < np.std(pulls) < 1.8


def test_no_peak_without_jets() -> None:
    assert fit_peak([]) is None
    assert fit_peak([80.0] * 10) is None


def test_match_takes_mutually_nearest_jets_of_the_same_event() -> None:
    first = {
        "event": np.array([0, 0, 2]), "eta": np.array([0.0, 0.2, 1.0]),
        "phi": np.array([3.1, 3.1, 0.0]),
    }  # fmt: skip
    second = {
        "event": np.array([0, 1, 2, 2]), "eta": np.array([0.05, 0.0, 1.0, 1.2]),
        "phi": np.array([-3.1, 3.1, 0.5, 0.1]),
    }  # fmt: skip
    ours, theirs = match(first, second, 0.3)
    assert list(zip(ours, theirs, strict=True)) == [(0, 0), (2, 3)]


def write_jets(path, scale: float, events: int = 400, radius: float = 0.8) -> None:
    """One W jet an event: mass 80, reconstructed pT and mass `scale` times the true ones."""
    random = np.random.default_rng(1)
    pt = random.uniform(500, 900, events)
    data = {"event": {"number": np.arange(events), "weight": np.ones(events)}}
    for truth in (False, True):
        factor = 1.0 if truth else scale * random.normal(1, 0.05, events)
        columns = {
            "pt": pt * factor, "eta": np.zeros(events), "phi": np.zeros(events),
            "m": 80 * np.ones(events) * factor, "msd": 80 * np.ones(events) * factor,
            "zg": np.full(events, 0.3), "rg": np.full(events, 0.25), "reach": np.full(events, 0.79),
            "tau1": np.full(events, 0.2), "tau2": np.full(events, 0.05),
            "tau3": np.full(events, 0.04),
            "label": np.full(events, JET_CLASSES.index("W")),
        }  # fmt: skip
        raw = uncalibrated(columns)
        data[jet_collection(radius, truth)] = {
            name: ak.unflatten(values, 1)
            for name, values in (columns if truth else columns | raw).items()
        } | {"constituents": ak.Array([[[0, 1]]] * events)}
    write_events(path, jets_table((radius,)), data)


def test_the_response_counts_jets_and_the_histograms_weights(tmp_path) -> None:
    # At given true values the response does not know how often these occur; the spectrum does.
    write_jets(tmp_path / "a.root", 0.9)
    found, events = read_jets([tmp_path / "a.root"], 0.8)
    heavy = {
        level: columns | {"weight": (columns["pt"] / 500) ** -6.0}
        for level, columns in found.items()
    }
    settings = SummarySettings()
    assert response(heavy["reconstructed"], heavy["truth"], settings) == response(
        found["reconstructed"], found["truth"], settings
    )
    filled = [fill(each["truth"], settings)["W/m"].sum().value for each in (found, heavy)]
    assert filled == pytest.approx([events, heavy["truth"]["weight"].sum()])


def test_summary_of_known_jets(tmp_path) -> None:
    paths = [tmp_path / "a.root", tmp_path / "b.root"]
    for path in paths:
        write_jets(path, scale=0.9)
    settings = SummarySettings(pt_min=300.0, response_pt_edges=[500.0, 700.0, 900.0])
    summarise(
        jets=paths, histograms=tmp_path / "h.json", summary=tmp_path / "s.json", settings=settings
    )
    summary = read_json(tmp_path / "s.json")
    assert (summary["events"], summary["radius"]) == (800, 0.8)
    assert summary["jets"]["truth"]["W"] == 800
    peak = next(row for row in summary["peaks"] if row["level"] == "reconstructed")
    assert peak["class"] == "W"
    assert peak["position"] == pytest.approx(72.0, abs=4 * peak["position_error"])
    assert peak["width"] == pytest.approx(3.6, abs=4 * peak["width_error"])
    assert [row["matched"] for row in summary["response"]] == [
        row["truth_jets"] for row in summary["response"]
    ]
    for row in summary["response"]:
        assert row["pt_median"] == pytest.approx(0.9, abs=4 * row["pt_median_error"])
        assert row["pt_resolution"] == pytest.approx(0.05, abs=4 * row["pt_resolution_error"])
    histograms = load_histograms(tmp_path / "h.json")
    tau21 = histograms["reconstructed/W/tau21"]
    assert tau21.values().sum() == 800
    assert tau21[0.25j].value == 800
    assert histograms["truth/top/msd"].values(flow=True).sum() == 0
    for level in ("truth", "reconstructed"):
        assert histograms[f"{level}/all/zg"][0.305j].value == 800
        assert histograms[f"{level}/all/rg"][0.25j].value == 800
        assert histograms[f"{level}/all/reach"][0.79j].value == 800
        assert histograms[f"{level}/all/pt"].values().sum() == 800


def test_no_jet_in_the_window_is_refused(tmp_path) -> None:
    write_jets(tmp_path / "a.root", scale=1.0)
    with pytest.raises(EmptySampleError, match="No reconstructed jet"):
        summarise(
            jets=[tmp_path / "a.root"],
            histograms=tmp_path / "h.json",
            summary=tmp_path / "s.json",
            settings=SummarySettings(pt_min=2000.0, pt_max=3000.0),
        )
    assert not (tmp_path / "h.json").exists()


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"clustering": {"radii": [0.8, 0.82], "pt_min": 200.0}}, "differ by at least 0.1"),
        ({"clustering": {"radii": [-0.8]}}, "between 0.1 and 1.5"),
        ({"clustering": {"radii": [0.84]}}, "0.84 must be a multiple of 0.1"),
        ({"clustering": {"ptmin": 200.0}}, "Did you mean 'pt_min'"),
        ({"summary": {"pt_min": 900.0, "pt_max": 500.0}}, "above pt_min"),
        ({"summary": {"response_pt_edges": [500.0, 400.0]}}, "rise strictly"),
    ],
)
def test_settings_refuse(values: dict, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        parse(JetsSettings, values)
