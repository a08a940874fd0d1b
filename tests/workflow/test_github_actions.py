"""The workflow of GitHub Actions: valid, and in step with the Makefile and the tiny run."""

import re
import subprocess

import pytest
import yaml

from helpers.snakemake import HOUSE

FILE = HOUSE / ".github" / "workflows" / "ci.yml"
WORKFLOW = yaml.safe_load(FILE.read_text(encoding="utf-8"))
STEPS = [step for job in WORKFLOW["jobs"].values() for step in job["steps"]]
TINY = ".tiny/"


def test_it_is_what_github_takes():
    done = subprocess.run(
        ["check-jsonschema", "--builtin-schema", "vendor.github-workflows", str(FILE)],
        text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout


def test_it_uses_targets_of_the_makefile_only():
    makefile = (HOUSE / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):", makefile, flags=re.MULTILINE))
    used = set(re.findall(r"\bmake ([a-z-]+)", "\n".join(step.get("run", "") for step in STEPS)))
    assert {"lint", "test", "site", "test-slow"} <= used
    assert used <= targets


def test_it_may_only_read_and_names_versions_of_its_actions():
    assert WORKFLOW["permissions"] == {"contents": "read"}
    assert not any("permissions" in job for job in WORKFLOW["jobs"].values())
    actions = {step["uses"] for step in STEPS if "uses" in step}
    assert all(re.fullmatch(r"actions/[a-z/-]+@v\d+", action) for action in actions)


def uploaded():
    steps = [step for step in STEPS if "upload-artifact" in step.get("uses", "")]
    return [path for step in steps for path in step["with"]["path"].split()]


@pytest.mark.workflow
def test_what_it_uploads_and_caches_is_there(tiny_run):
    written_by_tests = {".tiny/*.html", ".tiny/screenshots"}
    folders = [path for path in uploaded() if path.startswith(TINY)]
    assert written_by_tests < set(folders)
    folders = [path for path in folders if path not in written_by_tests]
    for path in folders:
        assert any((tiny_run / path.removeprefix(TINY)).iterdir()), path
    assert "site" in uploaded()
    # Without the metadata the results of a restored run would be refused.
    assert any((tiny_run / ".snakemake" / "metadata").iterdir())


def test_the_cached_run_is_the_one_that_the_tests_use():
    makefile = (HOUSE / "Makefile").read_text(encoding="utf-8")
    assert "--tiny-run .tiny" in makefile
    cached = [step["with"] for step in STEPS if "actions/cache" in step.get("uses", "")]
    paths = [each["path"] for each in cached]
    assert paths == [".venv", ".tiny", ".tiny"]
    for source in ("workflow/**", "config/**", "envs/requirements.txt"):
        assert source in cached[1]["key"]
