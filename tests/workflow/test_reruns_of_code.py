"""A change of the code reruns exactly the jobs that depend on it.

What a job depends on is known twice: from the source (`plumbing.digest`) and from what the job
executed in the tiny run. That nothing is missed is a law between the two; that Snakemake plans
exactly those jobs is shown by a plan for every module of the package, really changed.
"""

import ast

import pytest

from helpers.reruns import (
    SOURCES,
    difference,
    in_house,
    leaves,
    merged,
    overlay,
    plan_with,
    tiny_configuration,
)
from jetchain.plumbing import configuration
from jetchain.plumbing.rules import family

pytestmark = pytest.mark.workflow

KEYS = dict(leaves(configuration.load(tiny_configuration())))

# What goes on around a verb, and the tables of names: no result depends on them.
AROUND = {
    "jetchain",  # reads results for a user
    "jetchain.__main__",
    "jetchain.core.checkpoints",
    "jetchain.core.processor",  # of the benches
    "jetchain.core.progress",
    "jetchain.core.registry",
    "jetchain.core.stopwatch",  # of the benches
    *(module for module in SOURCES if module.startswith("jetchain.plumbing.")),
}
FROM_FILES = {
    "jetchain.detector.exchange.cocoa",
    "jetchain.detector.exchange.export_cocoa",
    "jetchain.detector.exchange.import_cocoa",
    "jetchain.generate.hepmc_text",
    "jetchain.generate.history",
    "jetchain.generate.import_cocoa",
    "jetchain.generate.import_delphes",
    "jetchain.generate.import_hepmc",
    "jetchain.generate.import_lhe",
    "jetchain.generate.imported",
    "jetchain.generate.les_houches_text",
    "jetchain.graphs.formats",
    *(module for module in SOURCES if module.startswith("jetchain.graphs.formats.")),
    "jetchain.graphs.import_jets",
    "jetchain.graphs.imported",
    "jetchain.inference.bowed",
    "jetchain.inference.bracket",
    "jetchain.inference.combination",
    "jetchain.inference.ensembles",
    "jetchain.inference.faults",
    "jetchain.inference.grid",
    "jetchain.inference.histfactory",
    "jetchain.inference.likelihood",
    "jetchain.inference.maximum",
    "jetchain.inference.minimise",
    "jetchain.inference.others",
    "jetchain.inference.published",
    "jetchain.inference.validation",
    "jetchain.reporting.grids",
}
# Modules on which no job of `all` depends: those, the comparison of runs, the benches, samples from
# files (test_samples_from_files.py runs these).
WITHOUT_JOBS = AROUND | {
    "jetchain.detector.bench",
    "jetchain.detector.flight.hits",
    "jetchain.detector.hits",
    # The designs that the tiny run does not make, the scan, a teacher, boosted trees, the triggers.
    "jetchain.firmware.autoencoder",
    "jetchain.firmware.designs.autoencoder",
    "jetchain.firmware.designs.deepsets",
    "jetchain.firmware.designs.interaction",
    "jetchain.firmware.designs.jedi_linear",
    "jetchain.firmware.designs.own",
    "jetchain.firmware.distil",
    "jetchain.firmware.onnx_graph",
    "jetchain.firmware.onnx_layers",
    "jetchain.firmware.onnx_reader",
    "jetchain.firmware.report_trees",
    "jetchain.firmware.scan",
    "jetchain.firmware.trees",
    "jetchain.firmware.trigger",
    "jetchain.firmware.vhdl",
    "jetchain.anomaly.trigger",
    # Jets of other algorithms than jets.algorithm.
    "jetchain.anomaly.choice",
    "jetchain.core.schema.pflow_choice",
    "jetchain.reporting.pflow_choice",
    "jetchain.reporting.leads",
    "jetchain.tagging.choice",
    # Pile-up over the jets of the taggers.
    "jetchain.core.schema.pileup_dependence",
    "jetchain.reporting.pileup_dependence",
    "jetchain.tagging.pileup",
    "jetchain.tagging.pileup_settings",
    "jetchain.anomaly.trigger_rates",
    "jetchain.core.schema.trigger",
    "jetchain.firmware.times",
    "jetchain.firmware.yosys",
    "jetchain.reporting.firmware_autoencoder",
    "jetchain.reporting.firmware_trigger",
    "jetchain.generate.bench",
    "jetchain.inference.bench",
    "jetchain.inference.patches",
    "jetchain.jets.bench",
    "jetchain.particleflow.bench",
    "jetchain.particleflow.transfer",
    "jetchain.core.schema.particleflow_transfer",
    "jetchain.reporting.particleflow_transfer",
    # The networks of particle flow that the tiny run does not train, and what only they use.
    *(
        f"jetchain.particleflow.{name}"
        for name in (
            "algorithms.condensation",
            "algorithms.hgpflow",
            "algorithms.tspn",
            "jagged",
        )
    ),
    "jetchain.core.foreign",
    "jetchain.provenance",
    "jetchain.tagging.bench",
    "jetchain.tagging.export",
    "jetchain.tagging.frames",
    "jetchain.tagging.learning",
    "jetchain.tagging.invariants",
    "jetchain.tagging.pairs",
    "jetchain.tagging.score",
    "jetchain.tagging.times",
    "jetchain.core.schema.applications",
    "jetchain.reporting.applications",
    *(
        module
        for module in SOURCES
        if module.startswith(("jetchain.inference.applications", "jetchain.inference.publication."))
    ),
    *FROM_FILES,
    *(module for module in SOURCES if module.startswith("jetchain.regression.")),
    # The taggers that the tiny run does not train.
    *(module for module in SOURCES if module.startswith("jetchain.tagging.models.")),
} - {f"jetchain.tagging.models.{name}" for name in ("layers", "particlenet", "pfn")}


