"""A change of the code reruns exactly the jobs that depend on it.

What a job depends on is known twice: from the source (`plumbing.digest`) and from what the job
executed in the tiny run. That nothing is missed is a law between the two; that Snakemake plans
exactly those jobs is shown by a plan for every module of the package, really changed.
"""

import ast

import pytest

from helpers.reruns import SOURCES, difference, in_house, plan_with

pytestmark = pytest.mark.workflow

# The launcher and what it calls around a verb: no result depends on them.
LAUNCHER = {
    "jetchain.__main__",
    "jetchain.core.progress",
    "jetchain.core.resources",
    *(m for m in SOURCES if m.startswith("jetchain.plumbing.")),
}
FROM_FILES = {
    "jetchain.core.trees",
    "jetchain.detector.exchange.cocoa",
    "jetchain.detector.exchange.export_cocoa",
    "jetchain.detector.exchange.import_cocoa",
    "jetchain.generate.history",
    "jetchain.generate.import_cocoa",
    "jetchain.generate.import_delphes",
    "jetchain.generate.import_hepmc",
    "jetchain.generate.imported",
}
# Modules on which no job of `all` depends: those, the planning, the documents, what looks after a
# finished run, the benches, samples from files (test_samples_from_files.py runs these).
WITHOUT_JOBS = LAUNCHER - {"jetchain.core.resources"} | {
    "jetchain.detector.bench",
    "jetchain.generate.bench",
    "jetchain.tagging.bench",
    *FROM_FILES,
    "jetchain.provenance",
    *(m for m in SOURCES if m.startswith("jetchain.regression.")),
}


def test_every_function_that_a_job_executed_is_in_its_digest(finished):
    missed = {}
    for job, trace in finished.traces.items():
        pieces, _ = finished.closure(job)
        known = {f"{module}:{name}" for module, name in pieces}
        for name in trace.executed - known:
            if name.partition(":")[0] not in LAUNCHER:
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


@pytest.mark.parametrize("module", SOURCES)
def test_a_changed_module_reruns_what_reaches_it(finished, module):
    using = {
        job
        for job in finished.jobs
        if any(each == module and name != "<always>" for each, name in finished.closure(job)[0])
    }
    assert (not using) is (module in WITHOUT_JOBS)
    text = changed(SOURCES[module].read_text(encoding="utf-8"))
    planned = plan_with(finished, {in_house(SOURCES[module]): text})
    assert difference(planned, finished.affected(using)) == {}


@pytest.mark.parametrize(
    ("module", "function", "verbs"),
    [
        ("jetchain.background.cathode", "train_flow", {"background.cathode.template"}),
        ("jetchain.core.io", "write_csv", None),
        ("jetchain.core.style", "save_figure", None),
        ("jetchain.core.training", "fit", None),
        (
            "jetchain.detector.flight.particles",
            "select_primaries",
            {"detector.simulate", "detector.validation.noise", "detector.validation.showers"},
        ),
        ("jetchain.jets.substructure", "substructure", {"jets.cluster"}),
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
