"""The detector's geometry: the typed table of its slabs, and the arrays of its cells.

The calorimeter is projective: cells are regular in eta and phi, and the depth of every slab along
a ray from the origin is the same at every eta (COCOA, Cell_var.cc). Barrel and endcap share one
face: the cylinder r = inner_radius and the planes |z| = inner_radius sinh(barrel_eta).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

import numba
import numpy as np
import yaml
from pydantic import model_validator

from jetchain.core.errors import DataError
from jetchain.core.settings import Settings, key, parse, require_known


class Slab(Settings):
    """One slab of the calorimeter."""

    name: str = key(..., "name of the slab")
    kind: Literal["electromagnetic", "hadronic", "passive"] = key(..., "what it is")
    thickness: float = key(..., "depth along a ray from the origin", unit="mm", gt=0)
    radiation_length: float = key(..., "radiation length", unit="mm", gt=0)
    interaction_length: float = key(..., "nuclear interaction length", unit="mm", gt=0)
    moliere_radius: float = key(..., "Moliere radius", unit="mm", gt=0)
    mip: float = key(..., "loss of a minimum-ionising particle", unit="MeV/mm", gt=0)
    cells_eta: int = key(0, "cells in |eta| < eta_max", ge=0)
    cells_phi: int = key(0, "cells in phi, at least 3", ge=0)
    noise: float = key(0.0, "electronic noise of a cell", unit="MeV", ge=0)
    sampling: float = key(1.0, "sampling fraction", gt=0, le=1)

    @model_validator(mode="after")
    def _check_cells(self) -> Slab:
        has_cells = self.cells_eta > 0 and self.cells_phi > 2
        if has_cells == (self.kind == "passive"):
            raise ValueError(f"slab {self.name}: give cells exactly where it is not passive")
        if has_cells and self.noise == 0:
            raise ValueError(f"slab {self.name}: cells need noise, the unit of clustering")
        return self


class Material(Settings):
    """A material in which particles interact."""

    radiation_length: float = key(..., "radiation length", unit="mm", gt=0)
    interaction_length: float = key(..., "nuclear interaction length", unit="mm", gt=0)


class Support(Settings):
    """Dead material in front of the calorimeter, treated as lying directly before its face."""

    barrel: float = key(..., "radial thickness in the barrel", unit="mm", ge=0)
    endcap: float = key(..., "thickness along z in the endcap", unit="mm", ge=0)
    radiation_length: float = key(..., "radiation length", unit="mm", gt=0)
    interaction_length: float = key(..., "nuclear interaction length", unit="mm", gt=0)
    moliere_radius: float = key(..., "Moliere radius", unit="mm", gt=0)
    mip: float = key(..., "loss of a minimum-ionising particle", unit="MeV/mm", gt=0)


class TrackerLayers(Settings):
    """Layers of one kind: cylinders about the beam, or pairs of disks at +-z."""

    shape: Literal["cylinder", "disks"] = key(..., "cylinder or disks")
    positions: list[float] = key(..., "radii of the cylinders, or |z| of the disks", unit="mm")
    start: float = key(0.0, "inner radius of the disks; 0 for cylinders", unit="mm", ge=0)
    end: float = key(..., "half-length of the cylinders, or outer radius", unit="mm", gt=0)
    materials: dict[str, float] = key(..., "thickness of each material", unit="mm")
    resolution: list[float] = key(
        ..., "of a hit across the track, and along the beam (disks: radially)", unit="mm",
        min_length=2, max_length=2,
    )  # fmt: skip


class HadronicResponse(Settings):
    """How the seen share of a hadronic shower is mapped, see `calorimeter.response`."""

    source: str = key(..., "where the numbers come from")
    lost: float = key(..., "share of the hadrons of 10 to 20 GeV of which most is lost", ge=0, le=1)
    pt: list[float] = key(..., "nodes in pT, rising", unit="GeV", min_length=2)
    eta: list[float] = key(..., "nodes in |eta|, rising", min_length=2)
    offset: list[list[list[float]]] = key(..., "added share, by layer, eta and pT", min_length=1)
    slope: list[list[list[float]]] = key(..., "factor on the drawn share, the same", min_length=1)

    @model_validator(mode="after")
    def _check_shapes(self) -> HadronicResponse:
        for name in ("pt", "eta"):
            if (np.diff(getattr(self, name)) <= 0).any() or getattr(self, name)[0] < 0:
                raise ValueError(f"hadronic_response.{name} must rise")
        if self.pt[0] <= 0:
            raise ValueError("hadronic_response.pt must be positive")
        for name in ("offset", "slope"):
            rows = [row for layer in getattr(self, name) for row in layer]
            layers = {len(layer) for layer in getattr(self, name)}
            if layers != {len(self.eta)} or {len(row) for row in rows} != {len(self.pt)}:
                raise ValueError(f"hadronic_response.{name} must have a row of pT for every eta")
        if len(self.offset) != len(self.slope):
            raise ValueError("hadronic_response: offset and slope must have as many layers")
        return self


class GeometryTable(Settings):
    """The content of resources/geometry/<name>.yaml."""

    name: str = key(..., "name of the detector")
    source: str = key(..., "where the numbers come from")
    magnetic_field: float = key(..., "solenoid field along z", unit="T", gt=0)
    inner_radius: float = key(..., "radius of the barrel's face", unit="mm", gt=0)
    barrel_eta: float = key(..., "end of the barrel", gt=0)
    eta_max: float = key(..., "end of the endcap", gt=0)
    tracker_radius: float = key(..., "outermost tracker layer", unit="mm", gt=0)
    vertex_radius: float = key(..., "tracks begin inside this radius", unit="mm", gt=0)
    vertex_z: float = key(..., "tracks begin inside this |z|", unit="mm", gt=0)
    conversion_radius: float = key(..., "those of conversion electrons", unit="mm", gt=0)
    conversion_z: float = key(..., "those of conversion electrons", unit="mm", gt=0)
    minimum_hits: int = key(..., "tracker layers that a track crosses at least", ge=0)
    conversion_hits: int = key(..., "the same for a conversion electron's track", ge=0)
    materials: dict[str, Material] = key(..., "materials of the tracker, by name")
    tracker: list[TrackerLayers] = key(..., "layers of the tracker")
    support: Support = key(..., "what lies between the tracker and the calorimeter")
    effective_z: float = key(..., "effective atomic number of the ECAL", gt=0)
    critical_energy: float = key(..., "critical energy of the ECAL", unit="MeV", gt=0)
    slabs: list[Slab] = key(..., "slabs from the inside out", min_length=1)
    hadronic_response: HadronicResponse | None = key(
        None, "map of hadronic showers to full simulation; without it they stay as drawn"
    )

    @model_validator(mode="after")
    def _known_materials(self) -> GeometryTable:
        for group in self.tracker:
            for name in group.materials:
                require_known(name, list(self.materials), "material")
        return self

    @model_validator(mode="after")
    def _curvature_is_measured(self) -> GeometryTable:
        """As `flight.tracker.fitted_covariance` does."""
        radii = {r for each in self.tracker if each.shape == "cylinder" for r in each.positions}
        if len(radii) < 3:
            raise ValueError(
                f"tracker: has cylinders at {len(radii)} radii; a track's curvature needs 3"
            )
        return self


class CellArrays(NamedTuple):
    """Flat arrays of all cells, layer after layer, eta before phi; what compiled code gets."""

    layer: np.ndarray  # (cells,) int8
    eta: np.ndarray  # (cells,) float32
    phi: np.ndarray  # (cells,) float32
    rho: np.ndarray  # (cells,) float32, mm
    x: np.ndarray  # (cells,) float32, mm
    y: np.ndarray  # (cells,) float32, mm
    z: np.ndarray  # (cells,) float32, mm
    noise: np.ndarray  # (cells,) float32, MeV


class SlabArrays(NamedTuple):
    """Arrays over the slabs behind the face, and over the layers (the slabs that have cells).

    Slab 0 is the support in front of the face: its depth is 0, its thickness depends on where and
    how it is crossed.
    """

    depth: np.ndarray  # (slabs + 1,) of the slabs' borders along a ray, 0 for the first two, mm
    radiation_length: np.ndarray  # (slabs,) mm
    interaction_length: np.ndarray  # (slabs,) mm
    moliere_radius: np.ndarray  # (slabs,) mm
    mip: np.ndarray  # (slabs,) MeV/mm
    layer_of_slab: np.ndarray  # (slabs,) int64, -1 for passive
    cells_eta: np.ndarray  # (layers,) int64
    cells_phi: np.ndarray  # (layers,) int64
    first_cell: np.ndarray  # (layers + 1,) int64
    sampling: np.ndarray  # (layers,)
    hadronic: np.ndarray  # (layers,) bool
    support_barrel: float  # mm, radial
    support_endcap: float  # mm, along z


DISKS, POSITION, START, END, RADIATION, INTERACTION = range(6)
"""Columns of the tracker's layers: 1 for a pair of disks, 0 for a cylinder; radius or |z|, inner
radius of disks, half-length or outer radius (mm); thickness in X0 and in lambda."""


class TrackerArrays(NamedTuple):
    """The tracker's layers and the volume in which particles fly; what compiled code gets.

    In one array: handing a tuple of arrays on costs compiled code time for each of them.
    """

    layers: np.ndarray  # (tracker layers, 6), columns below
    field: float  # T
    face_radius: float  # mm, of the calorimeter's face
    face_z: float  # mm
    eta_max: float
    vertex_radius: float  # mm, in which tracks begin
    vertex_z: float  # mm


@dataclass(frozen=True)
class Geometry:
    """A detector ready for simulation."""

    table: GeometryTable
    slabs: SlabArrays
    cells: CellArrays
    tracker: TrackerArrays

    @property
    def layer_entrances(self) -> np.ndarray:
        """Depth of every layer's entrance along a ray, (layers,), mm."""
        return self.slabs.depth[:-1][self.slabs.layer_of_slab >= 0]