def test_every_function_that_a_job_executed_is_in_its_digest(finished):
    missed = {}
    for job, trace in finished.traces.items():
        pieces, _ = finished.closure(job)
        known = {f"{module}:{name}" for module, name in pieces}
        for name in trace.executed - known:
            if name.partition(":")[0] not in AROUND | {"jetchain.core.resources"}:
                missed.setdefault(name, set()).add(finished.verb(job))
    assert missed == {}


def changed(text: str, names: set[str] | None = None) -> str:
    """Source whose definitions (or only those named) do the same in other words."""
    tree = ast.parse(text)
    for statement in tree.body:
        if isinstance(statement, ast.FunctionDef | ast.ClassDef):
            if names is None or statement.name in names:
                for node in ast.walk(statement):
                    if isinstance(node, ast.FunctionDef | ast.ClassDef):
                        prose = ast.get_docstring(node, clean=False) is not None
                        node.body.insert(int(prose), ast.Expr(ast.Constant(0)))
        elif names is None and isinstance(statement, ast.Assign | ast.AnnAssign):
            assert statement.value is not None
            chosen = ast.Tuple([statement.value], ast.Load())
            statement.value = ast.Subscript(chosen, ast.Constant(0), ast.Load())
    return ast.unparse(ast.fix_missing_locations(tree))


def users(finished) -> dict[str, set]:
    """The jobs that reach each module."""
    using: dict[str, set] = {module: set() for module in SOURCES}
    for job in finished.jobs:
        for module in {each for each, name in finished.closure(job)[0] if name != "<always>"}:
            using[module].add(job)
    return using


def test_only_modules_that_are_listed_have_no_jobs(finished):
    assert {module for module, jobs in users(finished).items() if not jobs} == set(WITHOUT_JOBS)


@pytest.mark.shared
@pytest.mark.parametrize("module", SOURCES)
def test_a_changed_module_reruns_what_reaches_it(finished, module):
    using = users(finished)[module]
    text = changed(SOURCES[module].read_text(encoding="utf-8"))
    planned = plan_with(finished, {in_house(SOURCES[module]): text})
    assert difference(planned, finished.affected(using)) == {}


@pytest.mark.parametrize(
    ("module", "function", "verbs"),
    [
        ("jetchain.background.quality", "separation", {"background.quality"}),
        ("jetchain.core.style", "save_figure", None),
        ("jetchain.core.training", "fit", None),
        (
            "jetchain.detector.flight.particles",
            "select_primaries",
            {"detector.simulate", "detector.validation.noise", "detector.validation.showers"},
        ),
        ("jetchain.core.substructure", "substructure", {"jets.cluster"}),
        (
            "jetchain.tagging.models.pfn",
            "PFN",
            {"tagging.train", "tagging.evaluate", "tagging.explain"},
        ),
    ],
)
def test_a_changed_function_reruns_the_jobs_that_execute_it(finished, module, function, verbs):
    users = {
        job for job, trace in finished.traces.items() if f"{module}:{function}" in trace.executed
    }
    assert users
    if verbs is not None:
        assert {finished.verb(job) for job in users} == verbs
    text = changed(SOURCES[module].read_text(encoding="utf-8"), {function})
    planned = plan_with(finished, {in_house(SOURCES[module]): text})
    assert difference(planned, finished.affected(users)) == {}


# A family, one of its members, the key that lists which members run, and what else a member needs
# where samples are small.
FAMILIES = {
    "tagging.models": ("pfn", "tagging.taggers", {}),
    "particleflow.algorithms": (
        "mlpf", "particleflow.algorithms", {"particleflow": {"toy": {"training": {"held_out": 10}}}}
    ),
    "anomaly.methods": ("cwola", "anomaly.searches", {}),
    "firmware.designs": ("mlp", "firmware.designs", {}),
}  # fmt: skip


def with_a_member(package: str, like: str) -> dict[str, str]:
    """The two files that change with a new member, `toy`: its own, and the table with its line."""
    file = SOURCES[f"jetchain.{family(package).module(like)}"]
    table = SOURCES[f"jetchain.{package}"]
    text = table.read_text(encoding="utf-8")
    (line,) = (
        f'"{like}": {ast.get_source_segment(text, value)},'
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Dict)
        for key, value in zip(node.keys, node.values, strict=True)
        if isinstance(key, ast.Constant) and key.value == like
    )
    toy = line.replace(f'"{like}"', '"toy"').replace(f'"{file.stem}.', '"toy.')
    assert line in text
    return {
        in_house(file.with_name("toy.py")): file.read_text(encoding="utf-8"),
        in_house(table): text.replace(line, f"{line} {toy}"),
    }


@pytest.mark.shared
@pytest.mark.parametrize("package", FAMILIES)
def test_a_new_member_of_a_family_reruns_nothing(finished, package):
    assert plan_with(finished, with_a_member(package, FAMILIES[package][0])) == {}


@pytest.mark.shared
@pytest.mark.parametrize("package", FAMILIES)
def test_a_new_member_runs_beside_the_others_once_it_is_listed(finished, package):
    like, key, more = FAMILIES[package]
    change = merged(overlay(key, [*KEYS[key], "toy"]), more)
    with finished.planner.edited(with_a_member(package, like)):
        graph = finished.planner.plan(change, "--forceall")
        planned = finished.planner.plan(change)
    own = {job for job, step in graph.items() if "toy" in step.wildcards.values()}
    new = {job for job in graph if job not in finished.graph}
    assert own
    assert own <= new
    # Beside new jobs (its own, and what nobody needed before it), only what compares them.
    assert difference(planned, finished.affected(new, graph)) == {}
