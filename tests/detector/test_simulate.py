"""The verb: files, truth, account, determinism, response."""

import json
from pathlib import Path

import awkward as ak
import numpy as np
import pytest

from helpers.events import generated_events
from jetchain.core.errors import DataError
from jetchain.core.io.events import read_events, write_events
from jetchain.core.io.tables import read_json
from jetchain.core.schema.detector import DETECTED
from jetchain.core.schema.generate import GENERATED
from jetchain.detector.event import EventSimulation
from jetchain.detector.geometry.description import build_geometry, read_geometry
from jetchain.detector.settings import SimulationSettings
from jetchain.detector.simulate import simulate, simulate_chunks
from jetchain.detector.table import Account

COCOA = Path(__file__).parents[2] / "resources" / "geometry" / "cocoa.yaml"
QUIET = {"noise": False, "sampling_step": 0.0, "smear_tracks": False}


def detect(geometry, events, seed=3, **settings):
    """Tables of all chunks joined, with the truth of the cells, and the account."""
    simulation = EventSimulation(geometry, SimulationSettings(**settings), seed, True)
    totals = Account(geometry)
    chunks = list(simulate_chunks(events, simulation, totals))
    joined = {
        collection: {
            name: np.concatenate([chunk[collection][name] for chunk in chunks])
            if collection == "event"
            else ak.concatenate([chunk[collection][name] for chunk in chunks])
            for name in chunks[0][collection]
        }
        for collection in chunks[0]
    }
    return joined, totals.summary().model_dump()


@pytest.fixture(scope="module")
def mixed():
    """40 events of 8 particles: every kind, displaced vertices, a neutrino, a soft one."""
    rng = np.random.default_rng(11)
    n = 320
    return generated_events(
        np.tile([211, -211, 22, 130, 11, 13, 2112, 12], 40),
        np.where(np.arange(n) % 16 == 0, 0.2, 10 ** rng.uniform(0.1, 2, n)),
        rng.uniform(-3.2, 3.2, n),
        rng.uniform(-np.pi, np.pi, n),
        vertex=rng.normal(0, 1, (n, 3)) * [1, 1, 40],
        per_event=8,
        first_number=1000,
    )


def test_files_hold_the_same_events_and_are_byte_identical(tmp_path, mixed):
    write_events(tmp_path / "in.root", GENERATED, mixed)
    results = []
    for size in (7, 7, 40):
        simulate(
            events=tmp_path / "in.root",
            pileup=[],
            geometry=COCOA,
            output=tmp_path / "out.root",
            account=tmp_path / "out.json",
            settings=SimulationSettings(chunk_events=size),
            seed=5,
        )
        content = (tmp_path / "out.root").read_bytes(), (tmp_path / "out.json").read_bytes()
        results.append((content, read_events(tmp_path / "out.root", DETECTED)))
    assert results[0][0] == results[1][0]
    # Another chunk size: other baskets, the same numbers.
    for collection, declared in DETECTED.collections.items():
        for name in declared:
            first, second = results[0][1][collection][name], results[2][1][collection][name]
            assert ak.array_equal(first, second), (collection, name)
    assert np.asarray(results[0][1]["event"]["number"]).tolist() == list(range(1000, 1040))
    account = read_json(tmp_path / "out.json")
    assert account["particles"]["invisible"] == 40
    assert account["particles"]["below_pt"] == 20
    lost = ("invisible", "below_pt", "beyond_eta", "simulated")
    assert account["particles"]["generated"] == sum(account["particles"][name] for name in lost)


def test_energy_account_closes(geometry, mixed):
    _, account = detect(geometry, mixed)
    for kind, parts in account["energy"].items():
        rest = sum(value for name, value in parts.items() if name != "true")
        assert rest == pytest.approx(parts["true"], rel=1e-6), kind
        deposited = sum(account["energy_by_layer"][kind].values())
        assert deposited == pytest.approx(parts["deposited"], rel=1e-9)
    energy = account["particle_energy"]
    parts = energy["invisible"] + energy["below_pt"] + energy["beyond_eta"] + energy["simulated"]
    assert energy["generated"] == pytest.approx(parts, rel=1e-9)
    listed = sum(parts["true"] for parts in account["energy"].values())
    assert listed + energy["decay_neutrinos"] == pytest.approx(energy["simulated"], rel=1e-6)
    cells = account["energy_in_cells"]
    deposited = sum(parts["deposited"] for parts in account["energy"].values())
    assert cells["deposited"] == pytest.approx(deposited, rel=1e-9)
    assert cells["in_clustered_cells"] + cells["below_threshold"] == pytest.approx(deposited)
    assert 0 < cells["below_threshold"] < 0.2 * deposited


