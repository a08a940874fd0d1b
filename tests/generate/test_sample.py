"""Laws of the generated events: conservation, masses, decays, accounts, determinism."""

import awkward as ak
import numpy as np
import pytest

from jetchain.core.errors import GeneratorError
from jetchain.core.io.events import read_events
from jetchain.core.io.tables import read_json
from jetchain.core.schema.generate import GENERATED
from jetchain.generate import collisions as collisions_module
from jetchain.generate.codes import qcd_codes
from jetchain.generate.processes import start_pythia
from jetchain.generate.sample import generate, sample
from jetchain.generate.settings import FilterSettings, GenerationSettings

QUIET = ["PartonLevel:MPI = off"]  # without the underlying event, to be quick
FLOAT32 = 1e-6  # relative rounding of one float32 momentum
BEAMS = 13_000.0  # GeV


def settings(process, events=40, **rest):
    return GenerationSettings(process=process, events=events, overrides=QUIET, **rest)


@pytest.fixture(scope="module")
def samples():
    """Some events of each tagging process and of the LHCO signal, generated once."""
    processes = ("quark", "gluon", "W", "Z", "top", "Hbb", "Hcc", "lhco_signal")
    return {name: generate(settings(name), 0, 7)[0] for name in processes}


def mass(record):
    squared = record.e**2 - record.px**2 - record.py**2 - record.pz**2
    return np.sqrt(np.maximum(ak.to_numpy(squared), 0))


@pytest.mark.parametrize("process", ["quark", "top", "Hbb", "lhco_signal"])
def test_final_state_carries_the_beams_momentum_and_charge(samples, process):
    particle = ak.zip(samples[process]["particle"])
    scale = ak.sum(particle.e, axis=1)
    for axis in ("px", "py", "pz"):
        total = ak.sum(ak.values_astype(particle[axis], np.float64), axis=1)
        assert np.all(np.abs(total) < FLOAT32 * scale)
    energy = ak.sum(ak.values_astype(particle.e, np.float64), axis=1)
    np.testing.assert_allclose(energy, BEAMS, rtol=FLOAT32)
    np.testing.assert_allclose(ak.sum(particle.charge, axis=1), 2, atol=1e-4)


@pytest.mark.parametrize(
    ("process", "code", "pole", "width"),
    [  # PDG 2024, GeV; the LHCO's X and Y from their card
        ("W", 24, 80.4, 2.1),
        ("Z", 23, 91.2, 2.5),
        ("top", 6, 172.5, 1.4),
        ("Hbb", 25, 125.0, 0.004),
        ("lhco_signal", 9000001, 500.0, 1.0),
        ("lhco_signal", 9000002, 100.0, 0.5),
    ],
)
def test_resonances_have_their_mass_and_decay_into_their_daughters(
    samples, process, code, pole, width
):
    parton = ak.zip(samples[process]["parton"])
    found = abs(parton.pdgid) == code
    assert np.all(ak.sum(found, axis=1) >= 1)
    masses = mass(ak.flatten(parton[found]))
    assert abs(np.median(masses) - pole) < max(2 * width, 0.1)
    # Two daughters each; they add up to it in invariant mass.
    index = ak.local_index(parton.pdgid)
    for event in range(10):
        for row in index[event][found[event]]:
            daughters = parton[event][parton[event].mother == row]
            assert len(daughters) == 2
            total = {axis: ak.sum(daughters[axis]) for axis in ("px", "py", "pz", "e")}
            if process == "top":
                # The W has taken the recoil of the b's radiation, the b is the one before it:
                # their sum is not the top's momentum.
                assert set(np.abs(daughters.pdgid.to_list())) == {5, 24}
                continue
            squared = total["e"] ** 2 - sum(total[axis] ** 2 for axis in ("px", "py", "pz"))
            assert abs(np.sqrt(squared) - mass(parton[event][row])) < 0.2


