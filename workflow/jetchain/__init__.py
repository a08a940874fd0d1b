"""jetchain: from proton collisions to limits and trigger firmware, as one Snakemake DAG."""

from pathlib import Path
from typing import Any


def open(name: str | Path, results: str | Path | None = None) -> Any:
    """Read a result by its path in results/, with its schema: `plumbing.opening.read_artefact`.

    ``jetchain.open("tagging/pfn/scores")`` is a table of arrays, which ``.columns`` explains.
    """
    from jetchain.plumbing.opening import read_artefact

    return read_artefact(name, results)
