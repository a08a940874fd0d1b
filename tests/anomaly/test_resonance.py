"""The signal's dijet mass: region, peak, and what the jets' uncertainties change, against laws."""

from __future__ import annotations

import awkward as ak
import numpy as np
import pytest
from scipy import stats

from helpers.raw import uncalibrated
from jetchain.anomaly.resonance import look_up, peak, resonance, uncertainties
from jetchain.anomaly.settings import ResonanceJob
from jetchain.core.errors import EmptySampleError
from jetchain.core.histograms import load_histograms
from jetchain.core.io.events import write_events
from jetchain.core.io.tables import read_result, write_result
from jetchain.core.schema.anomaly import Resonance
from jetchain.core.schema.jets import JET, JetClosure, UncertaintyRow, jets_table
from jetchain.reporting import anomaly as figures

REGION = (3.3, 3.7)
TRIGGER = 1200.0


def back_to_back(mass):
    """Two massless jets at eta = 0 with this dijet mass (events,) in TeV: pT is half of it."""
    pt = np.repeat(np.asarray(mass) * 500.0, 2)
    columns = {name: np.full(len(pt), 0.1) for name in ("tau1", "tau2")}
    columns |= {"pt": pt, "eta": np.zeros(len(pt)), "m": np.full(len(pt), 1e-3)}
    columns["phi"] = np.tile([0.0, np.pi], len(mass))
    return ak.unflatten(ak.zip(columns), np.full(len(mass), 2))


def row(pt=(1000.0, 2000.0), eta=(0.0, 2.5), **values):
    fields = dict.fromkeys(UncertaintyRow.model_fields, 0.0) | values
    return UncertaintyRow(
        **fields
        | {
            "radius": 1.0, "pt_low": pt[0], "pt_high": pt[1], "eta_low": eta[0], "eta_high": eta[1]
        }
    )  # fmt: skip


def test_the_scale_moves_the_edges_of_the_region():
    # Of masses uniform in 3 to 4 TeV a scale of 1 + s leaves 0.4 / (1 + s) in the region.
    jets = [back_to_back(np.linspace(3.0, 4.0, 20_001))]
    found = uncertainties(jets, [row(jes=0.02)], TRIGGER, REGION)
    assert found.jes_up == pytest.approx(1 / 1.02 - 1, abs=2e-3)
    assert found.jes_down == pytest.approx(1 / 0.98 - 1, abs=2e-3)
    assert found.jer == pytest.approx(0.0, abs=2e-3)
    assert found.total == pytest.approx(np.hypot(1 / 0.98 - 1, found.jer), abs=3e-3)


def test_the_resolution_smears_a_narrow_signal_out_of_it():
    # sqrt(0.13^2 - 0.12^2) = 0.05 a jet: 0.05 / sqrt(2) of the dijet mass.
    jets = [back_to_back(np.full(100, 3.5)), back_to_back(np.full(50, 3.5))]
    found = uncertainties(jets, [row(jer=0.12, jer_uncertainty=0.01)], TRIGGER, REGION)
    width = 3.5 * 0.05 / np.sqrt(2)
    expected = stats.norm.cdf(3.7, 3.5, width) - stats.norm.cdf(3.3, 3.5, width)
    assert found.jer == pytest.approx(expected - 1, rel=1e-3)
    assert (found.jes_up, found.jes_down) == (0.0, 0.0)
    assert found.total == pytest.approx(1 - expected, rel=1e-3)


def test_the_scale_of_the_mass_moves_heavy_jets_by_their_part_of_the_dijet_mass():
    # Two jets back to back of transverse energy E: the dijet mass is 2 E, with E^2 = pT^2 + m^2.
    heavy = back_to_back(np.full(10, 3.4))
    heavy = ak.with_field(heavy, ak.full_like(heavy.pt, 500.0), "m")
    low = 2e-3 * np.sqrt(1700.0**2 + 500.0**2)
    found = uncertainties([heavy], [row(jms=0.1)], TRIGGER, (2.0, low + 1e-3))
    assert (found.jms_up, found.jms_down, found.total) == (-1.0, 0.0, 1.0)
    assert uncertainties([heavy], [row(jms=0.1)], TRIGGER, (2.0, 3.7)).total == 0.0


