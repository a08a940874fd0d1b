"""What a job of the busy rooms imports: a shard pays for it at every start."""

import subprocess
import sys

VERBS = ("generate.sample", "detector.simulate", "particleflow.untrained", "jets.cluster")
NOT_NEEDED = (
    "boost_histogram", "hist", "matplotlib", "pandas", "pyhf", "scipy.optimize", "scipy.sparse",
    "scipy.special", "scipy.stats", "sklearn", "snakemake", "sympy", "torch", "vector",
    "jetchain.plumbing.configuration",
)  # fmt: skip


def test_jobs_of_shards_import_no_library_that_they_do_not_need():
    code = (
        "import sys\n"
        "from jetchain.plumbing.launcher import load_verb\n"
        f"for verb in {VERBS}: load_verb(verb)\n"
        f"print(*(name for name in {NOT_NEEDED} if name in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
