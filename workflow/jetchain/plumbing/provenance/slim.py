"""Remove what of a finished run nothing reads again: the largest files, which are made anew where a
later change needs them.

These are the detector's events, with their cells, and the graphs: whatever lies below has its own
copy of what it took from them. Snakemake makes a missing file again only for a job that has to run.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from jetchain.core.errors import DataError
from jetchain.plumbing import runs
from jetchain.plumbing.provenance.artefacts import ADOPTED, Artefact, read_artefacts, room_of
from jetchain.plumbing.provenance.manifest import write_manifest

_ROOMS = ("detector", "graphs")
_EVENTS = (".root", ".safetensors")


def bulk(artefacts: Iterable[Artefact]) -> set[Path]:
    """The artefacts that can go; a user's own file stays, since nothing can make it."""
    return {
        Path(each.path)
        for each in artefacts
        if room_of(each.path) in _ROOMS
        and Path(each.path).suffix in _EVENTS
        and each.making.rule != ADOPTED
    }


def slim() -> tuple[int, int]:
    """Remove them, and write the manifest of what stays.

    Returns:
        how many files went, and their bytes.

    Raises:
        DataError: a run is at work here, or was cut off.
    """
    runs.require_alone()
    if runs.is_unfinished():
        raise DataError(
            "A run in this folder was cut off, and reads them when it goes on.",
            "Finish it with the same snakemake command.",
        )
    gone = bulk(read_artefacts().values())
    size = sum(path.stat().st_size for path in gone)
    for path in gone:
        path.unlink()
    write_manifest()
    return len(gone), size
