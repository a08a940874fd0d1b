"""Settings of the graphs room: how nodes are joined, and which jets become graphs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Self

from pydantic import field_validator, model_validator

from jetchain.core.schema.graphs import MOST_CONSTITUENTS
from jetchain.core.settings import Settings, key, require_known
from jetchain.core.sources import (
    FileSettings,
    require_four_digits,
    require_sample_names,
    shards_of,
)
from jetchain.graphs.formats import FORMATS


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
    neighbours: int = key(
        7,
        "Nearest neighbours of each constituent in eta-phi; 0: no edges, which no tagger needs.",
        ge=0,
    )

    @model_validator(mode="after")
    def _window(self) -> Self:
        if self.pt_max <= self.pt_min:
            raise ValueError(f"pt_max ({self.pt_max}) must be above pt_min ({self.pt_min})")
        return self


class Kinds(Mapping[str, tuple[str, ...]]):
    """Which kinds of files a format of jets is, by format."""

    def __getitem__(self, name: str) -> tuple[str, ...]:
        return FORMATS.load(name).kinds

    def __iter__(self) -> Iterator[str]:
        return iter(FORMATS)

    def __len__(self) -> int:
        return len(FORMATS)


class JetSourceSettings(FileSettings):
    """Files of published jets."""

    kinds = Kinds()

    format: str = key(..., f"layout of the files: {', '.join(FORMATS)}")
    events: int | None = key(
        None,
        "jets (events of NanoAOD) taken from each file, its first ones; all if not given",
        ge=1,
    )

    @field_validator("format")
    @classmethod
    def _known(cls, value: str) -> str:
        require_known(value, FORMATS, "format of jets")
        return value


class JetSampleSettings(Settings):
    """A sample of published jets, for tagging.classes."""

    shards: int = key(
        1, "number of shards, as many for each of its files; one each if not given", ge=1
    )
    source: JetSourceSettings = key(..., "files of jets")

    @field_validator("shards")
    @classmethod
    def _four_digits(cls, value: int) -> int:
        return require_four_digits(value)

    @model_validator(mode="after")
    def _of_all_files(self) -> Self:
        self.__dict__["shards"] = shards_of(self, len(self.source.files), self.shards)
        return self

    @property
    def parts(self) -> int:
        """Shards of each file of the source."""
        return self.shards // len(self.source.files)


class ImportSettings(JetGraphSettings):
    """What `graphs.import_jets` reads."""

    format: str
    checksums: dict[str, str] = key({}, "as of the source")
    soft_drop_zcut: float = 0.1
    soft_drop_beta: float = 0.0


class DisplaySettings(Settings):
    """Which event and jet the figures show."""

    sample: str = key("top", "Sample whose first event and first jet are drawn.")


class GraphsSettings(Settings):
    """Event graphs for particle flow, jet graphs for tagging."""

    events: EventGraphSettings = key(EventGraphSettings(), "Graphs of tracks and topoclusters.")
    jets: JetGraphSettings = key(JetGraphSettings(), "Graphs of the constituents of jets.")
    samples: dict[str, JetSampleSettings] = key(
        {}, "Samples of published jets by name, which tagging.classes may name as others."
    )
    display: DisplaySettings = key(DisplaySettings(), "The event and the jet that are drawn.")

    @field_validator("samples")
    @classmethod
    def _usable_names(cls, value: dict[str, JetSampleSettings]) -> dict[str, JetSampleSettings]:
        require_sample_names(value)
        return value