def test_the_scale_moves_events_over_the_trigger():
    # The leading jet has 1190 GeV: only the scale up passes.
    pt = ak.Array([[1190.0, 1180.0]])
    jets = ak.with_field(back_to_back([3.5]), pt, "pt")
    wide = (2.0, 3.7)
    found = uncertainties([jets, back_to_back([3.5])], [row(jes=0.02)], TRIGGER, wide)
    assert found.jes_up == pytest.approx(1.0)  # twice as many
    assert found.jes_down == 0.0


def test_nothing_is_known_without_a_table_or_a_signal():
    assert uncertainties([back_to_back([3.5])], [], TRIGGER, REGION) is None
    assert uncertainties([back_to_back([2.9])], [row(jes=0.01)], TRIGGER, REGION) is None


def test_a_jet_outside_the_table_takes_the_nearest_bin():
    rows = [row((200, 500), jes=0.1), row((500, 900), (0, 1), jes=0.2),
            row((500, 900), (1, 2), jes=0.3)]  # fmt: skip
    pt = np.array([100.0, 300.0, 600.0, 600.0, 5000.0, 5000.0])
    eta = np.array([0.0, 2.0, 0.5, -1.5, 0.0, 2.4])
    np.testing.assert_allclose(look_up(rows, "jes", pt, eta), [0.1, 0.1, 0.2, 0.3, 0.2, 0.3])


def test_the_peak_is_the_mode_and_not_the_mean():
    random = np.random.default_rng(1)
    masses = np.concatenate([random.normal(3.5, 0.1, 8000), random.uniform(2, 3.5, 4000)])
    assert peak(masses) == pytest.approx(3.5, abs=0.015)
    assert masses.mean() < 3.3
    assert peak(np.array([3.5])) == 3.5


def shard(path, mass, shift):
    """Reconstructed jets have `shift` times the mass of the true ones."""

    def collection(masses):
        jets = back_to_back(masses)
        empty = ak.zeros_like(jets.pt)
        found = {name: jets[name] if name in jets.fields else empty for name in JET}
        found["label"] = ak.values_astype(empty, np.int32)
        found["constituents"] = ak.Array([[[], []]] * len(masses))
        return ak.zip(found, depth_limit=2)

    count = np.arange(len(mass))
    truth, ours = collection(mass), collection(shift * np.asarray(mass))
    extra = uncalibrated({name: ours[name] for name in ("pt", "m", "msd")})
    for name, values in extra.items():
        ours[name] = values
    tables = {"event": {"number": count, "weight": np.ones(len(mass))}}
    write_events(path, jets_table((1.0,)), tables | {"ak10": ours, "truth_ak10": truth})
    return path


def test_shares_and_peaks_stand_beside_what_is_wanted_and_are_drawn(tmp_path):
    random = np.random.default_rng(2)
    masses = random.normal(3.5, 0.15, 2000)
    paths = [shard(tmp_path / f"{k}.root", each, 0.94) for k, each in
             enumerate(np.split(masses, 2))]  # fmt: skip
    content = JetClosure(closure=[], uncertainties=[row(jes=0.01)], numbers=[])
    write_result(tmp_path / "c.json", content)
    files = {"histograms": tmp_path / "h.json", "summary": tmp_path / "r.json"}
    settings = ResonanceJob(signal_region=list(REGION), radius=1.0, trigger_pt=TRIGGER)
    resonance(signal=paths, closure=[tmp_path / "c.json"], settings=settings, seed=3, **files)
    found = read_result(files["summary"], Resonance)
    assert found.share["truth"] == pytest.approx(np.mean(np.abs(masses - 3.5) < 0.2), abs=2e-3)
    assert found.peak_tev["reconstructed"] == pytest.approx(0.94 * 3.5, abs=0.02)
    assert found.jets.jes_up > 0.02
    share, _, position = found.numbers
    assert share.status == "failed"
    assert share.value == found.share["reconstructed"]
    assert position.status == "failed"
    assert load_histograms(files["histograms"])["truth"].sum().value == 2000
    drawn = {kind: tmp_path / f"f.{kind}" for kind in ("pdf", "png", "data")}
    figures.resonance(**files, **drawn)
    assert drawn["png"].stat().st_size > 0


def test_a_signal_that_never_triggers_is_named(tmp_path):
    path = shard(tmp_path / "0000.root", [1.0, 1.1], 1.0)
    settings = ResonanceJob(signal_region=list(REGION), radius=1.0, trigger_pt=TRIGGER)
    with pytest.raises(EmptySampleError, match="trigger"):
        resonance(
            signal=[path], closure=[], histograms=tmp_path / "h.json", summary=tmp_path / "r.json",
            settings=settings, seed=1,
        )  # fmt: skip
