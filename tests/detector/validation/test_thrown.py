"""What a gun's particle left in the detector: its own clusters, and no others."""

import awkward as ak
import numpy as np
import pytest

from helpers.detected import FakeEvent, detected_data
from helpers.events import generated_events
from jetchain.core.io.events import write_events
from jetchain.core.schema.detector import DETECTED
from jetchain.core.schema.generate import GENERATED
from jetchain.detector.flight.states import NUCLEON_MASS
from jetchain.detector.settings import EstimatorSettings
from jetchain.detector.validation.response import (
    ENERGY_EDGES,
    WITHOUT_NOISE,
    cluster_numbers,
    measure,
    resolution_numbers,
)
from jetchain.detector.validation.thrown import KINDS, Thrown, read_thrown

ECAL2 = [0, 1, 0, 0, 0, 0]


def partons(pdgid, pt, eta, phi):
    """The collection `parton` of one thrown particle an event."""
    particle = generated_events(pdgid, pt, eta, phi)["particle"]
    return ak.zip({
        **{name: particle[name] for name in ("pdgid", "px", "py", "pz", "e")},
        "mother": ak.full_like(particle["pdgid"], -1),
    })  # fmt: skip


@pytest.fixture
def files(tmp_path):
    """A neutron with a cluster, one of noise and one of pile-up; a photon pair, once cut."""
    neutron = FakeEvent(number=0)
    neutron.particle(2112, pt=10.0, eta=0.0, phi=0.0)
    neutron.particle(211, pt=5.0, eta=1.0, phi=2.0)
    neutron.rows["particle"][1]["truth_idx"] = -1
    neutron.cluster(5000.0, 0.0, 0.0, ECAL2, parent=0)
    neutron.cluster(500.0, 1.0, 1.0, ECAL2)
    neutron.cluster(3000.0, 1.0, 2.0, ECAL2, parent=1)
    both, one = FakeEvent(number=1), FakeEvent(number=2)
    for event in (both, one):
        event.particle(22, pt=6.0, eta=0.5, phi=1.0)
        event.cluster(6000.0, 0.5, 1.0, ECAL2, parent=0)
    both.particle(22, pt=6.0, eta=0.5, phi=1.1)
    both.cluster(5500.0, 0.5, 1.1, [1, 0, 0, 0, 0, 0], parent=1)
    detected = [neutron, both, one]
    write_events(tmp_path / "detected.root", DETECTED, detected_data(detected))
    singles = generated_events(2112, 10.0, 0.0, 0.0)
    pairs = generated_events(22, [6.0] * 4, 0.5, [1.0, 1.1] * 2, per_event=2, first_number=1)
    data = {
        name: ak.concatenate([singles[name], pairs[name]])
        for name in ("event", "particle", "hadron")
    }
    thrown = [partons(2112, 10.0, 0.0, 0.0), partons(22, [12.0, 12.0], 0.5, 1.05)]
    data["parton"] = ak.concatenate(thrown)
    write_events(tmp_path / "generated.root", GENERATED, data)
    return [tmp_path / "detected.root"], [tmp_path / "generated.root"]


def test_clusters_of_noise_and_pileup_do_not_count_and_baryons_keep_their_mass(files):
    thrown = read_thrown(*files)
    assert thrown.clustered[0] == pytest.approx(5.0, rel=1e-4)
    assert thrown.all_clustered[0] == pytest.approx(8.5, rel=1e-4)
    assert thrown.clusters[0] == 1
    assert thrown.energy[0] == pytest.approx(
        np.hypot(10.0, 0.93957) - 1e-3 * NUCLEON_MASS, abs=1e-5
    )


def test_a_pair_counts_as_one_particle_and_only_where_both_were_simulated(files):
    thrown = read_thrown(*files)
    assert len(thrown.energy) == 2  # the pair without its second photon is left out
    assert thrown.clustered[1] == pytest.approx(11.5, rel=1e-4)
    np.testing.assert_allclose(thrown.layers[1], [5.5, 6.0, 0, 0, 0, 0], rtol=1e-4)


