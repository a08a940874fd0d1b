"""Pile-up laid over the tiny run: none of it gives the scores of the run, to the last bit."""

import pytest

from helpers.mutants import fork
from helpers.snakemake import snakemake

pytestmark = pytest.mark.workflow


@pytest.mark.shared
def test_without_pileup_the_scores_are_those_of_the_run(tiny_run, tmp_path):
    run = fork(tiny_run, tmp_path / "run")
    # All shards, so that the files are the same. PUPPI has nothing to weight against.
    overlay = {"tagging": {"pileup": {"shards": 2, "means": [0, 5]}}}
    folder = "results/tagging/pileup/0/{}/pfn/applied"
    ways = [folder.format(name) for name in ("none", "puppi")]
    asked = [f"{way}/{name}" for way in ways for name in ("scores.safetensors", "metrics.json")]
    done = snakemake(run, *asked, overlay=overlay)
    assert done.returncode == 0, done.stdout[-3000:]
    for path in asked:
        own = run / "results" / "tagging" / "pfn" / path.rpartition("/")[2]
        assert (run / path).read_bytes() == own.read_bytes(), path
