"""Figures of the jets show what the tables say."""

import numpy as np
import pytest

from jetchain.core.histograms import save_histograms, weighted
from jetchain.core.io.tables import read_json, write_result
from jetchain.core.schema.jets import JET_CLASSES, PEAK_MASSES, JetPeak, JetResponse, JetSummary
from jetchain.reporting import jets
from jetchain.reporting.names import TITLES

EDGES = np.linspace(0.0, 200.0, 5)  # bins of 50 GeV


def histogram(values, label="soft-drop mass [GeV]"):
    return weighted("m", np.asarray(values, float), EDGES, label=label)


def summary_of(folder, peaks=(), response=()):
    """A summary of these peaks and responses; its file."""
    content = JetSummary(radius=0.8, events=1, jets={}, peaks=peaks, response=response)
    write_result(folder / "summary.json", content)
    return folder / "summary.json"


@pytest.fixture
def axes(tmp_path):
    """Draw one of the room's figures; its axes as numbers."""

    def draw(figure, **inputs):
        files = {kind: tmp_path / f"figure.{kind}" for kind in ("pdf", "png", "data")}
        figure(**inputs, **files)
        return read_json(files["data"])["axes"]

    return draw


@pytest.fixture
def histograms(tmp_path):
    """One jet more of each class than of the one before, all in one bin; one jet outside."""
    found = {}
    for level, place in (("truth", 25.0), ("reconstructed", 75.0)):
        for number, name in enumerate(JET_CLASSES):
            for variable in ("m", "msd"):
                found[f"{level}/{name}/{variable}"] = histogram([*[place] * (number + 1), 999.0])
            for variable in ("tau21", "tau32"):
                found[f"{level}/{name}/{variable}"] = histogram([place], variable)
    save_histograms(tmp_path / "histograms.json", found)
    return tmp_path / "histograms.json"


def of_kind(panel, kind):
    return [series for series in panel["series"] if series["kind"] == kind]


def test_masses_are_shares_of_all_jets_with_the_fitted_peaks_beside(tmp_path, histograms, axes):
    peaks = [
        JetPeak(
            level=level, jet_class="W", position=80.42, position_error=0.3, width=width,
            width_error=0.2, jets=100, chi2_per_bin=1.0, valid=True,
        )
        for level, width in (("truth", 9.1), ("reconstructed", 7.5))
    ]  # fmt: skip
    summary = summary_of(tmp_path, peaks=peaks)
    truth, reconstructed = axes(jets.mass, histograms=histograms, summary=summary)
    for panel, filled, width in ((truth, 0, "9.1"), (reconstructed, 1, "7.5")):
        steps = of_kind(panel, "steps")
        assert [series["label"] for series in steps] == list(map(TITLES.get, JET_CLASSES))
        for number, series in enumerate(steps):
            expected = np.zeros(4)
            expected[filled] = (number + 1) / (number + 2)  # the jet outside counts
            np.testing.assert_allclose(series["values"], expected, rtol=1e-6)
        assert panel["notes"] == [f"peak [GeV]\nW: 80.4 $\\pm$ 0.3, $\\sigma$ = {width}"]
        lines = [series["x"] for series in panel["series"] if series["kind"] == "reference line"]
        assert lines == sorted(set(PEAK_MASSES.values()))
    assert truth["ylabel"] == "fraction of jets per 50 GeV"


def test_substructure_is_that_of_reconstructed_jets(histograms, axes):
    panels = axes(jets.substructure, histograms=histograms)
    assert [panel["xlabel"] for panel in panels] == ["tau21", "tau32"]
    for panel in panels:
        assert len(of_kind(panel, "steps")) == len(JET_CLASSES)
        assert all(series["values"] == [0, 1, 0, 0] for series in of_kind(panel, "steps"))


def test_a_class_without_jets_is_not_drawn(tmp_path, histograms, axes):
    found = {
        f"{level}/{name}/{variable}": histogram([] if name == "W" else [25.0])
        for level in jets.LEVELS for name in JET_CLASSES for variable in ("tau21", "tau32")
    }  # fmt: skip
    save_histograms(histograms, found)
    labels = [s["label"] for s in of_kind(axes(jets.substructure, histograms=histograms)[0],
                                          "steps")]  # fmt: skip
    assert labels == [TITLES[name] for name in JET_CLASSES if name != "W"]


def test_ratios_and_their_errors_are_those_of_the_counts(tmp_path, axes):
    """16 of 20 true jets and 36 of 48 reconstructed ones in one bin; none true in another."""
    truth = histogram([25.0] * 16 + [75.0] * 4)
    reconstructed = histogram([25.0] * 36 + [125.0] * 12)
    save_histograms(tmp_path / "h.json", {
        f"{level}/{name}/{variable}": one
        for level, one in (("truth", truth), ("reconstructed", reconstructed))
        for name in ("quark", "W", "top") for variable in ("m", "msd")
    })  # fmt: skip
    panels = axes(jets.comparison, histograms=tmp_path / "h.json")
    assert len(panels) == 12
    main, ratio = panels[0], panels[3]
    assert [series["values"] for series in of_kind(main, "steps")] == [
        [0.8, 0.2, 0, 0], [0.75, 0, 0.25, 0],
    ]  # fmt: skip
    (points,) = of_kind(ratio, "errorbar")
    assert points["x"] == [25.0]  # the only bin with jets of both
    value = 0.75 / 0.8
    assert points["y"] == pytest.approx([value])
    assert points["y_high"][0] - value == pytest.approx(value * np.hypot(1 / 4, 1 / 6), rel=1e-4)


def test_responses_stand_at_the_middle_of_their_bins_and_empty_ones_are_left_out(tmp_path, axes):
    merits = {
        f"{variable}_{merit}": value
        for variable, base in (("pt", 1.0), ("m", 0.9))
        for merit, value in (("median", base), ("resolution", base / 10),
                             ("median_error", 0.01), ("resolution_error", 0.02))
    }  # fmt: skip
    rows = [
        JetResponse(pt_low=low, pt_high=high, truth_jets=9, matched=9, **known)
        for low, high, known in ((200, 300, merits), (300, 500, {}), (500, 900, merits))
    ]
    median, resolution = axes(jets.response, summary=summary_of(tmp_path, response=rows))
    for panel, values, error in ((median, (1.0, 0.9), 0.01), (resolution, (0.1, 0.09), 0.02)):
        for series, value in zip(of_kind(panel, "errorbar"), values, strict=True):
            assert series["x"] == [250, 700]
            assert (series["x_low"], series["x_high"]) == ([200, 500], [300, 900])
            np.testing.assert_allclose(series["y"], value)
            np.testing.assert_allclose(np.subtract(series["y_high"], series["y"]), error, rtol=1e-4)
    assert [s["label"] for s in of_kind(median, "errorbar")] == ["$p_T$", "mass"]
