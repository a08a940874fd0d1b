# Helpers of the rules, nothing else. What each does stands in workflow/jetchain/plumbing/rules.py.
import json
from functools import cache
from pathlib import Path

from jetchain.core.errors import ConfigurationError
from jetchain.core.resources import RESOURCES, file_digest, resource_name
from jetchain.core.schema.jets import jet_collection
from jetchain.firmware.designs import AUTOENCODERS, CLASSIFIERS, DESIGNS
from jetchain.firmware.onnx_graph import data_files
from jetchain.generate.cards import card_digest
from jetchain.anomaly.settings import SHOWERS, window_name
from jetchain.core.sources import is_stored
from jetchain.plumbing.radii import CALIBRATION, jets_read
from jetchain.plumbing.rules import (
    LAUNCH,
    LAUNCH_POINT,
    Figure,
    Rules,
    Table,
    family,
    signed,
)

card_digest = cache(card_digest)  # the file is read once, not for every job
JETS_READ = jets_read(CONFIG)
PILEUP = CONFIG.tagging.pileup
MEANS = [str(mean) for mean in PILEUP.means]
MITIGATIONS = PILEUP.mitigations
# What a jet takes in each epoch of a training, or in its only fit, by tagger.
TAGGER_TIMES = json.loads((RESOURCES / "measured/tagger_times.json").read_text())
rules_of = Rules(
    CONFIG.model_dump(mode="json"),
    {
        **JETS_READ._asdict(),
        "windows": CONFIG.anomaly.windows,
        "pileup": {
            mean: CONFIG.detector.simulation.pileup.model_dump() | {"mean": float(mean)}
            for mean in MEANS
        },
        "mitigations": {name: name for name in MITIGATIONS},
    },
)
job, labels = rules_of.job, rules_of.labels
SINGLE_PARTICLES = {
    *CONFIG.particleflow.calibration.samples,
    *CONFIG.particleflow.photon_calibration.samples,
    *CONFIG.particleflow.shower_calibration.samples,
}
CALIBRATING = {*SINGLE_PARTICLES, CONFIG.jets.calibration.sample}
ALGORITHMS = family("particleflow.algorithms")
shards = rules_of.shards


def process_card(wildcards):
    """Digest of the settings in the sample's process card: a change of the card makes it anew."""
    return card_digest(CONFIG.generate.samples[wildcards.sample].generation.process)


def names_of(*formats):
    """Pattern of the names of the samples from files of these formats; None: from Pythia."""
    sources = {name: sample.source for name, sample in CONFIG.generate.samples.items()}
    return one_of(
        name
        for name, source in sources.items()
        if (source and source.format) in formats
    )


def simulated(passing):
    """Pattern of the names of the samples with a simulated detector whose events pass, or stay."""
    sources = {name: sample.source for name, sample in CONFIG.generate.samples.items()}
    return one_of(
        name
        for name, source in sources.items()
        if not (source and source.format == "cocoa")
        and (name in CONFIG.detector.passing_samples) == passing
    )


def sample_of(wildcards):
    """A sample of events, or of published jets."""
    name = wildcards.sample
    return CONFIG.generate.samples.get(name) or CONFIG.graphs.samples[name]


def format_of(wildcards):
    """The format of published jets."""
    return [f"graphs.formats.{sample_of(wildcards).source.format}"]


