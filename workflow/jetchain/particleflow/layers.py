"""The six calorimeter layers as particle flow sees them: cell sizes and depths.

Reference: COCOA (arXiv 2303.02101), cocoa-hep/cocoa-hep: `config/config_default.json`. Depths are
taken along the flight direction, where they do not depend on eta (barrel thickness goes as
1/cosh(eta), the endcap is scaled along the ray: `Cell_var.cc`).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

N_LAYERS = 6
ECAL_LAYERS = 3

CELLS_IN_PHI = np.array([256, 256, 128, 64, 64, 32])
# abs(eta) < 3 is divided as finely as phi.
DELTA_ETA = 6.0 / CELLS_IN_PHI  # (layers,)
DELTA_PHI = 2.0 * np.pi / CELLS_IN_PHI  # (layers,)

RADII = np.array([[1500.0, 1594.1], [1594.1, 1970.6], [1970.6, 2017.6],
                  [2097.6, 2496.2], [2496.2, 3585.6], [3585.6, 4063.8]])  # fmt: skip
DEPTH = RADII[:, 1] - RADII[:, 0]  # (layers,) mm

ECAL_LAMBDA = 486.6  # mm
HCAL_LAMBDA = 265.7  # mm
GAP_LAMBDA = 0.47  # iron between ECAL and HCAL

_THICKNESS = DEPTH / np.array([ECAL_LAMBDA] * ECAL_LAYERS + [HCAL_LAMBDA] * ECAL_LAYERS)
# Depth of the middle of each layer below the calorimeter's front face, in interaction lengths.
CENTRE_LAMBDA = (
    np.cumsum(_THICKNESS) - _THICKNESS / 2 + np.where(np.arange(N_LAYERS) >= 3, GAP_LAMBDA, 0.0)
)


def cell_volume(
    x: NDArray[np.floating], y: NDArray[np.floating], layer: NDArray[np.integer]
) -> NDArray[np.float64]:
    """Volume of cells in mm3: (rho d-eta) (rho d-phi) depth, rho the distance to the beam.

    Args:
        x, y: (cells,) mm, centres of the cells.
        layer: (cells,) 0 to 5.
    """
    rho2 = np.asarray(x, dtype=np.float64) ** 2 + np.asarray(y, dtype=np.float64) ** 2
    return rho2 * (DELTA_ETA * DELTA_PHI * DEPTH)[layer]
