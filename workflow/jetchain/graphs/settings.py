"""Settings of the graphs room: how nodes are joined, and which jets become graphs."""

from __future__ import annotations

from typing import Self

from pydantic import model_validator

from jetchain.core.schema.graphs import MOST_CONSTITUENTS
from jetchain.core.settings import Settings, key


class EventGraphSettings(Settings):
    """Edges of the event graphs: nearest neighbours in eta-phi at the calorimeter."""

    track_neighbours: int = key(
        4, "Topoclusters that each track is joined to, in both directions.", ge=1
    )
    track_radius: float = key(0.4, "Largest dR between a track and its topoclusters.", gt=0.0)
    topo_neighbours: int = key(6, "Topoclusters that each topocluster hears from.", ge=1)
    topo_radius: float = key(0.6, "Largest dR between two joined topoclusters.", gt=0.0)


class JetGraphSettings(Settings):
    """Which reconstructed jets become graphs, and their edges."""

    radius: float = key(0.8, "Radius of the jets.", gt=0.0)
    pt_min: float = key(500.0, "Smallest transverse momentum of a jet.", unit="GeV", ge=0.0)
    pt_max: float = key(1000.0, "Largest transverse momentum of a jet.", unit="GeV", gt=0.0)
    eta_max: float = key(2.0, "Largest |eta| of a jet.", gt=0.0)
    max_constituents: int = key(
        64, "Constituents kept in a jet, the leading ones in pT.", ge=1, le=MOST_CONSTITUENTS
    )
    neighbours: int = key(7, "Nearest neighbours of each constituent in eta-phi.", ge=1)

    @model_validator(mode="after")
    def _window(self) -> Self:
        if self.pt_max <= self.pt_min:
            raise ValueError(f"pt_max ({self.pt_max}) must be above pt_min ({self.pt_min})")
        return self


class DisplaySettings(Settings):
    """Which event and jet the figures show."""

    sample: str = key("top", "Sample whose first event and first jet are drawn.")


class GraphsSettings(Settings):
    """Event graphs for particle flow, jet graphs for tagging."""

    events: EventGraphSettings = key(EventGraphSettings(), "Graphs of tracks and topoclusters.")
    jets: JetGraphSettings = key(JetGraphSettings(), "Graphs of the constituents of jets.")
    display: DisplaySettings = key(DisplaySettings(), "The event and the jet that are drawn.")
