"""A changed key of the configuration reruns exactly the jobs that read it, and what lies below.

The jobs that read a key are those of the finished run that really did (`helpers/tracing`). Keys
that decide which jobs there are, or which files a job reads, stand in SHAPING with the rules that
they touch (`helpers/shaping.py`).
"""

import pytest

from helpers.reruns import FinishedRun, difference, leaves, merged, overlay, tiny_configuration
from helpers.shaping import SHAPING
from jetchain.core.errors import ConfigurationError
from jetchain.generate.settings import GUN
from jetchain.particleflow.algorithms import ALGORITHMS
from jetchain.plumbing import configuration

pytestmark = pytest.mark.workflow

TINY = tiny_configuration()
KEYS = dict(leaves(configuration.load(TINY)))

# Read by a verb, but only in a branch that no job of the tiny run takes.
UNSEEN = {
    # where Minuit fits: counts, of a search that is sensitive
    "inference.fit: tolerance",
    "inference.measure: fit.tolerance",
    # where there is pile-up
    "detector.simulate: pileup.spread_z",
    # where truth jets are of visible particles, or pile-up is subtracted by PUPPI
    *(
        f"jets.cluster: {key}"
        for key in ("particle_eta_max", "particle_pt_min", "pileup_mean", "track_eta_max")
    ),
}

# Values for keys of samples whose other values cannot be guessed: any that is not the key's own.
OTHER_OF_SAMPLES = {
    "process": ["Z", "W"],
    "overrides": [["PartonLevel:MPI = off"]],
    "tune": ["a14"],
    "variations": ["shower", "none"],
    "gun.pdgids": [[211]],
    "gun.variable": ["energy", "pt"],
    "cross_section": [7.0],
    "luminosity": [3.0],
    "particles.invisible": [[9000005]],
    "particles.like_muons": [[9000006]],
}
# The same of trainings.
OTHER_OF_TRAININGS = {
    "optimiser": "lion", "schedule": "cosine", "device": "auto", "precision": "bfloat16",
}  # fmt: skip
# Values for other keys.
OTHER = {
    "generate.bench.processes": ["W"],
    "detector.bench.sample": "W",
    "particleflow.mlpf.training.curriculum": [{"samples": ["top"], "epochs": 1}],
    "particleflow.transfer.algorithm": "hgpflow",
    "particleflow.transfer.geometry": "cocoa_high",
    "jets.clustering.pileup": "softkiller",
    "inference.applications.charm.tagger": "pfn",
    "inference.applications.charm.working_points": [0.7, 0.5],
    "inference.applications.charm.mass_edges": [60.0, 120.0],
    "inference.applications.gain.scan": "strength",
    "tagging.standardisation": "jetclass",
    "tagging.training.decorrelation.background": ["quark"],
    "tagging.training.decorrelation.variable": "m",
    "jets.clustering.truth": "visible",
    "jets.summary.radius": 1.0,
    "jets.images.radius": 1.0,
    "jets.display.selection.radius": 1.0,
    "graphs.jets.radius": 1.0,
    "anomaly.features.radius": 0.8,
    "background.sideband.spectrum.orders": [2, 4],
    "background.reference_events": 40,
    "firmware.dataset.classes": ["quark", "gluon", "W", "top"],
    "firmware.device.part": "xcvu9p",
    "firmware.models.mlp.constituents": 3,
    "firmware.models.mlp.features": "identity",
    "firmware.models.mlp.formats": {"biases": {"fraction": 4}},
}
# What guns do not read.
OF_PROCESSES = {"tune", "variations", "overrides", "filter", "particles"}
# Only `make bench` and the targets `applications` and `pflow_transfer` read these.
BENCHES = (
    "generate.bench.", "detector.bench.", "tagging.bench.", "inference.bench.",
    "inference.applications.", "particleflow.transfer.",
)  # fmt: skip
# Only other targets beside `all` read these.
BESIDE = (
    "particleflow.choice.",
    "tagging.pileup.",
    *(f"firmware.{part}." for part in ("scan", "distillation", "trigger", "autoencoder", "trees")),
)
# The first five have tests of their own; the others have one valid value only.
APART = {
    "seed", "detector.geometry", "detector.passing_samples", "detector.pileup_sample",
    "anomaly.grid.labels", "firmware.designs", "firmware.formats.activations.signed",
    *(
        f"generate.samples.{TINY['detector']['validation'][use]}.generation.{key}"
        for use in ("gun", "pions", "pi0")
        for key in ("process", "gun.particles")
    ),
}  # fmt: skip
# Of the scans, those that no job of the tiny run makes.
SCANNED = TINY["anomaly"]["scanned"]
# Of the samples in the configuration, what no job of the tiny run reads: it has no pile-up.
POOL = TINY["detector"]["pileup_sample"]
TAGGERS = TINY["tagging"]["taggers"]
DESIGNS = TINY["firmware"]["designs"]
# Of particle flow, the algorithms that it does not run.
NOT_RUN = {*ALGORITHMS} - {*configuration.load(TINY).particleflow.algorithms}


