"""The calibration of jets: fit, inversion, closure on jets whose response is known."""

from __future__ import annotations

import awkward as ak
import numpy as np
import pytest

from helpers.made_up_jets import made_up
from jetchain.core.errors import ConfigurationError, EmptySampleError
from jetchain.core.io.events import write_events
from jetchain.core.io.tables import write_result
from jetchain.core.schema.jets import (
    JET_CLASSES,
    SHARES,
    JetCalibration,
    JetCalibrations,
    ResponseFit,
    jets_table,
)
from jetchain.core.settings import parse
from jetchain.jets.calibrate import calibrate, derive, pairs
from jetchain.jets.closure import (
    applied,
    closure,
    cross_calibrated,
    measure,
    peaks,
)
from jetchain.jets.cluster import calibrated, harder, labels_of, shares
from jetchain.jets.containers import Jets, Particles
from jetchain.jets.pairs import isolated, spread
from jetchain.jets.response import (
    OF_MASS,
    Bins,
    calibrated_values,
    fit_response,
    invert_mass,
    invert_pt,
    response,
    response_error,
)
from jetchain.jets.settings import (
    CalibrationJobSettings,
    ClosureJobSettings,
    JetsSettings,
    ResponseSettings,
)
from jetchain.plumbing.configuration import load

SETTINGS = ResponseSettings()


@pytest.fixture(scope="module")
def known():
    return derive(*made_up(1), 0.8, SETTINGS)


def test_the_inversion_undoes_the_response(known):
    random = np.random.default_rng(3)
    pt, eta = random.uniform(150, 3300, 200), random.uniform(-2.5, 2.5, 200)
    np.testing.assert_allclose(
        invert_pt(known.pt, pt * response(known.pt, pt, eta), eta), pt, rtol=1e-5
    )
    mass = pt * random.uniform(0.02, 0.45, 200)
    seen = mass * response(known.m, pt, eta, mass / pt)
    np.testing.assert_allclose(invert_mass(known.m, seen, pt, eta), mass, rtol=1e-5)


@pytest.mark.parametrize("power", [0.0, 5.0])
def test_jets_that_it_was_not_made_from_close(known, power):
    ours, truth = made_up(2, power)
    rows = measure((applied(ours, known), truth), "all", 0.8, ClosureJobSettings(class_radius=0.8))
    assert len(rows) > 10
    for row in rows:
        assert row.pt.median == pytest.approx(1.0, abs=0.005 + 3 * row.pt.median_error)
        assert row.m.median == pytest.approx(1.0, abs=0.01 + 3 * row.m.median_error)
        assert row.msd.median == pytest.approx(1.0, abs=0.01 + 3 * row.msd.median_error)
        assert row.pt_raw.median < 0.99


def test_no_shard_is_tested_with_a_calibration_of_its_own_jets():
    # The jets of one shard have 10 % more pT: those of the others do not know, and leave it.
    shards = [made_up(seed, jets=15_000) for seed in (21, 22)]
    shards[1][0]["pt_raw"] *= 1.1
    ours, truth = cross_calibrated(shards, 0.8, SETTINGS)
    first = np.arange(len(ours["pt"])) < 15_000
    ratio = ours["pt"] / truth["pt"]
    assert np.median(ratio[first]) == pytest.approx(1 / 1.1, abs=0.006)
    assert np.median(ratio[~first]) == pytest.approx(1.1, abs=0.006)


def test_what_depends_on_the_shares_is_corrected():
    # Jets with more photons have less response, those with more neutral hadrons more.
    ours, truth = made_up(12)
    factor = 1 - 0.25 * (ours["photon"] - 0.275) + 0.15 * (ours["neutral_hadron"] - 0.275)
    ours["pt_raw"] = ours["pt_raw"] * factor
    known = derive(ours, truth, 0.8, SETTINGS)
    after = applied(ours, known)["pt"] / truth["pt"]
    before = invert_pt(known.pt, ours["pt_raw"], ours["eta"]) / truth["pt"]
    assert spread(after).resolution < 0.94 * spread(before).resolution
    for name in SHARES:
        for low in (0.05, 0.2, 0.35):
            inside = (ours[name] >= low) & (ours[name] < low + 0.15)
            assert np.median(after[inside]) == pytest.approx(1.0, abs=0.005)


