import pytest

from helpers.snakemake import snakemake


@pytest.fixture(scope="session")
def tiny_run(tmp_path_factory):
    """The folder of a finished run of the tiny configuration, through every room."""
    folder = tmp_path_factory.mktemp("tiny")
    done = snakemake(folder, "all")
    assert done.returncode == 0, done.stdout[-6000:]
    return folder