def is_valid(change):
    try:
        configuration.load(merged(TINY, change))
    except ConfigurationError:
        return False
    return True


def guesses(value):
    """Values near this one; not all of them need be allowed."""
    if isinstance(value, bool):
        return [not value]
    if isinstance(value, int):
        return [value + 1, value - 1]
    if isinstance(value, float):
        return [value * 1.01 + 0.001, value * 0.99, value * 0.99 - 0.001]
    if isinstance(value, list) and value:
        return [[*value[:-1], last] for last in guesses(value[-1])]
    return []


def other(key):
    """The key's value changed, as an overlay."""
    parts = key.split(".")
    of_sample = ".".join(parts[4:]) or parts[-1]
    if parts[:2] == ["generate", "samples"] and of_sample in OTHER_OF_SAMPLES:
        chosen = OTHER_OF_SAMPLES[of_sample]
    elif parts[:2] == ["tagging", "classes"]:
        # One sample more, that is in the data set already.
        more = [[*KEYS[key], each] for each in ("top", "W")]
        chosen = more if parts[-1] == "samples" else ["gluon", "quark"]
    elif parts[:2] == ["tagging", "pairs"] and parts[-1] == "signal":
        chosen = ["W", "Z"]
    elif parts[-1] == "feature_set":
        chosen = ["identity"]
    elif parts[-1] in OTHER_OF_TRAININGS:
        chosen = [OTHER_OF_TRAININGS[parts[-1]]]
    elif key in OTHER:
        chosen = [OTHER[key]]
    else:
        chosen = guesses(KEYS[key])
    for value in chosen:
        change = overlay(key, value)
        if value != KEYS[key] and is_valid(change):
            return change
    raise LookupError(f"{key}: no other valid value; state one in OTHER")


def unread(key):
    """Whether the sample's process does not read a key, which has one valid value then.

    As a gun's process has: no other reads the keys of a gun.
    """
    sample, _, below = key.partition(".generation.")
    gun = KEYS.get(f"{sample}.generation.process") == GUN
    return below.split(".")[0] in ({*OF_PROCESSES, "process"} if gun else {"gun"})


def plain(key):
    return (
        not unread(key)
        and key not in SHAPING
        and key not in APART
        and not key.startswith((*BENCHES, *BESIDE, f"generate.samples.{POOL}."))
        # of taggers, those that are trained
        and (not key.startswith("tagging.models.") or key.split(".")[2] in TAGGERS)
        # and of designs, those that are made
        and (not key.startswith("firmware.models.") or key.split(".")[2] in DESIGNS)
        and not (key.split(".")[0] == "particleflow" and key.split(".")[1] in NOT_RUN)
        and not (key.startswith("anomaly.scans.") and key.split(".")[2] not in SCANNED)
        and key != "detector.simulation.store_cells"  # a single value is valid in a run
        and not (
            key.endswith((".cross_section", ".luminosity"))  # which guns do not have
            and KEYS.get(f"{key.rpartition('.')[0]}.generation.process") == GUN
        )
        and not key.endswith((".shards", ".source"))  # of samples from files there is none
    )


def sections():
    """Every section: the keys that stand in it directly; of a sample, all."""
    found = {}
    for key in filter(plain, KEYS):
        name, _, below = key.partition(".generation.")
        found.setdefault(name if below else key.rpartition(".")[0], []).append(key)
    return found


def test_every_key_that_a_job_is_handed_over_is_read(finished: FinishedRun):
    """By some job of the verb; else the rule hands over too much, and reruns too much.

    The names of samples that a verb gets beside the files are not read, and rerun it all the same:
    they choose the files.
    """
    handed = {
        f"{finished.verb(job)}: {key}"
        for job, trace in finished.traces.items()
        for key in trace.handed
    }
    read = {f"{verb}: {key}" for verb, keys in finished.read.items() for key in keys}
    shaping = {
        f"{finished.verb(job)}: {finished.key_in_section(job, key)}"
        for job in finished.jobs
        for key in SHAPING
    }
    assert handed - read - shaping <= UNSEEN <= handed


@pytest.mark.shared
@pytest.mark.parametrize("keys", sections().values(), ids=sections())
def test_a_changed_section_reruns_its_readers(finished, keys):
    change, readers = {}, set()
    for key in keys:
        change = merged(change, other(key))
        readers |= finished.readers(key, UNSEEN)
    assert readers, "no job reads this section"
    assert is_valid(change)
    expected = finished.affected(readers)
    if any(key.endswith("radius") for key in keys):
        graph = finished.planner.plan(change, "--forceall")
        # Jets of a radius that nothing reads any more have no figure.
        expected = finished.affected(readers | finished.derived(graph)) & set(graph)
    assert difference(finished.planner.plan(change), expected) == {}


