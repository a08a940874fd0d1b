"""What other tools read of this repository says what the Makefile and the workflow say."""

import re
import subprocess

import pytest
import yaml

from helpers.snakemake import HOUSE

SNAKEFILE = "/opt/jetchain/workflow/Snakefile"
CONTAINERS = ["envs/Containerfile", "envs/jetchain.def"]


def text(path: str) -> str:
    return (HOUSE / path).read_text(encoding="utf-8")


def test_the_catalog_finds_what_it_asks_for():
    usage = yaml.safe_load(text(".snakemake-workflow-catalog.yml"))["usage"]
    assert usage.keys() == {"mandatory-flags", "software-stack-deployment", "report"}
    assert usage["mandatory-flags"].keys() == {"desc", "flags"}
    for needed in (
        "workflow/Snakefile",
        "config/README.md",
        "workflow/profiles/default/config.yaml",
    ):
        assert (HOUSE / needed).is_file(), needed
    assert re.search(r"docs/\S+\.md", usage["mandatory-flags"]["desc"])
    for named in re.findall(r"(?:docs|envs)/\S+\.\w+", text(".snakemake-workflow-catalog.yml")):
        assert (HOUSE / named).is_file(), named


@pytest.mark.parametrize("path", CONTAINERS)
def test_a_container_is_made_by_the_makefile_from_the_lock(path):
    lines = [line for line in text(path).splitlines() if not line.startswith("#")]
    made = "\n".join(lines)
    assert re.search(r"make -C /opt/jetchain install\b", made)
    assert "pip install" not in made  # torch goes first, by its pin: the Makefile sees to it
    assert "==" not in made
    assert "://" not in made  # no registry or index of one's own
    assert "/opt/jetchain/.venv/bin" in made
    installed = re.search(r"apt-get install --yes --no-install-recommends ([^&\\\n]*)", made)
    assert installed
    assert set(installed[1].split()) == {"g++", "git", "make"}
    assert SNAKEFILE in text(path)


def test_torch_is_installed_first_by_its_pin():
    recipe = text("Makefile")
    torch = recipe.index("grep '^torch==' envs/requirements.txt")
    assert torch < recipe.index("-r envs/requirements.txt")
    assert re.search(r"^torch==\S+$", text("envs/requirements.txt"), flags=re.MULTILINE)


def test_the_conda_environment_takes_everything_else_from_the_lock():
    environment = yaml.safe_load(text("envs/environment.yaml"))
    *conda, pip = environment["dependencies"]
    assert pip == {"pip": ["-r requirements.txt"]}  # beside the file, where conda looks
    assert [each for each in conda if "=" in each] == ["python=3.11"]
    assert {"pip", "git", "gxx", "make"} < set(conda)


def test_reana_runs_the_containers_workflow():
    """What `reana-client validate` checks of a serial workflow; it accepts the file (0.9.6)."""
    reana = yaml.safe_load(text("reana.yaml"))
    assert set(reana) == {"version", "inputs", "workflow", "outputs"}
    assert reana["workflow"]["type"] == "serial"
    (step,) = reana["workflow"]["specification"]["steps"]
    assert {"environment", "commands", "name"} <= set(step)
    used = set(re.findall(r"\$\{(\w+)\}", " ".join(step["commands"])))
    assert used == set(reana["inputs"]["parameters"])
    assert SNAKEFILE in step["commands"][0]
    for path in (*reana["inputs"]["files"], reana["inputs"]["parameters"]["configfile"]):
        assert (HOUSE / path).is_file(), path
    for path in reana["outputs"]["files"]:
        assert path.startswith("results/")


def test_the_citation_is_valid_and_names_no_placeholder():
    done = subprocess.run(
        ["check-jsonschema", "--builtin-schema", "vendor.citation-file-format", "CITATION.cff"],
        cwd=HOUSE, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    citation, project = yaml.safe_load(text("CITATION.cff")), text("pyproject.toml")
    assert f'version = "{citation["version"]}"' in project
    assert not re.search("maintainers|TODO|<", text("CITATION.cff").split("authors:")[1])


def test_no_file_of_these_names_a_machine():
    for path in (*CONTAINERS, "reana.yaml", "CITATION.cff", ".snakemake-workflow-catalog.yml"):
        assert not re.search(r"/home/|/Users/|/work/|pypi\.org|file://", text(path)), path
