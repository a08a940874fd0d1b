"""Numbers and names of several sections that do not agree are refused, all of them at once."""

import pytest
import yaml

from helpers.reruns import merged
from helpers.snakemake import HOUSE
from jetchain.core.errors import ConfigurationError
from jetchain.plumbing import configuration
from jetchain.plumbing.relations import ORDERED

BASE = yaml.safe_load((HOUSE / "config/config.yaml").read_text(encoding="utf-8"))


def overlay(path: str, value) -> dict:
    *sections, last = path.split(".")
    found = {last: value}
    for section in reversed(sections):
        found = {section: found}
    return found


def complaints(*changes: tuple[str, object]) -> str:
    values = BASE
    for path, value in changes:
        values = merged(values, overlay(path, value))
    with pytest.raises(ConfigurationError) as refused:
        configuration.load(values)
    return refused.value.cause


SPECTRUM = "background.sideband.spectrum"
BACKGROUND = "generate.samples.lhco_background.generation"


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("anomaly.signal_region", [2.0, 2.5], "2.8 TeV must be below .*_region[[]0], which is 2"),
        ("anomaly.signal_region", [2.5, 3.0], "2.8 TeV must be below .*_region[[]0], which is 2"),
        ("anomaly.signal_region", [2.8, 3.0], "mass_range[[]0]: 2.8 TeV must be below"),
        ("detector.simulation.store_cells", False, "store_cells: false .*passing_samples"),
        ("anomaly.signal_region", [6.0, 7.0], "signal_region[[]1]: 7 TeV must be below .* is 6.5"),
        ("anomaly.signal_region", [7.0, 7.5], "region[[]1]: 7.5 TeV must be below .* is 6.5"),
        (f"{SPECTRUM}.mass_range", [3.4, 6.5], "mass_range[[]0]: 3.4 TeV must be below"),
        (f"{SPECTRUM}.bin_width", 4.0, "bin_width: 4 TeV leaves 3 bins"),
        (f"{BACKGROUND}.overrides", ["Beams:eCM = 2000."], "mass_range.*2000 GeV"),
        (f"{BACKGROUND}.overrides", ["PhaseSpace:pTHatMin=1500"], "1500 GeV, above .*trigger_pt"),
        (f"{BACKGROUND}.overrides", ["PhaseSpace:pTHatMin 7000"], "no jet has more than half"),
        (f"{BACKGROUND}.overrides", ["PhaseSpace:pTHatMax = 900."], "must be above"),
        (f"{BACKGROUND}.filter.jet_pt_min", 1300.0, "1300 GeV must not be above .*trigger_pt"),
        ("generate.samples.lhco_signal.generation.overrides", ["34:m0 = 14000"], "above Beams:eCM"),
        (f"{SPECTRUM}.bin_width", 1e-9, "into 3700000000 bins"),
        (f"{BACKGROUND}.overrides", ["PhaseSpace:mHatMin = 4000"], "4000 GeV, above .*mass_range"),
        ("anomaly.features.trigger_pt", 3000.0, "3000 GeV must be below half of .*3.7 TeV"),
        ("anomaly.methods.cwola.sideband_width", 5.0, "width: 5 must be below .*region"),
        ("anomaly.signal", ["lhco_background"], "is one of anomaly.background too"),
        ("anomaly.background", ["lhco_background"] * 2, "is named twice"),
        ("jets.summary.samples", ["quark", "top", "quark"], "'quark' is named twice"),
        ("anomaly.searches", ["cwola", "cwola"], "'cwola' is named twice"),
        ("tagging.taggers", ["pfn", "pfn"], "'pfn' is named twice"),
        ("tagging.classes.top.samples", ["tops"], "classes.top: no sample 'tops'.*'top'"),
        ("anomaly.features.trigger_pt", 150.0, "jets.clustering.pt_min: 200 GeV must not be above"),
        ("anomaly.features.signal_events", 4000, "leaves none of the 3000 events"),
        ("anomaly.features.signal_events", 0, "reference_events: must be given"),
        ("jets.clustering.pt_min", 600.0, "600 GeV must not be above jets.images.pt_min"),
        ("jets.clustering.pt_min", 260.0, "260 .* above 0.8 times .*response_pt_edges.* 300 GeV"),
        ("jets.calibration.pt_min", 140.0, "140 .* 0.8 times jets.calibration.pt_edges.* 150 GeV"),
        ("jets.closure.pt_edges", [110.0, 400.0], "100 .* 0.8 times jets.closure.pt_edges.* 110"),
        ("jets.clustering.eta_max", 3.5, "particle_eta_max, which is 3"),
        ("detector.simulation.particle_eta_max", 2.4, "maximum_eta: 2.5 must not be above"),
        ("graphs.jets.pt_min", 600.0, "600 GeV must not be above tagging.features.pt_min"),
        ("graphs.jets.max_constituents", 8, "firmware.dataset.constituents: 16 must not be above"),
        ("firmware.models.mlp.constituents", 32, "32 must not be above firmware.dataset.const"),
        ("particleflow.mlpf.training.held_out", 10**6, "held_out: 1000000 leaves no event"),
        ("background.bump_hunt.methods", ["disco"], "there is no cut of 'disco'; there are those"),
        ("particleflow.choice.algorithms", ["mlfp"], "'mlfp'. Did you mean 'mlpf'"),
        ("particleflow.choice.algorithms", ["mlpf", "mlpf"], "'mlpf' is named twice"),
        ("particleflow.choice.taggers", ["particelnet"], "no tagger 'particelnet'. Did you mean"),
        ("particleflow.choice.searches", ["cwolla"], "no search 'cwolla'. Did you mean 'cwola'"),
        ("particleflow.choice.searches", ["cwola", "cwola"], "'cwola' is named twice"),
        ("firmware.distillation.teacher", "particelnet", "no tagger 'particelnet'. "),
        ("firmware.trigger.methods", ["cathode"], "'cathode' is no search that a trigger can"),
        ("firmware.trigger.background", ["Hbb"], "'Hbb' is no class of firmware.dataset.classes"),
        ("firmware.trigger.background", ["quark", "gluon", "W", "Z", "top"], "one or more must be"),
        ("background.bump_hunt.methods", ["cwolla"], "there is no cut of 'cwolla'"),
        ("background.bump_hunt.methods", ["cwola", "cwola"], "'cwola' is named twice"),
        ("background.sideband.scan", [0.5, 0.0], "every efficiency must lie between 0 and 1"),
        ("particleflow.evaluation.pt_edges", [1.0, 1.0], "rise strictly"),
        ("anomaly.scans.strength.windows", [[2.8, 3.0]], "strength.windows: .*sideband on either"),
        ("anomaly.scans.strength.windows", [[3.0, 6.6]], "strength.windows: .*sideband on either"),
        ("anomaly.scans.strength.windows", [[3.3, 3.7], [3.3, 3.7]], "same in whole GeV"),
        ("anomaly.scans.strength.windows", [[3.3, 3.7002]], "must be whole GeV"),
        ("anomaly.scans.strength.windows", [[3.3]], "two rising positive masses"),
        ("anomaly.scans.strength.methods", ["cwolla"], "Did you mean 'cwola'"),
        ("anomaly.scans.strength.strengths", [1.0, 1.0], "must differ"),
        ("anomaly.scans.strength.strengths", [-1.0], "none may be below 0"),
        ("anomaly.scans.strength.background_efficiencies", [1.0], "between 0 and 1"),
        ("anomaly.scanned", ["strenght"], "unknown scan 'strenght'.*'strength'"),
        ("anomaly.scans.my-scan.replicas", 2, "letters, digits and _ only"),
    ],
)  # fmt: skip
def test_numbers_that_do_not_agree_are_refused(path, value, message) -> None:
    with pytest.raises(ConfigurationError, match=message):
        configuration.load(merged(BASE, overlay(path, value)))


