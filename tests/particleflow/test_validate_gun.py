"""Totals of single particles: what is theirs, of known sums."""

from __future__ import annotations

import numpy as np
import pytest

from helpers.detected import FakeEvent, write_detected
from helpers.reconstructed import write_reco
from jetchain.core.errors import EmptySampleError
from jetchain.core.io.tables import read_json
from jetchain.particleflow.evaluate import evaluate
from jetchain.particleflow.settings import EvaluationSettings
from jetchain.particleflow.validate_gun import gun_bins, validate_gun


def muons(number: int, pt: float = 7.0) -> list[FakeEvent]:
    events = []
    for index in range(number):
        event = FakeEvent(number=index)
        event.particle(13, pt, 0.0, 0.5)
        event.cluster(2000.0, 0.0, 0.5, [0, 1, 0, 0, 0, 0])
        events.append(event)
    return events


def run(tmp_path, events):
    """One particle of 7 GeV an event, reconstructed as one of 7.7 GeV."""
    rows = [[{"pt": 7.7, "eta": 0.0, "phi": 0.5, "e": 7.7, "label": 4}] for _ in events]
    reco = write_reco(tmp_path / "particles.root", events, rows)
    detected = write_detected(tmp_path / "detected.root", events)
    performance, output = tmp_path / "performance.json", tmp_path / "guns.json"
    evaluate(
        particles=[reco], detected=[detected], performance=performance,
        histograms=tmp_path / "histograms.json", settings=EvaluationSettings(),
    )  # fmt: skip
    validate_gun(particles=[reco], detected=[detected], performance=performance, output=output)
    return read_json(output)


def test_energy_counted_twice_shows(tmp_path):
    result = run(tmp_path, muons(30))
    (row,) = result["kinds"]["muon"]["by_pt"]
    assert (row["low"], row["high"], row["particles"], row["lost"]) == (5.0, 10.0, 30, 0)
    assert row["mean"] == pytest.approx(1.1, abs=1e-3)
    (number,) = (n for n in result["numbers"] if n["quantity"].endswith("pT 5 to 10 GeV"))
    assert (number["reference"], number["status"]) == (1.0, "failed")


def test_muons_that_are_a_bad_track_alone_are_left_out(tmp_path):
    """Of 1/p known to 10 to 60 % the mean of p is that of its tail."""
    assert run(tmp_path, muons(30, pt=300.0))["kinds"]["muon"] == {"by_pt": [], "by_eta": []}


def test_lost_particles_are_counted_beside_the_mean():
    total = np.array([1.0] * 60 + [0.0] * 40)
    (row,) = gun_bins(np.full(100, 3.0), total, (1.0, 5.0))
    assert (row.mean, row.mean_of_all, row.lost) == pytest.approx((1.0, 0.6, 0.4))


def test_one_doubled_particle_is_not_clipped_away():
    total = np.array([1.0] * 99 + [5.0])
    (row,) = gun_bins(np.full(100, 3.0), total, (1.0, 5.0))
    assert row.mean == pytest.approx(1.04)


def test_a_gun_of_many_particles_is_refused(tmp_path):
    events = muons(25)
    for event in events:
        event.particle(13, 7.0, 1.0, 2.5)
    with pytest.raises(EmptySampleError, match="holds one particle"):
        run(tmp_path, events)
