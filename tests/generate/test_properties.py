"""What particles are, wherever they come from: charge, lifetime, and what a detector sees."""

import re
from pathlib import Path

import awkward as ak
import numpy as np
import pyhepmc
import pytest

from helpers.records import write_delphes, write_hepmc
from jetchain.core.errors import ConfigurationError, DataError, GeneratorError
from jetchain.core.io.events import read_events
from jetchain.core.schema.detector import DETECTED
from jetchain.core.schema.generate import GENERATED, UNSEEN
from jetchain.core.settings import parse
from jetchain.detector.flight.decays import DECAYS
from jetchain.detector.settings import SimulationSettings
from jetchain.detector.simulate import simulate
from jetchain.detector.validation.met import missing_momentum
from jetchain.generate.import_delphes import import_delphes
from jetchain.generate.import_hepmc import import_hepmc
from jetchain.generate.properties import Properties
from jetchain.generate.sample import generate, sample
from jetchain.generate.settings import (
    AS_THEY_ARE,
    GUN_PARTICLES,
    FilterSettings,
    GenerationSettings,
    ParticleSettings,
)

GEOMETRY = Path(__file__).parents[2] / "resources" / "geometry" / "cocoa.yaml"

# Standard Model neutrinos, a fourth one; dark matter; sneutrinos, neutralinos and gravitino
# (also -1000012, an antiparticle); gravitons; hidden valley; heavy neutral leptons; W' partner of
# the neutrino (excited): PDG 2024, section 45, and Pythia's additions.
INVISIBLE = (
    12, -14, 16, 18, 39, 51, 52, 53, 54, 55, 58, 60, 1000012, -1000014, 1000016, 2000012, 1000022,
    1000023, 1000025, 1000035, 1000039, 1000045, 4900022, 4900111, 4900211, 4900101, 5000039,
    9900012, 9900014, -9900016, 4000012, 32, 36,
)  # fmt: skip

# Charges of the PDG's scheme in e.
SEEN = {
    11: -1, -13: 1, 22: 0, 211: 1, -321: -1, 130: 0, 310: 0, 2212: 1, -2112: 0, 3112: -1, -3112: 1,
    3334: -1, 411: 1, 421: 0, 531: 0, 4122: 1, 5122: 0, 4232: 1, 9000211: 1, 1000010020: 1,
    1000020030: 2, -1000020040: -2, 1000822080: 82, 1000922380: 92, 1010010030: 1, 2: 2 / 3,
    -1: 1 / 3,
}  # fmt: skip

REFUSED = {
    1000015: "charge -1", -1000024: "charge 1", 1000021: "charge 0", 1000006: "charge 0.667",
    17: "charge -1", 57: "charge 1", 59: "charge 2", 37: "charge 1", 42: "charge -0.333",
    1000993: "R-hadron", 1009213: "R-hadron", 1000612: "R-hadron", -1092214: "R-hadron",
    4110010: "monopole", -4120000: "monopole", 10000150: "Q-ball", 9000005: "knows it",
    9000010: "knows it", 10**11: "knows it", -(2**31): "knows it", 490011199: "knows it",
    0: "knows it", 99: "knows it", 82: "charge 0",
    23: "decays", 24: "decays", 6: "decays", 25: "decays", 9902210: "charge 1", 990: "charge 0",
}  # fmt: skip


def of(codes, settings=AS_THEY_ARE):
    return Properties(settings).columns(np.array(codes), "a.hepmc")


def test_nothing_is_seen_of_neutral_new_particles_and_neutrinos():
    found = of(INVISIBLE)
    assert found["seen_as"].tolist() == [UNSEEN] * len(INVISIBLE)
    assert not found["charge"].any()


def test_charges_of_what_the_detector_simulates():
    found = of([*SEEN])
    assert found["seen_as"].tolist() == [*SEEN]
    np.testing.assert_allclose(found["charge"], [*SEEN.values()], rtol=1e-6)
    assert not np.signbit(found["charge"][found["charge"] == 0]).any()


@pytest.mark.parametrize("code", REFUSED)
def test_what_the_detector_cannot_simulate_is_named(code):
    with pytest.raises(DataError) as refusal:
        Properties(AS_THEY_ARE).columns(np.array([211, code]), "a.hepmc", np.array([3, 4]))
    cause = refusal.value.cause
    assert cause.startswith("a.hepmc: ")
    assert "of event 4: the PDG codes " in cause
    assert f"{abs(code)} (" in cause
    assert REFUSED[code] in cause
    assert "211" not in cause
    assert "like_muons" in refusal.value.remedy


def test_all_refused_codes_are_named_at_once():
    with pytest.raises(DataError, match=r"1000015 \(.*9000005 \("):
        of([9000005, 22, -1000015, 9000005])


