"""Wrong physics, one line at a time: the comparison with the references must notice each.

Every test changes one constant or formula in a copy of the repository, makes with it only the
tables that show it, in a copy of the finished tiny run, and compares. Its output says what caught
it: `make test-mutations` prints that.
"""

import fnmatch

import pytest

from helpers.mutants import PACKAGE, copy_house, fork, go_on, mutate, read_once
from helpers.snakemake import HOUSE
from jetchain.regression.collect import collect
from jetchain.regression.compare import MOVED, compare
from jetchain.regression.references import read_references

pytestmark = pytest.mark.workflow

WORST = 5
"""The expected quantity is among so many of the worst."""
GEOMETRY = "resources/geometry/cocoa.yaml"

# name: file, what stands there, what is put there, targets in results/, what must be among the
# worst (a pattern).
MUTATIONS = {
    "calorimeter sees 10 % less": (
        f"{PACKAGE}/detector/calorimeter/digitisation.py",
        "value = sampled(rng, true_energy[m], quantum[layer[m]]) / noise[layer[m]]",
        "value = 0.9 * sampled(rng, true_energy[m], quantum[layer[m]]) / noise[layer[m]]",
        ["detector/photon_gun/histograms.json"],
        "detector/photon_gun/response_photon",
    ),
    "stochastic term doubled": (
        f"{PACKAGE}/detector/calorimeter/digitisation.py",
        "return step * (1.0 - sampling) / sampling",
        "return 4.0 * step * (1.0 - sampling) / sampling",
        ["detector/photon_gun/histograms.json"],
        "detector/photon_gun/*",
    ),
    "Gaussian tail of the noise without its root": (
        f"{PACKAGE}/detector/calorimeter/digitisation.py",
        "math.erfc(tail / math.sqrt(2.0))",
        "math.erfc(tail / 2.0)",
        ["detector/validation/noise.json"],
        "detector/validation/noise * an event, empty events",
    ),
    "hadrons interact after half the length": (
        f"{PACKAGE}/detector/calorimeter/showers.py",
        "start = 0.0 if started[piece] else rng.standard_exponential()",
        "start = 0.0 if started[piece] else 0.5 * rng.standard_exponential()",
        ["detector/pion_gun/histograms.json"],
        "detector/pion_gun/hcal_share",
    ),
    "field of 3.6 T": (
        GEOMETRY,
        "magnetic_field: 3.8 ",
        "magnetic_field: 3.6 ",
        ["detector/pion_gun/histograms.json"],
        "detector/pion_gun/bending",
    ),
    "tracker of twice the material": (
        GEOMETRY,
        "iron: {radiation_length: 17.57,",
        "iron: {radiation_length: 8.785,",
        ["detector/Hbb/histograms.json"],
        "detector/Hbb/particles, conversions",
    ),
    "wrong sign of d0": (
        f"{PACKAGE}/detector/flight/tracker.py",
        "d0 = signed - sign * np.hypot(centre_x, centre_y)",
        "d0 = sign * np.hypot(centre_x, centre_y) - signed",
        ["detector/Hbb/histograms.json"],
        "detector/Hbb/d0_pull",
    ),
    "d0 measured 1.3 times worse": (
        f"{PACKAGE}/detector/flight/tracker.py",
        '"d0": np.array([0.060, 0.0172, 0.0160])',
        '"d0": 1.3 * np.array([0.060, 0.0172, 0.0160])',
        ["detector/pion_gun/histograms.json"],
        "detector/pion_gun/d0",
    ),
    "particles from 2 GeV": (
        f"{PACKAGE}/detector/flight/particles.py",
        '"below_pt": pt < settings.particle_pt_min',
        '"below_pt": pt < 2 * settings.particle_pt_min',
        ["detector/Hbb/histograms.json"],
        "detector/Hbb/*",
    ),
    "jet radius 0.05 larger": (
        f"{PACKAGE}/jets/cluster.py",
        "fastjet.JetDefinition(fastjet.antikt_algorithm, radius)",
        "fastjet.JetDefinition(fastjet.antikt_algorithm, radius + 0.05)",
        ["jets/parametric/histograms.json"],
        "jets/parametric/*/all/reach",
    ),
    "soft drop at half the z_cut": (
        f"{PACKAGE}/core/substructure.py",
        "if z > zcut * (distance2",
        "if z > 0.5 * zcut * (distance2",
        ["jets/parametric/histograms.json"],
        "jets/parametric/*/all/zg",
    ),
    "N-subjettiness with beta = 2": (
        f"{PACKAGE}/core/substructure.py",
        "weighted += pt[i] * np.sqrt(nearest)",
        "weighted += pt[i] * nearest",
        ["jets/parametric/histograms.json"],
        "jets/parametric/*/tau*",
    ),
    "labels within a quarter of the radius": (
        f"{PACKAGE}/jets/label.py",
        "inside = distance < radius",
        "inside = distance < 0.25 * radius",
        ["jets/parametric/histograms.json"],
        "jets/parametric/labels of *",
    ),
    "quarks from pTHat 650": (
        "resources/processes/quark.cmnd",
        "PhaseSpace:pTHatMin = 250.",
        "PhaseSpace:pTHatMin = 650.",
        ["generate/quark/spectra.json"],
        "generate/quark/*",
    ),
    "dijet mass without rapidities": (
        f"{PACKAGE}/anomaly/features.py",
        'np.array(cartesian(jet["pt"], jet["eta"], jet["phi"], jet["m"]))',
        'np.array(cartesian(jet["pt"], 0 * jet["eta"], jet["phi"], jet["m"]))',
        ["anomaly/histograms.json"],
        "anomaly/*/m_jj",
    ),
    "half the luminosity": (
        f"{PACKAGE}/core/luminosity.py",
        "FB_PER_PB = 1000.0",
        "FB_PER_PB = 2000.0",
        ["background/normalisation.json"],
        "background/luminosity fb",
    ),
    "limits at 90 % confidence": (
        f"{PACKAGE}/inference/limits.py",
        "0.05 * scale.start, end, settings.level)",
        "0.05 * scale.start, end, 2 * settings.level)",
        ["inference/inclusive/limits.json"],
        "inference/inclusive/CLs at the observed limit",
    ),
}


def test_each_line_stands_there_once():
    for file, right, *_ in MUTATIONS.values():
        read_once(HOUSE, file, right)


@pytest.mark.mutations
@pytest.mark.parametrize("name", MUTATIONS)
def test_wrong_physics_is_caught(name, tiny_run, tmp_path):
    file, right, wrong, targets, expected = MUTATIONS[name]
    house = copy_house(tmp_path / "house")
    mutate(house, file, right, wrong)
    run = fork(tiny_run, tmp_path / "run")
    go_on(house, run, [f"results/{target}" for target in targets], tmp_path / "caches")
    moved = compare(read_references(), collect(run / "results")).of(MOVED)
    print(f"{name}: {len(moved)} moved")
    for verdict in moved[:WORST]:
        print(f"  {verdict.name}: {verdict.how}; p = {verdict.p:.1e}, of {verdict.threshold:.1e}")
    assert moved, f"nobody noticed: {name}"
    assert fnmatch.filter([verdict.name for verdict in moved[:WORST]], expected)
