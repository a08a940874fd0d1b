"""What must agree between sections of the configuration: names, and numbers of several rooms.

Each relation yields one complaint a mistake, with the paths and both values; all are reported at
once. What concerns one section alone stands in its settings.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from jetchain.core.schema.jets import JET_CLASSES
from jetchain.core.schema.tagging import FEATURE_SETS
from jetchain.core.settings import did_you_mean
from jetchain.generate.cards import read_card
from jetchain.generate.settings import GUN, GenerationSettings
from jetchain.graphs.formats import FORMATS
from jetchain.jets.settings import radius_fault
from jetchain.particleflow.algorithms import ALGORITHMS, trained
from jetchain.plumbing.applied import (
    applications_known,
    firmware_asks_of_others,
    hunted_are_cut_on,
    other_detector_known,
    variants_known,
    windows_have_sidebands,
    workspaces_are_no_searches,
)
from jetchain.plumbing.numbers import unit_at
from jetchain.plumbing.radii import readers
from jetchain.plumbing.responses import responses_are_whole
from jetchain.tagging.class_settings import samples_of
from jetchain.tagging.models import TaggerSettings

if TYPE_CHECKING:
    from jetchain.plumbing.configuration import Configuration

MOST_BINS = 10_000
NOT_CLUSTERED = "softer jets are not clustered"
SPECTRUM = "background.sideband.spectrum"
# The first must be below the second (<), or not above it (<=).
ORDERED = [
    (f"{SPECTRUM}.mass_range[0]", "<", "anomaly.signal_region[0]",
     "the fit needs a sideband below the signal region"),
    ("anomaly.signal_region[1]", "<", f"{SPECTRUM}.mass_range[1]",
     "the fit needs a sideband above the signal region"),
    ("jets.clustering.pt_min", "<=", "jets.summary.pt_min", NOT_CLUSTERED),
    ("jets.clustering.pt_min", "<=", "jets.images.pt_min", NOT_CLUSTERED),
    ("jets.clustering.pt_min", "<=", "jets.display.selection.pt_min", NOT_CLUSTERED),
    ("jets.clustering.pt_min", "<=", "graphs.jets.pt_min", NOT_CLUSTERED),
    ("jets.clustering.pt_min", "<=", "anomaly.features.trigger_pt", NOT_CLUSTERED),
    ("graphs.jets.eta_max", "<=", "jets.clustering.eta_max", "no jet is clustered beyond"),
    ("jets.clustering.eta_max", "<=", "detector.simulation.particle_eta_max",
     "no particle is simulated beyond"),
    ("particleflow.evaluation.maximum_eta", "<=", "detector.simulation.particle_eta_max",
     "no particle is simulated beyond"),
    ("graphs.jets.pt_min", "<=", "tagging.features.pt_min", "softer jets have no graph"),
    ("tagging.features.pt_max", "<=", "graphs.jets.pt_max", "harder jets have no graph"),
    ("tagging.features.particles", "<=", "graphs.jets.max_constituents",
     "the graphs hold no more of a jet"),
    ("firmware.dataset.constituents", "<=", "graphs.jets.max_constituents",
     "the graphs hold no more of a jet"),
]  # fmt: skip


def complaints(config: Configuration) -> list[str]:
    """All that does not agree, one sentence each."""
    return [complaint for relation in RELATIONS for complaint in relation(config)]


def _at(config: Any, path: str) -> Any:
    for part in re.findall(r"\w+", path):
        config = config[int(part)] if part.isdigit() else getattr(config, part)
    return config


def _in_order(config: Configuration) -> Iterator[str]:
    for low, sign, high, why in ORDERED:
        first, second = _at(config, low), _at(config, high)
        if not (first < second or (sign == "<=" and first == second)):
            must = "must be below" if sign == "<" else "must not be above"
            unit = unit_at(type(config), low)
            yield f"{low}: {first:g}{unit} {must} {high}, which is {second:g}{unit}: {why}."


def _designs_see_what_is_kept(config: Configuration) -> Iterator[str]:
    kept = config.firmware.dataset.constituents
    for name in config.firmware.designs:
        seen = getattr(config.firmware.models, name).constituents or kept
        if seen > kept:
            yield (
                f"firmware.models.{name}.constituents: {seen} must not be above "
                f"firmware.dataset.constituents, which is {kept}: the data set keeps no more."
            )


def _samples_known(config: Configuration) -> Iterator[str]:
    paths = [
        "detector.bench.sample",
        "detector.summary_samples",
        "detector.passing_samples",
        "detector.validation.gun",
        "detector.validation.pions",
        "detector.validation.pi0",
        "detector.validation.events",
        "particleflow.calibration.samples",
        "particleflow.photon_calibration.samples",
        "particleflow.shower_calibration.samples",
        "particleflow.gun",
        *(f"particleflow.{name}.training.samples" for name in trained()),
        "particleflow.evaluation.samples",
        "jets.summary.samples",
        "jets.display.samples",
        "graphs.display.sample",
        "firmware.dataset.samples",
        "anomaly.background",
        "anomaly.signal",
    ]
    if config.anomaly.grid.samples:
        paths.append("anomaly.grid.samples")
    if config.detector.simulation.pileup.mean > 0:
        paths.append("detector.pileup_sample")
    if config.jets.calibration.enabled:
        paths.append("jets.calibration.sample")
    for path in paths:
        value = _at(config, path)
        names = [value] if isinstance(value, str) else list(value)
        for name in sorted({name for name in names if names.count(name) > 1}):
            yield f"{path}: '{name}' is named twice: its events would count twice."
        for name in names:
            if name not in config.generate.samples:
                near = did_you_mean(name, config.generate.samples)
                yield f"{path}: no sample '{name}' in generate.samples. {near}"


def _classes_have_samples(config: Configuration) -> Iterator[str]:
    imported = config.graphs.samples
    for name in sorted({*config.generate.samples} & {*imported}):
        yield f"graphs.samples.{name}: generate.samples has a sample of this name already."
    for name, each in config.tagging.classes.items():
        for sample in each.samples:
            if sample not in config.generate.samples and sample not in imported:
                near = did_you_mean(sample, [*config.generate.samples, *imported])
                places = "generate.samples or graphs.samples" if imported else "generate.samples"
                yield f"tagging.classes.{name}: no sample '{sample}' in {places}. {near}"
                continue
            labels = _truth(config, sample)
            if each.label is not None and each.label not in labels:
                yield (
                    f"tagging.classes.{name}.label: unknown truth label '{each.label}' of jets of "
                    f"'{sample}'. {did_you_mean(each.label, labels)} They have the labels "
                    f"{', '.join(labels[:20])}{', ...' if labels[20:] else ''}."
                )


def _truth(config: Configuration, sample: str) -> tuple[str, ...]:
    """The truth labels that jets of a sample may have."""
    imported = config.graphs.samples.get(sample)
    return FORMATS.load(imported.source.format).labels if imported else JET_CLASSES


def _features_are_there(config: Configuration) -> Iterator[str]:
    """What taggers see of a particle, published jets may not have."""
    tagging = config.tagging
    for sample in samples_of(tagging.classes):
        if not (imported := config.graphs.samples.get(sample)):
            continue
        there = FORMATS.load(imported.source.format).feature_set
        for name in tagging.taggers:
            section = getattr(tagging.models, name, TaggerSettings())
            needed = section.needs(section.feature_set or tagging.feature_set)
            if not {*FEATURE_SETS[needed]} <= {*FEATURE_SETS[there]}:
                path = f"models.{name}." * bool(section.feature_set) + "feature_set"
                yield (
                    f"tagging.{path}: {name} sees '{needed}' of a particle, but jets of '{sample}' "
                    f"({imported.source.format}) have '{there}' only: set it to {there}."
                )


def _algorithm_known(config: Configuration) -> Iterator[str]:
    name = config.jets.algorithm
    if name not in ALGORITHMS:
        near = did_you_mean(name, ALGORITHMS)
        yield f"jets.algorithm: no particle-flow algorithm '{name}'. {near}"


def _samples_fit_their_use(config: Configuration) -> Iterator[str]:
    timed = config.detector.bench.sample
    if timed in config.generate.samples and _generation(config, timed) is None:
        yield (
            f"detector.bench.sample: '{timed}' comes from files; the bench times Pythia beside "
            "the detector, so name a sample that has generation."
        )
    guns = (*(f"detector.validation.{use}" for use in ("gun", "pions", "pi0")), "particleflow.gun")
    for use in guns:
        name = _at(config, use)
        made = _generation(config, name)
        if name in config.generate.samples and (
            made is None or made.process != GUN or made.gun.particles != 1
        ):
            yield f"{use}: '{name}' must be a gun of one particle an event"


def _cells_are_read(config: Configuration) -> Iterator[str]:
    if not config.detector.simulation.store_cells:
        yield (
            "detector.simulation.store_cells: false leaves particle flow, its calibrations and the "
            "figures of the detector without the cells that they read. To save disk, name samples "
            "in detector.passing_samples: their events are removed once they are read."
        )


def _calibration_has_a_test(config: Configuration) -> Iterator[str]:
    calibration = config.jets.calibration
    sample = config.generate.samples.get(calibration.sample)
    if calibration.enabled and sample and sample.shards < 2:
        yield (
            f"jets.calibration.sample: '{calibration.sample}' has one shard "
            f"(generate.samples.{calibration.sample}.shards), but each is tested with the "
            "calibration that the others make: two are needed."
        )


def _other_algorithms_are_others(config: Configuration) -> Iterator[str]:
    for name in config.anomaly.systematics.algorithms:
        if name not in ALGORITHMS:
            near = did_you_mean(name, ALGORITHMS)
            yield f"anomaly.systematics.algorithms: no algorithm '{name}'. {near}"
        elif name == config.jets.algorithm:
            yield f"anomaly.systematics.algorithms: '{name}' is jets.algorithm itself."


def _radii_are_clustered(config: Configuration) -> Iterator[str]:
    for path, radius in {each.key: each.radius for each in readers(config)}.items():
        if fault := radius_fault(radius):
            yield f"{path}: {radius} {fault}."


def _spectrum_holds_the_fit(config: Configuration) -> Iterator[str]:
    """As many bins as `background.spectrum.bin_spectrum` makes."""
    spectrum, region = config.background.sideband.spectrum, config.anomaly.signal_region
    widths = (
        region[0] - spectrum.mass_range[0],
        region[1] - region[0],
        spectrum.mass_range[1] - region[1],
    )
    bins = sum(max(round(width / spectrum.bin_width), 1) for width in widths)
    fewest = spectrum.orders[0] + 2
    if min(widths) > 0 and bins <= fewest:
        yield (
            f"{SPECTRUM}.bin_width: {spectrum.bin_width:g} TeV leaves {bins} bins; a fit of signal "
            f"and background of order {SPECTRUM}.orders[0] = {spectrum.orders[0]} needs more than "
            f"{fewest}."
        )
    if bins > MOST_BINS:
        yield (
            f"{SPECTRUM}.bin_width: {spectrum.bin_width:g} TeV divides {SPECTRUM}.mass_range, "
            f"{spectrum.mass_range} TeV, into {bins} bins; at most {MOST_BINS} are fitted."
        )


def _background_is_one(config: Configuration) -> Iterator[str]:
    """All samples of the background state the same rate, or none does."""
    named = [name for name in config.anomaly.background if name in config.generate.samples]
    for key in ("cross_section", "luminosity"):
        stated = {name: getattr(config.generate.samples[name], key) for name in named}
        if len({*stated.values()}) > 1:
            each = ", ".join(f"{value} for {name}" for name, value in stated.items())
            yield (
                f"generate.samples: {key} is {each}; the samples of anomaly.background are one "
                "process and one set of data: state the same for all of them, or for none."
            )


def _search_has_events(config: Configuration) -> Iterator[str]:
    """Samples in one role, and masses that events of the trigger reach."""
    anomaly = config.anomaly
    for name in sorted({*anomaly.background} & {*anomaly.signal}):
        yield f"anomaly.signal: '{name}' is one of anomaly.background too."
    trigger, region = anomaly.features.trigger_pt, anomaly.signal_region
    if 2 * trigger >= 1000 * region[1]:
        yield (
            f"anomaly.features.trigger_pt: {trigger:g} GeV must be below half of "
            f"anomaly.signal_region[1], which is {region[1]:g} TeV: two balanced jets above it "
            "have more mass than the signal region."
        )
    for name in anomaly.searches:
        width = getattr(getattr(anomaly.methods, name, None), "sideband_width", 0.0)
        if width >= region[0]:
            yield (
                f"anomaly.methods.{name}.sideband_width: {width:g} must be below "
                f"anomaly.signal_region[0], which is {region[0]:g}: no mass is below 0."
            )


def _events_suffice(config: Configuration) -> Iterator[str]:
    features = config.anomaly.features
    if config.background.reference_events is None and not features.signal_events:
        yield (
            "background.reference_events: must be given where anomaly.features.signal_events "
            "is 0, for signal strength 1 is as many signal events."
        )
    made = [_generation(config, name) for name in config.anomaly.signal]
    shards = [
        config.generate.samples[name].shards
        for name in config.anomaly.signal
        if name in config.generate.samples
    ]
    if all(made):
        total = sum(each.events * n for each, n in zip(made, shards, strict=True) if each)
        if features.signal_events >= total:
            yield (
                f"anomaly.features.signal_events: {features.signal_events} leaves none of the "
                f"{total} events that the samples of anomaly.signal generate."
            )
        reference = config.background.reference_events or features.signal_events
        for name in config.anomaly.scanned:
            scan = config.anomaly.scans[name]
            wanted = max(scan.strengths) * scan.share * reference
            if wanted >= total:
                yield (
                    f"anomaly.scans.{name}.strengths: {max(scan.strengths):g} times {reference} "
                    f"signal events in {scan.share:g} of the data is {wanted:g}; the samples of "
                    f"anomaly.signal generate {total}."
                )
    used = {*config.particleflow.algorithms, config.jets.algorithm}
    for algorithm in used.intersection(trained()):
        training = getattr(config.particleflow, algorithm).training
        sources = [_generation(config, name) for name in training.samples]
        longest = max(each.events if each else training.held_out + 1 for each in sources)
        if training.held_out >= longest:
            yield (
                f"particleflow.{algorithm}.training.held_out: {training.held_out} leaves no event "
                f"to train on: a shard of its samples has {longest} at most "
                f"(generate.samples.{training.samples[0]}.generation.events)."
            )


def _collisions_reach(config: Configuration) -> Iterator[str]:
    """Momenta and masses asked for, against the energy of the collisions."""
    for name, sample in config.generate.samples.items():
        made = sample.generation
        if made is None or made.process == GUN:
            continue
        path = f"generate.samples.{name}.generation"
        values = _pythia_numbers(made)
        energy = values.get("beams:ecm", 14000.0)
        lowest = values.get("phasespace:pthatmin", 0.0)
        highest = values.get("phasespace:pthatmax", -1.0)
        if "beams:frametype" in values:
            continue
        for what, momentum in (
            ("PhaseSpace:pTHatMin", lowest),
            ("filter.jet_pt_min", made.filter.jet_pt_min),
        ):
            if momentum >= energy / 2:
                yield (
                    f"{path}: {what} is {momentum:g} GeV, but no jet has more than half of "
                    f"Beams:eCM, which is {energy:g} GeV."
                )
        if 0 < highest <= lowest:
            yield (
                f"{path}: PhaseSpace:pTHatMax, {highest:g} GeV, must be above "
                f"PhaseSpace:pTHatMin, {lowest:g} GeV."
            )
        for setting, mass in values.items():
            if setting.endswith(":m0") and mass >= energy:
                yield f"{path}: {setting} is {mass:g} GeV, above Beams:eCM, {energy:g} GeV."
        if name in config.anomaly.background:
            yield from _background_covers(
                config, path, energy, lowest, values.get("phasespace:mhatmin", 0.0)
            )
        trigger = config.anomaly.features.trigger_pt
        if name in [*config.anomaly.background, *config.anomaly.signal] and (
            made.filter.jet_pt_min > trigger
        ):
            yield (
                f"{path}.filter.jet_pt_min: {made.filter.jet_pt_min:g} GeV must not be above "
                f"anomaly.features.trigger_pt, {trigger:g} GeV: events between them would lack."
            )


def _background_covers(
    config: Configuration, path: str, energy: float, lowest: float, mass: float
) -> Iterator[str]:
    trigger = config.anomaly.features.trigger_pt
    if lowest > trigger:
        yield (
            f"{path}: PhaseSpace:pTHatMin is {lowest:g} GeV, above anomaly.features.trigger_pt, "
            f"{trigger:g} GeV: events between them would lack."
        )
    highest = 1000 * config.background.sideband.spectrum.mass_range[0]
    if mass > highest:
        yield (
            f"{path}: PhaseSpace:mHatMin is {mass:g} GeV, above {SPECTRUM}.mass_range[0], "
            f"{highest:g} GeV: events between them would lack."
        )
    if highest >= energy:
        yield (
            f"{SPECTRUM}.mass_range[0]: {highest:g} GeV is not below the energy of the collisions "
            f"of '{path.split('.')[2]}', {energy:g} GeV: the spectrum would be empty."
        )


def _generation(config: Configuration, name: str) -> GenerationSettings | None:
    sample = config.generate.samples.get(name)
    return sample.generation if sample else None


def _pythia_numbers(generation: GenerationSettings) -> dict[str, float]:
    """The settings of the card and the overrides that are one number, by name in small letters."""
    lines = [line for _, line in read_card(generation.process)] + generation.overrides
    found: dict[str, float] = {}
    for line in lines:
        match = re.fullmatch(r"\s*([\w:]+)\s*(?:=|\s)\s*([-+.\deE]+)\s*(?:[!#].*)?", line)
        if match:
            try:
                found[match[1].lower()] = float(match[2])
            except ValueError:
                continue
    return found


RELATIONS: list[Callable[[Configuration], Iterator[str]]] = [
    _samples_known,
    _classes_have_samples,
    workspaces_are_no_searches,
    applications_known,
    _features_are_there,
    _algorithm_known,
    _samples_fit_their_use,
    _cells_are_read,
    _calibration_has_a_test,
    _other_algorithms_are_others,
    _radii_are_clustered,
    _in_order,
    responses_are_whole,
    _designs_see_what_is_kept,
    _spectrum_holds_the_fit,
    _background_is_one,
    _search_has_events,
    hunted_are_cut_on,
    firmware_asks_of_others,
    variants_known,
    other_detector_known,
    windows_have_sidebands,
    _events_suffice,
    _collisions_reach,
]
