"""Residuals, pulls and efficiency of fresh tracks."""

import awkward as ak
import numpy as np
import pytest
from scipy.stats import binom

from helpers.guns import GEOMETRY, gun_files
from jetchain.core.io.events import read_events
from jetchain.core.io.tables import read_json
from jetchain.core.schema.detector import DETECTED
from jetchain.core.schema.generate import GENERATED
from jetchain.detector.flight.tracker import PARAMETERS
from jetchain.detector.geometry.description import read_geometry
from jetchain.detector.settings import EstimatorSettings
from jetchain.detector.validation.tracks import efficiency, thrown_tracks
from jetchain.detector.validation.tracks import tracks as validate_tracks

FIELD = read_geometry(GEOMETRY).magnetic_field
MUONS = {"pdgids": [13, -13], "minimum": 2.0, "maximum": 100.0, "eta_max": 2.4}


@pytest.fixture(scope="module")
def muons(tmp_path_factory):
    return gun_files(tmp_path_factory.mktemp("muons"), 800, **MUONS)


def read(files):
    return read_events(files[0], DETECTED), read_events(files[1], GENERATED)


def test_unsmeared_tracks_are_the_thrown_particles(tmp_path):
    files = gun_files(tmp_path, 100, simulation={"smear_tracks": False}, **MUONS)
    tracks = thrown_tracks(*read(files), FIELD)
    assert tracks["found"].mean() > 0.9
    found = tracks["residual"][tracks["found"]]
    # Single precision in the files: mm, rad, and q/p relative to 1/(100 GeV).
    limits = dict(zip(PARAMETERS, (1e-6, 1e-6, 1e-6, 1e-6, 1e-9), strict=True))
    for k, name in enumerate(PARAMETERS):
        assert np.abs(found[:, k]).max() < limits[name], name


def test_pulls_have_mean_zero_and_width_one(muons, tmp_path):
    validate_tracks(
        events=[muons[0]], truth=[muons[1]], geometry=GEOMETRY, output=tmp_path / "tracks.json",
        settings=EstimatorSettings(replicas=40), seed=1,
    )  # fmt: skip
    found = read_json(tmp_path / "tracks.json")["kinds"]["muon"]
    assert set(found["pulls"]) >= {"d0", "z0"}
    for name, pull in found["pulls"].items():
        assert abs(pull["mean"]) < 4 * pull["mean_error"], name
        assert pull["width"] == pytest.approx(1, abs=4 * pull["width_error"]), name
        # The errors themselves: of a Gaussian sample 1/sqrt(n), and more for its core.
        assert 0.8 < pull["mean_error"] * np.sqrt(pull["n"]) < 2, name


def test_the_rows_of_other_tracks_and_of_lost_ones_do_not_count(muons):
    detected, generated = read(muons)
    n = len(generated["event"])
    before = thrown_tracks(detected, generated, FIELD)
    # No track; decayed into another particle; particle not simulated.
    track = detected["track"]
    lost = ak.with_field(
        track, ak.where(ak.local_index(track["d0"], axis=0) < 10, 0, track["reconstructed"]),
        "reconstructed",
    )  # fmt: skip
    particle = detected["particle"]
    number = ak.local_index(particle["pt"], axis=0)
    other = ak.with_field(
        particle,
        ak.where((number >= 10) & (number < 30), 11, particle["pdgid"]),
        "pdgid",
    )
    other = ak.with_field(other, ak.where(number >= n - 50, -1, other["truth_idx"]), "truth_idx")
    after = thrown_tracks(detected | {"track": lost, "particle": other}, generated, FIELD)
    assert len(after["found"]) == len(before["found"]) - 50
    assert not after["found"][:30].any()
    assert (after["found"][30:] == before["found"][30:-50]).all()
    assert np.isnan(after["residual"][:30]).all()


def test_an_efficiency_lies_inside_its_interval():
    values, found = np.linspace(0, 2, 200, endpoint=False), np.arange(200) % 10 > 0
    rows = efficiency(values, found, np.array([0.0, 1.0, 2.0]), minimum=10)
    for row in rows:
        assert row["efficiency"] == 0.9
        low, high = row["interval"]
        # What the interval of Clopper and Pearson is defined by.
        assert binom.sf(89, 100, low) == pytest.approx(0.1587, abs=1e-3)
        assert binom.cdf(90, 100, high) == pytest.approx(0.1587, abs=1e-3)


def test_at_500_gev_a_momentum_is_known_to_thirty_percent(tmp_path):
    """The last row of COCOA's table, 6e-7 / MeV; a straight line through those below has 8 %."""
    hard = {"pdgids": [13, -13], "minimum": 500.0, "maximum": 1000.0, "eta_max": 2.4}
    files = gun_files(tmp_path, 300, **hard)
    validate_tracks(
        events=[files[0]], truth=[files[1]], geometry=GEOMETRY, output=tmp_path / "tracks.json",
        settings=EstimatorSettings(replicas=20), seed=1,
    )  # fmt: skip
    rows = read_json(tmp_path / "tracks.json")["numbers"]
    (row,) = (row for row in rows if row["quantity"] == "sigma(p)/p at 500 GeV")
    assert row["reference"] == pytest.approx(0.3)
    assert row["value"] == pytest.approx(0.3, abs=4 * row["error"])
    assert row["error"] < 0.03
