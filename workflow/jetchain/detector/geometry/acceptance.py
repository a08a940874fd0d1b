"""Events as the calorimeter should see them: the generated particles within its acceptance."""

from __future__ import annotations

import awkward as ak
import numpy as np

from jetchain.core.schema.generate import UNSEEN


def four_momenta(energy: ak.Array, eta: ak.Array, phi: ak.Array) -> ak.Array:
    """Massless four-momenta px, py, pz, E, (events, var), in the unit of the energy."""
    pt = energy / np.cosh(eta)
    return ak.zip(
        {"px": pt * np.cos(phi), "py": pt * np.sin(phi), "pz": pt * np.sinh(eta), "E": energy}
    )


def visible(particle: ak.Array) -> ak.Array:
    """The particles that a detector sees, as four-momenta px, py, pz, E, (events, var), GeV.

    Args:
        particle: collection `particle` of GENERATED: seen_as, px, py, pz, e.
    """
    kept = particle[particle["seen_as"] != UNSEEN]
    columns = {"px": kept["px"], "py": kept["py"], "pz": kept["pz"], "E": kept["e"]}
    return ak.zip({name: ak.values_astype(values, np.float64) for name, values in columns.items()})


def eta_of(momentum: ak.Array) -> ak.Array:
    """Pseudorapidity of four-momenta with px, py, pz, of the same shape."""
    return np.arcsinh(momentum["pz"] / np.maximum(np.hypot(momentum["px"], momentum["py"]), 1e-12))
