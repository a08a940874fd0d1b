"""Tunes set what was published; shower variations and biased sampling keep what is known."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

import awkward as ak
import fastjet
import numpy as np
import pytest
import pythia8mc

from jetchain.core.errors import GeneratorError
from jetchain.core.schema.generate import VARIATIONS
from jetchain.generate.cards import read_card
from jetchain.generate.processes import start_pythia
from jetchain.generate.sample import generate
from jetchain.generate.settings import GenerationSettings
from jetchain.generate.tunes import TUNES

HARD = [
    *(f"PartonLevel:{what} = off" for what in ("MPI", "ISR", "FSR", "Remnants")),
    "HadronLevel:all = off", "Check:event = off",
]  # fmt: skip
PARTONS = ["HadronLevel:all = off", "PartonLevel:MPI = off"]
FLAT = ("quark", "gluon", "W", "Z", "top", "Hbb", "Hcc")

# Files that Pythia 8.317 brings, share/Pythia8/tunes: of arXiv:1404.5630 (Monash) and of
# ATL-PHYS-PUB-2014-021 (A14 with NNPDF2.3LO). They include one another.
FILES = {
    "monash": ["Monash2013-ee", "Monash2013"],
    "a14": ["Monash2013-ee", "Monash2013", "ATLAS-A14-NNPDF23LO"],
}

# CP5 is not among them: arXiv:1903.12179, table 4, with the rounding of
# Configuration/Generator/python/MCTunes2017 of cms-sw/cmssw.
CP5 = {
    "MultipartonInteractions:pT0Ref": 1.41, "MultipartonInteractions:ecmPow": 0.03344,
    "MultipartonInteractions:coreRadius": 0.7634, "MultipartonInteractions:coreFraction": 0.63,
    "ColourReconnection:range": 5.176, "TimeShower:alphaSvalue": 0.118,
    "SpaceShower:alphaSvalue": 0.118, "MultipartonInteractions:alphaSvalue": 0.118,
    "SigmaProcess:alphaSvalue": 0.118,
}  # fmt: skip


def file_of_tune(name: str) -> dict[str, str]:
    """Settings of a file that Pythia brings, includes left out."""
    folder = Path(pythia8mc.__file__).parents[3] / "share/Pythia8/tunes"
    lines = (line.partition("!")[0] for line in (folder / f"{name}.cmnd").read_text().splitlines())
    found = dict(line.split("=", 1) for line in lines if "=" in line)
    return {key.strip(): value.strip() for key, value in found.items() if key.strip() != "include"}


def test_tunes_set_the_published_values() -> None:
    of_settings = set(get_args(GenerationSettings.model_fields["tune"].annotation))
    assert set(TUNES) == {*FILES, "cp5"} == of_settings
    for name, files in FILES.items():
        pythia = start_pythia("quark", HARD, 1, before=TUNES[name].lines)
        expected: dict[str, str] = {}
        for each in files:
            expected |= file_of_tune(each)
        assert len(expected) > 40
        for setting, value in expected.items():
            found = pythia.settings.output(setting).partition("=")[2].strip()
            if found in ("true", "false"):
                assert (found == "true") == (value in ("true", "on", "1")), setting
            else:
                assert float(found) == pytest.approx(float(value)), setting
    pythia = start_pythia("quark", HARD, 1, before=TUNES["cp5"].lines)
    for setting, number in CP5.items():
        assert pythia.parm(setting) == pytest.approx(number), setting


def test_a_card_and_overrides_come_after_the_tune() -> None:
    before = TUNES["cp5"].lines
    pythia = start_pythia("quark", [*HARD, "TimeShower:alphaSvalue = 0.13"], 1, before=before)
    assert pythia.parm("TimeShower:alphaSvalue") == pytest.approx(0.13)


@pytest.fixture(scope="module")
def varied() -> tuple[dict[str, np.ndarray], Any]:
    """Events with varied showers: their own columns, and their particles."""
    settings = GenerationSettings(
        process="quark", events=1500, overrides=PARTONS, variations="shower"
    )
    data = generate(settings, 0, 5)[0]
    return data["event"], ak.zip({name: data["particle"][name] for name in ("px", "py", "pz", "e")})


def test_varied_showers_have_the_cross_section_of_the_nominal_one(varied: Any) -> None:
    """Showers are unitary: a varied one changes no cross-section, whatever it does to the jets."""
    event, _ = varied
    for name in VARIATIONS:
        ratio = event[name] / event["weight"]
        assert not np.array_equal(event[name], event["weight"])
        assert abs(ratio.mean() - 1) < 0.01 + 4 * ratio.std() / np.sqrt(len(ratio))
        assert ratio.std() < 0.7  # no few events make the histograms


def test_jets_are_wider_where_the_strong_coupling_is_larger(varied: Any) -> None:
    """Half the renormalisation scale: more emissions, and heavier jets; the double one: lighter."""
    event, particles = varied
    definition = fastjet.JetDefinition(fastjet.antikt_algorithm, 0.8)
    masses, weights = [], []
    for number, each in enumerate(particles):
        inputs = [fastjet.PseudoJet(p["px"], p["py"], p["pz"], p["e"]) for p in each.tolist()]
        jets = fastjet.ClusterSequence(inputs, definition).inclusive_jets(400.0)
        masses += [jet.m() for jet in jets]
        weights += [number] * len(jets)
    mass, of_jet = np.array(masses), np.array(weights)

    def mean(name: str) -> float:
        return float(np.average(mass, weights=event[name][of_jet]))

    assert mean("weight_fsr_half") > 1.02 * mean("weight")
    assert mean("weight_fsr_double") < 0.99 * mean("weight")


def test_without_variations_all_weights_are_the_nominal_one() -> None:
    plain = GenerationSettings(process="quark", events=50, overrides=PARTONS)
    event = generate(plain, 0, 5)[0]["event"]
    for name in VARIATIONS:
        np.testing.assert_array_equal(event[name], event["weight"])


def test_lists_of_variations_of_the_users_own_are_refused() -> None:
    settings = GenerationSettings(
        process="quark", events=1, variations="shower",
        overrides=[*PARTONS, "UncertaintyBands:List = {mine fsr:muRfac=0.7}"],
    )  # fmt: skip
    with pytest.raises(GeneratorError, match="UncertaintyBands"):
        generate(settings, 0, 1)


@pytest.mark.parametrize("process", ["quark", "top"])
def test_biased_events_have_the_spectrum_of_unbiased_ones(process: str) -> None:
    """Cross-section and pTHat agree within their errors, over three bins."""
    found = {}
    for switch in ("on", "off"):
        settings = GenerationSettings(
            process=process, events=3000,
            overrides=[
                *HARD, "PhaseSpace:pTHatMin = 400.",
                f"PhaseSpace:bias2Selection = {switch}",
            ],
        )  # fmt: skip
        data, account = generate(settings, 0, 8)
        event = data["event"]
        assert (np.ptp(event["weight"]) > 0) == (switch == "on")
        edges = [400.0, 450.0, 550.0, 2000.0]
        scale = account.cross_section_pb / account.sum_of_weights_generated
        sums, squares = (
            np.histogram(event["pthat"], edges, weights=event["weight"] ** power)[0]
            for power in (1, 2)
        )
        found[switch] = scale * sums, scale * np.sqrt(squares)
    (biased, one), (plain, two) = found["on"], found["off"]
    assert np.all(np.abs(biased - plain) < 4 * np.hypot(one, two) + 0.03 * plain)


@pytest.mark.parametrize("process", FLAT)
def test_samples_of_the_taggers_are_generated_far_below_their_jets(process: str) -> None:
    """Jets from 500 GeV; flat in pTHat up to a factor of five between 500 and 1000 GeV."""
    settings = {name.strip().lower(): value.strip() for name, value in
                (line.split("=", 1) for _, line in read_card(process))}  # fmt: skip
    assert float(settings["phasespace:pthatmin"]) <= 350
    assert float(settings["phasespace:pthatmax"]) >= 1150
    event = generate(GenerationSettings(process=process, events=2000, overrides=HARD), 0, 3)[0][
        "event"
    ]
    counts = np.histogram(event["pthat"], np.linspace(500, 1000, 6))[0]
    assert counts.min() > counts.max() / 5