def read_geometry(path: Path) -> GeometryTable:
    """Read and validate resources/geometry/<name>.yaml.

    Raises:
        DataError: no such file, or not YAML.
        ConfigurationError: a key is missing, unknown or out of range.
    """
    try:
        content = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise DataError(
            f"{path}: no such file.",
            "Set detector.geometry to the name of a file in resources/geometry.",
        ) from None
    except yaml.YAMLError as error:
        raise DataError(
            f"{path}: not valid YAML ({error}).", "Correct the file at that line."
        ) from error
    if not isinstance(content, dict):
        raise DataError(f"{path}: holds no mapping of keys.", "Restore it from the repository.")
    return parse(GeometryTable, content)


def distance_to_face(table: GeometryTable, eta: np.ndarray) -> np.ndarray:
    """Distance from the origin to the calorimeter's face along eta, (n,), mm."""
    eta = np.abs(eta)
    endcap = table.inner_radius * np.sinh(table.barrel_eta) / np.tanh(np.maximum(eta, 0.1))
    return np.where(eta < table.barrel_eta, table.inner_radius * np.cosh(eta), endcap)


@numba.njit(cache=True)
def slab_paths(
    start: tuple[float, float, float],
    unit: tuple[float, float, float],
    depths: np.ndarray,  # (borders,) mm along a ray from the origin, rising from 0
    radius: float,
    half_length: float,
    path: np.ndarray,  # (borders,), is filled
) -> None:
    """Straight flight from the face, or from behind it: paths to the slabs' borders, mm.

    Depth counts along the ray from the origin, so a slanting flight is longer than that. The path
    to a border that lies before the start (of particles born inside the calorimeter) is 0.
    """
    x, y, z = start
    distance = math.sqrt(x * x + y * y + z * z)
    rho = math.hypot(x, y)
    scale = min(radius / max(rho, 1e-9), half_length / max(abs(z), 1e-9))
    first = max(distance * (1.0 - scale), 0.0)
    cosine = (x * unit[0] + y * unit[1] + z * unit[2]) / distance
    cosine = min(max(cosine, 0.2), 1.0)
    last = 0.0
    for k in range(depths.size):
        wanted = depths[k] - first
        if wanted <= 0.0:
            path[k] = 0.0
            continue
        at = max(wanted / cosine, last)
        for _ in range(4):
            px, py, pz = x + at * unit[0], y + at * unit[1], z + at * unit[2]
            distance = math.sqrt(px * px + py * py + pz * pz)
            rho = math.hypot(px, py)
            scale = min(radius / max(rho, 1e-9), half_length / max(abs(pz), 1e-9))
            before = at
            at += wanted - (distance * (1.0 - scale) - first)
            if at == before:
                break
        last = max(at, last)
        path[k] = last