def test_shares_of_the_pt_follow_the_particles():
    # Two events; of the first one's particles the second was taken away before clustering.
    label = ak.Array([[0, 2, 1], [2, 0]])
    momentum = np.array(
        [[3.0, 4.0, 9.0, 9.0], [0.0, 15.0, 1.0, 9.0], [6.0, 0, 0, 9], [2.0, 0, 0, 9]]
    )
    particles = Particles(momentum, np.array([0, 2, 4]), np.array([0, 2, 0, 1]))
    kinds = labels_of(particles, ak.zip({"label": label}))
    np.testing.assert_array_equal(kinds, [0, 1, 2, 0])
    jets = Jets(np.ones((2, 4)), np.array([0, 1, 2]), np.arange(4), np.array([0, 2, 4]), outside=0)
    found = shares(jets, particles, kinds)
    np.testing.assert_allclose(found["neutral_hadron"], [0.75, 0.0])
    np.testing.assert_allclose(found["photon"], [0.0, 0.75])


def test_peaks_are_those_of_the_jets_with_the_mass_of_their_class():
    random = np.random.default_rng(13)
    jets = 400
    truth = {"pt": np.full(jets, 600.0), "msd": np.full(jets, 80.4), "label": np.full(jets, 2)}
    ours = {"msd": 80.4 * random.normal(1.05, 0.05, jets)}
    truth["msd"][:150], ours["msd"][:150] = 20.0, 80.4  # groomed away in truth
    truth["label"][150] = JET_CLASSES.index("top")
    (row,) = peaks((ours, truth), 0.8, ClosureJobSettings(class_radius=0.8))
    assert "W jets" in row.quantity
    assert row.value == pytest.approx(1.05, abs=4 * row.error)
    assert row.status == "failed"
    ours["msd"] /= 1.05
    assert peaks((ours, truth), 0.8, ClosureJobSettings(class_radius=0.8))[0].status == "passed"


def test_a_falling_spectrum_gives_the_same_calibration(known):
    # Numerical inversion: the response at given true values does not know the spectrum.
    other = derive(*made_up(4, power=1.0), 0.8, SETTINGS)
    pt, eta = np.geomspace(200, 1000, 40), np.linspace(-2.4, 2.4, 40)
    np.testing.assert_allclose(response(other.pt, pt, eta), response(known.pt, pt, eta), atol=0.006)


def test_the_error_of_the_fit_is_that_of_its_replicas():
    fits = [derive(*made_up(seed, jets=4000), 0.8, SETTINGS).pt for seed in range(12)]
    pt, eta = np.full(3, 500.0), np.array([0.3, 0.9, 2.2])
    spreads = np.std([response(fit, pt, eta) for fit in fits], axis=0)
    errors = np.mean([response_error(fit, pt, eta) for fit in fits], axis=0)
    assert np.all(spreads < 2.0 * errors)
    assert np.all(errors < 3.0 * spreads)


def test_an_empty_bin_follows_its_neighbours_and_a_far_jet_the_end_of_the_range():
    eta = np.array([0.25, 1.25])
    bins = Bins(np.full(2, 500.0), eta, np.full(2, 0.1), np.full(2, 0.93), np.full(2, 0.001))
    fit = fit_response(bins, [0.25, 0.75, 1.25, 2.0], (150.0, 3300.0))
    found = response(fit, np.full(2, 500.0), np.array([0.75, 2.4]))
    np.testing.assert_allclose(found, 0.93, atol=0.02)
    ends = response(fit, np.array([3300.0, 9000.0]), np.zeros(2))
    assert ends[0] == ends[1]


def test_the_mass_of_few_jets_in_the_endcap_is_followed():
    nodes = np.array([0.25, 0.75, 1.25, 1.75, 2.25])
    seen = np.array([0.95, 0.95, 0.95, 1.0, 1.45])
    bins = Bins(np.full(5, 500.0), nodes, np.full(5, 0.1), seen, np.full(5, 0.05))
    fit = fit_response(bins, nodes, (150.0, 3300.0), (0.02, 0.45), OF_MASS)
    found = response(fit, np.full(5, 500.0), nodes, np.full(5, 0.1))
    np.testing.assert_allclose(found, seen, atol=0.04)


