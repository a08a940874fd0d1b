"""Jets, their content and the missing momentum: perfect and flawed reconstructions."""

from __future__ import annotations

import numpy as np
import pytest

from helpers.detected import FakeEvent, write_detected
from helpers.reconstructed import write_reco
from jetchain.core.errors import DataError, EmptySampleError
from jetchain.core.io.tables import read_csv, read_result
from jetchain.core.schema.particleflow_jets import JetPerformance
from jetchain.particleflow.evaluate import true_class
from jetchain.particleflow.evaluate_jets import RADIUS, calibrated, evaluate_jets
from jetchain.particleflow.settings import JetEvaluationSettings
from jetchain.reporting import particleflow_event, particleflow_jets

SETTINGS = JetEvaluationSettings(max_events=200, minimum_pt=1.0, maximum_eta=2.5)


def dijets(number: int, seed: int) -> list[FakeEvent]:
    """Two jets of some 600 GeV each, back to back, of charged hadrons, photons and neutrons."""
    random = np.random.default_rng(seed)
    events = []
    for index in range(number):
        event = FakeEvent(number=index)
        eta, phi = random.uniform(-1.5, 1.5), random.uniform(-3, 0)
        for jet in range(2):
            for code in random.choice([211, -211, 22, 2112], 20):
                event.particle(int(code), 5 + random.exponential(25.0),
                               eta * (1 - 2 * jet) + random.normal(0, 0.1),
                               phi + jet * np.pi + random.normal(0, 0.1))  # fmt: skip
        event.cluster(600_000.0, eta, phi, [0, 1, 0, 0, 0, 0])
        events.append(event)
    return events


def perfect(events, scale=1.0):
    return [
        [
            {"pt": scale * 1e-3 * row["pt"], "eta": row["eta"], "phi": row["phi"],
             "e": scale * 1e-3 * row["e"],
             "label": int(true_class(np.array([row["pdgid"]]), row["charge"])[0])}
            for row in event.rows["particle"]
        ]
        for event in events
    ]  # fmt: skip


@pytest.fixture
def run(tmp_path):
    def evaluated(events, rows, name="one", settings=SETTINGS):
        evaluate_jets(
            particles=[write_reco(tmp_path / f"{name}.root", events, rows)],
            detected=[write_detected(tmp_path / "detected.root", events)],
            performance=tmp_path / f"{name}.json",
            settings=settings,
        )
        (sample,) = read_result(tmp_path / f"{name}.json", JetPerformance).samples.values()
        return sample

    return evaluated


def test_the_truth_as_its_own_reconstruction_is_perfect(run):
    events = dijets(25, 1)
    sample = run(events, perfect(events))
    assert sum(each.jets for each in sample.pflow) > 40
    for each in sample.pflow:
        assert each.matched == each.jets
        if each.jets >= 4:
            # Neutrons and pions keep their energy, so that the mass is right as well.
            assert each.pt.median == pytest.approx(1, abs=1e-4)
            assert each.pt.width == pytest.approx(0, abs=1e-4)
            assert each.mass.median == pytest.approx(1, abs=2e-2)
    np.testing.assert_allclose(sample.content.reconstructed, sample.content.truth, atol=1e-5)
    assert sample.content.error == pytest.approx([0.0] * 5, abs=1e-5)
    assert sum(sample.content.truth) == pytest.approx(1)
    assert sample.pflow_missing.resolution == pytest.approx(0, abs=1e-3)
    assert sample.particles["pflow"] == sample.particles["truth"]
    assert sum(sample.particles["truth"]) == pytest.approx(40, abs=1)


def test_a_wrong_scale_moves_the_response_and_is_calibrated_away(run):
    events = dijets(25, 2)
    rows = perfect(events, 0.9)
    sample = run(events, rows)
    bins = [each for each in sample.pflow if each.jets >= 4]
    assert bins
    for each in bins:
        assert each.pt.median == pytest.approx(0.9, abs=1e-3)
        assert each.calibrated.median == pytest.approx(1.0, abs=1e-3)


def test_calibration_is_by_group_and_of_all_where_a_group_is_small():
    ratio = np.array([0.8] * 10 + [1.2] * 12 + [1.0] * 3)
    group = np.array([0] * 10 + [1] * 12 + [2] * 3)
    np.testing.assert_allclose(calibrated(ratio, group), [1.0] * 22 + [1.0 / np.median(ratio)] * 3)


def test_a_lost_class_is_missing_from_the_content_and_balances_nothing(run):
    events = dijets(25, 3)
    rows = [[row for row in each if row["label"] != 2] for each in perfect(events)]
    sample = run(events, rows)
    assert sample.content.reconstructed[2] == 0
    assert sample.content.truth[2] > 0.1
    assert sample.content.error[2] > 0
    assert sample.pflow_missing.resolution > 10
    assert sample.particles["pflow"][2] == 0


def test_nothing_reconstructed_gives_no_matched_jet(run):
    events = dijets(5, 4)
    sample = run(events, [[] for _ in events])
    assert [each.matched for each in sample.pflow] == [0] * len(sample.pflow)
    assert sum(each.jets for each in sample.pflow) > 0
    assert sample.content.reconstructed == [0.0] * 5
    assert all(each.pt.median is None for each in sample.pflow)


def test_no_event_and_files_of_other_events_are_refused(run, tmp_path):
    with pytest.raises(EmptySampleError, match="no event"):
        run([], [])
    events = dijets(3, 5)
    reco = write_reco(tmp_path / "a.root", events[:2], perfect(events[:2]))
    with pytest.raises(DataError):
        evaluate_jets(
            particles=[reco], detected=[write_detected(tmp_path / "b.root", events)],
            performance=tmp_path / "c.json", settings=SETTINGS,
        )  # fmt: skip


@pytest.mark.shared
def test_figures_table_and_display_are_drawn_the_same_twice(run, tmp_path):
    events = dijets(25, 6)
    labels = {"one": "one", "two": "another"}
    run(events, perfect(events))
    run(events, [each[:30] for each in perfect(events, 0.95)], "two")
    inputs = {"performance": [tmp_path / f"{name}.json" for name in labels]}
    shown = {
        "detected": tmp_path / "detected.root",
        "particles": [tmp_path / f"{name}.root" for name in labels],
    }
    for draw, given in ((particleflow_jets.jets, inputs), (particleflow_event.event, shown)):
        made = []
        for turn in range(2):
            outputs = {kind: tmp_path / f"{turn}.{kind}" for kind in ("pdf", "png", "data")}
            draw(**given, labels=labels, **outputs)
            made.append([path.read_bytes() for path in outputs.values()])
        assert made[0] == made[1]
    particleflow_jets.table(**inputs, labels=labels, table=tmp_path / "table.csv")
    table = read_csv(tmp_path / "table.csv")
    assert {*table["algorithm"]} == {"one", "two", "clusters alone"}
    assert RADIUS == 0.8