def test_events_do_not_depend_on_those_before(geometry, mixed):
    _, alone = detect(geometry, {name: mixed[name][30:] for name in ("event", "particle")})
    whole, _ = detect(geometry, mixed)
    part, _ = detect(geometry, {name: mixed[name][30:] for name in ("event", "particle")})
    assert ak.array_equal(whole["topo"]["e"][30:], part["topo"]["e"])
    other, _ = detect(geometry, mixed, seed=4)
    assert not ak.array_equal(whole["topo"]["e"], other["topo"]["e"])
    assert alone["events"] == 10


def test_incidence_columns_sum_to_one_and_tracks_point_back(geometry, mixed):
    data, _ = detect(geometry, mixed)
    noise = clusters = conversions = 0
    for i in range(40):
        tracks, topo = len(data["track"]["d0"][i]), len(data["topo"]["e"][i])
        idx = np.asarray(data["particle_to_node"]["idx"][i])
        particle = np.asarray(data["particle_to_node"]["particle"][i])
        weight = np.asarray(data["particle_to_node"]["weight"][i])
        column = np.bincount(idx, weights=weight, minlength=tracks + topo)
        np.testing.assert_allclose(column[:tracks], 1.0)
        filled = column[tracks:] > 0
        np.testing.assert_allclose(column[tracks:][filled], 1.0, rtol=1e-6)
        noise += (~filled).sum()
        clusters += topo
        parents = np.asarray(data["track"]["parent_idx"][i])
        assert particle[idx < tracks].tolist() == parents.tolist()
        back = np.asarray(data["particle"]["track_idx"][i])
        made, by = data["track"]["pdgid"][i], np.asarray(data["particle"]["pdgid"][i])[parents]
        own = np.asarray(made) == by
        assert back[parents[own]].tolist() == np.flatnonzero(own).tolist()
        # All others are electrons of converted photons, which have no track of their own.
        assert set(np.abs(made[~own]).tolist()) <= {11}
        assert set(by[~own].tolist()) <= {22}
        assert (back[parents[~own]] == -1).all()
        conversions += int((~own).sum())
    assert clusters > 200
    assert conversions > 0
    assert noise < 0.2 * clusters


def test_cells_belong_to_clusters_and_their_truth_adds_up(geometry, mixed):
    data, _ = detect(geometry, mixed)
    cell, topo, truth = data["cell"], data["topo"], data["cell_truth"]
    assert ak.all(cell["topo_idx"][:, 1:] >= cell["topo_idx"][:, :-1])
    assert ak.all(ak.max(cell["topo_idx"], axis=1) <= ak.num(topo["e"]))
    assert ak.min(cell["topo_idx"]) == 1
    # Shared cells move energy between clusters of an event, never out of it.
    np.testing.assert_allclose(ak.sum(cell["e"], axis=1), ak.sum(topo["e"], axis=1), rtol=1e-4)
    true = ak.flatten(truth["che"] + truth["nue"])
    listed = ak.flatten(ak.sum(truth["parent_energy"], axis=2))
    assert ak.all(listed <= true * (1 + 1e-5))
    assert ak.sum(listed) > 0.98 * ak.sum(true)
    assert ak.all((ak.flatten(truth["parent_idx"]) >= 0) == (true > 0))


def test_without_noise_and_fluctuations_clusters_hold_the_deposited_energy(geometry):
    events = generated_events(22, np.full(200, 50.0), 0.4, np.linspace(-3, 3, 200))
    data, account = detect(geometry, events, **QUIET)
    clustered = np.asarray(ak.sum(data["topo"]["e"], axis=1))
    deposited = np.asarray(ak.flatten(data["particle"]["dep_energy"]))
    assert (clustered <= deposited * (1 + 1e-5)).all()
    assert clustered.sum() / deposited.sum() > 0.97
    assert account["energy_in_cells"]["measured_in_clusters"] == pytest.approx(
        clustered.sum() / 1e3, rel=1e-6
    )


def response(geometry, pdgid, energy, eta_max, n=600, **settings):
    """Clusters' energy over the true energy of single particles."""
    rng = np.random.default_rng(4)
    eta, phi = rng.uniform(-eta_max, eta_max, n), rng.uniform(-np.pi, np.pi, n)
    events = generated_events(pdgid, energy / np.cosh(eta), eta, phi)
    data, _ = detect(geometry, events, store_cells=False, **settings)
    return np.asarray(ak.sum(data["topo"]["e"], axis=1)) / (1e3 * energy)


def test_response_without_material_is_that_of_a_homogeneous_calorimeter(geometry):
    # 1 within the gap's losses and the positive noise at the clusters' borders; the resolution is
    # sampling (10 %/sqrt(E) = 2.2 %), noise and leakage into the gap.
    found = response(geometry, 22, 20.0, 2.5, material=False)
    assert found.mean() == pytest.approx(1.0, abs=0.04)
    assert 0.02 < found.std() < 0.05


