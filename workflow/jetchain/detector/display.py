"""What the detector saw of one event, for the displays: tracks, clusters, energy in the barrel."""

from __future__ import annotations

import math
from itertools import chain

import awkward as ak
import numpy as np

from jetchain.core.errors import DataError, samples_of
from jetchain.core.io.atomic import REMAKE
from jetchain.core.io.events import read_event_chunks
from jetchain.core.io.tables import read_json, write_result
from jetchain.core.schema.detector import (
    DETECTED,
    BarrelCells,
    DetectorDisplay,
    DisplayedClusters,
    DisplayedTracks,
    RadialLayer,
    Radii,
)
from jetchain.core.verbs import Input, Inputs, Output, Resource
from jetchain.detector.flight.helix import advance, flight, to_face
from jetchain.detector.flight.particles import GEV
from jetchain.detector.geometry.description import GeometryTable, half_length, read_geometry
from jetchain.detector.validation.distributions import reconstructed

COLUMNS: dict[str, list[str] | None] = {
    "topo": ["bary_eta", "bary_phi", "e", *(f"e_layer_{layer}" for layer in range(6))],
    "track": ["reconstructed", "d0", "d0_err", "z0", "theta", "phi", "qoverp",
              *(f"{axis}_layer_0" for axis in "xyz")],
    "cell": ["layer", "eta", "phi", "e"],
}  # fmt: skip
POINTS = 24
"""Of the line that is drawn for a track."""


def display(*, events: Inputs, chosen: Input, geometry: Resource, event: Output) -> None:
    """Write tracks, clusters and calorimeter energy of the event that `jets.display` chose.

    Args:
        events: tables DETECTED of the shards of the sample.
        chosen: JSON with the event's number.
        geometry: the detector, for the radii and the field.
        event: written: JSON, GeV, mm and rad.

    Raises:
        DataError: the event is not among these.
    """
    number = read_json(chosen)["number"]
    table = read_geometry(geometry)
    for data in chain.from_iterable(read_event_chunks(p, DETECTED, COLUMNS) for p in events):
        rows = np.flatnonzero(np.asarray(data["event"]["number"]) == number)
        if len(rows):
            row = int(rows[0])
            track = reconstructed(data["track"][row])
            write_result(
                event,
                DetectorDisplay(
                    number=number,
                    radii=radii(table),
                    track=track_columns(track),
                    lines=[line(each, table) for each in track],
                    cluster=cluster_columns(data["topo"][row]),
                    barrel=barrel(data["cell"][row], table),
                ),
            )
            return
    raise DataError(
        f"There is no event {number} in {samples_of(events)}; {chosen} names it.", REMAKE
    )


def radii(table: GeometryTable) -> Radii:
    """Radii at eta = 0, mm: the tracker's cylinders, and every calorimeter layer from in to out."""
    inner, layers = table.inner_radius, []
    for slab in table.slabs:
        if slab.kind != "passive":
            layers.append(
                RadialLayer(
                    name=slab.name, inner=inner, outer=inner + slab.thickness, cells=slab.cells_phi
                )
            )
        inner += slab.thickness
    return Radii(
        tracker=sorted(
            radius
            for group in table.tracker
            if group.shape == "cylinder"
            for radius in group.positions
        ),
        layers=layers,
        barrel_eta=table.barrel_eta,
        field=table.magnetic_field,
    )


def track_columns(track: ak.Array) -> DisplayedTracks:
    """Place at the calorimeter's face, pT and significance of d0 of some tracks, (tracks,) each."""
    rho = np.hypot(track["x_layer_0"], track["y_layer_0"])
    return DisplayedTracks(
        eta=ak.to_list(np.arcsinh(track["z_layer_0"] / rho)),
        phi=ak.to_list(np.arctan2(track["y_layer_0"], track["x_layer_0"])),
        pt=(np.asarray(np.abs(np.sin(track["theta"]) / track["qoverp"])) / GEV).tolist(),
        d0_significance=ak.to_list(track["d0"] / track["d0_err"]),
    )


def line(track: ak.Record, table: GeometryTable) -> tuple[list[float], list[float]]:
    """The helix of a track from its perigee to the calorimeter's face, x and y in mm (POINTS,).

    Args:
        track: d0, z0 (mm), theta, phi (rad), qoverp (1/MeV).
        table: for the field and the face.
    """
    phi, momentum = track["phi"], 1.0 / abs(track["qoverp"])
    pt = momentum * math.sin(track["theta"])
    helix = flight(
        -track["d0"] * math.sin(phi), track["d0"] * math.cos(phi), float(track["z0"]),
        pt * math.cos(phi), pt * math.sin(phi), momentum * math.cos(track["theta"]),
        math.copysign(1.0, track["qoverp"]), table.magnetic_field,
    )  # fmt: skip
    path, _ = to_face(helix, table.inner_radius, half_length(table))
    # What the measured momentum would let curl up is drawn for one turn.
    path = min(path, 2 * math.pi / max(abs(helix.bend), 1e-12))
    places = [advance(helix, float(part) * path)[:2] for part in np.linspace(0, 1, POINTS)]
    x, y = np.round(np.array(places).T, 1)
    return x.tolist(), y.tolist()


def cluster_columns(topo: ak.Array) -> DisplayedClusters:
    """Place, energy (GeV) and the ECAL's share of some topological clusters, (clusters,) each."""
    em = topo["e_layer_0"] + topo["e_layer_1"] + topo["e_layer_2"]
    return DisplayedClusters(
        eta=ak.to_list(topo["bary_eta"]),
        phi=ak.to_list(topo["bary_phi"]),
        e=(np.asarray(topo["e"]) / GEV).tolist(),
        electromagnetic_fraction=ak.to_list(em / topo["e"]),
    )


def barrel(cell: ak.Array, table: GeometryTable) -> BarrelCells:
    """Transverse energy of the barrel's clustered cells, summed over eta.

    Args:
        cell: layer, eta, phi, e (MeV) of the cells of an event.
        table: for the number of cells in phi, and the barrel's end.

    Returns:
        one entry a bin with energy.
    """
    cells_phi = np.array([slab.cells_phi for slab in table.slabs if slab.kind != "passive"])
    eta, layer = np.asarray(cell["eta"]), np.asarray(cell["layer"])
    inside = np.abs(eta) < table.barrel_eta
    layer = layer[inside]
    turn = (np.asarray(cell["phi"])[inside] + np.pi) / (2 * np.pi)
    bins = np.floor(turn * cells_phi[layer]).astype(np.int64) % cells_phi[layer]
    et = np.asarray(cell["e"])[inside] / np.cosh(eta[inside]) / GEV
    places, where = np.unique(np.stack([layer, bins]), axis=1, return_inverse=True)
    total = np.bincount(where.ravel(), et, minlength=places.shape[1])
    return BarrelCells(layer=places[0].tolist(), bin=places[1].tolist(), et=total.tolist())