def test_settings_say_what_else_is_seen():
    settings = ParticleSettings(invisible=[9000005, 1009213], like_muons=[1000015, 1000024, 59])
    codes = np.array([9000005, -1009213, 1000015, -1000015, 1000024, -1000024, 59, 13, 1000022])
    found = of(codes, settings)
    assert found["seen_as"].tolist() == [0, 0, 13, -13, -13, 13, -13, 13, 0]
    assert found["charge"].tolist() == [0, -1, -1, 1, 1, -1, 2, -1, 0]
    assert np.isinf(found["ctau"][2:7]).all()


@pytest.mark.parametrize("code", [9000005, 1000993])
def test_what_has_no_charge_is_like_no_muon(code):
    with pytest.raises(DataError, match=f"{code} .*no charge"):
        of([code], ParticleSettings(like_muons=[code]))


@pytest.mark.parametrize(
    ("values", "words"),
    [({"invisible": [-9000005]}, "positive"), ({"invisible": [7], "like_muons": [7]}, "twice")],
)
def test_settings_that_say_nothing_or_both_are_refused(values, words):
    with pytest.raises(ConfigurationError, match=words):
        parse(ParticleSettings, values)


def test_lifetimes_are_those_that_the_detector_decays_with():
    codes = np.array([code for code in DECAYS if code not in (111, 3212)])  # at once, there
    assert of(codes)["ctau"].tolist() == [DECAYS[code][0] for code in codes.tolist()]
    assert np.isinf(of([11, 22, 2212, 1000022, 1000020040])["ctau"]).all()


def test_particles_of_the_gun_have_their_charges_and_are_seen():
    found = of([*GUN_PARTICLES])
    assert found["seen_as"].tolist() == [*GUN_PARTICLES]


# ------------------------------------------------------------------- files: one particle and a jet


def recoil(code, mass=100.0):
    """Six pions of 100 GeV against one stable particle."""
    event = pyhepmc.GenEvent(pyhepmc.Units.GEV, pyhepmc.Units.MM)
    vertex = pyhepmc.GenVertex()
    for pz in (6500, -6500):
        vertex.add_particle_in(pyhepmc.GenParticle((0, 0, pz, 6500), 2212, 4))
    momenta = [(100.0, k - 2.5, 0.0, np.hypot(100.0, k - 2.5)) for k in range(6)]
    for k, momentum in enumerate(momenta):
        vertex.add_particle_out(pyhepmc.GenParticle(momentum, 211 * (-1) ** k, 1))
    vertex.add_particle_out(
        pyhepmc.GenParticle((-600.0, 0.0, 30.0, np.hypot(600.75, mass)), code, 1)
    )
    event.add_vertex(vertex)
    return event


def taken(tmp_path, code, settings=AS_THEY_ARE):
    path = write_hepmc(tmp_path / "a.hepmc", [recoil(code)] * 3)
    generated = tmp_path / "g.root"
    import_hepmc(source=path, events=generated, summary=tmp_path / "g.json", shard="0000",
                 settings=settings)  # fmt: skip
    detected = tmp_path / "d.root"
    simulate(events=generated, pileup=[], geometry=GEOMETRY, output=detected,
             account=tmp_path / "d.json", settings=SimulationSettings(noise=False),
             seed=1)  # fmt: skip
    return read_events(generated, GENERATED), read_events(detected, DETECTED)


@pytest.mark.parametrize("code", [12, 52, 1000022, 1000039, 4900111, 5000039])
def test_an_invisible_particle_is_missing_momentum(tmp_path, code):
    generated, detected = taken(tmp_path, code)
    assert ak.to_list(generated["particle"].pdgid[:, -1]) == [code] * 3
    assert ak.all(np.abs(detected["particle"]["pdgid"]) != abs(code))
    for collection, phi in (("track", "phi"), ("topo", "bary_phi")):
        # Nothing in the half of the detector that it flies to but a soft particle gone astray.
        away = np.abs(detected[collection][phi]) > 2.4
        assert ak.sum(away) <= 1, collection
    found = missing_momentum(detected, generated, 3.0)
    np.testing.assert_allclose(found["neutrino_pt"], 600.0)
    assert np.all(np.abs(found["residual"][:, 0]) < 300.0)  # GeV: clusters are not calibrated


def test_a_heavy_charged_particle_flies_like_a_muon_where_the_settings_say_so(tmp_path):
    with pytest.raises(DataError, match="of event 1: the PDG codes 1000015"):
        taken(tmp_path, 1000015)
    _, detected = taken(tmp_path, 1000015, ParticleSettings(like_muons=[1000015]))
    track = detected["track"][detected["track"]["pdgid"] == 13]
    assert ak.to_list(ak.num(track)) == [1, 1, 1]
    # Tracks of 600 GeV are measured to 30 % in 1/p: three lie within 4 standard deviations.
    assert np.all(np.abs(1e3 * np.asarray(ak.flatten(track["qoverp"])) * 600.75 + 1) < 1.2)
    heavy = detected["particle"][detected["particle"]["pdgid"] == 13]
    assert ak.to_list(heavy["charge"]) == [[-1.0]] * 3
    assert ak.all(heavy["dep_energy"] < 20e3)  # MeV: no shower of 600 GeV


