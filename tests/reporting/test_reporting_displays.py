"""Event displays, jet images and maps of the networks from small result tables."""

from __future__ import annotations

import hist
import numpy as np
import pytest
from matplotlib.colors import Normalize
from matplotlib.patches import Circle

from jetchain.core.errors import DataError
from jetchain.core.figure_data import figure_data
from jetchain.core.histograms import save_histograms
from jetchain.core.io.tables import read_json, write_json, write_result
from jetchain.core.schema.jets import JET_CLASSES, EventJets
from jetchain.core.schema.particleflow import Influence, InfluenceExample
from jetchain.core.schema.tagging import PairShares, TaggerExplanation
from jetchain.core.style import new_figure
from jetchain.core.verbs import Labels
from jetchain.reporting import display, explanation, influence, jet_images
from jetchain.reporting.names import TITLES
from jetchain.reporting.signed_map import signed_map, significant

LAYERS = [{"name": "ECAL1", "inner": 1.0, "outer": 2.0, "cells": 4},
          {"name": "HCAL1", "inner": 3.0, "outer": 4.0, "cells": 8}]  # fmt: skip


def seen(number: int = 1) -> dict:
    return {
        "number": number,
        "radii": {"tracker": [0.5], "layers": LAYERS, "barrel_eta": 1.5, "field": 3.8},
        "track": {"eta": [0.1], "phi": [3.1], "pt": [20.0], "d0_significance": [0.3]},
        "lines": [[[0.0, 1.0], [0.0, 0.1]]],
        "cluster": {"eta": [0.0], "phi": [3.1], "e": [50.0], "electromagnetic_fraction": [0.9]},
        "barrel": {"layer": [0, 1], "bin": [0, 7], "et": [5.0, 2.0]},
    }


def found(number: int = 1, phi: float = 3.0) -> dict:
    jets = {"eta": [0.0], "phi": [phi], "pt": [600.0], "m": [90.0], "msd": [80.0], "label": ["W"]}
    partons = {"pdgid": [5], "mother_pdgid": [6], "pt": [500.0], "eta": [0.0], "phi": [phi]}
    return {
        "number": number, "position": 0, "radius": 0.8, "pt_min": 500.0, "passes": True,
        "jets": jets, "truth": jets, "parton": partons,
    }  # fmt: skip


def drawn(figure, path, params=None, **inputs) -> list[dict]:
    """The axes of a figure of JSON inputs, as its data have them."""
    for name, content in inputs.items():
        write_json(path / f"{name}.json", content)
    figure(
        **{name: path / f"{name}.json" for name in inputs},
        pdf=path / "f.pdf", png=path / "f.png", data=path / "f_data.json", **(params or {}),
    )  # fmt: skip
    return read_json(path / "f_data.json")["axes"]


def test_tables_of_different_events_are_refused(tmp_path) -> None:
    with pytest.raises(DataError, match=r"event 1, .* of event 2"):
        drawn(display.event, tmp_path, detector=seen(1), jets=found(2))
    assert not (tmp_path / "f.png").exists()


def test_a_display_says_which_rule_chose_it_and_how_strong_the_field_is(tmp_path) -> None:
    detector = seen() | {"radii": seen()["radii"] | {"field": 2.0}}
    plane, across = drawn(display.event, tmp_path, detector=detector, jets=found())
    assert plane["titles"][-1] == "jets, event 1"
    assert "B = 2 T" in across["titles"][-1]
    jets = found() | {"passes": False, "pt_min": 900.0}
    plane, _ = drawn(display.event, tmp_path, detector=detector, jets=jets)
    expected = "no event has a jet above 900 GeV: this one has the hardest\njets, event 1"
    assert plane["titles"][-1] == expected


def test_an_event_of_nothing_is_displayed(tmp_path) -> None:
    def emptied(table: dict, names: tuple[str, ...]) -> dict:
        return table | {name: {key: [] for key in table[name]} for name in names}

    nothing = emptied(seen(), ("track", "cluster", "barrel")) | {"lines": []}
    plane, _ = drawn(
        display.event, tmp_path, detector=nothing,
        jets=emptied(found(), ("jets", "truth", "parton")) | {"passes": False},
    )  # fmt: skip
    assert not [series for series in plane["series"] if series.get("x")]
    assert plane["titles"][-1] == "no event has a jet above 500 GeV\njets, event 1"


