"""The response to photons: known responses are found, inverted, and bad input refused."""

import awkward as ak
import numpy as np
import pytest

from helpers.detected import FakeEvent, write_detected
from jetchain.core.errors import DataError, EmptySampleError
from jetchain.core.io.tables import write_json
from jetchain.particleflow.calibrate_photons import (
    calibrate_photons,
    photon_response,
    photon_responses,
    photon_table,
    read_photon_calibration,
)
from jetchain.particleflow.calibration_settings import CalibrationSettings, photon_calibration

SETTINGS = CalibrationSettings(
    samples=["photon_gun"], pt_edges=[0.0, 5.0, 10.0, 20.0, 40.0], eta_edges=[0.0, 1.5],
    minimum_entries=20, radius=0.2,
)  # fmt: skip


def truth(pt, eta):
    """A response that rises with pT and drops in the endcap."""
    return (0.7 + 0.05 * np.log(pt)) * np.where(np.abs(eta) < 1.5, 1.0, 0.8)


def test_a_known_response_is_found_and_inverted():
    rng = np.random.default_rng(1)
    n = 40_000
    pt, eta = np.exp(rng.uniform(0.5, 4, n)), rng.uniform(0, 2.5, n)
    ratio = truth(pt, eta) * rng.normal(1.0, 0.1, n)
    table = photon_table(pt, eta, ratio, SETTINGS)
    test_pt, test_eta = np.array([7.0, 12.0, 25.0, 15.0]), np.array([0.3, -1.0, 2.0, -2.2])
    measured = test_pt * truth(test_pt, test_eta)
    corrected = measured / photon_response(measured, test_eta, table)
    np.testing.assert_allclose(corrected, test_pt, rtol=0.02)
    for curve in table.curves:
        assert sum(curve.photons) <= n
        assert max(curve.error) < 0.01


def test_bins_without_photons_take_all_of_them_together():
    table = photon_table(np.full(50, 7.0), np.full(50, 0.1), np.full(50, 0.8), SETTINGS)
    assert photon_response(np.array([3.0]), np.array([2.0]), table) == pytest.approx(0.8)
    assert [curve.of_all for curve in table.curves].count(False) == 1


@pytest.mark.parametrize("response", [0.8, 0.0], ids=["too few", "unseen"])
def test_a_calibration_without_a_filled_bin_is_refused(response):
    n = 4 if response else 50
    with pytest.raises(EmptySampleError, match=f"{n} isolated photons.*minimum_entries = 20"):
        photon_table(np.full(n, 7.0), np.full(n, 0.1), np.full(n, response), SETTINGS)


def test_clusters_near_count_and_photons_with_neighbours_do_not(tmp_path):
    alone, crowded = [FakeEvent(), FakeEvent(number=2)], FakeEvent(number=1)
    for event in alone:
        photon = event.particle(22, pt=10.0, eta=0.0, phi=3.1)
        event.cluster(6000.0, 0.0, 3.1, [0, 1, 0, 0, 0, 0], parent=photon)
        event.cluster(2000.0, 0.1, -3.1, [0, 1, 0, 0, 0, 0], parent=photon)  # across +-pi
        event.cluster(5000.0, 0.5, 3.1, [0, 1, 0, 0, 0, 0], parent=photon)
    for eta in (0.0, 0.3):
        crowded.particle(22, pt=10.0, eta=eta, phi=1.0)
    path = tmp_path / "detected.root"
    write_detected(path, [alone[0], crowded, alone[1]])
    settings = photon_calibration().model_copy(update={"minimum_entries": 2})
    calibrate_photons(detected=[path], calibration=tmp_path / "c.json", settings=settings)
    table = read_photon_calibration(tmp_path / "c.json")
    assert table.curves[0].response == pytest.approx([0.8], rel=1e-3)
    assert table.curves[0].photons == [2]


def test_photons_that_leave_a_track_do_not_count(tmp_path):
    """A conversion loses its cluster to the electron's track: it is no response of photons."""
    events = [FakeEvent(number=n) for n in range(40)]
    for n, event in enumerate(events):
        photon = event.particle(22, pt=10.0, eta=0.0, phi=1.0)
        event.cluster(3000.0 if n % 2 else 9000.0, 0.0, 1.0, [0, 1, 0, 0, 0, 0], parent=photon)
        if n % 2:
            event.particle(11, pt=5.0, eta=2.0, phi=-1.0)
            event.rows["track"][-1]["parent_idx"] = 0
            event.rows["particle"].pop()
    path = write_detected(tmp_path / "detected.root", events)
    calibrate_photons(detected=[path], calibration=tmp_path / "c.json", settings=SETTINGS)
    table = read_photon_calibration(tmp_path / "c.json")
    assert table.curves[0].response == pytest.approx([0.9], rel=1e-3)
    assert table.curves[0].photons == [20]


def test_a_sample_without_photons_and_a_damaged_table_are_refused(tmp_path):
    event = FakeEvent()
    event.particle(211, pt=10.0, eta=0.0, phi=0.0)
    write_detected(tmp_path / "d.root", [event])
    with pytest.raises(EmptySampleError, match="no isolated photon"):
        calibrate_photons(
            detected=[tmp_path / "d.root"], calibration=tmp_path / "c.json", settings=SETTINGS
        )
    write_json(tmp_path / "c.json", {"eta_edges": [0.0], "curves": [{"response": [0.0]}]})
    with pytest.raises(DataError, match="not of the form PhotonTable"):
        read_photon_calibration(tmp_path / "c.json")
    curve = {
        "response": [0.0],
        "measured_pt": [1.0],
        "error": [0.1],
        "spread": [0.1],
        "photons": [9],
    }
    write_json(tmp_path / "c.json", {"eta_edges": [0.0], "curves": [curve]})
    with pytest.raises(DataError, match="not positive"):
        read_photon_calibration(tmp_path / "c.json")


def test_empty_events_have_no_photons():
    empty = {name: ak.Array([[]] * 2) for name in ("pdgid", "pt", "eta", "e")}
    particle = ak.zip(empty | {"eta_extrap_calo": empty["e"], "phi_extrap_calo": empty["e"]})
    topo = ak.zip({name: ak.Array([[1.0]] * 2) for name in ("bary_eta", "bary_phi", "e")})
    track = ak.zip({name: ak.Array([[1]] * 2) for name in ("parent_idx", "reconstructed")})
    pt, _, _ = photon_responses({"particle": particle, "topo": topo, "track": track}, 0.2)
    assert len(pt) == 0