def build_geometry(table: GeometryTable) -> Geometry:
    """Build the arrays of slabs, cells and neighbours from the table."""
    active = [slab for slab in table.slabs if slab.kind != "passive"]
    cells_eta = np.array([slab.cells_eta for slab in active])
    cells_phi = np.array([slab.cells_phi for slab in active])
    first_cell = np.concatenate([[0], np.cumsum(cells_eta * cells_phi)])
    layer_of_slab = np.full(1 + len(table.slabs), -1)
    layer_of_slab[1:][[slab.kind != "passive" for slab in table.slabs]] = np.arange(len(active))
    every: list[Support | Slab] = [table.support, *table.slabs]
    slabs = SlabArrays(
        depth=np.concatenate([[0.0, 0.0], np.cumsum([slab.thickness for slab in table.slabs])]),
        radiation_length=np.array([slab.radiation_length for slab in every]),
        interaction_length=np.array([slab.interaction_length for slab in every]),
        moliere_radius=np.array([slab.moliere_radius for slab in every]),
        mip=np.array([slab.mip for slab in every]),
        layer_of_slab=layer_of_slab,
        cells_eta=cells_eta,
        cells_phi=cells_phi,
        first_cell=first_cell,
        sampling=np.array([slab.sampling for slab in active]),
        hadronic=np.array([slab.kind == "hadronic" for slab in active]),
        support_barrel=table.support.barrel,
        support_endcap=table.support.endcap,
    )
    return Geometry(table, slabs, _build_cells(table, active, slabs), _build_tracker(table))