@pytest.mark.shared
@pytest.mark.parametrize("key", SHAPING)
def test_a_key_that_shapes_the_graph_reruns_what_it_touches(finished, key):
    value, rules = SHAPING[key]
    change = overlay(key, value)
    graph = finished.planner.plan(change, "--forceall")
    touched = {
        job
        for job, step in graph.items()
        if step.command and (job not in finished.graph or step.inputs != finished.graph[job].inputs)
    }
    assert {job.rule for job in touched} == rules
    planned = set(finished.planner.plan(change))
    # What has passed is simulated again for a new reader; what nothing reads any more is not made.
    again = {job for job in planned if touched and job.rule == "simulate_passing"}
    readers = finished.readers(key) | finished.derived(graph) | again
    expected = finished.affected(touched | readers, graph) & set(graph)
    targets = {job for job, step in graph.items() if not step.command}
    assert difference(planned - targets, expected - targets) == {}


UNREAD = {
    "events that stay": {"detector": {"passing_samples": []}},
    "a grid": overlay("anomaly.grid", {"labels": ["mass"], "samples": {"lhco_signal": [3.5]}}),
    "a pool of no event": overlay(f"generate.samples.{POOL}.shards", 2),
}


@pytest.mark.parametrize("change", UNREAD.values(), ids=UNREAD)
def test_what_nothing_reads_reruns_nothing(finished, change):
    assert finished.planner.plan(change) == {}


def test_the_keys_of_the_benches_rerun_nothing_else(finished):
    change = {}
    for key in KEYS:
        if key.startswith(BENCHES):
            change = merged(change, other(key))
    assert finished.planner.plan(change) == {}


def test_the_keys_of_scans_that_are_not_made_rerun_nothing(finished):
    change = {}
    for key in KEYS:
        if key.startswith("anomaly.scans.") and key.split(".")[2] not in SCANNED:
            change = merged(change, overlay(key, [0.7] if key.endswith("strengths") else KEYS[key]))
    assert change
    assert finished.planner.plan(change) == {}


def test_truth_reaches_no_data_driven_result(finished):
    """Permuted labels change no byte of what methods, fits and limits make: nothing that they read
    was made with truth, but for the data of a scan's point, which a new injection is."""
    reads = {
        job
        for job, step in finished.graph.items()
        if any(path.endswith("truth.safetensors") for path in step.inputs)
    }
    assert {"search_supervised", "judge_scan", "evaluate_anomaly"} <= {job.rule for job in reads}
    below = finished.affected({job for job in reads if job.rule != "inject_signal"})
    honest = {
        job.rule
        for job in below
        if finished.graph[job].wildcards.get("method") not in ("supervised", "idealised")
        and finished.rules.get(job.rule, {}).get("verb", "").split(".")[0]
        in ("anomaly", "background", "inference")
    }
    # What only compares with the truth.
    assert honest == {
        "evaluate_anomaly", "judge_scan", "close_spectrum", "close_abcd", "summarise_scan",
        "check_searches",
    }  # fmt: skip


def test_another_root_seed_reruns_every_job_with_a_seed(finished):
    seeded = {job for job in finished.jobs if " --seed " in finished.graph[job].command}
    planned = finished.planner.plan({"seed": KEYS["seed"] + 1})
    assert difference(planned, finished.affected(seeded)) == {}


def test_another_geometry_reruns_what_reads_it(finished):
    users = {job for job in finished.jobs if " --geometry " in finished.graph[job].command}
    text = (finished.planner.house / "resources" / "geometry" / "cocoa.yaml").read_text()
    with finished.planner.edited({"resources/geometry/other.yaml": text}):
        planned = finished.planner.plan({"detector": {"geometry": "other"}})
    assert difference(planned, finished.affected(users)) == {}


@pytest.mark.shared
@pytest.mark.parametrize("sample", [s for s in TINY["generate"]["samples"] if s != POOL])
def test_another_shard_makes_that_shard_and_what_lies_below(finished, sample):
    """Adding statistics is cheap: what was generated and simulated before stays."""
    key = f"generate.samples.{sample}.shards"
    change = overlay(key, KEYS[key] + 1)
    graph = finished.planner.plan(change, "--forceall")
    planned = finished.planner.plan(change)
    new = {job for job in graph if job not in finished.graph}
    assert {graph[job].wildcards.get("shard") for job in new} == {f"{KEYS[key]:04d}"}
    assert {graph[job].wildcards.get("sample") for job in new} == {sample}
    touched = {
        job
        for job, step in graph.items()
        if job in new or (step.inputs != finished.graph[job].inputs and step.command)
    }
    targets = {job for job, step in graph.items() if not step.command}
    assert difference(set(planned) - targets, finished.affected(touched, graph) - targets) == {}
    for job in planned:
        if job.rule in ("generate_sample", "simulate_detector"):
            assert job in new, job