def source_name(wildcards):
    """The name of the file of events or jets that a shard is made from."""
    sample = sample_of(wildcards)
    return sample.source.files[int(wildcards.shard) // sample.parts]


def source_file(wildcards):
    """That file, here or in a storage."""
    name = source_name(wildcards)
    return storage(name) if is_stored(name) else local(name)


def workspace_files(wildcards):
    """The files of a workspace that others made."""
    return [local(name) for name in CONFIG.inference.workspaces[wildcards.method].files]


def combined_workspaces(wildcards):
    """The workspaces that are combined."""
    parts = CONFIG.inference.workspaces[wildcards.method].combined.parts
    return [f"results/inference/{name}/workspace.json" for name in parts]


def operator_workspace(wildcards):
    """The file of a workspace with the samples of operators."""
    entry = CONFIG.inference.applications.operators[wildcards.method]
    return local(entry.workspace)


def grid_files(wildcards):
    """The files of a grid of signals: of others, or of the patch set of a search."""
    grid = CONFIG.inference.grids[wildcards.method]
    if grid.search:
        folder = f"results/inference/{grid.search}"
        return [f"{folder}/background_only.json", f"{folder}/patchset.json"]
    return [local(name) for name in grid.files]


def urgency(usual):
    """The priority of jobs on a sample, which is more where others wait for them.

    All jets wait for those that calibrate them, and the detector of its first job, which compiles
    it: other events are generated meanwhile.
    """

    def priority(wildcards):
        if wildcards.sample == CONFIG.jets.calibration.sample and not int(
            wildcards.shard
        ):
            return 3
        return usual + (wildcards.sample in CALIBRATING)

    return signed(priority)


def parts_of(wildcards):
    """The shards that each file of a sample is split into."""
    return sample_of(wildcards).parts


def checksum_of(wildcards):
    """The checksum that the file of a shard must have; empty for any."""
    name = source_name(wildcards).rpartition("/")[2]
    return sample_of(wildcards).source.checksums.get(name, "")


def limit_of(wildcards):
    """The events or jets that are taken of each file of a sample; 0 for all."""
    return sample_of(wildcards).source.events or 0


def of_background(name):
    """The cross-section or luminosity that the search's background states; 0 for none."""
    sample = CONFIG.generate.samples[CONFIG.anomaly.background[0]]
    return getattr(sample, name) or 0.0


def search_settings(name, region):
    """Where the settings of a search's method stand; its signal region stands at `region`."""
    method = METHODS[name]
    places = {"signal_region": region}
    if method.mass_range:
        places["mass_range"] = "background.sideband.spectrum.mass_range"
    if method.settings:
        places["method"] = f"anomaly.methods.{name}"
    return places


def scores_of(name):
    """The scores of the method of the wildcards; none without a cut."""

    def paths(wildcards):
        method = wildcards.method
        return (
            [] if method in NO_CUT else [f"results/anomaly/{method}/{name}.safetensors"]
        )

    return paths


def read_to_vary(what):
    """What a variation of the signal, or another signal, reads of the chain."""
    jets = "results/jets/{}/{{sample}}/{{shard}}.root"

    def paths(wildcards):
        name, settings = wildcards.systematic, CONFIG.anomaly.systematics
        if what == "jets":
            return shards(jets.format(CONFIG.jets.algorithm), [name])
        if what == "accounts":
            return shards("results/generate/{sample}/{shard}.json", [name])
        if what == "closure" and name in settings.jets:
            return JET_CLOSURE
        if what == "generated" and name in SHOWERS:
            return shards(
                "results/generate/{sample}/{shard}.root", CONFIG.anomaly.signal
            )
        if what == "other" and name in settings.algorithms:
            return shards(jets.format(name), CONFIG.anomaly.signal)
        return []

    return paths


def variations_of(wildcards):
    """The varied signals of a search that can score them; of a cut that of the trainings too."""
    name = wildcards.method
    trained = ["training"] if name in BACKGROUND_CUT else []
    scored = name in NO_CUT or METHODS[name].saved
    return expand(
        "results/background/{method}/systematics/{systematic}.json",
        method=name,
        systematic=[*(SYSTEMATICS if scored else []), *trained],
    )


def points_of(*patterns, methods=()):
    """These files for all points of the scan of the wildcards.

    Args:
        patterns: with the braces of the points, and of the methods of the scan.
        methods: these alone, if they are given.
    """

    def paths(wildcards):
        scan = CONFIG.anomaly.scans[wildcards.scan]
        return expand(
            patterns,
            scan=wildcards.scan,
            window=map(window_name, scan.windows or [CONFIG.anomaly.signal_region]),
            strength=[f"{strength:g}" for strength in scan.strengths],
            replica=range(scan.replicas),
            method=[name for name in scan.methods if name in (methods or scan.methods)],
        )

    return paths


def scan_results(name):
    """The tables of a scan."""
    return [
        f"results/anomaly/scan/{name}/{table}"
        for table in ("points.csv", "summary.json")
    ]


def labels_of_scan(wildcards):
    """The displayed names of the methods of a scan."""
    methods = CONFIG.anomaly.scans[wildcards.scan].methods
    return json.dumps(
        {name: NO_CUT.get(name) or METHODS[name].label for name in methods}
    )


def pileup_pool(wildcards):
    """The pool's files; none without pile-up, for the pool itself and for single particles."""
    pool, name = CONFIG.detector.pileup_sample, wildcards.sample
    mean = wildcards.get("mean", CONFIG.detector.simulation.pileup.mean)
    generation = CONFIG.generate.samples[name].generation
    gun = generation and generation.process == "gun"
    # Single particles that calibrate may come from files, too.
    if gun or name in {pool, *SINGLE_PARTICLES} or not float(mean):
        return []
    return [
        f"results/generate/{pool}/{shard}.root" for shard in rules_of.shard_names(pool)
    ]


def shards_of_variant(pattern):
    """The pattern for the shards of the tagging samples that a variant has: of pile-up, the first."""

    def paths(wildcards):
        piled_up = wildcards.get("variant", "pileup").startswith("pileup")
        most = PILEUP.shards if piled_up else None
        fixed = {*SAMPLES_OF_TAGGING} - {*SIMULATED_AGAIN.split("|")}
        if piled_up and fixed:
            raise ConfigurationError(
                f"No pile-up can be laid over {', '.join(sorted(fixed))}: these come with jets, or "
                "with a detector, of their own.",
                "Name samples in tagging.classes whose detector is simulated here.",
            )
        return [
            pattern.format(**{**wildcards, "sample": sample, "shard": shard})
            for sample in SAMPLES_OF_TAGGING
            for shard in rules_of.shard_names(sample)[:most]
        ]

    return paths


def graphs_of_variant(wildcards):
    """Jet graphs: those of another algorithm are made for particle flow's sake too."""
    folder = wildcards.variant.removeprefix("choice/")
    return (
        f"results/graphs/jets/{folder}/{wildcards.sample}/{wildcards.shard}.safetensors"
    )


def calibrations(wildcards):
    """The tables that an algorithm without training reads."""
    names = ALGORITHMS[wildcards.algorithm].calibrations
    return [f"results/particleflow/{name}.json" for name in names]


def network_settings(wildcards):
    """The section of a network."""
    return getattr(CONFIG.particleflow, wildcards.algorithm)


def training_threads(wildcards):
    """The threads of a network's training."""
    return network_settings(wildcards).training.fit.threads


def training_graphs(wildcards):
    """The event graphs that a network is trained on."""
    samples = network_settings(wildcards).training.samples
    return shards("results/graphs/events/{sample}/{shard}.safetensors", samples)


def initial_weights(wildcards):
    """The weights that a network's training begins from; none where they are drawn."""
    initial = network_settings(wildcards).training.initial
    return [local(initial.file)] if initial else []


def transfer_graphs_of(wildcards):
    """The event graphs of the other detector that a network is trained on."""
    samples = network_settings(wildcards).training.samples
    return shards(TRANSFER_GRAPHS, samples)


def first_weights(wildcards):
    """The weights of the first detector, for a fine-tuning."""
    if wildcards.start == "new":
        return []
    return [f"results/particleflow/{wildcards.algorithm}/weights.safetensors"]


def tagger_threads(wildcards):
    """The threads of a tagger's training."""
    return CONFIG.tagging.training_of(wildcards.model).threads


def training_length(wildcards):
    """The priority of a tagger's training, from how long it takes: the longest go first.

    With the longest as the last, all cores but one would wait for it.
    """
    name, times = wildcards.model, TAGGER_TIMES["training"]
    epochs = CONFIG.tagging.training_of(name).epochs
    often = 1 if name in TAGGER_TIMES["fitted_once"] else epochs
    return 1 + round(often * times.get(name, max(times.values())))


def name_of_tagger(wildcards):
    """The displayed name of the tagger that a figure shows."""
    return labels("tagging.models", [wildcards.model])


def job_of_design(*identity):
    """What a job of a design is, for its seed: its key counts, save for the oldest design's."""

    def named(wildcards):
        filled = [text.format_map(wildcards) for text in identity]
        # The MLP's numbers are older than the table of designs.
        return filled if wildcards.design == "mlp" else [*filled, wildcards.design]

    return named


def dataset_of_design(wildcards):
    """The jets that a design is tested on: those of the search, or those of the classes."""
    folder = f"{wildcards.design}/" if wildcards.design in AUTOENCODERS else ""
    return f"results/firmware/{folder}dataset.safetensors"


def file_of_design(wildcards):
    """Name and digest of the files that a design is read from: another network makes it anew."""
    file = getattr(getattr(CONFIG.firmware.models, wildcards.design), "file", None)
    if not file:
        return ""
    beside = data_files(Path(file).expanduser())
    return " ".join(map(file_digest, [file, *map(str, beside)]))


def drawn(figure):
    """The outputs of a figure: PNG for the report, PDF, and the drawn numbers; or of a table."""
    shown = report(
        f"{figure.path}.{figure.kinds[0]}",
        caption=str(HOUSE / f"workflow/report/{figure.caption or figure.stem}.rst"),
        category=figure.category,
        labels=figure.labels,
    )
    if isinstance(figure, Table):
        return {"table": shown}
    return {"png": shown, "pdf": f"{figure.path}.pdf", "data": f"{figure.path}.json"}


def one_of(names):
    """Pattern of some names."""
    return "|".join(names) or "(?!)"


# What each room contributes to `all`; every rule file adds its own.
TARGETS = {"reporting": []}

# The figures and tables of the report.
FIGURES = []

# Files of figures that `all` leaves to targets of their own.
ASIDE = []

# What `bench` measures; every rule file adds its own.
BENCHES = []


wildcard_constraints:
    sample="[A-Za-z0-9_]+",
    shard="[0-9]{4}",
    algorithm=one_of(ALGORITHMS),
    model="[a-z0-9_]+",
    method="[a-z0-9_]+",
    design="[a-z0-9_]+",
    collection="ak[0-9]+",
    scan="[A-Za-z0-9_]+",
    window="[0-9]+-[0-9]+",
    strength="[0-9.e+-]+",
    systematic="[A-Za-z0-9_]+",
    replica="[0-9]+",
    rate="[0-9.e-]+",
    mean="[0-9]+",
    mitigation="[a-z]+",
    variant="choice/[a-z0-9_]+|pileup/[0-9]+/[a-z]+",