def test_a_jet_at_the_seam_is_seen_on_both_sides() -> None:
    _, ax = new_figure()
    display.draw_plane(ax, seen(), EventJets(**found(phi=3.0)))
    centres = [patch.center for patch in ax.patches if isinstance(patch, Circle)]
    visible = {round(y, 3) for _, y in centres if abs(y) < np.pi + 0.8}
    assert visible == {3.0, round(3.0 - 2 * np.pi, 3)}


def test_cells_fill_their_ring_at_their_azimuth() -> None:
    barrel = {"layer": np.array([0, 0, 1]), "bin": np.array([0, 3, 7]), "et": np.ones(3)}
    corners, _ = display.cell_corners(barrel, LAYERS)
    np.testing.assert_allclose(
        np.hypot(*corners.transpose(2, 0, 1)), [[1, 2, 2, 1], [1, 2, 2, 1], [3, 4, 4, 3]]
    )
    # Bin 0 begins and the last bin ends at the seam.
    np.testing.assert_allclose(corners[0, 0], [-1.0, 0.0], atol=1e-12)
    np.testing.assert_allclose(corners[1, 2], [-2.0, 0.0], atol=1e-12)
    np.testing.assert_allclose(corners[2, 2], [-4.0, 0.0], atol=1e-12)


def test_labels_lie_inside_the_axes_off_the_jets_and_off_each_other() -> None:
    random = np.random.default_rng(0)
    for _ in range(20):
        jets = {"eta": random.uniform(-2.4, 2.4, 3), "phi": random.uniform(-np.pi, np.pi, 3)}
        places = np.array(display.label_places(jets, 0.8, np.zeros((0, 2))))
        assert (np.abs(places) < np.pi).all()
        for k, (x, y) in enumerate(places):
            others = np.abs(np.delete(places, k, axis=0) - (x, y))
            assert ((others[:, 0] >= display.BOX[0]) | (others[:, 1] >= display.BOX[1])).all()
            assert np.hypot(jets["eta"][k] - x, jets["phi"][k] - y) > 0.8


def test_a_signed_map_hides_what_is_not_significant_and_marks_what_is_negative() -> None:
    _, ax = new_figure()
    value = np.array([[3.0, -3.0, 1.0], [-1.0, 0.0, -5.0]])
    edges = (np.array([0.0, 1.0, 2.0]), np.array([0.0, 1.0, 2.0, 3.0]))
    mesh = signed_map(ax, edges, value, np.ones((2, 3)), 1000, Normalize(-5, 5))
    shown = np.ma.getmaskarray(mesh.get_array()).reshape(3, 2).T
    np.testing.assert_array_equal(~shown, [[True, True, False], [False, False, True]])
    (minus,) = ax.lines
    assert set(zip(minus.get_xdata(), minus.get_ydata(), strict=True)) == {(0.5, 1.5), (1.5, 2.5)}
    assert not ax.texts


def test_of_many_pixels_noise_is_not_significant_and_a_signal_is() -> None:
    """Means of 100 jets in 30 x 30 pixels: 45 of them are two errors from 0 by chance."""
    jets = np.random.default_rng(4).normal(size=(100, 900))
    jets[:, :10] += 0.8
    value, error = jets.mean(axis=0), jets.std(axis=0, ddof=1) / 10
    assert 30 < (np.abs(value[10:]) > 2 * error[10:]).sum() < 60
    found = significant(value, error, 100)
    assert found[:10].all()
    assert found[10:].sum() <= 2


def test_noise_is_taken_for_a_signal_in_one_of_twenty_maps_of_few_jets() -> None:
    """Four jets: their errors are uncertain too, as Student's t knows and a Gaussian does not."""
    jets = np.random.default_rng(5).normal(size=(300, 4, 25))
    value, error = jets.mean(axis=1), jets.std(axis=1, ddof=1) / 2
    wrong = sum(significant(*each, 4).any() for each in zip(value, error, strict=True))
    assert wrong < 0.05 * 300 + 3 * np.sqrt(0.05 * 0.95 * 300)


