"""Figures and table of the detector's validation, from small result tables."""

from __future__ import annotations

import numpy as np
import pytest

from jetchain.core.histograms import save_histograms, weighted
from jetchain.core.io.tables import read_csv, write_json, write_result
from jetchain.core.schema.validation import (
    EfficiencyBin,
    GaussianCore,
    KindTracks,
    PionsValidation,
    TracksValidation,
)
from jetchain.core.style import new_figure
from jetchain.core.validation import number
from jetchain.reporting import detector_validation as figures
from jetchain.reporting import validation_table
from jetchain.reporting.names import TITLES, titled

LAYERS = ["ECAL1", "ECAL2", "ECAL3", "HCAL1", "HCAL2", "HCAL3"]


def response_content(fitted: bool) -> dict:
    """Three bins of every particle; the first without enough clusters for a response."""
    described = {
        "n": 50, "mean": 0.9, "mean_error": 0.01, "spread": 0.1, "core": 0.9, "core_error": 0.01,
        "resolution": 0.1, "resolution_error": 0.01,
    }  # fmt: skip
    rows = [
        {"low": 0.9 * energy, "high": 1.1 * energy, "energy": energy, "response": 0.9,
         "seen": 1.0, "seen_interval": [0.9, 1.0], "clusters": 1.5, "clusters_error": 0.1,
         "layers": [0.1, 0.7, 0.1, 0.1, 0.0, 0.0], "layers_error": [0.01] * 6,
         **(described if energy > 1.5 else {})}
        for energy in (1.4, 10.0, 100.0)
    ]  # fmt: skip
    rows[0]["layers"] = []
    errors = {"a_error": 0.01, "b_error": 0.01, "c_error": 0.01}
    fit = {"a": 0.3, "b": 0.01, "c": 0.2, "chi2": 1.0, "ndf": 2, "lowest": 10.0, **errors}
    eta = [{"low": 0.0, "high": 1.5, "clusters": 1.5, "clusters_error": 0.1, **described}]
    kind = {"by_energy": rows, "by_eta": eta, "fit": fit if fitted else None}
    return {
        "layers": LAYERS,
        "eta_energy": 10.0,
        "central_eta": 1.0,
        "kinds": dict.fromkeys(figures.NAMES, kind),
        "numbers": [],
    }


def of_tracks(efficiency_pt=(), pulls=None) -> KindTracks:
    return KindTracks(
        efficiency_pt=list(efficiency_pt), efficiency_eta=[], found=45, thrown=50, resolutions={},
        hard_momentum=None, over_table={}, pulls=pulls or {},
    )  # fmt: skip


def outputs(folder, name):
    return {kind: folder / f"{name}.{kind}" for kind in ("pdf", "png", "data")}


def texts(axis) -> list[str]:
    return [text.get_text() for text in axis.get_legend().get_texts()]


@pytest.fixture
def drawn(monkeypatch):
    """The figures that were saved."""
    kept = []
    save = figures.save_figure
    monkeypatch.setattr(
        figures, "save_figure", lambda figure, *paths: (kept.append(figure), save(figure, *paths))
    )
    return kept


@pytest.mark.parametrize("fitted", [True, False])
def test_the_response_shows_every_particle_with_its_fit(tmp_path, drawn, fitted):
    write_json(tmp_path / "response.json", response_content(fitted))
    figures.response(response=tmp_path / "response.json", **outputs(tmp_path, "a"))
    axes = drawn[0].axes
    assert len(texts(axes[0])) == 6
    assert sum("ndf" in text for axis in axes[2:] for text in texts(axis)) == 6 * fitted
    for line in axes[0].lines[:6:2]:
        assert len(line.get_xdata()) == 2  # the bin without a response is not drawn
    write_json(tmp_path / "showers.json", {
        "layers": LAYERS, "share": [0.14, 0.84, 0.01, 0, 0, 0], "error": [0.01] * 6,
        "published": {"ECAL1": 0.133, "ECAL2": 0.858}, "energy": 10.0, "numbers": [],
        "pions": [{"energy": e, "median": 0.7, "median_error": 0.01, "resolution": 0.1,
                   "resolution_error": 0.002} for e in (30.0, 1000.0)],
    })  # fmt: skip
    figures.profile(
        response=tmp_path / "response.json", showers=tmp_path / "showers.json",
        **outputs(tmp_path, "b"),
    )  # fmt: skip
    assert texts(drawn[1].axes[2]) == LAYERS
    assert len(texts(drawn[1].axes[4])) == 2
    assert [bar.get_height() for bar in drawn[1].axes[3].patches] == [0.133, 0.858]


def test_noise_is_drawn_beside_its_expectation_an_event(tmp_path, drawn):
    write_json(tmp_path / "response.json", response_content(True))
    write_json(tmp_path / "noise.json", {
        "layers": LAYERS, "events": 200, "clusters": 70, "cells": 900, "numbers": [],
        "seeds": [30, 28, 8, 2, 2, 0],
        "expected": [27.7, 27.7, 6.9, 1.7, 1.7, 0.4],
    })  # fmt: skip
    energy = weighted("energy", [0.1, 0.4], np.linspace(0, 3, 61), label="E (GeV)")
    save_histograms(tmp_path / "histograms.json", {"energy": energy})
    figures.clusters(
        response=tmp_path / "response.json", noise=tmp_path / "noise.json",
        histograms=tmp_path / "histograms.json", **outputs(tmp_path, "a"),
    )  # fmt: skip
    bars = drawn[0].axes[2].patches
    assert [bar.get_height() for bar in bars[:2]] == pytest.approx([27.7 / 200] * 2)


