"""Graphs of jets from flat columns, whether the jets are our own or published ones."""

from __future__ import annotations

from typing import Any, NamedTuple

import awkward as ak
import numpy as np
from numpy.typing import NDArray

from jetchain.core.kinematics import delta_phi, pt_eta_phi
from jetchain.core.schema.graphs import CONSTITUENT_COLUMNS, JET_COLUMNS, TRACK_TRUTH
from jetchain.core.schema.particleflow import PARTICLE_CLASSES
from jetchain.graphs.edges import listed, neighbour_lists
from jetchain.graphs.nodes import flat_columns, offsets
from jetchain.graphs.settings import JetGraphSettings

Integer = NDArray[np.integer]
Columns = dict[str, NDArray[Any]]

BLOCK = 4096
"""Constituents whose columns are made at a time: they stay in the processor's cache."""


class JetTable(NamedTuple):
    """Jets of some events, event after event, and what they are made of.

    Attributes:
        number, weight: of the event of each jet; (jets,).
        order: place of the jet in its event; (jets,).
        label: of the jet, -1 for none; (jets,).
        columns: JET_COLUMNS, GeV and rad; (jets,) each.
        offset: first constituent of each jet; (jets + 1,).
        members: of each constituent, its particle; (constituents,).
        particles: the columns of particles that CONSTITUENT_COLUMNS are made from: px, py, pz, e,
            charge, d0, ... in GeV and mm, `label` (index into PARTICLE_CLASSES) and TRACK_TRUTH;
            (particles,) each.
    """

    number: Integer
    weight: NDArray[np.floating]
    order: Integer
    label: Integer
    columns: Columns
    offset: Integer
    members: Integer
    particles: Columns


def jet_table(event: Any, jets: Any, pflow: Any) -> JetTable:
    """The table of our own jets.

    Args:
        event: number and weight (events,).
        jets: a collection of jets (events, var), GeV.
        pflow: the reconstructed particles (events, var), GeV.
    """
    owner = np.repeat(np.arange(len(jets)), np.asarray(ak.num(jets)))
    chosen = ak.flatten(jets)
    number = np.asarray(ak.num(chosen.constituents))
    before = offsets(ak.num(pflow))[owner]
    return JetTable(
        np.asarray(event["number"])[owner],
        np.asarray(event["weight"])[owner],
        np.asarray(ak.flatten(ak.local_index(jets, axis=1))),
        np.asarray(chosen.label),
        {name: np.asarray(chosen[name]) for name in JET_COLUMNS},
        offsets(number),
        np.asarray(ak.flatten(chosen.constituents)) + np.repeat(before, number),
        flat_columns(pflow),
    )


def graphs_of_jets(
    table: JetTable, settings: JetGraphSettings
) -> tuple[dict[str, NDArray[Any]], dict[str, int]]:
    """The arrays of JET_GRAPHS and the cutflow.

    Args:
        table: the jets.
        settings: selection and edges.

    Returns:
        The arrays, and the cutflow: jets left after each cut in turn, and constituents.
    """
    pt, multiplicity = table.columns["pt"], np.diff(table.offset)
    counts = {"jets": len(pt)}
    selected = pt >= settings.pt_min
    counts[f"pt >= {settings.pt_min:g} GeV"] = int(selected.sum())
    selected &= pt < settings.pt_max
    counts[f"pt < {settings.pt_max:g} GeV"] = int(selected.sum())
    selected &= np.abs(table.columns["eta"]) < settings.eta_max
    jets = np.flatnonzero(selected)
    counts["graphs"] = counts[f"|eta| < {settings.eta_max:g}"] = len(jets)

    columns, truth, offset = constituents(table, jets, settings.max_constituents)
    counts["constituents"] = int(multiplicity[jets].sum())
    counts["constituents kept"] = len(columns)
    counts["unmatched"] = int((table.label[jets] < 0).sum())

    plane = [CONSTITUENT_COLUMNS.index(name) for name in ("delta_eta", "delta_phi")]
    near, number = neighbour_lists(columns[:, plane], offset, neighbours=settings.neighbours)
    first = np.repeat(offset[:-1], np.diff(offset))
    local = np.arange(len(first)) - first
    edges = np.stack(
        [
            (near - first[:, None]).astype(np.int16)[listed(near, number)],
            np.repeat(local.astype(np.int16), number),
        ]
    )
    arrays = {
        "event_number": table.number[jets],
        "jet_index": table.order[jets],
        "weight": table.weight[jets],
        "label": table.label[jets],
        "jet": np.stack([table.columns[name][jets] for name in JET_COLUMNS], 1, dtype=np.float32),
        "multiplicity": multiplicity[jets],
        "constituent_offset": offset,
        "constituents": columns,
        "constituent_truth": truth,
        "edge_offset": offsets(number)[offset],
        "edge_index": edges,
    }
    return arrays, counts


def constituents(
    table: JetTable, jets: NDArray[np.int64], most: int
) -> tuple[NDArray[np.float32], NDArray[np.int32], NDArray[np.int64]]:
    """Constituents of some jets, the leading ones in falling pT.

    Args:
        table: the jets.
        jets: which of them; (chosen,).
        most: at most so many in a jet.

    Returns:
        Columns of CONSTITUENT_COLUMNS (constituents, columns), those of TRACK_TRUTH, and the first
        constituent of each jet (chosen + 1,).
    """
    member, offset = leading(table, jets, most)
    jet_of = np.repeat(np.arange(len(jets)), np.diff(offset))
    axis_eta, axis_phi = (table.columns[name][jets].astype(np.float64) for name in ("eta", "phi"))
    columns = np.empty((len(member), len(CONSTITUENT_COLUMNS)), np.float32)
    truth = np.empty((len(member), len(TRACK_TRUTH)), np.int32)
    for start in range(0, len(member), BLOCK):
        some = slice(start, start + BLOCK)
        flat = {name: values[member[some]] for name, values in table.particles.items()}
        _, eta, phi = pt_eta_phi(*(flat[axis].astype(np.float64) for axis in ("px", "py", "pz")))
        flat |= {f"is_{name}": flat["label"] == code for code, name in enumerate(PARTICLE_CLASSES)}
        flat["delta_eta"] = eta - axis_eta[jet_of[some]]
        flat["delta_phi"] = delta_phi(phi, axis_phi[jet_of[some]])
        for into, names in ((columns, CONSTITUENT_COLUMNS), (truth, TRACK_TRUTH)):
            for place, name in enumerate(names):
                into[some, place] = flat[name]
    return columns, truth, offset


def leading(
    table: JetTable, jets: NDArray[np.int64], most: int
) -> tuple[NDArray[np.integer], NDArray[np.int64]]:
    """Particles of some jets in falling pT, and the first of each jet; as of `constituents`."""
    number = np.diff(table.offset)[jets]
    offset = offsets(number)
    jet = np.repeat(np.arange(len(jets)), number)
    place = np.arange(offset[-1]) - offset[jet]
    member = table.members[place + table.offset[jets][jet]]
    pt2 = table.particles["px"][member] ** 2 + table.particles["py"][member] ** 2
    # Published jets are in this order mostly; those that are not are sorted, ties as they come.
    rising = jet[1:][(np.diff(pt2) > 0) & (place[1:] > 0)]
    some = np.flatnonzero(np.isin(np.arange(len(jets)), rising)[jet])
    member[some] = member[some[np.lexsort((-pt2[some], jet[some]))]]
    kept = place < most
    return member[kept], offsets(np.minimum(number, most))