def test_the_samples_of_the_background_state_one_rate() -> None:
    two = [("anomaly.background", ["lhco_background", "dijets"])]
    configuration.load(merged(BASE, overlay(*two[0])))
    for key in ("cross_section", "luminosity"):
        cause = complaints(*two, (f"generate.samples.dijets.{key}", 2.0))
        assert f"{key} is None for lhco_background, 2.0 for dijets" in cause


def test_all_mistakes_are_reported_at_once() -> None:
    cause = complaints(
        ("anomaly.signal_region", [2.0, 2.5]),
        ("jets.summary.radius", 0.45),
        ("jets.images.radius", 0.45),
        ("jets.display.selection.radius", 1.6),
        ("graphs.jets.radius", 0.45),
        ("anomaly.features.radius", 0.04),
        ("graphs.display.sample", "tops"),
        ("background.reference_events", 5),
        ("anomaly.features.signal_events", 5000),
    )
    for path in (
        "jets.summary.radius", "jets.images.radius", "jets.display.selection.radius",
        "graphs.jets.radius", "anomaly.features.radius", "graphs.display.sample",
        f"{SPECTRUM}.mass_range[0]", "anomaly.features.signal_events",
    ):  # fmt: skip
        assert f"  - {path}: " in cause
    assert cause.count("\n  - ") == 8


def test_every_ordered_pair_names_two_keys() -> None:
    config = configuration.Configuration()
    for low, _, high, _ in ORDERED:
        for path in (low, high):
            value = config
            for part in path.split("[")[0].split("."):
                value = getattr(value, part)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("background.reference_events", 1_000_000),
        ("anomaly.signal_region", [3.0, 6.2]),
        (f"{SPECTRUM}.mass_range", [3.1, 3.9]),
        ("tagging.features.particles", 8),
        ("graphs.jets.pt_min", 200.0),
        ("firmware.dataset.classes", ["quark", "gluon"]),
    ],
)
def test_what_agrees_is_accepted(path, value) -> None:
    configuration.load(merged(BASE, overlay(path, value)))


def test_a_mistake_of_one_section_hides_none_between_sections():
    with pytest.raises(ConfigurationError) as refusal:
        configuration.load({
            "inference": {"limits": {"level": 2.0}},
            "anomaly": {"signal_region": [2.0, 2.5]},
            "jets": {"clustering": {"radii": [0.4, "wide"]}},
            "seeed": 1,
        })  # fmt: skip
    lines = refusal.value.cause.split("\n  - ")[1:]
    for path in (
        "inference.limits.level", "jets.clustering.radii.1", "seeed",
        "background.sideband.spectrum.mass_range[0]",
    ):  # fmt: skip
        assert len([line for line in lines if line.startswith(path)]) == 1, path
    assert len(lines) == 4