def test_a_delphes_file_tells_the_same(tmp_path):
    codes = [211, 1000022, -12, 1000020040, 52]
    event = {
        "id": np.array([2212, 2212, *codes]), "status": np.array([4, 4, *[1] * len(codes)]),
        "mothers": [[], [], *[[0]] * len(codes)],
        **{name: np.ones(2 + len(codes)) for name in ("px", "py", "pz", "x", "y", "z")},
        "e": np.full(2 + len(codes), 200.0),
    }  # fmt: skip
    path = write_delphes(tmp_path / "a.root", [event])
    import_delphes(source=path, events=tmp_path / "g.root", summary=tmp_path / "g.json",
                   shard="0000")  # fmt: skip
    particle = read_events(tmp_path / "g.root", GENERATED)["particle"][0]
    assert ak.to_list(particle.seen_as) == [211, 0, 0, 1000020040, 0]
    assert ak.to_list(particle.charge) == [1, 0, 0, 2, 0]


# ------------------------------------------------------------------------------------ Pythia's own

HIGGS = ["PartonLevel:MPI = off", "25:onMode = off"]
DARK = "9000007:all = Dark Dark~ 2 0 0 20. 0. 0. 0. 0."
CHARGED_DARK = "9000007:all = Dark+ Dark- 2 3 0 20. 0. 0. 0. 0."


def higgs_to(code, *lines, events=5, **more):
    channel = f"25:addChannel = 1 1.0 100 {code} {-code if code != 1000022 else code}"
    settings = GenerationSettings(
        process="Hbb", events=events, overrides=[*HIGGS, *lines, channel], **more
    )
    return generate(settings, 0, 3)[0]["particle"]


@pytest.mark.parametrize(
    ("code", "lines"),
    [(12, []), (1000022, ["1000022:m0 = 20"]), (52, ["52:m0 = 20"]), (9000007, [DARK]),
     (9000007, [CHARGED_DARK, "9000007:isVisible = off"])],
    ids=["neutrinos", "neutralinos", "dark-matter", "new", "new-charged-switched-off"],
)  # fmt: skip
def test_an_invisible_higgs_leaves_nothing(code, lines):
    particle = higgs_to(code, *lines)
    dark = np.abs(particle["pdgid"]) == code
    assert ak.all(ak.sum(dark, axis=1) >= 2)
    assert ak.all(particle["seen_as"][dark] == UNSEEN)
    # So does the card's Z: what is seen are the beams and the radiation.
    unseen = particle["seen_as"] == UNSEEN
    for axis in ("px", "py"):
        seen, lost = (ak.sum(particle[axis][each], axis=1) for each in (~unseen, unseen))
        np.testing.assert_allclose(seen, -lost, atol=0.5)
    assert ak.all(ak.sum(particle["charge"][unseen], axis=1) == 0)


def test_a_filter_sees_no_dark_jets():
    cut = FilterSettings(jet_pt_min=400.0)
    lines = ("1000022:m0 = 20", "PartonLevel:ISR = off")
    assert len(higgs_to(1000022, *lines)["pdgid"]) == 5
    assert len(higgs_to(1000022, *lines, filter=cut)["pdgid"]) == 0


def test_a_cards_charged_particle_follows_the_card_and_the_settings():
    with pytest.raises(GeneratorError) as refusal:
        higgs_to(9000007, CHARGED_DARK)
    assert re.search("Process 'Hbb': .*9000007 .Dark. of charge 1", refusal.value.cause)
    particle = higgs_to(9000007, CHARGED_DARK, particles=ParticleSettings(like_muons=[9000007]))
    for sign in (1, -1):
        mine = particle["pdgid"] == 9000007 * sign
        assert ak.all(particle["charge"][mine] == sign)
        assert ak.all(particle["seen_as"][mine] == -13 * sign)
        assert ak.all(ak.num(particle["seen_as"][mine]) == 1)


def test_a_cards_lifetime_is_the_detectors(tmp_path):
    """K0S of a card with another lifetime fly as far as that says."""
    ways = {}
    for ctau in (12.0, 3000.0):
        settings = GenerationSettings(
            process="quark", events=60, overrides=["PartonLevel:MPI = off", f"310:tau0 = {ctau}"]
        )
        sample(events=tmp_path / "g.root", summary=tmp_path / "g.json", settings=settings,
               shard="0000", seed=5)  # fmt: skip
        particle = read_events(tmp_path / "g.root", GENERATED)["particle"]
        kaons = particle["pdgid"] == 310
        assert set(ak.flatten(particle["ctau"][kaons]).tolist()) == {ctau}
        simulate(events=tmp_path / "g.root", pileup=[], geometry=GEOMETRY,
                 output=tmp_path / "d.root", account=tmp_path / "d.json",
                 settings=SimulationSettings(noise=False, material=False), seed=1)  # fmt: skip
        detected = read_events(tmp_path / "d.root", DETECTED, {"particle": ["pdgid"]})
        ways[ctau] = ak.sum(detected["particle"]["pdgid"] == 310) / ak.sum(kaons)
    assert ways[3000.0] > 1.5 * ways[12.0]