def test_pulls_of_unknown_parameters_are_not_drawn():
    pull = GaussianCore(n=50, mean=0.1, mean_error=0.05, width=1.0, width_error=0.04)
    _, axis = new_figure()
    figures._draw_pulls(
        axis, {"muon": of_tracks(pulls={"d0": pull, "qoverp": pull}), "electron": of_tracks()}
    )
    assert [tick.get_text() for tick in axis.get_xticklabels()] == [r"$d_0$", r"$q/p$"]


def test_the_efficiency_has_bars_towards_its_interval(tmp_path, drawn):
    row = EfficiencyBin(low=1.0, high=10.0, efficiency=0.9, interval=(0.88, 0.91))
    content = TracksValidation(kinds={"muon": of_tracks([row])}, cocoa={}, curve={}, numbers=[])
    write_result(tmp_path / "tracks.json", content)
    figures.efficiency(tracks=tmp_path / "tracks.json", **outputs(tmp_path, "a"))
    axis = drawn[0].axes[0]
    ends = np.concatenate([
        path.vertices[:, 1] for bars in axis.collections for path in bars.get_paths()
    ])  # fmt: skip
    assert ends.min() == pytest.approx(0.88)
    assert ends.max() == pytest.approx(0.91)


def test_both_fits_of_the_missing_energy_are_named(tmp_path, drawn):
    bins = [
        {"low": 100.0 * k, "high": 100.0 * (k + 1), "sum_et": 100.0 * k + 50, "sigma": 5.0 + k,
         "sigma_error": 0.3, "mean": 0.1}
        for k in range(1, 4)
    ]  # fmt: skip
    fits = {"scaling": {"k": 0.5, "k_error": 0.1, "chi2": 2.0, "ndf": 2}, "jets": None}
    write_json(tmp_path / "met.json", {
        "bins": bins, "fits": fits, "kept": 99, "events": 100, "neutrino_pt": 5.0, "numbers": [],
    })  # fmt: skip
    figures.met(met=tmp_path / "met.json", **outputs(tmp_path, "a"))
    assert sum("ndf" in text for text in texts(drawn[0].axes[0])) == 1


def test_the_table_holds_all_numbers_and_leaves_unknown_ones_empty(tmp_path):
    known = number("b", 0.6, 0.03, sample="y", reference=0.5, tolerance=0.04, rule="exact",
                   source="COCOA")  # fmt: skip
    for name, row in (("a", number("a", 1.23456789, 0.1, sample="x")), ("b", known)):
        found = PionsValidation(kinds={}, numbers=[row])
        write_result(tmp_path / f"{name}.json", found)
    validation_table.table(
        numbers=[tmp_path / "a.json", tmp_path / "b.json"], table=tmp_path / "validation.csv"
    )
    table = read_csv(tmp_path / "validation.csv")
    assert table["quantity"].tolist() == ["a", "b"]
    assert table["value"].tolist() == [1.235, 0.6]
    assert table["pull"].tolist() == ["", "2.0"]
    assert table["status"].tolist() == ["", "failed"]


def judged_rows(folder, values):
    rows = [
        number(f"total, bin {k}", value, 0.03, sample="pion", reference=1.0, tolerance=0.02,
               rule="measured")
        for k, value in enumerate(values)
    ]  # fmt: skip
    write_result(folder / "a.json", PionsValidation(kinds={}, numbers=rows))
    return [folder / "a.json"]


def test_judged_numbers_are_drawn_in_tolerances_with_their_status(tmp_path, monkeypatch):
    kept = []
    save = validation_table.save_figure
    monkeypatch.setattr(
        validation_table, "save_figure", lambda drawn, *to: (kept.append(drawn), save(drawn, *to))
    )
    paths = judged_rows(tmp_path, [1.01, 1.05, 0.9])
    validation_table.figure(numbers=paths, **outputs(tmp_path, "status"))
    axis = kept[0].axes[0]
    (legend,) = kept[0].legends  # outside: its markers would be taken for numbers
    assert [each.get_text() for each in legend.get_texts()] == [
        "passed: 1", "failed: 1", "undecided: 1"
    ]  # fmt: skip
    points = [line.get_xdata() for line in axis.lines if len(line.get_xdata()) == 1]
    assert np.concatenate(points) == pytest.approx([0.5, -5.0, 2.5])
    assert [text.get_text() for text in axis.texts] == ["pion, bin 1", "pion, bin 2"]
    assert [tick.get_text() for tick in axis.get_yticklabels()] == ["total"]


def test_classes_have_their_titles_in_any_text():
    assert titled("mass of Hbb jets, 500 GeV") == f"mass of {TITLES['Hbb']} jets, 500 GeV"
    assert titled("bHbb, top") == "bHbb, top"


def test_a_run_without_judged_numbers_has_its_figure(tmp_path):
    row = number("a", 1.0, 0.1, sample="x")
    write_result(tmp_path / "a.json", PionsValidation(kinds={}, numbers=[row]))
    validation_table.figure(numbers=[tmp_path / "a.json"], **outputs(tmp_path, "status"))
    assert (tmp_path / "status.png").stat().st_size > 1000
