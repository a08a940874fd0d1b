"""Missing energy and jets where the clusters are known: copies of the true particles."""

import awkward as ak
import numpy as np
import pytest

from helpers.events import generated_events
from jetchain.detector.settings import EstimatorSettings, JetsJobSettings
from jetchain.detector.validation import unsimulated
from jetchain.detector.validation.estimators import fit_resolution
from jetchain.detector.validation.jets import cluster_jets, in_jet_bins, matched_jets
from jetchain.detector.validation.met import FITS, missing_momentum, resolution_in_bins

MEV = 1e3


def copies(generated, scale=1.0, keep=None):
    """Clusters of the energies and directions of the true particles (of those kept), in MeV."""
    particle = generated["particle"] if keep is None else generated["particle"][keep]
    pt = np.hypot(particle["px"], particle["py"])
    eta = np.arcsinh(particle["pz"] / pt)
    return ak.zip({
        "e": MEV * scale * pt * np.cosh(eta), "bary_eta": eta,
        "bary_phi": np.arctan2(particle["py"], particle["px"]),
    })  # fmt: skip


def tracks(pdgid, pt, eta, phi, events):
    flat = {
        "pdgid": pdgid, "reconstructed": np.ones(len(pdgid), int),
        "theta": 2 * np.arctan(np.exp(-np.asarray(eta))), "phi": phi,
        "qoverp": 1 / (MEV * np.asarray(pt) * np.cosh(eta)),
    }  # fmt: skip
    counts = [len(pdgid)] + [0] * (events - 1)
    return ak.zip({name: ak.unflatten(np.asarray(value), counts) for name, value in flat.items()})


def photons(events=50, each=20, seed=2):
    random = np.random.default_rng(seed)
    n = events * each
    return generated_events(
        22, random.exponential(10, n) + 2, random.uniform(-2.9, 2.9, n),
        random.uniform(-np.pi, np.pi, n), per_event=each,
    )  # fmt: skip


def test_perfect_clusters_leave_no_residual_and_far_particles_do_not_count():
    generated = photons()
    table = {"topo": copies(generated), "track": tracks([], [], [], [], 50)}
    found = missing_momentum(table, generated, eta_max=3.0)
    np.testing.assert_allclose(found["residual"], 0, atol=1e-9)
    pt = np.hypot(generated["particle"]["px"], generated["particle"]["py"])
    np.testing.assert_allclose(found["sum_et"], ak.sum(pt, axis=1), rtol=1e-9)
    eta = np.arcsinh(generated["particle"]["pz"] / pt)
    table["topo"] = copies(generated, keep=np.abs(eta) < 1.5)
    inner = missing_momentum(table, generated, eta_max=1.5)
    np.testing.assert_allclose(inner["residual"], 0, atol=1e-9)


def test_muon_tracks_count_and_neutrinos_are_not_visible():
    generated = generated_events([13, 14], [30.0, 25.0], [0.3, -1.0], [0.5, 2.0], per_event=2)
    none = ak.unflatten(np.empty(0), [0])
    detected = {
        "topo": ak.zip({"e": none, "bary_eta": none, "bary_phi": none}),
        "track": tracks([13, 211], [30.0, 99.0], [0.3, 1.0], [0.5, 1.0], 1),
    }
    found = missing_momentum(detected, generated, eta_max=3.0)
    np.testing.assert_allclose(found["residual"], 0, atol=1e-9)
    assert found["sum_et"][0] == pytest.approx(30.0)
    assert found["neutrino_pt"][0] == pytest.approx(25.0)


def test_a_square_root_is_found():
    random = np.random.default_rng(3)
    sum_et = random.uniform(100, 1500, 6000)
    residual = 0.8 * np.sqrt(sum_et)[:, None] * random.normal(0, 1, (6000, 2))
    rows = resolution_in_bins(residual, sum_et, replicas=40, seed=1)
    s, sigma, error = (np.array([r[k] for r in rows]) for k in ("sum_et", "sigma", "sigma_error"))
    fit = fit_resolution(s, sigma / s, error / s, FITS["scaling"])
    assert fit["k"] == pytest.approx(0.8, abs=4 * fit["k_error"])
    # chi2 of 5 degrees of freedom, 0.9999 quantile; the errors come from 40 replicas.
    assert fit["chi2"] < 26 * 1.2
    few = resolution_in_bins(residual[:4], sum_et[:4], replicas=4, seed=1)
    assert [row["low"] for row in few] == sorted(sum_et[:4])
    both = fit_resolution(s, sigma / s, error / s, FITS["jets"])
    assert fit["chi2"] - both["chi2"] < 4**2  # the term that is not there takes no more