@pytest.mark.parametrize(("process", "quark"), [("Hbb", 5), ("Hcc", 4)])
def test_higgs_decays_to_the_forced_quarks_and_their_hadrons(samples, process, quark):
    data = samples[process]
    parton, hadron = ak.zip(data["parton"]), ak.zip(data["hadron"])
    mother = parton.pdgid[ak.where(parton.mother < 0, 0, parton.mother)]
    from_higgs = parton.pdgid[(mother == 25) & (parton.mother >= 0)]
    assert ak.to_list(ak.sort(from_higgs, axis=1)) == [[-quark, quark]] * len(from_higgs)
    code = abs(hadron.pdgid)
    with_quark = np.where(code > 1000, code // 1000, code // 100) == quark
    assert ak.mean(ak.sum(with_quark, axis=1) >= 2) > 0.95  # a few merge or come excited
    flight = np.sqrt(hadron.x**2 + hadron.y**2 + hadron.z**2)
    assert 0.5 < np.median(ak.flatten(flight[with_quark])) < 50  # mm: boosted c tau of 0.1-0.5 mm


def test_heavy_hadrons_daughters_start_where_it_decays(samples):
    """The B and D decay vertices are production vertices of final-state particles or of others."""
    data = samples["Hbb"]
    particle, hadron = ak.zip(data["particle"]), ak.zip(data["hadron"])
    vertices = {tuple(v) for v in ak.to_numpy(ak.flatten(particle[["x", "y", "z"]])).tolist()}
    decays = ak.to_numpy(ak.flatten(hadron[["x", "y", "z"]])).tolist()
    assert np.mean([tuple(v) in vertices for v in decays]) > 0.5


def test_long_lived_particles_are_left_to_the_detector(samples):
    codes = set(np.abs(ak.to_numpy(ak.flatten(samples["quark"]["particle"]["pdgid"]))).tolist())
    assert {310, 3122, 211, 22, 2212} <= codes
    assert not codes & {111, 411, 421, 511, 521, 15}


@pytest.mark.parametrize(("process", "final"), [("quark", range(1, 6)), ("gluon", [21])])
def test_qcd_samples_hold_the_partons_of_their_name(samples, process, final):
    parton = ak.zip(samples[process]["parton"])
    outgoing = parton[parton.mother >= 0]
    assert np.all(ak.num(outgoing) == 2)
    assert np.all(np.isin(np.abs(ak.to_numpy(ak.flatten(outgoing.pdgid))), list(final)))
    assert np.all(ak.num(parton) == 4)
    pt = np.hypot(outgoing.px, outgoing.py)
    pthat = samples[process]["event"]["pthat"]
    np.testing.assert_allclose(pt, np.broadcast_to(pthat[:, None], (len(pthat), 2)), rtol=1e-3)


def test_gluon_jets_hold_more_particles_than_quark_jets(samples):
    """C_A > C_F: a law of QCD that a mislabelled sample would break."""
    mean = {name: ak.mean(ak.num(samples[name]["particle"]["px"])) for name in ("quark", "gluon")}
    assert mean["gluon"] > 1.1 * mean["quark"]


@pytest.mark.parametrize("process", ["lhco_background", "quark", "gluon", "W", "top"])
def test_process_codes_are_those_of_a_bare_loop(process):
    """From the record for QCD (pTHat lowered: more flavours), by hook for top, constant for W."""
    overrides = [
        *QUIET, "PartonLevel:ISR = off", "PartonLevel:FSR = off", "HadronLevel:all = off",
        "PhaseSpace:pTHatMin = 60.",
    ]  # fmt: skip
    chosen = GenerationSettings(process=process, events=800, overrides=overrides)
    ours = generate(chosen, 0, 3)[0]["event"]["process"]
    bare = start_pythia(process, overrides, 3)
    expected = []
    for _ in range(800):
        assert bare.next()
        expected.append(bare.infoPython().code())
    assert ours.tolist() == expected


def test_process_codes_of_leptons_that_have_all_of_their_beams_momentum():
    """All events have x1 = x2 = 1: it is the W bosons that tell the processes apart."""
    overrides = [
        *QUIET, "SoftQCD:inelastic = off", "PDF:lepton = off", "Beams:idA = 11", "Beams:idB = -11",
        "Beams:eCM = 200.", "WeakSingleBoson:ffbar2gmZ = on", "WeakDoubleBoson:ffbar2WW = on",
        "HadronLevel:all = off",
    ]  # fmt: skip
    chosen = GenerationSettings(process="minbias", events=120, overrides=overrides)
    data = generate(chosen, 0, 3)[0]
    bosons = ak.to_numpy(ak.sum(np.abs(data["parton"]["pdgid"]) == 24, axis=1))
    assert set(bosons.tolist()) == {0, 2}
    np.testing.assert_array_equal(data["event"]["process"], np.where(bosons == 2, 233, 221))


def test_colour_flow_tells_exchange_from_annihilation():
    """u ubar -> u ubar: colours of the incoming pair annihilate (114) or flow out (116)."""
    pdgid = np.array([[2, 2], [-2, -2], [2, 2], [-2, -2]])
    colour, anticolour = np.array([[101, 101], [0, 0]]), np.array([[0, 0], [101, 102]])
    assert qcd_codes(pdgid, colour, anticolour).tolist() == [114, 116]


def test_events_are_those_of_a_bare_loop():
    """Neither the batches nor the note of the process codes may change the physics."""
    ours, _ = generate(settings("quark", events=5), 0, 11)
    bare = start_pythia("quark", QUIET, 11)
    for event in range(5):
        assert bare.next()
        final = [p for p in (bare.event[i] for i in range(bare.event.size())) if p.isFinal()]
        particle = ak.zip(ours["particle"])[event]
        assert particle.pdgid.tolist() == [p.id() for p in final]
        np.testing.assert_array_equal(particle.px, np.float32([p.px() for p in final]))
        np.testing.assert_array_equal(particle.z, np.float32([p.zProd() for p in final]))
        np.testing.assert_allclose(particle.charge, [p.charge() for p in final], atol=1e-6)
        info = bare.infoPython()
        assert ours["event"]["process"][event] == info.code()
        assert ours["event"]["pthat"][event] == np.float32(info.pTHat())


def run(folder, seed=3, shard="0000", events=20, **rest):
    paths = folder / "events.root", folder / "summary.json"
    sample(
        events=paths[0], summary=paths[1], settings=settings("quark", events=events, **rest),
        shard=shard, seed=seed,
    )  # fmt: skip
    return paths


def test_same_seed_same_bytes_and_other_seed_other_events(tmp_path):
    first, again, other = (
        run(tmp_path / name, seed=seed) for name, seed in (("a", 3), ("b", 3), ("c", 4))
    )
    assert first[0].read_bytes() == again[0].read_bytes()
    assert first[1].read_bytes() == again[1].read_bytes()
    assert first[0].read_bytes() != other[0].read_bytes()


def test_numbers_are_unique_over_the_shards(tmp_path):
    numbers = [
        np.asarray(read_events(run(tmp_path, shard=shard)[0], GENERATED, {})["event"].number)
        for shard in ("0000", "0001")
    ]
    np.testing.assert_array_equal(np.concatenate(numbers), np.arange(40))


def test_the_filter_keeps_events_whole_and_counts_the_rest(tmp_path):
    """The filter's decision from a clustering of our own, on the unfiltered sample."""
    import fastjet

    threshold = 550.0
    everything = read_events(run(tmp_path / "all")[0], GENERATED)
    events, summary = run(
        tmp_path / "cut", filter=FilterSettings(jet_radius=0.8, jet_pt_min=threshold)
    )
    kept, account = read_events(events, GENERATED), read_json(summary)
    expected = []
    for event, number in zip(everything["particle"], everything["event"].number, strict=True):
        rows = [p for p in event.tolist() if abs(p["pdgid"]) not in (12, 14, 16)]
        inputs = [fastjet.PseudoJet(p["px"], p["py"], p["pz"], p["e"]) for p in rows]
        cluster = fastjet.ClusterSequence(
            inputs, fastjet.JetDefinition(fastjet.antikt_algorithm, 0.8)
        )
        jets = cluster.inclusive_jets(threshold)
        if any(abs(jet.eta()) < 2.5 for jet in jets):
            expected.append(number)
    assert 0 < len(expected) < len(everything["event"])
    assert kept["event"].number.tolist() == expected
    same = everything["particle"][np.isin(everything["event"].number, expected)]
    assert ak.array_equal(kept["particle"], same)
    cutflow = account["cutflow"]
    assert cutflow["kept"] == len(expected)
    assert (
        cutflow["tried"]
        == cutflow["kept"] + cutflow["removed_by_filter"] + cutflow["failed_in_generator"]
    )
    weight = everything["event"].weight
    passed = np.isin(everything["event"].number, expected)
    assert account["filter_efficiency"] == pytest.approx(ak.sum(weight[passed]) / ak.sum(weight))
    assert account["cross_section_kept_pb"] == pytest.approx(
        account["cross_section_pb"] * account["filter_efficiency"]
    )


def test_failed_events_are_counted_and_too_many_are_an_error(monkeypatch):
    """Without the card's 34:mMin about a tenth of the signal events fail in Pythia."""
    chosen = GenerationSettings(process="lhco_signal", events=200, overrides=["34:mMin = 20."])
    with pytest.raises(GeneratorError, match=r"'lhco_signal': Pythia gave up \d+ of 100 events"):
        generate(chosen, 0, 5)
    monkeypatch.setattr(collisions_module, "MAX_FAILED", 0.5)
    data, account = generate(chosen, 0, 5)
    cutflow = account.cutflow
    assert cutflow.failed_in_generator > 0
    assert cutflow.tried == 200 == cutflow.failed_in_generator + cutflow.kept
    assert data["event"]["number"].tolist() == list(range(cutflow.kept))


@pytest.mark.parametrize(
    ("process", "setting"),
    [
        ("quark", "PartonLevel:all = off"),  # its code comes from the record
        ("W", "PartonLevel:all = off"),  # a single process
        ("minbias", "PartonLevel:all = off"),
        ("quark", "ProcessLevel:all = off"),
    ],
)
def test_settings_that_leave_no_event_are_refused(process, setting):
    asked = GenerationSettings(process=process, events=3, overrides=[setting])
    with pytest.raises(GeneratorError, match=process) as refused:
        generate(asked, 0, 7)
    assert setting in refused.value.remedy + refused.value.cause
    assert "'overrides'" in refused.value.remedy


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (["Beams:idB = 1000822080"], "nuclei .beams 2212 and 1000822080"),
        (["HeavyIon:mode = 2"], "nuclei"),
        (["Beams:frameType = 4"], "every shard would take the first ones"),
    ],
)
def test_beams_that_no_shard_can_have_are_refused(settings, words):
    """A card's settings come this way as well, which the configuration does not see."""
    with pytest.raises(GeneratorError, match=words):
        start_pythia("dijets", settings, 3)


def test_beams_of_unequal_energies_and_of_leptons_are_taken():
    """Electrons on protons as at HERA, and at the Z: the energy of both beams is all there is."""
    off = ["PartonLevel:MPI = off", "SoftQCD:inelastic = off", "PDF:lepton = off"]
    for energy, lines in (
        (947.5, ["Beams:frameType = 2", "Beams:idA = 11", "Beams:eA = 27.5", "Beams:eB = 920.",
                 "WeakBosonExchange:ff2ff(t:gmZ) = on", "PhaseSpace:Q2Min = 25.",
                 "SpaceShower:dipoleRecoil = on", "TimeShower:QEDshowerByL = off"]),
        (91.2, ["Beams:idA = 11", "Beams:idB = -11", "Beams:eCM = 91.2",
                "WeakSingleBoson:ffbar2gmZ = on"]),
    ):  # fmt: skip
        asked = GenerationSettings(process="minbias", events=3, overrides=[*off, *lines])
        data, _ = generate(asked, 0, 7)
        total = ak.to_numpy(ak.sum(data["particle"]["e"], axis=1))
        np.testing.assert_allclose(total, energy, rtol=1e-4)
