"""One finished run for all workers and all files; a copy of it for a test that damages it."""

import os
import shutil

import pytest

from helpers import tiny
from helpers.planner import Planner
from helpers.reruns import FinishedRun


@pytest.fixture(scope="session")
def tiny_run(request, tmp_path_factory):
    """The folder of a finished run of the tiny configuration, through every room; read only."""
    given = request.config.getoption("--tiny-run")
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent  # the workers' common folder
    folder = given or folder / "tiny"
    if given:
        (given / ".outcome").unlink(missing_ok=True)
    tiny.finish(folder)
    return folder


@pytest.fixture
def copy(tiny_run, tmp_path):
    """A copy of the finished run that a test may damage."""
    folder = tmp_path / "copy"
    # Locks and logs come and go with other workers' dry runs of the same folder.
    passing = shutil.ignore_patterns("locks", "log")
    shutil.copytree(tiny_run, folder, symlinks=True, ignore=passing)
    return folder


@pytest.fixture(scope="module")
def finished(tiny_run, tmp_path_factory):
    """The finished run as the tests of reruns see it; one planner a file."""
    planner = Planner(tiny_run, tmp_path_factory.mktemp("planner"))
    yield FinishedRun(planner, tiny.traces_of(tiny_run))
    planner.close()
