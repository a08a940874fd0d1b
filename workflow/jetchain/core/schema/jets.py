"""Tables of the jets room."""

from __future__ import annotations

from jetchain.core.schema.base import EVENT, Column, Columns, EventTable

JET_CLASSES = ("quark", "gluon", "W", "Z", "top", "Hbb", "Hcc")

JET: Columns = {
    "pt": Column("f4", "GeV", "transverse momentum"),
    "eta": Column("f4", "", "pseudorapidity"),
    "phi": Column("f4", "rad", "azimuth"),
    "m": Column("f4", "GeV", "invariant mass"),
    "msd": Column("f4", "GeV", "soft-drop mass"),
    "zg": Column("f4", "", "soft drop's momentum sharing; 0 where no splitting passes"),
    "rg": Column("f4", "", "soft drop's radius, dR of that splitting; 0 likewise"),
    "tau1": Column("f4", "", "1-subjettiness (beta = 1, WTA kT axes), normalised by sum pT R"),
    "tau2": Column("f4", "", "2-subjettiness"),
    "tau3": Column("f4", "", "3-subjettiness"),
    "reach": Column("f4", "", "dR (in rapidity) from the axis to the farthest constituent"),
    "label": Column("i4", "", "index into JET_CLASSES by matching to partons, -1 for none"),
    "constituents": Column("i4", "", "indices of its particles in the input", nested=True),
}


def jet_collection(radius: float, truth: bool = False) -> str:
    """Name of a collection of jets: ak8, ak10, truth_ak8, ..."""
    return f"{'truth_' if truth else ''}ak{round(10 * radius)}"


def jets_table(radii: tuple[float, ...]) -> EventTable:
    """Jets on reconstructed and on truth particles, one collection a radius."""
    return EventTable(
        name="jets",
        tree="Jets",
        event={**EVENT},
        collections={
            jet_collection(radius, truth): JET for radius in radii for truth in (False, True)
        },
    )