def test_no_jets_have_no_response(known):
    none = np.zeros(0)
    raw = dict.fromkeys(("pt", "eta", "m", "msd", *SHARES), none)
    assert [len(values) for values in calibrated_values(known, raw).values()] == [0, 0, 0]


def test_isolated_jets_have_no_other_jet_near():
    jets = {
        "event": np.array([0, 0, 0, 1]),
        "eta": np.array([0.0, 0.5, 2.0, 0.0]),
        "phi": np.array([3.1, -3.1, 0.0, 3.1]),
    }
    np.testing.assert_array_equal(isolated(jets, 1.0), [False, False, True, True])
    np.testing.assert_array_equal(isolated(jets, 0.4), [True] * 4)


def test_pairs_are_rows_of_the_same_jets():
    ours, truth = made_up(5, jets=50)
    order = np.arange(50)
    ours["pt"] = ours["pt_raw"]
    left, right = pairs(ours, truth, 0.8, SETTINGS)
    np.testing.assert_array_equal(left["event"], order)
    np.testing.assert_array_equal(right["event"], order)


def flat_fit(value, ratio=False):
    powers = [(0, 0)]
    return ResponseFit(
        eta=[0.0], pt_range=(150.0, 3300.0), ratio_range=(0.02, 0.45) if ratio else None,
        powers=powers, coefficients=[[value]], covariance=[[0.0]],
    )  # fmt: skip


def test_columns_are_scaled_and_the_raw_ones_kept():
    flat = JetCalibration(
        radius=0.8, jets=1, pt=flat_fit(0.5), m=flat_fit(0.5, True),
        shares=[flat_fit(1.28, True), flat_fit(1.25, True)],
    )  # fmt: skip
    columns = {
        name: ak.Array([[value], []])
        for name, value in (
            ("pt", 400.0),
            ("eta", 1.0),
            ("m", 40.0),
            ("msd", 20.0),
            *((s, 0.2) for s in SHARES),
        )
    }
    found = calibrated(columns, flat)
    assert found["pt"].to_list() == [[pytest.approx(500.0)], []]
    assert found["m"].to_list() == [[pytest.approx(100.0)], []]
    assert found["msd"].to_list() == [[pytest.approx(25.0)], []]  # as the pT, and no further
    assert found["pt_raw"].to_list() == [[400.0], []]
    assert calibrated(columns, None).keys() == {"pt_raw", "m_raw", "msd_raw"}


def test_a_gap_in_pt_is_bridged(known):
    # Of the jets around 700 GeV none was generated: those of the other bins lead over the gap.
    ours, truth = made_up(10)
    kept = (truth["pt"] < 400) | (truth["pt"] > 1100)
    some = derive(*({n: v[kept] for n, v in each.items()} for each in (ours, truth)), 0.8, SETTINGS)
    pt, eta = np.geomspace(400, 1100, 20), np.linspace(-2.4, 2.4, 20)
    np.testing.assert_allclose(response(some.pt, pt, eta), response(known.pt, pt, eta), atol=0.01)
    ratio = np.full(20, 0.1)
    np.testing.assert_allclose(
        response(some.m, pt, eta, ratio), response(known.m, pt, eta, ratio), atol=0.02
    )


def test_jets_without_mass_are_refused_by_name():
    ours, truth = made_up(11, jets=3000)
    truth["m"] = np.zeros(3000)
    with pytest.raises(EmptySampleError, match="calibration of the jets' mass"):
        derive(ours, truth, 0.8, SETTINGS)


def test_shards_without_a_jet_are_named(tmp_path):
    table = jets_table((0.8,))
    nothing = ak.Array([[], []])
    event = {"number": np.arange(2), "weight": np.ones(2)}
    columns = {
        name: {
            column: ak.values_astype(ak.Array([[[0]], []])[:, :0] if declared.nested else nothing,
                                     np.float32)
            for column, declared in found.items()
        }
        for name, found in table.collections.items()
    }  # fmt: skip
    path = tmp_path / "dijets" / "0000.root"
    path.parent.mkdir()
    write_events(path, table, {"event": event} | columns)
    job = CalibrationJobSettings(radii=[0.8])
    with pytest.raises(EmptySampleError, match=r"dijets.*0 isolated jets.*") as refused:
        calibrate(jets=[path], calibration=tmp_path / "c.json", settings=job)
    assert "jets.calibration.sample" in refused.value.remedy
    write_result(tmp_path / "c.json", JetCalibrations(radii=[derive(*made_up(1), 0.8, SETTINGS)]))
    with pytest.raises(EmptySampleError, match=r"dijets.*0 isolated jets"):
        closure(
            jets=[path, path], classes=[path], calibration=tmp_path / "c.json",
            closure=tmp_path / "closure.json", settings=ClosureJobSettings(class_radius=0.8),
        )  # fmt: skip