def test_pixels_that_no_jet_reaches_are_no_tests() -> None:
    value, error = np.array([3.0, *np.zeros(999)]), np.array([1.0, *np.zeros(999)])
    assert significant(value, error, 1000).tolist() == [True] + [False] * 999
    assert not significant(np.zeros(5), np.zeros(5), 1000).any()


def test_of_one_jet_nothing_is_significant_and_the_map_says_so() -> None:
    _, ax = new_figure()
    edges = (np.arange(3.0), np.arange(3.0))
    mesh = signed_map(ax, edges, np.ones((2, 2)), np.zeros((2, 2)), 1, Normalize(-1, 1))
    assert np.ma.getmaskarray(mesh.get_array()).all()
    assert ax.texts[0].get_text() == "no pixel differs\nsignificantly from 0"


def average(jets: int) -> tuple[hist.Hist, dict]:
    """An average image of one full pixel, and its entry in the summary."""
    axes = [hist.axis.Regular(5, -0.8, 0.8, name=name, flow=False) for name in ("across", "along")]
    image = hist.Hist(*axes, storage=hist.storage.Weight())
    image.view().value[2, 2], image.view().variance[2, 2] = 1.0, 0.01
    return image, {"jets": jets, "mean_pt": 600.0, "outside": 0.0}


@pytest.mark.parametrize("jets", [{}, {"quark": 9}, {"quark": 1, "top": 9}])
def test_jet_images_of_few_classes_say_what_is_missing(tmp_path, jets) -> None:
    made = {name: average(number) for name, number in jets.items()}
    save_histograms(tmp_path / "images.json", {name: image for name, (image, _) in made.items()})
    write_json(tmp_path / "summary.json", {name: entry for name, (_, entry) in made.items()})
    jet_images.images(
        histograms=tmp_path / "images.json", summary=tmp_path / "summary.json",
        pdf=tmp_path / "f.pdf", png=tmp_path / "f.png", data=tmp_path / "f.json",
    )  # fmt: skip
    axes = read_json(tmp_path / "f.json")["axes"]
    missing = {ax["notes"][0] for ax in axes[:-1] if "no jets" in ax["notes"]}
    assert missing == {TITLES[name] for name in set(JET_CLASSES) - set(jets)}
    expected = "no pixel differs\nsignificantly from 0"
    assert axes[-1]["notes"][1] == (expected if "top" in jets else "no jets of one class")


def explained(
    pair: str, difference: float = 0.0, gap: float = 0.0, difference_error: float | None = None,
    **features: tuple[float, float | None],
) -> TaggerExplanation:  # fmt: skip
    """The explanation of one pair: share and error by feature; of one jet without errors."""
    errors = [error for _, error in features.values() if error is not None]
    shares = PairShares(
        jets=5 if errors else 1,
        share=[share for share, _ in features.values()],
        error=errors or None,
        difference=difference,
        difference_error=difference_error,
        gap=gap,
        gap_rms=0.0,
    )
    return TaggerExplanation(model="pfn", features=list(features), pairs={pair: shares})


def test_a_map_of_a_network_that_depends_on_nothing_is_empty(tmp_path) -> None:
    image, _ = average(1)
    image.view().value[:] = 0.0
    save_histograms(tmp_path / "maps.json", {"W_vs_QCD": image})
    write_result(tmp_path / "importance.json", explained("W_vs_QCD", charge=(0.0, 0.0)))
    explanation.explanation(
        maps=tmp_path / "maps.json", importance=tmp_path / "importance.json",
        taggers=Labels({"pfn": "PFN"}),
        pdf=tmp_path / "f.pdf", png=tmp_path / "f.png", data=tmp_path / "f.json",
    )  # fmt: skip
    axes = read_json(tmp_path / "f.json")["axes"]
    assert "no pixel" in axes[0]["notes"][0]
    assert axes[0]["titles"][-1] == "PFN"