def _build_tracker(table: GeometryTable) -> TrackerArrays:
    layers = [
        (group.shape == "disks", position, group.start, group.end, *tracker_thickness(table, group))
        for group in table.tracker
        for position in group.positions
    ]
    return TrackerArrays(
        layers=np.array(layers, float).reshape(-1, 6),
        field=table.magnetic_field,
        face_radius=table.inner_radius,
        face_z=half_length(table),
        eta_max=table.eta_max,
        vertex_radius=table.vertex_radius,
        vertex_z=table.vertex_z,
    )


def tracker_thickness(table: GeometryTable, layers: TrackerLayers) -> tuple[float, float]:
    """Thickness of such a layer in X0 and in lambda."""
    radiation = interaction = 0.0
    for name, thickness in layers.materials.items():
        radiation += thickness / table.materials[name].radiation_length
        interaction += thickness / table.materials[name].interaction_length
    return radiation, interaction


def half_length(table: GeometryTable) -> float:
    """|z| of the endcap's face, mm."""
    return table.inner_radius * float(np.sinh(table.barrel_eta))


def _build_cells(table: GeometryTable, active: list[Slab], slabs: SlabArrays) -> CellArrays:
    middles = (0.5 * (slabs.depth[1:] + slabs.depth[:-1]))[slabs.layer_of_slab >= 0]
    columns: dict[str, list[np.ndarray]] = {name: [] for name in ("layer", "eta", "phi", "d", "s")}
    for layer, slab in enumerate(active):
        eta = -table.eta_max + (np.arange(slab.cells_eta) + 0.5) * 2 * table.eta_max / (
            slab.cells_eta
        )
        phi = -np.pi + (np.arange(slab.cells_phi) + 0.5) * 2 * np.pi / slab.cells_phi
        eta, phi = (axis.ravel() for axis in np.meshgrid(eta, phi, indexing="ij"))
        columns["layer"].append(np.full(eta.size, layer, np.int8))
        columns["eta"].append(eta)
        columns["phi"].append(phi)
        columns["d"].append(distance_to_face(table, eta) + middles[layer])
        columns["s"].append(np.full(eta.size, slab.noise))
    layer_, eta, phi, distance, noise = (np.concatenate(column) for column in columns.values())
    rho = distance / np.cosh(eta)
    return CellArrays(
        layer=layer_,
        eta=eta.astype(np.float32),
        phi=phi.astype(np.float32),
        rho=rho.astype(np.float32),
        x=(rho * np.cos(phi)).astype(np.float32),
        y=(rho * np.sin(phi)).astype(np.float32),
        z=(distance * np.tanh(eta)).astype(np.float32),
        noise=noise.astype(np.float32),
    )
