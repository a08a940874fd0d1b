"""Every command of README, CONTRIBUTING and the pages of docs/ does what it says, as it stands."""

import shutil

import pytest

from helpers.pages import Reader, blocks, make_clone, pages

pytestmark = pytest.mark.workflow

# Blocks that are not run, each with the reason that stands beside it in the page.
NOT_RUN: dict[str, list[str]] = {
    "README.md": [
        "needs the address of the repository",
        "make test would run itself",
        "alternatives, which pages of docs/howto run",
    ],
    "docs/howto/applications.md": [
        "needs the finished searches and taggers",
        "needs only the example workspace, takes some seconds",
    ],
    "docs/howto/carry-a-run.md": ["would install a second environment"],
    "docs/howto/compare-runs.md": ["the next commands do the same in a second folder"],
    "docs/howto/limits-of-a-workspace.md": [
        "needs a published workspace",
        "needs published workspaces",
    ],
    "docs/howto/patch-set.md": [
        "generates two more samples",
        "needs the files of the command above",
        "needs the files of the command above",
    ],
    "docs/howto/publish.md": ["needs a package that the lock does not have"],
    "docs/howto/regression.md": ["makes the tiny run first, which the tests share"] * 2,
    "docs/howto/scan.md": ["takes half an hour or more", "takes a minute after a finished run"],
    "docs/howto/storage.md": [
        "needs packages that the lock does not have; make test-storage does the same",
        "needs a bucket",
        "needs packages that the lock does not have; make test-storage does the same",
    ],
    "docs/howto/deploy.md": [
        "needs podman and Apptainer, and images from the network",
        "needs reana-client in an environment of its own, and a REANA",
    ],
    "docs/howto/farm.md": [
        "would put numbers of the tiny run into the table",
        "takes half a minute",
        "needs a batch system",
        "installs Slurm",
    ],
    "docs/tutorial/8-firmware.md": ["needs packages that the lock does not have"],
}


@pytest.fixture(scope="module")
def clone(tiny_run, tmp_path_factory):
    """A clone that no test touches; it is copied for every page."""
    folder = tmp_path_factory.mktemp("docs") / "clone"
    make_clone(folder, tiny_run)
    return folder


@pytest.mark.shared
@pytest.mark.parametrize("page", [page for page in pages() if any(blocks(page))], ids=str)
def test_a_pages_commands_run(page, clone, tmp_path):
    folder = tmp_path / "jetchain"
    shutil.copytree(clone, folder, symlinks=True)
    reader = Reader(folder)
    try:
        for block in blocks(page):
            if block.reason is None:
                reader.follow(block)
    finally:
        reader.close()


def test_few_blocks_are_not_run_and_each_says_why():
    found = {str(page): [b.reason for b in blocks(page) if b.reason] for page in pages()}
    assert {page: reasons for page, reasons in found.items() if reasons} == NOT_RUN