def test_the_table_of_features_greys_what_is_not_significant() -> None:
    _, ax = new_figure()
    content = explained(
        "top_vs_QCD", log_pt=(1.0, 0.1), charge=(-0.1, 0.2), difference=0.8, gap=0.1,
        difference_error=0.05,
    )  # fmt: skip
    explanation.draw_features(ax, content)
    colours = {text.get_text(): text.get_color() for text in ax.texts}
    assert colours == {
        "+1.00$\\pm$0.10": "black", "-0.10$\\pm$0.20": "0.45", "+0.90": "black",
        "+0.80$\\pm$0.05": "black",
    }  # fmt: skip


def test_shares_of_one_jet_are_drawn_grey_without_errors() -> None:
    _, ax = new_figure()
    content = explained(
        "top_vs_QCD", log_pt=(1.0, None), charge=(-0.1, None), difference=0.8, gap=0.1
    )
    explanation.draw_features(ax, content)
    assert [(text.get_text(), text.get_color()) for text in ax.texts] == [
        ("+1.00", "0.45"), ("-0.10", "0.45"), ("+0.90", "black"), ("+0.80", "black"),
    ]  # fmt: skip


def test_nodes_are_drawn_by_the_sign_of_their_influence() -> None:
    _, ax = new_figure()
    example = {"delta_eta": [0.0, 0.1, 0.2], "delta_phi": [0.0, 0.0, 0.1], "centre": 0,
               "influence": [0.0, -4.0, 1.0], "is_track": [0, 1, 0], "edges": [[0, 1], [1, 2]],
               "expected_pt": 10.0, "number": 3, "pt": [1.0, 2.0, 3.0]}  # fmt: skip
    influence.draw_neighbourhood(ax, InfluenceExample(**example))
    drawn = {
        tuple(np.round(offset, 3)): size
        for each in ax.collections[1:5]
        for offset, size in zip(each.get_offsets().tolist(), each.get_sizes(), strict=True)
    }
    assert drawn == {(0.1, 0.0): 900.0, (0.2, 0.1): 225.0}


OF_MLPF = {"labels": {"mlpf": "MLPF"}, "algorithm": "mlpf", "sample": "top"}
EMPTY = {"pairs": [0], "mean": [0.0], "error": [None]}
EMPTY_2 = {name: 2 * values for name, values in EMPTY.items()}


def test_the_figure_of_influence_says_that_no_cluster_is_hard_enough(tmp_path) -> None:
    content = {
        "example": {"delta_eta": [0.0], "delta_phi": [0.0], "centre": 0, "influence": [0.0],
                    "is_track": [0], "edges": [], "expected_pt": 2.0, "number": 3, "pt": [2.0]},
        "profile": {"edges": [0.0, 0.1], "track": EMPTY, "cluster": EMPTY},
        "events": 2, "clusters": 0, "pt_min": 5.0,
    }  # fmt: skip
    near, profile = drawn(influence.influence, tmp_path, OF_MLPF, influence=content)
    assert near["titles"][-1] == "MLPF, event 3, sample top"
    expected = "MLPF expects no cluster with $p_T$ > 5 GeV\nin the first 2 events"
    assert profile["notes"] == [expected]
    near, _ = drawn(influence.influence, tmp_path, OF_MLPF, influence=content | {"example": None})
    assert near["notes"] == ["no cluster in the first 2 events"]


def test_what_has_no_error_is_drawn_without_one() -> None:
    _, ax = new_figure()
    of = {"pairs": [4, 5], "mean": [0.3, 0.2], "error": [0.1, None]}
    content = Influence(
        example=None, profile={"edges": [0.0, 0.1, 0.2], "track": of, "cluster": EMPTY_2},
        events=1, clusters=2, pt_min=5.0,
    )  # fmt: skip
    influence.draw_profile(ax, content)
    track = figure_data(ax.figure)["axes"][0]["series"][0]
    assert track["y"] == [0.3, 0.2]
    assert track["y_low"] == [0.2, None]


def test_a_lone_cluster_has_an_empty_profile(tmp_path) -> None:
    """No other node is near: there is nothing whose influence could be drawn."""
    content = {
        "example": None, "profile": {"edges": [0.0, 0.1], "track": EMPTY, "cluster": EMPTY},
        "events": 1, "clusters": 1, "pt_min": 5.0,
    }  # fmt: skip
    _, profile = drawn(influence.influence, tmp_path, OF_MLPF, influence=content)
    assert all(series["x"] == [] for series in profile["series"])