@pytest.mark.parametrize("seed", range(4))
def test_where_few_jets_were_a_calibration_goes_no_farther_than_they_do(seed):
    """Some bins of mass are filled; between them and beyond, a parabola would multiply by 20."""
    few = derive(*made_up(seed, jets=3000), 0.8, SETTINGS)
    random = np.random.default_rng(seed)
    pt, size = np.exp(random.uniform(np.log(20), np.log(7000), 20_000)), 20_000
    ratio = np.exp(random.uniform(np.log(1e-4), np.log(0.9), size))
    raw = {"pt": pt, "eta": random.uniform(-3, 3, size), "m": pt * ratio, "msd": pt * ratio}
    found = calibrated_values(few, raw | {name: random.uniform(0, 1, size) for name in SHARES})
    for name in ("pt", "m"):
        scale = found[name] / raw[name]
        assert scale.min() > 0.7
        assert scale.max() < 2.2


def test_too_few_jets_are_refused():
    with pytest.raises(EmptySampleError, match=r"jets.calibration.enabled"):
        derive(*made_up(1, jets=20), 0.8, SETTINGS)


def test_spread_of_a_gaussian():
    found = spread(np.random.default_rng(7).normal(0.9, 0.09, 40_000))
    assert found.median == pytest.approx(0.9, abs=4 * found.median_error)
    assert found.resolution == pytest.approx(0.1, abs=4 * found.resolution_error)


@pytest.mark.parametrize(
    ("changed", "complaint"),
    [
        ({"pt_edges": [300.0, 200.0]}, "pt_edges"),
        ({"mass_ratio_edges": [0.0, 0.2]}, "mass_ratio_edges"),
        ({"mass_eta_edges": [-1.0, 2.5]}, "begin at 0 or above"),
    ],
)
def test_refused_bins(changed, complaint):
    with pytest.raises(ConfigurationError, match=complaint):
        parse(JetsSettings, {"calibration": changed})


@pytest.mark.parametrize(
    ("values", "complaint"),
    [
        ({"sample": "quarks"}, "quarks"),
        ({"sample": "lhco_signal"}, "two are needed"),
        ({"pt_min": 300.0}, "must not be above 0.8 times jets.calibration.pt_edges"),
    ],
)
def test_what_must_agree(values, complaint):
    with pytest.raises(ConfigurationError, match=complaint):
        load({"jets": {"calibration": values}})
    load({"jets": {"calibration": {"enabled": False, "sample": "lhco_signal"}}})


def test_jets_are_ordered_and_cut_by_calibrated_pt():
    # Two jets of one event: the softer one, in the endcap, is the harder one once calibrated.
    momentum = np.array(
        [[400.0, 0.0, 0.0, 400.0], [-390.0, 0.0, 1500.0, 1550.0], [0.0, 150.0, 0.0, 150.0]]
    )
    jets = Jets(
        momentum, np.array([0, 3]), np.array([5, 6, 7, 8, 9]), np.array([0, 2, 4, 5]), outside=0
    )
    fit = flat_fit(1.0).model_copy(
        update={"eta": [0.0, 2.0], "coefficients": [[1.0], [0.8]], "covariance": [[0.0] * 2] * 2}
    )
    one = flat_fit(1.0, True)
    known = JetCalibration(radius=0.8, jets=1, pt=fit, shares=[one, one], m=one)
    particles = Particles(np.ones((10, 4)), np.array([0, 10]), np.arange(10))
    found = harder(jets, particles, np.zeros(10, int), known, 200.0)
    np.testing.assert_array_equal(found.momentum, momentum[[1, 0]])
    np.testing.assert_array_equal(found.constituents, [7, 8, 5, 6])
    np.testing.assert_array_equal(found.constituent_offset, [0, 2, 4])
    np.testing.assert_array_equal(found.offset, [0, 2])
