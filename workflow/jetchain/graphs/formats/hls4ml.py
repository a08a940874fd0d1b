"""hls4ml LHC jets: HDF5 with padded particles (arXiv 1908.05318; doi 10.5281/zenodo.3602260).

jetConstituentList is (jets, places, features), whose names, j1_px, j1_py, j1_pz, j1_e, ..., stand
in particleFeatureNames (which has one more, j1_pdgid); jets is (jets, features), of which j_g, j_q,
j_w, j_z and j_t are 1 for the class of the jet; their names stand in jetFeatureNames.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from jetchain.graphs.imported import (
    Chunk,
    JetFormat,
    Rows,
    one_hot,
    other_layout,
    padded,
    reading,
    require_names,
    steps,
)

MOMENTUM = ("j1_px", "j1_py", "j1_pz", "j1_e")
FLAGS = ("j_g", "j_q", "j_w", "j_z", "j_t")
PARTICLES, JETS = "jetConstituentList", "jets"
NAMES = {PARTICLES: "particleFeatureNames", JETS: "jetFeatureNames"}


class Hls4ml(JetFormat):
    """Anti-kT jets, R = 0.8, of about 1 TeV; momenta only."""

    labels = ("g", "q", "W", "Z", "t")
    feature_set = "kinematics"
    kinds = ("HDF5",)
    radius = 0.8

    def chunks(self, path: Path, rows: Rows) -> Iterator[Chunk]:
        """See `JetFormat`."""
        import h5py

        with reading(path, "an HDF5 file"), h5py.File(path) as file:
            require_names(path, "data sets", [*NAMES, *NAMES.values()], file)
            particles, jets = file[PARTICLES], file[JETS]
            if particles.ndim != 3 or jets.ndim != 2 or len(particles) != len(jets):
                raise other_layout(
                    path, f"{PARTICLES} and {JETS} have the shapes {particles.shape}, {jets.shape}"
                )
            momentum = _columns(path, file, PARTICLES, MOMENTUM)
            flags = _columns(path, file, JETS, FLAGS)
            for some in steps(rows(path, len(jets))):
                values = particles[some][..., momentum].astype(np.float64)
                yield padded(values, one_hot(path, jets[some][:, flags]))


def _columns(path: Path, file: Any, name: str, wanted: tuple[str, ...]) -> list[int]:
    """Where the named features of a data set stand."""
    found = [each.decode() if isinstance(each, bytes) else str(each) for each in file[NAMES[name]]]
    there = found[: file[name].shape[-1]]
    require_names(path, f"features of {name}", list(wanted), there)
    return [there.index(each) for each in wanted]