def test_jets_of_scaled_copies_have_the_scale_as_response():
    generated = photons(events=200)
    detected = {"topo": copies(generated, scale=0.7)}
    jets = matched_jets(detected, generated)
    matched = np.isfinite(jets["response"])
    # Cluster jets below 5 GeV are not kept; the others are the same jets.
    assert matched[jets["pt"] > 5 / 0.7 + 1e-6].all()
    np.testing.assert_allclose(jets["response"][matched], 0.7, rtol=1e-6)
    rows = in_jet_bins(
        jets, jets["pt"], np.array([10.0, 20.0, 80.0]), EstimatorSettings(replicas=10), 1
    )
    assert [row["core"] for row in rows] == [pytest.approx(0.7, rel=1e-6)] * 2
    assert [row["matched"] for row in rows] == [1.0] * 2


def test_jets_with_a_neighbour_and_without_a_match():
    generated = generated_events(
        22, [50.0, 40.0, 30.0, 60.0], [0.0, 0.8, -2.0, 0.0], [0.0, 0.0, 2.0, -2.5], per_event=4
    )
    detected = {"topo": copies(generated, keep=ak.Array([[True, True, True, False]]))}
    jets = matched_jets(detected, generated)
    assert sorted(jets["pt"].round(3).tolist()) == [30.0, 60.0]
    by_pt = dict(zip(jets["pt"].round(3).tolist(), jets["response"].tolist(), strict=True))
    assert by_pt[30.0] == pytest.approx(1.0, rel=1e-6)
    assert np.isnan(by_pt[60.0])


def test_events_without_particles_have_no_jets():
    none = ak.unflatten(np.empty(0), [0, 0])
    momentum = ak.zip(dict.fromkeys(("px", "py", "pz", "E"), none))
    assert ak.num(cluster_jets(momentum, 5.0)["pt"]).tolist() == [0, 0]


def test_what_is_never_simulated_of_a_jet_is_what_lies_under_the_threshold():
    """Back to back: 600 GeV in one particle and 100 of 0.2 GeV around it, on either side."""
    angle, soft = np.linspace(0, 2 * np.pi, 100, endpoint=False), np.full(100, 0.2)
    eta = np.concatenate([[0.0], 0.5 * np.cos(angle)] * 2)
    phi = np.concatenate([[0.0], 0.5 * np.sin(angle), [np.pi], np.pi + 0.5 * np.sin(angle)])
    pt = np.concatenate([[600.0], soft] * 2)
    generated = generated_events(22, pt, eta, phi, per_event=202)
    jets = unsimulated.true_jets(generated["particle"], pt_min=0.3, eta_max=3.0)
    assert jets["constituents"].tolist() == [101, 101]
    assert jets["simulated"].tolist() == [1, 1]

    # Of massless particles m^2 = sum of 2 pT pT (cosh d_eta - cos d_phi) over the pairs.
    def pair(a, b):
        return 2 * pt[a] * pt[b] * (np.cosh(eta[a] - eta[b]) - np.cos(phi[a] - phi[b]))

    whole = np.sqrt(sum(pair(a, b) for a in range(101) for b in range(a)))
    np.testing.assert_allclose(jets["m"], whole, rtol=1e-4)
    np.testing.assert_allclose(jets["m_simulated"], 0, atol=0.1)
    all_of_it = unsimulated.true_jets(generated["particle"], pt_min=0.1, eta_max=3.0)
    np.testing.assert_allclose(all_of_it["m_simulated"], all_of_it["m"])
    settings = JetsJobSettings(
        estimators=EstimatorSettings(replicas=20, minimum_entries=5),
        particle_pt_min=0.3, particle_eta_max=3.0,
    )  # fmt: skip
    assert unsimulated.numbers(jets, settings, seed=1) == []  # too few jets
    many = {name: np.repeat(values, 10) for name, values in jets.items()}
    constituents, mass = unsimulated.numbers(many, settings, seed=1)
    assert constituents.value == pytest.approx(100 / 101)
    assert mass.value == pytest.approx(1, abs=1e-3)
    assert "pT < 0.3 GeV" in mass.sample


@pytest.mark.parametrize("pt", [[], [50.0, 40.0]])
def test_events_without_particles_or_hard_jets_lack_nothing(pt):
    nothing = generated_events(22, pt, [0.0] * len(pt), [0.0] * len(pt), per_event=1)
    found = unsimulated.true_jets(nothing["particle"], 0.3, 3.0)
    assert all(len(values) == 0 for values in found.values())