def toy(kind="electron", n=12_000, share=(0.2, 0.8), seed=4):
    """Particles whose response is Gaussian around 0.9, 20 %/sqrt(E), in ECAL1 and ECAL2."""
    random = np.random.default_rng(seed)
    energy = np.exp(random.uniform(np.log(ENERGY_EDGES[0]), np.log(ENERGY_EDGES[-1]), n))
    clustered = 0.9 * energy * random.normal(1, 0.2 / np.sqrt(energy))
    layers = np.zeros((n, 6))
    layers[:, :2] = clustered[:, None] * np.array(share)
    return Thrown(
        pdgid=np.full(n, KINDS[kind]), energy=energy, pt=energy, eta=random.uniform(-2.4, 2.4, n),
        clustered=clustered, layers=layers, clusters=np.ones(n), all_clustered=clustered,
        deposited=clustered,
    )  # fmt: skip


def test_the_response_of_toy_particles_is_found():
    found = measure(toy(), EstimatorSettings(replicas=40), seed=1)
    assert len(found["by_energy"]) == len(ENERGY_EDGES) - 1
    for row in found["by_energy"]:
        assert row["core"] == pytest.approx(0.9, abs=4 * row["core_error"])
        assert row["seen"] == 1
        expected = 0.2 / np.sqrt(row["energy"])
        assert row["resolution"] == pytest.approx(expected, abs=4 * row["resolution_error"])
        np.testing.assert_allclose(row["layers"][:2], [0.2, 0.8], rtol=1e-9)
    assert found["fit"]["a"] == pytest.approx(0.2, abs=4 * found["fit"]["a_error"])
    for row in found["by_eta"]:
        assert row["core"] == pytest.approx(0.9, abs=4 * row["core_error"])


def test_photons_of_more_than_two_clusters_fail() -> None:
    rows = [
        {"low": 0.0, "high": 0.5, "clusters": n, "clusters_error": 0.0} for n in (1.0, 1.7, 2.1)
    ]
    found = cluster_numbers({kind: {"by_eta": rows} for kind in ("photon", "charged pion")})
    assert [row.status for row in found] == ["passed", "passed", "failed", None, None, None]


def test_particles_without_clusters_lower_the_mean_and_leave_the_fit():
    thrown = toy()
    soft = thrown.energy < ENERGY_EDGES[3]
    thrown.clustered[soft & (np.arange(len(soft)) % 4 == 0)] = 0.0
    rows = measure(thrown, EstimatorSettings(replicas=20), seed=1)["by_energy"]
    assert [row["seen"] < 0.95 for row in rows] == [True] * 3 + [False] * 7
    for row in rows[:3]:
        assert row["response"] == pytest.approx(0.75 * row["mean"], rel=0.1)
    fit, bare = (
        measure(thrown, EstimatorSettings(replicas=20), seed=1, noise=noise)["fit"]
        for noise in (True, False)
    )
    assert (fit["ndf"], bare["ndf"]) == (7 - 3, 7 - 2)
    assert fit["lowest"] == rows[3]["energy"]  # where its curve begins
    assert (bare["c"], bare["c_error"]) == (0, 0)
    assert bare["a"] == pytest.approx(0.2, abs=4 * bare["a_error"])


def test_every_kind_has_its_terms_and_its_response_in_the_table():
    kinds = {kind: measure(toy(kind, 1500), EstimatorSettings(replicas=10), 1) for kind in KINDS}
    rows = resolution_numbers(kinds)
    assert {row.sample for row in rows} == set(KINDS) - {"muon"}
    assert len(rows) == 6 * 4 - len(WITHOUT_NOISE)
    hadrons = {row.sample for row in rows if row.quantity.endswith("term c")}
    assert not hadrons & set(WITHOUT_NOISE)
