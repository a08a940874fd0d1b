"""The detector's geometry: the typed table of its slabs, and the arrays of its cells.

The calorimeter is projective: cells are regular in eta and phi, and the depth of every slab along
a ray from the origin is the same at every eta (COCOA, Cell_var.cc). Barrel and endcap share one
face: the cylinder r = inner_radius and the planes |z| = inner_radius sinh(barrel_eta).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

import numba
import numpy as np
import yaml
from pydantic import model_validator

from jetchain.core.errors import DataError
from jetchain.core.settings import Settings, key, parse


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
    effective_z: float = key(..., "effective atomic number of the ECAL", gt=0)
    critical_energy: float = key(..., "critical energy of the ECAL", unit="MeV", gt=0)
    slabs: list[Slab] = key(..., "slabs from the inside out", min_length=1)


class CellArrays(NamedTuple):
    """Flat arrays of all cells, layer after layer, eta before phi; what compiled code gets."""

    layer: np.ndarray  # (cells,) int8
    eta: np.ndarray  # (cells,) float32
    phi: np.ndarray  # (cells,) float32
    x: np.ndarray  # (cells,) float32, mm
    y: np.ndarray  # (cells,) float32, mm
    z: np.ndarray  # (cells,) float32, mm
    noise: np.ndarray  # (cells,) float32, MeV
    neighbour_start: np.ndarray  # (cells + 1,) int32
    neighbours: np.ndarray  # (edges,) int32


class SlabArrays(NamedTuple):
    """Arrays over the slabs, and over the layers (the slabs that have cells)."""

    thickness: np.ndarray  # (slabs,) mm
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


@dataclass(frozen=True)
class Geometry:
    """A detector ready for simulation."""

    table: GeometryTable
    slabs: SlabArrays
    cells: CellArrays

    @property
    def half_length(self) -> float:
        """|z| of the endcap's face, mm."""
        return self.table.inner_radius * float(np.sinh(self.table.barrel_eta))

    @property
    def depths(self) -> np.ndarray:
        """Depth of the slabs' borders along a ray, (slabs + 1,), mm."""
        return np.concatenate([[0.0], np.cumsum(self.slabs.thickness)])

    @property
    def layer_entrances(self) -> np.ndarray:
        """Depth of every layer's entrance along a ray, (layers,), mm."""
        return self.depths[:-1][self.slabs.layer_of_slab >= 0]


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


def depth_of(table: GeometryTable, position: np.ndarray) -> np.ndarray:
    """Depth behind the face along the ray from the origin, (n,), mm; negative before the face.

    Args:
        position: (n, 3), mm.
    """
    radius = np.hypot(position[..., 0], position[..., 1])
    eta = np.arcsinh(position[..., 2] / np.maximum(radius, 1e-9))
    return np.hypot(radius, position[..., 2]) - distance_to_face(table, eta)


def build_geometry(table: GeometryTable) -> Geometry:
    """Build the arrays of slabs, cells and neighbours from the table."""
    active = [slab for slab in table.slabs if slab.kind != "passive"]
    cells_eta = np.array([slab.cells_eta for slab in active])
    cells_phi = np.array([slab.cells_phi for slab in active])
    first_cell = np.concatenate([[0], np.cumsum(cells_eta * cells_phi)])
    layer_of_slab = np.full(len(table.slabs), -1)
    layer_of_slab[[slab.kind != "passive" for slab in table.slabs]] = np.arange(len(active))
    slabs = SlabArrays(
        thickness=np.array([slab.thickness for slab in table.slabs]),
        radiation_length=np.array([slab.radiation_length for slab in table.slabs]),
        interaction_length=np.array([slab.interaction_length for slab in table.slabs]),
        moliere_radius=np.array([slab.moliere_radius for slab in table.slabs]),
        mip=np.array([slab.mip for slab in table.slabs]),
        layer_of_slab=layer_of_slab,
        cells_eta=cells_eta,
        cells_phi=cells_phi,
        first_cell=first_cell,
        sampling=np.array([slab.sampling for slab in active]),
        hadronic=np.array([slab.kind == "hadronic" for slab in active]),
    )
    return Geometry(table, slabs, _build_cells(table, active, slabs))


def _build_cells(table: GeometryTable, active: list[Slab], slabs: SlabArrays) -> CellArrays:
    borders = np.concatenate([[0.0], np.cumsum(slabs.thickness)])
    middles = (0.5 * (borders[1:] + borders[:-1]))[slabs.layer_of_slab >= 0]
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
    start, neighbours = neighbour_lists(slabs.cells_eta, slabs.cells_phi)
    return CellArrays(
        layer=layer_,
        eta=eta.astype(np.float32),
        phi=phi.astype(np.float32),
        x=(rho * np.cos(phi)).astype(np.float32),
        y=(rho * np.sin(phi)).astype(np.float32),
        z=(distance * np.tanh(eta)).astype(np.float32),
        noise=noise.astype(np.float32),
        neighbour_start=start,
        neighbours=neighbours,
    )


def neighbour_lists(cells_eta: np.ndarray, cells_phi: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Neighbours of every cell: 8 in its layer (phi wraps), and all that overlap one layer away.

    Args:
        cells_eta, cells_phi: (layers,) numbers of cells, at least 3 in phi; two cells of adjacent
            layers overlap where their eta-phi rectangles share an area.

    Returns:
        start (cells + 1,) and neighbours (edges,), int32: cell c has
        ``neighbours[start[c]:start[c + 1]]``.
    """
    start = np.zeros(int(np.sum(cells_eta * cells_phi)) + 1, np.int32)
    _list_neighbours(cells_eta, cells_phi, start, np.empty(0, np.int32))
    start = np.cumsum(start, dtype=np.int32)
    neighbours = np.empty(start[-1], np.int32)
    _list_neighbours(cells_eta, cells_phi, start, neighbours)
    return start, neighbours


@numba.njit(cache=True)
def _list_neighbours(
    cells_eta: np.ndarray, cells_phi: np.ndarray, start: np.ndarray, neighbours: np.ndarray
) -> None:
    """Fill `neighbours`; where it is empty, count cell c's neighbours in start[c + 1] instead."""
    counting = neighbours.size == 0
    layers = cells_eta.size
    first = np.zeros(layers + 1, np.int64)
    first[1:] = np.cumsum(cells_eta * cells_phi)
    for layer in range(layers):
        n_eta, n_phi = cells_eta[layer], cells_phi[layer]
        for i in range(n_eta):
            for j in range(n_phi):
                cell = first[layer] + i * n_phi + j
                at = 0
                for other in range(max(layer - 1, 0), min(layer + 2, layers)):
                    m_eta, m_phi = cells_eta[other], cells_phi[other]
                    if other == layer:
                        rows, columns = (i - 1, i + 2), (j - 1, j + 2)
                    else:  # all divisions that share a length with this cell's
                        rows = (i * m_eta // n_eta, -(-(i + 1) * m_eta // n_eta))
                        columns = (j * m_phi // n_phi, -(-(j + 1) * m_phi // n_phi))
                    for row in range(max(rows[0], 0), min(rows[1], m_eta)):
                        for column in range(columns[0], columns[1]):
                            near = first[other] + row * m_phi + column % m_phi
                            if near == cell:
                                continue
                            if not counting:
                                neighbours[start[cell] + at] = near
                            at += 1
                if counting:
                    start[cell + 1] = at