def test_iron_in_front_costs_response_the_more_of_it_there_is(geometry):
    barrel, all_eta = response(geometry, 22, 20.0, 0.5), response(geometry, 22, 20.0, 2.5)
    assert 0.9 < barrel.mean() < 1.02
    assert all_eta.mean() < barrel.mean() - 4 * barrel.std() / np.sqrt(len(barrel))


def test_pulls_of_track_parameters_are_unit_gaussians(geometry):
    rng = np.random.default_rng(6)
    n = 2000
    vertex = rng.normal(0, 1, (n, 3)) * [0.5, 0.5, 40]
    events = generated_events(
        211,
        10 ** rng.uniform(0.1, 2, n),
        rng.uniform(-2.4, 2.4, n),
        rng.uniform(-3, 3, n),
        vertex,
        per_event=20,
    )
    smeared, _ = detect(geometry, events, store_cells=False)
    true, _ = detect(geometry, events, store_cells=False, smear_tracks=False)
    for name in ("d0", "z0", "theta", "qoverp"):
        pull = ak.flatten((smeared["track"][name] - true["track"][name])
                          / smeared["track"][f"{name}_err"])  # fmt: skip
        assert len(pull) == n
        assert abs(np.mean(pull)) < 4 / np.sqrt(n)
        assert abs(np.std(pull) - 1) < 4 / np.sqrt(2 * n)
    relative = ak.flatten(smeared["track"]["qoverp"] / true["track"]["qoverp"])
    assert 0.002 < np.std(relative) < 0.05


def test_displaced_particles_have_displaced_tracks(geometry):
    # Born 2 mm off the axis, flying tangentially: |d0| is the distance to the axis.
    events = generated_events(211, 100.0, 0.0, np.pi / 2, vertex=(2.0, 0.0, 5.0))
    data, _ = detect(geometry, events, smear_tracks=False, store_cells=False)
    assert data["track"]["d0"][0, 0] == pytest.approx(-2.0, abs=1e-3)
    assert data["track"]["z0"][0, 0] == pytest.approx(5.0, abs=1e-3)


def test_particles_off_the_acceptance_make_no_track(geometry):
    events = generated_events(
        [211, 211, 211, 22], 20.0, [0.0, 2.7, 0.0, 0.0], 0.0,
        vertex=[(0, 0, 0), (0, 0, 0), (80.0, 0, 0), (0, 0, 0)],
    )  # fmt: skip
    data, account = detect(geometry, events, material=False, decays=False)
    assert ak.num(data["track"]["d0"]).tolist() == [1, 0, 0, 0]
    assert account["objects"]["tracks"] == account["objects"]["tracks_reconstructed"] == 1


def test_track_efficiency_is_the_share_of_reconstructed_tracks(geometry):
    n = 3000
    events = generated_events(13, np.full(n, 20.0), 0.5, np.linspace(-3, 3, n))
    data, account = detect(geometry, events, track_efficiency=0.8, store_cells=False)
    found = int(ak.sum(data["track"]["reconstructed"]))
    assert account["objects"]["tracks_reconstructed"] == found
    assert abs(found / n - 0.8) < 4 * np.sqrt(0.8 * 0.2 / n)


def test_events_without_any_particle_stay(geometry):
    events = generated_events([12, 12], 20.0, 0.0, 0.0)
    data, account = detect(geometry, events)
    assert len(data["event"]["number"]) == 2
    assert ak.num(data["particle"]["e"]).tolist() == [0, 0]
    assert account["events"] == 2


def test_the_same_showers_are_seen_at_every_granularity(geometry):
    fine = build_geometry(read_geometry(COCOA.with_name("cocoa_high.yaml")))
    events = generated_events([211, 22, 130] * 10, 20.0, 0.3, np.linspace(-3, 3, 30), per_event=3)
    coarse_data, coarse = detect(geometry, events)
    fine_data, account = detect(fine, events)
    deposited = [data["particle"]["dep_energy"] for data in (coarse_data, fine_data)]
    assert ak.array_equal(*deposited)
    assert account["energy"] == coarse["energy"]
    assert account["objects"]["cells"] > 1.5 * coarse["objects"]["cells"]


def test_a_truncated_input_is_refused_and_nothing_is_written(tmp_path, mixed):
    write_events(tmp_path / "in.root", GENERATED, mixed)
    whole = (tmp_path / "in.root").read_bytes()
    (tmp_path / "in.root").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match=r"in\.root.*cut short or damaged"):
        simulate(
            events=tmp_path / "in.root", pileup=[], geometry=COCOA, output=tmp_path / "out.root",
            account=tmp_path / "out.json", settings=SimulationSettings(), seed=5,
        )  # fmt: skip
    assert not (tmp_path / "out.root").exists()
    assert json.dumps(sorted(p.name for p in tmp_path.iterdir())) == '["in.root"]'
