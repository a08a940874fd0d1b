"""The detector as particle flow sees it, from its geometry file: six layers and the field."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import yaml
from numpy.typing import NDArray

from jetchain.core.errors import DataError

N_LAYERS = 6

Floats = NDArray[np.float64]


class Layers(NamedTuple):
    """Arrays over the layers that have cells, from the inside out; and what tracks fly through."""

    delta_eta: Floats  # (layers,) size of a cell
    delta_phi: Floats  # (layers,) rad
    start: Floats  # (layers,) mm from the calorimeter's face to it, along a ray from the origin
    depth: Floats  # (layers,) mm, likewise
    centre: Floats  # (layers,) interaction lengths from the calorimeter's face to the middle
    electromagnetic: NDArray[np.bool_]  # (layers,)
    field: float  # T, along the beam
    innermost: float  # mm, radius of the tracker's first layer; inf without any

    def volume(self, rho: Floats, layer: NDArray[np.int64]) -> Floats:
        """Volume of cells in mm3: (rho d-eta) (rho d-phi) depth.

        Args:
            rho: (cells,) mm, distance of their centres to the beam.
            layer: (cells,)
        """
        return rho**2 * (self.delta_eta * self.delta_phi * self.depth)[layer]


def read_layers(path: Path) -> Layers:
    """Read what particle flow needs of resources/geometry/<name>.yaml.

    The calorimeter is projective, and depths along a ray do not depend on eta (COCOA, arXiv
    2303.02101; cocoa-hep/cocoa-hep: `Cell_var.cc`). Slabs without cells only add depth.

    Raises:
        DataError: the file is missing or damaged, or has not six layers.
    """
    try:
        content = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
        slabs = content["slabs"]
        thickness = np.array([slab["thickness"] for slab in slabs], dtype=np.float64)
        lengths = thickness / np.array([slab["interaction_length"] for slab in slabs])
        active = np.array([slab["kind"] != "passive" for slab in slabs], dtype=bool)
        cells = np.array(
            [(slab["cells_eta"], slab["cells_phi"]) for slab in slabs if slab["kind"] != "passive"]
        ).reshape(-1, 2)
        em = np.array([slab["kind"] == "electromagnetic" for slab in slabs], dtype=bool)
        eta_max, field = float(content["eta_max"]), float(content["magnetic_field"])
        radii = [
            min(group["positions"]) if group["shape"] == "cylinder" else group["start"]
            for group in content["tracker"]
        ]
    except (OSError, yaml.YAMLError, KeyError, TypeError, ValueError) as error:
        raise DataError(
            f"{path}: cannot be read as a geometry of the detector ({error!r}).",
            "Restore it from the repository, or set detector.geometry to another file.",
        ) from error
    if len(cells) != N_LAYERS:
        raise DataError(
            f"{path}: has {len(cells)} layers with cells, expected {N_LAYERS}.",
            "The tables in core/schema hold six calorimeter layers: use such a geometry.",
        )
    return Layers(
        delta_eta=2 * eta_max / cells[:, 0],
        delta_phi=2 * np.pi / cells[:, 1],
        start=(np.cumsum(thickness) - thickness)[active],
        depth=thickness[active],
        centre=(np.cumsum(lengths) - lengths / 2)[active],
        electromagnetic=em[active],
        field=field,
        innermost=float(min(radii, default=np.inf)),
    )
